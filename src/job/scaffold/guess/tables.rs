//! What each table is for: the events, other events, a description of a key, or nothing yet.
//!
//! In: all tables. Out: the chosen table of events, and a [`Role`] for every table.

use super::keys::{self, Key};
use super::labels::Labels;
use super::scenario::Scenario;
use super::times;
use crate::job::scaffold::error::ScaffoldError;
use crate::job::scaffold::facts::{Column, Family, Table};
use crate::job::scaffold::names;
use crate::job::scaffold::words::{self, ENTITIES, ITEMS};

/// The table of events and its chosen columns.
pub(super) struct Chosen {
    pub(super) table: usize,
    pub(super) time: usize,
    pub(super) entity: usize,
    pub(super) item: Option<usize>,
}

impl Chosen {
    /// Columns that have a part already.
    pub(super) fn used(&self, scenario: &Scenario, labels: &Labels, arrival: Option<usize>) -> Vec<usize> {
        [self.time, self.entity].into_iter().chain(self.item).chain(scenario.column).chain(arrival).chain(labels.columns()).collect()
    }
}

/// What a table is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::job::scaffold) enum Role {
    /// What happened, to whom, when.
    Events,
    /// Other things that happened to entity or item: time column, and columns that name the keys, by their place in `keys()`.
    OtherEvents { time: usize, keys: Vec<(usize, usize)> },
    /// One row for each entity or item: the column that names it, and the key's place in `keys()`.
    Describes { column: usize, key: usize },
    /// Cleaned, and not joined.
    Unused,
}

/// Chooses the table of events: a time, an id that occurs again and again, and as much of the rest as there is.
///
/// # Errors
/// [`ScaffoldError::NoTime`] and [`ScaffoldError::NoEvents`], naming every table.
pub(super) fn events(tables: &[Table]) -> Result<Chosen, ScaffoldError> {
    let timed: Vec<(usize, usize)> =
        tables.iter().enumerate().filter_map(|(at, table)| times::event_time(table).map(|time| (at, time))).collect();
    let told = |table: &Table| format!("`{}`", table.footers.found.told(&table.footers.found.root));
    if timed.is_empty() {
        let all = tables.iter().map(|table| format!("{} has no timestamp or date column", told(table)));
        return Err(ScaffoldError::NoTime(all.collect::<Vec<_>>().join("; ")));
    }
    let mut best: Option<((u32, u64), Chosen)> = None;
    for (at, time) in &timed {
        let table = &tables[*at];
        let is_described =
            |column: &Column| (0..tables.len()).any(|other| other != *at && describes(&tables[other], &column.name).is_some());
        let Some((entity, item)) = keys::choose(table, &is_described) else { continue };
        // Ids with known names count for more than labels, and rows decide between equals.
        let named = |column: usize, list: &str| words::place(list, &table.columns[column].words).is_some();
        let labels = table.columns.iter().filter(|column| column.is_binary() && words::label_place(&column.words).is_some()).count();
        let worth = 4 * u32::from(named(entity, ENTITIES))
            + 2 * u32::from(item.is_some_and(|item| named(item, ITEMS)))
            + 3 * u32::from(labels > 0)
            + u32::from(item.is_some());
        let rank = (worth, table.rows());
        if best.as_ref().is_none_or(|(found, _)| rank > *found) {
            best = Some((rank, Chosen { table: *at, time: *time, entity, item }));
        }
    }
    best.map(|(_, chosen)| chosen).ok_or_else(|| {
        let all = timed.iter().map(|(at, time)| {
            let table = &tables[*at];
            format!("{} has the time `{}`, but no id that occurs more than once", told(table), names::told(&table.columns[*time].raw))
        });
        ScaffoldError::NoEvents(all.collect::<Vec<_>>().join("; "))
    })
}

/// Names that mean the same key: `ProductID` and `product_id`.
fn plain(name: &str) -> String {
    name.replace('_', "")
}

/// Whether a column's values can be those of a key.
fn suits(column: &Column, key: &Key) -> bool {
    // Text that is no number would be NULL in every row when it is made one.
    !key.is_number || matches!(column.family, Family::Integer | Family::Float | Family::Text | Family::BinaryText) && column.whole
}

/// The column of a table that names `key` once a row: by the key's name, or `id` in a table of its own name.
fn describes(table: &Table, key: &str) -> Option<usize> {
    let own = words::base(&words::words(key));
    table.columns.iter().position(|column| {
        let by_name = plain(&column.name) == plain(key);
        let by_table = column.name == "id" && !own.is_empty() && words::singular(table.name()) == own;
        (by_name || by_table) && column.is_unique() && column.as_time.is_none() && column.partition.is_none()
    })
}

/// The role of every table.
pub(super) fn roles(tables: &[Table], events: usize, entity: &Key, item: Option<&Key>) -> Vec<Role> {
    let keys: Vec<&Key> = std::iter::once(entity).chain(item).collect();
    let mut roles = Vec::with_capacity(tables.len());
    for (at, table) in tables.iter().enumerate() {
        if at == events {
            roles.push(Role::Events);
            continue;
        }
        // A description of the item says more of a pair than one of the entity's.
        let described = keys.iter().enumerate().rev().find_map(|(key, of)| {
            describes(table, &of.name).filter(|column| suits(&table.columns[*column], of)).map(|column| (column, key))
        });
        if let Some((column, key)) = described {
            roles.push(Role::Describes { column, key });
            continue;
        }
        let named: Vec<(usize, usize)> = keys
            .iter()
            .enumerate()
            .filter_map(|(key, of)| {
                let same = |column: &Column| plain(&column.name) == plain(&of.name) && keys::is_id(column) && suits(column, of);
                table.columns.iter().position(same).map(|column| (column, key))
            })
            .collect();
        roles.push(match times::event_time(table) {
            Some(time) if !named.is_empty() => Role::OtherEvents { time, keys: named },
            _ => Role::Unused,
        });
    }
    roles
}
