//! Versions that can be compared, and what is known about the versions of a product.

use std::cmp::Ordering;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// A version: one to four numbers. `3.8` and `3.8.0` are the same version, spelled differently.
#[derive(Clone, Copy)]
pub struct Version {
    parts: [u32; Self::MOST_PARTS],
    spelled: u8,
}

impl Version {
    /// Longest version: Chrome and Windows use four numbers.
    pub const MOST_PARTS: usize = 4;

    /// Of what is never out of date, such as the pages that this server serves itself.
    pub const CURRENT: Self = Self::new([u32::MAX; Self::MOST_PARTS]);

    /// Reads `17`, `14.7.1`, `10.0.22631.4460`. `None` for anything else, signs, letters and blanks included.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut parts, mut spelled) = ([0; Self::MOST_PARTS], 0_u8);
        for part in text.split('.') {
            let digits = (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            *parts.get_mut(usize::from(spelled))? = digits.then(|| part.parse().ok())??;
            spelled += 1;
        }
        Some(Self { parts, spelled })
    }

    /// The version with these numbers.
    pub const fn new(parts: [u32; Self::MOST_PARTS]) -> Self {
        Self { parts, spelled: Self::MOST_PARTS as u8 }
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Version {}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts[..usize::from(self.spelled)].iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A version and the day it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// When it could first be had.
    pub released: Timestamp,
}

/// A line of versions that is maintained by itself: Windows 11 24H2, macOS 14, Firefox ESR 128.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The lowest version that belongs to it; it goes up to the next line.
    pub from: Version,
    /// What came out in it, oldest first; never empty.
    pub releases: Vec<Release>,
    /// When its maintenance ends or ended, if that is known.
    pub end_of_life: Option<Timestamp>,
}

/// The versions of one product. Empty if nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Product {
    lines: Vec<Line>,
}

/// A table of versions that contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProductError {
    /// Two lines begin with the same version, or they are not given from old to new.
    #[error("the line from {0} does not come after the one before it")]
    LineOrder(Version),
    /// A line lists no release.
    #[error("the line from {0} lists no release")]
    NoRelease(Version),
    /// Releases must rise in version and not fall in time, and belong to their line.
    #[error("release {0} does not come after the one before it, or is outside its line")]
    ReleaseOrder(Version),
}

impl Product {
    /// A product with `lines`, oldest first, each with its releases, oldest first.
    pub fn new(lines: Vec<Line>) -> Result<Self, ProductError> {
        if let Some([_, line]) = lines.array_windows().find(|[before, line]| before.from >= line.from) {
            return Err(ProductError::LineOrder(line.from));
        }
        for (at, line) in lines.iter().enumerate() {
            if line.releases.is_empty() {
                return Err(ProductError::NoRelease(line.from));
            }
            let next = lines.get(at + 1).map(|next| next.from);
            for (n, release) in line.releases.iter().enumerate() {
                let risen = n == 0 || {
                    let before = line.releases[n - 1];
                    before.version < release.version && before.released <= release.released
                };
                if !risen || release.version < line.from || next.is_some_and(|next| release.version >= next) {
                    return Err(ProductError::ReleaseOrder(release.version));
                }
            }
        }
        Ok(Self { lines })
    }

    /// Whether nothing is known about the product.
    pub fn is_unknown(&self) -> bool {
        self.lines.is_empty()
    }

    /// The newest version of all.
    pub fn latest(&self) -> Option<Version> {
        self.lines.last().and_then(|line| line.releases.last()).map(|release| release.version)
    }

    /// The newest version of the line `version` belongs to.
    pub fn latest_of_line(&self, version: Version) -> Option<Version> {
        self.line(version).and_then(|line| line.releases.last()).map(|release| release.version)
    }

    /// Since when nobody maintains `version` any more; in the future if that is announced. Older than the oldest known line: since ever.
    pub fn end_of_life(&self, version: Version) -> Option<Timestamp> {
        match self.line(version) {
            Some(line) => line.end_of_life,
            None => (!self.lines.is_empty()).then_some(Timestamp::UNIX_EPOCH),
        }
    }

    /// Since when there has been a newer version in the same line, or the line is at its end.
    ///
    /// It is the day of the *first* newer release: counting from the last one would let a person stay behind for ever where releases come faster than
    /// the days of grace.
    pub fn not_up_to_date_since(&self, version: Version) -> Option<Timestamp> {
        let newer = self.line(version).and_then(|line| first_newer(&line.releases, version));
        match (newer, self.end_of_life(version)) {
            (Some(newer), Some(end)) => Some(newer.min(end)),
            (newer, end) => newer.or(end),
        }
    }

    /// Since when there has been a newer version in any line.
    pub fn less_than_latest_since(&self, version: Version) -> Option<Timestamp> {
        self.lines.iter().filter_map(|line| first_newer(&line.releases, version)).min()
    }

    fn line(&self, version: Version) -> Option<&Line> {
        let after = self.lines.partition_point(|line| line.from <= version);
        after.checked_sub(1).and_then(|at| self.lines.get(at))
    }
}

fn first_newer(releases: &[Release], version: Version) -> Option<Timestamp> {
    releases.get(releases.partition_point(|release| release.version <= version)).map(|release| release.released)
}

/// Days in which people may bring something in order.
pub fn days(days: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn day(n: u16) -> Timestamp {
        Timestamp::UNIX_EPOCH + days(10_000 + n)
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(v("9") < v("10") && v("3.8.0") == v("3.8") && v("10.0.19045") < v("10.0.22631.1"));
        assert_eq!(v("3.8.0").to_string(), "3.8.0");
        for wrong in ["", ".", "1.", "1..2", "1.2.3.4.5", "v1", "-1", "+1", " 1", "9999999999", "1e3"] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }

    fn product() -> Product {
        let line = |from, releases: &[(&str, u16)], end: Option<u16>| Line {
            from: v(from),
            releases: releases
                .iter()
                .map(|(version, at)| Release { version: v(version), released: day(*at) })
                .collect(),
            end_of_life: end.map(day),
        };
        Product::new(vec![
            line("13", &[("13.0", 0), ("13.1", 30), ("13.2", 60)], Some(400)),
            line("14", &[("14.0", 100), ("14.1", 150)], None),
        ])
        .unwrap()
    }

    #[test]
    fn a_version_is_outdated_from_the_first_newer_release_on() {
        let product = product();
        for (version, line, any, end) in [
            ("12.9", Some(Timestamp::UNIX_EPOCH), Some(day(0)), Some(Timestamp::UNIX_EPOCH)),
            ("13.0", Some(day(30)), Some(day(30)), Some(day(400))),
            ("13.2", Some(day(400)), Some(day(100)), Some(day(400))),
            ("14.0.5", Some(day(150)), Some(day(150)), None),
            ("14.1", None, None, None),
            ("15", None, None, None),
        ] {
            assert_eq!(product.not_up_to_date_since(v(version)), line, "{version}");
            assert_eq!(product.less_than_latest_since(v(version)), any, "{version}");
            assert_eq!(product.end_of_life(v(version)), end, "{version}");
        }
        assert_eq!((product.latest(), product.latest_of_line(v("13.0"))), (Some(v("14.1")), Some(v("13.2"))));
        assert_eq!(Product::default().less_than_latest_since(v("1")), None);
        assert_eq!(Product::default().end_of_life(v("1")), None);
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused() {
        let line = |from, versions: &[&str]| Line {
            from: v(from),
            releases: versions.iter().map(|version| Release { version: v(version), released: day(0) }).collect(),
            end_of_life: None,
        };
        assert_eq!(Product::new(vec![line("2", &["2"]), line("1", &["1"])]), Err(ProductError::LineOrder(v("1"))));
        assert_eq!(Product::new(vec![line("2", &[])]), Err(ProductError::NoRelease(v("2"))));
        assert_eq!(Product::new(vec![line("2", &["2.1", "2.0"])]), Err(ProductError::ReleaseOrder(v("2.0"))));
        assert_eq!(
            Product::new(vec![line("1", &["2.1"]), line("2", &["2.2"])]),
            Err(ProductError::ReleaseOrder(v("2.1")))
        );
    }
}
