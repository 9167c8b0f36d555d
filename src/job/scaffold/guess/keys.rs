//! Which columns name whom something happened to, and what it was about.
//!
//! In: a table's columns. Out: places, and [`Key`]s with their reasons. Whether pairs come back is `evidence`'s.

use super::tables::Chosen;
use crate::job::scaffold::facts::{Column, Family, Table};
use crate::job::scaffold::names;
use crate::job::scaffold::words::{self, ENTITIES, ITEMS};

/// Letters of an id, at most: longer texts describe.
const LONGEST_ID: f64 = 64.0;

/// A key of the job.
#[derive(Debug, Clone)]
pub(in crate::job::scaffold) struct Key {
    /// Its place among the columns of the events.
    pub(in crate::job::scaffold) column: usize,
    /// Its name in clean tables.
    pub(in crate::job::scaffold) name: String,
    /// What it names: `customer`.
    pub(in crate::job::scaffold) base: String,
    /// Whether it is a whole number in clean tables; otherwise it is text.
    pub(in crate::job::scaffold) is_number: bool,
    /// Why it was chosen.
    pub(in crate::job::scaffold) why: String,
}

/// Whether a column can name something.
pub(super) fn is_id(column: &Column) -> bool {
    let kind = match column.family {
        Family::Integer | Family::Text | Family::Binary | Family::BinaryText => true,
        Family::Float => column.whole,
        _ => false,
    };
    let exact = |list: &str| column.words.len() == 1 && words::is_among(list, &column.words[0]);
    kind
        && column.as_time.is_none()
        && column.partition.is_none()
        // `scenario` in scores is polytask's own.
        && column.name != "scenario"
        && column.characters <= LONGEST_ID
        && (words::ends_as_id(&column.words) || exact(ENTITIES) || exact(ITEMS))
}

/// Whether an id occurs again and again.
fn repeats(table: &Table, column: &Column) -> bool {
    let most = if table.is_whole() { 0.98 } else { 1.0 };
    column.distinct > 1 && (column.distinct as f64) < most * column.present as f64 && column.missing <= column.present
}

/// The ids of a table that occur again and again and do not name rows.
fn ids(table: &Table) -> Vec<usize> {
    (0..table.columns.len())
        .filter(|at| {
            let column = &table.columns[*at];
            is_id(column) && repeats(table, column) && !words::names_a_row(&column.words)
        })
        .collect()
}

/// Entity and item of a table of events.
pub(super) fn choose(table: &Table, is_described: &dyn Fn(&Column) -> bool) -> Option<(usize, Option<usize>)> {
    let ids = ids(table);
    let column = |at: usize| &table.columns[at];
    let as_entity = |at: usize| words::place(ENTITIES, &column(at).words);
    let as_item = |at: usize| words::place(ITEMS, &column(at).words);
    let named = ids.iter().copied().filter_map(|at| as_entity(at).map(|place| (place, at))).min().map(|(_, at)| at);
    let neutral = || {
        let nameless = ids.iter().copied().filter(|at| as_item(*at).is_none());
        nameless.max_by_key(|at| (column(*at).distinct, std::cmp::Reverse(*at)))
    };
    // Stores that sell items: the wider is the entity.
    let widest = || ids.iter().copied().filter_map(|at| as_item(at).map(|place| (place, at))).max().map(|(_, at)| at);
    let entity = named.or_else(neutral).or_else(widest)?;
    let rest = || ids.iter().copied().filter(move |at| *at != entity);
    let item = rest()
        .filter_map(|at| as_item(at).map(|place| (place, at)))
        .min()
        .map(|(_, at)| at)
        .or_else(|| rest().find(|at| as_entity(*at).is_none() && is_described(column(*at))));
    Some((entity, item))
}

fn key(table: &Table, at: usize, what: &str) -> Key {
    let column = &table.columns[at];
    let base = words::base(&column.words);
    let base = if base.is_empty() { words::singular(table.name()).to_owned() } else { names::column(&base, at) };
    let exact = if table.is_whole() { "" } else { "at least " };
    Key {
        column: at,
        name: column.name.clone(),
        base,
        is_number: matches!(column.family, Family::Integer | Family::Float),
        why: format!("{}: {what} ({exact}{} in {} rows)", column.name, names::count(column.distinct), names::count(table.read)),
    }
}

/// The entity's key.
pub(super) fn entity(table: &Table, chosen: &Chosen) -> Key {
    key(table, chosen.entity, "whom it happened to")
}

/// The item's key.
pub(super) fn item(table: &Table, chosen: &Chosen) -> Option<Key> {
    let entity = entity(table, chosen);
    chosen.item.map(|at| {
        let mut item = key(table, at, "what it was about");
        if item.base == entity.base || item.base == "pair" {
            item.base.push_str("_item");
        }
        item
    })
}
