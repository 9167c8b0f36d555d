//! Placement against all subsets, its bound, its limits and its prices.

use proptest::collection::vec;
use proptest::prelude::*;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::super::error::DecideError;
use super::*;

/// Value, choice, uses of an option.
type Row = (f64, Option<u32>, Vec<(usize, f64)>);

#[track_caller]
fn built(limits: &[(Option<f64>, Option<f64>)], rows: &[Row]) -> Options {
    tried(limits, rows).unwrap_or_else(|error| panic!("{error}"))
}

fn tried(limits: &[(Option<f64>, Option<f64>)], rows: &[Row]) -> Result<Options, DecideError> {
    let names: Vec<String> = (0..9).map(|at| format!("r{at}")).collect();
    let mut builder = Builder::new(limits.iter().enumerate().map(|(at, (most, least))| (names[at].clone(), *most, *least)))?;
    for (value, choice, uses) in rows {
        builder.push(*value, *choice, uses.iter().map(|(resource, amount)| (names[*resource].as_str(), *amount)))?;
    }
    Ok(builder.build())
}

/// The best value over all subsets; none where no subset keeps every limit.
fn by_all_subsets(limits: &[(Option<f64>, Option<f64>)], rows: &[Row]) -> Option<f64> {
    (0_u32..1 << rows.len())
        .filter_map(|subset| {
            let taken: Vec<&Row> = rows.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1).map(|(_, row)| row).collect();
            let mut choices: Vec<u32> = taken.iter().filter_map(|row| row.1).collect();
            let some = choices.len();
            choices.sort_unstable();
            choices.dedup();
            let used = |at: usize| taken.iter().flat_map(|row| &row.2).filter(|(own, _)| *own == at).map(|(_, amount)| amount).sum::<f64>();
            let kept = limits.iter().enumerate().all(|(at, (most, least))| {
                most.is_none_or(|most| used(at) <= most * (1.0 + 1e-12)) && least.is_none_or(|least| used(at) >= least * (1.0 - 1e-12))
            });
            (choices.len() == some && kept).then(|| taken.iter().map(|row| row.0).sum())
        })
        .reduce(f64::max)
}

/// A planted world of `count` things under four places, budgets, slots and a cap per user.
fn large(count: usize, seed: u64, least: f64) -> Options {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (budgets, users) = (20, count / 5);
    let each = count as f64 / f64::from(budgets);
    let mut limits = Vec::new();
    for budget in 0..budgets {
        limits.push((format!("budget {budget}"), Some(each * random.gen_range(0.2..0.5)), Some(least * each)));
    }
    limits.extend((0..4).map(|place| (format!("place {place}"), Some(count as f64 * 0.1), None)));
    limits.extend((0..users).map(|user| (format!("user {user}"), Some(3.0), None)));
    let mut builder = Builder::new(limits).unwrap_or_else(|error| panic!("{error}"));
    for thing in 0..count {
        let (budget, price) = (random.gen_range(0..budgets), random.gen_range(0.2..2.0));
        for place in 0..4 {
            let value = random.gen_range(-0.1..1.0) * price;
            let names = [format!("budget {budget}"), format!("place {place}"), format!("user {}", thing % users)];
            let uses = names.iter().map(String::as_str).zip([price, 1.0, 1.0]);
            builder.push(value, Some(thing as u32), uses).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    builder.build()
}

#[track_caller]
fn keeps_every_limit(options: &Options, placed: &Placement) {
    let mut used = vec![0.0; options.limits.len()];
    let mut of_choice = vec![0; options.choices().max(options.len())];
    for option in (0..options.len()).filter(|option| placed.taken[*option]) {
        options.uses(option).for_each(|(resource, amount)| used[resource] += amount);
        of_choice[options.choice_of[option] as usize] += 1;
    }
    assert!(of_choice.iter().all(|count| *count <= 1), "two of one choice");
    for (limit, used) in options.limits.iter().zip(&used) {
        assert!(*used <= limit.at_most * (1.0 + 1e-6) && *used >= limit.at_least * (1.0 - 1e-6), "{limit:?} used {used}");
    }
    assert_eq!(used, placed.used);
}

fn row() -> impl Strategy<Value = Row> {
    let uses = vec((0..3_usize, 0..=6_u8), 0..3);
    (-20..100_i32, proptest::option::of(0..4_u32), uses).prop_map(|(value, choice, mut uses)| {
        uses.sort_by_key(|(resource, _)| *resource);
        uses.dedup_by_key(|(resource, _)| *resource);
        (f64::from(value) / 7.0, choice, uses.into_iter().map(|(resource, amount)| (resource, f64::from(amount) / 2.0)).collect())
    })
}

fn limit() -> impl Strategy<Value = (Option<f64>, Option<f64>)> {
    (proptest::option::weighted(0.9, 2..16_u8), proptest::option::weighted(0.4, 1..4_u8)).prop_map(|(most, least)| {
        let most = most.map(|most| f64::from(most) / 2.0);
        (most, least.map(|least| f64::from(least) / 2.0).filter(|least| most.is_none_or(|most| *least <= most)))
    })
}

/// Choices are counted from 0 without a gap.
fn dense(rows: &mut [Row]) {
    let mut known: Vec<u32> = rows.iter().filter_map(|row| row.1).collect();
    known.sort_unstable();
    known.dedup();
    for choice in rows.iter_mut().filter_map(|row| row.1.as_mut()) {
        *choice = known.binary_search(choice).unwrap_or_else(|_| panic!("unknown choice")) as u32;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_small_placement_is_the_best_of_all_subsets(mut rows in vec(row(), 1..12), limits in vec(limit(), 3)) {
        dense(&mut rows);
        let options = built(&limits, &rows);
        match (place(&options, 7), by_all_subsets(&limits, &rows)) {
            (Ok(placed), Some(best)) => {
                prop_assert!((placed.value - best).abs() < 1e-6, "{} instead of {best}", placed.value);
                prop_assert!(placed.gap() < 1e-6);
                keeps_every_limit(&options, &placed);
            }
            (Err(DecideError::Infeasible { .. } | DecideError::Excluding { .. }), None) => {}
            (found, best) => prop_assert!(false, "{found:?}, all subsets: {best:?}"),
        }
    }

    #[test]
    fn any_prices_bound_the_value(mut rows in vec(row(), 1..12), limits in vec(limit(), 3), prices in vec(-2.0..5.0_f64, 3)) {
        dense(&mut rows);
        let options = built(&limits, &rows);
        // A price of a limit that there is not counts as none.
        let is_none = |price: f64, limit: &Limit| price > 0.0 && limit.at_most.is_infinite();
        let prices = prices.iter().zip(&options.limits).map(|(price, limit)| if is_none(*price, limit) { 0.0 } else { *price });
        let prices: Vec<f64> = prices.collect();
        if let Some(best) = by_all_subsets(&limits, &rows) {
            prop_assert!(prices::bound_of(&options, &prices) >= best - 1e-9);
            let whole = blocks::bound(&options, &prices);
            prop_assert!(whole >= best - 1e-9 && whole <= prices::bound_of(&options, &prices) + 1e-9, "{whole} against {best}");
        }
    }
}

#[test]
fn large_placements_keep_every_limit_and_are_within_one_percent_of_their_bound() {
    for (seed, least) in [(1, 0.0), (2, 0.1)] {
        let options = large(4000, seed, least);
        assert!(options.len() > EXACT_OPTIONS);
        let placed = place(&options, 7).unwrap_or_else(|error| panic!("{error}"));
        keeps_every_limit(&options, &placed);
        assert!(placed.bound >= placed.value && placed.gap() < 0.01, "gap {}", placed.gap());
        assert_eq!(placed, place(&options, 7).unwrap_or_else(|error| panic!("{error}")), "twice the same");
    }
}

#[test]
fn the_bound_of_prices_is_that_of_the_linear_program() {
    let options = large(900, 3, 0.1);
    let exact = exact::prices(&options).unwrap_or_else(|error| panic!("{error}"));
    let by_steps = prices::prices(&options, 7);
    assert!(by_steps.bound >= exact.bound * (1.0 - 1e-9));
    assert!(by_steps.bound <= exact.bound * 1.002, "{} against {}", by_steps.bound, exact.bound);
}

#[test]
fn a_shadow_price_is_what_one_more_unit_is_worth() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let rows: Vec<Row> = (0..300)
        .map(|at| {
            let uses = vec![(random.gen_range(0..3), random.gen_range(0.5..2.0)), (3, random.gen_range(0.5..1.5))];
            (random.gen_range(0.1..2.0), Some(at / 3), uses)
        })
        .collect();
    let limits = |more: [f64; 4]| -> Vec<(Option<f64>, Option<f64>)> {
        // The last is used less than it would be, the first more: its price is below 0.
        vec![(Some(90.0), Some(80.0 + more[0])), (Some(8.0 + more[1]), None), (Some(9.0 + more[2]), None), (Some(70.0 + more[3]), None)]
    };
    // Of the linear program: the whole optimum moves in jumps.
    let optimum = |more| exact::prices(&built(&limits(more), &rows)).unwrap_or_else(|error| panic!("{error}"));
    let begun = optimum([0.0; 4]);
    assert!(begun.prices[0] < -1e-3 && begun.prices[1..].iter().all(|price| *price > 1e-3), "{:?}", begun.prices);
    for at in 0..4 {
        let (mut more, step) = ([0.0; 4], 1e-4);
        more[at] = step;
        let difference = (optimum(more).bound - begun.bound) / step;
        assert!((difference - begun.prices[at]).abs() < 1e-6, "{at}: {difference} against {}", begun.prices[at]);
    }
}

#[test]
fn least_uses_that_exclude_each_other_are_named() {
    // Both are wanted whole, and share one slot.
    let rows: Vec<Row> = vec![(1.0, None, vec![(0, 1.0), (2, 1.0)]), (2.0, None, vec![(1, 1.0), (2, 1.0)])];
    let both = place(&built(&[(None, Some(1.0)), (None, Some(1.0)), (Some(1.0), None)], &rows), 7);
    assert!(
        matches!(&both, Err(DecideError::Excluding { short }) if short.iter().any(|told| told.contains("`r0`") || told.contains("`r1`"))),
        "{both:?}"
    );
    let one = place(&built(&[(None, Some(3.0)), (None, None), (None, None)], &rows), 7);
    assert_eq!(one, Err(DecideError::Infeasible { resource: "r0".into(), at_least: 3.0, reached: 1.0 }));
    // What exceeds a limit all alone does not count.
    let alone = place(&built(&[(None, Some(1.0)), (None, None), (Some(0.5), None)], &rows), 7);
    assert_eq!(alone, Err(DecideError::Infeasible { resource: "r0".into(), at_least: 1.0, reached: 0.0 }));
}

#[test]
fn mistakes_are_told_with_their_row() {
    let limits = [(Some(1.0), None)];
    let told = |row: Row| tried(&limits, &[(1.0, None, vec![]), row]).err().unwrap_or_else(|| panic!("it was taken")).to_string();
    assert_eq!(told((f64::NAN, None, vec![])), "`value` of row 2 is NaN");
    assert_eq!(told((1.0, None, vec![(4, 1.0)])), "row 2 uses `r4`, which is not among the limits: r0");
    assert_eq!(told((1.0, None, vec![(0, -1.0)])), "the amount of `r0` of row 2 is -1, below 0");
    assert_eq!(told((1.0, None, vec![(0, f64::INFINITY)])), "the amount of `r0` of row 2 is inf");
    let crossed = tried(&[(Some(1.0), Some(2.0))], &[]).err().unwrap_or_else(|| panic!("it was taken"));
    assert_eq!(crossed, DecideError::Crossed { resource: "r0".into(), at_least: 2.0, at_most: 1.0 });
}

#[test]
fn nothing_to_choose_from_is_an_answer() {
    let placed = place(&built(&[(Some(1.0), None)], &[]), 7).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((placed.value, placed.bound, placed.gap()), (0.0, 0.0, 0.0));
    let placed = place(&built(&[], &[(2.0, None, vec![]), (-1.0, None, vec![])]), 7).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(placed.taken, [true, false]);
}
