//! Permutation: what is needed, what is not, and the same whatever the threads.

use super::super::curves::{CurveSettings, curves};
use super::super::faithful::{FaithfulSettings, faithful};
use super::super::permutation::{PermutationSettings, Permuted, disagreements, permute};
use super::{Rows, Toy, importance_of, published};
use crate::learn::rows::Block;

const SETTINGS: PermutationSettings = PermutationSettings { rows: 4000, top: 6, resamples: 200, seed: 5 };

fn by_rows(raw: &[Vec<f32>], block: &Block<'_>) -> Vec<Vec<f64>> {
    published(raw, block.scenario)
}

fn of(found: &[Permuted], scenario: &str, metric: &str, feature: &str) -> (f64, f64, f64) {
    let row = found.iter().find(|row| row.scenario == scenario && row.metric == metric && row.feature == feature).unwrap();
    (row.value, row.low, row.high)
}

/// `x0` and `x1` make the labels; `x2` moves the model's clicks and no label; `x3` moves nothing.
#[test]
fn what_is_needed_is_told_from_what_is_moved_by() {
    let truth = Toy::new(&[1.0, 0.5, 0.0, 0.0]);
    let rows = Rows::new(4000, 4, 21).labelled(&truth, 22);
    let model = Toy::new(&[1.0, 0.5, 0.3, 0.0]);
    let block = rows.block();
    let importance = importance_of(&model, &block);
    let found = permute(&model, &block, &rows.labels, &by_rows, &importance, &SETTINGS).unwrap();
    assert!(!found.iter().any(|row| row.feature == "x3"), "a feature that moves nothing is not permuted");
    for metric in ["auc", "log_loss", "rmse"] {
        for scenario in ["*", "home", "search"] {
            let (strong, weak, noise) =
                (of(&found, scenario, metric, "x0"), of(&found, scenario, metric, "x1"), of(&found, scenario, metric, "x2"));
            assert!(strong.1 > 0.0 && weak.1 > 0.0 && strong.0 > weak.0, "{scenario} {metric} {strong:?} {weak:?}");
            assert!(noise.1 <= 0.0 && 0.0 <= noise.2, "{scenario} {metric} {noise:?}");
        }
    }
    // Permuting x0 (weight 1) among rows of variance 1 adds 2 to the mean squared error, which was 1 + 0.3².
    let expected = (1.0 + 0.09 + 2.0_f64).sqrt() - 1.09_f64.sqrt();
    assert!((of(&found, "*", "rmse", "x0").0 - expected).abs() < 0.06);
    let told = disagreements(&importance, &found);
    assert!(!told.is_empty() && told.iter().all(|row| row.feature == "x2" && row.why == "relied on, not needed"));
}

/// A dummy that is permuted all the same changes nothing at all.
#[test]
fn a_dummy_is_not_needed() {
    let model = Toy::new(&[1.0, 0.0]);
    let rows = Rows::new(1000, 2, 31).labelled(&model, 32);
    let mut importance = importance_of(&model, &rows.block());
    importance.iter_mut().filter(|row| row.feature == "x1").for_each(|row| row.value = 0.1);
    let found = permute(&model, &rows.block(), &rows.labels, &by_rows, &importance, &SETTINGS).unwrap();
    assert!(found.iter().filter(|row| row.feature == "x1").all(|row| row.low <= 0.0 && 0.0 <= row.high && row.value == 0.0));
    assert!(found.iter().any(|row| row.feature == "x1"));
}

#[test]
fn the_same_bytes_whatever_the_threads() {
    let model = Toy { more: |x| x[0] * x[1], ..Toy::new(&[1.0, 0.5, 0.3]) };
    let rows = Rows::new(1500, 3, 41).labelled(&model, 42);
    let all = || {
        let block = rows.block();
        let importance = importance_of(&model, &block);
        let curve = CurveSettings { top: 2, rows: 900, partial_rows: 100, bins: 7, entries: 5 };
        let settings = FaithfulSettings { rows: 60, steps: 8, resamples: 50, seed: 3 };
        format!(
            "{importance:?}{:?}{:?}{:?}{:?}",
            permute(&model, &block, &rows.labels, &by_rows, &importance, &SETTINGS).unwrap(),
            super::super::groups::groups(&block),
            curves(&model, &block, &published, &importance, &curve).unwrap(),
            faithful(&model, &block, &settings).unwrap().unwrap(),
        )
    };
    let on = |threads: usize| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all);
    let one = on(1);
    assert!(one == on(3) && one == on(4), "the bytes depend on the threads");
}
