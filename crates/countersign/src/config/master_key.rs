//! Where the master key is.

use std::fmt;
use std::path::{Path, PathBuf};

use cs_store::vault::{MasterKey, VaultError};

use super::value::{Raw, ValueError};

/// Where the master key comes from: 32 bytes in hexadecimal or base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterKeySource {
    /// A file that only its owner can read.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A systemd credential (`LoadCredential=`, `LoadCredentialEncrypted=`).
    Credential(String),
}

/// Why the master key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error(
        "there is no master key at {0}; `countersign bootstrap` makes one, a restored data directory needs the original"
    )]
    Missing(String),
    #[error(transparent)]
    Unusable(#[from] VaultError),
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
        let missing = || MasterKeyError::Missing(self.to_string());
        match self {
            Self::File(path) if !path.exists() => Err(missing()),
            Self::File(path) => Ok(MasterKey::from_file(path)?),
            Self::Environment(variable) => {
                let text = zeroize::Zeroizing::new(std::env::var(variable).map_err(|_| missing())?);
                Ok(MasterKey::from_text(variable, &text)?)
            }
            Self::Credential(name) => {
                let directory = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(missing)?;
                Ok(MasterKey::from_file(&Path::new(&directory).join(name))?)
            }
        }
    }

    /// Reads the key, or makes a new one when the source is a file that does not exist yet: for a new data directory only.
    pub fn load_or_create(&self) -> Result<MasterKey, MasterKeyError> {
        match (self.load(), self) {
            (Err(MasterKeyError::Missing(_)), Self::File(path)) => Ok(MasterKey::create_file(path)?),
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
        // `Debug` shows an id of the key.
        assert_eq!(format!("{made:?}"), format!("{:?}", source.load_or_create().unwrap()));
    }

    #[test]
    fn an_exposed_or_truncated_key_is_refused_and_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let source = MasterKeySource::File(path.clone());
        source.load_or_create().unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(source.load(), Err(MasterKeyError::Unusable(VaultError::OpenToOthers { .. }))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "abcd").unwrap();
        assert!(matches!(source.load_or_create(), Err(MasterKeyError::Unusable(VaultError::Unreadable { .. }))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "abcd");
    }
}
