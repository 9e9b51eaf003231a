//! Where the master key is, and reading it.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

use super::value::{Raw, ValueError};

/// Where the master key comes from. It is 32 bytes, written as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterKeySource {
    /// A file that only its owner can read.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A systemd credential (`LoadCredential=`, `LoadCredentialEncrypted=`).
    Credential(String),
}

/// The 32-byte key under which all other keys are wrapped. Wiped on drop; never printed.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// The raw key, for the store's key ring.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// Why the master key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error(
        "there is no master key at {0}; `countersign bootstrap` makes one, a restored data directory needs the original"
    )]
    Missing(String),
    #[error("cannot read the master key at {place}")]
    Unreadable {
        place: String,
        #[source]
        source: std::io::Error,
    },
    #[error("others can read {} (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("the master key at {0} is not 64 hexadecimal digits")]
    Malformed(String),
    #[error("the system gave no random bytes")]
    NoRandomness,
}

impl MasterKeySource {
    pub(crate) fn parse(raw: Raw) -> Result<Self, ValueError> {
        const SHAPE: ValueError = ValueError::Expected("`file:PATH`, `env:VARIABLE` or `credential:NAME`");
        let text = raw.text()?;
        let (kind, rest) = text.split_once(':').ok_or(SHAPE)?;
        match (kind, rest) {
            (_, "") => Err(SHAPE),
            ("file", path) => Ok(Self::File(PathBuf::from(path))),
            ("env", variable) => Ok(Self::Environment(variable.to_owned())),
            ("credential", name) if !name.contains('/') => Ok(Self::Credential(name.to_owned())),
            _ => Err(SHAPE),
        }
    }

    /// Reads the key. A file that others can read is refused.
    pub fn load(&self) -> Result<MasterKey, MasterKeyError> {
        let place = self.to_string();
        let text = match self {
            Self::File(path) => read_private(path)?,
            Self::Environment(variable) => {
                Zeroizing::new(std::env::var(variable).map_err(|_| MasterKeyError::Missing(place.clone()))?)
            }
            Self::Credential(name) => {
                let directory =
                    std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| MasterKeyError::Missing(place.clone()))?;
                read(&Path::new(&directory).join(name), &place)?
            }
        };
        decode(&text).ok_or(MasterKeyError::Malformed(place))
    }

    /// Reads the key, or makes a new one when the source is a file that does not exist yet.
    pub fn load_or_create(&self) -> Result<MasterKey, MasterKeyError> {
        match (self.load(), self) {
            (Err(MasterKeyError::Missing(_)), Self::File(path)) => create(path),
            (result, _) => result,
        }
    }
}

impl fmt::Display for MasterKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Environment(variable) => write!(f, "env:{variable}"),
            Self::Credential(name) => write!(f, "credential:{name}"),
        }
    }
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, MasterKeyError> {
    let place = format!("file:{}", path.display());
    let text = read(path, &place)?;
    let metadata =
        std::fs::metadata(path).map_err(|source| MasterKeyError::Unreadable { place: place.clone(), source })?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(text) } else { Err(MasterKeyError::Exposed { path: path.to_owned(), mode }) }
}

fn read(path: &Path, place: &str) -> Result<Zeroizing<String>, MasterKeyError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(MasterKeyError::Missing(place.to_owned())),
        Err(source) => Err(MasterKeyError::Unreadable { place: place.to_owned(), source }),
    }
}

fn decode(text: &str) -> Option<MasterKey> {
    let bytes = Zeroizing::new(HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?);
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(MasterKey(key))
}

fn create(path: &Path) -> Result<MasterKey, MasterKeyError> {
    let mut key = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| MasterKeyError::NoRandomness)?;
    let text = Zeroizing::new(HEXLOWER_PERMISSIVE.encode(key.as_slice()));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        // Everything sealed under this key is lost with it, so it must be on disk before it is used.
        file.sync_all()?;
        path.parent().map_or(Ok(()), |directory| std::fs::File::open(directory)?.sync_all())
    };
    write().map_err(|source| MasterKeyError::Unreadable { place: format!("file:{}", path.display()), source })?;
    Ok(MasterKey(key))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let source = MasterKeySource::File(directory.path().join("master.key"));
        assert!(matches!(source.load(), Err(MasterKeyError::Missing(_))));
        let made = source.load_or_create().unwrap();
        assert_eq!(made.expose(), source.load_or_create().unwrap().expose());
    }

    #[test]
    fn a_key_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let source = MasterKeySource::File(path.clone());
        source.load_or_create().unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(source.load(), Err(MasterKeyError::Exposed { mode: 0o640, .. })));
    }

    #[test]
    fn a_truncated_key_is_refused_without_being_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let source = MasterKeySource::File(path.clone());
        source.load_or_create().unwrap();
        std::fs::write(&path, "abcd").unwrap();
        assert!(matches!(source.load_or_create(), Err(MasterKeyError::Malformed(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "abcd");
    }
}
