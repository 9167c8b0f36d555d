//! Inside the network: who listens to which expert, and whether the experts are still several.

use super::super::block::{Cell, Section, Table, head};
use super::super::charts::{Heat, titled_heat};
use super::super::content::Report;
use super::super::explained::InsideInfo;
use super::super::format::{fixed, short};
use super::super::words::Language;

/// Gate shares, similarities, entropies, probes and gradients.
pub(super) fn inside(report: &Report) -> Section {
    let rows = &report.explained.inside;
    if rows.is_empty() {
        return Section::default();
    }
    let words = report.words();
    let levels: std::collections::BTreeSet<u32> = rows.iter().map(|row| row.level).filter(|level| *level > 0).collect();
    let several = levels.len() > 1;
    let mut charts = Vec::new();
    for level in levels {
        let name = |what: &str| if several { words.at_level(what, level) } else { what.to_owned() };
        charts.extend(shares(words, rows, level, &name(words.gate_shares())));
        charts.extend(similarities(words, rows, level, &name(words.similarity())));
    }
    let (finding, tables) = (finding(words, rows), vec![table(words, rows)]);
    Section { id: "inside", title: words.inside(), finding, charts, tables, how: words.inside_how() }
}

fn finding(words: Language, rows: &[InsideInfo]) -> String {
    let collapsed: Vec<&InsideInfo> = rows.iter().filter(|row| row.alarm && row.measure == "expert similarity").collect();
    let decided = rows.iter().filter(|row| row.alarm && row.measure == "gate entropy").count();
    let pairs = rows.iter().filter(|row| row.measure == "expert similarity").count();
    let experts = match (collapsed.first(), pairs) {
        (None, 0) => words.one_expert().to_owned(),
        (None, _) => words.experts_differ().to_owned(),
        (Some(first), _) => words.experts_collapsed(collapsed.len(), pairs, &first.expert, &first.other, fixed(Some(first.value), 3)),
    };
    let gates = if decided > 0 { words.gates_decided(decided) } else { String::new() };
    let against = rows.iter().filter(|row| row.measure == "gradient cosine").min_by(|a, b| a.value.total_cmp(&b.value));
    let conflict = against
        .filter(|row| row.value < 0.0)
        .map_or_else(String::new, |row| words.gradients_apart(&row.task, &row.other, fixed(Some(row.value), 2)));
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

fn shares(words: Language, rows: &[InsideInfo], level: u32, title: &str) -> Option<String> {
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
    let names: Vec<String> = cells.iter().map(|(task, scenario)| format!("{} · {}", short(task, 14), words.place(scenario))).collect();
    let columns: Vec<String> = experts.iter().map(|expert| (*expert).to_owned()).collect();
    Some(titled_heat(&Heat { title, description: words.gate_shares_about(), rows: &names, columns: &columns, cells: &values }))
}

fn similarities(words: Language, rows: &[InsideInfo], level: u32, title: &str) -> Option<String> {
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
    Some(titled_heat(&Heat { title, description: words.similarity_about(), rows: &names, columns: &names, cells: &values }))
}

fn table(words: Language, rows: &[InsideInfo]) -> Table {
    let cells = rows.iter().filter(|row| row.measure != "gate share" && row.measure != "expert similarity").map(|row| {
        vec![
            Cell::text(if row.alarm { words.alarm() } else { "" }),
            Cell::text(words.said(&row.measure)),
            Cell::text(words.place(&row.scenario)),
            Cell::text(words.place(&row.task)),
            Cell::text(&row.other),
            Cell::fixed(Some(row.value), 3).within(row.low.zip(row.high), |end| fixed(Some(end), 3)),
        ]
    });
    let columns = [words.result(), words.measure(), words.scenario(), words.task(), words.other_task(), words.value()];
    Table { caption: words.inside_table().into(), head: head(columns), rows: cells.collect(), folded: true, ..Table::default() }
}
