//! Numeric features against labels: AUC by value, copies, and what is there for positives only.
//!
//! In: a sample and a column (or one component of a vector). Out: a finding per stratum and task. Not here: features whose
//! values have no order.

use super::sample::{Sample, rising};
use super::{Count, Finding, LeakReason, PURE, SUPPORT, SentinelSettings};
use crate::learn::rows::Column;

/// Share of rows on which a copy of a binary label is equal to it.
const EQUAL: f64 = 0.999;
/// Correlation above which a feature is a copy of a numeric label.
const ALIKE: f64 = 0.999;
/// Rough correlation below which the exact one is not worth a sort.
const WORTH: f64 = 0.8;

/// Findings of a numeric field, or of component `part` of a vector. Shape: `[strata][tasks]`.
pub(super) fn findings(sample: &Sample<'_>, field: usize, part: usize, settings: SentinelSettings) -> Vec<Vec<Option<Finding>>> {
    let values: Vec<f32> = sample
        .rows_of_blocks()
        .map(|(block, row)| match block.columns[field] {
            Column::Numeric(values) => values[row],
            Column::Vector(values) => values[row * (values.len() / block.rows()) + part],
            Column::Categorical(_) | Column::Text { .. } => f32::NAN,
        })
        // 0 and −0 are one value.
        .map(|value| value + 0.0)
        .collect();
    let present = values.iter().enumerate().filter(|(_, value)| !value.is_nan());
    let order = rising(present.map(|(row, value)| (ordered(*value), row as u32)));
    let orders = sample.by_stratum(order);
    let strata = sample.strata.iter().zip(&orders);
    strata
        .map(|(stratum, order)| {
            let task = |task: usize| {
                let copy = if sample.numbers[task] { copy(order, &values, &sample.labels[task]) } else { None };
                let told = stratum.supports(task).then(|| Walk::new(order, &values, &sample.class[task], stratum.classes[task]));
                copy.or_else(|| told.and_then(|walk| walk.finding(settings)))
            };
            (0..sample.class.len()).map(task).collect()
        })
        .collect()
}

/// The bits of a number, in the order of numbers ([`f32::total_cmp`]).
fn ordered(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// One pass over rows by rising value.
struct Walk {
    whole: Count,
    missing: Count,
    /// Rows whose value is not 0.
    some: Count,
    /// First and second distinct value, and how many there are.
    ends: [Count; 2],
    distinct: usize,
    /// The run of equal values that is a sign of positives only.
    pure: Option<Finding>,
    auc: f64,
}

impl Walk {
    /// `U = Σ_runs p·(n_below + n/2)` over present rows. Missing rows (`p` positives, `n` negatives) add
    /// `p·n_below + n·p_above + p·n/2` where they stand; they stand where they help most, rising and falling.
    fn new(order: &[u32], values: &[f32], class: &[u8], whole: Count) -> Self {
        let mut present = Count::default();
        for row in order {
            present.add(class[*row as usize]);
        }
        let missing = whole.minus(present);
        let (p, n) = (f64::from(missing.positives), f64::from(missing.negatives));
        let placed = |below: Count| p * f64::from(below.negatives) + n * f64::from(present.positives - below.positives) + p * n / 2.0;
        let mut walk = Self { whole, missing, some: Count::default(), ends: [Count::default(); 2], distinct: 0, pure: None, auc: 0.5 };
        let (mut below, mut area) = (Count::default(), 0.0);
        let (mut most, mut least) = (placed(below), placed(below));
        for run in order.chunk_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]).is_eq()) {
            let mut own = Count::default();
            for row in run {
                own.add(class[*row as usize]);
            }
            if own.all() == 0 {
                continue;
            }
            area += f64::from(own.positives) * (f64::from(below.negatives) + f64::from(own.negatives) / 2.0);
            below = Count { positives: below.positives + own.positives, negatives: below.negatives + own.negatives };
            (most, least) = (most.max(placed(below)), least.min(placed(below)));
            if let Some(end) = walk.ends.get_mut(walk.distinct) {
                *end = own;
            }
            walk.distinct += 1;
            if values[run[0] as usize] != 0.0 {
                walk.some = Count { positives: walk.some.positives + own.positives, negatives: walk.some.negatives + own.negatives };
            }
            walk.pure = walk.pure.or_else(|| whole.only_positives(own));
        }
        let pairs = f64::from(whole.positives) * f64::from(whole.negatives);
        walk.auc = ((area + most) / pairs).max(1.0 - (area + least) / pairs);
        walk
    }

    fn finding(&self, settings: SentinelSettings) -> Option<Finding> {
        let present = self.whole.minus(self.missing);
        let pure = || [present, self.some, self.missing].into_iter().find_map(|part| self.whole.only_positives(part)).or(self.pure);
        let auc = self.auc;
        self.equal().or_else(pure).or_else(|| (auc > settings.auc_limit).then_some((LeakReason::Separates, auc)))
    }

    /// Two values that are the label, or its opposite: on all rows, and on those of the rarer class by themselves, since a
    /// feature that is always 0 is equal to a rare label on almost all rows.
    fn equal(&self) -> Option<Finding> {
        let [low, high] = self.ends;
        let agree = |low: Count, high: Count| {
            let share = f64::from(low.negatives + high.positives) / f64::from(self.whole.all());
            let positives = f64::from(high.positives) / f64::from(self.whole.positives);
            let negatives = f64::from(low.negatives) / f64::from(self.whole.negatives);
            (share > EQUAL && positives.min(negatives) > PURE).then_some((LeakReason::Copy, share))
        };
        if self.distinct == 2 { agree(low, high).or_else(|| agree(high, low)) } else { None }
    }
}

/// Whether a feature is ordered or scaled like a numeric label: over all rows that have both, or over those whose label is
/// not 0 (a label that is mostly 0 would else hide a copy with a little noise). `order` has the rows by rising value.
fn copy(order: &[u32], values: &[f32], labels: &[f32]) -> Option<Finding> {
    let pairs = |keep: &dyn Fn(f32) -> bool| -> (Vec<f64>, Vec<f64>) {
        let rows = order.iter().map(|row| *row as usize).filter(|row| !labels[*row].is_nan() && keep(labels[*row]));
        rows.map(|row| (f64::from(values[row]), f64::from(labels[row]))).unzip()
    };
    let (x, y) = pairs(&|_| true);
    let whole = alike(&x, &y);
    if whole.is_some() || !y.contains(&0.0) {
        return whole.map(|value| (LeakReason::Copy, value));
    }
    let (x, y) = pairs(&|label| label != 0.0);
    alike(&x, &y).map(|value| (LeakReason::Copy, value))
}

/// The larger of |Spearman| and |Pearson| where it is above the limit. A few huge amounts make any Pearson correlation 1, so
/// that it has to hold without the hundredth of the rows that is largest as well.
fn alike(x: &[f64], y: &[f64]) -> Option<f64> {
    let linear = pearson(x, y)?.abs();
    // A monotone copy that is so bent that its linear correlation is lost shows in the rough ranks of thirds.
    if linear < WORTH && thirds(x, y).abs() < WORTH {
        return None;
    }
    let (ranked_x, tied_x) = ranks(x);
    let (ranked_y, tied_y) = ranks(y);
    if x.len() - tied_x.max(tied_y) < SUPPORT as usize {
        return None;
    }
    let monotone = pearson(&ranked_x, &ranked_y).map_or(0.0, f64::abs);
    let trimmed = || {
        let most = 0.99 * x.len() as f64;
        let magnitude = |values: &[f64]| ranks(&values.iter().map(|value| value.abs()).collect::<Vec<_>>()).0;
        let (far_x, far_y) = (magnitude(x), magnitude(y));
        let kept = (0..x.len()).filter(|row| far_x[*row] <= most && far_y[*row] <= most);
        let (x, y): (Vec<f64>, Vec<f64>) = kept.map(|row| (x[row], y[row])).unzip();
        pearson(&x, &y).map_or(0.0, f64::abs)
    };
    let scaled = if linear > ALIKE { linear.min(trimmed()) } else { 0.0 };
    Some(monotone.max(scaled)).filter(|value| *value > ALIKE)
}

/// Pearson correlation; `None` where one does not vary.
fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len().max(1) as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - mean_x, y - mean_y);
        (xx, yy, xy) = (xx + x * x, yy + y * y, xy + x * y);
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx.sqrt() * yy.sqrt()))
}

/// Of the rows of `x` in rising order: how much more often than not the label of the last third is above that of the row as
/// far into the first third, −1 to 1. A monotone copy without ties has 1; with most labels equal, ties are left out.
fn thirds(x: &[f64], y: &[f64]) -> f64 {
    let third = x.len() / 3;
    let (low, high) = (&y[..third], &y[y.len() - third..]);
    let (mut above, mut below) = (0.0, 0.0);
    for (low, high) in low.iter().zip(high) {
        above += f64::from(u8::from(high > low));
        below += f64::from(u8::from(high < low));
    }
    if above + below > 0.0 { (above - below) / (above + below) } else { 0.0 }
}

/// Mean ranks from 1, and the length of the longest run of equal values.
fn ranks(values: &[f64]) -> (Vec<f64>, usize) {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
    let (mut ranks, mut at, mut longest) = (vec![0.0; values.len()], 0, 0);
    for run in order.chunk_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]).is_eq()) {
        // The mean of ranks at + 1 to at + length.
        let mean = at as f64 + f64::midpoint(run.len() as f64, 1.0);
        for row in run {
            ranks[*row as usize] = mean;
        }
        at += run.len();
        longest = longest.max(run.len());
    }
    (ranks, longest)
}
