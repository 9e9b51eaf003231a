//! Secrets at rest: what we must read back is sealed, what we only verify is kept as a keyed digest.
//!
//! A master key, kept outside the database, wraps versioned data keys and peppers per account (table `data_key`).
//! A sealed value is `version ‖ key id ‖ nonce ‖ ciphertext ‖ tag` (AES-256-GCM) and bound to account, table, column and row.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::signature::Ed25519KeyPair;
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use crate::audit::LogKey;

mod keys;
mod master;

pub(crate) use keys::{INSERT_KEY, SELECT_KEYS, UPDATE_KEY, WrappedKey};
pub use master::MasterKey;

/// The account name under which the installation's own keys are kept.
pub(crate) const INSTALLATION: &str = "";

const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 4;
const HEADER_LEN: usize = 1 + KEY_ID_LEN;

/// What a stored key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Sealing values of an account.
    Data,
    /// Keyed digests of an account.
    Pepper,
    /// Chaining the audit log.
    Log,
    /// Signing checkpoints (an Ed25519 seed).
    Checkpoint,
}

impl Purpose {
    pub(crate) const ACCOUNT: [Self; 2] = [Self::Data, Self::Pepper];
    pub(crate) const INSTALLATION: [Self; 2] = [Self::Log, Self::Checkpoint];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Pepper => "pepper",
            Self::Log => "log",
            Self::Checkpoint => "checkpoint",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Data, Self::Pepper, Self::Log, Self::Checkpoint].into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Why a secret could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The account has no keys here: create them with `Store::ensure_keys`.
    #[error("there is no key for account {account:?}")]
    NoKey {
        /// The account.
        account: String,
    },
    /// The value was sealed with a key this installation does not have.
    #[error("the value was sealed with key {key_id} of account {account:?}, which is not here")]
    UnknownKey {
        /// The account.
        account: String,
        /// The key's number.
        key_id: u32,
    },
    /// The value was changed, or belongs to another account, table, column or row.
    #[error("a sealed value does not open: it was changed or belongs elsewhere")]
    NotAuthentic,
    /// The database's keys were wrapped under another master key.
    #[error("this master key is not the one the database's keys were wrapped with")]
    WrongMasterKey,
    /// The master key's file can be read by others.
    #[error("the master key file {path} has mode {mode:04o}; it must be readable by its owner only (chmod 600)")]
    OpenToOthers {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The master key cannot be read.
    #[error("cannot read the master key from {place}: {reason}")]
    Unreadable {
        /// File or variable.
        place: String,
        /// Why.
        reason: String,
    },
    /// The operating system gave no randomness or the library refused a key.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// The unwrapped keys of the installation, in memory. Cheap to clone; clones share the keys.
#[derive(Clone, Default)]
pub struct Vault {
    keys: Arc<RwLock<Keys>>,
}

#[derive(Default)]
struct Keys {
    accounts: HashMap<String, Arc<AccountKeys>>,
    log: Option<LogKey>,
    signer: Option<Arc<Ed25519KeyPair>>,
}

#[derive(Default, Clone)]
struct AccountKeys {
    /// By number; the highest seals.
    data: Vec<(u32, Arc<LessSafeKey>)>,
    pepper: Option<hmac::Key>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// Seals `plain` for one column of one row.
    pub fn seal(
        &self,
        account: &str,
        table: &str,
        column: &str,
        row: &str,
        plain: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let keys = self.account(account)?;
        let (key_id, key) = keys.data.last().ok_or_else(|| no_key(account))?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| VaultError::Crypto)?;
        let mut body = plain.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place(&[account, table, column, row])),
            &mut body,
        )
        .map_err(|_| VaultError::Crypto)?;
        let mut out = Vec::with_capacity(HEADER_LEN + NONCE_LEN + body.len());
        out.push(VERSION);
        out.extend_from_slice(&key_id.to_be_bytes());
        out.extend_from_slice(&nonce);
        out.append(&mut body);
        Ok(out)
    }

    /// Opens what [`Vault::seal`] made for the same column and row.
    pub fn open(
        &self,
        account: &str,
        table: &str,
        column: &str,
        row: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (key_id, nonce, body) = split(sealed).ok_or(VaultError::NotAuthentic)?;
        let keys = self.account(account)?;
        let (_, key) = keys
            .data
            .iter()
            .find(|(id, _)| *id == key_id)
            .ok_or_else(|| VaultError::UnknownKey { account: account.to_owned(), key_id })?;
        let mut plain = Zeroizing::new(body.to_vec());
        let len = key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place(&[account, table, column, row])),
                &mut plain,
            )
            .map_err(|_| VaultError::NotAuthentic)?
            .len();
        plain.truncate(len);
        Ok(plain)
    }

    /// Whether `sealed` was sealed with an older data key than the account's newest.
    pub fn is_outdated(&self, account: &str, sealed: &[u8]) -> Result<bool, VaultError> {
        let (key_id, ..) = split(sealed).ok_or(VaultError::NotAuthentic)?;
        Ok(self.account(account)?.data.last().is_some_and(|(newest, _)| *newest != key_id))
    }

    /// The digest under which a value that is only ever verified is stored: HMAC-SHA256 with the account's pepper over `purpose` and `value`.
    pub fn digest(&self, account: &str, purpose: &str, value: &[u8]) -> Result<[u8; 32], VaultError> {
        let keys = self.account(account)?;
        let pepper = keys.pepper.as_ref().ok_or_else(|| no_key(account))?;
        let mut input = place(&[account, purpose]);
        input.extend_from_slice(value);
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(pepper, &input).as_ref());
        Ok(out)
    }

    /// Whether the account's keys are in memory.
    pub fn has_keys(&self, account: &str) -> bool {
        self.account(account).is_ok_and(|keys| !keys.data.is_empty() && keys.pepper.is_some())
    }

    pub(crate) fn log_key(&self) -> Result<LogKey, VaultError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.log.clone().ok_or_else(|| no_key(INSTALLATION))
    }

    pub(crate) fn signer(&self) -> Result<Arc<Ed25519KeyPair>, VaultError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.signer.clone().ok_or_else(|| no_key(INSTALLATION))
    }

    fn account(&self, account: &str) -> Result<Arc<AccountKeys>, VaultError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.accounts.get(account).cloned().ok_or_else(|| no_key(account))
    }

    /// Unwraps `wrapped` and takes the key in. Taking in a key again changes nothing.
    pub(crate) fn admit(&self, master: &MasterKey, wrapped: &WrappedKey) -> Result<(), VaultError> {
        let secret = master.unwrap(wrapped)?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        match wrapped.purpose {
            Purpose::Data => {
                let key = UnboundKey::new(&AES_256_GCM, &*secret).map_err(|_| VaultError::Crypto)?;
                let account = Arc::make_mut(keys.accounts.entry(wrapped.account.clone()).or_default());
                account.data.retain(|(id, _)| *id != wrapped.key_id);
                account.data.push((wrapped.key_id, Arc::new(LessSafeKey::new(key))));
                account.data.sort_by_key(|(id, _)| *id);
            }
            Purpose::Pepper => {
                let account = Arc::make_mut(keys.accounts.entry(wrapped.account.clone()).or_default());
                account.pepper = Some(hmac::Key::new(hmac::HMAC_SHA256, &*secret));
            }
            Purpose::Log => keys.log = Some(LogKey::new(&secret)),
            Purpose::Checkpoint => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&*secret).map_err(|_| VaultError::Crypto)?;
                keys.signer = Some(Arc::new(pair));
            }
        }
        Ok(())
    }
}

fn no_key(account: &str) -> VaultError {
    VaultError::NoKey { account: account.to_owned() }
}

fn split(sealed: &[u8]) -> Option<(u32, [u8; NONCE_LEN], &[u8])> {
    let (version, rest) = sealed.split_first()?;
    let (key_id, rest) = rest.split_first_chunk::<KEY_ID_LEN>()?;
    let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
    (*version == VERSION).then_some((u32::from_be_bytes(*key_id), *nonce, body))
}

/// The parts of a place, each with its length before it, so that no two places read alike.
fn place(parts: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests;
