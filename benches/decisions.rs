//! Decisions at size: a placement of 100,000 candidates in four places under 50 budgets, segments of a million users, diverse lists
//! out of a million candidates.
//!
//!     cargo bench --bench decisions -- [--candidates N] [--users N] [--rows N]
//!
//! Prints the seconds of each, the value of the placement with its bound, and how tight the segments are;
//! `benches/peers/decisions.py` solves the same instances, drawn by the same formula, with HiGHS and scikit-learn.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::Instant;

use ndarray::Array2;
use polytask::decide::DecideError;
use polytask::decide::diversify::{CONSIDERED, List, Settings, diversify};
use polytask::decide::place::{Builder, Options, place};
use polytask::decide::segments::{Range, Rows, segments};

const PLACES: usize = 4;
const BUDGETS: usize = 50;
/// Candidates of a user.
const EACH: usize = 5;
const COLUMNS: usize = 20;
const KINDS: usize = 8;

/// A number in [0, 1) of a row and a salt: splitmix64 (Steele, Lea and Flood 2014), its upper 53 bits.
fn unit(row: usize, salt: usize) -> f64 {
    let mut z = (row as u64 * 64 + salt as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The value after a word on the command line, or its default.
fn told(word: &str, default: usize) -> usize {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|own| own == word);
    at.and_then(|at| words.get(at + 1)).and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Candidates in four places: a budget each with a least use, slots of a place, three candidates of a user at most.
fn options(candidates: usize) -> Result<Options, DecideError> {
    let each = candidates as f64 / BUDGETS as f64;
    let budgets = (0..BUDGETS).map(|at| (format!("budget {at}"), Some(each * (0.1 + 0.3 * unit(at, 60))), Some(each * 0.02)));
    let slots = (0..PLACES).map(|at| (format!("place {at}"), Some((candidates as f64 * 0.04 * (1 + at) as f64).floor()), None));
    let caps = (0..candidates.div_ceil(EACH)).map(|at| (format!("user {at}"), Some(3.0), None));
    let mut builder = Builder::new(budgets.chain(slots).chain(caps))?;
    for row in 0..candidates {
        let (budget, price) = ((unit(row, 1) * BUDGETS as f64) as usize, 0.2 + 1.8 * unit(row, 2));
        let base = unit(row, 3) * unit(row, 3) * price;
        for at in 0..PLACES {
            let value = base * (0.3 + 1.4 * unit(row, 4 + at)) * (1.0 + 0.2 * at as f64);
            let names = [format!("budget {budget}"), format!("place {at}"), format!("user {}", row / EACH)];
            builder.push(value, Some(row as u32), names.iter().map(String::as_str).zip([price, 1.0, 1.0]))?;
        }
    }
    Ok(builder.build())
}

fn main() -> Result<(), DecideError> {
    let candidates = told("--candidates", 100_000);
    let begun = Instant::now();
    let instance = options(candidates)?;
    let built = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let placed = place(&instance, 7)?;
    println!(
        "place: {candidates} candidates x {PLACES} places, {} limits: {:.2} s after {built:.2} s of reading; value {:.3}, \
         bound {:.3}, gap {:.5}",
        instance.limits().len(),
        begun.elapsed().as_secs_f64(),
        placed.value,
        placed.bound,
        placed.gap()
    );

    let users = told("--users", 1_000_000);
    // Four uniform numbers make a bell around the centre of a kind.
    let bell = |row: usize, column: usize| (0..2).map(|at| unit(row, 2 * column + at)).sum::<f64>() - 1.0;
    let centre = |kind: usize, column: usize| 4.0 * unit(kind * COLUMNS + column, 61) - 2.0;
    let values = Array2::from_shape_fn((users, COLUMNS), |(row, column)| centre(row % KINDS, column) + 2.0 * bell(row, column));
    let keys = (0..users as u64).map(|row| row.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let columns = (0..COLUMNS).map(|at| format!("column {at}")).collect();
    let rows = Rows { columns, values, keys, before: Vec::new() };
    for (least, most) in [(KINDS, KINDS), (2, 12)] {
        let begun = Instant::now();
        let found = segments(&rows, Range { least, most }, 7)?;
        let width = found.distance.iter().map(|distance| distance * distance).sum::<f64>() / users as f64;
        println!(
            "segments: {users} users x {COLUMNS} columns, {least} to {most}: {:.2} s; {} segments, mean squared distance {width:.5}",
            begun.elapsed().as_secs_f64(),
            found.profiles.len()
        );
    }

    let count = told("--rows", 1_000_000);
    let (length, width) = (100, 16);
    let settings = Settings::new(10, 0.7, CONSIDERED as i64)?;
    let lists: Vec<List> = (0..count / length)
        .map(|list| {
            let row = |at: usize| list * length + at;
            List {
                values: (0..length).map(|at| unit(row(at), 1)).collect(),
                categories: (0..length).map(|at| Some((unit(row(at), 2) * 20.0) as u64)).collect(),
                embeddings: (0..length * width).map(|at| (unit(row(at / width), 3 + at % width) - 0.5) as f32).collect(),
            }
        })
        .collect();
    let begun = Instant::now();
    let picked = lists.iter().map(|list| Ok(diversify(list, settings)?.len())).sum::<Result<usize, DecideError>>()?;
    println!("diversify: {count} rows in {} lists: {:.2} s; {picked} picked", lists.len(), begun.elapsed().as_secs_f64());
    Ok(())
}
