//! The files that knowledge about addresses comes from.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

/// Which files to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GeoFiles {
    /// An MMDB file that maps addresses to countries or cities.
    pub places: Option<PathBuf>,
    /// Lists of anonymous networks: Tor exits, open proxies, anonymous VPNs.
    pub anonymous: Vec<PathBuf>,
}

/// A file in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeoSource {
    /// Which.
    pub path: PathBuf,
    /// How many networks a list has; `None` for a database of places.
    pub networks: Option<usize>,
    /// When it was last written, if the file system tells.
    pub modified: Option<Timestamp>,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The database of places.
    #[error("{}: no database of places", .path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: maxminddb::MaxMindDbError,
    },
    /// A list that cannot be read.
    #[error("{}: cannot be read", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A list longer than any honest one.
    #[error("{}: longer than {} MB", .path.display(), Self::MOST_BYTES >> 20)]
    TooLong {
        /// Which.
        path: PathBuf,
    },
    /// A line of a list that is no network.
    #[error("{}, line {line}: no address, range or CIDR block", .path.display())]
    NotANetwork {
        /// Which.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl GeoError {
    /// The longest list.
    pub const MOST_BYTES: u64 = 64 << 20;
}

/// What a file was like: if it is still so, it has not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: SystemTime,
    bytes: u64,
}

impl Stamp {
    pub(super) fn modified(self) -> Option<Timestamp> {
        Timestamp::try_from(self.modified).ok()
    }
}

pub(super) fn stamp(path: impl AsRef<Path>) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp { modified: metadata.modified().ok()?, bytes: metadata.len() })
}
