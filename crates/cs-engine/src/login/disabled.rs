//! Who may not be connected any more: for whoever has let users in and can end what they have begun.

use cs_core::user::Standing;

use super::Who;
use crate::{Caller, Engine, EngineError};

impl Engine {
    /// Those of `names` whose users an administrator has disabled, by themselves or with a group, or put into the trash.
    ///
    /// A lockout is no reason to end anything: whoever guesses codes could end the sessions of others. A name that nobody has is not told either, since applications let in
    /// people that this server does not know.
    pub async fn disabled_among(&self, caller: &Caller, names: &[String]) -> Result<Vec<String>, EngineError> {
        let now = self.clock().now();
        let mut disabled = Vec::new();
        for name in names {
            let key = self.user_key(&caller.integration, &Who::Name(name.clone()));
            let Some(facts) = self.load_user(key.as_ref(), None, now).await? else { continue };
            match facts.user.standing(now) {
                Standing::Disabled { .. } | Standing::PendingDeletion => disabled.push(name.clone()),
                Standing::Active | Standing::Bypass { .. } | Standing::LockedOut { .. } => {}
            }
        }
        Ok(disabled)
    }
}
