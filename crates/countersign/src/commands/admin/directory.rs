//! `countersign directory`: directories that users are synced from.
//!
//! What needs the directory itself (`diff`, `sync`, `try`) is left in the database for the running server, whose proxies can ask it.

mod fields;
mod show;

use std::io::{IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use cs_engine::directories::{DirectoryChange, DirectoryError, DirectorySettings, Reply, Verdict, Wish};
use cs_store::directories::DirectoryRecord;
use serde_json::json;

use super::OnAccount;
use super::administrator::password;
use super::error::AdminError;
use super::lookup::missing;
use super::out::Answer;
use super::site::{ACTOR, Site};
use crate::cli::Global;
use fields::{Fields, Kind, by_option};

/// Sync users from Active Directory or OpenLDAP
#[derive(Debug, Args)]
#[command(after_help = "Directories are named by name or key. `docs/directory-sync.md` has a five-minute setup.\n\n\
    Examples:\n  \
    countersign directory add Office --group 'CN=VPN,OU=Groups,DC=example,DC=org'\n  \
    countersign directory diff Office\n  \
    countersign directory sync Office\n  \
    countersign directory resume Office\n  \
    countersign directory confirm Office 120\n  \
    countersign directory try Office --user alice")]
pub struct Directory {
    #[command(flatten)]
    on: OnAccount,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List directories with their proxies and last runs
    List,
    /// Show how a directory is set, which proxies are connected, and what came of the last run
    Show { directory: String },
    /// Add a directory and print what goes into the proxy's file, this once. It begins paused
    Add {
        name: String,
        /// Which attributes to begin with
        #[arg(long, value_enum, default_value_t = Kind::Ad)]
        kind: Kind,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change how a directory is set
    Set {
        directory: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Say what a run would do, and do nothing
    Diff {
        directory: String,
        /// How many changes are shown
        #[arg(long, default_value_t = 20, value_name = "NUMBER")]
        rows: usize,
        /// Show all changes
        #[arg(long)]
        all: bool,
    },
    /// Sync now
    Sync {
        directory: String,
        /// Only the person of this name; nobody is removed
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Agree to the loss of so many users in the next run, for once: the number that `diff` and the halted run say
    Confirm {
        directory: String,
        /// How many users may go
        number: i64,
    },
    /// Sync no more on schedule
    Pause { directory: String },
    /// Sync on schedule, and at once
    Resume { directory: String },
    /// Remove a directory; its users and groups stay and become administrators' own
    Remove { directory: String },
    /// Ask the directory whether a password is right, by a proxy with an [sso] section
    Try {
        directory: String,
        /// Whose password
        #[arg(long, value_name = "NAME")]
        user: String,
    },
}

impl Directory {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        self.on.run(global, async |site| self.command.run(site).await)
    }
}

impl Command {
    async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match self {
            Self::List => show::list(site).await,
            Self::Show { directory } => show::one(site, &site.directory(directory).await?).await,
            Self::Add { name, kind, fields } => {
                let settings = fields.write(kind.settings())?;
                let made =
                    site.engine.create_directory(site.account, ACTOR, name, &settings).await.map_err(by_option)?;
                Ok(show::added(site, &made))
            }
            Self::Set { directory, name, fields } => {
                let record = site.directory(directory).await?;
                let settings = fields.write(DirectorySettings::read(&record.settings)?)?;
                let change =
                    DirectoryChange { name: name.clone(), settings: Some(settings), ..DirectoryChange::default() };
                change_it(site, &record, &change).await
            }
            Self::Diff { directory, rows, all } => {
                let record = site.directory(directory).await?;
                match ask(site, &record, Wish::Compare).await? {
                    Reply::Compared(compared) => {
                        Ok(show::compared(&record, &compared, if *all { usize::MAX } else { *rows }))
                    }
                    _ => Err(other_reply()),
                }
            }
            Self::Sync { directory, user } => {
                let record = site.directory(directory).await?;
                let wish = match user {
                    None => Wish::Sync,
                    Some(username) => Wish::Person { username: username.clone() },
                };
                match ask(site, &record, wish).await {
                    Ok(Reply::Synced(outcome)) => Ok(show::outcome(&record, &outcome)),
                    Ok(Reply::Person(user)) => {
                        Ok(Answer::new(json!({"user_id": user}), format!("{user}: as the directory says")))
                    }
                    Ok(_) => Err(other_reply()),
                    Err(error) if error.code() == "halted" => Err(halted(site, &record, &error).await),
                    Err(error) => Err(error),
                }
            }
            Self::Confirm { directory, number } => {
                let record = site.directory(directory).await?;
                let what =
                    format!("The next run of {} may send {number} users to the trash or disable them.", record.name);
                site.confirm(&what)?;
                let change = DirectoryChange { confirmed: Some(Some(*number)), ..DirectoryChange::default() };
                change_it(site, &record, &change).await
            }
            Self::Pause { directory } => pause(site, directory, true).await,
            Self::Resume { directory } => pause(site, directory, false).await,
            Self::Remove { directory } => {
                let record = site.directory(directory).await?;
                site.confirm(&format!(
                    "This removes the directory {}: its users stay as they are, but nothing updates or removes them any more.",
                    record.name
                ))?;
                site.engine.remove_directory(site.account, ACTOR, record.id).await?;
                let json = json!({"dkey": record.id.as_str(), "deleted": true});
                Ok(Answer::new(json, format!("{}: removed", record.name)))
            }
            Self::Try { directory, user } => try_password(site, &site.directory(directory).await?, user).await,
        }
    }
}

impl Site {
    /// The directory with this name or key.
    pub(super) async fn directory(&self, given: &str) -> Result<DirectoryRecord, AdminError> {
        let all = self.engine.store().directories(self.account).await?;
        let is_it = |record: &&DirectoryRecord| {
            record.id.as_str() == given || record.name.to_lowercase() == given.to_lowercase()
        };
        match all.iter().find(is_it) {
            Some(record) => Ok(record.clone()),
            None => Err(missing("directory", given, all.iter().map(|record| record.name.as_str()))),
        }
    }
}

async fn change_it(site: &Site, record: &DirectoryRecord, change: &DirectoryChange) -> Result<Answer, AdminError> {
    let changed = site.engine.change_directory(site.account, ACTOR, record.id, change).await.map_err(by_option)?;
    show::one(site, &changed).await
}

async fn pause(site: &Site, directory: &str, paused: bool) -> Result<Answer, AdminError> {
    let record = site.directory(directory).await?;
    change_it(site, &record, &DirectoryChange { paused: Some(paused), ..DirectoryChange::default() }).await
}

/// Has the running server ask, and says on a terminal how far it has come.
async fn ask(site: &Site, record: &DirectoryRecord, wish: Wish) -> Result<Reply, AdminError> {
    let is_shown = std::io::stderr().is_terminal() && !site.json;
    let progress = |words: &str| {
        if is_shown && !words.is_empty() {
            // Nobody may read along; that is no reason to stop.
            let _ = writeln!(std::io::stderr().lock(), "{words}");
        }
    };
    Ok(site.engine.ask_directory(site.account, record.id, wish, None, &progress).await?)
}

fn other_reply() -> AdminError {
    AdminError::Refused("the server answered something else: is it of another version?".to_owned())
}

/// What a run that was halted says, and how to go on.
async fn halted(site: &Site, record: &DirectoryRecord, error: &AdminError) -> AdminError {
    let number = match site.engine.store().directory(site.account, record.id).await {
        Ok(Some(record)) => {
            cs_engine::directories::Outcome::read(&record.outcome).map(|outcome| outcome.removals).filter(|n| *n > 0)
        }
        Ok(None) | Err(_) => None,
    };
    let hint = number.map_or_else(String::new, |number| {
        format!(
            ". Look at `countersign directory diff`; if it is right: countersign directory confirm '{}' {number}",
            record.name
        )
    });
    let words = error.text();
    AdminError::Directory(DirectoryError::Elsewhere(cs_engine::directories::WishError {
        code: "halted".to_owned(),
        words: format!("{words}{hint}"),
    }))
}

async fn try_password(site: &Site, record: &DirectoryRecord, user: &str) -> Result<Answer, AdminError> {
    let password = password("Password", user)?;
    if password.is_empty() {
        return Err(AdminError::Usage { argument: "the password", problem: "nothing was typed" });
    }
    let verdict = site.engine.check_first_factor(site.account, record.id, user, password).await?;
    let (word, detail) = match verdict {
        Verdict::Right { key, dn } => ("right", json!({"key": key, "dn": dn})),
        Verdict::Wrong { reason } => ("wrong", json!({"reason": reason})),
        Verdict::Unknown { words } => ("unknown", json!({"words": words})),
    };
    let text = match word {
        "right" => format!("right: {}", detail["dn"].as_str().unwrap_or_default()),
        "wrong" => format!("not let in: {}", detail["reason"].as_str().unwrap_or_default()),
        _ => format!("nobody could tell: {}", detail["words"].as_str().unwrap_or_default()),
    };
    let mut json = json!({"verdict": word});
    json["detail"] = detail;
    Ok(Answer::new(json, countersign_device::clean(&text, 500)))
}
