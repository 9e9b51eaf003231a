//! What administrators do with directories.

use cs_core::id::{AccountId, DirectoryKey, IntegrationKey};
use cs_core::integration::IntegrationType;
use cs_core::secret::SecretKey;
use cs_store::Job;
use cs_store::directories::{AgentRecord, DirectoryRecord, agent_gone, remove_directory};
use serde_json::{Value as Json, json};

use super::requests::GONE_AFTER;
use super::{AgentInfo, DirectorySettings};
use crate::admin::integrations::{PowerfulKeys, blank_integration};
use crate::admin::text::bounded;
use crate::admin::{Actor, admin_record};
use crate::{Engine, EngineError, MAX_ROUNDS, SystemRng};

/// A directory that was made.
#[derive(Debug)]
pub struct NewDirectory {
    /// It.
    pub record: DirectoryRecord,
    /// With what proxies beside it sign, shown this once.
    pub secret: SecretKey,
}

/// What is to change; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct DirectoryChange {
    /// Unique in the account.
    pub name: Option<String>,
    /// How it is set.
    pub settings: Option<DirectorySettings>,
    /// Whether it is left alone. What is no longer is due at once.
    pub paused: Option<bool>,
    /// How many users may go in the next run, for once; `Some(None)` takes the word back.
    pub confirmed: Option<Option<i64>>,
}

impl Engine {
    /// Makes a directory and the integration that proxies beside it sign by. It begins paused, so that somebody can look first at what a run would do.
    pub async fn create_directory(
        &self,
        account: AccountId,
        actor: &Actor,
        name: &str,
        settings: &DirectorySettings,
    ) -> Result<NewDirectory, EngineError> {
        settings.check()?;
        let (name, now) = (directory_name(name)?, self.clock().now());
        let kind = IntegrationType::from_known(IntegrationType::DIRECTORY);
        let integration = blank_integration(account, kind, format!("Directory sync {name}"), now);
        let record = DirectoryRecord {
            account,
            id: DirectoryKey::generate(&mut SystemRng),
            integration: integration.key,
            name,
            settings: settings.text(),
            paused: true,
            confirmed: None,
            next_run_at: now,
            running: None,
            last_run_at: None,
            last_success_at: None,
            outcome: String::new(),
            version: 1,
            created_at: now,
        };
        let secret = SecretKey::generate(&mut SystemRng);
        let job = Job::new()
            .step(record.insert())
            .step(integration.insert(self.store().vault(), &secret).map_err(EngineError::vault)?)
            .log(directory_log(actor, "directory_create", &record, &described(&record), now));
        if self.change(job).await? { Ok(NewDirectory { record, secret }) } else { Err(EngineError::Exists("name")) }
    }

    /// Changes a directory.
    pub async fn change_directory(
        &self,
        account: AccountId,
        actor: &Actor,
        id: DirectoryKey,
        change: &DirectoryChange,
    ) -> Result<DirectoryRecord, EngineError> {
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let before = self.store().directory(account, id).await?.ok_or(EngineError::NotFound)?;
            let mut record = before.clone();
            if let Some(name) = &change.name {
                record.name = directory_name(name)?;
            }
            if let Some(settings) = &change.settings {
                settings.check()?;
                record.settings = settings.text();
            }
            if let Some(paused) = change.paused {
                record.paused = paused;
                if before.paused && !paused {
                    record.next_run_at = now;
                }
            }
            if let Some(confirmed) = change.confirmed {
                if confirmed.is_some_and(|confirmed| confirmed < 1) {
                    return Err(EngineError::Invalid("confirmed"));
                }
                record.confirmed = confirmed;
                // Whoever confirms waits for it.
                record.next_run_at = if confirmed.is_some() { now } else { record.next_run_at };
            }
            let log = directory_log(actor, "directory_update", &record, &described(&record), now);
            if self.apply(Job::new().step(record.update()).log(log)).await?.is_none() {
                return self.store().directory(account, id).await?.ok_or(EngineError::NotFound);
            }
            let current = self.store().directory(account, id).await?.ok_or(EngineError::NotFound)?;
            if current.version == before.version {
                return Err(EngineError::Exists("name"));
            }
        }
        Err(EngineError::Contention)
    }

    /// Removes a directory and the integration of its proxies. Its users and groups stay, as administrators' own.
    pub async fn remove_directory(
        &self,
        account: AccountId,
        actor: &Actor,
        id: DirectoryKey,
    ) -> Result<(), EngineError> {
        let record = self.store().directory(account, id).await?.ok_or(EngineError::NotFound)?;
        let now = self.clock().now();
        let steps = remove_directory(account, id).into_iter().fold(Job::new(), Job::step);
        self.found(steps.log(directory_log(actor, "directory_delete", &record, &described(&record), now))).await?;
        self.delete_integration(account, actor, PowerfulKeys::Allowed, record.integration).await
    }

    /// The directory whose proxies sign by `integration`.
    pub async fn directory_of(
        &self,
        account: AccountId,
        integration: IntegrationKey,
    ) -> Result<Option<DirectoryRecord>, EngineError> {
        Ok(self.store().directory_of_integration(account, integration).await?)
    }

    /// Notes that a proxy is connected to this node, and still is.
    pub async fn agent_seen(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        id: &str,
        info: &AgentInfo,
        since: jiff::Timestamp,
    ) -> Result<(), EngineError> {
        let record = AgentRecord {
            account,
            id: id.to_owned(),
            directory,
            node: self.inner.node.clone(),
            proxy: info.proxy.clone(),
            host: info.host.clone(),
            version: info.version.clone(),
            section: info.section.clone(),
            words: info.directory.clone(),
            first_factor: info.first_factor,
            address: info.address.clone(),
            connected_at: since,
            seen_at: self.clock().now(),
        };
        self.apply(Job::new().step(record.seen())).await?;
        Ok(())
    }

    /// Notes that a proxy is gone.
    pub async fn agent_gone(&self, account: AccountId, id: &str) -> Result<(), EngineError> {
        self.apply(Job::new().step(agent_gone(account, id))).await?;
        Ok(())
    }

    /// The proxies that are connected, at whichever node.
    pub async fn connected_agents(&self, account: AccountId) -> Result<Vec<AgentRecord>, EngineError> {
        let now = self.clock().now();
        let all = self.store().directory_agents(account).await?;
        Ok(all.into_iter().filter(|agent| agent.seen_at + GONE_AFTER > now).collect())
    }
}

fn directory_name(name: &str) -> Result<String, EngineError> {
    let name = bounded("name", name.trim(), 64)?;
    if name.is_empty() || name.contains(['"', '\n', '\r', '\t']) { Err(EngineError::Invalid("name")) } else { Ok(name) }
}

fn described(record: &DirectoryRecord) -> Json {
    let settings: Json = serde_json::from_str(&record.settings).unwrap_or_default();
    json!({
        "dkey": record.id.as_str(),
        "name": record.name,
        "settings": settings,
        "paused": record.paused,
        "confirmed": record.confirmed,
    })
}

fn directory_log(
    actor: &Actor,
    action: &'static str,
    record: &DirectoryRecord,
    description: &Json,
    now: jiff::Timestamp,
) -> cs_store::audit::LogRecord {
    admin_record(record.account, actor, action, &record.name, description, now)
}
