//! A login, from the first question to the decision.
//!
//! | file | use case |
//! | --- | --- |
//! | `preauth` | may this user in, and how |
//! | `auth` | do a factor: a passcode at once, a push as a transaction |
//! | `push` | open a push, join one, withdraw one |
//! | `status` | wait for somebody to answer |
//! | `answer` | an authenticator answers |
//! | `identity` | not a login: an administrator asks whether it is them |
//! | `deferred` | a decision that an asynchronous client fetches later |
//! | `repeat` | the same request sent again, by its idempotency key |
//! | `trust` | remembered devices |
//! | `record` | what the log says |

mod answer;
mod auth;
mod deferred;
mod identity;
mod preauth;
mod push;
mod record;
mod repeat;
mod status;
mod trust;

use cs_core::id::UserId;
use cs_core::integration::Integration;
use cs_core::login::Denial;
use cs_core::username::Username;
use cs_store::facts::{UserFacts, UserRef};

pub use answer::{Answer, AnswerError, Answered, Asked, RefusedAnswer};
pub use auth::{AuthAnswer, AuthRequest, FactorInput};
pub use identity::IdentityCheck;
pub use preauth::{Challenge, Preauth, PreauthOutcome, PreauthRequest};
pub use status::{Decided, LoginStatus, Status, Why};

use crate::{Engine, EngineError};

/// Whom a client means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// By username or alias, as sent.
    Name(String),
    /// By id.
    Id(UserId),
}

impl Who {
    /// As the log keeps it when there is no such user.
    fn as_text(&self) -> String {
        match self {
            Self::Name(name) => name.chars().take(256).collect(),
            Self::Id(id) => id.to_string(),
        }
    }
}

/// The eight characters that a person can read out and an administrator can find in the log.
pub fn reference(txid: cs_core::id::TxId) -> String {
    let mut text = txid.to_string();
    text.truncate(8);
    text.to_uppercase()
}

impl Engine {
    /// The user, as `integration` spells names. A name that cannot be one is a name nobody has.
    async fn load_user(
        &self,
        integration: &Integration,
        who: &Who,
        bypass_digest: Option<&[u8; 32]>,
        now: jiff::Timestamp,
    ) -> Result<Option<UserFacts>, EngineError> {
        let account = integration.account;
        let store = self.store();
        match who {
            Who::Id(id) => Ok(store.user_facts(account, UserRef::Id(*id), bypass_digest, now).await?),
            Who::Name(name) => {
                let Ok(name) = Username::parse(name) else { return Ok(None) };
                let key = name.key(integration.normalization);
                Ok(store.user_facts(account, UserRef::Name(key.as_str()), bypass_digest, now).await?)
            }
        }
    }
}

/// A refusal with the reference under which the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub denial: Denial,
    /// See [`reference`].
    pub reference: String,
}
