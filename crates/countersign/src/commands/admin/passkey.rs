//! `countersign admin passkey`

use clap::{Args, Subcommand};
use cs_core::id::WebauthnKey;
use cs_core::webauthn::Credential;
use cs_store::users::Slice;
use cs_store::webauthn::CredentialRecord;
use serde_json::{Value as Json, json};

use super::error::AdminError;
use super::lookup::missing;
use super::out::{Answer, Table, moment, moment_or};
use super::site::{ACTOR, Site};

/// Passkeys and security keys; users add them themselves
#[derive(Debug, Args)]
pub(super) struct Passkey {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List passkeys and security keys
    List {
        /// Only this user's
        #[arg(long)]
        user: Option<String>,
    },
    /// Remove one, by its id; its user is told by mail
    Remove { key: String },
}

impl Passkey {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match &self.command {
            Command::List { user } => list(site, user.as_deref()).await,
            Command::Remove { key } => remove(site, key).await,
        }
    }
}

async fn list(site: &Site, user: Option<&str>) -> Result<Answer, AdminError> {
    let reader = site.reader();
    let found = match user {
        Some(user) => {
            let user = site.user(user).await?.id;
            let own = reader.webauthn_credentials_of(site.account, &[user]).await?.remove(&user).unwrap_or_default();
            own.into_iter().map(|credential| CredentialRecord { user, credential }).collect()
        }
        None => reader.webauthn_credentials(site.account, Slice { offset: 0, limit: 1000 }).await?.items,
    };
    let ids: Vec<_> = found.iter().map(|record| record.user).collect();
    let users = reader.users_by_id(site.account, &ids).await?;
    let mut table = Table::new(&["user", "name", "last used", "state", "id"]);
    let mut rows = Vec::new();
    for CredentialRecord { user, credential } in found {
        let username = users.get(&user).map(|user| user.username.clone()).unwrap_or_default();
        let state = if credential.is_usable() { "" } else { "refused: its counter went back" };
        table.row([
            username.clone(),
            credential.display_name(),
            moment_or(credential.last_used, "never"),
            state.to_owned(),
            credential.key.to_string(),
        ]);
        let mut json = credential_json(&credential);
        json["user_id"] = user.as_str().into();
        json["username"] = username.into();
        rows.push(json);
    }
    Ok(Answer::new(json!({"webauthncredentials": rows}), table.text("no passkeys or security keys")))
}

async fn remove(site: &Site, given: &str) -> Result<Answer, AdminError> {
    let nobody = || missing("passkey", given, std::iter::empty());
    let key: WebauthnKey = given.parse().map_err(|_| nobody())?;
    let record = site.reader().webauthn_credential(site.account, key).await?.ok_or_else(nobody)?;
    let user = site.user(record.user.as_str()).await?;
    let name = record.credential.display_name();
    site.confirm(&format!("This removes {name} ({key}) of {}, who can no longer log in with it.", user.username))?;
    site.engine.remove_credential(site.account, ACTOR, key).await?;
    Ok(Answer::new(json!({"webauthnkey": key.as_str(), "deleted": true}), format!("{key}: removed")))
}

/// A credential's JSON shape.
pub(super) fn credential_json(credential: &Credential) -> Json {
    json!({
        "webauthnkey": credential.key.as_str(),
        "credential_name": credential.name,
        "label": credential.label,
        "aaguid": credential.aaguid.to_string(),
        "uv_capable": credential.verifies,
        "passwordless_authorized": credential.is_passwordless(),
        "date_added": credential.created_at.as_second(),
        "last_used": credential.last_used.map(jiff::Timestamp::as_second),
        "cloned": credential.cloned_at.map(jiff::Timestamp::as_second),
    })
}

/// A credential on one line of a card.
pub(super) fn credential_line(credential: &Credential) -> String {
    let state = if credential.is_usable() { "" } else { ", refused: its counter went back" };
    let (name, added) = (credential.display_name(), moment(credential.created_at));
    format!("{name} {}, added {added}{state}", credential.key)
}
