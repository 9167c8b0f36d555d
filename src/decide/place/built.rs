//! The instance of a placement, checked while it is put together.
//!
//! In: limits, then options one by one. Out: [`Options`] in flat arrays. A mistake is told with its row.

use std::collections::HashMap;

use super::super::error::DecideError;

/// A limit of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Its name.
    pub resource: String,
    /// The most that may be used; infinite where there is no limit.
    pub at_most: f64,
    /// The least that is to be used; 0 where there is none.
    pub at_least: f64,
}

/// Options and limits.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Value of each option. Shape: `[options]`.
    pub(super) values: Vec<f64>,
    /// The choice of each option. Shape: `[options]`.
    pub(super) choice_of: Vec<u32>,
    /// Options by choice, without those that exceed a limit all alone: `by_choice[choice_starts[c]..choice_starts[c + 1]]`.
    pub(super) by_choice: Vec<u32>,
    pub(super) choice_starts: Vec<usize>,
    /// Uses of option `i` are `starts[i]..starts[i + 1]`.
    starts: Vec<usize>,
    resources: Vec<u32>,
    amounts: Vec<f64>,
    pub(super) limits: Vec<Limit>,
}

impl Options {
    /// Number of options.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Limits, in the order in which they were given.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// Number of choices.
    pub(super) fn choices(&self) -> usize {
        self.choice_starts.len() - 1
    }

    /// Options of a choice, in their order.
    pub(super) fn of_choice(&self, choice: usize) -> &[u32] {
        &self.by_choice[self.choice_starts[choice]..self.choice_starts[choice + 1]]
    }

    /// Resource and amount of each use of an option, resources ascending, each once.
    pub(super) fn uses(&self, option: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[option]..self.starts[option + 1];
        self.resources[range.clone()].iter().map(|resource| *resource as usize).zip(self.amounts[range].iter().copied())
    }

    /// Whether an option fits when nothing else is taken.
    pub(super) fn possible(&self, option: usize) -> bool {
        self.uses(option).all(|(resource, amount)| amount <= self.limits[resource].at_most * (1.0 + super::SLACK))
    }

    /// What an option uses of a resource.
    pub(super) fn amount(&self, option: usize, resource: usize) -> f64 {
        self.uses(option).find(|(own, _)| *own == resource).map_or(0.0, |(_, amount)| amount)
    }
}

/// Puts an instance together.
#[derive(Debug)]
pub struct Builder {
    options: Options,
    known: HashMap<String, u32>,
    own: Vec<(u32, f64)>,
    choices: u32,
}

impl Builder {
    /// Begins with the limits: resource, `at_most`, `at_least`.
    ///
    /// # Errors
    /// [`DecideError`] naming the resource or the row.
    pub fn new(limits: impl IntoIterator<Item = (String, Option<f64>, Option<f64>)>) -> Result<Self, DecideError> {
        let mut options = Options { starts: vec![0], ..Options::default() };
        let mut known = HashMap::new();
        for (row, (resource, at_most, at_least)) in limits.into_iter().enumerate() {
            for (what, value) in [("at_most", at_most), ("at_least", at_least)] {
                finite_amount(&format!("`{what}` of the limits"), row + 1, value.unwrap_or(0.0))?;
            }
            let limit = Limit { at_most: at_most.unwrap_or(f64::INFINITY), at_least: at_least.unwrap_or(0.0), resource: resource.clone() };
            if limit.at_least > limit.at_most {
                return Err(DecideError::Crossed { resource, at_least: limit.at_least, at_most: limit.at_most });
            }
            if known.insert(resource.clone(), row as u32).is_some() {
                return Err(DecideError::Twice { what: "resource", name: resource });
            }
            options.limits.push(limit);
        }
        Ok(Self { options, known, own: Vec::new(), choices: 0 })
    }

    /// Adds an option. Options with the same number in `choice` exclude each other; numbers are dense, from 0; an option without
    /// one is a choice of its own. A resource that an option names twice is used by the sum.
    ///
    /// # Errors
    /// [`DecideError`] naming the row, counted from 1.
    pub fn push<'a>(&mut self, value: f64, choice: Option<u32>, uses: impl IntoIterator<Item = (&'a str, f64)>) -> Result<(), DecideError> {
        let row = self.options.values.len() + 1;
        if !value.is_finite() {
            return Err(DecideError::NotANumber { what: "`value`".into(), row, found: value.to_string() });
        }
        self.own.clear();
        for (resource, amount) in uses {
            let Some(at) = self.known.get(resource) else {
                let known: Vec<&str> = self.options.limits.iter().take(8).map(|limit| limit.resource.as_str()).collect();
                let more = if self.options.limits.len() > known.len() { ", …" } else { "" };
                return Err(DecideError::UnknownResource { row, resource: resource.into(), known: format!("{}{more}", known.join(", ")) });
            };
            finite_amount(&format!("the amount of `{resource}`"), row, amount)?;
            match self.own.iter_mut().find(|(own, _)| own == at) {
                Some((_, sum)) => *sum += amount,
                None => self.own.push((*at, amount)),
            }
        }
        self.own.sort_by_key(|(resource, _)| *resource);
        for (resource, amount) in self.own.iter().filter(|(_, amount)| *amount > 0.0) {
            self.options.resources.push(*resource);
            self.options.amounts.push(*amount);
        }
        self.options.starts.push(self.options.resources.len());
        self.options.values.push(value);
        self.options.choice_of.push(choice.unwrap_or(u32::MAX));
        self.choices = self.choices.max(choice.map_or(0, |choice| choice + 1));
        Ok(())
    }

    /// The instance.
    #[must_use]
    pub fn build(self) -> Options {
        let mut options = self.options;
        let mut next = self.choices;
        for choice in options.choice_of.iter_mut().filter(|choice| **choice == u32::MAX) {
            *choice = next;
            next += 1;
        }
        let possible: Vec<bool> = (0..options.len()).map(|option| options.possible(option)).collect();
        options.choice_starts = vec![0; next as usize + 1];
        for (choice, _) in options.choice_of.iter().zip(&possible).filter(|(_, possible)| **possible) {
            options.choice_starts[*choice as usize + 1] += 1;
        }
        for at in 1..options.choice_starts.len() {
            options.choice_starts[at] += options.choice_starts[at - 1];
        }
        let mut next = options.choice_starts.clone();
        options.by_choice = vec![0; options.choice_starts.last().copied().unwrap_or(0)];
        for (option, choice) in options.choice_of.iter().enumerate().filter(|(option, _)| possible[*option]) {
            options.by_choice[next[*choice as usize]] = option as u32;
            next[*choice as usize] += 1;
        }
        options
    }
}

fn finite_amount(what: &str, row: usize, found: f64) -> Result<(), DecideError> {
    if !found.is_finite() {
        return Err(DecideError::NotANumber { what: what.to_owned(), row, found: found.to_string() });
    }
    if found < 0.0 {
        return Err(DecideError::Negative { what: what.to_owned(), row, found });
    }
    Ok(())
}

/// Refuses a least use that even taking, of each choice, the option that uses most of the resource does not reach.
pub(super) fn refuse_impossible(options: &Options) -> Result<(), DecideError> {
    let mut most = vec![0.0; options.limits.len()];
    for choice in 0..options.choices() {
        match options.of_choice(choice) {
            [only] => options.uses(*only as usize).for_each(|(resource, amount)| most[resource] += amount),
            several => {
                let mut own: Vec<(usize, f64)> = several.iter().flat_map(|option| options.uses(*option as usize)).collect();
                own.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
                own.dedup_by_key(|(resource, _)| *resource);
                for (resource, amount) in &own {
                    most[*resource] += amount;
                }
            }
        }
    }
    for (limit, most) in options.limits.iter().zip(most) {
        if most < limit.at_least * (1.0 - super::SLACK) {
            return Err(DecideError::Infeasible { resource: limit.resource.clone(), at_least: limit.at_least, reached: most });
        }
    }
    Ok(())
}
