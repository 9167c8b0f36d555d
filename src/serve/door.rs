//! Who may come in: where a server may listen, and the password.
//!
//! In: an address, what a client says. Out: yes or no. SCRAM itself is pgwire's.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::outcome::{Ending, Outcome};

/// The word that one who asks has to know.
#[derive(Clone)]
pub struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// Why a server does not begin.
#[derive(Debug, thiserror::Error)]
pub enum Door {
    /// An address that others reach, and no password.
    #[error("refused to listen on {0} without a password: others on the network reach that address")]
    Open(SocketAddr),
    /// A password that keeps nobody out.
    #[error("the password in `{0}` has fewer than {LEAST} characters")]
    Short(&'static str),
    /// An address that cannot be had.
    #[error("cannot listen on {0}: {1}")]
    Taken(SocketAddr, std::io::Error),
}

/// Characters of a password, at least.
const LEAST: usize = 8;

impl Outcome for Door {
    fn ending(&self) -> Ending {
        match self {
            Self::Open(_) | Self::Short(_) => Ending::Usage,
            Self::Taken(..) => Ending::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Open(_) => "put one into POLYTASK_SERVE_PASSWORD, or listen on 127.0.0.1 and come through an SSH tunnel".into(),
            Self::Short(_) => "`openssl rand -base64 18` prints a good one".into(),
            Self::Taken(..) => "is another server running? another port, or 0 for any free one, may be had".into(),
        })
    }
}

/// Whether a server may listen on an address: others are let in with a password only.
///
/// # Errors
/// [`Door::Open`].
pub fn may_bind(address: SocketAddr, password: Option<&Password>) -> Result<(), Door> {
    if address.ip().is_loopback() || password.is_some() { Ok(()) } else { Err(Door::Open(address)) }
}

impl Password {
    /// Takes the password of a variable.
    ///
    /// # Errors
    /// [`Door::Short`].
    pub fn new(variable: &'static str, text: String) -> Result<Self, Door> {
        if text.chars().count() < LEAST { Err(Door::Short(variable)) } else { Ok(Self(text)) }
    }

    /// The password itself, for SCRAM's salted keys.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Whether the value of an `Authorization` header knows the password (RFC 7617, any user name).
    pub(super) fn opens(&self, header: &str) -> bool {
        let Some((scheme, told)) = header.split_once(' ') else { return false };
        let told = if scheme.eq_ignore_ascii_case("basic") { STANDARD.decode(told.trim()).ok() } else { None };
        let Some(told) = told else { return false };
        let Some(at) = told.iter().position(|byte| *byte == b':') else { return false };
        // Of digests: how long the comparison takes says nothing of the password.
        Sha256::digest(&told[at + 1..]) == Sha256::digest(&self.0)
    }
}

/// Whether a request's `Host` is a name of this machine. A page of somebody else's that has its own name point here
/// (DNS rebinding) is told apart by it: it knows no password and would need none on loopback.
pub(super) fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.chars().all(|c| c.is_ascii_digit())).map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn others_are_let_in_with_a_password_only() {
        let password = Password("correct horse".into());
        for open in ["0.0.0.0:5433", "192.168.1.7:80", "[::]:80"] {
            assert!(matches!(may_bind(address(open), None), Err(Door::Open(_))), "{open}");
            assert!(may_bind(address(open), Some(&password)).is_ok(), "{open}");
        }
        for local in ["127.0.0.1:5433", "127.8.8.8:1", "[::1]:80"] {
            assert!(may_bind(address(local), None).is_ok(), "{local}");
        }
    }

    #[test]
    fn a_header_opens_with_the_password_and_any_name() {
        let password = Password("correct: horse".into());
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(password.opens(&header("ann:correct: horse")));
        assert!(password.opens(&header(":correct: horse").replace("Basic", "basic")));
        for wrong in [header("ann:correct"), header("correct: horse"), "Basic !!".to_owned(), "Bearer x".to_owned(), String::new()] {
            assert!(!password.opens(&wrong), "{wrong}");
        }
    }

    #[test]
    fn a_short_password_is_none() {
        assert!(matches!(Password::new("X", "1234567".into()), Err(Door::Short("X"))));
        assert!(Password::new("X", "12345678".into()).is_ok());
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for local in ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "[::1]:80", "127.1.2.3"] {
            assert!(is_local(local), "{local}");
        }
        for other in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1:80", "", "localhost.evil.example:80"] {
            assert!(!is_local(other), "{other}");
        }
    }
}
