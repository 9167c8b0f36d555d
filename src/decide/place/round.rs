//! From prices to a placement: greedy by net value, least uses met, exchanges that gain.
//!
//! In: an instance and prices. Out: a placement within every limit, or the resource whose least use was not met.

use super::super::error::DecideError;
use super::SLACK;
use super::built::Options;

/// Rounds of exchanges, at most: each gains, and the later ones little.
const ROUNDS: usize = 4;
/// No option.
const NONE: u32 = u32::MAX;

/// What is taken of each choice, and what that uses.
#[derive(Debug, Clone)]
pub(super) struct Used {
    /// Option of each choice, or [`NONE`].
    of_choice: Vec<u32>,
    used: Vec<f64>,
}

impl Used {
    pub(super) fn nothing(options: &Options) -> Self {
        Self { of_choice: vec![NONE; options.choices()], used: vec![0.0; options.limits.len()] }
    }

    pub(super) fn takes(&self, options: &Options, option: usize) -> bool {
        self.of_choice[options.choice_of[option] as usize] == option as u32
    }

    /// Takes an option in place of what its choice had.
    pub(super) fn take(&mut self, options: &Options, option: usize) {
        let choice = options.choice_of[option] as usize;
        self.leave(options, choice);
        options.uses(option).for_each(|(resource, amount)| self.used[resource] += amount);
        self.of_choice[choice] = option as u32;
    }

    /// What is used of a resource.
    pub(super) fn used_of(&self, resource: usize) -> f64 {
        self.used[resource]
    }

    /// Takes nothing of a choice.
    pub(super) fn leave(&mut self, options: &Options, choice: usize) {
        if let Some(before) = self.had(choice) {
            options.uses(before).for_each(|(resource, amount)| self.used[resource] -= amount);
        }
        self.of_choice[choice] = NONE;
    }

    fn had(&self, choice: usize) -> Option<usize> {
        Some(self.of_choice[choice]).filter(|option| *option != NONE).map(|option| option as usize)
    }

    pub(super) fn value(&self, options: &Options) -> f64 {
        self.of_choice.iter().filter(|option| **option != NONE).map(|option| options.values[*option as usize]).sum()
    }

    /// Whether no limit is broken.
    pub(super) fn keeps_limits(&self, options: &Options) -> bool {
        (0..self.used.len()).all(|at| self.used[at] <= most(options, at) && self.used[at] >= least(options, at))
    }

    /// Whether an option fits in place of what its choice has, and `without` another option, no least use being given up.
    fn fits(&self, options: &Options, option: usize, without: Option<usize>) -> bool {
        let before = self.had(options.choice_of[option] as usize);
        let given = |resource: usize| [before, without].into_iter().flatten().map(|gone| options.amount(gone, resource)).sum::<f64>();
        let enough =
            options.uses(option).all(|(resource, amount)| self.used[resource] + amount - given(resource) <= most(options, resource));
        enough
            && [before, without].into_iter().flatten().all(|gone| {
                options.uses(gone).all(|(resource, _)| {
                    let left = self.used[resource] - given(resource) + options.amount(option, resource);
                    left >= least(options, resource).min(self.used[resource])
                })
            })
    }
}

/// The most of a resource, with slack for rounding.
fn most(options: &Options, resource: usize) -> f64 {
    let limit = options.limits[resource].at_most;
    limit + limit.abs().min(f64::MAX) * SLACK
}

fn least(options: &Options, resource: usize) -> f64 {
    let limit = options.limits[resource].at_least;
    limit - limit.abs() * SLACK
}

/// A placement by prices.
pub(super) fn round(options: &Options, prices: &[f64]) -> Result<Used, DecideError> {
    let net: Vec<f64> = (0..options.len())
        .map(|option| options.values[option] - options.uses(option).map(|(resource, amount)| prices[resource] * amount).sum::<f64>())
        .collect();
    let mut order: Vec<u32> = options.by_choice.clone();
    order.sort_unstable();
    // Stable: among equals the earlier row.
    order.sort_by(|a, b| net[*b as usize].total_cmp(&net[*a as usize]));
    let mut placed = Used::nothing(options);
    let wanted = |placed: &Used, option: usize| {
        options.values[option] > 0.0 || options.uses(option).any(|(resource, _)| placed.used[resource] < least(options, resource))
    };
    for option in order.iter().map(|option| *option as usize) {
        let free = placed.had(options.choice_of[option] as usize).is_none();
        if free && wanted(&placed, option) && placed.fits(options, option, None) {
            placed.take(options, option);
        }
    }
    meet(options, &mut placed)?;
    for _ in 0..ROUNDS {
        if !exchange(options, &order, &net, &mut placed) {
            break;
        }
    }
    Ok(placed)
}

/// Meets least uses, resource by resource, each by the options that cost least value for what they add.
fn meet(options: &Options, placed: &mut Used) -> Result<(), DecideError> {
    let short: Vec<usize> = (0..options.limits.len()).filter(|at| placed.used[*at] < least(options, *at)).collect();
    if short.is_empty() {
        return Ok(());
    }
    let mut users = vec![Vec::new(); options.limits.len()];
    for option in (0..options.len()).filter(|option| options.possible(*option)) {
        for (resource, _) in options.uses(option).filter(|(resource, _)| short.binary_search(resource).is_ok()) {
            users[resource].push(option);
        }
    }
    for resource in short {
        let mut order: Vec<(f64, usize)> = (users[resource].iter())
            .filter_map(|option| {
                let before = placed.had(options.choice_of[*option] as usize);
                let added = options.amount(*option, resource) - before.map_or(0.0, |before| options.amount(before, resource));
                let lost = before.map_or(0.0, |before| options.values[before]) - options.values[*option];
                (added > 0.0).then_some((lost / added, *option))
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        for make_room in [false, true] {
            for (_, option) in &order {
                if placed.used[resource] >= least(options, resource) {
                    break;
                }
                let before = placed.had(options.choice_of[*option] as usize);
                if before.is_some_and(|before| options.amount(before, resource) >= options.amount(*option, resource)) {
                    continue;
                }
                if placed.fits(options, *option, None) || make_room && room_for(options, placed, *option, resource) {
                    placed.take(options, *option);
                }
            }
        }
    }
    match (0..options.limits.len()).find(|at| placed.used[*at] < least(options, *at)) {
        Some(short) => {
            let limit = &options.limits[short];
            Err(DecideError::NotMet { resource: limit.resource.clone(), at_least: limit.at_least, reached: placed.used[short] })
        }
        None => Ok(()),
    }
}

/// Gives up the options of least value that stand in the way of one, none of which uses the resource that is short.
fn room_for(options: &Options, placed: &mut Used, option: usize, short: usize) -> bool {
    let begun = placed.clone();
    let choice = options.choice_of[option] as usize;
    if let Some(before) = placed.had(choice) {
        let left = |resource: usize, amount: f64| placed.used[resource] - amount + options.amount(option, resource);
        if !options.uses(before).all(|(resource, amount)| left(resource, amount) >= least(options, resource).min(placed.used[resource])) {
            return false;
        }
        placed.leave(options, choice);
    }
    for (resource, amount) in options.uses(option) {
        let mut over = placed.used[resource] + amount - most(options, resource);
        if over <= 0.0 {
            continue;
        }
        let mut gone: Vec<(f64, usize)> = (0..options.choices())
            .filter_map(|choice| Some((choice, placed.had(choice)?)))
            .filter(|(_, taken)| options.amount(*taken, resource) > 0.0 && options.amount(*taken, short) == 0.0)
            .map(|(choice, taken)| (options.values[taken] / options.amount(taken, resource), choice))
            .collect();
        gone.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, choice) in gone {
            let Some(taken) = placed.had(choice).filter(|_| over > 0.0) else { break };
            let spared =
                options.uses(taken).all(|(other, amount)| placed.used[other] - amount >= least(options, other).min(placed.used[other]));
            if spared {
                over -= options.amount(taken, resource);
                placed.leave(options, choice);
            }
        }
        if over > 0.0 {
            *placed = begun;
            return false;
        }
    }
    true
}

/// One round of exchanges: a better option of a choice that fits; an option that takes the room of a worse one. Says whether any gained.
fn exchange(options: &Options, order: &[u32], net: &[f64], placed: &mut Used) -> bool {
    let mut gained = false;
    // Taken options by resource, the worst last: candidates to make room.
    let mut worst: Vec<Vec<u32>> = vec![Vec::new(); options.limits.len()];
    for option in order.iter().filter(|option| placed.takes(options, **option as usize)) {
        for (resource, _) in options.uses(*option as usize) {
            worst[resource].push(*option);
        }
    }
    for option in order.iter().map(|option| *option as usize) {
        if placed.takes(options, option) || options.values[option] <= 0.0 {
            continue;
        }
        let before = placed.had(options.choice_of[option] as usize);
        let gain = options.values[option] - before.map_or(0.0, |before| options.values[before]);
        if gain <= 0.0 {
            continue;
        }
        if placed.fits(options, option, None) {
            placed.take(options, option);
            gained = true;
            continue;
        }
        // Far below its prices an option cannot pay for what it displaces.
        if net[option] < -0.1 * options.values[option] {
            continue;
        }
        let full = options.uses(option).find(|(resource, amount)| {
            placed.used[*resource] + amount - before.map_or(0.0, |before| options.amount(before, *resource)) > most(options, *resource)
        });
        let Some((full, _)) = full else { continue };
        let out = worst[full].iter().rev().take(TRIED).map(|out| *out as usize).find(|out| {
            placed.takes(options, *out)
                && options.choice_of[*out] != options.choice_of[option]
                && options.values[*out] < gain
                && placed.fits(options, option, Some(*out))
        });
        if let Some(out) = out {
            placed.leave(options, options.choice_of[out] as usize);
            placed.take(options, option);
            gained = true;
        }
    }
    gained
}

/// Taken options that are tried to make room, the worst of a resource.
const TRIED: usize = 24;
