//! Encoding: frames to numbers, fitted on training rows only and saved with the model.
//!
//! In: record batches of frames. Out: an [`Encoder`] and encoded rows. Categorical values become entries of a vocabulary
//! with "unknown" and "missing", numerics stay numbers with quantile knots known, text becomes hashed n-grams, vectors stay.

mod encoder;
mod fit;
mod roles;
mod values;

use serde::Deserialize;

pub use encoder::{EncodedBatch, EncodedColumn, Encoder, Unknowns};
pub use fit::EncoderFit;
pub use roles::Roles;

/// Settings of the encoding: the section `[encode]` of `job.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodeSettings {
    /// A categorical value seen in fewer training rows falls to "unknown".
    pub min_count: u64,
    /// Most entries of a vocabulary; the rarest values beyond it fall to "unknown".
    pub max_entries: u32,
    /// Quantile knots of a numeric column, at most.
    pub knots: usize,
    /// Hash buckets of a text column.
    pub text_buckets: u32,
    /// Longest run of words that is hashed as one n-gram.
    pub text_words: usize,
}

/// Why a column could not be encoded.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum EncodeError {
    /// A column of a type without a role.
    #[error("frame.sql: column `{column}` is {found}, which has no role")]
    NoRole { column: String, found: String },
    /// A column that the job names is not in the frame.
    #[error("frame.sql yields no column `{column}`, which job.toml names as {role}")]
    Missing { column: String, role: &'static str },
    /// A column cannot be read in its role.
    #[error("frame.sql: column `{column}` cannot be read as {role}: {message}")]
    Unreadable { column: String, role: &'static str, message: String },
    /// An infinite number.
    #[error("frame.sql: column `{0}` holds an infinite value")]
    Infinite(String),
    /// Vectors of two widths in one column.
    #[error("frame.sql: column `{column}` holds vectors of {first} and of {other} numbers")]
    Widths { column: String, first: u32, other: u32 },
    /// No row, or no feature.
    #[error("{0}")]
    Nothing(String),
    /// The encoded rows could not be written or read.
    #[error("cannot {what} `{file}`: {message}")]
    File { what: &'static str, file: String, message: String },
}
