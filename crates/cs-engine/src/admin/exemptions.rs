//! Exemptions of test and automation users: narrow, with a reason and an end.

use cs_core::bypass::REMIND_BEFORE;
use cs_core::id::{AccountId, ExemptionId, IntegrationKey, UserId};
use cs_core::network::NetworkList;
use cs_core::policy::Word as _;
use cs_core::policy::exemption::{Exemption, ExemptionError, ExemptionKind};
use cs_store::Job;
use cs_store::authenticators::touch_user;
use cs_store::exemptions::{ExemptionRecord, reminded_of_exemption, remove_exemption};
use cs_store::outbox::Effect;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::bypass::MOST_REASON;
use super::text::bounded;
use super::{Actor, admin_record};
use crate::{Engine, EngineError, SystemRng};

/// The most applications of one exemption.
const MOST_APPLICATIONS: usize = 50;
/// The most networks of one exemption.
const MOST_NETWORKS: usize = 100;

/// An exemption as an administrator wants it.
#[derive(Debug, Clone)]
pub struct NewExemption {
    /// What it allows.
    pub kind: ExemptionKind,
    /// At which applications; at least one.
    pub applications: Vec<IntegrationKey>,
    /// From which networks; at least one.
    pub networks: NetworkList,
    /// Until when, at most a year.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

impl Engine {
    /// Exempts a user. Fails with [`EngineError::Invalid`] naming what is missing or too wide, or `user_id` if the user has too many.
    pub async fn create_exemption(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        new: NewExemption,
    ) -> Result<ExemptionRecord, EngineError> {
        let now = self.clock().now();
        let exemption = Exemption {
            kind: new.kind,
            applications: new.applications,
            networks: new.networks,
            from: now,
            until: new.until,
            reason: bounded("reason", new.reason.trim(), MOST_REASON)?,
        };
        exemption.validate().map_err(|wrong| match wrong {
            ExemptionError::NoApplication => EngineError::Invalid("integration_keys"),
            ExemptionError::NoNetwork => EngineError::Invalid("networks"),
            ExemptionError::NoReason => EngineError::Invalid("reason"),
            ExemptionError::End => EngineError::Invalid("until"),
        })?;
        if exemption.networks.entries().count() > MOST_NETWORKS {
            return Err(EngineError::Invalid("networks"));
        }
        if exemption.applications.len() > MOST_APPLICATIONS {
            return Err(EngineError::Invalid("integration_keys"));
        }
        for key in &exemption.applications {
            if self.store().integration_record(account, *key).await?.is_none() {
                return Err(EngineError::Invalid("integration_keys"));
            }
        }
        let (name, _) = self.store().user_record(account, user).await?.ok_or(EngineError::NotFound)?;
        let record = ExemptionRecord {
            id: ExemptionId::generate(&mut SystemRng),
            user,
            remind_at: exemption.until.checked_sub(REMIND_BEFORE).ok().filter(|at| now < *at),
            exemption,
            created_by: actor.name().to_owned(),
        };
        let description = describe(&record);
        // The user counts as changed, so that a decision under way is made again.
        let job = Job::new().step(touch_user(account, user)).step(record.insert(account)).log(admin_record(
            account,
            actor,
            "exemption_create",
            &name.username,
            &description,
            now,
        ));
        match self.apply(job).await? {
            None => Ok(record),
            Some(0) => Err(EngineError::NotFound),
            Some(_) => Err(EngineError::Invalid("user_id")),
        }
    }

    /// Ends an exemption at once; false if there is none.
    pub async fn delete_exemption(
        &self,
        account: AccountId,
        actor: &Actor,
        id: ExemptionId,
    ) -> Result<bool, EngineError> {
        let Some(record) = self.store().reader().exemption(account, id).await? else { return Ok(false) };
        self.remove_exemption(account, actor, &record, "exemption_delete").await
    }

    /// Puts away the exemptions that are over, with an entry in the log for each, and reminds once of those that end within a day; says how many of each.
    /// Logins go by the end itself. Meant for once a minute.
    pub async fn end_exemptions(&self, account: AccountId) -> Result<(usize, usize), EngineError> {
        let (mut ended, mut reminded) = (0, 0);
        for record in self.store().reader().exemptions(account, None).await? {
            let now = self.clock().now();
            if record.exemption.until <= now {
                ended += usize::from(self.remove_exemption(account, &Actor::System, &record, "exemption_end").await?);
            } else if record.remind_at.is_some_and(|at| at <= now) {
                let mut payload = describe(&record);
                payload["alert"] = json!("exemption_ends");
                payload["time"] = json!(now.as_second());
                let job = Job::new().step(reminded_of_exemption(account, record.user, record.id)).effect(Effect::new(
                    "alert",
                    account.as_str(),
                    payload.to_string(),
                    now,
                ));
                reminded += usize::from(self.apply(job).await?.is_none());
            }
        }
        Ok((ended, reminded))
    }

    async fn remove_exemption(
        &self,
        account: AccountId,
        actor: &Actor,
        record: &ExemptionRecord,
        action: &'static str,
    ) -> Result<bool, EngineError> {
        let Some((user, _)) = self.store().user_record(account, record.user).await? else { return Ok(false) };
        let description = json!({"exemption_id": record.id.as_str(), "before": describe(record)});
        let now = self.clock().now();
        let job = Job::new()
            .step(touch_user(account, record.user))
            .step(remove_exemption(account, record.user, record.id))
            .log(admin_record(account, actor, action, &user.username, &description, now));
        Ok(self.apply(job).await?.is_none())
    }
}

fn describe(record: &ExemptionRecord) -> Json {
    let applications: Vec<&str> = record.exemption.applications.iter().map(IntegrationKey::as_str).collect();
    json!({
        "exemption_id": record.id.as_str(),
        "user_id": record.user.as_str(),
        "kind": record.exemption.kind.as_str(),
        "integration_keys": applications,
        "networks": record.exemption.networks.entries().collect::<Vec<_>>(),
        "until": record.exemption.until.as_second(),
        "reason": record.exemption.reason,
    })
}
