//! `countersign restore`

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use cs_store::backup::{self, BackupError, Summary};
use cs_store::restore_steps::restore_steps;
use jiff::Timestamp;

use super::backup::describe;
use super::{Progress, confirmed, now, runtime};
use crate::cli::{self, Global, print};
use crate::config::{Config, DatabaseUrl};
use crate::site::{self, OpenedBy, store_config};

/// Go back to a backup; the server must be stopped
///
/// Whatever could have been used since the backup is void afterwards: bypass codes, activation links, setup codes, pushes, remembered
/// devices; time-based passcodes up to now; counter-based tokens ask for two codes in a row once. What was changed since is as it was:
/// rotate secrets again that were rotated, disable again who was disabled.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong arguments or not confirmed.\n\n\
    Example:\n  countersign restore --data /var/lib/countersign --from /mnt/backup/countersign-2026-11-22.jsonl")]
pub struct Restore {
    /// The backup
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        let config = global.load()?.config;
        let master = site::master_key(&config)?;
        // Everything that can be wrong is found before anything is touched.
        let found = backup::check(&self.from, &master).with_context(|| self.from.display().to_string())?;
        refuse_beside_a_server(&config)?;
        let made_at = Timestamp::from_millisecond(found.header.at)?;
        let question = format!(
            "Go back to the state of {made_at:.0} ({} rows)? What happened since is lost to {}.",
            found.rows, config.database
        );
        if !confirmed(self.yes, &question)? {
            return Ok(cli::USAGE);
        }
        let kept = set_aside(&config)?;
        let store = store_config(&config, master, OpenedBy::Server);
        let progress = Progress::new("restoring").into_callback();
        let restored = runtime()?.block_on(backup::restore(&store, &self.from, restore_steps(now()), progress));
        let summary = restored.map_err(|error| put_back(&config, kept.as_deref(), error))?;
        self.report(&summary, kept.as_deref())?;
        Ok(cli::OK)
    }

    fn report(&self, summary: &Summary, kept: Option<&Path>) -> anyhow::Result<()> {
        print(&describe(&self.from, summary, self.json)?)?;
        if !self.json {
            if let Some(kept) = kept {
                print(&format!("The database that was there is kept as {}.", kept.display()))?;
            }
            print("Start the server again.")?;
        }
        Ok(())
    }
}

/// A server that runs on would write into what is being restored.
fn refuse_beside_a_server(config: &Config) -> anyhow::Result<()> {
    for address in [config.listen.operations, config.listen.api] {
        if let Err(error) = TcpListener::bind(address)
            && error.kind() == std::io::ErrorKind::AddrInUse
        {
            anyhow::bail!("something listens on {address}: stop the server first");
        }
    }
    Ok(())
}

/// Moves a database file, with what belongs to it, out of the way; says where to. PostgreSQL databases are emptied by their administrator.
fn set_aside(config: &Config) -> anyhow::Result<Option<PathBuf>> {
    let DatabaseUrl::Sqlite(path) = &config.database else { return Ok(None) };
    if !path.exists() {
        return Ok(None);
    }
    let kept = with_suffix(path, &format!(".before-{}", now().strftime("%Y%m%dT%H%M%SZ")));
    anyhow::ensure!(!kept.exists(), "{} exists", kept.display());
    move_database(path, &kept).with_context(|| format!("cannot move {} out of the way", path.display()))?;
    Ok(Some(kept))
}

/// After a failure: the database that was there is there again.
fn put_back(config: &Config, kept: Option<&Path>, error: BackupError) -> anyhow::Error {
    let error = match (&error, &config.database) {
        (BackupError::NotEmpty, DatabaseUrl::Postgres(_)) => {
            anyhow::Error::from(error).context("drop and create the database, then run this again")
        }
        _ => error.into(),
    };
    let (DatabaseUrl::Sqlite(path), Some(kept)) = (&config.database, kept) else { return error };
    match move_database(kept, path) {
        Ok(()) => error.context("nothing was changed"),
        Err(failed) => error.context(format!("and {} could not be put back: {failed}", kept.display())),
    }
}

fn move_database(from: &Path, to: &Path) -> std::io::Result<()> {
    for suffix in ["-wal", "-shm"] {
        let file = with_suffix(from, suffix);
        if file.exists() {
            std::fs::rename(&file, with_suffix(to, suffix))?;
        }
    }
    std::fs::rename(from, to)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
