//! `countersign admin`: users, devices, applications, administrators, settings and logs, from a terminal.
//!
//! It opens the same database as a running server, whose caches notice a change by themselves. Every change is logged with the actor `terminal`.
//! Every command gives one [`Answer`], printed as text or with `--json`; the JSON shapes and exit codes are in `docs/admin-commands.md` and only grow.

mod administrator;
mod alert;
mod browsers;
mod bypass;
mod bypass_args;
mod csv;
pub mod directory;
pub mod emergency;
mod error;
mod exception;
mod exemption;
mod explain;
mod group;
mod import;
mod integration;
mod log;
mod lookup;
mod mail;
mod out;
mod outage;
mod passkey;
mod phone;
pub mod policy;
mod review;
mod settings;
mod site;
mod token;
mod user;
mod when;

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use countersign_device::escape_json;
use serde_json::json;

use crate::cli::{self, Global};
use crate::site::open_for_terminal;

use error::AdminError;
use out::Answer;
use site::Site;

/// Administer users, devices, applications, administrators, settings and logs
#[derive(Debug, Args)]
#[command(
    after_help = "Users are named by username, alias or id; groups, tokens, applications and administrators by name, serial, address or id.\n\n\
    Exit codes: 0 done, 1 failed or refused, 2 wrong arguments, 3 no such object, 4 exists already.\n\n\
    Examples:\n  \
    countersign admin user enroll bob --email bob@example.com\n  \
    countersign admin user explain bob --app DIXXXXXXXXXXXXXXXXXX\n  \
    countersign admin bypass create bob --valid 1h\n  \
    countersign admin log auth --user bob --since 24h\n  \
    countersign admin log --follow\n  \
    countersign admin log show 6B024335"
)]
pub struct Admin {
    #[command(flatten)]
    on: OnAccount,
    #[command(subcommand)]
    what: What,
}

/// What every command that works on an account is told.
#[derive(Debug, Args)]
struct OnAccount {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// Do not ask before something that cannot be undone
    #[arg(long, short, global = true)]
    yes: bool,
    /// Account id or API host, where the database holds several
    #[arg(long, global = true, value_name = "ACCOUNT")]
    account: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    User(user::User),
    Group(group::Group),
    Phone(phone::Phone),
    Token(token::Token),
    Passkey(passkey::Passkey),
    Bypass(bypass::Bypass),
    Exception(exception::Exception),
    Exemption(exemption::Exemption),
    Review(review::Review),
    #[command(visible_alias = "app")]
    Integration(integration::Integration),
    Outage(outage::Outage),
    #[command(visible_alias = "admin")]
    Administrator(administrator::Administrator),
    Settings(settings::Settings),
    Mail(mail::Mail),
    Log(log::Log),
    Alert(alert::Alert),
}

impl Admin {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        self.on.run(global, async |site| self.what.run(site).await)
    }
}

impl OnAccount {
    /// Opens the installation, carries out `command` and prints its answer.
    fn run(
        &self,
        global: &Global,
        command: impl AsyncFnOnce(&Site) -> Result<Answer, AdminError>,
    ) -> anyhow::Result<u8> {
        let config = global.load()?.config;
        check_owner(&config.data_dir)?;
        // What goes wrong is this command's own answer; the log of the store's background work would only disturb it.
        let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
        runtime.block_on(async {
            let engine = open_for_terminal(&config).await?;
            let outcome = match Site::open(engine.clone(), &config, self.account.as_deref(), self.json, self.yes).await
            {
                Ok(site) => command(&site).await,
                Err(error) => Err(error),
            };
            engine.store().shutdown().await;
            match outcome {
                Ok(answer) => {
                    self.print(&answer)?;
                    Ok(cli::OK)
                }
                Err(error) => self.fail(&error),
            }
        })
    }

    fn print(&self, answer: &Answer) -> anyhow::Result<()> {
        if answer.json.is_null() {
            // It was printed as it came.
            return Ok(());
        }
        let text = if self.json {
            escape_json(&serde_json::to_string_pretty(&answer.json)?)
        } else {
            answer.text.trim_end_matches('\n').to_owned()
        };
        if !text.is_empty() {
            cli::print(&text)?;
        }
        Ok(())
    }

    fn fail(&self, error: &AdminError) -> anyhow::Result<u8> {
        if self.json {
            let shape = json!({"error": {"code": error.code(), "message": error.text()}});
            cli::print(&escape_json(&serde_json::to_string_pretty(&shape)?))?;
        } else {
            writeln!(std::io::stderr().lock(), "countersign: {}", error.text())?;
        }
        Ok(error.exit())
    }
}

/// Files that another user leaves in the directory could not be read by the server afterwards.
fn check_owner(data: &Path) -> anyhow::Result<()> {
    let metadata = match std::fs::metadata(data) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let data = data.display();
            bail!(
                "there is no data directory {data}: name it by --data or COUNTERSIGN_DATA, or make it by `countersign bootstrap`"
            )
        }
        // Whatever it is, opening it says so.
        Err(_) => return Ok(()),
    };
    let (owner, me) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != me {
        bail!("{} belongs to another user; run this as its owner: sudo -u '#{owner}' countersign …", data.display());
    }
    Ok(())
}

impl What {
    async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match self {
            Self::User(user) => user.run(site).await,
            Self::Group(group) => group.run(site).await,
            Self::Phone(phone) => phone.run(site).await,
            Self::Token(token) => token.run(site).await,
            Self::Passkey(passkey) => passkey.run(site).await,
            Self::Bypass(bypass) => bypass.run(site).await,
            Self::Exception(exception) => exception.run(site).await,
            Self::Exemption(exemption) => exemption.run(site).await,
            Self::Review(review) => review.run(site).await,
            Self::Integration(integration) => integration.run(site).await,
            Self::Outage(outage) => outage.run(site).await,
            Self::Administrator(administrator) => administrator.run(site).await,
            Self::Settings(settings) => settings.run(site).await,
            Self::Mail(mail) => mail.run(site).await,
            Self::Log(log) => log.run(site).await,
            Self::Alert(alert) => alert.run(site).await,
        }
    }
}
