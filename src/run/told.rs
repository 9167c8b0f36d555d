//! What a night tells: its tables, its model on disk, its report. The glue between all stages and `report`.
//!
//! In: the values of every stage. Out: Parquet tables, `model/`, `holdout/`, `report.json`, `report.html` in the staged folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take};

use super::data::{Data, Sources, copy_refused, query_digests};
use super::drift::{self, Counting};
use super::judgement::Judgement;
use super::learned::{Explained, Judged, Learned};
use super::outputs::Scored;
use super::scorer;
use super::transfer::{Entry, Ledger};
use super::{Night, NightError};
use crate::evaluate::drift::Drift;
use crate::evaluate::gains::Gain;
use crate::evaluate::gates::Gate;
use crate::explain::effects::{Effect, special};
use crate::ingest::quality::{self, Quality, QualityCounter};
use crate::job::queries::definitions;
use crate::job::time::epoch_day;
use crate::learn::rows::{FieldKind, Shape, TaskKind};
use crate::publish::scores::{plain, text_column};
use crate::publish::{Columns, PastRun, PublishError, Staging, tables};
use crate::report::{self, Report};
use crate::table_file::{self, FileError};

/// Everything that a report is made of.
pub(super) struct Facts<'a> {
    pub(super) run: &'a str,
    pub(super) fingerprint: &'a str,
    /// Fingerprint of the night without the runs before it.
    pub(super) own: &'a str,
    /// The run that this one was compared with.
    pub(super) baseline: Option<&'a PastRun>,
    /// The run from whose network training began.
    pub(super) warm_start: Option<&'a str>,
    pub(super) sources: &'a Sources,
    pub(super) data: &'a Data,
    pub(super) learned: &'a Learned,
    pub(super) judged: &'a Judged,
    pub(super) explained: &'a Explained,
    pub(super) scored: &'a Scored,
    pub(super) ledger: &'a Ledger,
    pub(super) judgement: &'a Judgement,
}

/// Program and library versions that decide a run's bytes.
pub(super) fn versions() -> BTreeMap<String, String> {
    let datafusion = datafusion::DATAFUSION_VERSION.to_owned();
    BTreeMap::from([("polytask".to_owned(), env!("CARGO_PKG_VERSION").to_owned()), ("datafusion".to_owned(), datafusion)])
}

/// Writes tables, model and report.
pub(super) fn write(night: &Night<'_>, facts: &Facts<'_>, staging: &Staging) -> Result<(), NightError> {
    let (learned, judged, explained) = (facts.learned, facts.judged, facts.explained);
    let shape = learned.encoder.shape();
    let quality = &facts.judgement.quality;
    let labels: Vec<String> = explained.effects.iter().map(|effect| label(learned, &shape, effect)).collect();
    let trials: Vec<_> = learned.taught.iter().flat_map(|taught| taught.trials.iter().map(move |trial| (taught.name, trial))).collect();
    let published = (learned.taught[0].name, explained.importance.as_slice());
    let challengers = explained.challengers.iter().map(|(learner, rows)| (*learner, rows.as_slice()));
    let importance: Vec<_> = std::iter::once(published).chain(challengers).collect();
    staging.table("metrics", tables::metrics(facts.run, &judged.figures))?;
    staging.table("calibration", tables::calibration(facts.run, &judged.reliability))?;
    staging.table("importance", tables::importance(facts.run, &importance))?;
    staging.table("effects", tables::effects(facts.run, &explained.effects, &labels))?;
    staging.table("training", tables::training(facts.run, &trials))?;
    staging.table("quality", tables::quality(facts.run, quality))?;
    staging.table("transfer", facts.ledger.table(facts.run))?;
    staging.table("gates", tables::gates(facts.run, &facts.judgement.gates))?;
    let drifted = &facts.judgement.drifted;
    staging.table("drift", drift::drift_table(facts.run, &drifted.drifts))?;
    staging.table("changes", drift::changes_table(facts.run, &drifted.changes))?;
    staging.table("distributions", drift::distributions_table(facts.run, &drifted.distributions))?;
    staging.table("labels", drift::levels_table(facts.run, &drifted.levels))?;
    staging.table("gains", tables::gains(facts.run, &judged.gains))?;
    staging.table("compared", tables::compared(facts.run, &facts.judgement.against))?;
    let keys = held_out_keys(night, learned)?;
    let with_keys = |columns: Columns, rows: &[u64]| add_keys(night, &keys, columns, rows);
    staging.table("contributions", tables::contributions(facts.run, &explained.contributions, &with_keys))?;
    staging.table("holdout/holdout", holdout(night, learned, judged, &shape, &keys))?;
    copy_refused(&facts.data.tables, staging)?;
    model(learned, staging)?;
    staging.write("job.toml", night.job.effective.as_bytes())?;
    let report = content(night, facts, &shape, quality, &labels);
    let json = serde_json::to_vec_pretty(&report).map_err(|error| NightError::Report(error.to_string()))?;
    staging.write("report.json", &json)?;
    staging.write("report.html", report::html(&report).map_err(NightError::Report)?.as_bytes())?;
    Ok(())
}

/// The published model, its encoder and calibration; challengers beside it.
fn model(learned: &Learned, staging: &Staging) -> Result<(), NightError> {
    let json = learned.encoder.to_json().map_err(crate::features::FeatureError::from)?;
    staging.write("model/encoder.json", &json)?;
    for (at, taught) in learned.taught.iter().enumerate() {
        let folder = if at == 0 { "model".to_owned() } else { format!("model/{}", taught.name) };
        scorer::save(&taught.fitted, &folder, staging)?;
    }
    scorer::save_stand_ins(learned, staging)
}

/// Keys and scenario of the held-out rows.
pub(super) fn held_out_keys(night: &Night<'_>, learned: &Learned) -> Result<RecordBatch, NightError> {
    let failed = |message: String| NightError::from(FileError::Rows(message));
    let mut names = night.job.keys.clone();
    names.push(night.job.scenario.clone());
    let mut parts = Vec::new();
    for batch in table_file::read(&learned.holdout.frame)? {
        let batch = batch.map_err(|error| failed(error.to_string()))?;
        let at = names
            .iter()
            .map(|name| batch.schema().index_of(name))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| failed(error.to_string()))?;
        parts.push(batch.project(&at).map_err(|error| failed(error.to_string()))?);
    }
    let schema = parts.first().map(RecordBatch::schema).ok_or_else(|| failed("the held-out frame is empty".into()))?;
    concat_batches(&schema, &parts).map_err(|error| failed(error.to_string()))
}

fn add_keys(night: &Night<'_>, keys: &RecordBatch, mut columns: Columns, rows: &[u64]) -> Result<Columns, String> {
    let at = UInt64Array::from(rows.to_vec());
    for key in &night.job.keys {
        let array = keys.column_by_name(key).ok_or_else(|| format!("key `{key}` is missing"))?;
        let taken = take(array, &at, None).map_err(|error| error.to_string())?;
        columns = columns.array(key, plain(&taken).map_err(|error| error.to_string())?);
    }
    Ok(columns)
}

/// Held-out rows: keys, as-of date, scenario, each label over the entire space, each prediction. Challengers' predictions
/// are named `p_<task>__<learner>`.
fn holdout(night: &Night<'_>, learned: &Learned, judged: &Judged, shape: &Shape, keys: &RecordBatch) -> Result<RecordBatch, String> {
    let mut columns = Columns::new();
    for key in &night.job.keys {
        let array = keys.column_by_name(key).ok_or_else(|| format!("key `{key}` is missing"))?;
        columns = columns.array(key, plain(array).map_err(|error| error.to_string())?);
    }
    columns = columns.date("as_of", std::iter::repeat_n(learned.holdout.as_of, keys.num_rows()));
    columns = columns.array("scenario", text_column(keys, &night.job.scenario).map_err(|error: PublishError| error.to_string())?);
    for (task, labels) in shape.tasks.iter().zip(&learned.holdout.labels) {
        columns = columns.number(&format!("y_{}", task.name), labels.iter().map(|label| (!label.is_nan()).then(|| f64::from(*label))));
    }
    for (at, (taught, predictions)) in learned.taught.iter().zip(&judged.predictions).enumerate() {
        for (task, predictions) in shape.tasks.iter().zip(predictions) {
            let name = if at == 0 { format!("p_{}", task.name) } else { format!("p_{}__{}", task.name, taught.name) };
            let array: ArrayRef = Arc::new(Float64Array::from(predictions.clone()));
            debug_assert_eq!(array.len(), keys.num_rows());
            columns = columns.array(&name, array);
        }
    }
    columns.batch()
}

/// Quality of tonight's candidates, of the clean tables and of the held-out labels.
pub(super) fn quality(night: &Night<'_>, data: &Data, learned: &Learned, counting: &mut Counting) -> Result<Vec<Quality>, NightError> {
    let shape = &learned.encoder.shape();
    let mut counter = QualityCounter::new(shape);
    let day = epoch_day(night.as_of);
    if let Some(tonight) = &data.tonight {
        let mut done = 0;
        for batch in table_file::read(&tonight.file)? {
            let batch = batch.map_err(|error| FileError::Rows(error.to_string()))?;
            let encoded = learned.encoder.encode(&batch, day).map_err(crate::features::FeatureError::from)?;
            counter.add(&encoded.block());
            counting.rows(&batch, &encoded.block())?;
            done += batch.num_rows() as u64;
            night.watch.step("quality of rows", done, tonight.rows);
        }
    }
    let blocks = learned.holdout.rows.blocks();
    let labels: Vec<Vec<f32>> =
        (0..shape.tasks.len()).map(|task| blocks.iter().flat_map(|block| block.labels[task].iter().copied()).collect()).collect();
    let mut measures = counter.finish();
    measures.extend(quality::of_tables(&data.tables, day));
    measures.extend(quality::of_labels(shape, &labels));
    Ok(measures)
}

/// The reader's name of an effect's bin.
fn label(learned: &Learned, shape: &Shape, effect: &Effect) -> String {
    if let Some(entry) = effect.entry {
        let field = shape.fields.iter().position(|field| field.name == effect.feature).unwrap_or(0);
        return special(entry)
            .map(str::to_owned)
            .or_else(|| learned.encoder.value(field, entry).map(str::to_owned))
            .unwrap_or_else(|| entry.to_string());
    }
    // Ends of bins are f32: printed as such, 0.1 is 0.1.
    match (effect.low.map(|low| low as f32), effect.high.map(|high| high as f32)) {
        (None, Some(high)) => format!("< {high}"),
        (Some(low), None) => format!("≥ {low}"),
        (Some(low), Some(high)) => format!("{low} – {high}"),
        (None, None) => "all".into(),
    }
}

fn content(night: &Night<'_>, facts: &Facts<'_>, shape: &Shape, quality: &[Quality], labels: &[String]) -> Report {
    let job = night.job;
    let learned = facts.learned;
    let rows = facts.data.tonight.as_ref().map_or(0, |tonight| tonight.rows);
    let mut snapshots: Vec<report::SnapshotInfo> = facts
        .data
        .labelled
        .iter()
        .map(|(snapshot, split)| report::SnapshotInfo {
            as_of: snapshot.as_of.to_string(),
            split: split.name().into(),
            rows: snapshot.rows,
        })
        .collect();
    snapshots.push(report::SnapshotInfo { as_of: night.as_of.to_string(), split: "tonight".into(), rows });
    Report {
        job: job.name.clone(),
        title: job.title.clone(),
        as_of: night.as_of.to_string(),
        zone: job.zone_name.clone(),
        holdout: facts.sources.plan.holdout().to_string(),
        run: facts.run.to_owned(),
        status: status(night, facts),
        learner: learned.taught[0].name.to_owned(),
        entity: job.entity.clone(),
        scenarios: shape.scenarios.clone(),
        tasks: tasks(night, learned),
        snapshots,
        figures: figures(facts.judged),
        reliability: facts
            .judged
            .reliability
            .iter()
            .map(|bin| report::Reliability {
                scenario: bin.scenario.clone(),
                task: bin.task.clone(),
                bin: bin.bin,
                predicted: bin.predicted,
                observed: bin.observed,
                low: bin.low,
                high: bin.high,
                n: bin.n,
            })
            .collect(),
        training: learned
            .taught
            .iter()
            .flat_map(|taught| {
                taught.trials.iter().map(|trial| report::TrialInfo {
                    learner: taught.name.to_owned(),
                    setting: trial.setting.clone(),
                    loss: trial.loss,
                    chosen: trial.chosen,
                })
            })
            .collect(),
        importance: facts
            .explained
            .importance
            .iter()
            .map(|row| report::ImportanceInfo {
                scenario: row.scenario.clone(),
                task: row.task.clone(),
                feature: row.feature.clone(),
                value: row.value,
                shared: row.shared,
                scenario_part: row.scenario_part,
                task_part: row.task_part,
                direction: row.direction,
            })
            .collect(),
        residual: (!facts.explained.importance.is_empty()).then_some(facts.explained.residual),
        effects: facts
            .explained
            .effects
            .iter()
            .zip(labels)
            .map(|(row, label)| report::EffectInfo {
                scenario: row.scenario.clone(),
                task: row.task.clone(),
                feature: row.feature.clone(),
                label: label.clone(),
                contribution: row.contribution,
                n: row.n,
            })
            .collect(),
        features: features(night, learned, shape),
        quality: quality
            .iter()
            .map(|row| report::QualityInfo {
                scenario: row.scenario.clone(),
                dimension: row.dimension.into(),
                measure: row.measure.into(),
                subject: row.subject.clone(),
                value: row.value,
                n: row.n,
            })
            .collect(),
        refused: facts
            .data
            .tables
            .values()
            .flat_map(|table| {
                table.refused.iter().map(|(reason, rows)| report::RefusedInfo {
                    table: table.name.clone(),
                    reason: reason.clone(),
                    rows: *rows,
                })
            })
            .collect(),
        checks: facts.data.checks.clone(),
        tables: clean_tables(night, facts),
        inputs: facts
            .sources
            .files
            .iter()
            .flat_map(|source| {
                source.files.iter().map(|file| report::InputInfo {
                    source: source.name.clone(),
                    file: file.file.clone(),
                    bytes: file.bytes,
                    rows: file.rows,
                    sha256: file.sha256.clone(),
                })
            })
            .collect(),
        scores: facts
            .scored
            .summary
            .iter()
            .map(|(scenario, summary)| report::ScoreInfo {
                scenario: scenario.clone(),
                rows: summary.rows,
                means: summary.sums.iter().map(|sum| sum / summary.rows.max(1) as f64).collect(),
            })
            .collect(),
        decisions: facts
            .scored
            .decisions
            .iter()
            .map(|decision| report::DecisionInfo {
                name: decision.name.clone(),
                what: decision.what.clone(),
                columns: decision.columns.clone(),
                rows_total: decision.rows_total,
                rows: decision.rows.clone(),
            })
            .collect(),
        gates: facts.judgement.gates.iter().map(gate).collect(),
        transfer: facts.ledger.entries.iter().map(|entry| transfer(entry, &facts.ledger.made_as_of)).collect(),
        stand_ins: stand_ins(learned),
        compared_with: facts.baseline.map(|before| before.manifest.run.clone()),
        drift: facts.judgement.drifted.drifts.iter().map(drifted).collect(),
        changes: facts.judgement.drifted.changes.iter().map(change).collect(),
        gains: facts.judged.gains.iter().map(gain).collect(),
        reproduce: report::Reproduce {
            command: format!("polytask run queries/{} --as-of {}", job.name, night.as_of),
            seed: job.seed,
            fingerprint: facts.fingerprint.to_owned(),
            versions: versions(),
            queries: query_digests(job),
        },
        top_features: job.top_features,
    }
}

/// Published or held, in a sentence.
fn status(night: &Night<'_>, facts: &Facts<'_>) -> String {
    let failed = facts.judgement.held_by().len();
    match (failed, facts.baseline) {
        (0, _) => format!("Published for the night of {}.", night.as_of),
        (_, None) => format!("Held: {failed} gate(s) not passed on the night of {}; nothing is published.", night.as_of),
        (_, Some(before)) => {
            format!("Held: {failed} gate(s) not passed on the night of {}; run {} stays published.", night.as_of, before.manifest.run)
        }
    }
}

fn tasks(night: &Night<'_>, learned: &Learned) -> Vec<report::TaskInfo> {
    let names: Vec<&str> = night.job.tasks.iter().map(|task| task.task.name.as_str()).collect();
    let told = night.job.tasks.iter().zip(&learned.thresholds).map(|(task, threshold)| {
        let binary = task.task.kind.is_binary();
        let kind = match task.task.kind {
            TaskKind::Binary => "binary",
            TaskKind::Regression | TaskKind::RegressionLog1p => "regression",
            TaskKind::Count => "count",
            TaskKind::ZeroInflated => "zero-inflated amount",
        };
        report::TaskInfo {
            name: task.task.name.clone(),
            kind: kind.to_owned(),
            after: task.task.after.map(|parent| names[parent].to_owned()),
            threshold: binary.then_some(*threshold),
        }
    });
    told.collect()
}

fn gate(gate: &Gate) -> report::GateInfo {
    report::GateInfo {
        kind: gate.kind.to_owned(),
        gate: gate.gate.clone(),
        scenario: gate.scenario.clone(),
        task: gate.task.clone(),
        value: gate.value,
        limit: gate.limit,
        passed: gate.passed,
        words: gate.words.clone(),
    }
}

fn transfer(entry: &Entry, made_as_of: &str) -> report::TransferInfo {
    report::TransferInfo {
        made_as_of: made_as_of.to_owned(),
        scenario: entry.scenario.clone(),
        task: entry.task.clone(),
        against: entry.against.clone(),
        metric: entry.metric.clone(),
        shared: entry.shared,
        other: entry.other,
        value: entry.value,
        low: entry.low,
        high: entry.high,
        verdict: entry.verdict.clone(),
        n: entry.n,
        learned_rows: entry.learned_rows,
    }
}

fn drifted(drift: &Drift) -> report::DriftInfo {
    report::DriftInfo {
        scenario: drift.scenario.clone(),
        feature: drift.feature.clone(),
        measure: drift.measure.to_owned(),
        value: drift.value,
        earlier: drift.earlier,
        now: drift.now,
        critical: drift.critical,
        importance: drift.importance,
        alarm: drift.alarm,
        n: drift.n,
        detail: drift.detail.clone(),
    }
}

fn change(change: &drift::Change) -> report::ChangeInfo {
    report::ChangeInfo {
        scenario: change.scenario.clone(),
        task: change.task.clone(),
        metric: change.metric.to_owned(),
        before: change.parts.before,
        now: change.parts.now,
        data: change.parts.data,
        labels: change.parts.labels,
        model: change.parts.model,
    }
}

fn gain(gain: &Gain) -> report::GainInfo {
    report::GainInfo {
        scenario: gain.scenario.clone(),
        task: gain.task.clone(),
        decile: gain.decile,
        rows: gain.rows,
        labels: gain.labels,
        predicted: gain.predicted,
        share: gain.share,
        lift: gain.lift,
        cumulative_share: gain.cumulative_share,
        cumulative_lift: gain.cumulative_lift,
    }
}

/// Cells that another model scores: scenario, task, model.
pub(super) fn stand_ins(learned: &Learned) -> Vec<(String, String, String)> {
    let shape = learned.encoder.shape();
    let told = learned
        .stand_ins
        .iter()
        .map(|stand_in| (shape.scenarios[stand_in.scenario].clone(), shape.tasks[stand_in.task].name.clone(), stand_in.name.clone()));
    told.collect()
}

fn figures(judged: &Judged) -> Vec<report::FigureInfo> {
    let told = judged.figures.iter().map(|(learner, figure)| report::FigureInfo {
        learner: (*learner).to_owned(),
        scenario: figure.scenario.clone(),
        task: figure.task.clone(),
        metric: figure.metric.to_owned(),
        value: figure.value,
        low: figure.low,
        high: figure.high,
        n: figure.n,
        positives: figure.positives,
        note: figure.note.map(str::to_owned),
    });
    told.collect()
}

fn clean_tables(night: &Night<'_>, facts: &Facts<'_>) -> Vec<report::TableInfo> {
    let what =
        |name: &str| night.job.queries.clean.iter().find(|query| query.name == name).map_or_else(String::new, |query| query.header.clone());
    facts
        .data
        .tables
        .values()
        .map(|table| report::TableInfo {
            name: table.name.clone(),
            what: what(&table.name),
            rows: table.rows,
            refused: table.refused.values().sum(),
        })
        .collect()
}

fn features(night: &Night<'_>, learned: &Learned, shape: &Shape) -> Vec<report::FeatureInfo> {
    let defined = definitions(&night.job.queries.frame.sql);
    let told = shape.fields.iter().map(|field| {
        let (kind, missing) = match &field.kind {
            FieldKind::Numeric { missing, .. } => ("number".to_owned(), Some(f64::from(*missing))),
            FieldKind::Categorical { entries, share } => {
                (format!("category, {} values", entries.saturating_sub(2)), share.get(1).map(|share| f64::from(*share)))
            }
            FieldKind::Text { .. } => ("text".to_owned(), None),
            FieldKind::Vector { width } => (format!("vector of {width}"), None),
        };
        report::FeatureInfo {
            name: field.name.clone(),
            kind,
            definition: defined.get(&field.name).cloned(),
            missing,
            unknown: learned.holdout.unknowns.rows.get(&field.name).copied().unwrap_or(0),
        }
    });
    told.collect()
}
