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
    let (ends, closed) = ends(text);
    closed && (empty(text) || ends.last().is_some_and(|end| empty(&text[end + 1..])))
}

/// The pieces of a text. Lines that begin with `\` or `@` are commands where no statement is open.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let (mut found, mut open, mut from) = (Vec::new(), String::new(), 0);
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim();
        if empty(&open) {
            let command = trimmed.strip_prefix('\\').map(|command| Piece::Command(command.trim_end_matches(';').to_owned()));
            let saved = || trimmed.strip_prefix('@').map(|saved| Piece::Saved(saved.trim_end_matches(';').trim().to_owned()));
            if let Some(piece) = command.or_else(saved) {
                open.clear();
                found.push(piece);
                continue;
            }
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
