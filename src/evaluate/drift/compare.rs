//! Distributions of two nights, feature by feature and scenario by scenario.
//!
//! In: the earlier night's distributions and tonight's, counted in the earlier one's bins. Out: ranked [`Drift`]s. Not here:
//! labels ([`super::levels`]).

use std::collections::BTreeMap;

use super::psi::{Sampled, psi};
use super::tail::{chi_squared_limit, normal_tails};
use super::{Bins, Distribution, Drift, DriftSettings, ranked};

/// Names that a detail lists, at most.
const LISTED: usize = 5;

/// Compares every feature in every scenario: its values (`psi`, or `score psi` for a feature `score:<task>`), its missing
/// values, and its new categories. Missing rows have no part in `psi`: one change is told once.
///
/// Values are new where the earlier night named every value that it had; where it counted the rarer ones together, a value
/// that it did not name is compared as one of those. Alarms and order are those of [`super`]; what only one night has, or has
/// in other bins, is told without a test.
///
/// # Shapes
/// `importance` of a feature in a scenario: any scale, the same for all; 0 for what the model does not use, `None` for what has
/// no importance of its own.
#[must_use]
pub fn compare(
    earlier: &[Distribution],
    now: &[Distribution],
    importance: &dyn Fn(&str, &str) -> Option<f64>,
    settings: &DriftSettings,
) -> Vec<Drift> {
    let key = |own: &Distribution| (own.feature.clone(), own.scenario.clone());
    let before: BTreeMap<(String, String), &Distribution> = earlier.iter().map(|own| (key(own), own)).collect();
    let tonight: BTreeMap<(String, String), &Distribution> = now.iter().map(|own| (key(own), own)).collect();
    let mut drifts = Vec::new();
    for (key, now) in &tonight {
        match before.get(key) {
            Some(earlier) => drifts.extend(both(earlier, now)),
            None => drifts.push(untested(now, now.rows, "not there on the earlier night")),
        }
    }
    let gone = before.iter().filter(|(key, _)| !tonight.contains_key(*key));
    drifts.extend(gone.map(|(_, earlier)| untested(earlier, 0, "not there tonight")));
    for drift in &mut drifts {
        drift.importance = importance(&drift.feature, &drift.scenario);
    }
    ranked(drifts, settings)
}

fn measure(own: &Distribution) -> &'static str {
    if own.feature.starts_with("score:") { "score psi" } else { "psi" }
}

fn untested(own: &Distribution, n: u64, why: &str) -> Drift {
    Drift { detail: Some(why.to_owned()), ..Drift::unranked(&own.scenario, &own.feature, measure(own), n) }
}

/// Independent units per row, 0 to 1.
fn worth(own: &Distribution) -> f64 {
    if own.rows > 0 { (own.entities.min(own.rows)) as f64 / own.rows as f64 } else { 0.0 }
}

fn both(earlier: &Distribution, now: &Distribution) -> Vec<Drift> {
    if earlier.rows == 0 || now.rows == 0 {
        let why = if now.rows == 0 { "no rows tonight" } else { "no rows on the earlier night" };
        return vec![untested(now, now.rows, why)];
    }
    let mut drifts = vec![missing(earlier, now)];
    match (&earlier.bins, &now.bins) {
        (Bins::Numeric { edges: old, counts: before }, Bins::Numeric { edges, counts }) if old == edges => {
            drifts.push(values(earlier, now, before, counts));
        }
        (Bins::Categorical { values: before, other }, Bins::Categorical { values: named, other: rest }) => {
            let tonight: BTreeMap<&str, u64> = named.iter().map(|(value, count)| (value.as_str(), *count)).collect();
            let own = |value: &str| tonight.get(value).copied().unwrap_or(0);
            let old: Vec<u64> = before.iter().map(|(_, count)| *count).chain([*other]).collect();
            let mut counts: Vec<u64> = before.iter().map(|(value, _)| own(value)).collect();
            counts.push(named.iter().map(|(_, count)| count).sum::<u64>() + rest - counts.iter().sum::<u64>());
            let mut drift = values(earlier, now, &old, &counts);
            let vanished = before.iter().filter(|(value, count)| *count > 0 && own(value) == 0).map(|(value, _)| value.as_str());
            drift.detail = listed("gone: ", vanished).or(drift.detail);
            drifts.push(drift);
            if *other == 0 {
                drifts.push(new_categories(earlier, now, before, named, *rest));
            }
        }
        _ => drifts.push(untested(now, now.rows, "counted in other bins than on the earlier night")),
    }
    drifts
}

fn values(earlier: &Distribution, now: &Distribution, old: &[u64], counts: &[u64]) -> Drift {
    let sampled = |own: &Distribution, counts| Sampled { counts, entities: own.bins.present() as f64 * worth(own) };
    let drift = Drift::unranked(&now.scenario, &now.feature, measure(now), now.rows);
    match psi(sampled(earlier, old), sampled(now, counts)) {
        Some(psi) => Drift { value: psi.value, critical: Some(psi.critical), p: Some(psi.p), ..drift },
        None => Drift { detail: Some("too few independent rows in more than one bin".to_owned()), ..drift },
    }
}

/// Difference of two shares: `z = (b − a) / √(s (1 − s) (1/n + 1/m))`, with `s` the share of both nights together; `n`, `m`
/// independent units. `None` where neither night varies. Returns the critical difference (5 %, two-sided) and the p-value.
pub(super) fn shares(a: f64, b: f64, n: f64, m: f64) -> Option<(f64, f64)> {
    let together = (a * n + b * m) / (n + m);
    // A half and a half: on one night's single row a share says nothing about its own spread.
    let smooth = (together * (n + m) + 1.0) / (n + m + 2.0);
    let error = (smooth * (1.0 - smooth) * (1.0 / n + 1.0 / m)).sqrt();
    (together > 0.0 && together < 1.0 && n > 0.0 && m > 0.0)
        .then(|| (error * chi_squared_limit(0.05, 1).sqrt(), normal_tails((b - a) / error)))
}

fn missing(earlier: &Distribution, now: &Distribution) -> Drift {
    let share = |own: &Distribution| own.missing as f64 / own.rows as f64;
    let units = |own: &Distribution| own.rows as f64 * worth(own);
    let (a, b) = (share(earlier), share(now));
    let tested = shares(a, b, units(earlier), units(now));
    Drift {
        value: b - a,
        earlier: Some(a),
        now: Some(b),
        critical: tested.map(|(critical, _)| critical),
        p: tested.map(|(_, p)| p),
        ..Drift::unranked(&now.scenario, &now.feature, "missing", now.rows)
    }
}

/// Share of rows whose value the earlier night did not have, against what it had to leave unseen: about one value more than
/// those that it saw once (Good and Turing's estimate of the unseen), `u = (singletons + 1) / n`. The share is held to be
/// Poisson: `z = (share − u) / √(u (1/n + 1/m))`, upper tail.
///
/// # Source
/// Good (1953), "The population frequencies of species and the estimation of population parameters", equation 9.
fn new_categories(earlier: &Distribution, now: &Distribution, before: &[(String, u64)], named: &[(String, u64)], rest: u64) -> Drift {
    let known: BTreeMap<&str, u64> = before.iter().map(|(value, count)| (value.as_str(), *count)).collect();
    let is_new = |value: &str| known.get(value).is_none_or(|count| *count == 0);
    let new: Vec<&(String, u64)> = named.iter().filter(|(value, count)| *count > 0 && is_new(value)).collect();
    let rows = new.iter().map(|(_, count)| count).sum::<u64>() + rest;
    let share = rows as f64 / now.bins.present().max(1) as f64;
    let units = |own: &Distribution| own.bins.present() as f64 * worth(own);
    let (n, m) = (units(earlier), units(now));
    let drift = Drift::unranked(&now.scenario, &now.feature, "new categories", now.rows);
    if n <= 0.0 || m <= 0.0 {
        return drift;
    }
    let singletons = before.iter().filter(|(_, count)| *count > 0 && *count as f64 * worth(earlier) < 1.5).count() as f64;
    let unseen = (singletons + 1.0) / n;
    let error = (unseen * (1.0 / n + 1.0 / m)).sqrt();
    let z = (share - unseen) / error;
    let tail = normal_tails(z) / 2.0;
    Drift {
        value: share,
        earlier: Some(0.0),
        now: Some(share),
        // One-sided: P(Z > 1.645) = 0.05.
        critical: Some(unseen + error * chi_squared_limit(0.1, 1).sqrt()),
        p: Some(if z > 0.0 { tail } else { 1.0 - tail }),
        detail: listed("new: ", new.iter().map(|(value, _)| value.as_str())),
        ..drift
    }
}

/// The first names and how many more there are; `None` without names.
fn listed<'a>(what: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    let more = names.clone().count().saturating_sub(LISTED);
    let first: Vec<&str> = names.take(LISTED).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!first.is_empty()).then(|| format!("{what}{}{more}", first.join(", ")))
}
