//! What every learner owes: the conformance suite. Adding a learner costs its recipe, one line at the end of this file.
//!
//! In: a recipe, and the rows of `learn_rows`. Not here: what one learner alone promises (its own unit tests).

use std::sync::OnceLock;

use ndarray::{Array2, Array3, s};
use polytask::evaluate::calibration::{Calibration, Evidence, NightSpread};
use polytask::evaluate::metrics::{Rows, auc};
use polytask::learn::net::{ScenarioSharing, TaskSharing};
use polytask::learn::rows::{Block, Column, FieldKind, MISSING, Shape, UNKNOWN, UNSEEN_SCENARIO};
use polytask::learn::{
    self, Attribution, Choice, Examples, ForestSettings, LearnError, Learner, LinearSettings, Model, NetSettings, Progress, Saved,
    TrainSettings, load,
};

use crate::learn_rows::{
    BUY, CLICK, COLOUR, Day, LOOK, MARGIN, PRODUCT, SAME, SIZE, SPEND, STEADY, TITLE, WIDTH, held_out, shape, train, valid,
};

struct Quiet;

impl Progress for Quiet {
    fn at(&self, _: &str, _: u64, _: u64) {}
}

/// A learner under test: its recipe, and its model of [`train`], fitted once for all checks that only look at it.
struct Subject {
    recipe: fn() -> Box<dyn Learner>,
    fitted: &'static OnceLock<Box<dyn Model>>,
}

impl Subject {
    fn learner(&self) -> Box<dyn Learner> {
        (self.recipe)()
    }

    fn model(&self) -> &'static dyn Model {
        self.fitted.get_or_init(|| self.fit(&train())).as_ref()
    }

    #[track_caller]
    fn fit(&self, days: &[Day]) -> Box<dyn Model> {
        self.try_fit(&shape(days), days.iter().map(Day::block).collect()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_fit(&self, shape: &Shape, blocks: Vec<Block<'_>>) -> Result<Box<dyn Model>, LearnError> {
        self.learner().fit(&Examples::new(shape, blocks), &Quiet)
    }

    #[track_caller]
    fn choose(&self, days: &[Day], valid: &Day) -> Choice {
        let shape = shape(days);
        let train = Examples::new(&shape, days.iter().map(Day::block).collect());
        let valid = Examples::new(&shape, vec![valid.block()]);
        self.learner().choose(&train, &valid, &Quiet).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn try_raw(model: &dyn Model, block: &Block<'_>) -> Result<Array2<f32>, LearnError> {
    let mut out = Array2::from_elem((block.rows(), model.shape().tasks.len()), f32::NAN);
    model.raw(block, out.view_mut()).map(|()| out)
}

#[track_caller]
fn raw(model: &dyn Model, block: &Block<'_>) -> Array2<f32> {
    try_raw(model, block).unwrap_or_else(|error| panic!("{error}"))
}

/// Bit patterns: NaN equals itself and 0 is not −0.
fn bits(values: &Array2<f32>) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[track_caller]
fn attribute(model: &dyn Model, block: &Block<'_>) -> Option<Attribution> {
    model.attribute(block).map(|found| found.unwrap_or_else(|error| panic!("{error}")))
}

#[track_caller]
fn all_finite(values: &Array2<f32>) {
    assert!(values.iter().all(|value| value.is_finite()), "an output is no finite number");
}

/// Pearson's correlation of two models' outputs, the least over the tasks.
fn agreement(a: &Array2<f32>, b: &Array2<f32>) -> f64 {
    let correlation = |task: usize| {
        let column = |of: &Array2<f32>| -> Vec<f64> { of.column(task).iter().map(|value| f64::from(*value)).collect() };
        let (a, b) = (column(a), column(b));
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        let (ma, mb) = (mean(&a), mean(&b));
        let sum = |of: &dyn Fn(usize) -> f64| (0..a.len()).map(of).sum::<f64>();
        let (va, vb) = (sum(&|at| (a[at] - ma).powi(2)), sum(&|at| (b[at] - mb).powi(2)));
        sum(&|at| (a[at] - ma) * (b[at] - mb)) / (va * vb).sqrt()
    };
    (0..a.ncols()).map(correlation).fold(f64::INFINITY, f64::min)
}

/// AUC of a binary task over the rows that it is about (those whose parent happened).
fn ranking(model: &dyn Model, day: &Day, task: usize) -> f64 {
    let out = raw(model, &day.unlabelled());
    let (mut labels, mut scores) = (Vec::new(), Vec::new());
    for row in 0..day.rows() {
        let label = day.labels[task][row];
        let about = task == CLICK || day.labels[CLICK][row] > 0.5;
        if about && !label.is_nan() {
            labels.push(f64::from(label));
            scores.push(f64::from(out[[row, task]]));
        }
    }
    auc(&labels, &scores).expect("two classes")
}

fn rows_keep_their_order(subject: &Subject) {
    let day = held_out();
    let turned: Vec<usize> = (0..day.rows()).rev().collect();
    let (there, back) = (raw(subject.model(), &day.unlabelled()), raw(subject.model(), &day.take(&turned).unlabelled()));
    assert_eq!(bits(&there), bits(&back.slice(s![..;-1, ..]).to_owned()));
}

fn an_output_depends_on_its_row_alone(subject: &Subject) {
    let (model, day) = (subject.model(), held_out());
    let block = day.unlabelled();
    let whole = raw(model, &block);
    for step in [1, 7, 64, 1000] {
        let parts: Vec<u32> = block.parts(step).flat_map(|part| bits(&raw(model, &part))).collect();
        assert_eq!(bits(&whole), parts, "in stretches of {step}");
    }
    let elsewhere = Day { as_of: day.as_of + 300, entity: vec![5; day.rows()], ..day.clone() };
    assert_eq!(bits(&whole), bits(&raw(model, &elsewhere.unlabelled())), "entity and date are no inputs");
    assert_eq!(bits(&whole), bits(&raw(model, &day.block())), "labels are no inputs");
}

fn seed_and_rows_decide_every_bit_whatever_the_threads(subject: &Subject) {
    let (days, valid) = (train(), valid());
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let Choice { learner, model, trials } = subject.choose(&days, &valid);
            let shape = shape(&days);
            let refit = learner.fit(&Examples::new(&shape, days.iter().map(Day::block).collect()), &Quiet).expect("a model");
            (trials, model.save(), refit.save(), bits(&raw(refit.as_ref(), &valid.unlabelled())))
        })
    };
    let one = with(1);
    assert!(one == with(3), "three threads give other bits than one");
}

fn choices_are_reported_and_kept(subject: &Subject) {
    let (days, valid) = (train(), valid());
    let Choice { learner, model, trials } = subject.choose(&days, &valid);
    assert_eq!(learner.name(), subject.learner().name());
    assert!(trials.iter().any(|trial| trial.chosen), "nothing was chosen");
    assert!(trials.iter().all(|trial| trial.loss.is_finite() && !trial.setting.is_empty()), "{trials:?}");
    let shape = shape(&days);
    assert_eq!(model.shape(), &shape);
    // Fitted again on the rows of the choice, the chosen learner says what the chosen model said.
    let again = learner.fit(&Examples::new(&shape, days.iter().map(Day::block).collect()), &Quiet).expect("a model");
    let alike = agreement(&raw(model.as_ref(), &valid.unlabelled()), &raw(again.as_ref(), &valid.unlabelled()));
    assert!(alike > 0.95, "{alike}");
}

fn a_model_knows_its_name_and_shape(subject: &Subject) {
    assert_eq!(subject.model().learner(), subject.learner().name());
    assert_eq!(subject.model().shape(), &shape(&train()));
}

fn a_saved_model_is_loaded_bit_for_bit(subject: &Subject) {
    let (model, day) = (subject.model(), held_out());
    let saved = model.save();
    let loaded = load(&saved).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.learner(), model.learner());
    assert_eq!(loaded.shape(), model.shape());
    assert_eq!(bits(&raw(loaded.as_ref(), &day.unlabelled())), bits(&raw(model, &day.unlabelled())));
    assert!(loaded.save() == saved, "a loaded model is saved with other bytes");
    let block = day.unlabelled();
    if let (Some(before), Some(after)) = (attribute(model, &block), attribute(loaded.as_ref(), &block)) {
        assert_eq!(before.base, after.base);
        for (before, after) in [
            (before.values, after.values),
            (before.shared, after.shared),
            (before.scenario_part, after.scenario_part),
            (before.task_part, after.task_part),
        ] {
            assert!(before == after, "a loaded model attributes otherwise");
        }
    }
}

type Edit = fn(&mut serde_json::Value);

/// Loading must end in [`LearnError::Saved`].
#[track_caller]
fn refuses(saved: &Saved, what: &str) {
    match load(saved) {
        Err(LearnError::Saved(_)) => {}
        Err(other) => panic!("{what}: another error: {other}"),
        Ok(_) => panic!("{what}: it was loaded"),
    }
}

fn a_damaged_or_foreign_file_is_refused(subject: &Subject) {
    let saved = subject.model().save();
    let tensors = |tensors: &[u8]| Saved { tensors: tensors.to_vec(), ..saved.clone() };
    refuses(&tensors(&[]), "no weights");
    refuses(&tensors(&saved.tensors[..saved.tensors.len() / 2]), "half the weights");
    refuses(&tensors(&[saved.tensors.as_slice(), &[0; 4]].concat()), "more weights");
    for at in [saved.tensors.len() - 1, saved.tensors.len() * 2 / 3] {
        let mut flipped = saved.tensors.clone();
        flipped[at] ^= 1;
        refuses(&tensors(&flipped), "a bit of a weight flipped");
    }
    let other = subject.fit(&train()[1..]).save();
    refuses(&tensors(&other.tensors), "the weights of another night");

    refuses(&Saved { json: String::new(), ..saved.clone() }, "no JSON");
    refuses(&Saved { json: saved.json.replacen('{', "[", 1), ..saved.clone() }, "broken JSON");
    let edits: [(&str, Edit); 7] = [
        ("another format", |json| json["format"] = 99.into()),
        ("a learner that is not there", |json| json["learner"] = "nobody".into()),
        ("a task too few", |json| drop(json["shape"]["tasks"].as_array_mut().and_then(Vec::pop))),
        ("a scenario too few", |json| drop(json["shape"]["scenarios"].as_array_mut().and_then(Vec::pop))),
        ("a field too few", |json| drop(json["shape"]["fields"].as_array_mut().and_then(Vec::pop))),
        ("a field of another kind", |json| json["shape"]["fields"][LOOK]["kind"] = serde_json::json!({"type": "text", "buckets": 8})),
        ("a smaller vocabulary", |json| json["shape"]["fields"][PRODUCT]["kind"]["entries"] = 3.into()),
    ];
    for (what, edit) in edits {
        let mut json: serde_json::Value = serde_json::from_str(&saved.json).expect("JSON");
        edit(&mut json);
        refuses(&Saved { json: json.to_string(), ..saved.clone() }, what);
    }
}

/// The call must end in [`LearnError::NotFinite`] naming `field`.
#[track_caller]
fn not_finite<T>(found: Result<T, LearnError>, field: &str) {
    match found {
        Err(LearnError::NotFinite(name)) => assert_eq!(name, field),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("an infinite {field} passed"),
    }
}

fn infinite_numbers_are_refused(subject: &Subject) {
    for infinite in [f32::INFINITY, f32::NEG_INFINITY] {
        let mut size = held_out();
        size.size[8] = infinite;
        let mut look = held_out();
        look.look[WIDTH * 8 + 1] = infinite;
        for (day, field) in [(&size, "size"), (&look, "look")] {
            not_finite(try_raw(subject.model(), &day.unlabelled()), field);
            if let Some(found) = subject.model().attribute(&day.unlabelled()) {
                not_finite(found, field);
            }
        }
        let mut days = train();
        let shape = shape(&days);
        days[2].size[8] = infinite;
        not_finite(subject.try_fit(&shape, days.iter().map(Day::block).collect()), "size");
        let mut days = train();
        days[2].labels[MARGIN][8] = infinite;
        not_finite(subject.try_fit(&shape, days.iter().map(Day::block).collect()), "margin");
    }
}

fn a_row_under_another_scenario_is_that_row_served_there(subject: &Subject) {
    let (model, day) = (subject.model(), held_out());
    let block = day.unlabelled();
    let mut under = Array3::from_elem((day.rows(), 3, 4), f32::NAN);
    model.raw_under(&block, under.view_mut()).unwrap_or_else(|error| panic!("{error}"));
    for scenario in 0..3 {
        let served = vec![scenario as u16; day.rows()];
        let there = raw(model, &block.under(&served));
        assert_eq!(bits(&under.slice(s![.., scenario, ..]).to_owned()), bits(&there), "scenario {scenario}");
    }
    let mut narrow = Array3::zeros((day.rows(), 2, 4));
    misshapen(model.raw_under(&block, narrow.view_mut()), "room for too few scenarios");
}

fn a_missing_value_is_a_value(subject: &Subject) {
    let mut day = held_out();
    day.size.fill(f32::NAN);
    day.steady.fill(f32::NAN);
    day.look.fill(f32::NAN);
    day.colour.fill(MISSING);
    day.product.fill(MISSING);
    day.same.fill(MISSING);
    day.buckets.clear();
    day.offsets.fill(0);
    all_finite(&raw(subject.model(), &day.unlabelled()));

    // A field that is missing in every training row.
    let mut days = train();
    days.iter_mut().for_each(|day| day.steady.fill(f32::NAN));
    let mut shape = shape(&train());
    shape.fields[STEADY].kind = FieldKind::Numeric { knots: vec![0.0], mean: 0.0, std: 0.0, missing: 1.0 };
    let model = subject.try_fit(&shape, days.iter().map(Day::block).collect()).expect("a model");
    all_finite(&raw(model.as_ref(), &held_out().unlabelled()));
}

fn a_column_that_never_varies_has_no_importance(subject: &Subject) {
    let Some(found) = attribute(subject.model(), &held_out().unlabelled()) else { return };
    for field in [STEADY, SAME] {
        assert!(found.values.slice(s![.., .., field]).iter().all(|value| *value == 0.0), "field {field} contributes");
    }
    assert!(found.values.slice(s![.., CLICK, SIZE]).iter().any(|value| value.abs() > 0.01), "nothing contributes");
}

fn contributions_add_up_to_the_output(subject: &Subject) {
    let mut day = held_out();
    day.scenario[..100].fill(UNSEEN_SCENARIO);
    let Some(found) = attribute(subject.model(), &day.unlabelled()) else { return };
    let out = raw(subject.model(), &day.unlabelled());
    assert_eq!(found.values.dim(), (day.rows(), 4, 8));
    for ((row, task), output) in out.indexed_iter() {
        let sum = found.base[task] + found.values.slice(s![row, task, ..]).sum();
        // A few hundred f32 terms of about 1 are added in two orders.
        assert!((sum - output).abs() < 1e-4 * output.abs().max(1.0), "row {row}, task {task}: {sum} instead of {output}");
    }
    let parts = &found.shared + &found.scenario_part + &found.task_part;
    let furthest = (&parts - &found.values).iter().fold(0.0_f32, |most, gap| most.max(gap.abs()));
    assert!(furthest < 1e-5, "the parts of a contribution miss it by {furthest}");
    assert!(found.scenario_part.slice(s![..100, .., ..]).iter().all(|part| *part == 0.0), "a scenario never seen has a part of its own");
}

fn every_task_beats_its_base_rate(subject: &Subject) {
    let (model, valid, day) = (subject.model(), valid(), held_out());
    let columns = |day: &Day| -> Vec<Vec<f32>> {
        let out = raw(model, &day.unlabelled());
        (0..4).map(|task| out.column(task).to_vec()).collect()
    };
    let (raw, night) = (columns(&valid), vec![0; valid.rows()]);
    let entity: Vec<u64> = (0..valid.rows() as u64).collect();
    let evidence = Evidence { raw: &raw, labels: &valid.labels, scenario: &valid.scenario, night: &night, entity: &entity };
    let calibration = Calibration::fit(&evidence, model.shape(), &NightSpread::none(model.shape()));
    let published = calibration.apply(&columns(&day), &day.scenario);
    for scenario in [None, Some(0), Some(1), Some(2)] {
        for (task, name) in ["click", "buy", "spend", "margin"].into_iter().enumerate() {
            let own = (0..day.rows())
                .filter(|row| scenario.is_none_or(|wanted| day.scenario[*row] == wanted) && !day.labels[task][*row].is_nan())
                .collect::<Vec<_>>();
            let labels: Vec<f64> = own.iter().map(|row| f64::from(day.labels[task][*row])).collect();
            let predictions: Vec<f64> = own.iter().map(|row| published[task][*row]).collect();
            let rows = Rows::new(&labels, &predictions).expect("finite predictions");
            let (found, base) =
                if task == CLICK || task == BUY { (rows.log_loss(), rows.base_log_loss()) } else { (rows.rmse(), rows.base_rmse()) };
            let (found, base) = (found.expect("rows"), base.expect("rows"));
            assert!(found < 0.95 * base, "{name} in {scenario:?}: {found} against {base} of the base rate");
        }
    }
    assert!(ranking(model, &day, CLICK) > 0.75, "click: {}", ranking(model, &day, CLICK));
    assert!(ranking(model, &day, BUY) > 0.65, "buy, given a click: {}", ranking(model, &day, BUY));
}

fn what_training_never_saw_is_survived(subject: &Subject) {
    let mut day = held_out();
    day.scenario.fill(UNSEEN_SCENARIO);
    day.colour.fill(UNKNOWN);
    day.product.fill(UNKNOWN);
    day.same.fill(UNKNOWN);
    day.size.fill(1e6);
    all_finite(&raw(subject.model(), &day.unlabelled()));
    if let Some(found) = attribute(subject.model(), &day.unlabelled()) {
        assert!(found.values.iter().all(|value| value.is_finite()));
    }
    // The shared part of the model still ranks rows of a new scenario.
    let mut elsewhere = held_out();
    elsewhere.scenario.fill(UNSEEN_SCENARIO);
    assert!(ranking(subject.model(), &elsewhere, CLICK) > 0.7, "{}", ranking(subject.model(), &elsewhere, CLICK));
    // Rows of a scenario without a name may also be among those to learn from.
    let mut days = train();
    days.iter_mut().for_each(|day| day.scenario[..50].fill(UNSEEN_SCENARIO));
    all_finite(&raw(subject.fit(&days).as_ref(), &elsewhere.unlabelled()));
}

fn one_class_in_a_cell_or_task_is_survived(subject: &Subject) {
    let mut days = train();
    for day in &mut days {
        for row in 0..day.rows() {
            if day.scenario[row] == 2 {
                day.labels[CLICK][row] = 1.0;
            }
            day.labels[MARGIN][row] = 5.0;
            // Every click is a purchase.
            day.labels[BUY][row] = day.labels[CLICK][row];
        }
    }
    let model = subject.fit(&days);
    let out = raw(model.as_ref(), &held_out().unlabelled());
    all_finite(&out);
    assert!(out.column(MARGIN).iter().all(|value| (value - 5.0).abs() < 0.2), "the only label there is");
    load(&model.save()).unwrap_or_else(|error| panic!("{error}"));

    // A validation night of one class, and one without a single label, leave a choice.
    let mut night = valid();
    night.labels[CLICK].fill(0.0);
    let Choice { model, .. } = subject.choose(&train(), &night);
    all_finite(&raw(model.as_ref(), &held_out().unlabelled()));
    night.labels.iter_mut().for_each(|labels| labels.fill(f32::NAN));
    let Choice { model, .. } = subject.choose(&train(), &night);
    all_finite(&raw(model.as_ref(), &held_out().unlabelled()));
}

fn a_scenario_without_rows_is_survived(subject: &Subject) {
    let mut days = train();
    days.iter_mut().for_each(|day| day.scenario.iter_mut().for_each(|scenario| *scenario %= 2));
    let model = subject.fit(&days);
    all_finite(&raw(model.as_ref(), &held_out().unlabelled()));
    let mut shape = shape(&days);
    shape.scenarios.truncate(1);
    days.iter_mut().for_each(|day| day.scenario.fill(0));
    let model = subject.try_fit(&shape, days.iter().map(Day::block).collect()).expect("a model of one scenario");
    let mut day = held_out();
    day.scenario.fill(0);
    assert!(ranking(model.as_ref(), &day, CLICK) > 0.7);
}

fn a_task_that_nothing_teaches_is_refused(subject: &Subject) {
    let refused = |edit: fn(&mut Day), task: &str| {
        let mut days = train();
        days.iter_mut().for_each(edit);
        let shape = shape(&days);
        match subject.try_fit(&shape, days.iter().map(Day::block).collect()) {
            Err(LearnError::NoRows(message)) => assert!(message.contains(task), "{message}"),
            Err(other) => panic!("another error: {other}"),
            Ok(_) => panic!("{task} was learned from nothing"),
        }
    };
    refused(|day| day.labels[MARGIN].fill(f32::NAN), "margin");
    refused(|day| day.labels[BUY].fill(0.0), "spend");
    refused(|day| day.weights.fill(0.0), "buy");
    let shape = shape(&train());
    assert!(matches!(subject.try_fit(&shape, Vec::new()), Err(LearnError::NoRows(_))), "no rows at all");
}

fn rows_of_weight_zero_teach_nothing(subject: &Subject) {
    let third = |day: &Day| (0..day.rows()).filter(|row| row % 3 == 0).collect::<Vec<_>>();
    // A third of the rows weigh nothing in `buy`, and what was spent is about those who bought: they teach neither.
    let mut weightless = train();
    for day in &mut weightless {
        for row in third(day) {
            day.weights[row] = 0.0;
            day.labels[SPEND][row] = f32::NAN;
        }
    }
    let (mut turned, mut left_out) = (weightless.clone(), weightless.clone());
    for (turned, left_out) in turned.iter_mut().zip(&mut left_out) {
        for row in third(turned) {
            turned.labels[BUY][row] = 1.0 - turned.labels[BUY][row];
            left_out.labels[BUY][row] = f32::NAN;
        }
    }
    let shape = shape(&weightless);
    let of = |days: &[Day]| subject.try_fit(&shape, days.iter().map(Day::block).collect()).expect("a model");
    let day = held_out();
    let (weightless, turned, left_out) = (of(&weightless), of(&turned), of(&left_out));
    assert!(weightless.save() == turned.save(), "labels that weigh nothing change the model");
    let alike = agreement(&raw(weightless.as_ref(), &day.unlabelled()), &raw(left_out.as_ref(), &day.unlabelled()));
    // A network shares its mini-batches out otherwise when rows teach one task less.
    assert!(alike > 0.85, "{alike}");
}

fn the_scale_of_the_weights_does_not_matter(subject: &Subject) {
    let day = held_out();
    let plain = raw(subject.model(), &day.unlabelled());
    for scale in [1e-6, 1e3] {
        let mut days = train();
        days.iter_mut().for_each(|day| day.weights.iter_mut().for_each(|weight| *weight *= scale));
        let scaled = raw(subject.fit(&days).as_ref(), &day.unlabelled());
        assert!(agreement(&plain, &scaled) > 0.97, "weights times {scale}: {}", agreement(&plain, &scaled));
    }
}

/// The call must end in [`LearnError::Shape`].
#[track_caller]
fn misshapen<T>(found: Result<T, LearnError>, what: &str) {
    match found {
        Err(LearnError::Shape(_)) => {}
        Err(other) => panic!("{what}: another error: {other}"),
        Ok(_) => panic!("{what}: it passed"),
    }
}

fn edited<'a>(whole: &Block<'a>, edit: impl FnOnce(&mut Block<'a>)) -> Block<'a> {
    let mut block = whole.clone();
    edit(&mut block);
    block
}

fn rows_of_another_shape_are_refused(subject: &Subject) {
    let (day, shape) = (held_out(), shape(&train()));
    let whole = day.block();
    let longer: Vec<f32> = vec![0.0; day.rows() * WIDTH + WIDTH];
    let entity = vec![1; day.rows() - 1];
    let offsets: Vec<i32> = vec![0; day.rows()];
    let blocks = [
        ("a column too few", edited(&whole, |block| block.columns.truncate(6))),
        ("a column of another kind", edited(&whole, |block| block.columns[SIZE] = Column::Categorical(&day.colour))),
        ("a column too short", edited(&whole, |block| block.columns[SIZE] = Column::Numeric(&day.size[1..]))),
        ("categories too short", edited(&whole, |block| block.columns[COLOUR] = Column::Categorical(&day.colour[1..]))),
        ("a vector of another width", edited(&whole, |block| block.columns[LOOK] = Column::Vector(&day.look[day.rows()..]))),
        ("a vector too long", edited(&whole, |block| block.columns[LOOK] = Column::Vector(&longer))),
        ("texts too few", edited(&whole, |block| block.columns[TITLE] = Column::Text { offsets: &offsets, buckets: &day.buckets })),
        ("entities too few", edited(&whole, |block| block.entity = &entity)),
    ];
    for (what, block) in &blocks {
        misshapen(try_raw(subject.model(), block), what);
        if let Some(found) = subject.model().attribute(block) {
            misshapen(found, what);
        }
        misshapen(subject.try_fit(&shape, vec![whole.clone(), block.clone()]), what);
    }
    let labels = [
        ("no labels", edited(&whole, |block| block.labels.clear())),
        ("a task too few", edited(&whole, |block| block.labels.truncate(3))),
        ("labels too short", edited(&whole, |block| block.labels[MARGIN] = &day.labels[MARGIN][1..])),
        ("no weights", edited(&whole, |block| block.weights.clear())),
        ("weights too short", edited(&whole, |block| block.weights[BUY] = Some(&day.weights[1..]))),
    ];
    for (what, block) in labels {
        misshapen(subject.try_fit(&shape, vec![whole.clone(), block]), what);
    }
    let mut narrow = Array2::zeros((day.rows(), 3));
    misshapen(subject.model().raw(&whole, narrow.view_mut()), "room for too few tasks");
    let mut short = Array2::zeros((day.rows() - 1, 4));
    misshapen(subject.model().raw(&whole, short.view_mut()), "room for too few rows");
}

fn no_rows_have_no_outputs(subject: &Subject) {
    let nobody = held_out().take(&[]);
    assert_eq!(raw(subject.model(), &nobody.unlabelled()).dim(), (0, 4));
    // A block without rows among those to learn from changes nothing.
    let days = train();
    let empty = days[0].take(&[]);
    let shape = shape(&days);
    let blocks = [empty.block()].into_iter().chain(days.iter().map(Day::block)).collect();
    let model = subject.try_fit(&shape, blocks).expect("a model");
    assert_eq!(raw(model.as_ref(), &held_out().unlabelled()).dim(), (held_out().rows(), 4));
}

/// The checks of one learner, each a test.
macro_rules! conformance {
    ($learner:ident, $recipe:expr) => {
        mod $learner {
            use super::*;
            checks! { $recipe;
                rows_keep_their_order
                an_output_depends_on_its_row_alone
                a_row_under_another_scenario_is_that_row_served_there
                seed_and_rows_decide_every_bit_whatever_the_threads
                choices_are_reported_and_kept
                a_model_knows_its_name_and_shape
                a_saved_model_is_loaded_bit_for_bit
                a_damaged_or_foreign_file_is_refused
                infinite_numbers_are_refused
                a_missing_value_is_a_value
                a_column_that_never_varies_has_no_importance
                contributions_add_up_to_the_output
                every_task_beats_its_base_rate
                what_training_never_saw_is_survived
                one_class_in_a_cell_or_task_is_survived
                a_scenario_without_rows_is_survived
                a_task_that_nothing_teaches_is_refused
                rows_of_weight_zero_teach_nothing
                the_scale_of_the_weights_does_not_matter
                rows_of_another_shape_are_refused
                no_rows_have_no_outputs
            }
        }
    };
}

macro_rules! checks {
    ($recipe:expr; $($check:ident)+) => {
        static FITTED: OnceLock<Box<dyn Model>> = OnceLock::new();
        const SUBJECT: Subject = Subject { recipe: || $recipe.unwrap_or_else(|error| panic!("{error}")), fitted: &FITTED };
        $(
            #[test]
            fn $check() {
                super::$check(&SUBJECT);
            }
        )+
    };
}

/// A section of the defaults: what a job has that sets nothing.
fn settings<T: serde::de::DeserializeOwned>(section: &str) -> T {
    let defaults: toml::Table = toml::from_str(polytask::job::DEFAULTS).expect("the defaults");
    defaults[section].clone().try_into().expect("settings")
}

/// Fewer choices, columns and trees than a night has: what is asked here does not depend on their number.
fn linear() -> LinearSettings {
    LinearSettings { penalties: vec![0.01, 0.001], max_columns: 160, ..settings("linear") }
}

fn forest() -> ForestSettings {
    ForestSettings { trees: 8, depths: vec![4, 6], ..settings("forest") }
}

fn net(task_sharing: TaskSharing, scenario_sharing: ScenarioSharing) -> NetSettings {
    let (tasks, scenarios) = (vec![task_sharing], vec![scenario_sharing]);
    let narrow = NetSettings { embedding: 8, experts: 3, expert_layers: vec![32, 16], tower_layers: vec![8], ..settings("net") };
    NetSettings { task_sharing: tasks, scenario_sharing: scenarios, gate_width: 8, ..narrow }
}

/// Few rows want small batches and more passes.
fn training() -> TrainSettings {
    TrainSettings { rate: 0.004, batch: 128, epochs: 12, warmup_steps: 20, rate_decay: 0.8, ..settings("train") }
}

conformance!(linear, learn::linear(linear(), 7));
conformance!(forest, learn::forest(forest(), linear(), 7));
conformance!(net_mmoe, learn::net(net(TaskSharing::Mmoe, ScenarioSharing::None), training(), 7));
conformance!(net_ple_star, learn::net(net(TaskSharing::Ple, ScenarioSharing::Star), training(), 7));
conformance!(net_shared_pepnet, learn::net(net(TaskSharing::SharedBottom, ScenarioSharing::Pepnet), training(), 7));
