//! Who asks, and how a registry wants to be told.
//!
//! A registry says with its 401 what it wants: the credentials themselves (`Basic`), or a short-lived token for one
//! repository that another server gives out for them (`Bearer`; distribution's token specification). Nothing is sent
//! before it was asked for, so that a registry which serves everybody never sees a password.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A text that is never printed, and wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a registry is told of who asks.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Nothing.
    Anonymous,
    /// A name and a password, sent to the registry or to the server that gives out its tokens.
    Basic {
        /// The name.
        username: String,
        /// The password, or what a registry takes for one.
        password: Secret,
    },
    /// A token that was had elsewhere, sent with every request.
    Bearer(Secret),
}

impl Credentials {
    /// The header for a server that asked for the credentials themselves.
    pub(super) fn basic(&self) -> Option<Secret> {
        let Self::Basic { username, password } = self else { return None };
        let pair = Zeroizing::new(format!("{username}:{}", password.reveal()));
        Some(Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
    }

    /// The header that is sent from the start.
    pub(super) fn unasked(&self) -> Option<Secret> {
        if let Self::Bearer(token) = self { Some(bearer(token.reveal())) } else { None }
    }
}

pub(super) fn bearer(token: &str) -> Secret {
    Secret::new(format!("Bearer {token}"))
}

/// What a registry wants, from its `WWW-Authenticate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// A token from this address.
    Bearer {
        url: String,
    },
}

impl Challenge {
    /// Reads a challenge (RFC 9110, section 11.6.1); `None` when it is one that this client cannot meet.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let mut url = get("realm")?.to_owned();
        for name in ["service", "scope"] {
            if let Some(value) = get(name) {
                let joint = if url.contains('?') { '&' } else { '?' };
                url = format!("{url}{joint}{name}={}", quoted(value));
            }
        }
        Some(Self::Bearer { url })
    }
}

/// `name="value", name=value, …`; what does not have this form ends the list.
fn parameters(mut rest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(after) => quoted_string(after),
            None => {
                let end = after.find(',').unwrap_or(after.len());
                let (value, after) = after.split_at(end);
                (value.trim().to_owned(), after)
            }
        };
        found.push((name.trim_matches([',', ' ']).to_ascii_lowercase(), value));
        rest = after;
    }
    found
}

/// A quoted string whose first quote was read already, and what follows it.
fn quoted_string(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return (value, text.get(place + 1..).unwrap_or_default()),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

/// A value as it stands in a query (RFC 3986, section 2.3).
fn quoted(value: &str) -> String {
    let quote = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    value.bytes().map(quote).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_where_the_token_is() {
        let header =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        let url = "https://auth.example/token?service=registry.example&scope=repository%3Aa%2Fb%3Apull%2Cpush";
        assert_eq!(Challenge::parse(header), Some(Challenge::Bearer { url: url.into() }));
        let header = "bearer Realm=\"https://a/t?x=1\" , service=me";
        assert_eq!(Challenge::parse(header), Some(Challenge::Bearer { url: "https://a/t?x=1&service=me".into() }));
        assert_eq!(Challenge::parse("Basic realm=\"a \\\" b\""), Some(Challenge::Basic));
    }

    #[test]
    fn a_challenge_that_cannot_be_met_is_none() {
        for header in ["", "Digest realm=\"a\"", "Bearer", "Bearer service=\"a\"", "Bearer realm"] {
            assert_eq!(Challenge::parse(header), None, "{header:?}");
        }
        let _ = Challenge::parse("Bearer realm=\"never closed \\");
        let _ = Challenge::parse("Bearer =,=\",=é\"=");
    }

    #[test]
    fn credentials_are_never_shown() {
        let basic = Credentials::Basic { username: "ana".into(), password: Secret::new("hunter2") };
        let shown = format!("{basic:?} {:?} {:?}", Credentials::Bearer(Secret::new("hunter2")), basic.basic());
        assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
        assert_eq!(basic.basic().unwrap().reveal(), "Basic YW5hOmh1bnRlcjI=");
        assert!(basic.unasked().is_none(), "a password is sent only when it was asked for");
    }
}
