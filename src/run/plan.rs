//! What a night would read and build, and why it is another one than the run before.
//!
//! In: a night. Out: lines to read. Nothing is built, nothing is fetched, and nothing is written but the digests of the inputs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::data;
use super::predecessor::Predecessor;
use super::{Night, NightError, baseline, reused, run_id};
use crate::ingest::{Cache, remote};
use crate::publish::{Manifest, PastRun};

/// Says what the night would do.
///
/// # Errors
/// [`NightError`] when configuration, queries or sources are wrong.
pub async fn plan(night: &Night<'_>) -> Result<String, NightError> {
    let cache = Cache::new(night.home.cache.clone(), false);
    let outstanding = remote::outstanding(&night.job.sources, &cache).await?;
    let mut text = format!("night {} of {}\n", night.as_of, night.job.name);
    for source in &outstanding {
        let _ = writeln!(text, "  would fetch    {source}");
    }
    if outstanding.iter().any(|source| !source.nothing()) {
        return Ok(text + "  run            known when they are here: a night fetches them");
    }
    let sources = data::sources_here(night)?;
    let predecessor = Predecessor::find(night, &sources.plan)?;
    let own = data::fingerprint(night.job, &sources, predecessor.as_ref().map(|before| before.run.as_str()));
    let before = baseline::find(night, &own)?;
    let (_, run) = run_id(night, &own, before.as_ref());
    let warnings = super::arrivals::check(night, &sources, before.as_ref())?;
    super::plan_all(night.job, &sources.graph, &sources.files).await?;
    let found = night.home.find(&run)?;
    let to_be_made = found.is_none() || night.options.rebuild;
    let state = match found {
        Some(_) if night.options.rebuild => "there already: to be made again",
        Some(past) if past.published() => "there already: nothing to do",
        Some(_) => "there already, and held",
        None => "to be made",
    };
    let _ = writeln!(text, "  run            {run} ({state})");
    let compared = before.as_ref().map_or("nothing: it would be the first", |before| before.manifest.run.as_str());
    let _ = writeln!(text, "  compared with  {compared}");
    if let Some(predecessor) = &predecessor {
        let _ = writeln!(text, "  begins from    the network of {}", predecessor.run);
    }
    for source in &sources.files {
        let bytes: u64 = source.files.iter().map(|file| file.bytes).sum();
        let _ = writeln!(text, "  reads          {}: {} file(s), {} rows, {bytes} bytes", source.name, source.files.len(), source.rows());
    }
    if to_be_made {
        let (engine, _spill) = super::planning()?;
        for (stage, told) in reused::reused(&engine, night, &sources, before.as_ref()).await? {
            let _ = writeln!(text, "  {stage:<13}  {told}");
        }
    }
    for warning in warnings {
        let _ = writeln!(text, "  warning        {warning}");
    }
    if let Some(before) = &before {
        for line in differences(night, &sources, before)? {
            let _ = writeln!(text, "  changed        {line}");
        }
    }
    Ok(text.trim_end().to_owned())
}

/// What decides a night's bytes and is not as it was for the run before.
fn differences(night: &Night<'_>, sources: &data::Sources, before: &PastRun) -> Result<Vec<String>, NightError> {
    let manifest: &Manifest = &before.manifest;
    let mut lines = Vec::new();
    if manifest.as_of != night.as_of.to_string() {
        lines.push(format!("as-of date: {} -> {}", manifest.as_of, night.as_of));
    }
    let then = manifest
        .inputs
        .iter()
        .flat_map(|source| source.files.iter().map(|file| (format!("{}: {}", source.source, file.file), file.sha256.clone())));
    let now = sources
        .files
        .iter()
        .flat_map(|source| source.files.iter().map(|file| (format!("{}: {}", source.name, file.file), file.sha256.clone())));
    lines.extend(between("input", &then.collect(), &now.collect()));
    lines
        .extend(between("query", &manifest.queries, &data::query_digests(night.job)).into_iter().filter(|line| !line.contains("job.toml")));
    let path = before.folder.join("job.toml");
    if path.is_file() {
        let text = std::fs::read_to_string(&path).map_err(|source| crate::table_file::FileError::Io {
            what: "read",
            path: path.clone(),
            source,
        })?;
        lines.extend(settings(&text, &night.job.effective));
    } else if manifest.queries.get("job.toml") != data::query_digests(night.job).get("job.toml") {
        lines.push("job.toml".to_owned());
    }
    Ok(lines)
}

/// Names that are new, gone, or have another digest.
fn between(what: &str, then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let word = |name: &&String| match (then.get(*name), now.get(*name)) {
        (None, _) => Some("new"),
        (_, None) => Some("gone"),
        (Some(then), Some(now)) => (then != now).then_some("other bytes"),
    };
    names.iter().filter_map(|name| word(name).map(|word| format!("{what} {name}: {word}"))).collect()
}

/// Keys of two configurations that differ.
fn settings(then: &str, now: &str) -> Vec<String> {
    let (then, now) = (flat(then), flat(now));
    let names: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let shown = |value: Option<&String>| value.map_or_else(|| "not set".to_owned(), Clone::clone);
    let differing = names.into_iter().filter(|name| then.get(*name) != now.get(*name));
    differing.map(|name| format!("job.toml {name}: {} -> {}", shown(then.get(name)), shown(now.get(name)))).collect()
}

/// `section.key` → value as TOML.
fn flat(text: &str) -> BTreeMap<String, String> {
    fn walk(prefix: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    walk(&name, value, into);
                }
            }
            other => {
                into.insert(prefix.to_owned(), other.to_string());
            }
        }
    }
    let mut found = BTreeMap::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        walk("", &toml::Value::Table(table), &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_differ_are_named_with_both_values() {
        let lines = settings("[train]\nepochs = 1\nrate = 0.1\n", "[train]\nepochs = 2\nrate = 0.1\n[gates]\nrows = 0.5\n");
        assert_eq!(lines, ["job.toml gates.rows: not set -> 0.5", "job.toml train.epochs: 1 -> 2"]);
    }

    #[test]
    fn files_are_new_gone_or_other() {
        let of = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect();
        let lines = between("input", &of(&[("a", "1"), ("b", "2"), ("c", "3")]), &of(&[("b", "2"), ("c", "4"), ("d", "5")]));
        assert_eq!(lines, ["input a: gone", "input c: other bytes", "input d: new"]);
    }
}
