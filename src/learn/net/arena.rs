//! Long arrays of numbers that are read here and there: embedding tables and what training keeps beside them.
//!
//! In: a length. Out: numbers, all 0, that begin at a page and ask the system for huge pages: a step reads some thousand rows far
//! apart, and with pages of 4 KiB most of them would first be looked for in the page table. What the numbers mean is not known here.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Numbers from which asking for pages of their own pays.
const MAPPED: usize = 1 << 18;

/// The array.
#[derive(Debug)]
pub(super) enum Arena {
    /// A short one.
    Short(Vec<f32>),
    /// One with pages of its own.
    Mapped(MmapMut),
}

impl Arena {
    /// `len` zeros.
    pub(super) fn new(len: usize) -> Self {
        if len < MAPPED {
            return Self::Short(vec![0.0; len]);
        }
        // A system that has no pages to map left has none for a vector either; which says so by itself.
        let Ok(map) = MmapMut::map_anon(len * size_of::<f32>()) else { return Self::Short(vec![0.0; len]) };
        #[cfg(target_os = "linux")]
        // A wish: without it the array is as right, and slower.
        let _ = map.advise(memmap2::Advice::HugePage);
        Self::Mapped(map)
    }
}

impl Deref for Arena {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        match self {
            Self::Short(values) => values,
            Self::Mapped(map) => bytemuck::cast_slice(map),
        }
    }
}

impl DerefMut for Arena {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        match self {
            Self::Short(values) => values,
            Self::Mapped(map) => bytemuck::cast_slice_mut(map),
        }
    }
}

impl From<&[f32]> for Arena {
    fn from(values: &[f32]) -> Self {
        let mut arena = Self::new(values.len());
        arena.copy_from_slice(values);
        arena
    }
}

impl From<Vec<f32>> for Arena {
    fn from(values: Vec<f32>) -> Self {
        if values.len() < MAPPED { Self::Short(values) } else { Self::from(values.as_slice()) }
    }
}

impl Clone for Arena {
    fn clone(&self) -> Self {
        Self::from(&self[..])
    }
}

impl PartialEq for Arena {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_arrays_hold_the_same() {
        for len in [3, MAPPED + 5] {
            let mut arena = Arena::new(len);
            assert!(arena.iter().all(|value| *value == 0.0));
            arena[len - 1] = 2.5;
            let copy = arena.clone();
            assert_eq!((copy.len(), copy[len - 1]), (len, 2.5));
            assert_eq!(copy, arena);
            arena[0] = 1.0;
            assert_ne!(copy, arena);
        }
    }
}
