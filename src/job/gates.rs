//! `[gates]`: what a job asks of a night, held against its tasks and scenarios.
//!
//! In: the raw section. Out: [`GateSettings`], or a [`JobError`] that names the key and the nearest name.

use super::JobTask;
use super::check::{positive, value};
use super::error::JobError;
use super::raw::RawGates;
use crate::evaluate::gates::{GateSettings, Requirement};
use crate::learn::rows::Task;

/// How a requirement is written.
const REQUIREMENT: &str = "write it as \"auc of purchase in every scenario >= 0.7\"";

/// Reads `[gates]`.
pub(super) fn check(raw: RawGates, tasks: &[JobTask], scenarios: &[String]) -> Result<GateSettings, JobError> {
    for (key, share) in [("gates.rows", raw.rows), ("gates.scenario_rows", raw.scenario_rows)] {
        if !(0.0..1.0).contains(&share) {
            return Err(value(key, format!("{share} is no share"), "between 0 (off) and 1, for example 0.5"));
        }
    }
    if let Some(name) = raw.may_be_empty.iter().find(|name| *name != "*" && !scenarios.is_empty() && !scenarios.contains(name)) {
        return Err(value("gates.may_be_empty", format!("there is no scenario `{name}`"), near(name, scenarios)));
    }
    let tasks: Vec<Task> = tasks.iter().map(|task| task.task.clone()).collect();
    let mut require = Vec::new();
    for text in &raw.require {
        let wrong = |message, hint: String| value("gates.require", message, hint);
        let requirement = Requirement::parse(text).map_err(|message| wrong(message, REQUIREMENT.to_owned()))?;
        match requirement.unknown(&tasks, scenarios) {
            None => require.push(requirement),
            // The usual requirement is of events: it asks nothing of a job that has none.
            Some(_) if usual(text) => {}
            Some(unknown) => return Err(wrong(format!("`{text}`: {}", unknown.message), near(&unknown.name, &unknown.known))),
        }
    }
    Ok(GateSettings {
        require,
        scenario_rows: raw.scenario_rows,
        may_be_empty: raw.may_be_empty,
        against_current: raw.against_current,
        margin: positive("gates.margin", raw.margin)?,
        rows: raw.rows,
        score_psi: positive("gates.score_psi", raw.score_psi)?,
    })
}

/// Whether a requirement is one of the defaults.
fn usual(text: &str) -> bool {
    let defaults = super::DEFAULTS.parse::<toml::Table>().ok();
    let require = defaults.as_ref().and_then(|defaults| defaults.get("gates")?.get("require")?.as_array());
    require.is_some_and(|require| require.iter().any(|known| known.as_str() == Some(text)))
}

/// The name nearest to one that is not known, or all that are.
fn near(name: &str, known: &[String]) -> String {
    let most = name.chars().count() / 2;
    let distance = |known: &&String| strsim::damerau_levenshtein(name, known);
    match known.iter().min_by_key(distance).filter(|known| distance(known) <= most) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("one of: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Threshold;
    use crate::learn::rows::TaskKind;

    #[test]
    fn the_usual_requirement_asks_nothing_of_a_job_without_events() {
        let asked = |kind, require: &str| {
            let raw = RawGates {
                require: vec![require.to_owned()],
                against_current: true,
                margin: 0.0,
                rows: 0.5,
                scenario_rows: 0.25,
                may_be_empty: Vec::new(),
                score_psi: 0.0,
            };
            let task = Task { name: "spend".into(), kind, after: None, alpha: 1.0 };
            let task = JobTask { label: "spend".into(), weight: None, threshold: Threshold::BestF1, task };
            check(raw, &[task], &[]).map(|settings| settings.require.len()).map_err(|error| error.to_string())
        };
        assert_eq!(asked(TaskKind::Binary, "auc >= 0.5"), Ok(1));
        assert_eq!(asked(TaskKind::Regression, "auc >= 0.5"), Ok(0));
        assert!(asked(TaskKind::Regression, "auc >= 0.6").is_err_and(|told| told.contains("no task of the job has `auc`")));
    }

    #[test]
    fn the_nearest_name_is_told_or_all_of_them() {
        let known = ["auc".to_owned(), "rmse".to_owned()];
        assert_eq!(near("acu", &known), "did you mean `auc`?");
        assert_eq!(near("wrong", &known), "one of: auc, rmse");
        assert!(usual("auc >= 0.5") && !usual("auc >= 0.51"));
    }
}
