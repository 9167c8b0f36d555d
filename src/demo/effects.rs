//! The true effects: how much each feature moves each task in each scenario.
//!
//! In: nothing. Out: coefficients on the logit scale (on log(1 + amount) for `spend`), per unit of the signals of
//! [`super::signals`], which have a spread of about one. What one standard deviation of a column of the frame is worth is
//! measured while the events are generated and written by [`super::truth`].

/// Where a product is shown.
pub(super) const SCENARIOS: [&str; 4] = ["home", "search", "category", "cart"];
/// What is predicted: `cart` and `purchase` follow a click, `spend` a purchase.
pub(super) const TASKS: [&str; 4] = ["click", "cart", "purchase", "spend"];
/// Index of each task.
pub(super) const CLICK: usize = 0;
pub(super) const CART: usize = 1;
pub(super) const PURCHASE: usize = 2;
pub(super) const SPEND: usize = 3;

/// Share of impressions in each scenario.
pub(super) const SHOWN: [f64; 4] = [0.38, 0.26, 0.22, 0.14];
/// Logit of each task at the centre of all signals, by scenario; for `spend` the log of 1 + amount.
pub(super) const BASE: [[f64; 4]; 4] =
    [[-2.60, -1.00, -1.60, 3.30], [-1.90, -0.70, -1.30, 3.25], [-2.20, -0.85, -1.45, 3.30], [-1.65, -0.50, -1.05, 3.15]];
/// Standard deviation of log(1 + amount) around what the effects say.
pub(super) const SPEND_NOISE: f64 = 0.35;

/// What a unit of an effect is worth in each task. Amounts of one person for one product differ less than odds do.
const UNIT: [f64; 4] = [1.0, 1.0, 1.0, 0.5];

/// A column of the job's `frame.sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feature {
    TasteMatch,
    CategoryClicks,
    Title,
    UsualSlot,
    Category,
    PriceLevel,
    Rating,
    Embedding,
    BrandClicks,
    Segment,
    Discount,
    ProductViews,
    DaysSinceVisit,
    Brand,
    AgeGroup,
    ListedDays,
    TenureDays,
    Region,
    Visits,
}

/// Number of features.
pub(super) const FEATURES: usize = 19;

/// How one feature moves the tasks. The effect on a cell is the sum of the three parts.
pub(super) struct Effect {
    pub(super) feature: Feature,
    /// The column's name in `frame.sql`.
    pub(super) name: &'static str,
    shared: f64,
    /// In the order of [`SCENARIOS`].
    by_scenario: [f64; 4],
    /// In the order of [`TASKS`].
    by_task: [f64; 4],
}

/// The parts of an effect on one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parts {
    pub(super) shared: f64,
    pub(super) scenario: f64,
    pub(super) task: f64,
}

impl Parts {
    pub(super) fn value(self) -> f64 {
        self.shared + self.scenario + self.task
    }
}

impl Effect {
    pub(super) fn on(&self, scenario: usize, task: usize) -> Parts {
        Parts { shared: UNIT[task] * self.shared, scenario: UNIT[task] * self.by_scenario[scenario], task: UNIT[task] * self.by_task[task] }
    }
}

const fn effect(feature: Feature, name: &'static str, shared: f64, by_scenario: [f64; 4], by_task: [f64; 4]) -> Effect {
    Effect { feature, name, shared, by_scenario, by_task }
}

/// Every feature of the frame; the last two do nothing.
#[rustfmt::skip]
pub(super) const EFFECTS: [Effect; FEATURES] = [
    //                                                                  home  search  categ.  cart      click  cart   purch.  spend
    effect(Feature::TasteMatch,     "taste_match",              0.55, [ 0.15, -0.15,  0.00,  0.00], [ 0.00, -0.10, -0.20, -0.45]),
    effect(Feature::CategoryClicks, "category_clicks_28d_log",  0.42, [ 0.00, -0.12,  0.12,  0.00], [ 0.00, -0.06, -0.16, -0.36]),
    effect(Feature::Title,          "title",                    0.36, [-0.08,  0.12,  0.00, -0.04], [ 0.00,  0.02,  0.05, -0.06]),
    effect(Feature::UsualSlot,      "usual_slot",              -0.30, [ 0.00, -0.10, -0.04,  0.14], [ 0.00,  0.22,  0.26,  0.28]),
    effect(Feature::Category,       "category",                 0.27, [ 0.06,  0.00, -0.06,  0.00], [ 0.00,  0.00, -0.03,  0.29]),
    effect(Feature::PriceLevel,     "price_level",             -0.25, [ 0.05, -0.05,  0.00,  0.00], [ 0.00, -0.15, -0.35,  1.15]),
    effect(Feature::Rating,         "rating",                   0.21, [ 0.00,  0.06,  0.00, -0.06], [ 0.00,  0.09,  0.27, -0.03]),
    effect(Feature::Embedding,      "embedding",                0.19, [ 0.00,  0.00,  0.00,  0.00], [ 0.00,  0.00,  0.00,  0.05]),
    effect(Feature::BrandClicks,    "brand_clicks_28d_log",     0.16, [-0.04,  0.04,  0.00,  0.00], [ 0.00,  0.10,  0.16, -0.08]),
    effect(Feature::Segment,        "segment",                  0.14, [ 0.00,  0.00,  0.00,  0.00], [ 0.00,  0.06,  0.16,  0.22]),
    effect(Feature::Discount,       "discount",                 0.12, [ 0.00,  0.00, -0.06,  0.06], [ 0.00,  0.18,  0.24, -0.32]),
    effect(Feature::ProductViews,   "product_views_28d_log",    0.10, [ 0.05,  0.00,  0.00, -0.05], [ 0.00, -0.04, -0.06, -0.07]),
    effect(Feature::DaysSinceVisit, "days_since_visit",        -0.09, [ 0.00,  0.00,  0.00,  0.00], [ 0.00,  0.00, -0.03,  0.05]),
    effect(Feature::Brand,          "brand",                    0.08, [ 0.00,  0.00,  0.00,  0.00], [ 0.00,  0.00,  0.02,  0.04]),
    effect(Feature::AgeGroup,       "age_group",                0.06, [ 0.00,  0.00,  0.00,  0.00], [ 0.00,  0.00,  0.02,  0.08]),
    effect(Feature::ListedDays,     "listed_days_log",         -0.05, [ 0.00,  0.00,  0.00,  0.00], [ 0.00,  0.00,  0.00,  0.02]),
    effect(Feature::TenureDays,     "tenure_days_log",          0.04, [ 0.00,  0.00,  0.00,  0.00], [ 0.00,  0.00,  0.00,  0.00]),
    effect(Feature::Region,         "region",                   0.00, [ 0.00,  0.00,  0.00,  0.00], [ 0.00,  0.00,  0.00,  0.00]),
    effect(Feature::Visits,         "visits_28d",               0.00, [ 0.00,  0.00,  0.00,  0.00], [ 0.00,  0.00,  0.00,  0.00]),
];

/// The effects as a table of coefficients: `[scenario][task][feature]`.
pub(super) struct Coefficients([[[f64; FEATURES]; 4]; 4]);

impl Coefficients {
    pub(super) fn new() -> Self {
        let mut table = [[[0.0; FEATURES]; 4]; 4];
        for (scenario, tasks) in table.iter_mut().enumerate() {
            for (task, values) in tasks.iter_mut().enumerate() {
                for effect in &EFFECTS {
                    values[effect.feature as usize] = effect.on(scenario, task).value();
                }
            }
        }
        Self(table)
    }

    /// The linear predictor of a cell; a signal that is missing (NaN) has no effect.
    pub(super) fn predict(&self, scenario: usize, task: usize, signals: &[f64; FEATURES]) -> f64 {
        let own = &self.0[scenario][task];
        let sum: f64 = own.iter().zip(signals).map(|(coefficient, signal)| if signal.is_nan() { 0.0 } else { coefficient * signal }).sum();
        BASE[scenario][task] + sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_stand_in_the_order_of_their_features() {
        for (at, effect) in EFFECTS.iter().enumerate() {
            assert_eq!(effect.feature as usize, at, "{}", effect.name);
        }
    }

    #[test]
    fn the_parts_of_a_scenario_cancel_out() {
        for effect in &EFFECTS {
            assert!(effect.by_scenario.iter().sum::<f64>().abs() < 1e-9, "{}", effect.name);
        }
    }
}
