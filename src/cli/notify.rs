//! Telling somebody how a night ended: the job's own command gets it as JSON on its standard input.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Failure, console};
use crate::job::Job;
use crate::publish::Home;
use crate::run::Ended;

/// Runs the command of `[notify]`, if there is one. A night is not worse for a command that fails: it is only told.
pub(super) fn notify(job: &Job, home: &Home, as_of: &str, ended: Result<&Ended, &Failure>) {
    let Some((program, arguments)) = job.notify.split_first() else { return };
    let told = told(job, home, as_of, ended);
    let sent = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().and_then(|mut child| {
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input has been told all the same.
            let _ = stdin.write_all(told.to_string().as_bytes());
        }
        child.wait()
    });
    match sent {
        Ok(status) if status.success() => {}
        Ok(status) => console::tell(&format!("warning: the command of [notify] ended with {status}")),
        Err(error) => console::tell(&format!("warning: the command of [notify] could not be run: {program}: {error}")),
    }
}

/// `run.json` of the night's run, or what stopped it.
fn told(job: &Job, home: &Home, as_of: &str, ended: Result<&Ended, &Failure>) -> Value {
    let run = match ended {
        Err(failure) => {
            return json!({ "job": job.name, "as_of": as_of, "status": "failed", "error": failure.message, "hint": failure.hint,
                           "exit_code": failure.ending as u8 });
        }
        Ok(Ended::Published { run, .. } | Ended::Held { run, .. } | Ended::Already { run } | Ended::SameBytes { run }) => run,
    };
    let text = std::fs::read(home.run(run).join("run.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_else(|_| json!({ "job": job.name, "as_of": as_of, "run": run }))
}
