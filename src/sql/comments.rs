//! What the columns of the tables mean: the trailing comments of the job's queries, and the words for the tables of a run.
//!
//! In: the job's SQL. Out: a sentence for a column, where there is one.

use std::collections::BTreeMap;

use crate::job::Job;
use crate::job::queries::definitions;

/// Columns of a run's tables: `table.column  meaning`, or `column  meaning` for every table.
const OUTPUTS: &str = include_str!("run_columns.txt");

/// The comments of a job's columns.
#[derive(Debug, Default)]
pub struct Comments {
    /// By table of the job's queries, then column.
    queries: BTreeMap<String, BTreeMap<String, String>>,
    /// By task or label column of a run's tables.
    tasks: BTreeMap<String, String>,
    /// The first line of each query's header, by table.
    headers: BTreeMap<String, String>,
}

impl Comments {
    /// Reads them off the job's queries.
    #[must_use]
    pub fn of_job(job: &Job) -> Self {
        let mut comments = Self::default();
        let queries = &job.queries;
        let all = queries.clean.iter().chain(&queries.features).chain(&queries.decisions).chain([&queries.frame, &queries.candidates]);
        for query in all {
            comments.queries.insert(query.name.clone(), definitions(&query.sql));
            comments.headers.insert(query.name.clone(), query.header.lines().next().unwrap_or_default().to_owned());
        }
        for (table, column, meaning) in passed_on(&queries.frame.sql) {
            if let Some(columns) = comments.queries.get_mut(table) {
                columns.entry(column.to_owned()).or_insert_with(|| meaning.to_owned());
            }
        }
        for task in &job.tasks {
            let name = &task.task.name;
            comments.tasks.insert(name.clone(), format!("calibrated prediction of {name}"));
            comments.tasks.insert(format!("y_{name}"), format!("label of {name}: what happened"));
            comments.tasks.insert(format!("p_{name}"), format!("prediction of {name} on a night that the model had not seen"));
        }
        comments
    }

    /// What a column means.
    #[must_use]
    pub fn of(&self, schema: &str, table: &str, column: &str) -> Option<String> {
        let of_query = |table: &str| self.queries.get(table).and_then(|columns| columns.get(column)).cloned();
        match schema {
            "snapshots" => of_query("frame").or_else(|| self.tasks.get(column).cloned()).or_else(|| output(table, column)),
            "current" | "previous" | "runs" => {
                of_query(table).or_else(|| self.tasks.get(column).cloned()).or_else(|| output(table, column))
            }
            "public" if table.starts_with("scores") => self.tasks.get(column).cloned().or_else(|| output(table, column)),
            "raw" => None,
            _ => of_query(table),
        }
    }

    /// What a table of the job is: the first line of its query's header.
    #[must_use]
    pub fn of_table(&self, table: &str) -> Option<&str> {
        self.headers.get(table).map(String::as_str)
    }
}

/// Columns of other tables that a query passes on as they are, `<table>.<column>, -- <meaning>`: they mean the same in their table.
fn passed_on(sql: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    sql.lines().filter_map(|line| {
        let (code, meaning) = line.split_once("--")?;
        let code = code.trim().trim_end_matches(',').trim_end();
        let source = code.split_once(" as ").map_or(code, |(source, _)| source.trim_end());
        let (table, column) = source.split_once('.')?;
        let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
        (is_name(table) && is_name(column)).then(|| (table, column, meaning.trim()))
    })
}

/// The meaning of a column of a run's table.
fn output(table: &str, column: &str) -> Option<String> {
    let own = format!("{table}.{column}");
    let lines = || OUTPUTS.lines().filter_map(|line| line.split_once("  "));
    let found = lines().find(|(name, _)| *name == own).or_else(|| lines().find(|(name, _)| *name == column));
    found.map(|(_, meaning)| meaning.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_the_frame_passes_on_means_the_same_where_it_comes_from() {
        let sql = "-- head\nselect\n    pair.visits, -- how often\n    pair.spend as past_spend, -- how much\n    pair.a / pair.b as c -- a share\nfrom rows";
        let found: Vec<_> = passed_on(sql).collect();
        assert_eq!(found, [("pair", "visits", "how often"), ("pair", "spend", "how much")]);
    }

    #[test]
    fn a_tables_own_meaning_comes_before_the_common_one() {
        assert_eq!(output("metrics", "value").as_deref(), Some("the figure"));
        assert_eq!(output("metrics", "run").as_deref(), Some("id of the run"));
        assert_ne!(output("importance", "value"), output("metrics", "value"));
        assert_eq!(output("metrics", "no_such_column"), None);
    }
}
