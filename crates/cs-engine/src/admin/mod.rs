//! What administrators do, from the Admin API, the panel or a terminal: one use case each, one entry in the administrator log each.
//!
//! Rights are checked at the surface (an Admin API integration's permissions, an administrator's role); here every change names its [`Actor`], is
//! committed together with its log entry, and makes the caches forget.

pub mod administrators;
pub mod branding;
pub mod bypass;
pub mod bypass_codes;
pub mod exemptions;
pub mod groups;
pub mod help;
pub mod import;
pub mod integrations;
pub mod phones;
pub mod picture;
pub mod settings;
pub(crate) mod text;
pub mod tokens;
pub mod units;
pub mod users;

use cs_core::id::{AccountId, AdminId, IntegrationKey, TxId, UserId};
use cs_store::audit::{LogKind, LogRecord};
use cs_store::users::touch_user;
use cs_store::{Job, Step};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use crate::error::Retry;
use crate::{Engine, EngineError, SystemRng};

/// How long the secret before a rotation still works, so that clients can be given the new one without an outage.
pub const SECRET_OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// The most characters of the name of a device's owner.
pub const MOST_OWNER: usize = 64;

/// Who makes a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// An Admin API integration.
    Integration(IntegrationKey),
    /// An administrator in the panel.
    Administrator(AdminId, String),
    /// Somebody with access to the machine: the `countersign admin` commands.
    Terminal,
    /// The server by itself, when a time is over.
    System,
    /// The server by itself, because a directory says so. The name that the log has.
    DirectorySync(String),
}

impl Actor {
    /// The name in the administrator log; Duo writes "API" for changes made through the Admin API.
    pub fn name(&self) -> &str {
        match self {
            Self::Integration(_) => "API",
            Self::Administrator(_, name) => name,
            Self::Terminal => "terminal",
            Self::System => "system",
            Self::DirectorySync(name) => name,
        }
    }
}

/// An entry of the administrator log: `action` as Duo spells it (`user_create`), `object` its name for people.
pub(crate) fn admin_record(
    account: AccountId,
    actor: &Actor,
    action: &'static str,
    object: &str,
    description: &Json,
    now: Timestamp,
) -> LogRecord {
    let mut record = LogRecord::new(account.as_str(), LogKind::Admin, TxId::generate(&mut SystemRng).to_string(), now);
    record.result = Some(action.to_owned());
    if let Actor::Integration(key) = actor {
        record.integration = Some(key.to_string());
    }
    record.personal = Some(
        serde_json::json!({"username": actor.name(), "object": object, "description": description.to_string()})
            .to_string(),
    );
    record
}

/// Whether `text` looks like an e-mail address: one `@` with something around it, at most 254 characters, nothing invisible.
pub fn is_email(text: &str) -> bool {
    let plain = text.len() <= 254 && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let parts = text.split_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty());
    plain && parts.is_some_and(|(_, domain)| !domain.contains('@'))
}

impl Engine {
    /// Commits an administrative change and makes the caches forget; false if one of its conditions does not hold.
    pub(crate) async fn change(&self, job: Job) -> Result<bool, EngineError> {
        let done = self.holds(job).await?;
        self.directory().invalidate();
        Ok(done)
    }

    /// Commits a change of users and of what they own, which no cache keeps; names the first step that does not hold.
    pub(crate) async fn apply(&self, job: Job) -> Result<Option<usize>, EngineError> {
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(None),
            Err(Retry::Conflict(step)) => Ok(Some(step)),
            Err(Retry::Fail(error)) => Err(error),
        }
    }

    /// Commits a change of one thing, [`EngineError::NotFound`] if it is not there.
    pub(crate) async fn found(&self, job: Job) -> Result<(), EngineError> {
        if self.apply(job).await?.is_none() { Ok(()) } else { Err(EngineError::NotFound) }
    }

    /// Gives `user` what `steps` attach: the first holds while there is such a thing, the second while neither side is at its limit; whatever follows always holds.
    ///
    /// Fails with [`EngineError::NotFound`] if either is missing, and with [`EngineError::Invalid`] naming `member` at a limit.
    async fn attach(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        (action, member): (&'static str, &'static str),
        steps: impl IntoIterator<Item = Step>,
        description: Json,
    ) -> Result<(), EngineError> {
        let (name, _) = self.store().user_record(account, user).await?.ok_or(EngineError::NotFound)?;
        let record = admin_record(account, actor, action, &name.username, &description, self.clock().now());
        let job = steps.into_iter().fold(Job::new().step(touch_user(account, user)), Job::step).log(record);
        match self.apply(job).await? {
            None => Ok(()),
            Some(0 | 1) => Err(EngineError::NotFound),
            Some(_) => Err(EngineError::Invalid(member)),
        }
    }
}
