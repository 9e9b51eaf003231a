//! Who may ask: an address, a network, or a range of addresses.

use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses from one to another, of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

/// Text is no address, network or range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no address (192.0.2.1), network (192.0.2.0/24, 192.0.2.0/255.255.255.0) or range (192.0.2.1-192.0.2.9)"
)]
pub struct NotARange(pub String);

impl AddressRange {
    /// From text.
    ///
    /// Fails with [`NotARange`].
    pub fn parse(text: &str) -> Result<Self, NotARange> {
        let bad = || NotARange(text.to_owned());
        if let Some((first, last)) = text.split_once('-') {
            let first: IpAddr = first.trim().parse().map_err(|_| bad())?;
            let last: IpAddr = last.trim().parse().map_err(|_| bad())?;
            let same_family = first.is_ipv4() == last.is_ipv4();
            return if same_family && first <= last { Ok(Self { first, last }) } else { Err(bad()) };
        }
        let Some((address, mask)) = text.split_once('/') else {
            let one = text.trim().parse().map_err(|_| bad())?;
            return Ok(Self { first: one, last: one });
        };
        let address: IpAddr = address.trim().parse().map_err(|_| bad())?;
        let mask = mask.trim();
        let network = match mask.parse::<u8>() {
            Ok(bits) => IpNet::new(address, bits).map_err(|_| bad())?,
            Err(_) => IpNet::with_netmask(address, mask.parse().map_err(|_| bad())?).map_err(|_| bad())?,
        };
        Ok(Self { first: network.network(), last: network.broadcast() })
    }

    /// Whether an address is in it. An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && (self.first..=self.last).contains(&address)
    }

    /// Whether some address is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first.is_ipv4() == other.first.is_ipv4() && self.first <= other.last && other.first <= self.last
    }

    /// How many addresses, less one: the smallest range decides where several contain an address.
    pub fn size(&self) -> u128 {
        let number = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        number(self.last) - number(self.first)
    }
}

impl std::fmt::Display for AddressRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let as_network = |bits: u8| IpNet::new(self.first, bits).ok();
        let most = if self.first.is_ipv4() { 32 } else { 128 };
        let exact = |net: &IpNet| net.network() == self.first && net.broadcast() == self.last;
        match (self.first == self.last, (0..most).filter_map(as_network).find(exact)) {
            (true, _) => self.first.fmt(f),
            (false, Some(network)) => network.fmt(f),
            (false, None) => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read_and_shown() {
        for (text, shown, inside, outside) in [
            ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.9/24", "192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("10.0.0.0/255.255.0.0", "10.0.0.0/16", "10.0.255.255", "10.1.0.0"),
            ("10.0.0.5 - 10.0.0.9", "10.0.0.5-10.0.0.9", "10.0.0.7", "10.0.0.10"),
            ("2001:db8::/32", "2001:db8::/32", "2001:db8:1::1", "2001:db9::"),
            ("::1", "::1", "::1", "127.0.0.1"),
            ("0.0.0.0/0", "0.0.0.0/0", "::ffff:9.9.9.9", "::9"),
        ] {
            let range = AddressRange::parse(text).unwrap();
            assert_eq!(range.to_string(), shown);
            assert!(range.contains(inside.parse().unwrap()), "{text}");
            assert!(!range.contains(outside.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "host.example", "10.0.0.1/33", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "10.0.0.1/255.0.255.0", "-"]
        {
            assert!(AddressRange::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_smaller_of_two_is_known() {
        let [all, some, one, other] =
            ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.2.0.0/16"].map(|text| AddressRange::parse(text).unwrap());
        assert!(all.size() > some.size() && some.size() > one.size() && one.size() == 0);
        assert!(all.overlaps(&one) && one.overlaps(&all) && !some.overlaps(&other));
    }
}
