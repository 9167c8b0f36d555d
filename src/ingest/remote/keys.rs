//! From keys of a store to names of files: a key is a claim of whoever wrote the object.
//!
//! In: the part of a key behind the source's prefix. Out: a path below the mirror, nothing where the object is none of the source's, or
//! why the key is refused.

/// Bytes that a name of a file system holds.
const NAME_BYTES: usize = 255;
/// Bytes of a whole path below the mirror.
const PATH_BYTES: usize = 1024;
/// Encoded forms of `.`, `/` and `\`; control characters begin with `%0` or `%1`, or are `%7f`.
const ENCODED: [&str; 6] = ["%2e", "%2f", "%5c", "%0", "%1", "%7f"];

/// The file of a key; `None` for an object that no local source would read either: hidden, or not `.parquet`.
///
/// # Errors
/// What is odd about it.
pub(super) fn file_of(key: &str) -> Result<Option<String>, &'static str> {
    let parts: Vec<&str> = key.split('/').collect();
    let name = parts.last().copied().unwrap_or_default();
    let parquet = std::path::Path::new(name).extension().is_some_and(|extension| extension == "parquet");
    let climbs = parts.iter().any(|part| matches!(*part, "" | "." | ".."));
    let hidden = parts.iter().any(|part| part.starts_with(['.', '_']));
    if !parquet || (hidden && !climbs) {
        return Ok(None);
    }
    if climbs {
        return Err("leads out of its folder");
    }
    if key.chars().any(|c| c.is_control() || c == '\\') {
        return Err("has a name that is no plain text");
    }
    let lower = key.to_ascii_lowercase();
    if ENCODED.iter().any(|odd| lower.contains(odd)) {
        return Err("hides a separator, a dot or a control character");
    }
    if key.len() > PATH_BYTES || parts.iter().any(|part| part.len() > NAME_BYTES) {
        return Err("has a name that is too long for a file");
    }
    Ok(Some(key.to_owned()))
}

/// Whether a file of the mirror would be a folder of another one: a store may hold both `a.parquet` and `a.parquet/b.parquet`.
pub(super) fn clash<'a>(mut files: impl Iterator<Item = &'a String>, known: impl Fn(&str) -> bool) -> Option<&'a str> {
    files.find_map(|file| file.match_indices('/').map(|(at, _)| &file[..at]).find(|above| known(above)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_keys_are_files_and_others_are_nothing_or_refused() {
        for key in ["a.parquet", "day=2026-02-01/part-0.parquet", "name=a%20b/ü.parquet", "at=00%3A00/a.parquet"] {
            assert_eq!(file_of(key), Ok(Some(key.to_owned())));
        }
        for key in ["_SUCCESS", "_tmp/a.parquet", ".a.parquet", "readme.md", "day=1/"] {
            assert_eq!(file_of(key), Ok(None), "{key}");
        }
        let long = format!("{}.parquet", "x".repeat(300));
        let odd = [
            "../a.parquet",
            "a//b.parquet",
            "./a.parquet",
            "%2e%2E/a.parquet",
            "a%2Fb.parquet",
            "a\nb.parquet",
            "a\\b.parquet",
            "a%00.parquet",
        ];
        for key in odd.into_iter().chain([long.as_str()]) {
            assert!(file_of(key).is_err(), "{key}");
        }
    }

    #[test]
    fn a_file_that_is_a_folder_too_is_found() {
        let files = ["a.parquet".to_owned(), "a.parquet/b.parquet".to_owned()];
        assert_eq!(clash(files.iter(), |name| files.iter().any(|file| file == name)), Some("a.parquet"));
        assert_eq!(clash(files[1..].iter(), |name| name == "b"), None);
    }
}
