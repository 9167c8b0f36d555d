//! The model card: data, intended use, limits, ethics, and what is hidden for people's sake.

use super::super::block::{Cell, Section, Table, head};
use super::super::content::Report;
use super::super::format::count;

/// What the job states, and what the night knows.
pub(super) fn card(report: &Report) -> Section {
    let words = report.words();
    let (card, privacy) = (&report.card, &report.privacy);
    let stated = |text: &str, key: &str| if text.trim().is_empty() { words.card_not_stated(key) } else { text.trim().to_owned() };
    let dates: Vec<&str> = report.snapshots.iter().map(|snapshot| snapshot.as_of.as_str()).collect();
    let [first, last] = [dates.iter().min(), dates.iter().max()].map(|date| date.copied().unwrap_or("–"));
    let rows = count(report.inputs.iter().map(|file| file.rows).sum());
    let tasks = report.tasks.iter().map(|task| format!("{} ({})", task.name, words.said(&task.kind)));
    let mut hiding =
        if privacy.pseudonyms { words.privacy_on(&report.entity, privacy.min_group) } else { words.privacy_off(privacy.min_group) };
    if privacy.hidden > 0 {
        hiding = format!("{hiding} {}", words.privacy_hidden(count(privacy.hidden)));
    }
    let with =
        |stated: &str, general: &str| if stated.trim().is_empty() { general.to_owned() } else { format!("{} {general}", stated.trim()) };
    let lines = [
        (words.owner(), stated(&card.owner, "owner")),
        (words.intended_use(), stated(&card.intended_use, "intended_use")),
        (words.limits(), with(&card.limits, words.limits_general())),
        (words.ethics(), with(&card.ethics, words.ethics_general())),
        (words.card_data(), words.card_data_of(rows, report.inputs.len(), dates.len(), first, last)),
        (words.card_row(), words.card_row_of(card.keys.join(" × "))),
        (words.card_tasks(), tasks.collect::<Vec<_>>().join(", ")),
        (words.card_outcome(), card.horizon.clone()),
        (
            words.card_evaluated(),
            report.folds.map_or_else(|| words.card_evaluated_on(&report.holdout), |folds| words.card_evaluated_folds(folds)),
        ),
        (words.card_privacy(), hiding),
    ];
    // Data without a history has no outcome window.
    let rows = lines.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| vec![Cell::text(name), Cell::long(value)]);
    Section {
        id: "card",
        title: words.card(),
        finding: words.card_finding(&report.learner, report.tasks.len(), report.scenarios.len()),
        charts: Vec::new(),
        tables: vec![Table {
            caption: words.card_table().into(),
            head: head([words.what(), words.value()]),
            rows: rows.collect(),
            ..Table::default()
        }],
        how: words.card_how(),
    }
}
