//! What the demo remembers of itself, so that it can be taken up again and be used from a second terminal.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::samples::WebSample;

const FILE: &str = "demo.json";

/// Everything somebody needs who uses the demo. It holds secrets, so its file has mode 0600.
#[derive(Serialize, Deserialize)]
pub struct DemoRecord {
    /// `localhost:PORT`.
    pub api_host: String,
    /// The certificate authority to trust, PEM.
    pub ca_cert: PathBuf,
    /// The person's username.
    pub user: String,
    /// Another name of the person: that of whoever made the demo, because `pam_duo` wants local users.
    pub alias: Option<String>,
    /// Where the person's authenticator keeps its key.
    pub device_home: PathBuf,
    /// Configuration of `login_duo` and `pam_duo`.
    pub duo_unix_conf: PathBuf,
    /// Sample web applications, each an application of type `websdk`.
    #[serde(default)]
    pub web: Vec<WebSample>,
    /// Application of type `authapi`.
    pub auth_api: Keys,
    /// Application of type `unix`.
    pub unix: Keys,
    /// Application of type `adminapi`.
    pub admin_api: Keys,
}

/// The credentials of an application.
#[derive(Serialize, Deserialize)]
pub struct Keys {
    /// The public half.
    pub ikey: String,
    /// The secret half.
    #[serde(with = "secret")]
    pub skey: Zeroizing<String>,
}

/// A secret as plain text in the file.
mod secret {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(secret: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(deserializer).map(Zeroizing::new)
    }
}

impl DemoRecord {
    /// The record in `data`, if there is a demo.
    pub fn read(data: &Path) -> anyhow::Result<Option<Self>> {
        let path = data.join(FILE);
        let text = match std::fs::read(&path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let record = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not what a demo writes; remove the directory", path.display()))?;
        Ok(Some(record))
    }

    pub(super) fn write(&self, data: &Path) -> anyhow::Result<()> {
        write_secret(&data.join(FILE), &Zeroizing::new(serde_json::to_vec_pretty(self)?))
    }
}

/// Writes a file that only its owner can read.
pub(super) fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
