//! `countersign admin mail`

use clap::{Args, Subcommand};
use cs_engine::EngineError;
use cs_engine::admin::is_email;
use cs_engine::letters::{Letter, MAIL, addressed};
use cs_store::Job;
use cs_store::outbox::{Effect, EffectState, revive_effect};
use cs_store::users::UserRecord;
use jiff::Timestamp;
use serde_json::json;

use super::error::AdminError;
use super::out::{Answer, Table, moment, unix};
use super::site::Site;
use crate::outbound::mail::Sender;

const NO_MAIL: &str = "no mail server is configured (`mail.host` and `mail.from`)";

/// Mail: a test message, and what became of messages
#[derive(Debug, Args)]
pub(super) struct Mail {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a test message now and say what the mail server answered
    Test {
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
    /// List the newest messages: waiting, delivered, given up
    List {
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Try a message again that was given up
    Retry { id: String },
}

impl Mail {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match &self.command {
            Command::Test { to } => test(site, to).await,
            Command::List { limit } => list(site, *limit).await,
            Command::Retry { id } => {
                let job = Job::new().step(revive_effect(site.account, MAIL, id, site.now()));
                if site.engine.store().commit(job).await.is_err() {
                    let given = countersign_device::clean(id, 64);
                    return Err(AdminError::NoSuch { what: "message that was given up", given, suggestion: None });
                }
                Ok(Answer::new(json!({"id": id, "state": "waiting"}), "the server tries it again"))
            }
        }
    }
}

async fn test(site: &Site, to: &str) -> Result<Answer, AdminError> {
    if !is_email(to) {
        return Err(AdminError::Usage { argument: "--to", problem: "is not an e-mail address" });
    }
    let config = site.mail.clone().ok_or_else(|| AdminError::Refused(NO_MAIL.to_owned()))?;
    let server = format!("{}:{}", config.host, config.port);
    let account = site.engine.directory().account(site.account).await?.ok_or(EngineError::NotFound)?;
    let now = site.now();
    let id = Effect::new(MAIL, site.account.as_str(), "", now).id;
    match Sender::new(config).send(&Letter::test(&account, to), &id, now).await {
        Ok(()) => Ok(Answer::new(
            json!({"to": to, "server": server, "accepted": true}),
            format!("{server} took the message for {}", countersign_device::clean(to, 254)),
        )),
        Err(error) => Err(AdminError::Refused(format!("{server}: {}", error.explained()))),
    }
}

async fn list(site: &Site, limit: u32) -> Result<Answer, AdminError> {
    let effects = site.reader().effects(site.account, MAIL, limit).await?;
    let mut table = Table::new(&["made", "to", "subject", "state", "tries", "last problem", "id"]);
    let mut messages = Vec::with_capacity(effects.len());
    for effect in &effects {
        let (to, subject) = addressed(&effect.payload).unwrap_or_default();
        let (state, at) = state(effect);
        messages.push(json!({
            "id": effect.id,
            "to": to,
            "subject": subject,
            "created": effect.created_at.as_second(),
            "state": state,
            "at": unix(Some(at)),
            "attempts": effect.attempts,
            "last_error": effect.last_error,
        }));
        table.row([
            moment(effect.created_at),
            to,
            subject,
            format!("{state} {}", moment(at)),
            effect.attempts.to_string(),
            effect.last_error.clone().unwrap_or_default(),
            effect.id.clone(),
        ]);
    }
    Ok(Answer::new(json!({"messages": messages}), table.text("no messages")))
}

/// How a message stands, and since or until when.
pub(super) fn state(effect: &EffectState) -> (&'static str, Timestamp) {
    match (effect.done_at, effect.dead_at) {
        (Some(done), _) => ("delivered", done),
        (None, Some(dead)) => ("given up", dead),
        (None, None) => ("waiting, next try", effect.not_before),
    }
}

/// Queues the letter with the activation link of `answer`, and says so in it.
pub(super) async fn send_activation(site: &Site, user: &UserRecord, answer: &mut Answer) -> Result<(), AdminError> {
    let account = site.engine.directory().account(site.account).await?.ok_or(EngineError::NotFound)?;
    let url = answer.json["activation_url"].as_str().unwrap_or_default().to_owned();
    let expires = answer.json["expiration"].as_i64().and_then(|second| Timestamp::from_second(second).ok());
    let expires = expires.unwrap_or_else(|| site.now());
    let id = if is_email(&user.email) {
        let letter = Letter::enrollment(&account, &user.email, &user.username, url, expires);
        site.engine.queue_letter(site.account, &letter).await?
    } else {
        None
    };
    answer.json["mail_id"] = json!(id);
    let line = match (&id, is_email(&user.email)) {
        (None, false) => "not mailed: the user has no address; hand the link over".to_owned(),
        (id, _) => mail_line(id.as_deref(), id.is_none()),
    };
    answer.text = format!("{}\n{line}", answer.text);
    Ok(())
}

/// What became of the wish to have a link mailed; nothing if there was none.
pub(super) fn mail_line(id: Option<&str>, not_sent: bool) -> String {
    match (id, not_sent) {
        (Some(id), _) => format!("mail        queued, see `countersign admin mail list` ({id})"),
        (None, true) => format!("mail        not sent: {NO_MAIL}; hand the link over"),
        (None, false) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wanted_mail_is_told_when_there_is_none() {
        assert!(mail_line(None, true).contains("hand the link over"));
        assert!(mail_line(Some("01"), false).contains("queued"));
        assert_eq!(mail_line(None, false), "");
    }
}
