//! Segments of a planted world: found, named alike in every night, told apart.

use ndarray::Array2;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::*;

/// People of four kinds, in shares of 40, 30, 20 and 10 %: their kind, and numbers in very different units.
fn planted(count: usize, seed: u64) -> (Vec<usize>, Rows) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let centres = [[0.0, 0.0, 0.0, 4.0], [4.0, 0.0, 4.0, 0.0], [0.0, 5.0, 0.0, 0.0], [4.0, 5.0, 5.0, 5.0]];
    let units = [1.0, 1000.0, 0.01, 7.0];
    let (mut kinds, mut values) = (Vec::new(), Array2::zeros((count, 5)));
    for row in 0..count {
        let kind = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3][row % 10];
        for column in 0..4 {
            let noise: f64 = (0..6).map(|_| random.gen_range(-0.7..0.7)).sum();
            values[(row, column)] = (centres[kind][column] + noise) * units[column] + 3.0 * units[column];
        }
        // A constant says nothing, a gap is no number.
        values[(row, 4)] = 8.0;
        if row % 50 == 17 {
            values[(row, 2)] = f64::NAN;
        }
        kinds.push(kind);
    }
    let columns = ["a", "b", "c", "d", "constant"].map(str::to_owned).to_vec();
    let keys = (0..count as u64).map(|row| row.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    (kinds, Rows { columns, values, keys, before: Vec::new() })
}

#[track_caller]
fn found(rows: &Rows, least: usize, most: usize) -> Segments {
    segments(rows, Range { least, most }, 7).unwrap_or_else(|error| panic!("{error}"))
}

/// Share of rows that are in the same segment.
fn same(a: &[i64], b: &[i64]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64
}

#[test]
fn planted_kinds_are_found_and_numbered_by_their_size() {
    let (kinds, rows) = planted(3000, 1);
    let own = found(&rows, 2, 8);
    let expected: Vec<i64> = kinds.iter().map(|kind| *kind as i64 + 1).collect();
    assert!(same(&own.segment, &expected) > 0.995, "{}", same(&own.segment, &expected));
    assert_eq!(own.profiles.iter().map(|profile| profile.segment).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(own.silhouettes.len(), 7);
    let best = own.silhouettes.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_else(|| panic!("none was tried"));
    assert!(best.0 == 4 && best.1 > 0.5, "{:?}", own.silhouettes);
    assert_eq!(own.segment, found(&rows, 2, 8).segment);
}

#[test]
fn a_profile_says_what_sets_a_segment_apart() {
    let (_, rows) = planted(3000, 1);
    let own = found(&rows, 4, 4);
    assert!(own.silhouettes.is_empty(), "there was nothing to choose");
    assert_eq!(own.profiles.iter().map(|profile| profile.size).sum::<usize>(), 3000);
    // The third kind is known by `b` alone: the others are low there but the fourth.
    let third = &own.profiles[2];
    assert_eq!(rows.columns[third.features[0].column], "b");
    assert!(third.features[0].z > 1.0 && third.features[0].mean > third.features[0].overall_mean);
    assert!(third.features.iter().all(|feature| rows.columns[feature.column] != "constant"));
    for profile in &own.profiles {
        let members: Vec<f64> = (0..3000).filter(|row| own.segment[*row] == profile.segment).map(|row| rows.values[(row, 0)]).collect();
        let mean = members.iter().sum::<f64>() / members.len() as f64;
        let told = profile.features.iter().find(|feature| feature.column == 0).unwrap_or_else(|| panic!("no `a`"));
        assert!((told.mean - mean).abs() < 1e-9);
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let (_, rows) = planted(1500, 2);
    let own = found(&rows, 2, 6);
    let order: Vec<usize> = (0..1500).rev().collect();
    let turned =
        Rows { values: rows.values.select(Axis(0), &order), keys: order.iter().map(|row| rows.keys[*row]).collect(), ..rows.clone() };
    let turned = found(&turned, 2, 6);
    assert!(order.iter().enumerate().all(|(at, row)| turned.segment[at] == own.segment[*row]));
}

/// The stated share: of a hundred rows that stay at most one is in another segment when one in a hundred rows changes.
#[test]
fn a_change_of_one_percent_moves_at_most_one_percent() {
    for (seed, name_again) in [(3, false), (4, true)] {
        let (_, rows) = planted(4000, seed);
        let own = found(&rows, 2, 8);
        let (_, others) = planted(4000, seed + 100);
        let mut changed = rows.clone();
        for row in (0..4000).filter(|row| row % 100 == 3) {
            changed.values.row_mut(row).assign(&others.values.row((row * 7) % 4000));
        }
        if name_again {
            changed.before = own.segment.iter().map(|segment| Some(*segment)).collect();
        }
        let again = found(&changed, 2, 8);
        let stays: Vec<usize> = (0..4000).filter(|row| row % 100 != 3).collect();
        let moved = stays.iter().filter(|row| own.segment[**row] != again.segment[**row]).count();
        assert!(moved as f64 <= 0.01 * stays.len() as f64, "{moved} moved");
    }
}

#[test]
fn segments_keep_the_numbers_of_the_night_before() {
    let (_, mut rows) = planted(2000, 5);
    let own = found(&rows, 4, 4);
    // Yesterday's numbers were others, a few people were elsewhere, some are new.
    let numbers = [30, 10, 40, 20];
    rows.before = (0..2000)
        .map(|row| match row % 97 {
            0 => None,
            1 => Some(10),
            _ => Some(numbers[own.segment[row] as usize - 1]),
        })
        .collect();
    let again = found(&rows, 4, 4);
    assert!((0..2000).all(|row| again.segment[row] == numbers[own.segment[row] as usize - 1]));
    // Five segments were four: one is new, and its number was never used.
    let five = found(&rows, 5, 5);
    let names: Vec<i64> = five.profiles.iter().map(|profile| profile.segment).collect();
    assert_eq!(names, [10, 20, 30, 40, 41]);
}

#[test]
fn the_number_of_the_night_before_stays_where_it_is_about_as_good() {
    assert_eq!(grouped_choice(&[(2, 0.40), (3, 0.41), (4, 0.395)], Some(2)), 2);
    assert_eq!(grouped_choice(&[(2, 0.38), (3, 0.41), (4, 0.395)], Some(2)), 3);
    assert_eq!(grouped_choice(&[(2, 0.41), (3, 0.41)], None), 2);
    assert_eq!(grouped_choice(&[(2, 0.30), (3, 0.41)], Some(9)), 3);
}

fn grouped_choice(silhouettes: &[(usize, f64)], before: Option<usize>) -> usize {
    silhouettes[super::grouped::chosen(silhouettes, before)].0
}

#[test]
fn what_cannot_be_grouped_is_told() {
    let (_, rows) = planted(100, 6);
    let told = |rows: &Rows, least, most| segments(rows, Range { least, most }, 7).err().unwrap_or_else(|| panic!("grouped")).to_string();
    assert_eq!(told(&rows, 5, 2), "the number of segments = 5 to 2 is outside 1 to 64, the least first");
    let mut infinite = rows.clone();
    infinite.values[(3, 1)] = f64::INFINITY;
    assert_eq!(told(&infinite, 2, 3), "`b` of row 4 is inf");
    let constant = Rows { columns: vec!["constant".into()], values: Array2::ones((100, 1)), ..rows.clone() };
    assert_eq!(told(&constant, 2, 3), "no column of numbers varies: constant");
    let few = Rows { columns: vec!["a".into()], values: Array2::from_shape_fn((100, 1), |(row, _)| (row % 2) as f64), ..rows.clone() };
    assert_eq!(told(&few, 3, 5), "2 different row(s) cannot make 3 segments");
    assert_eq!(found(&few, 1, 5).profiles.len(), 2);
}

#[test]
fn one_segment_holds_everybody() {
    let (_, rows) = planted(50, 6);
    assert!(found(&rows, 1, 1).segment.iter().all(|segment| *segment == 1));
}
