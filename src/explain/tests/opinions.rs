//! Third opinions, Shapley values by permutations, and what goes on inside, against closed forms.

use ndarray::Array2;

use super::super::inside::figures;
use super::super::surrogate::{agreement, surrogates};
use super::{Rows, Toy, normal, random, shape};
use crate::learn::Attribution;
use crate::learn::inside::{Inside, InsideGate, InsideLevel};
use crate::learn::shapley::shapley;

const FIELDS: usize = 5;

/// `x0` and `x1` stand in the output alike; `x4` not at all; `x2` and `x3` work together.
fn toy() -> Toy {
    Toy { more: |x| 0.9 * x[2] * x[3] - 0.4 * x[0] * x[1], ..Toy::new(&[0.7, 0.7, -1.1, 0.3, 0.0]) }
}

/// Shapley values by brute force against the row of zeros, which is the background of standardised features:
/// `Σ_S |S|! (n − |S| − 1)! / n! · (f(S ∪ i) − f(S))`.
fn brute(toy: &Toy, x: &[f32]) -> Vec<f64> {
    let value = |set: usize| {
        let kept: Vec<f32> = x.iter().enumerate().map(|(at, x)| if (set >> at) & 1 == 1 { *x } else { 0.0 }).collect();
        f64::from(toy.weights[0].iter().zip(&kept).map(|(weight, x)| weight * x).sum::<f32>() + (toy.more)(&kept))
    };
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    (0..FIELDS)
        .map(|field| {
            let without = (0..1_usize << FIELDS).filter(|set| (set >> field) & 1 == 0);
            without
                .map(|set| {
                    let size = set.count_ones() as usize;
                    factorial(size) * factorial(FIELDS - size - 1) / factorial(FIELDS) * (value(set | (1 << field)) - value(set))
                })
                .sum()
        })
        .collect()
}

fn attributed(toy: &Toy, rows: &Rows) -> Attribution {
    shapley(toy, &rows.block()).unwrap()
}

#[test]
fn permutations_give_the_shapley_values_of_features_that_work_in_pairs() {
    let (toy, mut rows) = (toy(), Rows::new(40, FIELDS, 5));
    // Row 0 has both of the equal features alike.
    rows.x[1][0] = rows.x[0][0];
    let found = attributed(&toy, &rows);
    for row in 0..40 {
        let x: Vec<f32> = rows.x.iter().map(|values| values[row]).collect();
        for (field, expected) in brute(&toy, &x).into_iter().enumerate() {
            // Differences of f32 outputs of a size of about 1.
            assert!((f64::from(found.values[[row, 0, field]]) - expected).abs() < 1e-5, "row {row} x{field}");
        }
        let total = found.base[0] + found.values.slice(ndarray::s![row, 0, ..]).sum();
        let raw = super::super::asked::raw(&toy, &rows.block()).unwrap()[0][row];
        assert!((total - raw).abs() < 1e-5, "row {row}: {total} {raw}");
        assert!(found.values[[row, 0, 4]].abs() < 1e-12, "a dummy contributes");
    }
    assert!((found.values[[0, 0, 0]] - found.values[[0, 0, 1]]).abs() < 1e-6, "equal features are told apart");
}

#[test]
fn a_rows_contributions_do_not_depend_on_its_block() {
    let (toy, rows) = (toy(), Rows::new(600, FIELDS, 6));
    let whole = attributed(&toy, &rows);
    let alone = shapley(&toy, &rows.block().slice(300, 301)).unwrap();
    assert_eq!(whole.values.slice(ndarray::s![300, .., ..]), alone.values.slice(ndarray::s![0, .., ..]));
}

#[test]
fn the_surrogate_of_a_linear_model_is_the_model() {
    let (toy, rows) = (Toy::new(&[0.7, -0.2, -1.1, 0.3, 0.0]), Rows::new(3, FIELDS, 7));
    for row in 0..3 {
        let found = surrogates(&toy, &rows.block().slice(row, row + 1), 400, 3).unwrap();
        let own: Vec<f64> = (0..FIELDS).map(|field| f64::from(toy.weights[0][field] * rows.x[field][row])).collect();
        assert!(found[0].fit > 0.999, "{}", found[0].fit);
        for (effect, own) in found[0].effects.iter().zip(&own) {
            // The ridge draws effects towards 0 by less than a hundredth, and a thousandth of their scale of about 1 onto others.
            assert!((effect - own).abs() < 0.02 * own.abs() + 1e-3, "{effect} {own}");
        }
        assert!(agreement(&own, &found[0].effects).unwrap() > 0.999);
    }
    // What works together is not linear near a row, and the fit says so.
    let crooked = Toy { more: |x| 4.0 * x[0] * x[1] * x[2], ..Toy::new(&[0.0; FIELDS]) };
    let mut rows = Rows::new(1, FIELDS, 8);
    rows.x.iter_mut().for_each(|values| values[0] = 1.0);
    let fit = surrogates(&crooked, &rows.block(), 400, 3).unwrap()[0].fit;
    assert!(fit > 0.2 && fit < 0.95, "{fit}");
    assert_eq!(agreement(&[0.0, 0.0], &[1.0, 0.0]), None);
}

/// Three experts of two features: the second is the first turned by 90°, the third its own.
#[test]
fn experts_that_have_become_one_are_told() {
    let (rows, shape) = (Rows::new(400, 1, 9), shape(1));
    let mut random = random(10);
    let mut features = Array2::zeros((400, 6));
    for row in 0..400 {
        let (a, b) = (normal(&mut random), normal(&mut random));
        let own = [a, b, -b, a, normal(&mut random), normal(&mut random)];
        own.into_iter().enumerate().for_each(|(column, value)| features[[row, column]] = value);
    }
    let gate = |task: usize, shares: [f32; 3]| InsideGate {
        task: Some(task),
        experts: vec![0, 1, 2],
        shares: Array2::from_shape_fn((400, 3), |(_, expert)| shares[expert]),
    };
    let gates = vec![gate(0, [0.5, 0.25, 0.25]), gate(1, [1.0, 0.0, 0.0])];
    let inside = Inside { levels: vec![InsideLevel { experts: vec![None, None, Some(1)], features, width: 2, gates }] };
    let found = figures(&shape, &rows.block(), &inside, 50, 1);
    let similar = |a: &str, b: &str| {
        let own = found.iter().find(|row| row.measure == "expert similarity" && row.expert == a && row.other == b);
        own.map(|row| (row.value, row.alarm)).unwrap()
    };
    let (turned, alarm) = similar("shared 1", "shared 2");
    assert!((turned - 1.0).abs() < 1e-6 && alarm);
    let (other, alarm) = similar("shared 1", "spend 1");
    assert!(other < 0.1 && !alarm, "{other}");
    let of = |measure: &str, scenario: &str, task: &str, expert: &str| {
        let own = found.iter().find(|row| row.measure == measure && row.scenario == scenario && row.task == task && row.expert == expert);
        own.map(|row| (row.value, row.alarm)).unwrap()
    };
    assert!((of("gate share", "home", "click", "shared 1").0 - 0.5).abs() < 1e-9);
    // H(½, ¼, ¼) = 1.5 ln 2.
    let entropy = 1.5 * 2.0_f64.ln() / 3.0_f64.ln();
    assert!((of("gate entropy", "*", "click", "").0 - entropy).abs() < 1e-6);
    assert!(of("gate entropy", "*", "spend", "").1, "a gate that listens to one expert alone");
}
