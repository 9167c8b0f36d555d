//! Clean queries: every column by its name and type, and a reason for each row that is refused.
//!
//! In: a table and its role. Out: the text of clean/<table>.sql. Columns that no query could use are named in its header.

use super::page::Page;
use crate::job::scaffold::facts::{Column, Family, Table};
use crate::job::scaffold::guess::{Guess, Role};
use crate::job::scaffold::names;

/// What a clean query makes of a column; `None` when it is left out.
pub(super) fn expression(guess: &Guess, table: usize, at: usize) -> Option<String> {
    let column = &guess.tables[table].columns[at];
    let raw = names::sql(&column.raw);
    if let Some(key) = key_of(guess, table, at) {
        return Some(key_expression(column, &raw, guess.keys()[key].is_number));
    }
    if table == guess.events {
        if guess.scenario.column == Some(at) {
            let text = if is_plain(column) && column.is_text() { raw } else { format!("cast({raw} as varchar)") };
            return Some(format!("coalesce({text}, 'unknown')"));
        }
        if guess.tasks.iter().any(|task| task.made == super::Made::Column(at)) {
            return Some(match column.family {
                Family::Integer => raw,
                _ => format!("try_cast({raw} as integer)"),
            });
        }
    }
    if let Some(time) = column.as_time {
        return Some(time.reading.sql(&raw));
    }
    match column.family {
        Family::Integer if !is_plain(column) => Some(format!("cast({raw} as bigint)")),
        Family::Float => {
            let number = if is_plain(column) { raw } else { format!("cast({raw} as double)") };
            // NaN would be the sum of everything that it is added to.
            Some(if column.nan { format!("case when isnan({number}) then null else {number} end") } else { number })
        }
        Family::Text if !is_plain(column) => Some(format!("cast({raw} as varchar)")),
        Family::BinaryText => Some(format!("try_cast({raw} as varchar)")),
        // Times among them are empty in every row.
        Family::Integer | Family::Text | Family::Bool | Family::Vector | Family::Time => Some(raw),
        Family::Binary | Family::Other => None,
    }
}

/// Whether a column's type is one that queries take as it is.
fn is_plain(column: &Column) -> bool {
    use arrow::datatypes::DataType;
    !matches!(
        column.data_type,
        DataType::Dictionary(_, _)
            | DataType::Float16
            | DataType::Decimal32(_, _)
            | DataType::Decimal64(_, _)
            | DataType::Decimal128(_, _)
            | DataType::Decimal256(_, _)
    )
}

/// The place in `keys()` of the key that a column names.
fn key_of(guess: &Guess, table: usize, at: usize) -> Option<usize> {
    match &guess.roles[table] {
        Role::Events => guess.keys().iter().position(|key| key.column == at),
        Role::OtherEvents { keys, .. } => keys.iter().find(|(column, _)| *column == at).map(|(_, key)| *key),
        Role::Describes { column, key } => (*column == at).then_some(*key),
        Role::Unused => None,
    }
}

/// A key in the type that it has among the events, so that tables join.
fn key_expression(column: &Column, raw: &str, as_number: bool) -> String {
    match (column.family, as_number) {
        (Family::Integer, true) | (Family::Text, false) if is_plain(column) => raw.to_owned(),
        (Family::Binary, _) => format!("encode({raw}, 'hex')"),
        (_, true) => format!("try_cast({raw} as bigint)"),
        // 5.0 is the key 5.
        (Family::Float, false) => format!("cast(try_cast({raw} as bigint) as varchar)"),
        (_, false) => format!("cast({raw} as varchar)"),
    }
}

/// The columns without which a row is refused.
fn needed(guess: &Guess, table: usize) -> Vec<usize> {
    let mut needed: Vec<usize> = (0..guess.tables[table].columns.len()).filter(|at| key_of(guess, table, *at).is_some()).collect();
    match &guess.roles[table] {
        Role::Events => {
            needed.push(guess.time);
            needed.extend(guess.available.as_ref().map(|(column, _)| *column));
        }
        Role::OtherEvents { time, .. } => needed.push(*time),
        Role::Describes { .. } | Role::Unused => {}
    }
    needed
}

/// The text of clean/<table>.sql.
pub(super) fn text(guess: &Guess, table: usize) -> String {
    let columns = &guess.tables[table].columns;
    let mut selected: Vec<(String, String)> = Vec::new();
    let mut left_out = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        match expression(guess, table, at) {
            Some(expression) => selected.push((expression, column.name.clone())),
            None => left_out.push(format!("{} ({})", names::told(&column.raw), column.data_type)),
        }
    }
    if table == guess.events
        && let Some((quantity, price, name)) = &guess.product
    {
        let of = |at: usize| expression(guess, table, at).unwrap_or_default();
        selected.push((format!("{} * {}", of(*quantity), of(*price)), name.clone()));
    }
    let needed = needed(guess, table);
    let mut reasons: Vec<String> = needed
        .iter()
        .map(|at| {
            let name = &columns[*at].name;
            format!("        when {} is null then 'no {name}'", names::sql(name))
        })
        .collect();
    let time = &columns[guess.time.min(columns.len() - 1)];
    if table == guess.events && time.as_time.is_some_and(|time| time.strays) {
        let earliest = super::outputs::earliest(guess);
        reasons.push(format!("        when {} < {earliest} then '{} long before the others'", names::sql(&time.name), time.name));
    }
    let mut page = Page::sql(&header(guess, table, &left_out, &needed));
    let source = format!("raw.{}", names::sql(guess.tables[table].name()));
    let changed = selected.iter().any(|(expression, name)| *expression != names::sql(name));
    let list = |indent: &str, typed: bool| {
        let lines = selected.iter().map(|(expression, name)| {
            let name = names::sql(name);
            if typed || *expression == name {
                format!("{indent}{}", if typed { name } else { expression.clone() })
            } else {
                format!("{indent}{expression} as {name}")
            }
        });
        lines.collect::<Vec<_>>().join(",\n")
    };
    let refused = if reasons.is_empty() { String::new() } else { format!(",\n    case\n{}\n    end as refused", reasons.join("\n")) };
    if changed && !reasons.is_empty() {
        let typed = step(guess, "typed");
        page.add(format!("with {typed} as (\n    select\n{}\n    from {source}\n)\n\n", list("        ", false)));
        page.add(format!("select\n{}{refused}\nfrom {typed}\n", list("    ", true)));
    } else {
        page.add(format!("select\n{}{refused}\nfrom {source}\n", list("    ", false)));
    }
    page.text()
}

/// A name for a step that is no table.
fn step(guess: &Guess, name: &str) -> String {
    names::sql(&names::Names::with(guess.tables.iter().map(Table::name)).take(name))
}

fn header(guess: &Guess, table: usize, left_out: &[String], needed: &[usize]) -> String {
    let own = &guess.tables[table];
    let keys = guess.keys();
    let what = match &guess.roles[table] {
        Role::Events => format!("What happened: events of {}.\nGrain: one row of the source.", guess.grain()),
        Role::OtherEvents { keys: named, .. } => {
            let names: Vec<String> = named.iter().map(|(_, key)| keys[*key].name.clone()).collect();
            format!("Other events of {}: features count them.\nGrain: one row of the source.", names.join(" x "))
        }
        Role::Describes { key, .. } => format!(
            "What is known of each {}.\nGrain: {}. It has no time, so every night sees it as it is now: leave out columns that change after \
             the fact (last order, lifetime value, status), they tell the future.",
            keys[*key].base, keys[*key].name
        ),
        Role::Unused => "Not joined yet: it has no time with a key of the job, and no key of the job that is unique. Aggregate it below \
                         features/ to a key, or remove it and its source.\nGrain: one row of the source."
            .into(),
    };
    let refused: Vec<String> = needed.iter().map(|at| own.columns[*at].name.clone()).collect();
    let refused = if refused.is_empty() {
        String::new()
    } else {
        format!(
            "\nRefused: rows without {}. A case more, with its reason, refuses more; refused rows are counted and kept beside the run.",
            super::and(&refused)
        )
    };
    let left_out = if left_out.is_empty() { String::new() } else { format!("\nLeft out: {}.", left_out.join(", ")) };
    format!("{what}{refused}{left_out}")
}
