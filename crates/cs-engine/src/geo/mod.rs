//! Places of addresses, from a country or city database that the operator supplies (MaxMind's file format).

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use maxminddb::Reader;

/// Where an address is, as far as the database knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// ISO 3166-1 alpha-2.
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

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the address database")]
pub struct GeoError(#[source] maxminddb::MaxMindDbError);

/// The address database, if there is one.
#[derive(Clone, Default)]
pub struct Geo {
    reader: Option<Arc<Reader<Vec<u8>>>>,
}

impl Geo {
    /// Reads the database at `path`.
    pub fn open(path: &Path) -> Result<Self, GeoError> {
        let reader = Reader::open_readfile(path).map_err(GeoError)?;
        Ok(Self { reader: Some(Arc::new(reader)) })
    }

    /// Whether there is a database.
    pub fn is_present(&self) -> bool {
        self.reader.is_some()
    }

    /// Where `address` is.
    pub fn place(&self, address: IpAddr) -> Place {
        let Some(reader) = &self.reader else { return Place::default() };
        let Ok(found) = reader.lookup(address) else { return Place::default() };
        // Country-only databases come in two shapes: MaxMind's, and a flat `country_code`.
        let text = |path: &[maxminddb::PathElement<'_>]| found.decode_path::<String>(path).ok().flatten();
        use maxminddb::PathElement::{Index, Key};
        Place {
            country: text(&[Key("country"), Key("iso_code")]).or_else(|| text(&[Key("country_code")])),
            state: text(&[Key("subdivisions"), Index(0), Key("names"), Key("en")]),
            city: text(&[Key("city"), Key("names"), Key("en")]),
        }
    }
}
