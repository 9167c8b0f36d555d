//! candidates.sql and examples.sql: the rows to score and the rows to learn from, with their labels.
//!
//! In: the draft. Out: two texts. Events that only happen are asked whether they happen again; events that carry labels
//! are learned from as they were shown.

use super::history::recent;
use super::page::Page;
use super::{Draft, Made};
use crate::job::scaffold::guess::Task;
use crate::job::scaffold::names;

/// The text of candidates.sql.
pub(super) fn candidates(draft: &Draft<'_>) -> String {
    let guess = draft.guess;
    let keys: Vec<String> = guess.keys().iter().map(|key| names::sql(&key.name)).collect();
    let listed = format!("    {},\n", keys.join(",\n    "));
    let events = names::sql(guess.events().name());
    let time = guess.column(guess.time).name.as_str();
    let scenario = names::sql(&guess.scenario.name);
    // What is shown next week is much like what was shown last week; who bought may come back much later.
    let days = if guess.labelled { guess.nights.horizon } else { guess.nights.history };
    let within = recent(guess.time_reading(), time, days);
    let (select, group) = match (guess.scenario.column, guess.labelled) {
        (Some(_), true) => (format!("select distinct\n{listed}    {scenario}\n"), String::new()),
        (Some(_), false) => {
            let newest = format!("last_value({scenario} order by {}, {scenario})", names::sql(time));
            (format!("select\n{listed}    {newest} as {scenario}\n"), format!("group by {}\n", keys.join(", ")))
        }
        (None, _) => (format!("select distinct\n{listed}    'all' as {scenario}\n"), String::new()),
    };
    let where_served = match (guess.scenario.column, guess.labelled) {
        (Some(_), true) => "Scenario: each one in which there was an event.".to_owned(),
        (Some(_), false) => "Scenario: that of the newest event.".to_owned(),
        (None, _) => "Scenario: one for all rows; give each row the place where it will be served.".to_owned(),
    };
    let mut page = Page::sql(&format!(
        "Rows to score tonight: every {} with an event in the last {days} days. Write here what could be served next.\nGrain: {}. {where_served}",
        guess.grain(),
        guess.grain()
    ));
    page.add(format!("{select}from {events}\nwhere {within}\n{group}"));
    page.text()
}

/// The text of examples.sql.
pub(super) fn examples(draft: &Draft<'_>) -> String {
    if draft.guess.labelled { shown(draft) } else { again(draft) }
}

fn labels_told(draft: &Draft<'_>) -> String {
    let guess = draft.guess;
    let told: Vec<String> = guess.tasks.iter().map(|task| format!("{}: {}", task.name, super::told(guess, task.made))).collect();
    told.join("; ")
}

/// What was in the outcome window, with its labels.
fn shown(draft: &Draft<'_>) -> String {
    let guess = draft.guess;
    let keys: Vec<String> = guess.keys().iter().map(|key| names::sql(&key.name)).collect();
    let scenario = names::sql(&guess.scenario.name);
    let mut lines: Vec<String> = keys.clone();
    let mut group = keys;
    if guess.scenario.column.is_some() {
        lines.push(scenario.clone());
        group.push(scenario);
    } else {
        lines.push(format!("'all' as {scenario}"));
    }
    lines.extend(guess.tasks.iter().map(|task| label(draft, task)));
    let mut page = Page::sql(&format!(
        "What happened in the outcome window, with its labels. NULL would be: not observed.\nGrain: {} x {}. {}.",
        guess.grain(),
        guess.scenario.name,
        labels_told(draft)
    ));
    page.add(format!(
        "select\n    {}\nfrom outcome.{}\ngroup by {}\n",
        lines.join(",\n    "),
        names::sql(guess.events().name()),
        group.join(", ")
    ));
    page.text()
}

fn label(draft: &Draft<'_>, task: &Task) -> String {
    let guess = draft.guess;
    let amount = guess.amount.map_or_else(|| "0".to_owned(), |at| names::sql(guess.measure(at)));
    let made = match task.made {
        Made::Column(at) => format!("max({})", names::sql(&guess.column(at).name)),
        Made::Rated(at) => format!("avg({})", names::sql(&guess.column(at).name)),
        Made::SpentWhere(at) => {
            format!("greatest(coalesce(sum({amount}) filter (where {} = 1), 0), 0)", names::sql(&guess.column(at).name))
        }
        Made::Spent | Made::CameBack => format!("greatest(coalesce(sum({amount}), 0), 0)"),
    };
    format!("{made} as {}", names::sql(&task.name))
}

/// The candidates, with whether they came back.
fn again(draft: &Draft<'_>) -> String {
    let guess = draft.guess;
    let keys: Vec<String> = guess.keys().iter().map(|key| names::sql(&key.name)).collect();
    let events = names::sql(guess.events().name());
    let outcomes = draft.step("outcomes");
    let first = &keys[0];
    let amount = guess.amount.filter(|_| guess.tasks.iter().any(|task| task.made == Made::Spent));
    let mut outcome: Vec<String> = keys.iter().map(|key| format!("        {key}")).collect();
    outcome.extend(amount.map(|at| format!("        sum({}) as amount_sum", names::sql(guess.measure(at)))));
    let mut lines: Vec<String> = keys.iter().map(|key| format!("    candidates.{key}")).collect();
    lines.push(format!("    candidates.{}", names::sql(&guess.scenario.name)));
    for task in &guess.tasks {
        let label = match task.made {
            Made::Spent => format!("greatest(coalesce({outcomes}.amount_sum, 0), 0)"),
            _ => format!("{outcomes}.{first} is not null"),
        };
        lines.push(format!("    {label} as {}", names::sql(&task.name)));
    }
    let on: Vec<String> = keys.iter().map(|key| format!("{outcomes}.{key} = candidates.{key}")).collect();
    let mut page = Page::sql(&format!("Candidates with what happened next.\nGrain: {}. {}.", guess.grain(), labels_told(draft)));
    page.add(format!(
        "with {outcomes} as (\n    select\n{}\n    from outcome.{events}\n    group by {}\n)\n\nselect\n{}\nfrom candidates\nleft join {outcomes} on {}\n",
        outcome.join(",\n"),
        keys.join(", "),
        lines.join(",\n"),
        on.join(" and ")
    ));
    page.text()
}
