//! What can be predicted: labels that events carry, amounts, ratings; else whether they come back.
//!
//! In: the table of events and what a second sample showed. Out: [`Task`]s in the order of a funnel, with their reasons.

use super::evidence::Evidence;
use super::keys::Key;
use super::scenario::Scenario;
use super::tables::Chosen;
use crate::job::scaffold::facts::{Column, Table};
use crate::job::scaffold::names::Names;
use crate::job::scaffold::words::{self, AMOUNTS};

/// Binary labels, at most: more make a first night hard to read.
const BINARIES: usize = 4;
/// Amounts whose names say that they are taken off, set aside or worked out.
const NO_AMOUNTS: &str = "discount disc tax vat shipping refund coupon budget limit min max avg mean balance count old list margin";

/// Where a label comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::job::scaffold) enum Made {
    /// Whether there is an event in the outcome window.
    CameBack,
    /// Sum of the amount in the outcome window.
    Spent,
    /// A label column of the events.
    Column(usize),
    /// Sum of the amount of events with that label.
    SpentWhere(usize),
    /// Mean of a column.
    Rated(usize),
}

/// A task of the job.
#[derive(Debug, Clone)]
pub(in crate::job::scaffold) struct Task {
    /// Its name.
    pub(in crate::job::scaffold) name: String,
    /// Where its label comes from.
    pub(in crate::job::scaffold) made: Made,
    /// The task without which it does not happen.
    pub(in crate::job::scaffold) after: Option<String>,
    /// Why.
    pub(in crate::job::scaffold) why: String,
}

/// Label columns of the events.
pub(super) struct Labels {
    binaries: Vec<usize>,
    rating: Option<usize>,
    amount: Option<usize>,
    quantity: Option<usize>,
}

impl Labels {
    /// Whether events carry labels.
    pub(super) fn are_there(&self) -> bool {
        !self.binaries.is_empty() || self.rating.is_some()
    }

    /// Binary labels in the order of the funnel.
    pub(super) fn binaries(&self) -> &[usize] {
        &self.binaries
    }

    /// The column of money.
    pub(super) fn amount(&self) -> Option<usize> {
        self.amount
    }

    /// Quantity and price, when there is a price and no amount.
    pub(super) fn product(&self) -> Option<(usize, usize)> {
        self.quantity.zip(self.amount)
    }

    /// Columns that are labels themselves.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.binaries.iter().copied().chain(self.rating)
    }
}

/// Finds the label columns.
pub(super) fn labels(table: &Table, chosen: &Chosen, scenario: &Scenario) -> Labels {
    let free = |at: &usize| {
        *at != chosen.entity
            && Some(*at) != chosen.item
            && *at != chosen.time
            && scenario.column != Some(*at)
            && table.columns[*at].partition.is_none()
    };
    let columns = || (0..table.columns.len()).filter(free);
    let mut binaries: Vec<(usize, usize)> = columns()
        .filter(|at| table.columns[*at].is_binary())
        .filter_map(|at| words::label_place(&table.columns[at].words).map(|place| (place, at)))
        .collect();
    binaries.sort_unstable();
    binaries.truncate(BINARIES);
    let rated = |column: &Column| column.is_number() && column.distinct > 2 && words::sounds_like_a_rating(&column.words);
    let rating = columns().find(|at| rated(&table.columns[*at]));
    let money = |at: usize| {
        let column = &table.columns[at];
        let named = words::place(AMOUNTS, &column.words)?;
        let other = words::place(NO_AMOUNTS, &column.words).is_some()
            || words::sounds_like_a_code(&column.words)
            || words::sounds_like_a_quantity(&column.words);
        (column.is_number() && column.distinct > 2 && !other).then_some((named, at))
    };
    let amount = columns().filter_map(money).min().map(|(_, at)| at);
    let is_price = amount.is_some_and(|at| words::place("price", &table.columns[at].words).is_some());
    let counted = |at: &usize| table.columns[*at].is_number() && words::sounds_like_a_quantity(&table.columns[*at].words);
    let quantity = if is_price { columns().find(counted) } else { None };
    Labels { binaries: binaries.into_iter().map(|(_, at)| at).collect(), rating, amount, quantity }
}

/// The tasks.
pub(super) fn tasks(
    table: &Table,
    labels: &Labels,
    evidence: &Evidence,
    entity: &Key,
    item: Option<&Key>,
    scenario: &Scenario,
) -> Vec<Task> {
    let keys = std::iter::once(entity).chain(item).map(|key| key.name.as_str());
    let mut taken = Names::with(keys.chain([scenario.name.as_str(), "scenario"]));
    if labels.are_there() { carried(table, labels, evidence, &mut taken) } else { made(table, labels, item, &mut taken) }
}

/// Tasks of events that carry labels.
fn carried(table: &Table, labels: &Labels, evidence: &Evidence, taken: &mut Names) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    let column = |at: usize| &table.columns[at];
    for (place, at) in labels.binaries.iter().enumerate() {
        // The latest step of the funnel that it never goes without.
        let parent = (0..place).rev().find(|parent| evidence.implies(place, *parent));
        let after = parent.map(|parent| tasks[parent].name.clone());
        let share = column(*at)
            .few
            .as_ref()
            .and_then(|few| few.get("1").or_else(|| few.get("true")))
            .map_or(0.0, |ones| *ones as f64 * 100.0 / column(*at).present.max(1) as f64);
        let chain = after.as_ref().map_or(String::new(), |after| format!("; never without {after} in the rows that were read"));
        tasks.push(Task {
            name: taken.take(&column(*at).name),
            made: Made::Column(*at),
            after,
            why: format!("{} is 0 or 1, and 1 in {share:.1} % of the events{chain}", column(*at).name),
        });
    }
    if let Some(amount) = labels.amount {
        let implied = (0..labels.binaries.len()).rev().find(|place| evidence.amount_implies(*place));
        let bought = (0..labels.binaries.len()).rev().find(|place| words::sounds_like_buying(&column(labels.binaries[*place]).words));
        let name = |taken: &mut Names| taken.take(if column(amount).name == "amount" { "spend" } else { &column(amount).name });
        if let Some(place) = implied.or(bought) {
            let parent = tasks[place].name.clone();
            let (made, how) =
                if implied.is_some() { (Made::Spent, "not 0 only") } else { (Made::SpentWhere(labels.binaries[place]), "counted only") };
            tasks.push(Task {
                name: name(taken),
                made,
                why: format!("{} is {how} where {parent} happened", column(amount).name),
                after: Some(parent),
            });
        }
    }
    if let Some(rating) = labels.rating {
        let column = column(rating);
        tasks.push(Task {
            name: taken.take(&column.name),
            made: Made::Rated(rating),
            after: None,
            why: format!("{} lies between {} and {}", column.name, column.least, column.most),
        });
    }
    tasks
}

/// Tasks of events that only happen.
fn made(table: &Table, labels: &Labels, item: Option<&Key>, taken: &mut Names) -> Vec<Task> {
    let sales = labels.amount.is_some() || words::sounds_like_sales(&words::words(table.name()));
    let again = taken.take(match (sales, item.is_some()) {
        (true, true) => "bought_again",
        (true, false) => "buys_again",
        (false, _) => "comes_back",
    });
    let mut tasks = vec![Task {
        name: again.clone(),
        made: Made::CameBack,
        after: None,
        why: "No column of 0 and 1 is named like a label, so this one is made from the events themselves".into(),
    }];
    if let Some(amount) = labels.amount {
        let column = &table.columns[amount];
        let what = match labels.product() {
            Some((quantity, _)) => format!("{} times {}", table.columns[quantity].name, column.name),
            None => column.name.clone(),
        };
        tasks.push(Task {
            name: taken.take("spend"),
            made: Made::Spent,
            after: Some(again),
            why: format!("{what} is the money of an event; few spend much, so it is learned as a logarithm"),
        });
    }
    tasks
}
