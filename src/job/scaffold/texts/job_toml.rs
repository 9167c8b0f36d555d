//! job.toml: each key with the reason for which its value was guessed.
//!
//! In: the draft and the places of the sources. Out: the text. Keys whose default is right are not repeated.

use super::page::Page;
use super::{Draft, Encoding, and};
use crate::job::PartitionType;
use crate::job::scaffold::facts::{Column, Family};
use crate::job::scaffold::files::Found;
use crate::job::scaffold::guess::{Made, Role};
use crate::job::scaffold::names::{count, toml_key, toml_text};
use crate::job::scaffold::time::date;

/// Events below which a category counts with fewer rows than the default's.
const SMALL: u64 = 200_000;

/// Unused columns that are named.
const NAMED: usize = 20;

/// The text of job.toml.
pub(super) fn text(draft: &Draft<'_>, job: &str, path_of: &dyn Fn(&Found) -> String) -> String {
    let mut page = Page::toml(&format!(
        "{job}: guessed by `polytask new`. Each guess states its reason: change what is wrong, then `polytask check`.\nKeys that are not here \
         have their default: `polytask config` prints them all."
    ));
    head(draft, job, &mut page);
    sources(draft, path_of, &mut page);
    tables(draft, &mut page);
    snapshots(draft, &mut page);
    scenario(draft, &mut page);
    tasks(draft, &mut page);
    features(draft, &mut page);
    page.text()
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.map(|value| toml_text(&value)).collect::<Vec<_>>().join(", "))
}

fn head(draft: &Draft<'_>, job: &str, page: &mut Page) {
    let guess = draft.guess;
    let (entity, tasks) = (&guess.entity, guess.tasks.iter().map(|task| task.name.clone()).collect::<Vec<_>>());
    page.add(format!("\n[job]\ntitle = {}\n", toml_text(&format!("{job}: {} of each {}", and(&tasks), entity.base.replace('_', " ")))));
    page.say("The zone in which the shop's day begins: nothing in the files says it. For example \"Europe/Berlin\".");
    page.add("timezone = \"UTC\"\n");
    let mut why: Vec<String> = guess.keys().iter().map(|key| key.why.clone()).collect();
    why.extend(guess.no_item.clone());
    why.extend(guess.measured.clone());
    page.say(&format!("What makes a row. {}.", why.join("; ")));
    page.add(format!("keys = {}\n", list(guess.keys().iter().map(|key| key.name.clone()))));
    page.say("Whose rows compete for a rank.");
    page.add(format!("entity = {}\n", toml_text(&entity.name)));
}

fn sources(draft: &Draft<'_>, path_of: &dyn Fn(&Found) -> String, page: &mut Page) {
    let guess = draft.guess;
    for (at, table) in guess.tables.iter().enumerate() {
        let found = &table.footers.found;
        let what = match &guess.roles[at] {
            Role::Events => "the events".to_owned(),
            Role::OtherEvents { .. } => "other events, counted by features".to_owned(),
            Role::Describes { key, .. } => format!("describes each {}, joined in frame.sql", guess.keys()[*key].name),
            Role::Unused => "cleaned, and not joined yet".to_owned(),
        };
        page.add(format!("\n[sources.{}]\n", table.name()));
        page.say(&format!("{} rows in {} file(s): {what}.", count(table.rows()), found.files.len()));
        page.add(format!("path = {}\n", toml_text(&path_of(found))));
        if !found.partitions.is_empty() {
            page.say("Folders name=value, outermost first.");
            let kinds = found.partitions.iter().map(|(name, kind)| {
                let kind = match kind {
                    PartitionType::Int => "int",
                    PartitionType::Text => "text",
                    PartitionType::Date => "date",
                };
                format!("{} = \"{kind}\"", toml_key(name))
            });
            page.add(format!("partitions = {{ {} }}\n", kinds.collect::<Vec<_>>().join(", ")));
        }
        let needed: Vec<String> = needed(draft, at)
            .into_iter()
            .filter(|column| table.columns[*column].partition.is_none())
            .filter_map(|column| Some(format!("{} = \"{}\"", toml_key(&table.columns[column].raw), kind(&table.columns[column])?)))
            .collect();
        if !needed.is_empty() {
            page.say("A delivery without these columns, or with others of their names, is refused.");
            page.add(format!("columns = {{ {} }}\n", needed.join(", ")));
        }
    }
}

/// The columns that the job cannot do without.
fn needed(draft: &Draft<'_>, table: usize) -> Vec<usize> {
    let guess = draft.guess;
    match &guess.roles[table] {
        Role::Events => {
            let labels = guess.tasks.iter().filter_map(|task| match task.made {
                Made::Column(at) | Made::SpentWhere(at) | Made::Rated(at) => Some(at),
                Made::CameBack | Made::Spent => None,
            });
            let all =
                guess.keys().iter().map(|key| key.column).collect::<Vec<_>>().into_iter().chain(guess.scenario.column).chain([guess.time]);
            let all = all.chain(guess.available.as_ref().map(|(at, _)| *at)).chain(labels).chain(guess.amount);
            let all = all.chain(guess.product.as_ref().map(|(quantity, _, _)| *quantity));
            all.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
        }
        Role::OtherEvents { time, keys } => keys.iter().map(|(column, _)| *column).chain([*time]).collect(),
        Role::Describes { column, .. } => vec![*column],
        Role::Unused => Vec::new(),
    }
}

/// The family of types that `[sources]` calls a column's; `None` when it has no word for it.
fn kind(column: &Column) -> Option<&'static str> {
    use arrow::datatypes::DataType;
    let plain = if let DataType::Dictionary(_, values) = &column.data_type { values.as_ref() } else { &column.data_type };
    Some(match plain {
        DataType::Timestamp(_, _) => "timestamp",
        DataType::Date32 | DataType::Date64 => "date",
        _ => match column.family {
            Family::Integer => "int",
            Family::Float => "float",
            Family::Text => "text",
            Family::Bool => "bool",
            _ => return None,
        },
    })
}

fn tables(draft: &Draft<'_>, page: &mut Page) {
    let guess = draft.guess;
    page.add(format!("\n[tables.{}]\n", guess.events().name()));
    page.say(&format!("When an event happened: a night knows what lies before it. {}.", guess.time_why));
    page.add(format!("time = {}\n", toml_text(&guess.column(guess.time).name)));
    match &guess.available {
        Some((column, why)) => {
            page.say(&format!("When a row arrived: a night knows what had arrived. {why}."));
            page.add(format!("available = {}\n", toml_text(&guess.column(*column).name)));
        }
        None => page.say("If rows arrive late and a column says when: available = \"arrived_at\""),
    }
    for (at, role) in guess.roles.iter().enumerate() {
        let Role::OtherEvents { time, .. } = role else { continue };
        let table = &guess.tables[at];
        page.add(format!("\n[tables.{}]\n", table.name()));
        page.say("When it happened, or begins. A plan that is known in advance says so, for example known_ahead = \"7 days\".");
        page.add(format!("time = {}\n", toml_text(&table.columns[*time].name)));
    }
}

fn snapshots(draft: &Draft<'_>, page: &mut Page) {
    let nights = &draft.guess.nights;
    let days = |days: i32| format!("\"{days} day{}\"", if days == 1 { "" } else { "s" });
    page.add("\n[snapshots]\n");
    page.say(&format!(
        "The events span {} days, {} to {}. A first night on {} has {} labelled snapshots, {} days apart, and {} days of history before the \
         oldest.",
        nights.newest - nights.first + 1,
        date(nights.first),
        date(nights.newest),
        date(nights.tonight()),
        nights.count,
        nights.horizon,
        nights.history
    ));
    page.add(format!("every = {}\ncount = {}\n", days(nights.horizon), nights.count));
    page.say("How far ahead is predicted: labels live in the days after a snapshot.");
    page.add(format!("horizon = {}\n", days(nights.horizon)));
    if nights.settle > 0 {
        page.say("Days until late rows have arrived and an outcome is complete.");
        page.add(format!("settle = {}\n", days(nights.settle)));
    }
    page.say("How far features look back: the longest window in features/.");
    page.add(format!("history = {}\n", days(nights.history)));
}

fn scenario(draft: &Draft<'_>, page: &mut Page) {
    let scenario = &draft.guess.scenario;
    page.add("\n[scenario]\n");
    page.say(&format!("Where a row is served. {}.", scenario.why));
    page.add(format!("column = {}\n", toml_text(&scenario.name)));
    if scenario.column.is_some() {
        page.say("Their order in the report; left out, it is that of the alphabet.");
        page.add(format!("# values = {}\n", list(scenario.values.iter().cloned())));
    }
}

fn tasks(draft: &Draft<'_>, page: &mut Page) {
    let guess = draft.guess;
    for task in &guess.tasks {
        page.add(format!("\n[tasks.{}]\n", toml_key(&task.name)));
        page.say(&format!("Predicts {}. {}.", super::told(guess, task.made), task.why));
        page.add(match task.made {
            Made::CameBack | Made::Column(_) => "kind = \"binary\"\n",
            Made::Spent | Made::SpentWhere(_) => "kind = \"regression\"\ntransform = \"log1p\"\n",
            Made::Rated(_) => "kind = \"regression\"\n",
        });
        if let Some(after) = &task.after {
            page.add(format!("after = {}\n", toml_text(after)));
        }
    }
}

fn features(draft: &Draft<'_>, page: &mut Page) {
    let guess = draft.guess;
    let of = |encoding: Encoding| draft.features().filter(move |feature| feature.encoding == encoding).map(|feature| feature.name.clone());
    let item = guess.item.as_ref().map(|item| item.name.clone());
    page.add("\n[features]\n");
    page.say(&format!(
        "Numbers that are names, beside the text columns of frame.sql.{}",
        if item.is_some() {
            format!(
                " The {} itself tells what its features do not; {} could be added, but a model that knows each by name ages faster.",
                guess.item.as_ref().map_or("item", |item| item.base.as_str()).replace('_', " "),
                guess.entity.name
            )
        } else {
            String::new()
        }
    ));
    page.add(format!("categorical = {}\n", list(item.into_iter().chain(of(Encoding::Categorical)))));
    if of(Encoding::Text).next().is_some() {
        page.say("Texts of several words, taken apart.");
        page.add(format!("text = {}\n", list(of(Encoding::Text))));
    }
    let unused = super::unused(draft);
    if !unused.is_empty() {
        let more = unused.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        page.say(&format!("No feature uses yet: {}{more}.", unused[..unused.len().min(NAMED)].join(", ")));
    }
    if guess.events().rows() < SMALL {
        page.add("\n[encode]\n");
        page.say("With few events a category counts from fewer rows on than the default's 20.");
        page.add("min_count = 5\n");
    }
    page.add("\n[model]\n");
    page.say("A challenger is measured beside it on the held-out night: challengers = [\"forest\"]");
    page.add("kind = \"linear\"\n");
    page.add("\n[scores]\n");
    page.say("The task by which rows are ranked.");
    page.add(format!("rank_by = {}\n", toml_text(&guess.tasks[0].name)));
}
