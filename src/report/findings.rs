//! The three findings that a reader should see first, worst first.
//!
//! In: [`Report`]. Out: sentences, each with the section that it is about. Severity is an order of kinds, so that a reader learns it
//! by heart: what held the night, what has changed, whom sharing hurts, which totals are off, what the network lost, what is too thin to judge.

use super::content::{FigureInfo, Report};
use super::format::{count, fixed, percent};
use super::sections::{change, evidence};

/// A finding.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// Id of the section that it is about.
    pub(super) section: &'static str,
    pub(super) words: String,
}

/// Findings that are shown.
const SHOWN: usize = 3;

/// Up to three findings, worst first.
pub(super) fn findings(report: &Report) -> Vec<Finding> {
    let words = report.words();
    let mut found: Vec<Finding> = report
        .gates
        .iter()
        .filter(|gate| !gate.passed)
        .map(|gate| Finding { section: "gates", words: evidence::gate_words(words, gate) })
        .collect();
    // One of each kind, so that a night with many alarms does not hide what else is wrong.
    found.truncate(SHOWN);
    let rest =
        [drift(report), hurt(report), total(report), better(report), collapsed(report), thin(report), refused(report), weakest(report)];
    found.extend(rest.into_iter().flatten().map(|(section, words)| Finding { section, words }));
    found.truncate(SHOWN);
    found
}

type Found = Option<(&'static str, String)>;

fn drift(report: &Report) -> Found {
    let heaviest = report.drift.iter().find(|drift| drift.alarm)?;
    let words = report.words();
    Some(("drift", words.finding_drift(change::drift_words(words, heaviest))))
}

fn hurt(report: &Report) -> Found {
    let words = report.words();
    let hurt = report.transfer.iter().filter(|entry| entry.verdict == "hurt");
    let worst = hurt.min_by(|a, b| a.value.total_cmp(&b.value))?;
    let [shared, other] = [worst.shared, worst.other].map(|value| fixed(Some(value), 4));
    let (against, metric) = (evidence::against_words(words, &worst.against), evidence::metric(words, worst));
    Some(("transfer", words.finding_hurt(&worst.scenario, &worst.task, against, metric, shared, other)))
}

/// The cells of the published learner.
fn cells<'a>(report: &'a Report, metric: &'static str) -> impl Iterator<Item = &'a FigureInfo> {
    report
        .figures
        .iter()
        .filter(move |figure| figure.learner == report.learner && figure.scenario != "*" && figure.task != "*" && figure.metric == metric)
}

/// The total that is furthest off among those whose interval does not hold 1.
fn total(report: &Report) -> Found {
    let words = report.words();
    let sure = cells(report, "predicted_observed").filter_map(|figure| {
        let (value, low, high) = (figure.value?, figure.low?, figure.high?);
        (value > 0.0 && (low > 1.0 || high < 1.0)).then_some((value, low, high, figure))
    });
    let (value, low, high, figure) = sure.max_by(|a, b| a.0.ln().abs().total_cmp(&b.0.ln().abs()))?;
    let [value, low, high] = [value, low, high].map(|value| fixed(Some(value), 2));
    Some(("cells", words.finding_total(&figure.task, &figure.scenario, value, low, high)))
}

fn better(report: &Report) -> Found {
    let words = report.words();
    let mean = |learner: &str| report.figure(learner, "*", "*", "auc").and_then(|figure| figure.value);
    let own = mean(&report.learner)?;
    let others = report.learners().into_iter().filter(|learner| *learner != report.learner);
    let (theirs, name) = others.filter_map(|learner| Some((mean(learner)?, learner))).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let [mine, them] = [own, theirs].map(|value| fixed(Some(value), 4));
    (theirs > own).then(|| ("challengers", words.challenger_better(name, &report.learner, them, mine)))
}

/// Experts that have become one.
fn collapsed(report: &Report) -> Found {
    let pairs = || report.explained.inside.iter().filter(|row| row.measure == "expert similarity");
    let (collapsed, pairs) = (pairs().filter(|row| row.alarm).count(), pairs().count());
    (collapsed > 0).then(|| ("inside", report.words().finding_collapsed(collapsed, pairs)))
}

fn thin(report: &Report) -> Found {
    let thin = cells(report, "base_rate").filter(|figure| figure.note.is_some()).count();
    (thin > 0).then(|| ("cells", report.words().finding_thin(thin)))
}

fn refused(report: &Report) -> Found {
    let most = report.refused.iter().max_by_key(|refused| refused.rows)?;
    let table = report.tables.iter().find(|table| table.name == most.table)?;
    let share = most.rows as f64 / (table.rows + table.refused).max(1) as f64;
    Some(("cleaning", report.words().finding_refused(&most.reason, &most.table, count(most.rows), percent(share))))
}

fn weakest(report: &Report) -> Found {
    let known = cells(report, "auc").filter_map(|figure| Some((figure.value?, figure)));
    let (auc, figure) = known.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(("cells", report.words().finding_weakest(&figure.task, &figure.scenario, fixed(Some(auc), 3), count(figure.n))))
}
