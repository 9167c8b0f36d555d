//! How a night stands with its readers: published, held, or published by hand.
//!
//! In: [`Report`]. Out: a word, a sign and a sentence. The sign is a shape, so that colour is never the only one.

use serde::{Deserialize, Serialize};

use super::content::Report;

/// A held run that somebody published.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ByHand {
    /// Why.
    pub reason: String,
    /// When.
    pub at: String,
}

/// What the job says of its model, and what the night adds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Who answers for it; empty = not stated.
    pub owner: String,
    /// What it is for; empty = not stated.
    pub intended_use: String,
    /// What it is not for, and where it fails; empty = not stated.
    pub limits: String,
    /// Whom it may harm, and what is done about it; empty = not stated.
    pub ethics: String,
    /// Columns that name a row.
    pub keys: Vec<String>,
    /// Length of the outcome window.
    pub horizon: String,
}

/// A line about the state of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// Class of the page's style.
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    pub(super) sentence: String,
}

/// The standing of a status: class and sign.
pub(super) fn marked(status: &str) -> (&'static str, &'static str) {
    match status {
        "held" => ("held", "■"),
        "by hand" => ("by-hand", "▲"),
        _ => ("published", "●"),
    }
}

/// Where a report stands.
pub(super) fn standing(report: &Report) -> Standing {
    let words = report.words();
    let failed = report.gates.iter().filter(|gate| !gate.passed).count();
    let sentence = match (report.status.as_str(), &report.by_hand, &report.compared_with) {
        ("published", ..) => words.status_published(&report.as_of),
        ("by hand", Some(by), _) => words.status_by_hand(&by.at, &by.reason),
        ("held", _, None) => words.status_held(failed, &report.as_of),
        ("held", _, Some(run)) => words.status_held_stays(failed, &report.as_of, run),
        (other, ..) => other.to_owned(),
    };
    let (class, sign) = marked(&report.status);
    Standing { class, sign, sentence }
}
