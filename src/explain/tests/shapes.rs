//! Curves against closed forms.

use super::super::curves::{Curve, CurveSettings, curves};
use super::{Rows, Toy, importance_of, normal, published, random};
use crate::learn::rows::{Block, Column, FieldKind, MISSING};

const SETTINGS: CurveSettings = CurveSettings { top: 3, rows: 4000, partial_rows: 400, bins: 20, entries: 4 };

fn of<'a>(found: &'a [Curve], scenario: &str, task: &str, feature: &str) -> Vec<&'a Curve> {
    found.iter().filter(|row| row.scenario == scenario && row.task == task && row.feature == feature).collect()
}

/// `x1` goes with `x0`; a fifth of `x2` is missing.
fn rows() -> Rows {
    let mut rows = Rows::new(4000, 3, 61);
    let mut random = random(62);
    for row in 0..4000 {
        rows.x[1][row] = rows.x[0][row] + 0.05 * normal(&mut random);
        if row % 5 == 0 {
            rows.x[2][row] = f32::NAN;
        }
    }
    rows
}

#[test]
fn the_effect_of_a_linear_term_is_its_line() {
    let (rows, toy) = (rows(), Toy::new(&[2.0, -1.0, 0.5]));
    let block = rows.block();
    let found = curves(&toy, &block, &published, &importance_of(&toy, &block), &SETTINGS).unwrap();
    for (feature, weight) in [("x0", 2.0), ("x1", -1.0), ("x2", 0.5)] {
        for scenario in ["*", "home", "search"] {
            let curve = of(&found, scenario, "spend", feature);
            let line: Vec<&&Curve> = curve.iter().filter(|point| point.at.is_some()).collect();
            assert!(line.len() > 15);
            for pair in line.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                let rise = weight * (b.at.unwrap() - a.at.unwrap());
                assert!((b.effect - a.effect - rise).abs() < 1e-5, "{feature} {scenario}");
                assert!((b.partial.unwrap() - a.partial.unwrap() - rise).abs() < 1e-5, "{feature} {scenario}");
                // An amount is published as it is.
                assert!((b.published - b.effect).abs() < 1e-5);
                assert!(b.low.unwrap() <= b.effect && b.effect <= b.high.unwrap());
            }
            assert!((line.iter().map(|point| point.share).sum::<f64>() - if feature == "x2" { 0.8 } else { 1.0 }).abs() < 0.05);
        }
    }
    // Missing is as 0, and so lies where the line crosses it.
    let curve = of(&found, "*", "spend", "x2");
    let missing = curve.iter().find(|point| point.entry == Some(MISSING)).unwrap();
    let near = curve.iter().find(|point| point.at.is_some()).unwrap();
    assert!((missing.effect - (near.partial.unwrap() - 0.5 * near.at.unwrap())).abs() < 1e-5);
    // A click's effect is told at the base: σ(b + e) − σ(b).
    let point = of(&found, "home", "click", "x0")[18];
    let raw = super::super::asked::raw(&toy, &block).unwrap();
    let own: Vec<f64> = raw[0].iter().zip(&rows.scenario).filter(|(_, at)| **at == 0).map(|(raw, _)| f64::from(*raw)).collect();
    let base = own.iter().sum::<f64>() / own.len() as f64;
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    assert!((point.published - (sigmoid(base + point.effect) - sigmoid(base))).abs() < 1e-6);
}

/// `f = x0·x1` with `x1 ≈ x0`: along the rows that occur the slope by `x0` is `x1 ≈ z`, so the effect is `z²/2` but for a constant.
/// Partial dependence asks about rows that do not occur, and finds a flat line.
#[test]
fn an_interaction_of_tied_features_is_told_along_the_rows_that_occur() {
    let rows = rows();
    let toy = Toy { more: |x| x[0] * x[1], ..Toy::new(&[0.0; 3]) };
    let block = rows.block();
    let importance = importance_of(&Toy::new(&[1.0, 0.5, 0.0]), &block);
    let found = curves(&toy, &block, &published, &importance, &SETTINGS).unwrap();
    let curve = of(&found, "*", "spend", "x0");
    let middle = curve.iter().min_by(|a, b| a.at.unwrap().abs().total_cmp(&b.at.unwrap().abs())).unwrap();
    for point in curve.iter().filter(|point| point.at.unwrap().abs() < 2.0) {
        let expected = (point.at.unwrap().powi(2) - middle.at.unwrap().powi(2)) / 2.0;
        assert!((point.effect - middle.effect - expected).abs() < 0.08, "{point:?}");
        assert!(point.partial.unwrap().abs() < 0.3);
    }
}

#[test]
fn a_category_is_its_entries() {
    let rows = Rows::new(2000, 1, 63);
    let class: Vec<u32> = (0..2000).map(|row| [2, 2, 2, 2, 3, 3, 3, 5, 5, 7][row % 10]).collect();
    let mut toy = Toy::new(&[0.5]);
    toy.shape.fields[0].kind = FieldKind::Categorical { entries: 8, share: vec![0.125; 8] };
    let block = Block { columns: vec![Column::Categorical(&class)], ..rows.block() };
    let importance = importance_of(&toy, &block);
    let found = curves(&toy, &block, &published, &importance, &SETTINGS).unwrap();
    let curve = of(&found, "*", "spend", "x0");
    assert_eq!(curve.iter().map(|point| (point.entry.unwrap(), point.n)).collect::<Vec<_>>(), [(2, 800), (3, 600), (5, 400), (7, 200)]);
    // Half of the entry's number, less the mean half.
    let mean = 0.5 * (2.0 * 0.4 + 3.0 * 0.3 + 5.0 * 0.2 + 7.0 * 0.1);
    assert!(curve.iter().all(|point| (point.effect - (f64::from(point.entry.unwrap()) / 2.0 - mean)).abs() < 1e-5));
}
