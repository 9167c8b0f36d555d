//! Dying and full disks: at every step of a night a reader sees all of the old run or all of the new one, and the next night
//! ends in the same bytes as an undisturbed one. Prints the table of steps and outcomes.
//!
//! `POLYTASK_EVERY_STEP=1` tries every step; without it, one of each kind and place, and every step of the publishing itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use polytask::publish::home::Places;
use polytask::publish::{Home, upkeep};

use crate::shop::{NIGHT, Shop, said};

const NEXT: &str = "2026-02-27";
const FAILPOINT: &str = "POLYTASK_FAILPOINT";

/// A shop with one published night, and what the next one leaves behind when nothing disturbs it.
struct Template {
    shop: Shop,
    old: Seen,
    new: Left,
    /// The steps of the next night, in the order in which they were reached.
    steps: Vec<String>,
    ends: Ends,
}

/// How the next night ends when nothing disturbs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Published,
    Held,
}

impl Ends {
    fn code(self) -> i32 {
        if self == Self::Held { 4 } else { 0 }
    }

    /// The page that shows the next night.
    fn page(self) -> String {
        format!("{NEXT}{}.html", if self == Self::Held { "-held" } else { "" })
    }
}

/// A copy of the shop that a test may ruin.
struct Try(tempfile::TempDir);

/// What a reader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    run: String,
    manifest: Vec<u8>,
}

/// What a night leaves behind for good.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    seen: Seen,
    latest: Vec<u8>,
    dated: Vec<u8>,
    /// Manifests of all runs by their ids.
    runs: BTreeMap<String, Vec<u8>>,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

impl Try {
    fn of(shop: &Shop) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let copied = Self(folder);
        copy(shop.path(), &copied.root());
        copied
    }

    /// Deep enough below the temporary folder that no step has that folder's random name in its own.
    fn root(&self) -> PathBuf {
        self.0.path().join("some/where")
    }

    fn home(&self) -> Home {
        Home::of(&self.root().join("queries/shop"), &Places::default())
    }

    /// Runs the next night with a fail-point.
    fn night(&self, failpoint: &str) -> Output {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("polytask"));
        command.args(["run", "queries/shop", "--as-of", NEXT, "--threads", "1"]).current_dir(self.root());
        if !failpoint.is_empty() {
            command.env(FAILPOINT, failpoint);
        }
        command.output().expect("an exit")
    }

    /// Follows `CURRENT` as a reader does, and holds every file against the manifest.
    #[track_caller]
    fn seen(&self, at: &str) -> Seen {
        let home = self.home();
        let current = home.current().expect("CURRENT").expect("a published run");
        let run = home.find(&current).expect("a manifest").unwrap_or_else(|| panic!("{at}: CURRENT names no run: {current}"));
        let verified = upkeep::verify(&run).expect("a run folder");
        assert!(verified.wrong.is_empty() && verified.files > 10, "{at}: {:?}", verified.wrong);
        Seen { run: current, manifest: fs::read(run.folder.join("manifest.json")).expect("a manifest") }
    }

    /// What is there when all has ended, and that nothing half-made is.
    #[track_caller]
    fn left(&self, at: &str, ends: Ends) -> Left {
        let home = self.home();
        let mut waiting = vec![home.runs.clone(), home.reports.clone()];
        let mut half: Vec<PathBuf> = Vec::new();
        while let Some(here) = waiting.pop() {
            for entry in fs::read_dir(here).expect("a folder").flatten() {
                if entry.file_name().to_string_lossy().starts_with('.') {
                    half.push(entry.path());
                } else if entry.path().is_dir() {
                    waiting.push(entry.path());
                }
            }
        }
        assert!(half.is_empty(), "{at}: left half-made: {half:?}");
        let mut runs = BTreeMap::new();
        for run in home.past().expect("runs") {
            let verified = upkeep::verify(&run).expect("a run folder");
            assert!(verified.wrong.is_empty(), "{at}: {}: {:?}", run.manifest.run, verified.wrong);
            runs.insert(run.manifest.run.clone(), fs::read(run.folder.join("manifest.json")).expect("a manifest"));
        }
        let report = |name: &str| fs::read(home.reports.join(name)).expect("a report");
        Left { seen: self.seen(at), latest: report("latest.html"), dated: report(&ends.page()), runs }
    }
}

impl Template {
    fn make(ends: Ends) -> Self {
        let shop = Shop::new();
        shop.edit("job.toml", "[encode]", "[evaluate]\nresamples = 100\n\n[encode]");
        shop.succeeds(&["run", "queries/shop", "--as-of", NIGHT]);
        let old = Try::of(&shop).seen("before");
        if ends == Ends::Held {
            shop.edit("job.toml", "[evaluate]", "[gates]\nrequire = [\"auc >= 0.9999\"]\n\n[evaluate]");
        }
        let undisturbed = Try::of(&shop);
        let listed = undisturbed.root().join("steps");
        let output = undisturbed.night(&format!("list:{}", listed.display()));
        assert_eq!(output.status.code(), Some(ends.code()), "{}", said(&output));
        let steps: Vec<String> = fs::read_to_string(&listed).expect("steps").lines().map(str::to_owned).collect();
        fs::remove_file(&listed).expect("steps");
        let new = undisturbed.left("undisturbed", ends);
        assert_eq!(old == new.seen, ends == Ends::Held);
        assert_eq!(new.runs.len(), 2);
        Self { shop, old, new, steps, ends }
    }

    /// The steps to try: all, or the first of each operation in each place, and all from the run folder's renaming on.
    fn tried(&self) -> Vec<String> {
        if every_step() {
            return self.steps.clone();
        }
        let publishing = self.steps.iter().position(|step| step.starts_with("rename shop/runs/")).expect("a run folder");
        let (mut kinds, mut tried) = (BTreeSet::new(), Vec::new());
        for (at, step) in self.steps.iter().enumerate() {
            if kinds.insert(step.split('/').next()) || at >= publishing {
                tried.push(step.clone());
            }
        }
        tried
    }

    /// Old or new; anything else fails.
    #[track_caller]
    fn which(&self, seen: &Seen, at: &str) -> &'static str {
        match seen {
            seen if *seen == self.old => "old",
            seen if *seen == self.new.seen => "new",
            _ => panic!("{at}: a reader sees neither the old run nor the new one"),
        }
    }

    /// Lets the night end in `word` at `step`, looks as a reader, runs it again. Returns a row of the table.
    fn disturb(&self, word: &str, step: &str) -> String {
        let at = format!("{word} at {step}");
        let disturbed = Try::of(&self.shop);
        let output = disturbed.night(&format!("{word}:{step}"));
        let ended = ending(&output, word, &at);
        let seen = self.which(&disturbed.seen(&at), &at);
        let latest = fs::read(disturbed.home().reports.join("latest.html")).expect("a report");
        let old = fs::read(self.shop.path().join("reports/shop/latest.html")).expect("a report");
        assert!(latest == old || latest == self.new.latest, "{at}: half a report");
        // What a full disk leaves is less than what a kill leaves, so that the next night after it is not always run.
        if word == "full" && !every_step() && !step.len().is_multiple_of(4) {
            return format!("{step:<60} | {ended:<9} | {seen:<3} | (not run)");
        }
        let again = disturbed.night("");
        assert_eq!(again.status.code(), Some(self.ends.code()), "{at}, then again: {}", said(&again));
        assert_eq!(disturbed.left(&at, self.ends), self.new, "{at}: other bytes than an undisturbed night");
        format!("{step:<60} | {ended:<9} | {seen:<3} | same bytes")
    }

    /// Tries all steps, two at a time; prints the table in the order of the steps.
    fn table(&self, word: &str) -> Vec<String> {
        let tried = self.tried();
        let (next, rows) = (Mutex::new(0), Mutex::new(vec![String::new(); tried.len()]));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let at = {
                            let mut next = next.lock().expect("a counter");
                            *next += 1;
                            *next - 1
                        };
                        let Some(step) = tried.get(at) else { return };
                        let row = self.disturb(word, step);
                        rows.lock().expect("rows")[at] = row;
                    }
                });
            }
        });
        let rows = rows.into_inner().expect("rows");
        println!("{:<60} | ended     | reader sees | after the next run\n{}", format!("{word} at step"), rows.join("\n"));
        rows
    }
}

fn every_step() -> bool {
    std::env::var_os("POLYTASK_EVERY_STEP").is_some()
}

/// How the disturbed process ended, in a word; it must have ended as it was asked to.
#[cfg(unix)]
#[track_caller]
fn ending(output: &Output, word: &str, at: &str) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (word, output.status.code(), output.status.signal()) {
        ("kill", None, Some(9)) => "SIGKILL".into(),
        ("full", Some(74), _) => {
            assert!(said(output).contains("hint: free some space"), "{at}: {}", said(output));
            "exit 74".into()
        }
        // What is remembered of the inputs, and the training that is done, only save time: the night goes on.
        ("full", Some(0), _) if ["digests.json", "runs/cache#", "checkpoints"].iter().any(|saved| at.contains(saved)) => "exit 0".into(),
        // What is told of the night beside its run: the run is published then, and the night says what it could not write.
        ("full", Some(0), _)
            if ["shop/runs/night.json", "shop/runs/metrics.prom", "sync data/shop/runs#"].iter().any(|told| at.contains(told)) =>
        {
            assert!(said(output).contains("warning: cannot "), "{at}: {}", said(output));
            "exit 0".into()
        }
        _ => panic!("{at}: {:?} {}", output.status, said(output)),
    }
}

#[cfg(unix)]
#[test]
fn a_night_killed_at_any_step_shows_old_or_new_and_then_ends_as_if_nothing_had_happened() {
    let template = Template::make(Ends::Published);
    let rows = template.table("kill");
    for word in ["create ", "write ", "sync ", "rename ", "remove "] {
        assert!(rows.iter().any(|row| row.starts_with(word)), "no step to {word}");
    }
    assert!(rows.iter().any(|row| row.contains("| new |")) && rows.iter().any(|row| row.contains("| old |")));
}

#[cfg(unix)]
#[test]
fn a_held_night_killed_at_any_step_leaves_readers_alone_and_then_is_held_with_the_same_bytes() {
    let rows = Template::make(Ends::Held).table("kill");
    assert!(rows.len() > 20 && rows.iter().all(|row| row.contains("| old |")), "{rows:?}");
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_at_any_step_is_exit_74_and_the_old_run_stays() {
    let rows = Template::make(Ends::Published).table("full");
    assert!(rows.iter().filter(|row| row.contains("| exit 74")).count() > 30);
}

/// A limit on the size of a file is a disk that is really full, as the kernel tells it.
#[cfg(unix)]
#[test]
fn a_limit_that_the_kernel_sets_is_exit_74_and_the_old_run_stays() {
    let template = Template::make(Ends::Published);
    let binary = assert_cmd::cargo::cargo_bin("polytask");
    for blocks in [1, 16, 64, 256] {
        let limited = Try::of(&template.shop);
        // The signal is ignored, so that the write fails instead.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" run queries/shop --as-of {NEXT} --threads 1");
        let output = Command::new("sh").arg("-c").arg(script).arg(&binary).current_dir(limited.root()).output().expect("an exit");
        let seen = template.which(&limited.seen("limited"), "limited");
        println!("files of at most {blocks} blocks: {:?}, a reader sees the {seen} run", output.status.code());
        match output.status.code() {
            Some(74) => assert!(said(&output).contains("hint: free some space"), "{}", said(&output)),
            Some(0) => assert_eq!(seen, "new"),
            code => panic!("{blocks} blocks: {code:?} {}", said(&output)),
        }
        let again = limited.night("");
        assert!(again.status.success(), "{}", said(&again));
        assert_eq!(limited.left("after the limit", Ends::Published), template.new);
    }
}

/// Who may write everywhere is not kept from it by the mode of a folder.
#[cfg(unix)]
#[test]
fn a_target_that_cannot_be_written_is_exit_74_and_the_old_run_stays() {
    let shop = Shop::new();
    shop.published();
    let before = fs::read_to_string(shop.runs().join("CURRENT")).expect("a published run");
    // A file where a folder must be is refused to everybody.
    let file = shop.path().join("no-folder");
    fs::write(&file, "").expect("a file");
    let reports = shop.night(NEXT, &["--reports", "no-folder/reports"]);
    assert_eq!(reports.status.code(), Some(74), "{}", said(&reports));
    let runs = shop.night(NEXT, &["--runs", "no-folder/runs"]);
    assert_eq!(runs.status.code(), Some(74), "{}", said(&runs));
    assert!(said(&runs).contains("no-folder"), "{}", said(&runs));
    let now = fs::read_to_string(shop.runs().join("CURRENT")).expect("a published run");
    // The run itself was whole when its report could not be shown.
    assert!(now == before || now.starts_with(NEXT));
}
