//! One calibration, or one for each fold of entities.
//!
//! In: raw outputs, scenarios and entities of rows. Out: what is published for them. A fold's calibration has not seen the labels of
//! that fold; how it was fitted is the caller's business.

use serde::{Deserialize, Serialize};

use super::Calibration;
use crate::learn::folds::Folds;

/// What one calibration makes of raw outputs and scenarios. Shapes: `[tasks][rows]`, `[rows]`.
type Answer = fn(&Calibration, &[Vec<f32>], &[u16]) -> Vec<Vec<f64>>;

/// How raw outputs become what is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Calibrated {
    /// The same for every row.
    One(Calibration),
    /// Each row by the calibration of its entity's fold.
    Folds {
        /// The folds.
        folds: Folds,
        /// One calibration a fold.
        parts: Vec<Calibration>,
    },
}

impl Calibrated {
    /// As [`Calibration::apply`].
    ///
    /// # Shapes
    /// `raw: [tasks][rows]`, `scenario: [rows]`, `entity: [rows]` (not looked at without folds) → `[tasks][rows]`.
    #[must_use]
    pub fn apply(&self, raw: &[Vec<f32>], scenario: &[u16], entity: &[u64]) -> Vec<Vec<f64>> {
        self.each(raw, scenario, entity, Calibration::apply)
    }

    /// As [`Calibration::steps`].
    ///
    /// # Shapes
    /// As [`Calibrated::apply`].
    #[must_use]
    pub fn steps(&self, raw: &[Vec<f32>], scenario: &[u16], entity: &[u64]) -> Vec<Vec<f64>> {
        self.each(raw, scenario, entity, Calibration::steps)
    }

    /// The calibration of a fold; the only one without folds.
    #[must_use]
    pub fn of(&self, fold: usize) -> Option<&Calibration> {
        match self {
            Self::One(calibration) => Some(calibration),
            Self::Folds { parts, .. } => parts.get(fold),
        }
    }

    fn each(&self, raw: &[Vec<f32>], scenario: &[u16], entity: &[u64], by: Answer) -> Vec<Vec<f64>> {
        let (folds, parts) = match self {
            Self::One(calibration) => return by(calibration, raw, scenario),
            Self::Folds { folds, parts } => (folds, parts),
        };
        let mut all: Vec<Vec<f64>> = raw.iter().map(|raw| vec![f64::NAN; raw.len()]).collect();
        for (calibration, rows) in parts.iter().zip(folds.rows(entity)) {
            let own: Vec<Vec<f32>> = raw.iter().map(|raw| rows.iter().map(|row| raw[*row]).collect()).collect();
            let served: Vec<u16> = rows.iter().map(|row| scenario[*row]).collect();
            for (all, own) in all.iter_mut().zip(by(calibration, &own, &served)) {
                rows.iter().zip(own).for_each(|(row, value)| all[*row] = value);
            }
        }
        all
    }
}
