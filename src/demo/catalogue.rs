//! Products: title, category, brand, price, rating, embedding, and the plan of promotions.
//!
//! In: the seed and their number. Out: [`Product`]s, the [`Shelf`] of a week, the discounts of a week. Who is shown what is
//! `week`'s.

use rand::Rng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::people::{WIDTH, unit};
use super::world::{Purpose, WEEKS, dice};

/// Categories with the effect of each, and the two things that are sold in it.
pub(super) const CATEGORIES: [(&str, f64, [&str; 2]); 12] = [
    ("kitchen", 0.9, ["stove", "pan"]),
    ("garden", -0.3, ["hose", "pruner"]),
    ("books", -1.5, ["novel", "atlas"]),
    ("toys", -0.8, ["doll", "kite"]),
    ("tools", 0.4, ["hammer", "drill"]),
    ("lighting", 0.1, ["lamp", "candle"]),
    ("pets", -0.6, ["leash", "feeder"]),
    ("drinks", -1.2, ["coffee", "tea"]),
    ("outdoor", 0.7, ["tent", "rucksack"]),
    ("sports", 0.2, ["racket", "ball"]),
    ("electronics", 1.8, ["camera", "tablet"]),
    ("furniture", 1.3, ["shelf", "desk"]),
];
/// Brands; what each is worth is drawn.
pub(super) const BRANDS: [&str; 16] = [
    "Alderwick",
    "Brisk",
    "Calloway",
    "Dunmore",
    "Evergreen",
    "Fjordline",
    "Grantham",
    "Hearth",
    "Ivory",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Marlowe",
    "Northgate",
    "Oakhurst",
    "Pinnacle",
];
/// Words of a title with what each adds. No two of them share one of the 64 slots into which the linear learner hashes.
const QUALITIES: [(&str, f64); 13] = [
    ("organic", 1.3),
    ("handmade", 1.1),
    ("premium", 0.8),
    ("elegant", 0.6),
    ("smart", 0.5),
    ("classic", 0.3),
    ("portable", 0.1),
    ("quiet", 0.0),
    ("simple", -0.3),
    ("plain", -0.6),
    ("basic", -0.8),
    ("budget", -1.2),
    ("bulky", -1.6),
];
const MATERIALS: [(&str, f64); 8] =
    [("oak", 0.7), ("bamboo", 0.6), ("wool", 0.3), ("steel", 0.2), ("copper", 0.1), ("glass", -0.2), ("cotton", -0.4), ("plastic", -1.2)];
/// Standard deviation of the log of prices within a category.
pub(super) const PRICE_SPREAD: f64 = 0.45;

/// Slots of a page.
pub(super) const LAST_SLOT: f64 = 12.0;

/// A product.
#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) title: String,
    pub(super) category: u8,
    pub(super) brand: u8,
    pub(super) price: f64,
    /// Share of the price that is left after its cost.
    pub(super) margin: f64,
    pub(super) stock: i32,
    /// Mean review; not every product has one.
    pub(super) rating: Option<f64>,
    /// Day of the world; negative for most.
    pub(super) listed: i32,
    /// Of length 1.
    pub(super) embedding: [f32; WIDTH],
    /// What the words of the title add.
    pub(super) words: f64,
    /// Log of the price, against its category's middle.
    pub(super) price_level: f64,
    /// How often it is shown against others.
    popularity: f64,
    /// Slot around which each scenario shows it.
    pub(super) slot: [f64; 4],
}

/// What is drawn once for all: the worth of brands, and of directions of the embedding.
#[derive(Debug, Clone)]
pub(super) struct Patterns {
    pub(super) brands: [f64; BRANDS.len()],
    pub(super) style: [f64; WIDTH],
}

impl Patterns {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = dice(seed, Purpose::Patterns, 0, 0);
        // The same sixteen values for every seed, in another order: the spread of the brands is no matter of luck.
        let mut brands: [f64; BRANDS.len()] = std::array::from_fn(|at| (at as f64 - 7.5) / 4.6);
        brands.shuffle(&mut dice);
        // A number of a random direction has the standard deviation 1/√width.
        let style = unit(&mut dice).map(|number| f64::from(number) * (WIDTH as f64).sqrt());
        Self { brands, style }
    }
}

/// All products; the first has the id 1.
pub(super) fn products(seed: u64, count: usize) -> Vec<Product> {
    let mut products: Vec<Product> = (0..count).map(|at| product(at, &mut dice(seed, Purpose::Products, 0, at))).collect();
    centre_prices(&mut products);
    products
}

/// Price levels are about the mean of the category, as the frame has them.
fn centre_prices(products: &mut [Product]) {
    let mut sums = [(0.0, 0.0); CATEGORIES.len()];
    for product in products.iter() {
        let sum = &mut sums[product.category as usize];
        *sum = (sum.0 + product.price.ln(), sum.1 + 1.0);
    }
    for product in products {
        let (sum, count) = sums[product.category as usize];
        product.price_level = product.price.ln() - sum / count;
    }
}

fn product(at: usize, dice: &mut ChaCha8Rng) -> Product {
    let normal = |dice: &mut ChaCha8Rng| -> f64 { dice.sample(StandardNormal) };
    // Every category has its share; within it all is drawn.
    let category = at % CATEGORIES.len();
    let (_, worth, things) = CATEGORIES[category];
    let first = dice.gen_range(0..QUALITIES.len());
    let second = (first + dice.gen_range(1..QUALITIES.len())) % QUALITIES.len();
    let material = dice.gen_range(0..MATERIALS.len());
    let words = [QUALITIES[first], QUALITIES[second], MATERIALS[material]];
    // Categories differ in price as they differ in worth, so that amounts follow prices.
    let price = (3.2 + 0.28 * worth + PRICE_SPREAD * normal(dice)).exp();
    let rating = (3.9 + 0.5 * normal(dice)).clamp(1.0, 5.0);
    Product {
        title: format!("{} {} {} {}", words[0].0, words[1].0, words[2].0, things[dice.gen_range(0..2)]),
        category: category as u8,
        brand: dice.gen_range(0..BRANDS.len() as u8),
        price: cents(price).max(1.0),
        margin: cents(dice.gen_range(0.08..0.45)),
        stock: if dice.gen_bool(0.05) { 0 } else { (3.0 + normal(dice)).exp() as i32 },
        rating: (!dice.gen_bool(0.03)).then(|| (rating * 10.0).round() / 10.0),
        // The first products of each category were there before.
        listed: if dice.gen_bool(0.08) && at >= 2 * CATEGORIES.len() {
            dice.gen_range(0..7 * WEEKS as i32)
        } else {
            -((5.5 + 0.7 * normal(dice)).exp() as i32).clamp(1, 2000)
        },
        embedding: unit(dice),
        words: words.iter().map(|(_, worth)| worth).sum(),
        price_level: 0.0,
        popularity: (0.8 * normal(dice)).exp(),
        slot: std::array::from_fn(|_| (6.5 + 2.2 * normal(dice)).clamp(1.0, LAST_SLOT)),
    }
}

/// Rounded to hundredths.
pub(super) fn cents(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Discounts of a week as a share of the price, one per product; one product in five is in the promotion.
pub(super) fn discounts(seed: u64, week: usize, products: usize) -> Vec<f64> {
    let mut dice = dice(seed, Purpose::Promotions, week, 0);
    (0..products).map(|_| if dice.gen_bool(0.2) { f64::from(dice.gen_range(1..=4_u8)) / 10.0 } else { 0.0 }).collect()
}

/// The products that are on sale in a week, by category, ready to be drawn by popularity.
pub(super) struct Shelf {
    /// Running sums of popularity with the product's index.
    by_category: Vec<Vec<(f64, u32)>>,
}

impl Shelf {
    /// The products listed before `day`.
    pub(super) fn new(products: &[Product], day: i32) -> Self {
        let mut by_category: Vec<Vec<(f64, u32)>> = vec![Vec::new(); CATEGORIES.len()];
        for (at, product) in products.iter().enumerate().filter(|(_, product)| product.listed < day) {
            let own = &mut by_category[product.category as usize];
            let before = own.last().map_or(0.0, |(sum, _)| *sum);
            own.push((before + product.popularity, at as u32));
        }
        Self { by_category }
    }

    /// Draws a product of a category; every category has some.
    pub(super) fn draw(&self, category: usize, dice: &mut ChaCha8Rng) -> u32 {
        let own = &self.by_category[category];
        let total = own.last().map_or(0.0, |(sum, _)| *sum);
        let wanted = dice.r#gen::<f64>() * total;
        let at = own.partition_point(|(sum, _)| *sum <= wanted);
        own.get(at).or(own.last()).map_or(0, |(_, product)| *product)
    }

    /// The products of a category.
    pub(super) fn of(&self, category: usize) -> impl Iterator<Item = u32> + '_ {
        self.by_category[category].iter().map(|(_, product)| *product)
    }
}
