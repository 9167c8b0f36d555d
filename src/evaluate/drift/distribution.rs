//! What a feature looks like in a scenario: counts in stated bins, which a later night counts its own rows in.
//!
//! In: values one by one. Out: a [`Distribution`] per scenario, and the rows of the table `distributions` and back. Not here:
//! the comparison of two nights; how a table is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Values of a categorical feature that are named in the table; the others are counted together.
pub const NAMED: usize = 50;
/// Distinct values that are counted at a time and scenario. When there are twice as many, the rarer half goes to "other".
const HELD: usize = 4_096;

/// One feature in one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Column of the frame, or `score:<task>`.
    pub feature: String,
    /// Rows by value.
    pub bins: Bins,
    /// Rows without a value.
    pub missing: u64,
    /// Rows, those without a value included.
    pub rows: u64,
    /// Independent units behind the rows: [`independent`].
    pub entities: u64,
}

/// Rows by value.
#[derive(Debug, Clone, PartialEq)]
pub enum Bins {
    /// Rows between numbers: `counts[j]` are those with exactly `j` edges at or below the value.
    Numeric {
        /// Rising. Shape: `[edges]`.
        edges: Vec<f64>,
        /// Shape: `[edges + 1]`.
        counts: Vec<u64>,
    },
    /// Rows by named value.
    Categorical {
        /// By falling count, then by name. A value that an earlier night had and this one does not has count 0.
        values: Vec<(String, u64)>,
        /// Rows of all values not named. A value that came back after it was dropped for being rare is counted in both.
        other: u64,
    },
}

/// A row of the table `distributions`.
#[derive(Debug, Clone, PartialEq)]
pub struct DistributionRow {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Column of the frame, or `score:<task>`.
    pub feature: String,
    /// `range`, `value`, `other` or `missing`.
    pub kind: String,
    /// Place of the bin within the distribution.
    pub bin: u32,
    /// Lower end of a range, which belongs to it; none = no end.
    pub low: Option<f64>,
    /// Upper end of a range, which does not belong to it; none = no end.
    pub high: Option<f64>,
    /// A named value.
    pub value: Option<String>,
    /// Rows of the bin.
    pub count: u64,
    /// Rows of the distribution.
    pub rows: u64,
    /// Independent units of the distribution.
    pub entities: u64,
}

/// Independent units behind rows that repeat entities: `(Σ m)² / Σ m²`, with `m` rows for an entity.
///
/// It is the number of entities where all have as many rows, and less where a few have most. A share of rows then varies as
/// if so many had been drawn, where all rows of an entity are the same, and less where they are not: tests that take it for
/// their sample size do not alarm too often.
///
/// # Source
/// Kish (1965), "Survey sampling" (design effects of clusters and of unequal weights).
#[must_use]
pub fn independent(rows_of_entities: impl IntoIterator<Item = u64>) -> u64 {
    let (sum, squares) =
        rows_of_entities.into_iter().map(|rows| rows as f64).fold((0.0, 0.0), |(sum, squares), m| (sum + m, squares + m * m));
    if squares > 0.0 { (sum * sum / squares + 1e-9).floor() as u64 } else { 0 }
}

/// Edges that cut values into at most `bins` bins of about equal mass: distinct quantiles at `1/bins … (bins − 1)/bins`. Where the
/// least value is so frequent that a quantile falls on it, it is a bin of its own. NaN is left out.
#[must_use]
pub fn quantile_edges(mut values: Vec<f64>, bins: usize) -> Vec<f64> {
    values.retain(|value| !value.is_nan());
    values.sort_unstable_by(f64::total_cmp);
    let least = values.first().copied().unwrap_or(f64::NAN);
    let second = values.get(values.partition_point(|value| *value <= least)).copied();
    let edge = |at: usize| values.get(values.len() * at / bins).and_then(|edge| if *edge > least { Some(*edge) } else { second });
    let mut edges: Vec<f64> = (1..bins).filter_map(edge).collect();
    edges.dedup();
    edges
}

/// Edges that make each value a bin of its own: the distinct values but the least. `None` where there are more than `bins`. NaN is left
/// out; 0 and −0 are one value.
#[must_use]
pub fn value_edges(values: &[f64], bins: usize) -> Option<Vec<f64>> {
    let mut distinct: Vec<f64> = values.iter().filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    (distinct.len() <= bins.max(1)).then(|| distinct.split_off(distinct.len().min(1)))
}

/// Counts one feature, value by value.
#[derive(Debug, Clone)]
pub struct DistributionCounter {
    feature: String,
    scenarios: Vec<String>,
    /// One per scenario, the last for scenarios never seen.
    counts: Vec<Counts>,
    edges: Option<Vec<f64>>,
    /// Values that are named whatever their count.
    kept: BTreeSet<String>,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    ranges: Vec<u64>,
    values: HashMap<String, u64>,
    other: u64,
    missing: u64,
}

impl DistributionCounter {
    /// A numeric feature, in bins between rising edges (its quantiles, say); one set of edges for all scenarios.
    #[must_use]
    pub fn numeric(feature: &str, scenarios: &[String], edges: Vec<f64>) -> Self {
        let empty = Counts { ranges: vec![0; edges.len() + 1], ..Counts::default() };
        Self { edges: Some(edges), ..Self::with(feature, scenarios, &empty, BTreeSet::new()) }
    }

    /// A categorical feature.
    #[must_use]
    pub fn categorical(feature: &str, scenarios: &[String]) -> Self {
        Self::with(feature, scenarios, &Counts::default(), BTreeSet::new())
    }

    /// A feature in the bins that an earlier night has for it, in any scenario; `None` where it has none.
    #[must_use]
    pub fn within(earlier: &[Distribution], feature: &str, scenarios: &[String]) -> Option<Self> {
        let own = || earlier.iter().filter(|distribution| distribution.feature == feature);
        Some(match &own().next()?.bins {
            Bins::Numeric { edges, .. } => Self::numeric(feature, scenarios, edges.clone()),
            Bins::Categorical { .. } => {
                let named = own().flat_map(|distribution| match &distribution.bins {
                    Bins::Categorical { values, .. } => values.iter().map(|(value, _)| value.clone()).collect(),
                    Bins::Numeric { .. } => Vec::new(),
                });
                Self::with(feature, scenarios, &Counts::default(), named.collect())
            }
        })
    }

    fn with(feature: &str, scenarios: &[String], empty: &Counts, kept: BTreeSet<String>) -> Self {
        let counts = vec![empty.clone(); scenarios.len() + 1];
        Self { feature: feature.to_owned(), scenarios: scenarios.to_vec(), counts, edges: None, kept }
    }

    fn of(&mut self, scenario: u16) -> &mut Counts {
        let last = self.counts.len() - 1;
        &mut self.counts[(scenario as usize).min(last)]
    }

    /// Counts one number. NaN counts as missing.
    pub fn number(&mut self, scenario: u16, value: Option<f64>) {
        let Some(value) = value.filter(|value| !value.is_nan()) else {
            self.of(scenario).missing += 1;
            return;
        };
        let bin = self.edges.as_ref().map_or(0, |edges| edges.partition_point(|edge| *edge <= value));
        if let Some(count) = self.of(scenario).ranges.get_mut(bin) {
            *count += 1;
        }
    }

    /// Counts one named value.
    pub fn value(&mut self, scenario: u16, value: Option<&str>) {
        let Some(value) = value else {
            self.of(scenario).missing += 1;
            return;
        };
        let counts = self.of(scenario);
        if let Some(count) = counts.values.get_mut(value) {
            *count += 1;
            return;
        }
        counts.values.insert(value.to_owned(), 1);
        if counts.values.len() > 2 * HELD {
            let last = self.counts.len() - 1;
            self.counts[(scenario as usize).min(last)].forget(HELD, &self.kept);
        }
    }

    /// The distributions: all rows (`*`), then each scenario.
    ///
    /// # Shapes
    /// `entities: [scenarios]`, independent units of each ([`independent`]); `all`: of all rows together.
    #[must_use]
    pub fn finish(&self, entities: &[u64], all: u64) -> Vec<Distribution> {
        let everything = self.counts.iter().fold(Counts::default(), |mut sum, counts| {
            sum.ranges.resize(counts.ranges.len(), 0);
            sum.ranges.iter_mut().zip(&counts.ranges).for_each(|(sum, own)| *sum += own);
            for (value, count) in &counts.values {
                *sum.values.entry(value.clone()).or_default() += count;
            }
            sum.other += counts.other;
            sum.missing += counts.missing;
            sum
        });
        let own = self.scenarios.iter().zip(&self.counts).zip(entities);
        let cells =
            std::iter::once((("*", &everything), &all)).chain(own.map(|((name, counts), entities)| ((name.as_str(), counts), entities)));
        cells.map(|((scenario, counts), entities)| self.one(scenario, counts.clone(), *entities)).collect()
    }

    fn one(&self, scenario: &str, mut counts: Counts, entities: u64) -> Distribution {
        let bins = if let Some(edges) = &self.edges {
            Bins::Numeric { edges: edges.clone(), counts: counts.ranges }
        } else {
            counts.forget(NAMED, &self.kept);
            for value in &self.kept {
                counts.values.entry(value.clone()).or_default();
            }
            let mut values: Vec<(String, u64)> = counts.values.into_iter().collect();
            values.sort_unstable_by(by_count);
            Bins::Categorical { values, other: counts.other }
        };
        let rows = counts.missing + bins.present();
        Distribution { scenario: scenario.to_owned(), feature: self.feature.clone(), bins, missing: counts.missing, rows, entities }
    }
}

fn by_count(a: &(String, u64), b: &(String, u64)) -> std::cmp::Ordering {
    b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0))
}

impl Counts {
    /// Keeps the `most` commonest values and those in `kept`; the others become "other".
    fn forget(&mut self, most: usize, kept: &BTreeSet<String>) {
        let mut values: Vec<(String, u64)> = self.values.drain().collect();
        values.sort_unstable_by(by_count);
        for (at, (value, count)) in values.into_iter().enumerate() {
            if at < most || kept.contains(&value) {
                self.values.insert(value, count);
            } else {
                self.other += count;
            }
        }
    }
}

impl Bins {
    /// Rows with a value.
    #[must_use]
    pub fn present(&self) -> u64 {
        match self {
            Self::Numeric { counts, .. } => counts.iter().sum(),
            Self::Categorical { values, other } => values.iter().map(|(_, count)| count).sum::<u64>() + other,
        }
    }
}

/// The rows of the table. Of a categorical feature the [`NAMED`] commonest values keep their names: values kept for the sake of
/// an earlier night do not pile up.
#[must_use]
pub fn to_rows(distributions: &[Distribution]) -> Vec<DistributionRow> {
    let mut rows = Vec::new();
    for own in distributions {
        let mut bin = 0;
        let mut add = |kind: &str, (low, high): (Option<f64>, Option<f64>), value: Option<String>, count| {
            rows.push(DistributionRow {
                scenario: own.scenario.clone(),
                feature: own.feature.clone(),
                kind: kind.to_owned(),
                bin,
                low,
                high,
                value,
                count,
                rows: own.rows,
                entities: own.entities,
            });
            bin += 1;
        };
        match &own.bins {
            Bins::Numeric { edges, counts } => {
                for (at, count) in counts.iter().enumerate() {
                    let low = at.checked_sub(1).and_then(|at| edges.get(at)).copied();
                    add("range", (low, edges.get(at).copied()), None, *count);
                }
            }
            Bins::Categorical { values, other } => {
                let named = values.iter().filter(|(_, count)| *count > 0).take(NAMED);
                named.clone().for_each(|(value, count)| add("value", (None, None), Some(value.clone()), *count));
                let all: u64 = values.iter().map(|(_, count)| count).sum();
                add("other", (None, None), None, other + all - named.map(|(_, count)| count).sum::<u64>());
            }
        }
        add("missing", (None, None), None, own.missing);
    }
    rows
}

/// The distributions of rows of the table, in whatever order, by feature and scenario. Rows that do not fit are left out.
#[must_use]
pub fn from_rows(rows: &[DistributionRow]) -> Vec<Distribution> {
    let mut groups: BTreeMap<(&str, &str), Vec<&DistributionRow>> = BTreeMap::new();
    for row in rows {
        groups.entry((&row.feature, &row.scenario)).or_default().push(row);
    }
    let build = |((feature, scenario), mut rows): ((&str, &str), Vec<&DistributionRow>)| {
        rows.sort_by_key(|row| row.bin);
        let first = *rows.first()?;
        let of = |kind: &str| rows.iter().filter(|row| row.kind == kind).copied().collect::<Vec<_>>();
        let sum = |kind: &str| of(kind).iter().map(|row| row.count).sum();
        let ranges = of("range");
        let bins = if ranges.is_empty() {
            let values = of("value").iter().filter_map(|row| Some((row.value.clone()?, row.count))).collect();
            Bins::Categorical { values, other: sum("other") }
        } else {
            let edges = ranges[1..].iter().map(|row| row.low).collect::<Option<Vec<f64>>>()?;
            Bins::Numeric { edges, counts: ranges.iter().map(|row| row.count).collect() }
        };
        let (scenario, feature) = (scenario.to_owned(), feature.to_owned());
        Some(Distribution { scenario, feature, bins, missing: sum("missing"), rows: first.rows, entities: first.entities })
    };
    groups.into_iter().filter_map(build).collect()
}
