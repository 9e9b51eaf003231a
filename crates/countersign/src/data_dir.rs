//! A new data directory: its mode, its configuration file, its keys and its certificate.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::config::{Config, DatabaseUrl, MasterKeyError};
use crate::tls::{Certificates, TlsError};

/// Where an installation listens unless told otherwise.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
/// The authenticator's port lies this far above the API's, the operations listener's this far.
const AUTHENTICATOR_OFFSET: u16 = 1;
const OPERATIONS_OFFSET: u16 = 6;

/// What the operator chose for a new installation.
#[derive(Debug, Clone, Default)]
pub struct NewDataDir {
    /// The DNS name clients use.
    pub hostname: Option<String>,
    /// Where the API listens; port 0 takes one that is free now and writes it down.
    pub listen: Option<SocketAddr>,
    /// `postgres://…` or `sqlite:FILE`.
    pub database: Option<String>,
}

/// Why a data directory cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("cannot create {}", path.display())]
    Create {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("port {0} leaves no room above it for the authenticator's and the operations port; take one below 65530")]
    PortTooHigh(u16),
    #[error("no free port on {address}")]
    NoPort {
        address: IpAddr,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "there is a database at {0} but no master key for it; put the original key in place, a new one cannot read it"
    )]
    KeyLost(String),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Creates the directory (mode 0700) and its configuration file (mode 0600), unless that exists. Says whether it wrote one.
pub fn create(dir: &Path, new: &NewDataDir) -> Result<bool, DataDirError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DataDirError::Create { path, source }
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed(dir))?;
    let path = dir.join("countersign.toml");
    if path.exists() {
        return Ok(false);
    }
    let text = configuration(new)?;
    // Through a temporary file: a crash must not leave half a configuration.
    let temporary = dir.join("countersign.toml.new");
    let write = || -> std::io::Result<()> {
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        std::fs::File::open(dir)?.sync_all()
    };
    write().map_err(failed(&path))?;
    Ok(true)
}

/// Makes what `config` needs and is not there yet: master key, certificate authority, certificate.
pub fn prepare(config: &Config, now: Timestamp) -> Result<(), DataDirError> {
    let database_exists = match &config.database {
        DatabaseUrl::Sqlite(path) => path.exists(),
        // Nobody knows before connecting; a wrong key is found when the store opens.
        DatabaseUrl::Postgres(_) => false,
    };
    if database_exists {
        match config.master_key.load() {
            Err(MasterKeyError::Missing(_)) => return Err(DataDirError::KeyLost(config.database.to_string())),
            loaded => loaded?,
        };
    } else {
        config.master_key.load_or_create()?;
    }
    Certificates::open(config, now)?;
    Ok(())
}

fn configuration(new: &NewDataDir) -> Result<String, DataDirError> {
    let api = new.listen.unwrap_or(DEFAULT_LISTEN);
    let (api, authenticator, operations) = if api.port() == 0 {
        let [api_port, authenticator, operations] = free_ports(api.ip())?;
        (SocketAddr::new(api.ip(), api_port), authenticator, operations)
    } else {
        let above = |offset| api.port().checked_add(offset).ok_or(DataDirError::PortTooHigh(api.port()));
        (api, above(AUTHENTICATOR_OFFSET)?, above(OPERATIONS_OFFSET)?)
    };
    let host = new.hostname.as_deref().unwrap_or("localhost");
    let authenticator = SocketAddr::new(api.ip(), authenticator);
    let operations = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), operations);
    let mut text = format!(
        "# The configuration of this Countersign server. packaging/countersign.toml of the sources explains every key;\n\
         # each can also be set by an environment variable, such as COUNTERSIGN_LISTEN_API. Check it with `countersign check`.\n\n\
         [hosts]\n\
         # Passkeys, device keys and cookies bind to these names: do not change them once people have enrolled.\n\
         parent = {host}\n\
         # The name clients are configured with (`host` of pam_duo, `api_host` elsewhere), with a port where that is not the one listened on.\n\
         api = {host}\n\
         # The name authenticators speak to.\n\
         authenticator = {host}\n\n\
         [listen]\n\
         api = \"{api}\"\n\
         authenticator = \"{authenticator}\"\n\
         # Plain HTTP with /healthz, /readyz, /status and /metrics: keep it on loopback or a management network.\n\
         operations = \"{operations}\"\n\
         # Reverse proxies whose X-Forwarded-For is believed.\n\
         # trusted_proxies = [\"10.0.0.5\"]\n\n\
         [tls]\n\
         # Without these a local authority issues the certificate, and clients must trust tls/ca.pem.\n\
         # certificate = \"/etc/ssl/countersign.pem\"\n\
         # key = \"/etc/ssl/private/countersign.key\"\n\n",
        host = quoted(host),
    );
    text.push_str("[database]\n");
    // Writing to a String cannot fail.
    let _ = match &new.database {
        Some(url) => writeln!(text, "url = {}\n", quoted(url)),
        None => writeln!(text, "# url = \"postgres://countersign@db.example.com/countersign\"\n"),
    };
    text.push_str(
        "[audit]\n\
         # Signed checkpoints of the log are appended here. Only what lies outside this machine limits who holds its keys.\n\
         # checkpoint_file = \"/mnt/elsewhere/countersign-checkpoints.jsonl\"\n",
    );
    Ok(text)
}

/// Three different ports that are free now.
fn free_ports(address: IpAddr) -> Result<[u16; 3], DataDirError> {
    let take = || -> std::io::Result<[u16; 3]> {
        // All are held until all are known, or the system could give one twice.
        let held = [
            TcpListener::bind((address, 0))?,
            TcpListener::bind((address, 0))?,
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
        ];
        let [a, b, c] = &held;
        Ok([a.local_addr()?.port(), b.local_addr()?.port(), c.local_addr()?.port()])
    };
    take().map_err(|source| DataDirError::NoPort { address, source })
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::load_from;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_new_directory_is_private_and_its_configuration_is_valid() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("a/b");
        let new = NewDataDir {
            hostname: Some("mfa.example.com".to_owned()),
            listen: Some("0.0.0.0:443".parse().unwrap()),
            database: Some("postgres://u:p\"w@db/x".to_owned()),
        };
        assert!(create(&dir, &new).unwrap());
        assert_eq!((mode(&dir), mode(&dir.join("countersign.toml"))), (0o700, 0o600));
        let config = load_from(&dir, None, []).unwrap().config;
        assert_eq!(config.hosts.api.authority(config.listen.api.port()), "mfa.example.com");
        assert_eq!((config.listen.authenticator.port(), config.listen.operations.port()), (444, 449));
        assert!(config.listen.operations.ip().is_loopback());
        let DatabaseUrl::Postgres(url) = &config.database else { panic!("{:?}", config.database) };
        assert_eq!(url.expose(), "postgres://u:p\"w@db/x");
        assert!(!create(&dir, &NewDataDir::default()).unwrap(), "an existing file is left alone");
        assert_eq!(load_from(&dir, None, []).unwrap().config.hosts.parent, "mfa.example.com");
    }

    #[test]
    fn port_0_is_written_down_as_a_free_one() {
        let dir = tempfile::tempdir().unwrap();
        let new = NewDataDir { listen: Some("127.0.0.1:0".parse().unwrap()), ..NewDataDir::default() };
        create(dir.path(), &new).unwrap();
        let listen = load_from(dir.path(), None, []).unwrap().config.listen;
        let ports = [listen.api.port(), listen.authenticator.port(), listen.operations.port()];
        assert!(
            !ports.contains(&0) && ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2],
            "{ports:?}"
        );
    }

    #[test]
    fn a_lost_master_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), &NewDataDir::default()).unwrap();
        let config = load_from(dir.path(), None, []).unwrap().config;
        std::fs::write(dir.path().join("countersign.db"), "").unwrap();
        let refused = prepare(&config, "2026-01-01T00:00:00Z".parse().unwrap());
        assert!(matches!(refused, Err(DataDirError::KeyLost(_))), "{refused:?}");
        assert!(!dir.path().join("master.key").exists());
    }
}
