//! Importance and its intervals, and what changed since an earlier night.

use super::super::change::change;
use super::super::importance::{Importance, ImportanceAccumulator};
use super::{Rows, Toy, importance_of, normal, random, shape};
use crate::learn::Model as _;

fn find<'a>(table: &'a [Importance], scenario: &str, feature: &str) -> &'a Importance {
    table.iter().find(|row| row.scenario == scenario && row.task == "click" && row.feature == feature).unwrap()
}

#[test]
fn a_dummy_has_none_and_equals_are_equal() {
    let mut rows = Rows::new(2000, 3, 1);
    rows.x[1] = rows.x[0].clone();
    let toy = Toy::new(&[0.7, 0.7, 0.0]);
    let table = importance_of(&toy, &rows.block());
    for scenario in ["*", "home", "search"] {
        let (a, b, dummy) = (find(&table, scenario, "x0"), find(&table, scenario, "x1"), find(&table, scenario, "x2"));
        assert_eq!((a.value, a.low, a.high), (b.value, b.low, b.high));
        assert_eq!((dummy.value, dummy.low, dummy.high), (0.0, Some(0.0), Some(0.0)));
        assert!(a.low.unwrap() < a.value && a.value < a.high.unwrap());
    }
}

/// Of a hundred nights the true mean |contribution| lies within the interval on 90 to 99: with few entities and with more than there
/// are groups, whose rows resemble each other.
#[test]
fn intervals_cover_what_they_say() {
    for (entities, each) in [(60_u64, 8), (1500, 2)] {
        let mut within = 0;
        for night in 0..100 {
            let mut random = random(night);
            let n = entities as usize * each;
            let mut rows = Rows::new(n, 1, night);
            rows.entity = (0..n).map(|row| night * 10_000 + (row / each) as u64).collect();
            let mut own = 0.0;
            for row in 0..n {
                own = if row % each == 0 { normal(&mut random) } else { own };
                rows.x[0][row] = 0.6 * own + 0.8 * normal(&mut random);
            }
            let toy = Toy::new(&[2.0]);
            let mut sums = ImportanceAccumulator::resampled(&shape(1), 400, night);
            let block = rows.block();
            sums.add(&block, &toy.attribute(&block).unwrap().unwrap(), &super::super::asked::raw(&toy, &block).unwrap());
            let table = sums.finish();
            let found = find(&table, "*", "x0");
            // The mean of |N(0, 1)| is √(2/π).
            let truth = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
            within += i32::from(found.low.unwrap() <= truth && truth <= found.high.unwrap());
        }
        println!("{entities} entities: {within} of 100");
        assert!((90..=99).contains(&within), "{entities} entities: {within}");
    }
}

#[test]
fn a_handful_of_entities_has_no_interval() {
    let mut rows = Rows::new(100, 1, 3);
    rows.entity.iter_mut().for_each(|entity| *entity %= 5);
    let table = importance_of(&Toy::new(&[1.0]), &rows.block());
    assert!(find(&table, "*", "x0").low.is_none());
}

#[test]
fn a_change_is_told_from_noise() {
    let weights = [1.0, 0.8, 0.6, 0.4, 0.2, 0.0];
    let then = importance_of(&Toy::new(&weights), &Rows::new(3000, 6, 11).block());
    let same = importance_of(&Toy::new(&weights), &Rows::new(3000, 6, 12).block());
    let (changes, agreements) = change(&then, &same);
    assert_eq!(changes.iter().filter(|change| matches!(change.what, "rose" | "fell")).count(), 0);
    assert!(agreements.iter().all(|cell| (cell.ndcg.unwrap() - 1.0).abs() < 1e-12 && cell.new.is_empty() && cell.gone.is_empty()));

    let mut moved = importance_of(&Toy::new(&[1.0, 0.8, 0.6, 0.4, 0.9, 0.0]), &Rows::new(3000, 6, 12).block());
    moved.retain(|row| row.feature != "x3");
    moved.iter_mut().filter(|row| row.feature == "x5").for_each(|row| row.feature = "y5".into());
    let (changes, agreements) = change(&then, &moved);
    for change in &changes {
        let expected = match change.feature.as_str() {
            "x4" => "rose",
            "x3" | "x5" => "gone",
            "y5" => "new",
            _ => "as before",
        };
        assert_eq!(change.what, expected, "{change:?}");
    }
    let cell = &agreements[0];
    assert_eq!((cell.scenario.as_str(), cell.changed, cell.new.as_slice()), ("*", 1, &["y5".to_owned()][..]));
    assert_eq!(cell.gone, ["x3", "x5"]);
    let x = |feature: &str| find(&moved, "*", feature).value;
    let dcg = |order: &[(&str, i32)]| order.iter().map(|(feature, rank)| x(feature) / (f64::from(*rank) + 1.0).log2()).sum::<f64>();
    let expected = dcg(&[("x0", 1), ("x1", 2), ("x2", 3), ("x4", 5)]) / dcg(&[("x0", 1), ("x4", 2), ("x1", 3), ("x2", 4)]);
    assert!((cell.ndcg.unwrap() - expected).abs() < 1e-12);
}

/// A refit moves every feature by five of its standard errors or so; one moves by forty.
#[test]
fn what_a_refit_moves_is_no_change_and_what_stands_out_is() {
    let row = |at: usize, value: f64| Importance {
        scenario: "*".into(),
        task: "click".into(),
        feature: format!("x{at}"),
        value,
        low: Some(value - 0.0196),
        high: Some(value + 0.0196),
        ..Importance::default()
    };
    let mut random = super::random(17);
    let then: Vec<Importance> = (0..40).map(|at| row(at, 1.0)).collect();
    // The standard error of a difference is 0.01·√2.
    let now: Vec<Importance> =
        (0..40).map(|at| row(at, 1.0 + if at == 7 { 0.6 } else { 0.07 * f64::from(super::normal(&mut random)) })).collect();
    let (changes, _) = change(&then, &now);
    let told: Vec<&str> =
        changes.iter().filter(|change| change.what == "rose" || change.what == "fell").map(|change| change.feature.as_str()).collect();
    assert_eq!(told, ["x7"]);
}
