//! `countersign admin user`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use cs_core::group::GroupStatus;
use cs_core::lockout::Lock;
use cs_core::user::{DefaultFactor, UserStatus};
use cs_engine::admin::phones::PhoneChange;
use cs_engine::admin::users::UserChange;
use cs_store::users::{Slice, UserFilter, UserRecord};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::browsers;
use super::bypass_args::{BypassArgs, add_bypass, bypass_line};
use super::error::AdminError;
use super::explain::Explain;
use super::group::group_json;
use super::out::{Answer, Card, Table, moment, moment_or, unix};
use super::passkey::{credential_json, credential_line};
use super::phone::{activate, phone_json, phone_line};
use super::site::{ACTOR, Site};
use super::token::token_json;

/// Users: who they are, whether they may log in, and why not
#[derive(Debug, Args)]
pub(super) struct User {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List users
    List {
        /// Only the one with this username or alias
        #[arg(long)]
        name: Option<String>,
        /// Only those in bypass, with reason and end
        #[arg(long, conflicts_with = "name")]
        bypass: bool,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u64,
        /// Skip so many
        #[arg(long, default_value_t = 0)]
        offset: u64,
    },
    /// Show a user with devices, groups and codes
    Show {
        user: String,
    },
    /// Create a user
    Create {
        username: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a user
    Modify {
        user: String,
        /// The new username
        #[arg(long)]
        username: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Move a user to the trash, from which `restore` takes it back; with --purge delete it for good
    Delete {
        user: String,
        /// Delete for good
        #[arg(long)]
        purge: bool,
    },
    /// Take a user out of the trash
    Restore {
        user: String,
    },
    /// Give a user a phone and print its activation code; creates the user if there is none
    Enroll {
        username: String,
        #[arg(long)]
        email: Option<String>,
        /// How long the code works
        #[arg(long, value_name = "TIME", default_value = "24h")]
        valid: String,
        /// Mail the link to the user as well
        #[arg(long)]
        mail: bool,
    },
    /// Mail a user a link to set up a second factor, and print it; creates the user if there is none
    Invite {
        username: String,
        /// Where the mail goes; the user's own address without
        #[arg(long)]
        email: Option<String>,
        /// How long the link works
        #[arg(long, value_name = "TIME", default_value = "30d")]
        valid: String,
        /// Only print the link
        #[arg(long)]
        no_mail: bool,
    },
    /// Create the users of a CSV file whose first line names the columns: username, email, name, groups (between semicolons), phone, platform
    Import {
        file: PathBuf,
        /// Only say what would happen, and what is wrong
        #[arg(long)]
        dry_run: bool,
        /// Mail each new user with an address a link to set up a second factor
        #[arg(long)]
        mail: bool,
    },
    /// End a lockout
    Unlock {
        user: String,
    },
    /// End a step-up: what happened so far is no sign of risk any more
    ClearStepUp {
        user: String,
    },
    /// Lock a user out until somebody unlocks
    Lock {
        user: String,
    },
    /// Set the status: active, bypass or disabled; a bypass needs --reason and has an end
    Status {
        user: String,
        status: StatusWord,
        #[command(flatten)]
        bypass: BypassArgs,
    },
    /// Set the alias in a slot from 1 to 8, or remove it
    Alias {
        user: String,
        #[arg(value_parser = clap::value_parser!(u8).range(1..=8))]
        slot: u8,
        #[arg(required_unless_present = "remove", conflicts_with = "remove")]
        name: Option<String>,
        #[arg(long)]
        remove: bool,
    },
    /// List the browsers that are remembered for a user
    Browsers {
        user: String,
    },
    /// Forget one remembered browser of a user, by its id
    ForgetBrowser {
        user: String,
        browser: String,
    },
    /// Make every remembered device of a user worthless
    ForgetDevices {
        user: String,
    },
    Explain(Explain),
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StatusWord {
    Active,
    Bypass,
    Disabled,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum FactorWord {
    Push,
    Passcode,
    /// Whatever the rules choose
    Any,
}

#[derive(Debug, Args)]
struct Fields {
    /// Full name
    #[arg(long)]
    realname: Option<String>,
    #[arg(long)]
    firstname: Option<String>,
    #[arg(long)]
    lastname: Option<String>,
    #[arg(long)]
    email: Option<String>,
    #[arg(long)]
    notes: Option<String>,
    #[arg(long)]
    status: Option<StatusWord>,
    #[command(flatten)]
    bypass: BypassArgs,
    /// What `auto` stands for
    #[arg(long)]
    default_factor: Option<FactorWord>,
    /// An attribute of your own; an empty value removes it
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    attributes: Vec<String>,
}

impl From<StatusWord> for UserStatus {
    fn from(word: StatusWord) -> Self {
        match word {
            StatusWord::Active => Self::Active,
            StatusWord::Bypass => Self::Bypass,
            StatusWord::Disabled => Self::Disabled,
        }
    }
}

impl Fields {
    fn change(&self, is_in_bypass: bool, now: Timestamp) -> Result<UserChange, AdminError> {
        let mut custom = BTreeMap::new();
        for pair in &self.attributes {
            let (name, value) = pair
                .split_once('=')
                .ok_or(AdminError::Usage { argument: "--attribute", problem: "expected NAME=VALUE" })?;
            custom.insert(name.to_owned(), value.to_owned());
        }
        Ok(UserChange {
            realname: self.realname.clone(),
            firstname: self.firstname.clone(),
            lastname: self.lastname.clone(),
            email: self.email.clone(),
            notes: self.notes.clone(),
            status: self.status.map(UserStatus::from),
            bypass_reason: self.bypass.reason_for(!is_in_bypass && matches!(self.status, Some(StatusWord::Bypass)))?,
            bypass_end: self.bypass.end(now)?,
            default_factor: self.default_factor.map(|word| match word {
                FactorWord::Push => Some(DefaultFactor::Push),
                FactorWord::Passcode => Some(DefaultFactor::Passcode),
                FactorWord::Any => None,
            }),
            custom,
            ..UserChange::default()
        })
    }
}

impl User {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let engine = &site.engine;
        let (given, said) = match &self.command {
            Command::List { bypass: true, limit, offset, .. } => {
                return in_bypass(site, Slice { offset: *offset, limit: *limit }).await;
            }
            Command::List { name, limit, offset, bypass: false } => {
                return list(site, name.as_deref(), Slice { offset: *offset, limit: *limit }).await;
            }
            Command::Show { user } => return show(site, &site.user(user).await?).await,
            Command::Create { username, fields } => {
                let user =
                    engine.create_user(site.account, ACTOR, username, &fields.change(false, site.now())?).await?;
                return said_of(site, user.id.as_str(), "created").await;
            }
            Command::Enroll { username, email, valid, mail } => {
                return enroll(site, username, email.clone(), valid, *mail).await;
            }
            Command::Invite { username, email, valid, no_mail } => {
                return super::import::invite(site, username, email.as_deref(), valid, *no_mail).await;
            }
            Command::Import { file, dry_run, mail } => {
                return super::import::import(site, file, *dry_run, *mail).await;
            }
            Command::Explain(explain) => return explain.run(site).await,
            Command::Delete { user, purge } => return delete(site, user, *purge).await,
            Command::Modify { user, username, fields } => {
                let record = site.user(user).await?;
                let fields = fields.change(is_in_bypass(&record, site.now()), site.now())?;
                let change = UserChange { username: username.clone(), ..fields };
                engine.change_user(site.account, ACTOR, record.id, &change).await?;
                (username.as_ref().unwrap_or(user), "changed")
            }
            Command::Restore { user } => {
                engine.restore_users(site.account, ACTOR, &[site.user(user).await?.id]).await?;
                (user, "restored")
            }
            Command::Unlock { user } => {
                engine.unlock_user(site.account, ACTOR, site.user(user).await?.id).await?;
                (user, "unlocked")
            }
            Command::ClearStepUp { user } => {
                engine.clear_step_up(site.account, ACTOR, site.user(user).await?.id).await?;
                (user, "step-up cleared")
            }
            Command::Lock { user } => {
                engine.lock_user(site.account, ACTOR, site.user(user).await?.id).await?;
                (user, "locked out")
            }
            Command::Status { user, status, bypass } => {
                let record = site.user(user).await?;
                let begins = !is_in_bypass(&record, site.now()) && matches!(status, StatusWord::Bypass);
                let change = UserChange {
                    status: Some((*status).into()),
                    bypass_reason: bypass.reason_for(begins)?,
                    bypass_end: bypass.end(site.now())?,
                    ..UserChange::default()
                };
                engine.change_user(site.account, ACTOR, record.id, &change).await?;
                let now = site.user(record.id.as_str()).await?;
                let said = match &now.bypass {
                    Some(bypass) => format!("bypass {}", bypass_line(bypass)),
                    None => UserStatus::from(*status).as_str().to_owned(),
                };
                return said_of(site, record.id.as_str(), &countersign_device::clean(&said, 600)).await;
            }
            Command::Alias { user, slot, name, remove: _ } => {
                // An empty name removes.
                let aliases = BTreeMap::from([(*slot, name.clone().unwrap_or_default())]);
                let change = UserChange { aliases, ..UserChange::default() };
                engine.change_user(site.account, ACTOR, site.user(user).await?.id, &change).await?;
                (user, "changed")
            }
            Command::Browsers { user } => return browsers::list(site, user).await,
            Command::ForgetBrowser { user, browser } => {
                let problem = "expected the id of a browser (BR…)";
                let id = browser.parse().map_err(|_| AdminError::Usage { argument: "BROWSER", problem })?;
                engine.forget_browser(site.account, ACTOR, site.user(user).await?.id, id).await?;
                (user, "must authenticate again in that browser")
            }
            Command::ForgetDevices { user } => {
                engine.forget_remembered(site.account, ACTOR, site.user(user).await?.id).await?;
                (user, "must authenticate again on every device")
            }
        };
        said_of(site, given, said).await
    }
}

/// The user as it is now, and one line.
async fn said_of(site: &Site, given: &str, said: &str) -> Result<Answer, AdminError> {
    let user = site.user(given).await?;
    let text = format!("{} ({}): {said}", countersign_device::clean(&user.username, 100), user.id);
    Ok(Answer::new(user_json(&user, site.now()), text))
}

async fn list(site: &Site, name: Option<&str>, slice: Slice) -> Result<Answer, AdminError> {
    let now = site.now();
    let (users, total) = match name {
        Some(name) => (vec![site.user(name).await?], 1),
        None => {
            let page = site.reader().users(site.account, &UserFilter::All, slice).await?;
            (page.items, page.total)
        }
    };
    let mut table = Table::new(&["username", "status", "name", "email", "last login", "id"]);
    for user in &users {
        table.row([
            user.username.clone(),
            status(user, now).to_owned(),
            user.realname.clone().unwrap_or_default(),
            user.email.clone(),
            moment_or(user.last_login, "never"),
            user.id.to_string(),
        ]);
    }
    let mut text = table.text("no users");
    if (users.len() as u64) < total {
        text = format!("{text}\n{} of {total}; more with --offset and --limit", users.len());
    }
    let users: Vec<Json> = users.iter().map(|user| user_json(user, now)).collect();
    Ok(Answer::new(json!({"users": users, "total": total}), text))
}

/// Who is in bypass, why and until when: what an auditor asks first.
async fn in_bypass(site: &Site, slice: Slice) -> Result<Answer, AdminError> {
    let now = site.now();
    let mut page = site.reader().users(site.account, &UserFilter::InBypass, slice).await?;
    page.items.retain(|user| is_in_bypass(user, now));
    let mut table = Table::new(&["username", "until", "reason", "last login", "id"]);
    for user in &page.items {
        let bypass = user.bypass.as_ref();
        table.row([
            user.username.clone(),
            moment_or(bypass.and_then(|bypass| bypass.term.until), "no end"),
            bypass.map(|bypass| bypass.reason.clone()).unwrap_or_default(),
            moment_or(user.last_login, "never"),
            user.id.to_string(),
        ]);
    }
    let mut text = table.text("no users in bypass");
    let mut groups = site.reader().groups_in_bypass(site.account).await?;
    groups.retain(|group| group.status_at(now) == GroupStatus::Bypass);
    for group in &groups {
        let line = group.bypass.as_ref().map(bypass_line).unwrap_or_default();
        text = format!(
            "{text}\nand every member of the group {}, {}",
            countersign_device::clean(&group.name, 100),
            countersign_device::clean(&line, 600)
        );
    }
    let users: Vec<Json> = page.items.iter().map(|user| user_json(user, now)).collect();
    let groups: Vec<Json> = groups.iter().map(|group| group_json(group, now)).collect();
    Ok(Answer::new(json!({"users": users, "groups": groups, "total": page.total}), text))
}

fn is_in_bypass(user: &UserRecord, now: Timestamp) -> bool {
    user.status_at(now) == UserStatus::Bypass
}

async fn show(site: &Site, user: &UserRecord) -> Result<Answer, AdminError> {
    let (reader, now, ids) = (site.reader(), site.now(), [user.id]);
    let groups = reader.groups_of(site.account, &ids).await?.remove(&user.id).unwrap_or_default();
    let phones = reader.phones_of(site.account, &ids).await?.remove(&user.id).unwrap_or_default();
    let tokens = reader.tokens_of(site.account, &ids).await?.remove(&user.id).unwrap_or_default();
    let passkeys = reader.webauthn_credentials_of(site.account, &ids).await?.remove(&user.id).unwrap_or_default();
    let all = Slice { offset: 0, limit: 100 };
    let codes = reader.bypass_codes(site.account, Some(user.id), now, all).await?;

    let mut json = user_json(user, now);
    json["groups"] = groups.iter().map(|group| json!({"group_id": group.id.as_str(), "name": group.name})).collect();
    json["phones"] = phones.iter().map(phone_json).collect();
    json["tokens"] = tokens.iter().map(token_json).collect();
    json["webauthncredentials"] = passkeys.iter().map(credential_json).collect();
    json["bypass_codes"] = codes.total.into();

    let mut card = Card::default();
    card.line("username", user.username.as_str()).line("id", user.id.as_str()).line("status", status_line(user, now));
    if let Some(bypass) = user.bypass.as_ref().filter(|_| is_in_bypass(user, now)) {
        card.line("bypass", bypass_line(bypass));
    }
    for (slot, name) in &user.aliases {
        card.line("alias", format!("{name} (slot {slot})"));
    }
    card.line("name", user.realname.as_deref().unwrap_or_default())
        .line("email", user.email.as_str())
        .line("notes", user.notes.as_str())
        .line("default factor", user.default_factor.map_or("", DefaultFactor::as_str))
        .line("created", moment(user.created_at))
        .line("last login", moment_or(user.last_login, "never"));
    for (name, value) in &user.custom {
        card.line("attribute", format!("{name} = {}", value.as_str().unwrap_or_default()));
    }
    for group in &groups {
        card.line("group", format!("{} ({})", group.name, group.status.as_str()));
    }
    for phone in &phones {
        card.line("phone", phone_line(phone));
    }
    for token in &tokens {
        card.line("token", format!("{} {} {}", token.kind.as_str(), token.serial, token.id));
    }
    for passkey in &passkeys {
        card.line("passkey", credential_line(passkey));
    }
    card.line("bypass codes", codes.total.to_string());
    Ok(Answer::new(json, card.text()))
}

async fn enroll(
    site: &Site,
    username: &str,
    email: Option<String>,
    valid: &str,
    mail: bool,
) -> Result<Answer, AdminError> {
    let engine = &site.engine;
    let valid = super::when::length("--valid", valid)?;
    let user = match site.user(username).await {
        Ok(user) => user,
        Err(AdminError::NoSuch { .. }) => {
            let change = UserChange { email, ..UserChange::default() };
            engine.create_user(site.account, ACTOR, username, &change).await?
        }
        Err(error) => return Err(error),
    };
    let phone = PhoneChange {
        kind: Some("mobile".to_owned()),
        platform: Some("generic smartphone".to_owned()),
        ..PhoneChange::default()
    };
    let phone = engine.create_phone(site.account, ACTOR, &phone).await?;
    engine.give_phone(site.account, ACTOR, user.id, phone).await?;
    let mut answer = activate(site, phone, valid).await?;
    if mail {
        super::mail::send_activation(site, &user, &mut answer).await?;
    }
    answer.json["user_id"] = user.id.as_str().into();
    answer.json["username"] = user.username.as_str().into();
    Ok(answer)
}

async fn delete(site: &Site, given: &str, purge: bool) -> Result<Answer, AdminError> {
    let user = site.user(given).await?;
    let name = countersign_device::clean(&user.username, 100);
    if !purge {
        site.engine.trash_users(site.account, ACTOR, &[user.id]).await?;
        return said_of(site, user.id.as_str(), "in the trash; `user restore` takes it back").await;
    }
    site.confirm(&format!("This deletes {name} ({}) for good, with devices and codes.", user.id))?;
    site.engine.delete_user(site.account, ACTOR, user.id).await?;
    let json = json!({"user_id": user.id.as_str(), "deleted": true});
    Ok(Answer::new(json, format!("{name} ({}): deleted", user.id)))
}

/// The status as logins see it: a lockout hides the one an administrator gave.
fn status(user: &UserRecord, now: Timestamp) -> &'static str {
    if user.lockout.check(now).is_err() { "locked out" } else { user.status_at(now).as_str() }
}

fn status_line(user: &UserRecord, now: Timestamp) -> String {
    match user.lockout.lock {
        _ if user.lockout.check(now).is_ok() => status(user, now).to_owned(),
        Lock::Open => user.status_at(now).as_str().to_owned(),
        Lock::Until { until, .. } => format!("locked out until {}", moment(until)),
        Lock::Indefinite { at } => format!("locked out since {} by failures", moment(at)),
        Lock::ByAdministrator { at } => format!("locked out since {} by an administrator", moment(at)),
    }
}

/// A user's JSON shape, under the Admin API's names; `locked_until` is ours.
fn user_json(user: &UserRecord, now: Timestamp) -> Json {
    let aliases: Map<String, Json> =
        user.aliases.iter().map(|(slot, name)| (format!("alias{slot}"), json!(name))).collect();
    let locked_until = match user.lockout.lock {
        Lock::Until { until, .. } if user.lockout.check(now).is_err() => Some(until),
        Lock::Until { .. } | Lock::Open | Lock::Indefinite { .. } | Lock::ByAdministrator { .. } => None,
    };
    let mut json = json!({
        "user_id": user.id.as_str(),
        "username": user.username,
        "aliases": aliases,
        "realname": user.realname,
        "firstname": user.firstname,
        "lastname": user.lastname,
        "email": user.email,
        "notes": user.notes,
        "status": status(user, now),
        "locked_until": unix(locked_until),
        "default_factor": user.default_factor.map(DefaultFactor::as_str),
        "custom_attributes": user.custom,
        "created": user.created_at.as_second(),
        "last_login": unix(user.last_login),
    });
    add_bypass(&mut json, user.bypass.as_ref().filter(|_| is_in_bypass(user, now)));
    json
}
