//! The address of a webhook as its owner writes it: which are taken, and what others may read of one.

use std::net::IpAddr;

use url::{Host, Url};

use crate::webhooks::WebhookSettings;
use crate::webhooks::addresses::may_reach;

/// The longest address: what receivers' own addresses come to, several times.
const LONGEST: usize = 2_000;

/// An address that is taken.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Target(Url);

impl Target {
    /// Reads an address. Whether its name leads somewhere it may is found when it is called.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and what to write.
    pub(super) fn new(text: &str, settings: &WebhookSettings) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("it has more than {LONGEST} characters; use a shorter address"));
        }
        let url =
            Url::parse(text).map_err(|error| format!("{error}; write one such as https://hooks.example/macadam"))?;
        let host = url.host().ok_or("it has no host; write one such as https://hooks.example/macadam")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has a user or a password in it; receivers know this host by the signature".to_owned());
        }
        if url.fragment().is_some() {
            return Err("it has a part after `#`, which is never sent; leave it out".to_owned());
        }
        let plain = url.scheme() == "http" && settings.allow_http_hosts.iter().any(|name| *name == host.to_string());
        if url.scheme() != "https" && !plain {
            let remedy =
                "`allow-http-hosts` of the configuration's [webhooks] names the hosts that may be called in plain HTTP";
            return Err(format!("it does not begin with https://; {remedy}"));
        }
        let address = match host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        match address.filter(|address| !may_reach(*address, &settings.allow_addresses)) {
            Some(address) => Err(refused(address)),
            None => Ok(Self(url)),
        }
    }

    /// The whole address, often a secret of the receiver's.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Scheme, host and port: what others may read.
    pub(super) fn receiver(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

/// Why an address is not called.
pub(super) fn refused(address: IpAddr) -> String {
    format!(
        "{address} is not on the public internet; `allow-addresses` of the configuration's [webhooks] names the others that \
         may be called"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> WebhookSettings {
        WebhookSettings {
            allow_http_hosts: vec!["ci.internal".to_owned(), "127.0.0.1".to_owned()],
            allow_addresses: vec!["10.1.0.0/16".parse().unwrap(), "127.0.0.1/32".parse().unwrap()],
            ..WebhookSettings::default()
        }
    }

    #[test]
    fn what_may_be_called_is_taken() {
        for text in [
            "https://hooks.example/a?b=c",
            "https://hooks.example:8443",
            "http://ci.internal/hook",
            "https://10.1.2.3/hook",
            "http://127.0.0.1:9000/hook",
            "https://1.1.1.1",
            "https://[2606:4700:4700::1111]/",
        ] {
            assert!(Target::new(text, &settings()).is_ok(), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_a_remedy() {
        for (text, part) in [
            ("", "https://hooks.example"),
            ("hooks.example/a", "https://hooks.example"),
            ("http://hooks.example", "allow-http-hosts"),
            ("ftp://hooks.example", "https://"),
            ("file:///etc/passwd", "no host"),
            ("https://user:hunter2@hooks.example", "signature"),
            ("https://hooks.example/#a", "`#`"),
            ("https://127.0.0.2", "allow-addresses"),
            ("https://10.2.0.1", "allow-addresses"),
            ("https://169.254.169.254/latest/meta-data", "allow-addresses"),
            ("https://[::1]/", "allow-addresses"),
            ("https://[::ffff:10.0.0.1]/", "allow-addresses"),
            // Other spellings of loopback, which the parser reads as it would be called.
            ("https://2130706434/", "127.0.0.2"),
            ("https://0x7f.2/", "127.0.0.2"),
            ("https://0177.0.0.2/", "127.0.0.2"),
            ("https://\u{ff11}\u{ff12}\u{ff17}.0.0.2/", "127.0.0.2"),
        ] {
            let Err(refused) = Target::new(text, &settings()) else { panic!("{text} must be refused") };
            assert!(refused.contains(part), "{text}: {part:?} is missing in: {refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        let long = format!("https://hooks.example/{}", "a".repeat(2_000));
        assert!(Target::new(&long, &settings()).is_err());
    }

    #[test]
    fn others_read_no_more_than_the_host() {
        let target = Target::new("https://hooks.example:8443/T0/B1/secret?key=x", &settings()).unwrap();
        assert_eq!(target.receiver(), "https://hooks.example:8443");
    }
}
