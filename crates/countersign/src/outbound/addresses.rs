//! Which addresses the server may be made to speak to.
//!
//! A name is resolved, its addresses are judged, and the connection goes to one that was judged: a second look-up could answer otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Networks that may be spoken to although they are not public.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedNetworks(pub(crate) Arc<[IpNet]>);

/// Why an address is not spoken to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{0} is a private or reserved address, which `allowed_networks` does not list")]
    Private(IpAddr),
    #[error("plain HTTP is for addresses that `allowed_networks` lists, and {0} is none")]
    Plain(IpAddr),
    #[error("the name has no address")]
    NoAddress,
}

/// Judges the addresses of one destination.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    allowed: AllowedNetworks,
    /// Whether nothing but listed networks will do, because what is sent there is not encrypted.
    is_plain: bool,
}

impl Guard {
    pub(crate) fn new(url: &Url, allowed: AllowedNetworks) -> Self {
        Self { allowed, is_plain: url.scheme() != "https" }
    }

    /// For destinations that are spoken to over TLS only, whichever they are.
    pub(crate) fn for_https(allowed: AllowedNetworks) -> Self {
        Self { allowed, is_plain: false }
    }

    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        if self.allowed.0.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        match (self.is_plain, is_public(address)) {
            (_, false) => Err(Refused::Private(address)),
            (true, true) => Err(Refused::Plain(address)),
            (false, true) => Ok(()),
        }
    }

    /// Checks a host that is an address already; no resolver is asked about those.
    pub(crate) fn check_literal(&self, url: &Url) -> Result<(), Refused> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            Some(Host::Domain(_)) => Ok(()),
            None => Err(Refused::NoAddress),
        }
    }

    /// Those of `found` that may be spoken to.
    fn select(&self, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let mut refused = Refused::NoAddress;
        let mut selected = Vec::new();
        for address in found {
            match self.check(address.ip()) {
                Ok(()) => selected.push(address),
                Err(why) => refused = why,
            }
        }
        if selected.is_empty() { Err(refused) } else { Ok(selected) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Addrs = Box::new(guard.select(found)?.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether `address` is one of the public internet (IANA's special-purpose address registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// Global unicast without what is reserved inside it: protocol assignments with Teredo, documentation, 6to4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    (0x2000..=0x3fff).contains(&a)
        && !(a == 0x2001 && (b < 0x0200 || b == 0x0db8))
        && a != 0x2002
        && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(url: &str, allowed: &[&str]) -> Guard {
        let networks: Vec<IpNet> = allowed.iter().map(|network| network.parse().unwrap()).collect();
        Guard::new(&url.parse().unwrap(), AllowedNetworks(networks.into()))
    }

    #[test]
    fn only_the_public_internet_is_spoken_to() {
        let guard = guard("https://example.org/", &[]);
        for public in ["8.8.8.8", "100.63.0.1", "172.32.0.1", "192.0.1.1", "2606:4700::1", "2001:4860::8888"] {
            assert_eq!(guard.check(public.parse().unwrap()), Ok(()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
        ] {
            assert!(matches!(guard.check(private.parse().unwrap()), Err(Refused::Private(_))), "{private}");
        }
    }

    #[test]
    fn listed_networks_are_spoken_to_and_only_they_in_the_clear() {
        let lan = ["10.0.0.0/8", "::1/128"];
        for url in ["https://example.org/", "http://example.org/"] {
            let guard = guard(url, &lan);
            assert_eq!(guard.check("10.1.2.3".parse().unwrap()), Ok(()));
            assert_eq!(guard.check("::ffff:10.1.2.3".parse().unwrap()), Ok(()));
            assert!(guard.check("192.168.1.1".parse().unwrap()).is_err());
        }
        let public: IpAddr = "8.8.8.8".parse().unwrap();
        assert_eq!(guard("http://example.org/", &lan).check(public), Err(Refused::Plain(public)));
    }

    #[test]
    fn addresses_in_the_url_are_judged_however_they_are_written() {
        for url in ["https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://[::ffff:7f00:1]/"] {
            let guard = guard(url, &[]);
            assert!(guard.check_literal(&url.parse().unwrap()).is_err(), "{url}");
        }
    }

    #[test]
    fn of_several_addresses_the_public_ones_are_left() {
        let found = || ["10.0.0.1:0", "8.8.8.8:0"].into_iter().map(|address| address.parse().unwrap());
        let guard = guard("https://example.org/", &[]);
        assert_eq!(guard.select(found()).unwrap(), ["8.8.8.8:0".parse().unwrap()]);
        assert!(matches!(guard.select(found().take(1)), Err(Refused::Private(_))));
        assert_eq!(guard.select(std::iter::empty()), Err(Refused::NoAddress));
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_is_refused() {
        let refused = guard("https://localhost/", &[]).resolve("localhost".parse().unwrap()).await;
        assert!(refused.is_err());
        let found =
            guard("https://localhost/", &["127.0.0.0/8", "::1/128"]).resolve("localhost".parse().unwrap()).await;
        assert!(found.unwrap().count() > 0);
    }
}
