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
        (0..u64::MAX).find(|hash| self.of(*hash) == fold % self.count()).unwrap_or(0)
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
        let one = |(fold, rows): (usize, Vec<usize>)| -> Result<(usize, Vec<usize>, T), LearnError> {
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

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::super::rows::{Field, FieldKind, MISSING, Task, TaskKind};
    use super::super::{Examples, LinearSettings, Progress, linear, lower_median};
    use super::*;
    use crate::fingerprint::fnv1a;

    struct Silent;

    impl Progress for Silent {
        fn at(&self, _: &str, _: u64, _: u64) {}
    }

    const ROWS: usize = 240;

    fn shape(entries: u32) -> Shape {
        let share = vec![1.0 / entries as f32; entries as usize];
        let field = |name: &str, kind| Field { name: name.to_owned(), kind };
        Shape {
            scenarios: vec!["home".into(), "search".into()],
            tasks: vec![
                Task { name: "click".into(), kind: TaskKind::Binary, after: None, alpha: 1.0 },
                Task { name: "spend".into(), kind: TaskKind::Regression, after: None, alpha: 1.0 },
            ],
            fields: vec![
                field("age", FieldKind::Numeric { knots: vec![0.0, 0.5, 1.0], mean: 0.5, std: 0.3, missing: 0.0 }),
                field("brand", FieldKind::Categorical { entries, share }),
            ],
            horizon_days: 7,
        }
    }

    /// Rows of 60 entities; brands are entries of a vocabulary of six.
    struct Rows {
        entity: Vec<u64>,
        scenario: Vec<u16>,
        age: Vec<f32>,
        brand: Vec<u32>,
        labels: Vec<Vec<f32>>,
    }

    impl Rows {
        fn new() -> Self {
            let entity: Vec<u64> = (0..ROWS).map(|row| fnv1a((row % 60).to_string().as_bytes())).collect();
            let age: Vec<f32> = (0..ROWS).map(|row| ((row * 37) % 100) as f32 / 100.0).collect();
            let brand: Vec<u32> = (0..ROWS).map(|row| 2 + (row * 7 % 4) as u32).collect();
            let click = (0..ROWS).map(|row| f32::from(u8::from(age[row] + 0.1 * brand[row] as f32 > 0.8))).collect();
            let spend = (0..ROWS).map(|row| 3.0 * age[row] + brand[row] as f32).collect();
            Self { entity, scenario: (0..ROWS).map(|row| (row % 2) as u16).collect(), age, brand, labels: vec![click, spend] }
        }

        fn block(&self) -> Block<'_> {
            Block {
                as_of: 0,
                entity: &self.entity,
                scenario: &self.scenario,
                columns: vec![Column::Numeric(&self.age), Column::Categorical(&self.brand)],
                labels: self.labels.iter().map(Vec::as_slice).collect(),
                weights: vec![None, None],
            }
        }
    }

    /// One model a fold, each learned from the others; it calls brands by the numbers of a smaller vocabulary, without the last brand.
    fn crossed(rows: &Rows, folds: Folds) -> CrossFitted {
        let own = shape(5);
        let entries = vec![Vec::new(), vec![UNKNOWN, MISSING, 2, 3, 4, UNKNOWN]];
        let learner =
            linear(LinearSettings { penalties: vec![0.001], l1_ratio: 0.5, deviation: 0.5, ramps: 1, max_columns: 50, sweeps: 300 }, 1);
        let learner = learner.expect("a learner");
        let part = |fold: usize| {
            let known: Vec<usize> = (0..ROWS).filter(|row| folds.of(rows.entity[*row]) != fold && rows.brand[*row] < 5).collect();
            let picked = Picked::labelled(&rows.block(), &known);
            let model = learner.fit(&Examples::new(&own, vec![picked.block()]), &Silent).expect("a model");
            Part { model, entries: entries.clone() }
        };
        CrossFitted::new(shape(6), folds, (0..folds.count()).map(part).collect()).expect("parts that fit")
    }

    #[test]
    fn an_entity_has_one_fold_and_folds_have_about_the_same_size() {
        let folds = Folds::new(5, 7);
        let hashes: Vec<u64> = (0..1000).map(|id: i32| fnv1a(id.to_string().as_bytes())).collect();
        let rows = folds.rows(&hashes);
        assert_eq!(rows.iter().map(Vec::len).sum::<usize>(), 1000);
        assert!(rows.iter().all(|rows| (150..=250).contains(&rows.len())), "{:?}", rows.iter().map(Vec::len).collect::<Vec<_>>());
        assert!(rows.iter().enumerate().all(|(fold, rows)| rows.iter().all(|row| folds.of(hashes[*row]) == fold)));
        let other = Folds::new(5, 8);
        assert!(hashes.iter().filter(|hash| other.of(**hash) == folds.of(**hash)).count() < 300, "another seed parts otherwise");
    }

    proptest! {
        #[test]
        fn the_member_of_a_fold_lies_in_it(count in 1_u32..60, seed: u64, fold in 0_usize..60) {
            let folds = Folds::new(count, seed);
            prop_assert_eq!(folds.of(folds.member(fold)), fold % folds.count());
        }
    }

    #[test]
    fn a_row_is_answered_by_the_model_of_its_fold_in_its_own_words() {
        let (rows, folds) = (Rows::new(), Folds::new(3, 7));
        let model = crossed(&rows, folds);
        let out = outputs(&model, &rows.block()).expect("outputs");
        for (row, hash) in rows.entity.iter().enumerate() {
            let part = &model.parts[folds.of(*hash)];
            let brand = [part.entries[1][rows.brand[row] as usize]];
            let own = rows.block().slice(row, row + 1);
            let own = Block { columns: vec![own.columns[0], Column::Categorical(&brand)], ..own };
            let expected: Array2<f32> = outputs(part.model.as_ref(), &own).expect("outputs");
            assert_eq!(out.row(row), expected.row(0), "row {row}");
        }
    }

    #[test]
    fn contributions_add_up_whatever_rows_stand_beside_each_other() {
        let rows = Rows::new();
        let model = crossed(&rows, Folds::new(4, 3));
        let block = rows.block();
        let (all, out) = (model.attribute(&block).expect("contributions").expect("finite"), outputs(&model, &block).expect("outputs"));
        for row in 0..ROWS {
            let alone = model.attribute(&block.slice(row, row + 1)).expect("contributions").expect("finite");
            for task in 0..2 {
                let sum = all.base[task] + all.values.slice(s![row, task, ..]).sum();
                assert!((sum - out[[row, task]]).abs() < 1e-4, "{sum} is not {}", out[[row, task]]);
                assert_eq!(alone.base, all.base);
                assert_eq!(alone.values.slice(s![0, task, ..]), all.values.slice(s![row, task, ..]));
                let parts = &all.shared + &all.scenario_part + &all.task_part;
                assert!((parts.slice(s![row, task, ..]).sum() - all.values.slice(s![row, task, ..]).sum()).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_model_of_folds_is_saved_and_loaded_bit_for_bit() {
        let rows = Rows::new();
        let model = crossed(&rows, Folds::new(3, 7));
        let saved = model.save();
        let loaded = saved::load(&saved).expect("a model");
        assert_eq!(outputs(loaded.as_ref(), &rows.block()).expect("outputs"), outputs(&model, &rows.block()).expect("outputs"));
        assert_eq!(loaded.save(), saved);
        assert_eq!(loaded.learner(), "linear");
        let damaged = Saved { tensors: saved.tensors[..saved.tensors.len() - 4].to_vec(), ..saved };
        assert!(saved::load(&damaged).is_err());
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let rows = Rows::new();
        let CrossFitted { parts, .. } = crossed(&rows, Folds::new(3, 7));
        let message = CrossFitted::new(shape(6), Folds::new(4, 7), parts).err().expect("an error").to_string();
        assert!(message.contains("3 models for 4 folds"), "{message}");
    }

    #[test]
    fn folds_agree_on_the_middle_of_their_choices() {
        assert_eq!(lower_median([0.1, 0.003, 0.01]), Some(0.01));
        assert_eq!(lower_median([4.0, 1.0, 2.0, 3.0]), Some(2.0));
        assert_eq!(lower_median([]), None);
        let settings = LinearSettings { penalties: vec![0.1, 0.01], l1_ratio: 0.5, deviation: 0.5, ramps: 1, max_columns: 50, sweeps: 300 };
        let learner = linear(settings, 1).expect("a learner");
        assert_eq!(learner.chosen(), None);
        let choices = |first: f64, second: f64| super::super::Choices { numbers: vec![first, second], words: String::new() };
        let settled = learner.settled(&[choices(0.1, 0.01), choices(0.01, 0.01), choices(0.1, 0.1)]);
        assert_eq!(settled.chosen().map(|chosen| chosen.numbers), Some(vec![0.1, 0.01]));
    }
}
