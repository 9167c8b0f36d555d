//! What `polytask new` says when it is done: the guesses in a few lines, what to look at, what to type next.
//!
//! In: the guess and the job's folder. Out: text for a terminal.

use std::path::Path;

use super::guess::{Guess, Role};
use super::names::{count, told};
use super::texts;
use super::time::date;

/// The summary.
pub(super) fn text(guess: &Guess, folder: &Path) -> String {
    let job = told(&folder.to_string_lossy());
    let events = guess.events();
    let mut lines = vec![format!("{job}: a job guessed from {} source(s)", guess.tables.len())];
    let mut fact = |what: &str, text: String| lines.push(format!("  {what:<10}{text}"));
    fact("events", format!("{}, {} rows", events.name(), count(events.rows())));
    fact("time", guess.time_why.clone());
    if let Some((_, why)) = &guess.available {
        fact("arrival", why.clone());
    }
    for key in guess.keys() {
        fact("key", key.why.clone());
    }
    if let Some(why) = &guess.no_item {
        fact("", why.clone());
    }
    fact("scenario", guess.scenario.why.clone());
    for task in &guess.tasks {
        let after = task.after.as_ref().map_or(String::new(), |after| format!(", after {after}"));
        fact("task", format!("{}: {}{after}", task.name, texts::told(guess, task.made)));
    }
    if let Some(measured) = &guess.measured {
        fact("", measured.clone());
    }
    for (table, role) in guess.tables.iter().zip(&guess.roles) {
        match role {
            Role::Describes { key, .. } => fact("table", format!("{} describes each {}", table.name(), guess.keys()[*key].name)),
            Role::OtherEvents { time, .. } => {
                fact("table", format!("{}: other events, by {}", table.name(), table.columns[*time].name));
            }
            Role::Unused => fact("table", format!("{}: cleaned, and not joined yet", table.name())),
            Role::Events => {}
        }
    }
    let nights = &guess.nights;
    fact(
        "nights",
        format!(
            "{} snapshots, one every {} days, predicting {} days ahead; features look back {} days",
            nights.count, nights.horizon, nights.horizon, nights.history
        ),
    );
    lines.push("Look first at".into());
    lines.push(format!("  {job}/job.toml        each guess with its reason: keys, time zone, scenario, tasks, horizon"));
    lines.push(format!("  {job}/examples.sql    what a label means"));
    lines.push(format!("  {job}/candidates.sql  what is scored"));
    lines.push("Then".into());
    lines.push(format!("  polytask check {job}"));
    lines.push(format!("  polytask run {job} --as-of {}", date(nights.tonight())));
    lines.join("\n")
}
