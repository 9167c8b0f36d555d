//! As many rows as on past nights, in all and in each scenario.
//!
//! In: tonight's count beside those of past nights. Out: a [`Gate`], or none where there is nothing to hold a count against.

use super::{ANY, Gate, GateSettings, named};

/// Rows of a scenario in the median, at least: fewer come and go by chance.
const SUPPORT: f64 = 30.0;

/// A number tonight beside the same number of past nights.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// `rows to score` or `rows held out`.
    pub what: &'static str,
    /// Scenario, or `*`.
    pub scenario: String,
    /// Tonight.
    pub tonight: f64,
    /// Past nights, the current run's first.
    pub past: Vec<f64>,
}

impl Counted {
    /// Its gate. `None` without a past, and where the job does not ask.
    pub(super) fn gate(&self, settings: &GateSettings) -> Option<Gate> {
        if self.scenario == ANY {
            return if settings.rows > 0.0 { self.as_many(settings.rows, "rows") } else { None };
        }
        if self.tonight == 0.0 {
            return self.not_empty(settings);
        }
        let enough = settings.scenario_rows > 0.0 && self.median().is_some_and(|median| median >= SUPPORT);
        if enough { self.as_many(settings.scenario_rows, "scenario rows") } else { None }
    }

    /// Median of past nights.
    fn median(&self) -> Option<f64> {
        let mut past = self.past.clone();
        past.sort_unstable_by(f64::total_cmp);
        match past.len() {
            0 => None,
            n if n % 2 == 1 => Some(past[n / 2]),
            n => Some(f64::midpoint(past[n / 2 - 1], past[n / 2])),
        }
    }

    /// Held where the count lies outside `share` to `1 / share` of the median of past nights.
    fn as_many(&self, share: f64, kind: &'static str) -> Option<Gate> {
        let median = self.median()?;
        let (least, most) = (share * median, median / share);
        let passed = self.tonight >= least && self.tonight <= most;
        let words = format!(
            "There are {:.0} {}; the median of {} past night(s) is {median:.0}: {least:.0} to {most:.0} are allowed.",
            self.tonight,
            named(self.what, "", &self.scenario),
            self.past.len()
        );
        Some(Gate {
            kind,
            gate: format!("{} between {share} and {:.3} of the median", self.what, 1.0 / share),
            scenario: self.scenario.clone(),
            task: String::new(),
            value: Some(self.tonight),
            // The one of the two that the count is nearer to.
            limit: Some(if self.tonight <= median { least } else { most }),
            passed,
            words,
        })
    }

    /// Held where the scenario has no rows and had some in the current run, unless the job allows it.
    fn not_empty(&self, settings: &GateSettings) -> Option<Gate> {
        let before = self.past.first().copied().filter(|before| *before > 0.0)?;
        let passed = settings.may_be_empty(&self.scenario);
        let allowed =
            if passed { "`gates.may_be_empty` allows it." } else { "where that is right, name the scenario under `gates.may_be_empty`." };
        Some(Gate {
            kind: "scenario rows",
            gate: format!("{} in every scenario that had some", self.what),
            scenario: self.scenario.clone(),
            task: String::new(),
            value: Some(0.0),
            limit: Some(1.0),
            passed,
            words: format!("There are no {}; the current run had {before:.0}: {allowed}", named(self.what, "", &self.scenario)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(scenario: &str, tonight: f64, past: &[f64]) -> Option<Gate> {
        let settings = GateSettings {
            require: Vec::new(),
            against_current: true,
            margin: 0.0,
            rows: 0.5,
            scenario_rows: 0.25,
            may_be_empty: vec!["shelf".into()],
            score_psi: 2.0,
        };
        Counted { what: "rows to score", scenario: scenario.into(), tonight, past: past.to_vec() }.gate(&settings)
    }

    #[track_caller]
    fn check(scenario: &str, tonight: f64, past: &[f64], expect: Option<bool>) {
        let gate = gate(scenario, tonight, past);
        assert_eq!(gate.as_ref().map(|gate| gate.passed), expect, "{gate:?}");
    }

    #[test]
    fn half_the_rows_or_twice_as_many_hold() {
        let past = [90.0, 100.0, 1000.0];
        check("*", 60.0, &past, Some(true));
        check("*", 49.0, &past, Some(false));
        check("*", 201.0, &past, Some(false));
        check("*", 1.0, &[], None);
    }

    #[test]
    fn the_limit_is_the_one_that_the_count_is_nearer_to() {
        let limit = |tonight| gate("*", tonight, &[100.0]).and_then(|gate| gate.limit);
        assert_eq!((limit(60.0), limit(150.0)), (Some(50.0), Some(200.0)));
    }

    #[test]
    fn a_quarter_of_a_scenarios_rows_holds_where_it_has_enough_of_them() {
        check("home", 26.0, &[100.0, 100.0], Some(true));
        check("home", 24.0, &[100.0, 100.0], Some(false));
        check("home", 401.0, &[100.0], Some(false));
        check("home", 1.0, &[20.0], None);
        check("home", 1.0, &[], None);
    }

    #[test]
    fn a_scenario_without_rows_holds_when_the_current_run_had_some() {
        check("home", 0.0, &[5.0], Some(false));
        check("shelf", 0.0, &[500.0], Some(true));
        // Published by hand the night before, it is as before.
        check("home", 0.0, &[0.0, 500.0, 500.0], None);
        check("home", 0.0, &[], None);
        let words = gate("home", 0.0, &[5.0]).map(|gate| gate.words).unwrap_or_default();
        assert!(words.starts_with("There are no rows to score in home; the current run had 5: "), "{words}");
    }
}
