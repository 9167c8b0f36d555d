//! Metrics equal scikit-learn's, and have the properties that make them what they are.

use polytask::evaluate::metrics::{self, BINS, Rows};
use proptest::prelude::*;
use serde::Deserialize;

/// Written by `tests/fixtures/sklearn/make.py`.
const FIXTURE: &str = include_str!("../fixtures/sklearn/metrics.json");
/// Sums of a few hundred terms in another order differ by less.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
    reliability: Vec<Curve>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    labels: Vec<f64>,
    predictions: Vec<f64>,
    weights: Option<Vec<f64>>,
    threshold: f64,
    figures: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Curve {
    labels: Vec<f64>,
    predictions: Vec<f64>,
    ece: f64,
}

fn fixture() -> Fixture {
    serde_json::from_str(FIXTURE).unwrap_or_else(|error| panic!("the fixture cannot be read: {error}"))
}

fn figure(rows: &Rows<'_>, name: &str, threshold: f64) -> Option<f64> {
    let counts = rows.confusion(threshold);
    match name {
        "auc" => rows.auc(),
        "pr_auc" => rows.pr_auc(),
        "log_loss" => rows.log_loss(),
        "base_log_loss" => rows.base_log_loss(),
        "brier" => rows.brier(),
        "accuracy" => counts.accuracy(),
        "precision" => counts.precision(),
        "recall" => counts.recall(),
        "f1" => counts.f1(),
        "rmse" => rows.rmse(),
        "mae" => rows.mae(),
        "r2" => rows.r2(),
        other => panic!("no metric is called {other}"),
    }
}

#[track_caller]
fn near(found: Option<f64>, expected: Option<f64>, what: &str) {
    match (found, expected) {
        (None, None) => {}
        (Some(found), Some(expected)) => {
            assert!((found - expected).abs() <= TOLERANCE * expected.abs().max(1.0), "{what}: {found} instead of {expected}");
        }
        _ => panic!("{what}: {found:?} instead of {expected:?}"),
    }
}

#[test]
fn every_figure_equals_scikit_learns() {
    let mut compared = 0;
    for case in fixture().cases {
        let rows = match &case.weights {
            None => Rows::new(&case.labels, &case.predictions),
            Some(weights) => Rows::weighted(&case.labels, &case.predictions, weights),
        }
        .expect("finite numbers");
        for (name, expected) in &case.figures {
            near(figure(&rows, name, case.threshold), expected.as_f64(), &format!("{name} of `{}`", case.name));
            compared += 1;
        }
    }
    assert_eq!(compared, 8 * 9 + 4 * 3);
}

#[test]
fn without_ties_the_calibration_error_has_scikit_learns_quantile_bins() {
    for curve in fixture().reliability {
        let rows = Rows::new(&curve.labels, &curve.predictions).expect("finite numbers");
        near(rows.ece(), Some(curve.ece), "ece");
    }
}

#[test]
fn equal_predictions_share_a_bin_of_the_calibration_error() {
    // Half of the rows say 0.2 and half 0.6: two bins, |0.2 − 0.3| and |0.6 − 0.5|, whatever the order of the rows.
    let predictions: Vec<f64> = (0..40).map(|row| if row % 2 == 0 { 0.2 } else { 0.6 }).collect();
    let labels: Vec<f64> = (0..40).map(|row| f64::from(if row % 2 == 0 { row < 12 } else { row < 20 })).collect();
    near(Rows::new(&labels, &predictions).expect("rows").ece(), Some(0.1), "ece");
}

#[test]
fn no_rows_have_no_figures() {
    let rows = Rows::new(&[], &[]).expect("no rows are sound");
    for name in ["auc", "pr_auc", "log_loss", "base_log_loss", "brier", "accuracy", "precision", "recall", "f1", "rmse", "mae", "r2"] {
        assert_eq!(figure(&rows, name, 0.5), None, "{name}");
    }
    assert_eq!((rows.ece(), rows.predicted_observed(), rows.mean_label(), rows.base_rmse()), (None, None, None, None));
}

#[test]
fn nan_infinity_and_unequal_lengths_are_refused() {
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(Rows::new(&[1.0, bad], &[0.5, 0.5]).is_none());
        assert!(Rows::new(&[1.0, 0.0], &[bad, 0.5]).is_none());
        assert!(Rows::weighted(&[1.0, 0.0], &[0.1, 0.5], &[1.0, bad]).is_none());
        assert_eq!(metrics::auc(&[1.0, 0.0], &[bad, 0.5]), None);
    }
    assert!(Rows::weighted(&[1.0, 0.0], &[0.1, 0.5], &[1.0, -1.0]).is_none(), "a weight below 0");
    assert!(Rows::new(&[1.0, 0.0], &[0.5]).is_none());
    assert!(Rows::weighted(&[1.0, 0.0], &[0.5, 0.1], &[1.0]).is_none());
}

#[test]
fn weights_of_zero_are_no_rows() {
    let rows = Rows::weighted(&[1.0, 0.0], &[0.5, 0.1], &[0.0, 0.0]).expect("sound");
    assert_eq!((rows.auc(), rows.pr_auc(), rows.log_loss(), rows.ece(), rows.rmse()), (None, None, None, None, None));
}

#[test]
fn predicted_over_observed_is_the_ratio_of_sums() {
    near(Rows::new(&[1.0, 0.0, 1.0, 0.0], &[0.5, 0.5, 1.0, 1.0]).expect("rows").predicted_observed(), Some(1.5), "ratio");
    assert_eq!(Rows::new(&[0.0, 0.0], &[0.5, 0.5]).expect("rows").predicted_observed(), None);
}

/// Labels of both classes, predictions with ties, small whole weights.
fn weighted_rows() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<f64>)> {
    let row = (prop::bool::ANY, 1_u32..20, 0_u32..4);
    prop::collection::vec(row, 2..60).prop_map(|mut rows| {
        (rows[0].0, rows[1].0, rows[0].2, rows[1].2) = (true, false, 1, 1);
        let labels = rows.iter().map(|row| f64::from(row.0)).collect();
        let predictions = rows.iter().map(|row| f64::from(row.1) / 20.0).collect();
        (labels, predictions, rows.iter().map(|row| f64::from(row.2)).collect())
    })
}

const NAMES: [&str; 8] = ["auc", "pr_auc", "log_loss", "base_log_loss", "brier", "rmse", "mae", "r2"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_weight_is_a_repetition((labels, predictions, weights) in weighted_rows()) {
        let times = |values: &[f64]| -> Vec<f64> {
            values.iter().zip(&weights).flat_map(|(value, weight)| std::iter::repeat_n(*value, *weight as usize)).collect()
        };
        let (more_labels, more_predictions) = (times(&labels), times(&predictions));
        let repeated = Rows::new(&more_labels, &more_predictions).expect("rows");
        let weighted = Rows::weighted(&labels, &predictions, &weights).expect("rows");
        for name in NAMES {
            near(figure(&weighted, name, 0.5), figure(&repeated, name, 0.5), name);
        }
        near(weighted.ece(), repeated.ece(), "ece");
        near(weighted.predicted_observed(), repeated.predicted_observed(), "predicted_observed");
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter((labels, predictions, weights) in weighted_rows(), turn in 0_usize..60) {
        let turned = |values: &[f64]| {
            let mut values = values.to_vec();
            values.rotate_left(turn % labels.len());
            values.reverse();
            values
        };
        let (a, b, c) = (turned(&labels), turned(&predictions), turned(&weights));
        let (rows, other) = (Rows::weighted(&labels, &predictions, &weights).expect("rows"), Rows::weighted(&a, &b, &c).expect("rows"));
        for name in NAMES {
            near(figure(&rows, name, 0.5), figure(&other, name, 0.5), name);
        }
        near(rows.ece(), other.ece(), "ece");
    }

    #[test]
    fn a_rising_map_of_the_predictions_keeps_the_rankings((labels, predictions, _) in weighted_rows()) {
        let mapped: Vec<f64> = predictions.iter().map(|p| (p * 3.0).exp() - 7.0).collect();
        let (rows, other) = (Rows::new(&labels, &predictions).expect("rows"), Rows::new(&labels, &mapped).expect("rows"));
        prop_assert_eq!(rows.auc(), other.auc());
        prop_assert_eq!(rows.pr_auc(), other.pr_auc());
    }

    #[test]
    fn turning_the_predictions_round_turns_the_auc_round((labels, predictions, weights) in weighted_rows()) {
        let turned: Vec<f64> = predictions.iter().map(|p| -p).collect();
        let there = Rows::weighted(&labels, &predictions, &weights).expect("rows").auc().expect("two classes");
        let back = Rows::weighted(&labels, &turned, &weights).expect("rows").auc().expect("two classes");
        near(Some(there + back), Some(1.0), "sum");
    }

    #[test]
    fn the_calibration_error_is_at_least_the_error_of_the_whole((labels, predictions, _) in weighted_rows()) {
        let rows = Rows::new(&labels, &predictions).expect("rows");
        let whole = (predictions.iter().sum::<f64>() - labels.iter().sum::<f64>()).abs() / labels.len() as f64;
        let error = rows.ece().expect("rows");
        prop_assert!(error >= whole - TOLERANCE && error <= 1.0, "{} {}", error, whole);
        prop_assert!(BINS == 10);
    }
}
