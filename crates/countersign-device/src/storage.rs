//! Where keys, seeds and counters live: a directory of files, or memory.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::directory::Directory;
use crate::error::StoreError;
use crate::record::Record;

/// The accounts of one person on one machine. Clones share the same accounts.
#[derive(Debug, Clone)]
pub enum Storage {
    /// Files, one per account; safe against parallel use by several processes.
    Directory(Directory),
    /// Gone with the process; for tests and demonstrations.
    Memory(Memory),
}

/// Accounts in memory, in the form the files have.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<String, Zeroizing<Vec<u8>>>>>);

impl Storage {
    /// Accounts in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::Memory(Memory::default())
    }

    /// Accounts in `path`, which need not exist yet.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self::Directory(Directory::new(path.into()))
    }

    /// The person's own accounts: `$COUNTERSIGN_DEVICE_HOME`, or else `countersign-device` in the XDG data directory.
    ///
    /// # Errors
    /// [`StoreError::NoHome`] when the environment names neither.
    pub fn home() -> Result<Self, StoreError> {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("COUNTERSIGN_DEVICE_HOME")
            // The XDG base directory specification has relative paths ignored.
            .or_else(|| path("XDG_DATA_HOME").filter(|p| p.is_absolute()).map(|p| p.join("countersign-device")))
            .or_else(|| path("HOME").map(|p| p.join(".local/share/countersign-device")))
            .ok_or(StoreError::NoHome)?;
        Ok(Self::directory(home))
    }

    /// Shows that a record could be written now, so that a one-time code is not spent for nothing.
    ///
    /// # Errors
    /// [`StoreError`] as writing a record would give it.
    pub fn prepare(&self) -> Result<(), StoreError> {
        match self {
            Self::Directory(directory) => directory.lock()?.probe(),
            Self::Memory(_) => Ok(()),
        }
    }

    /// The device ids of all accounts, sorted.
    ///
    /// # Errors
    /// [`StoreError`] when the directory cannot be read or is open to others.
    pub fn ids(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Directory(directory) => directory.ids(),
            Self::Memory(memory) => Ok(memory.lock().keys().cloned().collect()),
        }
    }

    /// The account of device `id`.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`], or why the file cannot be used.
    pub fn load(&self, id: &str) -> Result<Record, StoreError> {
        match self {
            Self::Directory(directory) => Record::from_bytes(&directory.read(id)?, &directory.path(id)),
            Self::Memory(memory) => {
                let accounts = memory.lock();
                let bytes = accounts.get(id).ok_or(StoreError::NoAccount)?;
                Record::from_bytes(bytes, &memory.path(id))
            }
        }
    }

    /// Stores a new account, durably.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let bytes = record.to_bytes()?;
        match self {
            Self::Directory(directory) => directory.lock()?.write(&record.device_id, &bytes),
            Self::Memory(memory) => {
                memory.lock().insert(record.device_id.clone(), bytes);
                Ok(())
            }
        }
    }

    /// Changes the account of device `id` while nobody else can, and returns what `change` returns once it is durable.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or written; then nothing has changed.
    pub fn update<R>(&self, id: &str, change: impl FnOnce(&mut Record) -> R) -> Result<R, StoreError> {
        match self {
            Self::Directory(directory) => {
                let locked = directory.lock()?;
                let mut record = Record::from_bytes(&directory.read(id)?, &directory.path(id))?;
                let result = change(&mut record);
                locked.write(id, &record.to_bytes()?)?;
                Ok(result)
            }
            Self::Memory(memory) => {
                let mut accounts = memory.lock();
                let bytes = accounts.get_mut(id).ok_or(StoreError::NoAccount)?;
                let mut record = Record::from_bytes(bytes, &memory.path(id))?;
                let result = change(&mut record);
                *bytes = record.to_bytes()?;
                Ok(result)
            }
        }
    }

    /// Forgets the account of device `id`; its key is gone for good.
    ///
    /// # Errors
    /// [`StoreError`] when there is none or it cannot be removed.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        match self {
            Self::Directory(directory) => directory.lock()?.remove(id),
            Self::Memory(memory) => memory.lock().remove(id).map(drop).ok_or(StoreError::NoAccount),
        }
    }
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Zeroizing<Vec<u8>>>> {
        // A panic elsewhere cannot leave half a record: values are replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for messages.
    fn path(&self, id: &str) -> PathBuf {
        PathBuf::from(format!("memory:{id}"))
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Memory").field(&self.lock().len()).finish()
    }
}
