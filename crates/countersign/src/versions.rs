//! The table of versions that policies read: which releases there were, and when maintenance ends.

use cs_core::policy::facts::Versions;
use cs_core::policy::{Browser, Line, Os, Product, ProductError, Release, Version, Word};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml::{Table, Value};

/// The table that ships with the server.
const SHIPPED: &str = include_str!("../data/versions.toml");

/// A table, and the day its facts are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionTable {
    /// What is known.
    pub versions: Versions,
    /// As of this day; what came out later is not known.
    pub as_of: Date,
}

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum VersionTableError {
    /// Not TOML.
    #[error("the table of versions is no TOML")]
    Toml(#[from] toml::de::Error),
    /// Something is missing, superfluous or of another kind.
    #[error("{at}: expected {expected}")]
    Shape {
        /// Where.
        at: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A product that policies do not know.
    #[error("{0} is no operating system or browser that policies know")]
    UnknownProduct(String),
    /// A product whose lines contradict each other.
    #[error("{product}")]
    Product {
        /// Which.
        product: String,
        /// How.
        source: ProductError,
    },
}

impl VersionTable {
    /// The table that ships with the server.
    ///
    /// # Errors
    ///
    /// None: a test reads it. The signature is that of [`Self::parse`], so that nothing here can panic.
    pub fn shipped() -> Result<Self, VersionTableError> {
        Self::parse(SHIPPED)
    }

    /// Reads a table in the form of the shipped one.
    ///
    /// # Errors
    ///
    /// If it is not of that form, or contradicts itself.
    pub fn parse(text: &str) -> Result<Self, VersionTableError> {
        let table: Table = text.parse()?;
        for key in table.keys() {
            if !["as_of", "os", "browsers", "app"].contains(&key.as_str()) {
                return Err(shape(key, "as_of, os, browsers or app"));
            }
        }
        let as_of = table.get("as_of").and_then(date).ok_or_else(|| shape("as_of", "a day"))?;
        let app = match table.get("app") {
            None => Product::default(),
            Some(lines) => product("app", lines)?,
        };
        let versions =
            Versions { os: products::<Os>(&table, "os")?, browsers: products::<Browser>(&table, "browsers")?, app };
        Ok(Self { versions, as_of })
    }
}

fn shape(at: &str, expected: &'static str) -> VersionTableError {
    VersionTableError::Shape { at: at.to_owned(), expected }
}

fn products<T: Word>(table: &Table, kind: &'static str) -> Result<Vec<(T, Product)>, VersionTableError> {
    let Some(value) = table.get(kind) else { return Ok(Vec::new()) };
    let named = value.as_table().ok_or_else(|| shape(kind, "products by name"))?;
    let read = |(name, lines): (&String, &Value)| {
        let at = format!("{kind}.{name}");
        let word = T::parse(name).ok_or_else(|| VersionTableError::UnknownProduct(at.clone()))?;
        Ok((word, product(&at, lines)?))
    };
    named.iter().map(read).collect()
}

fn product(at: &str, lines: &Value) -> Result<Product, VersionTableError> {
    let lines = lines.as_array().ok_or_else(|| shape(at, "a list of lines"))?;
    let lines = lines.iter().map(|entry| line(at, entry)).collect::<Result<_, _>>()?;
    Product::new(lines).map_err(|source| VersionTableError::Product { product: at.to_owned(), source })
}

fn line(at: &str, entry: &Value) -> Result<Line, VersionTableError> {
    let entry = entry.as_table().ok_or_else(|| shape(at, "a line"))?;
    if let Some(key) = entry.keys().find(|key| !["from", "end_of_life", "releases"].contains(&key.as_str())) {
        return Err(shape(&format!("{at}.{key}"), "from, end_of_life or releases"));
    }
    let from = entry.get("from").and_then(version).ok_or_else(|| shape(at, "`from`, a version"))?;
    let end_of_life = match entry.get("end_of_life") {
        None => None,
        Some(day) => Some(date(day).and_then(start).ok_or_else(|| shape(at, "`end_of_life`, a day"))?),
    };
    let releases = entry.get("releases").and_then(Value::as_array).ok_or_else(|| shape(at, "`releases`, a list"))?;
    let releases = releases.iter().map(|pair| release(pair).ok_or_else(|| shape(at, "releases of [version, day]")));
    Ok(Line { from, releases: releases.collect::<Result<_, _>>()?, end_of_life })
}

fn release(pair: &Value) -> Option<Release> {
    match pair.as_array()?.as_slice() {
        [name, day] => Some(Release { version: version(name)?, released: start(date(day)?)? }),
        _ => None,
    }
}

fn version(value: &Value) -> Option<Version> {
    value.as_str().and_then(Version::parse)
}

fn date(value: &Value) -> Option<Date> {
    let date = value.as_datetime()?.date?;
    Date::new(i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
}

/// A day begins at midnight, universal time.
fn start(day: Date) -> Option<Timestamp> {
    day.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    #[test]
    fn the_shipped_table_is_read_and_knows_what_happened() {
        let table = VersionTable::shipped().unwrap();
        let of = |os| table.versions.of_os(os).unwrap();
        let v = |text| Version::parse(text).unwrap();
        // Windows 10 22H2; 11 23H2 Enterprise; macOS 13; Android 12.
        assert_eq!(of(Os::Windows).end_of_life(v("10.0.19045.5487")), Some(day("2025-10-14")));
        assert_eq!(of(Os::Windows).end_of_life(v("10.0.22631")), Some(day("2026-11-10")));
        assert_eq!(of(Os::Macos).end_of_life(v("13.7.8")), Some(day("2025-09-15")));
        assert_eq!(of(Os::Android).end_of_life(v("12")), Some(day("2025-03-03")));
        assert_eq!(of(Os::Ios).not_up_to_date_since(v("18.7.9")), Some(day("2026-08-17")));
        let firefox = table.versions.of_browser(Browser::Firefox).unwrap();
        assert_eq!(firefox.not_up_to_date_since(v("140.0")), None, "an extended release");
        assert_eq!(firefox.not_up_to_date_since(v("139.0")), Some(day("2025-06-24")));
        let chrome = table.versions.of_browser(Browser::Chrome).unwrap();
        assert_eq!(chrome.not_up_to_date_since(v("144.0.0.0")), Some(day("2026-02-10")));
        assert_eq!(table.as_of.to_string(), "2026-08-22");
    }

    #[test]
    fn a_table_of_another_form_is_refused_and_says_where() {
        let refused = |text: &str| VersionTable::parse(text).unwrap_err().to_string();
        assert_eq!(refused("os = 1"), "as_of: expected a day");
        assert_eq!(refused("as_of = 2026-01-01\nhello = 1"), "hello: expected as_of, os, browsers or app");
        let with = |rest: &str| refused(&format!("as_of = 2026-01-01\n{rest}"));
        assert_eq!(with("[[os.beos]]\nfrom = \"1\""), "os.beos is no operating system or browser that policies know");
        assert_eq!(with("[[os.ios]]\nfrom = \"x\""), "os.ios: expected `from`, a version");
        assert_eq!(
            with("[[os.ios]]\nfrom = \"1\"\nreleases = [[\"1\"]]"),
            "os.ios: expected releases of [version, day]"
        );
        assert_eq!(with("[[os.ios]]\nfrom = \"1\"\nreleases = []"), "os.ios");
        assert_eq!(with("[[os.ios]]\nform = \"1\""), "os.ios.form: expected from, end_of_life or releases");
        assert_eq!(with("[os.ios]"), "os.ios: expected a list of lines");
        assert_eq!(VersionTable::parse("as_of = 2026-01-01").unwrap().versions, Versions::default());
    }
}
