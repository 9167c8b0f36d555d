//! What a job asks of a night, a sentence each: read, held against what can be measured, judged.
//!
//! In: `auc of purchase in every scenario >= 0.7`, and tonight's values. Out: a [`Gate`] for each value that a sentence speaks of.
//! Not here: gates that need an earlier night.

use super::{Gate, named};
use crate::evaluate::replicates::{AMOUNTS, BINARY};
use crate::learn::rows::Task;

/// Figures of a binary task that have no interval, beside those that have one.
const SETTINGS: [&str; 2] = ["threshold", "top_k"];
/// Measures of the quality of data, as `quality.parquet` names them.
pub const QUALITY: [&str; 16] = [
    "values present",
    "categories known",
    "effective categories",
    "values within training range",
    "distance to all rows",
    "entities",
    "effective entities",
    "Gini of rows per entity",
    "features that inform",
    "scenarios present",
    "effective scenarios",
    "scenario known",
    "records kept",
    "days present of the last 28",
    "labels observed of labels due",
    "labels that contradict their chain",
];

/// A name in a requirement that nothing has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What it should name, in a sentence: there is no measure `acu`.
    pub message: String,
    /// The name.
    pub name: String,
    /// The names that there are.
    pub known: Vec<String>,
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

    /// The first name of the requirement that nothing has: its measure, its task where the measure is a figure of a task, or its
    /// scenario where the job lists them all (`scenarios`, else empty). `None` = it can be measured.
    #[must_use]
    pub fn unknown(&self, tasks: &[Task], scenarios: &[String]) -> Option<Unknown> {
        let metrics = |task: &Task| -> Vec<&str> {
            if task.kind.is_binary() { BINARY.iter().chain(&SETTINGS).copied().collect() } else { AMOUNTS.to_vec() }
        };
        let told = |message: String, name: &str, known: Vec<String>| Some(Unknown { message, name: name.to_owned(), known });
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        if let Place::Scenario(scenario) = &self.place
            && !scenarios.is_empty()
            && !scenarios.contains(scenario)
        {
            return told(format!("there is no scenario `{scenario}`"), scenario, scenarios.to_vec());
        }
        let measure = self.measure.as_str();
        if QUALITY.contains(&measure) {
            return None;
        }
        let all: Vec<&str> = BINARY.iter().chain(&SETTINGS).chain(&AMOUNTS).copied().collect();
        if !all.contains(&measure) {
            let mut names: Vec<&str> = all.into_iter().chain(QUALITY).collect();
            names.sort_unstable();
            names.dedup();
            return told(format!("there is no measure `{measure}`"), measure, owned(names));
        }
        let with: Vec<String> = tasks.iter().filter(|task| metrics(task).contains(&measure)).map(|task| task.name.clone()).collect();
        match &self.of {
            None if with.is_empty() => {
                told(format!("no task of the job has `{measure}`"), measure, owned(tasks.first().map_or(Vec::new(), metrics)))
            }
            None => None,
            Some(of) => match tasks.iter().find(|task| task.name == *of) {
                None => told(format!("there is no task `{of}`"), of, tasks.iter().map(|task| task.name.clone()).collect()),
                Some(task) if metrics(task).contains(&measure) => None,
                Some(task) => told(format!("`{measure}` is not measured of the task `{of}`"), measure, owned(metrics(task))),
            },
        }
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
    pub(super) fn gates(&self, measured: &[Measured]) -> Vec<Gate> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::rows::TaskKind;

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

    fn task(name: &str, kind: TaskKind) -> Task {
        Task { name: name.into(), kind, after: None, alpha: 1.0 }
    }

    #[test]
    fn a_name_that_nothing_has_is_told_with_those_that_there_are() {
        let tasks = [task("buy", TaskKind::Binary), task("spend", TaskKind::Regression)];
        let scenarios = ["home".to_owned()];
        let told = |text: &str| Requirement::parse(text).expect(text).unknown(&tasks, &scenarios);
        for text in ["auc >= 0.5", "auc of buy in home >= 0.5", "rmse of spend in every scenario <= 3", "values present of price >= 0.9"] {
            assert_eq!(told(text), None, "{text}");
        }
        for (text, message) in [
            ("acu >= 0.5", "there is no measure `acu`"),
            ("auc of by >= 0.5", "there is no task `by`"),
            ("auc of spend >= 0.5", "`auc` is not measured of the task `spend`"),
            ("auc in cart >= 0.5", "there is no scenario `cart`"),
        ] {
            assert_eq!(told(text).map(|unknown| unknown.message).as_deref(), Some(message));
        }
        assert!(told("acu >= 0.5").is_some_and(|unknown| unknown.known.contains(&"auc".to_owned())));
        let amounts = [task("spend", TaskKind::Regression)];
        let none = Requirement::parse("auc >= 0.5").expect("a requirement").unknown(&amounts, &[]);
        assert_eq!(none.map(|unknown| unknown.message).as_deref(), Some("no task of the job has `auc`"));
    }
}
