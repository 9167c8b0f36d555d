//! What the night had to pass, and whether sharing helps: gates and the transfer ledger.

use super::super::block::{Cell, Section, Table, head, signed};
use super::super::charts::{Spread, intervals};
use super::super::content::{GateInfo, Report, TransferInfo};
use super::super::format::{fixed, maybe};
use super::super::words::Language;

/// A gate in a sentence: its own, or one made of its values where the report speaks another language.
pub(in crate::report) fn gate_words(words: Language, gate: &GateInfo) -> String {
    match words {
        Language::English => gate.words.clone(),
        Language::Chinese if gate.kind == "scenario rows" && gate.value == Some(0.0) => words.gate_empty(&gate.scenario),
        Language::Chinese if gate.kind == "scenario rows" => words.gate_rows(&gate.scenario, maybe(gate.value), maybe(gate.limit)),
        // Scores beyond the limit pass where chance explains them.
        Language::Chinese if gate.kind == "scores" && gate.passed && gate.value > gate.limit => {
            words.gate_chance(&gate.task, words.place(&gate.scenario), maybe(gate.value))
        }
        Language::Chinese => words.gate_in_words(&gate.gate, maybe(gate.value), maybe(gate.limit)),
    }
}

/// Every gate, those not passed first.
pub(super) fn gates(report: &Report) -> Section {
    let words = report.words();
    let failed: Vec<&GateInfo> = report.gates.iter().filter(|gate| !gate.passed).collect();
    let passed = report.gates.len() - failed.len();
    let finding = match failed.as_slice() {
        [] if report.gates.is_empty() => words.gates_none().to_owned(),
        [] => words.gates_passed(passed),
        [first, ..] => words.gates_failed(failed.len(), report.gates.len(), gate_words(words, first)),
    };
    let row = |gate: &&GateInfo| {
        vec![
            Cell::text(if gate.passed { words.gate_passed() } else { words.gate_failed() }),
            Cell::text(words.said(&gate.kind)),
            Cell::text(words.place(&gate.scenario)),
            Cell::text(&gate.task),
            Cell::figure(gate.value),
            Cell::figure(gate.limit),
            Cell::long(gate_words(words, gate)),
        ]
    };
    let columns = || head([words.result(), words.gate(), words.scenario(), words.task(), words.value(), words.limit(), words.in_words()]);
    let good: Vec<&GateInfo> = report.gates.iter().filter(|gate| gate.passed).collect();
    let tables = [("failed", words.gates_failed_table(), failed, false), ("passed", words.gates_passed_table(), good, true)].map(
        |(name, caption, gates, folded)| Table {
            name: name.into(),
            caption: caption.into(),
            head: columns(),
            rows: gates.iter().map(row).collect(),
            folded,
            ..Table::default()
        },
    );
    Section {
        id: "gates",
        title: words.gates(),
        finding,
        charts: Vec::new(),
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
        how: words.gates_how(),
    }
}

/// Each cell's shared model against the models that do not share.
pub(super) fn transfer(report: &Report) -> Section {
    if report.transfer.is_empty() {
        return Section::default();
    }
    let words = report.words();
    let row = |entry: &TransferInfo| {
        vec![
            Cell::text(&entry.scenario),
            Cell::text(&entry.task),
            Cell::text(against_words(words, &entry.against)),
            Cell::text(metric(words, entry)),
            Cell::fixed(Some(entry.shared), 4),
            Cell::fixed(Some(entry.other), 4),
            Cell::signed(entry.value).within(Some((entry.low, entry.high)), signed),
            Cell::text(words.said(&entry.verdict)),
            Cell::count(entry.n),
            Cell::count(entry.learned_rows),
        ]
    };
    Section {
        id: "transfer",
        title: words.transfer(),
        finding: transfer_finding(report),
        charts: transfer_charts(report),
        tables: vec![Table {
            caption: words.every_comparison().into(),
            what: report.transfer.first().map_or_else(String::new, |entry| words.made_on(&entry.made_as_of)),
            head: head([
                words.scenario(),
                words.task(),
                words.against(),
                words.metric(),
                words.shared(),
                words.other(),
                words.better_by(),
                words.verdict(),
                words.held_out_rows(),
                words.rows_learned_from(),
            ]),
            rows: report.transfer.iter().map(row).collect(),
            folded: true,
            ..Table::default()
        }],
        how: words.transfer_how(),
    }
}

fn transfer_finding(report: &Report) -> String {
    let words = report.words();
    let of = |verdict: &str| report.transfer.iter().filter(|entry| entry.verdict == verdict).count();
    let (helped, hurt) = (of("helped"), of("hurt"));
    let mut told = vec![words.transfer_finding(helped, hurt, report.transfer.len() - helped - hurt)];
    if let Some(worst) = report.transfer.iter().filter(|entry| entry.verdict == "hurt").min_by(|a, b| a.value.total_cmp(&b.value)) {
        let [shared, other] = [worst.shared, worst.other].map(|value| fixed(Some(value), 4));
        let (against, metric) = (against_words(words, &worst.against), metric(words, worst));
        told.push(words.transfer_worst(&worst.scenario, &worst.task, against, metric, shared, other));
    }
    told.extend(report.stand_ins.iter().map(|(scenario, task, by)| words.stand_in(scenario, task, by)));
    told.join(" ")
}

fn transfer_charts(report: &Report) -> Vec<String> {
    let words = report.words();
    let charts = against(report).into_iter().filter_map(|against| {
        let own = report.transfer.iter().filter(|entry| entry.against == against && entry.metric == "auc");
        let drawn: Vec<Spread> = own
            .map(|entry| Spread {
                name: format!("{} × {}", entry.scenario, entry.task),
                value: entry.value,
                low: entry.low,
                high: entry.high,
                label: format!("{} {}", signed(entry.value), words.said(&entry.verdict)),
                kind: match entry.verdict.as_str() {
                    "helped" => 1,
                    "hurt" => 2,
                    _ => 0,
                },
            })
            .collect();
        let title = words.transfer_chart(against_words(words, against));
        (!drawn.is_empty()).then(|| intervals(&title, words.transfer_chart_about(), &drawn))
    });
    charts.collect()
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

/// What a comparison is against, as it is read.
pub(in crate::report) fn against_words(words: Language, against: &str) -> &str {
    match against {
        "alone" => words.alone(),
        "pooled" => words.pooled(),
        other => other,
    }
}

/// The figure that is compared.
pub(in crate::report) fn metric(words: Language, entry: &TransferInfo) -> &'static str {
    if entry.metric == "auc" { words.auc() } else { words.rmse() }
}
