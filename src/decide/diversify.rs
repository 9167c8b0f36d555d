//! Diversity: which rows of a list to show, each valued by what it adds to those before it.
//!
//! In: one list of candidates with values, categories and embeddings. Out: the picked rows in their order. One list at a time: whoever
//! calls can stream.

use super::error::DecideError;

/// Candidates of a list that are looked at, the most valued ones: the work of a list grows with their number times the picks.
pub const CONSIDERED: usize = 1000;

/// How a list is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Rows that are picked, at most.
    k: usize,
    /// Weight of the value against the likeness to what is picked.
    lambda: f64,
    /// Candidates that are looked at, at most.
    considered: usize,
}

impl Settings {
    /// `k` rows, value against likeness by `lambda` (1: by value alone), of the `considered` most valued ones.
    ///
    /// # Errors
    /// [`DecideError::Setting`].
    pub fn new(k: i64, lambda: f64, considered: i64) -> Result<Self, DecideError> {
        let outside = |what, found: String, range: &str| Err(DecideError::Setting { what, found, range: range.to_owned() });
        if k < 1 {
            return outside("k", k.to_string(), "1 and more");
        }
        if !(0.0..=1.0).contains(&lambda) {
            return outside("lambda", lambda.to_string(), "0 to 1");
        }
        if considered < k {
            return outside("considered", considered.to_string(), "k and more");
        }
        Ok(Self { k: k as usize, lambda, considered: considered as usize })
    }
}

/// One list of candidates.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// Shape: `[rows]`.
    pub values: Vec<f64>,
    /// Category of each row, by any number; shape `[rows]`, or empty where there are none.
    pub categories: Vec<Option<u64>>,
    /// Embeddings, one after another; shape `[rows, width]`, or empty where there are none. All zeros: the row has none.
    pub embeddings: Vec<f32>,
}

/// A picked row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pick {
    /// Its place in the list.
    pub row: usize,
    /// `λ · value / greatest |value| − (1 − λ) · greatest likeness to a row picked before`.
    pub marginal: f64,
}

/// Picks rows of a list by greedy maximal marginal relevance.
///
/// Likeness of two rows: 1 for the same category and 0 for another; the cosine of their embeddings, 0 where it is negative; the
/// mean of both where both rows have both; 0 where they have neither. Among equals the more valued, then the earlier row.
///
/// # Errors
/// [`DecideError::NotANumber`] with the place in the list, counted from 1.
///
/// # Source
/// Carbonell & Goldstein (1998), "The use of MMR, diversity-based reranking for reordering documents and producing summaries", section 2.
pub fn diversify(list: &List, settings: Settings) -> Result<Vec<Pick>, DecideError> {
    if let Some(row) = list.values.iter().position(|value| !value.is_finite()) {
        return Err(DecideError::NotANumber { what: "`value`".into(), row: row + 1, found: list.values[row].to_string() });
    }
    let mut order: Vec<usize> = (0..list.values.len()).collect();
    let by_value = |a: &usize, b: &usize| list.values[*b].total_cmp(&list.values[*a]).then(a.cmp(b));
    if order.len() > settings.considered {
        order.select_nth_unstable_by(settings.considered, by_value);
        order.truncate(settings.considered);
    }
    order.sort_unstable_by(by_value);
    let greatest = order.iter().map(|row| list.values[*row].abs()).fold(0.0, f64::max);
    let scale = if greatest > 0.0 { settings.lambda / greatest } else { 0.0 };
    let shape = Shape::of(list, &order);
    // Likeness to the nearest row that is picked, as of the picks so far.
    let mut like = vec![0.0_f64; order.len()];
    let mut open: Vec<usize> = (0..order.len()).collect();
    let mut picks = Vec::with_capacity(settings.k.min(order.len()));
    while picks.len() < settings.k && !open.is_empty() {
        let marginal = |at: usize| scale * list.values[order[at]] - (1.0 - settings.lambda) * like[at];
        let mut best = (0, marginal(open[0]));
        for (place, at) in open.iter().enumerate().skip(1) {
            let own = marginal(*at);
            if own > best.1 {
                best = (place, own);
            }
        }
        let picked = open.remove(best.0);
        picks.push(Pick { row: order[picked], marginal: best.1 });
        if settings.lambda < 1.0 {
            for at in &open {
                like[*at] = like[*at].max(shape.likeness(picked, *at));
            }
        }
    }
    Ok(picks)
}

/// What likeness is made of, in the order of values.
struct Shape {
    categories: Vec<Option<u64>>,
    /// Of length 1, or of zeros.
    embeddings: Vec<f32>,
    width: usize,
    has_embedding: Vec<bool>,
}

impl Shape {
    fn of(list: &List, order: &[usize]) -> Self {
        let width = if list.values.is_empty() { 0 } else { list.embeddings.len() / list.values.len() };
        let mut embeddings = Vec::with_capacity(order.len() * width);
        let mut has_embedding = Vec::with_capacity(order.len());
        for row in order {
            let own = &list.embeddings[row * width..(row + 1) * width];
            let length = own.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
            let has = length > 0.0 && length.is_finite();
            has_embedding.push(has);
            embeddings.extend(own.iter().map(|x| if has { (f64::from(*x) / length) as f32 } else { 0.0 }));
        }
        let categories =
            if list.categories.is_empty() { vec![None; order.len()] } else { order.iter().map(|row| list.categories[*row]).collect() };
        Self { categories, embeddings, width, has_embedding }
    }

    fn likeness(&self, a: usize, b: usize) -> f64 {
        let category = self.categories[a].zip(self.categories[b]).map(|(a, b)| f64::from(u8::from(a == b)));
        let cosine = (self.has_embedding[a] && self.has_embedding[b]).then(|| {
            let of = |at: usize| &self.embeddings[at * self.width..(at + 1) * self.width];
            let product: f32 = of(a).iter().zip(of(b)).map(|(a, b)| a * b).sum();
            f64::from(product).clamp(0.0, 1.0)
        });
        match (category, cosine) {
            (Some(category), Some(cosine)) => 0.5 * (category + cosine),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// As the paper writes it: every likeness computed anew for every pick.
    fn naive(list: &List, k: usize, lambda: f64) -> Vec<(usize, f64)> {
        let width = if list.values.is_empty() { 0 } else { list.embeddings.len() / list.values.len() };
        let greatest = list.values.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        let likeness = |a: usize, b: usize| {
            let mut parts = Vec::new();
            if let (Some(Some(a)), Some(Some(b))) = (list.categories.get(a), list.categories.get(b)) {
                parts.push(if a == b { 1.0 } else { 0.0 });
            }
            let of = |at: usize| list.embeddings[at * width..(at + 1) * width].iter().map(|x| f64::from(*x));
            let length = |at: usize| of(at).map(|x| x * x).sum::<f64>().sqrt();
            if length(a) > 0.0 && length(b) > 0.0 {
                parts.push((of(a).zip(of(b)).map(|(a, b)| a * b).sum::<f64>() / length(a) / length(b)).max(0.0));
            }
            if parts.is_empty() { 0.0 } else { parts.iter().sum::<f64>() / parts.len() as f64 }
        };
        let mut picked: Vec<(usize, f64)> = Vec::new();
        while picked.len() < k.min(list.values.len()) {
            let open = (0..list.values.len()).filter(|row| picked.iter().all(|(own, _)| own != row));
            let scored = open.map(|row| {
                let like = picked.iter().map(|(own, _)| likeness(*own, row)).fold(0.0, f64::max);
                let value = if greatest > 0.0 { list.values[row] / greatest } else { 0.0 };
                (row, lambda * value - (1.0 - lambda) * like)
            });
            let best = scored.max_by(|a, b| a.1.total_cmp(&b.1).then(list.values[a.0].total_cmp(&list.values[b.0])).then(b.0.cmp(&a.0)));
            picked.extend(best);
        }
        picked
    }

    #[track_caller]
    fn picked(list: &List, k: i64, lambda: f64, considered: i64) -> Vec<Pick> {
        let settings = Settings::new(k, lambda, considered).unwrap_or_else(|error| panic!("{error}"));
        diversify(list, settings).unwrap_or_else(|error| panic!("{error}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

        #[test]
        fn it_is_what_the_naive_way_gives(
            rows in vec((-50..100_i32, proptest::option::of(0..3_u64), vec(-3..4_i8, 3)), 0..14),
            k in 1..8_i64,
            lambda in 0..=10_u8,
        ) {
            let list = List {
                // Values without ties, so that rounding decides nothing.
                values: rows.iter().enumerate().map(|(at, row)| f64::from(row.0) + at as f64 / 977.0).collect(),
                categories: rows.iter().map(|row| row.1).collect(),
                embeddings: rows.iter().flat_map(|row| row.2.iter().map(|x| f32::from(*x))).collect(),
            };
            let lambda = f64::from(lambda) / 10.0;
            let (own, naive) = (picked(&list, k, lambda, 1000), naive(&list, k as usize, lambda));
            prop_assert_eq!(own.len(), naive.len());
            for (own, naive) in own.iter().zip(naive) {
                prop_assert!((own.marginal - naive.1).abs() < 1e-5, "{own:?} {naive:?}");
                // Cosines differ in their last digits: where two rows are equal but for those, either may come first.
                if own.row != naive.0 { break; }
            }
        }
    }

    #[test]
    fn the_second_best_of_another_kind_comes_before_the_second_best() {
        let list = List { values: vec![1.0, 0.9, 0.5], categories: vec![Some(1), Some(1), Some(2)], embeddings: vec![] };
        let rows = |lambda| picked(&list, 3, lambda, 1000).iter().map(|pick| pick.row).collect::<Vec<_>>();
        assert_eq!(rows(1.0), [0, 1, 2]);
        assert_eq!(rows(0.5), [0, 2, 1]);
        assert!((picked(&list, 2, 0.5, 1000)[1].marginal - 0.25).abs() < 1e-12);
    }

    #[test]
    fn only_the_most_valued_are_considered() {
        let list = List { values: vec![0.1, 0.9, 0.8, 0.7], categories: vec![Some(2), Some(1), Some(1), Some(1)], embeddings: vec![] };
        let rows: Vec<usize> = picked(&list, 2, 0.1, 3).iter().map(|pick| pick.row).collect();
        assert_eq!(rows, [1, 2]);
    }

    #[test]
    fn short_lists_equal_values_and_mistakes() {
        assert!(picked(&List::default(), 3, 0.5, 10).is_empty());
        let equal = List { values: vec![0.0; 3], ..List::default() };
        assert_eq!(picked(&equal, 9, 0.5, 10).iter().map(|pick| pick.row).collect::<Vec<_>>(), [0, 1, 2]);
        let wrong = diversify(&List { values: vec![1.0, f64::NAN], ..List::default() }, Settings { k: 1, lambda: 0.5, considered: 9 });
        assert_eq!(wrong.map_err(|error| error.to_string()), Err("`value` of row 2 is NaN".to_owned()));
        for (k, lambda, considered) in [(0, 0.5, 10), (1, 1.5, 10), (1, f64::NAN, 10), (5, 0.5, 4)] {
            assert!(matches!(Settings::new(k, lambda, considered), Err(DecideError::Setting { .. })), "{k} {lambda} {considered}");
        }
    }
}
