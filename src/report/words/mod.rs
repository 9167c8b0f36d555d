//! All words of the report, in every language that it speaks: nothing that a reader sees is written elsewhere in this room.
//!
//! In: [`Language`], chosen once per page, and the numbers and names of a sentence. Out: text. An entry names both texts, so a
//! missing one does not compile. Not here: what comes from the job and its data (names, titles, definitions, reasons).

mod card;
mod change;
mod data;
mod desk;
mod evidence;
mod explained;
mod history;
mod page;
mod prepare;
mod quality;
mod values;

/// What the report speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Language {
    /// English.
    #[default]
    English,
    /// Chinese, simplified.
    Chinese,
}

impl Language {
    /// The language of a code; English where the code is not known.
    pub(super) fn of(code: &str) -> Self {
        if code == "zh" { Self::Chinese } else { Self::English }
    }

    /// The code of the page's `lang`.
    pub(super) fn code(self) -> &'static str {
        self.pick("en", "zh-Hans")
    }

    fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }
}

/// Entries of [`Language`]: `name: "English", "Chinese";` is a text, `name(a, b): "… {a} …", "… {b} …";` a sentence with values.
macro_rules! words {
    ($($name:ident $(($($value:ident),+))? : $english:literal, $chinese:literal;)*) => {
        impl super::Language {
            $(words!(@one $name $(($($value),+))? : $english, $chinese);)*
        }
    };
    (@one $name:ident : $english:literal, $chinese:literal) => {
        pub(in crate::report) fn $name(self) -> &'static str {
            self.pick($english, $chinese)
        }
    };
    (@one $name:ident ($($value:ident),+) : $english:literal, $chinese:literal) => {
        pub(in crate::report) fn $name(self, $($value: impl std::fmt::Display),+) -> String {
            match self {
                Self::English => format!($english),
                Self::Chinese => format!($chinese),
            }
        }
    };
}
use words;

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn a_sentence_is_chosen_with_its_values() {
        assert_eq!(Language::of("en").rows_of(3), "3 rows");
        assert_eq!(Language::of("zh").rows_of(3), "3 行");
        assert_eq!(Language::of("xx"), Language::English);
    }
}
