//! How a command can end: the exit codes of the program, and what an error owes its reader.
//!
//! Every stage has its own error enum; each implements [`Outcome`], so that the door prints a hint and leaves with the
//! right code without knowing any stage.

/// How a command ended, as the exit code says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Published, or nothing left to do.
    Published = 0,
    /// A defect of the program.
    Internal = 1,
    /// The command line or the job is wrong.
    Usage = 2,
    /// The input was refused.
    Refused = 3,
    /// The model did not pass its gates: the previous run stays current.
    Held = 4,
    /// Reading or writing failed: disk full, no permission.
    Io = 74,
    /// Another run of the job holds the lock.
    Locked = 75,
    /// The person stopped a query.
    Stopped = 130,
}

/// What an error owes its reader beside its message.
pub trait Outcome {
    /// The exit code's meaning.
    fn ending(&self) -> Ending;

    /// What mends it: names a key, a file or a command.
    fn hint(&self) -> Option<String>;
}

/// An error with what mends it, on its way through an engine that passes messages on.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Hinted {
    /// What is wrong.
    pub message: String,
    /// What mends it.
    pub hint: String,
}
