//! `countersign admin token`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cs_core::otp::{OtpKind, SecretEncoding};
use cs_engine::EngineError;
use cs_engine::admin::tokens::Imported;
use cs_store::tokens::TokenRecord;
use cs_store::users::Slice;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::error::AdminError;
use super::out::{Answer, Card, Table, moment};
use super::site::{ACTOR, Site};

/// Hardware tokens
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List tokens
    List {
        /// Only this user's
        #[arg(long)]
        user: Option<String>,
    },
    /// Show a token and whose it is
    Show { token: String },
    /// Import tokens of one type from a CSV file: all of them or, if a line is wrong, none
    #[command(after_help = "One token a line:\n  \
        h6, h8  serial,secret[,counter]\n  t6, t8  serial,secret[,seconds of a step]\n  yk      serial,private identity,AES key")]
    Import {
        file: PathBuf,
        /// h6, h8, t6, t8 or yk
        #[arg(long = "type", value_name = "TYPE")]
        kind: String,
        /// How secrets are written
        #[arg(long, default_value = "hex")]
        encoding: Encoding,
    },
    /// Give a token to a user
    Assign { token: String, user: String },
    /// Take a token from a user
    Unassign { token: String, user: String },
    /// Say whose a token is, where several people share one user: shown in the log; an empty name takes it away
    Owner { token: String, owner: String },
    /// Resynchronise a token with consecutive codes: three of an event token, two of a time token
    Resync {
        token: String,
        #[arg(required = true, num_args = 2..=3)]
        codes: Vec<String>,
    },
    /// Delete a token
    Delete { token: String },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Encoding {
    Hex,
    Base32,
}

impl Token {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let engine = &site.engine;
        match &self.command {
            Command::List { user } => list(site, user.as_deref()).await,
            Command::Show { token } => show(site, &site.token(token).await?).await,
            Command::Import { file, kind, encoding } => {
                let text = std::fs::read_to_string(file)
                    .map_err(|source| AdminError::Read { name: file.display().to_string(), source })?;
                import(site, &Zeroizing::new(text), kind, *encoding).await
            }
            Command::Assign { token, user } => {
                let (token, user) = (site.token(token).await?, site.user(user).await?.id);
                engine.give_token(site.account, ACTOR, user, token.id).await?;
                show(site, &token).await
            }
            Command::Unassign { token, user } => {
                let (token, user) = (site.token(token).await?, site.user(user).await?.id);
                if !engine.take_token(site.account, ACTOR, user, token.id).await? {
                    return Err(AdminError::Refused(format!("{user} does not have {}", token.serial)));
                }
                show(site, &token).await
            }
            Command::Owner { token, owner } => {
                let token = site.token(token).await?.id;
                engine.set_token_owner(site.account, ACTOR, token, owner).await?;
                show(site, &site.token(token.as_str()).await?).await
            }
            Command::Resync { token, codes } => {
                let token = site.token(token).await?;
                let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
                match engine.resync_token(site.account, ACTOR, token.id, &codes).await {
                    Err(EngineError::Invalid("code1")) => {
                        Err(AdminError::Refused(format!("these are not consecutive codes of {}", token.serial)))
                    }
                    outcome => {
                        outcome?;
                        show(site, &token).await
                    }
                }
            }
            Command::Delete { token } => {
                let token = site.token(token).await?;
                site.confirm(&format!("This deletes the token {} ({}).", token.serial, token.id))?;
                engine.delete_token(site.account, ACTOR, token.id).await?;
                let json = json!({"token_id": token.id.as_str(), "deleted": true});
                Ok(Answer::new(json, format!("{}: deleted", token.id)))
            }
        }
    }
}

async fn import(site: &Site, csv: &str, kind: &str, encoding: Encoding) -> Result<Answer, AdminError> {
    let kind: OtpKind =
        kind.parse().map_err(|_| AdminError::Usage { argument: "--type", problem: "expected h6, h8, t6, t8 or yk" })?;
    let encoding = match encoding {
        Encoding::Hex => SecretEncoding::Hex,
        Encoding::Base32 => SecretEncoding::Base32,
    };
    match site.engine.import_tokens(site.account, ACTOR, kind, encoding, csv).await? {
        Imported::Done(ids) => {
            let tokens: Vec<&str> = ids.iter().map(cs_core::id::TokenId::as_str).collect();
            let text = format!("{} tokens imported", tokens.len());
            Ok(Answer::new(json!({"token_ids": tokens}), text))
        }
        Imported::Refused(errors) => {
            let lines: Vec<String> =
                errors.iter().map(|error| format!("line {}: {}", error.line, error.error)).collect();
            Err(AdminError::Refused(format!("nothing was imported: {}", lines.join("; "))))
        }
    }
}

async fn list(site: &Site, user: Option<&str>) -> Result<Answer, AdminError> {
    let reader = site.reader();
    let tokens = match user {
        Some(user) => {
            let user = site.user(user).await?.id;
            reader.tokens_of(site.account, &[user]).await?.remove(&user).unwrap_or_default()
        }
        None => reader.tokens(site.account, None, Slice { offset: 0, limit: 1000 }).await?.items,
    };
    let mut table = Table::new(&["type", "serial", "created", "id"]);
    for token in &tokens {
        let kind = token.kind.as_str().to_owned();
        table.row([kind, token.serial.clone(), moment(token.created_at), token.id.to_string()]);
    }
    let tokens: Vec<Json> = tokens.iter().map(token_json).collect();
    Ok(Answer::new(json!({"tokens": tokens}), table.text("no tokens")))
}

async fn show(site: &Site, token: &TokenRecord) -> Result<Answer, AdminError> {
    let mut owners = site.reader().users_of_tokens(site.account, &[token.id]).await?;
    let mut card = Card::default();
    card.line("serial", token.serial.as_str()).line("type", token.kind.as_str()).line("id", token.id.as_str());
    card.line("owner", token.owner.as_str());
    let mut users = Vec::new();
    for id in owners.remove(&token.id).unwrap_or_default() {
        let user = site.user(id.as_str()).await?;
        card.line("user", format!("{} ({})", user.username, user.id));
        users.push(json!({"user_id": user.id.as_str(), "username": user.username}));
    }
    let mut json = token_json(token);
    json["users"] = users.into();
    Ok(Answer::new(json, card.text()))
}

/// A token's JSON shape.
pub(super) fn token_json(token: &TokenRecord) -> Json {
    json!({
        "token_id": token.id.as_str(),
        "type": token.kind.as_str(),
        "serial": token.serial,
        "owner": token.owner,
        "created": token.created_at.as_second(),
    })
}
