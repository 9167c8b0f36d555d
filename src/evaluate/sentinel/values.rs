//! Features whose values have no order: categorical entries and words of texts.
//!
//! In: a sample and a column. Out: a finding per stratum and task. Not here: numbers.
//!
//! What a value says of the outcome is learned from half of the entities and measured on the others: an id of which every row
//! has its own would else "know" the outcome by heart. The two special entries take part like any other: an id of the outcome
//! is too rare for an entry of its own, so that it is "unknown" for positives and "missing" for the rest.

use super::sample::{Sample, rising};
use super::{Count, Finding, LeakReason, PURE, SentinelSettings};
use crate::evaluate::metrics::Rows;
use crate::learn::rows::{Column, MISSING, UNKNOWN};

/// Rows at the base rate that a value's mean is shrunk by, so that a value of one row does not stand above all others.
const PRIOR: f64 = 1.0;
/// Share of the positives with a value of their own from which a column is an id of the outcome.
const OWN: f64 = 0.9;

/// Findings of a categorical field. Shape: `[strata][tasks]`.
pub(super) fn findings(sample: &Sample<'_>, field: usize, settings: SentinelSettings) -> Vec<Vec<Option<Finding>>> {
    let entries: Vec<u32> = sample
        .rows_of_blocks()
        .map(|(block, row)| if let Column::Categorical(entries) = block.columns[field] { entries[row] } else { MISSING })
        .collect();
    let order = rising(entries.iter().enumerate().map(|(row, entry)| (*entry, row as u32)));
    let orders = sample.by_stratum(order);
    let strata = sample.strata.iter().zip(&orders);
    strata
        .map(|(stratum, order)| {
            let task = |task: usize| {
                stratum.supports(task).then(|| Entries::new(sample, order, &entries, task, stratum.classes[task]).finding(settings))?
            };
            (0..sample.class.len()).map(task).collect()
        })
        .collect()
}

/// Rows of each entry.
struct Entries {
    whole: Count,
    missing: Count,
    /// Rows of each entry by half of the entities.
    halves: Vec<[Count; 2]>,
    /// Positives in entries that are "unknown", or that one entity alone has.
    own: u32,
    /// Negatives of the entry that most of them have.
    common: u32,
    /// The entry that is a sign of positives only.
    pure: Option<Finding>,
}

impl Entries {
    fn new(sample: &Sample<'_>, order: &[u32], entries: &[u32], task: usize, whole: Count) -> Self {
        let class = &sample.class[task];
        let mut found = Self { whole, missing: Count::default(), halves: Vec::new(), own: 0, common: 0, pure: None };
        for run in order.chunk_by(|a, b| entries[*a as usize] == entries[*b as usize]) {
            let mut halves = [Count::default(); 2];
            for row in run {
                halves[(sample.entity[*row as usize] & 1) as usize].add(class[*row as usize]);
            }
            let all = Count { positives: halves[0].positives + halves[1].positives, negatives: halves[0].negatives + halves[1].negatives };
            if all.all() == 0 {
                continue;
            }
            let entry = entries[run[0] as usize];
            if entry == MISSING {
                found.missing = all;
            }
            let first = sample.entity[run[0] as usize];
            let single = entry != MISSING && run.iter().all(|row| sample.entity[*row as usize] == first);
            if entry == UNKNOWN || single {
                found.own += all.positives;
            } else {
                found.common = found.common.max(all.negatives);
            }
            found.pure = found.pure.or_else(|| whole.only_positives(all));
            found.halves.push(halves);
        }
        found
    }

    /// AUC of the entries' mean labels, each half of the entities ranked by what the other half says; the mean of both.
    fn auc(&self) -> Option<f64> {
        let base = f64::from(self.whole.positives) / f64::from(self.whole.all());
        let half = |judged: usize| {
            let mean = |learned: Count| (f64::from(learned.positives) + PRIOR * base) / (f64::from(learned.all()) + PRIOR);
            let mut means: Vec<(f64, Count)> = self.halves.iter().map(|halves| (mean(halves[1 - judged]), halves[judged])).collect();
            means.sort_unstable_by(|a, b| {
                a.0.total_cmp(&b.0).then_with(|| (a.1.positives, a.1.negatives).cmp(&(b.1.positives, b.1.negatives)))
            });
            let (labels, (scores, weights)): (Vec<f64>, (Vec<f64>, Vec<f64>)) = means
                .into_iter()
                .flat_map(|(mean, count)| [(1.0, (mean, f64::from(count.positives))), (0.0, (mean, f64::from(count.negatives)))])
                .unzip();
            Rows::weighted(&labels, &scores, &weights)?.auc()
        };
        let auc = f64::midpoint(half(0)?, half(1)?);
        Some(auc.max(1.0 - auc))
    }

    fn finding(&self, settings: SentinelSettings) -> Option<Finding> {
        let (positives, negatives) = (f64::from(self.whole.positives), f64::from(self.whole.negatives));
        let own = f64::from(self.own) / positives;
        let id = || (own > OWN && f64::from(self.common) > PURE * negatives).then_some((LeakReason::OutcomeId, own));
        let present = self.whole.minus(self.missing);
        let pure = || [present, self.missing].into_iter().find_map(|part| self.whole.only_positives(part)).or(self.pure);
        let separates = || self.auc().filter(|auc| *auc > settings.auc_limit).map(|auc| (LeakReason::Separates, auc));
        id().or_else(pure).or_else(separates)
    }
}

/// Findings of a text field: the one bucket of words, or having no words, that tells most. Shape: `[strata][tasks]`.
///
/// The bucket is chosen on half of the entities by the AUC of its presence, `(1 + |tpr − fpr|) / 2`, and measured on the
/// others. One pass over the words per stratum and task; memory is that of the buckets.
pub(super) fn text_findings(sample: &Sample<'_>, field: usize, buckets: u32, settings: SentinelSettings) -> Vec<Vec<Option<Finding>>> {
    let words: Vec<&[u32]> = sample
        .rows_of_blocks()
        .map(|(block, row)| match block.columns[field] {
            Column::Text { offsets, buckets } => &buckets[offsets[row] as usize..offsets[row + 1] as usize],
            _ => &[],
        })
        .collect();
    let orders = sample.by_stratum((0..sample.rows() as u32).collect());
    let strata = sample.strata.iter().zip(&orders);
    let mut seen = vec![(u32::MAX, [Count::default(); 2]); buckets as usize + 1];
    strata
        .map(|(stratum, order)| {
            let mut task = |task: usize| {
                stratum.supports(task).then(|| text(sample, order, &words, task, stratum.classes[task], &mut seen, settings))?
            };
            (0..sample.class.len()).map(&mut task).collect()
        })
        .collect()
}

/// `seen`: the row that a bucket was last seen in, and its rows by half; the last is for rows without words.
fn text(
    sample: &Sample<'_>,
    order: &[u32],
    words: &[&[u32]],
    task: usize,
    whole: Count,
    seen: &mut [(u32, [Count; 2])],
    settings: SentinelSettings,
) -> Option<Finding> {
    seen.fill((u32::MAX, [Count::default(); 2]));
    let (class, empty) = (&sample.class[task], [seen.len() as u32 - 1]);
    let mut halves = [Count::default(); 2];
    for row in order {
        let half = (sample.entity[*row as usize] & 1) as usize;
        let class = class[*row as usize];
        halves[half].add(class);
        let own = words[*row as usize];
        for bucket in if own.is_empty() { &empty } else { own } {
            let Some((last, counts)) = seen.get_mut(*bucket as usize) else { continue };
            if *last != *row {
                *last = *row;
                counts[half].add(class);
            }
        }
    }
    let rates = |part: Count, whole: Count| {
        let share = |part: u32, whole: u32| f64::from(part) / f64::from(whole.max(1));
        share(part.positives, whole.positives) - share(part.negatives, whole.negatives)
    };
    let mut pure = None;
    let mut best = [(0.0_f64, 0_usize); 2];
    for (bucket, (_, counts)) in seen.iter().enumerate() {
        let all = Count { positives: counts[0].positives + counts[1].positives, negatives: counts[0].negatives + counts[1].negatives };
        pure = pure.or_else(|| whole.only_positives(all));
        if bucket + 1 == seen.len() {
            pure = pure.or_else(|| whole.only_positives(whole.minus(all)));
        }
        for half in 0..2 {
            let told = rates(counts[half], halves[half]).abs();
            if told > best[half].0 {
                best[half] = (told, bucket);
            }
        }
    }
    let measured = |half: usize| f64::midpoint(1.0, rates(seen[best[1 - half].1].1[half], halves[half]).abs());
    let auc = f64::midpoint(measured(0), measured(1));
    pure.or_else(|| (auc > settings.auc_limit).then_some((LeakReason::Separates, auc)))
}
