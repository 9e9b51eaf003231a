//! A login, from the first question to the decision.
//!
//! | file | use case |
//! | --- | --- |
//! | `preauth` | may this user in, and how |
//! | `request` | what a client asks for, and what it is told |
//! | `auth` | do a factor: what is typed at once, a push as a transaction |
//! | `passcode` | judge what was typed |
//! | `decide` | facts for the policies, and what they say |
//! | `passkey` | judge an assertion by passkey or security key |
//! | `push` | open a push, join one; calls are joined the same |
//! | `call` | have somebody called, and hear which key was pressed |
//! | `sms` | send passcodes |
//! | `close` | pushes and calls that end without an answer: timed out, withdrawn |
//! | `status` | wait for somebody to answer |
//! | `answer` | an authenticator answers |
//! | `refusals` | answers that are refused, kept within bounds |
//! | `identity` | not a login: an administrator asks whether it is them |
//! | `moving` | somebody at a new device proves that the account is theirs; `moving::judge` judges the proof |
//! | `kept_device` | the access device of a push, until the answer |
//! | `deferred` | a decision that an asynchronous client fetches later |
//! | `repeat` | the same request sent again, by its idempotency key |
//! | `same` | the same login through another proxy |
//! | `trust` | remembered devices |
//! | `survey` | what a user may do, looked at without writing anything down |
//! | `decided` | what a login came to, in the words that clients are told |
//! | `record` | what the log says |
//! | `alert` | what administrators should hear of at once |

mod alert;
mod answer;
mod auth;
mod call;
mod close;
mod decide;
mod decided;
mod deferred;
mod disabled;
mod identity;
mod kept_device;
mod moving;
mod passcode;
mod passkey;
mod preauth;
mod push;
mod record;
mod refusals;
mod repeat;
mod request;
mod same;
mod sms;
mod status;
mod survey;
mod trust;

use std::sync::Arc;

use cs_core::id::UserId;
use cs_core::integration::Integration;
use cs_core::login::Denial;
use cs_core::policy::exemption::Exemption;
use cs_core::user::User;
use cs_core::username::Username;
use cs_store::facts::{UserFacts, UserRef, UserVersion};

pub use answer::{Answer, AnswerError, Answered, Asked};
pub(crate) use auth::Together;
pub use call::{CallNews, CallReport, CallState};
pub(crate) use close::Withdrawn;
pub use decided::{Decided, Status, Why};
pub use identity::IdentityCheck;
pub use moving::{MOVE_TTL, MoveProof, Proven};
pub use passkey::Assertion;
pub use preauth::{Challenge, Preauth, PreauthOutcome, PreauthRequest};
pub(crate) use refusals::Refusals;
pub use refusals::RefusedAnswer;
pub use request::{AuthAnswer, AuthRequest, FactorInput};
pub use same::GRACE as SAME_LOGIN_GRACE;
pub use status::LoginStatus;
pub use survey::Software;
pub(crate) use survey::{OldSoftware, Remembering, Survey};

pub(crate) use self::decide::Rules;
use crate::known::{Lookup, UserKey};
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
    /// The name that was sent, unless it is `username` letter by letter.
    fn other_than(&self, username: &str) -> Option<&str> {
        match self {
            Self::Name(name) if name != username => Some(name),
            Self::Name(_) | Self::Id(_) => None,
        }
    }

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
    /// What to look for, as `integration` spells names. `None` for a name that cannot be one: nobody has it.
    fn user_key(&self, integration: &Integration, who: &Who) -> Option<UserKey> {
        let lookup = match who {
            Who::Id(id) => Lookup::Id(*id),
            Who::Name(name) => {
                let name = Username::parse(name).ok()?;
                Lookup::Name(name.key(integration.normalization).as_str().to_owned())
            }
        };
        Some((integration.account, lookup))
    }

    /// The user as the database has it.
    async fn load_user(
        &self,
        key: Option<&UserKey>,
        bypass_digest: Option<&[u8; 32]>,
        now: jiff::Timestamp,
    ) -> Result<Option<UserFacts>, EngineError> {
        let Some((account, lookup)) = key else { return Ok(None) };
        let who = match lookup {
            Lookup::Name(name) => UserRef::Name(name),
            Lookup::Id(id) => UserRef::Id(*id),
        };
        Ok(self.store().user_facts(*account, who, bypass_digest, now).await?)
    }

    /// The same, from memory if the database says that nothing was changed and nothing attempted since. Bypass codes are not looked for.
    async fn current_user(
        &self,
        key: Option<UserKey>,
        rules: &Rules,
        now: jiff::Timestamp,
    ) -> Result<Option<Found>, EngineError> {
        let Some(key) = key else { return Ok(None) };
        let mut reads = Reads::One;
        // Where addresses are remembered, a read is spent on that.
        let worth = |known: &Arc<User>| !rules.effective(Some(known)).remembered_devices.address.enabled;
        if let Some(user) = self.inner.known.find(&key).filter(worth) {
            if self.store().user_version(key.0, user.id).await? == Some(UserVersion::of(&user)) {
                return Ok(Some(Found { user, exemptions: Vec::new(), reads }));
            }
            reads = Reads::Two;
        }
        let Some(facts) = self.load_user(Some(&key), None, now).await? else { return Ok(None) };
        let user = Arc::new(facts.user);
        // Exemptions end by themselves, and are not part of what is kept.
        if facts.exemptions.is_empty() {
            self.inner.known.keep(key, Arc::clone(&user));
        }
        Ok(Some(Found { user, exemptions: facts.exemptions, reads }))
    }
}

/// A user as the database has it now.
struct Found {
    user: Arc<User>,
    exemptions: Vec<Exemption>,
    reads: Reads,
}

/// How many reads that took.
#[derive(Clone, Copy)]
enum Reads {
    One,
    Two,
}

/// A refusal with the reference under which the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub denial: Denial,
    /// See [`reference`].
    pub reference: String,
}
