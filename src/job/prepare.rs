//! The section `[prepare]`: how rows are prepared, and which of it a night measures on and off.
//!
//! In: [`RawPrepare`]. Out: [`Prepare`], [`Compared`]. The values' own domains are checked by `learn`.

use super::check::value;
use super::error::JobError;
use super::raw::{ModelKind, RawPrepare};
use crate::learn::{Batches, ClassWeights, LearnError, Prepare};

/// A preparation on and off.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The key.
    pub option: &'static str,
    /// The value it has where it is on.
    pub value: String,
    /// All settings with it off.
    pub off: Prepare,
    /// All settings with it on.
    pub on: Prepare,
}

/// The settings, and whether the job has a learner that they are for.
pub(super) fn settings(raw: &RawPrepare, learners: &[ModelKind]) -> Result<Prepare, JobError> {
    let own = asked(raw);
    if let Err(LearnError::Parameter { key, value: given, domain }) = own.check() {
        return Err(value(key, format!("{given} is outside {domain}"), "give a value inside, or remove it"));
    }
    if own != Prepare::NONE && !learners.contains(&ModelKind::Net) {
        return Err(value("prepare", "is for networks, and the job has none", "set model.kind = \"net\", or remove the section"));
    }
    Ok(own)
}

fn asked(raw: &RawPrepare) -> Prepare {
    Prepare {
        negatives: raw.negatives,
        class_weights: raw.class_weights,
        oversample: raw.oversample,
        feature_masking: raw.feature_masking,
        mixup: raw.mixup,
        batches: raw.batches,
        scenario_temperature: raw.scenario_temperature,
    }
}

/// What is compared, in the order of the keys. All other settings are the job's own on both sides.
pub(super) fn compared(raw: &RawPrepare, kind: ModelKind, folds: bool) -> Result<Vec<Compared>, JobError> {
    let own = asked(raw);
    let with = |set: &dyn Fn(&mut Prepare)| {
        let mut changed = own;
        set(&mut changed);
        changed
    };
    let compare = &raw.compare;
    let mut found = Vec::new();
    let mut add = |option, value: String, off: &dyn Fn(&mut Prepare), on: &dyn Fn(&mut Prepare)| {
        found.push(Compared { option, value, off: with(off), on: with(on) });
    };
    if let Some(own) = compare.negatives {
        add("negatives", own.to_string(), &|all| all.negatives = 0, &|all| all.negatives = own);
    }
    if let Some(own) = compare.class_weights {
        let word = if own == ClassWeights::Balanced { "balanced" } else { "none" };
        add("class_weights", word.into(), &|all| all.class_weights = ClassWeights::None, &|all| all.class_weights = own);
    }
    if let Some(own) = compare.oversample {
        add("oversample", own.to_string(), &|all| all.oversample = 0.0, &|all| all.oversample = own);
    }
    if let Some(own) = compare.feature_masking {
        add("feature_masking", own.to_string(), &|all| all.feature_masking = 0.0, &|all| all.feature_masking = own);
    }
    if let Some(own) = compare.mixup {
        add("mixup", own.to_string(), &|all| all.mixup = 0.0, &|all| all.mixup = own);
    }
    if let Some(own) = compare.scenario_temperature {
        let on = |all: &mut Prepare| (all.batches, all.scenario_temperature) = (Batches::Balanced, own);
        // Without balanced batches the temperature says nothing: both sides of another option agree in it.
        let off = |all: &mut Prepare| (all.batches, all.scenario_temperature) = (Batches::Proportional, 1.0);
        add("scenario_temperature", own.to_string(), &off, &on);
    }
    if found.is_empty() {
        return Ok(found);
    }
    if kind != ModelKind::Net {
        return Err(value(
            "prepare.compare",
            "compares networks, and the job's learner is another",
            "set model.kind = \"net\", or remove it",
        ));
    }
    if folds {
        return Err(value("prepare.compare", "needs nights: with folds each network would be trained once a fold", "remove it"));
    }
    for compared in &found {
        let key = format!("prepare.compare.{}", compared.option);
        if compared.on == compared.off {
            return Err(value(key, "compares an option that is off with itself", "give it a value that does something"));
        }
        if let Err(LearnError::Parameter { value: given, domain, .. }) = compared.on.check() {
            return Err(value(key, format!("{given} is outside {domain}"), "a value as its key under [prepare] may have it"));
        }
    }
    Ok(found)
}
