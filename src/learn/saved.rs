//! Models as plain weights: JSON for what they are, safetensors for their numbers.
//!
//! In: named arrays. Out: [`Saved`], and back. A damaged or foreign file is refused; no code is ever loaded.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::rows::Shape;
use super::{LearnError, Model, Saved};
use crate::fingerprint::of_bytes;

/// Version of the layout; a file of another version is refused.
const FORMAT: u32 = 1;

/// What every `model.json` begins with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head<T> {
    format: u32,
    learner: String,
    /// sha256 of `model.safetensors`: weights of another night are refused.
    tensors: String,
    pub(super) shape: Shape,
    pub(super) of: T,
}

/// Named arrays of `f32`, each with its shape.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Tensors {
    arrays: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
}

fn refused(message: impl Into<String>) -> LearnError {
    LearnError::Saved(message.into())
}

impl Tensors {
    pub(super) fn put<'a>(&mut self, name: &str, shape: &[usize], values: impl IntoIterator<Item = &'a f32>) {
        let bytes = values.into_iter().flat_map(|value| value.to_le_bytes()).collect();
        self.arrays.insert(name.to_owned(), (shape.to_vec(), bytes));
    }

    /// The array `name`, which must have `shape`.
    ///
    /// # Errors
    /// [`LearnError::Saved`] when it is missing or has another shape.
    pub(super) fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LearnError> {
        let (found, bytes) = self.arrays.get(name).ok_or_else(|| refused(format!("array `{name}` is missing")))?;
        if found != shape {
            return Err(refused(format!("array `{name}` has shape {found:?}, not {shape:?}")));
        }
        Ok(bytes.chunks_exact(4).map(|chunk| f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]])).collect())
    }

    /// Takes over the arrays of another model's weights, each under `prefix`.
    ///
    /// # Errors
    /// [`LearnError::Saved`] when they cannot be read.
    pub(super) fn put_all(&mut self, prefix: &str, weights: &[u8]) -> Result<(), LearnError> {
        let other = Self::from_bytes(weights)?;
        self.arrays.extend(other.arrays.into_iter().map(|(name, array)| (format!("{prefix}{name}"), array)));
        Ok(())
    }

    /// The weights that were taken over under `prefix`.
    pub(super) fn under(&self, prefix: &str) -> Vec<u8> {
        let own = self.arrays.iter().filter_map(|(name, array)| Some((name.strip_prefix(prefix)?.to_owned(), array.clone())));
        Self { arrays: own.collect() }.to_bytes()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let views = self
            .arrays
            .iter()
            .filter_map(|(name, (shape, bytes))| Some((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).ok()?)));
        safetensors::serialize(views, None).unwrap_or_default()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, LearnError> {
        let read = SafeTensors::deserialize(bytes).map_err(|error| refused(format!("model.safetensors: {error}")))?;
        let mut arrays = BTreeMap::new();
        for (name, view) in read.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(refused(format!("array `{name}` is not f32")));
            }
            arrays.insert(name, (view.shape().to_vec(), view.data().to_vec()));
        }
        Ok(Self { arrays })
    }
}

/// Packs a model.
pub(super) fn pack<T: Serialize>(learner: &str, shape: &Shape, of: T, tensors: &Tensors) -> Saved {
    let bytes = tensors.to_bytes();
    let head = Head { format: FORMAT, learner: learner.to_owned(), tensors: of_bytes(&bytes), shape: shape.clone(), of };
    // Plain structs of numbers and text always become JSON.
    Saved { json: serde_json::to_string_pretty(&head).unwrap_or_default(), tensors: bytes }
}

/// Unpacks a model of `learner`.
///
/// # Errors
/// [`LearnError::Saved`] saying what is wrong.
pub(super) fn unpack<T: for<'de> Deserialize<'de>>(saved: &Saved) -> Result<(Head<T>, Tensors), LearnError> {
    let head: Head<T> = serde_json::from_str(&saved.json).map_err(|error| refused(format!("model.json: {error}")))?;
    if head.tensors != of_bytes(&saved.tensors) {
        return Err(refused("model.safetensors is damaged, or belongs to another model.json"));
    }
    head.shape.sound().map_err(refused)?;
    Ok((head, Tensors::from_bytes(&saved.tensors)?))
}

/// Floats in JSON by their bits: no digit is lost, and NaN and infinity pass.
pub(super) mod bits {
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(in super::super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.to_bits())
    }

    pub(in super::super) fn to_bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    pub(in super::super) fn from_bits(bits: &[u64]) -> Vec<f64> {
        bits.iter().map(|bits| f64::from_bits(*bits)).collect()
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

/// Loads a model.
///
/// # Errors
/// [`LearnError::Saved`] for a damaged file, another version or an unknown learner.
pub fn load(saved: &Saved) -> Result<Box<dyn Model>, LearnError> {
    let head: Head<serde_json::Value> = serde_json::from_str(&saved.json).map_err(|error| refused(format!("model.json: {error}")))?;
    if head.format != FORMAT {
        return Err(refused(format!("model.json has format {}, this program reads format {FORMAT}", head.format)));
    }
    match head.learner.as_str() {
        super::linear::NAME => Ok(Box::new(super::linear::load(saved)?)),
        super::forest::NAME => Ok(Box::new(super::forest::load(saved)?)),
        super::net::NAME => Ok(Box::new(super::net::load(saved)?)),
        super::folds::NAME => Ok(Box::new(super::folds::load(saved)?)),
        other => Err(refused(format!("there is no learner `{other}`"))),
    }
}
