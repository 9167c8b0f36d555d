//! Numbers as people read them: the same text for the same number on every machine.

/// `1,234,567`.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three or four significant digits: `0.0312`, `12.3`, `1,234`; whole numbers as they are.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    let text = if size == 0.0 {
        return "0".into();
    } else if size >= 1000.0 || (size.fract() == 0.0 && size < 1e15) {
        let sign = if value < 0.0 { "−" } else { "" };
        return format!("{sign}{}", count(size.round() as u64));
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else if size >= 0.1 {
        format!("{value:.3}")
    } else if size >= 0.0001 {
        format!("{value:.4}")
    } else {
        format!("{value:.1e}")
    };
    text.replacen('-', "−", usize::from(!text.contains('e')))
}

/// A figure that may be missing.
pub(super) fn maybe(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), number)
}

/// A figure between 0 and 1 with a fixed number of digits, so that columns line up.
pub(super) fn fixed(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.digits$}").replacen('-', "−", 1))
}

/// `12.3 %`.
pub(super) fn percent(value: f64) -> String {
    let digits = if value.abs() < 0.01 { 2 } else { 1 };
    format!("{:.digits$} %", value * 100.0).replacen('-', "−", 1)
}

/// `12.3 MB`.
pub(super) fn bytes(value: u64) -> String {
    let value = value as f64;
    if value >= 1e9 {
        format!("{:.1} GB", value / 1e9)
    } else if value >= 1e6 {
        format!("{:.1} MB", value / 1e6)
    } else {
        format!("{:.1} kB", value / 1e3)
    }
}

/// Whether a character turns the direction of what follows it: a name could look like another.
pub(super) fn disguises(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Text for HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Control characters are no part of HTML text.
            c if c.is_control() || disguises(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A name that fits a chart: its first characters, then an ellipsis.
pub(super) fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(most.saturating_sub(1)).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(number(0.031_24), "0.0312");
        assert_eq!(number(-12.34), "−12.3");
        assert_eq!(number(123_456.0), "123,456");
        assert_eq!([97.0, -9.0, 0.5].map(number), ["97", "−9", "0.500"]);
        assert_eq!(number(0.000_01), "1.0e-5");
        assert_eq!(fixed(Some(0.5), 3), "0.500");
        assert_eq!(percent(0.1234), "12.3 %");
    }

    #[test]
    fn hostile_text_is_inert() {
        assert_eq!(escape("<script>\"'&\u{202e}"), "&lt;script&gt;&quot;&#39;&amp;\u{fffd}");
    }
}
