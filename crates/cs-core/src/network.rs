//! Addresses as rules see them.

use std::net::IpAddr;

/// The canonical form of an address: IPv4-mapped IPv6 is IPv4, so that no network rule can be walked around by spelling.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Reads what a client sent as `ipaddr`: an address, possibly in brackets or with a port or zone. Anything else (duo_unix sends "0.0.0.0" or a host
/// name when it knows nothing) is no address.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(inside, _)| inside);
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    let address: IpAddr = bare.parse().ok()?;
    let address = canonical(address);
    (!address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one_address() {
        let v4 = parse_address("192.0.2.7");
        for spelling in ["::ffff:192.0.2.7", " 192.0.2.7 ", "[::ffff:192.0.2.7]:22"] {
            assert_eq!(parse_address(spelling), v4, "{spelling}");
        }
        for nothing in ["", "0.0.0.0", "::", "localhost", "192.0.2", "192.0.2.7, 10.0.0.1"] {
            assert_eq!(parse_address(nothing), None, "{nothing}");
        }
    }
}
