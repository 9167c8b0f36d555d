//! What training keeps after each pass, so that a run that died goes on where it was.
//!
//! In: a trainer between two passes, and what the search over combinations has found so far. Out: bytes, and back. Going on
//! gives the same weights, bit for bit, as never having stopped. Bytes that do not fit the network are not used: training
//! starts over then.

use serde::{Deserialize, Serialize};

use super::super::rows::Shape;
use super::super::saved::{Tensors, pack, unpack};
use super::super::{LearnError, Progress, Saved, Trial};
use super::arena::Arena;
use super::network::{Network, Weights};
use super::train::{Trainer, TrainerState};
use super::{Chosen, NAME};

/// How far the search on the validation night is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Search {
    /// The combination that is being tried.
    pub(super) combination: usize,
    /// Its lowest loss so far, and passes since then.
    #[serde(with = "super::super::saved::bits")]
    pub(super) lowest: f64,
    pub(super) since: usize,
    pub(super) trials: Vec<Trial>,
    pub(super) best: Option<Best>,
}

/// The best pass of all combinations so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Best {
    pub(super) chosen: Chosen,
    /// Its place among the trials.
    pub(super) trial: usize,
    /// Its weights lie beside as arrays.
    #[serde(skip)]
    pub(super) weights: Option<Weights>,
}

/// A checkpoint that was read.
pub(super) struct Kept {
    of: KeptState,
    tensors: Tensors,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptState {
    trainer: TrainerState,
    search: Option<Search>,
}

impl Search {
    pub(super) fn new() -> Self {
        Self { combination: 0, lowest: f64::INFINITY, since: 0, trials: Vec::new(), best: None }
    }

    /// Goes over to the next combination.
    pub(super) fn next(&mut self, combination: usize) {
        (self.combination, self.lowest, self.since) = (combination, f64::INFINITY, 0);
    }
}

/// Keeps a trainer between two passes, and the search that it belongs to.
pub(super) fn keep(progress: &dyn Progress, name: &str, shape: &Shape, trainer: &Trainer<'_>, search: Option<&Search>) {
    progress.keep(name, &|| {
        let mut tensors = Tensors::default();
        let state = trainer.state(&mut tensors);
        if let Some(best) = search.and_then(|search| search.best.as_ref()?.weights.as_ref()) {
            put("best", best, &mut tensors);
        }
        let Saved { json, tensors } = pack(NAME, shape, KeptState { trainer: state, search: search.cloned() }, &tensors);
        let length = (json.len() as u64).to_le_bytes();
        [&length, json.as_bytes(), &tensors].concat()
    });
}

/// What was kept under `name`, if it can be read.
pub(super) fn kept(progress: &dyn Progress, name: &str) -> Option<Kept> {
    let bytes = progress.kept(name)?;
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (json, tensors) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let saved = Saved { json: String::from_utf8(json.to_vec()).ok()?, tensors: tensors.to_vec() };
    let (head, tensors) = unpack::<KeptState>(&saved).ok()?;
    Some(Kept { of: head.of, tensors })
}

impl Kept {
    /// The search, without the weights of its best pass.
    pub(super) fn search(&self) -> Option<Search> {
        self.of.search.clone()
    }

    /// The weights of the best pass, for the network of its combination.
    ///
    /// # Errors
    /// [`LearnError::Saved`] when they do not fit.
    pub(super) fn best(&self, network: &Network) -> Result<Weights, LearnError> {
        get("best", network, &self.tensors)
    }

    /// Sets a trainer to where it was.
    ///
    /// # Errors
    /// [`LearnError::Saved`] when the state does not fit its network; the trainer is as it was then.
    pub(super) fn set(&self, trainer: &mut Trainer<'_>) -> Result<(), LearnError> {
        trainer.go_on(&self.of.trainer, &self.tensors)
    }
}

/// Puts weights beside each other under `name`.
pub(super) fn put(name: &str, weights: &Weights, tensors: &mut Tensors) {
    tensors.put(&format!("{name}.dense"), &[weights.dense.len()], &weights.dense);
    for (at, table) in weights.tables.iter().enumerate() {
        tensors.put(&format!("{name}.table.{at}"), &[table.len()], table.iter());
    }
}

/// The weights that [`put`] put.
///
/// # Errors
/// [`LearnError::Saved`] when they do not fit the network.
pub(super) fn get(name: &str, network: &Network, tensors: &Tensors) -> Result<Weights, LearnError> {
    let dense = tensors.get(&format!("{name}.dense"), &[network.layout.len])?;
    let table = |(at, table): (usize, &super::input::Table)| {
        tensors.get(&format!("{name}.table.{at}"), &[table.entries * table.width]).map(Arena::from)
    };
    let tables = network.input.tables.iter().enumerate().map(table).collect::<Result<_, _>>()?;
    let mut weights = Weights { dense, own: vec![0.0; network.own.len], tables };
    network.prepare(&mut weights);
    Ok(weights)
}
