//! k-means, and the number of groups that a sample speaks for. The one file that knows linfa's clustering.
//!
//! In: standardised rows. Out: a group for each row, centres, the silhouettes of the numbers that were tried.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, ArrayView2, Axis, Zip};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::super::error::DecideError;
use super::scaled::Scaled;
use super::{Range, Rows, squared};

/// Rows of the sample on which centres are begun.
const SAMPLE: usize = 20_000;
/// Rows of it between which silhouettes are measured: the work grows with their square.
const MEASURED: usize = 2_000;
/// Beginnings of k-means on the sample; the one that ends tightest is kept.
const BEGINNINGS: usize = 8;
/// Steps of k-means, at most.
const STEPS: u64 = 100;
/// Movement of all centres together, in standard deviations, at which k-means ends: scikit-learn's default, `1e-4` squared.
const STILL: f64 = 1e-2;
/// How much greater the silhouette of another number must be before an earlier night's number is given up.
const WORTH_A_CHANGE: f64 = 0.02;
/// How much wider, as a share, earlier segments' centres may fit the sample and still be gone on from.
const AS_TIGHT: f64 = 0.02;

/// Rows in groups.
pub(super) struct Grouped {
    /// Group of each row.
    pub(super) group: Vec<usize>,
    /// Distance of each row to its group's centre.
    pub(super) distance: Vec<f64>,
    pub(super) sizes: Vec<usize>,
    /// Shape: `[groups, columns]`.
    pub(super) centres: Array2<f64>,
    pub(super) silhouettes: Vec<(usize, f64)>,
}

/// Centres on the sample, and the mean squared distance to the nearest.
struct Begun {
    centres: Array2<f64>,
    width: f64,
}

pub(super) fn grouped(scaled: &Scaled, rows: &Rows, range: Range, seed: u64) -> Result<Grouped, DecideError> {
    let order = sample(rows);
    let sampled = scaled.values.select(Axis(0), &order);
    let different = different(&sampled, range.most);
    if different < range.least {
        return Err(DecideError::Shape {
            what: format!("{different} different row(s) cannot make {} segments", range.least),
            hint: "lower the least number of segments, or give the query more rows or columns".into(),
        });
    }
    let numbers: Vec<usize> = (range.least..=range.most.min(different)).collect();
    let earlier = earlier_centres(scaled, &rows.before);
    let mut begun = Vec::new();
    for number in &numbers {
        let mut own = from_sample(&sampled, *number, seed)?;
        if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.nrows() == *number) {
            let again = k_means(&sampled, KMeansInit::Precomputed(earlier.clone()), *number, 1, seed)?;
            if again.width <= own.width * (1.0 + AS_TIGHT) {
                own = again;
            }
        }
        begun.push(own);
    }
    let measured = sampled.slice(ndarray::s![..sampled.nrows().min(MEASURED), ..]);
    let silhouettes: Vec<(usize, f64)> = if numbers.len() > 1 {
        numbers.iter().zip(&begun).map(|(number, begun)| (*number, silhouette(measured, &begun.centres))).collect()
    } else {
        Vec::new()
    };
    let chosen = chosen(&silhouettes, earlier.as_ref().map(Array2::nrows));
    let begun = begun.swap_remove(chosen);
    let number = begun.centres.nrows();
    let whole = if order.len() == rows.keys.len() {
        begun
    } else {
        k_means(&scaled.values, KMeansInit::Precomputed(begun.centres), number, 1, seed)?
    };
    let mut group = vec![0; rows.keys.len()];
    let mut distance = vec![0.0; rows.keys.len()];
    Zip::from(ndarray::ArrayViewMut1::from(&mut group))
        .and(ndarray::ArrayViewMut1::from(&mut distance))
        .and(scaled.values.rows())
        .par_for_each(|group, distance, row| {
            let (own, squared) = nearest(row, &whole.centres);
            (*group, *distance) = (own, squared.sqrt());
        });
    // A group that nobody is in is none.
    let mut sizes = vec![0; number];
    for group in &group {
        sizes[*group] += 1;
    }
    let kept: Vec<usize> = (0..number).filter(|group| sizes[*group] > 0).collect();
    for group in &mut group {
        *group = kept.partition_point(|kept| kept < group);
    }
    let sizes = kept.iter().map(|group| sizes[*group]).collect();
    Ok(Grouped { group, distance, sizes, centres: whole.centres.select(Axis(0), &kept), silhouettes })
}

/// Place of the number to take: the greatest silhouette, the smaller number among equals; the number before where it is about as good.
pub(super) fn chosen(silhouettes: &[(usize, f64)], before: Option<usize>) -> usize {
    let mut best = 0;
    for (at, (_, own)) in silhouettes.iter().enumerate() {
        if *own > silhouettes[best].1 {
            best = at;
        }
    }
    let stays = silhouettes.iter().position(|(number, _)| Some(*number) == before);
    stays.filter(|at| silhouettes[*at].1 + WORTH_A_CHANGE >= silhouettes[best].1).unwrap_or(best)
}

/// The rows with the smallest keys: the same people in every night, as far as they are there.
fn sample(rows: &Rows) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.keys.len()).collect();
    let by_key = |at: &usize| (rows.keys[*at], *at);
    if order.len() > SAMPLE {
        order.select_nth_unstable_by_key(SAMPLE, by_key);
        order.truncate(SAMPLE);
    }
    order.sort_unstable_by_key(by_key);
    order
}

/// How many different rows there are, counted up to `enough`.
fn different(rows: &Array2<f64>, enough: usize) -> usize {
    let mut seen: Vec<usize> = Vec::new();
    for row in 0..rows.nrows() {
        if seen.iter().all(|other| rows.row(*other) != rows.row(row)) {
            seen.push(row);
        }
        if seen.len() >= enough {
            break;
        }
    }
    seen.len()
}

/// The centres that earlier segments have among tonight's rows, by their number.
fn earlier_centres(scaled: &Scaled, before: &[Option<i64>]) -> Option<Array2<f64>> {
    let mut names: Vec<i64> = before.iter().flatten().copied().collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return None;
    }
    let mut centres = Array2::zeros((names.len(), scaled.columns.len()));
    let mut counts = vec![0.0; names.len()];
    for (row, name) in scaled.values.axis_iter(Axis(0)).zip(before) {
        let Some(at) = name.and_then(|name| names.binary_search(&name).ok()) else { continue };
        let mut centre = centres.row_mut(at);
        centre += &row;
        counts[at] += 1.0;
    }
    for (mut centre, count) in centres.axis_iter_mut(Axis(0)).zip(counts) {
        centre /= count;
    }
    Some(centres)
}

fn from_sample(sampled: &Array2<f64>, number: usize, seed: u64) -> Result<Begun, DecideError> {
    k_means(sampled, KMeansInit::KMeansPlusPlus, number, BEGINNINGS, seed)
}

fn k_means(rows: &Array2<f64>, begin: KMeansInit<f64>, number: usize, beginnings: usize, seed: u64) -> Result<Begun, DecideError> {
    let settings = KMeans::params_with_rng(number, ChaCha8Rng::seed_from_u64(seed));
    let settings = settings.init_method(begin).n_runs(beginnings).max_n_iterations(STEPS).tolerance(STILL);
    let model = settings.fit(&DatasetBase::from(rows.view())).map_err(|error| DecideError::Solver(error.to_string()))?;
    Ok(Begun { width: model.inertia(), centres: model.centroids().clone() })
}

/// The nearest centre and the squared distance to it; the earlier one among equals.
fn nearest(row: ndarray::ArrayView1<'_, f64>, centres: &Array2<f64>) -> (usize, f64) {
    let mut found = (0, f64::INFINITY);
    for (at, centre) in centres.axis_iter(Axis(0)).enumerate() {
        let distance = squared(row, centre);
        if distance < found.1 {
            found = (at, distance);
        }
    }
    found
}

/// Mean of `(b − a) / max(a, b)`: `a` is the mean distance to the others of a row's group, `b` the least mean distance to another group.
fn silhouette(rows: ArrayView2<'_, f64>, centres: &Array2<f64>) -> f64 {
    let groups: Vec<usize> = rows.axis_iter(Axis(0)).map(|row| nearest(row, centres).0).collect();
    let mut sizes = vec![0.0; centres.nrows()];
    for group in &groups {
        sizes[*group] += 1.0;
    }
    let mut own = vec![0.0; rows.nrows()];
    Zip::indexed(ndarray::ArrayViewMut1::from(&mut own)).par_for_each(|row, told| {
        let mut sums = vec![0.0; sizes.len()];
        for (other, group) in groups.iter().enumerate() {
            sums[*group] += squared(rows.row(row), rows.row(other)).sqrt();
        }
        let group = groups[row];
        if sizes[group] < 2.0 {
            return;
        }
        let within = sums[group] / (sizes[group] - 1.0);
        let others = (0..sizes.len()).filter(|other| *other != group && sizes[*other] > 0.0).map(|other| sums[other] / sizes[other]);
        let next = others.fold(f64::INFINITY, f64::min);
        *told = if next.is_finite() && next.max(within) > 0.0 { (next - within) / next.max(within) } else { 0.0 };
    });
    own.iter().sum::<f64>() / rows.nrows() as f64
}
