//! Errors of the SQL engine, told with their place in the statement and the nearest names that exist.
//!
//! In: DataFusion's error, the text, the names of the session. Out: [`SqlError`]. What a statement may do is `guard`'s.

use datafusion::common::diagnostic::Diagnostic;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;

use super::error::SqlError;
use crate::outcome::{Ending, Hinted, Outcome as _};

/// The names of a session.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// `schema.table`, those of the default schema bare.
    pub tables: Vec<String>,
    /// Functions of all kinds.
    pub functions: Vec<String>,
}

/// A place in a text: line and column from 1, and how many characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    length: usize,
}

/// Tells an error of `sql`.
#[must_use]
pub fn retell(error: &DataFusionError, sql: &str, names: impl FnOnce() -> Names) -> SqlError {
    let root = error.find_root();
    if let DataFusionError::External(inner) = root
        && let Some(own) = inner.downcast_ref::<SqlError>()
    {
        return SqlError::Told { message: own.to_string(), hint: own.hint(), ending: own.ending() };
    }
    if let DataFusionError::External(inner) = root
        && let Some(own) = inner.downcast_ref::<Hinted>()
    {
        return SqlError::Told { message: own.message.clone(), hint: Some(own.hint.clone()), ending: Ending::Refused };
    }
    match root {
        DataFusionError::ResourcesExhausted(message) => SqlError::Run { message: first_line(message), out_of_memory: true },
        DataFusionError::SQL(parser, _) => syntax(&parser.to_string(), sql),
        _ => match error.diagnostic() {
            Some(diagnostic) => diagnosed(diagnostic, root, sql, names),
            None => plain(root, sql, names),
        },
    }
}

/// A statement that does not parse.
fn syntax(message: &str, sql: &str) -> SqlError {
    let message = message.trim_start_matches("sql parser error: ");
    let (what, place) = match message.rsplit_once(" at Line: ") {
        Some((what, at)) => {
            let mut numbers = at.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
            (what, numbers.next().zip(numbers.next()).map(|(line, column)| Place { line, column, length: 1 }))
        }
        None => (message, None),
    };
    let place = place.map(|place| Place { length: word_at(sql, place), ..place });
    let hint = if what.contains("found: EOF") || what.ends_with("is not closed") {
        "the statement is not finished: is a `)` or a quote missing?"
    } else {
        "the place is marked; the README shows examples"
    };
    SqlError::Wrong { message: with_place(what, place, sql), hint: Some(hint.to_owned()) }
}

/// An error for which the engine knows the place.
fn diagnosed(diagnostic: &Diagnostic, root: &DataFusionError, sql: &str, names: impl FnOnce() -> Names) -> SqlError {
    let place = diagnostic.span.map(|span| {
        let (line, column) = (span.start.line as usize, span.start.column as usize);
        let length = if span.end.line == span.start.line { (span.end.column as usize).saturating_sub(column) } else { 1 };
        Place { line, column, length: length.max(1) }
    });
    let message = diagnostic.message.replace('\'', "`");
    let named = quoted(&diagnostic.message);
    let hint = match (named, root) {
        (Some(name), DataFusionError::SchemaError(inner, _)) => match inner.as_ref() {
            SchemaError::FieldNotFound { valid_fields, .. } => Some(columns_hint(name, valid_fields)),
            SchemaError::AmbiguousReference { .. } => Some(format!("say which table's: `table.{name}`")),
            _ => None,
        },
        (Some(name), _) if diagnostic.message.starts_with("table ") => Some(table_hint(name, &names().tables)),
        (Some(name), _) if diagnostic.message.starts_with("Invalid function") => {
            Some(near_hint(name, &names().functions, "`show functions` lists the functions"))
        }
        _ => diagnostic.helps.first().map(|help| help.message.clone()),
    };
    SqlError::Wrong { message: with_place(&message, place, sql), hint }
}

/// An error without a place: the first name that it quotes is looked for in the text.
fn plain(root: &DataFusionError, sql: &str, names: impl FnOnce() -> Names) -> SqlError {
    let message = root.message().into_owned();
    let planned = matches!(root, DataFusionError::Plan(_) | DataFusionError::SchemaError(..) | DataFusionError::NotImplemented(_));
    if message.ends_with("already exists") {
        let hint = "choose another name: a table of the job, or of this session, has it";
        return SqlError::Wrong { message, hint: Some(hint.to_owned()) };
    }
    if !planned {
        return SqlError::Run { message: first_line(&message), out_of_memory: false };
    }
    let named = quoted(&message);
    let place = named.and_then(|name| find_word(sql, name));
    let hint = match (named, root) {
        (Some(name), _) if message.starts_with("table '") => Some(table_hint(name, &names().tables)),
        (Some(name), _) if message.contains("function '") && message.contains("not found") => {
            Some(near_hint(name, &names().functions, "`show functions` lists the functions"))
        }
        (_, DataFusionError::SchemaError(inner, _)) => match inner.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => Some(columns_hint(&field.name, valid_fields)),
            _ => None,
        },
        _ => Some("`describe TABLE` shows the columns of a table and their types, `show functions` what each function takes".to_owned()),
    };
    SqlError::Wrong { message: with_place(&first_line(&message), place, sql), hint }
}

/// The first name between quotes.
fn quoted(message: &str) -> Option<&str> {
    message.split('\'').nth(1).filter(|name| !name.is_empty())
}

fn first_line(message: &str) -> String {
    // Backtraces and lists of signatures follow the sentence.
    message.split("\n\nbacktrace").next().unwrap_or(message).trim_end().to_owned()
}

/// The message, then the line of the statement with a mark below the place.
fn with_place(message: &str, place: Option<Place>, sql: &str) -> String {
    let Some(place) = place else { return message.to_owned() };
    let Some(line) = sql.lines().nth(place.line.saturating_sub(1)) else { return message.to_owned() };
    let shown = line.replace('\t', " ");
    let before = place.column.saturating_sub(1).min(shown.chars().count());
    let mark = "^".repeat(place.length.min(shown.chars().count().saturating_sub(before)).max(1));
    format!("{message}\n  line {}, column {}\n    {shown}\n    {}{mark}", place.line, place.column, " ".repeat(before))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of the word that begins at a place.
fn word_at(sql: &str, place: Place) -> usize {
    let line = sql.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    line.chars().skip(place.column.saturating_sub(1)).take_while(|c| is_word(*c)).count().max(1)
}

/// Where a word stands in a text, whatever its case.
fn find_word(sql: &str, word: &str) -> Option<Place> {
    let last = word.rsplit('.').next().unwrap_or(word).to_lowercase();
    for (at, line) in sql.lines().enumerate() {
        let lower = line.to_lowercase();
        for (from, found) in lower.match_indices(&last) {
            let alone = !lower[..from].ends_with(is_word) && !lower[from + found.len()..].starts_with(is_word);
            if alone && !last.is_empty() {
                return Some(Place { line: at + 1, column: lower[..from].chars().count() + 1, length: last.chars().count() });
            }
        }
    }
    None
}

/// The names nearest to `name`, best first; none that is far from it.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let far = (name.chars().count() / 3).max(1);
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .map(|known| {
            let lower = known.to_lowercase();
            let begins = name.len() >= 3 && (lower.starts_with(&name) || lower.ends_with(&format!("_{name}")));
            let distance = strsim::damerau_levenshtein(&name, &lower);
            (if begins { distance.min(1) } else { distance }, known.as_str())
        })
        .filter(|(distance, _)| *distance <= far)
        .collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(3);
    found.into_iter().map(|(_, known)| known).collect()
}

fn or(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

fn near_hint(name: &str, known: &[String], otherwise: &str) -> String {
    match nearest(name, known).as_slice() {
        [] => otherwise.to_owned(),
        near => format!("did you mean {}?", or(near)),
    }
}

fn table_hint(name: &str, known: &[String]) -> String {
    // The engine fills in catalog and schema where none were written.
    let name = name.strip_prefix("polytask.").unwrap_or(name);
    let name = name.strip_prefix("public.").unwrap_or(name);
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let elsewhere: Vec<&str> = known.iter().filter(|table| last(table) == last(name)).map(String::as_str).collect();
    if !elsewhere.is_empty() {
        return format!("did you mean {}?", or(&elsewhere));
    }
    match nearest(name, known).as_slice() {
        [] => {
            let bare: Vec<(String, &String)> = known.iter().map(|table| (last(table), table)).collect();
            let lasts: Vec<String> = bare.iter().map(|(last, _)| last.clone()).collect();
            let near = nearest(&last(name), &lasts);
            let full: Vec<&str> =
                bare.iter().filter(|(last, _)| near.contains(&last.as_str())).map(|(_, table)| table.as_str()).take(3).collect();
            if full.is_empty() { "`show tables` lists the tables".to_owned() } else { format!("did you mean {}?", or(&full)) }
        }
        near => format!("did you mean {}?", or(near)),
    }
}

fn columns_hint(name: &str, valid: &[Column]) -> String {
    let mut known: Vec<String> = valid.iter().map(|column| column.name.clone()).collect();
    known.sort();
    known.dedup();
    let name = name.rsplit('.').next().unwrap_or(name);
    // The column is there, of another table than the one that was named.
    if let Some(same) = valid.iter().find(|column| column.name == name) {
        return format!("did you mean `{}`?", same.flat_name());
    }
    if let Some(same) = known.iter().find(|known| known.to_lowercase() == name.to_lowercase()) {
        return if same.chars().any(char::is_uppercase) {
            format!("did you mean `\"{same}\"`? a name with capitals is written in double quotes")
        } else {
            format!("did you mean `{same}`? in double quotes capitals count")
        };
    }
    match nearest(name, &known).as_slice() {
        [] if known.len() <= 12 => format!("its columns: {}", known.join(", ")),
        [] => format!("it has {} columns; `describe TABLE` shows them", known.len()),
        near => format!("did you mean {}?", or(near)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first_and_far_ones_do_not_come() {
        let known: Vec<String> = ["household_id", "product_id", "purchases", "purchases_14d"].map(str::to_owned).to_vec();
        assert_eq!(nearest("housold_id", &known), ["household_id"]);
        assert_eq!(nearest("purchase", &known), ["purchases", "purchases_14d"]);
        assert!(nearest("zebra", &known).is_empty());
    }

    #[test]
    fn the_mark_lies_below_the_word() {
        let told = with_place("no", find_word("select a,\n  änd from t", "änd"), "select a,\n  änd from t");
        assert_eq!(told, "no\n  line 2, column 3\n      änd from t\n      ^^^");
    }
}
