//! May this user in, and how.

use std::sync::Arc;

use cs_core::id::TxId;
use cs_core::login::{AllowReason, Denial, DenyReason, FactorUsed, Menu, MenuDefault, Ticket, menu};
use cs_core::policy::facts::{Grant, Remembered};
use cs_core::policy::sections::PushWithoutDisplay;
use cs_core::policy::{self, Decision, Effective, PushRule, Verdict};
use cs_core::user::User;
use cs_core::webauthn::Ask;
use cs_store::Job;
use cs_store::attempts::touch_last_login;
use jiff::Timestamp;

use super::decide::{Question, Rules, known_phones};
use super::record::Entry;
use super::{Found, Reads, Refused, Who, reference};
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
    /// What is remembered of the browser the user comes with, already checked to be theirs.
    pub browser: Option<Grant>,
    /// The id under which the log keeps what is decided at once; `None` = a new one.
    pub log_as: Option<TxId>,
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
    /// What of them the policy leaves.
    pub allowed: policy::Challenge,
    /// The id and number of the push that may follow, if the client can show a number.
    pub number: Option<(TxId, String)>,
    /// When that id is no longer good.
    pub expires_at: Timestamp,
    /// The text menu.
    pub menu: Menu,
}

impl Engine {
    /// Answers `request`. An allow or a deny is committed to the log before it is answered.
    ///
    /// Two reads at most: the user, and what is remembered of the address, where the policy remembers addresses.
    pub async fn preauth(&self, caller: &Caller, request: &PreauthRequest) -> Result<Preauth, EngineError> {
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let rules = self.rules(caller, now).await?;
            let found = self.current_user(self.user_key(&caller.integration, &request.who), &rules, now).await?;
            let user = found.as_ref().map(|found| &*found.user);
            let username = user.map_or_else(|| request.who.as_text(), |user| user.username.clone());
            let effective = rules.effective(user);
            let remembered = match &found {
                Some(found) => self.remembered(caller, found, &effective, request).await?,
                None => Remembered::default(),
            };
            let phones = known_phones(user);
            let risk = self.assess(caller.account.id, &effective, user, &request.access, now);
            let question = Question {
                caller,
                user,
                phones: &phones,
                exemptions: found.as_ref().map_or(&[][..], |found| &found.exemptions),
                access: &request.access,
                shows_number: request.shows_number,
                offered: self.offered(caller.surface, Ask::SecondFactor),
                remembered,
                risk: &risk,
                now,
            };
            let decision = self.decide(&effective, &question);
            let log_as = request.log_as;
            let outcome = match self.close_at_once(caller, &request.who, log_as, &question, &rules, &decision).await? {
                AtOnce::Again => continue,
                AtOnce::Allow(why) => PreauthOutcome::Allow(why),
                AtOnce::Deny(refused) => PreauthOutcome::Deny(refused),
                AtOnce::Enroll(refused) => PreauthOutcome::Enroll(refused),
                AtOnce::Challenge => {
                    let (Verdict::Challenge(allowed), Some(found)) = (decision.verdict, &found) else {
                        return Err(EngineError::NotFound);
                    };
                    let user = Arc::clone(&found.user);
                    let plain = is_plain_possible(&effective, &allowed);
                    let (number, menu) = self.offer(caller, &user, &allowed, plain, request.shows_number, now)?;
                    let expires_at = now + cs_core::login::TICKET_TTL;
                    PreauthOutcome::Challenge(Box::new(Challenge { user, allowed, number, expires_at, menu }))
                }
            };
            return Ok(Preauth { username, outcome });
        }
        Err(EngineError::Contention)
    }

    /// Grants of earlier logins.
    async fn remembered(
        &self,
        caller: &Caller,
        found: &Found,
        effective: &Effective<'_>,
        request: &PreauthRequest,
    ) -> Result<Remembered, EngineError> {
        let user = &found.user;
        let browser = match &request.trusted_device_token {
            Some(token) => self.browser_grant(caller, user, effective, token)?,
            None => request.browser,
        };
        let address = match found.reads {
            Reads::One => self.address_grant(caller, user, effective, &request.access).await?,
            // The policy began to remember this user's addresses a moment ago: nothing can be remembered yet.
            Reads::Two => None,
        };
        Ok(Remembered { browser, address, windows_logon: None })
    }

    /// The number to show, and the menu.
    fn offer(
        &self,
        caller: &Caller,
        user: &User,
        allowed: &policy::Challenge,
        plain: Plain,
        shows_number: bool,
        now: Timestamp,
    ) -> Result<(Option<(TxId, String)>, Menu), EngineError> {
        let (account, ikey) = (caller.account.id, caller.integration.key);
        let digits = match allowed.push {
            PushRule::Verified { digits } if shows_number => digits,
            PushRule::Verified { .. } | PushRule::Plain => 0,
        };
        let key = self.ticket_key(account)?;
        let number = (digits > 0).then(|| {
            let ticket = Ticket::shown(&key, account, ikey, user.id, now, &mut SystemRng);
            (ticket, ticket.number(&key, digits))
        });
        let ticket = match plain {
            Plain::ByTicket => Some(Ticket::plain(&key, account, ikey, user.id, now, &mut SystemRng)),
            Plain::Usual | Plain::Impossible => None,
        };
        let default = match (plain, &ticket) {
            (Plain::Impossible, _) => MenuDefault::Nothing,
            (_, Some(ticket)) => MenuDefault::Ticket(ticket),
            (Plain::Usual | Plain::ByTicket, None) => MenuDefault::Push,
        };
        let menu = menu(user, allowed, number.as_ref().map(|(ticket, number)| (ticket, number.as_str())), default, now);
        Ok((number.map(|(ticket, number)| (ticket.txid(), number)), menu))
    }

    /// Writes down what was decided, if that ends the login.
    pub(super) async fn close_at_once(
        &self,
        caller: &Caller,
        who: &Who,
        log_as: Option<TxId>,
        question: &Question<'_>,
        rules: &Rules,
        decision: &Decision<'_>,
    ) -> Result<AtOnce, EngineError> {
        let (user, now) = (question.user, question.now);
        let txid = log_as.unwrap_or_else(|| TxId::at(now, &mut SystemRng));
        let mut entry = Entry {
            caller,
            txid,
            who,
            user,
            access: question.access,
            factor: FactorUsed::NotAvailable,
            device: None,
            evidence: None,
            answered_from: None,
            trace: Some(&decision.trace),
            risk: question.risk,
            now,
        };
        let account = caller.account.id;
        let (mut job, answer) = match &decision.verdict {
            Verdict::Challenge(_) => return Ok(AtOnce::Challenge),
            Verdict::Allow { why, fact } => {
                if *why == AllowReason::RememberedDevice {
                    entry.factor = FactorUsed::RememberedDevice;
                }
                let [integration, policies] = rules.unchanged(caller);
                let mut job = Job::new().step(integration).step(policies);
                if let Some(user) = user {
                    job = job.step(touch_last_login(account, user, now));
                }
                (job.log(entry.allowed(self, *why, fact)), AtOnce::Allow(*why))
            }
            Verdict::Deny(denial) => {
                let job = Job::new().log(entry.denied(self, denial));
                (job, AtOnce::Deny(Refused { denial: denial.clone(), reference: reference(txid) }))
            }
            Verdict::Enroll { .. } => {
                let denial = Denial::new(DenyReason::DenyUnenrolledUser, "the user must enroll first");
                let job = Job::new().log(entry.denied(self, &denial));
                (job, AtOnce::Enroll(Refused { denial, reference: reference(txid) }))
            }
        };
        job.effects.extend(entry.review());
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(answer),
            Err(Retry::Conflict(_)) => {
                self.directory().invalidate();
                Ok(AtOnce::Again)
            }
            Err(Retry::Fail(error)) => Err(error),
        }
    }
}

/// How a push can be had without a number.
#[derive(Clone, Copy)]
enum Plain {
    /// No push has one.
    Usual,
    /// By a ticket of its own, where the client shows none.
    ByTicket,
    /// Not at all.
    Impossible,
}

fn is_plain_possible(effective: &Effective<'_>, allowed: &policy::Challenge) -> Plain {
    match allowed.push {
        // The rule of a client that shows no number is decided already: what is left of push is plain.
        PushRule::Plain if effective.authentication_methods.require_verified_push => Plain::ByTicket,
        PushRule::Plain => Plain::Usual,
        PushRule::Verified { .. } if allowed.step_up.is_some() => Plain::Impossible,
        PushRule::Verified { .. } => match effective.authentication_methods.without_display {
            PushWithoutDisplay::PlainPush => Plain::ByTicket,
            PushWithoutDisplay::PasscodeOnly | PushWithoutDisplay::Deny => Plain::Impossible,
        },
    }
}

/// What ended a login at once, written down.
pub(super) enum AtOnce {
    /// The facts changed meanwhile.
    Again,
    Allow(AllowReason),
    Deny(Refused),
    Enroll(Refused),
    Challenge,
}
