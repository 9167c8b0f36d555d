//! Rows by falling value, sorted by the bits of their values.
//!
//! In: finite numbers. Out: the order of their rows and the lengths of the runs of equal values. Not here: what rankings are
//! made of (`metrics`).

/// Rows below which comparisons are quicker than counting bytes.
const FEW: usize = 512;
/// Bytes of a key, each a pass over the rows.
const BYTES: usize = 8;

/// A number so that larger ones come first; 0 and −0 are one number.
fn key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { bits } else { !(bits | 1 << 63) }
}

/// Rows by falling value, equal ones by rising row, and the lengths of the runs of equal values.
///
/// # Shapes
/// `values: [rows]`, every one finite.
pub(super) fn falling(values: &[f64]) -> (Vec<u32>, Vec<usize>) {
    let mut rows: Vec<(u64, u32)> = values.iter().zip(0..).map(|(value, row)| (key(*value), row)).collect();
    if rows.len() < FEW {
        rows.sort_unstable();
    } else {
        sort(&mut rows);
    }
    let lengths = rows.chunk_by(|a, b| a.0 == b.0).map(<[(u64, u32)]>::len).collect();
    (rows.into_iter().map(|(_, row)| row).collect(), lengths)
}

/// Sorts by key, byte by byte from the last; rows of equal key keep their order. A byte that all keys share costs no pass.
///
/// # Source
/// Knuth (1998), "The art of computer programming", volume 3, section 5.2.5 (radix list sort; here with counts).
fn sort(rows: &mut Vec<(u64, u32)>) {
    let mut counts = [[0_usize; 256]; BYTES];
    for (key, _) in rows.iter() {
        for (counts, byte) in counts.iter_mut().zip(key.to_le_bytes()) {
            counts[byte as usize] += 1;
        }
    }
    let mut other = vec![(0, 0); rows.len()];
    for (at, counts) in counts.iter_mut().enumerate() {
        if counts.contains(&rows.len()) {
            continue;
        }
        let mut place = 0;
        for count in counts.iter_mut() {
            place += std::mem::replace(count, place);
        }
        for row in rows.iter() {
            let next = &mut counts[(row.0 >> (8 * at)) as usize & 0xff];
            other[*next] = *row;
            *next += 1;
        }
        std::mem::swap(rows, &mut other);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::mix;

    #[track_caller]
    fn check(values: &[f64]) {
        let (order, lengths) = falling(values);
        let mut expected: Vec<u32> = (0..values.len() as u32).collect();
        expected.sort_by(|a, b| values[*b as usize].partial_cmp(&values[*a as usize]).expect("finite"));
        assert_eq!(order, expected);
        let equal = |a: &u32, b: &u32| (values[*a as usize] - values[*b as usize]).abs() <= 0.0;
        assert_eq!(lengths, expected.chunk_by(equal).map(<[u32]>::len).collect::<Vec<_>>());
    }

    #[test]
    fn many_rows_stand_as_a_stable_sort_by_comparison_puts_them() {
        for digits in [3.0, 1e3, 1e12] {
            let values: Vec<f64> = (0..5000).map(|row| ((mix(row) as f64 / 2e19 - 0.3) * digits).round() / digits).collect();
            check(&values);
            check(&values.iter().map(|value| f64::from(*value as f32)).collect::<Vec<_>>());
        }
        check(&[0.25; 900]);
    }

    #[test]
    fn nought_is_nought_whatever_its_sign() {
        let mut values = vec![0.0, -0.0, 1.0, -1.0, f64::MIN_POSITIVE, -f64::MAX, f64::MAX];
        check(&values);
        values = values.repeat(200);
        check(&values);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

        #[test]
        fn any_finite_numbers_are_sorted(values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 0..1200)) {
            check(&values);
        }
    }
}
