//! The encoder's properties: what was seen comes back, what was not is unknown, NULL is missing, and nothing depends on how
//! the rows were cut into batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::Float32Type;
use polytask::features::encode::{EncodeError, EncodeSettings, EncodedBatch, EncodedColumn, Encoder, EncoderFit, Roles};
use polytask::features::rows_file::{RowsFile, RowsWriter};
use polytask::learn::rows::{Block, Column, FieldKind, MISSING, Task, TaskKind, UNKNOWN, UNSEEN_SCENARIO};
use proptest::prelude::*;

const DAY: i32 = 20_500;

/// One row of a frame.
#[derive(Debug, Clone)]
struct Row {
    scenario: u8,
    amount: Option<f32>,
    brand: Option<u8>,
    title: Option<String>,
    look: Option<[f32; 2]>,
    label: Option<bool>,
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let amount = prop::option::weighted(0.8, prop_oneof![-1e6_f32..1e6, Just(0.0), Just(-0.0), Just(7.5)]);
    let brand = prop::option::weighted(0.8, 0_u8..12);
    let title = prop::option::weighted(0.7, "[a-cA-C ßé!-]{0,12}");
    let look = prop::option::weighted(0.6, prop::array::uniform2(-1.0_f32..1.0));
    let row = (0_u8..3, amount, brand, title, look, prop::option::weighted(0.8, any::<bool>()))
        .prop_map(|(scenario, amount, brand, title, look, label)| Row { scenario, amount, brand, title, look, label });
    prop::collection::vec(row, 1..most).prop_map(|mut rows| {
        // A column of vectors holds one at least.
        rows[0].look.get_or_insert([0.5, -0.5]);
        rows
    })
}

fn batch(rows: &[Row]) -> RecordBatch {
    let look = rows.iter().map(|row| row.look.map(|look| look.map(Some).to_vec()));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new((0..rows.len() as i64).map(|row| row / 2).collect::<Int64Array>())),
        ("place", Arc::new(rows.iter().map(|row| Some(format!("place {}", row.scenario))).collect::<StringArray>())),
        ("y_buy", Arc::new(rows.iter().map(|row| row.label.map(|label| f64::from(u8::from(label)))).collect::<Float64Array>())),
        ("amount", Arc::new(rows.iter().map(|row| row.amount).collect::<Float32Array>())),
        ("brand", Arc::new(rows.iter().map(|row| row.brand.map(|brand| format!("brand {brand}"))).collect::<StringArray>())),
        ("title", Arc::new(rows.iter().map(|row| row.title.clone()).collect::<StringArray>())),
        ("look", Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(look))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).expect("columns of one length")
}

fn roles() -> Roles {
    Roles {
        keys: vec!["user_id".into()],
        entity: "user_id".into(),
        scenario: "place".into(),
        tasks: vec![Task { name: "buy".into(), kind: TaskKind::Binary, after: None, alpha: 1.0 }],
        categorical: Vec::new(),
        text: vec!["title".into()],
        vector: Vec::new(),
        ignore: Vec::new(),
    }
}

fn settings() -> EncodeSettings {
    EncodeSettings { min_count: 3, max_entries: 8, knots: 6, text_buckets: 32, text_words: 2 }
}

/// Fits on rows that arrive in stretches of these lengths, over and over.
fn fit(rows: &[Row], lengths: &[usize]) -> Result<Encoder, EncodeError> {
    let mut fit = EncoderFit::new(roles(), settings(), Vec::new(), 7, 5);
    let mut rest = batch(rows);
    for length in lengths.iter().cycle() {
        if rest.num_rows() == 0 {
            break;
        }
        let now = (*length).clamp(1, rest.num_rows());
        fit.observe(&rest.slice(0, now))?;
        rest = rest.slice(now, rest.num_rows() - now);
    }
    fit.finish()
}

#[track_caller]
fn whole(rows: &[Row]) -> Encoder {
    fit(rows, &[rows.len()]).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn encode(encoder: &Encoder, rows: &[Row]) -> EncodedBatch {
    encoder.encode(&batch(rows), DAY).unwrap_or_else(|error| panic!("{error}"))
}

/// Place of a field in the shape.
#[track_caller]
fn at(encoder: &Encoder, field: &str) -> usize {
    encoder.shape().fields.iter().position(|known| known.name == field).expect("a field")
}

fn kind(encoder: &Encoder, field: &str) -> FieldKind {
    encoder.shape().fields[at(encoder, field)].kind.clone()
}

fn numbers<'a>(encoder: &Encoder, encoded: &'a EncodedBatch, field: &str) -> &'a [f32] {
    match &encoded.columns[at(encoder, field)] {
        EncodedColumn::Numeric(values) | EncodedColumn::Vector(values) => values,
        other => panic!("{field} is {other:?}"),
    }
}

fn entries<'a>(encoder: &Encoder, encoded: &'a EncodedBatch, field: &str) -> &'a [u32] {
    match &encoded.columns[at(encoder, field)] {
        EncodedColumn::Categorical(entries) => entries,
        other => panic!("{field} is {other:?}"),
    }
}

/// A block as bits, so that NaN equals itself.
fn bits(block: &Block<'_>) -> Vec<Vec<u64>> {
    let floats = |values: &[f32]| values.iter().map(|value| u64::from(value.to_bits())).collect::<Vec<_>>();
    let mut found = vec![block.entity.to_vec(), block.scenario.iter().map(|scenario| u64::from(*scenario)).collect()];
    for column in &block.columns {
        found.push(match column {
            Column::Numeric(values) | Column::Vector(values) => floats(values),
            Column::Categorical(entries) => entries.iter().map(|entry| u64::from(*entry)).collect(),
            Column::Text { offsets, buckets } => offsets
                .windows(2)
                .flat_map(|pair| {
                    let own = &buckets[pair[0] as usize..pair[1] as usize];
                    std::iter::once(own.len() as u64).chain(own.iter().map(|bucket| u64::from(*bucket)))
                })
                .collect(),
        });
    }
    found.extend(block.labels.iter().map(|labels| floats(labels)));
    found
}

/// The blocks joined, column by column.
fn joined(blocks: &[Block<'_>]) -> Vec<Vec<u64>> {
    let mut parts = blocks.iter().map(bits);
    let mut whole = parts.next().unwrap_or_default();
    for part in parts {
        whole.iter_mut().zip(part).for_each(|(whole, part)| whole.extend(part));
    }
    whole
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_category_comes_back_unless_it_was_rare(rows in rows(120)) {
        let encoder = whole(&rows);
        let encoded = encode(&encoder, &rows);
        let mut counts: BTreeMap<u8, u64> = BTreeMap::new();
        rows.iter().filter_map(|row| row.brand).for_each(|brand| *counts.entry(brand).or_default() += 1);
        let common = counts.values().filter(|count| **count >= settings().min_count).count();
        let FieldKind::Categorical { entries: known, share } = kind(&encoder, "brand") else { panic!("brand is a category") };
        prop_assert_eq!(known as usize, 2 + common.min(settings().max_entries as usize));
        prop_assert!((share.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        prop_assert!(share[2..].is_sorted_by(|a, b| a >= b), "the commonest first: {:?}", share);
        for (row, entry) in rows.iter().zip(entries(&encoder, &encoded, "brand")) {
            let value = encoder.value(at(&encoder, "brand"), *entry);
            match row.brand {
                None => prop_assert_eq!((*entry, value), (MISSING, None)),
                Some(brand) if *entry == UNKNOWN => {
                    // Rare, or pushed out by eight that are at least as common.
                    let more = counts.values().filter(|count| **count >= counts[&brand]).count();
                    prop_assert!(counts[&brand] < settings().min_count || more > settings().max_entries as usize);
                }
                Some(brand) => prop_assert_eq!(value.map(str::to_owned), Some(format!("brand {brand}"))),
            }
        }
        let unknown = entries(&encoder, &encoded, "brand").iter().filter(|entry| **entry == UNKNOWN).count() as u64;
        prop_assert_eq!(encoded.unknowns().rows.get("brand").copied().unwrap_or(0), unknown);
    }

    #[test]
    fn numbers_come_back_and_their_knots_ascend_from_the_least_to_the_greatest(rows in rows(120)) {
        let encoder = whole(&rows);
        let encoded = encode(&encoder, &rows);
        for (row, value) in rows.iter().zip(numbers(&encoder, &encoded, "amount")) {
            prop_assert!(row.amount.map_or(value.is_nan(), |amount| amount.to_bits() == value.to_bits()));
        }
        let FieldKind::Numeric { knots, mean, std, missing } = kind(&encoder, "amount") else { panic!("amount is a number") };
        let present: Vec<f32> = rows.iter().filter_map(|row| row.amount).collect();
        prop_assert!((missing - (rows.len() - present.len()) as f32 / rows.len() as f32).abs() < 1e-6);
        prop_assert!(!knots.is_empty() && knots.len() <= settings().knots);
        prop_assert!(knots.is_sorted_by(|a, b| a < b), "{:?}", knots);
        if !present.is_empty() {
            let least = present.iter().copied().fold(f32::INFINITY, f32::min);
            let most = present.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!((knots[0], knots[knots.len() - 1]), (least, most));
            let n = present.len() as f64;
            let average = present.iter().map(|value| f64::from(*value)).sum::<f64>() / n;
            let spread = (present.iter().map(|value| (f64::from(*value) - average).powi(2)).sum::<f64>() / n).sqrt();
            prop_assert!((f64::from(mean) - average).abs() <= 1e-6 * average.abs().max(spread).max(1.0), "{} {}", mean, average);
            prop_assert!((f64::from(std) - spread).abs() <= 1e-5 * spread.max(1.0), "{} {}", std, spread);
        }
    }

    #[test]
    fn the_fit_does_not_depend_on_the_batches(rows in rows(120), lengths in prop::collection::vec(1_usize..40, 1..6)) {
        let (one, many) = (whole(&rows), fit(&rows, &lengths).unwrap_or_else(|error| panic!("{error}")));
        let (one_shape, many_shape) = (one.shape(), many.shape());
        prop_assert_eq!(&one_shape.scenarios, &many_shape.scenarios);
        prop_assert!(one_shape.scenarios.is_sorted());
        for (a, b) in one_shape.fields.iter().zip(&many_shape.fields) {
            match (&a.kind, &b.kind) {
                (FieldKind::Numeric { knots, mean, std, .. }, FieldKind::Numeric { knots: k, mean: m, std: s, .. }) => {
                    prop_assert_eq!(knots, k);
                    // Means of parts are joined in another order.
                    prop_assert!((mean - m).abs() <= 1e-5 * mean.abs().max(*std) && (std - s).abs() <= 1e-5 * std);
                }
                (a, b) => prop_assert_eq!(a, b),
            }
        }
        prop_assert_eq!(bits(&encode(&one, &rows).block()), bits(&encode(&many, &rows).block()));
    }

    #[test]
    fn a_row_is_encoded_alike_in_any_batch(rows in rows(60), cut in 1_usize..59) {
        let encoder = whole(&rows);
        let cut = cut.min(rows.len());
        let (all, table) = (encode(&encoder, &rows), batch(&rows));
        let parts = [(0, cut), (cut, rows.len() - cut)].map(|(from, length)| encoder.encode(&table.slice(from, length), DAY).expect("rows"));
        let blocks: Vec<Block<'_>> = parts.iter().map(EncodedBatch::block).collect();
        prop_assert_eq!(bits(&all.block()), joined(&blocks));
    }

    #[test]
    fn a_saved_encoder_is_the_same_encoder(rows in rows(60)) {
        let encoder = whole(&rows);
        let read = Encoder::from_json(&encoder.to_json().expect("JSON")).expect("an encoder");
        prop_assert_eq!(&read, &encoder);
        prop_assert_eq!(bits(&encode(&read, &rows).block()), bits(&encode(&encoder, &rows).block()));
    }

    #[test]
    fn rows_come_back_from_their_file_bit_for_bit(rows in rows(60), cut in 1_usize..59) {
        let encoder = whole(&rows);
        let table = batch(&rows);
        let cut = cut.min(rows.len());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.arrow");
        let mut writer = RowsWriter::create(&path, &encoder).expect("a writer");
        for (from, length) in [(0, cut), (cut, rows.len() - cut)] {
            writer.write(&encoder.encode(&table.slice(from, length), DAY).expect("rows")).expect("written rows");
        }
        writer.finish().expect("a footer");
        let file = RowsFile::open(&path, &encoder, DAY).expect("the rows");
        prop_assert_eq!(file.rows(), rows.len());
        prop_assert!(file.blocks().iter().all(|block| block.as_of == DAY));
        prop_assert_eq!(joined(&file.blocks()), bits(&encode(&encoder, &rows).block()));
    }
}

fn row() -> Row {
    Row { scenario: 0, amount: Some(1.0), brand: Some(1), title: Some("a".into()), look: Some([0.0, 1.0]), label: Some(true) }
}

#[test]
fn what_training_did_not_see_is_unknown_and_counted() {
    let encoder = whole(&vec![row(); 5]);
    let mut strange = vec![row(); 3];
    strange[0].brand = Some(9);
    strange[1].brand = None;
    strange[2].scenario = 2;
    let encoded = encode(&encoder, &strange);
    assert_eq!(entries(&encoder, &encoded, "brand"), [UNKNOWN, MISSING, 2]);
    assert_eq!(encoded.scenario, [0, 0, UNSEEN_SCENARIO]);
    assert_eq!(encoded.unknowns().rows, BTreeMap::from([("brand".to_owned(), 1), ("scenario".to_owned(), 1)]));
}

#[test]
fn a_missing_text_has_no_words_and_a_missing_vector_no_numbers() {
    let encoder = whole(&vec![row(); 5]);
    let mut bare = row();
    (bare.title, bare.look, bare.amount) = (None, None, None);
    let encoded = encode(&encoder, &[row(), bare, row()]);
    let EncodedColumn::Text { offsets, .. } = &encoded.columns[at(&encoder, "title")] else { panic!("title is text") };
    assert_eq!(offsets, &[0, 1, 1, 2]);
    let look = numbers(&encoder, &encoded, "look");
    assert!(look[2].is_nan() && look[3].is_nan() && look[4] == 0.0);
}

#[test]
fn words_are_hashed_without_regard_to_case_and_marks() {
    let encoder = whole(&vec![row(); 5]);
    let buckets = |title: &str| {
        let encoded = encode(&encoder, &[Row { title: Some(title.into()), ..row() }]);
        let EncodedColumn::Text { buckets, .. } = encoded.columns[at(&encoder, "title")].clone() else { panic!("title is text") };
        buckets
    };
    assert_eq!(buckets("Grüner TEE, lose!"), buckets("grüner tee lose"));
    assert_eq!(buckets("grüner tee lose").len(), 3 + 2, "three words, two pairs");
    assert_ne!(buckets("tee grüner"), buckets("grüner tee"), "a pair has an order");
    assert!(buckets(" -!").is_empty());
}

#[test]
fn a_vector_may_be_missing_in_the_first_rows() {
    let mut late = vec![row(); 6];
    late[..3].iter_mut().for_each(|row| row.look = None);
    let encoder = fit(&late, &[1, 5]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(kind(&encoder, "look"), FieldKind::Vector { width: 2 });
}

#[test]
fn a_vector_that_is_missing_everywhere_is_refused() {
    let mut bare = vec![row(); 6];
    bare.iter_mut().for_each(|row| row.look = None);
    let error = fit(&bare, &[2]).expect_err("no width");
    assert!(error.to_string().contains("`look`"), "{error}");
}

#[test]
fn an_infinite_number_is_refused_by_name() {
    let mut rows = vec![row(); 5];
    rows[3].amount = Some(f32::INFINITY);
    assert!(matches!(fit(&rows, &[5]), Err(EncodeError::Infinite(column)) if column == "amount"));
    rows[3] = row();
    rows[3].look = Some([0.0, f32::NEG_INFINITY]);
    assert!(matches!(fit(&rows, &[5]), Err(EncodeError::Infinite(column)) if column == "look"));
}

#[test]
fn a_label_too_large_for_learning_is_refused() {
    let encoder = whole(&vec![row(); 5]);
    let rows = batch(&vec![row(); 2]);
    let mut columns = rows.columns().to_vec();
    columns[2] = Arc::new(Float64Array::from(vec![1.0, 1e300]));
    let rows = RecordBatch::try_new(rows.schema(), columns).expect("columns");
    assert!(matches!(encoder.encode(&rows, DAY), Err(EncodeError::Infinite(column)) if column == "y_buy"));
}

#[test]
fn many_rows_give_the_same_knots_in_any_batches() {
    // More rows than the sample of the knots holds.
    let amounts: Vec<f64> = (0..150_000_u64).map(|row| ((row * 2_654_435_761) % 1_000_003) as f64).collect();
    let knots = |length: usize| {
        let mut fit = EncoderFit::new(roles(), EncodeSettings { knots: 16, ..settings() }, Vec::new(), 7, 5);
        for part in amounts.chunks(length) {
            let columns: Vec<(&str, ArrayRef)> = vec![
                ("place", Arc::new(StringArray::from(vec!["a"; part.len()]))),
                ("title", Arc::new(StringArray::from(vec!["a"; part.len()]))),
                ("amount", Arc::new(Float64Array::from(part.to_vec()))),
            ];
            fit.observe(&RecordBatch::try_from_iter(columns).expect("columns")).expect("rows");
        }
        let encoder = fit.finish().expect("an encoder");
        let FieldKind::Numeric { knots, .. } = kind(&encoder, "amount") else { panic!("amount is a number") };
        knots
    };
    let found = knots(16_384);
    assert_eq!(found, knots(7_001));
    for (at, knot) in found.iter().enumerate() {
        let expected = 1_000_003.0 * at as f32 / 15.0;
        // A quantile of 65,536 sampled rows is known to 0.2 % of the rows; three times that.
        assert!((knot - expected).abs() < 0.006 * 1_000_003.0, "knot {at}: {knot} instead of {expected}");
    }
}
