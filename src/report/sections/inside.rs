//! Inside the network: who listens to which expert, and whether the experts are still several.

use super::super::charts::{Heat, titled_heat};
use super::super::content::Report;
use super::super::explained::InsideInfo;
use super::super::format::{fixed, short};
use super::super::page::{Cell, Section, Table};
use super::place;

/// Gate shares, similarities, entropies, probes and gradients.
pub(super) fn inside(report: &Report) -> Section {
    let rows = &report.explained.inside;
    if rows.is_empty() {
        return Section::default();
    }
    let levels: std::collections::BTreeSet<u32> = rows.iter().map(|row| row.level).filter(|level| *level > 0).collect();
    let several = levels.len() > 1;
    let mut charts = Vec::new();
    for level in levels {
        let name = |what: &str| if several { format!("{what}, level {level}") } else { what.to_owned() };
        charts.extend(shares(rows, level, &name("Share of each expert in every cell's gate")));
        charts.extend(similarities(rows, level, &name("Similarity of experts")));
    }
    Section { id: "inside", title: "Gates and experts", finding: finding(rows), charts, tables: vec![table(rows)], how: HOW }
}

const HOW: &str = "A gate says how much a task, in a scenario, takes of each expert; its shares are at least 0 and 1 together, here their mean over held-out rows. Entropy 0: one expert alone; 1: all alike, and the gate says nothing. Similarity of experts is linear CKA: 1 where one yields what the other does but for a rotation; from 0.95 up they have become one (an alarm), and the network has fewer experts than it was given. The probe says how well a scenario can be told from the features that all share, as an AUC: 0.5 = not at all. The cosine of two tasks' gradients on the shared weights, mean over the passes of training: below 0 they pull in different directions. All in inside.parquet.";

fn finding(rows: &[InsideInfo]) -> String {
    let collapsed: Vec<&InsideInfo> = rows.iter().filter(|row| row.alarm && row.measure == "expert similarity").collect();
    let decided = rows.iter().filter(|row| row.alarm && row.measure == "gate entropy").count();
    let pairs = rows.iter().filter(|row| row.measure == "expert similarity").count();
    let experts = match (collapsed.first(), pairs) {
        (None, 0) => "There is one expert: nothing to weigh.".to_owned(),
        (None, _) => "The experts yield different things: none has become a copy of another.".to_owned(),
        (Some(first), _) => format!(
            "Alarm: {} of {pairs} pairs of experts have become one, such as {} and {} ({}).",
            collapsed.len(),
            first.expert,
            first.other,
            fixed(Some(first.value), 3)
        ),
    };
    let gates = if decided > 0 { format!(" {decided} gate(s) listen to one expert alone.") } else { String::new() };
    let against = rows.iter().filter(|row| row.measure == "gradient cosine").min_by(|a, b| a.value.total_cmp(&b.value));
    let conflict = against.filter(|row| row.value < 0.0).map_or_else(String::new, |row| {
        format!(" The gradients of {} and {} pull apart most (cosine {}).", row.task, row.other, fixed(Some(row.value), 2))
    });
    format!("{experts}{gates}{conflict}")
}

/// Names in the order in which they come first.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn shares(rows: &[InsideInfo], level: u32, title: &str) -> Option<String> {
    let own = || rows.iter().filter(move |row| row.level == level && row.measure == "gate share");
    let experts = distinct(own().map(|row| row.expert.as_str()));
    let mut cells: Vec<(&str, &str)> = Vec::new();
    for row in own() {
        if !cells.contains(&(row.task.as_str(), row.scenario.as_str())) {
            cells.push((&row.task, &row.scenario));
        }
    }
    if experts.is_empty() {
        return None;
    }
    let values: Vec<Vec<Option<(f64, String)>>> = cells
        .iter()
        .map(|(task, scenario)| {
            let share = |expert: &&str| {
                let found = own().find(|row| row.task == *task && row.scenario == *scenario && row.expert == **expert);
                found.map(|row| (row.value, fixed(Some(row.value), 3)))
            };
            experts.iter().map(share).collect()
        })
        .collect();
    let names: Vec<String> = cells.iter().map(|(task, scenario)| format!("{} · {}", short(task, 14), place(scenario))).collect();
    let columns: Vec<String> = experts.iter().map(|expert| (*expert).to_owned()).collect();
    Some(titled_heat(&Heat {
        title,
        description: "Rows are tasks and scenarios, columns experts; each row adds up to 1.",
        rows: &names,
        columns: &columns,
        cells: &values,
    }))
}

fn similarities(rows: &[InsideInfo], level: u32, title: &str) -> Option<String> {
    let own = || rows.iter().filter(move |row| row.level == level && row.measure == "expert similarity");
    let experts = distinct(own().flat_map(|row| [row.expert.as_str(), row.other.as_str()]));
    if experts.is_empty() {
        return None;
    }
    let value = |a: &str, b: &str| {
        let found = own().find(|row| (row.expert == a && row.other == b) || (row.expert == b && row.other == a));
        found.map(|row| (row.value, format!("{}{}", fixed(Some(row.value), 3), if row.alarm { " !" } else { "" })))
    };
    let values: Vec<Vec<Option<(f64, String)>>> = experts.iter().map(|a| experts.iter().map(|b| value(a, b)).collect()).collect();
    let names: Vec<String> = experts.iter().map(|expert| (*expert).to_owned()).collect();
    Some(titled_heat(&Heat {
        title,
        description: "Linear CKA of the features of each pair of experts; ! marks pairs that have become one.",
        rows: &names,
        columns: &names,
        cells: &values,
    }))
}

fn table(rows: &[InsideInfo]) -> Table {
    let cells = rows.iter().filter(|row| row.measure != "gate share" && row.measure != "expert similarity").map(|row| {
        vec![
            Cell::text(if row.alarm { "alarm" } else { "" }),
            Cell::text(&row.measure),
            Cell::text(place(&row.scenario)),
            Cell::text(place(&row.task)),
            Cell::text(&row.other),
            Cell::number(fixed(Some(row.value), 3)),
            Cell::number(fixed(row.low, 3)),
            Cell::number(fixed(row.high, 3)),
        ]
    });
    Table {
        caption: "Entropy of gates, probes for scenarios, gradients of tasks".into(),
        head: ["", "measure", "scenario", "task", "other task", "value", "from", "to"].iter().map(|name| (*name).to_owned()).collect(),
        rows: cells.collect(),
        folded: true,
        ..Table::default()
    }
}
