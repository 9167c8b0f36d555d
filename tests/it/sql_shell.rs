//! The shell of `polytask sql` at a terminal: util-linux's `script` gives it one, the test types and reads.
//!
//! In: keys. Out: what a person would see, as text. Not here: what a question answers (`sql`).

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::shop::{NIGHT, Shop};

/// What a terminal is asked for and answers: where its cursor is.
const WHERE: &[u8] = b"\x1b[6n";

/// A shell at a terminal.
struct Terminal {
    child: Child,
    keys: Arc<Mutex<ChildStdin>>,
    seen: Arc<Mutex<Vec<u8>>>,
    read: usize,
}

impl Terminal {
    fn open(shop: &Shop) -> Self {
        let program = assert_cmd::cargo::cargo_bin("polytask");
        let shell = format!("stty rows 40 cols 100; exec '{}' sql queries/shop --as-of {NIGHT}", program.display());
        let mut child = Command::new("script")
            .args(["-qefc", &shell, "/dev/null"])
            .current_dir(shop.path())
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .env("PAGER", "cat")
            .env("XDG_STATE_HOME", shop.path().join("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`script` of util-linux");
        let keys = Arc::new(Mutex::new(child.stdin.take().expect("a pipe")));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut out = child.stdout.take().expect("a pipe");
        let (reply, shown) = (Arc::clone(&keys), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            let mut answered = 0;
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.extend_from_slice(&bytes[..count]);
                let asked = shown.windows(WHERE.len()).filter(|window| *window == WHERE).count();
                for _ in answered..asked {
                    let mut reply = reply.lock().unwrap_or_else(PoisonError::into_inner);
                    let _ = reply.write_all(b"\x1b[1;1R").and_then(|()| reply.flush());
                }
                answered = asked;
            }
        });
        Self { child, keys, seen, read: 0 }
    }

    fn types(&self, keys: &str) {
        let mut pipe = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        pipe.write_all(keys.as_bytes()).and_then(|()| pipe.flush()).expect("an open terminal");
    }

    /// Waits for a text after what was waited for before.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            let seen = plain(&self.seen.lock().unwrap_or_else(PoisonError::into_inner));
            let new = &seen[self.read.min(seen.len())..];
            if let Some(at) = new.find(text) {
                self.read += at + text.len();
                return;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "no «{text}» in\n{new}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was shown without the sequences that move and colour.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (mut found, mut rest) = (String::new(), text.chars().peekable());
    while let Some(c) = rest.next() {
        if c != '\x1b' {
            found.push(c);
        } else if rest.next() == Some('[') {
            while rest.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
        }
    }
    found
}

#[test]
fn a_person_asks_errs_completes_stops_and_leaves() {
    let shop = Shop::new();
    let mut terminal = Terminal::open(&shop);
    terminal.shows("A small shop: no run yet, features as of 2026-02-20.");
    terminal.shows("shop> ");
    // Several lines until the `;`.
    terminal.types("select category,\r");
    terminal.types("count(*) as products from raw.products group by category order by category;\r");
    terminal.shows(" bread    |        4");
    terminal.shows("(3 rows)");
    terminal.shows(" s\r\n");
    // A mistake is told and ends nothing.
    terminal.shows("shop> ");
    terminal.types("select agv(amount) from raw.orders;\r");
    terminal.shows("hint: did you mean `avg`");
    terminal.shows("shop> ");
    // Tab completes what only one name begins with.
    terminal.types("select count(*) as lines from raw.prod\t");
    terminal.shows("raw.products");
    terminal.types(" where categ\t");
    terminal.shows("category");
    terminal.types(" = 'tea';\r");
    terminal.shows("(1 row)");
    terminal.shows("shop> ");
    terminal.types("\\timing\r");
    terminal.shows("timing is off");
    terminal.shows("shop> ");
    // A long query says how far it is; Ctrl-C stops it, and not the shell.
    terminal.types("select a.value from generate_series(1, 1000000000000) as a where a.value < 0;\r");
    terminal.shows("Ctrl-C stops the query");
    terminal.types("\x03");
    terminal.shows("stopped");
    terminal.shows("shop> ");
    // What was asked is remembered: the arrow brings it back.
    terminal.types("\x1b[A\x1b[A\r");
    terminal.shows("timing is on");
    terminal.shows("shop> ");
    // A command in the midst of a statement is done, and the statement stands there again; `\r` drops it.
    terminal.types("select 40 +\r");
    terminal.shows("(; runs, \\r drops)");
    terminal.types("\\timing\r");
    terminal.shows("timing is off");
    terminal.shows("select 40 +");
    terminal.types("2 as sum;\r");
    terminal.shows(" 42");
    terminal.shows("shop> ");
    terminal.types("select 'never run'\r\\r\r");
    terminal.shows("dropped what was typed");
    terminal.shows("shop> ");
    terminal.types("select 1\rexit\r");
    let begun = Instant::now();
    let code = loop {
        if let Some(status) = terminal.child.try_wait().expect("a state") {
            break status.code();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "`exit` does not leave");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(code, Some(0));
    let history = std::fs::read_to_string(shop.path().join("state/polytask/sql_history")).expect("a history");
    assert!(history.contains("select category,") && history.contains("\\timing"), "{history}");
}
