//! Columns of tables that describe an entity or an item: which of them the model sees, and how.
//!
//! In: a [`Guess`]. Out: one [`Joined`] for each such table. They are joined as they are; there is no query.

use super::{Encoding, Feature, Joined, clean};
use crate::job::scaffold::facts::{Column, Family};
use crate::job::scaffold::guess::{Guess, Role};
use crate::job::scaffold::names::{self, Names};
use crate::job::scaffold::words;

/// Columns of one table that the frame takes, at most.
const COLUMNS: usize = 30;

/// The tables that describe, with their columns.
pub(super) fn tables(guess: &Guess, taken: &mut Names) -> Vec<Joined> {
    let mut joined = Vec::new();
    for (at, role) in guess.roles.iter().enumerate() {
        let Role::Describes { column: own, key } = role else { continue };
        let (table, key) = (&guess.tables[at], guess.keys()[*key]);
        let (mut features, mut unused) = (Vec::new(), Vec::new());
        for (place, column) in table.columns.iter().enumerate().filter(|(place, _)| place != own) {
            let usable = features.len() < COLUMNS && clean::expression(guess, at, place).is_some();
            match usable.then(|| feature(table.name(), &key.base, column, taken)).flatten() {
                Some(feature) => features.push(feature),
                None => unused.push(format!("{}.{}", table.name(), column.name)),
            }
        }
        let on = vec![(table.columns[*own].name.clone(), key.name.clone())];
        joined.push(Joined { table: table.name().to_owned(), on, features, unused, query: None });
    }
    joined
}

/// What the frame takes of a column; `None` when it says nothing, or too much.
fn feature(table: &str, base: &str, column: &Column, taken: &mut Names) -> Option<Feature> {
    let of = base.replace('_', " ");
    let path = format!("{}.{}", names::sql(table), names::sql(&column.name));
    let mut name = |name: &str| {
        // A name that another table has too is told apart by whom it describes.
        let mut free = taken.clone();
        if free.take(name) == name { taken.take(name) } else { taken.take(&format!("{base}_{name}")) }
    };
    if words::sounds_updated(&column.words) {
        return None;
    }
    if column.as_time.is_some() {
        if !words::sounds_like_a_beginning(&column.words) {
            return None;
        }
        // A beginning that still lies ahead is not known yet.
        let day = format!("cast({path} as date)");
        return Some(Feature {
            expression: format!("case when {day} < $as_of_date then cast($as_of_date - {day} as integer) end"),
            name: name(&format!("days_since_{}", column.name)),
            meaning: format!("days since {} of the {of}", column.name),
            encoding: Encoding::ByType,
        });
    }
    let meaning = format!("{} of the {of}", column.name);
    let encoding = match column.family {
        Family::Vector => Encoding::ByType,
        Family::Bool if column.distinct > 1 => Encoding::ByType,
        Family::Integer | Family::Float if column.distinct > 1 => {
            let coded = column.whole && words::sounds_like_a_code(&column.words);
            if coded && column.is_unique() {
                return None;
            }
            if coded { Encoding::Categorical } else { Encoding::ByType }
        }
        Family::Text | Family::BinaryText if column.distinct > 1 => {
            if super::history::is_prose(column) {
                Encoding::Text
            } else if column.is_unique() {
                // A name of its own in each row is no category.
                return None;
            } else {
                Encoding::ByType
            }
        }
        _ => return None,
    };
    Some(Feature { expression: path, name: name(&column.name), meaning, encoding })
}
