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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_worked_out_number_by_number() {
        for n in [0_usize, 1, 4, 7, 8, 16, 17, 32, 45] {
            let a: Vec<f32> = (0..n).map(|at| at as f32 - 3.0).collect();
            let b: Vec<f32> = (0..n).map(|at| 0.5 * at as f32).collect();
            let mut sum = a.clone();
            add(&mut sum, &b);
            add_times(&mut sum, 2.0, &b);
            let mut copied = vec![9.0; n];
            copy(&mut copied, &b);
            assert_eq!(copied, b);
            for at in 0..n {
                assert!((sum[at] - (a[at] + 3.0 * b[at])).abs() < 1e-5, "number {at} of {n}");
            }
            let expected: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            assert!((f64::from(dot(&a, &b)) - expected).abs() < 1e-3, "{n} numbers");
        }
    }
}
