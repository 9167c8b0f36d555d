//! Opening a store by its URL, with credentials from the environment; and its errors as lines that hold no credential.
//!
//! In: a [`StoreUrl`]. Out: a client and the prefix of the source's keys.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreScheme, RetryConfig};

use crate::job::{StoreUrl, is_credential};

/// How often a request is tried again after the first time: with pauses that double from a tenth of a second.
const RETRIES: usize = 5;
/// Time after the first try in which it is tried again.
const RETRY: Duration = Duration::from_mins(1);
/// Time until a connection must stand.
const CONNECT: &str = "10 seconds";
/// Time that one answer may take with all of its body: a large object over a slow line. That nothing comes at all is noticed much
/// earlier, by the mirror.
const WHOLE: &str = "6 hours";
/// Characters of an error that are passed on.
const MESSAGE: usize = 600;
/// How the names of variables begin from which credentials are read.
const STORES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];
/// Shorter values are words.
const SECRET_BYTES: usize = 6;

/// The store of a URL, and the prefix below which its source lies.
pub(super) fn open(url: &StoreUrl) -> Result<(Arc<dyn ObjectStore>, Path), String> {
    let failed = |error: object_store::Error| told(&error);
    let (scheme, prefix) = ObjectStoreScheme::parse(url.url()).map_err(|error| error.to_string())?;
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY, ..RetryConfig::default() };
    let (connect, whole) = (ClientConfigKey::ConnectTimeout, ClientConfigKey::Timeout);
    let store: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let of = AmazonS3Builder::from_env().with_url(url.to_string()).with_retry(retry);
            let of = of.with_config(AmazonS3ConfigKey::Client(connect), CONNECT).with_config(AmazonS3ConfigKey::Client(whole), WHOLE);
            Arc::new(of.build().map_err(failed)?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let of = GoogleCloudStorageBuilder::from_env().with_url(url.to_string()).with_retry(retry);
            let of = of.with_config(GoogleConfigKey::Client(connect), CONNECT).with_config(GoogleConfigKey::Client(whole), WHOLE);
            Arc::new(of.build().map_err(failed)?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let of = MicrosoftAzureBuilder::from_env().with_url(url.to_string()).with_retry(retry);
            let of = of.with_config(AzureConfigKey::Client(connect), CONNECT).with_config(AzureConfigKey::Client(whole), WHOLE);
            Arc::new(of.build().map_err(failed)?)
        }
        _ => Arc::new(LocalFileSystem::new()),
    };
    Ok((store, prefix))
}

/// An error of a store as one line without what could be a credential: the query part of URLs, and the values of the variables from
/// which credentials are read.
pub(super) fn told(error: &object_store::Error) -> String {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let secret = variables
        .filter(|(name, value)| value.len() >= SECRET_BYTES && STORES.iter().any(|store| name.starts_with(store)) && is_credential(name));
    without(&error.to_string(), &secret.map(|(_, value)| value).collect::<Vec<_>>())
}

fn without(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    // The longest first: one may begin like another.
    let mut secrets: Vec<&String> = secrets.iter().collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets {
        text = text.replace(secret.as_str(), "***");
    }
    let words = text.split_whitespace().map(|word| {
        let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
        let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?***"));
        let host = rest.find('/').unwrap_or(rest.len());
        let rest = rest[..host].rfind('@').map_or_else(|| rest.to_owned(), |user| format!("***{}", &rest[user..]));
        format!("{scheme}://{rest}{query}")
    });
    let line: String = words.collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_holds_no_credential() {
        let text = "Generic error: GET https://a.example/b?sv=1&sig=abcdef: \n  key hunter2hunter2 was refused";
        assert_eq!(
            without(text, &["hunter2".into(), "hunter2hunter2".into()]),
            "Generic error: GET https://a.example/b?*** key *** was refused"
        );
        assert_eq!(without("GET (https://me:pw@a.example/b@c) failed", &[]), "GET (https://***@a.example/b@c) failed");
    }

    #[test]
    fn each_scheme_opens_its_store_without_a_request() {
        let open = |text: &str| open(&StoreUrl::parse(text).unwrap_or_default().unwrap_or_else(|| panic!("a URL")));
        let (_, prefix) = open("s3://shop/raw/orders").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(prefix, Path::from("raw/orders"));
        let (_, prefix) = open("file:///srv/a%20b").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(prefix, Path::from("srv/a b"));
    }
}
