//! Before a night begins: will it fit? Rows, memory and disk by what is known of its inputs and of the run before.
//!
//! In: sources, the run before, what the system has left. Out: a line for the log, and warnings. Nothing is refused here: an
//! estimate is no reason to miss a night.

use super::Night;
use super::clock::available_memory;
use super::data::Sources;
use crate::publish::{PastRun, folder};

/// Bytes in the cache and in the run for each byte of input, where no run has shown it: clean tables and frames are the inputs'
/// rows again, once per snapshot that sees them.
const BYTES_PER_INPUT: u64 = 4;

/// Says what the night will need, and warns where it may not have it.
pub(super) fn preflight(night: &Night<'_>, sources: &Sources, before: Option<&PastRun>) -> Vec<String> {
    let rows: u64 = sources.files.iter().map(super::SourceFiles::rows).sum();
    let input: u64 = sources.files.iter().flat_map(|source| &source.files).map(|file| file.bytes).sum();
    let published: u64 = before.map_or(0, |run| run.manifest.files.iter().map(|file| file.bytes).sum());
    let disk = input.saturating_mul(BYTES_PER_INPUT).saturating_add(published);
    let peak = before.and_then(peak_of);
    let memory = peak.map_or_else(
        || "memory not measured yet (the first run tells)".to_owned(),
        |peak| format!("about {} of memory (as the run before)", size(peak)),
    );
    night.watch.note(&format!(
        "preflight: {rows} rows of input, {memory}, up to {} of disk for run and cache, and at most {} for spilled rows",
        size(disk),
        size(night.options.temp),
    ));
    let mut warnings = Vec::new();
    if let Some(peak) = peak.filter(|peak| *peak > night.options.memory) {
        warnings.push(format!(
            "`--memory` is {}, and the run before took {} at its peak: queries will spill, or stop with an error",
            size(night.options.memory),
            size(peak)
        ));
    }
    if let Some(available) = available_memory().filter(|available| *available < night.options.memory) {
        warnings.push(format!("`--memory` is {}, and the machine has {} left", size(night.options.memory), size(available)));
    }
    if let Some(free) = folder::free(&night.home.runs).filter(|free| *free < disk) {
        warnings.push(format!("the night may need {} of disk, and `{}` has {} left", size(disk), night.home.runs.display(), size(free)));
    }
    warnings
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    if bytes < 1_000_000_000 { format!("{} MB", bytes.div_ceil(1_000_000)) } else { format!("{:.2} GB", bytes as f64 / 1e9) }
}

/// Largest memory of the run before.
fn peak_of(run: &PastRun) -> Option<u64> {
    let text = std::fs::read(run.folder.join("run.json")).ok()?;
    serde_json::from_slice::<serde_json::Value>(&text).ok()?["peak_memory_bytes"].as_u64().filter(|peak| *peak > 0)
}
