//! Remove credentials as an administrator, and what a name is.

use cs_core::id::{AccountId, WebauthnKey};
use cs_core::webauthn::MAX_NAME;
use cs_store::Job;
use cs_store::authenticators::touch_user;
use cs_store::facts::UserRef;
use cs_store::webauthn::remove_credential;
use serde_json::json;

use crate::admin::{Actor, admin_record};
use crate::letters::About;
use crate::{Engine, EngineError};

impl Engine {
    /// Removes a credential as `actor`; its user is told by mail. False if there is none.
    pub async fn remove_credential(
        &self,
        account: AccountId,
        actor: &Actor,
        key: WebauthnKey,
    ) -> Result<bool, EngineError> {
        let Some(found) = self.store().reader().webauthn_credential(account, key).await? else { return Ok(false) };
        let now = self.clock().now();
        let facts = self.store().user_facts(account, UserRef::Id(found.user), None, now).await?;
        let Some(user) = facts.map(|facts| facts.user) else { return Ok(false) };
        let Some(credential) = user.credentials.iter().find(|credential| credential.key == key) else {
            return Ok(false);
        };
        let organisation = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        let description =
            json!({"webauthnkey": key.as_str(), "credential_name": credential.name, "label": credential.label});
        let mut record = admin_record(account, actor, "webauthncredential_delete", &user.username, &description, now);
        record.user_id = Some(user.id.to_string());
        let mut job =
            Job::new().step(touch_user(account, user.id)).step(remove_credential(account, user.id, key)).log(record);
        job.effects.extend(self.notice(&organisation, &user, About::KeyRemoved, &credential.display_name(), now)?);
        self.holds(job).await
    }
}

/// A name that a person gave, on one line.
pub(crate) fn credential_name(text: &str) -> Result<String, EngineError> {
    let name = text.trim();
    let is_fine = name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    if is_fine { Ok(name.to_owned()) } else { Err(EngineError::Invalid("name")) }
}
