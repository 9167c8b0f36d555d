//! The SQL files of a job folder: which there are, what each opens with, how its output columns are defined.
//!
//! In: the folder. Out: [`Queries`], text only; parsing and planning are `ingest`'s.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::error::JobError;

/// One SQL file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Table that it yields: the file's name.
    pub name: String,
    /// Path below the job folder, with `/`: what errors name.
    pub file: String,
    /// The text.
    pub sql: String,
    /// The comment lines at its top, without their dashes.
    pub header: String,
}

/// A check: its offending rows stop the night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Table that it is about.
    pub table: String,
    /// The rule's name.
    pub rule: String,
    /// The query.
    pub query: Query,
}

/// All queries of a job, each kind sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queries {
    /// `clean/*.sql`.
    pub clean: Vec<Query>,
    /// `features/*.sql`.
    pub features: Vec<Query>,
    /// `candidates.sql`.
    pub candidates: Query,
    /// `examples.sql`.
    pub examples: Query,
    /// `frame.sql`.
    pub frame: Query,
    /// `checks/*.sql`.
    pub checks: Vec<Check>,
    /// `checks/decisions/*.sql`.
    pub decision_checks: Vec<Check>,
    /// `decisions/*.sql`.
    pub decisions: Vec<Query>,
    /// `explore/*.sql`.
    pub explore: Vec<Query>,
}

/// Whether `name` may name a table: it goes into SQL, file names and reports.
#[must_use]
pub fn is_table_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
}

impl Queries {
    /// Reads the SQL files of `folder`.
    ///
    /// # Errors
    /// [`JobError`] naming the file.
    pub fn read(folder: &Path) -> Result<Self, JobError> {
        refuse_strays(folder)?;
        let one = |name: &'static str| -> Result<Query, JobError> {
            let path = folder.join(name);
            if path.is_file() { read(&path, name.trim_end_matches(".sql"), name.to_owned()) } else { Err(JobError::MissingQuery(name)) }
        };
        let decisions = list(folder, "decisions")?;
        let decision_checks = checks(folder, "checks/decisions")?;
        for check in &decision_checks {
            if !decisions.iter().any(|decision| decision.name == check.table) {
                let known: Vec<&str> = decisions.iter().map(|decision| decision.name.as_str()).collect();
                return Err(JobError::Value {
                    key: check.query.file.clone(),
                    message: format!("there is no decisions/{}.sql", check.table),
                    hint: format!("a check of decisions is named <table>__<rule>.sql; decision tables: {}", known.join(", ")),
                });
            }
        }
        Ok(Self {
            clean: list(folder, "clean")?,
            features: list(folder, "features")?,
            candidates: one("candidates.sql")?,
            examples: one("examples.sql")?,
            frame: one("frame.sql")?,
            checks: checks(folder, "checks")?,
            decision_checks,
            decisions,
            explore: list(folder, "explore")?,
        })
    }

    /// Every query, in the order of the night.
    pub fn all(&self) -> impl Iterator<Item = &Query> {
        self.clean
            .iter()
            .chain(self.checks.iter().map(|check| &check.query))
            .chain(&self.features)
            .chain([&self.candidates, &self.examples, &self.frame])
            .chain(&self.decisions)
            .chain(self.decision_checks.iter().map(|check| &check.query))
            .chain(&self.explore)
    }
}

/// Definitions of output columns: the trailing comments of a query's lines, by column name.
///
/// A line `<expression> as <name>, -- <definition>` or `<table>.<name>, -- <definition>` defines `<name>`.
#[must_use]
pub fn definitions(sql: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in sql.lines() {
        let Some((code, definition)) = line.split_once("--") else { continue };
        let code = code.trim().trim_end_matches(',').trim_end();
        let name = code.rsplit(|c: char| c.is_whitespace() || c == '.').next().unwrap_or("").trim_matches('"');
        if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            found.insert(name.to_owned(), definition.trim().to_owned());
        }
    }
    found
}

fn refuse_strays(folder: &Path) -> Result<(), JobError> {
    let known = ["clean", "features", "checks", "decisions", "explore"];
    for entry in entries(folder)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let stray = match path.extension() {
            Some(extension) if extension == "sql" => !["candidates.sql", "examples.sql", "frame.sql"].contains(&name.as_str()),
            _ => path.is_dir() && !known.contains(&name.as_str()) && !name.starts_with('.'),
        };
        if stray {
            return Err(JobError::StrayFile(name));
        }
    }
    Ok(())
}

fn checks(folder: &Path, kind: &str) -> Result<Vec<Check>, JobError> {
    let named = |query: Query| match query.name.split_once("__") {
        Some((table, rule)) => Ok(Check { table: table.to_owned(), rule: rule.to_owned(), query: query.clone() }),
        None => Err(JobError::Value {
            key: query.file.clone(),
            message: "a check is named <table>__<rule>.sql".into(),
            hint: format!("rename it, for example {kind}/{}__is_sane.sql", query.name),
        }),
    };
    list(folder, kind)?.into_iter().map(named).collect()
}

fn list(folder: &Path, kind: &str) -> Result<Vec<Query>, JobError> {
    let place = folder.join(kind);
    if !place.is_dir() {
        return Ok(Vec::new());
    }
    let mut queries = Vec::new();
    for entry in entries(&place)? {
        let path = entry.path();
        let file = format!("{kind}/{}", entry.file_name().to_string_lossy());
        if path.extension().is_none_or(|extension| extension != "sql") {
            continue;
        }
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if !is_table_name(&name) {
            return Err(JobError::BadName { name, file });
        }
        queries.push(read(&path, &name, file)?);
    }
    queries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(queries)
}

fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, JobError> {
    let failed = |source| JobError::Read { path: folder.to_path_buf(), source };
    fs::read_dir(folder).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
}

fn read(path: &Path, name: &str, file: String) -> Result<Query, JobError> {
    let sql = fs::read_to_string(path).map_err(|source| JobError::Read { path: path.to_path_buf(), source })?;
    let header: Vec<&str> =
        sql.lines().map_while(|line| line.trim_start().strip_prefix("--")).map(str::trim).filter(|line| !line.is_empty()).collect();
    if header.is_empty() {
        return Err(JobError::NoHeader(file));
    }
    let header = header.join("\n");
    Ok(Query { name: name.to_owned(), file, sql, header })
}
