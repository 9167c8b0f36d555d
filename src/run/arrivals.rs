//! What has arrived tonight, held against what the job expects of it and against the run before.
//!
//! In: sources, the run that the night is compared with, clean tables. Out: warnings, a sentence each; or [`IngestError`] naming
//! source, file and column. The clock is not asked: an age is counted back from the as-of date.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::Night;
use super::data::{Sources, date};
use crate::ingest::{CleanTables, IngestError, SourceFiles, partitions};
use crate::job::{Days, Job, PartitionType, Plan, Source};
use crate::publish::PastRun;
use crate::publish::manifest::InputSource;

/// Columns that may change whatever their name.
const ALL: &str = "*";

/// Holds every source against what the job expects and against the run before; returns what is worth a warning.
///
/// # Errors
/// [`IngestError`]: a day is missing, the newest is too old, a column is gone or has another type.
pub(super) fn check(night: &Night<'_>, sources: &Sources, before: Option<&PastRun>) -> Result<Vec<String>, IngestError> {
    let mut warnings = Vec::new();
    for source in &night.job.sources {
        let Some(files) = sources.files.iter().find(|files| files.name == source.name) else { continue };
        expected(source, files, night.as_of)?;
        let Some(before) = before else { continue };
        let Some(then) = before.manifest.inputs.iter().find(|input| input.source == source.name) else { continue };
        let run = &before.manifest.run;
        columns(source, files, then, run, &mut warnings)?;
        if let Some(lookback) = source.lookback {
            let since = before.manifest.as_of.parse().unwrap_or(night.as_of);
            warnings.extend(rewritten(source, files, then, run, earlier(night.as_of, lookback).min(since)));
        }
    }
    Ok(warnings)
}

fn earlier(date: Date, days: Days) -> Date {
    date.saturating_sub(days.0.days())
}

/// Every day of `complete` is there, and the newest is not older than `fresh`.
fn expected(source: &Source, files: &SourceFiles, as_of: Date) -> Result<(), IngestError> {
    let Some(days) = partitions::days(source, &files.files) else { return Ok(()) };
    let newest = days.range(..as_of).filter(|(_, rows)| **rows > 0).map(|(day, _)| *day).next_back();
    if let Some(fresh) = source.fresh
        && newest.is_none_or(|newest| newest < earlier(as_of, fresh))
    {
        return Err(IngestError::StaleSource {
            source_name: source.name.clone(),
            as_of: as_of.to_string(),
            newest: newest.map_or_else(|| "missing".into(), |day| day.to_string()),
            fresh: fresh.to_string(),
        });
    }
    let Some(complete) = source.complete else { return Ok(()) };
    let last = newest.unwrap_or_else(|| as_of.saturating_sub(1.days()));
    let mut day = earlier(as_of, complete);
    while day <= last {
        if days.get(&day).is_none_or(|rows| *rows == 0) {
            let partition = source.partitions.iter().find(|(_, kind)| *kind == PartitionType::Date);
            return Err(IngestError::MissingDay {
                source_name: source.name.clone(),
                partition: partition.map(|(name, _)| name.clone()).unwrap_or_default(),
                day: day.to_string(),
            });
        }
        day = day.saturating_add(1.days());
    }
    Ok(())
}

/// A new column is a warning; one that is gone or has another type stops the night, unless the job says that it may.
fn columns(source: &Source, files: &SourceFiles, then: &InputSource, run: &str, warnings: &mut Vec<String>) -> Result<(), IngestError> {
    let now = files.columns();
    let may_change = |column: &String| source.may_change.iter().any(|may| may == column || may == ALL);
    // A folder's columns are those of its first file, which the others were held against.
    let file = files.files.first().map(|file| file.file.clone()).unwrap_or_default();
    let source_name = source.name.clone();
    for (column, was) in &then.columns {
        let found = now.iter().find(|(name, _)| name == column).map(|(_, kind)| kind.clone());
        if found.as_ref() == Some(was) {
            continue;
        }
        if may_change(column) {
            let how = found.map_or_else(|| "is gone".to_owned(), |found| format!("is {found}, and was {was}"));
            warnings.push(format!("source `{}`: column `{column}` {how} since run {run}", source.name));
            continue;
        }
        let column = column.clone();
        return Err(match found {
            None => IngestError::GoneColumn { source_name, file, column, had: format!("run {run} had ({was})") },
            Some(found) => IngestError::ChangedColumn { source_name, file, column, how: format!("is {found}, and was {was} in run {run}") },
        });
    }
    let new = now.iter().filter(|(name, _)| !then.columns.iter().any(|(known, _)| known == name));
    warnings.extend(new.map(|(name, kind)| format!("source `{}`: column `{name}` ({kind}) is new since run {run}", source.name)));
    Ok(())
}

/// Files of days before `limit` that have changed since the run before: history was written anew.
fn rewritten(source: &Source, files: &SourceFiles, then: &InputSource, run: &str, limit: Date) -> Option<String> {
    let at = source.partitions.iter().position(|(_, kind)| *kind == PartitionType::Date)?;
    let old = |file: &str| partitions::day(file, at).is_some_and(|day| day < limit);
    let known = |file: &str, sha256: &str| then.files.iter().any(|known| known.file == file && known.sha256 == sha256);
    let there = |file: &str| files.files.iter().any(|now| now.file == file);
    let changed = files.files.iter().filter(|file| old(&file.file) && !known(&file.file, &file.sha256));
    let gone = then.files.iter().filter(|file| old(&file.file) && !there(&file.file));
    let changed: Vec<&str> = changed.chain(gone).map(|file| file.file.as_str()).collect();
    let first = changed.first()?;
    Some(format!(
        "source `{}`: {} file(s) of days before {limit} changed since run {run}, the first is `{first}`: what is made of them is made again",
        source.name,
        changed.len()
    ))
}

/// The newest row of each clean table that the job wants fresh.
///
/// # Errors
/// [`IngestError::StaleTable`].
pub(super) fn fresh(job: &Job, plan: &Plan, tables: &CleanTables) -> Result<(), IngestError> {
    let tonight = plan.tonight.epoch_day();
    for (name, fresh) in &job.fresh {
        let Some(table) = tables.get(name) else { continue };
        let newest = table.days.events.range(..tonight).next_back().map(|(day, _)| *day);
        if newest.is_none_or(|newest| newest < tonight - fresh.0) {
            return Err(IngestError::StaleTable {
                table: name.clone(),
                as_of: plan.tonight.to_string(),
                newest: newest.map_or_else(|| "no day".into(), date),
                fresh: fresh.to_string(),
            });
        }
    }
    Ok(())
}
