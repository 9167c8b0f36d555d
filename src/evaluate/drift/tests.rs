//! Two nights of drawn rows: quiet ones stay quiet, a planted change is found, and a metric's change is put down to its cause.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::*;

/// Any change that is beyond chance is an alarm.
const ANY: DriftSettings = DriftSettings { false_discovery: 0.05, psi: 0.0, missing: 0.0, new_categories: 0.0, label_rate: 0.0 };
const USUAL: DriftSettings = DriftSettings { false_discovery: 0.05, psi: 0.1, missing: 0.05, new_categories: 0.01, label_rate: 0.1 };
const NUMERIC: usize = 20;
const CATEGORICAL: usize = 10;
const VALUES: [&str; 12] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];

fn scenarios() -> Vec<String> {
    ["home", "mail", "search", "shop"].map(str::to_owned).to_vec()
}

/// What is wrong with a night: feature 3 in scenario `mail` is this much higher, category 2 of feature 25 has another name there.
#[derive(Clone, Copy, Default)]
struct Wrong {
    shift: f64,
    renamed: bool,
}

/// Rows of a night: an entity has one scenario, 1 to 8 rows there, and most of a value is the entity's own.
struct Night {
    scenario: Vec<u16>,
    numbers: Vec<Vec<Option<f64>>>,
    names: Vec<Vec<Option<&'static str>>>,
    units: Vec<u64>,
    all: u64,
}

fn night(rng: &mut ChaCha8Rng, entities: usize, wrong: Wrong) -> Night {
    let mut night = Night { scenario: vec![], numbers: vec![vec![]; NUMERIC], names: vec![vec![]; CATEGORICAL], units: vec![], all: 0 };
    let mut sizes: Vec<Vec<u64>> = vec![vec![]; 4];
    for _ in 0..entities {
        let scenario = rng.gen_range(0..4_u16);
        let rows = if rng.gen_bool(0.2) { 8 } else { rng.gen_range(1..3_u64) };
        sizes[scenario as usize].push(rows);
        night.scenario.extend(std::iter::repeat_n(scenario, rows as usize));
        for (at, values) in night.numbers.iter_mut().enumerate() {
            let missing = rng.gen_bool(0.1);
            let own: f64 = StandardNormal.sample(rng);
            let shift = if at == 3 && scenario == 1 { wrong.shift } else { 0.0 };
            for _ in 0..rows {
                let noise: f64 = StandardNormal.sample(rng);
                values.push((!missing).then_some(own + 0.2 * noise + shift));
            }
        }
        for (at, values) in night.names.iter_mut().enumerate() {
            // Twelve values, falling in number.
            let value = (12.0 * rng.r#gen::<f64>().powi(2)) as usize;
            let renamed = at == 5 && value == 2 && scenario == 1 && wrong.renamed;
            let name = if renamed { "two" } else { VALUES[value] };
            values.extend(std::iter::repeat_n(rng.gen_bool(0.95).then_some(name), rows as usize));
        }
    }
    night.units = sizes.iter().map(|sizes| independent(sizes.iter().copied())).collect();
    night.all = independent(sizes.into_iter().flatten());
    night
}

fn counted(night: &Night, earlier: Option<&[Distribution]>) -> Vec<Distribution> {
    let mut all = Vec::new();
    for (at, values) in night.numbers.iter().enumerate() {
        let name = format!("n{at}");
        let fresh = || {
            let edges = quantile_edges(values.iter().flatten().copied().collect(), 10);
            DistributionCounter::numeric(&name, &scenarios(), edges)
        };
        let mut counter = earlier.map_or_else(fresh, |earlier| DistributionCounter::within(earlier, &name, &scenarios()).unwrap());
        night.scenario.iter().zip(values).for_each(|(scenario, value)| counter.number(*scenario, *value));
        all.extend(counter.finish(&night.units, night.all));
    }
    for (at, values) in night.names.iter().enumerate() {
        let name = format!("c{at}");
        let fresh = || DistributionCounter::categorical(&name, &scenarios());
        let mut counter = earlier.map_or_else(fresh, |earlier| DistributionCounter::within(earlier, &name, &scenarios()).unwrap());
        night.scenario.iter().zip(values).for_each(|(scenario, value)| counter.value(*scenario, *value));
        all.extend(counter.finish(&night.units, night.all));
    }
    all
}

fn drifts(seed: u64, entities: usize, wrong: Wrong, settings: &DriftSettings) -> Vec<Drift> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let earlier = counted(&night(&mut rng, entities, Wrong::default()), None);
    // What a later night knows of an earlier one has been through the table.
    let earlier = from_rows(&to_rows(&earlier));
    let now = counted(&night(&mut rng, entities, wrong), Some(&earlier));
    compare(&earlier, &now, &|_, _| Some(0.1), settings)
}

#[test]
fn quiet_nights_alarm_no_more_often_than_they_may() {
    let nights = 200;
    let (mut alarmed, mut small, mut tests) = (0, 0, 0);
    for seed in 0..nights {
        let found = drifts(seed, 800, Wrong::default(), &ANY);
        alarmed += u32::from(found.iter().any(|drift| drift.alarm));
        let p = found.iter().filter_map(|drift| drift.p);
        (small, tests) = p.fold((small, tests), |(small, tests), p| (small + u32::from(p < 0.05), tests + 1));
    }
    let (rate, single) = (f64::from(alarmed) / nights as f64, f64::from(small) / f64::from(tests));
    println!("quiet nights with an alarm: {rate}; tests with p < 0.05: {single} of {tests}");
    // 0.05, and two standard errors of 200 nights.
    assert!(rate <= 0.05 + 0.031, "{rate}");
    assert!(single <= 0.055, "{single}");
}

#[test]
fn the_index_is_chi_squared_when_nothing_has_changed() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let repeats = 1_000;
    for (n, m, bins) in [(400, 400, 5), (5_000, 700, 10), (3_000, 3_000, 20)] {
        let mut draw = |rows: u32| {
            let mut counts = vec![0_u64; bins];
            (0..rows).for_each(|_| counts[(rng.r#gen::<f64>().powf(1.5) * bins as f64) as usize] += 1);
            counts
        };
        let (mut sum, mut above, mut far) = (0.0, 0, 0);
        for _ in 0..repeats {
            let (before, now) = (draw(n), draw(m));
            let psi = psi(Sampled { counts: &before, entities: f64::from(n) }, Sampled { counts: &now, entities: f64::from(m) }).unwrap();
            sum += psi.value * f64::from(n) * f64::from(m) / f64::from(n + m) / (psi.bins - 1) as f64;
            above += u32::from(psi.value > psi.critical);
            far += u32::from(psi.p < 0.001);
        }
        let (mean, above, far) = (sum / f64::from(repeats), f64::from(above) / f64::from(repeats), f64::from(far) / f64::from(repeats));
        println!("n {n} m {m} bins {bins}: mean / freedom {mean:.3}, above critical {above:.4}, p < 0.001 {far:.4}");
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        assert!((0.03..0.07).contains(&above), "{above}");
        assert!(far < 0.004, "{far}");
    }
}

#[test]
fn a_planted_change_is_found_named_and_first() {
    let found = drifts(3, 4_000, Wrong { shift: 0.6, renamed: false }, &USUAL);
    let first = &found[0];
    assert_eq!((first.feature.as_str(), first.scenario.as_str(), first.measure, first.alarm), ("n3", "mail", "psi", true), "{first:?}");
    assert!(found.iter().filter(|drift| drift.alarm).all(|drift| drift.feature == "n3"));
    let found = drifts(4, 4_000, Wrong { shift: 0.0, renamed: true }, &USUAL);
    let alarms: Vec<(&str, &str, &str)> =
        found.iter().filter(|drift| drift.alarm).map(|drift| (drift.feature.as_str(), drift.scenario.as_str(), drift.measure)).collect();
    assert!(alarms[0] == ("c5", "mail", "psi") && alarms.contains(&("c5", "mail", "new categories")), "{alarms:?}");
    assert!(alarms.iter().all(|(feature, ..)| *feature == "c5"), "{alarms:?}");
    let detail = |measure| found.iter().find(|drift| drift.scenario == "mail" && drift.feature == "c5" && drift.measure == measure);
    assert_eq!(detail("new categories").and_then(|drift| drift.detail.as_deref()), Some("new: two"));
    assert_eq!(detail("psi").and_then(|drift| drift.detail.as_deref()), Some("gone: 2"));
}

#[test]
fn what_the_model_does_not_use_comes_after_what_it_does() {
    let before = |feature: &str, counts: [u64; 2]| Distribution {
        scenario: "*".into(),
        feature: feature.into(),
        bins: Bins::Numeric { edges: vec![0.0], counts: counts.to_vec() },
        missing: 0,
        rows: counts.iter().sum(),
        entities: counts.iter().sum(),
    };
    let earlier = [before("used", [500, 500]), before("idle", [500, 500]), before("score:buy", [500, 500]), before("old", [1, 1])];
    let now = [before("used", [700, 300]), before("idle", [990, 10]), before("score:buy", [600, 400]), before("young", [1, 1])];
    let importance = |feature: &str, _: &str| match feature {
        "used" => Some(0.8),
        "score:buy" => None,
        _ => Some(0.0),
    };
    let found = compare(&earlier, &now, &importance, &USUAL);
    let order: Vec<&str> = found.iter().filter(|drift| drift.measure != "missing").map(|drift| drift.feature.as_str()).collect();
    assert_eq!(order, ["used", "idle", "score:buy", "old", "young"]);
    assert_eq!(found.iter().filter(|drift| drift.alarm).count(), 2);
    let why = |feature: &str| found.iter().find(|drift| drift.feature == feature).and_then(|drift| drift.detail.as_deref());
    assert_eq!((why("old"), why("young")), (Some("not there tonight"), Some("not there on the earlier night")));
}

#[test]
fn a_distribution_comes_back_from_its_rows() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut distributions = counted(&night(&mut rng, 300, Wrong::default()), None);
    let mut empty = DistributionCounter::numeric("empty", &scenarios(), vec![]);
    empty.number(0, Some(f64::NAN));
    empty.number(7, None);
    distributions.extend(empty.finish(&[1, 0, 0, 0], 2));
    let mut rows = to_rows(&distributions);
    rows.reverse();
    distributions.sort_by(|a, b| (&a.feature, &a.scenario).cmp(&(&b.feature, &b.scenario)));
    assert_eq!(from_rows(&rows), distributions);
}

#[test]
fn a_column_of_ids_is_counted_in_bounded_memory_and_the_common_values_keep_their_names() {
    let mut counter = DistributionCounter::categorical("id", &scenarios());
    for row in 0..60_000_u32 {
        counter.value(0, Some(&if row % 3 == 0 { format!("common {}", row % 7) } else { row.to_string() }));
    }
    let all = &counter.finish(&[60_000, 0, 0, 0], 60_000)[0];
    let Bins::Categorical { values, other } = &all.bins else { panic!("{all:?}") };
    assert_eq!((all.rows, values.len()), (60_000, NAMED));
    assert!(values[..7].iter().all(|(value, count)| value.starts_with("common") && *count > 2_800), "{:?}", &values[..7]);
    assert_eq!(values.iter().map(|(_, count)| count).sum::<u64>() + other, 60_000);
}

#[test]
fn label_rates_are_compared_by_independent_rows_and_amounts_by_their_errors() {
    let level = |task: &str, mean, standard_error, entities| Level {
        scenario: "*".into(),
        task: task.into(),
        mean,
        standard_error,
        rows: 40_000,
        entities,
    };
    let earlier = [level("buy", 0.10, None, 20_000), level("click", 0.10, None, 60), level("spend", 8.0, Some(0.1), 20_000)];
    let now = [level("buy", 0.12, None, 20_000), level("click", 0.12, None, 60), level("spend", 8.1, Some(0.1), 20_000)];
    let found = compare_levels(&earlier, &now, &USUAL);
    let alarms: Vec<&str> = found.iter().filter(|drift| drift.alarm).map(|drift| drift.feature.as_str()).collect();
    assert_eq!(alarms, ["buy"]);
    // 0.1 / √0.02 standard errors.
    let spend = found.iter().find(|drift| drift.feature == "spend").unwrap();
    assert!((spend.p.unwrap() - normal_tails(0.5_f64.sqrt())).abs() < 1e-12);
    assert!((independent([3, 3, 3]), independent([8, 1, 1]), independent([])) == (3, 1, 0));
}

/// Rows with logits of a given mean and spread; labels at `logit + other`, the model sees `seen` of the logit's noise.
fn scored(rng: &mut ChaCha8Rng, mean: f64, spread: f64, other: f64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (mut labels, mut earlier, mut better) = (vec![], vec![], vec![]);
    for _ in 0..40_000 {
        let (known, hidden): (f64, f64) = (StandardNormal.sample(rng), StandardNormal.sample(rng));
        let logit = mean + spread * known;
        let p = sigmoid(logit + 1.5 * hidden + other * known);
        labels.push(f64::from(u8::from(rng.r#gen::<f64>() < p)));
        earlier.push(sigmoid(0.75 * logit));
        better.push(p);
    }
    (labels, earlier, better)
}

#[track_caller]
fn check_cause(measured: Measured, tonight: &(Vec<f64>, Vec<f64>, Vec<f64>), model: &[f64], cause: &str) {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    let old = scored(&mut rng, -1.0, 1.0, 0.0);
    let rows = |rows: &(Vec<f64>, Vec<f64>, Vec<f64>)| (rows.0.clone(), rows.1.clone());
    let ((labels, p), (new_labels, new_p)) = (rows(&old), rows(tonight));
    let found =
        decompose(measured, ScoredRows { labels: &labels, earlier: &p }, ScoredRows { labels: &new_labels, earlier: &new_p }, model)
            .unwrap();
    let parts = [("data", found.data), ("labels", found.labels), ("model", found.model)];
    assert!((found.data + found.labels + found.model - (found.now - found.before)).abs() < 1e-12);
    let own = parts.iter().find(|(name, _)| *name == cause).map_or(0.0, |(_, part)| *part);
    assert!(own.abs() > 0.02, "{found:?}");
    for (name, part) in parts {
        assert!(name == cause || part.abs() < 0.25 * own.abs(), "{name} is no cause: {found:?}");
    }
}

#[test]
fn a_metrics_change_is_put_down_to_rows_labels_or_model() {
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    let (narrower, other, same) = (scored(&mut rng, -0.6, 0.6, 0.0), scored(&mut rng, -1.0, 1.0, -0.7), scored(&mut rng, -1.0, 1.0, 0.0));
    for measured in [Measured::Auc, Measured::LogLoss] {
        check_cause(measured, &narrower, &narrower.1, "data");
        check_cause(measured, &other, &other.1, "labels");
        check_cause(measured, &same, &same.2, "model");
    }
}

#[test]
fn a_change_of_nothing_is_nothing_and_one_class_has_none() {
    let (labels, p) = (vec![0.0, 1.0, 0.0, 1.0], vec![0.1, 0.4, 0.6, 0.9]);
    let rows = ScoredRows { labels: &labels, earlier: &p };
    let found = decompose(Measured::Auc, rows, rows, &p).unwrap();
    assert_eq!((found.data, found.labels, found.model), (0.0, 0.0, 0.0));
    // Three of four pairs are in order.
    assert!((found.before - 0.75).abs() < 1e-12);
    let none = ScoredRows { labels: &[], earlier: &[] };
    assert_eq!(decompose(Measured::LogLoss, none, rows, &p), None);
    assert_eq!(decompose(Measured::Auc, ScoredRows { labels: &[1.0], earlier: &[0.5] }, rows, &p), None);
}
