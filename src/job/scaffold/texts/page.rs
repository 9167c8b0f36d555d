//! A page of SQL or TOML: comments on lines of one width, and code between them.
//!
//! In: sentences and code. Out: the text of a file. Control characters never reach a comment: names and values go through
//! `names::told`.

/// Letters of a comment's line, its mark included.
const WIDTH: usize = 120;

/// A file's text being written.
pub(super) struct Page {
    mark: &'static str,
    text: String,
}

impl Page {
    /// A query that opens with `header`.
    pub(super) fn sql(header: &str) -> Self {
        Self { mark: "--", text: String::new() }.opened(header)
    }

    /// A configuration that opens with `header`.
    pub(super) fn toml(header: &str) -> Self {
        Self { mark: "#", text: String::new() }.opened(header)
    }

    fn opened(mut self, header: &str) -> Self {
        self.say(header);
        self
    }

    /// Adds a comment; each line of `text` begins one of its own.
    pub(super) fn say(&mut self, text: &str) {
        for paragraph in text.lines() {
            let mut width = self.start();
            for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
                let letters = word.chars().count() + 1;
                if width + letters > WIDTH && width > self.mark.len() {
                    self.text.push('\n');
                    width = self.start();
                }
                self.text.push(' ');
                self.text.push_str(word);
                width += letters;
            }
            self.text.push('\n');
        }
    }

    fn start(&mut self) -> usize {
        self.text.push_str(self.mark);
        self.mark.len()
    }

    /// Adds code as it is.
    pub(super) fn add(&mut self, code: impl AsRef<str>) {
        self.text.push_str(code.as_ref());
    }

    /// The file's text.
    pub(super) fn text(self) -> String {
        self.text
    }
}
