//! What a decision cannot be made from.
//!
//! In: what was found. Out: a message that names row, resource or item, and a hint that says how to mend it.

/// Why there is no decision.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum DecideError {
    /// A number that no answer can be computed from.
    #[error("{what} of row {row} is {found}")]
    NotANumber { what: String, row: usize, found: String },
    /// A number below 0 where only amounts make sense.
    #[error("{what} of row {row} is {found}, below 0")]
    Negative { what: String, row: usize, found: f64 },
    /// Two lists that belong together.
    #[error("row {row} has {resources} resource(s) and {amounts} amount(s)")]
    Lengths { row: usize, resources: usize, amounts: usize },
    /// A resource without a limit.
    #[error("row {row} uses `{resource}`, which is not among the limits: {known}")]
    UnknownResource { row: usize, resource: String, known: String },
    /// A name that stands twice where it may stand once.
    #[error("{what} `{name}` stands twice")]
    Twice { what: &'static str, name: String },
    /// More wanted than allowed.
    #[error("`{resource}` is to be used at least {at_least} and at most {at_most}")]
    Crossed { resource: String, at_least: f64, at_most: f64 },
    /// No choice of options uses enough of a resource.
    #[error("`{resource}` cannot be used at least {at_least}: {reached} is the most")]
    Infeasible { resource: String, at_least: f64, reached: f64 },
    /// The least uses exclude each other under the limits.
    #[error("the limits exclude each other: {}", .short.join("; "))]
    Excluding { short: Vec<String> },
    /// A search that ended before every least use was met; that none exists is not proved.
    #[error("`{resource}` was brought to {reached} of at least {at_least} by the search, which does not prove that more is impossible")]
    NotMet { resource: String, at_least: f64, reached: f64 },
    /// A number outside of what a setting may be.
    #[error("{what} = {found} is outside {range}")]
    Setting { what: &'static str, found: String, range: String },
    /// A table that holds nothing to decide on.
    #[error("{0}")]
    Nothing(String),
    /// A table that does not fit.
    #[error("{what}")]
    Shape { what: String, hint: String },
    /// The library gave up.
    #[error("the solver gave up: {0}")]
    Solver(String),
}

impl DecideError {
    /// What the reader can do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotANumber { .. } => {
                "leave such rows out (`where … is not null`), or give them a value by coalesce(); divide by nullif(…, 0)".into()
            }
            Self::Negative { .. } => "what an option uses, what is there and what is wanted is 0 or more".into(),
            Self::Lengths { .. } => {
                "`resources` and `amounts` go in pairs: make_array('budget', 'slot') beside make_array(price, 1.0)".into()
            }
            Self::UnknownResource { .. } => "give it a row among the limits, with `at_most` NULL where it has none".into(),
            Self::Twice { .. } => "keep one row of it: aggregate the query".into(),
            Self::Crossed { .. } => "lower `at_least` or raise `at_most`".into(),
            Self::Infeasible { .. } => {
                "lower its `at_least`, or offer more options that use it; options of one `choice` exclude each other".into()
            }
            Self::Excluding { .. } => "lower these `at_least`, or raise the `at_most` of what the same options use".into(),
            Self::NotMet { .. } => "lower its `at_least`, raise the `at_most` of what the same options use, or offer more options".into(),
            Self::Setting { what, range, .. } => format!("set {what} within {range}"),
            Self::Nothing(_) => "is the query's filter too narrow? An empty table of options or lanes is an answer; this one is not".into(),
            Self::Shape { hint, .. } => hint.clone(),
            Self::Solver(_) => {
                "keep the numbers of one table within six orders of magnitude: change the unit of what is very large or small".into()
            }
        }
    }
}
