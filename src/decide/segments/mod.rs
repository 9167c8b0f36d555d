//! Segments: rows that are alike, how many kinds there are, what sets each apart, and under which names they were known before.
//!
//! In: numbers by row, a key for each row, perhaps the segments that rows were in before. Out: a segment and a distance for each
//! row, a profile of each segment. Distances are between standardised columns, so that no unit weighs more than another.

mod grouped;
mod matched;
mod scaled;
#[cfg(test)]
mod tests;

use ndarray::{Array2, ArrayView1, Axis};

use super::error::DecideError;
use scaled::Scaled;

/// Rows to group.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Their numbers; NaN where one is missing. Shape: `[rows, columns]`.
    pub values: Array2<f64>,
    /// A hash of each row's key: which rows the sample takes does not depend on their order or on how many others there are.
    pub keys: Vec<u64>,
    /// The segment that a row was in before, where it was in one. Shape: `[rows]`, or empty without an earlier night.
    pub before: Vec<Option<i64>>,
}

/// How many segments there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// At least so many.
    pub least: usize,
    /// At most so many.
    pub most: usize,
}

/// Rows in segments.
#[derive(Debug, Clone)]
pub struct Segments {
    /// The segment of each row. Shape: `[rows]`.
    pub segment: Vec<i64>,
    /// Distance to the segment's centre in standardised units. Shape: `[rows]`.
    pub distance: Vec<f64>,
    /// Mean silhouette of the sample, −1 to 1, of each number of segments that was tried. Without a choice there is none.
    pub silhouettes: Vec<(usize, f64)>,
    /// What each segment is like, by its number.
    pub profiles: Vec<Profile>,
}

/// A segment and how its columns differ from all rows'.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its number.
    pub segment: i64,
    /// Rows in it.
    pub size: usize,
    /// Its columns, what sets it apart most first.
    pub features: Vec<Feature>,
}

/// A column within a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Place of the column.
    pub column: usize,
    /// Mean within the segment, over rows that have it; NaN where none has.
    pub mean: f64,
    /// Mean over all rows that have it.
    pub overall_mean: f64,
    /// `(mean − overall mean) / overall standard deviation`; 0 where no row of the segment has it.
    pub z: f64,
}

/// Segments, at most.
pub const MOST: usize = 64;

/// Groups rows.
///
/// Columns are standardised, `(x − mean) / standard deviation`; a missing value counts as the mean, a constant column not at all.
/// The number of segments is the one with the greatest mean silhouette over a sample; an earlier night's number stays, unless
/// another one's silhouette is greater by `0.02`. k-means begins from the sample's centres, or from those that the earlier segments
/// have tonight where these fit the sample about as well. Without an earlier night segments are numbered by falling size; with one
/// a segment keeps the number of the one that it shares most rows with, and one that shares none has a new number.
///
/// # Errors
/// [`DecideError`] naming the column and row of an infinite number, no column that varies, fewer different rows than segments.
///
/// # Source
/// Lloyd (1982), "Least squares quantization in PCM"; Arthur & Vassilvitskii (2007), "k-means++", for the beginnings; Rousseeuw
/// (1987), "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis"; Kuhn (1955), "The Hungarian
/// method", for the problem that the matching solves.
pub fn segments(rows: &Rows, range: Range, seed: u64) -> Result<Segments, DecideError> {
    if range.least < 1 || range.most < range.least || range.most > MOST {
        let found = format!("{} to {}", range.least, range.most);
        return Err(DecideError::Setting { what: "the number of segments", found, range: format!("1 to {MOST}, the least first") });
    }
    let scaled = Scaled::new(rows)?;
    let grouped = grouped::grouped(&scaled, rows, range, seed)?;
    let names = matched::names(&grouped.group, &grouped.sizes, &grouped.centres, &rows.before)?;
    let segment: Vec<i64> = grouped.group.iter().map(|group| names[*group]).collect();
    let profiles = profiles(rows, &scaled, &grouped.group, &names);
    Ok(Segments { segment, distance: grouped.distance, silhouettes: grouped.silhouettes, profiles })
}

/// Squared Euclidean distance.
fn squared(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// What each segment is like.
fn profiles(rows: &Rows, scaled: &Scaled, group: &[usize], names: &[i64]) -> Vec<Profile> {
    let groups = names.len();
    let mut sizes = vec![0; groups];
    let mut sums = Array2::<f64>::zeros((groups, scaled.columns.len()));
    let mut counts = Array2::<f64>::zeros(sums.dim());
    for (own, group) in rows.values.axis_iter(Axis(0)).zip(group) {
        sizes[*group] += 1;
        for (at, column) in scaled.columns.iter().enumerate() {
            if !own[column.at].is_nan() {
                sums[(*group, at)] += own[column.at];
                counts[(*group, at)] += 1.0;
            }
        }
    }
    let mut order: Vec<usize> = (0..groups).collect();
    order.sort_by_key(|group| names[*group]);
    let profile = |group: usize| {
        let mut features: Vec<Feature> = (scaled.columns.iter().enumerate())
            .map(|(at, column)| {
                let mean = sums[(group, at)] / counts[(group, at)];
                let z = if mean.is_nan() { 0.0 } else { (mean - column.mean) / column.deviation };
                Feature { column: column.at, mean, overall_mean: column.mean, z }
            })
            .collect();
        features.sort_by(|a, b| b.z.abs().total_cmp(&a.z.abs()).then(a.column.cmp(&b.column)));
        Profile { segment: names[group], size: sizes[group], features }
    };
    order.into_iter().map(profile).collect()
}
