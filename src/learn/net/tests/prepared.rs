//! Proofs of preparation: what is learned from fewer, repeated, weighed, hidden or mixed rows stays true of the rows.

use ndarray::Array2;

use super::super::augment::{mask, pair};
use super::super::epoch::{Epoch, visited};
use super::super::feed::{Feed, IdDropout, lesson, runs, stream};
use super::super::heads::{CellLosses, Heads};
use super::super::input::Input;
use super::super::net;
use super::super::network::Network;
use super::super::sampling::Sampling;
use super::super::settings::{Balance, ScenarioSharing, TaskSharing, TrainSettings};
use super::super::sgemm::{Mat, MatMut};
use super::super::shift::shifts;
use super::{Rows, SCENARIO_SHARING, Silent, TASK_SHARING, chance, form, plain_training, sigmoid, slopes_are_right};
use crate::learn::picked::Picked;
use crate::learn::rows::{UNKNOWN, UNSEEN_SCENARIO};
use crate::learn::{Batches, ClassWeights, Examples, Learner, Model, Prepare, Saved};

/// All options at once.
pub(super) fn everything() -> Prepare {
    Prepare {
        negatives: 2,
        class_weights: ClassWeights::Balanced,
        oversample: 0.2,
        feature_masking: 0.1,
        mixup: 0.3,
        batches: Batches::Balanced,
        scenario_temperature: 0.5,
    }
}

/// A chain of rare events: 4 % click and a third of them buy, less in the second scenario, which has a quarter of the rows.
fn rare(rows: usize, seed: u64) -> Rows {
    let mut own = Rows::planted(rows, seed, &[0.75, 0.25], |x, scenario, random| {
        let click = chance(sigmoid(-3.6 + 1.2 * x[0] - if scenario == 1 { 0.5 } else { 0.0 }), random);
        [click, if click > 0.5 { chance(sigmoid(-0.7 + x[1]), random) } else { 0.0 }]
    });
    own.shape.tasks[1].after = Some(0);
    own
}

fn learner(prepare: &Prepare, train: &TrainSettings) -> Box<dyn Learner> {
    net(form(), train.clone(), 3).expect("settings").prepared(prepare).expect("settings").expect("a network is prepared")
}

fn training() -> TrainSettings {
    // So long that it has learned, also from a quarter of the visits.
    TrainSettings { rate: 0.02, epochs: 8, rate_decay: 0.5, batch: 256, ..plain_training() }
}

fn fit(prepare: &Prepare, rows: &Rows) -> Box<dyn Model> {
    learner(prepare, &training()).fit(&rows.examples(), &Silent).expect("a model")
}

/// Probabilities of the chain without any calibration. Shape: `[tasks][rows]`.
fn probabilities(model: &dyn Model, rows: &Rows) -> Vec<Vec<f64>> {
    let tasks = rows.shape.tasks.len();
    let mut raw = Array2::zeros((rows.scenario.len(), tasks));
    model.raw(&rows.block(), raw.view_mut()).expect("outputs");
    let mut found: Vec<Vec<f64>> = Vec::new();
    for (task, spec) in rows.shape.tasks.iter().enumerate() {
        let own: Vec<f64> = raw.column(task).iter().map(|z| f64::from(sigmoid(*z))).collect();
        found.push(match spec.after {
            Some(parent) => own.iter().zip(&found[parent]).map(|(own, before)| own * before).collect(),
            None => own,
        });
    }
    found
}

/// The probability of rows, of which a probability `q` was learned where each negative stood for `rows` negatives:
/// `p = q / (q + (1 − q) · rows)`. With `1 / rows` the way back.
///
/// # Source
/// King and Zeng (2001), "Logistic regression in rare events data", section 4.1, prior correction; He et al. (2014), "Practical lessons
/// from predicting clicks on ads at Facebook", section 6.3, where `w = 1 / rows` is the rate at which negatives were kept.
fn prior_shift(q: f64, rows: f64) -> f64 {
    q / (q + (1.0 - q) * rows)
}

#[test]
fn a_probability_of_a_sample_becomes_one_of_the_rows() {
    // 10 of 1,000 rows are positive; every fifth negative is kept: 10 of 208.
    let (p, kept) = (10.0 / 1000.0, 198.0 / 990.0);
    let q = 10.0 / (10.0 + 990.0 * kept);
    assert!((prior_shift(q, 1.0 / kept) - p).abs() < 1e-15);
    assert!((prior_shift(p, kept) - q).abs() < 1e-15);
}

/// What a cell's predictions and its labels add up to, and how many of its training rows are positive.
struct Calibrated {
    predicted: f64,
    observed: f64,
    learned: f64,
}

fn cells(predicted: &[Vec<f64>], test: &Rows, train: &Rows) -> Vec<Calibrated> {
    let sum = |rows: &Rows, scenario: u16, of: &dyn Fn(usize) -> f64| {
        rows.scenario.iter().enumerate().filter(|(_, own)| **own == scenario).map(|(row, _)| of(row)).sum::<f64>()
    };
    let cell = |(scenario, task): (u16, usize)| Calibrated {
        predicted: sum(test, scenario, &|row| predicted[task][row]),
        observed: sum(test, scenario, &|row| f64::from(test.labels[task][row])),
        learned: sum(train, scenario, &|row| f64::from(train.labels[task][row])),
    };
    (0..2).flat_map(|scenario| [0, 1].map(|task| cell((scenario, task)))).collect()
}

/// Predicted over observed is 1 within chance: that of the test's positives and that of the positives that were learned from.
#[track_caller]
fn calibrated(what: &str, prepare: &Prepare, train: &Rows, test: &Rows) -> Vec<f64> {
    let found = cells(&probabilities(fit(prepare, train).as_ref(), test), test, train);
    for (at, cell) in found.iter().enumerate() {
        let spread = (1.0 / cell.observed + 1.0 / cell.learned).sqrt();
        let off = (cell.predicted / cell.observed).ln();
        // The network itself leaves a few percent, prepared or not.
        assert!(off.abs() < 2.6 * spread + 0.03, "{what}, cell {at}: {} predicted, {} observed, ± {spread}", cell.predicted, cell.observed);
    }
    found.iter().map(|cell| cell.predicted).collect()
}

#[test]
fn five_negatives_a_positive_say_what_all_of_them_say_in_a_quarter_of_the_visits() {
    let (train, test) = (rare(40_000, 1), rare(60_000, 2));
    let sampled = Prepare { negatives: 5, ..Prepare::NONE };
    let all = calibrated("all", &Prepare::NONE, &train, &test);
    let some = calibrated("1:5", &sampled, &train, &test);
    for (all, some) in all.iter().zip(&some) {
        assert!((some / all).ln().abs() < 0.12, "{some} instead of {all}");
    }
    let rows = |prepare| visited(prepare, &train.shape, &[train.block()], (3, 0));
    let (every, few) = (rows(&Prepare::NONE), rows(&sampled));
    assert_eq!(every.iter().sum::<u64>(), 40_000);
    for scenario in 0..2 {
        let own = |row: &usize| train.scenario[*row] as usize == scenario;
        let clicks = (0..40_000).filter(own).filter(|row| train.labels[0][*row] > 0.5).count() as f64;
        // Clicks are the commonest event: five rows without one for each of them, give or take the draw.
        assert!(
            (few[scenario] as f64 - 6.0 * clicks).abs() < 4.0 * (5.0 * clicks).sqrt(),
            "{few:?}, {clicks} clicks in scenario {scenario}"
        );
    }
    assert!(few.iter().sum::<u64>() * 3 < 40_000, "{few:?}");
    // Without the weights the same rows say several times too much.
    let mut block = train.block();
    let sampling = Sampling::new(&sampled, &train.shape, &[train.block()], 3).expect("a sample");
    let kept: Vec<usize> = (0..40_000).filter(|row| sampling.visits(&train.shape, &block, *row, (0, *row as u64)) == Some(1)).collect();
    let picked = Picked::labelled(&block, &kept);
    block = picked.block();
    let naive = learner(&Prepare::NONE, &training()).fit(&Examples::new(&train.shape, vec![block]), &Silent).expect("a model");
    let naive = cells(&probabilities(naive.as_ref(), &test), &test, &train);
    assert!(naive.iter().all(|cell| cell.predicted > 2.0 * cell.observed));
}

#[test]
fn what_is_learned_is_what_the_prior_correction_says_where_there_is_one() {
    // One task: then there is one offset a scenario.
    let one = |rows, seed| {
        let mut own = rare(rows, seed);
        own.shape.tasks.truncate(1);
        own.labels.truncate(1);
        own.weights.truncate(1);
        own
    };
    let (train, test) = (one(40_000, 1), one(30_000, 2));
    let prepare = Prepare { negatives: 5, ..Prepare::NONE };
    let weighed = probabilities(fit(&prepare, &train).as_ref(), &test).swap_remove(0);
    let sampling = Sampling::new(&prepare, &train.shape, &[train.block()], 3).expect("a sample");
    let block = train.block();
    let kept: Vec<usize> = (0..40_000).filter(|row| sampling.visits(&train.shape, &block, *row, (0, *row as u64)) == Some(1)).collect();
    let picked = Picked::labelled(&block, &kept);
    let settings = training();
    let plain = learner(&Prepare::NONE, &settings).fit(&Examples::new(&train.shape, vec![picked.block()]), &Silent).expect("a model");
    let sampled = probabilities(plain.as_ref(), &test).swap_remove(0);
    for scenario in 0..2_u16 {
        let negative = (0..40_000).find(|row| train.scenario[*row] == scenario && train.labels[0][*row] < 0.5).expect("a negative");
        let (_, stands_for) = sampling.expected(&train.shape, &block, negative);
        assert!(stands_for > 3.0);
        let own: Vec<usize> = (0..30_000).filter(|row| test.scenario[*row] == scenario).collect();
        // By tenths of the signal: the two agree along it, not only in the sum.
        for (low, high) in [(-9.0, -0.5), (-0.5, 0.5), (0.5, 9.0)] {
            let bin = || own.iter().filter(|row| (low..high).contains(&test.numbers[0][**row]));
            let weighed: f64 = bin().map(|row| weighed[*row]).sum();
            let corrected: f64 = bin().map(|row| prior_shift(sampled[*row], f64::from(stands_for))).sum();
            assert!((weighed / corrected).ln().abs() < 0.2, "scenario {scenario}, {low} to {high}: {weighed} and {corrected}");
        }
    }
}

#[test]
fn repeated_positives_and_weighed_classes_leave_probabilities_true() {
    let (train, test) = (rare(40_000, 1), rare(60_000, 2));
    let repeated = Prepare { oversample: 0.2, ..Prepare::NONE };
    calibrated("oversample", &repeated, &train, &test);
    calibrated("class weights", &Prepare { class_weights: ClassWeights::Balanced, ..Prepare::NONE }, &train, &test);
    let both = Prepare { negatives: 5, oversample: 0.2, class_weights: ClassWeights::Balanced, ..Prepare::NONE };
    calibrated("all three", &both, &train, &test);
    calibrated("balanced scenarios", &Prepare { batches: Batches::Balanced, scenario_temperature: 0.0, ..both }, &train, &test);
}

#[test]
fn positives_of_the_rarest_task_get_their_share_of_each_scenario() {
    let rows = rare(40_000, 1);
    for (negatives, oversample, reached) in [(0, 0.1_f64, 0.1), (5, 0.2, 0.2)] {
        let prepare = Prepare { negatives, oversample: oversample as f32, ..Prepare::NONE };
        let sampling = Sampling::new(&prepare, &rows.shape, &[rows.block()], 3).expect("a sample");
        for scenario in 0..2_u16 {
            let (mut rare, mut all) = (0.0, 0.0);
            for row in (0..40_000).filter(|row| rows.scenario[*row] == scenario) {
                let visits = f64::from(sampling.visits(&rows.shape, &rows.block(), row, (0, row as u64)).expect("a row that teaches"));
                all += visits;
                rare += visits * f64::from(rows.labels[1][row]);
            }
            assert!((rare / all - reached).abs() < 0.012, "scenario {scenario}: {rare} of {all}, {reached} wanted");
        }
    }
}

/// Over many passes the weights of the visits add up to those of the rows, times what the class of the cell weighs; over a cell they
/// add up to those of its rows.
#[test]
fn visits_weigh_what_the_rows_weigh_in_the_mean() {
    let mut rows = Rows::everything(1200, 5);
    rows.scenario[7] = UNSEEN_SCENARIO;
    let blocks = [rows.block()];
    let tasks = rows.shape.tasks.len();
    for prepare in [everything(), Prepare { negatives: 1, ..Prepare::NONE }, Prepare { oversample: 0.4, ..Prepare::NONE }] {
        let sampling = Sampling::new(&prepare, &rows.shape, &blocks, 3).expect("a sample");
        // Visits times what each counts is what the row's scenario counts.
        let counts = |row: usize| {
            let (visits, counts) = sampling.expected(&rows.shape, &blocks[0], row);
            f64::from(visits * counts)
        };
        assert!(prepare.batches == Batches::Balanced || (0..1200).all(|row| (counts(row) - 1.0).abs() < 1e-5));
        for task in 0..tasks {
            let cell = |row: usize| (rows.scenario[row] as usize).min(rows.shape.scenarios.len()) * tasks + task;
            let class = |row: usize, label: f64| sampling.classes()[cell(row)][usize::from(label > 0.0)];
            let taught: Vec<(usize, f64, f64)> = (0..1200)
                .filter_map(|row| lesson(&rows.shape, &blocks[0], task, row).map(|(label, weight)| (row, label, weight)))
                .collect();
            let weight: f64 = taught.iter().map(|(row, _, weight)| counts(*row) * weight).sum();
            assert!((sampling.weight()[task] / weight - 1.0).abs() < 1e-5, "task {task} weighs {}", sampling.weight()[task]);
            let classes: f64 = taught.iter().map(|(row, label, weight)| counts(*row) * class(*row, *label) * weight).sum();
            assert!((classes / weight - 1.0).abs() < 1e-5, "task {task}: its classes weigh {classes}, its rows {weight}");
            let pass = |pass: usize| -> f64 {
                let of = |(row, label, weight): &(usize, f64, f64)| {
                    let visits = sampling.visits(&rows.shape, &blocks[0], *row, (pass, *row as u64)).expect("a row that teaches");
                    let mut own = vec![*weight as f32; tasks];
                    sampling.weigh_visit(&rows.shape, &blocks[0], *row, &mut own);
                    f64::from(visits) * f64::from(own[task]) * label
                };
                taught.iter().map(of).sum()
            };
            let whole: f64 = taught.iter().map(|(row, label, weight)| counts(*row) * class(*row, *label) * weight * label).sum();
            let found: Vec<f64> = (0..400).map(pass).collect();
            let mean = found.iter().sum::<f64>() / 400.0;
            let spread = (found.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 399.0 / 400.0).sqrt();
            assert!((mean - whole).abs() < 4.0 * spread + 1e-5 * whole, "task {task}: {mean} ± {spread} instead of {whole}");
        }
    }
}

#[test]
fn a_weighed_class_is_learned_at_its_own_probability() {
    let mut rows = rare(4000, 1);
    rows.shape.tasks[1].after = None;
    let shifts = shifts(ClassWeights::Balanced, None, &rows.shape, &[rows.block()]);
    let heads = Heads::new(&rows.shape);
    let share = |scenario: u16| {
        let own: Vec<usize> = (0..4000).filter(|row| rows.scenario[*row] == scenario).collect();
        own.iter().map(|row| f64::from(rows.labels[0][*row])).sum::<f64>() / own.len() as f64
    };
    let network = Network::new(&rows.shape, &form(), TaskSharing::Mmoe, ScenarioSharing::None, false);
    let blocks = [rows.block()];
    let mut feed = Feed::default();
    feed.fill(&network.input, &rows.shape, &blocks, &runs(&blocks, 32), None);
    feed.shifts = shifts;
    // The slope of the sum of a cell's losses at one logit for all of its rows.
    let slope = |scenario: u16, logit: f32| {
        let order: Vec<u32> = (0..4000).filter(|row| rows.scenario[*row as usize] == scenario).collect();
        let z = vec![logit; order.len() * heads.numbers];
        let mut d = z.clone();
        let mut losses = CellLosses::new(2, 2);
        let n = order.len();
        heads.loss(Mat::new(&z, n, heads.numbers), &feed, &order, &[1.0; 2], MatMut::new(&mut d, n, heads.numbers), &mut losses);
        d.chunks_exact(heads.numbers).map(|d| f64::from(d[0])).sum::<f64>() / n as f64
    };
    for scenario in 0..2 {
        let p = share(scenario);
        let logit = (p / (1.0 - p)).ln();
        let at = |p: f64| slope(scenario, p as f32);
        assert!(at(logit).abs() < 1e-5, "scenario {scenario}: slope {} at the share of positives", at(logit));
        assert!(at(logit - 0.2) < -1e-3 && at(logit + 0.2) > 1e-3);
    }
}

#[test]
fn slopes_of_mixed_rows_and_weighed_classes_agree_with_finite_differences() {
    fn mixed(feed: &mut Feed, order: &mut [u32]) {
        pair(feed, order, 0.4, 3, 5);
        assert!(feed.partners.iter().any(|partner| partner.share > 0.05 && partner.share < 0.95), "nothing is mixed");
        let rows = Rows::everything(96, 5);
        feed.shifts = shifts(ClassWeights::Balanced, None, &rows.shape, &[rows.block()]);
    }
    for tasks in TASK_SHARING {
        for scenarios in SCENARIO_SHARING {
            slopes_are_right(tasks, scenarios, mixed);
        }
    }
}

#[test]
fn partners_are_of_one_scenario_and_teach_the_same_tasks() {
    let rows = Rows::everything(500, 2);
    let mut layout = super::super::weights::Layout::default();
    let input = Input::new(&rows.shape, &form(), &mut layout);
    let blocks = [rows.block()];
    let mut feed = Feed::default();
    feed.fill(&input, &rows.shape, &blocks, &runs(&blocks, 32), None);
    let mut batch: Vec<u32> = (0..500).collect();
    pair(&mut feed, &mut batch, 1.0, 3, 1);
    let mut seen: Vec<u32> = batch.iter().map(|row| feed.partners[*row as usize].row).collect();
    let apart = batch.iter().filter(|row| feed.partners[**row as usize].row != **row).count();
    assert!(apart > 480, "{apart} of 500 rows have a partner");
    let share = batch.iter().map(|row| f64::from(feed.partners[*row as usize].share)).sum::<f64>() / 500.0;
    // Beta(1, 1) has the mean 1/2 and the standard deviation 0.289.
    assert!((share - 0.5).abs() < 4.0 * 0.289 / 500.0_f64.sqrt(), "{share}");
    for row in &batch {
        let partner = feed.partners[*row as usize].row as usize;
        let row = *row as usize;
        assert_eq!((feed.scenario[row], feed.known(row)), (feed.scenario[partner], feed.known(partner)));
        for task in 0..6 {
            let [own, other] = feed.lessons(row, task);
            let taught = !feed.labels(row)[task].is_nan() && feed.weights(row)[task] > 0.0;
            assert_eq!((own.1 + other.1 > 0.0, own.0.is_nan()), (taught, !taught));
        }
    }
    seen.sort_unstable();
    assert!(seen.iter().enumerate().all(|(at, row)| at as u32 == *row), "a row is the partner of two");
    // A partner that lacks a label takes the lesson with it.
    let (row, other) = (batch[0] as usize, feed.partners[batch[0] as usize].row);
    feed.weights_mut(other as usize).fill(0.0);
    assert!((0..6).all(|task| feed.lessons(row, task).iter().all(|(label, weight)| label.is_nan() && *weight == 0.0)));
}

#[test]
fn hidden_fields_are_missing_or_unknown_in_their_share() {
    let rows = Rows::everything(4000, 2);
    let mut layout = super::super::weights::Layout::default();
    let input = Input::new(&rows.shape, &form(), &mut layout);
    let blocks = [rows.block()];
    let filled = |rate: f32| {
        let mut feed = Feed::default();
        feed.fill(&input, &rows.shape, &blocks, &runs(&blocks, 32), None);
        mask(&mut feed, &input, rate, 9, 100);
        feed
    };
    let (plain, masked) = (filled(0.0), filled(0.25));
    let mut hidden = [0.0; 5];
    for row in 0..4000 {
        let (before, after) = (plain.cells(row), masked.cells(row));
        let missing = |field: usize, cells: &[u32]| {
            let cell = input.cell(field);
            match field {
                2 => cells[cell] == UNKNOWN,
                3 => cells[cell + 1] == 0,
                4 => cells[cell..cell + 3].iter().all(|cell| f32::from_bits(*cell).is_nan()),
                _ => f32::from_bits(cells[cell]).is_nan(),
            }
        };
        for (field, hidden) in hidden.iter_mut().enumerate() {
            if missing(field, after) {
                *hidden += f64::from(u8::from(!missing(field, before)));
            } else {
                let cells = input.cell(field)..input.cell(field) + [1, 1, 1, 2, 3][field];
                assert_eq!(before[cells.clone()], after[cells], "field {field} of row {row} changed");
            }
        }
    }
    let seen = |field: usize| match field {
        0 | 4 => 0.9,
        2 => 11.0 / 12.0,
        3 => 0.75,
        _ => 1.0,
    };
    for (field, hidden) in hidden.iter().enumerate() {
        let share = hidden / 4000.0 / seen(field);
        assert!((share - 0.25).abs() < 4.0 * (0.25_f64 * 0.75 / 3000.0).sqrt(), "field {field}: {share}");
    }
}

#[test]
fn every_mini_batch_has_each_scenario_in_its_share() {
    let rows = Rows::planted(20_000, 1, &[0.9, 0.08, 0.02], |_, _, random| [chance(0.3, random), chance(0.3, random)]);
    let mut layout = super::super::weights::Layout::default();
    let input = Input::new(&rows.shape, &form(), &mut layout);
    let blocks = [rows.block()];
    for (temperature, shares) in [(1.0_f64, [0.9, 0.08, 0.02]), (0.5, [0.68, 0.20, 0.10]), (0.0, [1.0 / 3.0; 3])] {
        let prepare = Prepare { batches: Batches::Balanced, scenario_temperature: temperature as f32, ..Prepare::NONE };
        let mut random = stream(1, 1);
        let epoch = Epoch::new(&prepare, &rows.shape, &blocks, (1, 0), &mut random);
        assert!((epoch.rows as f64 / 20_000.0 - 1.0).abs() < 0.02, "{} visits", epoch.rows);
        let (mut feed, mut drop) = (Feed::default(), IdDropout { rate: 0.0, random: stream(1, 2) });
        epoch.fill(0, 0, &mut feed, &input, &mut drop);
        let order = epoch.order(&feed, &mut random);
        assert_eq!(order.len(), epoch.rows);
        let count = |rows: &[u32], scenario: u16| rows.iter().filter(|row| feed.scenario[**row as usize] == scenario).count() as f64;
        for scenario in 0..3_u16 {
            let own = count(&order, scenario) / order.len() as f64;
            assert!((own - shares[scenario as usize]).abs() < 0.025, "{own} of scenario {scenario}");
            for batch in order.chunks_exact(128) {
                assert!((count(batch, scenario) - 128.0 * own).abs() <= 1.5, "{} of a batch's 128", count(batch, scenario));
            }
        }
        // No row comes more often than its visits, and every visit weighs its part: in the mean a scenario weighs its share.
        let weight = |scenario: u16| -> f64 {
            let own = order.iter().filter(|row| feed.scenario[**row as usize] == scenario);
            own.map(|row| f64::from(feed.weights(*row as usize)[0])).sum()
        };
        let all: f64 = (0..3).map(weight).sum();
        for scenario in 0..3_u16 {
            let wanted = {
                let sizes: Vec<f64> =
                    (0..3).map(|own| (rows.scenario.iter().filter(|at| **at == own).count() as f64).powf(temperature)).collect();
                sizes[scenario as usize] / sizes.iter().sum::<f64>()
            };
            assert!((weight(scenario) / all - wanted).abs() < 0.02, "scenario {scenario} weighs {}", weight(scenario) / all);
        }
    }
}

#[test]
fn a_scenario_of_a_few_rows_does_not_get_a_share_that_its_rows_cannot_bear() {
    let rows = Rows::planted(20_000, 1, &[0.999, 0.001], |_, _, random| [chance(0.3, random), chance(0.3, random)]);
    let prepare = Prepare { batches: Batches::Balanced, scenario_temperature: 0.0, ..Prepare::NONE };
    let sampling = Sampling::new(&prepare, &rows.shape, &[rows.block()], 3).expect("a sample");
    for row in (0..20_000).filter(|row| rows.scenario[*row] == 1) {
        let (visits, counts) = sampling.expected(&rows.shape, &rows.block(), row);
        // Half of all visits would be some five hundred of each row.
        assert!((visits - 20.0).abs() < 1e-3 && (counts - 1.0).abs() < 0.05, "{visits} visits that count {counts} each");
    }
}

/// What a network of these settings learns, with some number of threads.
fn saved(prepare: &Prepare, balance: Balance, threads: usize, blocks: usize) -> Saved {
    let rows = Rows::everything(2400, 1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    let settings = TrainSettings { epochs: 2, dropout: 0.2, id_dropout: 0.1, balance, invariance: 0.1, ..plain_training() };
    let blocks = rows.block().parts(2400 / blocks).collect();
    pool.install(|| learner(prepare, &settings).fit(&Examples::new(&rows.shape, blocks), &Silent).expect("a model").save())
}

#[test]
fn the_number_of_threads_changes_no_bit_of_what_prepared_rows_teach() {
    let alone = [
        Prepare { negatives: 2, ..Prepare::NONE },
        Prepare { class_weights: ClassWeights::Balanced, ..Prepare::NONE },
        Prepare { oversample: 0.3, ..Prepare::NONE },
        Prepare { feature_masking: 0.2, ..Prepare::NONE },
        Prepare { mixup: 0.4, ..Prepare::NONE },
        Prepare { batches: Batches::Balanced, scenario_temperature: 0.3, ..Prepare::NONE },
    ];
    let off = saved(&Prepare::NONE, Balance::Fixed, 2, 1);
    for prepare in alone {
        let one = saved(&prepare, Balance::Fixed, 1, 1);
        assert!(one == saved(&prepare, Balance::Fixed, 3, 1), "{prepare:?}");
        assert!(one != off, "{prepare:?} changes nothing");
    }
    let all = saved(&everything(), Balance::Pcgrad, 1, 1);
    assert!(all == saved(&everything(), Balance::Pcgrad, 5, 1));
}

#[test]
fn rows_that_teach_nothing_change_no_bit() {
    let rows = Rows::everything(1200, 1);
    let settings = TrainSettings { epochs: 2, ..plain_training() };
    let with = |rows: &Rows| learner(&everything(), &settings).fit(&rows.examples(), &Silent).expect("a model").save();
    // Every fourth row loses its labels: as if it were not there.
    let mut padded = Rows::everything(1200, 1);
    let silent: Vec<usize> = (0..1200).step_by(4).collect();
    padded.labels.iter_mut().for_each(|labels| silent.iter().for_each(|row| labels[*row] = f32::NAN));
    let kept: Vec<usize> = (0..1200).filter(|row| row % 4 != 0).collect();
    let block = rows.block();
    let picked = Picked::labelled(&block, &kept);
    let without = learner(&everything(), &settings).fit(&Examples::new(&rows.shape, vec![picked.block()]), &Silent).expect("a model");
    let (without, padded) = (without.save(), with(&padded));
    // The background, the mean input, is that of all rows.
    let weights = |saved: &Saved| -> Vec<Vec<u8>> {
        let tensors = safetensors::SafeTensors::deserialize(&saved.tensors).expect("tensors");
        let mut names = tensors.names();
        names.sort_unstable();
        let own = names.into_iter().filter(|name| *name != "background");
        own.map(|name| tensors.tensor(name).expect("a tensor").data().to_vec()).collect()
    };
    assert!(weights(&without) == weights(&padded));
}

#[test]
fn buffers_of_mixed_rows_stop_growing_with_the_first_window() {
    let rows = Rows::everything(600, 1);
    let network = Network::new(&rows.shape, &form(), TaskSharing::Mmoe, ScenarioSharing::None, false);
    let mut layout = super::super::weights::Layout::default();
    let input = Input::new(&rows.shape, &form(), &mut layout);
    let blocks = [rows.block()];
    let mut feed = Feed::default();
    feed.fill(&input, &rows.shape, &blocks, &runs(&blocks, 32), None);
    let mut batch: Vec<u32> = (0..256).collect();
    pair(&mut feed, &mut batch, 0.5, 3, 1);
    let place = feed.partners.as_ptr();
    let mut own = Vec::new();
    let dx = vec![1.0; 256 * network.input.width];
    super::unmix(&feed, &batch, &dx, network.input.width, &mut own);
    let slopes = own.as_ptr();
    for step in 2..6 {
        pair(&mut feed, &mut batch, 0.5, 3, step);
        super::unmix(&feed, &batch, &dx, network.input.width, &mut own);
    }
    assert!(place == feed.partners.as_ptr() && slopes == own.as_ptr());
}
