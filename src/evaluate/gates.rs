//! Gates: what a night must pass to be published, each with its value, its limit and a sentence.
//!
//! In: figures of the published learner, quality of the data, comparisons with the current run, row counts. Out: [`Gate`]s.
//! Not here: what happens to a night that fails one.

mod counted;
mod require;

pub use counted::Counted;
pub use require::{Measured, QUALITY, Requirement, Unknown};

use super::paired::Verdict;

/// What `[gates]` asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct GateSettings {
    /// Limits of single measures.
    pub require: Vec<Requirement>,
    /// Whether the current run's model is a limit.
    pub against_current: bool,
    /// How much worse than it a model may be: in AUC, or as a share of the current error.
    pub margin: f64,
    /// Least share of the median row count of past nights; 0 = off.
    pub rows: f64,
    /// The same of each scenario's rows to score; 0 = off.
    pub scenario_rows: f64,
    /// Scenarios that may have no rows to score though the current run had some; `*` = any.
    pub may_be_empty: Vec<String>,
    /// Largest population stability index of the scores; 0 = off.
    pub score_psi: f64,
}

/// A name for every scenario.
const ANY: &str = "*";

impl GateSettings {
    /// Whether a scenario may be without rows to score.
    #[must_use]
    pub fn may_be_empty(&self, scenario: &str) -> bool {
        self.may_be_empty.iter().any(|name| name == ANY || name == scenario)
    }
}

/// Tonight's model against the current run's in a cell, on the same rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Against {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// `auc`, or `rmse` for amounts.
    pub metric: &'static str,
    /// The current run's figure.
    pub current: f64,
    /// Tonight's.
    pub tonight: f64,
    /// How much better tonight is, and its interval.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Two-sided p-value of no difference; NaN where two nights' own figures are compared.
    pub p: f64,
    /// After correction for the number of comparisons.
    pub verdict: Verdict,
    /// Rows.
    pub n: u64,
    /// Whether both models predicted the same rows; else two nights' own figures are compared.
    pub paired: bool,
}

/// A gate and whether the night passes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// `required`, `current run`, `rows`, `scenario rows` or `scores`.
    pub kind: &'static str,
    /// What is asked for.
    pub gate: String,
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task or subject; empty where it is about all.
    pub task: String,
    /// Tonight's value.
    pub value: Option<f64>,
    /// Its limit.
    pub limit: Option<f64>,
    /// Whether the night may be published as far as this gate is concerned.
    pub passed: bool,
    /// The same in a sentence.
    pub words: String,
}

fn named(measure: &str, of: &str, scenario: &str) -> String {
    let of = if of.is_empty() || of == "*" { String::new() } else { format!(" of {of}") };
    let place = if scenario == "*" { String::new() } else { format!(" in {scenario}") };
    format!("{measure}{of}{place}")
}

/// How far a cell's scores have moved since the current run.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Population stability index.
    pub psi: f64,
    /// Whether it is more than chance does.
    pub beyond_chance: bool,
}

/// Every gate of a night.
#[must_use]
pub fn gates(settings: &GateSettings, measured: &[Measured], against: &[Against], counted: &[Counted], moved: &[Moved]) -> Vec<Gate> {
    let mut gates: Vec<Gate> = settings.require.iter().flat_map(|requirement| requirement.gates(measured)).collect();
    if settings.against_current {
        gates.extend(against.iter().map(|against| not_worse(against, settings.margin)));
    }
    gates.extend(counted.iter().filter_map(|counted| counted.gate(settings)));
    if settings.score_psi > 0.0 {
        gates.extend(moved.iter().map(|moved| as_spread(moved, settings.score_psi)));
    }
    gates
}

/// Held where the scores have moved beyond chance and further than `limit`. What chance explains is no drift, whatever its size.
fn as_spread(moved: &Moved, limit: f64) -> Gate {
    let psi = moved.psi;
    let passed = !moved.beyond_chance || psi <= limit;
    let name = named("scores", &moved.task, &moved.scenario);
    let words = if !passed {
        format!("The {name} have moved: stability index {psi:.3}, at most {limit} is allowed.")
    } else if moved.beyond_chance {
        format!("The {name} are spread much as in the current run: stability index {psi:.3}, at most {limit} is allowed.")
    } else {
        format!("The {name} are spread as in the current run: stability index {psi:.3}, within chance.")
    };
    Gate {
        kind: "scores",
        gate: format!("stability index <= {limit}"),
        scenario: moved.scenario.clone(),
        task: moved.task.clone(),
        value: Some(psi),
        limit: Some(limit),
        passed,
        words,
    }
}

/// Held where tonight is worse beyond doubt and by more than the margin.
fn not_worse(against: &Against, margin: f64) -> Gate {
    let margin = if against.metric == "auc" { margin } else { margin * against.current.abs() };
    let passed = against.verdict != Verdict::Hurt || against.value >= -margin;
    let name = named(against.metric, &against.task, &against.scenario);
    let rows = if against.paired { "on the same rows" } else { "each on its own held-out night" };
    let words = format!(
        "{name} is {:.4}, that of the current run {:.4} {rows}: {} by {:.4} (95 % interval {:+.4} to {:+.4}, positive is better).",
        against.tonight,
        against.current,
        if against.value < 0.0 { "worse" } else { "better" },
        against.value.abs(),
        against.low,
        against.high
    );
    Gate {
        kind: "current run",
        gate: format!("not worse than the current run by more than {margin:.4}"),
        scenario: against.scenario.clone(),
        task: against.task.clone(),
        value: Some(against.value),
        limit: Some(-margin),
        passed,
        words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sure_and_large_loss_against_the_current_run_holds() {
        let against = |value: f64, verdict: Verdict| Against {
            scenario: "*".into(),
            task: "click".into(),
            metric: "auc",
            current: 0.8,
            tonight: 0.8 + value,
            value,
            low: value - 0.001,
            high: value + 0.001,
            p: 0.01,
            verdict,
            n: 100,
            paired: true,
        };
        assert!(not_worse(&against(-0.001, Verdict::Hurt), 0.002).passed);
        assert!(not_worse(&against(-0.01, Verdict::NoEvidence), 0.002).passed);
        assert!(!not_worse(&against(-0.01, Verdict::Hurt), 0.002).passed);
    }

    #[test]
    fn scores_within_chance_keep_their_index_and_say_so() {
        let of = |psi: f64, beyond_chance| as_spread(&Moved { scenario: "*".into(), task: "click".into(), psi, beyond_chance }, 2.0);
        let chance = of(3.0, false);
        assert!(chance.passed && chance.value == Some(3.0) && chance.words.ends_with("3.000, within chance."), "{}", chance.words);
        assert!(of(1.0, true).passed && !of(1.0, true).words.contains("chance"));
        assert!(!of(2.5, true).passed);
    }
}
