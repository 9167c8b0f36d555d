//! What a person at a terminal, or a log file, sees of a night: bars on a terminal, plain lines elsewhere.
//!
//! In: calls of [`Watch`]. Out: stderr; results go to stdout by [`say`]. The one place that prints.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::watch::Watch;

/// Whether the log is JSON: decided once, by the command line.
static JSON: AtomicBool = AtomicBool::new(false);

/// Whether the log has said how the program ended.
static ENDED: AtomicBool = AtomicBool::new(false);

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// Lines to read, bars on a terminal.
    Text,
    /// A JSON object a line.
    Json,
}

/// Writes a line of the JSON log: the time of the clock, a level, and what happened.
fn log(level: &str, mut event: serde_json::Value) {
    event["time"] = jiff::Timestamp::now().to_string().into();
    event["level"] = level.into();
    tell(&event.to_string());
}

/// Ends a JSON log: its last event says how the program ended, and `exit_code` is the program's. Only the first call counts.
pub(super) fn end(level: &str, mut event: serde_json::Value) {
    if JSON.load(Ordering::Relaxed) && !ENDED.swap(true, Ordering::Relaxed) {
        event["event"] = "ended".into();
        log(level, event);
    }
}

/// Lets a panic leave one line in the log instead of many.
pub(super) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string().replace('\n', " ");
        if JSON.load(Ordering::Relaxed) { log("error", serde_json::json!({ "event": "panic", "message": text })) } else { tell(&text) }
    }));
}

/// A watcher that prints.
pub(super) struct Console {
    state: Mutex<State>,
    terminal: bool,
}

struct State {
    bar: Option<ProgressBar>,
    what: String,
    tenth: u64,
    begun: Instant,
    /// When the step was first told of, and how far it was then.
    step: (Instant, u64),
}

impl Console {
    pub(super) fn new(form: Form) -> Self {
        JSON.store(form == Form::Json, Ordering::Relaxed);
        let state = State { bar: None, what: String::new(), tenth: 0, begun: Instant::now(), step: (Instant::now(), 0) };
        Self { state: Mutex::new(state), terminal: form == Form::Text && std::io::stderr().is_terminal() }
    }

    fn with(&self, act: impl FnOnce(&mut State)) {
        // A thread that panicked while printing leaves nothing that could be inconsistent.
        act(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl State {
    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.what.clear();
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(text)),
            None => tell(text),
        }
    }
}

impl Watch for Console {
    fn stage(&self, name: &str) {
        self.with(|state| {
            state.clear();
            if JSON.load(Ordering::Relaxed) {
                return log("info", serde_json::json!({ "event": "stage", "stage": name, "seconds": state.begun.elapsed().as_secs_f64() }));
            }
            state.line(&format!("[{:>6.1} s] {name}", state.begun.elapsed().as_secs_f64()));
        });
    }

    fn step(&self, what: &str, done: u64, total: u64) {
        self.with(|state| {
            if state.what != what {
                state.clear();
                what.clone_into(&mut state.what);
                state.tenth = 0;
                state.step = (Instant::now(), done);
                if self.terminal {
                    let style = ProgressStyle::with_template("           {msg:24} {bar:32} {human_pos}/{human_len} {per_sec} {eta}");
                    let bar = ProgressBar::new(total).with_message(what.to_owned());
                    state.bar = Some(style.map(|style| bar.clone().with_style(style)).unwrap_or(bar));
                }
            }
            if let Some(bar) = &state.bar {
                bar.set_length(total);
                bar.set_position(done);
            } else if total > 0 && done * 4 / total > state.tenth {
                // Four lines a step are enough for a log.
                state.tenth = done * 4 / total;
                let (now, taken) = (state.begun.elapsed().as_secs_f64(), state.step.0.elapsed().as_secs_f64());
                let since = done.saturating_sub(state.step.1);
                if JSON.load(Ordering::Relaxed) {
                    log("info", serde_json::json!({ "event": "step", "step": what, "done": done, "total": total, "seconds": now }));
                    return;
                }
                // A rate says something where units are many and time has passed.
                let rate = if since >= 1000 && taken > 0.1 { format!(", {:.0}/s", since as f64 / taken) } else { String::new() };
                tell(&format!("[{now:>6.1} s]   {what}: {done} of {total}{rate}"));
            }
            if done >= total {
                state.clear();
            }
        });
    }

    fn note(&self, line: &str) {
        if JSON.load(Ordering::Relaxed) {
            let (level, line) = line.strip_prefix("warning: ").map_or(("info", line), |line| ("warning", line));
            return log(level, serde_json::json!({ "event": "note", "message": line }));
        }
        self.with(|state| state.line(&format!("[{:>6.1} s]   {line}", state.begun.elapsed().as_secs_f64())));
    }
}

/// Prints a result. A reader that closed the pipe has read enough.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints text as it is.
pub(super) fn say_all(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line of the log. A night goes on when nobody reads its log any more.
pub(super) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints an error and what mends it.
pub(super) fn error(message: &str, hint: Option<&str>) {
    if JSON.load(Ordering::Relaxed) {
        return log("error", serde_json::json!({ "event": "error", "message": message, "hint": hint }));
    }
    tell(&format!("error: {message}"));
    if let Some(hint) = hint {
        tell(&format!("hint: {hint}"));
    }
}
