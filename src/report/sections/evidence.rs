//! What the night had to pass, and whether sharing helps: gates and the transfer ledger.

use super::super::charts::{Spread, intervals};
use super::super::content::{GateInfo, Report, TransferInfo};
use super::super::format::{count, fixed, maybe};
use super::super::page::{Cell, Section, Table};
use super::place;

/// Every gate, those not passed first.
pub(super) fn gates(report: &Report) -> Section {
    let failed: Vec<&GateInfo> = report.gates.iter().filter(|gate| !gate.passed).collect();
    let passed = report.gates.len() - failed.len();
    let finding = match failed.as_slice() {
        [] if report.gates.is_empty() => "The job has no gates: every night is published.".to_owned(),
        [] => format!("All {passed} gates were passed."),
        [first, ..] => format!("{} of {} gates were not passed. {}", failed.len(), report.gates.len(), first.words),
    };
    let row = |gate: &&GateInfo| {
        vec![
            Cell::text(if gate.passed { "passed" } else { "not passed" }),
            Cell::text(&gate.kind),
            Cell::text(place(&gate.scenario)),
            Cell::text(&gate.task),
            Cell::number(maybe(gate.value)),
            Cell::number(maybe(gate.limit)),
            Cell::long(&gate.words),
        ]
    };
    let head = || ["", "gate", "scenario", "task", "value", "limit", "in words"].iter().map(|name| (*name).to_owned()).collect();
    let good: Vec<&GateInfo> = report.gates.iter().filter(|gate| gate.passed).collect();
    let tables = [("Not passed", failed, false), ("Passed", good, true)].map(|(caption, gates, folded)| Table {
        caption: caption.into(),
        head: head(),
        rows: gates.iter().map(row).collect(),
        folded,
        ..Table::default()
    });
    Section {
        id: "gates",
        title: "Gates",
        finding,
        charts: Vec::new(),
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
        how: "A night is published when it passes every gate; else its run is kept and the one before it stays. A comparison with the current run holds a night only where its model is worse beyond doubt (95 %, corrected for the number of comparisons) and by more than the margin that the job allows. Differences are positive where tonight is better. The table is gates.parquet.",
    }
}

/// Each cell's shared model against the models that do not share.
pub(super) fn transfer(report: &Report) -> Section {
    let of = |verdict: &str| report.transfer.iter().filter(|entry| entry.verdict == verdict).count();
    let (helped, hurt) = (of("helped"), of("hurt"));
    let rest = report.transfer.len() - helped - hurt;
    let mut finding = format!("Sharing helped in {helped} comparison(s), hurt in {hurt}; in {rest} there is no evidence of either.");
    if let Some(worst) = report.transfer.iter().filter(|entry| entry.verdict == "hurt").min_by(|a, b| a.value.total_cmp(&b.value)) {
        finding.push_str(&format!(
            " It hurts most in {} × {} against {}: {} {} instead of {}.",
            worst.scenario,
            worst.task,
            worst.against,
            metric(worst),
            fixed(Some(worst.shared), 4),
            fixed(Some(worst.other), 4)
        ));
    }
    for (scenario, task, by) in &report.stand_ins {
        finding.push_str(&format!(" {scenario} × {task} is scored by {by}."));
    }
    let mut charts = Vec::new();
    for against in against(report) {
        let drawn: Vec<Spread> = report
            .transfer
            .iter()
            .filter(|entry| entry.against == against && entry.metric == "auc")
            .map(|entry| Spread {
                name: format!("{} × {}", entry.scenario, entry.task),
                value: entry.value,
                low: entry.low,
                high: entry.high,
                label: format!("{:+.4} {}", entry.value, entry.verdict),
                kind: match entry.verdict.as_str() {
                    "helped" => 1,
                    "hurt" => 2,
                    _ => 0,
                },
            })
            .collect();
        if !drawn.is_empty() {
            let title = format!("AUC of the shared model less that of {}", words(against));
            charts.push(intervals(
                &title,
                "Difference of AUC per cell with its 95 % interval; right of the line sharing is better.",
                &drawn,
            ));
        }
    }
    let row = |entry: &TransferInfo| {
        vec![
            Cell::text(&entry.scenario),
            Cell::text(&entry.task),
            Cell::text(words(&entry.against)),
            Cell::text(metric(entry)),
            Cell::number(fixed(Some(entry.shared), 4)),
            Cell::number(fixed(Some(entry.other), 4)),
            Cell::number(format!("{:+.4}", entry.value)),
            Cell::number(format!("{:+.4} to {:+.4}", entry.low, entry.high)),
            Cell::text(&entry.verdict),
            Cell::number(count(entry.n)),
            Cell::number(count(entry.learned_rows)),
        ]
    };
    let head = [
        "scenario",
        "task",
        "against",
        "metric",
        "shared",
        "other",
        "better by",
        "95 % interval",
        "verdict",
        "held-out rows",
        "rows learned from",
    ];
    Section {
        id: "transfer",
        title: "Transfer ledger",
        finding,
        charts,
        tables: vec![Table {
            caption: "Every comparison".into(),
            what: report.transfer.first().map_or_else(String::new, |entry| format!("Made on the night of {}.", entry.made_as_of)),
            head: head.iter().map(|name| (*name).to_owned()).collect(),
            rows: report.transfer.iter().map(row).collect(),
            folded: true,
        }],
        how: "Does one model for all scenarios and tasks serve each cell better than a model of its own? “A network of the cell alone” and “a network that pools the scenarios” learn from the same sample of rows as the shared network they are compared with, with the same care; challengers learned from every row, as the published model did. Differences are measured on the same held-out rows, their intervals by resampling entities; a verdict holds for all cells compared with the same other model together (95 %, Holm's correction). The table is transfer.parquet.",
    }
}

/// What is compared against, in the ledger's order.
fn against(report: &Report) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for entry in &report.transfer {
        if !found.contains(&entry.against.as_str()) {
            found.push(&entry.against);
        }
    }
    found.sort_by_key(|name| match *name {
        "alone" => 0,
        "pooled" => 1,
        _ => 2,
    });
    found
}

fn words(against: &str) -> &str {
    match against {
        "alone" => "a network of the cell alone",
        "pooled" => "a network that pools the scenarios",
        other => other,
    }
}

fn metric(entry: &TransferInfo) -> &'static str {
    if entry.metric == "auc" { "AUC" } else { "RMSE" }
}
