//! What is known about addresses: places, from a country or city database that the operator supplies (MaxMind's file format), and anonymous networks, from
//! lists that the operator supplies. Files that change are read again while the server runs.

mod anonymous;
mod files;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use cs_core::network::canonical;
use cs_core::policy::Country;
use cs_core::policy::facts;
use maxminddb::{PathElement, Reader};

pub use files::{GeoError, GeoFiles, GeoSource};

use self::anonymous::read_list;
use self::files::{Stamp, stamp};

/// Where an address is, as far as the database knows, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// ISO 3166-1 alpha-2, or the code that private networks were given.
    pub country: Option<String>,
    /// English name of the region.
    pub state: Option<String>,
    /// English name of the city.
    pub city: Option<String>,
}

impl Place {
    /// For people: "Berlin, DE"; empty if nothing is known.
    pub fn describe(&self) -> String {
        [&self.city, &self.state, &self.country]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// What is known about addresses. Cheap to clone; clones share what is read again.
#[derive(Clone, Default)]
pub struct Geo {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    files: GeoFiles,
    private_country: Option<Country>,
    known: ArcSwap<Known>,
    /// What the files were like when they were last read, in the order of [`GeoFiles::paths`].
    stamps: Mutex<Vec<Option<Stamp>>>,
}

#[derive(Default)]
struct Known {
    places: Option<Reader<Vec<u8>>>,
    anonymous: Vec<cs_core::network::NetworkSet>,
    sources: Vec<GeoSource>,
}

impl Geo {
    /// Reads `files`. Addresses of private networks are in `private_country`, if one is given.
    ///
    /// Fails if one of them cannot be read: a list that is missing would let in whom a policy refuses.
    pub fn open(files: GeoFiles, private_country: Option<Country>) -> Result<Self, GeoError> {
        let stamps = files.paths().map(stamp).collect();
        let known = ArcSwap::from_pointee(Known::read(&files)?);
        Ok(Self { inner: Arc::new(Inner { files, private_country, known, stamps: Mutex::new(stamps) }) })
    }

    /// Whether there is a database of places.
    pub fn is_present(&self) -> bool {
        self.inner.known.load().places.is_some()
    }

    /// Reads the files again if one has changed; true if so. On an error what was read before stays in use. Blocks on the disk.
    pub fn refresh(&self) -> Result<bool, GeoError> {
        let stamps: Vec<_> = self.inner.files.paths().map(stamp).collect();
        let mut before = self.inner.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if *before == stamps {
            return Ok(false);
        }
        self.inner.known.store(Arc::new(Known::read(&self.inner.files)?));
        *before = stamps;
        Ok(true)
    }

    /// The files in use, and how old each is.
    pub fn sources(&self) -> Vec<GeoSource> {
        self.inner.known.load().sources.clone()
    }

    /// Whether one of the operator's lists names `address`.
    pub fn is_anonymous(&self, address: IpAddr) -> bool {
        self.inner.known.load().anonymous.iter().any(|list| list.contains(address))
    }

    /// Where `address` is, as policies see it.
    pub fn whereabouts(&self, address: IpAddr) -> facts::Place {
        if let Some(country) = self.private_country_of(address) {
            return facts::Place { country: Some(country), coordinates: None };
        }
        let known = self.inner.known.load();
        let Some(found) = known.places.as_ref().and_then(|places| places.lookup(canonical(address)).ok()) else {
            return facts::Place::UNKNOWN;
        };
        let degrees =
            |name| found.decode_path::<f64>(&[PathElement::Key("location"), PathElement::Key(name)]).ok().flatten();
        let country = COUNTRY.iter().find_map(|path| found.decode_path::<&str>(path).ok().flatten());
        facts::Place {
            country: country.and_then(Country::parse),
            coordinates: match (degrees("latitude"), degrees("longitude")) {
                (Some(latitude), Some(longitude)) => facts::Coordinates::from_degrees(latitude, longitude),
                (Some(_), None) | (None, Some(_)) | (None, None) => None,
            },
        }
    }

    /// Where `address` is, in words.
    pub fn place(&self, address: IpAddr) -> Place {
        if let Some(country) = self.private_country_of(address) {
            return Place { country: Some(country.to_string()), ..Place::default() };
        }
        let known = self.inner.known.load();
        let Some(found) = known.places.as_ref().and_then(|places| places.lookup(canonical(address)).ok()) else {
            return Place::default();
        };
        let text = |path: &[PathElement<'_>]| found.decode_path::<String>(path).ok().flatten();
        Place {
            country: COUNTRY.iter().find_map(|path| text(path)),
            state: text(&[
                PathElement::Key("subdivisions"),
                PathElement::Index(0),
                PathElement::Key("names"),
                PathElement::Key("en"),
            ]),
            city: text(&[PathElement::Key("city"), PathElement::Key("names"), PathElement::Key("en")]),
        }
    }

    fn private_country_of(&self, address: IpAddr) -> Option<Country> {
        self.inner.private_country.filter(|_| is_private(address))
    }
}

/// Country-only databases come in two shapes: MaxMind's, and a flat `country_code`.
const COUNTRY: [&[PathElement<'static>]; 2] =
    [&[PathElement::Key("country"), PathElement::Key("iso_code")], &[PathElement::Key("country_code")]];

/// Whether `address` can only be one of a network of the organisation's own: RFC 1918 and RFC 4193, loopback and link-local.
fn is_private(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback() || address.is_unicast_link_local(),
    }
}

impl Known {
    fn read(files: &GeoFiles) -> Result<Self, GeoError> {
        let mut known = Self::default();
        if let Some(path) = &files.places {
            let broken = |source| GeoError::Database { path: path.clone(), source };
            let places = Reader::open_readfile(path).map_err(broken)?;
            known.sources.push(GeoSource {
                path: path.clone(),
                networks: None,
                modified: stamp(path).and_then(Stamp::modified),
            });
            known.places = Some(places);
        }
        for path in &files.anonymous {
            let list = read_list(path)?;
            let modified = stamp(path).and_then(Stamp::modified);
            known.sources.push(GeoSource { path: path.clone(), networks: Some(list.len()), modified });
            known.anonymous.push(list);
        }
        Ok(known)
    }
}

impl GeoFiles {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.places.iter().chain(&self.anonymous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn private_networks_are_where_the_organisation_says_and_nothing_else_is() {
        let home = Country::parse("XH").unwrap();
        let geo = Geo::open(GeoFiles::default(), Some(home)).unwrap();
        for private in
            ["10.1.2.3", "::ffff:192.168.0.1", "172.16.0.1", "127.0.0.1", "::1", "fd00::1", "fe80::1", "169.254.0.1"]
        {
            assert_eq!(geo.whereabouts(address(private)).country, Some(home), "{private}");
            assert_eq!(geo.place(address(private)).describe(), "XH", "{private}");
        }
        for public in ["172.32.0.1", "100.64.0.1", "192.0.2.1", "2001:db8::1", "0.0.0.0"] {
            assert_eq!(geo.whereabouts(address(public)), facts::Place::UNKNOWN, "{public}");
        }
        assert_eq!(Geo::default().whereabouts(address("10.1.2.3")), facts::Place::UNKNOWN);
    }

    #[test]
    fn a_list_that_changes_is_read_again_and_one_that_breaks_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tor.txt");
        std::fs::write(&path, "192.0.2.7\n").unwrap();
        let files = GeoFiles { anonymous: vec![path.clone()], ..GeoFiles::default() };
        let geo = Geo::open(files.clone(), None).unwrap();
        assert!(geo.is_anonymous(address("::ffff:192.0.2.7")) && !geo.is_anonymous(address("192.0.2.8")));
        assert!(!geo.refresh().unwrap());

        std::fs::write(&path, "192.0.2.7\n192.0.2.8/31\n").unwrap();
        assert!(geo.refresh().unwrap());
        assert!(geo.is_anonymous(address("192.0.2.9")));
        assert_eq!(geo.sources()[0].networks, Some(2));

        std::fs::write(&path, "<html>not found</html>\n").unwrap();
        assert_eq!(
            geo.refresh().unwrap_err().to_string(),
            format!("{}, line 1: no address, range or CIDR block", path.display())
        );
        assert!(geo.is_anonymous(address("192.0.2.9")), "the old list stays");
        std::fs::remove_file(&path).unwrap();
        assert!(geo.refresh().is_err() && geo.is_anonymous(address("192.0.2.9")));
        assert!(Geo::open(files, None).is_err(), "but nothing starts without it");
    }
}
