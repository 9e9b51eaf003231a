//! One account as it is kept: the private key, the passcode seed, and what the key was activated for.

use std::path::Path;

use cs_wire::device::{Account, DeviceClass, DeviceKey, OtpParameters};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::StoreError;

/// The file format written; a file with a higher number is not touched.
const FORMAT: u64 = 1;

/// Everything an authenticator knows about one account.
#[derive(Debug)]
pub struct Record {
    /// `DP…`; also the file's name.
    pub device_id: String,
    /// The person's name for the device.
    pub name: String,
    /// What the device said it is.
    pub class: DeviceClass,
    /// The account it is bound to.
    pub account: Account,
    /// The user it is bound to.
    pub user: String,
    /// The only origin this key signs for.
    pub origin: String,
    /// The private key.
    pub key: DeviceKey,
    /// The passcode generator with its moving factor.
    pub otp: OtpParameters,
    /// The only certificate authorities this account trusts, in PEM; the system's where absent.
    pub ca_pem: Option<String>,
    /// What to add to this machine's clock to get the server's, in seconds.
    pub clock_offset_s: i64,
    /// When the device was activated, unix seconds.
    pub activated_at: i64,
    pkcs8: Zeroizing<Vec<u8>>,
}

/// The parts of a [`Record`] that come from an activation.
pub(crate) struct NewRecord {
    pub(crate) device_id: String,
    pub(crate) name: String,
    pub(crate) class: DeviceClass,
    pub(crate) account: Account,
    pub(crate) user: String,
    pub(crate) origin: String,
    pub(crate) key: DeviceKey,
    pub(crate) pkcs8: Zeroizing<Vec<u8>>,
    pub(crate) otp: OtpParameters,
    pub(crate) ca_pem: Option<String>,
    pub(crate) clock_offset_s: i64,
    pub(crate) activated_at: i64,
}

impl From<NewRecord> for Record {
    fn from(new: NewRecord) -> Self {
        Self {
            device_id: new.device_id,
            name: new.name,
            class: new.class,
            account: new.account,
            user: new.user,
            origin: new.origin,
            key: new.key,
            otp: new.otp,
            ca_pem: new.ca_pem,
            clock_offset_s: new.clock_offset_s,
            activated_at: new.activated_at,
            pkcs8: new.pkcs8,
        }
    }
}

#[derive(Serialize)]
struct Written<'a> {
    format: u64,
    device_id: &'a str,
    name: &'a str,
    class: DeviceClass,
    account: &'a Account,
    user: &'a str,
    origin: &'a str,
    key: &'a str,
    otp: &'a OtpParameters,
    ca_pem: Option<&'a str>,
    clock_offset_s: i64,
    activated_at: i64,
}

#[derive(Deserialize)]
struct Read<'a> {
    device_id: String,
    name: String,
    class: DeviceClass,
    account: Account,
    user: String,
    origin: String,
    /// Borrowed from the file's bytes, which are wiped.
    key: &'a str,
    otp: OtpParameters,
    ca_pem: Option<String>,
    clock_offset_s: i64,
    activated_at: i64,
}

#[derive(Deserialize)]
struct Format {
    format: u64,
}

impl Record {
    /// The file's bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`], which plain data gives no cause for.
    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let key = Zeroizing::new(BASE64URL_NOPAD.encode(&self.pkcs8));
        let written = Written {
            format: FORMAT,
            device_id: &self.device_id,
            name: &self.name,
            class: self.class,
            account: &self.account,
            user: &self.user,
            origin: &self.origin,
            key: &key,
            otp: &self.otp,
            ca_pem: self.ca_pem.as_deref(),
            clock_offset_s: self.clock_offset_s,
            activated_at: self.activated_at,
        };
        // Large enough not to grow: what a growing buffer leaves behind is not wiped.
        let room = 4096 + 2 * self.ca_pem.as_ref().map_or(0, String::len);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer_pretty(&mut *bytes, &written).map_err(|error| StoreError::Io {
            action: "encode",
            path: self.device_id.clone().into(),
            source: error.into(),
        })?;
        Ok(bytes)
    }

    /// Reads a file's bytes; `path` is for the message only.
    pub(crate) fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt { path: path.to_owned() };
        let format: Format = serde_json::from_slice(bytes).map_err(|_| corrupt())?;
        if format.format > FORMAT {
            return Err(StoreError::Newer { path: path.to_owned(), version: format.format });
        }
        let read: Read<'_> = serde_json::from_slice(bytes).map_err(|_| corrupt())?;
        let pkcs8 = BASE64URL_NOPAD.decode(read.key.as_bytes()).map(Zeroizing::new).map_err(|_| corrupt())?;
        let key = DeviceKey::from_pkcs8(&pkcs8).map_err(|_| corrupt())?;
        Ok(Self {
            device_id: read.device_id,
            name: read.name,
            class: read.class,
            account: read.account,
            user: read.user,
            origin: read.origin,
            key,
            otp: read.otp,
            ca_pem: read.ca_pem,
            clock_offset_s: read.clock_offset_s,
            activated_at: read.activated_at,
            pkcs8,
        })
    }
}
