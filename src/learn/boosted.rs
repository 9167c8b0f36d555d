//! Small boosted trees on top of predictions that are at hand: how much do a few columns know that the predictions do not?
//!
//! In: binned columns, labels, an offset per row on the scale of the loss. Out: [`Boosted`], which adds to the offset. Not one of the
//! job's learners: it answers questions about columns.

/// Bins of a column at most, that of missing values included: a split names its left side in a word of bits.
pub const BINS: usize = 64;
/// Leaves shrink towards 0 as if there were so many more rows of curvature 1.
const SHRINK: f64 = 1.0;
/// A split has to gain so much (in units of the loss) to be made.
const LEAST_GAIN: f64 = 1e-6;

/// A tree that is one leaf of no more than this ends the growing.
const NOTHING: f64 = 1e-6;

/// What the trees lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Log loss; offsets are logits, labels 0 or 1.
    Logistic,
    /// Half the squared error; offsets are predictions.
    Squared,
}

impl Loss {
    /// The offset of a prediction on the natural scale; probabilities end short of 0 and 1.
    #[must_use]
    pub fn offset(self, prediction: f64) -> f64 {
        let p = prediction.clamp(1e-9, 1.0 - 1e-9);
        if self == Self::Logistic { (p / (1.0 - p)).ln() } else { prediction }
    }

    /// The prediction of a score, on the natural scale.
    #[must_use]
    pub fn prediction(self, score: f64) -> f64 {
        if self == Self::Logistic { 1.0 / (1.0 + (-score).exp()) } else { score }
    }

    /// Gradient and curvature at a score.
    fn slope(self, label: f64, score: f64) -> [f64; 2] {
        let prediction = self.prediction(score);
        [prediction - label, if self == Self::Logistic { prediction * (1.0 - prediction) } else { 1.0 }]
    }
}

/// How many trees, how large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoostSettings {
    /// Trees.
    pub rounds: usize,
    /// Splits between root and leaf.
    pub depth: usize,
    /// Share of a leaf's value that is added.
    pub rate: f64,
    /// Rows that each side of a split must have.
    pub least_rows: usize,
}

impl Default for BoostSettings {
    fn default() -> Self {
        Self { rounds: 50, depth: 3, rate: 0.1, least_rows: 50 }
    }
}

/// A column as trees see it: a bin per row.
#[derive(Debug, Clone, PartialEq)]
pub struct Binned {
    /// Bin of each row, below [`BINS`]. Shape: `[rows]`.
    bin: Vec<u8>,
    /// Whether neighbouring bins belong together; else any bins may go to one side.
    ordered: bool,
    /// Bin of missing values, which may go to either side; the highest.
    missing: u8,
}

impl Binned {
    /// Numbers in bins between their quantiles; NaN is missing. Shape: `values: [rows]`.
    #[must_use]
    pub fn numbers(values: &[f64]) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let cuts = BINS - 1;
        let mut edges: Vec<f64> = (1..cuts).filter_map(|cut| sorted.get(sorted.len() * cut / cuts).copied()).collect();
        edges.dedup();
        // An edge belongs to the bin above it.
        let missing = edges.len() as u8 + 1;
        let bin = |value: &f64| if value.is_nan() { missing } else { edges.partition_point(|edge| edge <= value) as u8 };
        Self { bin: values.iter().map(bin).collect(), ordered: true, missing }
    }

    /// Categories: the most frequent have a bin each, the others share one. `None` is missing. Shape: `values: [rows]`.
    #[must_use]
    pub fn categories(values: &[Option<u32>]) -> Self {
        let mut counts: std::collections::BTreeMap<u32, usize> = std::collections::BTreeMap::new();
        for value in values.iter().flatten() {
            *counts.entry(*value).or_default() += 1;
        }
        let mut common: Vec<(u32, usize)> = counts.into_iter().collect();
        common.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let rest = BINS - 2;
        let place: std::collections::BTreeMap<u32, u8> =
            common.iter().enumerate().map(|(at, (value, _))| (*value, at.min(rest) as u8)).collect();
        let missing = common.len().min(rest + 1) as u8;
        Self { bin: values.iter().map(|value| value.map_or(missing, |value| place[&value])).collect(), ordered: false, missing }
    }
}

/// A split (bins of the left side, places of the two nodes below) or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Node {
    Split { column: usize, left: u64, below: [usize; 2] },
    Leaf(f64),
}

/// Trees that add to an offset.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Boosted {
    trees: Vec<Vec<Node>>,
}

/// Gradient and curvature of the loss over some rows, and their number.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    gradient: f64,
    curvature: f64,
    rows: usize,
}

impl Sum {
    fn of([gradient, curvature]: [f64; 2]) -> Self {
        Self { gradient, curvature, rows: 1 }
    }

    fn plus(self, other: Self) -> Self {
        Self { gradient: self.gradient + other.gradient, curvature: self.curvature + other.curvature, rows: self.rows + other.rows }
    }

    fn minus(self, other: Self) -> Self {
        Self { gradient: self.gradient - other.gradient, curvature: self.curvature - other.curvature, rows: self.rows - other.rows }
    }

    /// What a leaf over these rows lowers the loss by.
    fn gain(self) -> f64 {
        0.5 * self.gradient * self.gradient / (self.curvature + SHRINK)
    }

    fn value(self) -> f64 {
        -self.gradient / (self.curvature + SHRINK)
    }
}

/// What trees are grown on: the learned rows alone, one after the other.
struct Growing<'a> {
    /// Bins of each column. Shape: `[columns][rows]`.
    bins: Vec<Vec<u8>>,
    columns: &'a [Binned],
    /// Gradient and curvature of each row.
    slopes: Vec<[f64; 2]>,
    /// What the offset and the trees so far say of each row.
    score: Vec<f64>,
    settings: BoostSettings,
    nodes: Vec<Node>,
}

/// Fits trees to some rows: each tree takes a Newton step on what the offset and the trees before it leave.
///
/// # Shapes
/// Each of `columns`: `[rows]`; `labels: [rows]`, `offset: [rows]`; `rows` are the positions to learn from.
///
/// # Source
/// Friedman (2001), "Greedy function approximation: a gradient boosting machine"; Chen and Guestrin (2016), "A scalable tree boosting system", section 2.2
/// (second-order leaves and gains) and 3.4 (the side of missing values is learned); Fisher (1958), "On grouping for maximum
/// homogeneity" (categories sorted by their leaf value hold the best grouping among their neighbours).
#[must_use]
pub fn boost(columns: &[Binned], labels: &[f64], offset: &[f64], rows: &[usize], loss: Loss, settings: BoostSettings) -> Boosted {
    let mut growing = Growing {
        bins: columns.iter().map(|column| rows.iter().map(|row| column.bin[*row]).collect()).collect(),
        columns,
        slopes: vec![[0.0; 2]; rows.len()],
        score: rows.iter().map(|row| offset[*row]).collect(),
        settings,
        nodes: Vec::new(),
    };
    let labels: Vec<f64> = rows.iter().map(|row| labels[*row]).collect();
    let mut boosted = Boosted::default();
    for _ in 0..settings.rounds {
        for ((own, label), score) in growing.slopes.iter_mut().zip(&labels).zip(&growing.score) {
            *own = loss.slope(*label, *score);
        }
        growing.grow((0..rows.len() as u32).collect(), 0);
        let tree = std::mem::take(&mut growing.nodes);
        if matches!(tree[0], Node::Leaf(value) if value.abs() < NOTHING) {
            break;
        }
        boosted.trees.push(tree);
    }
    boosted
}

fn leaf(tree: &[Node], columns: &[Binned], row: usize) -> f64 {
    let mut at = 0;
    loop {
        match tree[at] {
            Node::Leaf(value) => return value,
            Node::Split { column, left, below } => at = below[usize::from(left >> columns[column].bin[row] & 1 == 0)],
        }
    }
}

impl Boosted {
    /// What the trees add to the offset of a row.
    #[must_use]
    pub fn added(&self, columns: &[Binned], row: usize) -> f64 {
        self.trees.iter().map(|tree| leaf(tree, columns, row)).sum()
    }
}

impl Growing<'_> {
    /// Grows the node over `rows` and everything below it; returns its place. Leaves are added to the score of their rows.
    fn grow(&mut self, rows: Vec<u32>, depth: usize) -> usize {
        let all = rows.iter().fold(Sum::default(), |sum, row| sum.plus(Sum::of(self.slopes[*row as usize])));
        let place = self.nodes.len();
        self.nodes.push(Node::Leaf(0.0));
        let room = depth < self.settings.depth && rows.len() >= 2 * self.settings.least_rows;
        let splits = (0..if room { self.columns.len() } else { 0 }).filter_map(|column| {
            let (gain, left) = self.split(column, &rows, all)?;
            Some((gain, column, left))
        });
        let best = splits.fold(None, |best: Option<(f64, usize, u64)>, split| best.filter(|best| best.0 >= split.0).or(Some(split)));
        let Some((_, column, left)) = best else {
            let value = self.settings.rate * all.value();
            self.nodes[place] = Node::Leaf(value);
            for row in rows {
                self.score[row as usize] += value;
            }
            return place;
        };
        let bin = &self.bins[column];
        let (first, second): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| left >> bin[**row as usize] & 1 == 1);
        drop(rows);
        let below = [self.grow(first, depth + 1), self.grow(second, depth + 1)];
        self.nodes[place] = Node::Split { column, left, below };
        place
    }

    /// The best split of a column: its gain, and the bins of the left side.
    fn split(&self, column: usize, rows: &[u32], all: Sum) -> Option<(f64, u64)> {
        let Binned { ordered, missing, .. } = &self.columns[column];
        let bin = &self.bins[column];
        let mut sums = [Sum::default(); BINS];
        for row in rows {
            // Below `BINS`, as every bin is: the compiler need not look.
            let own = &mut sums[usize::from(bin[*row as usize]) % BINS];
            *own = own.plus(Sum::of(self.slopes[*row as usize]));
        }
        let gone = usize::from(*missing);
        let mut order: Vec<usize> = (0..gone).filter(|bin| sums[*bin].rows > 0).collect();
        if !ordered {
            order.sort_by(|a, b| sums[*a].value().total_cmp(&sums[*b].value()).then(a.cmp(b)));
        }
        let mut best: Option<(f64, u64)> = None;
        let mut consider = |left: Sum, bins: u64| {
            let right = all.minus(left);
            if left.rows < self.settings.least_rows || right.rows < self.settings.least_rows {
                return;
            }
            let gain = left.gain() + right.gain() - all.gain();
            if gain > LEAST_GAIN && best.is_none_or(|(most, _)| gain > most) {
                best = Some((gain, bins));
            }
        };
        let with_missing = |(sum, bins): (Sum, u64)| (sum.plus(sums[gone]), bins | 1 << gone);
        let mut left = (Sum::default(), 0_u64);
        for at in &order {
            left = (left.0.plus(sums[*at]), left.1 | 1 << at);
            consider(left.0, left.1);
            if sums[gone].rows > 0 {
                let (sum, bins) = with_missing(left);
                consider(sum, bins);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: BoostSettings = BoostSettings { rounds: 50, depth: 3, rate: 0.1, least_rows: 5 };

    fn rows(n: usize) -> Vec<usize> {
        (0..n).collect()
    }

    #[test]
    fn a_squared_fit_finds_steps_and_the_side_of_missing_values() {
        let values: Vec<f64> = (0..600).map(|row| if row % 3 == 0 { f64::NAN } else { f64::from(row % 10) }).collect();
        let truth = |value: f64| if value.is_nan() || value > 6.0 { 2.0 } else { -1.0 };
        let labels: Vec<f64> = values.iter().map(|value| truth(*value)).collect();
        let columns = [Binned::numbers(&values)];
        let fitted = boost(&columns, &labels, &vec![0.0; 600], &rows(600), Loss::Squared, ALL);
        for (row, label) in labels.iter().enumerate() {
            assert!((fitted.added(&columns, row) - label).abs() < 0.05, "{row}: {}", fitted.added(&columns, row));
        }
    }

    #[test]
    fn categories_that_alternate_are_grouped_in_one_split() {
        let values: Vec<Option<u32>> = (0..800).map(|row| if row % 9 == 8 { None } else { Some(row % 9) }).collect();
        let labels: Vec<f64> = values.iter().map(|value| f64::from(value.is_none_or(|value| value % 2 == 0))).collect();
        let columns = [Binned::categories(&values)];
        let one = BoostSettings { rounds: 1, depth: 1, rate: 1.0, least_rows: 5 };
        let fitted = boost(&columns, &labels, &vec![0.5; 800], &rows(800), Loss::Squared, one);
        for (row, label) in labels.iter().enumerate() {
            assert!(((0.5 + fitted.added(&columns, row)) - label).abs() < 0.01, "{row}");
        }
    }

    #[test]
    fn what_the_offset_knows_already_is_not_added_again() {
        let values: Vec<f64> = (0..2_000).map(f64::from).collect();
        // The logit is right: expected rates are the observed ones in every tenth of the rows.
        let labels: Vec<f64> = (0..2_000).map(|row| f64::from(u8::from(row % 10 < 3))).collect();
        let offset = vec![(0.3_f64 / 0.7).ln(); 2_000];
        let columns = [Binned::numbers(&values)];
        let fitted = boost(&columns, &labels, &offset, &rows(2_000), Loss::Logistic, ALL);
        let most = (0..2_000).map(|row| fitted.added(&columns, row).abs()).fold(0.0, f64::max);
        assert!(most < 0.5, "{most}");
        let wrong = vec![0.0; 2_000];
        let fitted = boost(&columns, &labels, &wrong, &rows(2_000), Loss::Logistic, ALL);
        let mean = (0..2_000).map(|row| fitted.added(&columns, row)).sum::<f64>() / 2_000.0;
        assert!((mean - offset[0]).abs() < 0.1, "a wrong offset is put right: {mean}");
    }

    #[test]
    fn rows_that_are_left_out_teach_nothing_and_are_predicted_all_the_same() {
        let values: Vec<f64> = (0..400).map(|row| f64::from(row % 2)).collect();
        let mut labels = values.clone();
        labels[200..].fill(0.5);
        let columns = [Binned::numbers(&values)];
        let fitted = boost(&columns, &labels, &vec![0.5; 400], &rows(200), Loss::Squared, ALL);
        assert!((0.5 + fitted.added(&columns, 399) - 1.0).abs() < 0.05 && (0.5 + fitted.added(&columns, 398)).abs() < 0.05);
    }

    #[test]
    fn constant_columns_add_the_mean_and_no_rows_add_nothing() {
        let columns = [Binned::numbers(&[1.0; 50]), Binned::categories(&[None; 50])];
        assert_eq!(boost(&columns, &[1.0; 50], &[1.0; 50], &rows(50), Loss::Squared, ALL), Boosted::default());
        let fitted = boost(&columns, &[1.0; 50], &[0.0; 50], &rows(50), Loss::Squared, ALL);
        assert!((fitted.added(&columns, 7) - 1.0).abs() < 0.02);
        assert_eq!(boost(&columns, &[1.0; 50], &[0.0; 50], &[], Loss::Logistic, ALL), Boosted::default());
    }
}
