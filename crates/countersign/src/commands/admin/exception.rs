//! `countersign admin exception`

use clap::{Args, Subcommand};
use cs_core::exception::ExceptionState;
use cs_core::id::{BypassCodeId, ExceptionId, PhoneId};
use cs_engine::exceptions::{Approval, Delivery};
use cs_store::exceptions::ExceptionRecord;
use serde_json::{Value as Json, json};

use super::error::AdminError;
use super::out::{Answer, Card, Table, moment, moment_or, unix};
use super::site::{ACTOR, Site};
use super::when;

/// Requests for exceptions: what people asked for, to approve or refuse
#[derive(Debug, Args)]
pub(super) struct Exception {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List requests that wait; with --all also those that were decided
    List {
        #[arg(long)]
        all: bool,
    },
    /// Show a request
    Show { id: String },
    /// Approve a request, for as long as was asked or less
    Approve {
        id: String,
        /// For how long, at most as long as was asked
        #[arg(long = "for", value_name = "TIME")]
        length: Option<String>,
        /// A remark, which the person can read
        #[arg(long, default_value = "")]
        note: String,
        /// Do not print the bypass code: the authenticator that asked fetches it
        #[arg(long)]
        to_device: bool,
    },
    /// Refuse a request
    Refuse {
        id: String,
        /// Why, which the person can read
        #[arg(long)]
        note: String,
    },
}

impl Exception {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match &self.command {
            Command::List { all } => list(site, *all).await,
            Command::Show { id } => {
                let (json, text) = shape(site, &request(site, id).await?).await?;
                Ok(Answer::new(json, text))
            }
            Command::Approve { id, length, note, to_device } => {
                let asked = request(site, id).await?;
                let length = length.as_deref().map(|text| when::length("--for", text)).transpose()?;
                let person = site.user(asked.user.as_str()).await?.username;
                let person = countersign_device::clean(&person, 100);
                site.confirm(&format!(
                    "This lets {person} in by {} for {} minutes at most.",
                    asked.kind.as_str(),
                    length.unwrap_or(asked.wanted).as_mins()
                ))?;
                let delivery = if *to_device { Delivery::Device } else { Delivery::Show };
                let approval = Approval { length, note: note.clone(), delivery };
                let approved = site.engine.approve_exception(site.account, ACTOR, asked.id, &approval).await?;
                let (mut json, mut text) = shape(site, &request(site, id).await?).await?;
                if let Some(code) = &approved.code {
                    json["code"] = code.expose().into();
                    text = format!(
                        "{text}\n\n{}\nIs shown this once and works once, until {}.",
                        code.expose(),
                        moment(approved.until)
                    );
                }
                Ok(Answer::new(json, text))
            }
            Command::Refuse { id, note } => {
                let asked = request(site, id).await?;
                site.engine.refuse_exception(site.account, ACTOR, asked.id, note).await?;
                let (json, text) = shape(site, &request(site, id).await?).await?;
                Ok(Answer::new(json, text))
            }
        }
    }
}

async fn request(site: &Site, given: &str) -> Result<ExceptionRecord, AdminError> {
    let none = || AdminError::NoSuch { what: "exception request", given: given.to_owned(), suggestion: None };
    let id: ExceptionId = given.parse().map_err(|_| none())?;
    site.reader().exception(site.account, id).await?.ok_or_else(none)
}

async fn list(site: &Site, all: bool) -> Result<Answer, AdminError> {
    let now = site.now();
    let mut requests = site.reader().exceptions(site.account, None, 1000).await?;
    requests.retain(|one| all || one.state.at(one.expires_at, now) == ExceptionState::Waiting);
    let mut table = Table::new(&["asked", "user", "for", "minutes", "reason", "state", "id"]);
    let mut items = Vec::with_capacity(requests.len());
    for one in &requests {
        let username = site.user(one.user.as_str()).await?.username;
        table.row([
            moment(one.created_at),
            username,
            one.kind.as_str().to_owned(),
            one.wanted.as_mins().to_string(),
            one.reason.clone(),
            one.state.at(one.expires_at, now).as_str().to_owned(),
            one.id.to_string(),
        ]);
        items.push(shape(site, one).await?.0);
    }
    Ok(Answer::new(json!({"exceptions": items}), table.text("no requests")))
}

async fn shape(site: &Site, one: &ExceptionRecord) -> Result<(Json, String), AdminError> {
    let username = site.user(one.user.as_str()).await?.username;
    let state = one.state.at(one.expires_at, site.now());
    let mut card = Card::default();
    card.line("id", one.id.as_str())
        .line("user", format!("{username} ({})", one.user))
        .line("asks for", format!("{} for {} minutes", one.kind.as_str(), one.wanted.as_mins()))
        .line("reason", one.reason.as_str())
        .line("asked", format!("{} by {}", moment(one.created_at), one.source))
        .line("state", state.as_str())
        .line(
            "can be decided until",
            if state == ExceptionState::Waiting { moment(one.expires_at) } else { String::new() },
        )
        .line("decided", moment_or(one.decided_at, ""))
        .line("by", one.decided_by.as_deref().unwrap_or_default())
        .line("note", one.note.as_deref().unwrap_or_default())
        .line("granted until", moment_or(one.until, ""));
    let json = json!({
        "exception_id": one.id.as_str(),
        "user_id": one.user.as_str(),
        "username": username,
        "kind": one.kind.as_str(),
        "reason": one.reason,
        "wanted_secs": one.wanted.as_secs(),
        "source": one.source,
        "phone_id": one.phone.as_ref().map(PhoneId::as_str),
        "state": state.as_str(),
        "created": one.created_at.as_second(),
        "expires": one.expires_at.as_second(),
        "decided": unix(one.decided_at),
        "decided_by": one.decided_by,
        "note": one.note,
        "until": unix(one.until),
        "bypass_code_id": one.code.as_ref().map(BypassCodeId::as_str),
    });
    Ok((json, card.text()))
}
