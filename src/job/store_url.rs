//! The URL of a source in an object store, and what has no place in a `job.toml`: credentials.
//!
//! In: the `path` of a source as it was typed. Out: [`StoreUrl`], safe to be printed and written into manifests. Nothing is opened here.

use std::fmt;

use url::Url;

/// Schemes of the stores: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage, a mounted file system.
const SCHEMES: [&str; 4] = ["s3", "gs", "az", "file"];
/// What is in the name of what could only hold a credential; no key of a source is called so.
const CREDENTIALS: [&str; 6] = ["key", "secret", "token", "password", "credential", "sas"];
/// What to do instead.
pub(super) const ENVIRONMENT: &str = "credentials come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
    GOOGLE_SERVICE_ACCOUNT, AZURE_STORAGE_ACCOUNT_KEY…); docs/operations.md lists the variables";

/// Where objects lie: scheme, bucket or container, prefix. It holds no credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl(Url);

impl StoreUrl {
    /// Reads a source's path; `None` when it is a path of the file system.
    ///
    /// # Errors
    /// What is wrong with it, and what mends it. A URL that holds a credential is not repeated in the message.
    pub fn parse(text: &str) -> Result<Option<Self>, (String, &'static str)> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
        let wrong = |message: String| Err((message, "for example \"s3://bucket/folder\", or a path below data/<job>/input/"));
        if !SCHEMES.contains(&scheme) {
            return wrong(format!("`{}` is none of {}", scheme.escape_debug(), SCHEMES.join(", ")));
        }
        let secret = |what: &str| Err((format!("a URL with {what} is refused: job.toml is copied into every run"), ENVIRONMENT));
        if rest.split('/').next().is_some_and(|host| host.contains('@')) {
            return secret("a user or password");
        }
        if rest.contains(['?', '#']) {
            return secret("`?` or `#`, where tokens stand,");
        }
        let lower = rest.to_ascii_lowercase();
        if rest.split('/').any(|part| part == "." || part == "..") || ["%2e", "%2f", "%5c"].iter().any(|odd| lower.contains(odd)) {
            return wrong(format!("`{}` leads out of itself", text.escape_debug()));
        }
        let Ok(url) = Url::parse(text) else { return wrong(format!("`{}` is no URL", text.escape_debug())) };
        let bucket = url.host_str().unwrap_or_default();
        match (scheme, bucket.is_empty()) {
            ("file", false) => wrong(format!("`{}` names a host", text.escape_debug())),
            ("file", true) | (_, false) => Ok(Some(Self(url))),
            (_, true) => wrong(format!("`{}` names no bucket", text.escape_debug())),
        }
    }

    /// Its parts.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// Whether a name, of a key or of a variable of the environment, is that of a credential.
#[must_use]
pub fn is_credential(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    CREDENTIALS.iter().any(|part| key.contains(part))
}

/// The first key of a source that is a credential: `sources.<name>.<key>`. Looked for before anything is parsed further, so that no
/// message quotes its line.
pub(super) fn credential(effective: &toml::Table) -> Option<String> {
    let sources = effective.get("sources")?.as_table()?;
    sources.iter().find_map(|(name, source)| {
        let found = source.as_table()?.keys().find(|key| is_credential(key))?;
        Some(format!("sources.{name}.{found}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_told_from_a_path() {
        assert_eq!(StoreUrl::parse("orders/2026"), Ok(None));
        let url = StoreUrl::parse("s3://shop/orders/").unwrap_or_default().map(|url| url.to_string());
        assert_eq!(url.as_deref(), Some("s3://shop/orders/"));
        assert!(StoreUrl::parse("file:///srv/orders").is_ok_and(|url| url.is_some()));
    }

    #[test]
    fn credentials_and_ways_out_are_refused_without_being_repeated() {
        for text in ["s3://AKIA:hunter2@shop/orders", "s3://user@shop/a", "az://shop/a?sig=hunter2", "gs://shop/a#hunter2"] {
            let (message, hint) = StoreUrl::parse(text).expect_err(text);
            assert!(!message.contains("hunter2") && hint.contains("environment"), "{message}");
        }
        for text in ["http://shop/a", "s3:///a", "file://host/a", "s3://shop/../a", "s3://shop/%2e%2E/a", "s3://shop/a%2fb"] {
            assert!(StoreUrl::parse(text).is_err(), "{text}");
        }
    }
}
