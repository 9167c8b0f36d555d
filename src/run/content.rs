//! What the report of a night says: the values of every stage as the report's own.
//!
//! In: [`Facts`]. Out: [`Report`]. No figure is computed here; how it looks is `report`'s.

use super::Night;
use super::data::query_digests;
use super::drift;
use super::evaluated::Judged;
use super::explained::content as reasons;
use super::learned::Learned;
use super::ledger::Entry;
use super::preparation::Measured;
use super::told::{Facts, versions};
use crate::evaluate::drift::Drift;
use crate::evaluate::gains::Gain;
use crate::evaluate::gates::Gate;
use crate::explain::effects::{Effect, special};
use crate::ingest::quality::Quality;
use crate::job::Job;
use crate::job::queries::definitions;
use crate::learn::rows::{FieldKind, Shape, TaskKind};
use crate::report::{self, Report};

/// The reader's name of an entry of a categorical feature.
pub(super) fn entry_name(learned: &Learned, shape: &Shape, feature: &str, entry: u32) -> String {
    let field = shape.fields.iter().position(|field| field.name == feature).unwrap_or(0);
    let named = special(entry).or_else(|| learned.encoder.value(field, entry));
    named.map_or_else(|| entry.to_string(), str::to_owned)
}

/// The reader's name of an effect's bin.
pub(super) fn label(learned: &Learned, shape: &Shape, effect: &Effect) -> String {
    if let Some(entry) = effect.entry {
        return entry_name(learned, shape, &effect.feature, entry);
    }
    // Ends of bins are f32: printed as such, 0.1 is 0.1.
    match (effect.low.map(|low| low as f32), effect.high.map(|high| high as f32)) {
        (None, Some(high)) => format!("< {high}"),
        (Some(low), None) => format!("≥ {low}"),
        (Some(low), Some(high)) => format!("{low} – {high}"),
        (None, None) => "all".into(),
    }
}

/// The report.
pub(super) fn content(
    night: &Night<'_>,
    facts: &Facts<'_>,
    shape: &Shape,
    quality: &[Quality],
    labels: &[String],
    points: &[String],
) -> Report {
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
        language: job.language.code().to_owned(),
        title: job.title.clone(),
        as_of: night.as_of.to_string(),
        zone: job.zone_name.clone(),
        holdout: facts.sources.plan.holdout().to_string(),
        folds: job.folds.map(|folds| folds.count() as u32),
        run: facts.run.to_owned(),
        status: if facts.judgement.held_by().is_empty() { "published" } else { "held" }.to_owned(),
        warnings: facts.warnings.to_vec(),
        by_hand: None,
        card: card(job),
        privacy: report::PrivacyInfo::default(),
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
        importance: reasons::importance(facts.explained),
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
        checks: facts.data.checks.iter().chain(&facts.scored.checks).cloned().collect(),
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
        preparation: facts.prepared.iter().map(prepared).collect(),
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
        explained: reasons::explained(facts.explained, points),
    }
}

/// What the job states about its model.
fn card(job: &Job) -> report::Card {
    report::Card {
        owner: job.card.owner.clone(),
        intended_use: job.card.intended_use.clone(),
        limits: job.card.limits.clone(),
        ethics: job.card.ethics.clone(),
        keys: job.keys.clone(),
        horizon: if job.folds.is_some() { String::new() } else { job.snapshots.horizon.to_string() },
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

fn prepared(measured: &Measured) -> report::PreparationInfo {
    let difference = &measured.difference;
    report::PreparationInfo {
        option: measured.option.clone(),
        setting: measured.setting.clone(),
        scenario: measured.scenario.clone(),
        task: measured.task.clone(),
        metric: difference.metric.to_owned(),
        off: difference.b,
        on: difference.a,
        difference: difference.value,
        low: difference.low,
        high: difference.high,
        verdict: measured.verdict.name().to_owned(),
        n: difference.n,
        visited_off: measured.visited[0],
        visited_on: measured.visited[1],
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
