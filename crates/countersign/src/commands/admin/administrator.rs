//! `countersign admin administrator`

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use cs_core::admin::Role;
use cs_core::secret::PlainCode;
use cs_engine::admin::administrators::{AdministratorChange, Invited, NewAdministrator};
use cs_engine::letters::LinkOf;
use cs_store::administrators::Administrator as Record;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::error::AdminError;
use super::lookup::none_of;
use super::mail::mail_line;
use super::out::{Answer, Card, Table, moment, moment_or, unix};
use super::site::{ACTOR, Site};
use crate::panel::setup_link;

/// How many days the setup code of a new administrator works.
const SETUP_DAYS: i64 = 7;

/// Administrators and their roles
#[derive(Debug, Args)]
pub(super) struct Administrator {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List administrators
    List,
    /// Show an administrator
    Show { administrator: String },
    /// Add an administrator
    Create {
        email: String,
        #[arg(long)]
        name: String,
        /// Owner, Administrator, "Application Manager", "User Manager", "Help Desk", Billing or Read-only
        #[arg(long)]
        role: String,
        /// Telephone number
        #[arg(long, default_value = "")]
        phone: String,
        /// Mail the setup link to the administrator
        #[arg(long)]
        mail: bool,
    },
    /// Give an administrator another role
    Role { administrator: String, role: String },
    /// Set a password, read from standard input
    SetPassword { administrator: String },
    /// Let an administrator sign in again
    Enable { administrator: String },
    /// Keep an administrator from signing in
    Disable { administrator: String },
    /// Remove an administrator
    Delete { administrator: String },
}

impl Administrator {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let engine = &site.engine;
        let (given, change) = match &self.command {
            Command::List => return list(site).await,
            Command::Show { administrator } => return Ok(shown(&site.administrator(administrator).await?)),
            Command::Create { email, name, role, phone, mail } => {
                let new = NewAdministrator {
                    email: email.clone(),
                    name: name.clone(),
                    phone: phone.clone(),
                    role: role_of(role)?,
                    restricted: false,
                    valid_days: SETUP_DAYS,
                };
                let link_of = |code: &PlainCode| Some(setup_link(&site.api_authority, code));
                let mail = mail.then_some(&link_of as LinkOf<'_>);
                let invited = engine.create_administrator(site.account, ACTOR, &new, mail).await?;
                let not_sent = mail.is_some() && invited.mail.is_none();
                return Ok(invitation(site, &invited, not_sent));
            }
            Command::SetPassword { administrator } => {
                let found = site.administrator(administrator).await?;
                let password = password("New password", &found.email)?;
                let record = engine.set_administrator_password(site.account, ACTOR, found.id, password).await?;
                return Ok(shown(&record));
            }
            Command::Delete { administrator } => {
                let record = site.administrator(administrator).await?;
                site.confirm(&format!("This removes the administrator {} ({}).", record.email, record.id))?;
                engine.delete_administrator(site.account, ACTOR, record.id).await?;
                let json = json!({"admin_id": record.id.as_str(), "deleted": true});
                return Ok(Answer::new(json, format!("{}: removed", record.id)));
            }
            Command::Role { administrator, role } => {
                (administrator, AdministratorChange { role: Some(role_of(role)?), ..AdministratorChange::default() })
            }
            Command::Enable { administrator } => {
                (administrator, AdministratorChange { active: Some(true), ..AdministratorChange::default() })
            }
            Command::Disable { administrator } => {
                (administrator, AdministratorChange { active: Some(false), ..AdministratorChange::default() })
            }
        };
        let id = site.administrator(given).await?.id;
        Ok(shown(&engine.change_administrator(site.account, ACTOR, id, &change).await?))
    }
}

/// A role by its name, in any case and with hyphens for spaces.
fn role_of(given: &str) -> Result<Role, AdminError> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], " ");
    let found = Role::ALL.into_iter().find(|role| plain(role.as_str()) == plain(given));
    found.ok_or_else(|| none_of("role", given, Role::ALL.into_iter().map(Role::as_str)))
}

/// What is typed on the terminal of standard input is not shown until this is dropped.
struct HiddenInput(Termios);

impl HiddenInput {
    fn begin() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // What was typed before the question is thrown away: it may have been shown.
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        // There is nobody to tell who could do anything about it.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// One line of standard input; what is typed on a terminal is not shown.
pub(super) fn password(what: &str, email: &str) -> Result<Zeroizing<String>, AdminError> {
    let stdin = std::io::stdin();
    let unreadable = |source| AdminError::Read { name: "standard input".to_owned(), source };
    let mut line = Zeroizing::new(String::new());
    if stdin.is_terminal() {
        let email = countersign_device::clean(email, 100);
        let hidden = HiddenInput::begin().map_err(unreadable)?;
        write!(std::io::stderr().lock(), "{what} of {email}: ").map_err(unreadable)?;
        let read = stdin.lock().read_line(&mut line);
        drop(hidden);
        // The line end was not shown either.
        writeln!(std::io::stderr().lock()).map_err(unreadable)?;
        read.map_err(unreadable)?;
    } else {
        stdin.lock().read_line(&mut line).map_err(unreadable)?;
    }
    Ok(Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned()))
}

async fn list(site: &Site) -> Result<Answer, AdminError> {
    let (records, total) = site.engine.store().administrators(site.account, 1000, 0).await?;
    let mut table = Table::new(&["email", "name", "role", "status", "last sign-in", "id"]);
    for record in &records {
        table.row([
            record.email.clone(),
            record.name.clone(),
            record.role.as_str().to_owned(),
            record.status.as_str().to_owned(),
            moment_or(record.last_login, "never"),
            record.id.to_string(),
        ]);
    }
    let records: Vec<Json> = records.iter().map(administrator_json).collect();
    Ok(Answer::new(json!({"administrators": records, "total": total}), table.text("no administrators")))
}

fn invitation(site: &Site, invited: &Invited, not_sent: bool) -> Answer {
    let mut answer = shown(&invited.administrator);
    answer.json["setup_code"] = invited.code.expose().into();
    answer.json["setup_expiration"] = invited.expires.as_second().into();
    answer.json["setup_link"] = setup_link(&site.api_authority, &invited.code).into();
    answer.json["mail_id"] = json!(invited.mail);
    answer.text = format!(
        "{}\nsetup code  {} (until {}, shown only this once)\nsetup link  {}\n{}\
         Or set a password now: countersign admin administrator set-password {}",
        answer.text,
        invited.code.expose(),
        moment(invited.expires),
        setup_link(&site.api_authority, &invited.code),
        mail_line(invited.mail.as_deref(), not_sent),
        countersign_device::clean(&invited.administrator.email, 254)
    );
    answer
}

fn shown(record: &Record) -> Answer {
    let mut card = Card::default();
    card.line("email", record.email.as_str())
        .line("name", record.name.as_str())
        .line("id", record.id.as_str())
        .line("role", record.role.as_str())
        .line("status", record.status.as_str())
        .line("phone", record.phone.as_str())
        .line("password", if record.has_password { "set" } else { "not set" })
        .line("created", moment(record.created_at));
    Answer::new(administrator_json(record), card.text())
}

fn administrator_json(record: &Record) -> Json {
    json!({
        "admin_id": record.id.as_str(),
        "email": record.email,
        "name": record.name,
        "phone": record.phone,
        "role": record.role.as_str(),
        "status": record.status.as_str(),
        "has_password": record.has_password,
        "created": record.created_at.as_second(),
        "last_login": unix(record.last_login),
    })
}
