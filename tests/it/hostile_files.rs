//! Hostile Parquet files: whatever a file says of itself, the outcome is rows or a refusal that names it; never an abort, a hang, or
//! memory without end.
//!
//! `POLYTASK_MUTATIONS=10000` tries that many mutations instead of a few hundred; `POLYTASK_PARQUET_TESTING=FOLDER` reads a copy of
//! apache/parquet-testing too. docs/operations.md has the commands.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, BinaryArray, Float64Array, Int64Array, Int64Builder, ListBuilder, RecordBatch, StringArray, StructArray,
};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use polytask::ingest::guard::{self, Look};

use crate::shop::{Dice, NIGHT, Shop, write_orders};
use crate::sources::partition;

/// Longest time that a file may take.
const SECONDS: u64 = 10;

/// How reading a file ends: rows, or why not.
fn outcome(path: &Path) -> Result<u64, String> {
    guard::inspect(path, Look::Pages)?;
    guard::read_through(path, |_| Ok(()))
}

fn write(path: &Path, batches: &[RecordBatch], properties: WriterPropertiesBuilder) {
    let file = File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batches[0].schema(), Some(properties.build())).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("rows"));
    writer.close().expect("a footer");
}

/// Numbers, words, and lists with holes.
fn rows(dice: &mut Dice) -> RecordBatch {
    let numbers: Vec<i64> = (0..700).map(|_| dice.below(50)).collect();
    let mut lists = ListBuilder::new(Int64Builder::new());
    for number in &numbers {
        (0..number % 4).for_each(|item| lists.values().append_option((item != 1).then_some(item * number)));
        lists.append(number % 7 != 0);
    }
    RecordBatch::try_from_iter([
        ("number", Arc::new(Int64Array::from(numbers.clone())) as ArrayRef),
        ("amount", Arc::new(numbers.iter().map(|n| (n % 5 > 0).then_some(*n as f64 / 3.0)).collect::<Float64Array>())),
        ("word", Arc::new(numbers.iter().map(|n| (n % 3 > 0).then(|| format!("word {n}"))).collect::<StringArray>())),
        ("list", Arc::new(lists.finish())),
    ])
    .expect("columns of one length")
}

/// The good files that are mutated: two versions of pages, with and without compression and dictionaries.
fn good(folder: &Path) -> Vec<Vec<u8>> {
    let kinds = [
        WriterProperties::builder().set_compression(Compression::SNAPPY),
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).set_dictionary_enabled(false),
        WriterProperties::builder().set_writer_version(WriterVersion::PARQUET_2_0).set_data_page_row_count_limit(100),
        WriterProperties::builder().set_compression(Compression::LZ4_RAW).set_max_row_group_row_count(Some(200)),
    ];
    let path = folder.join("good.parquet");
    let rows = rows(&mut Dice::new(3));
    let write = |kind| {
        write(&path, std::slice::from_ref(&rows), kind);
        assert_eq!(outcome(&path), Ok(700), "a good file is read");
        fs::read(&path).expect("bytes")
    };
    kinds.map(write).to_vec()
}

/// Flips bytes, cuts the end off, or inflates a length; half of the time in the footer.
fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) -> &'static str {
    let footer = u32::from_le_bytes([0, 1, 2, 3].map(|at| bytes[bytes.len() - 8 + at])) as i64 + 8;
    let place = |dice: &mut Dice, bytes: &[u8]| {
        let length = bytes.len() as i64;
        (if dice.below(2) == 0 { length - 1 - dice.below(footer) } else { dice.below(length) }) as usize
    };
    match dice.below(5) {
        0 => {
            let keep = dice.below(bytes.len() as i64) as usize;
            bytes.truncate(keep);
            "cut off"
        }
        1 => {
            // A number of many bytes where there was a small one.
            let at = place(dice, bytes);
            let end = (at + 4).min(bytes.len());
            bytes[at..end].fill(0xff);
            "inflated"
        }
        2 => {
            let at = place(dice, bytes);
            bytes.insert(at, dice.below(256) as u8);
            "shifted"
        }
        _ => {
            for _ in 0..=dice.below(8) {
                let at = place(dice, bytes);
                bytes[at] ^= 1 << dice.below(8);
            }
            "flipped"
        }
    }
}

/// Largest resident memory of this process in MB, where the system says it.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) / 1024
}

#[test]
fn a_mutated_file_is_read_or_refused() {
    let wanted = std::env::var("POLYTASK_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let folder = tempfile::tempdir().expect("a folder");
    let good = good(folder.path());
    let mut dice = Dice::new(17);
    let mut table: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut slowest = Duration::ZERO;
    for at in 0..wanted {
        let mut bytes = good[at % good.len()].clone();
        let how = mutate(&mut bytes, &mut dice);
        let path = folder.path().join("mutated.parquet");
        fs::write(&path, &bytes).expect("a file");
        let begun = Instant::now();
        let ended = match outcome(&path) {
            Ok(_) => "read",
            Err(message) if message.contains("broke down") => "refused: the reader panicked",
            Err(_) => "refused",
        };
        let taken = begun.elapsed();
        assert!(taken < Duration::from_secs(SECONDS), "mutation {at}, {how}: {taken:?}");
        slowest = slowest.max(taken);
        *table.entry((how, ended)).or_default() += 1;
    }
    for ((how, ended), count) in &table {
        println!("{how:<10} {ended:<30} {count}");
    }
    println!("{wanted} mutations, slowest {slowest:?}, peak memory of the whole test process {} MB", peak_megabytes());
    assert!(table.keys().any(|(_, ended)| *ended == "refused"));
    assert!(peak_megabytes() < 1000, "{} MB", peak_megabytes());
}

#[test]
fn the_public_corpus_of_odd_files_is_read_or_refused() {
    let Some(corpus) = std::env::var_os("POLYTASK_PARQUET_TESTING").map(PathBuf::from) else {
        println!("POLYTASK_PARQUET_TESTING names no copy of apache/parquet-testing: its files were not read");
        return;
    };
    let mut files: Vec<PathBuf> = ["data", "bad_data"]
        .iter()
        .flat_map(|part| fs::read_dir(corpus.join(part)).expect("the corpus").flatten())
        .map(|e| e.path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "parquet"));
    files.sort();
    assert!(files.len() > 50, "where is the corpus?");
    let mut ended = BTreeMap::new();
    for file in files {
        let begun = Instant::now();
        let outcome = outcome(&file);
        let taken = begun.elapsed();
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        println!(
            "{name:<60} {taken:>10.1?} {}",
            match &outcome {
                Ok(rows) => format!("{rows} rows"),
                Err(message) => message.clone(),
            }
        );
        assert!(taken < Duration::from_secs(SECONDS), "{name}: {taken:?}");
        ended.insert(name, (outcome, taken));
    }
    println!("peak memory of the test process {} MB", peak_megabytes());
    let (bomb, taken) = &ended["large_string_map.brotli.parquet"];
    assert!(bomb.as_ref().is_err_and(|message| message.contains("unpacks to")) && *taken < Duration::from_secs(1), "{bomb:?} {taken:?}");
    for corrupt in ["datapage_v1-corrupt-checksum.parquet", "rle-dict-uncompressed-corrupt-checksum.parquet"] {
        assert!(ended[corrupt].0.is_err(), "{corrupt}");
    }
    assert_eq!(ended["alltypes_plain.parquet"].0, Ok(8));
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bomb.parquet");
    let zeros: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&vec![0; 40 << 20]]));
    let rows = RecordBatch::try_from_iter([("zeros", zeros)]).expect("a column");
    let kind = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).set_dictionary_enabled(false);
    write(&path, &[rows], kind);
    assert!(fs::metadata(&path).expect("a file").len() < 100_000);
    let begun = Instant::now();
    let error = guard::inspect(&path, Look::Pages).expect_err("a bomb");
    assert!(error.contains("column `zeros` has a page of ") && error.contains("unpacks to"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[test]
fn columns_nested_without_end_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep.parquet");
    let mut array: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    for _ in 0..60 {
        array = Arc::new(StructArray::from(vec![(Arc::new(Field::new("in", array.data_type().clone(), true)), array)]));
    }
    let schema = Arc::new(Schema::new(vec![Field::new("deep", array.data_type().clone(), true)]));
    write(&path, &[RecordBatch::try_new(schema, vec![array]).expect("a column")], WriterProperties::builder());
    let error = guard::inspect(&path, Look::Pages).expect_err("a deep schema");
    assert!(error.contains("nested"), "{error}");
}

/// Makes rubbish of the pages in the middle of a file.
fn ruin(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle - 2000..middle + 2000].fill(0xab);
    fs::write(path, bytes).expect("a file");
}

/// Two files of sales in a folder; the job reads the folder.
fn two_files(shop: &Shop) {
    fs::remove_file(shop.input().join("orders.parquet")).expect("a file");
    let (first, second) = shop.orders.split_at(shop.orders.len() / 2);
    write_orders(&shop.input().join("orders/a.parquet"), first);
    write_orders(&shop.input().join("orders/b.parquet"), second);
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"orders\"");
}

#[track_caller]
fn refused(shop: &Shop, message: &str) {
    let output = shop.night(NIGHT, &[]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains(message), "no «{message}» in:\n{errors}");
    assert!(!shop.runs().join("CURRENT").exists(), "nothing is published");
}

#[test]
fn a_file_that_breaks_in_the_middle_is_named() {
    let shop = Shop::new();
    two_files(&shop);
    ruin(&shop.input().join("orders/b.parquet"));
    refused(&shop, "source `orders`: `b.parquet` cannot be read as Parquet");
}

#[cfg(unix)]
#[test]
fn links_and_names_that_are_no_text_are_refused() {
    let shop = Shop::new();
    two_files(&shop);
    let folder = shop.input().join("orders");
    std::os::unix::fs::symlink("..", folder.join("up")).expect("a link");
    refused(&shop, "source `orders`: `up` is a symbolic link");
    fs::remove_file(folder.join("up")).expect("a link");
    fs::copy(folder.join("a.parquet"), folder.join("a\u{7}.parquet")).expect("a file");
    refused(&shop, "`a\\u{7}.parquet` has a name that is no plain text");
}

#[test]
fn a_path_of_a_source_stays_below_the_input_folder() {
    let shop = Shop::new();
    for path in ["../orders.parquet", "a/../../orders.parquet"] {
        let shop = Shop::new();
        shop.edit("job.toml", "path = \"orders.parquet\"", &format!("path = \"{path}\""));
        let output = shop.night(NIGHT, &[]);
        assert_eq!(output.status.code(), Some(2), "{path}");
    }
    // An escape is no `..`: it is a name, and there is no such file.
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"%2e%2e/orders.parquet\"");
    refused(&shop, "source `orders`: there is no `");
}

#[test]
fn long_names_are_carried_or_refused() {
    let mut shop = Shop::new();
    let long: &'static str = Box::leak("p".repeat(300).into_boxed_str());
    for order in shop.orders.iter_mut().filter(|order| order.channel == "app") {
        order.channel = long;
    }
    shop.write_data();
    refused(&shop, "scenario `pppp");
    // A column may have any name: it is quoted, never pasted.
    let shop = Shop::new();
    let odd = format!("{}\"; drop table orders; --", "c".repeat(300));
    shop.edit("frame.sql", "pair.purchases, --", &format!("pair.purchases as \"{}\", --", odd.replace('"', "\"\"")));
    shop.published();
    assert!(fs::read_to_string(shop.current().join("report.json")).expect("a report").contains("drop table orders"));
}

#[test]
fn an_untrusted_source_gives_the_same_frame_and_names_what_breaks() {
    let shop = Shop::new();
    let trusted = shop.frame();
    let untrusted = Shop::new();
    untrusted.edit("job.toml", "path = \"orders.parquet\"", "path = \"orders.parquet\"\nuntrusted = true");
    assert_eq!(trusted, untrusted.frame());
    assert_eq!(trusted, untrusted.frame(), "and again from the cache");
    partition(&untrusted);
    assert_eq!(trusted, untrusted.frame(), "and with partitions");
    two_files(&shop);
    shop.edit("job.toml", "path = \"orders\"", "path = \"orders\"\nuntrusted = true");
    ruin(&shop.input().join("orders/b.parquet"));
    refused(&shop, "source `orders`: `b.parquet` cannot be read as Parquet");
}

/// Each page is within every limit; five values together are not within the child's memory.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_eats_the_memory_of_its_reader_is_an_outcome() {
    let shop = Shop::new();
    two_files(&shop);
    let zeros = vec![0; 180 << 20];
    let value =
        RecordBatch::try_from_iter([("household_id", Arc::new(BinaryArray::from_vec(vec![&zeros])) as ArrayRef)]).expect("a column");
    let kind = WriterProperties::builder().set_compression(Compression::LZ4_RAW).set_dictionary_enabled(false);
    write(
        &shop.input().join("orders/a.parquet"),
        &vec![value; 5],
        kind.set_statistics_enabled(parquet::file::properties::EnabledStatistics::None),
    );
    shop.edit("job.toml", "path = \"orders\"", "path = \"orders\"\nuntrusted = true");
    let begun = Instant::now();
    refused(&shop, "source `orders`: `a.parquet` cannot be read as Parquet: ");
    println!("refused after {:?}", begun.elapsed());
}
