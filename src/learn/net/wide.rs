//! Loops over many numbers, in the widest vectors that the processor has.
//!
//! In: a loop without side effects on the order of its sums. Out: the same bits on every processor: only independent numbers
//! go side by side. The program itself is built for any processor of its kind; what this one can do is found out when it runs.

use gemm_common::pulp::Arch;

/// Runs `work`, compiled for wide vectors as well as for any processor.
pub(super) fn wide<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}

/// `sum += part`, number by number.
pub(super) fn add(sum: &mut [f32], part: &[f32]) {
    wide(|| sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part));
}

/// `sum += first + second` in that order, number by number.
pub(super) fn add_two(sum: &mut [f32], first: &[f32], second: &[f32]) {
    wide(|| sum.iter_mut().zip(first).zip(second).for_each(|((sum, first), second)| *sum = *sum + first + second));
}
