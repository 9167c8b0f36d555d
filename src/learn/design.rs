//! The design matrix of the linear learner: each field becomes a few columns, and each column belongs to one field.
//!
//! In: encoded blocks. Out: terms, and their values `[terms, rows]` for a block. Numerics become their value, ramps at
//! quantiles and a mark for "missing"; categoricals with few entries one column each, with many the out-of-fold target
//! means; vectors their numbers; text the shares of hashed slots.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::rows::{Block, Column, FieldKind, Shape, TaskKind};
use super::target_mean::{MeanSums, TargetMeans};
use super::{Examples, LearnError, check_finite};

/// Entries of a categorical field that get a column of their own, at most; with more entries it gets target means.
const ONE_HOT_ENTRIES: u32 = 34;
/// Least share of training rows of a column that says yes or no: below it a coefficient would be noise.
const LEAST_SHARE: f32 = 0.001;
/// Columns of a text field.
const TEXT_SLOTS: u32 = 64;

/// One column of the design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(super) enum Term {
    /// `(x − mean) / std`, 0 where missing.
    Value { field: usize, mean: f32, std: f32 },
    /// `max(0, (x − knot) / std)`, 0 where missing.
    Ramp { field: usize, knot: f32, std: f32 },
    /// 1 where missing.
    Missing { field: usize },
    /// 1 where the entry is this.
    Entry { field: usize, entry: u32 },
    /// Target mean of the entry.
    Mean { field: usize, task: usize },
    /// One number of a vector, 0 where missing.
    Vector { field: usize, at: u32 },
    /// Share of the row's n-grams in a slot.
    Slot { field: usize, slot: u32 },
}

/// The fitted design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Design {
    pub(super) terms: Vec<Term>,
    /// Target means by field; `None` for fields without.
    pub(super) means: Vec<Option<TargetMeans>>,
}

/// Whether rows are being learned from (target means out of fold) or predicted (over all snapshots).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Learn,
    Predict,
}

impl Design {
    /// Lays out the columns for these training rows, with at most `ramps` ramps per numeric field.
    pub(super) fn fit(examples: &Examples<'_>, ramps: usize) -> Self {
        let shape = examples.shape;
        let means: Vec<Option<TargetMeans>> = (0..shape.fields.len()).map(|field| target_means(examples, field)).collect();
        let terms = shape.fields.iter().enumerate().flat_map(|(at, field)| terms_of(at, &field.kind, shape.tasks.len(), ramps)).collect();
        Self { terms, means }
    }

    /// The field of each term.
    pub(super) fn field(&self, term: usize) -> usize {
        match self.terms[term] {
            Term::Value { field, .. }
            | Term::Ramp { field, .. }
            | Term::Missing { field }
            | Term::Entry { field, .. }
            | Term::Mean { field, .. }
            | Term::Vector { field, .. }
            | Term::Slot { field, .. } => field,
        }
    }

    /// Refuses a saved design that does not belong to `shape`.
    ///
    /// # Errors
    /// [`LearnError::Saved`] naming the field.
    pub(super) fn check(&self, shape: &Shape) -> Result<(), LearnError> {
        if self.means.len() != shape.fields.len() {
            return Err(LearnError::Saved("the design has another number of fields than the shape".into()));
        }
        for term in &self.terms {
            let field = shape.fields.get(Self::field_of(term));
            let fits = match (term, field.map(|field| &field.kind)) {
                (Term::Value { .. } | Term::Ramp { .. } | Term::Missing { .. }, Some(FieldKind::Numeric { .. }))
                | (Term::Slot { .. }, Some(FieldKind::Text { .. })) => true,
                (Term::Entry { entry, .. }, Some(FieldKind::Categorical { entries, .. })) => entry < entries,
                (Term::Mean { field, task }, Some(FieldKind::Categorical { .. })) => {
                    *task < shape.tasks.len() && self.means[*field].is_some()
                }
                (Term::Vector { at, .. }, Some(FieldKind::Vector { width })) => at < width,
                _ => false,
            };
            if !fits {
                let name = field.map_or("", |field| field.name.as_str());
                return Err(LearnError::Saved(format!("a column of the design does not fit field `{name}`")));
            }
        }
        Ok(())
    }

    /// Values of every term. Shape of the result: `[terms, rows]`.
    ///
    /// # Errors
    /// [`LearnError::NotFinite`] naming a field with an infinite value.
    pub(super) fn expand(&self, block: &Block<'_>, shape: &Shape, purpose: Use) -> Result<Array2<f32>, LearnError> {
        check_finite(shape, block)?;
        let mut values = Array2::zeros((self.terms.len(), block.rows()));
        for (term, mut out) in self.terms.iter().zip(values.outer_iter_mut()) {
            // A row of a standard-layout matrix is one slice.
            if let Some(out) = out.as_slice_mut() {
                self.fill(term, block, purpose, out);
            }
        }
        Ok(values)
    }

    fn fill(&self, term: &Term, block: &Block<'_>, purpose: Use, out: &mut [f32]) {
        match (term, block.columns[Self::field_of(term)]) {
            (Term::Value { mean, std, .. }, Column::Numeric(values)) => {
                fill(out, values, |x| if x.is_nan() { 0.0 } else { (x - mean) / std });
            }
            (Term::Ramp { knot, std, .. }, Column::Numeric(values)) => {
                fill(out, values, |x| if x.is_nan() { 0.0 } else { ((x - knot) / std).max(0.0) });
            }
            (Term::Missing { .. }, Column::Numeric(values)) => fill(out, values, |x| f32::from(u8::from(x.is_nan()))),
            (Term::Entry { entry, .. }, Column::Categorical(entries)) => fill(out, entries, |found| f32::from(u8::from(found == *entry))),
            (Term::Mean { field, task }, Column::Categorical(entries)) => {
                if let Some(means) = &self.means[*field] {
                    let of = means.of((purpose == Use::Learn).then_some(block.as_of));
                    fill(out, entries, |entry| of.get(means.at(entry, *task)).copied().unwrap_or(0.0));
                }
            }
            (Term::Vector { at, .. }, Column::Vector(values)) => {
                let width = values.len() / out.len().max(1);
                for (row, out) in out.iter_mut().enumerate() {
                    let x = values[row * width + *at as usize];
                    *out = if x.is_nan() { 0.0 } else { x };
                }
            }
            (Term::Slot { slot, .. }, Column::Text { offsets, buckets }) => {
                for (row, out) in out.iter_mut().enumerate() {
                    let own = &buckets[offsets[row] as usize..offsets[row + 1] as usize];
                    let hits = own.iter().filter(|bucket| **bucket % TEXT_SLOTS == *slot).count();
                    *out = if own.is_empty() { 0.0 } else { hits as f32 / own.len() as f32 };
                }
            }
            // Shapes are checked before a block gets here.
            _ => {}
        }
    }

    fn field_of(term: &Term) -> usize {
        match term {
            Term::Value { field, .. }
            | Term::Ramp { field, .. }
            | Term::Missing { field }
            | Term::Entry { field, .. }
            | Term::Mean { field, .. }
            | Term::Vector { field, .. }
            | Term::Slot { field, .. } => *field,
        }
    }
}

fn fill<T: Copy>(out: &mut [f32], values: &[T], of: impl Fn(T) -> f32) {
    for (out, value) in out.iter_mut().zip(values) {
        *out = of(*value);
    }
}

fn terms_of(field: usize, kind: &FieldKind, tasks: usize, ramps: usize) -> Vec<Term> {
    match kind {
        FieldKind::Numeric { knots, mean, std, missing } => {
            let mut terms = Vec::new();
            if *std > 0.0 {
                terms.push(Term::Value { field, mean: *mean, std: *std });
                terms.extend(inner_knots(knots, ramps).into_iter().map(|knot| Term::Ramp { field, knot, std: *std }));
            }
            if *missing >= LEAST_SHARE && *missing <= 1.0 - LEAST_SHARE {
                terms.push(Term::Missing { field });
            }
            terms
        }
        FieldKind::Categorical { entries, share } if *entries <= ONE_HOT_ENTRIES => {
            let common = (0..*entries).filter(|entry| share[*entry as usize] >= LEAST_SHARE);
            common.map(|entry| Term::Entry { field, entry }).collect()
        }
        FieldKind::Categorical { .. } => (0..tasks).map(|task| Term::Mean { field, task }).collect(),
        FieldKind::Text { .. } => (0..TEXT_SLOTS).map(|slot| Term::Slot { field, slot }).collect(),
        FieldKind::Vector { width } => (0..*width).map(|at| Term::Vector { field, at }).collect(),
    }
}

/// At most `count` knots, evenly spread over the inner ones.
fn inner_knots(knots: &[f32], count: usize) -> Vec<f32> {
    let inner = &knots[1.min(knots.len())..knots.len().saturating_sub(1).max(1.min(knots.len()))];
    if inner.len() <= count {
        return inner.to_vec();
    }
    (1..=count).map(|at| inner[at * inner.len() / (count + 1)]).collect()
}

/// Target means of a categorical field with many entries.
fn target_means(examples: &Examples<'_>, field: usize) -> Option<TargetMeans> {
    let FieldKind::Categorical { entries, .. } = examples.shape.fields[field].kind else { return None };
    if entries <= ONE_HOT_ENTRIES {
        return None;
    }
    let tasks = examples.shape.tasks.len();
    let mut sums = MeanSums::new(entries as usize, tasks);
    for block in &examples.blocks {
        let Column::Categorical(values) = block.columns[field] else { continue };
        for task in 0..tasks {
            sums.add(block.as_of, values, task, taught(examples.shape, block, task));
        }
    }
    Some(sums.finish(examples.shape.horizon_days))
}

/// The rows that teach a task: `(row, label on the learner's scale, weight)`. Rows without a label, and rows of a chained
/// task whose parent did not happen, teach nothing.
pub(super) fn taught<'a>(shape: &'a Shape, block: &'a Block<'_>, task: usize) -> impl Iterator<Item = (usize, f64, f64)> + 'a {
    let kind = shape.tasks[task].kind;
    let parent = shape.tasks[task].after.map(|parent| block.labels[parent]);
    let (labels, weights) = (block.labels[task], block.weights[task]);
    (0..block.rows()).filter_map(move |row| {
        let label = labels[row];
        let weight = weights.map_or(1.0, |weights| f64::from(weights[row]));
        let teaches = !label.is_nan() && weight > 0.0 && parent.is_none_or(|parent| parent[row] > 0.5);
        teaches.then(|| (row, on_scale(kind, label), weight))
    })
}

/// A label on the scale on which it is learned.
pub(super) fn on_scale(kind: TaskKind, label: f32) -> f64 {
    let label = f64::from(label);
    if kind.is_log1p() { label.max(0.0).ln_1p() } else { label }
}
