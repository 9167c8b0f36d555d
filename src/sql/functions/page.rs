//! The page of functions in the documentation, written from what is registered.
//!
//! In: documentation of functions. Out: Markdown, by heading in the order of registration. Not here: the registration.

use datafusion::logical_expr::Documentation;

const HEAD: &str = "# Functions in SQL

Registered in every session of `polytask sql` beside DataFusion's own. A function computes by the code that the night computes with:
the same rows give the report's figures. This page is written from the functions' own documentation (`information_schema.routines`
shows the same), and a test keeps it so. The examples run on `queries/complete_journey`.

A row counts only where every argument that needs a value has one: NULL leaves it out, unless a function says otherwise. Constants
(`bins`, `k`, `resamples`) are the same for all rows of a query. Aggregates take `GROUP BY`, `FILTER` and `OVER (…)`; they refuse
`DISTINCT`. Partial results of partitions merge to what a single pass gives, up to the rounding of sums (12 digits and more).
Aggregates that do not say that they stream hold the rows of all groups, eight bytes for each argument.
";

/// One function: its kind, and what it says of itself.
pub(super) type Entry = (&'static str, Documentation);

pub(super) fn page(entries: &[Entry]) -> String {
    let mut text = HEAD.to_owned();
    let mut headings: Vec<&str> = Vec::new();
    for (_, documentation) in entries {
        if !headings.contains(&documentation.doc_section.label) {
            headings.push(documentation.doc_section.label);
        }
    }
    for heading in headings {
        text.push_str(&format!("\n## {heading}\n"));
        for (kind, documentation) in entries.iter().filter(|(_, own)| own.doc_section.label == heading) {
            text.push_str(&function(kind, documentation));
        }
    }
    text
}

fn function(kind: &str, documentation: &Documentation) -> String {
    let mut text = format!("\n### `{}`\n\n*{kind}.* {}\n", documentation.syntax_example, documentation.description);
    let arguments = documentation.arguments.iter().flatten();
    let lines: Vec<String> = arguments.map(|(name, about)| format!("- `{name}`: {about}\n")).collect();
    if !lines.is_empty() {
        text.push_str(&format!("\n{}", lines.concat()));
    }
    if let Some(example) = &documentation.sql_example {
        text.push_str(&format!("\n```sql\n{example}\n```\n"));
    }
    text
}
