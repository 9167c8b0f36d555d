//! What the sentinel finds and what it leaves in peace, on drawn rows.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::*;
use crate::learn::rows::{Column, Field, MISSING, Task, TaskKind, UNKNOWN};

const ROWS: usize = 12_000;
const LIMIT: SentinelSettings = SentinelSettings { auc_limit: 0.99 };

/// Rows of two scenarios, three rows an entity; task `buy` (binary), `spend` (mostly 0) and `rating` (signed).
struct Shop {
    rng: ChaCha8Rng,
    entity: Vec<u64>,
    scenario: Vec<u16>,
    buy: Vec<f32>,
    spend: Vec<f32>,
    rating: Vec<f32>,
    fields: Vec<Field>,
    columns: Vec<Owned>,
}

enum Owned {
    Numbers(Vec<f32>),
    Entries(Vec<u32>),
    Text(Vec<i32>, Vec<u32>),
    Vector(Vec<f32>),
}

impl Owned {
    fn lend(&self) -> Column<'_> {
        match self {
            Self::Numbers(values) => Column::Numeric(values),
            Self::Entries(values) => Column::Categorical(values),
            Self::Text(offsets, buckets) => Column::Text { offsets, buckets },
            Self::Vector(values) => Column::Vector(values),
        }
    }
}

impl Shop {
    fn new(rate: f64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let buy: Vec<f32> = (0..ROWS).map(|_| f32::from(u8::from(rng.gen_bool(rate)))).collect();
        let spend = buy.iter().map(|buy| buy * (5.0 + 20.0 * rng.r#gen::<f32>())).collect();
        let rating = (0..ROWS).map(|_| StandardNormal.sample(&mut rng)).collect();
        Self {
            entity: (0..ROWS).map(|row| row as u64 / 3).collect(),
            scenario: (0..ROWS).map(|_| rng.gen_range(0..2)).collect(),
            rng,
            buy,
            spend,
            rating,
            fields: Vec::new(),
            columns: Vec::new(),
        }
    }

    fn noise(&mut self) -> f32 {
        StandardNormal.sample(&mut self.rng)
    }

    fn numeric(&mut self, name: &str, value: impl Fn(&mut Self, usize) -> f32) -> &mut Self {
        let values: Vec<f32> = (0..ROWS).map(|row| value(self, row)).collect();
        self.columns.push(Owned::Numbers(values));
        self.field(name, FieldKind::Numeric { knots: vec![0.0], mean: 0.0, std: 1.0, missing: 0.0 })
    }

    fn categorical(&mut self, name: &str, entry: impl Fn(&mut Self, usize) -> u32) -> &mut Self {
        let values: Vec<u32> = (0..ROWS).map(|row| entry(self, row)).collect();
        let entries = values.iter().max().unwrap() + 1;
        self.columns.push(Owned::Entries(values));
        self.field(name, FieldKind::Categorical { entries, share: vec![0.0; entries as usize] })
    }

    fn field(&mut self, name: &str, kind: FieldKind) -> &mut Self {
        self.fields.push(Field { name: name.into(), kind });
        self
    }

    fn found(&self) -> Vec<Leak> {
        self.found_with(LIMIT, ROWS)
    }

    /// The rows as blocks of `block` rows.
    fn found_with(&self, settings: SentinelSettings, block: usize) -> Vec<Leak> {
        let task = |name: &str, kind| Task { name: name.into(), kind, after: None, alpha: 1.0 };
        let shape = Shape {
            scenarios: vec!["home".into(), "mail".into()],
            tasks: vec![task("buy", TaskKind::Binary), task("spend", TaskKind::ZeroInflated), task("rating", TaskKind::Regression)],
            fields: self.fields.clone(),
            horizon_days: 28,
        };
        let whole = Block {
            as_of: 0,
            entity: &self.entity,
            scenario: &self.scenario,
            columns: self.columns.iter().map(Owned::lend).collect(),
            labels: vec![&self.buy, &self.spend, &self.rating],
            weights: vec![None, None, None],
        };
        let blocks: Vec<Block<'_>> = whole.parts(block).collect();
        sentinel(&shape, &blocks, &settings)
    }
}

#[track_caller]
fn check(shop: &Shop, expected: &[(&str, &str, LeakReason, &str)]) {
    let found = shop.found();
    let told: Vec<(&str, &str, LeakReason, &str)> =
        found.iter().map(|leak| (leak.feature.as_str(), leak.task.as_str(), leak.reason, leak.scenario.as_str())).collect();
    assert_eq!(told, expected, "{found:?}");
}

#[test]
fn a_copied_label_is_found_and_named() {
    let mut shop = Shop::new(0.1);
    shop.numeric("noise", |shop, _| shop.noise())
        .numeric("bought", |shop, row| shop.buy[row])
        .numeric("kept", |shop, row| 1.0 - shop.buy[row])
        .numeric("cents", |shop, row| 100.0 * shop.spend[row] + 0.01 * shop.noise())
        .numeric("stars", |shop, row| 3.0 - 2.0 * shop.rating[row])
        .numeric("squeezed", |shop, row| (2.0 * shop.rating[row]).exp());
    let copies = ["bought", "kept"].map(|name| [(name, "buy", LeakReason::Copy, "*"), (name, "spend", LeakReason::Copy, "*")]);
    let mut expected = copies.concat();
    // As a number the amount is a copy; as a sign of buying it separates.
    expected.push(("cents", "buy", LeakReason::Separates, "*"));
    expected.push(("cents", "spend", LeakReason::Copy, "*"));
    expected.push(("stars", "rating", LeakReason::Copy, "*"));
    expected.push(("squeezed", "rating", LeakReason::Copy, "*"));
    check(&shop, &expected);
}

#[test]
fn a_column_that_is_filled_after_the_outcome_is_found() {
    let mut shop = Shop::new(0.1);
    // Refunds follow three purchases in ten; the others have none, or a 0.
    shop.numeric("refunded_at", |shop, row| if shop.buy[row] > 0.0 && row % 10 < 3 { shop.noise() } else { f32::NAN })
        .numeric("refund", |shop, row| if shop.buy[row] > 0.0 && row % 10 < 3 { 1.0 + shop.noise().abs() } else { 0.0 })
        .categorical("refund_state", |shop, row| if shop.buy[row] > 0.0 && row % 10 < 3 { 4 } else { 2 + u32::from(row % 5 == 0) });
    let expected = ["refunded_at", "refund", "refund_state"]
        .map(|name| [(name, "buy", LeakReason::OnlyPositives, "*"), (name, "spend", LeakReason::OnlyPositives, "*")]);
    check(&shop, &expected.concat());
}

#[test]
fn an_id_of_the_outcome_is_found_though_it_is_too_rare_for_entries_of_its_own() {
    let mut shop = Shop::new(0.1);
    shop.categorical("order_id", |shop, row| if shop.buy[row] > 0.0 { UNKNOWN } else { MISSING })
        .categorical("basket_id", |shop, row| if shop.buy[row] > 0.0 { 3 + row as u32 / 3 } else { 2 })
        .numeric("receipt", |shop, row| if shop.buy[row] > 0.0 { row as f32 } else { f32::NAN });
    let found = shop.found();
    let reason = |feature: &str, task: &str| {
        let mut own = found.iter().filter(|leak| leak.feature == feature && leak.task == task && leak.scenario == "*");
        own.next().map(|leak| leak.reason)
    };
    for task in ["buy", "spend"] {
        assert_eq!(reason("order_id", task), Some(LeakReason::OutcomeId), "{found:?}");
        assert_eq!(reason("basket_id", task), Some(LeakReason::OutcomeId), "{found:?}");
        assert_eq!(reason("receipt", task), Some(LeakReason::OnlyPositives), "{found:?}");
    }
}

#[test]
fn texts_and_vectors_are_looked_at_by_word_and_by_number() {
    let mut shop = Shop::new(0.1);
    let (mut offsets, mut buckets) = (vec![0], Vec::new());
    for row in 0..ROWS {
        buckets.extend((0..4).map(|_| shop.rng.gen_range(0..60_u32)));
        // "Thank you for your order."
        if shop.buy[row] > 0.0 {
            buckets.push(61);
        }
        offsets.push(buckets.len() as i32);
    }
    let plain: Vec<u32> = buckets.iter().map(|bucket| bucket % 60).collect();
    shop.columns.push(Owned::Text(offsets.clone(), buckets));
    shop.field("message", FieldKind::Text { buckets: 64 });
    shop.columns.push(Owned::Text(offsets, plain));
    shop.field("title", FieldKind::Text { buckets: 64 });
    let vector: Vec<f32> = (0..ROWS).flat_map(|row| [shop.noise(), shop.noise() * 0.1 + 9.0 * shop.buy[row], shop.noise()]).collect();
    shop.columns.push(Owned::Vector(vector));
    shop.field("image", FieldKind::Vector { width: 3 });
    let only = LeakReason::OnlyPositives;
    let separates = LeakReason::Separates;
    check(
        &shop,
        &[
            ("message", "buy", only, "*"),
            ("message", "spend", only, "*"),
            ("image[1]", "buy", separates, "*"),
            ("image[1]", "spend", separates, "*"),
        ],
    );
}

#[test]
fn a_leak_in_one_scenario_is_named_there() {
    let mut shop = Shop::new(0.1);
    shop.numeric("late", |shop, row| if shop.scenario[row] == 1 { 5.0 * shop.buy[row] + 0.1 * shop.noise() } else { shop.noise() });
    check(&shop, &[("late", "buy", LeakReason::Separates, "mail"), ("late", "spend", LeakReason::Separates, "mail")]);
}

/// Features as good as honest ones get (AUC 0.9), ids of many values, constants, and columns with nothing in them.
fn honest(shop: &mut Shop) {
    // Φ(1.81 / √2) = 0.9.
    shop.numeric("strong", |shop, row| shop.noise() + 1.81 * shop.buy[row])
        .numeric("strong_or_missing", |shop, row| if row % 3 == 0 { f32::NAN } else { shop.noise() + 1.81 * shop.buy[row] })
        .numeric("half_of_them", |shop, row| if shop.rng.gen_bool(0.05 + 0.6 * f64::from(shop.buy[row])) { 1.0 } else { f32::NAN })
        .numeric("past_spend", |shop, row| shop.noise().exp() + shop.spend[row] * shop.noise().abs())
        .numeric("whale", |shop, row| if row == 77 { 1e9 } else { shop.noise() })
        .numeric("rated", |shop, row| shop.rating[row] + 0.3 * shop.noise())
        .numeric("constant", |_, _| 3.0)
        .numeric("zero", |_, _| 0.0)
        .numeric("nothing", |_, _| f32::NAN)
        .numeric("row_number", |_, row| row as f32)
        .categorical("customer", |_, row| 2 + row as u32 / 3)
        .categorical("random_id", |shop, _| shop.rng.gen_range(0..9_000))
        .categorical("rare_id", |shop, _| if shop.rng.gen_bool(0.5) { UNKNOWN } else { MISSING })
        .categorical("no_entry", |_, _| MISSING)
        .categorical("unknown", |_, _| UNKNOWN)
        .categorical("product", |shop, row| {
            let best = shop.rng.gen_bool(if shop.buy[row] > 0.0 { 0.8 } else { 0.15 });
            if best { shop.rng.gen_range(2..40) } else { shop.rng.gen_range(40..400) }
        });
}

#[test]
fn honest_features_are_left_in_peace_whatever_the_rate_of_positives() {
    for rate in [0.5, 0.1, 0.005, 0.0005] {
        let mut shop = Shop::new(rate);
        // A label with one huge amount.
        shop.spend[77] = 5e8;
        shop.rating[77] = 1e9;
        honest(&mut shop);
        check(&shop, &[]);
    }
}

#[test]
fn a_difference_between_scenarios_is_not_a_leak() {
    let mut shop = Shop::new(0.5);
    // The outcome exists in one small scenario only, and so does the feature.
    for row in 0..ROWS {
        shop.scenario[row] = u16::from(row % 50 == 0);
        if shop.scenario[row] == 0 {
            shop.buy[row] = 0.0;
            shop.spend[row] = 0.0;
        }
    }
    shop.numeric("of_mail", |shop, row| if shop.scenario[row] == 1 { shop.noise() } else { f32::NAN });
    check(&shop, &[]);
}

#[test]
fn how_rows_are_cut_into_blocks_does_not_matter_and_the_limit_is_the_jobs() {
    let mut shop = Shop::new(0.1);
    honest(&mut shop);
    shop.numeric("late", |shop, row| 5.0 * shop.buy[row] + shop.noise());
    assert_eq!(shop.found(), shop.found_with(LIMIT, 701));
    assert!(shop.found().iter().all(|leak| leak.feature == "late"));
    assert!(shop.found_with(SentinelSettings { auc_limit: 1.0 }, ROWS).is_empty());
    assert!(shop.found_with(SentinelSettings { auc_limit: 0.85 }, ROWS).iter().any(|leak| leak.feature == "strong"));
}

#[test]
fn a_sample_takes_entities_whole_and_at_most_as_many_rows_as_it_may() {
    let mut shop = Shop::new(0.1);
    shop.numeric("noise", |shop, _| shop.noise());
    let shape = Shape { scenarios: vec![], tasks: vec![], fields: vec![], horizon_days: 1 };
    let block = |entity| Block { as_of: 0, entity, scenario: &shop.scenario, columns: vec![], labels: vec![&shop.buy], weights: vec![] };
    let blocks = [block(&shop.entity)];
    let sample = Sample::of(&shape, &blocks, 1_500);
    assert!((1_400..=1_500).contains(&sample.rows()), "{}", sample.rows());
    assert!(sample.entity.chunk_by(|a, b| a == b).all(|rows| rows.len() == 3));
    let one = vec![5; ROWS];
    let blocks = [block(&one)];
    assert_eq!(Sample::of(&shape, &blocks, 1_500).rows(), 1_500);
}
