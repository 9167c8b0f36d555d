//! Calibration: finds a planted curve, holds thin cells to their task, keeps chains in order, survives hard cases.

use polytask::evaluate::calibration::{Calibration, Evidence, NightSpread, reliability, wilson};
use polytask::evaluate::cells::Scored;
use polytask::learn::rows::{Block, Shape, Task, TaskKind, UNSEEN_SCENARIO};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn task(name: &str, kind: TaskKind, after: Option<usize>) -> Task {
    Task { name: name.into(), kind, after, alpha: 1.0 }
}

fn shape(tasks: Vec<Task>) -> Shape {
    Shape { scenarios: vec!["home".into(), "search".into()], tasks, fields: Vec::new(), horizon_days: 7 }
}

/// Fitted on one night, each row of an entity of its own.
fn calibrate(raw: &[Vec<f32>], labels: &[Vec<f32>], scenario: &[u16], shape: &Shape) -> Calibration {
    on_nights(raw, labels, scenario, &vec![0; scenario.len()], shape, &NightSpread::none(shape))
}

fn on_nights(raw: &[Vec<f32>], labels: &[Vec<f32>], scenario: &[u16], night: &[i32], shape: &Shape, spread: &NightSpread) -> Calibration {
    let entity: Vec<u64> = (0..scenario.len() as u64).collect();
    Calibration::fit(&Evidence { raw, labels, scenario, night, entity: &entity }, shape, spread)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Raw outputs around 0.2, as a linear probability model yields them, and labels drawn from `sigmoid(a·raw + b)` with
/// `(a, b)` of the row's scenario.
struct Planted {
    raw: Vec<f32>,
    labels: Vec<f32>,
    truth: Vec<f64>,
    scenario: Vec<u16>,
}

fn planted(rows: [usize; 2], curves: [(f64, f64); 2]) -> Planted {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut planted = Planted { raw: Vec::new(), labels: Vec::new(), truth: Vec::new(), scenario: Vec::new() };
    for (scenario, (rows, (a, b))) in rows.into_iter().zip(curves).enumerate() {
        for _ in 0..rows {
            let raw: f32 = random.gen_range(-0.1..0.5);
            let truth = sigmoid(a * f64::from(raw) + b);
            planted.labels.push(if random.gen_bool(truth) { 1.0 } else { 0.0 });
            planted.raw.push(raw);
            planted.truth.push(truth);
            planted.scenario.push(scenario as u16);
        }
    }
    planted
}

/// Mean |published − truth| over the rows of a scenario.
fn error(planted: &Planted, published: &[f64], scenario: u16) -> f64 {
    let own: Vec<usize> = (0..published.len()).filter(|row| planted.scenario[*row] == scenario).collect();
    own.iter().map(|row| (published[*row] - planted.truth[*row]).abs()).sum::<f64>() / own.len() as f64
}

fn fit(planted: &Planted) -> (Calibration, Vec<f64>) {
    let shape = shape(vec![task("click", TaskKind::Binary, None)]);
    let calibration = calibrate(std::slice::from_ref(&planted.raw), std::slice::from_ref(&planted.labels), &planted.scenario, &shape);
    let published = calibration.apply(std::slice::from_ref(&planted.raw), &planted.scenario).remove(0);
    (calibration, published)
}

#[track_caller]
fn check_planted(curves: [(f64, f64); 2], ratio_within: f64) {
    let planted = planted([40_000, 40_000], curves);
    let (_, published) = fit(&planted);
    for scenario in 0..2 {
        let error = error(&planted, &published, scenario);
        assert!(error < 0.006, "scenario {scenario}: {error}");
        let own = || (0..published.len()).filter(|row| planted.scenario[*row] == scenario);
        let ratio = own().map(|row| published[row]).sum::<f64>() / own().map(|row| f64::from(planted.labels[row])).sum::<f64>();
        assert!((ratio - 1.0).abs() < ratio_within, "scenario {scenario}: predicted/observed {ratio}");
    }
}

#[test]
fn a_planted_curve_is_found_in_every_cell() {
    check_planted([(6.0, -2.0), (6.0, -2.0)], 0.005);
    check_planted([(6.0, -2.0), (5.0, -2.2)], 0.01);
    // Half the slope and a third of the odds: the task still pulls a little at 40,000 rows.
    check_planted([(6.0, -2.0), (3.0, -3.0)], 0.03);
}

#[test]
fn a_thin_cell_follows_its_task_and_so_does_a_scenario_never_seen() {
    let thin = planted([40_000, 15], [(6.0, -2.0), (6.0, -2.0)]);
    let (calibration, published) = fit(&thin);
    assert!(error(&thin, &published, 1) < 0.02);
    let unseen = vec![UNSEEN_SCENARIO; thin.raw.len()];
    let elsewhere = calibration.apply(std::slice::from_ref(&thin.raw), &unseen).remove(0);
    assert!((0..elsewhere.len()).all(|row| (elsewhere[row] - thin.truth[row]).abs() < 0.03));
}

#[test]
fn a_cell_without_rows_has_the_curve_of_its_task() {
    let planted = planted([5000, 0], [(6.0, -2.0), (6.0, -2.0)]);
    let (calibration, _) = fit(&planted);
    let under = |scenario: u16| calibration.apply(std::slice::from_ref(&planted.raw), &vec![scenario; planted.raw.len()]);
    assert_eq!(under(1), under(UNSEEN_SCENARIO));
}

#[test]
fn separable_rows_and_a_single_class_give_probabilities_inside_0_and_1() {
    let shape = shape(vec![task("click", TaskKind::Binary, None)]);
    let raw: Vec<f32> = (0..100).map(|row| row as f32 / 100.0).collect();
    let scenario = vec![0; 100];
    for above in [0.5_f32, 2.0, -1.0] {
        let labels: Vec<f32> = raw.iter().map(|raw| f32::from(u8::from(*raw >= above))).collect();
        let calibration = calibrate(std::slice::from_ref(&raw), &[labels], &scenario, &shape);
        let published = calibration.apply(std::slice::from_ref(&raw), &scenario).remove(0);
        assert!(published.iter().all(|p| *p > 0.0 && *p < 1.0), "{above}: {published:?}");
        if (0.0..1.0).contains(&above) {
            assert!(published.is_sorted(), "a higher raw output is never published lower");
        } else {
            assert!((published[0] - published[99]).abs() < 1e-6, "{above}: one class teaches no slope");
        }
        let mean = published.iter().sum::<f64>() / 100.0;
        assert!((mean - raw.iter().filter(|raw| **raw >= above).count() as f64 / 100.0).abs() < 0.03, "{above}: {mean}");
    }
}

#[test]
fn no_observed_label_and_a_constant_output_are_survived() {
    let shape = shape(vec![task("click", TaskKind::Binary, None), task("spend", TaskKind::RegressionLog1p, None)]);
    let raw = vec![vec![0.3; 40], vec![1.0; 40]];
    let scenario = vec![0; 40];
    let nothing = calibrate(&raw, &[vec![f32::NAN; 40], vec![f32::NAN; 40]], &scenario, &shape);
    let published = nothing.apply(&raw, &scenario);
    assert!((published[0][0] - 0.5).abs() < 1e-9 && (published[1][0] - 1f64.exp_m1()).abs() < 1e-9);
    let halves = [(0..40).map(|row| (row % 4 == 0) as u8 as f32).collect(), vec![0.0; 40]];
    let published = calibrate(&raw, &halves, &scenario, &shape).apply(&raw, &scenario);
    assert!((published[0][0] - 0.25).abs() < 0.02, "the base rate: {}", published[0][0]);
    assert!(published[1][0] >= 0.0);
}

#[test]
fn a_scale_turns_medians_of_amounts_into_means() {
    // exp of a mean of logarithms lies below the mean amount; the published amount must not.
    let shape = shape(vec![task("spend", TaskKind::RegressionLog1p, None)]);
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let raw: Vec<f32> = (0..20_000).map(|_| random.gen_range(0.5..3.0)).collect();
    let labels: Vec<f32> = raw.iter().map(|raw| (raw + random.gen_range(-1.5..1.5_f32)).max(0.0).exp_m1()).collect();
    let scenario: Vec<u16> = (0..20_000).map(|row| (row % 2) as u16).collect();
    let published =
        calibrate(std::slice::from_ref(&raw), std::slice::from_ref(&labels), &scenario, &shape).apply(&[raw], &scenario).remove(0);
    let ratio = published.iter().sum::<f64>() / labels.iter().map(|label| f64::from(*label)).sum::<f64>();
    assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
    assert!(published.iter().all(|amount| *amount >= 0.0));
}

#[test]
fn a_chained_task_learns_from_the_rows_where_its_parent_happened() {
    let shape = shape(vec![
        task("click", TaskKind::Binary, None),
        task("buy", TaskKind::Binary, Some(0)),
        task("spend", TaskKind::RegressionLog1p, Some(1)),
    ]);
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let rows = 60_000;
    let mut labels = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rows {
        let click = random.gen_bool(0.3);
        let buy = click && random.gen_bool(0.2);
        labels[0].push(f32::from(u8::from(click)));
        labels[1].push(f32::from(u8::from(buy)));
        labels[2].push(if buy { random.gen_range(5.0..15.0) } else { 0.0 });
    }
    let raw: Vec<Vec<f32>> = (0..3).map(|_| (0..rows).map(|_| random.gen_range(0.0..1.0)).collect()).collect();
    let scenario = vec![0; rows];
    let published = calibrate(&raw, &labels, &scenario, &shape).apply(&raw, &scenario);
    for (task, labels) in labels.iter().enumerate() {
        let ratio = published[task].iter().sum::<f64>() / labels.iter().map(|label| f64::from(*label)).sum::<f64>();
        assert!((ratio - 1.0).abs() < 0.05, "task {task} over the entire space: predicted/observed {ratio}");
    }
}

#[test]
fn calibration_is_saved_and_read_without_losing_a_bit() {
    let planted = planted([3000, 400], [(6.0, -2.0), (2.0, -1.0)]);
    let (calibration, published) = fit(&planted);
    let text = serde_json::to_string(&calibration).expect("json");
    let read: Calibration = serde_json::from_str(&text).expect("the same");
    let again = read.apply(std::slice::from_ref(&planted.raw), &planted.scenario).remove(0);
    let furthest = published.iter().zip(&again).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert_eq!((read, furthest), (calibration, 0.0));
}

#[test]
fn reliability_has_ten_bins_a_cell_and_wilsons_interval() {
    let planted = planted([4000, 1000], [(6.0, -2.0), (3.0, -3.0)]);
    let (_, published) = fit(&planted);
    let scored = Scored {
        scenarios: &["home".into(), "search".into()],
        tasks: &[task("click", TaskKind::Binary, None)],
        thresholds: &[0.5],
        row_thresholds: &[],
        scenario: &planted.scenario,
        entity: &vec![0; 5000],
        labels: std::slice::from_ref(&planted.labels),
        predictions: &[published],
    };
    let bins = reliability(&scored);
    for (scenario, rows) in [("*", 500), ("home", 400), ("search", 100)] {
        let own: Vec<_> = bins.iter().filter(|bin| bin.scenario == scenario).collect();
        assert_eq!(own.iter().map(|bin| bin.bin).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
        assert!(own.is_sorted_by(|a, b| a.predicted < b.predicted));
        for bin in own {
            assert!(bin.n.abs_diff(rows) <= 1, "{scenario}: {}", bin.n);
            assert!(bin.low <= bin.observed && bin.observed <= bin.high);
        }
    }
    // Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I: 81 of 263 and 0 of 20.
    for ((positives, n), (low, high)) in [((81.0, 263.0), (0.2553, 0.3662)), ((0.0, 20.0), (0.0, 0.1611))] {
        let found = wilson(positives, n);
        assert!((found.0 - low).abs() < 5e-5 && (found.1 - high).abs() < 5e-5, "{found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn a_child_is_never_published_above_its_parent(rows in prop::collection::vec((-9.0_f32..9.0, -9.0_f32..9.0, 0_u8..3, 0_u16..3), 1..80)) {
        let shape = shape(vec![task("click", TaskKind::Binary, None), task("buy", TaskKind::Binary, Some(0))]);
        let raw = [rows.iter().map(|row| row.0).collect(), rows.iter().map(|row| row.1).collect()];
        let labels = [rows.iter().map(|row| f32::from(u8::from(row.2 > 0))).collect(), rows.iter().map(|row| f32::from(u8::from(row.2 > 1))).collect()];
        let scenario: Vec<u16> = rows.iter().map(|row| if row.3 == 2 { UNSEEN_SCENARIO } else { row.3 }).collect();
        let published = calibrate(&raw, &labels, &scenario, &shape).apply(&raw, &scenario);
        for (parent, child) in published[0].iter().zip(&published[1]) {
            prop_assert!((0.0..=1.0).contains(parent) && (0.0..=*parent).contains(child), "{} {}", parent, child);
        }
    }
}

/// Training rows of `nights` nights whose log odds in `search` swing by `swing`, and those of `home` by nothing.
fn swinging(nights: i32, rows: usize, swing: f64) -> Vec<(i32, Vec<u16>, Vec<f32>)> {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    (0..nights)
        .map(|night| {
            let scenario: Vec<u16> = (0..rows).map(|row| (row % 2) as u16).collect();
            let sign = if night % 2 == 0 { 1.0 } else { -1.0 };
            let odds = |scenario: u16| -2.0 + if scenario == 1 { sign * swing } else { 0.0 };
            let labels = scenario.iter().map(|scenario| f32::from(u8::from(random.gen_bool(sigmoid(odds(*scenario)))))).collect();
            (night, scenario, labels)
        })
        .collect()
}

fn spread_of(nights: &[(i32, Vec<u16>, Vec<f32>)], shape: &Shape) -> NightSpread {
    let entities: Vec<u64> = (0..nights[0].1.len() as u64).collect();
    let blocks: Vec<Block<'_>> = nights
        .iter()
        .map(|(as_of, scenario, labels)| Block {
            as_of: *as_of,
            entity: &entities,
            scenario,
            columns: Vec::new(),
            labels: vec![labels],
            weights: vec![None],
        })
        .collect();
    NightSpread::of(&blocks, shape)
}

#[test]
fn a_level_that_swings_from_night_to_night_is_told_from_chance() {
    let shape = shape(vec![task("click", TaskKind::Binary, None)]);
    let spread = spread_of(&swinging(8, 20_000, 0.3), &shape);
    // Eight values of ±0.3: their variance is 0.09 · 8/7.
    assert!((spread.at(0, 1) - 0.103).abs() < 0.02, "{}", spread.at(0, 1));
    assert!(spread.at(0, 0) < 0.002, "{}", spread.at(0, 0));
    assert_eq!(spread_of(&swinging(2, 20_000, 0.3), &shape), NightSpread::none(&shape), "two nights are too few");
}

#[test]
fn one_lucky_night_does_not_move_a_cell_whose_level_swings() {
    let shape = shape(vec![task("click", TaskKind::Binary, None)]);
    // The model is right on average; tonight `search` was half a log odds above it.
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let scenario: Vec<u16> = (0..40_000).map(|row| (row % 2) as u16).collect();
    let raw: Vec<f32> = scenario.iter().map(|_| random.gen_range(-3.0..-1.0)).collect();
    let lucky = |scenario: u16, raw: f32| sigmoid(f64::from(raw) + if scenario == 1 { 0.5 } else { 0.0 });
    let labels: Vec<f32> =
        scenario.iter().zip(&raw).map(|(scenario, raw)| f32::from(u8::from(random.gen_bool(lucky(*scenario, *raw))))).collect();
    let published = |spread: &NightSpread| {
        let night = vec![0; raw.len()];
        let (raw, labels) = (std::slice::from_ref(&raw), std::slice::from_ref(&labels));
        let published = on_nights(raw, labels, &scenario, &night, &shape, spread).apply(raw, &scenario).remove(0);
        let own = || (0..published.len()).filter(|row| scenario[*row] == 1);
        own().map(|row| published[row]).sum::<f64>() / own().map(|row| f64::from(labels[0][row])).sum::<f64>()
    };
    let steady = published(&NightSpread::none(&shape));
    assert!((steady - 1.0).abs() < 0.03, "a steady cell is taken at its word: {steady}");
    let swings = published(&spread_of(&swinging(8, 20_000, 0.3), &shape));
    assert!(swings < 0.93, "a swinging one is held to its task: {swings}");
}
