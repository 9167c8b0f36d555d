//! How the leading features move the output: accumulated local effects with their band.

use super::super::block::Section;
use super::super::charts::{EffectChart, EffectLine, effect};
use super::super::content::Report;
use super::super::explained::CurveInfo;
use super::super::format::{number, short};

/// Curves shown per task.
const CURVES: usize = 4;
/// Scenarios drawn beside the line of all.
const LINES: usize = 4;

/// Curves of the leading features of each task.
pub(super) fn effects(report: &Report) -> Section {
    let mut charts = Vec::new();
    for task in &report.tasks {
        for feature in leading(report, &task.name).into_iter().take(CURVES) {
            charts.push(one(report, &task.name, task.kind == "binary", feature));
        }
    }
    let words = report.words();
    Section { id: "effects", title: words.effects(), finding: finding(report), charts, tables: Vec::new(), how: words.effects_how() }
}

/// Features with a curve, in the order of their importance for the task.
fn leading<'a>(report: &'a Report, task: &str) -> Vec<&'a str> {
    let mut own: Vec<(&str, f64)> = Vec::new();
    for row in report.importance.iter().filter(|row| row.task == task && row.scenario == "*") {
        if of(report, task, &row.feature).any(|point| point.scenario == "*") {
            own.push((&row.feature, row.value));
        }
    }
    own.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    own.into_iter().map(|(feature, _)| feature).collect()
}

fn of<'a>(report: &'a Report, task: &'a str, feature: &'a str) -> impl Iterator<Item = &'a CurveInfo> {
    report.explained.curves.iter().filter(move |point| point.task == task && point.feature == feature)
}

fn finding(report: &Report) -> String {
    let Some(task) = report.tasks.first() else { return String::new() };
    let Some(feature) = leading(report, &task.name).first().copied() else { return String::new() };
    let points: Vec<&CurveInfo> = of(report, &task.name, feature).filter(|point| point.scenario == "*").collect();
    let highest = points.iter().max_by(|a, b| a.effect.total_cmp(&b.effect));
    let lowest = points.iter().min_by(|a, b| a.effect.total_cmp(&b.effect));
    highest.zip(lowest).map_or_else(String::new, |(highest, lowest)| {
        let binary = task.kind == "binary";
        let (low, high) = (worth(lowest.published, binary), worth(highest.published, binary));
        report.words().effects_finding(feature, &task.name, low, &lowest.label, high, &highest.label)
    })
}

/// An effect in what is published: percentage points of a probability, or the label's unit.
fn worth(published: f64, binary: bool) -> String {
    let sign = if published < 0.0 { "" } else { "+" };
    if binary { format!("{sign}{} pp", number(published * 100.0)) } else { format!("{sign}{}", number(published)) }
}

fn one(report: &Report, task: &str, binary: bool, feature: &str) -> String {
    let all: Vec<&CurveInfo> = of(report, task, feature).filter(|point| point.scenario == "*").collect();
    let points: Vec<String> = all.iter().map(|point| report.words().said(&point.label).to_owned()).collect();
    // “Missing” is a point of a number too, and stands apart.
    let joined = all.iter().filter(|point| point.method == "accumulated local effect").count();
    let at = |number: u32| all.iter().position(|own| own.point == number);
    let scenarios = std::iter::once("*").chain(report.scenarios.iter().take(LINES).map(String::as_str));
    let lines: Vec<EffectLine> = scenarios
        .map(|scenario| {
            let own = of(report, task, feature).filter(|point| point.scenario == scenario);
            let points = own.filter_map(|point| Some((at(point.point)?, point.effect, point.low.zip(point.high)))).collect();
            EffectLine { name: report.words().place(scenario).to_owned(), points }
        })
        .filter(|line| !line.points.is_empty())
        .collect();
    let partial: Vec<(usize, f64)> = all.iter().enumerate().filter_map(|(point, own)| Some((point, own.partial?))).collect();
    let shares: Vec<f64> = all.iter().map(|point| point.share).collect();
    let range = |pick: fn(f64, f64) -> f64| all.iter().map(|point| point.published).reduce(pick).unwrap_or(0.0);
    let note = report.words().effect_published(worth(range(f64::min), binary), worth(range(f64::max), binary));
    effect(
        report.words(),
        &EffectChart {
            title: &format!("{} · {feature}", short(task, 20)),
            note: &note,
            points: &points,
            joined,
            lines: &lines,
            partial: &partial,
            shares: &shares,
        },
    )
}
