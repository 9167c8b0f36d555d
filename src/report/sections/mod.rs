//! The sections of the report, in reading order. Each file makes one or two from the values of [`Report`].

mod card;
pub(super) mod change;
mod data;
mod decisions;
mod effects;
pub(super) mod evidence;
mod faithful;
mod groups;
mod importance;
mod inside;
mod prepare;
mod quality;
mod reproduce;
mod rows;
mod since;

use super::block::Section;
use super::content::Report;

/// Every section, empty ones included.
fn all(report: &Report) -> Vec<Section> {
    vec![
        evidence::gates(report),
        change::since(report),
        quality::cells(report),
        quality::challengers(report),
        evidence::transfer(report),
        quality::calibration(report),
        importance::importance(report),
        groups::groups(report),
        effects::effects(report),
        inside::inside(report),
        rows::rows(report),
        faithful::faithful(report),
        since::since(report),
        change::drift(report),
        data::data_quality(report),
        data::cleaning(report),
        data::features(report),
        change::gains(report),
        decisions::decisions(report),
        card::card(report),
        quality::choices(report),
        prepare::preparation(report),
        reproduce::reproduce(report),
    ]
}

/// The sections that have something to show.
pub(super) fn told(report: &Report) -> Vec<Section> {
    all(report).into_iter().filter(|section| !section.charts.is_empty() || !section.tables.is_empty()).collect()
}
