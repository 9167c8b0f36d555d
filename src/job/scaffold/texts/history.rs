//! Feature tables: what an entity, an item and a pair did in windows before the as-of date, and other events beside.
//!
//! In: a [`Guess`]. Out: one [`Joined`] with its query for each grain. Every query sees the past only: the engine sees to it.

use super::page::Page;
use super::{Encoding, Feature, Joined, and};
use crate::job::scaffold::facts::Column;
use crate::job::scaffold::guess::{Guess, Made, Role};
use crate::job::scaffold::names::{self, Names};
use crate::job::scaffold::time::Reading;

/// Words of a text from which it is taken apart; shorter ones are categories.
const TEXT_WORDS: f64 = 3.0;
/// Distinct texts up to which they are categories, however long.
const CATEGORIES: u64 = 50;

/// A feature table being written.
struct Query<'a> {
    guess: &'a Guess,
    /// The table.
    table: String,
    /// What stands before the names of its features.
    prefix: &'a str,
    /// What its rows are, in words.
    subject: String,
    columns: &'a mut Names,
    lines: Vec<String>,
    features: Vec<Feature>,
    /// Columns of the events that it reads.
    reads: Vec<String>,
}

impl Query<'_> {
    /// Adds `expression as <prefix>_<name>`.
    fn add(&mut self, expression: &str, name: &str, meaning: String, encoding: Encoding) {
        let name = self.columns.take(&format!("{}_{name}", self.prefix));
        let quoted = names::sql(&name);
        self.lines.push(format!("    {expression} as {quoted}"));
        self.features.push(Feature { expression: format!("{}.{quoted}", names::sql(&self.table)), name, meaning, encoding });
    }

    fn number(&mut self, expression: &str, name: &str, meaning: String) {
        self.add(expression, name, meaning, Encoding::ByType);
    }

    fn read(&mut self, column: &str) -> String {
        let quoted = names::sql(column);
        if !self.reads.contains(&quoted) {
            self.reads.push(quoted.clone());
        }
        quoted
    }

    /// Number of events in each window, and days with one.
    fn counts(&mut self, ago: &str, what: &str) {
        let windows = self.guess.nights.windows.clone();
        let whole = self.guess.nights.history;
        for window in windows {
            let filter = if window == whole { String::new() } else { format!(" filter (where {ago} < {window})") };
            self.number(
                &format!("count(*){filter}"),
                &format!("{what}_{window}d"),
                format!("{what} of the {}, {window} days", self.subject),
            );
        }
        self.number(
            &format!("count(distinct {ago})"),
            &format!("days_{whole}d"),
            format!("days with {what} of the {}, {whole} days", self.subject),
        );
        self.number(&format!("min({ago})"), "days_since", format!("days since the {} was last seen in {what}", self.subject));
    }

    /// Sums and means of quantities, as logs: a straight line in a long-tailed amount runs away with the largest. Shares of
    /// labels as they are.
    fn sums(&mut self, ago: &str) {
        let guess = self.guess;
        let whole = guess.nights.history;
        let windows: Vec<i32> = guess.nights.windows.iter().rev().take(2).rev().copied().collect();
        for at in &guess.measures {
            let name = guess.measure(*at).to_owned();
            let column = self.read(&name);
            let is_signed = guess.column(*at).least < 0.0
                || guess.product.as_ref().is_some_and(|(quantity, price, _)| *price == *at && guess.column(*quantity).least < 0.0);
            let log = |of: &str| if is_signed { format!("signum({of}) * ln(1 + abs({of}))") } else { format!("ln(1 + greatest({of}, 0))") };
            for window in &windows {
                let sum = if *window == whole {
                    format!("sum({column})")
                } else {
                    format!("coalesce(sum({column}) filter (where {ago} < {window}), 0)")
                };
                let meaning = format!("sum of {name} of the {}, {window} days: log of 1 + it", self.subject);
                self.number(&log(&sum), &format!("{name}_{window}d_log"), meaning);
            }
            let meaning = format!("mean of {name} of the {}, {whole} days: log of 1 + it", self.subject);
            self.number(&log(&format!("avg({column})")), &format!("mean_{name}_{whole}d_log"), meaning);
        }
        for task in &guess.tasks {
            let (Made::Column(at) | Made::Rated(at)) = task.made else { continue };
            let name = guess.column(at).name.clone();
            let column = self.read(&name);
            let meaning = match task.made {
                Made::Rated(_) => format!("mean {name} of the {}, {whole} days", self.subject),
                _ => format!("share of events of the {} with {name}, {whole} days", self.subject),
            };
            self.number(&format!("avg({column})"), &format!("{name}_rate_{whole}d"), meaning);
        }
    }

    /// How far a pair is on its way to its next event; made in frame.sql from the two columns before it.
    fn due(&mut self) {
        let of = |name: &str| self.features.iter().find(|feature| feature.name.ends_with(name)).map(|feature| feature.expression.clone());
        let (Some(since), Some(gap)) = (of("_days_since"), of("_mean_gap_days")) else { return };
        let name = self.columns.take(&format!("{}_due", self.prefix));
        let meaning = format!("days since the last event of the {}, in its mean gaps: 1 is due", self.subject);
        self.features.push(Feature { expression: format!("{since} / nullif({gap}, 0)"), name, meaning, encoding: Encoding::ByType });
    }

    /// The newest value of columns that describe.
    fn newest(&mut self, columns: &[usize], time: &str, how: &str) {
        for at in columns {
            let column = self.guess.column(*at);
            let encoding = encoding(column);
            let (name, quoted) = (column.name.clone(), self.read(&column.name));
            self.add(
                &format!("last_value({quoted} order by {time}, {quoted})"),
                &format!("{how}{name}"),
                format!("newest {name} of the {}", self.subject),
                encoding,
            );
        }
    }

    fn text(self, header: &str, steps: &Steps, keys: &[String]) -> (String, Vec<Feature>) {
        let mut read: Vec<String> = keys.to_vec();
        read.extend(self.reads.iter().filter(|column| !keys.contains(column)).cloned());
        let mut page = Page::sql(header);
        page.add(format!(
            "with {seen} as (\n    select\n        {listed},\n        {age} as {ago}\n    from {from}\n    where {within}\n)\n\nselect\n",
            seen = steps.seen,
            listed = read.join(",\n        "),
            age = steps.age,
            ago = steps.ago,
            from = steps.from,
            within = steps.within,
        ));
        for key in keys {
            page.add(format!("    {key},\n"));
        }
        page.add(self.lines.join(",\n"));
        page.add(format!("\nfrom {}\ngroup by {}\n", steps.seen, keys.join(", ")));
        (page.text(), self.features)
    }
}

/// Names and expressions that the queries over one table of events share.
struct Steps {
    seen: String,
    ago: String,
    age: String,
    from: String,
    within: String,
    time: String,
}

impl Steps {
    fn new(guess: &Guess, table: usize, time: usize, steps: &Names) -> Self {
        let own = &guess.tables[table];
        let column = &own.columns[time];
        let quoted = names::sql(&column.name);
        let is_day = column.as_time.is_some_and(|time| time.reading.is_day());
        let history = guess.nights.history;
        let ago = Names::with(own.columns.iter().map(|column| column.name.as_str())).take("days_ago");
        let (age, within) = if is_day {
            (format!("cast($as_of_date - {quoted} as integer) - 1"), format!("{quoted} >= $as_of_date - {history}"))
        } else {
            (format!("date_part('day', $as_of - {quoted})"), format!("{quoted} >= $as_of - interval '{history} days'"))
        };
        Self {
            seen: names::sql(&steps.clone().take("seen")),
            ago: names::sql(&ago),
            age,
            from: names::sql(own.name()),
            within,
            time: quoted,
        }
    }
}

/// Whether a column holds sentences, titles and the like.
pub(super) fn is_prose(column: &Column) -> bool {
    column.is_text() && column.text_words >= TEXT_WORDS && column.distinct > CATEGORIES
}

/// How a column of the events is encoded.
fn encoding(column: &Column) -> Encoding {
    if is_prose(column) {
        Encoding::Text
    } else if column.is_number() {
        Encoding::Categorical
    } else {
        Encoding::ByType
    }
}

/// The condition that keeps the last `days` days of a time column.
pub(super) fn recent(reading: Reading, time: &str, days: i32) -> String {
    let time = names::sql(time);
    if reading.is_day() { format!("{time} >= $as_of_date - {days}") } else { format!("{time} >= $as_of - interval '{days} days'") }
}

/// The feature tables.
pub(super) fn tables(guess: &Guess, taken: &mut Names, columns: &mut Names, steps: &Names) -> Vec<Joined> {
    let mut joined = Vec::new();
    let entity = &guess.entity;
    joined.push(history(guess, taken, columns, steps, &Grain { base: &entity.base, keys: &[&entity.name], describes: &guess.of_entity }));
    if let Some(item) = &guess.item {
        joined.push(history(guess, taken, columns, steps, &Grain { base: &item.base, keys: &[&item.name], describes: &guess.of_item }));
        joined.push(history(guess, taken, columns, steps, &Grain { base: "pair", keys: &[&entity.name, &item.name], describes: &[] }));
    }
    for (at, role) in guess.roles.iter().enumerate() {
        if let Role::OtherEvents { time, keys } = role {
            joined.push(other(guess, taken, columns, steps, at, *time, keys));
        }
    }
    joined
}

/// Of what a history is.
struct Grain<'a> {
    base: &'a str,
    keys: &'a [&'a str],
    describes: &'a [usize],
}

fn history(guess: &Guess, taken: &mut Names, columns: &mut Names, steps: &Names, grain: &Grain<'_>) -> Joined {
    let table = taken.take(&format!("{}_history", grain.base));
    let steps = Steps::new(guess, guess.events, guess.time, steps);
    let keys: Vec<String> = grain.keys.iter().map(|key| names::sql(key)).collect();
    let mut query = Query {
        guess,
        table: table.clone(),
        prefix: grain.base,
        subject: grain.base.replace('_', " "),
        columns,
        lines: Vec::new(),
        features: Vec::new(),
        reads: Vec::new(),
    };
    query.counts(&steps.ago, "events");
    let whole = guess.nights.history;
    if let (Some(item), [key]) = (&guess.item, grain.keys) {
        // Of an entity its items are counted, of an item its entities.
        let other = if *key == item.name { &guess.entity } else { item };
        let column = query.read(&other.name);
        let (name, what) = (format!("{}s_{whole}d", other.base), other.base.replace('_', " "));
        query.number(&format!("count(distinct {column})"), &name, format!("different {what}s of the {}, {whole} days", query.subject));
    }
    if grain.keys.len() == 2 {
        let ago = &steps.ago;
        query.number(&format!("max({ago})"), "days_since_first", format!("days since the pair was first seen, at most {whole}"));
        let gap = format!("cast(max({ago}) - min({ago}) as double) / nullif(count(distinct {ago}) - 1, 0)");
        query.number(&gap, "mean_gap_days", "mean days between two events of the pair".into());
        query.due();
    }
    query.sums(&steps.ago);
    query.newest(grain.describes, &steps.time, "");
    if grain.base == guess.entity.base {
        query.newest(&guess.of_event, &steps.time, "last_");
    }
    if !(grain.describes.is_empty() && (guess.of_event.is_empty() || grain.base != guess.entity.base)) {
        query.read(&guess.column(guess.time).name);
    }
    let windows: Vec<String> = guess.nights.windows.iter().map(ToString::to_string).collect();
    let header = format!(
        "What each {} did in the last {whole} days.\nGrain: {}. Windows of {} days; an age of 0 days is the day before the as-of date.",
        query.subject,
        grain.keys.join(" x "),
        and(&windows)
    );
    let (text, features) = query.text(&header, &steps, &keys);
    let on = grain.keys.iter().map(|key| ((*key).to_owned(), (*key).to_owned())).collect();
    Joined { table, on, features, unused: Vec::new(), query: Some(text) }
}

/// Counts of another table of events.
fn other(guess: &Guess, taken: &mut Names, columns: &mut Names, steps: &Names, at: usize, time: usize, named: &[(usize, usize)]) -> Joined {
    let own = &guess.tables[at];
    let keys: Vec<_> = guess.keys().into_iter().cloned().collect();
    let bases: Vec<&str> = named.iter().map(|(_, key)| keys[*key].base.as_str()).collect();
    let mut table = format!("{}_by_{}", own.name(), bases.join("_"));
    table.truncate(60);
    let table = taken.take(table.trim_end_matches('_'));
    let steps = Steps::new(guess, at, time, steps);
    let own_keys: Vec<String> = named.iter().map(|(column, _)| names::sql(&own.columns[*column].name)).collect();
    let prefix = bases.join("_");
    let mut query = Query {
        guess,
        table: table.clone(),
        prefix: &prefix,
        subject: and(&bases.iter().map(|base| base.replace('_', " ")).collect::<Vec<_>>()),
        columns,
        lines: Vec::new(),
        features: Vec::new(),
        reads: Vec::new(),
    };
    let whole = guess.nights.history;
    let name = own.name().to_owned();
    query.number("count(*)", &format!("{name}_{whole}d"), format!("rows of {name} of the {}, {whole} days", query.subject));
    let since = format!("days since the newest of {name} of the {}", query.subject);
    query.number(&format!("min({})", steps.ago), &format!("days_since_{name}"), since);
    let header = format!("How often {name} name the {} in the last {whole} days.\nGrain: {}.", query.subject, own_keys.join(" x "));
    let (text, features) = query.text(&header, &steps, &own_keys);
    let on = named.iter().map(|(column, key)| (own.columns[*column].name.clone(), keys[*key].name.clone())).collect();
    Joined { table, on, features, unused: Vec::new(), query: Some(text) }
}
