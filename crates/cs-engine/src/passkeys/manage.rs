//! Rename and remove credentials: by their user in a session, or by an administrator.

use cs_core::id::{AccountId, UserId, WebauthnKey};
use cs_core::user::User;
use cs_core::webauthn::{Credential, MAX_NAME, Proof, may_remove};
use cs_store::Job;
use cs_store::authenticators::touch_user;
use cs_store::facts::UserRef;
use cs_store::webauthn::{remove_credential, rename_credential};
use jiff::Timestamp;
use serde_json::json;

use super::RegistrationError;
use crate::admin::{Actor, admin_record};
use crate::letters::Letter;
use crate::{Access, Caller, Engine, EngineError};

/// The activity log's word for a credential that its user removed.
pub const REMOVED: &str = "webauthn_credential_removed";
/// The activity log's word for a credential that its user renamed.
pub const RENAMED: &str = "webauthn_credential_renamed";

impl Engine {
    /// Removes a credential of the user of `proof`, who is told by mail. False if it is not theirs.
    pub async fn remove_own_credential(
        &self,
        caller: &Caller,
        proof: &Proof,
        access: &Access,
        key: WebauthnKey,
    ) -> Result<bool, RegistrationError> {
        let (account, now) = (caller.account.id, self.clock().now());
        let Some((user, credential)) = self.own_credential(account, proof.user(), key, now).await? else {
            return Ok(false);
        };
        may_remove(proof, &user, now)?;
        let mut record = self.activity(account, &user, access, REMOVED, now);
        record.body = json!({"device": key.as_str(), "name": credential.display_name()}).to_string();
        let job = self.removal(account, &caller.account.name, &user, &credential, now)?;
        Ok(self.holds(job.log(record)).await?)
    }

    /// Gives a credential of the user of `proof` another name. False if it is not theirs.
    pub async fn rename_own_credential(
        &self,
        caller: &Caller,
        proof: &Proof,
        access: &Access,
        key: WebauthnKey,
        name: &str,
    ) -> Result<bool, RegistrationError> {
        let name = credential_name(name)?;
        let (account, now) = (caller.account.id, self.clock().now());
        let Some((user, _)) = self.own_credential(account, proof.user(), key, now).await? else { return Ok(false) };
        may_remove(proof, &user, now)?;
        let mut record = self.activity(account, &user, access, RENAMED, now);
        record.body = json!({"device": key.as_str(), "name": name}).to_string();
        let job = Job::new()
            .step(touch_user(account, user.id))
            .step(rename_credential(account, user.id, key, &name))
            .log(record);
        Ok(self.holds(job).await?)
    }

    /// Removes a credential as `actor`; its user is told by mail. False if there is none.
    pub async fn remove_credential(
        &self,
        account: AccountId,
        actor: &Actor,
        key: WebauthnKey,
    ) -> Result<bool, EngineError> {
        let Some(found) = self.store().reader().webauthn_credential(account, key).await? else { return Ok(false) };
        let now = self.clock().now();
        let Some((user, credential)) = self.own_credential(account, found.user, key, now).await? else {
            return Ok(false);
        };
        let organisation = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        let description =
            json!({"webauthnkey": key.as_str(), "credential_name": credential.name, "label": credential.label});
        let mut record = admin_record(account, actor, "webauthncredential_delete", &user.username, &description, now);
        record.user_id = Some(user.id.to_string());
        let job = self.removal(account, &organisation.name, &user, &credential, now)?;
        self.holds(job.log(record)).await
    }

    /// The user and the one of their credentials that is meant.
    async fn own_credential(
        &self,
        account: AccountId,
        user: UserId,
        key: WebauthnKey,
        now: Timestamp,
    ) -> Result<Option<(User, Credential)>, EngineError> {
        let facts = self.store().user_facts(account, UserRef::Id(user), None, now).await?;
        let Some(user) = facts.map(|facts| facts.user) else { return Ok(None) };
        let credential = user.credentials.iter().find(|credential| credential.key == key).cloned();
        Ok(credential.map(|credential| (user, credential)))
    }

    fn removal(
        &self,
        account: AccountId,
        organisation: &str,
        user: &User,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Job, EngineError> {
        let mut job =
            Job::new().step(touch_user(account, user.id)).step(remove_credential(account, user.id, credential.key));
        if !user.email.is_empty() {
            let name = credential.display_name();
            let letter = Letter::credential_changed(organisation, &user.email, &user.username, &name, false, now);
            job.effects.extend(self.letter(account, &letter, now)?);
        }
        Ok(job)
    }
}

/// A name that a person gave, on one line.
pub(super) fn credential_name(text: &str) -> Result<String, EngineError> {
    let name = text.trim();
    let is_fine = name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    if is_fine { Ok(name.to_owned()) } else { Err(EngineError::Invalid("name")) }
}
