//! Checks, a decision table and explorations: the first of each, to be changed.
//!
//! In: the draft. Out: file names and texts.

use super::Draft;
use super::page::Page;
use crate::job::scaffold::guess::{Guess, Role};
use crate::job::scaffold::names;
use crate::job::scaffold::time::date;

/// Items of an entity, and entities of a job without items, that the decision table holds.
const TOP: (u32, u32) = (10, 1000);
/// Columns that describe an item beside its key in the decision table.
const SHOWN: usize = 3;

/// All of them.
pub(super) fn texts(draft: &Draft<'_>) -> Vec<(String, String)> {
    let mut texts = checks(draft);
    texts.push(decision(draft));
    texts.extend(explorations(draft));
    texts
}

/// A year before the first event, as SQL compares it with the event time.
pub(super) fn earliest(guess: &Guess) -> String {
    let kind = if guess.time_reading().is_day() { "date" } else { "timestamp" };
    format!("{kind} '{}'", date(guess.nights.first - 366))
}

fn checks(draft: &Draft<'_>) -> Vec<(String, String)> {
    let guess = draft.guess;
    let events = guess.events();
    let time = guess.column(guess.time);
    let quoted = names::sql(&time.name);
    let keys: Vec<String> = guess.keys().iter().map(|key| names::sql(&key.name)).collect();
    let mut page = Page::sql(
        "No event lies more than a year before the first that was there when this job was made: it would be a broken clock or another unit. \
         Rows that this query returns stop the night.",
    );
    page.add(format!("select {}, {quoted}\nfrom {}\nwhere {quoted} < {}\n", keys.join(", "), names::sql(events.name()), earliest(guess)));
    let mut checks = vec![(format!("checks/{}__time_is_plausible.sql", events.name()), page.text())];
    for (at, role) in guess.roles.iter().enumerate() {
        let Role::Describes { column, .. } = role else { continue };
        let table = &guess.tables[at];
        let key = names::sql(&table.columns[*column].name);
        let mut page = Page::sql(&format!("{} names each row once: the frame joins on it.", table.columns[*column].name));
        page.add(format!("select {key}, count(*) as copies\nfrom {}\ngroup by {key}\nhaving count(*) > 1\n", names::sql(table.name())));
        checks.push((format!("checks/{}__is_unique.sql", table.name()), page.text()));
    }
    checks
}

fn decision(draft: &Draft<'_>) -> (String, String) {
    let guess = draft.guess;
    let entity = names::sql(&guess.entity.name);
    let tasks: Vec<String> = guess.tasks.iter().map(|task| format!("    scores.{}", names::sql(&task.name))).collect();
    let first = names::sql(&guess.tasks[0].name);
    let Some(item) = &guess.item else {
        let mut page = Page::sql(&format!(
            "The {} {}s with the highest {}.\nGrain: {}.",
            TOP.1,
            guess.entity.base.replace('_', " "),
            guess.tasks[0].name,
            guess.grain()
        ));
        page.add(format!(
            "select\n    scores.{entity},\n    scores.scenario,\n{}\nfrom scores\norder by scores.{first} desc, scores.{entity}, scores.scenario\nlimit {}\n",
            tasks.join(",\n"),
            TOP.1
        ));
        return ("decisions/top_entities.sql".into(), page.text());
    };
    let mut page = Page::sql(&format!(
        "The {} {}s with the highest {} for each {}.\nGrain: {}. `rank` counts within the {}, by `scores.rank_by` of job.toml.",
        TOP.0,
        item.base.replace('_', " "),
        guess.tasks[0].name,
        guess.entity.base.replace('_', " "),
        guess.grain(),
        guess.entity.base.replace('_', " ")
    ));
    let key = names::sql(&item.name);
    let mut lines = vec![format!("    scores.{entity}"), "    scores.rank".into(), format!("    scores.{key}")];
    let mut joins = String::new();
    let described = draft.joined.iter().find(|table| table.query.is_none() && table.on.iter().any(|(_, on)| *on == item.name));
    if let Some(table) = described {
        let name = names::sql(&table.table);
        let plain = table.features.iter().filter(|feature| feature.expression.starts_with(&format!("{name}.")));
        // The scores have columns of their own; a description of the same name is told apart.
        lines.extend(plain.take(SHOWN).map(|feature| format!("    {}", feature.selected())));
        joins = format!("left join {name} on {name}.{} = scores.{key}\n", names::sql(&table.on[0].0));
    }
    lines.push("    scores.scenario".into());
    lines.extend(tasks);
    page.add(format!(
        "select\n{}\nfrom scores\n{joins}where scores.rank <= {}\norder by scores.{entity}, scores.rank\n",
        lines.join(",\n"),
        TOP.0
    ));
    ("decisions/top_items.sql".into(), page.text())
}

fn explorations(draft: &Draft<'_>) -> Vec<(String, String)> {
    let guess = draft.guess;
    let time = names::sql(&guess.column(guess.time).name);
    let entity = names::sql(&guess.entity.name);
    let day = if guess.time_reading().is_day() { time } else { format!("cast({time} as date)") };
    let mut by_day = Page::sql("Events by day: a gap or a step is a delivery to ask about.");
    by_day.add(format!(
        "select\n    {day} as event_day,\n    count(*) as events,\n    count(distinct {entity}) as entities\nfrom {}\ngroup by {day}\norder by event_day\n",
        names::sql(guess.events().name())
    ));
    let means: Vec<String> = guess.tasks.iter().map(|task| format!("    avg(scores.{0}) as {0}", names::sql(&task.name))).collect();
    let mut by_scenario = Page::sql("Mean scores by scenario.");
    by_scenario.add(format!(
        "select\n    scores.scenario,\n    count(*) as candidates_scored,\n{}\nfrom scores\ngroup by scores.scenario\norder by scores.scenario\n",
        means.join(",\n")
    ));
    vec![("explore/events_by_day.sql".into(), by_day.text()), ("explore/scores_by_scenario.sql".into(), by_scenario.text())]
}
