//! From second moments to coefficients: shared ones, and a deviation per scenario.
//!
//! In: [`Moments`] of a group of tasks. Out: [`Solution`] per penalty. Each term `x_j` enters once shared and, scaled by
//! `deviation`, once per scenario; the scale makes the penalty prefer the shared coefficient.
//!
//! # Source
//! Daumé (2007), "Frustratingly easy domain adaptation", section 3.

use ndarray::{Array1, Array2, Array3, s};

use super::super::LearnError;
use super::elastic_net::{Penalty, Rows};
use super::moments::Moments;

/// Scale of the scenarios' own intercepts: large, so that they are hardly penalised.
const INTERCEPT_SCALE: f64 = 3.0;
/// A term whose variance is below this share of its mean square is constant: what is left is rounding of f32 products.
const CONSTANT: f64 = 1e-6;

/// Coefficients per unit of the raw terms, for each task of a group.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    /// Mean of each term over the rows that teach the group. Shape: `[terms]`.
    pub(super) centre: Array1<f64>,
    /// Raw output at the centre, without a scenario. Shape: `[tasks]`.
    pub(super) base: Array1<f64>,
    /// Shape: `[tasks, scenarios]`.
    pub(super) scenario_base: Array2<f64>,
    /// Shape: `[tasks, terms]`.
    pub(super) shared: Array2<f64>,
    /// Shape: `[tasks, scenarios, terms]`.
    pub(super) deviation: Array3<f64>,
    /// Shared coefficients in units of standard deviations. Shape: `[tasks, terms]`.
    pub(super) standardised: Array2<f64>,
    /// What one standard unit of `standardised` is worth. Shape: `[tasks, terms]`.
    pub(super) unit: Array2<f64>,
    /// Whether the fit reached its tolerance.
    pub(super) converged: bool,
}

/// A group's least-squares problem in standardised columns, ready for any penalty.
pub(super) struct Problem {
    rows: Rows,
    scales: Scales,
    scenarios: usize,
    terms: usize,
    /// Terms that vary.
    kept: Vec<usize>,
    /// Of the kept terms, those with a deviation per scenario.
    deviating: Vec<usize>,
    deviation: f64,
    /// Mean of each expanded column.
    means: Array1<f64>,
}

struct Scales {
    mean: Vec<f64>,
    std: Vec<f64>,
    label_mean: Vec<f64>,
    label_std: Vec<f64>,
}

/// Standardised moments of one scenario.
struct Part {
    weight: f64,
    first: Array1<f64>,
    second: Array2<f64>,
    cross: Array2<f64>,
    label: Array1<f64>,
}

impl Problem {
    /// Sets the problem up. Where shared and deviating columns together would be more than `max_columns`, only the terms
    /// that matter most on their own deviate.
    ///
    /// # Errors
    /// [`LearnError::Library`] when the moments cannot be factorised.
    pub(super) fn new(moments: &Moments, deviation: f64, max_columns: usize, penalty: Penalty) -> Result<Self, LearnError> {
        let scales = Scales::of(moments);
        let terms = scales.mean.len();
        let kept: Vec<usize> = (0..terms).filter(|term| scales.std[*term] > 0.0).collect();
        let scenarios = moments.xx.len() - 1;
        let parts: Vec<Part> = (0..=scenarios).map(|scenario| Part::of(moments, scenario, &scales, &kept)).collect();
        let room = max_columns.saturating_sub(kept.len() + scenarios) / scenarios.max(1);
        let deviating = if scenarios < 2 {
            Vec::new()
        } else if room >= kept.len() {
            (0..kept.len()).collect()
        } else {
            strongest(&parts, scenarios, penalty, room)?
        };
        let (h, c, means) = assemble(&parts, scenarios, kept.len(), &deviating, deviation);
        Ok(Self { rows: Rows::new(&h, c)?, scales, scenarios, terms, kept, deviating, deviation, means })
    }

    /// The coefficients under a penalty.
    ///
    /// # Errors
    /// [`LearnError::Library`] when linfa refuses.
    pub(super) fn solve(&self, penalty: Penalty) -> Result<Solution, LearnError> {
        let fitted = self.rows.fit(penalty)?;
        let w = &fitted.coefficients;
        let tasks = w.ncols();
        let mut solution = Solution {
            centre: Array1::from(self.scales.mean.clone()),
            base: Array1::zeros(tasks),
            scenario_base: Array2::zeros((tasks, self.scenarios)),
            shared: Array2::zeros((tasks, self.terms)),
            deviation: Array3::zeros((tasks, self.scenarios, self.terms)),
            standardised: Array2::zeros((tasks, self.terms)),
            unit: Array2::zeros((tasks, self.terms)),
            converged: fitted.converged,
        };
        let own = self.own_intercepts();
        for task in 0..tasks {
            let label_std = self.scales.label_std[task];
            let shift: f64 = self.means.iter().zip(w.column(task)).map(|(mean, w)| mean * w).sum();
            solution.base[task] = self.scales.label_mean[task] - label_std * shift;
            for (at, term) in self.kept.iter().enumerate() {
                let unit = label_std / self.scales.std[*term];
                solution.unit[[task, *term]] = unit;
                solution.standardised[[task, *term]] = w[[at, task]];
                solution.shared[[task, *term]] = unit * w[[at, task]];
            }
            for scenario in 0..own {
                solution.scenario_base[[task, scenario]] = label_std * INTERCEPT_SCALE * w[[self.kept.len() + scenario, task]];
                for (at, place) in self.deviating.iter().enumerate() {
                    let column = self.kept.len() + own + scenario * self.deviating.len() + at;
                    let term = self.kept[*place];
                    solution.deviation[[task, scenario, term]] = label_std / self.scales.std[term] * self.deviation * w[[column, task]];
                }
            }
        }
        Ok(solution)
    }

    fn own_intercepts(&self) -> usize {
        own_intercepts(self.scenarios)
    }
}

/// A single scenario has no intercept of its own: it would be the shared one.
fn own_intercepts(scenarios: usize) -> usize {
    if scenarios < 2 { 0 } else { scenarios }
}

impl Scales {
    fn of(moments: &Moments) -> Self {
        let last = moments.xx[0].nrows() - 1;
        let n = moments.weight();
        let total = moments.xx.iter().skip(1).fold(moments.xx[0].clone(), |sum, xx| sum + xx);
        let cross = moments.xy.iter().skip(1).fold(moments.xy[0].clone(), |sum, xy| sum + xy);
        let squares = moments.yy.iter().skip(1).fold(moments.yy[0].clone(), |sum, yy| sum + yy);
        let mean: Vec<f64> = (0..last).map(|term| total[[term, last]] / n).collect();
        let std = (0..last).map(|term| {
            let square = total[[term, term]] / n;
            let variance = square - mean[term].powi(2);
            if variance > CONSTANT * square { variance.sqrt() } else { 0.0 }
        });
        let label_mean: Vec<f64> = cross.row(last).iter().map(|sum| sum / n).collect();
        let label_std = squares.iter().zip(&label_mean).map(|(square, mean)| {
            let variance = square / n - mean * mean;
            if variance > 1e-12 { variance.sqrt() } else { 1.0 }
        });
        Self { std: std.collect(), label_std: label_std.collect(), mean, label_mean }
    }
}

impl Part {
    fn of(moments: &Moments, scenario: usize, scales: &Scales, kept: &[usize]) -> Self {
        let (xx, xy) = (&moments.xx[scenario], &moments.xy[scenario]);
        let last = xx.nrows() - 1;
        let n = moments.weight();
        let own = xx[[last, last]];
        let tasks = xy.ncols();
        let first = Array1::from_shape_fn(kept.len(), |at| {
            let j = kept[at];
            (xx[[j, last]] - scales.mean[j] * own) / (scales.std[j] * n)
        });
        let second = Array2::from_shape_fn((kept.len(), kept.len()), |(a, b)| {
            let (j, k) = (kept[a], kept[b]);
            let (mj, mk) = (scales.mean[j], scales.mean[k]);
            (xx[[j, k]] - mj * xx[[last, k]] - mk * xx[[j, last]] + mj * mk * own) / (scales.std[j] * scales.std[k] * n)
        });
        let label = Array1::from_shape_fn(tasks, |task| (xy[[last, task]] - scales.label_mean[task] * own) / (scales.label_std[task] * n));
        let cross = Array2::from_shape_fn((kept.len(), tasks), |(at, task)| {
            let j = kept[at];
            let centred = xy[[j, task]] - scales.mean[j] * xy[[last, task]];
            (centred / (scales.std[j] * n) - scales.label_mean[task] * first[at]) / scales.label_std[task]
        });
        Self { weight: own / n, first, second, cross, label }
    }
}

/// `H`, `C` and the column means of shared columns, scenario intercepts and deviations, in this order.
fn assemble(parts: &[Part], scenarios: usize, kept: usize, deviating: &[usize], deviation: f64) -> (Array2<f64>, Array2<f64>, Array1<f64>) {
    let own = own_intercepts(scenarios);
    let wide = deviating.len();
    let columns = kept + own + own * wide;
    let tasks = parts[0].cross.ncols();
    let (mut h, mut c) = (Array2::zeros((columns, columns)), Array2::zeros((columns, tasks)));
    let mut means = Array1::zeros(columns);
    for part in parts {
        let mut shared = h.slice_mut(s![..kept, ..kept]);
        shared += &part.second;
        let mut cross = c.slice_mut(s![..kept, ..]);
        cross += &part.cross;
    }
    for (scenario, part) in parts.iter().take(own).enumerate() {
        let at = kept + scenario;
        let from = kept + own + scenario * wide;
        means[at] = INTERCEPT_SCALE * part.weight;
        h[[at, at]] = INTERCEPT_SCALE * INTERCEPT_SCALE * part.weight;
        c.row_mut(at).assign(&(&part.label * INTERCEPT_SCALE));
        for j in 0..kept {
            h[[j, at]] = INTERCEPT_SCALE * part.first[j];
            h[[at, j]] = h[[j, at]];
        }
        for (a, place) in deviating.iter().enumerate() {
            let column = from + a;
            means[column] = deviation * part.first[*place];
            c.row_mut(column).assign(&(&part.cross.row(*place) * deviation));
            h[[at, column]] = INTERCEPT_SCALE * deviation * part.first[*place];
            h[[column, at]] = h[[at, column]];
            for j in 0..kept {
                h[[j, column]] = deviation * part.second[[j, *place]];
                h[[column, j]] = h[[j, column]];
            }
            for (b, other) in deviating.iter().enumerate() {
                h[[column, from + b]] = deviation * deviation * part.second[[*place, *other]];
            }
        }
    }
    // Centre every column; shared columns are centred already, and so are the labels.
    for a in kept..columns {
        for b in kept..columns {
            h[[a, b]] -= means[a] * means[b];
        }
    }
    (h, c, means)
}

/// The kept terms whose shared coefficients are largest over the tasks.
fn strongest(parts: &[Part], scenarios: usize, penalty: Penalty, room: usize) -> Result<Vec<usize>, LearnError> {
    let kept = parts[0].first.len();
    let (h, c, _) = assemble(parts, scenarios, kept, &[], 1.0);
    let w = Rows::new(&h, c)?.fit(penalty)?.coefficients;
    let strength: Vec<f64> = (0..kept).map(|at| w.row(at).iter().map(|w| w * w).sum()).collect();
    let mut order: Vec<usize> = (0..kept).collect();
    order.sort_by(|a, b| strength[*b].total_cmp(&strength[*a]).then(a.cmp(b)));
    order.truncate(room);
    order.sort_unstable();
    Ok(order)
}

/// Mean of `1 − R²` over the cells of a group, from moments of validation rows. `None` without a cell to compare on.
pub(super) fn loss(solution: &Solution, moments: &Moments) -> Option<f64> {
    let scenarios = moments.xx.len() - 1;
    let mut losses = Vec::new();
    for scenario in 0..scenarios {
        let (xx, xy) = (&moments.xx[scenario], &moments.xy[scenario]);
        let last = xx.nrows() - 1;
        let n = xx[[last, last]];
        for task in 0..solution.base.len() {
            let (square, sum) = (moments.yy[scenario][task], xy[[last, task]]);
            if moments.rows[scenario] < 2 {
                continue;
            }
            let spread = square - sum * sum / n;
            // Labels that vary by less than this are all the same: what is left is rounding.
            if spread <= 1e-9 * n {
                continue;
            }
            let mut v = Array1::zeros(last + 1);
            for j in 0..last {
                v[j] = solution.shared[[task, j]] + solution.deviation[[task, scenario, j]];
                v[last] -= v[j] * solution.centre[j];
            }
            v[last] += solution.base[task] + solution.scenario_base[[task, scenario]];
            let error = square - 2.0 * v.dot(&xy.column(task)) + v.dot(&xx.dot(&v));
            losses.push(error / spread);
        }
    }
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}
