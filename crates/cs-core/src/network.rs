//! Addresses as rules see them.
//!
//! "From where" has three answers, each for its purpose:
//!
//! | who counts as the same | answer | for |
//! | --- | --- | --- |
//! | one address | [`canonical`] | what policies allow, what phones show, what logs say: administrators and people mean exactly that address |
//! | one machine | [`machine_of`] | slots of pushes, cool-downs, rates of requests: whoever has one IPv6 address has its whole /64, and must not count as many |
//! | one neighbourhood | [`network_of`] | signals of risk: an attack comes from several machines of one network, and a person's address changes within it |

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The canonical form of an address: IPv4-mapped IPv6 is IPv4, so that no network rule can be walked around by spelling.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What one machine can be reached at and can send from: an IPv4 address, or the first address of the /64 of an IPv6 address, of which it may use every one.
pub fn machine_of(address: IpAddr) -> IpAddr {
    match canonical(address) {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

/// The network whose logins are looked at together: the first address of the /24 of an IPv4 address, or of the /48 of an IPv6 address.
pub fn network_of(address: IpAddr) -> IpAddr {
    match canonical(address) {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & 0xffff_ff00)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80))),
    }
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

/// Networks as administrators write them: addresses, ranges (`10.0.0.1-10.0.0.9`) and CIDR blocks, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkList {
    /// As they were written, in that order.
    entries: Vec<(IpAddr, IpAddr)>,
    /// The same addresses in rising ranges that do not overlap, to be searched by halves.
    ranges: Vec<(IpAddr, IpAddr)>,
}

impl NetworkList {
    /// The most entries a list may have.
    pub const MOST_ENTRIES: usize = 1000;

    /// Reads a list; `None` if an entry is no network, a range runs backwards or mixes families, or there are too many.
    pub fn parse(text: &str) -> Option<Self> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let list = entries.take(Self::MOST_ENTRIES + 1).map(parse_network).collect::<Option<Vec<_>>>()?;
        (list.len() <= Self::MOST_ENTRIES).then(|| Self { ranges: merged(list.clone()), entries: list })
    }

    /// The entries in the order they were given, each in its shortest spelling: address, CIDR block, or range.
    pub fn entries(&self) -> impl Iterator<Item = String> {
        self.entries.iter().map(|(first, last)| spelled(*first, *last))
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether `address` is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        is_in(&self.ranges, address)
    }
}

impl fmt::Display for NetworkList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, entry) in self.entries().enumerate() {
            write!(f, "{}{entry}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// A set of networks without bound, that only answers whether an address is in it: for lists of many thousands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkSet(Vec<(IpAddr, IpAddr)>);

impl NetworkSet {
    /// The networks of `entries`, each an address, a range or a CIDR block; or the first entry that is none.
    pub fn collect<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let read = |entry: &'a str| parse_network(entry).ok_or(entry);
        let mut ranges = merged(entries.into_iter().map(read).collect::<Result<_, _>>()?);
        ranges.shrink_to_fit();
        Ok(Self(ranges))
    }

    /// How many ranges it has that do not overlap.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `address` is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        is_in(&self.0, address)
    }
}

/// Whether `address` is in one of `ranges`, which rise and do not overlap.
fn is_in(ranges: &[(IpAddr, IpAddr)], address: IpAddr) -> bool {
    let address = canonical(address);
    // IPv4 sorts before IPv6, so the families never mix.
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| address <= *last)
}

fn merged(mut ranges: Vec<(IpAddr, IpAddr)>) -> Vec<(IpAddr, IpAddr)> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlaps = next.0.is_ipv4() == kept.0.is_ipv4() && next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
    ranges
}

fn spelled(first: IpAddr, last: IpAddr) -> String {
    let (start, end, width) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => (first.to_bits().into(), last.to_bits().into(), 32),
        (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return format!("{first}-{last}"),
    };
    let (start, end): (u128, u128) = (start, end);
    let size_less_one = end - start;
    // A block: a power of two of addresses, beginning at a multiple of it.
    let is_block = size_less_one & size_less_one.wrapping_add(1) == 0 && start & size_less_one == 0;
    match size_less_one {
        0 => first.to_string(),
        _ if is_block => format!("{first}/{}", width - size_less_one.count_ones()),
        _ => format!("{first}-{last}"),
    }
}

fn parse_network(entry: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some((first, last)) = entry.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let (first, last) = (canonical(first), canonical(last));
        return (first.is_ipv4() == last.is_ipv4() && first <= last).then_some((first, last));
    }
    let Some((address, bits)) = entry.split_once('/') else {
        let address = canonical(entry.parse().ok()?);
        return Some((address, address));
    };
    let bits: u32 = bits.parse().ok()?;
    match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) if bits <= 32 => {
            // A shift by the whole width is a /0: no bit is fixed.
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            let first = address.to_bits() & mask;
            Some((IpAddr::V4(first.into()), IpAddr::V4((first | !mask).into())))
        }
        // A block of IPv4-mapped addresses is one of IPv4: nobody's address ever keeps the mapped spelling.
        IpAddr::V6(address) if (96..=128).contains(&bits) && address.to_ipv4_mapped().is_some() => {
            let address = address.to_ipv4_mapped()?;
            parse_network(&format!("{address}/{}", bits - 96))
        }
        IpAddr::V6(address) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            let first = address.to_bits() & mask;
            Some((IpAddr::V6(first.into()), IpAddr::V6((first | !mask).into())))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
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

    #[test]
    fn an_address_a_machine_and_a_network_are_three_things() {
        let of = |text: &str| {
            let address = text.parse().unwrap();
            [canonical(address), machine_of(address), network_of(address)].map(|address| address.to_string())
        };
        assert_eq!(of("2001:db8:1:2:3::4"), ["2001:db8:1:2:3::4", "2001:db8:1:2::", "2001:db8:1::"]);
        assert_eq!(of("192.0.2.7"), ["192.0.2.7", "192.0.2.7", "192.0.2.0"]);
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
    }

    #[test]
    fn a_list_holds_addresses_ranges_and_blocks() {
        let list = NetworkList::parse("192.0.2.7, 10.0.0.0/8,172.16.0.3 - 172.16.0.5, 2001:db8::/32").unwrap();
        for (address, is_in) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.2.8", false),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("172.16.0.4", true),
            ("172.16.0.6", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), is_in, "{address}");
        }
        assert!(NetworkList::parse("0.0.0.0/0").unwrap().contains("203.0.113.9".parse().unwrap()));
        assert!(!NetworkList::parse("0.0.0.0/0").unwrap().contains("2001:db8::1".parse().unwrap()));
        assert!(NetworkList::parse(" , ").unwrap().is_empty());
    }

    #[test]
    fn a_list_is_written_as_it_was_read() {
        for text in [
            "192.0.2.7,10.0.0.0/8,172.16.0.3-172.16.0.5,2001:db8::/32",
            "0.0.0.0/0,::/0,10.0.0.1-10.0.0.2,10.0.0.0/31,2001:db8::1",
            "",
        ] {
            assert_eq!(NetworkList::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            NetworkList::parse("10.0.0.9/8 , 10.0.0.0-10.0.0.255").unwrap().to_string(),
            "10.0.0.0/8,10.0.0.0/24"
        );
    }

    #[test]
    fn overlapping_entries_are_searched_like_any() {
        let list = NetworkList::parse("10.0.0.0/8,10.1.0.0/16,10.0.0.5,11.0.0.1,::/64,::5").unwrap();
        for (address, is_in) in [
            ("10.0.0.6", true),
            ("10.2.0.0", true),
            ("11.0.0.1", true),
            ("11.0.0.0", false),
            ("::9", true),
            ("1::", false),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), is_in, "{address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in ["10.0.0.0/33", "::/129", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "host", "10.0.0", "1.2.3.4,x"] {
            assert_eq!(NetworkList::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_block_of_mapped_addresses_is_one_of_ipv4() {
        let list = NetworkList::parse("::ffff:10.0.0.0/104, ::ffff:192.0.2.1-::ffff:192.0.2.3").unwrap();
        for (address, is_in) in
            [("10.9.9.9", true), ("::ffff:10.9.9.9", true), ("11.0.0.1", false), ("192.0.2.2", true)]
        {
            assert_eq!(list.contains(address.parse().unwrap()), is_in, "{address}");
        }
        assert_eq!(list.to_string(), "10.0.0.0/8,192.0.2.1-192.0.2.3");
    }

    #[test]
    fn a_set_holds_what_its_entries_hold_and_names_a_wrong_one() {
        let set = NetworkSet::collect(["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "192.0.2.1"]).unwrap();
        assert_eq!(set.len(), 3);
        for (address, is_in) in
            [("10.1.2.3", true), ("::ffff:192.0.2.1", true), ("192.0.2.2", false), ("2001:db8::9", true)]
        {
            assert_eq!(set.contains(address.parse().unwrap()), is_in, "{address}");
        }
        assert_eq!(NetworkSet::collect(["10.0.0.0/8", "tor.example"]), Err("tor.example"));
        assert!(NetworkSet::default().is_empty() && !NetworkSet::default().contains("10.0.0.1".parse().unwrap()));
    }
}
