//! What a job may say of how rows are prepared for learning: the section `[prepare]` of `job.toml`.
//!
//! In: numbers. Out: [`Prepare`], checked. What it does to rows is the learners'; everything is off unless a job asks for it.

use serde::{Deserialize, Serialize};

use super::LearnError;

/// How much the classes of a binary task count against each other in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// As much as they have rows.
    None,
    /// Both the same, in every cell.
    Balanced,
}

/// How a mini-batch is made up of scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Batches {
    /// As it comes.
    Proportional,
    /// Of fixed shares.
    Balanced,
}

/// How rows are prepared for learning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prepare {
    /// Rows without any event that a pass visits for each positive of a cell, about; 0 = all of them.
    pub negatives: u32,
    /// How much classes count.
    pub class_weights: ClassWeights,
    /// Share of a pass's visits in each scenario that positives of the rarest task have, at least; 0 = as many as there are.
    pub oversample: f32,
    /// Share of the fields that a visit sees as missing or unknown.
    pub feature_masking: f32,
    /// `α` of the Beta distribution by which two rows are mixed; 0 = rows stay as they are.
    pub mixup: f32,
    /// How mini-batches are made up of scenarios.
    pub batches: Batches,
    /// With balanced batches: a scenario of `n` rows has a share of each mini-batch proportional to `n` to this power.
    pub scenario_temperature: f32,
}

impl Prepare {
    /// Rows as they are.
    pub const NONE: Self = Self {
        negatives: 0,
        class_weights: ClassWeights::None,
        oversample: 0.0,
        feature_masking: 0.0,
        mixup: 0.0,
        batches: Batches::Proportional,
        scenario_temperature: 1.0,
    };

    /// Whether passes visit some rows more often than others, or in another order.
    #[must_use]
    pub fn samples(&self) -> bool {
        self.negatives > 0 || self.oversample > 0.0 || self.batches == Batches::Balanced
    }

    /// # Errors
    /// [`LearnError::Parameter`] naming the key.
    pub fn check(&self) -> Result<(), LearnError> {
        let bad = |key, value: f32, domain| Err(LearnError::Parameter { key, value: value.to_string(), domain });
        if !(0.0..=0.5).contains(&self.oversample) {
            return bad("prepare.oversample", self.oversample, "0 to 0.5");
        }
        if !(0.0..0.95).contains(&self.feature_masking) {
            return bad("prepare.feature_masking", self.feature_masking, "0 to 0.95");
        }
        if !(self.mixup == 0.0 || (0.01..=10.0).contains(&self.mixup)) {
            return bad("prepare.mixup", self.mixup, "0, or 0.01 to 10");
        }
        // Without balanced batches there is nothing that it could say.
        let domain = if self.batches == Batches::Balanced { "0 to 1" } else { "1 without `batches = \"balanced\"`" };
        if !(0.0..=1.0).contains(&self.scenario_temperature) || (self.batches == Batches::Proportional && self.scenario_temperature < 1.0) {
            return bad("prepare.scenario_temperature", self.scenario_temperature, domain);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_outside_its_domain_is_named() {
        let key = |prepare: Prepare| match prepare.check() {
            Err(LearnError::Parameter { key, .. }) => key,
            _ => "",
        };
        assert_eq!(key(Prepare::NONE), "");
        assert_eq!(key(Prepare { oversample: 0.6, ..Prepare::NONE }), "prepare.oversample");
        assert_eq!(key(Prepare { feature_masking: f32::NAN, ..Prepare::NONE }), "prepare.feature_masking");
        assert_eq!(key(Prepare { mixup: -1.0, ..Prepare::NONE }), "prepare.mixup");
        assert_eq!(key(Prepare { scenario_temperature: 1.5, ..Prepare::NONE }), "prepare.scenario_temperature");
    }
}
