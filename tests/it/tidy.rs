//! The house rules as tests: what a file opens with, what may know what, what is written down where.
//!
//! In: the text of the repository. Out: every place that breaks a rule, at once. Not here: what rustfmt and clippy say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Files below a folder of the repository, by their paths from its root, sorted. What git ignores is left out.
fn files_below(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(here) = waiting.pop() {
        for entry in fs::read_dir(&here).into_iter().flatten().flatten() {
            let path: PathBuf = entry.path();
            let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
            let ignored = [".git", "target", "data", "reports", ".venv"].contains(&name.as_str());
            if path.is_dir() && !ignored {
                waiting.push(path);
            } else if path.is_file() {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<String> {
    let files: Vec<String> =
        files_below("").into_iter().filter(|file| Path::new(file).extension().is_some_and(|extension| extension == "rs")).collect();
    assert!(files.len() > 50, "where is the source?");
    files
}

/// Nothing may be wrong; says all that is.
#[track_caller]
fn none(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}

/// Lines of a file that hold a word, as `file:line: word`.
fn lines_with(file: &str, words: &[String]) -> Vec<String> {
    let text = text(file);
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(at, line)| words.iter().filter(|word| line.contains(*word)).map(move |word| format!("{file}:{}: {word}", at + 1)))
        .collect()
}

/// Words put together here, so that this file does not hold them.
fn words(parts: &[(&str, &str)]) -> Vec<String> {
    parts.iter().map(|(a, b)| format!("{a}{b}")).collect()
}

#[test]
fn every_rust_file_opens_with_what_it_is() {
    let wrong: Vec<String> = rust_files().into_iter().filter(|file| !text(file).starts_with("//! ")).collect();
    none("open with `//!`: one sentence of responsibility; inputs → outputs; what is not here", &wrong);
}

#[test]
fn there_are_no_loose_ends() {
    let loose = words(&[
        ("#[al", "low("),
        ("#![al", "low("),
        ("todo", "!("),
        ("unimpl", "emented!("),
        ("TO", "DO"),
        ("FIX", "ME"),
        ("#[ig", "nore"),
        ("db", "g!("),
    ]);
    let wrong: Vec<String> = rust_files().iter().flat_map(|file| lines_with(file, &loose)).collect();
    none("finish it, or leave it out", &wrong);
}

#[test]
fn an_exception_to_a_lint_has_its_reason() {
    let mut wrong = Vec::new();
    for file in rust_files() {
        for (at, line) in text(&file).lines().enumerate() {
            if line.trim_start().starts_with(&words(&[("#[ex", "pect(")])[0]) && !line.contains("reason = \"") {
                wrong.push(format!("{file}:{}", at + 1));
            }
        }
    }
    none("say why", &wrong);
}

#[test]
fn learning_evaluating_explaining_and_deciding_are_pure() {
    let impure = [
        "datafusion",
        "tokio",
        "clap",
        "std::fs",
        "std::env",
        "std::time",
        "std::net",
        "std::process",
        "SystemTime",
        "Instant::now",
        "failpoint",
    ];
    let impure: Vec<String> = impure.map(str::to_owned).to_vec();
    let pure = |file: &&String| ["src/learn/", "src/evaluate/", "src/explain/", "src/decide/"].iter().any(|room| file.starts_with(room));
    let wrong: Vec<String> = rust_files().iter().filter(pure).flat_map(|file| lines_with(file, &impure)).collect();
    none("learn, evaluate, explain and decide know no engine, no runtime, no command line, no file, no clock", &wrong);
}

/// Paths into this crate that a text names: `learn::rows` of `crate::learn::rows::Block`.
fn named(text: &str) -> BTreeSet<String> {
    let paths = text.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':')).unwrap_or(rest.len());
        rest[..end].trim_end_matches(':').to_owned()
    });
    paths.collect()
}

/// The files of a room may name itself, what lies under all stages, and `allowed`.
#[track_caller]
fn room(name: &str, allowed: &[&str]) {
    let under_all = ["failpoint", "fingerprint", "outcome", "table_file", "watch"];
    let mut wrong = Vec::new();
    let own = |file: &&String| file.starts_with(&format!("src/{name}/")) || **file == format!("src/{name}.rs");
    for file in rust_files().iter().filter(own) {
        let text = text(file);
        assert!(!text.contains("crate::{"), "{file}: one `use` line for each module of the crate, so that this test can read it");
        for path in named(&text) {
            let below = |prefix: &str| path == prefix || path.starts_with(&format!("{prefix}::"));
            if !below(name) && !under_all.iter().chain(allowed).any(|prefix| below(prefix)) {
                wrong.push(format!("{file}: crate::{path}"));
            }
        }
    }
    none(&format!("`{name}` may not know this: `run` passes values between stages"), &wrong);
}

#[test]
fn stages_do_not_call_each_other() {
    room("learn", &[]);
    room("evaluate", &["learn::folds", "learn::rows"]);
    room("explain", &["evaluate::bootstrap", "evaluate::drift", "evaluate::paired", "learn"]);
    room("report", &[]);
    room("decide", &[]);
    // Decisions in SQL: a session of a night and an analyst's have the same ones.
    room("table_functions", &["decide", "ingest::arguments", "ingest::sql"]);
    // A job's settings are read in the form in which their stage takes them.
    room("job", &["evaluate::gates", "features::encode", "learn"]);
    room("ingest", &["job", "learn::rows", "publish::folder"]);
    room("features", &["ingest", "job", "learn::rows", "publish::folder"]);
    // Publishing knows the values that it writes, and the engine that decisions are made with.
    room("publish", &["evaluate", "explain", "features::row_order", "ingest", "job", "learn"]);
    room("demo", &["job", "publish::folder"]);
    room("run", &["evaluate", "explain", "features", "ingest", "job", "learn", "publish", "report", "sql::functions", "table_functions"]);
    // The analyst's surface reads what the night leaves, by the code that the night reads and counts with.
    room("sql", &["evaluate", "features", "ingest", "job", "publish", "table_functions"]);
    // Servers ask by that surface; what drivers write is held against the same rule of brackets.
    room("serve", &["ingest::sql", "job", "publish", "report::desk", "sql"]);
    room("cli", &["demo", "ingest::sql", "ingest::untrusted", "job", "publish", "run", "serve", "sql"]);
}

#[test]
fn every_dependency_says_what_it_spares_us() {
    let manifest = text("Cargo.toml");
    let (mut wrong, mut inside, mut before, mut seen) = (Vec::new(), false, "", 0);
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies]");
        } else if inside && line.starts_with(|c: char| c.is_ascii_alphabetic()) && line.contains('=') {
            seen += 1;
            let name = line.split('=').next().unwrap_or("").trim();
            // Neighbours of one purpose share their sentence (`rand` and `rand_distr`).
            let follows = before.starts_with(name.split(['-', '_']).next().unwrap_or(name));
            let sentence = before.starts_with("# ") && before.ends_with(['.', ')']);
            if !sentence && !follows {
                wrong.push(line.to_owned());
            }
        }
        before = line;
    }
    assert!(seen > 20, "where are the dependencies?");
    none("a sentence above it says what a dependency spares us", &wrong);
}

/// Crates that the program is built of, with version and features; `edges` says which dependencies count.
fn built_of(edges: &str) -> BTreeSet<String> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let tree = ["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p} {f}", "--edges", edges];
    let output = Command::new(cargo).args(tree).current_dir(root()).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// Were the tests to ask more features of one crate, `cargo build` and `cargo test` would each compile DataFusion.
#[test]
fn one_build_of_the_dependencies_serves_the_program_and_its_tests() {
    let (program, tests) = (built_of("no-dev"), built_of("normal,build,dev"));
    let wrong: Vec<String> = program.difference(&tests).cloned().collect();
    none("the tests ask other features of these: ask them of the program too, in Cargo.toml", &wrong);
}

/// Whether `text` holds `word` with no letter, digit or `_` beside it.
fn holds_word(text: &str, word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(inner) && !text[at + word.len()..].starts_with(inner))
}

#[test]
fn every_key_of_job_toml_is_documented() {
    let file = "docs/your-own-job.md";
    let path = root().join(file);
    assert!(path.is_file(), "there is no {file}: it explains every key of job.toml");
    let guide = text(file);
    let mut wrong = Vec::new();
    // Keys with a default: their section is named before they are.
    let defaults: toml::Table = toml::from_str(polytask::job::DEFAULTS).expect("the defaults");
    for (section, keys) in &defaults {
        let from = guide.find(&format!("[{section}]"));
        if from.is_none() {
            wrong.push(format!("[{section}]"));
        }
        let rest = &guide[from.unwrap_or(0)..];
        for key in keys.as_table().into_iter().flat_map(toml::Table::keys) {
            if !holds_word(rest, key) {
                wrong.push(format!("[{section}] {key}"));
            }
        }
    }
    // Keys without one: the fields of the structs that a section is read into.
    let raw = text("src/job/raw.rs");
    for (name, section) in
        [("RawHead", "[job]"), ("RawSource", "[sources."), ("RawTable", "[tables."), ("RawDecision", "[decisions."), ("RawTask", "[tasks.")]
    {
        if !guide.contains(section) {
            wrong.push(section.to_owned());
        }
        let body = raw.split_once(&format!("struct {name} {{")).map_or("", |(_, rest)| rest.split('}').next().unwrap_or(""));
        let fields: Vec<&str> = body.lines().filter_map(|line| line.trim().strip_prefix("pub(super) ")?.split(':').next()).collect();
        assert!(!fields.is_empty(), "src/job/raw.rs has no struct {name}");
        wrong.extend(fields.into_iter().filter(|field| !holds_word(&guide, field)).map(|field| format!("{section} {field}")));
    }
    none(&format!("{file} does not name"), &wrong);
}

#[test]
fn no_file_names_a_place_on_one_machine() {
    let places = words(&[("/ho", "me/"), ("/ro", "ot/"), ("/Us", "ers/"), ("/wo", "rk/"), ("/mn", "t/"), ("C:", "\\\\")]);
    let mut wrong = Vec::new();
    for file in files_below("") {
        // Files that are no text have no paths to find; links to the web are no places on a machine.
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        for (at, line) in text.lines().enumerate() {
            let found =
                |place: &&String| line.match_indices(place.as_str()).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric()));
            wrong.extend(places.iter().filter(found).map(|place| format!("{file}:{}: {place}", at + 1)));
        }
    }
    none("a path that exists on one machine", &wrong);
}

#[test]
fn the_map_names_files_that_are_there() {
    let map = text("ARCHITECTURE.md");
    let named = map.split('`').skip(1).step_by(2).filter(|name| {
        let file = Path::new(name);
        file.extension().is_some_and(|extension| ["rs", "toml", "md"].iter().any(|known| extension == *known)) || name.ends_with('/')
    });
    let there = |name: &str| {
        let name = name.trim_end_matches('/');
        // `job.toml` and what lies below `data/` belong to a job, not to the repository.
        ["", "src"].iter().any(|place| root().join(place).join(name).exists()) || name == "job.toml" || name.contains('<')
    };
    let wrong: Vec<String> =
        named.filter(|name| !there(name) && !["encode/", "scaffold/", "scenario=<s>/"].contains(name)).map(str::to_owned).collect();
    none("ARCHITECTURE.md names a file that is not there", &wrong);
}

#[test]
fn the_report_speaks_of_relying_and_never_of_causing() {
    let claims = [" causes ", " cause ", " drives ", " driver", " leads to ", " because of ", " due to ", " impact", " thanks to "];
    let claims: Vec<String> = claims.map(str::to_owned).to_vec();
    let spoken = files_below("src/report").into_iter().chain(["src/run/told.rs".to_owned()]);
    let wrong: Vec<String> = spoken.flat_map(|file| lines_with(&file, &claims)).collect();
    none("a contribution says what the model relies on", &wrong);
    assert!(text("src/report/words/explained.rs").contains("is not to be caused by it"), "the report no longer warns of it");
}

#[test]
fn every_topic_is_a_module_of_the_one_test_binary() {
    let main = text("tests/it/main.rs");
    let topics = files_below("tests/it").into_iter().filter_map(|file| {
        let name = file.strip_prefix("tests/it/")?.strip_suffix(".rs")?.to_owned();
        (name != "main" && !name.contains('/')).then_some(name)
    });
    let wrong: Vec<String> = topics.filter(|name| !main.lines().any(|line| line == format!("mod {name};"))).collect();
    none("tests/it/main.rs does not name", &wrong);
}

#[test]
fn the_jobs_of_the_repository_are_sound() {
    let jobs: BTreeSet<String> =
        files_below("queries").into_iter().filter_map(|file| file.strip_suffix("/job.toml").map(str::to_owned)).collect();
    assert!(jobs.contains("queries/complete_journey"), "{jobs:?}");
    for folder in jobs {
        let job = polytask::job::Job::load(&root().join(&folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        polytask::ingest::Graph::new(&job).unwrap_or_else(|error| panic!("{folder}: {error}"));
        assert!(!job.queries.checks.is_empty() && !job.queries.decisions.is_empty(), "{folder} has no checks or no decisions");
        let undefined = undefined_columns(&job.queries.frame.sql);
        assert!(undefined.is_empty(), "{folder}/frame.sql: no definition of {}", undefined.join(", "));
    }
}

/// Lines of a frame.sql that select a feature and do not say what it is. Keys and scenario come from `rows`.
fn undefined_columns(sql: &str) -> Vec<String> {
    let code = sql.lines().map(str::trim).filter(|line| !line.starts_with("--") && !line.starts_with("rows."));
    // A common table expression ends in `),`, a selected column in a comma of its own.
    code.filter(|line| line.ends_with(',') && !line.ends_with("),")).map(str::to_owned).collect()
}
