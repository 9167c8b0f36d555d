//! Rankings within entities, Gini coefficients, lifts and gains: equal to scikit-learn's, or counted out.

use polytask::evaluate::cells::Scored;
use polytask::evaluate::gains::{Gain, gains};
use polytask::evaluate::lists::{Means, lists};
use polytask::evaluate::metrics::Rows;
use polytask::learn::rows::{Task, TaskKind};
use serde::Deserialize;

/// Written by `tests/fixtures/sklearn/make.py`.
const FIXTURE: &str = include_str!("../fixtures/sklearn/lists.json");
/// Sums of a few hundred terms in another order differ by less.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Fixture {
    lists: Vec<Lists>,
    ranked: Vec<Ranked>,
}

#[derive(Deserialize)]
struct Lists {
    name: String,
    k: usize,
    entity: Vec<u32>,
    labels: Vec<f64>,
    predictions: Vec<f64>,
    figures: Expected,
}

#[derive(Deserialize)]
struct Expected {
    gauc: f64,
    ndcg: f64,
    recall: f64,
    hit: f64,
    mrr: f64,
}

#[derive(Deserialize)]
struct Ranked {
    name: String,
    labels: Vec<f64>,
    predictions: Vec<f64>,
    weights: Option<Vec<f64>>,
    gini: f64,
    lift: f64,
}

fn fixture() -> Fixture {
    serde_json::from_str(FIXTURE).unwrap_or_else(|error| panic!("the fixture cannot be read: {error}"))
}

#[track_caller]
fn near(found: Option<f64>, expected: f64, what: &str) {
    assert!(found.is_some_and(|found| (found - expected).abs() <= TOLERANCE), "{what}: {found:?} instead of {expected}");
}

#[test]
fn rankings_within_entities_equal_scikit_learns() {
    let cases = fixture().lists;
    assert_eq!(cases.len(), 5);
    for case in cases {
        let found = Means::new(&lists(&case.labels, &case.predictions, &case.entity, case.k));
        let expected = case.figures;
        near(found.gauc, expected.gauc, &format!("gauc of `{}`", case.name));
        near(found.ndcg, expected.ndcg, &format!("ndcg of `{}`", case.name));
        near(found.recall, expected.recall, &format!("recall of `{}`", case.name));
        near(found.hit, expected.hit, &format!("hit of `{}`", case.name));
        near(found.mrr, expected.mrr, &format!("mrr of `{}`", case.name));
    }
}

#[test]
fn gini_and_lift_equal_the_areas_and_shares_of_the_fixture() {
    let cases = fixture().ranked;
    assert_eq!(cases.len(), 4);
    for case in cases {
        let rows = match &case.weights {
            None => Rows::new(&case.labels, &case.predictions),
            Some(weights) => Rows::weighted(&case.labels, &case.predictions, weights),
        }
        .expect("finite numbers");
        near(rows.gini(), case.gini, &format!("gini of `{}`", case.name));
        near(rows.lift(), case.lift, &format!("lift of `{}`", case.name));
    }
}

#[test]
fn the_order_of_tied_rows_is_neither_luck_nor_skill() {
    let entity = [0; 4];
    let found = |labels: [f64; 4]| Means::new(&lists(&labels, &[0.5; 4], &entity, 2));
    assert_eq!(found([1.0, 0.0, 0.0, 0.0]), found([0.0, 0.0, 0.0, 1.0]));
    let tied = found([1.0, 0.0, 0.0, 0.0]);
    near(tied.gauc, 0.5, "gauc");
    near(tied.recall, 0.5, "recall");
    near(tied.hit, 0.5, "hit");
    near(tied.mrr, (1.0 + 1.0 / 2.0 + 1.0 / 3.0 + 1.0 / 4.0) / 4.0, "mrr");
}

#[test]
fn an_entity_without_a_positive_has_no_list_and_one_of_one_class_no_area() {
    let own = lists(&[0.0, 0.0, 1.0, 1.0], &[0.1, 0.2, 0.3, 0.4], &[7, 7, 9, 9], 1);
    assert_eq!(
        own.iter().map(|list| (list.entity, list.rows, list.auc, list.top.is_some())).collect::<Vec<_>>(),
        [(7, 2, None, false), (9, 2, None, true)]
    );
    let means = Means::new(&own);
    assert_eq!((means.gauc, means.ndcg, means.recall, means.hit, means.mrr), (None, Some(1.0), Some(0.5), Some(1.0), Some(1.0)));
    assert_eq!(Means::new(&lists(&[], &[], &[], 3)), Means::default());
}

#[test]
fn gini_and_lift_are_of_amounts_that_vary_and_are_not_below_zero() {
    let rows = |labels: &'static [f64]| Rows::new(labels, &[0.3, 0.2, 0.1]).expect("rows");
    assert_eq!((rows(&[1.0, -1.0, 2.0]).gini(), rows(&[1.0, -1.0, 2.0]).lift()), (None, None));
    assert_eq!((rows(&[0.0, 0.0, 0.0]).gini(), rows(&[0.0, 0.0, 0.0]).lift()), (None, None));
    assert_eq!(rows(&[4.0, 4.0, 4.0]).gini(), None);
    near(rows(&[4.0, 4.0, 4.0]).lift(), 1.0, "lift of labels that do not vary");
    assert_eq!(rows(&[3.0, 2.0, 1.0]).gini(), Some(1.0));
    near(rows(&[1.0, 2.0, 3.0]).gini(), -1.0, "the other way round");
    let none = Rows::new(&[], &[]).expect("no rows are sound");
    assert_eq!((none.gini(), none.lift()), (None, None));
}

fn table(labels: &[f32], predictions: &[f64], scenario: &[u16]) -> Vec<Gain> {
    gains(&Scored {
        scenarios: &["home".into(), "search".into()],
        tasks: &[Task { name: "click".into(), kind: TaskKind::Binary, after: None, alpha: 1.0 }],
        thresholds: &[0.5],
        row_thresholds: &[],
        scenario,
        entity: &vec![0; scenario.len()],
        labels: &[labels.to_vec()],
        predictions: &[predictions.to_vec()],
    })
}

#[test]
fn gains_share_the_labels_out_by_tenths() {
    // 25 rows, the six highest positive: two and a half rows a decile.
    let predictions: Vec<f64> = (0..25).map(|row| 1.0 - f64::from(row) / 100.0).collect();
    let labels: Vec<f32> = (0..25).map(|row| if row < 6 { 1.0 } else { 0.0 }).collect();
    let found = table(&labels, &predictions, &[0; 25]);
    assert_eq!(found.len(), 20, "no rows of `search`");
    let total: Vec<&Gain> = found.iter().filter(|gain| gain.scenario == "*").collect();
    assert_eq!(total.iter().map(|gain| gain.decile).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    for (gain, (labels, share)) in total.iter().zip([(2.5, 2.5), (2.5, 5.0), (1.0, 6.0), (0.0, 6.0)]) {
        near(Some(gain.rows), 2.5, "rows");
        near(Some(gain.labels), labels, "labels");
        near(gain.share, labels / 6.0, "share");
        near(gain.lift, labels / 6.0 * 10.0, "lift");
        near(gain.cumulative_share, share / 6.0, "cumulative share");
        near(gain.cumulative_lift, share / 6.0 * 10.0 / f64::from(gain.decile), "cumulative lift");
    }
    near(Some(total[0].predicted), 1.0 + 0.99 + 0.98 / 2.0, "predicted");
    near(Some(total.iter().map(|gain| gain.predicted).sum()), predictions.iter().sum(), "all predictions");
    near(total[9].cumulative_share, 1.0, "all labels");
    let rows = labels.iter().map(|label| f64::from(*label)).collect::<Vec<_>>();
    assert_eq!(total[0].lift, Rows::new(&rows, &predictions).and_then(|rows| rows.lift()));
}

#[test]
fn tied_rows_are_spread_evenly_over_their_deciles() {
    let labels: Vec<f32> = (0..20).map(|row| if row < 4 { 1.0 } else { 0.0 }).collect();
    for gain in table(&labels, &[0.3; 20], &[1; 20]).iter().filter(|gain| gain.scenario == "search") {
        near(Some(gain.labels), 0.4, "labels");
        near(gain.lift, 1.0, "lift");
        near(gain.cumulative_lift, 1.0, "cumulative lift");
    }
    let few = table(&[1.0, f32::NAN, 0.0], &[0.9, 0.5, 0.1], &[0, 0, 0]);
    near(Some(few.iter().filter(|gain| gain.scenario == "home").map(|gain| gain.rows).sum()), 2.0, "rows with a label");
    assert!(table(&[0.0, 0.0], &[0.9, 0.1], &[0, 0]).iter().all(|gain| gain.lift.is_none() && gain.share.is_none()));
    assert_eq!(table(&[1.0, 0.0], &[f64::NAN, 0.1], &[0, 0]), []);
}
