//! The high-water mark: a small file outside the database that remembers how far the database had come.
//!
//! An older database in its place (a copy put back by hand, a virtual machine rolled back) would make used codes valid again, so opening it is refused.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::db::StoreError;

/// How far a database had come when a node last wrote a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HighWater {
    /// The database's id.
    pub database: String,
    /// How often it was restored, plus one.
    pub generation: i64,
    /// The node.
    pub node: String,
    /// The node's last checkpoint, 0 before the first.
    pub number: i64,
    /// That checkpoint's hash, in hexadecimal.
    pub hash: String,
}

/// Why a database does not fit its high-water mark. All are refused; `countersign restore` is the way to mean it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HighWaterError {
    /// It is another database.
    #[error(
        "this is not the database that was here before ({expected} became {found}): \
         if it was restored on purpose, run `countersign restore`"
    )]
    OtherDatabase {
        /// The id in the mark.
        expected: String,
        /// The database's id.
        found: String,
    },
    /// It is older than the mark.
    #[error(
        "the database is older than it was: checkpoint {expected} of node {node} is not in it. Codes that were used would work again. \
         To go back to an older state on purpose, run `countersign restore`"
    )]
    Older {
        /// The node.
        node: String,
        /// The checkpoint of the mark.
        expected: i64,
    },
    /// The mark is of an earlier generation, or the database is.
    #[error(
        "the database has generation {found}, this node last saw generation {expected}: \
         it was put back to a state before a restore; run `countersign restore`"
    )]
    Generation {
        /// The generation of the mark.
        expected: i64,
        /// The database's generation.
        found: i64,
    },
}

impl HighWater {
    pub(crate) fn new(database: &str, generation: i64, node: &str, number: i64, hash: &[u8]) -> Self {
        Self { database: database.to_owned(), generation, node: node.to_owned(), number, hash: HEXLOWER.encode(hash) }
    }

    /// Reads the mark; `None` if there is none yet.
    pub fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| file(path, Arc::new(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file(path, Arc::new(error))),
        }
    }

    /// Replaces the mark as a whole and waits until it is on disk.
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        let write = || -> io::Result<()> {
            let temporary = PathBuf::from(format!("{}.new", path.display()));
            let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            out.write_all(&serde_json::to_vec(self)?)?;
            out.sync_all()?;
            std::fs::rename(&temporary, path)?;
            match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                Some(parent) => File::open(parent)?.sync_all(),
                None => File::open(".")?.sync_all(),
            }
        };
        write().map_err(|error| file(path, Arc::new(error)))
    }

    /// Whether a database with these facts has come at least this far. `hash` is that of its checkpoint with the mark's node and number.
    pub(crate) fn check(&self, database: &str, generation: i64, hash: Option<&[u8]>) -> Result<(), HighWaterError> {
        if self.database != database {
            return Err(HighWaterError::OtherDatabase { expected: self.database.clone(), found: database.to_owned() });
        }
        if generation < self.generation {
            return Err(HighWaterError::Generation { expected: self.generation, found: generation });
        }
        // A restore leads to a new generation and is its own permission to lack what came after the backup.
        let known = self.number == 0 || hash.is_some_and(|hash| HEXLOWER.encode(hash) == self.hash);
        if generation == self.generation && !known {
            return Err(HighWaterError::Older { node: self.node.clone(), expected: self.number });
        }
        Ok(())
    }
}

fn file(path: &Path, cause: crate::db::Cause) -> StoreError {
    StoreError::File { path: path.display().to_string(), cause }
}
