//! Names that SQL, TOML and paths can carry: cleaned, made unique, quoted where they must be.
//!
//! In: names of files and columns, as they are. Out: names of lower-case letters, digits and `_`, and quoted text. Nothing
//! from a file enters a query or `job.toml` but through here.

use std::collections::BTreeSet;

use super::words;

/// Columns that polytask adds, or reads itself: a clean column never has such a name.
const OWN_COLUMNS: &str = "as_of split fold rank run under refused";
/// Tables that polytask names.
const OWN_TABLES: &str = "candidates rows scores scores_under scores_folds score_contributions holdout_under raw outcome rows_with_labels";
/// A table's name is also the name of files with something put behind it, and those have 63 letters at most.
const LONGEST_TABLE: usize = 40;
/// Task names are columns' names, and have 63 letters at most.
const LONGEST_COLUMN: usize = 60;
/// Words that the SQL parser does not take for a name in every place. The parser's own lists of reserved words, and the
/// words that begin an expression of their own.
const KEYWORDS: &str = "all analyze and anti any array as asc asof at between both by case cast ceil check cluster collate connect connect_by_root \
     convert create cross cube current current_catalog current_date current_role current_time current_timestamp current_user date \
     datetime default desc describe distinct distribute div else end escape except exclude exists explain extract false fetch \
     filter first floor for format from full global group grouping having ignore ilike in inner intersect interval into is join \
     json_table last lateral leading left like limit listagg localtime localtimestamp map match match_condition match_recognize \
     minus natural not null nulls offset on open operator or order outer output over overlaps overlay partition pivot position \
     prewhere prior qualify range regexp replace respect returning right rlike rollup row rows safe_cast sample select semi \
     session_user set sets settings similar some sort start struct substr substring table tablesample then time timestamp \
     timestamptz to top trailing trim true truncate try_cast try_convert tuple unbounded union unnest unpivot user using values \
     view when where window with within xmltable";

/// Gives each name once.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// Names that are taken.
    pub(super) fn with<'a>(taken: impl IntoIterator<Item = &'a str>) -> Self {
        Self(taken.into_iter().map(str::to_owned).collect())
    }

    /// `name`, or `name_2`, `name_3` … when it is taken.
    pub(super) fn take(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut number = 2;
        while !self.0.insert(free.clone()) {
            free = format!("{name}_{number}");
            number += 1;
        }
        free
    }
}

/// A column's name for clean tables: `Customer ID` is `customer_id`.
pub(super) fn column(raw: &str, at: usize) -> String {
    let name = plain(raw, LONGEST_COLUMN);
    let name = if name.is_empty() {
        format!("column_{}", at + 1)
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("c_{name}")
    } else {
        name
    };
    if words::is_among(OWN_COLUMNS, &name) { format!("raw_{name}") } else { name }
}

/// A table's name from a file's or folder's.
pub(super) fn table(raw: &str) -> String {
    let name = plain(raw, LONGEST_TABLE);
    if name.is_empty() {
        return "source".into();
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("t_{name}");
    }
    if words::is_among(OWN_TABLES, &name) { format!("{name}_table") } else { name }
}

/// Lower-case ASCII letters and digits with `_` between words.
fn plain(raw: &str, longest: usize) -> String {
    let mut parts = Vec::new();
    // Words are split where the name itself splits them; `userid` stays as it is.
    for part in raw.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let humps = words::words(part);
        let whole = part.to_ascii_lowercase();
        let mixed = part.chars().any(|c| c.is_ascii_lowercase()) && part.chars().any(|c| c.is_ascii_uppercase());
        parts.push(if mixed { humps.join("_") } else { whole });
    }
    let mut name = parts.join("_");
    name.truncate(longest);
    name.trim_matches('_').to_owned()
}

/// An identifier in SQL: bare where the parser takes it, quoted otherwise.
pub(super) fn sql(name: &str) -> String {
    let simple = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
    if simple && !words::is_among(KEYWORDS, name) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A key in TOML.
pub(super) fn toml_key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-');
    if bare { name.to_owned() } else { toml_text(name) }
}

/// A text in TOML.
pub(super) fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let code = format!("\\u{:04X}", c as u32);
                quoted.push_str(&code);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text for a comment: on one line, whatever it holds.
pub(super) fn told(text: &str) -> String {
    text.chars().flat_map(|c| if c == '"' || c == '\'' || c == '\\' { vec![c] } else { c.escape_debug().collect() }).collect()
}

/// A whole number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
