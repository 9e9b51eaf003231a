//! What administrators should hear of at once.

use cs_core::id::{AccountId, TxId};
use cs_core::user::User;
use cs_store::outbox::Effect;
use jiff::Timestamp;

use super::reference;
use crate::{Caller, Engine};

impl Engine {
    /// Something administrators should hear of.
    pub(crate) fn alert(&self, caller: &Caller, user: &User, what: &str, txid: TxId, now: Timestamp) -> Effect {
        alert((caller.account.id, &caller.integration.name), user, what, txid, now)
    }
}

/// Something administrators of an account should hear of, about an application.
pub(super) fn alert(
    (account, application): (AccountId, &str),
    user: &User,
    what: &str,
    txid: TxId,
    now: Timestamp,
) -> Effect {
    let payload = serde_json::json!({
        "alert": what,
        "user_id": user.id.as_str(),
        "username": user.username,
        "application": application,
        "reference": reference(txid),
        "time": now.as_second(),
    });
    Effect::new("alert", account.as_str(), payload.to_string(), now)
}
