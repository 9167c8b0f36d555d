//! Which column says where a row is served.
//!
//! In: the table of events. Out: a [`Scenario`]: a column of a few values, or the one scenario `all`.

use super::tables::Chosen;
use crate::job::scaffold::facts::{Column, FEW, Table};
use crate::job::scaffold::names;
use crate::job::scaffold::words::{self, CODED_SCENARIOS, SCENARIOS};

/// Least share of the rows of the second most frequent scenario: below it there is one scenario and a few slips.
const LEAST_SHARE: f64 = 0.005;

/// Where a row is served.
#[derive(Debug, Clone)]
pub(in crate::job::scaffold) struct Scenario {
    /// Its place among the columns of the events; `None` = one scenario for all rows.
    pub(in crate::job::scaffold) column: Option<usize>,
    /// Name of the column in candidates.sql and examples.sql.
    pub(in crate::job::scaffold) name: String,
    /// Its values, the most frequent first.
    pub(in crate::job::scaffold) values: Vec<String>,
    /// Why.
    pub(in crate::job::scaffold) why: String,
}

/// Place in the vocabulary, when the column can be a scenario.
fn place(column: &Column) -> Option<usize> {
    let few = column.few.as_ref().filter(|few| few.len() >= 2)?;
    let place = words::place(SCENARIOS, &column.words)?;
    let coded = column.is_number() && column.whole && place < CODED_SCENARIOS;
    if !(column.is_text() || coded) || words::sounds_like_time(&column.words) || column.missing > column.present {
        return None;
    }
    let mut rows: Vec<u64> = few.values().copied().collect();
    rows.sort_unstable();
    let second = rows[rows.len() - 2] as f64;
    (second >= LEAST_SHARE * column.present as f64).then_some(place)
}

/// The scenario of the events.
pub(super) fn scenario(table: &Table, chosen: &Chosen) -> Scenario {
    let candidates = (0..table.columns.len()).filter(|at| *at != chosen.entity && Some(*at) != chosen.item && *at != chosen.time);
    let best = candidates.filter_map(|at| place(&table.columns[at]).map(|place| (place, at))).min();
    let Some((_, at)) = best else {
        return Scenario {
            column: None,
            name: "scenario".into(),
            values: vec!["all".into()],
            why: format!(
                "One for all rows: no text column of 2 to {FEW} values is named like one (scenario, channel, page, placement, source, device …)"
            ),
        };
    };
    let column = &table.columns[at];
    let mut values: Vec<(&String, &u64)> = column.few.iter().flatten().collect();
    values.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let told =
        values.iter().map(|(value, rows)| format!("{} {:.0} %", names::told(value), **rows as f64 * 100.0 / column.present.max(1) as f64));
    Scenario {
        column: Some(at),
        name: column.name.clone(),
        why: format!("{}: {} values ({})", column.name, values.len(), told.collect::<Vec<_>>().join(", ")),
        values: values.into_iter().map(|(value, _)| value.clone()).collect(),
    }
}
