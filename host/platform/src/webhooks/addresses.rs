//! Which addresses a webhook may reach: those of the public internet, and those that an administrator has named.
//!
//! Whoever makes a webhook chooses whom this host calls. Without a bound they could reach through it what only this host
//! can: its own ports, its neighbours, the cloud's metadata (server-side request forgery). A name is no bound, since it
//! may lead anywhere and somewhere else the next time; so it is the very address that is connected to which is checked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What is no host on the public internet: the special-purpose registry of IANA (RFC 6890 and its updates), multicast
/// (RFC 5771), and one public address that is a cloud's own.
const NOT_PUBLIC_V4: [Ipv4Net; 17] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    // Among them 169.254.169.254, where clouds hand out credentials.
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 31, 196, 0], 24),
    v4([192, 52, 193, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 3),
    // Azure's own services, from within a virtual machine.
    v4([168, 63, 129, 16], 32),
];

/// The addresses of the public internet are in here (RFC 4291) …
const PUBLIC_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// … but for these: protocols' own (Teredo among them, which hides another address), documentation, 6to4, which hides
/// one as well.
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

const fn v4(octets: [u8; 4], length: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(segments: [u16; 8], length: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    // One that is an IPv4 address in IPv6's clothes goes where the IPv4 address does.
    match address.to_canonical() {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => PUBLIC_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address)),
    }
}

/// Whether a webhook may reach an address.
#[must_use]
pub fn may_reach(address: IpAddr, allowed: &[IpNet]) -> bool {
    let address = address.to_canonical();
    is_public(address) || allowed.iter().any(|net| net.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_is_reached_that_only_this_host_can() {
        for (what, addresses) in [
            ("loopback", vec!["127.0.0.1", "127.255.255.254", "::1"]),
            ("nothing, which systems take for loopback", vec!["0.0.0.0", "0.1.2.3", "::"]),
            ("private", vec!["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1"]),
            ("shared, of carriers and clouds", vec!["100.64.0.1", "100.100.100.200", "100.127.255.255"]),
            ("link-local", vec!["169.254.0.1", "fe80::1", "febf::1", "fec0::1"]),
            ("metadata", vec!["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "192.0.0.192", "168.63.129.16"]),
            ("multicast and broadcast", vec!["224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"]),
            (
                "reserved",
                vec!["240.0.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.9", "2001:db8::1", "3fff::1", "100::1"],
            ),
            ("IPv4 in IPv6", vec!["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::7f00:1"]),
            ("translated or tunnelled", vec!["64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001::1"]),
        ] {
            for address in addresses {
                assert!(!may_reach(ip(address), &[]), "{address} is {what}");
            }
        }
    }

    #[test]
    fn the_public_internet_is_reached() {
        for address in ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "223.255.255.255"] {
            assert!(may_reach(ip(address), &[]), "{address}");
        }
        for address in ["2606:4700:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "::ffff:8.8.8.8"] {
            assert!(may_reach(ip(address), &[]), "{address}");
        }
    }

    #[test]
    fn what_an_administrator_names_is_reached_and_nothing_beside_it() {
        let allowed: Vec<IpNet> = ["10.1.0.0/16", "127.0.0.1/32", "fd00::/64"].map(|net| net.parse().unwrap()).into();
        for address in ["10.1.2.3", "127.0.0.1", "::ffff:127.0.0.1", "fd00::5"] {
            assert!(may_reach(ip(address), &allowed), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.2", "fd00:0:0:1::5", "169.254.169.254"] {
            assert!(!may_reach(ip(address), &allowed), "{address}");
        }
    }
}
