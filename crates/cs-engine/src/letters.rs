//! Letters: what people are told by mail. They are queued in the commit that calls for them, sealed, because most hold a link that is worth an account.

use cs_core::id::AccountId;
use cs_core::secret::PlainCode;
use cs_store::Job;
use cs_store::outbox::{Effect, Leased};
use data_encoding::BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{Engine, EngineError};

/// The kind of the effects that are letters.
pub const MAIL: &str = "mail";

/// Makes the link that a one-time code goes into; `None` if it cannot be made.
pub type LinkOf<'a> = &'a (dyn Fn(&PlainCode) -> Option<String> + Sync);

/// A letter: texts and at most one link, no markup.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// One address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Paragraphs before the link.
    pub before: Vec<String>,
    /// What to open.
    pub link: Option<LetterLink>,
    /// Paragraphs after it.
    pub after: Vec<String>,
}

/// A link and what it is called.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterLink {
    /// What a person reads.
    pub label: String,
    /// An `https` address.
    pub url: String,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({:?}, ..)", self.subject)
    }
}

impl std::fmt::Debug for LetterLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LetterLink(..)")
    }
}

impl Letter {
    /// Invites an administrator of `organisation` to set a first password, or a new one.
    pub fn administrator_invitation(organisation: &str, to: &str, url: String, expires: Timestamp) -> Self {
        Self {
            to: to.to_owned(),
            subject: format!("Your administrator account at {organisation}"),
            before: vec![
                format!("You are to administer the two-factor authentication of {organisation}."),
                "Set up your administrator account here:".to_owned(),
            ],
            link: Some(LetterLink { label: "Set up your account".to_owned(), url }),
            after: vec![until(expires), NOT_EXPECTED.to_owned()],
        }
    }

    /// Invites a user to bind a phone.
    pub fn enrollment(organisation: &str, to: &str, username: &str, url: String, expires: Timestamp) -> Self {
        Self {
            to: to.to_owned(),
            subject: format!("Set up two-factor authentication for {organisation}"),
            before: vec![
                format!("{organisation} protects your account {username} with a second factor."),
                "Open this link on your phone to set it up:".to_owned(),
            ],
            link: Some(LetterLink { label: "Set up this phone".to_owned(), url }),
            after: vec![until(expires), NOT_EXPECTED.to_owned()],
        }
    }

    /// Invites a user to set up a first factor, on a page that leads through it.
    pub fn invitation(organisation: &str, to: &str, username: &str, url: String, expires: Timestamp) -> Self {
        Self {
            to: to.to_owned(),
            subject: format!("Set up two-factor authentication for {organisation}"),
            before: vec![
                format!("{organisation} protects your account {username} with a second factor."),
                "Set it up on this page; it takes about a minute. Have your phone at hand.".to_owned(),
            ],
            link: Some(LetterLink { label: "Set up two-factor authentication".to_owned(), url }),
            after: vec![until(expires), NOT_EXPECTED.to_owned()],
        }
    }

    /// Tells a user of a change that they, or somebody else, has made.
    pub fn notice(organisation: &str, to: &str, subject: &str, what: String, now: Timestamp) -> Self {
        Self {
            to: to.to_owned(),
            subject: format!("{subject} ({organisation})"),
            before: vec![what, format!("This was on {}.", now.strftime("%Y-%m-%d %H:%M UTC"))],
            link: None,
            after: vec!["If this was not you, tell your administrator at once.".to_owned()],
        }
    }

    /// Tells a user that a passkey or security key was added or removed.
    pub fn credential_changed(
        organisation: &str,
        to: &str,
        username: &str,
        name: &str,
        added: bool,
        now: Timestamp,
    ) -> Self {
        let what = if added { "added to" } else { "removed from" };
        let time = now.strftime("%Y-%m-%d %H:%M UTC");
        Self {
            to: to.to_owned(),
            subject: format!("A security key or passkey was {what} your account at {organisation}"),
            before: vec![
                format!("{name} was {what} your account {username} at {time}."),
                "If it was you, there is nothing to do. If it was not, tell your administrator at once.".to_owned(),
            ],
            link: None,
            after: Vec::new(),
        }
    }

    /// Shows that mail arrives.
    pub fn test(organisation: &str, to: &str) -> Self {
        Self {
            to: to.to_owned(),
            subject: format!("Test message of {organisation}"),
            before: vec!["Mail from this server arrives. There is nothing to do.".to_owned()],
            link: None,
            after: Vec::new(),
        }
    }

    /// The message as text, as the text part of the mail has it: paragraphs, the link on a line of its own.
    pub fn plain(&self) -> String {
        let mut text = self.before.join("\r\n\r\n");
        if let Some(link) = &self.link {
            text.push_str(&format!("\r\n\r\n{}", link.url));
        }
        for paragraph in &self.after {
            text.push_str(&format!("\r\n\r\n{paragraph}"));
        }
        text.push_str("\r\n");
        text
    }

    /// The whole message for the log, without `code`, by which others could do what it was sent for.
    pub fn preview(&self, code: &PlainCode) -> Json {
        json!({"to": self.to, "subject": self.subject, "text": self.plain().replace(code.expose(), "…")})
    }

    /// Whom it is for and what it is about, without what is secret: what stays of it after delivery.
    pub fn about(&self) -> String {
        json!({"to": self.to, "subject": self.subject}).to_string()
    }
}

const NOT_EXPECTED: &str = "The link works once and is for you alone: do not pass it on. If you did not expect this message, tell your administrator.";

fn until(expires: Timestamp) -> String {
    format!("The link works until {}.", expires.strftime("%Y-%m-%d %H:%M UTC"))
}

/// Whom a queued or delivered letter is for and what it is about: address and subject.
pub fn addressed(payload: &str) -> Option<(String, String)> {
    let payload: Json = serde_json::from_str(payload).ok()?;
    Some((payload.get("to")?.as_str()?.to_owned(), payload.get("subject")?.as_str()?.to_owned()))
}

impl Engine {
    /// Whether this installation can send mail at all.
    pub fn sends_mail(&self) -> bool {
        self.inner.mail
    }

    /// The effect that sends `letter`, for the job that calls for it; `None` where no mail can be sent.
    pub fn letter(&self, account: AccountId, letter: &Letter, now: Timestamp) -> Result<Option<Effect>, EngineError> {
        if !self.sends_mail() {
            return Ok(None);
        }
        let mut effect = Effect::new(MAIL, account.as_str(), String::new(), now);
        let plain = zeroize::Zeroizing::new(json!(letter).to_string());
        let sealed = self.store().vault().seal(account.as_str(), "effect", "payload", &effect.id, plain.as_bytes());
        let sealed = BASE64.encode(&sealed.map_err(EngineError::vault)?);
        effect.payload = json!({"to": letter.to, "subject": letter.subject, "sealed": sealed}).to_string();
        Ok(Some(effect))
    }

    /// Queues `letter` by itself; its id, or `None` where no mail can be sent.
    pub async fn queue_letter(&self, account: AccountId, letter: &Letter) -> Result<Option<String>, EngineError> {
        let Some(effect) = self.letter(account, letter, self.clock().now())? else { return Ok(None) };
        let id = effect.id.clone();
        self.found(Job::new().effect(effect)).await?;
        Ok(Some(id))
    }

    /// The letter that `effect` is to send.
    pub fn open_letter(&self, effect: &Leased) -> Result<Letter, EngineError> {
        let payload: Json = serde_json::from_str(&effect.payload).map_err(|_| EngineError::Invalid("payload"))?;
        let sealed = payload.get("sealed").and_then(Json::as_str).ok_or(EngineError::Invalid("payload"))?;
        let sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| EngineError::Invalid("payload"))?;
        let plain = self
            .store()
            .vault()
            .open(&effect.account, "effect", "payload", &effect.id, &sealed)
            .map_err(EngineError::vault)?;
        serde_json::from_slice(&plain).map_err(|_| EngineError::Invalid("payload"))
    }
}
