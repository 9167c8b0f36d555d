//! Prices of resources for large placements, and the bound that they prove.
//!
//! In: an instance of any size. Out: prices near the optimum of the linear relaxation: begun by a linear program on a seeded sample
//! of the choices, improved on all options by restarted primal-dual steps. Each pass reads every option a few times; nothing is
//! solved as a whole.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::built::Options;
use super::exact;

/// Choices of the sample: its linear program takes a fraction of a second, and its prices are off by about a tenth of their size.
const SAMPLE: usize = 400;
/// Steps, at most: a fixed count, so that every machine ends at the same prices.
const STEPS: usize = 1200;
/// Steps between two looks at the bound.
const LOOK: usize = 20;
/// Steps after which the iterates restart from their mean, at the latest, as a share of all steps so far.
const RESTART: f64 = 0.36;
/// Gap between the bound and the value of the relaxed placement at which the search ends, as a share.
const ENOUGH: f64 = 1e-3;

/// Prices and their bound.
pub(super) struct Priced {
    /// Value of a unit of each resource. Shape: `[limits]`.
    pub(super) prices: Vec<f64>,
    pub(super) bound: f64,
}

/// Units in which values and amounts are near 1.
pub(super) struct Units {
    pub(super) value: f64,
    pub(super) amounts: Vec<f64>,
}

impl Units {
    pub(super) fn of(options: &Options) -> Self {
        let mean = |sum: f64, count: f64| if sum > 0.0 { sum / count } else { 1.0 };
        let value = mean(options.values.iter().map(|value| value.abs()).sum(), options.len() as f64);
        let mut sums = vec![(0.0, 0.0); options.limits.len()];
        for (resource, amount) in (0..options.len()).flat_map(|option| options.uses(option)) {
            sums[resource].0 += amount;
            sums[resource].1 += 1.0;
        }
        Self { value, amounts: sums.into_iter().map(|(sum, count)| mean(sum, count)).collect() }
    }
}

/// The bound that prices prove (see [`super::place`]). A price without the limit that it is of counts as 0.
pub(super) fn bound_of(options: &Options, prices: &[f64]) -> f64 {
    let limits: f64 = options
        .limits
        .iter()
        .zip(prices)
        .map(|(limit, price)| match *price {
            price if price > 0.0 && limit.at_most.is_finite() => price * limit.at_most,
            price if price < 0.0 => price * limit.at_least,
            _ => 0.0,
        })
        .sum();
    let net = |option: u32| {
        let option = option as usize;
        options.values[option] - options.uses(option).map(|(resource, amount)| prices[resource] * amount).sum::<f64>()
    };
    let choices = (0..options.choices()).map(|choice| options.of_choice(choice).iter().map(|option| net(*option)).fold(0.0, f64::max));
    limits + choices.sum::<f64>()
}

/// Prices for all options.
pub(super) fn prices(options: &Options, seed: u64) -> Priced {
    let units = Units::of(options);
    let begun = sampled(options, &units, seed);
    let mut search = Search::new(options, &units, &begun);
    search.run();
    let prices = (search.best.iter().zip(&units.amounts)).map(|(price, unit)| price * units.value / unit).collect::<Vec<_>>();
    Priced { bound: bound_of(options, &prices), prices }
}

/// Prices of a sample of the choices. A resource that no sampled option uses has none; so have all, when the sample's least uses exclude
/// each other.
fn sampled(options: &Options, units: &Units, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let all = options.choices();
    let mut choices: Vec<usize> = (0..all).collect();
    let count = all.min(SAMPLE);
    for at in 0..count {
        choices.swap(at, random.gen_range(at..all));
    }
    choices.truncate(count);
    choices.sort_unstable();
    exact::dual(options, &choices, units, count as f64 / all as f64).unwrap_or_else(|_| vec![0.0; options.limits.len()])
}

/// One option as the steps read it: options lie by choice, amounts in units, next to each other.
struct Rows {
    /// Options of choice `c`: `choices[c]..choices[c + 1]`.
    choices: Vec<u32>,
    values: Vec<f64>,
    starts: Vec<u32>,
    uses: Vec<(u32, f64)>,
}

/// The primal-dual hybrid gradient method on `min_x max_p −v·x + p·(A x)` with `x` in the choices' simplices and `A x` within limits.
///
/// # Source
/// Chambolle & Pock (2011), "A first-order primal-dual algorithm for convex problems"; Pock & Chambolle (2011), "Diagonal
/// preconditioning", for the steps; Applegate et al. (2021), "Practical large-scale linear programming using primal-dual hybrid
/// gradient", for restarts and the primal weight.
struct Search {
    rows: Rows,
    low: Vec<f64>,
    high: Vec<f64>,
    /// Step of each choice's options and of each price, before the primal weight.
    step_x: Vec<f64>,
    step_p: Vec<f64>,
    /// Shares of options that are taken, and prices.
    x: Vec<f64>,
    p: Vec<f64>,
    /// What is used by `x`, and by the `x` before.
    used: Vec<f64>,
    used_before: Vec<f64>,
    sum_x: Vec<f64>,
    sum_p: Vec<f64>,
    summed: usize,
    weight: f64,
    best: Vec<f64>,
    best_bound: f64,
    best_reached: f64,
}

impl Search {
    fn new(options: &Options, units: &Units, begun: &[f64]) -> Self {
        let mut rows = Rows { choices: vec![0], values: Vec::with_capacity(options.len()), starts: vec![0], uses: Vec::new() };
        let resources = options.limits.len();
        let (mut step_x, mut row_sums) = (Vec::with_capacity(options.choices()), vec![0.0; resources]);
        for choice in 0..options.choices() {
            let mut most: f64 = 0.0;
            for option in options.of_choice(choice) {
                let option = *option as usize;
                rows.values.push(options.values[option] / units.value);
                let mut sum = 0.0;
                for (resource, amount) in options.uses(option) {
                    let amount = amount / units.amounts[resource];
                    rows.uses.push((resource as u32, amount));
                    row_sums[resource] += amount;
                    sum += amount;
                }
                rows.starts.push(rows.uses.len() as u32);
                most = most.max(sum);
            }
            rows.choices.push(rows.values.len() as u32);
            step_x.push(if most > 0.0 { 1.0 / most } else { 1.0 });
        }
        let step_p = row_sums.iter().map(|sum| if *sum > 0.0 { 1.0 / sum } else { 0.0 }).collect();
        let scaled =
            |of: fn(&super::Limit) -> f64| options.limits.iter().zip(&units.amounts).map(|(limit, unit)| of(limit) / unit).collect();
        let p: Vec<f64> = begun.iter().zip(&units.amounts).map(|(price, unit)| price * unit / units.value).collect();
        let count = rows.values.len();
        let mut search = Self {
            low: scaled(|limit| if limit.at_least > 0.0 { limit.at_least } else { f64::NEG_INFINITY }),
            high: scaled(|limit| limit.at_most),
            step_x,
            step_p,
            x: vec![0.0; count],
            used: vec![0.0; resources],
            used_before: vec![0.0; resources],
            sum_x: vec![0.0; count],
            sum_p: vec![0.0; resources],
            summed: 0,
            weight: 1.0,
            best: p.clone(),
            best_bound: f64::INFINITY,
            best_reached: f64::NEG_INFINITY,
            p,
            rows,
        };
        search.begin();
        search
    }

    /// Begins with what the prices would take.
    fn begin(&mut self) {
        for choice in 0..self.step_x.len() {
            let (from, to) = self.range(choice);
            let best = (from..to).map(|at| (at, self.net(at, &self.p))).fold((from, 0.0), |a, b| if b.1 > a.1 { b } else { a });
            if best.1 > 0.0 {
                self.x[best.0] = 1.0;
            }
        }
        self.use_up();
        self.used_before.clone_from(&self.used);
    }

    fn range(&self, choice: usize) -> (usize, usize) {
        (self.rows.choices[choice] as usize, self.rows.choices[choice + 1] as usize)
    }

    fn net(&self, at: usize, p: &[f64]) -> f64 {
        let uses = &self.rows.uses[self.rows.starts[at] as usize..self.rows.starts[at + 1] as usize];
        self.rows.values[at] - uses.iter().map(|(resource, amount)| p[*resource as usize] * amount).sum::<f64>()
    }

    fn use_up(&mut self) {
        self.used.fill(0.0);
        for at in 0..self.x.len() {
            if self.x[at] > 0.0 {
                for (resource, amount) in &self.rows.uses[self.rows.starts[at] as usize..self.rows.starts[at + 1] as usize] {
                    self.used[*resource as usize] += amount * self.x[at];
                }
            }
        }
    }

    fn run(&mut self) {
        self.look(false);
        let mut since = 0;
        let mut at_restart = (self.x.clone(), self.p.clone());
        for step in 1..=STEPS {
            self.step();
            since += 1;
            if step % LOOK == 0 {
                self.look(false);
                let gap = self.look(true);
                if gap < ENOUGH {
                    break;
                }
                if since as f64 >= RESTART * step as f64 {
                    self.restart(&mut at_restart);
                    since = 0;
                }
            }
        }
    }

    /// One step of prices, against what the options use by extrapolation, then one of options.
    fn step(&mut self) {
        for resource in 0..self.p.len() {
            let step = self.step_p[resource] * self.weight;
            if step == 0.0 {
                continue;
            }
            let ahead = self.p[resource] + step * (2.0 * self.used[resource] - self.used_before[resource]);
            self.p[resource] = ahead - step * (ahead / step).clamp(self.low[resource], self.high[resource]);
            self.sum_p[resource] += self.p[resource];
        }
        std::mem::swap(&mut self.used, &mut self.used_before);
        for choice in 0..self.step_x.len() {
            let (from, to) = self.range(choice);
            let step = self.step_x[choice] / self.weight;
            for at in from..to {
                self.x[at] += step * self.net(at, &self.p);
            }
            onto_simplex(&mut self.x[from..to]);
        }
        for (sum, x) in self.sum_x.iter_mut().zip(&self.x) {
            *sum += x;
        }
        self.summed += 1;
        self.use_up();
    }

    /// Keeps the prices when their bound is the best so far; returns the gap to the best relaxed value seen.
    fn look(&mut self, mean: bool) -> f64 {
        let scale = 1.0 / self.summed.max(1) as f64;
        let p: Vec<f64> = if mean { self.sum_p.iter().map(|sum| sum * scale).collect() } else { self.p.clone() };
        let mut bound = 0.0;
        for (resource, price) in p.iter().enumerate() {
            bound += if *price > 0.0 {
                price * self.high[resource]
            } else if *price < 0.0 {
                price * self.low[resource]
            } else {
                0.0
            };
        }
        for choice in 0..self.step_x.len() {
            let (from, to) = self.range(choice);
            bound += (from..to).map(|at| self.net(at, &p)).fold(0.0, f64::max);
        }
        if bound < self.best_bound {
            self.best_bound = bound;
            self.best = p;
        }
        if mean {
            self.best_reached = self.best_reached.max(self.reached(scale));
        }
        (self.best_bound - self.best_reached) / self.best_bound.abs().max(f64::MIN_POSITIVE)
    }

    /// Value of the mean of the options, each shrunk by the fullest resource that it uses, so that no limit is exceeded; what is
    /// missing to a least use counts at several times its price.
    fn reached(&self, scale: f64) -> f64 {
        let uses = |at: usize| &self.rows.uses[self.rows.starts[at] as usize..self.rows.starts[at + 1] as usize];
        let mut used = vec![0.0; self.p.len()];
        let some = |at: &usize| self.sum_x[*at] > 0.0;
        for at in (0..self.x.len()).filter(some) {
            for (resource, amount) in uses(at) {
                used[*resource as usize] += amount * self.sum_x[at] * scale;
            }
        }
        let room: Vec<f64> = used.iter().zip(&self.high).map(|(used, high)| if used > high { high / used } else { 1.0 }).collect();
        let (mut value, mut left) = (0.0, vec![0.0; self.p.len()]);
        for at in (0..self.x.len()).filter(some) {
            let x = self.sum_x[at] * scale * uses(at).iter().map(|(resource, _)| room[*resource as usize]).fold(1.0, f64::min);
            value += x * self.rows.values[at];
            for (resource, amount) in uses(at) {
                left[*resource as usize] += amount * x;
            }
        }
        let short =
            left.iter().zip(&self.low).zip(&self.best).map(|((left, low), price)| (low - left).max(0.0) * (1.0 + 3.0 * price.abs()));
        value - short.sum::<f64>()
    }

    /// Goes on from the mean, with a weight by how far options and prices have moved.
    fn restart(&mut self, before: &mut (Vec<f64>, Vec<f64>)) {
        let scale = 1.0 / self.summed as f64;
        for (x, sum) in self.x.iter_mut().zip(&mut self.sum_x) {
            *x = *sum * scale;
            *sum = 0.0;
        }
        for (p, sum) in self.p.iter_mut().zip(&mut self.sum_p) {
            *p = *sum * scale;
            *sum = 0.0;
        }
        self.summed = 0;
        self.use_up();
        self.used_before.clone_from(&self.used);
        // Distances in the norms of the steps.
        let moved_x: f64 = (0..self.step_x.len())
            .map(|choice| {
                let (from, to) = self.range(choice);
                (from..to).map(|at| (self.x[at] - before.0[at]).powi(2)).sum::<f64>() / self.step_x[choice]
            })
            .sum();
        let moved_p: f64 =
            (0..self.p.len()).filter(|at| self.step_p[*at] > 0.0).map(|at| (self.p[at] - before.1[at]).powi(2) / self.step_p[at]).sum();
        if moved_x > 0.0 && moved_p > 0.0 {
            self.weight = (0.5 * (moved_p / moved_x).sqrt().ln() + 0.5 * self.weight.ln()).exp().clamp(1e-4, 1e4);
        }
        before.0.clone_from(&self.x);
        before.1.clone_from(&self.p);
    }
}

/// The nearest point of `x ≥ 0, Σ x ≤ 1`.
fn onto_simplex(x: &mut [f64]) {
    if let [only] = x {
        *only = only.clamp(0.0, 1.0);
        return;
    }
    let sum: f64 = x.iter().map(|x| x.max(0.0)).sum();
    if sum <= 1.0 {
        for x in x.iter_mut() {
            *x = x.max(0.0);
        }
        return;
    }
    // Michelot's: the shift that leaves a sum of 1, over those that stay above 0.
    let mut shift = (x.iter().sum::<f64>() - 1.0) / x.len() as f64;
    loop {
        let (sum, count) = x.iter().filter(|x| **x > shift).fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
        let next = (sum - 1.0) / count;
        if next <= shift || count == 0.0 {
            break;
        }
        shift = next;
    }
    for x in x.iter_mut() {
        *x = (*x - shift).max(0.0);
    }
}
