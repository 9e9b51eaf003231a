//! Lists of anonymous networks, as they are published: one network a line.
//!
//! The first word of a line is an address, a range or a CIDR block; what follows is not looked at, so that lists with comments or further columns can be
//! used as they are. Tor's own list of exits (`ExitNode …`, `ExitAddress 192.0.2.7 2026-01-01 00:00:00`) is understood too. `#` and `;` begin a comment.

use std::path::Path;

use cs_core::network::NetworkSet;

use super::files::GeoError;

/// The lines of Tor's list that are not about an address.
const TOR: [&str; 3] = ["ExitNode", "Published", "LastStatus"];

/// Reads the list at `path`.
pub(super) fn read_list(path: &Path) -> Result<NetworkSet, GeoError> {
    let unreadable = |source| GeoError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > GeoError::MOST_BYTES {
        return Err(GeoError::TooLong { path: path.to_owned() });
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8_lossy(&text);
    parse_list(&text).map_err(|line| GeoError::NotANetwork { path: path.to_owned(), line })
}

/// The networks in `text`, or the first line that is none.
fn parse_list(text: &str) -> Result<NetworkSet, usize> {
    let text = text.trim_start_matches('\u{feff}');
    NetworkSet::collect(text.lines().filter_map(network_in)).map_err(|wrong| {
        let is_wrong = |line: &str| network_in(line).is_some_and(|word| std::ptr::eq(word, wrong));
        text.lines().position(is_wrong).map_or(1, |at| at + 1)
    })
}

/// The word of a line that should be a network, if there should be one.
fn network_in(line: &str) -> Option<&str> {
    let line = line.split(['#', ';']).next()?;
    let mut words = line.split([' ', '\t', ',', '\r']).filter(|word| !word.is_empty());
    let first = words.next()?;
    if TOR.contains(&first) {
        return None;
    }
    Some(if first == "ExitAddress" { words.next().unwrap_or(first) } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_published() {
        let published = "\u{feff}# exits\n\n192.0.2.7\n198.51.100.0/24 # a VPN\r\n203.0.113.1-203.0.113.9,proxy,2026\n; old\n2001:db8::/32\n\
                         ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E\nPublished 2026-01-01 00:00:00\nLastStatus 2026-01-01 00:00:00\n\
                         ExitAddress 162.247.74.201 2026-01-01 00:00:00\n";
        let list = parse_list(published).unwrap();
        assert_eq!(list.len(), 5);
        for inside in ["192.0.2.7", "198.51.100.200", "203.0.113.5", "2001:db8::1", "162.247.74.201"] {
            assert!(list.contains(inside.parse().unwrap()), "{inside}");
        }
        assert_eq!(parse_list("").map(|list| list.is_empty()), Ok(true));
    }

    #[test]
    fn a_line_that_is_no_network_is_named() {
        for (text, line) in
            [("192.0.2.7\n\nhost.example\n", 3), ("ExitAddress\n", 1), ("10.0.0.0/33", 1), ("{\"exits\":[]}", 1)]
        {
            assert_eq!(parse_list(text), Err(line), "{text}");
        }
    }
}
