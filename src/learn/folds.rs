//! Folds of entities, and the model of cross-validation: each row is answered by the part that has not learned from its entity.
//!
//! In: a hash of each row's entity, one fitted model per fold. Out: [`Folds`], and [`CrossFitted`], a model like any other. Not here:
//! how the parts are chosen and fitted.

use ndarray::{Array3, ArrayViewMut2, s};
use serde::{Deserialize, Serialize};

use super::picked::Picked;
use super::rows::{Block, Column, Shape, UNKNOWN};
use super::saved::{self, Tensors, pack, unpack};
use super::{Attribution, LearnError, Model, Saved, check_room, outputs};
use crate::fingerprint::bucket;

/// The word in `model.json`.
pub(super) const NAME: &str = "folds";

/// How entities are parted: the fold of an entity is `hash_bucket(entity, count, seed)`, the same every night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folds {
    count: u32,
    seed: u64,
}

impl Folds {
    /// `count` folds, at least one.
    #[must_use]
    pub fn new(count: u32, seed: u64) -> Self {
        Self { count: count.max(1), seed }
    }

    /// Number of folds.
    #[must_use]
    pub fn count(self) -> usize {
        self.count as usize
    }

    /// The fold of an entity, by its stable hash ([`Block::entity`]): from 0 to `count` − 1.
    #[must_use]
    pub fn of(self, entity: u64) -> usize {
        bucket(entity, u64::from(self.count), self.seed) as usize
    }

    /// A hash that lies in a fold: under it, a row is answered by that fold's model.
    #[must_use]
    pub fn member(self, fold: usize) -> u64 {
        (0..).find(|hash| self.of(*hash) == fold % self.count()).unwrap_or(0)
    }

    /// The rows of each fold, in their order. Shape: `[count][rows of the fold]`.
    #[must_use]
    pub fn rows(self, entity: &[u64]) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.count()];
        for (row, entity) in entity.iter().enumerate() {
            rows[self.of(*entity)].push(row);
        }
        rows
    }
}

/// A model that has not learned from the entities of one fold, and how it calls the entries of vocabularies.
pub struct Part {
    /// The model.
    pub model: Box<dyn Model>,
    /// For each field and each entry of the whole model's vocabulary, the part's own entry; empty for fields that are not categorical.
    pub entries: Vec<Vec<u32>>,
}

/// A model made of one part per fold.
///
/// Its rows are encoded with the vocabularies of all rows; a value that a part's training rows did not have is "unknown" to that part,
/// as it would be on a night to come.
pub struct CrossFitted {
    shape: Shape,
    folds: Folds,
    parts: Vec<Part>,
}

/// What `model.json` says beside the parts' own.
#[derive(Debug, Serialize, Deserialize)]
struct Of {
    folds: Folds,
    parts: Vec<SavedPart>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedPart {
    json: String,
    entries: Vec<Vec<u32>>,
}

impl CrossFitted {
    /// A model for rows of `shape`, part `k` for the rows of fold `k`.
    ///
    /// # Errors
    /// [`LearnError::Shape`] when there is not one part a fold, or a part has other scenarios, tasks or fields.
    pub fn new(shape: Shape, folds: Folds, parts: Vec<Part>) -> Result<Self, LearnError> {
        if parts.len() != folds.count() {
            return Err(LearnError::Shape(format!("{} models for {} folds", parts.len(), folds.count())));
        }
        let names = |shape: &Shape| shape.fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
        for part in &parts {
            let own = part.model.shape();
            if own.scenarios != shape.scenarios || own.tasks != shape.tasks || names(own) != names(&shape) {
                return Err(LearnError::Shape("a fold's model has other scenarios, tasks or fields".into()));
            }
        }
        Ok(Self { shape, folds, parts })
    }

    /// Asks a part about rows in its own words.
    fn asked<T>(&self, part: usize, block: &Block<'_>, ask: impl Fn(&dyn Model, &Block<'_>) -> T) -> T {
        let part = &self.parts[part];
        let own: Vec<Option<Vec<u32>>> = block
            .columns
            .iter()
            .zip(&part.entries)
            .map(|(column, entries)| match column {
                Column::Categorical(values) if !entries.is_empty() => {
                    Some(values.iter().map(|value| entries.get(*value as usize).copied().unwrap_or(UNKNOWN)).collect())
                }
                _ => None,
            })
            .collect();
        let mut translated = block.clone();
        for (column, own) in translated.columns.iter_mut().zip(&own) {
            if let Some(own) = own {
                *column = Column::Categorical(own);
            }
        }
        ask(part.model.as_ref(), &translated)
    }

    /// Each fold that has rows in the block: its number, their places, and what its part says of them.
    fn by_fold<T>(
        &self,
        block: &Block<'_>,
        ask: impl Fn(&dyn Model, &Block<'_>) -> Result<T, LearnError>,
    ) -> Result<Vec<(usize, Vec<usize>, T)>, LearnError> {
        let rows = self.folds.rows(block.entity).into_iter().enumerate().filter(|(_, rows)| !rows.is_empty());
        let one = |(fold, rows): (usize, Vec<usize>)| {
            let picked = Picked::new(std::slice::from_ref(block), &rows);
            let said = self.asked(fold, &picked.block(), &ask)?;
            Ok((fold, rows, said))
        };
        rows.map(one).collect()
    }

    fn attributed(&self, block: &Block<'_>) -> Result<Option<Attribution>, LearnError> {
        let (tasks, fields) = (self.shape.tasks.len(), self.shape.fields.len() + 1);
        let room = || Array3::<f32>::zeros((block.rows(), tasks, fields));
        let (mut values, mut shared, mut scenario_part, mut task_part) = (room(), room(), room(), room());
        let found = self.by_fold(block, |model, block| model.attribute(block).transpose())?;
        // The bases of all parts, also of those without rows here: a row's account does not depend on its company.
        let bases = self.bases(block)?;
        let Some(bases) = bases else { return Ok(None) };
        let parts = self.parts.len() as f32;
        let base: Vec<f32> = (0..tasks).map(|task| bases.iter().map(|base| base[task]).sum::<f32>() / parts).collect();
        for (fold, rows, own) in found {
            let Some(own) = own else { return Ok(None) };
            for (at, row) in rows.into_iter().enumerate() {
                let into = s![row, .., ..];
                values.slice_mut(into).assign(&own.values.slice(s![at, .., ..]));
                shared.slice_mut(into).assign(&own.shared.slice(s![at, .., ..]));
                scenario_part.slice_mut(into).assign(&own.scenario_part.slice(s![at, .., ..]));
                task_part.slice_mut(into).assign(&own.task_part.slice(s![at, .., ..]));
                for task in 0..tasks {
                    let off = bases[fold][task] - base[task];
                    values[[row, task, fields - 1]] += off;
                    task_part[[row, task, fields - 1]] += off;
                }
            }
        }
        Ok(Some(Attribution { base, values, shared, scenario_part, task_part }))
    }

    /// The base of each part; `None` where a part has no contributions. Shape: `[parts][tasks]`.
    fn bases(&self, block: &Block<'_>) -> Result<Option<Vec<Vec<f32>>>, LearnError> {
        let first = block.slice(0, block.rows().min(1));
        let base = |part: usize| self.asked(part, &first, |model, block| model.attribute(block).transpose());
        let found = (0..self.parts.len()).map(base).collect::<Result<Option<Vec<Attribution>>, LearnError>>()?;
        Ok(found.map(|found| found.into_iter().map(|own| own.base).collect()))
    }
}

impl Model for CrossFitted {
    fn learner(&self) -> &'static str {
        self.parts.first().map_or(NAME, |part| part.model.learner())
    }

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn raw(&self, block: &Block<'_>, mut out: ArrayViewMut2<'_, f32>) -> Result<(), LearnError> {
        check_room(&self.shape, block, &out)?;
        for (_, rows, own) in self.by_fold(block, outputs)? {
            for (at, row) in rows.into_iter().enumerate() {
                out.row_mut(row).assign(&own.row(at));
            }
        }
        Ok(())
    }

    /// The base is the mean of the parts' bases; what a row's part differs from it by is in the last field (the scenario's) and in the
    /// task's part, so that contributions still add up exactly.
    fn attribute(&self, block: &Block<'_>) -> Option<Result<Attribution, LearnError>> {
        self.attributed(block).transpose()
    }

    fn attribution_is_dear(&self) -> bool {
        self.parts.iter().any(|part| part.model.attribution_is_dear())
    }

    fn save(&self) -> Saved {
        let mut tensors = Tensors::default();
        let mut parts = Vec::new();
        for (fold, part) in self.parts.iter().enumerate() {
            let own = part.model.save();
            // What a model has just written can be read.
            let _ = tensors.put_all(&prefix(fold), &own.tensors);
            parts.push(SavedPart { json: own.json, entries: part.entries.clone() });
        }
        pack(NAME, &self.shape, Of { folds: self.folds, parts }, &tensors)
    }
}

fn prefix(fold: usize) -> String {
    format!("{fold}/")
}

/// Loads what [`CrossFitted`] saved.
///
/// # Errors
/// [`LearnError::Saved`] for a damaged file.
pub(super) fn load(saved: &Saved) -> Result<CrossFitted, LearnError> {
    let (head, tensors) = unpack::<Of>(saved)?;
    let part = |(fold, part): (usize, SavedPart)| {
        let model = saved::load(&Saved { json: part.json, tensors: tensors.under(&prefix(fold)) })?;
        if model.shape().fields.len() != part.entries.len() {
            return Err(LearnError::Saved(format!("fold {fold} translates {} fields", part.entries.len())));
        }
        Ok(Part { model, entries: part.entries })
    };
    let Of { folds, parts } = head.of;
    // A fold's model is no model of folds: nothing nests.
    let nested = |part: &SavedPart| serde_json::from_str::<serde_json::Value>(&part.json).is_ok_and(|head| head["learner"] == NAME);
    if parts.iter().any(nested) {
        return Err(LearnError::Saved("a fold's model is made of folds itself".into()));
    }
    let parts = parts.into_iter().enumerate().map(part).collect::<Result<Vec<_>, _>>()?;
    CrossFitted::new(head.shape, folds, parts).map_err(|error| LearnError::Saved(error.to_string()))
}
