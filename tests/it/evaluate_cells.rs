//! Figures per cell: support, totals, unseen scenarios, chains, and the same figures for any number of threads.

use polytask::evaluate::cells::{EvaluateSettings, Figure, Scored, evaluate};
use polytask::evaluate::entire_space;
use polytask::evaluate::metrics::auc;
use polytask::learn::rows::{Task, TaskKind, UNSEEN_SCENARIO};

const SETTINGS: EvaluateSettings = EvaluateSettings { min_rows: 30, min_positives: 10, resamples: 100, seed: 7, top: 1 };

/// Two scenarios, a binary task and a regression; labels and predictions from a fixed sequence.
struct Night {
    scenarios: Vec<String>,
    tasks: Vec<Task>,
    scenario: Vec<u16>,
    entity: Vec<u64>,
    labels: Vec<Vec<f32>>,
    predictions: Vec<Vec<f64>>,
}

fn task(name: &str, kind: TaskKind) -> Task {
    Task { name: name.into(), kind, after: None, alpha: 1.0 }
}

impl Night {
    fn new(rows: usize) -> Self {
        // The fractional parts of multiples of the golden ratio: spread evenly, no generator needed.
        let unit = |row: usize, salt: f64| ((row as f64 + 1.0) * 0.618_033_988_749_894_9 + salt * row as f64).fract();
        let probability: Vec<f64> = (0..rows).map(|row| unit(row, 0.0) * 0.6).collect();
        let click = (0..rows).map(|row| if unit(row, 0.414_213_562) < probability[row] { 1.0 } else { 0.0 }).collect();
        let spend = (0..rows).map(|row| (unit(row, 0.236_067_977) * 20.0) as f32).collect();
        let guess = (0..rows).map(|row| 5.0 + unit(row, 0.236_067_977) * 10.0).collect();
        Self {
            scenarios: vec!["home".into(), "search".into()],
            tasks: vec![task("click", TaskKind::Binary), task("spend", TaskKind::Regression)],
            scenario: (0..rows).map(|row| (row % 3 == 0) as u16).collect(),
            entity: (0..rows as u64).map(|row| row / 7).collect(),
            labels: vec![click, spend],
            predictions: vec![probability, guess],
        }
    }

    fn evaluate(&self) -> Vec<Figure> {
        evaluate(
            &Scored {
                scenarios: &self.scenarios,
                tasks: &self.tasks,
                thresholds: &[0.3, 0.5],
                row_thresholds: &[],
                scenario: &self.scenario,
                entity: &self.entity,
                labels: &self.labels,
                predictions: &self.predictions,
            },
            &SETTINGS,
        )
    }
}

#[track_caller]
fn find<'a>(figures: &'a [Figure], scenario: &str, task: &str, metric: &str) -> &'a Figure {
    let mut own =
        figures.iter().filter(|figure| (figure.scenario.as_str(), figure.task.as_str(), figure.metric) == (scenario, task, metric));
    let figure = own.next().unwrap_or_else(|| panic!("no {metric} of {scenario} × {task}"));
    assert!(own.next().is_none(), "{metric} of {scenario} × {task} twice");
    figure
}

#[test]
fn a_cells_figure_is_that_of_its_rows_alone() {
    let night = Night::new(600);
    let figures = night.evaluate();
    let own = |row: &usize| night.scenario[*row] == 1;
    let labels: Vec<f64> = (0..600).filter(own).map(|row| f64::from(night.labels[0][row])).collect();
    let predictions: Vec<f64> = (0..600).filter(own).map(|row| night.predictions[0][row]).collect();
    let found = find(&figures, "search", "click", "auc");
    assert_eq!(found.value, auc(&labels, &predictions));
    assert_eq!((found.n, found.positives, found.note), (200, labels.iter().sum::<f64>() as u64, None));
}

#[test]
fn a_figure_lies_within_its_interval_and_a_setting_has_none() {
    let mut night = Night::new(3000);
    // A guess in the amounts' own order has a Gini coefficient of 1 in every resample.
    night.predictions[1].rotate_left(1);
    for figure in night.evaluate() {
        if ["threshold", "top_k"].contains(&figure.metric) {
            assert_eq!((figure.low, figure.high), (None, None), "{}", figure.metric);
        } else {
            let (low, high) = figure.low.zip(figure.high).unwrap_or_else(|| panic!("no interval: {figure:?}"));
            assert!(figure.value.is_some_and(|value| low <= value && value <= high && low < high), "{figure:?}");
        }
    }
}

#[test]
fn the_mean_over_cells_moves_with_its_cells() {
    // Two tasks with the same labels: their mean is either of them, in every resample too.
    let mut night = Night::new(600);
    night.tasks[1] = task("again", TaskKind::Binary);
    (night.labels[1], night.predictions[1]) = (night.labels[0].clone(), night.predictions[0].clone());
    let scored = Scored {
        scenarios: &night.scenarios,
        tasks: &night.tasks,
        thresholds: &[0.3, 0.3],
        row_thresholds: &[],
        scenario: &night.scenario,
        entity: &night.entity,
        labels: &night.labels,
        predictions: &night.predictions,
    };
    let figures = evaluate(&scored, &SETTINGS);
    let (own, mean) = (find(&figures, "home", "click", "auc"), find(&figures, "home", "*", "auc"));
    assert_eq!((own.value, own.low, own.high), (mean.value, mean.low, mean.high));
}

#[test]
fn a_handful_of_entities_or_no_resamples_give_no_interval() {
    let mut night = Night::new(600);
    night.entity = (0..600).map(|row| row % 9).collect();
    assert!(night.evaluate().iter().all(|figure| figure.low.is_none() && figure.high.is_none()));
    let night = Night::new(600);
    let scored = Scored {
        scenarios: &night.scenarios,
        tasks: &night.tasks,
        thresholds: &[0.3, 0.5],
        row_thresholds: &[],
        scenario: &night.scenario,
        entity: &night.entity,
        labels: &night.labels,
        predictions: &night.predictions,
    };
    let figures = evaluate(&scored, &EvaluateSettings { resamples: 0, ..SETTINGS });
    assert!(figures.iter().any(|figure| figure.value.is_some()) && figures.iter().all(|figure| figure.low.is_none()));
}

#[test]
fn the_scenarios_figure_is_the_mean_of_its_cells() {
    let mut night = Night::new(600);
    night.tasks.push(task("cart", TaskKind::Binary));
    night.labels.push(night.labels[0].iter().rev().copied().collect());
    night.predictions.push(night.predictions[0].clone());
    let scored = Scored {
        scenarios: &night.scenarios,
        tasks: &night.tasks,
        thresholds: &[0.3, 0.5, 0.3],
        row_thresholds: &[],
        scenario: &night.scenario,
        entity: &night.entity,
        labels: &night.labels,
        predictions: &night.predictions,
    };
    let figures = evaluate(&scored, &SETTINGS);
    let value = |scenario: &str, task: &str| find(&figures, scenario, task, "auc").value.expect("a value");
    let home = f64::midpoint(value("home", "click"), value("home", "cart"));
    let search = f64::midpoint(value("search", "click"), value("search", "cart"));
    assert!((value("home", "*") - home).abs() < 1e-12);
    assert!((value("*", "*") - f64::midpoint(home, search)).abs() < 1e-12);
}

#[test]
fn a_label_that_was_not_observed_counts_nowhere() {
    let mut night = Night::new(600);
    night.labels[0][..100].fill(f32::NAN);
    let figures = night.evaluate();
    assert_eq!(find(&figures, "*", "click", "auc").n, 500);
    assert_eq!(find(&figures, "*", "spend", "rmse").n, 600);
}

#[test]
fn a_scenario_never_seen_counts_in_the_totals_only() {
    let mut night = Night::new(600);
    let before = night.evaluate();
    night.scenario[..60].fill(UNSEEN_SCENARIO);
    let figures = night.evaluate();
    assert_eq!(find(&figures, "*", "click", "auc").value, find(&before, "*", "click", "auc").value);
    assert_eq!(find(&figures, "home", "click", "auc").n + find(&figures, "search", "click", "auc").n, 540);
}

#[test]
fn a_cell_without_support_says_so_and_shows_no_number() {
    let mut night = Night::new(29 * 3);
    let figures = night.evaluate();
    let few = find(&figures, "search", "click", "auc");
    assert_eq!((few.value, few.note, few.n), (None, Some("too few rows"), 29));
    assert_eq!(find(&figures, "search", "spend", "r2").note, Some("too few rows"));

    night = Night::new(600);
    night.labels[0].fill(0.0);
    let figures = night.evaluate();
    assert_eq!(find(&figures, "home", "click", "auc").note, Some("one class"));
    assert_eq!(find(&figures, "*", "*", "auc").note, Some("no cell has enough support"));

    night.labels[0][..9].fill(1.0);
    let figures = night.evaluate();
    let few = find(&figures, "*", "click", "auc");
    assert_eq!((few.value, few.note, few.positives), (None, Some("too few positives"), 9));
}

#[test]
fn a_prediction_that_is_no_number_spoils_its_cell_alone() {
    let mut night = Night::new(600);
    night.predictions[0][0] = f64::NAN;
    assert_eq!(night.scenario[0], 1);
    let figures = night.evaluate();
    for scenario in ["*", "search"] {
        let spoilt = find(&figures, scenario, "click", "log_loss");
        assert_eq!((spoilt.value, spoilt.note), (None, Some("a prediction is not a finite number")));
    }
    assert!(find(&figures, "home", "click", "log_loss").value.is_some());
    assert!(find(&figures, "search", "spend", "rmse").value.is_some());
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let night = Night::new(5000);
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(|| night.evaluate());
    assert_eq!(with(1), with(4));
}

#[test]
fn chained_labels_stand_over_the_entire_space() {
    let nan = f32::NAN;
    let click = vec![1.0, 1.0, 0.0, 0.0, nan, 1.0];
    let cart = vec![1.0, 0.0, nan, 1.0, 1.0, nan];
    let spend = vec![9.0, nan, 5.0, nan, 3.0, 2.0];
    let found = entire_space(&[click.clone(), cart, spend], &[None, Some(0), Some(1)]);
    let text: Vec<String> = found.iter().map(|labels| format!("{labels:?}")).collect();
    assert_eq!(text[0], format!("{click:?}"));
    assert_eq!(text[1], "[1.0, 0.0, 0.0, 0.0, NaN, NaN]");
    assert_eq!(text[2], "[9.0, 0.0, 0.0, 0.0, NaN, NaN]");
}
