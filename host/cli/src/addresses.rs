//! Addresses that a token may be sent to.

use anyhow::bail;

/// Whether a server is on this machine, so that what is sent to it is seen by nobody else.
pub(crate) fn is_local(server: &str) -> bool {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest);
    let authority = host.split(['/', '?', '#']).next().unwrap_or_default();
    // What stands before an `@` is no host.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Tokens go over HTTPS, or stay on this machine.
pub(crate) fn must_be_safe(address: &str) -> anyhow::Result<()> {
    if address.starts_with("https://") || (address.starts_with("http://") && is_local(address)) {
        return Ok(());
    }
    bail!("{address} is not reached over HTTPS, and a token must not travel in the open")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_tokens_go_to_this_machine_only() {
        for local in ["http://127.0.0.1:7070", "http://localhost/x", "http://[::1]:80", "http://127.8.8.8"] {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "https://macadam.example",
            "http://127.0.0.1@evil.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn tokens_travel_over_https_or_not_at_all() {
        for good in ["https://id.example/token", "http://127.0.0.1:8080/realms/a", "http://[::1]/"] {
            assert!(must_be_safe(good).is_ok(), "{good}");
        }
        for bad in ["http://id.example/token", "ftp://127.0.0.1", "//127.0.0.1", "127.0.0.1", ""] {
            assert!(must_be_safe(bad).is_err(), "{bad}");
        }
    }
}
