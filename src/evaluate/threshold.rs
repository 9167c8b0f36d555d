//! The decision threshold that serves F1 best.
//!
//! In: labels and published predictions of rows that were not learned from. Out: a threshold.

/// The prediction from which on calling a row positive gives the largest `F1 = 2 TP / (said + positives)`; of equal ones the
/// highest. Rows whose label or prediction is NaN are left out. `None` where no label is 1.
///
/// # Shapes
/// `labels: [rows]`, `predictions: [rows]`
///
/// # Source
/// Lipton, Elkan, Naryanaswamy (2014), "Optimal thresholding of classifiers to maximize F1 measure", section 2.
#[must_use]
pub fn best_f1(labels: &[f32], predictions: &[f64]) -> Option<f64> {
    let mut rows: Vec<(f64, bool)> = labels
        .iter()
        .zip(predictions)
        .filter(|(label, prediction)| !label.is_nan() && !prediction.is_nan())
        .map(|(label, prediction)| (*prediction, *label > 0.5))
        .collect();
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let positives = rows.iter().filter(|(_, positive)| *positive).count() as f64;
    let mut best: Option<(f64, f64)> = None;
    let (mut said, mut hits) = (0.0, 0.0);
    for tied in rows.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        said += tied.len() as f64;
        hits += tied.iter().filter(|(_, positive)| *positive).count() as f64;
        let f1 = 2.0 * hits / (said + positives);
        if f1 > best.map_or(0.0, |(best, _)| best) {
            best = Some((f1, tied[0].0));
        }
    }
    best.map(|(_, threshold)| threshold)
}

#[cfg(test)]
mod tests {
    use super::best_f1;
    use crate::evaluate::metrics::Rows;

    #[track_caller]
    fn check(labels: &[f32], predictions: &[f64], expect: Option<f64>) {
        assert_eq!(best_f1(labels, predictions), expect);
    }

    #[test]
    fn it_stands_at_the_last_prediction_that_pays() {
        check(&[1.0, 1.0, 0.0, 1.0, 0.0, 0.0], &[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], Some(0.6));
        check(&[1.0, 0.0, 0.0, 0.0], &[0.9, 0.8, 0.7, 0.6], Some(0.9));
    }

    #[test]
    fn equal_predictions_go_together() {
        check(&[1.0, 0.0, 0.0, 0.0, 1.0], &[0.5, 0.5, 0.5, 0.5, 0.2], Some(0.2));
    }

    #[test]
    fn rows_that_say_nothing_are_left_out() {
        check(&[1.0, f32::NAN, 0.0, 1.0], &[0.9, 0.95, 0.3, f64::NAN], Some(0.9));
    }

    #[test]
    fn without_positives_there_is_none() {
        check(&[0.0, 0.0], &[0.1, 0.2], None);
        check(&[], &[], None);
    }

    #[test]
    fn no_other_prediction_has_a_larger_f1() {
        let labels: Vec<f32> = (0..500_u32).map(|at| f32::from(u8::from(at * 7919 % 13 < 3))).collect();
        let predictions: Vec<f64> =
            (0..500_u32).map(|at| f64::from(at * 7919 % 13) * -0.01 + f64::from(at * 104_729 % 97) * 0.001).collect();
        let truth: Vec<f64> = labels.iter().map(|label| f64::from(*label)).collect();
        let rows = Rows::new(&truth, &predictions).expect("finite rows");
        let f1 = |threshold: f64| rows.confusion(threshold).f1().unwrap_or(0.0);
        let best = best_f1(&labels, &predictions).map(f1).expect("positives");
        assert!(best > f1(f64::NEG_INFINITY));
        assert!(predictions.iter().all(|threshold| f1(*threshold) <= best));
    }
}
