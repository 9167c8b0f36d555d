//! Results that are wider or longer than the terminal go through a pager: `$PAGER`, else `less -S`.
//!
//! In: text. Out: the same on stdout, or in the pager.

use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use unicode_width::UnicodeWidthStr as _;

use crate::cli::console::say_all;

/// Columns and lines of the terminal.
pub(super) fn size() -> (usize, usize) {
    let found = terminal_size::terminal_size();
    found.map_or((100, 40), |(columns, lines)| (usize::from(columns.0).max(40), usize::from(lines.0).max(10)))
}

/// Shows a text.
pub(super) fn show(text: &str) {
    let (columns, lines) = size();
    let fits = text.lines().count() < lines && text.lines().all(|line| line.width() <= columns);
    if fits || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() || page(text).is_err() {
        say_all(text);
    }
}

fn page(text: &str) -> std::io::Result<()> {
    let own = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let words: Vec<String> = match &own {
        Some(pager) => pager.split_whitespace().map(str::to_owned).collect(),
        None => ["less", "-S", "-F", "-X"].map(str::to_owned).to_vec(),
    };
    let mut child = Command::new(&words[0]).args(&words[1..]).stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A reader who leaves early has read enough.
        let _ = input.write_all(text.as_bytes());
    }
    child.wait().map(|_| ())
}
