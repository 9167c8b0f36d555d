//! Who watches a night: told which stage runs, how far it is, and what is worth a line.
//!
//! In: calls from the stages. Out: whatever the watcher makes of them (progress bars, plain lines, nothing). The console
//! that prints lives in `cli`.

/// Told how a night goes on. Called from any thread.
pub trait Watch: Send + Sync {
    /// A stage begins.
    fn stage(&self, name: &str);
    /// `done` of `total` units of a step within the stage.
    fn step(&self, what: &str, done: u64, total: u64);
    /// Something that a reader of the log wants to know.
    fn note(&self, line: &str);
}

/// A watcher that looks away.
pub struct Unwatched;

impl Watch for Unwatched {
    fn stage(&self, _: &str) {}
    fn step(&self, _: &str, _: u64, _: u64) {}
    fn note(&self, _: &str) {}
}
