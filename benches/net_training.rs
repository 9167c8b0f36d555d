//! Throughput of the network `mmoe`: training (forward, backward, update) and scoring, in three settings.
//!
//!     cargo bench --bench net_training -- [--threads N] [--rows N] [big|big-512|small|dense]
//!
//! Prints rows per second of wall time and per second of processor time, the median of five passes. The peers are in
//! `benches/peers/torch_training.py`; run both in one go on an idle machine and quote the ratio. `dense` is the dense part of `big`: the
//! same layers over 272 given columns, without embeddings. For each setting it prints the layers' products per second of processor time,
//! three times those of a row's forward pass, as a share of the multiplications and additions that one core does at most; and how much
//! memory training takes beside its rows, which `--rows` shows not to grow with them (Linux; of a setting that runs alone: a later one of
//! the same run is given what an earlier one left).
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::sync::Mutex;
use std::time::Instant;

use ndarray::Array2;
use polytask::learn::net::{Balance, NetSettings, Optimizer, ScenarioSharing, TaskSharing, TrainSettings, net};
use polytask::learn::rows::{Block, Column, Field, FieldKind, Shape, Task, TaskKind};
use polytask::learn::{Examples, Progress};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Rows of a pass, unless told.
const ROWS: usize = 1 << 18;
/// Passes that are timed, after one that is not.
const PASSES: usize = 5;

struct Setting {
    name: &'static str,
    /// Embedded fields; 0: one given vector of as many columns as those of `big` would fill.
    fields: usize,
    embedding: usize,
    experts: usize,
    layers: [usize; 2],
    batch: usize,
}

const SETTINGS: [Setting; 4] = [
    Setting { name: "big", fields: 16, embedding: 16, experts: 4, layers: [128, 64], batch: 2048 },
    Setting { name: "big-512", fields: 16, embedding: 16, experts: 4, layers: [128, 64], batch: 512 },
    Setting { name: "small", fields: 8, embedding: 8, experts: 2, layers: [64, 32], batch: 2048 },
    Setting { name: "dense", fields: 0, embedding: 16, experts: 4, layers: [128, 64], batch: 2048 },
];

/// Columns of the given vector.
const VECTOR: usize = 256;
/// Numbers beside the embedded fields, or the vector.
const NUMBERS: usize = 16;
const TASKS: usize = 3;
const TOWER: usize = 32;

impl Setting {
    /// Operations of a row's training: a multiplication and an addition for each weight of a product, forward and twice backward.
    fn operations(&self) -> f64 {
        let inputs = NUMBERS + if self.fields == 0 { VECTOR } else { self.fields * self.embedding };
        let [first, second] = self.layers;
        let experts = inputs * self.experts * (first + TASKS) + self.experts * first * second;
        let towers = TASKS * (second * TOWER + TOWER);
        6.0 * (experts + towers) as f64
    }
}

/// Multiplications and additions that one core does in a second, at most: independent fused ones in registers, the best of some tries.
fn peak() -> f64 {
    const SUMS: usize = 10;
    const ROUNDS: usize = 4_000_000;
    #[multiversion::multiversion(targets = "simd", dispatcher = "direct")]
    fn run(factor: f32, part: f32) -> f32 {
        let mut sums = [[0.5_f32; 16]; SUMS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                for sum in sum {
                    *sum = sum.mul_add(factor, part);
                }
            }
        }
        sums.iter().flatten().sum()
    }
    let once = |_| {
        let begun = Instant::now();
        std::hint::black_box(run(std::hint::black_box(0.999), std::hint::black_box(0.001)));
        (ROUNDS * SUMS * 16 * 2) as f64 / begun.elapsed().as_secs_f64()
    };
    (0..5).map(once).fold(0.0, f64::max)
}

/// Notes the time at the end of each pass.
struct Stopwatch(Mutex<Vec<(Instant, f64)>>);

impl Progress for Stopwatch {
    fn at(&self, _: &str, done: u64, total: u64) {
        if done == total {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((Instant::now(), processor_seconds()));
        }
    }
}

/// Processor time of this process so far, where the system says it (Linux).
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// A figure of this process's memory in MB, by its name in `/proc/self/status`.
fn memory(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e3
}

struct Data {
    shape: Shape,
    entity: Vec<u64>,
    scenario: Vec<u16>,
    ids: Vec<Vec<u32>>,
    vector: Vec<f32>,
    numbers: Vec<Vec<f32>>,
    labels: Vec<Vec<f32>>,
}

/// Skewed ids, normal numbers, three binary tasks.
fn data(setting: &Setting, rows: usize) -> Data {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let entries = |at: usize| (10.0 * 20_000_f64.powf(at as f64 / (setting.fields - 1) as f64)).round() as u32;
    let mut fields = Vec::new();
    let (mut ids, mut numbers) = (Vec::new(), Vec::new());
    for at in 0..setting.fields {
        let entries = entries(at);
        fields.push(Field {
            name: format!("c{at}"),
            kind: FieldKind::Categorical { entries, share: vec![1.0 / entries as f32; entries as usize] },
        });
        ids.push((0..rows).map(|_| (f64::from(entries) * random.r#gen::<f64>().powi(3)) as u32).collect());
    }
    let vector: Vec<f32> = if setting.fields == 0 { (0..rows * VECTOR).map(|_| random.r#gen::<f32>() - 0.5).collect() } else { Vec::new() };
    if setting.fields == 0 {
        fields.push(Field { name: "v".into(), kind: FieldKind::Vector { width: VECTOR as u32 } });
    }
    let knots: Vec<f32> = (-7..=7).map(|at| at as f32 / 3.5).collect();
    for at in 0..NUMBERS {
        fields.push(Field { name: format!("n{at}"), kind: FieldKind::Numeric { knots: knots.clone(), mean: 0.0, std: 1.0, missing: 0.0 } });
        numbers.push((0..rows).map(|_| (0..12).map(|_| random.r#gen::<f32>()).sum::<f32>() - 6.0).collect());
    }
    let tasks = (0..TASKS).map(|at| Task { name: format!("t{at}"), kind: TaskKind::Binary, after: None, alpha: 1.0 }).collect();
    Data {
        shape: Shape { scenarios: vec!["all".into()], tasks, fields, horizon_days: 7 },
        entity: vec![0; rows],
        scenario: vec![0; rows],
        ids,
        vector,
        numbers,
        labels: (0..TASKS).map(|_| (0..rows).map(|_| f32::from(u8::from(random.gen_bool(0.2)))).collect()).collect(),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let value = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let threads = value("--threads").map_or(Ok(2), |text| text.parse())?;
    let rows: usize = value("--rows").map_or(Ok(ROWS), |text| text.parse())?;
    let named = |name: &str| SETTINGS.iter().any(|setting| setting.name == name);
    let wanted: Vec<&String> = arguments.iter().filter(|argument| named(argument)).collect();
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let peak = peak();
    println!("threads {threads}, {rows} rows a pass, median of {PASSES} passes, a core does {:.1} GFLOP/s at most", peak / 1e9);
    for setting in SETTINGS.iter().filter(|setting| wanted.is_empty() || wanted.iter().any(|name| *name == setting.name)) {
        let data = data(setting, rows);
        let vectors = (setting.fields == 0).then_some(Column::Vector(&data.vector));
        let columns = data.ids.iter().map(|ids| Column::Categorical(ids)).chain(vectors);
        let columns = columns.chain(data.numbers.iter().map(|numbers| Column::Numeric(numbers)));
        let block = Block {
            as_of: 20_000,
            entity: &data.entity,
            scenario: &data.scenario,
            columns: columns.collect(),
            labels: data.labels.iter().map(Vec::as_slice).collect(),
            weights: vec![None; TASKS],
        };
        let form = NetSettings {
            task_sharing: vec![TaskSharing::Mmoe],
            scenario_sharing: vec![ScenarioSharing::None],
            embedding: setting.embedding,
            numeric_embedding: 1,
            experts: setting.experts,
            task_experts: 1,
            levels: 1,
            expert_layers: setting.layers.to_vec(),
            tower_layers: vec![TOWER],
            gate_width: 16,
        };
        let train = TrainSettings {
            optimizer: Optimizer::Adam,
            rate: 0.001,
            batch: setting.batch,
            epochs: PASSES + 1,
            patience: PASSES + 1,
            warmup_steps: 0,
            rate_decay: 1.0,
            weight_decay: 0.0,
            embedding_decay: 0.0,
            scenario_decay: 0.0,
            dropout: 0.0,
            id_dropout: 0.0,
            balance: Balance::Fixed,
            warm_start: false,
            invariance: 0.0,
        };
        // The system forgets the most that this process has held so far.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let held = memory("VmRSS:");
        let watch = Stopwatch(Mutex::new(Vec::new()));
        let model = net(form, train, 1)?.fit(&Examples::new(&data.shape, vec![block.clone()]), &watch)?;
        let taken = memory("VmHWM:") - held;
        let times = watch.0.into_inner()?;
        let rate = |seconds: Vec<f64>| rows as f64 / median(seconds) / 1e3;
        let wall = rate(times.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_secs_f64()).collect());
        let processor = rate(times.windows(2).map(|pair| pair[1].1 - pair[0].1).collect());
        let share = 100.0 * processor * 1e3 * setting.operations() / peak;
        println!(
            "{:8} training {wall:8.1} k rows/s, {processor:8.1} k rows per processor second, products at {share:.0} % of that, {taken:.0} MB",
            setting.name
        );
        let mut out = Array2::zeros((rows, TASKS));
        let seconds = (0..=PASSES).map(|_| {
            let begun = Instant::now();
            model.raw(&block, out.view_mut()).map(|()| begun.elapsed().as_secs_f64())
        });
        let seconds = seconds.collect::<Result<Vec<_>, _>>()?;
        println!("{:8} scoring  {:8.1} k rows/s", setting.name, rate(seconds[1..].to_vec()));
    }
    Ok(())
}
