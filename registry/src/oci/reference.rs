//! Where a package is in an OCI registry.

use std::fmt;
use std::str::FromStr;

use macadam_core::digest::Digest;

/// The longest repository with its host; registries refuse longer ones (distribution-spec, "Pulling manifests").
const REPOSITORY_MAX: usize = 255;
/// The longest tag (distribution-spec, "Pulling manifests").
const TAG_MAX: usize = 128;

/// A repository: `HOST[:PORT]/PATH`, such as `ghcr.io/acme/plugins/cost-threshold`. It holds the versions of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    host: String,
    path: String,
}

/// A manifest in a repository: `HOST/PATH:TAG` or `HOST/PATH@sha256:DIGEST`; of `HOST/PATH:TAG@sha256:DIGEST` the digest
/// counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Where.
    pub repository: Repository,
    /// Which one there.
    pub target: Target,
}

/// Which manifest of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// The one that a tag points at now.
    Tag(String),
    /// This one.
    Digest(Digest),
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a package in an OCI registry: {reason}; write HOST/PATH:TAG or HOST/PATH@sha256:DIGEST")]
pub struct ReferenceError {
    text: String,
    reason: &'static str,
}

impl Repository {
    /// The host, with its port if one was given.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path below the host.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A manifest of this repository.
    #[must_use]
    pub fn at(&self, target: Target) -> Reference {
        Reference { repository: self.clone(), target }
    }

    /// Whether the host is this machine.
    pub(super) fn is_local(&self) -> bool {
        let name = match self.host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.host.split(':').next().unwrap_or_default(),
        };
        name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl Target {
    /// A tag.
    ///
    /// # Errors
    /// [`ReferenceError`] when it is none.
    pub fn tag(text: &str) -> Result<Self, ReferenceError> {
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        match first && rest && text.len() <= TAG_MAX {
            true => Ok(Self::Tag(text.to_owned())),
            false => Err(refused(text, "a tag has up to 128 letters, digits and the characters _ . -")),
        }
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let bare = text.strip_prefix("oci://").unwrap_or(text);
        let (host, path) = bare.split_once('/').ok_or_else(|| refused(text, "it has no host or no path"))?;
        if !is_host(host) {
            return Err(refused(text, "the part before the first slash is not a host"));
        }
        if !path.split('/').all(is_component) || bare.len() > REPOSITORY_MAX {
            return Err(refused(text, "a path has lower-case letters and digits, with . _ - between them"));
        }
        Ok(Self { host: host.to_owned(), path: path.to_owned() })
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest =
                    digest.parse().map_err(|_| refused(text, "the part after the @ is not a sha256 digest"))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        // A colon before the last slash belongs to the host.
        let colon = rest.rfind(':').filter(|colon| rest.rfind('/').is_some_and(|slash| slash < *colon));
        let (repository, tag) = match colon {
            Some(colon) => (rest.get(..colon).unwrap_or_default(), rest.get(colon + 1..).map(Target::tag).transpose()?),
            None => (rest, None),
        };
        let target = digest.map(Target::Digest).or(tag);
        let target = target.ok_or_else(|| refused(text, "it says no version"))?;
        Ok(Self { repository: repository.parse()?, target })
    }
}

/// A name, an address or `[IPv6]`, and perhaps a port: nothing that could change what a URL means.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.rfind(']') {
        Some(end) => (host.get(..=end).unwrap_or_default(), host.get(end + 1..).unwrap_or_default()),
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let six = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let name_is_good = match six {
        Some(six) => six.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.split('.').all(|label| {
            let edges = !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
            edges && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }),
    };
    let digits = port.strip_prefix(':');
    let port_is_good =
        digits.is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    name_is_good && (port.is_empty() || port_is_good)
}

/// One part of a path: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` (distribution-spec, "Pulling manifests").
fn is_component(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = part.bytes().next().is_some_and(plain) && part.bytes().last().is_some_and(plain);
    let mut between = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && between.all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|byte| byte == b'-'))
}

fn refused(text: &str, reason: &'static str) -> ReferenceError {
    ReferenceError { text: text.chars().take(300).collect(), reason }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if matches!(self.target, Target::Tag(_)) { ':' } else { '@' };
        write!(f, "{}{sign}{}", self.repository, self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_what_it_prints() {
        let digest = Digest::of(b"x");
        for text in [
            "ghcr.io/acme/plugins/cost-threshold:1.2.0",
            "localhost:5000/a:1.0.0-dev.x3fa9c1d20b47",
            "[::1]:5000/a/b__c:_x",
            &format!("127.0.0.1:5000/a/b-c.d@{digest}"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
            assert_eq!(format!("oci://{text}").parse::<Reference>().unwrap().to_string(), text);
        }
        let both: Reference = format!("h.io/a:1.0.0@{digest}").parse().unwrap();
        assert_eq!(both.target, Target::Digest(digest), "of a tag and a digest the digest counts");
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        let long = format!("h.io/a:{}", "x".repeat(129));
        for bad in [
            "",
            "a",
            "h.io",
            "h.io/a",
            "h.io/a:",
            "h.io/:1",
            "h.io/A:1",
            "h.io/a/../b:1",
            "h.io//a:1",
            "h.io/a b:1",
            "h.io/a?x=1:1",
            "h.io/a#b:1",
            "user@h.io/a:1",
            "h.io:/a:1",
            "h.io:99999/a:1",
            "h.io:+1/a:1",
            "-h.io/a:1",
            "h.io/a:.1",
            "h.io/a:1/2",
            "h.io/a:1@md5:00",
            "h.io/-a:1",
            "h.io/a...b:1",
            "[::1/a:1",
            "h\r\n.io/a:1",
            &long,
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn only_this_machine_is_local() {
        let local = |host: &str| format!("{host}/a").parse::<Repository>().unwrap().is_local();
        for host in ["localhost", "localhost:5000", "127.0.0.1", "127.8.8.8:1", "[::1]:5000", "[::1]"] {
            assert!(local(host), "{host} is this machine");
        }
        for host in ["localhost.evil.io", "128.0.0.1", "10.0.0.1:80", "[::2]", "127.0.0.1.evil.io", "xlocalhost"] {
            assert!(!local(host), "{host} is not this machine");
        }
    }
}
