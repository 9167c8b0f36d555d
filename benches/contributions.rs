//! Contributions of a published network: rows per second, and how far they are from adding up.
//!
//!     polytask frame queries/complete_journey --as-of 2017-12-04 --out frame/
//!     cargo bench --bench contributions -- --threads 2 data/complete_journey/runs/<run>/model frame/<snapshot>.parquet
//!
//! Explains 10,000 rows of the frame for every task, three times; prints the median, and the largest gap between contributions and
//! raw output. The peer is `benches/peers/shap_contributions.py`.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use arrow::compute::concat_batches;
use ndarray::Array2;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use polytask::features::encode::Encoder;
use polytask::learn::{self, Attribution, Model, Saved};

/// Rows explained.
const ROWS: usize = 10_000;
/// Times that they are explained.
const TIMES: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let at = arguments.iter().position(|argument| argument == "--threads");
    let threads = at.map_or(Ok(2), |at| arguments.drain(at..(at + 2).min(arguments.len())).next_back().unwrap_or_default().parse())?;
    let [model, frame] = arguments.as_slice() else {
        println!("usage: cargo bench --bench contributions -- [--threads N] MODEL_FOLDER FRAME.parquet");
        return Ok(());
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let folder = Path::new(model);
    let encoder = Encoder::from_json(&fs::read(folder.join("encoder.json"))?)?;
    let saved = Saved { json: fs::read_to_string(folder.join("model.json"))?, tensors: fs::read(folder.join("model.safetensors"))? };
    let model = learn::load(&saved)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(frame)?)?;
    let all = reader.metadata().file_metadata().num_rows() as usize;
    let batches = reader.build()?.collect::<Result<Vec<_>, _>>()?;
    let schema = batches.first().ok_or("the frame is empty")?.schema();
    let rows = concat_batches(&schema, &batches)?;
    // Rows spread evenly over the frame.
    let every = (all / ROWS).max(1);
    let picked: Vec<u64> = (0..ROWS.min(all)).map(|row| (row * every) as u64).collect();
    let picked = arrow::array::UInt64Array::from(picked);
    let columns = rows.columns().iter().map(|column| arrow::compute::take(column, &picked, None)).collect::<Result<Vec<_>, _>>()?;
    let rows = arrow::array::RecordBatch::try_new(schema, columns)?;
    let encoded = encoder.encode(&rows, 17_500)?;
    let block = encoded.block();
    println!("{} rows, {} fields, {} tasks, {threads} threads", block.rows(), model.shape().fields.len(), model.shape().tasks.len());
    let mut seconds = Vec::new();
    for time in 0..TIMES {
        let begun = Instant::now();
        let found = model.attribute(&block).ok_or("this model has no contributions that add up")??;
        seconds.push(begun.elapsed().as_secs_f64());
        if time == 0 {
            let mut raw = Array2::zeros((block.rows(), model.shape().tasks.len()));
            model.raw(&block, raw.view_mut())?;
            gaps(model.as_ref(), &found, &raw);
        }
    }
    seconds.sort_by(f64::total_cmp);
    println!("median of {TIMES}: {:.2} s", seconds[TIMES / 2]);
    Ok(())
}

/// Largest gaps as shares of each raw output's spread.
fn gaps(model: &dyn Model, found: &Attribution, raw: &Array2<f32>) {
    for (task, spec) in model.shape().tasks.iter().enumerate() {
        let own = raw.column(task).mapv(f64::from);
        let spread = own.std(0.0);
        let total = |row: usize| {
            let values = found.values.index_axis(ndarray::Axis(0), row);
            f64::from(found.base[task]) + values.row(task).iter().map(|value| f64::from(*value)).sum::<f64>()
        };
        let residual = (0..own.len()).map(|row| (total(row) - own[row]).abs()).fold(0.0, f64::max);
        println!("{:18} residual / spread {:.1e}", spec.name, residual / spread);
    }
}
