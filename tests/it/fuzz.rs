//! Inputs that are mutated at random: `job.toml`, query files, saved models. Whatever they hold, the outcome is a value or an error; a
//! panic, an abort, ten seconds, or memory without end is a finding.
//!
//! `POLYTASK_FUZZ_SECONDS=600` goes on for that long on each target instead of a fixed number of inputs, `POLYTASK_FUZZ_SEED` begins
//! elsewhere. The mutations do not see which code they reach, as a coverage-guided fuzzer does: what they know of the formats (tokens,
//! JSON trees, digests that are made right again) stands in for it. Seeds are the jobs of this repository, fitted models, and
//! `tests/corpus/`, where every finding is kept. The input at work lies in the temporary folder as `polytask-fuzz-<target>-<part>`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ndarray::Array2;
use polytask::ingest::Graph;
use polytask::job::{Job, queries};
use polytask::learn::net::{ScenarioSharing, TaskSharing};
use polytask::learn::rows::{Block, Column, FieldKind, Shape, UNSEEN_SCENARIO};
use polytask::learn::{self, Examples, ForestSettings, LinearSettings, NetSettings, Progress, Saved, TrainSettings};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::learn_rows::{Day, shape};
use crate::shop::{Dice, Shop};

/// Inputs of each target where no time is asked for.
const INPUTS: u64 = 1500;
/// Longest time that an input may take.
const SECONDS: u64 = 10;

/// Runs a target on what `next` makes, until the inputs or the time are used up.
fn fuzz(target: &str, next: impl Fn(&mut Dice) -> Vec<Vec<u8>>, run: impl Fn(&[Vec<u8>]) -> bool) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let time = number("POLYTASK_FUZZ_SECONDS").map(Duration::from_secs);
    let mut dice = Dice::new(number("POLYTASK_FUZZ_SEED").unwrap_or(1));
    let (begun, mut inputs, mut taken, mut slowest) = (Instant::now(), 0, 0, Duration::ZERO);
    while time.map_or(inputs < INPUTS, |time| begun.elapsed() < time) {
        let parts = next(&mut dice);
        for (at, part) in parts.iter().enumerate() {
            fs::write(std::env::temp_dir().join(format!("polytask-fuzz-{target}-{at}-{}", std::process::id())), part).expect("a file");
        }
        let started = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| run(&parts)));
        let lasted = started.elapsed();
        let Ok(accepted) = ended else { panic!("{target}: input {inputs} made it panic; it lies in the temporary folder") };
        assert!(lasted < Duration::from_secs(SECONDS), "{target}: input {inputs} took {lasted:?}");
        (inputs, taken, slowest) = (inputs + 1, taken + u64::from(accepted), slowest.max(lasted));
    }
    println!("{target}: {inputs} inputs in {:.0?}, {taken} accepted, slowest {slowest:.1?}", begun.elapsed());
    assert!(inputs < INPUTS || (0 < taken && taken < inputs), "{target}: all or none of {inputs} were accepted");
}

fn one<'a, T>(dice: &mut Dice, of: &'a [T]) -> &'a T {
    &of[dice.below(of.len() as i64) as usize]
}

/// Texts of the repository and of the corpus, by the end of their names.
fn seeds(corpus: &str, end: &str) -> Vec<Vec<u8>> {
    fn walk(folder: &Path, end: &str, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                walk(&entry.path(), end, into);
            } else if entry.path().to_string_lossy().ends_with(end) {
                into.push(entry.path());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    walk(&root.join("queries"), end, &mut files);
    walk(&root.join("tests/corpus").join(corpus), end, &mut files);
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a seed")).collect()
}

/// Numbers and texts at the edges of what a format can say.
const ODD: [&str; 22] = [
    "0",
    "-1",
    "1",
    "18446744073709551615",
    "-9223372036854775808",
    "4294967296",
    "1e308",
    "-1e-320",
    "nan",
    "inf",
    "0x7fffffff",
    "\"\"",
    "\"..\"",
    "\"%2e%2e/\"",
    "\"\\u0000\"",
    "\"𝔸\u{202e}\"",
    "[]",
    "{}",
    "[[[[[[[[[[]]]]]]]]]]",
    "true",
    "1979-05-27T07:32:00Z",
    "'''\n'''",
];

/// Some changes of a text: bytes, stretches, lines, tokens, a piece of another text.
fn mutate(text: &[u8], others: &[Vec<u8>], tokens: &[&str], dice: &mut Dice) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=dice.below(4) {
        let length = text.len() as i64;
        let at = dice.below(length + 1) as usize;
        let end = (at + 1 + dice.below(40) as usize).min(text.len());
        match dice.below(9) {
            0 if at < text.len() => text[at] ^= 1 << dice.below(8),
            1 => drop(text.drain(at.min(end)..end)),
            2 => {
                let again: Vec<u8> = text[at.min(end)..end].to_vec();
                let times = 1 << dice.below(10);
                (0..=dice.below(times)).for_each(|_| drop(text.splice(at..at, again.iter().copied())));
            }
            3 => drop(text.splice(at..at, one(dice, tokens).bytes())),
            4 => drop(text.splice(at..end.max(at), one(dice, &ODD).bytes())),
            5 => value(&mut text, dice),
            6 => {
                let other = one(dice, others);
                let from = dice.below(other.len() as i64 + 1) as usize;
                let to = (from + dice.below(200) as usize).min(other.len());
                drop(text.splice(at..at, other[from..to].iter().copied()));
            }
            7 => {
                let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
                let (a, b) = (dice.below(lines.len() as i64) as usize, dice.below(lines.len() as i64) as usize);
                lines.swap(a, b);
                text = lines.join(&b'\n');
            }
            _ => text.truncate(if dice.below(8) == 0 { at } else { text.len() }),
        }
        text.truncate(1 << 18);
    }
    text
}

/// Replaces what stands behind a `=` by something odd: the text stays TOML.
fn value(text: &mut Vec<u8>, dice: &mut Dice) {
    let places: Vec<usize> = (0..text.len()).filter(|at| text[*at] == b'=').collect();
    if places.is_empty() {
        return;
    }
    let from = one(dice, &places) + 1;
    let to = text[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |length| from + length);
    drop(text.splice(from..to, one(dice, &ODD).bytes()));
}

/// Whether a job folder is one that a night would run.
fn sound(folder: &Path) -> bool {
    Job::load(folder).is_ok_and(|job| Graph::new(&job).is_ok())
}

#[test]
fn any_job_toml_is_a_job_or_an_error() {
    let shop = Shop::new();
    let mut seeds = seeds("job_toml", ".toml");
    seeds.push(fs::read(shop.job().join("job.toml")).expect("job.toml"));
    seeds.push(polytask::job::DEFAULTS.into());
    let tokens = [
        "[job]\n",
        "[sources.a]\npath = \"a\"\n",
        "[tasks.b]\nkind = \"binary\"\n",
        "\"14 days\"",
        "keep = ",
        "path = \"s3://",
        "after = \"",
        "timezone = \"",
        "require = [\"auc of ",
        "every scenario >= ",
        "kind = \"zero-inflated\"\n",
        "partitions = { day = \"date\" }\n",
        "[params]\n",
        "[[",
        "]]",
        ".",
        "\"",
    ];
    let next = |dice: &mut Dice| vec![mutate(one::<Vec<u8>>(dice, &seeds), &seeds, &tokens, dice)];
    fuzz("job_toml", next, |parts| {
        fs::write(shop.job().join("job.toml"), &parts[0]).expect("a writable job");
        sound(&shop.job())
    });
}

#[test]
fn any_query_is_a_query_or_an_error() {
    let shop = Shop::new();
    let mut seeds = seeds("queries", ".sql");
    seeds.push(fs::read(shop.job().join("features/pair.sql")).expect("a query"));
    let tokens = [
        "--",
        "-- ",
        "/*",
        "*/",
        "$as_of",
        "$",
        "raw.",
        "outcome.orders",
        "from ",
        "with a as (",
        "select * from ",
        "(((((((((",
        "case when ",
        "interval '1 day'",
        " over (partition by ",
        "union all ",
        "'",
        "\"",
        ";",
        ", -- ",
        "\u{2028}",
        "\r",
        "lateral ",
        "unnest(",
        "$$",
        "e'\\x",
        "not not not ",
    ];
    let next = |dice: &mut Dice| vec![mutate(one::<Vec<u8>>(dice, &seeds), &seeds, &tokens, dice)];
    fuzz("queries", next, |parts| {
        fs::write(shop.job().join("features/pair.sql"), &parts[0]).expect("a writable job");
        drop(queries::definitions(&String::from_utf8_lossy(&parts[0])));
        sound(&shop.job())
    });
}

struct Quiet;

impl Progress for Quiet {
    fn at(&self, _: &str, _: u64, _: u64) {}
}

fn settings<T: serde::de::DeserializeOwned>(section: &str) -> T {
    let defaults: toml::Table = toml::from_str(polytask::job::DEFAULTS).expect("the defaults");
    defaults[section].clone().try_into().expect("settings")
}

/// A small model of each kind.
fn models() -> Vec<Saved> {
    let days = [Day::new(100, 150), Day::new(107, 150)];
    let shape = shape(&days);
    let linear = || LinearSettings { penalties: vec![0.01], max_columns: 40, ..settings("linear") };
    let forest = ForestSettings { trees: 2, depths: vec![2], ..settings("forest") };
    let net = |task_sharing, scenario_sharing| NetSettings {
        task_sharing: vec![task_sharing],
        scenario_sharing: vec![scenario_sharing],
        embedding: 2,
        numeric_embedding: 1,
        experts: 2,
        expert_layers: vec![3],
        tower_layers: vec![2],
        gate_width: 2,
        ..settings("net")
    };
    let train = || TrainSettings { epochs: 1, batch: 64, ..settings("train") };
    let learners = [
        learn::linear(linear(), 7),
        learn::forest(forest, linear(), 7),
        learn::net(net(TaskSharing::Mmoe, ScenarioSharing::Star), train(), 7),
        learn::net(net(TaskSharing::Ple, ScenarioSharing::Pepnet), train(), 7),
    ];
    let fit = |learner: Result<Box<dyn learn::Learner>, _>| {
        let learner = learner.expect("a learner");
        learner.fit(&Examples::new(&shape, days.iter().map(Day::block).collect()), &Quiet).expect("a model").save()
    };
    learners.map(fit).into()
}

/// Changes somewhere in a JSON tree.
fn mutate_json(value: &mut Value, dice: &mut Dice) {
    const ODD_JSON: [&str; 17] = [
        "0",
        "1",
        "-1",
        "3",
        "255",
        "4096",
        "65536",
        "4294967295",
        "18446744073709551615",
        "1e38",
        "-1e308",
        "null",
        "\"\"",
        "\"net\"",
        "[]",
        "{}",
        "true",
    ];
    let children = match value {
        Value::Object(map) => map.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if children == 0 || dice.below(5) == 0 {
        *value = serde_json::from_str(one::<&str>(dice, &ODD_JSON)).expect("JSON");
        return;
    }
    let at = dice.below(children as i64) as usize;
    let how = dice.below(30);
    match value {
        Value::Object(map) => {
            let name = map.keys().nth(at).cloned().expect("a key");
            if how == 0 {
                map.shift_remove(&name);
            } else if let Some(child) = map.get_mut(&name) {
                mutate_json(child, dice);
            }
        }
        Value::Array(items) => match how {
            0..=2 => drop(items.remove(at)),
            3..=5 => {
                let (again, times) = (items[at].clone(), 1 << dice.below(12));
                (0..=dice.below(times)).for_each(|_| items.push(again.clone()));
            }
            _ => mutate_json(&mut items[at], dice),
        },
        _ => {}
    }
}

/// A model whose JSON or weights are changed; mostly with the digest that belongs to its weights.
fn damaged(seeds: &[Saved], dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut saved = one(dice, seeds).clone();
    let tensors: Vec<Vec<u8>> = seeds.iter().map(|saved| saved.tensors.clone()).collect();
    let kind = dice.below(4);
    if kind != 0 {
        let mut json: Value = serde_json::from_str(&saved.json).expect("a seed");
        (0..=dice.below(3)).for_each(|_| mutate_json(&mut json, dice));
        saved.json = json.to_string();
    }
    if kind < 2 {
        saved.tensors = mutate(&saved.tensors, &tensors, &["F32", "\"shape\":[", "data_offsets", "9999999999", ",", "]"], dice);
    }
    if dice.below(10) > 0
        && let Ok(Value::Object(mut head)) = serde_json::from_str(&saved.json)
    {
        let hex = |digest: String, byte: &u8| digest + &format!("{byte:02x}");
        let digest = Sha256::digest(&saved.tensors).iter().fold(String::new(), hex);
        head.insert("tensors".into(), digest.into());
        saved.json = Value::Object(head).to_string();
    }
    if dice.below(20) == 0 {
        saved.json = String::from_utf8_lossy(&mutate(saved.json.as_bytes(), &tensors, &["{", "[", "\"", "1e999"], dice)).into_owned();
    }
    vec![saved.json.into_bytes(), saved.tensors]
}

/// Lets a model predict two rows that fit its shape.
fn predict(model: &dyn learn::Model) {
    let shape: &Shape = model.shape();
    let wide = shape.fields.iter().any(|field| matches!(field.kind, FieldKind::Vector { width } if width > 1 << 16));
    if wide || shape.fields.len() > 10_000 {
        return;
    }
    let (zeros, entries) = (vec![0.0; 2 << 16], [0, 1]);
    let columns = shape.fields.iter().map(|field| match &field.kind {
        FieldKind::Numeric { .. } => Column::Numeric(&zeros[..2]),
        FieldKind::Categorical { .. } => Column::Categorical(&entries),
        FieldKind::Text { .. } => Column::Text { offsets: &[0, 1, 1], buckets: &entries[..1] },
        FieldKind::Vector { width } => Column::Vector(&zeros[..2 * *width as usize]),
    });
    let block =
        Block { as_of: 100, entity: &[1, 2], scenario: &[0, UNSEEN_SCENARIO], columns: columns.collect(), labels: vec![], weights: vec![] };
    let mut out = Array2::zeros((2, shape.tasks.len()));
    drop(model.raw(&block, out.view_mut()));
    drop(model.attribute(&block));
}

#[test]
fn any_saved_model_is_a_model_or_an_error() {
    let seeds = models();
    for saved in &seeds {
        predict(learn::load(saved).expect("a model").as_ref());
    }
    fuzz(
        "models",
        |dice| damaged(&seeds, dice),
        |parts| {
            let json = String::from_utf8_lossy(&parts[0]).into_owned();
            let loaded = learn::load(&Saved { json, tensors: parts[1].clone() });
            loaded.as_ref().is_ok_and(|model| {
                predict(model.as_ref());
                true
            })
        },
    );
}
