//! What a configuration refers to, on this host: its folder, the environment, sealed values.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zeroize::Zeroizing;

use crate::cfg::Config;
use crate::cfg::reader::Sources;
use crate::protect::ProtectKey;

/// The authorities that the API host's certificate may come from, out of `http_ca_certs_file`; `None` for the system's.
///
/// Fails if the file cannot be read.
pub(crate) fn authorities(config: &Config) -> anyhow::Result<Option<String>> {
    let Some(path) = &config.main.http_ca_certs_file else { return Ok(None) };
    std::fs::read_to_string(path).map(Some).with_context(|| format!("cannot read {}", path.display()))
}

/// This host.
pub struct Host {
    folder: PathBuf,
    credentials: Option<PathBuf>,
}

impl Host {
    /// For a configuration at this path.
    pub fn for_file(file: &Path) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self { folder: folder.to_owned(), credentials }
    }

    /// Where the key for sealed values is.
    pub fn key_path(&self) -> PathBuf {
        ProtectKey::path(&self.folder, self.credentials.as_deref())
    }
}

impl Sources for Host {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> std::io::Result<Zeroizing<String>> {
        std::fs::read_to_string(path).map(Zeroizing::new)
    }

    fn unprotect(&self, value: &str) -> Result<Zeroizing<String>, String> {
        let opened = ProtectKey::load(&self.key_path()).and_then(|key| key.open(value));
        opened.map_err(|error| error.to_string())
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}
