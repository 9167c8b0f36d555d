//! Where statements end: a `;` outside of quotes and comments; a line that begins with `\` is a command of the shell.
//!
//! In: text as it is typed or piped. Out: pieces that are whole. What they mean is others'.

/// A whole piece of input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// SQL without its last `;`, and how many lines lie before it.
    Sql(String, usize),
    /// A command without its `\`.
    Command(String),
    /// The name of a saved query.
    Saved(String),
}

/// What a text is in at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum In {
    Code,
    Quote(char),
    Line,
    Block(u32),
}

/// Positions of the `;` that end a statement, and what the text ends in.
fn ends(text: &str) -> (Vec<usize>, bool) {
    let (mut state, mut found) = (In::Code, Vec::new());
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let next = rest.peek().map(|(_, next)| *next);
        state = match (state, c, next) {
            (In::Code, ';', _) => {
                found.push(at);
                In::Code
            }
            (In::Code, '\'' | '"', _) => In::Quote(c),
            (In::Code, '-', Some('-')) => In::Line,
            (In::Code, '/', Some('*')) => {
                rest.next();
                In::Block(1)
            }
            (In::Quote(quote), c, _) if c == quote => In::Code,
            (In::Line, '\n', _) => In::Code,
            (In::Block(deep), '*', Some('/')) => {
                rest.next();
                if deep == 1 { In::Code } else { In::Block(deep - 1) }
            }
            (In::Block(deep), '/', Some('*')) => {
                rest.next();
                In::Block(deep + 1)
            }
            (state, _, _) => state,
        };
    }
    (found, matches!(state, In::Code | In::Line))
}

/// Whether a text holds nothing but space and comments.
fn empty(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with("--"))
}

/// Whether what was typed is whole and may run.
pub(super) fn finished(text: &str) -> bool {
    let begins = text.trim_start();
    if begins.is_empty() || begins.starts_with('\\') || begins.starts_with('@') {
        return true;
    }
    if leaves(begins) || interrupted(text).is_some() {
        return true;
    }
    let (ends, closed) = ends(text);
    closed && (empty(text) || ends.last().is_some_and(|end| empty(&text[end + 1..])))
}

/// Whether a line says that the person wants to leave.
fn leaves(line: &str) -> bool {
    ["exit", "quit"].contains(&line.trim().trim_end_matches(';').to_lowercase().as_str())
}

/// Whether a command drops what was typed so far.
pub(super) fn drops(command: &str) -> bool {
    ["r", "reset", "c", "clear"].contains(&command)
}

/// Whether a command opens what was typed so far in an editor.
pub(super) fn edits(command: &str) -> bool {
    ["e", "edit"].contains(&command)
}

/// What a person typed before the last line, where a statement is open, and the command that the last line is.
pub(super) fn interrupted(text: &str) -> Option<(&str, &str)> {
    let begin = text.trim_end().rfind('\n')? + 1;
    let (open, line) = (&text[..begin], text[begin..].trim());
    let (ends, closed) = ends(open);
    if !closed || empty(&open[ends.last().map_or(0, |end| end + 1)..]) {
        return None;
    }
    let command = line.strip_prefix('\\').map(|command| command.trim_end_matches(';'));
    command.or(leaves(line).then_some("q")).map(|command| (open, command))
}

/// The pieces of a text. A line that begins with `\` outside of quotes and comments is a command; it runs before the statement that
/// it stands in. Lines that begin with `@`, `exit` and `quit` are commands where no statement is open.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let (mut found, mut open, mut from) = (Vec::new(), String::new(), 0);
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim();
        if empty(&open) {
            let command = trimmed.strip_prefix('\\').map(|command| Piece::Command(command.trim_end_matches(';').to_owned()));
            let command = command.or_else(|| leaves(trimmed).then(|| Piece::Command("q".to_owned())));
            let saved = || trimmed.strip_prefix('@').map(|saved| Piece::Saved(saved.trim_end_matches(';').trim().to_owned()));
            if let Some(piece) = command.or_else(saved) {
                open.clear();
                found.push(piece);
                continue;
            }
        }
        if let Some(command) = trimmed.strip_prefix('\\')
            && ends(&open).1
        {
            let command = command.trim_end_matches(';');
            if drops(command) {
                open.clear();
            } else {
                found.push(Piece::Command(command.to_owned()));
                // Lines are counted on, for errors.
                open.push('\n');
            }
            continue;
        }
        if open.is_empty() {
            from = at;
        }
        open.push_str(line);
        let (ends, _) = ends(&open);
        let mut begin = 0;
        for end in ends {
            push(&mut found, &open[begin..end], from);
            from = at;
            begin = end + 1;
        }
        open = open[begin..].to_owned();
        if open.trim().is_empty() {
            open.clear();
        }
    }
    push(&mut found, &open, from);
    found
}

fn push(found: &mut Vec<Piece>, sql: &str, from: usize) {
    if !empty(sql) {
        let blank = sql.len() - sql.trim_start().len();
        found.push(Piece::Sql(sql.trim().to_owned(), from + sql[..blank].matches('\n').count()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_outside_of_quotes_and_comments() {
        assert!(finished("select 1;") && finished("select 1; -- done") && finished("\\d orders") && finished(""));
        assert!(!finished("select 1") && !finished("select ';") && !finished("select 1 -- ;") && !finished("select /* ; */ 1"));
        assert!(finished("select ';' as \"a;b\" /* ; */;"));
    }

    #[test]
    fn a_command_interrupts_an_open_statement() {
        assert!(finished("select 1,\n\\d orders") && finished("select 1\n  exit;\n") && finished("quit"));
        assert!(!finished("select '\n\\q") && !finished("select exit") && !finished("select /*\nexit"));
        assert_eq!(interrupted("select 1,\n\\d orders;\n"), Some(("select 1,\n", "d orders")));
        assert_eq!(interrupted("select 1\nexit"), Some(("select 1\n", "q")));
        assert_eq!(interrupted("select 1;\n\\q"), None);
        assert_eq!(interrupted("-- only a comment\n\\q"), None);
        let found = pieces("select 1,\n\\timing\n2;\nselect 3\n\\r\nexit\n");
        let expected = [Piece::Command("timing".into()), Piece::Sql("select 1,\n\n2".into(), 0), Piece::Command("q".into())];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_script_is_cut_into_statements_and_commands() {
        let sql = |text: &str, line| Piece::Sql(text.to_owned(), line);
        let found = pieces("-- hello\nselect 1; select ';'\n, 2;\n\\timing\n@saved\nselect\n  '\n\\d'\n");
        assert_eq!(
            found,
            [
                sql("-- hello\nselect 1", 0),
                sql("select ';'\n, 2", 1),
                Piece::Command("timing".into()),
                Piece::Saved("saved".into()),
                sql("select\n  '\n\\d'", 5),
            ]
        );
    }
}
