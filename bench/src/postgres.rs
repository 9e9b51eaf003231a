//! A PostgreSQL cluster for one measurement: durable as it comes (`fsync` and `synchronous_commit` on), reached over its Unix socket.

use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::process::Watched;

/// A running cluster; stopped and removed with this value.
#[derive(Debug)]
pub(crate) struct Cluster {
    bin: PathBuf,
    dir: PathBuf,
    owner: Option<(u32, u32)>,
    port: u16,
}

impl Cluster {
    /// Makes and starts a cluster in `dir`, which must be empty, on the disk that is measured.
    pub(crate) fn start(dir: &Path) -> anyhow::Result<Self> {
        let bin = binaries().context("PostgreSQL is not installed (Debian: postgresql)")?;
        let owner = if rustix::process::geteuid().is_root() {
            // It refuses to run as root.
            Some(system_user("postgres").context("there is no user postgres")?)
        } else {
            None
        };
        if let Some((uid, gid)) = owner {
            chown(dir, Some(uid), Some(gid))?;
            std::fs::set_permissions(dir, Permissions::from_mode(0o700))?;
        }
        let cluster = Self { bin, dir: dir.to_owned(), owner, port: crate::site::free_port()? };
        let data = dir.join("data");
        cluster.run(
            "initdb",
            &["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"],
            &data,
        )?;
        let options = format!(
            "-p {} -c listen_addresses= -c unix_socket_directories='{}' -c max_connections=200",
            cluster.port,
            cluster.dir.display()
        );
        let log = dir.join("log");
        let log = log.to_str().context("the directory's name is no text")?;
        cluster.run("pg_ctl", &["-w", "-l", log, "-o", &options, "start", "-D"], &data)?;
        Ok(cluster)
    }

    /// Makes an empty database and gives its address.
    pub(crate) fn create_database(&self, name: &str) -> anyhow::Result<String> {
        let port = self.port.to_string();
        let mut command = self.command("createdb");
        command.arg("-h").arg(&self.dir).args(["-p", &port, "-U", "postgres", name]);
        ensure!(command.status()?.success(), "createdb failed");
        Ok(format!("postgresql:///{name}?host={}&port={port}&user=postgres", self.dir.display()))
    }

    /// The postmaster and its children.
    pub(crate) fn watched(&self) -> anyhow::Result<Watched> {
        let text = std::fs::read_to_string(self.dir.join("data/postmaster.pid"))?;
        let pid = text.lines().next().context("postmaster.pid is empty")?.trim().parse()?;
        Ok(Watched::tree(pid))
    }

    fn run(&self, program: &str, args: &[&str], data: &Path) -> anyhow::Result<()> {
        let output = File::create(self.dir.join(format!("{program}.out")))?;
        let mut command = self.command(program);
        command.args(args).arg(data).stdout(output.try_clone()?).stderr(output);
        if !command.status()?.success() {
            bail!("{program} failed; see {}", self.dir.display());
        }
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.stdin(Stdio::null()).current_dir("/");
        if let Some((uid, gid)) = self.owner {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Best effort: what remains is a directory under target/.
        let _ = self.run("pg_ctl", &["-w", "-m", "fast", "stop", "-D"], &self.dir.join("data"));
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn binaries() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

fn system_user(name: &str) -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
