//! `countersign admin bypass`

use clap::{Args, Subcommand};
use cs_core::id::BypassCodeId;
use cs_engine::admin::bypass_codes::{NewBypassCodes, WantedCodes};
use cs_store::users::Slice;
use serde_json::{Value as Json, json};

use super::error::AdminError;
use super::out::{Answer, Table, moment, moment_or, unix};
use super::site::{ACTOR, Site};
use super::when;

/// As many codes as one user can have.
const ALL: Slice = Slice { offset: 0, limit: 1000 };

/// Bypass codes: let a user in once without a device
#[derive(Debug, Args)]
pub(super) struct Bypass {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make codes and print them, this once; the user's earlier codes are removed
    Create {
        user: String,
        /// How many
        #[arg(long, default_value_t = 1)]
        count: usize,
        /// How often each can be used; 0 for any number of times
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// How long they work; for ever without this
        #[arg(long, value_name = "TIME")]
        valid: Option<String>,
        /// Keep the user's earlier codes
        #[arg(long)]
        preserve: bool,
        /// Why, for lists and the log
        #[arg(long)]
        reason: Option<String>,
    },
    /// List codes that can still be used; the codes themselves are not kept
    List {
        /// Only this user's
        user: Option<String>,
    },
    /// Remove all codes of a user, or one by its id
    Revoke {
        /// A user, or the id of a code (DB…)
        user_or_code: String,
    },
}

impl Bypass {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match &self.command {
            Command::Create { user, count, uses, valid, preserve, reason } => {
                let valid = valid.as_deref().map(|text| when::length("--valid", text)).transpose()?;
                let new = NewBypassCodes {
                    codes: WantedCodes::Random(*count),
                    uses: (*uses > 0).then_some(*uses),
                    valid_secs: valid.map(|valid| valid.as_secs()),
                    preserve_existing: *preserve,
                    reason: reason.clone(),
                };
                create(site, user, new).await
            }
            Command::List { user } => list(site, user.as_deref()).await,
            Command::Revoke { user_or_code } => revoke(site, user_or_code).await,
        }
    }
}

async fn create(site: &Site, user: &str, new: NewBypassCodes) -> Result<Answer, AdminError> {
    let user = site.user(user).await?;
    let expires = new.valid_secs.map(|secs| site.now() + jiff::SignedDuration::from_secs(secs));
    let uses = new.uses;
    let made = site.engine.create_bypass_codes(site.account, ACTOR, user.id, new).await?;
    let codes: Vec<Json> =
        made.iter().map(|made| json!({"bypass_code_id": made.id.as_str(), "code": made.code.expose()})).collect();
    let mut lines: Vec<String> = made.iter().map(|made| made.code.expose().to_owned()).collect();
    let name = countersign_device::clean(&user.username, 100);
    let often = uses.map_or_else(|| "any number of times".to_owned(), |uses| format!("{uses} time(s)"));
    let until = expires.map_or_else(String::new, |at| format!(" until {}", moment(at)));
    lines.push(format!("For {name}, each usable {often}{until}. Not shown again."));
    let json = json!({"user_id": user.id.as_str(), "codes": codes, "reuse_count": uses, "expiration": unix(expires)});
    Ok(Answer::new(json, lines.join("\n")))
}

async fn list(site: &Site, user: Option<&str>) -> Result<Answer, AdminError> {
    let user = match user {
        Some(user) => Some(site.user(user).await?.id),
        None => None,
    };
    let page = site.reader().bypass_codes(site.account, user, site.now(), ALL).await?;
    let mut table = Table::new(&["id", "user", "created", "expires", "uses left", "reason"]);
    let mut codes = Vec::new();
    for code in &page.items {
        let username = site.user(code.user.as_str()).await.map(|user| user.username).unwrap_or_default();
        table.row([
            code.id.to_string(),
            username.clone(),
            moment(code.created_at),
            moment_or(code.expires_at, "never"),
            code.uses_left.map_or_else(|| "any".to_owned(), |uses| uses.to_string()),
            code.reason.clone().unwrap_or_default(),
        ]);
        codes.push(json!({
            "bypass_code_id": code.id.as_str(),
            "user_id": code.user.as_str(),
            "username": username,
            "created": code.created_at.as_second(),
            "expiration": unix(code.expires_at),
            "reuse_count": code.uses_left,
            "reason": code.reason,
        }));
    }
    Ok(Answer::new(json!({"bypass_codes": codes, "total": page.total}), table.text("no bypass codes")))
}

async fn revoke(site: &Site, given: &str) -> Result<Answer, AdminError> {
    let ids = match given.parse::<BypassCodeId>() {
        Ok(id) => vec![id],
        Err(_) => {
            let user = site.user(given).await?.id;
            let page = site.reader().bypass_codes(site.account, Some(user), site.now(), ALL).await?;
            page.items.iter().map(|code| code.id).collect()
        }
    };
    let mut revoked = Vec::new();
    for id in ids {
        if site.engine.delete_bypass_code(site.account, ACTOR, id).await? {
            revoked.push(id.to_string());
        }
    }
    if revoked.is_empty() && given.parse::<BypassCodeId>().is_ok() {
        return Err(AdminError::NoSuch { what: "bypass code", given: given.to_owned(), suggestion: None });
    }
    let text = match revoked.len() {
        1 => "1 code revoked".to_owned(),
        count => format!("{count} codes revoked"),
    };
    Ok(Answer::new(json!({"revoked": revoked}), text))
}
