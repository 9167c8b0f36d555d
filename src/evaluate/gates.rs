//! Gates: what a night must pass to be published, each with its value, its limit and a sentence.
//!
//! In: figures of the published learner, quality of the data, comparisons with the current run, row counts. Out: [`Gate`]s.
//! Not here: what happens to a night that fails one.

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
    /// Largest population stability index of the scores; 0 = off.
    pub score_psi: f64,
}

/// A limit on a measure: `auc of purchase in every scenario >= 0.7`.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// As the job writes it.
    pub text: String,
    measure: String,
    /// Task of a metric, or subject of a measure of quality.
    of: Option<String>,
    place: Place,
    least: bool,
    limit: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Place {
    All,
    Scenario(String),
    Every,
}

/// A value that a requirement can speak of.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Name of the metric or of the measure of quality.
    pub measure: String,
    /// Task, or subject; empty for the whole.
    pub of: String,
    /// Scenario, or `*`.
    pub scenario: String,
    /// `None` where it is not defined or not supported.
    pub value: Option<f64>,
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

/// A number tonight beside the same number of past nights.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// `rows to score` or `rows held out`.
    pub what: &'static str,
    /// Tonight.
    pub tonight: f64,
    /// Past nights.
    pub past: Vec<f64>,
}

/// A gate and whether the night passes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// `required`, `current run`, `rows` or `scores`.
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

impl Requirement {
    /// Reads `<measure> [of <task or subject>] [in <scenario> | in every scenario] >= <number>`, or `<=`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("`{text}` {what}");
        let (left, least, limit) = match (text.split_once(">="), text.split_once("<=")) {
            (Some((left, limit)), None) => (left, true, limit),
            (None, Some((left, limit))) => (left, false, limit),
            _ => return Err(wrong("has not one >= or <=")),
        };
        let limit: f64 = limit.trim().parse().map_err(|_| wrong("has no number behind the sign"))?;
        if !limit.is_finite() {
            return Err(wrong("has no finite number behind the sign"));
        }
        let (left, place) = match left.split_once(" in ") {
            None => (left, Place::All),
            Some((left, place)) if place.trim() == "every scenario" => (left, Place::Every),
            Some((left, place)) => (left, Place::Scenario(place.trim().to_owned())),
        };
        let (measure, of) = match left.split_once(" of ") {
            // "days present of the last 28" is a measure with its own `of`: a subject follows the last one.
            Some(_) if left.trim_end().ends_with("of the last 28") => (left, None),
            Some(_) => left.rsplit_once(" of ").map_or((left, None), |(measure, of)| (measure, Some(of.trim().to_owned()))),
            None => (left, None),
        };
        let measure = measure.trim().to_owned();
        if measure.is_empty() {
            return Err(wrong("names no measure"));
        }
        Ok(Self { text: text.trim().to_owned(), measure, of, place, least, limit })
    }

    fn speaks_of(&self, measured: &Measured) -> bool {
        self.measure == measured.measure
            && self.of.as_ref().is_none_or(|of| *of == measured.of)
            && match &self.place {
                Place::All => measured.scenario == "*",
                Place::Scenario(scenario) => *scenario == measured.scenario,
                Place::Every => measured.scenario != "*",
            }
    }

    /// One gate for each value that the requirement speaks of. One that speaks of nothing is not passed: it is misspelt.
    fn gates(&self, measured: &[Measured]) -> Vec<Gate> {
        let found: Vec<&Measured> = measured.iter().filter(|measured| self.speaks_of(measured)).collect();
        if found.is_empty() {
            let words = format!("Nothing is measured that `{}` speaks of.", self.text);
            return vec![self.gate("*", self.of.as_deref().unwrap_or(""), None, false, words)];
        }
        found.into_iter().map(|measured| self.judge(measured)).collect()
    }

    fn judge(&self, measured: &Measured) -> Gate {
        let name = named(&self.measure, &measured.of, &measured.scenario);
        let Some(value) = measured.value else {
            // Who names a task and a place wants it measured; a rule for all passes over what cannot be.
            let named = self.of.is_some() && self.place != Place::Every;
            let words = format!("{name} cannot be judged: there is too little support.");
            return self.gate(&measured.scenario, &measured.of, None, !named, words);
        };
        let passed = if self.least { value >= self.limit } else { value <= self.limit };
        let bound = if self.least { "at least" } else { "at most" };
        let words = if passed {
            format!("{name} is {value:.4}; {bound} {} is required.", self.limit)
        } else {
            let way = if self.least { "low" } else { "high" };
            format!("{name} is {value:.4}, {:.4} too {way}: {bound} {} is required.", (value - self.limit).abs(), self.limit)
        };
        self.gate(&measured.scenario, &measured.of, Some(value), passed, words)
    }

    fn gate(&self, scenario: &str, task: &str, value: Option<f64>, passed: bool, words: String) -> Gate {
        Gate {
            kind: "required",
            gate: self.text.clone(),
            scenario: scenario.to_owned(),
            task: task.to_owned(),
            value,
            limit: Some(self.limit),
            passed,
            words,
        }
    }
}

fn named(measure: &str, of: &str, scenario: &str) -> String {
    let of = if of.is_empty() || of == "*" { String::new() } else { format!(" of {of}") };
    let place = if scenario == "*" { String::new() } else { format!(" in {scenario}") };
    format!("{measure}{of}{place}")
}

/// Every gate of a night. `score_psi` holds `(scenario, task, index)` of tonight's scores against the current run's.
#[must_use]
pub fn gates(
    settings: &GateSettings,
    measured: &[Measured],
    against: &[Against],
    counted: &[Counted],
    score_psi: &[(String, String, f64)],
) -> Vec<Gate> {
    let mut gates: Vec<Gate> = settings.require.iter().flat_map(|requirement| requirement.gates(measured)).collect();
    if settings.against_current {
        gates.extend(against.iter().map(|against| not_worse(against, settings.margin)));
    }
    if settings.rows > 0.0 {
        gates.extend(counted.iter().filter_map(|counted| as_many(counted, settings.rows)));
    }
    if settings.score_psi > 0.0 {
        gates.extend(score_psi.iter().map(|(scenario, task, psi)| {
            let passed = *psi <= settings.score_psi;
            let name = named("scores", task, scenario);
            let words = if passed {
                format!("The {name} are spread as in the current run: stability index {psi:.3}.")
            } else {
                format!("The {name} have moved: stability index {psi:.3}, at most {} is allowed.", settings.score_psi)
            };
            Gate {
                kind: "scores",
                gate: format!("stability index <= {}", settings.score_psi),
                scenario: scenario.clone(),
                task: task.clone(),
                value: Some(*psi),
                limit: Some(settings.score_psi),
                passed,
                words,
            }
        }));
    }
    gates
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

/// Held where the count lies outside `share` to `1 / share` of the median of past nights. `None` without a past.
fn as_many(counted: &Counted, share: f64) -> Option<Gate> {
    let mut past = counted.past.clone();
    past.sort_unstable_by(f64::total_cmp);
    let median = match past.len() {
        0 => return None,
        n if n % 2 == 1 => past[n / 2],
        n => f64::midpoint(past[n / 2 - 1], past[n / 2]),
    };
    let passed = counted.tonight >= share * median && counted.tonight * share <= median;
    let words = format!("There are {:.0} {}; the median of {} past night(s) is {median:.0}.", counted.tonight, counted.what, past.len());
    Some(Gate {
        kind: "rows",
        gate: format!("{} between {share} and {:.3} of the median", counted.what, 1.0 / share),
        scenario: "*".into(),
        task: String::new(),
        value: Some(counted.tonight),
        limit: Some(median),
        passed,
        words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(measure: &str, of: &str, scenario: &str, value: Option<f64>) -> Measured {
        Measured { measure: measure.into(), of: of.into(), scenario: scenario.into(), value }
    }

    fn values() -> Vec<Measured> {
        vec![
            measured("auc", "click", "*", Some(0.8)),
            measured("auc", "buy", "*", Some(0.6)),
            measured("auc", "click", "home", Some(0.9)),
            measured("auc", "click", "cart", None),
            measured("auc", "buy", "home", Some(0.4)),
            measured("missing", "price", "*", Some(0.2)),
        ]
    }

    #[track_caller]
    fn check(text: &str, expect: &[(&str, &str, bool)]) {
        let requirement = Requirement::parse(text).expect(text);
        let gates = requirement.gates(&values());
        let seen: Vec<_> = gates.iter().map(|gate| (gate.scenario.as_str(), gate.task.as_str(), gate.passed)).collect();
        assert_eq!(seen, expect, "{text}: {gates:?}");
    }

    #[test]
    fn a_requirement_speaks_of_totals_of_a_cell_or_of_every_cell() {
        check("auc >= 0.7", &[("*", "click", true), ("*", "buy", false)]);
        check("auc of buy <= 0.7", &[("*", "buy", true)]);
        check("auc in every scenario >= 0.5", &[("home", "click", true), ("cart", "click", true), ("home", "buy", false)]);
        check("missing of price <= 0.1", &[("*", "price", false)]);
    }

    #[test]
    fn what_is_named_must_be_measured() {
        check("auc of click in cart >= 0.5", &[("cart", "click", false)]);
        check("aux >= 0.5", &[("*", "", false)]);
        check("auc of bye >= 0.5", &[("*", "bye", false)]);
    }

    #[test]
    fn a_sentence_that_cannot_be_read_is_refused() {
        for text in ["auc", "auc > 0.5", ">= 0.5", "auc >= high", "auc >= inf", "0.1 <= auc >= 0.2"] {
            assert!(Requirement::parse(text).is_err(), "{text}");
        }
        let whole = Requirement::parse("days present of the last 28 of impressions >= 0.9").expect("a measure with its own `of`");
        assert_eq!((whole.measure.as_str(), whole.of.as_deref()), ("days present of the last 28", Some("impressions")));
        assert_eq!(Requirement::parse("days present of the last 28 >= 0.9").expect("of the whole").of, None);
    }

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
    fn half_the_rows_or_twice_as_many_hold() {
        let of = |tonight: f64| as_many(&Counted { what: "rows to score", tonight, past: vec![90.0, 100.0, 1000.0] }, 0.5);
        assert!(of(60.0).is_some_and(|gate| gate.passed));
        assert!(of(49.0).is_some_and(|gate| !gate.passed));
        assert!(of(201.0).is_some_and(|gate| !gate.passed));
        assert_eq!(as_many(&Counted { what: "rows to score", tonight: 1.0, past: vec![] }, 0.5), None);
    }
}
