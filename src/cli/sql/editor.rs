//! Typing: history, several lines until `;`, completion and colours.
//!
//! In: keys. Out: whole pieces of input. What a piece does is the shell's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use reedline::{
    Color, ColumnarMenu, Completer, CompletionResult, DefaultHinter, EditCommand, Emacs, FileBackedHistory, Highlighter, KeyCode,
    KeyModifiers, MenuBuilder as _, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal, Span,
    StyledText, Suggestion, ValidationResult, Validator, default_emacs_keybindings,
};
use tokio::runtime::Runtime;

use super::commands::COMMANDS;
use super::statements::finished;
use crate::cli::console::tell;
use crate::sql::Analyst;

/// Statements that are remembered.
const HISTORY: usize = 10_000;
const MENU: &str = "completion";
/// Keywords that are completed and coloured.
const KEYWORDS: &str = "all and any as asc between by case cast cross current desc describe distinct else end except exclude exists explain \
    analyze false filter first following from full group having ilike in inner intersect interval into is join last left like limit not null \
    nulls offset on or order outer over partition preceding qualify range recursive right row rows select show tables then true try_cast \
    unbounded union unnest using values when where window with within";

/// What came of reading.
pub(super) enum Typed {
    Text(String),
    /// Ctrl-C on a line: nothing is run.
    Nothing,
    Leave,
    Broken(String),
}

/// A line editor.
pub(super) struct Editor {
    line: Reedline,
    prompt: JobPrompt,
}

impl Editor {
    pub(super) fn new(analyst: Arc<Analyst>, runtime: Arc<Runtime>) -> Self {
        let prompt = JobPrompt(analyst.job().name.clone());
        let mut keys = default_emacs_keybindings();
        let complete = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]);
        keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut line = Reedline::create()
            .with_validator(Box::new(Whole))
            .with_quick_completions(true)
            .with_partial_completions(true)
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(ColumnarMenu::default().with_name(MENU).with_marker("> "))))
            .with_completer(Box::new(Names::new(analyst, runtime)))
            .with_ansi_colors(colours);
        if colours {
            line = line
                .with_highlighter(Box::new(Colours))
                .with_hinter(Box::new(DefaultHinter::default().with_style(Color::DarkGray.normal())));
        }
        if let Some(file) = history_file() {
            match FileBackedHistory::with_file(HISTORY, file) {
                Ok(history) => line = line.with_history(Box::new(history)),
                Err(error) => tell(&format!("warning: this session is not remembered: {error}")),
            }
        }
        Self { line, prompt }
    }

    /// Reads what is typed after `begun`, which stands on the line already.
    pub(super) fn read(&mut self, begun: &str) -> Typed {
        if !begun.is_empty() {
            self.line.run_edit_commands(&[EditCommand::InsertString(begun.to_owned())]);
        }
        match self.line.read_line(&self.prompt) {
            Ok(Signal::Success(text)) => Typed::Text(text),
            Ok(Signal::CtrlD) => Typed::Leave,
            Ok(_) => Typed::Nothing,
            Err(error) => Typed::Broken(format!("cannot read from the terminal: {error}")),
        }
    }
}

/// Where statements are remembered: the user's folder for state.
fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state =
        folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local").join("state"))).or_else(|| folder("LOCALAPPDATA"))?;
    Some(state.join("polytask").join("sql_history"))
}

struct JobPrompt(String);

impl Prompt for JobPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Owned(format!("{} (; runs, \\r drops) ", " ".repeat(self.0.len())))
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(search: {}) ", search.term))
    }
}

struct Whole;

impl Validator for Whole {
    fn validate(&self, line: &str) -> ValidationResult {
        if finished(line) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

struct Colours;

impl Highlighter for Colours {
    fn highlight(&self, line: &str, _: usize) -> StyledText {
        let mut styled = StyledText::new();
        for (kind, text) in tokens(line) {
            let style = match kind {
                Token::Keyword => Color::Cyan.normal(),
                Token::Quoted => Color::Green.normal(),
                Token::Number => Color::Magenta.normal(),
                Token::Comment => Color::DarkGray.normal(),
                Token::Other => Color::Default.normal(),
            };
            styled.push((style, text.to_owned()));
        }
        styled
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Keyword,
    Quoted,
    Number,
    Comment,
    Other,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// A line in coloured pieces; put together they are the line.
fn tokens(line: &str) -> Vec<(Token, &str)> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let until = |end: Option<usize>| end.unwrap_or(rest.len());
        let (kind, length) = if rest.starts_with("--") {
            (Token::Comment, until(rest.find('\n')))
        } else if first == '\'' || first == '"' {
            (Token::Quoted, until(rest[1..].find(first).map(|at| at + 2)))
        } else if is_word(first) {
            let length = until(rest.find(|c: char| !is_word(c)));
            let word = &rest[..length];
            let kind = if first.is_ascii_digit() {
                Token::Number
            } else if KEYWORDS.split_whitespace().any(|keyword| keyword.eq_ignore_ascii_case(word)) {
                Token::Keyword
            } else {
                Token::Other
            };
            (kind, length)
        } else {
            (Token::Other, first.len_utf8())
        };
        found.push((kind, &rest[..length]));
        rest = &rest[length..];
    }
    found
}

/// Completes names that the session knows.
struct Names {
    analyst: Arc<Analyst>,
    runtime: Arc<Runtime>,
    functions: Vec<String>,
    columns: HashMap<(String, String), Vec<String>>,
}

impl Names {
    fn new(analyst: Arc<Analyst>, runtime: Arc<Runtime>) -> Self {
        Self { analyst, runtime, functions: Vec::new(), columns: HashMap::new() }
    }

    fn columns(&mut self, schema: &str, table: &str) -> Vec<String> {
        let key = (schema.to_owned(), table.to_owned());
        if let Some(known) = self.columns.get(&key) {
            return known.clone();
        }
        let found = self.runtime.block_on(self.analyst.columns(schema, table));
        let names: Vec<String> = found.map(|schema| schema.fields().iter().map(|field| field.name().clone()).collect()).unwrap_or_default();
        self.columns.insert(key, names.clone());
        names
    }

    /// What may stand where `word` stands, each with what it is.
    fn candidates(&mut self, line: &str, word: &str) -> Vec<(String, &'static str)> {
        if let Some(before) = word.strip_prefix('\\') {
            return COMMANDS.iter().filter(|name| name.starts_with(before)).map(|name| (format!("\\{name}"), "command")).collect();
        }
        if word.starts_with('@') {
            let saved = self.analyst.job().queries.explore.iter().map(|query| (format!("@{}", query.name), "saved query"));
            return saved.collect();
        }
        let tables = self.analyst.tables();
        let named: Vec<(String, String)> = mentioned(line, &tables);
        if let Some((before, _)) = word.rsplit_once('.') {
            let mut found: Vec<(String, &'static str)> = tables
                .iter()
                .filter(|(schema, _)| schema == before)
                .map(|(schema, table)| (format!("{schema}.{table}"), "table"))
                .collect();
            let of = named.iter().find(|(schema, table)| table == before || format!("{schema}.{table}") == before).cloned();
            let of = of.or_else(|| aliased(line, before, &tables));
            if let Some((schema, table)) = of {
                found.extend(self.columns(&schema, &table).into_iter().map(|column| (format!("{before}.{column}"), "column")));
            }
            return found;
        }
        if self.functions.is_empty() {
            self.functions = self.analyst.names().functions;
        }
        let mut found: Vec<(String, &'static str)> = Vec::new();
        for (schema, table) in &named {
            found.extend(self.columns(schema, table).into_iter().map(|column| (column, "column")));
        }
        let mut schemas: Vec<&String> = tables.iter().map(|(schema, _)| schema).filter(|schema| *schema != "public").collect();
        schemas.dedup();
        found.extend(tables.iter().filter(|(schema, _)| schema == "public").map(|(_, table)| (table.clone(), "table")));
        found.extend(schemas.into_iter().map(|schema| (format!("{schema}."), "schema")));
        found.extend(KEYWORDS.split_whitespace().map(|keyword| (keyword.to_owned(), "keyword")));
        found.extend(self.functions.iter().map(|function| (format!("{function}("), "function")));
        found
    }
}

/// The tables that a text names.
fn mentioned(line: &str, tables: &[(String, String)]) -> Vec<(String, String)> {
    let words: Vec<&str> = line.split(|c: char| !(is_word(c) || c == '.')).collect();
    let named = |(schema, table): &&(String, String)| {
        if schema == "public" { words.contains(&table.as_str()) } else { words.contains(&format!("{schema}.{table}").as_str()) }
    };
    tables.iter().filter(named).cloned().collect()
}

/// The table that an alias stands for: the word before it, or before its `as`.
fn aliased(line: &str, alias: &str, tables: &[(String, String)]) -> Option<(String, String)> {
    let words: Vec<&str> = line.split(|c: char| !(is_word(c) || c == '.')).filter(|word| !word.is_empty()).collect();
    let places = words.iter().enumerate().skip(1).filter(|(_, word)| **word == alias);
    let before = places.map(|(at, _)| if at > 1 && words[at - 1].eq_ignore_ascii_case("as") { words[at - 2] } else { words[at - 1] });
    before.into_iter().find_map(|name| mentioned(name, tables).into_iter().next())
}

impl Completer for Names {
    fn complete(&mut self, line: &str, at: usize) -> CompletionResult {
        let before = &line[..at.min(line.len())];
        let begin = before
            .rfind(|c: char| !(is_word(c) || c == '.' || c == '\\' || c == '@'))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = before[begin..].to_owned();
        let lower = word.to_lowercase();
        let mut seen = std::collections::HashSet::new();
        let suggestions: Vec<Suggestion> = self
            .candidates(line, &word)
            .into_iter()
            .filter(|(name, _)| name.to_lowercase().starts_with(&lower) && *name != word && seen.insert(name.clone()))
            .map(|(value, what)| Suggestion {
                append_whitespace: matches!(what, "keyword" | "command"),
                value,
                description: Some(what.to_owned()),
                span: Span::new(begin, at),
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coloured_pieces_put_together_are_the_line() {
        let line = "select 'a;b', \"c\" from ünïcode -- where\nwhere x = 12 and y = 'open";
        let found = tokens(line);
        assert_eq!(found.iter().map(|(_, text)| *text).collect::<String>(), line);
        assert!(
            found.contains(&(Token::Keyword, "select"))
                && found.contains(&(Token::Quoted, "'a;b'"))
                && found.contains(&(Token::Number, "12"))
        );
        assert!(found.contains(&(Token::Comment, "-- where")) && found.contains(&(Token::Quoted, "'open")));
    }

    #[test]
    fn an_alias_is_the_table_before_it() {
        let tables = [("public".to_owned(), "orders".to_owned()), ("current".to_owned(), "metrics".to_owned())];
        assert_eq!(aliased("select m. from current.metrics as m", "m", &tables), Some(tables[1].clone()));
        assert_eq!(aliased("select o. from orders o", "o", &tables), Some(tables[0].clone()));
        assert_eq!(aliased("select q. from orders o", "q", &tables), None);
    }
}
