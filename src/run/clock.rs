//! How long each part of a night takes, how many rows it had before it, and how much memory it needed at its peak.
//!
//! In: the clock and what the system says of this process. Out: [`Clock`], for `run.json`, `metrics.prom` and the log: never for
//! what must be repeatable.

use std::fs;
use std::time::Instant;

/// A part of a night that has ended.
#[derive(Debug, Clone)]
pub(super) struct Lap {
    pub(super) name: &'static str,
    pub(super) rows: u64,
    pub(super) seconds: f64,
    /// Largest resident memory while it ran; where the system cannot begin anew, up to its end.
    pub(super) peak: u64,
}

/// A stop watch.
pub(super) struct Clock {
    begun: Instant,
    lap: Instant,
    pub(super) laps: Vec<Lap>,
}

impl Clock {
    pub(super) fn start() -> Self {
        begin_anew();
        Self { begun: Instant::now(), lap: Instant::now(), laps: Vec::new() }
    }

    /// Ends a part that had `rows` rows before it.
    pub(super) fn lap(mut self, name: &'static str, rows: u64) -> Self {
        self.laps.push(Lap { name, rows, seconds: self.lap.elapsed().as_secs_f64(), peak: peak_memory() });
        begin_anew();
        self.lap = Instant::now();
        self
    }

    pub(super) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// The largest of all parts, and of now.
    pub(super) fn peak(&self) -> u64 {
        self.laps.iter().map(|lap| lap.peak).max().unwrap_or(0).max(peak_memory())
    }
}

/// The largest resident memory of this process, where the system says it (Linux); else 0.
pub(super) fn peak_memory() -> u64 {
    kilobytes("/proc/self/status", "VmHWM:").map_or(0, |kilobytes| kilobytes * 1024)
}

/// Memory that programs can still have, where the system says it (Linux).
pub(super) fn available_memory() -> Option<u64> {
    kilobytes("/proc/meminfo", "MemAvailable:").map(|kilobytes| kilobytes * 1024)
}

fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Lets the system forget the peak so far; where it cannot, the peak of a part is that of all before it.
fn begin_anew() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}
