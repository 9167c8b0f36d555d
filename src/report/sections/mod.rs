//! The sections of the report, in reading order. Each file makes one or two from the values of [`Report`].

mod change;
mod data;
mod decisions;
mod effects;
mod evidence;
mod faithful;
mod groups;
mod importance;
mod inside;
mod quality;
mod reproduce;
mod rows;
mod since;

use super::content::Report;
use super::format::{fixed, number, percent};
use super::page::Section;

/// Every section, empty ones included.
pub(super) fn all(report: &Report) -> Vec<Section> {
    vec![
        evidence::gates(report),
        since::since(report),
        change::drift(report),
        quality::cells(report),
        quality::challengers(report),
        evidence::transfer(report),
        quality::calibration(report),
        importance::importance(report),
        groups::groups(report),
        effects::effects(report),
        inside::inside(report),
        faithful::faithful(report),
        change::gains(report),
        rows::rows(report),
        decisions::decisions(report),
        data::data_quality(report),
        data::cleaning(report),
        data::features(report),
        quality::choices(report),
        reproduce::reproduce(report),
    ]
}

/// How a scenario is named to a reader.
fn place(scenario: &str) -> &str {
    if scenario == "*" { "all" } else { scenario }
}

/// Up to three findings that a reader should see first.
pub(super) fn findings(report: &Report) -> Vec<String> {
    let mut found: Vec<String> = report.gates.iter().filter(|gate| !gate.passed).take(3).map(|gate| gate.words.clone()).collect();
    let learner = report.learner.as_str();
    let cells = || report.figures.iter().filter(|figure| figure.learner == learner && figure.scenario != "*" && figure.task != "*");
    if let Some(worst) = cells()
        .filter(|figure| figure.metric == "auc")
        .filter_map(|figure| Some((figure.value?, figure)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
    {
        found.push(format!(
            "The weakest ranking is that of {} in {}: AUC {} on {} rows.",
            worst.1.task,
            worst.1.scenario,
            fixed(Some(worst.0), 3),
            super::format::count(worst.1.n)
        ));
    }
    let off = cells().filter(|figure| figure.metric == "predicted_observed").filter_map(|figure| Some((figure.value?, figure)));
    if let Some((value, figure)) = off.max_by(|a, b| a.0.ln().abs().total_cmp(&b.0.ln().abs())) {
        found.push(format!(
            "The total furthest from what happened is that of {} in {}: predicted / observed {}.",
            figure.task,
            figure.scenario,
            fixed(Some(value), 2)
        ));
    }
    let unsupported = cells().filter(|figure| figure.metric == "base_rate" && figure.note.is_some()).count();
    if unsupported > 0 {
        found.push(format!("{unsupported} cell(s) have too little support to show figures."));
    } else if let Some(refused) = report.refused.iter().max_by_key(|refused| refused.rows) {
        let rows = report.tables.iter().find(|table| table.name == refused.table).map_or(0, |table| table.rows + table.refused);
        let share = if rows > 0 { format!(" ({} of its rows)", percent(refused.rows as f64 / rows as f64)) } else { String::new() };
        found.push(format!(
            "The commonest reason to refuse a row is “{}” in {}: {} rows{share}.",
            refused.reason,
            refused.table,
            number(refused.rows as f64)
        ));
    }
    found.truncate(3);
    found
}
