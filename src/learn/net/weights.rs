//! The dense weights: one arena of numbers, with a named place for each matrix.
//!
//! In: names and shapes while a network is laid out. Out: places ([`Slot`]) that read the same spot of the weights, of a
//! gradient, or of an optimiser's moments, since all of them have this layout.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

/// A matrix in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    at: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl Slot {
    /// Its numbers in an arena.
    #[inline]
    pub(super) fn of<'a>(&self, arena: &'a [f32]) -> &'a [f32] {
        &arena[self.at..self.at + self.rows * self.cols]
    }

    /// Its numbers in an arena, to write.
    #[inline]
    pub(super) fn of_mut<'a>(&self, arena: &'a mut [f32]) -> &'a mut [f32] {
        &mut arena[self.at..self.at + self.rows * self.cols]
    }

    /// A run of its rows as a matrix of their own.
    #[inline]
    pub(super) fn part(&self, from: usize, rows: usize) -> Self {
        Self { at: self.at + from * self.cols, rows, cols: self.cols }
    }
}

/// How a matrix begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Begin {
    /// All zeros.
    Zero,
    /// Uniform in `±sqrt(6 / (inputs + outputs))`, the rows being the inputs.
    ///
    /// # Source
    /// Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks", equation 16.
    Glorot,
}

/// Whether weight decay pulls a matrix towards 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decay {
    /// As the job says: matrices that multiply inputs.
    Weights,
    /// Always a little, whatever the job says: a scenario's own part falls back to the shared part where rows are few.
    OwnPart,
    /// Never: biases, and what has a scale of its own.
    Never,
}

/// One named matrix.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) slot: Slot,
    pub(super) begin: Begin,
    pub(super) decay: Decay,
}

/// The places of all dense weights.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub(super) named: Vec<Named>,
    pub(super) len: usize,
    /// Weights up to here are shared by all tasks; the towers' come after.
    pub(super) shared: usize,
}

impl Layout {
    /// Takes a place for a matrix.
    pub(super) fn add(&mut self, name: String, rows: usize, cols: usize, begin: Begin, decay: Decay) -> Slot {
        let slot = Slot { at: self.len, rows, cols };
        self.len += rows * cols;
        self.named.push(Named { name, slot, begin, decay });
        slot
    }

    /// Fresh weights.
    pub(super) fn begin(&self, random: &mut ChaCha8Rng) -> Vec<f32> {
        let mut arena = vec![0.0; self.len];
        for named in &self.named {
            if named.begin == Begin::Glorot {
                let bound = (6.0 / (named.slot.rows + named.slot.cols) as f32).sqrt();
                named.slot.of_mut(&mut arena).iter_mut().for_each(|weight| *weight = random.gen_range(-bound..bound));
            }
        }
        arena
    }

    /// The strength of weight decay of every number of the arena, for a job that says `weights`.
    pub(super) fn decays(&self, weights: f32, own_part: f32) -> Vec<f32> {
        let mut decays = vec![0.0; self.len];
        for named in &self.named {
            let strength = match named.decay {
                Decay::Weights => weights,
                Decay::OwnPart => own_part,
                Decay::Never => 0.0,
            };
            named.slot.of_mut(&mut decays).fill(strength);
        }
        decays
    }
}
