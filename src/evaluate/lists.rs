//! Rankings within an entity: what one household, shown its own rows in the order of their scores, would find on top.
//!
//! In: labels (0 or 1), predictions, entities of rows. Out: one [`List`] per entity and means over them. Rows of equal
//! prediction stand in no order: each figure is its expected value over all orders of them, so that a tie is neither luck nor
//! a matter of the order in which rows were read.

/// The rows of one entity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct List {
    /// The entity, as it was given.
    pub entity: u32,
    /// Rows.
    pub rows: u64,
    /// Area under the ROC curve within the entity; `None` with one class.
    pub auc: Option<f64>,
    /// What is found on top; `None` without a positive.
    pub top: Option<Top>,
}

/// What the first `k` rows of an entity hold. Each between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Top {
    /// `DCG@k / ideal DCG@k` with `DCG@k = Σ_{i ≤ k} y_i / log2(i + 1)`.
    ///
    /// # Source
    /// Järvelin and Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques"; ties as in `McSherry` and Najork
    /// (2008), "Computing information retrieval performance measures efficiently in the presence of tied scores", section 2.3.
    pub ndcg: f64,
    /// Positives among the first `k`, of all positives.
    pub recall: f64,
    /// Whether (with ties: how probably) a positive is among the first `k`.
    pub hit: f64,
    /// `1 / rank` of the first positive, however far down.
    ///
    /// # Source
    /// Voorhees (1999), "The TREC-8 question answering track report", section 3.
    pub reciprocal_rank: f64,
}

/// Means over entities; `None` where no entity has the figure.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Means {
    /// `Σ rows·AUC / Σ rows` over entities with both classes.
    ///
    /// # Source
    /// Zhou et al. (2018), "Deep interest network for click-through rate prediction", section 6.2.
    pub gauc: Option<f64>,
    /// Mean over entities with a positive, each weighing 1.
    pub ndcg: Option<f64>,
    /// As `ndcg`.
    pub recall: Option<f64>,
    /// As `ndcg`.
    pub hit: Option<f64>,
    /// As `ndcg`.
    pub mrr: Option<f64>,
}

/// Numbers of a list that means are made of: `rows·AUC, rows` (0 with one class), then `ndcg, recall, hit, 1/rank, 1`
/// (0 without a positive).
pub(super) const TERMS: usize = 7;

impl List {
    pub(super) fn terms(&self) -> [f64; TERMS] {
        let rows = self.rows as f64;
        let (area, ranked) = self.auc.map_or((0.0, 0.0), |auc| (rows * auc, rows));
        match self.top {
            None => [area, ranked, 0.0, 0.0, 0.0, 0.0, 0.0],
            Some(top) => [area, ranked, top.ndcg, top.recall, top.hit, top.reciprocal_rank, 1.0],
        }
    }
}

impl Means {
    /// Of summed [`List::terms`].
    pub(super) fn of(terms: [f64; TERMS]) -> Self {
        let over = |top: f64, bottom: f64| (bottom > 0.0).then(|| top / bottom);
        let [area, ranked, ndcg, recall, hit, reciprocal, lists] = terms;
        let [ndcg, recall, hit, mrr] = [ndcg, recall, hit, reciprocal].map(|sum| over(sum, lists));
        Self { gauc: over(area, ranked), ndcg, recall, hit, mrr }
    }

    /// Over lists.
    #[must_use]
    pub fn new(lists: &[List]) -> Self {
        let mut terms = [0.0; TERMS];
        for list in lists {
            terms.iter_mut().zip(list.terms()).for_each(|(sum, term)| *sum += term);
        }
        Self::of(terms)
    }
}

/// The list of every entity, by rising entity; `k` is at least 1.
///
/// # Shapes
/// `labels: [rows]`, `predictions: [rows]`, `entity: [rows]`; every prediction is finite.
#[must_use]
pub fn lists(labels: &[f64], predictions: &[f64], entity: &[u32], k: usize) -> Vec<List> {
    let discounts = Discounts::new(k.max(1));
    let mut rows: Vec<u32> = (0..labels.len() as u32).collect();
    let falling = |a: u32, b: u32| predictions[b as usize].total_cmp(&predictions[a as usize]);
    rows.sort_unstable_by(|a, b| entity[*a as usize].cmp(&entity[*b as usize]).then(falling(*a, *b)).then(a.cmp(b)));
    let mut runs = Vec::new();
    let own = rows.chunk_by(|a, b| entity[*a as usize] == entity[*b as usize]).map(|rows| {
        runs.clear();
        // `==` and not `total_cmp`: 0 and −0 are equal.
        let tied = |a: &u32, b: &u32| (predictions[*a as usize] - predictions[*b as usize]).abs() <= 0.0;
        runs.extend(
            rows.chunk_by(tied)
                .map(|run| Run { rows: run.len(), positives: run.iter().filter(|row| labels[**row as usize] > 0.5).count() }),
        );
        list(entity[rows[0] as usize], &runs, &discounts)
    });
    own.collect()
}

/// Rows of equal prediction.
struct Run {
    rows: usize,
    positives: usize,
}

/// `Σ_{i ≤ n} 1 / log2(i + 1)` for `n` from 0 to `k`.
struct Discounts(Vec<f64>);

impl Discounts {
    fn new(k: usize) -> Self {
        let mut sums = vec![0.0];
        sums.extend((1..=k).scan(0.0, |sum, rank| {
            *sum += 1.0 / ((rank + 1) as f64).log2();
            Some(*sum)
        }));
        Self(sums)
    }

    fn k(&self) -> usize {
        self.0.len() - 1
    }

    /// Summed over the first `rank` places, none beyond `k`.
    fn until(&self, rank: usize) -> f64 {
        self.0[rank.min(self.k())]
    }
}

fn list(entity: u32, runs: &[Run], discounts: &Discounts) -> List {
    let rows: usize = runs.iter().map(|run| run.rows).sum();
    let positives: usize = runs.iter().map(|run| run.positives).sum();
    let negatives = rows - positives;
    let both = positives > 0 && negatives > 0;
    let auc = || {
        let (mut seen, mut area) = (0, 0.0);
        for run in runs {
            let own = run.rows - run.positives;
            area += run.positives as f64 * ((negatives - seen) as f64 - own as f64 / 2.0);
            seen += own;
        }
        area / (positives as f64 * negatives as f64)
    };
    List { entity, rows: rows as u64, auc: both.then(auc), top: (positives > 0).then(|| top(runs, positives, discounts)) }
}

fn top(runs: &[Run], positives: usize, discounts: &Discounts) -> Top {
    let k = discounts.k();
    let (mut gain, mut found, mut miss, mut above) = (0.0, 0.0, 1.0, 0);
    let mut reciprocal_rank = None;
    for run in runs {
        let share = run.positives as f64 / run.rows as f64;
        let places = k.saturating_sub(above).min(run.rows);
        gain += share * (discounts.until(above + run.rows) - discounts.until(above));
        found += share * places as f64;
        miss *= none_among(run, places);
        if run.positives > 0 && reciprocal_rank.is_none() {
            reciprocal_rank = Some(first_rank(run, above));
        }
        above += run.rows;
    }
    Top {
        ndcg: gain / discounts.until(positives),
        recall: found / positives as f64,
        hit: 1.0 - miss,
        reciprocal_rank: reciprocal_rank.unwrap_or(0.0),
    }
}

/// Probability that the first `places` rows of a run in random order are all negative.
fn none_among(run: &Run, places: usize) -> f64 {
    let negatives = run.rows - run.positives;
    (0..places).map(|at| negatives.saturating_sub(at) as f64 / (run.rows - at) as f64).product()
}

/// Expected `1 / rank` of the first positive of a run in random order, `above` rows before it.
fn first_rank(run: &Run, above: usize) -> f64 {
    let (mut expected, mut none_yet) = (0.0, 1.0);
    for at in 0..=run.rows - run.positives {
        let here = run.positives as f64 / (run.rows - at) as f64;
        expected += none_yet * here / (above + at + 1) as f64;
        none_yet *= 1.0 - here;
    }
    expected
}
