//! Databases that live as long as a test: a SQLite file, or a database of a temporary PostgreSQL cluster.
//!
//! PostgreSQL refuses to run as root, so the cluster runs as the user `postgres` when the tests do. One cluster serves a whole test process and ends with it.

mod ports;

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::vault::MasterKey;
use crate::{Database, Store, StoreConfig, StoreError};

pub use ports::Ports;

/// The variable that turns a missing PostgreSQL from a skipped test into a failed one.
pub const REQUIRE_POSTGRES: &str = "COUNTERSIGN_REQUIRE_POSTGRES";

/// Which engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in a temporary directory.
    Sqlite,
    /// A fresh database in the temporary cluster.
    Postgres,
}

/// An empty database, removed with this value, and a master key for it.
#[derive(Debug)]
pub struct TestDatabase {
    /// Files that belong to the test.
    pub dir: TempDir,
    /// The database.
    pub database: Database,
    /// Its master key.
    pub master: Arc<MasterKey>,
}

impl TestDatabase {
    /// A new empty database, or `None` where the engine is not installed (said on standard error).
    ///
    /// # Panics
    ///
    /// When the database cannot be made, or PostgreSQL is missing although [`REQUIRE_POSTGRES`] is set: it is for tests only.
    #[expect(clippy::expect_used, reason = "a test that has no database must fail")]
    pub fn new(engine: Engine) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let database = match engine {
            Engine::Sqlite => Database::Sqlite(dir.path().join("store.db")),
            Engine::Postgres => Database::Postgres(cluster()?.create_database().expect("a new database")),
        };
        let master = Arc::new(MasterKey::generate().expect("a master key"));
        Some(Self { dir, database, master })
    }

    /// The usual settings for this database.
    pub fn config(&self) -> StoreConfig {
        StoreConfig::new(self.database.clone(), self.master.clone())
    }

    /// Opens it.
    pub async fn open(&self) -> Result<Store, StoreError> {
        Store::open(self.config()).await
    }
}

/// The cluster of this process, started on first use.
#[expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "for tests only: a skipped test is said loudly, a forbidden skip fails"
)]
fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER
        .get_or_init(|| match Cluster::start() {
            Ok(cluster) => Some(cluster),
            Err(error) if std::env::var_os(REQUIRE_POSTGRES).is_some_and(|value| value == "1") => {
                panic!("{REQUIRE_POSTGRES}=1, but no PostgreSQL: {error}")
            }
            Err(error) => {
                eprintln!("SKIPPED on PostgreSQL, which cannot be started here: {error}");
                None
            }
        })
        .as_ref()
}

/// A PostgreSQL server of a test's own, which it may stop, start again, and speak TLS to.
#[derive(Debug)]
pub struct PostgresServer(Cluster);

impl PostgresServer {
    /// Starts one that listens on its socket, and on `port` of the loopback address if one is given, with further `settings` (`name=value`). `prepare` may put
    /// files into the data directory before. `None` where PostgreSQL is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[expect(clippy::expect_used, reason = "a test that has no database must fail")]
    pub fn start(port: Option<u16>, settings: &[&str], prepare: impl FnOnce(&Path)) -> Option<Self> {
        // Tells, loudly or by failing, when there is none.
        cluster()?;
        let mut cluster = Cluster::create().expect("a cluster");
        cluster.port = port;
        cluster.settings = settings.iter().map(ToString::to_string).collect();
        let data = cluster.data();
        prepare(&data);
        cluster.give_to_owner(&data).expect("files of the cluster's owner");
        cluster.launch().expect("a running server");
        Some(Self(cluster))
    }

    /// A new empty database; its address by the server's socket.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[expect(clippy::expect_used, reason = "a test that has no database must fail")]
    pub fn create_database(&self) -> String {
        self.0.create_database().expect("a new database")
    }

    /// Ends the server at once, as a power cut would: connections break, and it has to recover when it starts again.
    ///
    /// # Panics
    ///
    /// When it cannot be ended.
    #[expect(clippy::expect_used, reason = "a test whose server goes on must fail")]
    pub fn stop_immediately(&self) {
        let mut command = self.0.command("pg_ctl");
        command.args(["stop", "-m", "immediate", "-w", "-D"]).arg(self.0.data()).stdout(Stdio::null());
        assert!(command.status().expect("pg_ctl").success(), "pg_ctl stop");
    }

    /// Starts it again and returns when it takes connections.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[expect(clippy::expect_used, reason = "a test that has no database must fail")]
    pub fn start_again(&self) {
        self.0.launch().expect("a running server");
    }
}

/// A running server in a temporary directory.
#[derive(Debug)]
struct Cluster {
    bin: PathBuf,
    dir: PathBuf,
    owner: Option<(u32, u32)>,
    databases: AtomicU32,
    /// `None`: only its socket.
    port: Option<u16>,
    settings: Vec<String>,
}

impl Cluster {
    fn start() -> io::Result<Self> {
        let cluster = Self::create()?;
        cluster.launch()?;
        Ok(cluster)
    }

    fn create() -> io::Result<Self> {
        let bin = binaries().ok_or_else(|| io::Error::other("no /usr/lib/postgresql/*/bin/initdb"))?;
        let owner = if std::fs::metadata("/proc/self").map(|file| owner_of(&file))?.0 == 0 {
            Some(postgres_user().ok_or_else(|| io::Error::other("there is no user postgres"))?)
        } else {
            None
        };
        // Not removed by a destructor (statics have none) but by the watchdog below.
        let dir = tempfile::Builder::new().prefix("cs-pg-").tempdir()?.keep();
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(&dir, Some(uid), Some(gid))?;
        }
        let cluster = Self { bin, dir, owner, databases: AtomicU32::new(0), port: None, settings: Vec::new() };
        let data = cluster.data();
        let status = cluster
            .command("initdb")
            .args(["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()?;
        if !status.success() {
            return Err(io::Error::other("initdb failed"));
        }
        Ok(cluster)
    }

    fn launch(&self) -> io::Result<()> {
        self.spawn(&self.data())?;
        self.wait()
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn give_to_owner(&self, directory: &Path) -> io::Result<()> {
        let Some((uid, gid)) = self.owner else { return Ok(()) };
        for entry in std::fs::read_dir(directory)? {
            std::os::unix::fs::chown(entry?.path(), Some(uid), Some(gid))?;
        }
        Ok(())
    }

    /// Starts the server under a shell that ends it and removes its files when this process is gone, however it ended:
    /// the shell's standard input is a pipe that only we hold.
    fn spawn(&self, data: &Path) -> io::Result<()> {
        let script = "program=$0; data=$1; dir=$2; shift 2; \
                      \"$program\" -D \"$data\" -k \"$dir\" -c fsync=on -c max_connections=300 -c shared_buffers=32MB \"$@\" \
                      >>\"$dir/log\" 2>&1 & server=$!; read -r _; kill -INT $server; wait $server; rm -rf \"$dir\"";
        let mut settings = match self.port {
            None => vec!["listen_addresses=".to_owned()],
            Some(port) => vec!["listen_addresses=127.0.0.1".to_owned(), format!("port={port}")],
        };
        settings.extend(self.settings.iter().cloned());
        let mut command = Command::new("/bin/sh");
        self.as_owner(&mut command);
        let child: Child = command
            .args(["-c", script])
            .arg(self.bin.join("postgres"))
            .arg(data)
            .arg(&self.dir)
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        // The pipe stays open until the process ends.
        std::mem::forget(child);
        Ok(())
    }

    fn wait(&self) -> io::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !self.psql("postgres", "SELECT 1")? {
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                return Err(io::Error::other(format!("the server did not start: {log}")));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A new empty database; its address.
    fn create_database(&self) -> io::Result<String> {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        if !self.psql("postgres", &format!("CREATE DATABASE {name}"))? {
            return Err(io::Error::other("CREATE DATABASE failed"));
        }
        let port = self.port.map_or_else(String::new, |port| format!("&port={port}"));
        Ok(format!("postgres:///{name}?host={}&user=postgres{port}", self.dir.display()))
    }

    fn psql(&self, database: &str, sql: &str) -> io::Result<bool> {
        let status = self
            .command("psql")
            .args([
                "-q",
                "-U",
                "postgres",
                "-p",
                &self.port.unwrap_or(5432).to_string(),
                "-d",
                database,
                "-c",
                sql,
                "-h",
            ])
            .arg(&self.dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        Ok(status.success())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        self.as_owner(&mut command);
        command
    }

    fn as_owner(&self, command: &mut Command) {
        if let Some((uid, gid)) = self.owner {
            command.uid(uid).gid(gid);
        }
        command.current_dir("/").env("LC_ALL", "C");
    }
}

/// The newest installed PostgreSQL.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).filter(|bin| bin.join("initdb").exists()).max()
}

fn owner_of(file: &std::fs::Metadata) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    (file.uid(), file.gid())
}

/// User and group number of `postgres`.
fn postgres_user() -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
