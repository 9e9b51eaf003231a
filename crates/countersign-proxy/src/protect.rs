//! `…_protected` values: sealed under a key that lies beside the configuration, or that systemd hands over.
//!
//! It keeps secrets out of copies of the configuration, tickets and version control. Whoever reads both files, or is root on this host, has them.

use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

/// The name of the key's file, and of systemd's credential (`LoadCredential=`).
pub const KEY_NAME: &str = "protect.key";
/// How sealed values begin; the number is the form's version.
const PREFIX: &str = "cs1:";
/// Binds a value to its use.
const PURPOSE: &[u8] = b"countersign-proxy configuration value, 1";

/// Why a value cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum ProtectError {
    /// There is no key.
    #[error("there is no key at {0}; `countersign-proxy protect` makes one")]
    NoKey(PathBuf),
    /// The key can be read by others.
    #[error("{0} can be read by others; run: chmod 600 {0}")]
    Open(PathBuf),
    /// The key is not 32 octets.
    #[error("{0} is no key of 32 octets")]
    NotAKey(PathBuf),
    /// The key cannot be read or written.
    #[error("{0}")]
    Io(PathBuf, #[source] io::Error),
    /// It is no sealed value.
    #[error(
        "the value does not begin with cs1:; on Linux, `countersign-proxy protect` makes such values, those of Windows cannot be read"
    )]
    NotSealed,
    /// It was altered, or sealed with another key.
    #[error("the value was sealed with another key, or is not whole")]
    WrongKey,
}

/// The key for this host's configuration.
pub struct ProtectKey(Zeroizing<[u8; 32]>);

impl ProtectKey {
    /// Where it is: with systemd's credentials if there are any, otherwise beside the configuration.
    pub fn path(folder: &Path, credentials: Option<&Path>) -> PathBuf {
        let handed = credentials.map(|directory| directory.join(KEY_NAME)).filter(|path| path.exists());
        handed.unwrap_or_else(|| folder.join(KEY_NAME))
    }

    /// Reads it.
    ///
    /// Fails if it is not there, can be read by others or is none.
    pub fn load(path: &Path) -> Result<Self, ProtectError> {
        let content = match std::fs::read(path) {
            Ok(content) => Zeroizing::new(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ProtectError::NoKey(path.to_owned())),
            Err(error) => return Err(ProtectError::Io(path.to_owned(), error)),
        };
        let mode =
            std::fs::metadata(path).map_err(|error| ProtectError::Io(path.to_owned(), error))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(ProtectError::Open(path.to_owned()));
        }
        let key: [u8; 32] = content.as_slice().try_into().map_err(|_| ProtectError::NotAKey(path.to_owned()))?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Reads it, or makes it if it is not there.
    ///
    /// Fails as [`load`](Self::load), or if it cannot be written.
    pub fn load_or_make(path: &Path) -> Result<Self, ProtectError> {
        match Self::load(path) {
            Err(ProtectError::NoKey(_)) => Self::make(path),
            other => other,
        }
    }

    fn make(path: &Path) -> Result<Self, ProtectError> {
        let failed = |error| ProtectError::Io(path.to_owned(), error);
        let mut key = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| failed(io::Error::other("there is no randomness")))?;
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(&*key).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Self(key))
    }

    /// Seals a secret.
    ///
    /// Fails without randomness.
    pub fn seal(&self, secret: &str) -> Result<String, ProtectError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &*self.0).map_err(|_| ProtectError::WrongKey)?;
        let mut sealed = secret.as_bytes().to_vec();
        let nonce =
            key.seal_in_place_append_tag(Aad::from(PURPOSE), &mut sealed).map_err(|_| ProtectError::WrongKey)?;
        let whole = [nonce.as_ref().as_slice(), &sealed].concat();
        Ok(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&whole)))
    }

    /// Opens a sealed value.
    ///
    /// Fails if it is none, was altered, or was sealed with another key.
    pub fn open(&self, value: &str) -> Result<Zeroizing<String>, ProtectError> {
        let text = value.strip_prefix(PREFIX).ok_or(ProtectError::NotSealed)?;
        let whole = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| ProtectError::WrongKey)?;
        let (nonce, sealed) = whole.split_first_chunk::<NONCE_LEN>().ok_or(ProtectError::WrongKey)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let key = RandomizedNonceKey::new(&AES_256_GCM, &*self.0).map_err(|_| ProtectError::WrongKey)?;
        let opened = key.open_in_place(Nonce::from(nonce), Aad::from(PURPOSE), &mut sealed);
        let secret =
            std::str::from_utf8(opened.map_err(|_| ProtectError::WrongKey)?).map_err(|_| ProtectError::WrongKey)?;
        Ok(Zeroizing::new(secret.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> (tempfile::TempDir, ProtectKey) {
        let folder = tempfile::tempdir().unwrap();
        let key = ProtectKey::load_or_make(&ProtectKey::path(folder.path(), None)).unwrap();
        (folder, key)
    }

    #[test]
    fn what_was_sealed_here_is_opened_here_only() {
        let (folder, sealing) = key();
        let value = sealing.seal("sesame").unwrap();
        assert!(!value.contains("sesame"));
        let again = ProtectKey::load(&folder.path().join(KEY_NAME)).unwrap();
        assert_eq!(again.open(&value).unwrap().as_str(), "sesame");
        assert!(matches!(key().1.open(&value), Err(ProtectError::WrongKey)));
        assert!(matches!(again.open("AQAAANCMnd8B"), Err(ProtectError::NotSealed)));
        for cut in 0..value.len() {
            assert!(again.open(&value[..cut]).is_err());
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let (folder, _) = key();
        let path = folder.path().join(KEY_NAME);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(ProtectKey::load(&path), Err(ProtectError::Open(_))));
    }
}
