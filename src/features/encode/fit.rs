//! Fitting the encoding: vocabularies, knots, means and spreads over training rows, in one streaming pass.
//!
//! In: batches of training frames. Out: an [`Encoder`]. Counts are exact; knots come from a sample of rows whose hash falls
//! below a bound that tightens as rows arrive, so memory stays bounded and the sample does not depend on batch sizes.

use std::collections::HashMap;

use arrow::array::RecordBatch;

use super::encoder::{Encoder, FieldEncoder};
use super::roles::{Role, Roles};
use super::values::{numbers, texts, vectors};
use super::{EncodeError, EncodeSettings};
use crate::fingerprint::mix;
use crate::learn::rows::{Field, FieldKind, MISSING, Shape, UNKNOWN};

/// Rows from which knots are taken, at most: a quantile among 16 is then known to about 0.3 % of the rows.
const SAMPLE: usize = 65_536;

/// A running fit.
pub struct EncoderFit {
    roles: Roles,
    settings: EncodeSettings,
    scenarios: Vec<String>,
    fixed_scenarios: bool,
    horizon_days: i32,
    seed: u64,
    rows: u64,
    bits: u32,
    sampled: Vec<u64>,
    fields: Vec<(String, FieldFit)>,
}

enum FieldFit {
    Numeric(NumericFit),
    Categorical(HashMap<String, u64>, u64),
    Text,
    Vector(Option<u32>),
}

#[derive(Default)]
struct NumericFit {
    present: u64,
    mean: f64,
    squares: f64,
    sample: Vec<f32>,
}

impl EncoderFit {
    /// Starts a fit. `scenarios` fixes their order; empty = those seen, sorted.
    #[must_use]
    pub fn new(roles: Roles, settings: EncodeSettings, scenarios: Vec<String>, horizon_days: i32, seed: u64) -> Self {
        let fixed_scenarios = !scenarios.is_empty();
        Self { roles, settings, scenarios, fixed_scenarios, horizon_days, seed, rows: 0, bits: 0, sampled: Vec::new(), fields: Vec::new() }
    }

    /// Adds training rows.
    ///
    /// # Errors
    /// [`EncodeError`] naming the column.
    pub fn observe(&mut self, batch: &RecordBatch) -> Result<(), EncodeError> {
        if self.fields.is_empty() {
            let features = self.roles.features(&batch.schema())?;
            self.fields = features.into_iter().map(|(name, role)| (name, FieldFit::new(role))).collect();
        }
        self.observe_scenarios(batch)?;
        let hashes: Vec<u64> = (0..batch.num_rows() as u64).map(|row| mix(self.seed ^ mix(self.rows + row))).collect();
        let bits = self.bits;
        let kept: Vec<usize> = (0..hashes.len()).filter(|row| in_sample(hashes[*row], bits)).collect();
        for (name, fit) in &mut self.fields {
            let array = batch.column_by_name(name).ok_or_else(|| EncodeError::Missing { column: name.clone(), role: "a feature" })?;
            match fit {
                FieldFit::Numeric(fit) => fit.observe(&numbers(name, array)?, &kept),
                FieldFit::Categorical(counts, missing) => {
                    for value in &texts(name, array)? {
                        match value {
                            None => *missing += 1,
                            // Most rows repeat a value that is known: only a new one is copied.
                            Some(value) => match counts.get_mut(value) {
                                Some(count) => *count += 1,
                                None => {
                                    counts.insert(value.to_owned(), 1);
                                }
                            },
                        }
                    }
                }
                FieldFit::Text => {
                    texts(name, array)?;
                }
                // Rows whose vectors are all missing do not say how wide one is.
                FieldFit::Vector(width) => *width = Some(vectors(name, array, *width)?.0).filter(|width| *width > 0),
            }
        }
        self.sampled.extend(kept.iter().map(|row| hashes[*row]));
        self.rows += batch.num_rows() as u64;
        while self.sampled.len() > SAMPLE {
            self.tighten();
        }
        Ok(())
    }

    fn observe_scenarios(&mut self, batch: &RecordBatch) -> Result<(), EncodeError> {
        if self.fixed_scenarios {
            return Ok(());
        }
        let name = &self.roles.scenario;
        let array = batch.column_by_name(name).ok_or_else(|| EncodeError::Missing { column: name.clone(), role: "the scenario" })?;
        for value in texts(name, array)?.iter().flatten() {
            if !self.scenarios.iter().any(|known| known == value) {
                self.scenarios.push(value.to_owned());
            }
        }
        Ok(())
    }

    /// Halves the sample: one more leading bit of a row's hash must be zero.
    fn tighten(&mut self) {
        self.bits += 1;
        let keep: Vec<bool> = self.sampled.iter().map(|hash| in_sample(*hash, self.bits)).collect();
        let retain = |values: &mut Vec<f32>| {
            let mut at = 0;
            values.retain(|_| {
                at += 1;
                keep[at - 1]
            });
        };
        for (_, fit) in &mut self.fields {
            if let FieldFit::Numeric(fit) = fit {
                retain(&mut fit.sample);
            }
        }
        self.sampled.retain(|hash| in_sample(*hash, self.bits));
    }

    /// The encoder.
    ///
    /// # Errors
    /// [`EncodeError::Nothing`] when no row was seen, or no vector of a vector column.
    pub fn finish(mut self) -> Result<Encoder, EncodeError> {
        if self.rows == 0 {
            return Err(EncodeError::Nothing("there is no training row to fit the encoding on".into()));
        }
        if !self.fixed_scenarios {
            self.scenarios.sort();
        }
        let (rows, settings) = (self.rows, &self.settings);
        let mut fields = Vec::new();
        let mut encoders = Vec::new();
        for (name, fit) in self.fields {
            if matches!(fit, FieldFit::Vector(None)) {
                return Err(EncodeError::Nothing(format!("frame.sql: column `{name}` holds no vector in any training row")));
            }
            let (kind, encoder) = fit.finish(rows, settings);
            fields.push(Field { name, kind });
            encoders.push(encoder);
        }
        let shape = Shape { scenarios: self.scenarios, tasks: self.roles.tasks, fields, horizon_days: self.horizon_days };
        Ok(Encoder::new(shape, encoders, self.roles.entity, self.roles.scenario))
    }
}

fn in_sample(hash: u64, bits: u32) -> bool {
    hash.leading_zeros() >= bits
}

impl FieldFit {
    fn new(role: Role) -> Self {
        match role {
            Role::Numeric => Self::Numeric(NumericFit::default()),
            Role::Categorical => Self::Categorical(HashMap::new(), 0),
            Role::Text => Self::Text,
            Role::Vector => Self::Vector(None),
        }
    }

    fn finish(self, rows: u64, settings: &EncodeSettings) -> (FieldKind, FieldEncoder) {
        match self {
            Self::Numeric(fit) => (fit.finish(rows, settings.knots), FieldEncoder::Numeric),
            Self::Categorical(counts, missing) => vocabulary(counts, missing, rows, settings),
            Self::Text => {
                let buckets = settings.text_buckets.max(1);
                (FieldKind::Text { buckets }, FieldEncoder::Text { buckets, words: settings.text_words })
            }
            Self::Vector(width) => {
                let width = width.unwrap_or(0);
                (FieldKind::Vector { width }, FieldEncoder::Vector { width })
            }
        }
    }
}

/// Entries by falling count, then by value, so that the vocabulary does not depend on the order of rows.
fn vocabulary(counts: HashMap<String, u64>, missing: u64, rows: u64, settings: &EncodeSettings) -> (FieldKind, FieldEncoder) {
    let mut values: Vec<(String, u64)> = counts.into_iter().collect();
    values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let known = values.iter().take_while(|(_, count)| *count >= settings.min_count).count().min(settings.max_entries as usize);
    let unknown: u64 = values[known..].iter().map(|(_, count)| count).sum();
    values.truncate(known);
    let share = |count: u64| count as f32 / rows as f32;
    let mut shares = vec![0.0; 2];
    shares[UNKNOWN as usize] = share(unknown);
    shares[MISSING as usize] = share(missing);
    shares.extend(values.iter().map(|(_, count)| share(*count)));
    let kind = FieldKind::Categorical { entries: shares.len() as u32, share: shares };
    (kind, FieldEncoder::categorical(values.into_iter().map(|(value, _)| value).collect()))
}

impl NumericFit {
    /// Joins the batch's mean and sum of squares with those so far.
    ///
    /// # Source
    /// Chan, Golub, `LeVeque` (1979), "Updating formulae and a pairwise algorithm for computing sample variances".
    fn observe(&mut self, values: &[f32], kept: &[usize]) {
        self.sample.extend(kept.iter().map(|row| values[*row]));
        let present: Vec<f64> = values.iter().filter(|value| !value.is_nan()).map(|value| f64::from(*value)).collect();
        if present.is_empty() {
            return;
        }
        let count = present.len() as f64;
        let mean = present.iter().sum::<f64>() / count;
        let squares: f64 = present.iter().map(|value| (value - mean).powi(2)).sum();
        let before = self.present as f64;
        let shift = mean - self.mean;
        self.squares += squares + shift * shift * before * count / (before + count);
        self.mean += shift * count / (before + count);
        self.present += present.len() as u64;
    }

    fn finish(mut self, rows: u64, knots: usize) -> FieldKind {
        self.sample.retain(|value| !value.is_nan());
        self.sample.sort_by(f32::total_cmp);
        let last = self.sample.len().saturating_sub(1);
        let count = knots.max(2);
        let mut quantiles: Vec<f32> =
            (0..count).filter_map(|at| self.sample.get((last * at + (count - 1) / 2) / (count - 1)).copied()).collect();
        quantiles.dedup();
        if quantiles.is_empty() {
            quantiles.push(self.mean as f32);
        }
        let std = if self.present > 0 { (self.squares / self.present as f64).sqrt() } else { 0.0 };
        FieldKind::Numeric {
            knots: quantiles,
            mean: self.mean as f32,
            std: std as f32,
            missing: (rows - self.present) as f32 / rows as f32,
        }
    }
}
