//! Loops over many numbers, in the widest vectors that the processor has.
//!
//! In: a loop without side effects on the order of its sums. Out: the same bits on every processor: only independent numbers
//! go side by side. The program itself is built for any processor of its kind; what this one can do is found out when it runs.

#[cfg(target_arch = "x86_64")]
use gemm_common::simd::{MixedSimd, V3};

/// Numbers that a sum adds up side by side, on every processor: the sum's bits depend on it.
const SIDE_BY_SIDE: usize = 8;

/// Runs `work`, which is compiled for wide vectors too where the closure is marked to be inlined always.
#[inline(always)]
#[expect(clippy::inline_always, reason = "what is not inlined here is not compiled for the vectors that are found")]
pub(super) fn wide<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if let Some(vectors) = <V3 as MixedSimd<f32, f32, f32, f32>>::try_new() {
        return MixedSimd::<f32, f32, f32, f32>::vectorize(vectors, work);
    }
    work()
}

/// `sum += part`, number by number.
pub(super) fn add(sum: &mut [f32], part: &[f32]) {
    wide(
        #[inline(always)]
        || plus(sum, part),
    );
}

/// `sum += part`, number by number, within [`wide`].
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is called in loops for wide vectors")]
pub(super) fn plus(sum: &mut [f32], part: &[f32]) {
    sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
}

/// `sum += first + second` in that order, number by number, within [`wide`].
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is called in loops for wide vectors")]
pub(super) fn plus_two(sum: &mut [f32], first: &[f32], second: &[f32]) {
    sum.iter_mut().zip(first).zip(second).for_each(|((sum, first), second)| *sum = *sum + first + second);
}

/// `Σ a_i · b_i`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is called in loops for wide vectors")]
pub(super) fn inner(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<SIDE_BY_SIDE>();
    let (b, b_rest) = b.as_chunks::<SIDE_BY_SIDE>();
    let mut sums = [0.0; SIDE_BY_SIDE];
    for (a, b) in a.iter().zip(b) {
        for at in 0..SIDE_BY_SIDE {
            sums[at] += a[at] * b[at];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
