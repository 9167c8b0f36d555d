//! What of a night earlier nights have made already, stage by stage, and why the rest has to be made.
//!
//! In: a night, its sources, the run that it is compared with. Out: lines for `plan`, or the refusal that the night would end in.
//! Nothing is built.

use std::collections::BTreeMap;

use super::data::{self, Sources};
use super::{Night, NightError, arrivals, learned, ledger};
use crate::features::{Makings, RowKind, Standing, standing};
use crate::ingest::found::{self, Found};
use crate::ingest::graph::{Node, Table};
use crate::ingest::{CleanTables, Engine};
use crate::job::ModelKind;
use crate::publish::{Manifest, PastRun};

/// A stage and what is told of it.
type Line = (&'static str, String);

/// What the night finds and what it makes.
///
/// # Errors
/// [`NightError`]: what the night would refuse, as far as that is known before anything is built.
pub(super) async fn reused(
    engine: &Engine,
    night: &Night<'_>,
    sources: &Sources,
    before: Option<&PastRun>,
) -> Result<Vec<Line>, NightError> {
    let (mut lines, mut tables, mut known) = (Vec::new(), CleanTables::new(), BTreeMap::<String, Found>::new());
    for node in sources.graph.clean.iter().flatten() {
        let name = &node.query.name;
        let found = found::find(engine, night.job, node, &sources.files, &known, &sources.cache).await?;
        let told = match &found.cached {
            Some(table) => {
                tables.insert(name.clone(), table.clone());
                format!("{name}: in the cache, {} rows", table.rows)
            }
            None => format!("{name}: to be made, {}", why(night, sources, node, &known, before)),
        };
        lines.push(("clean", told));
        known.insert(name.clone(), found);
    }
    if tables.len() == known.len() {
        // What a night refuses before it learns: too little past, too old a newest row.
        data::enough_history(night.job, &sources.plan, &tables)?;
        arrivals::fresh(night.job, &sources.plan, &tables)?;
        lines
            .extend(snapshots(Makings { engine, job: night.job, graph: &sources.graph, tables: &tables, cache: &sources.cache }, sources)?);
    } else {
        let dates = sources.plan.labelled.iter().map(|(as_of, split)| format!("{as_of} {}", split.name()));
        lines.extend(dates.chain([format!("{} tonight", night.as_of)]).map(|date| ("snapshot", date)));
        lines.push(("snapshot", "those that see no other rows than before are found in the cache, once the clean tables are made".into()));
        let days = night.job.snapshots.horizon;
        lines.push(("refused", format!("if the newest event of the clean tables is older than {days}: known when they are made")));
    }
    let learners = learned::learners(night.job)?;
    let names: Vec<&str> = learners.iter().map(|learner| learner.name()).collect();
    lines.push(("learn", format!("{}: always anew; a network goes on after the last pass of a night that died", names.join(", "))));
    if night.job.model == ModelKind::Net || !night.job.challengers.is_empty() {
        lines.push(("transfer", ledger_of(night, before)?));
    }
    lines.push(("score", "all candidates, decisions, report: always anew".into()));
    Ok(lines)
}

/// Why the cache has no such clean table: something else than what it was made from, or nobody has made it.
fn why(night: &Night<'_>, sources: &Sources, node: &Node, known: &BTreeMap<String, Found>, before: Option<&PastRun>) -> String {
    if night.options.rebuild {
        return "`--rebuild` ignores the cache".into();
    }
    if !sources.cache.has_other("clean", &node.query.name) {
        return "the cache has none".into();
    }
    let manifest = before.map(|before| &before.manifest);
    let query = &node.query.file;
    let changed = |manifest: &Manifest| manifest.queries.get(query) != data::query_digests(night.job).get(query);
    if manifest.is_some_and(changed) {
        return format!("{query} has changed");
    }
    let other = node.uses.iter().find_map(|table| match table {
        Table::Raw(source) if manifest.is_some_and(|manifest| other_files(manifest, sources, source)) => {
            Some(format!("source {source} has other files"))
        }
        Table::Clean(name) if known.get(name).is_some_and(|found| found.cached.is_none()) => Some(format!("it reads {name}")),
        _ => None,
    });
    other.unwrap_or_else(|| "what the cache has was made from another query, other inputs, or by another version".into())
}

fn other_files(manifest: &Manifest, sources: &Sources, source: &str) -> bool {
    let then = manifest.inputs.iter().find(|input| input.source == source);
    let now = sources.files.iter().find(|files| files.name == source);
    match (then, now) {
        (Some(then), Some(now)) => {
            let digests = |files: &[crate::ingest::InputFile]| -> Vec<(String, String)> {
                files.iter().map(|file| (file.file.clone(), file.sha256.clone())).collect()
            };
            digests(&then.files) != digests(&now.files)
        }
        _ => true,
    }
}

/// A line for each snapshot.
fn snapshots(makings: Makings<'_>, sources: &Sources) -> Result<Vec<Line>, NightError> {
    let labelled = sources.plan.labelled.iter().map(|(as_of, split)| (as_of, split.name(), RowKind::Examples));
    let all = labelled.chain([(&sources.plan.tonight, "tonight", RowKind::Candidates)]);
    let line = |(as_of, word, kind)| Ok(("snapshot", format!("{as_of} {word}: {}", told(&standing(makings, as_of, kind)?))));
    all.map(line).collect()
}

fn told(standing: &Standing) -> String {
    let all = standing.cached + standing.missing.len();
    if standing.missing.is_empty() {
        return format!("all {all} tables in the cache");
    }
    let why = if standing.older { "it sees other rows, or a query has changed" } else { "no night has made them" };
    if standing.cached == 0 {
        return format!("all {all} tables to be made ({why})");
    }
    format!("{} of {all} tables in the cache; to be made: {} ({why})", standing.cached, standing.missing.join(", "))
}

/// Whether the transfer ledger is made anew.
fn ledger_of(night: &Night<'_>, before: Option<&PastRun>) -> Result<String, NightError> {
    if night.job.folds.is_some() {
        return Ok("the ledger is made every night: with folds nothing is trained for it".into());
    }
    let every = night.job.transfer.every;
    let Some(ledger) = before.map(|before| ledger::read(&before.folder)).transpose()?.flatten() else {
        return Ok("the ledger is made: there is none yet".into());
    };
    let how = if ledger.serves(night.as_of, every) { "is kept" } else { "is made anew" };
    Ok(format!("the ledger of {} {how} (every {every})", ledger.made_as_of))
}
