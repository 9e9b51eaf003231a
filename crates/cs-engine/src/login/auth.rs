//! Do a factor: judge a passcode at once, or start a push.

use std::sync::Arc;

use cs_core::bypass_code::BypassCode;
use cs_core::id::TxId;
use cs_core::login::{
    AllowReason, Choice, Chosen, Denial, DenyReason, FactorRequest, FactorUsed, Gate, Match, Move, SealedSecret,
    Selection, Situation, choose, evaluate, gate, parse_selection,
};
use cs_core::otp::{OtpSecret, TypedPasscode};
use cs_core::user::User;
use cs_store::attempts::{
    count_attempt, count_success, integration_unchanged, move_authenticator, move_token, use_bypass_code,
};
use cs_store::outbox::Effect;
use cs_store::{Job, StoreError};
use jiff::Timestamp;

use super::preauth::AtGate;
use super::record::Entry;
use super::status::{Decided, Status, Why};
use super::{Refused, Who, reference};
use crate::error::Retry;
use crate::known::Moved;
use crate::{Access, Caller, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// The factor a client asks for.
#[derive(Debug, Clone)]
pub enum FactorInput {
    /// By name.
    Named(FactorRequest, Choice),
    /// A passcode.
    Passcode(String),
    /// Whatever was answered to a menu: an option or a passcode.
    Menu(String),
}

/// One request to authenticate.
#[derive(Debug, Clone)]
pub struct AuthRequest {
    /// Whom.
    pub who: Who,
    /// With what.
    pub factor: FactorInput,
    /// From where.
    pub access: Access,
    /// What the phone calls it; "Login request" unless the client says otherwise.
    pub push_type: Option<String>,
    /// The name the phone shows instead of the username.
    pub display_username: Option<String>,
    /// Further lines for the phone.
    pub info: Vec<(String, String)>,
    /// The transaction id that `preauth` gave, for a push whose number is on the screen.
    pub ticket: Option<TxId>,
    /// The caller's idempotency key.
    pub idempotency_key: Option<String>,
    /// A digest over everything that was sent, and by whom.
    pub digest: [u8; 32],
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthAnswer {
    /// Decided, and in the log.
    Decided(Decided),
    /// A push is on its way: ask for its status.
    Started {
        /// Its id.
        txid: TxId,
        /// The device, for the message: "Pushed a login request to …".
        device: String,
    },
}

/// A factor as asked for, once menus are read.
pub(super) enum Wanted {
    Passcode(String),
    Factor { request: FactorRequest, device: Choice, ticket: Option<TxId>, by_menu: bool },
}

impl AuthRequest {
    pub(super) fn wanted(&self) -> Wanted {
        match &self.factor {
            FactorInput::Passcode(typed) => Wanted::Passcode(typed.clone()),
            FactorInput::Named(request, device) => {
                Wanted::Factor { request: *request, device: *device, ticket: self.ticket, by_menu: false }
            }
            FactorInput::Menu(text) => match parse_selection(text) {
                Selection::Passcode => Wanted::Passcode(text.clone()),
                Selection::Factor { request, device, txid } => {
                    Wanted::Factor { request, device, ticket: txid.or(self.ticket), by_menu: true }
                }
            },
        }
    }
}

/// The user of an attempt.
struct Facts {
    user: User,
    bypass_code: Option<BypassCode>,
    /// From memory, perhaps not what the database has: good for a success, whose commit is guarded, and for nothing else.
    is_remembered: bool,
}

/// Whether to load and decide again, or be done.
pub(super) enum Round<T> {
    Again,
    Done(T),
}

impl Engine {
    /// Does what `request` asks for.
    pub async fn auth(&self, caller: &Caller, request: &AuthRequest) -> Result<AuthAnswer, EngineError> {
        let wanted = request.wanted();
        let typed = match &wanted {
            Wanted::Passcode(typed) => TypedPasscode::parse(typed).ok(),
            Wanted::Factor { .. } => None,
        };
        let account = caller.account.id;
        let digest = match &typed {
            Some(typed) => Some(self.bypass_digest(account, typed.expose())?),
            None => None,
        };
        let key = self.user_key(&caller.integration, &request.who);
        let mut remembered = match (&wanted, &request.idempotency_key) {
            (Wanted::Passcode(_), None) => key.as_ref().and_then(|key| self.inner.known.take(key)),
            (Wanted::Passcode(_), Some(_)) | (Wanted::Factor { .. }, _) => None,
        };
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let facts = match remembered.take() {
                Some(user) => Some(Facts { user: Arc::unwrap_or_clone(user), bypass_code: None, is_remembered: true }),
                None => self.load_user(key.as_ref(), digest.as_ref(), now).await?.map(|facts| Facts {
                    user: facts.user,
                    bypass_code: facts.bypass_code,
                    is_remembered: false,
                }),
            };
            let user = facts.as_ref().map(|facts| &facts.user);
            let situation = Situation {
                integration: &caller.integration,
                settings: self.settings(caller),
                user,
                remembered: false,
                now,
            };
            let verdict = gate(&situation);
            if facts.as_ref().is_some_and(|facts| facts.is_remembered) && verdict != Gate::Authenticate {
                continue;
            }
            // A repeated answer still lets nobody in whom the rules have come to refuse meanwhile.
            let may_still_get_in = match &verdict {
                Gate::Deny(_) => false,
                // Enroll: the code that let the user in may have been the only factor.
                Gate::Allow { .. } | Gate::Enroll | Gate::Authenticate => true,
            };
            if let Some(user) = user
                && let Some(decided) = self.repeated(caller, request, &wanted, user).await?
                && (!decided.allow || may_still_get_in)
            {
                return Ok(AuthAnswer::Decided(decided));
            }
            let at_gate = self.decide_at_gate(caller, &request.who, user, &request.access, verdict, now).await?;
            match at_gate {
                AtGate::Again => continue,
                AtGate::Allow(why) => return Ok(AuthAnswer::Decided(Decided::let_in(why))),
                AtGate::Deny(refused) | AtGate::Enroll(refused) => {
                    return Ok(AuthAnswer::Decided(Decided::refused(&refused)));
                }
                AtGate::Authenticate => {}
            }
            // The gate lets only known users come this far.
            let Some(facts) = facts else { return Err(EngineError::NotFound) };
            let round = match &wanted {
                Wanted::Passcode(_) => match self.passcode(caller, request, facts, typed.as_ref(), now).await? {
                    Round::Again => Round::Again,
                    Round::Done((answer, user)) => {
                        if let (Some(key), Some(user)) = (key, user) {
                            self.inner.known.keep(key, Arc::new(user));
                        }
                        return Ok(answer);
                    }
                },
                Wanted::Factor { request: factor, device, ticket, by_menu } => {
                    match choose(&facts.user, *factor, *device) {
                        Ok(Chosen::Push(phone)) => {
                            self.push(caller, request, &facts.user, phone, *ticket, *by_menu, now).await?
                        }
                        Ok(Chosen::Passcode) => {
                            let denial = Denial::new(DenyReason::FactorRestricted, "auto: a passcode is needed");
                            Round::Done(
                                self.deny(caller, request, &facts.user, FactorUsed::NotAvailable, denial, now).await?,
                            )
                        }
                        Err(denial) => Round::Done(
                            self.deny(caller, request, &facts.user, FactorUsed::NotAvailable, denial, now).await?,
                        ),
                    }
                }
            };
            if let Round::Done(answer) = round {
                return Ok(answer);
            }
        }
        Err(EngineError::Contention)
    }

    /// The keyed hash under which a bypass code is kept.
    pub(crate) fn bypass_digest(&self, account: cs_core::id::AccountId, code: &str) -> Result<[u8; 32], EngineError> {
        self.store().vault().digest(account.as_str(), "bypass_code", code.as_bytes()).map_err(EngineError::vault)
    }

    /// Judges a passcode. The attempt is counted, the code used up and the log written in one commit, before anything is answered.
    /// After a success, also the user as it is now.
    async fn passcode(
        &self,
        caller: &Caller,
        request: &AuthRequest,
        facts: Facts,
        typed: Option<&TypedPasscode>,
        now: Timestamp,
    ) -> Result<Round<(AuthAnswer, Option<User>)>, EngineError> {
        let (account, user) = (caller.account.id, &facts.user);
        let Ok(attempt) = user.lockout.begin_attempt(self.settings(caller).lockout, now) else {
            // The gate refused those who are locked out; only a clock that jumped can lead here.
            return Ok(Round::Again);
        };
        let evaluation = match typed {
            Some(typed) => {
                evaluate(user, typed, facts.bypass_code.as_ref(), now, |sealed| self.open_secret(account, sealed))?
            }
            // Too long or empty: wrong like any other.
            None => cs_core::login::Evaluation { matched: None, moves: Vec::new() },
        };
        if facts.is_remembered && evaluation.matched.is_none() {
            return Ok(Round::Again);
        }
        let txid = TxId::at(now, &mut SystemRng);
        let mut entry = Entry {
            caller,
            txid,
            who: &request.who,
            user: Some(user),
            access: &request.access,
            factor: evaluation.matched.map_or(FactorUsed::Passcode, |matched| matched.factor()),
            device: None,
            evidence: None,
            now,
        };
        // In the order of the tables' names: see `cs_store::attempts`.
        let mut job = Job::new();
        for moved in &evaluation.moves {
            if let Move::Phone(phone, next) = moved
                && let Some(authenticator) = &phone.authenticator
            {
                job = job.step(move_authenticator(account, phone, &authenticator.otp, next));
            }
        }
        if let Some(Match::BypassCode(code)) = evaluation.matched {
            job = job.step(use_bypass_code(account, user.id, code, now));
        }
        let at_integration = job.guards.len();
        job = job.step(integration_unchanged(account, caller.integration.key, caller.integration.version));
        for moved in &evaluation.moves {
            if let Move::Token(token, next) = moved {
                job = job.step(move_token(account, token, next));
            }
        }
        let mut after = None;
        let decided = match evaluation.matched {
            Some(matched) => {
                let why = match matched {
                    Match::BypassCode(_) => AllowReason::BypassUser,
                    Match::Token(token) => {
                        entry.device = Some((token.id.to_string(), token.display_name()));
                        AllowReason::ValidPasscode
                    }
                    Match::Phone(phone) => {
                        entry.device = Some((phone.id.to_string(), phone.display_name()));
                        AllowReason::ValidPasscode
                    }
                };
                let Ok(lockout) = user.lockout.succeed() else { return Ok(Round::Again) };
                after = Some((lockout, Moved::of(&evaluation.moves)));
                job = job.step(count_success(account, user, &lockout, now)).log(entry.allowed(
                    self,
                    why,
                    "the passcode is right",
                ));
                let token = self.remember(&caller.integration, user, now)?;
                Decided { trusted_device_token: token, ..Decided::let_in(why) }
            }
            None => {
                let denial = Denial::new(DenyReason::InvalidPasscode, "no code of the user's matches");
                job = job.step(count_attempt(account, user, &attempt.state)).log(entry.denied(self, &denial));
                if attempt.locks {
                    job = job.effect(self.alert(caller, user, "locked_out", txid, now));
                }
                Decided::refused(&Refused { denial, reference: reference(txid) })
            }
        };
        let kept = self.keep_answer(caller, request, user, &decided, now)?;
        let at_integration = at_integration + usize::from(kept.is_some());
        // First: its table's name sorts before the others'.
        job.guards.splice(0..0, kept);
        Ok(match self.settle(job, at_integration).await? {
            Round::Again => Round::Again,
            Round::Done(()) => {
                let mut user = facts.user;
                let user = after.map(|(lockout, moves)| {
                    user.attempts += 1;
                    user.lockout = lockout;
                    user.last_login = Some(now);
                    moves.into_iter().for_each(|moved| moved.apply(&mut user));
                    user
                });
                Round::Done((AuthAnswer::Decided(decided), user))
            }
        })
    }

    /// Commits `job`; a conflict at the integration's guard makes the cache forget.
    pub(super) async fn settle(&self, job: Job, at_integration: usize) -> Result<Round<()>, EngineError> {
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(Round::Done(())),
            Err(Retry::Conflict(step)) => {
                if step == at_integration {
                    self.directory().invalidate();
                }
                Ok(Round::Again)
            }
            Err(Retry::Fail(error)) => Err(error),
        }
    }

    /// Refuses without an attempt having been made: logged, not counted.
    pub(super) async fn deny(
        &self,
        caller: &Caller,
        request: &AuthRequest,
        user: &User,
        factor: FactorUsed,
        denial: Denial,
        now: Timestamp,
    ) -> Result<AuthAnswer, EngineError> {
        let txid = TxId::at(now, &mut SystemRng);
        let entry = Entry {
            caller,
            txid,
            who: &request.who,
            user: Some(user),
            access: &request.access,
            factor,
            device: None,
            evidence: None,
            now,
        };
        let job = Job::new().log(entry.denied(self, &denial));
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(AuthAnswer::Decided(Decided::refused(&Refused { denial, reference: reference(txid) }))),
            // A job without guards has nothing that could fail to hold.
            Err(Retry::Conflict(_)) => Err(EngineError::Contention),
            Err(Retry::Fail(error)) => Err(error),
        }
    }

    /// Something administrators should hear of.
    pub(super) fn alert(&self, caller: &Caller, user: &User, what: &str, txid: TxId, now: Timestamp) -> Effect {
        let payload = serde_json::json!({
            "alert": what,
            "user_id": user.id.as_str(),
            "username": user.username,
            "application": caller.integration.name,
            "reference": reference(txid),
            "time": now.as_second(),
        });
        Effect::new("alert", caller.account.id.as_str(), payload.to_string(), now)
    }

    fn open_secret(&self, account: cs_core::id::AccountId, sealed: SealedSecret<'_>) -> Result<OtpSecret, EngineError> {
        let vault = self.store().vault();
        let (kind, opened) = match sealed {
            SealedSecret::Token(token) => (
                token.otp.kind,
                vault.open(account.as_str(), "token", "secret", token.id.as_str(), &token.sealed_secret),
            ),
            SealedSecret::Phone(phone) => {
                let Some(authenticator) = &phone.authenticator else { return Err(EngineError::NotFound) };
                (
                    authenticator.otp.kind,
                    vault.open(
                        account.as_str(),
                        "authenticator",
                        "seed",
                        phone.id.as_str(),
                        &authenticator.sealed_seed,
                    ),
                )
            }
        };
        let secret = opened.map_err(EngineError::vault)?;
        OtpSecret::from_bytes(kind, secret)
            .map_err(|_| EngineError::Internal(StoreError::Corrupt { table: "token", id: kind.as_str().to_owned() }))
    }
}

impl Decided {
    pub(super) fn let_in(why: AllowReason) -> Self {
        let (status, message) = match why {
            AllowReason::AllowUnenrolledUser | AllowReason::AllowUnenrolledUserOnTrustedNetwork => {
                (Status::Allow, "Allowing unknown user")
            }
            AllowReason::BypassUser => (Status::Bypass, "Success. Logging you in..."),
            AllowReason::AllowedByPolicy
            | AllowReason::RememberedDevice
            | AllowReason::TrustedLocation
            | AllowReason::TrustedNetwork
            | AllowReason::UserApproved
            | AllowReason::ValidPasscode => (Status::Allow, "Success. Logging you in..."),
        };
        Self {
            allow: true,
            status,
            message: message.to_owned(),
            trusted_device_token: None,
            reference: None,
            why: Why::Allowed(why),
        }
    }

    pub(super) fn refused(refused: &Refused) -> Self {
        let reason = refused.denial.reason;
        let status = match reason {
            DenyReason::LockedOut => Status::LockedOut,
            DenyReason::NoResponse => Status::Timeout,
            DenyReason::UserMarkedFraud => Status::Fraud,
            DenyReason::AgentReportUnverified
            | DenyReason::AnomalousPush
            | DenyReason::AnonymousIp
            | DenyReason::CouldNotDetermineIfEndpointWasTrusted
            | DenyReason::DeniedByPolicy
            | DenyReason::DeniedNetwork
            | DenyReason::DenyUnenrolledUser
            | DenyReason::DesktopAgentRequired
            | DenyReason::EndpointIsNotInManagementSystem
            | DenyReason::EndpointIsNotTrusted
            | DenyReason::Error
            | DenyReason::FactorRestricted
            | DenyReason::FirewallOff
            | DenyReason::InvalidDevice
            | DenyReason::InvalidPasscode
            | DenyReason::LocationRestricted
            | DenyReason::LoginExpired
            | DenyReason::NoActivatedDuoMobileAccount
            | DenyReason::NoDiskEncryption
            | DenyReason::NoScreenLock
            | DenyReason::NoSecurityAgent
            | DenyReason::NoSystemPassword
            | DenyReason::NumberNotShown
            | DenyReason::OutOfDate
            | DenyReason::PlatformRestricted
            | DenyReason::PushInProgress
            | DenyReason::RootedDevice
            | DenyReason::SoftwareRestricted
            | DenyReason::TouchIdDisabled
            | DenyReason::UserCancelled
            | DenyReason::UserDisabled
            | DenyReason::UserMistake
            | DenyReason::UserNotInPermittedGroup
            | DenyReason::UserPendingDeletion
            | DenyReason::VersionRestricted => Status::Deny,
        };
        Self {
            allow: false,
            status,
            message: reason.user_text().to_owned(),
            trusted_device_token: None,
            reference: Some(refused.reference.clone()),
            why: Why::Denied(reason),
        }
    }

    /// Whether the user is in.
    pub fn is_allow(&self) -> bool {
        self.allow
    }
}

/// Whether a gate verdict still lets this login go on when its push is approved.
pub(super) fn still_allowed(verdict: Gate) -> Result<(), Denial> {
    match verdict {
        // In bypass, or no longer needing a factor: approved all the more.
        Gate::Authenticate | Gate::Allow { .. } => Ok(()),
        Gate::Deny(denial) => Err(denial),
        Gate::Enroll => Err(Denial::new(DenyReason::DenyUnenrolledUser, "the user has no usable device any more")),
    }
}
