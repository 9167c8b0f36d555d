//! Metrics as SQL aggregates over five million scored rows: seconds of `auc` by cell, and of its sisters.
//!
//! In: `--rows N` (5,000,000), `--partitions N` (2), `--figures`. Out: the median of seven runs of each query, in seconds. The same
//! rows, pandas with scikit-learn and DuckDB's sort: `benches/peers/sql_functions.py`.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a measurement speaks, and stops where it cannot")]

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, AsArray as _, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};

/// Cells of the rows: scenarios × tasks of a middling job.
const CELLS: u64 = 12;
const RUNS: usize = 7;

fn option(name: &str, default: u64) -> u64 {
    let words: Vec<String> = std::env::args().collect();
    words.iter().position(|word| word == name).map_or(default, |at| words[at + 1].parse().expect("a number"))
}

/// Between 0 and 1, the same for the same row and salt.
fn unit(row: u64, salt: u64) -> f64 {
    let mut z = (row * 16 + salt + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn rows(from: u64, to: u64) -> RecordBatch {
    let score = |row: u64| 0.3 * unit(row, 1) * (0.5 + unit(row, 2));
    let cell: Int64Array = (from..to).map(|row| Some((row % CELLS) as i64)).collect();
    let label: Float64Array = (from..to).map(|row| Some(f64::from(u8::from(unit(row, 3) < score(row))))).collect();
    let scores: Float64Array = (from..to).map(|row| Some(score(row))).collect();
    let entity: Int64Array = (from..to).map(|row| Some((row / 96) as i64)).collect();
    let columns: [(&str, ArrayRef); 4] =
        [("cell", Arc::new(cell)), ("label", Arc::new(label)), ("score", Arc::new(scores)), ("entity", Arc::new(entity))];
    RecordBatch::try_from_iter(columns).expect("columns")
}

fn main() {
    let (count, partitions) = (option("--rows", 5_000_000), option("--partitions", 2));
    let pieces: Vec<Vec<RecordBatch>> = (0..partitions)
        .map(|piece| {
            (0..count)
                .step_by(8192)
                .skip(piece as usize)
                .step_by(partitions as usize)
                .map(|from| rows(from, (from + 8192).min(count)))
                .collect()
        })
        .collect();
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions as usize));
    polytask::sql::functions::register(&context);
    let schema = pieces[0][0].schema();
    context.register_table("t", Arc::new(MemTable::try_new(schema, pieces).expect("a table"))).expect("a free name");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    println!("{count} rows, {CELLS} cells, {partitions} partitions, {} threads; median of {RUNS} runs", rayon::current_num_threads());
    for call in ["auc(label, score)", "pr_auc(label, score)", "log_loss(label, score)", "ece(label, score)", "gauc(label, score, entity)"] {
        let sql = format!("select {call} as value from t group by cell order by cell");
        let mut seconds = Vec::new();
        let mut figures = Vec::new();
        for _ in 0..RUNS {
            let begun = Instant::now();
            let found = runtime.block_on(async { context.sql(&sql).await?.collect().await }).expect("figures");
            seconds.push(begun.elapsed().as_secs_f64());
            figures = found.iter().flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().values().to_vec()).collect();
        }
        seconds.sort_by(f64::total_cmp);
        println!("{:.3} s (best {:.3})  {call} by cell", seconds[RUNS / 2], seconds[0]);
        if std::env::args().any(|word| word == "--figures") {
            println!("    {figures:?}");
        }
    }
}
