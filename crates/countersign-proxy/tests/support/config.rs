//! Configurations of tests.

use std::path::Path;

use anyhow::anyhow;
use countersign_proxy::cfg::{self, Config};
use countersign_proxy::sources::Host;

/// What says which application a section is.
pub const KEYS: &str = "ikey=DIXXXXXXXXXXXXXXXXXX\nskey=0123456789012345678901234567890123456789\n";

/// Reads a configuration without mistakes that has nothing beside it.
pub fn read(text: &str) -> Config {
    try_read(text).unwrap()
}

/// The same where mistakes may be.
pub fn try_read(text: &str) -> anyhow::Result<Config> {
    try_read_in(Path::new("/none"), text)
}

/// Reads a configuration without mistakes that lies in a folder.
pub fn read_in(folder: &Path, text: &str) -> Config {
    try_read_in(folder, text).unwrap()
}

fn try_read_in(folder: &Path, text: &str) -> anyhow::Result<Config> {
    let (config, faults) = cfg::read(text, &Host::for_file(&folder.join("authproxy.cfg")));
    config.ok_or_else(|| anyhow!("{:?}", faults.iter().map(ToString::to_string).collect::<Vec<_>>()))
}
