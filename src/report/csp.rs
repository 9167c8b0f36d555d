//! The page's own policy: no network, and no style or script but those whose sha256 it names.
//!
//! In: the style and the script as they stand in the page. Out: the value of the `Content-Security-Policy` meta element.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The policy of a page with this style and this script; `forms` says where its forms may lead.
pub(super) fn policy(style: &str, script: &str, forms: &str) -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action {forms}",
        STANDARD.encode(Sha256::digest(style)),
        STANDARD.encode(Sha256::digest(script))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_hash_of_what_the_page_holds() {
        let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert!(policy("", "", "'none'").contains(&format!("script-src 'sha256-{empty}'")));
        assert!(!policy("", "x", "'none'").contains(&format!("script-src 'sha256-{empty}'")));
    }
}
