//! Loops over numbers that lie side by side, built for the registers of the processor at hand.
//!
//! In: slices. Out: the same slices, changed. A layer marks its loop over rows `multiversion` and writes it from the few steps below: they
//! are built into each version of it, so that it is one loop of wide instructions. Every number is worked out alike whatever the width of
//! a register.

#![expect(clippy::inline_always, reason = "what is not built into the loop that calls it is built for narrow registers")]

/// Calls `with` for each number and its partner.
#[inline(always)]
pub(super) fn pairs(to: &mut [f32], from: &[f32], mut with: impl FnMut(&mut f32, f32)) {
    // A plain loop of known length: an iterator's own functions are not always built into the loop.
    let n = to.len().min(from.len());
    let (to, from) = (&mut to[..n], &from[..n]);
    for at in 0..n {
        with(&mut to[at], from[at]);
    }
}

/// `sum += part`, number by number.
#[inline(always)]
pub(super) fn add(sum: &mut [f32], part: &[f32]) {
    pairs(sum, part, |sum, part| *sum += part);
}

/// `sum += factor · part`, number by number.
#[inline(always)]
pub(super) fn add_times(sum: &mut [f32], factor: f32, part: &[f32]) {
    pairs(sum, part, |sum, part| *sum += factor * part);
}

/// `Σ a_i b_i`, in sixteen sums side by side: one after the other, each addition would wait for the one before.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const SIDE: usize = 16;
    let n = a.len().min(b.len());
    let whole = n - n % SIDE;
    let mut sums = [0.0_f32; SIDE];
    let mut from = 0;
    while from < whole {
        let (a, b) = (&a[from..from + SIDE], &b[from..from + SIDE]);
        for at in 0..SIDE {
            sums[at] += a[at] * b[at];
        }
        from += SIDE;
    }
    let mut sum = 0.0;
    for part in sums {
        sum += part;
    }
    for at in whole..n {
        sum += a[at] * b[at];
    }
    sum
}

/// Copies a few numbers. Of the usual widths of an embedding it knows the length: no call for a handful of numbers.
#[inline(always)]
pub(super) fn copy(to: &mut [f32], from: &[f32]) {
    #[inline(always)]
    fn known<const N: usize>(to: &mut [f32], from: &[f32]) -> bool {
        match (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
            (Some(to), Some(from)) => {
                *to = *from;
                true
            }
            _ => false,
        }
    }
    let done = match to.len() {
        1 => known::<1>(to, from),
        4 => known::<4>(to, from),
        8 => known::<8>(to, from),
        16 => known::<16>(to, from),
        32 => known::<32>(to, from),
        _ => false,
    };
    if !done {
        to.copy_from_slice(from);
    }
}
