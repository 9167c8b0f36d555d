//! Words, steps, and which rows are told.

use super::super::sample::{Why, choose};
use super::super::words::{Explained, Reason, steps, words};
use super::shape;

fn reasons() -> Vec<Reason> {
    let reason = |feature: &str, value: Option<&str>, contribution: f64| Reason {
        feature: feature.into(),
        value: value.map(str::to_owned),
        contribution,
    };
    vec![
        reason("visits", Some("2"), 0.05),
        reason("days_since", Some("3"), 0.62),
        reason("price", Some("80"), -0.2),
        reason("brand", None, 0.11),
        reason("unused", Some("1"), 0.0),
        reason("scenario", Some("home"), -0.02),
    ]
}

#[test]
fn a_row_in_words() {
    let reasons = reasons();
    let row = Explained { task: "purchase", binary: true, published: 0.032, usual: 0.0191, reasons: &reasons };
    assert_eq!(
        words(&row, 3),
        "purchase is 3.2 % (1.9 % for the average row) because `days_since` = 3 (+0.62) and `brand` is missing (+0.11) raise it; \
         `price` = 80 (−0.20) lowers it; 2 others together raise it (+0.03)."
    );
    let low = Explained { published: 0.0004, ..row };
    assert!(
        words(&low, 1).starts_with("purchase is 0.040 % (1.9 % for the average row) because `days_since` = 3 (+0.62) raises it; 4 others")
    );
    let amount = Explained { task: "spend", binary: false, published: 123.4, usual: 12.34, reasons: &[] };
    assert_eq!(words(&amount, 3), "spend is 123 (12.3 for the average row): no feature moves it.");
}

#[test]
fn steps_lead_from_the_base_to_the_row() {
    let found = steps(-3.0, &reasons(), 3);
    let labels: Vec<&str> = found.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(labels, ["days_since = 3", "price = 80", "brand is missing", "2 others"]);
    assert!(found.windows(2).all(|pair| pair[0].to.total_cmp(&pair[1].from).is_eq()));
    assert!((found[3].to - (-3.0 + 0.05 + 0.62 - 0.2 + 0.11 - 0.02)).abs() < 1e-12);
}

#[test]
fn rows_are_chosen_for_their_reasons() {
    let predictions = vec![vec![0.9, 0.8, 0.5, 0.2, 0.1, 0.89], vec![5.0, 1.0, 2.0, 3.0, 4.0, 0.0]];
    let labels = vec![vec![1.0, 0.0, 1.0, 0.0, 1.0, f32::NAN], vec![5.0, 1.0, 9.0, 3.0, 4.0, 0.0]];
    let entity = [1, 2, 3, 4, 5, 1];
    let found = choose(&shape(1).tasks, &labels, &predictions, &[0.45, 0.0], &entity, 2, 9);
    let of = |task: usize, why: Why| found.iter().filter(|row| row.task == task && row.why == why).map(|row| row.row).collect::<Vec<_>>();
    // Row 5 is of the entity of row 0.
    assert_eq!(of(0, Why::TopScore), [0, 1]);
    assert_eq!(of(0, Why::NearThreshold), [2, 3]);
    assert_eq!(of(0, Why::WorstError), [4, 1]);
    assert_eq!(of(1, Why::TopScore), [0, 4]);
    assert!(of(1, Why::NearThreshold).is_empty());
    assert_eq!(of(1, Why::WorstError)[0], 2);
    assert_eq!(of(0, Why::Random).len(), 2);
    assert_eq!(found, choose(&shape(1).tasks, &labels, &predictions, &[0.45, 0.0], &entity, 2, 9));
}
