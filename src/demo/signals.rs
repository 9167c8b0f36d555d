//! The signals that effects act on: the columns of `frame.sql`, computed by the world itself when a week begins.
//!
//! In: the world, a user, a product, a scenario. Out: one number per feature, with a spread of about one; NaN where the
//! frame has NULL. Numeric signals are `(column − centre) / scale`; those of text, categories and the embedding are what
//! the value is worth.

use super::catalogue::{CATEGORIES, PRICE_SPREAD, Product};
use super::effects::{FEATURES, Feature};
use super::people::{AGE_GROUPS, Person, SEGMENTS, WIDTH};
use super::world::{LOOK_BACK, PersonPast, ProductPast, World};

/// One number per feature.
pub(super) type Signals = [f64; FEATURES];

/// Centre and scale of a numeric feature's signal; `None` for the others. The centre only moves base rates.
pub(super) fn scale(feature: Feature, world: &World) -> Option<(f64, f64)> {
    Some(match feature {
        // The inner product of two random directions has the standard deviation 1/√width.
        Feature::TasteMatch => (0.0, 1.0 / (WIDTH as f64).sqrt()),
        Feature::CategoryClicks => (0.75, 0.85),
        Feature::UsualSlot => (6.5, 2.1),
        Feature::PriceLevel => (0.0, PRICE_SPREAD),
        Feature::Rating => (3.9, 0.5),
        Feature::BrandClicks => (0.45, 0.6),
        Feature::Discount => (0.05, 0.11),
        Feature::ProductViews => (world.usual_views_log, 0.8),
        Feature::DaysSinceVisit => (5.0, 5.0),
        Feature::ListedDays => (5.5, 0.8),
        Feature::TenureDays => (5.6, 1.0),
        Feature::Visits => (7.0, 3.3),
        Feature::Title
        | Feature::Category
        | Feature::Embedding
        | Feature::Segment
        | Feature::Brand
        | Feature::AgeGroup
        | Feature::Region => {
            return None;
        }
    })
}

/// The scales of a world, looked up once.
pub(super) struct Scales([Option<(f64, f64)>; FEATURES]);

impl Scales {
    pub(super) fn new(world: &World) -> Self {
        Self(super::effects::EFFECTS.each_ref().map(|effect| scale(effect.feature, world)))
    }

    fn put(&self, signals: &mut Signals, feature: Feature, value: Option<f64>) {
        let (centre, scale) = self.0[feature as usize].unwrap_or((0.0, 1.0));
        signals[feature as usize] = value.map_or(f64::NAN, |value| (value - centre) / scale);
    }

    /// What the frame knows of a user on the first day of a week; the rest is NaN.
    pub(super) fn of_person(&self, person: &Person, past: &PersonPast, day: i32) -> Signals {
        let mut signals = [f64::NAN; FEATURES];
        let days = past.days & ((1 << (7 * LOOK_BACK)) - 1);
        let visited = days != 0;
        self.put(&mut signals, Feature::Segment, Some(SEGMENTS[person.segment as usize].1));
        self.put(&mut signals, Feature::AgeGroup, person.age_group.map(|group| AGE_GROUPS[group as usize].1));
        self.put(&mut signals, Feature::Region, Some(0.0));
        self.put(&mut signals, Feature::TenureDays, Some(f64::from(day - person.signed_up).ln_1p()));
        self.put(&mut signals, Feature::DaysSinceVisit, visited.then(|| f64::from(days.trailing_zeros() + 1)));
        self.put(&mut signals, Feature::Visits, Some(f64::from(days.count_ones())));
        signals
    }

    /// What the frame knows of a product on the first day of a week, whoever sees it; the rest is NaN.
    pub(super) fn of_product(&self, product: &Product, discount: f64, past: &ProductPast, day: i32, world: &World) -> Signals {
        let mut signals = [f64::NAN; FEATURES];
        let views: u32 = past.slots.iter().flatten().map(|(views, _)| views).sum();
        let style: f64 = product.embedding.iter().zip(&world.patterns.style).map(|(number, worth)| f64::from(*number) * worth).sum();
        self.put(&mut signals, Feature::Title, Some(product.words / TITLE_SPREAD));
        self.put(&mut signals, Feature::Category, Some(CATEGORIES[product.category as usize].1));
        self.put(&mut signals, Feature::Brand, Some(world.patterns.brands[product.brand as usize]));
        self.put(&mut signals, Feature::Embedding, Some(style));
        self.put(&mut signals, Feature::PriceLevel, Some(product.price_level));
        self.put(&mut signals, Feature::Rating, product.rating);
        self.put(&mut signals, Feature::Discount, Some(discount));
        self.put(&mut signals, Feature::ProductViews, Some(f64::from(views).ln_1p()));
        self.put(&mut signals, Feature::ListedDays, Some(f64::from(day - product.listed).ln_1p()));
        signals
    }

    /// All signals of a user who is shown a product in a scenario.
    pub(super) fn of_pair(
        &self,
        (person, person_past, own): (&Person, &PersonPast, &Signals),
        (product, product_past, its): (&Product, &ProductPast, &Signals),
        scenario: usize,
    ) -> Signals {
        let mut signals = std::array::from_fn(|at| if its[at].is_nan() { own[at] } else { its[at] });
        let clicks = |rings: &mut dyn Iterator<Item = u8>| f64::from(rings.map(u32::from).sum::<u32>()).ln_1p();
        let category = product.category as usize;
        let brand = product.brand as usize;
        let matches: f64 = person.taste.iter().zip(&product.embedding).map(|(taste, number)| f64::from(*taste) * f64::from(*number)).sum();
        let (views, slots) = product_past.slots.iter().fold((0, 0), |(views, slots), week| {
            let (more, sum) = week[scenario];
            (views + more, slots + sum)
        });
        self.put(&mut signals, Feature::TasteMatch, Some(matches));
        self.put(&mut signals, Feature::CategoryClicks, Some(clicks(&mut person_past.category_clicks.iter().map(|week| week[category]))));
        self.put(&mut signals, Feature::BrandClicks, Some(clicks(&mut person_past.brand_clicks.iter().map(|week| week[brand]))));
        self.put(&mut signals, Feature::UsualSlot, (views > 0).then(|| slots as f64 / f64::from(views)));
        signals
    }
}

/// Standard deviation of what three words of a title are worth together.
const TITLE_SPREAD: f64 = 1.35;
