//! An explained row in words, and as steps from the average row to this one.
//!
//! In: contributions of one row and task, values as text, what is published. Out: a sentence and steps. Not here: how values and
//! entries are called (`run` knows the vocabulary), where a step is drawn (`report`).

/// What one feature contributes to a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// Feature; `scenario` for the scenario itself.
    pub feature: String,
    /// Its value as a reader knows it; `None` = missing.
    pub value: Option<String>,
    /// Contribution on the raw output's scale.
    pub contribution: f64,
}

/// One explained row of one task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Explained<'a> {
    /// Task.
    pub task: &'a str,
    /// What the predictions are: shares (of a binary task), or amounts in the label's unit.
    pub binary: bool,
    /// What is published for the row.
    pub published: f64,
    /// What is published for the average row, or the base rate.
    pub usual: f64,
    /// Every feature's contribution.
    pub reasons: &'a [Reason],
}

/// A step of a waterfall.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// `feature = value`, `feature is missing`, or `12 others`.
    pub label: String,
    /// Contribution.
    pub value: f64,
    /// Raw output before the step.
    pub from: f64,
    /// Raw output after the step.
    pub to: f64,
}

/// Places of reasons that move something, the largest |contribution| first, and of the rest.
fn ordered(reasons: &[Reason], top: usize) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..reasons.len()).filter(|at| reasons[*at].contribution != 0.0).collect();
    order.sort_by(|a, b| reasons[*b].contribution.abs().total_cmp(&reasons[*a].contribution.abs()).then(a.cmp(b)));
    let rest = order.split_off(top.min(order.len()));
    (order, rest)
}

/// Steps from the average row's raw output to this row's: the `top` largest by size, then the rest as one.
///
/// `to_k = from_k + value_k`, `from_{k+1} = to_k`; the last `to` is the raw output of the row.
#[must_use]
pub fn steps(base: f64, reasons: &[Reason], top: usize) -> Vec<Step> {
    let (first, rest) = ordered(reasons, top);
    let mut parts: Vec<(String, f64)> = first.iter().map(|at| (label(&reasons[*at], ""), reasons[*at].contribution)).collect();
    if !rest.is_empty() {
        parts.push((others(rest.len()), rest.iter().map(|at| reasons[*at].contribution).sum()));
    }
    let mut at = base;
    parts
        .into_iter()
        .map(|(label, value)| {
            let from = at;
            at += value;
            Step { label, value, from, to: at }
        })
        .collect()
}

fn label(reason: &Reason, quote: &str) -> String {
    match &reason.value {
        Some(value) => format!("{quote}{}{quote} = {value}", reason.feature),
        None => format!("{quote}{}{quote} is missing", reason.feature),
    }
}

fn others(count: usize) -> String {
    if count == 1 { "1 other".to_owned() } else { format!("{count} others") }
}

/// The sentence: what is published, what is usual, and the `top` reasons with their contributions on the raw output's scale.
///
/// Raising comes first where the row lies above the usual, lowering where it lies below.
#[must_use]
pub fn words(row: &Explained<'_>, top: usize) -> String {
    let (first, rest) = ordered(row.reasons, top);
    let head = format!("{} is {} ({} for the average row)", row.task, shown(row.published, row.binary), shown(row.usual, row.binary));
    if first.is_empty() {
        return format!("{head}: no feature moves it.");
    }
    let side = |raising: bool| -> Option<String> {
        let own: Vec<String> = first
            .iter()
            .map(|at| &row.reasons[*at])
            .filter(|reason| (reason.contribution > 0.0) == raising)
            .map(|reason| format!("{} ({})", label(reason, "`"), signed(reason.contribution)))
            .collect();
        let verb = match (own.len(), raising) {
            (0, _) => return None,
            (1, true) => "raises it",
            (1, false) => "lowers it",
            (_, true) => "raise it",
            (_, false) => "lower it",
        };
        Some(format!("{} {verb}", listed(&own)))
    };
    let above = row.published >= row.usual;
    let mut sides: Vec<String> = [side(above), side(!above)].into_iter().flatten().collect();
    if !rest.is_empty() {
        let sum: f64 = rest.iter().map(|at| row.reasons[*at].contribution).sum();
        let verb = match (sum >= 0.0, rest.len() == 1) {
            (true, true) => "raises it",
            (true, false) => "together raise it",
            (false, true) => "lowers it",
            (false, false) => "together lower it",
        };
        sides.push(format!("{} {verb} ({})", others(rest.len()), signed(sum)));
    }
    format!("{head} because {}.", sides.join("; "))
}

/// `a`, `a and b`, `a, b and c`.
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn signed(value: f64) -> String {
    let size = format!("{:.2}", value.abs());
    if value < 0.0 { format!("−{size}") } else { format!("+{size}") }
}

/// A share in percent, or an amount, with as many decimals as it takes to tell two digits.
fn shown(value: f64, share: bool) -> String {
    let value = if share { value * 100.0 } else { value };
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 1.0 || size == 0.0 => 1,
        size if size >= 0.1 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}").replace('-', "−");
    if share { format!("{text} %") } else { text }
}
