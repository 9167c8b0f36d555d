//! Importance, effects and contributions of a model whose coefficients are known.

use ndarray::Array3;
use polytask::explain::contributions;
use polytask::explain::effects::{Effects, special};
use polytask::explain::importance::{Importance, ImportanceAccumulator};
use polytask::learn::Attribution;
use polytask::learn::rows::{Block, Column, Field, FieldKind, MISSING, Shape, Task, TaskKind, UNSEEN_SCENARIO};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ROWS: usize = 3000;
/// Shared coefficients of `strong`, `weak`, `unused`.
const SHARED: [f32; 3] = [2.0, -0.5, 0.0];
/// What `home` and `search` add to them.
const SCENARIO: [[f32; 3]; 2] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]];
/// What `click` and `buy` add to them.
const TASK: [[f32; 3]; 2] = [[0.0, 0.0, 0.0], [0.0, 0.25, 0.0]];
/// `weak` lies far from 0 with a small spread, as an id or a time does; quarters above it are exact in f32.
const LEVEL: f32 = 1_048_576.0;

fn shape() -> Shape {
    let numeric = |name: &str, mean: f32| Field {
        name: name.into(),
        kind: FieldKind::Numeric { knots: vec![mean - 0.5, mean, mean + 0.5], mean, std: 0.6, missing: 0.0 },
    };
    let task = |name: &str| Task { name: name.into(), kind: TaskKind::Binary, after: None, alpha: 1.0 };
    Shape {
        scenarios: vec!["home".into(), "search".into()],
        tasks: vec![task("click"), task("buy")],
        fields: vec![
            numeric("strong", 0.0),
            numeric("weak", LEVEL),
            numeric("unused", 0.0),
            Field { name: "store".into(), kind: FieldKind::Categorical { entries: 4, share: vec![0.0, 0.1, 0.5, 0.4] } },
        ],
        horizon_days: 7,
    }
}

/// Rows, their contributions under the coefficients above, and the raw outputs these add up to.
struct Planted {
    columns: [Vec<f32>; 3],
    store: Vec<u32>,
    scenario: Vec<u16>,
    entity: Vec<u64>,
    raw: Vec<Vec<f32>>,
}

impl Planted {
    fn new() -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut draw = |level: f32| -> Vec<f32> { (0..ROWS).map(|_| level + (random.gen_range(-4..=4) as f32) / 4.0).collect() };
        let columns = [draw(0.0), draw(LEVEL), draw(0.0)];
        let mut planted = Self {
            columns,
            store: (0..ROWS).map(|row| [1, 2, 2, 3][row % 4]).collect(),
            scenario: (0..ROWS).map(|row| (row % 3 == 0) as u16).collect(),
            entity: vec![0; ROWS],
            raw: Vec::new(),
        };
        planted.columns[0][7] = f32::NAN;
        planted.raw = planted.outputs();
        planted
    }

    fn outputs(&self) -> Vec<Vec<f32>> {
        let found = self.attribution(0, ROWS);
        let of = |row: usize, task: usize| found.base[task] + found.values.slice(ndarray::s![row, task, ..]).sum();
        (0..2).map(|task| (0..ROWS).map(|row| of(row, task)).collect()).collect()
    }

    fn block(&self) -> Block<'_> {
        let mut columns: Vec<Column<'_>> = self.columns.iter().map(|values| Column::Numeric(values)).collect();
        columns.push(Column::Categorical(&self.store));
        Block { as_of: 0, entity: &self.entity, scenario: &self.scenario, columns, labels: Vec::new(), weights: Vec::new() }
    }

    fn attribution(&self, from: usize, to: usize) -> Attribution {
        let zero = || Array3::zeros((to - from, 2, 5));
        let mut found = Attribution { base: vec![-1.0, -2.0], values: zero(), shared: zero(), scenario_part: zero(), task_part: zero() };
        for row in 0..to - from {
            let scenario = usize::from(self.scenario[from + row]);
            let deviation = SCENARIO.get(scenario).unwrap_or(&[0.0; 3]);
            for (task, own) in TASK.iter().enumerate() {
                for field in 0..3 {
                    let x = self.columns[field][from + row] - if field == 1 { LEVEL } else { 0.0 };
                    let x = if x.is_nan() { 0.0 } else { x };
                    found.shared[[row, task, field]] = SHARED[field] * x;
                    found.scenario_part[[row, task, field]] = deviation[field] * x;
                    found.task_part[[row, task, field]] = own[field] * x;
                }
                found.shared[[row, task, 3]] = if self.store[from + row] == 3 { 0.75 } else { -0.25 };
                found.scenario_part[[row, task, 4]] = if scenario == 1 { 0.5 } else { 0.0 };
            }
        }
        found.values = &found.shared + &found.scenario_part + &found.task_part;
        found
    }

    /// Adds all rows up, `step` at a time.
    fn importance(&self, step: usize) -> ImportanceAccumulator {
        let mut importance = ImportanceAccumulator::new(&shape());
        for from in (0..ROWS).step_by(step) {
            let to = (from + step).min(ROWS);
            let raw: Vec<Vec<f32>> = self.raw.iter().map(|raw| raw[from..to].to_vec()).collect();
            importance.add(&self.block().slice(from, to), &self.attribution(from, to), &raw);
        }
        importance
    }
}

#[track_caller]
fn find<'a>(table: &'a [Importance], scenario: &str, task: &str, feature: &str) -> &'a Importance {
    let found = table.iter().find(|row| (row.scenario.as_str(), row.task.as_str(), row.feature.as_str()) == (scenario, task, feature));
    found.unwrap_or_else(|| panic!("no importance of {feature} in {scenario} × {task}"))
}

#[test]
fn importance_is_the_mean_size_of_the_planted_contributions() {
    let planted = Planted::new();
    let table = planted.importance(512).finish();
    assert_eq!(table.len(), 3 * 2 * 5, "all scenarios and each, two tasks, four features and the scenario");
    let own: Vec<usize> = (0..ROWS).filter(|row| planted.scenario[*row] == 1).collect();
    let mean = |field: usize, level: f32| {
        own.iter().map(|row| f64::from((planted.columns[field][*row] - level).abs())).sum::<f64>() / own.len() as f64
    };
    let strong = find(&table, "search", "buy", "strong");
    assert!((strong.value - 3.0 * mean(0, 0.0)).abs() < 1e-6 && (strong.shared - 2.0 * mean(0, 0.0)).abs() < 1e-6);
    assert!((strong.scenario_part - mean(0, 0.0)).abs() < 1e-6 && strong.task_part.abs() < 1e-12);
    assert_eq!(strong.n, own.len() as u64);
    let weak = find(&table, "search", "buy", "weak");
    assert!((weak.value - 0.25 * mean(1, LEVEL)).abs() < 1e-6, "the parts partly cancel");
    assert!((weak.shared - 0.5 * mean(1, LEVEL)).abs() < 1e-6 && (weak.task_part - 0.25 * mean(1, LEVEL)).abs() < 1e-6);
    assert!(find(&table, "*", "click", "unused").value.abs() < 1e-12);
    assert!((find(&table, "search", "click", "scenario").value - 0.5).abs() < 1e-12);
}

#[test]
fn direction_says_whether_the_contribution_rises_with_the_value() {
    let table = Planted::new().importance(512).finish();
    let direction = |task: &str, feature: &str| find(&table, "home", task, feature).direction;
    assert!(direction("click", "strong").is_some_and(|sign| sign > 0.999));
    assert!(direction("click", "weak").is_some_and(|sign| sign < -0.999), "{:?}", direction("click", "weak"));
    assert_eq!((direction("click", "unused"), direction("click", "store"), direction("click", "scenario")), (None, None, None));
}

#[test]
fn a_large_number_of_small_spread_has_a_direction() {
    let mut planted = Planted::new();
    // Squares of such numbers, added up, leave no room in an f64 for a spread of 1.
    planted.columns[1] = (0..ROWS).map(|row| 16_000_000.0 + (row % 2) as f32).collect();
    let mut found = planted.attribution(0, ROWS);
    for row in 0..ROWS {
        found.values[[row, 0, 1]] = if row % 2 == 0 { 1.0 } else { -1.0 };
    }
    let mut shape = shape();
    if let FieldKind::Numeric { mean, .. } = &mut shape.fields[1].kind {
        *mean = 16_000_000.0;
    }
    let mut importance = ImportanceAccumulator::new(&shape);
    importance.add(&planted.block(), &found, &planted.raw);
    let direction = find(&importance.finish(), "*", "click", "weak").direction;
    assert!(direction.is_some_and(|sign| (sign + 1.0).abs() < 1e-9), "{direction:?}");
}

#[test]
fn a_constant_contribution_has_no_direction() {
    let planted = Planted::new();
    let mut found = planted.attribution(0, ROWS);
    // A number whose square needs many digits: the sums are rounded, and the rounding is no spread.
    found.values.slice_mut(ndarray::s![.., .., 0]).fill(1000.1);
    let mut importance = ImportanceAccumulator::new(&shape());
    importance.add(&planted.block(), &found, &planted.raw);
    assert_eq!(find(&importance.finish(), "*", "click", "strong").direction, None);
}

#[test]
fn the_stretches_in_which_rows_arrive_do_not_matter() {
    let planted = Planted::new();
    assert_eq!(planted.importance(ROWS).finish(), planted.importance(101).finish());
}

#[test]
fn the_residual_shows_contributions_that_do_not_add_up() {
    let planted = Planted::new();
    assert!(planted.importance(512).residual() < 1e-5);
    for (wrong, least) in [(0.25, 0.24), (f32::NAN, f64::INFINITY)] {
        let mut raw = planted.raw.clone();
        raw[1][2000] += wrong;
        let mut importance = ImportanceAccumulator::new(&shape());
        importance.add(&planted.block(), &planted.attribution(0, ROWS), &raw);
        assert!(importance.residual() >= least, "{wrong}: {}", importance.residual());
    }
}

#[test]
fn a_scenario_never_seen_counts_in_the_totals_only() {
    let mut planted = Planted::new();
    planted.scenario[..300].fill(UNSEEN_SCENARIO);
    let table = planted.importance(512).finish();
    let n = |scenario: &str| find(&table, scenario, "click", "strong").n;
    assert_eq!((n("*"), n("home") + n("search")), (3000, 2700));
}

#[test]
fn effects_follow_the_planted_slopes_bin_by_bin() {
    let planted = Planted::new();
    let importance = planted.importance(512).finish();
    let mut effects = Effects::new(&shape());
    effects.add(&planted.block(), &planted.attribution(0, ROWS));
    let table = effects.finish(&importance, 3);
    assert!(table.iter().all(|row| row.feature != "unused"), "a feature that contributes nothing has no curve");

    let curve = |scenario: &str, feature: &str| {
        table
            .iter()
            .filter(|row| (row.scenario.as_str(), row.task.as_str(), row.feature.as_str()) == (scenario, "click", feature))
            .cloned()
            .collect::<Vec<_>>()
    };
    let strong = curve("search", "strong");
    // Below −0.5, up to 0, up to 0.5, above: values are quarters from −1 to 1.
    let expected = [-0.875, -0.375, 0.125, 0.75];
    for (at, middle) in expected.into_iter().enumerate() {
        assert!((strong[at].contribution - 3.0 * middle).abs() < 0.1, "{:?}", strong[at]);
    }
    assert_eq!((strong[0].low, strong[0].high, strong[3].low, strong[3].high), (None, Some(-0.5), Some(0.5), None));
    let missing = &curve("home", "strong")[4];
    assert_eq!((missing.entry.and_then(special), missing.n), (Some("missing"), 1));
    assert_eq!(curve("*", "strong").iter().map(|row| row.n).sum::<u64>(), ROWS as u64);

    let store = curve("*", "store");
    let found: Vec<_> = store.iter().map(|row| (row.entry, row.contribution, row.n)).collect();
    assert_eq!(found, vec![(Some(MISSING), -0.25, 750), (Some(2), -0.25, 1500), (Some(3), 0.75, 750)]);
}

#[test]
fn contributions_of_sampled_rows_add_up_to_their_raw_output() {
    let mut planted = Planted::new();
    planted.scenario[4] = UNSEEN_SCENARIO;
    planted.raw = planted.outputs();
    let table = contributions::of(&shape(), &planted.block(), &planted.attribution(0, ROWS), &planted.raw, &[0, 4], 1000);
    assert_eq!(table.len(), 2 * 2 * 5);
    for rows in table.chunks(5) {
        let total = rows[0].base + rows.iter().map(|row| row.value).sum::<f64>();
        assert!((total - rows[0].raw).abs() < 1e-6, "{total} {}", rows[0].raw);
        assert!(rows.iter().all(|row| (row.shared + row.scenario_part + row.task_part - row.value).abs() < 1e-6));
        assert_eq!(rows[4].feature, "scenario");
    }
    assert_eq!((table[0].row, table[0].scenario.as_str(), table[10].row, table[10].scenario.as_str()), (1000, "search", 1004, ""));
}
