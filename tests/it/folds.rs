//! Data without a history: nights with folds, on the repository's own jobs with small generated tables in the place of the public ones.
//!
//! In: `queries/credit_risk` and `queries/trial_actg175`, and rows whose truth is known. Out: what is published out of fold, and the
//! decisions made of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use polytask::learn::folds::Folds;

use crate::shop::Dice;

const NIGHT: &str = "2026-03-01";

/// A job of the repository in a folder of its own.
struct Place {
    folder: tempfile::TempDir,
    job: &'static str,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

impl Place {
    fn new(job: &'static str, file: &str, rows: &RecordBatch) -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a temporary folder"), job };
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries").join(job), &place.folder.path().join("queries").join(job));
        place.write(file, rows);
        place
    }

    fn write(&self, file: &str, rows: &RecordBatch) {
        let input = self.folder.path().join("data").join(self.job).join("input");
        fs::create_dir_all(&input).expect("a folder");
        let mut writer = ArrowWriter::try_new(fs::File::create(input.join(file)).expect("a file"), rows.schema(), None).expect("a writer");
        writer.write(rows).expect("rows");
        writer.close().expect("a footer");
    }

    /// Replaces a text of job.toml.
    #[track_caller]
    fn edit(&self, from: &str, to: &str) {
        let path = self.folder.path().join("queries").join(self.job).join("job.toml");
        let text = fs::read_to_string(&path).expect("job.toml");
        assert!(text.contains(from), "job.toml has no {from}");
        fs::write(path, text.replacen(from, to, 1)).expect("a writable job");
    }

    fn polytask(&self, command: &str, more: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_polytask"));
        program.current_dir(self.folder.path()).arg(command).arg(format!("queries/{}", self.job)).args(more).output().expect("the binary")
    }

    #[track_caller]
    fn succeeds(&self, command: &str, more: &[&str]) -> String {
        let output = self.polytask(command, more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[track_caller]
    fn night(&self, more: &[&str]) -> PathBuf {
        self.succeeds("run", &[&["--as-of", NIGHT], more].concat());
        let runs = self.folder.path().join("data").join(self.job).join("runs");
        let id = fs::read_to_string(runs.join("CURRENT")).expect("a published run");
        runs.join(id.trim())
    }

    /// Its exit code and what it says.
    #[track_caller]
    fn refused(&self, command: &str, more: &[&str]) -> (Option<i32>, String) {
        let output = self.polytask(command, more);
        assert!(!output.status.success(), "it should have failed");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn read(path: &Path) -> RecordBatch {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").with_batch_size(1 << 20).build().expect("a reader");
    let schema = arrow::array::RecordBatchReader::schema(&reader);
    concat_batches(&schema, &reader.map(|batch| batch.expect("rows")).collect::<Vec<_>>()).expect("one schema")
}

#[track_caller]
fn numbers(rows: &RecordBatch, name: &str) -> Vec<f64> {
    let array = rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    let array = cast(array, &DataType::Float64).expect("numbers");
    array.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

#[track_caller]
fn texts(rows: &RecordBatch, name: &str) -> Vec<String> {
    let array = cast(rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")), &DataType::Utf8).expect("texts");
    array.as_string::<i32>().iter().map(|value| value.unwrap_or("").to_owned()).collect()
}

fn near(a: f64, b: f64, within: f64) -> bool {
    (a - b).abs() <= within
}

/// Uniform in 0..1.
fn chance(dice: &mut Dice) -> f64 {
    dice.below(1 << 20) as f64 / f64::from(1 << 20)
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn ints(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn words<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Loans as the public list has them: no checking account is good, an overdrawn one is bad, and so are long terms. `turned` says
/// whether the label of a loan is turned round.
fn loans(count: i64, turned: impl Fn(i64) -> bool) -> RecordBatch {
    let mut dice = Dice::new(5);
    let rows: Vec<[f64; 6]> = (1..=count).map(|_| std::array::from_fn(|_| chance(&mut dice))).collect();
    let pick = |at: f64, of: &'static [&'static str]| of[((at * of.len() as f64) as usize).min(of.len() - 1)];
    let checking = ["no checking account", "0 <= ... < 200 DM", "... < 0 DM"];
    let place = |at: f64| ((at * 3.0) as usize).min(2);
    let term = |at: f64| 6 + (at * 42.0) as i64;
    let bad = |id: i64, row: &[f64; 6]| {
        let odds = -2.6 + 1.6 * place(row[0]) as f64 + 0.03 * (term(row[1]) - 24) as f64;
        (row[5] < 1.0 / (1.0 + (-odds).exp())) != turned(id)
    };
    let of = |at: usize, of: &'static [&'static str]| words(rows.iter().map(move |row| pick(row[at], of)));
    batch(vec![
        ("loan_id", ints(1..=count)),
        ("status_of_existing_checking_account", words(rows.iter().map(|row| checking[place(row[0])]))),
        ("duration_in_month", ints(rows.iter().map(|row| term(row[1])))),
        ("credit_history", of(2, &["existing credits paid back duly till now", "delay in paying off in the past"])),
        ("purpose", of(3, &["car (new)", "radio/television", "business"])),
        ("credit_amount", ints(rows.iter().map(|row| 300 + 120 * term(row[1]) + (row[4] * 900.0) as i64))),
        ("savings_account_and_bonds", of(4, &["... < 100 DM", "100 <= ... < 500 DM"])),
        ("present_employment_since", of(2, &["... < 1 year", "... >= 7 years", "unemployed"])),
        ("installment_rate_in_percentage_of_disposable_income", ints(rows.iter().map(|row| 1 + (row[4] * 4.0) as i64))),
        ("personal_status_and_sex", of(4, &["male : single", "male : single", "female : divorced/separated/married"])),
        ("other_debtors_or_guarantors", of(3, &["none", "guarantor"])),
        ("present_residence_since", ints(rows.iter().map(|row| 1 + (row[3] * 4.0) as i64))),
        ("property", of(2, &["real estate", "unknown / no property"])),
        ("age_in_years", ints(rows.iter().map(|row| 20 + (row[3] * 45.0) as i64))),
        ("other_installment_plans", of(4, &["none", "bank"])),
        ("housing", of(3, &["own", "rent", "for free"])),
        ("number_of_existing_credits_at_this_bank", ints(rows.iter().map(|row| 1 + (row[2] * 3.0) as i64))),
        ("job", of(2, &["skilled employee / official", "unskilled - resident"])),
        ("number_of_people_being_liable_to_provide_maintenance_for", ints(rows.iter().map(|row| 1 + (row[4] * 2.0) as i64))),
        ("telephone", of(3, &["none", "yes, registered under the customers name"])),
        ("foreign_worker", of(2, &["yes"])),
        ("creditability", words((1..=count).zip(&rows).map(|(id, row)| if bad(id, row) { "bad" } else { "good" }))),
    ])
}

/// The job of loans with the linear learner alone: what is tested here is the folds.
fn bank(rows: &RecordBatch) -> Place {
    let place = Place::new("credit_risk", "loans.parquet", rows);
    place.edit("challengers = [\"net\", \"forest\"]", "challengers = []");
    place.edit("[evaluate]", "[explain]\npermutation_rows = 0\nsurrogate_samples = 0\nfaithful_rows = 0\n\n[evaluate]\nresamples = 200");
    place.edit("\n[explain]\nexplained_rows = 1000\n", "\n");
    place
}

#[test]
fn every_labelled_row_is_predicted_once_by_the_model_of_its_fold() {
    let place = bank(&loans(400, |_| false));
    let run = place.night(&[]);
    let holdout = read(&run.join("holdout/holdout.parquet"));
    let id = holdout.column_by_name("loan_id").expect("a key").as_primitive::<Int64Type>();
    let fold = holdout.column_by_name("fold").expect("a fold").as_primitive::<Int32Type>();
    assert_eq!(id.values().to_vec(), (1..=400).collect::<Vec<i64>>());
    // FNV-1a of the id as text: what `hash_bucket` hashes too.
    let hash =
        |text: &str| text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    for (id, fold) in id.values().iter().zip(fold.values()) {
        assert_eq!(Folds::new(5, 7).of(hash(&id.to_string())), *fold as usize, "loan {id}");
    }
    let sizes = fold.values().iter().fold([0_usize; 5], |mut sizes, fold| {
        sizes[*fold as usize] += 1;
        sizes
    });
    assert!(sizes.iter().all(|size| (50..=110).contains(size)), "{sizes:?}");
    assert!(numbers(&holdout, "p_default").iter().all(|p| (0.0..=1.0).contains(p)));
}

/// The labels of a whole fold are turned round: what is said of that fold may not change by a bit, and what is said of the others must.
#[test]
fn no_prediction_out_of_fold_has_seen_a_label_of_its_own_fold() {
    let before = bank(&loans(400, |_| false));
    let honest = read(&before.night(&[]).join("holdout/holdout.parquet"));
    let fold: Vec<usize> = numbers(&honest, "fold").iter().map(|fold| *fold as usize).collect();
    let place = bank(&loans(400, |id| fold[id as usize - 1] == 2));
    // With a fifth of the labels turned round the gate would hold the night.
    place.edit("auc of default >= 0.7", "auc of default >= 0.0");
    let turned = read(&place.night(&[]).join("holdout/holdout.parquet"));
    for task in ["default", "amount"] {
        let (before, after) = (numbers(&honest, &format!("p_{task}")), numbers(&turned, &format!("p_{task}")));
        let changed =
            |own: bool| (0..400).filter(|row| (fold[*row] == 2) == own && before[*row].to_bits() != after[*row].to_bits()).count();
        assert_eq!(changed(true), 0, "{task}");
        if task == "default" {
            assert!(changed(false) > 250, "the other folds learn from it: {}", changed(false));
        }
    }
    let labels =
        numbers(&honest, "y_default").iter().zip(numbers(&turned, "y_default")).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
    assert_eq!(labels, fold.iter().filter(|fold| **fold == 2).count());
}

/// A telephone of which each household has its own, and labels drawn by household: who had seen one loan of a household would know the
/// labels of its others.
#[test]
fn entities_stay_whole_and_what_names_them_is_worth_nothing_out_of_fold() {
    let mut dice = Dice::new(9);
    let own: Vec<(String, bool)> = (0..150).map(|at| (format!("phone {at}"), chance(&mut dice) < 0.5)).collect();
    let base = loans(450, |_| false);
    let column = |name: &str, array: ArrayRef| {
        let columns: Vec<(String, ArrayRef)> = base
            .schema()
            .fields()
            .iter()
            .zip(base.columns())
            .map(|(field, own)| (field.name().clone(), if field.name() == name { Arc::clone(&array) } else { Arc::clone(own) }))
            .collect();
        columns
    };
    // The household is the entity: three loans of one household have one job, which is its id, and one label.
    let mut columns = column("job", words((0..450).map(|row| own[row / 3].0.as_str())));
    columns.push(("household_id".into(), ints((0..450).map(|row| row / 3))));
    let labels = words((0..450).map(|row| if own[row / 3].1 { "bad" } else { "good" }));
    for (name, array) in &mut columns {
        if name == "creditability" {
            *array = Arc::clone(&labels);
        }
    }
    let rows = RecordBatch::try_from_iter(columns).expect("columns");
    let place = bank(&rows);
    place.edit("keys = [\"loan_id\"]", "keys = [\"loan_id\", \"household_id\"]\nentity = \"household_id\"");
    place.edit("min_count = 10", "min_count = 1");
    place.edit("auc of default >= 0.7", "auc of default >= 0.0");
    let job = place.folder.path().join("queries/credit_risk");
    for file in ["candidates.sql", "examples.sql"] {
        let text = fs::read_to_string(job.join(file)).expect("a query");
        fs::write(job.join(file), text.replacen("loan_id,", "loan_id,\n    household_id,", 1)).expect("a query");
    }
    let frame = fs::read_to_string(job.join("frame.sql")).expect("a query");
    fs::write(job.join("frame.sql"), frame.replacen("rows.loan_id,", "rows.loan_id,\n    rows.household_id,", 1)).expect("a query");
    let clean = fs::read_to_string(job.join("clean/loans.sql")).expect("a query");
    let clean = clean.replacen("    purpose,\n", "    cast(household_id as bigint) as household_id,\n    purpose,\n", 1);
    fs::write(job.join("clean/loans.sql"), clean).expect("a query");
    let run = place.night(&[]);
    let holdout = read(&run.join("holdout/holdout.parquet"));
    let (household, fold) = (numbers(&holdout, "household_id"), numbers(&holdout, "fold"));
    let mut folds: BTreeMap<i64, i64> = BTreeMap::new();
    for (household, fold) in household.iter().zip(&fold) {
        assert_eq!(*folds.entry(*household as i64).or_insert(*fold as i64), *fold as i64, "household {household} is torn apart");
    }
    let (labels, said) = (numbers(&holdout, "y_default"), numbers(&holdout, "p_default"));
    let auc = polytask::evaluate::metrics::Rows::new(&labels, &said).and_then(|rows| rows.auc()).expect("both classes");
    // 450 rows of 150 households: three standard errors of chance.
    assert!((0.36..=0.64).contains(&auc), "{auc}");
}

#[test]
fn one_thread_and_two_make_the_same_bytes() {
    let rows = loans(250, |_| false);
    let tables = |threads: &str| {
        let place = bank(&rows);
        let run = place.night(&["--threads", threads]);
        let files = ["holdout/holdout.parquet", "metrics.parquet", "importance.parquet", "scores_folds.parquet", "holdout_under.parquet"];
        let more =
            ["decisions/loan_points.parquet", "decisions/fairness.parquet", "model/model.safetensors", "model/out_of_fold/model.json"];
        files.iter().chain(&more).map(|file| (*file, fs::read(run.join(file)).expect("a file"))).collect::<Vec<_>>()
    };
    for ((file, one), (_, two)) in tables("1").into_iter().zip(tables("2")) {
        assert!(one == two, "{file} differs");
    }
}

#[test]
fn loans_are_decided_by_points_that_add_up_and_reasons_that_count_against() {
    let place = bank(&loans(400, |_| false));
    let run = place.night(&[]);
    let points = read(&run.join("decisions/loan_points.parquet"));
    let (score, base, features) = (numbers(&points, "score"), numbers(&points, "base_points"), numbers(&points, "feature_points"));
    assert_eq!(score.len(), 400);
    for row in 0..score.len() {
        assert!(near(base[row] + features[row], score[row], 1e-6));
    }
    let (one, two, three) = (numbers(&points, "points_1"), numbers(&points, "points_2"), numbers(&points, "points_3"));
    // A reason that is not told is NaN: it neither speaks for the applicant nor comes before another.
    let (for_one, before) = (|points: f64| points >= 0.0, |later: f64, earlier: f64| later < earlier);
    for row in 0..score.len() {
        let (one, two, three) = (one[row], two[row], three[row]);
        assert!(!for_one(one) && !before(two, one) && !before(three, two), "{one} {two} {three}");
    }
    // Points are the odds that are published, where calibration has no steps on top of the sigmoid.
    let steps = fs::read_to_string(run.join("model/calibration.json")).expect("calibration").contains("steps");
    let (by_points, published) = (numbers(&points, "default_probability_by_points"), numbers(&points, "default_probability"));
    let off = by_points.iter().zip(&published).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(steps || off < 1e-5, "{off}");
    // The strongest planted reason is told first of those with an overdrawn account.
    let reasons = texts(&points, "reason_1");
    let overdrawn = reasons.iter().filter(|reason| reason.contains("checking_account = ... < 0 DM")).count();
    assert!(overdrawn > 60, "{overdrawn}");

    let decided = read(&run.join("decisions/loan_decisions.parquet"));
    let (p, edge) = (numbers(&decided, "default_probability"), numbers(&decided, "break_even"));
    let (low, high) = (numbers(&decided, "lowest_opinion"), numbers(&decided, "highest_opinion"));
    let (income, loss, result) =
        (numbers(&decided, "expected_income_dm"), numbers(&decided, "expected_loss_dm"), numbers(&decided, "expected_result_dm"));
    let mut seen = BTreeMap::new();
    for (row, decision) in texts(&decided, "decision").into_iter().enumerate() {
        assert!(low[row] <= high[row] && near(income[row] - loss[row], result[row], 1e-6));
        match decision.as_str() {
            "accept" => assert!(p[row] < edge[row] && result[row] > 0.0 && high[row] <= edge[row]),
            "decline" => assert!(p[row] > edge[row] && result[row] < 0.0 && low[row] > edge[row]),
            other => assert_eq!(other, "refer"),
        }
        *seen.entry(decision).or_insert(0) += 1;
    }
    assert!(seen.len() == 3 && seen.values().all(|rows| *rows > 10), "{seen:?}");

    let rules = read(&run.join("decisions/rule_backtest.parquet"));
    let earned: BTreeMap<String, f64> = texts(&rules, "rule").into_iter().zip(numbers(&rules, "result_dm")).collect();
    assert!(
        earned["accept below break-even"] > earned["accept all"] && earned["knowing what happened"] > earned["accept below break-even"]
    );
}

#[test]
fn fairness_is_that_of_the_rows_out_of_fold() {
    let rows = loans(400, |_| false);
    let place = bank(&rows);
    let run = place.night(&[]);
    let (holdout, fair) = (read(&run.join("holdout/holdout.parquet")), read(&run.join("decisions/fairness.parquet")));
    let sex = texts(&rows, "personal_status_and_sex");
    let (p, y) = (numbers(&holdout, "p_default"), numbers(&holdout, "y_default"));
    let rate = |wanted: bool, paid_back: bool| {
        let own: Vec<usize> = (0..400).filter(|row| sex[*row].starts_with("female") == wanted && (!paid_back || y[*row] < 0.5)).collect();
        own.iter().filter(|row| p[**row] < 0.15 / 0.6).count() as f64 / own.len() as f64
    };
    let groups = texts(&fair, "group_name");
    let at = groups.iter().position(|group| group == "female").expect("a row for women");
    assert!(near(numbers(&fair, "acceptance")[at], rate(true, false), 1e-9));
    assert!(near(numbers(&fair, "parity_ratio")[at], rate(true, false) / rate(false, false), 1e-9));
    assert!(near(numbers(&fair, "opportunity_difference")[at], rate(true, true) - rate(false, true), 1e-9));
    let (low, high) = (numbers(&fair, "parity_low"), numbers(&fair, "parity_high"));
    for (row, group) in groups.iter().enumerate() {
        let reference = texts(&fair, "reference")[row] == *group;
        assert!(if reference { near(low[row], 1.0, 1e-12) } else { low[row] < high[row] }, "{group}");
    }
    let frame = read(&run.join("importance.parquet"));
    assert!(texts(&frame, "feature").iter().all(|feature| !feature.contains("sex") && !feature.contains("age")), "no feature");
}

/// Patients whose events didanosine on top of zidovudine halves, for everyone, and whose CD4 count it raises by 60.
fn patients(count: i64) -> RecordBatch {
    let mut dice = Dice::new(3);
    let rows: Vec<[f64; 8]> = (0..count).map(|_| std::array::from_fn(|_| chance(&mut dice))).collect();
    let arm = |row: &[f64; 8]| ((row[0] * 4.0) as i64).min(3);
    let start = |row: &[f64; 8]| 200.0 + 300.0 * row[1];
    let event = |row: &[f64; 8]| row[2] < (if arm(row) == 1 { 0.15 } else { 0.45 }) * (1.6 - start(row) / 600.0);
    let gone = |row: &[f64; 8]| !event(row) && row[3] < 0.1;
    let day = |row: &[f64; 8]| {
        if event(row) {
            30 + (row[4] * 600.0) as i64
        } else if gone(row) {
            300
        } else {
            900
        }
    };
    let flag = |at: usize, share: f64| ints(rows.iter().map(move |row| i64::from(row[at] < share)));
    let numbers = |of: &dyn Fn(&[f64; 8]) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(rows.iter().map(of))) };
    let cd4 = |row: &[f64; 8]| start(row) + 60.0 * f64::from(u8::from(arm(row) == 1)) + 80.0 * (row[5] - 0.5);
    batch(vec![
        ("pidnum", ints((0..count).map(|at| 10_000 + 7 * at))),
        ("age", ints(rows.iter().map(|row| 20 + (row[6] * 40.0) as i64))),
        ("wtkg", numbers(&|row| 50.0 + 40.0 * row[7])),
        ("hemo", flag(7, 0.1)),
        ("homo", flag(6, 0.6)),
        ("drugs", flag(5, 0.1)),
        ("karnof", ints(rows.iter().map(|row| 80 + 10 * (row[7] * 3.0) as i64))),
        ("oprior", flag(4, 0.05)),
        ("z30", flag(3, 0.5)),
        ("preanti", ints(rows.iter().map(|row| (row[3] * 900.0) as i64))),
        ("race", flag(2, 0.3)),
        ("gender", flag(6, 0.8)),
        ("strat", ints(rows.iter().map(|row| 1 + ((row[3] * 3.0) as i64).min(2)))),
        ("symptom", flag(7, 0.2)),
        ("cd40", ints(rows.iter().map(|row| start(row) as i64))),
        ("cd80", ints(rows.iter().map(|row| 600 + (row[5] * 500.0) as i64))),
        ("cd420", ints(rows.iter().map(|row| cd4(row) as i64))),
        ("cens", ints(rows.iter().map(|row| i64::from(event(row))))),
        ("days", ints(rows.iter().map(day))),
        ("arms", ints(rows.iter().map(arm))),
    ])
}

#[test]
fn the_arm_that_is_best_for_all_is_found_and_its_value_estimated_without_bias() {
    let rows = patients(900);
    let place = Place::new("trial_actg175", "patients.parquet", &rows);
    place.edit("challengers = [\"net\", \"forest\"]", "challengers = []");
    place.edit("folds = 10", "folds = 5");
    place.edit("t_quantile = 2.933", "t_quantile = 3.961");
    place.edit("auc of event >= 0.65", "auc of event >= 0.55");
    place.edit("[evaluate]", "[explain]\npermutation_rows = 0\nsurrogate_samples = 0\nfaithful_rows = 0\n\n[evaluate]\nresamples = 200");
    let run = place.night(&[]);

    let best = read(&run.join("decisions/best_arm.parquet"));
    let arms = texts(&best, "best_arm");
    assert_eq!(arms.len(), 900);
    let found = arms.iter().filter(|arm| *arm == "zidovudine and didanosine").count();
    assert!(found > 850, "{found}");
    let (margin, low, high) = (
        numbers(&best, "margin_over_zidovudine"),
        numbers(&best, "margin_over_zidovudine_low"),
        numbers(&best, "margin_over_zidovudine_high"),
    );
    for (row, verdict) in texts(&best, "verdict_over_zidovudine").iter().enumerate() {
        assert!(low[row] <= margin[row] && margin[row] <= high[row] && margin[row] >= 0.0);
        assert_eq!(verdict == "no evidence", low[row] <= 0.0, "{verdict} {} {}", low[row], high[row]);
    }
    let sure = texts(&best, "verdict_over_zidovudine").iter().filter(|verdict| *verdict == "zidovudine and didanosine").count();
    // Five folds leave four degrees of freedom, and the best of four arms is held against three others: not everybody is sure.
    assert!(sure > 250, "{sure}");
    // Between arms that do the same there is nothing to be sure of; the best one beats them all here.
    let over_next = numbers(&best, "margin_over_next");
    assert!(over_next.iter().all(|margin| *margin >= 0.0));

    let value = read(&run.join("decisions/policy_value.parquet"));
    let row = |outcome: &str, policy: &str, estimator: &str| {
        let (outcomes, policies, estimators) = (texts(&value, "outcome"), texts(&value, "policy"), texts(&value, "estimator"));
        let own = |at: &usize| outcomes[*at] == outcome && policies[*at] == policy && estimators[*at] == estimator;
        let at = (0..outcomes.len()).find(own).unwrap_or_else(|| panic!("{outcome} {policy} {estimator}"));
        ["value", "low", "high", "against_zidovudine_low", "against_zidovudine_high"].map(|name| numbers(&value, name)[at])
    };
    let start: f64 = numbers(&rows, "cd40").iter().sum::<f64>() / 900.0;
    for estimator in ["ipw", "doubly robust"] {
        // The truth: 60 cells more in that arm, and no more than rounding in the others.
        let [mean, low, high, ..] = row("CD4 count at week 20", "zidovudine and didanosine for all", estimator);
        assert!(low < start + 60.0 && start + 60.0 < high && near(mean, start + 60.0, 20.0), "{estimator}: {low} {mean} {high}");
        let [.., least, _] = row("event within 96 weeks", "zidovudine for all", estimator);
        assert!(near(least, 0.0, 1e-12), "nothing differs from itself");
        let [policy, _, _, _, most] = row("event within 96 weeks", "arm with the best prediction", estimator);
        assert!(most < 0.0 && policy < 0.25, "{estimator}: {policy} {most}");
    }
    let width = |estimator| {
        let [_, low, high, ..] = row("CD4 count at week 20", "arm with the best prediction", estimator);
        high - low
    };
    assert!(
        width("doubly robust") < 0.6 * width("ipw"),
        "the model explains most of the spread: {} {}",
        width("doubly robust"),
        width("ipw")
    );
    let report = fs::read_to_string(run.join("report.html")).expect("a report");
    assert!(report.contains("not medical advice"));
}

#[test]
fn frame_plan_check_and_sql_know_folds() {
    let place = bank(&loans(300, |_| false));
    assert!(place.succeeds("check", &[]).contains("are sound"));
    assert!(place.succeeds("plan", &["--as-of", NIGHT]).contains(&format!("{NIGHT} folds")));
    let out = place.folder.path().join("frame");
    place.succeeds("frame", &["--as-of", NIGHT, "--out", out.to_str().expect("a path")]);
    let frame = read(&out.join(format!("as_of={NIGHT}.parquet")));
    assert!(texts(&frame, "split").iter().all(|split| split == "folds"));
    let run = place.night(&[]);
    assert_eq!(numbers(&frame, "fold"), numbers(&read(&run.join("holdout/holdout.parquet")), "fold"));
    let said = place.succeeds("sql", &["-c", "select count(*) as same from current.holdout where fold = hash_bucket(loan_id, 5, 7)"]);
    assert!(said.contains("300"), "{said}");
    let told = place.succeeds("explain", &["--key", "loan_id=7", "--task", "default"]);
    assert!(told.contains("out of fold"), "{told}");
    // The next night compares row by row, out of fold.
    place.succeeds("run", &["--as-of", "2026-03-02"]);
    let next = fs::read_to_string(place.folder.path().join("data/credit_risk/runs/CURRENT")).expect("a run");
    let compared = read(&place.folder.path().join("data/credit_risk/runs").join(next.trim()).join("compared.parquet"));
    assert!(compared.num_rows() > 0 && numbers(&compared, "value").iter().all(|value| near(*value, 0.0, 1e-12)));
}

#[test]
fn what_makes_no_sense_with_folds_is_refused_with_its_key() {
    let rows = loans(60, |_| false);
    let check = |edits: &[(&str, &str)], expected: &str| {
        let place = bank(&rows);
        for (from, to) in edits {
            place.edit(from, to);
        }
        let (code, said) = place.refused("check", &[]);
        assert!(code == Some(2) && said.contains(expected) && said.contains("hint: "), "{expected}: {said}");
    };
    check(&[("folds = 5", "folds = 5\nevery = \"14 days\"")], "`snapshots.every`: is for kind = \"nights\"");
    check(&[("folds = 5", "folds = 2")], "`snapshots.folds`: 2 is not between 3 and 50");
    check(&[("kind = \"folds\"\n", ""), ("folds = 5", "folds = 7")], "`snapshots.folds`: is for kind = \"folds\"");
    check(&[("kind = \"folds\"", "kind = \"days\"")], "unknown variant");
    check(&[("[scenario]", "[tables.loans]\ntime = \"asked_on\"\n\n[scenario]")], "`tables.loans`: declares a time");
    check(&[("[train]", "[train]\nwarm_start = true")], "`train.warm_start`: needs nights");
    check(&[("[gates]", "[transfer]\nfallback = true\n\n[gates]")], "`transfer.fallback`: needs nights");
    let few = bank(&loans(12, |_| false));
    few.edit("folds = 5", "folds = 40");
    let (code, said) = few.refused("run", &["--as-of", NIGHT]);
    assert!(code == Some(3) && said.contains("of 40 has no row") && said.contains("12 entities"), "{said}");
}
