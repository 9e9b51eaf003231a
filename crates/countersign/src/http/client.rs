//! Whose request it is, by address.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// The address the request came from.
///
/// `X-Forwarded-For` counts only when `peer` is a trusted proxy. It is read from the right, where our own proxies
/// append, up to the first address that is none of them; what stands further left the client may have written itself.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let peer = peer.to_canonical();
    if trusted.is_empty() || !is_trusted(&peer) {
        return peer;
    }
    let mut address = peer;
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    for entry in lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(',')) {
        // What does not parse ends the chain: the last proxy we know is the best answer left.
        let Some(next) = parse(entry.trim()) else {
            break;
        };
        address = next;
        if !is_trusted(&address) {
            break;
        }
    }
    address
}

/// An address, also as `[v6]`, `v4:port` or `[v6]:port`, which some proxies write.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text
        .parse()
        .or_else(|_| text.parse::<std::net::SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(peer: &str, trusted: &[&str], lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn forwarding_counts_only_from_a_trusted_peer() {
        assert_eq!(client("198.51.100.1", &[], &["203.0.113.9"]), "198.51.100.1");
        assert_eq!(client("198.51.100.1", &["10.0.0.0/8"], &["203.0.113.9"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.0/8"], &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("::ffff:10.0.0.1", &["10.0.0.0/8"], &["203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn the_client_cannot_write_its_own_address() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", &trusted, &["1.1.1.1, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &trusted, &["1.1.1.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &trusted, &["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &trusted, &[]), "10.0.0.1");
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", &trusted, &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &trusted, &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &trusted, &["[2001:db8::1]"]), "2001:db8::1");
    }
}
