//! The master key: 32 bytes kept outside the database, which wrap all other keys.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac, rand};
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use super::{Purpose, VaultError, WrappedKey, place};

const VERSION: u8 = 1;
const ID_LEN: usize = 8;
const HEADER_LEN: usize = 1 + ID_LEN;

/// The key that wraps all others.
pub struct MasterKey {
    secret: Zeroizing<[u8; 32]>,
    /// Tells one master key from another without revealing it.
    id: [u8; ID_LEN],
    /// While keys are rewrapped: the master key before this one.
    previous: Option<Box<Self>>,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", HEXLOWER.encode(&self.id))
    }
}

impl MasterKey {
    /// A key from its 32 bytes.
    pub fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"countersign master key id 1");
        context.update(&*secret);
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&context.finish().as_ref()[..ID_LEN]);
        Self { secret, id, previous: None }
    }

    /// A new random key.
    pub fn generate() -> Result<Self, VaultError> {
        let mut secret = Zeroizing::new([0; 32]);
        rand::fill(&mut *secret).map_err(|_| VaultError::Crypto)?;
        Ok(Self::new(secret))
    }

    /// Reads a key file, also a systemd credential: 32 bytes raw, in hexadecimal or in base64.
    ///
    /// Fails with [`VaultError::OpenToOthers`] if group or others have any right to it.
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        let unreadable = |error| unreadable(path, &error);
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(VaultError::OpenToOthers { path: path.display().to_string(), mode });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(256));
        std::io::Read::read_to_end(&mut std::io::Read::take(file, 256), &mut bytes).map_err(unreadable)?;
        Self::parse(&bytes, &path.display().to_string())
    }

    /// Reads the key from the text of an environment variable (hexadecimal or base64). `name` is for the error message.
    pub fn from_text(name: &str, text: &str) -> Result<Self, VaultError> {
        Self::parse(text.as_bytes(), name)
    }

    /// Writes a new random key to `path`, which must not exist, with mode 0600.
    pub fn create_file(path: &Path) -> Result<Self, VaultError> {
        let key = Self::generate()?;
        key.write_file(path)?;
        Ok(key)
    }

    /// Writes the key to `path`, which must not exist, with mode 0600, and waits until it is on disk.
    pub(crate) fn write_file(&self, path: &Path) -> Result<(), VaultError> {
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            let mut text = Zeroizing::new(String::with_capacity(2 * 65));
            for key in std::iter::once(self).chain(self.previous.as_deref()) {
                text.push_str(&Zeroizing::new(HEXLOWER.encode(&*key.secret)));
                text.push('\n');
            }
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| unreadable(path, &error))?;
        sync_parent(path)
    }

    /// Replaces the key file as a whole.
    fn replace_file(&self, path: &Path) -> Result<(), VaultError> {
        let temporary = beside(path, "new");
        if temporary.exists() {
            std::fs::remove_file(&temporary).map_err(|error| unreadable(&temporary, &error))?;
        }
        self.write_file(&temporary)?;
        std::fs::rename(&temporary, path).map_err(|error| unreadable(path, &error))?;
        sync_parent(path)
    }

    /// A new master key beside this one, in the key file as well. An interrupted rotation is taken up again.
    pub(crate) fn begin_rotation(self, path: &Path) -> Result<Self, VaultError> {
        if self.previous.is_some() {
            return Ok(self);
        }
        let old = beside(path, "old");
        if old.exists() {
            // Of an earlier rotation: kept under the name of its key.
            let id = HEXLOWER.encode(&Self::from_file(&old)?.id);
            std::fs::rename(&old, beside(path, &id)).map_err(|error| unreadable(&old, &error))?;
        }
        self.write_file(&old)?;
        let new = Self { previous: Some(Box::new(self)), ..Self::generate()? };
        new.replace_file(path)?;
        Ok(new)
    }

    /// All keys are under the new master key: the key file needs no other.
    pub(crate) fn finish_rotation(&self, path: &Path) -> Result<(), VaultError> {
        Self::new(self.secret.clone()).replace_file(path)
    }

    /// One key, or two of which the first is the newer.
    fn parse(bytes: &[u8], place: &str) -> Result<Self, VaultError> {
        if let Ok(secret) = <[u8; 32]>::try_from(bytes) {
            return Ok(Self::new(Zeroizing::new(secret)));
        }
        let wrong = || VaultError::Unreadable {
            place: place.to_owned(),
            reason: "a master key is 32 bytes: raw, 64 hexadecimal digits or 44 characters of base64".to_owned(),
        };
        let mut keys = bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(|text| {
            let decoded = HEXLOWER_PERMISSIVE.decode(text).or_else(|_| BASE64.decode(text)).map_err(|_| wrong())?;
            let decoded = Zeroizing::new(decoded);
            let secret = <[u8; 32]>::try_from(decoded.as_slice()).map_err(|_| wrong())?;
            Ok(Self::new(Zeroizing::new(secret)))
        });
        let mut key = keys.next().ok_or_else(wrong)??;
        key.previous = keys.next().transpose()?.map(Box::new);
        if keys.next().is_some() { Err(wrong()) } else { Ok(key) }
    }

    /// `version ‖ master key id ‖ nonce ‖ ciphertext ‖ tag`.
    pub(super) fn wrap(
        &self,
        account: &str,
        purpose: Purpose,
        key_id: u32,
        secret: &[u8; 32],
    ) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| VaultError::Crypto)?;
        let mut body = secret.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place(&[account, purpose.as_str(), &key_id.to_string()])),
                &mut body,
            )
            .map_err(|_| VaultError::Crypto)?;
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&nonce);
        out.append(&mut body);
        Ok(out)
    }

    pub(super) fn unwrap(&self, key: &WrappedKey) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let rest = key.wrapped.strip_prefix(&[VERSION]).ok_or(VaultError::NotAuthentic)?;
        let (id, rest) = rest.split_first_chunk::<ID_LEN>().ok_or(VaultError::NotAuthentic)?;
        if *id != self.id {
            return self.previous.as_ref().ok_or(VaultError::WrongMasterKey)?.unwrap(key);
        }
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::NotAuthentic)?;
        let mut body = Zeroizing::new(body.to_vec());
        let plain = self
            .cipher()?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(place(&[&key.account, key.purpose.as_str(), &key.key_id.to_string()])),
                &mut body,
            )
            .map_err(|_| VaultError::NotAuthentic)?;
        let mut secret = Zeroizing::new([0; 32]);
        if plain.len() != secret.len() {
            return Err(VaultError::NotAuthentic);
        }
        secret.copy_from_slice(plain);
        Ok(secret)
    }

    /// The key that authenticates backups, derived from this one.
    pub(crate) fn backup_key(&self) -> hmac::Key {
        let derive = hmac::Key::new(hmac::HMAC_SHA256, &*self.secret);
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&derive, b"countersign backup key 1").as_ref())
    }

    /// Whether `wrapped` lies under this key.
    pub(crate) fn wraps(&self, wrapped: &[u8]) -> bool {
        wrapped.get(1..HEADER_LEN) == Some(&self.id[..])
    }

    /// `key` under this master key instead of the one before.
    pub(crate) fn rewrap(&self, key: &WrappedKey) -> Result<WrappedKey, VaultError> {
        let secret = self.unwrap(key)?;
        let wrapped = self.wrap(&key.account, key.purpose, key.key_id, &secret)?;
        Ok(WrappedKey { wrapped, ..key.clone() })
    }

    fn cipher(&self) -> Result<LessSafeKey, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM, &*self.secret).map_err(|_| VaultError::Crypto)?;
        Ok(LessSafeKey::new(key))
    }
}

/// Waits until the directory of `path` is on disk: without that a synced file may have no name after a power cut.
fn sync_parent(path: &Path) -> Result<(), VaultError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(|error| unreadable(parent, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> VaultError {
    VaultError::Unreadable { place: path.display().to_string(), reason: error.to_string() }
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    PathBuf::from(format!("{}.{extension}", path.display()))
}
