//! From where a request comes: the address at the other end of the connection, or the one that a trusted proxy names.
//!
//! `X-Forwarded-For` is written by whoever sends a request, so it counts only as far as proxies that are trusted have
//! added to it: read from its end, the first address that is no such proxy is the client's.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use ipnet::IpNet;
use macadam_core::audit::{Credential, Origin};
use macadam_platform::Credential as SignedInBy;

use crate::observe::KnownAs;

/// The networks whose hosts are believed when they say for whom they ask.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Believes the hosts of some networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let named = headers.get_all("x-forwarded-for").into_iter().filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = named.flat_map(|value| value.split(',')).map(str::trim).collect();
        for text in named.into_iter().rev() {
            let named = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
            // Behind a proxy that is not trusted everybody can have written anything.
            let (true, Ok(address)) = (self.trusts(client), named) else { break };
            client = address.to_canonical();
        }
        client
    }
}

/// The address at the other end of the connection.
pub(crate) fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// From where a request comes, and by what whoever makes it is signed in.
pub(crate) fn origin(proxies: &TrustedProxies, request: &Request, signed_in: &SignedInBy) -> Origin {
    let known = request.extensions().get::<KnownAs>();
    Origin {
        address: peer(request).map(|peer| proxies.client(peer, request.headers())),
        request_id: known.map(|known| known.id.clone()),
        credential: Some(match signed_in {
            SignedInBy::DevelopmentToken => Credential::Token,
            SignedInBy::ServiceToken { .. } => Credential::ServiceToken,
            SignedInBy::Oidc { .. } => Credential::Oidc,
        }),
        trace: known.and_then(|known| known.trace),
        held: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_say_counts() {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let client = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            proxies.client(peer.parse().unwrap(), &headers).to_string()
        };
        assert_eq!(client("192.0.2.1", &["198.51.100.9"]), "192.0.2.1", "a stranger names nobody");
        assert_eq!(client("10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.9"]), "198.51.100.9", "the same address, written for IPv6");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.9", "fd00::5"]), "198.51.100.9", "what it claims is left");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, nonsense, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &["198.51.100.9:4711"]), "198.51.100.9");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }
}
