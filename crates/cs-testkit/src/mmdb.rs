//! Databases of places in MaxMind's file format (MaxMind DB 2.0), made by a test.
//!
//! ```text
//! let places = Mmdb::new().country("203.0.113.0/24", "KP").city("192.0.2.0/24", "CH", "Zürich", 47.38, 8.54);
//! let file = places.write(dir.path());
//! ```

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Between the tree and the data.
const SEPARATOR: [u8; 16] = [0; 16];
/// Before the metadata.
const METADATA: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// An IPv4 network lies at `::/96`.
const IPV4_BITS: u8 = 96;

/// What a file says of networks. The longest network that holds an address decides, in whatever order they were added.
#[derive(Debug, Clone, Default)]
pub struct Mmdb {
    entries: Vec<(Network, Value)>,
}

/// The first `length` bits of `bits`.
#[derive(Debug, Clone, Copy)]
struct Network {
    bits: u128,
    length: u8,
}

/// The types of the format that databases of places use.
#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Double(f64),
    U16(u16),
    U32(u32),
    U64(u64),
    Map(Vec<(&'static str, Self)>),
    Array(Vec<Self>),
}

/// Where a branch of the tree leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    Nothing,
    Node(usize),
    /// The entry, by its place in the list.
    Entry(usize),
}

impl Mmdb {
    /// One that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// `network`, an address or a CIDR block, is in the country `code` (ISO 3166-1 alpha-2), and no more is known, as in a country database.
    pub fn country(self, network: &str, code: &str) -> Self {
        self.with(network, Value::Map(vec![country(code)]))
    }

    /// `network` is in a city, as in a city database.
    pub fn city(self, network: &str, code: &str, name: &str, latitude: f64, longitude: f64) -> Self {
        let location = vec![("latitude", Value::Double(latitude)), ("longitude", Value::Double(longitude))];
        let place = vec![country(code), ("city", named(name)), ("location", Value::Map(location))];
        self.with(network, Value::Map(place))
    }

    /// `network` is in a city of a region, as in a city database.
    pub fn city_in(self, network: &str, code: &str, region: &str, name: &str, (lat, lon): (f64, f64)) -> Self {
        let location = vec![("latitude", Value::Double(lat)), ("longitude", Value::Double(lon))];
        let place = vec![
            country(code),
            ("subdivisions", Value::Array(vec![named(region)])),
            ("city", named(name)),
            ("location", Value::Map(location)),
        ];
        self.with(network, Value::Map(place))
    }

    /// `network` in the flat shape of some free country databases: only a `country_code`.
    pub fn flat_country(self, network: &str, code: &str) -> Self {
        self.with(network, Value::Map(vec![("country_code", Value::Text(code.to_owned()))]))
    }

    fn with(mut self, network: &str, value: Value) -> Self {
        self.entries.push((Network::parse(network), value));
        self
    }

    /// Writes the file `places.mmdb` into `dir`, replacing an older one, and says where it is.
    pub fn write(&self, dir: &Path) -> PathBuf {
        let (path, draft) = (dir.join("places.mmdb"), dir.join("places.mmdb.new"));
        std::fs::write(&draft, self.to_bytes()).expect("a file");
        std::fs::rename(&draft, &path).expect("a file");
        path
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let nodes = self.tree();
        let count = nodes.len();
        let mut data = Vec::new();
        let mut offsets = HashMap::new();
        for (at, (_, value)) in self.entries.iter().enumerate() {
            offsets.insert(at, data.len());
            value.write(&mut data);
        }
        let number = |record: Record| match record {
            Record::Nothing => count,
            Record::Node(node) => node,
            Record::Entry(entry) => count + SEPARATOR.len() + offsets[&entry],
        };
        let mut file = Vec::new();
        for record in nodes.into_iter().flatten() {
            file.extend(u32::try_from(number(record)).expect("a small database").to_be_bytes());
        }
        file.extend(SEPARATOR);
        file.extend(data);
        file.extend(METADATA);
        metadata(count).write(&mut file);
        file
    }

    fn tree(&self) -> Vec<[Record; 2]> {
        let mut nodes = vec![[Record::Nothing; 2]];
        let mut by_length: Vec<usize> = (0..self.entries.len()).collect();
        // Shorter networks first: longer ones are cut out of them.
        by_length.sort_by_key(|entry| self.entries[*entry].0.length);
        for entry in by_length {
            let network = self.entries[entry].0;
            let mut node = 0;
            for depth in 0..network.length - 1 {
                let side = network.bit(depth);
                let next = match nodes[node][side] {
                    Record::Node(next) => next,
                    // What held for the whole holds for both halves, until one is named.
                    whole @ (Record::Nothing | Record::Entry(_)) => {
                        nodes.push([whole; 2]);
                        nodes.len() - 1
                    }
                };
                nodes[node][side] = Record::Node(next);
                node = next;
            }
            nodes[node][network.bit(network.length - 1)] = Record::Entry(entry);
        }
        nodes
    }
}

impl Network {
    fn parse(text: &str) -> Self {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let length: Option<u8> = length.map(|length| length.parse().expect("a prefix length"));
        let network = match address.parse().expect("an address") {
            IpAddr::V4(address) => Self { bits: address.to_bits().into(), length: IPV4_BITS + length.unwrap_or(32) },
            IpAddr::V6(address) => Self { bits: address.to_bits(), length: length.unwrap_or(128) },
        };
        assert!((1..=128).contains(&network.length), "{text}");
        network
    }

    fn bit(self, depth: u8) -> usize {
        usize::from(self.bits >> (127 - depth) & 1 == 1)
    }
}

impl Value {
    /// A control byte with type and size, further bytes of either, and the value (section "Output Data Section" of the format).
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                control(2, text.len(), out);
                out.extend(text.as_bytes());
            }
            Self::Double(number) => {
                control(3, 8, out);
                out.extend(number.to_be_bytes());
            }
            Self::U16(number) => {
                control(5, 2, out);
                out.extend(number.to_be_bytes());
            }
            Self::U32(number) => {
                control(6, 4, out);
                out.extend(number.to_be_bytes());
            }
            Self::Map(members) => {
                control(7, members.len(), out);
                for (name, value) in members {
                    Self::Text((*name).to_owned()).write(out);
                    value.write(out);
                }
            }
            Self::U64(number) => {
                control(9, 8, out);
                out.extend(number.to_be_bytes());
            }
            Self::Array(items) => {
                control(11, items.len(), out);
                for item in items {
                    item.write(out);
                }
            }
        }
    }
}

fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let small = u8::try_from(size.min(29)).expect("at most 29");
    match kind {
        1..8 => out.push(kind << 5 | small),
        _ => out.extend([small, kind - 7]),
    }
    if size >= 29 {
        out.push(u8::try_from(size - 29).expect("texts and lists of a test are short"));
    }
}

fn country(code: &str) -> (&'static str, Value) {
    ("country", Value::Map(vec![("iso_code", Value::Text(code.to_owned()))]))
}

fn named(name: &str) -> Value {
    Value::Map(vec![("names", Value::Map(vec![("en", Value::Text(name.to_owned()))]))])
}

fn metadata(nodes: usize) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    Value::Map(vec![
        ("node_count", Value::U32(u32::try_from(nodes).expect("a small database"))),
        ("record_size", Value::U16(32)),
        ("ip_version", Value::U16(6)),
        ("database_type", text("Countersign-Test-City")),
        ("languages", Value::Array(vec![text("en")])),
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(1_780_000_000)),
        ("description", Value::Map(vec![("en", text("Places of a test"))])),
    ])
}

#[cfg(test)]
mod tests {
    use cs_engine::{Geo, GeoFiles};

    use super::*;

    #[test]
    fn the_server_reads_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let places = Mmdb::new()
            .city("192.0.2.0/24", "CH", "Zürich", 47.38, 8.54)
            .country("192.0.2.7", "FR")
            .country("192.0.0.0/16", "DE")
            .city_in(
                "2001:db8::/32",
                "US",
                "Massachusetts",
                "a city whose name is longer than thirty letters",
                (42.4, -71.1),
            )
            .flat_country("198.51.100.0/24", "SE")
            .write(dir.path());
        let geo = Geo::open(GeoFiles { places: Some(places), anonymous: Vec::new() }, None).unwrap();
        for (address, words) in [
            ("192.0.2.1", "Zürich, CH"),
            ("::ffff:192.0.2.1", "Zürich, CH"),
            ("192.0.2.7", "FR"),
            ("192.0.3.1", "DE"),
            ("192.1.0.1", ""),
            ("2001:db8::1", "a city whose name is longer than thirty letters, Massachusetts, US"),
            ("2001:db9::1", ""),
            ("198.51.100.255", "SE"),
            ("0.0.0.0", ""),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(geo.place(address).describe(), words, "{address}");
            let country = geo.whereabouts(address).country.map(|country| country.to_string());
            assert_eq!(country.unwrap_or_default(), words.rsplit(", ").next().unwrap_or_default(), "{address}");
        }
        let zurich = geo.whereabouts("192.0.2.1".parse().unwrap()).coordinates.unwrap();
        let boston = geo.whereabouts("2001:db8::1".parse().unwrap()).coordinates.unwrap();
        assert!((5900.0..6200.0).contains(&zurich.kilometres_to(boston)));
        assert_eq!(geo.whereabouts("192.0.2.7".parse().unwrap()).coordinates, None);
    }
}
