//! What a report hides for people's sake: ids become pseudonyms, small groups are left out.
//!
//! In: a report and how it is protected. Out: the same report without them; page, `report.json`, CSV and Markdown are made of it.
//! Not here: the run's own tables, which hold what the business needs to act.
//!
//! A pseudonym is a hash under a key that is made of the night's held-out rows. Who can make the key again has the run folder, and
//! so the ids themselves; to everyone else it cannot be guessed, and a list of all ids does not help. It holds for one night: the
//! same person has another pseudonym in the next one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::content::Report;
use super::words::Language;
use crate::fingerprint::Fingerprint;

/// How a report is protected.
#[derive(Debug, Clone, Copy)]
pub struct Protection<'a> {
    /// The key of the pseudonyms; `None` = ids are shown.
    pub key: Option<&'a str>,
    /// Columns whose values are ids of people.
    pub columns: &'a [String],
    /// Rows of a group, at least, whose figures are shown.
    pub min_group: u64,
}

/// What a report says about its protection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyInfo {
    /// Whether ids are pseudonyms.
    pub pseudonyms: bool,
    /// Rows of a group, at least, whose figures are shown.
    pub min_group: u64,
    /// Figures and bins that are left out.
    pub hidden: u64,
}

/// The pseudonym of a value: the same for the same column, value and key.
#[must_use]
pub fn pseudonym(key: &str, column: &str, value: &str) -> String {
    // 48 bits: among a million ids two share a pseudonym with a chance of one in 560.
    let hash = Fingerprint::of("pseudonym").with("key", key).with("column", column).with("value", value).hex();
    format!("id-{}", &hash[..12])
}

/// Hides what `with` says, and notes it in the report.
pub fn protect(report: &mut Report, with: &Protection<'_>) {
    report.privacy =
        PrivacyInfo { pseudonyms: with.key.is_some(), min_group: with.min_group, hidden: small_groups(report, with.min_group) };
    if let Some(key) = with.key {
        for column in with.columns {
            ids(report, key, column);
        }
    }
}

/// Replaces the values of a column wherever a report shows them.
fn ids(report: &mut Report, key: &str, column: &str) {
    for decision in &mut report.decisions {
        for at in (0..decision.columns.len()).filter(|at| decision.columns[*at] == column) {
            for row in &mut decision.rows {
                if let Some(value) = row.get_mut(at).filter(|value| !value.is_empty()) {
                    *value = pseudonym(key, column, value);
                }
            }
        }
    }
    let effects = report.effects.iter_mut().filter(|effect| effect.feature == column).map(|effect| &mut effect.label);
    let points = report.explained.curves.iter_mut().filter(|point| point.feature == column).map(|point| &mut point.label);
    for label in effects.chain(points).filter(|label| !["missing", "unknown"].contains(&label.as_str())) {
        *label = pseudonym(key, column, label);
    }
    // Categories of an id that are new or gone are ids.
    for drift in report.drift.iter_mut().filter(|drift| drift.feature == column) {
        drift.detail = None;
    }
}

/// Leaves out figures of fewer than `least` rows; returns how many.
fn small_groups(report: &mut Report, least: u64) -> u64 {
    let mut hidden = 0;
    let note = Language::of(&report.language).too_small(least);
    let few: BTreeSet<(String, String)> =
        report.figures.iter().filter(|figure| figure.n < least).map(|figure| (figure.scenario.clone(), figure.task.clone())).collect();
    let cell = |scenario: &str, task: &str| !few.contains(&(scenario.to_owned(), task.to_owned()));
    report.changes.retain(|change| cell(&change.scenario, &change.task));
    report.importance.retain(|row| cell(&row.scenario, &row.task));
    for gate in report.gates.iter_mut().filter(|gate| few.contains(&(gate.scenario.clone(), gate.task.clone()))) {
        gate.value = None;
        gate.words.clone_from(&note);
    }
    for figure in report.figures.iter_mut().filter(|figure| figure.n < least && figure.value.is_some()) {
        (figure.value, figure.low, figure.high) = (None, None, None);
        figure.note = Some(note.clone());
        hidden += 1;
    }
    for score in report.scores.iter_mut().filter(|score| score.rows < least) {
        hidden += score.means.len() as u64;
        score.means.clear();
    }
    let mut keep = |n: u64| {
        hidden += u64::from(n < least);
        n >= least
    };
    report.effects.retain(|effect| keep(effect.n));
    report.transfer.retain(|entry| keep(entry.n));
    report.preparation.retain(|entry| keep(entry.n));
    report.quality.retain(|row| row.scenario == "*" || keep(row.n));
    report.explained.curves.retain(|point| keep(point.n));
    report.reliability.retain(|bin| keep(bin.n));
    report.drift.retain(|drift| keep(drift.n));
    report.gains.retain(|gain| keep(gain.rows.round() as u64));
    hidden
}

#[cfg(test)]
mod tests {
    use super::super::content::{ChangeInfo, DecisionInfo, DriftInfo, EffectInfo, FigureInfo};
    use super::*;

    fn report() -> Report {
        let effect =
            |feature: &str, label: &str, n| EffectInfo { feature: feature.into(), label: label.into(), n, ..EffectInfo::default() };
        Report {
            decisions: vec![DecisionInfo {
                columns: vec!["user_id".into(), "score".into()],
                rows: vec![vec!["4711".into(), "0.5".into()], vec![String::new(), "0.4".into()]],
                ..DecisionInfo::default()
            }],
            effects: vec![effect("user_id", "4711", 50), effect("user_id", "missing", 50), effect("brand", "rare", 3)],
            drift: vec![DriftInfo {
                feature: "user_id".into(),
                measure: "psi".into(),
                detail: Some("gone: 4711".into()),
                n: 50,
                ..DriftInfo::default()
            }],
            changes: vec![ChangeInfo { scenario: "shelf".into(), task: "click".into(), ..ChangeInfo::default() }],
            figures: vec![FigureInfo { scenario: "shelf".into(), task: "click".into(), n: 9, value: Some(0.5), ..FigureInfo::default() }],
            ..Report::default()
        }
    }

    #[test]
    fn ids_are_pseudonyms_and_small_groups_are_left_out() {
        let (columns, mut told) = (["user_id".to_owned()], report());
        protect(&mut told, &Protection { key: Some("k"), columns: &columns, min_group: 10 });
        let id = pseudonym("k", "user_id", "4711");
        assert_eq!(told.decisions[0].rows, [vec![id.clone(), "0.5".into()], vec![String::new(), "0.4".into()]]);
        assert_eq!(told.effects.iter().map(|effect| effect.label.as_str()).collect::<Vec<_>>(), [id.as_str(), "missing"]);
        assert_eq!((told.figures[0].value, told.privacy.hidden), (None, 2));
        assert_eq!((told.drift.len(), &told.drift[0].detail, told.changes.len()), (1, &None, 0));
        assert!(!serde_json::to_string(&told).unwrap_or_default().contains("4711"));
    }

    #[test]
    fn without_a_key_ids_are_shown() {
        let (columns, mut told) = (["user_id".to_owned()], report());
        protect(&mut told, &Protection { key: None, columns: &columns, min_group: 0 });
        assert_eq!(told, report());
    }

    #[test]
    fn a_pseudonym_depends_on_key_column_and_value() {
        let one = pseudonym("k", "user_id", "1");
        assert_eq!(one, pseudonym("k", "user_id", "1"));
        assert!(
            [pseudonym("l", "user_id", "1"), pseudonym("k", "store_id", "1"), pseudonym("k", "user_id", "2")]
                .iter()
                .all(|other| *other != one)
        );
    }
}
