//! A directory of key files that only its owner can read, changed by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::StoreError;

/// A key file is about two kilobytes; one with a bundle of authorities somewhat more.
const MAX_FILE_BYTES: u64 = 512 * 1024;

/// The directory; see [`crate::Storage::directory`].
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

/// The directory while no other process may change it.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    directory: &'a Directory,
    /// Held, not read: closing it releases the lock, also when the process is killed.
    _lock: File,
}

impl Directory {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file of device `id`.
    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.path.join(format!("{id}.json"))
    }

    /// Device ids, from the files' names, sorted. A directory that does not exist yet has none.
    pub(crate) fn ids(&self) -> Result<Vec<String>, StoreError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed("read", &self.path, source)),
        };
        self.check_own()?;
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(|source| failed("read", &self.path, source))?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
            ids.extend(id.filter(|id| is_file_safe(id)).map(str::to_owned));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// The bytes of device `id`'s file, if nobody else can have read or written them.
    pub(crate) fn read(&self, id: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        if !is_file_safe(id) {
            return Err(StoreError::NoAccount);
        }
        let path = self.path(id);
        // A symbolic link could lead to a file whose mode means something else.
        let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::NoAccount),
            Err(source) => return Err(failed("open", &path, source)),
        };
        self.check_own()?;
        let facts = file.metadata().map_err(|source| failed("inspect", &path, source))?;
        if !facts.is_file() || facts.len() > MAX_FILE_BYTES {
            return Err(StoreError::Corrupt { path });
        }
        refuse_mode(&path, facts.mode(), 0o077, 0o600)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(facts.len()).unwrap_or(0) + 1));
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|source| failed("read", &path, source))?;
        Ok(bytes)
    }

    /// Creates the directory where needed and waits until no other process changes it.
    pub(crate) fn lock(&self) -> Result<Locked<'_>, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(|source| failed("create", &self.path, source))?;
        self.check_own()?;
        let path = self.path.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .map_err(|source| failed("open", &path, source))?;
        lock.lock().map_err(|source| failed("lock", &path, source))?;
        Ok(Locked { directory: self, _lock: lock })
    }

    /// Refuses a directory in which others may replace files.
    fn check_own(&self) -> Result<(), StoreError> {
        let facts = fs::metadata(&self.path).map_err(|source| failed("inspect", &self.path, source))?;
        refuse_mode(&self.path, facts.mode(), 0o022, 0o700)
    }
}

impl Locked<'_> {
    /// Replaces device `id`'s file whole. When this returns, the bytes survive a power cut; when it fails, or the
    /// machine stops meanwhile, the old file is still there.
    pub(crate) fn write(&self, id: &str, bytes: &[u8]) -> Result<(), StoreError> {
        if !is_file_safe(id) {
            return Err(StoreError::NoAccount);
        }
        let target = self.directory.path(id);
        // One name suffices under the lock. What a killed process left behind is removed, never opened: its mode
        // and owner are unknown.
        let fresh = self.directory.path.join(format!("{id}.new"));
        match fs::remove_file(&fresh) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(failed("remove", &fresh, source)),
        }
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&fresh, &target)
        })();
        if let Err(source) = written {
            // Best effort: a leftover is removed by the next write as well.
            let _ = fs::remove_file(&fresh);
            return Err(failed("write", &target, source));
        }
        self.sync()
    }

    /// Shows that a file can be written now: the disk may be full, or mounted for reading only.
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        // Not the name of an account's file, so that nothing mistakes what a killed process leaves for one.
        let path = self.directory.path.join("probe.new");
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(&[0; 8192])?;
            file.sync_all()
        })();
        let removed = fs::remove_file(&path);
        written.and(removed).map_err(|source| failed("write", &path, source))
    }

    /// Removes device `id`'s file.
    pub(crate) fn remove(&self, id: &str) -> Result<(), StoreError> {
        if !is_file_safe(id) {
            return Err(StoreError::NoAccount);
        }
        let path = self.directory.path(id);
        match fs::remove_file(&path) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::NoAccount),
            Err(source) => Err(failed("remove", &path, source)),
        }
    }

    /// Makes the directory's entries durable.
    fn sync(&self) -> Result<(), StoreError> {
        let path = &self.directory.path;
        File::open(path).and_then(|dir| dir.sync_all()).map_err(|source| failed("sync", path, source))
    }
}

/// Whether a device id from the network or the command line may become a file's name.
pub(crate) fn is_file_safe(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn refuse_mode(path: &Path, mode: u32, forbidden: u32, wanted: u32) -> Result<(), StoreError> {
    if mode & forbidden == 0 {
        return Ok(());
    }
    Err(StoreError::Exposed { path: path.to_owned(), mode: mode & 0o7777, wanted })
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn home() -> (tempfile::TempDir, Directory) {
        let temp = tempfile::tempdir().unwrap();
        let directory = Directory::new(temp.path().join("deep/home"));
        (temp, directory)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn files_are_private_and_replaced_whole() {
        let (_temp, dir) = home();
        assert_eq!(dir.ids().unwrap(), Vec::<String>::new());
        dir.lock().unwrap().write("DP1", b"one").unwrap();
        fs::write(dir.path.join("DP1.new"), b"left by a killed process").unwrap();
        dir.lock().unwrap().write("DP1", b"two").unwrap();
        assert_eq!(**dir.read("DP1").unwrap(), *b"two");
        assert_eq!(dir.ids().unwrap(), ["DP1"]);
        assert_eq!((mode(&dir.path), mode(&dir.path("DP1")), mode(&dir.path.join("lock"))), (0o700, 0o600, 0o600));
        dir.lock().unwrap().remove("DP1").unwrap();
        assert!(matches!(dir.read("DP1"), Err(StoreError::NoAccount)));
        assert!(matches!(dir.lock().unwrap().remove("DP1"), Err(StoreError::NoAccount)));
    }

    #[test]
    fn what_others_could_read_or_replace_is_refused() {
        let (_temp, dir) = home();
        dir.lock().unwrap().write("DP1", b"one").unwrap();
        for open in [0o640, 0o604, 0o660, 0o601] {
            fs::set_permissions(dir.path("DP1"), fs::Permissions::from_mode(open)).unwrap();
            let error = dir.read("DP1").unwrap_err();
            assert!(matches!(error, StoreError::Exposed { mode, wanted: 0o600, .. } if mode == open), "{error}");
        }
        fs::set_permissions(dir.path("DP1"), fs::Permissions::from_mode(0o600)).unwrap();
        dir.read("DP1").unwrap();
        fs::set_permissions(&dir.path, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(matches!(dir.read("DP1"), Err(StoreError::Exposed { wanted: 0o700, .. })));
        assert!(matches!(dir.lock(), Err(StoreError::Exposed { .. })));
        assert!(matches!(dir.ids(), Err(StoreError::Exposed { .. })));
    }

    #[test]
    fn links_and_paths_lead_nowhere() {
        let (temp, dir) = home();
        dir.lock().unwrap().write("DP1", b"one").unwrap();
        let elsewhere = temp.path().join("elsewhere");
        fs::write(&elsewhere, b"x").unwrap();
        std::os::unix::fs::symlink(&elsewhere, dir.path("DP2")).unwrap();
        assert!(matches!(dir.read("DP2"), Err(StoreError::Io { action: "open", .. })));
        for id in ["../elsewhere", "", "a/b", "."] {
            assert!(matches!(dir.read(id), Err(StoreError::NoAccount)), "{id}");
            assert!(matches!(dir.lock().unwrap().write(id, b""), Err(StoreError::NoAccount)), "{id}");
        }
    }
}
