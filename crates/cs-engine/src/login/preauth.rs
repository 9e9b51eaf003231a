//! May this user in, and how.

use std::sync::Arc;

use cs_core::id::TxId;
use cs_core::login::{AllowReason, Denial, DenyReason, FactorUsed, Gate, Menu, Situation, Ticket, gate, menu};
use cs_core::user::User;
use cs_store::Job;
use cs_store::attempts::{integration_unchanged, touch_last_login};
use jiff::Timestamp;

use super::record::Entry;
use super::{Refused, Who, reference};
use crate::error::Retry;
use crate::{Access, Caller, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// The question.
#[derive(Debug, Clone)]
pub struct PreauthRequest {
    /// About whom.
    pub who: Who,
    /// From where.
    pub access: Access,
    /// A token from an earlier login.
    pub trusted_device_token: Option<String>,
    /// Whether the client can show a number before a push is answered.
    pub shows_number: bool,
}

/// The answer.
#[derive(Debug)]
pub struct Preauth {
    /// The name to show: the user's, or as it was sent.
    pub username: String,
    /// What may happen next.
    pub outcome: PreauthOutcome,
}

/// What may happen next.
#[derive(Debug)]
pub enum PreauthOutcome {
    /// The user is in; nothing more to do. The log has it.
    Allow(AllowReason),
    /// The user is out. The log has it.
    Deny(Refused),
    /// The user must enroll first.
    Enroll(Refused),
    /// A second factor is needed.
    Challenge(Box<Challenge>),
}

/// The factors that a user can choose from.
#[derive(Debug)]
pub struct Challenge {
    /// The user with its devices.
    pub user: Arc<User>,
    /// The id and number of the push that may follow, if the client can show a number.
    pub number: Option<(TxId, String)>,
    /// When that id is no longer good.
    pub expires_at: Timestamp,
    /// The text menu.
    pub menu: Menu,
}

impl Engine {
    /// Answers `request`. An allow or a deny is committed to the log before it is answered.
    pub async fn preauth(&self, caller: &Caller, request: &PreauthRequest) -> Result<Preauth, EngineError> {
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let found = self.current_user(self.user_key(&caller.integration, &request.who), now).await?;
            let user = found.as_deref();
            let username = user.map_or_else(|| request.who.as_text(), |user| user.username.clone());
            let remembered = self.remembered(caller, user, request, now)?;
            let verdict = gate(&Situation {
                integration: &caller.integration,
                settings: self.settings(caller),
                user,
                remembered,
                now,
            });
            let decided = self.decide_at_gate(caller, &request.who, user, &request.access, verdict, now).await?;
            let outcome = match decided {
                AtGate::Again => continue,
                AtGate::Allow(why) => PreauthOutcome::Allow(why),
                AtGate::Deny(refused) => PreauthOutcome::Deny(refused),
                AtGate::Enroll(refused) => PreauthOutcome::Enroll(refused),
                AtGate::Authenticate => {
                    let Some(user) = found else { return Err(EngineError::NotFound) };
                    let challenge = self.challenge(caller, user, request.shows_number, now)?;
                    PreauthOutcome::Challenge(Box::new(challenge))
                }
            };
            return Ok(Preauth { username, outcome });
        }
        Err(EngineError::Contention)
    }

    fn remembered(
        &self,
        caller: &Caller,
        user: Option<&User>,
        request: &PreauthRequest,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        match (user, &request.trusted_device_token) {
            (Some(user), Some(token)) => self.is_remembered(&caller.integration, user, token, now),
            (None, _) | (_, None) => Ok(false),
        }
    }

    fn challenge(
        &self,
        caller: &Caller,
        user: Arc<User>,
        shows_number: bool,
        now: Timestamp,
    ) -> Result<Challenge, EngineError> {
        let (account, ikey) = (caller.account.id, caller.integration.key);
        let matching = self.settings(caller).number_matching;
        let key = self.ticket_key(account)?;
        let number = (matching.enabled && shows_number).then(|| {
            let ticket = Ticket::shown(&key, account, ikey, user.id, now, &mut SystemRng);
            (ticket, ticket.number(&key, matching.digits))
        });
        let plain = matching.enabled.then(|| Ticket::plain(&key, account, ikey, user.id, now, &mut SystemRng));
        let menu = menu(&user, number.as_ref().map(|(ticket, number)| (ticket, number.as_str())), plain.as_ref());
        let number = number.map(|(ticket, number)| (ticket.txid(), number));
        Ok(Challenge { user, number, expires_at: now + cs_core::login::TICKET_TTL, menu })
    }

    /// Writes down what the gate decided, if it decided anything.
    pub(super) async fn decide_at_gate(
        &self,
        caller: &Caller,
        who: &Who,
        user: Option<&User>,
        access: &Access,
        verdict: Gate,
        now: Timestamp,
    ) -> Result<AtGate, EngineError> {
        let txid = TxId::at(now, &mut SystemRng);
        let mut entry = Entry {
            caller,
            txid,
            who,
            user,
            access,
            factor: FactorUsed::NotAvailable,
            device: None,
            evidence: None,
            now,
        };
        let account = caller.account.id;
        let unchanged = integration_unchanged(account, caller.integration.key, caller.integration.version);
        let (job, answer) = match verdict {
            Gate::Authenticate => return Ok(AtGate::Authenticate),
            Gate::Allow { why, fact } => {
                if why == AllowReason::RememberedDevice {
                    entry.factor = FactorUsed::RememberedDevice;
                }
                let mut job = Job::new().step(unchanged);
                if let Some(user) = user {
                    job = job.step(touch_last_login(account, user, now));
                }
                (job.log(entry.allowed(self, why, &fact)), AtGate::Allow(why))
            }
            Gate::Deny(denial) => {
                let job = Job::new().log(entry.denied(self, &denial));
                (job, AtGate::Deny(Refused { denial, reference: reference(txid) }))
            }
            Gate::Enroll => {
                let denial = Denial::new(DenyReason::DenyUnenrolledUser, "the user must enroll first");
                let job = Job::new().log(entry.denied(self, &denial));
                (job, AtGate::Enroll(Refused { denial, reference: reference(txid) }))
            }
        };
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(answer),
            Err(Retry::Conflict(_)) => {
                self.directory().invalidate();
                Ok(AtGate::Again)
            }
            Err(Retry::Fail(error)) => Err(error),
        }
    }
}

/// What the gate decided, written down.
pub(super) enum AtGate {
    /// The facts changed meanwhile.
    Again,
    Allow(AllowReason),
    Deny(Refused),
    Enroll(Refused),
    Authenticate,
}
