//! The files of the job: what was guessed, as commented SQL and TOML.
//!
//! In: a [`Guess`] and the places of the sources. Out: file names and texts. Nothing is written to disk here, and every
//! name that comes from a file goes through `names`.

mod clean;
mod described;
mod frame;
mod history;
mod job_toml;
mod outputs;
mod page;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Table;
use super::files::Found;
use super::guess::{Guess, Made};
use super::names::{self, Names};

/// How a column of the frame is encoded, where its type does not say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    ByType,
    Categorical,
    Text,
}

/// A column of the frame.
#[derive(Debug, Clone)]
struct Feature {
    /// What frame.sql selects.
    expression: String,
    /// Its name in the frame.
    name: String,
    /// Its definition, for the report.
    meaning: String,
    encoding: Encoding,
}

impl Feature {
    /// The expression, with the column's name where it has another.
    fn selected(&self) -> String {
        let name = names::sql(&self.name);
        if self.expression.ends_with(&format!(".{name}")) { self.expression.clone() } else { format!("{} as {name}", self.expression) }
    }
}

/// A table that the frame joins.
#[derive(Debug, Clone)]
struct Joined {
    /// Its name.
    table: String,
    /// Its key columns, and those of `rows` that they equal.
    on: Vec<(String, String)>,
    features: Vec<Feature>,
    /// Columns of it that no feature uses.
    unused: Vec<String>,
    /// Its query below features/, if it is a feature table.
    query: Option<String>,
}

/// What several files need to know of each other.
struct Draft<'a> {
    guess: &'a Guess,
    joined: Vec<Joined>,
    /// Names that queries give to their steps: none of them is a table.
    steps: Names,
}

impl<'a> Draft<'a> {
    fn new(guess: &'a Guess) -> Self {
        let tasks = guess.tasks.iter().flat_map(|task| [task.name.clone(), format!("y_{}", task.name), format!("w_{}", task.name)]);
        let keys = guess.keys().into_iter().map(|key| key.name.clone());
        let taken: Vec<String> = tasks.chain(keys).chain([guess.scenario.name.clone(), "scenario".into()]).collect();
        let mut columns = Names::with(taken.iter().map(String::as_str));
        let own = ["candidates", "rows", "scores", "scores_under"];
        let mut tables = Names::with(guess.tables.iter().map(Table::name).chain(own));
        let mut steps = tables.clone();
        let mut joined = history::tables(guess, &mut tables, &mut columns, &steps.clone());
        joined.extend(described::tables(guess, &mut columns));
        for table in &joined {
            steps.take(&table.table);
        }
        Self { guess, joined, steps }
    }

    /// A name for a step of a query.
    fn step(&self, name: &str) -> String {
        names::sql(&self.steps.clone().take(name))
    }

    /// All features.
    fn features(&self) -> impl Iterator<Item = &Feature> {
        self.joined.iter().flat_map(|table| &table.features)
    }
}

/// Columns of events and descriptions that no feature uses.
fn unused(draft: &Draft<'_>) -> Vec<String> {
    let guess = draft.guess;
    let labels = guess.tasks.iter().filter_map(|task| match task.made {
        Made::Column(at) | Made::SpentWhere(at) | Made::Rated(at) => Some(at),
        Made::CameBack | Made::Spent => None,
    });
    let keys = guess.keys().into_iter().map(|key| key.column);
    let parts = [Some(guess.time), guess.available.as_ref().map(|(at, _)| *at), guess.scenario.column, guess.amount];
    let product = guess.product.iter().map(|(quantity, _, _)| *quantity);
    let features = [&guess.measures, &guess.of_item, &guess.of_entity, &guess.of_event].into_iter().flatten().copied();
    let used: BTreeSet<usize> = labels.chain(keys).chain(parts.into_iter().flatten()).chain(product).chain(features).collect();
    let events = guess.events();
    let rest = (0..events.columns.len()).filter(|at| !used.contains(at)).map(|at| format!("{}.{}", events.name(), guess.column(at).name));
    rest.chain(draft.joined.iter().flat_map(|table| table.unused.clone())).collect()
}

/// The files of the job: names below its folder, and texts.
pub(super) fn files(guess: &Guess, job: &str, path_of: &dyn Fn(&Found) -> String) -> BTreeMap<String, String> {
    let draft = Draft::new(guess);
    let mut files = BTreeMap::new();
    files.insert("job.toml".to_owned(), job_toml::text(&draft, job, path_of));
    for at in 0..guess.tables.len() {
        files.insert(format!("clean/{}.sql", guess.tables[at].name()), clean::text(guess, at));
    }
    for table in &draft.joined {
        if let Some(query) = &table.query {
            files.insert(format!("features/{}.sql", table.table), query.clone());
        }
    }
    files.insert("candidates.sql".into(), rows::candidates(&draft));
    files.insert("examples.sql".into(), rows::examples(&draft));
    files.insert("frame.sql".into(), frame::text(&draft));
    files.extend(outputs::texts(&draft));
    files
}

/// One more than `list` says, in words: `a, b and c`.
fn and(list: &[String]) -> String {
    match list {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What a task predicts, in words.
pub(super) fn told(guess: &Guess, made: Made) -> String {
    let within = format!("within {} days", guess.nights.horizon);
    match made {
        Made::CameBack => format!("another event of the same {} {within}", guess.grain()),
        Made::Spent => format!("sum of {} {within}", guess.amount.map_or("the amount", |at| guess.measure(at))),
        Made::SpentWhere(label) => {
            let amount = guess.amount.map_or("the amount", |at| guess.measure(at));
            format!("sum of {amount} where {} is 1, {within}", guess.column(label).name)
        }
        Made::Column(label) => format!("whether {} is 1 in an event {within}", guess.column(label).name),
        Made::Rated(rating) => format!("mean of {} {within}", guess.column(rating).name),
    }
}
