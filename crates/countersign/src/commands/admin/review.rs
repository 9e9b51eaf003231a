//! `countersign admin review`

use clap::{Args, Subcommand};
use cs_core::id::ReviewEventId;
use cs_core::policy::Word as _;
use cs_core::policy::risk::ReviewState;
use cs_core::policy::sections::Signal;
use cs_engine::review::REVIEWS_KEPT;
use cs_store::review::{ReviewEvent, ReviewPage};
use serde_json::{Value as Json, json};

use super::error::AdminError;
use super::out::{Answer, Card, Table, moment};
use super::site::{ACTOR, Site};

/// The review queue: signals of risk that fired and bypasses that were given, to look at
#[derive(Debug, Args)]
pub(super) struct Review {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List events nobody has looked at, oldest first, at most 1000; with --all also the others
    List {
        #[arg(long)]
        all: bool,
    },
    /// Show an event
    Show { id: String },
    /// Put an event away: there is nothing in it
    Dismiss { id: String },
    /// Put an event away: something was done about it
    Process { id: String },
}

impl Review {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match &self.command {
            Command::List { all } => list(site, *all).await,
            Command::Show { id } => shown(site, id).await,
            Command::Dismiss { id } => changed(site, id, ReviewState::Dismissed).await,
            Command::Process { id } => changed(site, id, ReviewState::Processed).await,
        }
    }
}

async fn event(site: &Site, given: &str) -> Result<ReviewEvent, AdminError> {
    let none = || AdminError::NoSuch { what: "review event", given: given.to_owned(), suggestion: None };
    let id: ReviewEventId = given.parse().map_err(|_| none())?;
    site.reader().review_event(site.account, id).await?.ok_or_else(none)
}

async fn changed(site: &Site, given: &str, state: ReviewState) -> Result<Answer, AdminError> {
    let event = event(site, given).await?;
    site.engine.review(site.account, ACTOR, event.id, state).await?;
    shown(site, given).await
}

async fn shown(site: &Site, given: &str) -> Result<Answer, AdminError> {
    let event = event(site, given).await?;
    let username = username(site, &event).await;
    let mut card = Card::default();
    card.line("event", event.id.to_string());
    card.line("user", username.clone());
    card.line("what", what(&event));
    card.line("why", event.summary.clone());
    card.line("at", moment(event.surfaced_at));
    if let Some(txid) = event.txid {
        card.line("login", txid.to_string());
    }
    if let Some(by) = &event.made_by {
        card.line("by", by.clone());
    }
    card.line("state", event.state.as_str());
    Ok(Answer::new(shape(&event, &username), card.text()))
}

async fn list(site: &Site, all: bool) -> Result<Answer, AdminError> {
    let now = site.now();
    let state = if all { None } else { Some(ReviewState::New) };
    let page = ReviewPage { from: now - REVIEWS_KEPT, to: now, kind: None, state, after: None, limit: 1000 };
    let events = site.reader().review_events(site.account, &page).await?;
    let mut table = Table::new(&["at", "user", "what", "why", "state", "id"]);
    let mut items = Vec::with_capacity(events.len());
    for event in &events {
        let username = username(site, event).await;
        table.row([
            moment(event.surfaced_at),
            username.clone(),
            what(event).to_owned(),
            event.summary.clone(),
            event.state.as_str().to_owned(),
            event.id.to_string(),
        ]);
        items.push(shape(event, &username));
    }
    Ok(Answer::new(json!({"events": items}), table.text("nothing to review")))
}

/// The signal, or what else it is.
fn what(event: &ReviewEvent) -> &'static str {
    event.signal.map_or(event.kind.as_str(), Signal::as_str)
}

/// The user's name, or the id of one that is gone; empty where it is about no single user.
async fn username(site: &Site, event: &ReviewEvent) -> String {
    let Some(id) = event.user else { return String::new() };
    match site.user(id.as_str()).await {
        Ok(user) => user.username,
        Err(_) => id.to_string(),
    }
}

fn shape(event: &ReviewEvent, username: &str) -> Json {
    json!({
        "sekey": event.id.as_str(),
        "type": event.kind.as_str(),
        "signal": event.signal.map(Signal::as_str),
        "priority": event.is_priority,
        "summary": event.summary,
        "user_id": event.user.map(|user| user.to_string()),
        "username": username,
        "integration_key": event.integration.map(|key| key.to_string()),
        "txid": event.txid.map(|txid| txid.to_string()),
        "made_by": event.made_by,
        "surfaced": event.surfaced_at.as_second(),
        "state": event.state.as_str(),
        "state_updated": event.state_at.as_second(),
        "state_updated_by": event.state_by,
    })
}
