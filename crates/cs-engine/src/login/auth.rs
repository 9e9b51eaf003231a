//! Do a factor: judge a passcode at once, or start a push.

use std::sync::Arc;

use cs_core::bypass_code::BypassCode;
use cs_core::device::SmsCode;
use cs_core::id::{AccountId, TxId, WebauthnKey};
use cs_core::lockout::LockoutState;
use cs_core::login::{
    AllowReason, Choice, Chosen, Denial, DenyReason, FactorRequest, FactorUsed, KeptCodes, Match, Move, SealedSecret,
    Selection, Ticket, TicketError, choose, evaluate, may_use, parse_selection,
};
use cs_core::otp::{OtpSecret, TypedPasscode};
use cs_core::policy::exemption::Exemption;
use cs_core::policy::facts::Remembered;
use cs_core::policy::risk::{Assessment, RiskRecord};
use cs_core::policy::sections::PushWithoutDisplay;
use cs_core::policy::trace::Trace;
use cs_core::policy::{self, Effective, Method, PushRule, Verdict};
use cs_core::user::User;
use cs_core::webauthn::{Ask, Used};
use cs_store::attempts::{count_attempt, count_success, move_authenticator, move_token, use_bypass_code};
use cs_store::outbox::Effect;
use cs_store::telephony::use_sms_code;
use cs_store::{Job, StoreError};
use jiff::Timestamp;

use super::decide::{Question, Rules, known_phones, may_approve};
use super::identity::is_reserved;
use super::passkey::{Assertion, first_factor_only};
use super::preauth::AtOnce;
use super::record::Entry;
use super::same::Before;
use super::status::{Decided, Status, Why};
use super::{Refused, Who, reference};
use crate::error::Retry;
use crate::known::Moved;
use crate::{Access, Caller, Engine, EngineError, MAX_ROUNDS, Surface, SystemRng};

/// The factor a client asks for.
#[derive(Debug, Clone)]
pub enum FactorInput {
    /// By name.
    Named(FactorRequest, Choice),
    /// A passcode.
    Passcode(String),
    /// Whatever was answered to a menu: an option or a passcode.
    Menu(String),
    /// A browser's answer to a ceremony.
    Assertion(Box<Assertion>),
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
    /// What every proxy of this application calls this login: see [`same`](super::SAME_LOGIN_GRACE).
    pub login_key: Option<String>,
    /// A digest over everything that was sent, and by whom.
    pub digest: [u8; 32],
    /// The id under which the log keeps what is decided at once; `None` = a new one. A push has its own.
    pub log_as: Option<TxId>,
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
    Assertion(Box<Assertion>),
}

impl Wanted {
    /// Whether it stands beside a password or in its place.
    fn ask(&self) -> Ask {
        match self {
            Self::Passcode(_) | Self::Factor { .. } => Ask::SecondFactor,
            Self::Assertion(asserted) => asserted.ask,
        }
    }
}

impl AuthRequest {
    pub(super) fn wanted(&self) -> Wanted {
        match &self.factor {
            FactorInput::Passcode(typed) => Wanted::Passcode(typed.clone()),
            FactorInput::Named(request, device) => {
                Wanted::Factor { request: *request, device: *device, ticket: self.ticket, by_menu: false }
            }
            FactorInput::Assertion(asserted) => Wanted::Assertion(asserted.clone()),
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
pub(super) struct Facts {
    pub(super) user: User,
    bypass_code: Option<BypassCode>,
    sms_code: Option<SmsCode>,
    exemptions: Vec<Exemption>,
    /// From memory, perhaps not what the database has: good for a success, whose commit is guarded, and for nothing else.
    pub(super) is_remembered: bool,
}

/// A login that the policies ask a factor of.
pub(super) struct Login<'a> {
    pub(super) caller: &'a Caller,
    pub(super) request: &'a AuthRequest,
    pub(super) facts: &'a Facts,
    pub(super) rules: &'a Rules,
    pub(super) effective: &'a Effective<'a>,
    pub(super) allowed: &'a policy::Challenge,
    pub(super) trace: &'a Trace<'a>,
    pub(super) risk: &'a Assessment,
    pub(super) together: Option<&'a dyn Together>,
    /// Where the login's own name has come to, if it has one.
    pub(super) same: Option<i64>,
    pub(super) now: Timestamp,
}

/// Something that happens together with a decision, in its commit, or not at all.
pub(crate) trait Together: Send + Sync {
    /// The further steps. May be asked for again if what was decided could not be committed.
    fn job(&self, decided: &Decided, user: &User, effective: &Effective<'_>) -> Result<Job, EngineError>;
    /// Whether steps were asked for.
    fn is_prepared(&self) -> bool;
    /// The steps last asked for are committed.
    fn committed(&self);
}

/// Whether to load and decide again, or be done.
pub(super) enum Round<T> {
    Again,
    Done(T),
}

impl Engine {
    /// Does what `request` asks for.
    pub async fn auth(&self, caller: &Caller, request: &AuthRequest) -> Result<AuthAnswer, EngineError> {
        self.auth_together(caller, request, None).await
    }

    /// The same. What is `together` with it happens if an assertion is judged.
    pub(crate) async fn auth_together(
        &self,
        caller: &Caller,
        request: &AuthRequest,
        together: Option<&dyn Together>,
    ) -> Result<AuthAnswer, EngineError> {
        if request.push_type.as_deref().is_some_and(is_reserved) {
            return Err(EngineError::Invalid("type"));
        }
        let wanted = request.wanted();
        let typed = match &wanted {
            Wanted::Passcode(typed) => TypedPasscode::parse(typed).ok(),
            Wanted::Factor { .. } | Wanted::Assertion(_) => None,
        };
        let account = caller.account.id;
        let digest = match &typed {
            Some(typed) => Some(self.bypass_digest(account, typed.expose())?),
            None => None,
        };
        let key = self.user_key(&caller.integration, &request.who);
        let mut remembered = match (&wanted, &request.idempotency_key) {
            (Wanted::Passcode(_) | Wanted::Assertion(_), None) => {
                key.as_ref().and_then(|key| self.inner.known.take(key))
            }
            (Wanted::Passcode(_) | Wanted::Assertion(_), Some(_)) | (Wanted::Factor { .. }, _) => None,
        };
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let rules = self.rules(caller, now).await?;
            let facts = match remembered.take() {
                Some(user) => Some(Facts {
                    user: Arc::unwrap_or_clone(user),
                    bypass_code: None,
                    sms_code: None,
                    exemptions: Vec::new(),
                    is_remembered: true,
                }),
                None => self.load_user(key.as_ref(), digest.as_ref(), now).await?.map(|facts| Facts {
                    user: facts.user,
                    bypass_code: facts.bypass_code,
                    sms_code: facts.sms_code,
                    exemptions: facts.exemptions,
                    is_remembered: false,
                }),
            };
            let user = facts.as_ref().map(|facts| &facts.user);
            let ticket = self.ticket(caller, user, &wanted, now)?;
            let effective = rules.effective(user);
            let phones = known_phones(user);
            let risk = self.assess(account, &effective, user, &request.access, now);
            let question = Question {
                caller,
                user,
                phones: &phones,
                exemptions: facts.as_ref().map_or(&[][..], |facts| &facts.exemptions),
                access: &request.access,
                shows_number: shows_number(caller, &wanted, &ticket, &effective, &risk),
                offered: self.offered(caller.surface, wanted.ask()),
                remembered: Remembered::default(),
                risk: &risk,
                now,
            };
            let decision = self.decide(&effective, &question);
            if facts.as_ref().is_some_and(|facts| facts.is_remembered)
                && !matches!(decision.verdict, Verdict::Challenge(_))
            {
                continue;
            }
            // A repeated answer still lets nobody in whom the rules have come to refuse meanwhile.
            let may_still_get_in = match &decision.verdict {
                Verdict::Deny(_) => false,
                // Enroll: the code that let the user in may have been the only factor.
                Verdict::Allow { .. } | Verdict::Enroll { .. } | Verdict::Challenge(_) => true,
            };
            if let Some(user) = user
                && let Some(decided) = self.repeated(caller, request, &wanted, user).await?
                && (!decided.allow || may_still_get_in)
            {
                return Ok(AuthAnswer::Decided(decided));
            }
            let proves_itself = wanted.ask() == Ask::Passwordless;
            let at_once = match &decision.verdict {
                // Where there is no password, nothing is proven yet: whoever needs no second factor needs the first all the same.
                Verdict::Allow { .. } if proves_itself => AtOnce::Challenge,
                _ => self.close_at_once(caller, &request.who, request.log_as, &question, &rules, &decision).await?,
            };
            match at_once {
                AtOnce::Again => continue,
                AtOnce::Allow(why) => return Ok(AuthAnswer::Decided(Decided::let_in(why))),
                AtOnce::Deny(refused) | AtOnce::Enroll(refused) => {
                    return Ok(AuthAnswer::Decided(Decided::refused(&refused)));
                }
                AtOnce::Challenge => {}
            }
            // Only known users come this far.
            let instead = first_factor_only(&effective, question.offered);
            let allowed = match &decision.verdict {
                Verdict::Challenge(allowed) => allowed,
                Verdict::Allow { .. } if proves_itself => &instead,
                Verdict::Allow { .. } | Verdict::Deny(_) | Verdict::Enroll { .. } => return Err(EngineError::NotFound),
            };
            let Some(attempt) = &facts else { return Err(EngineError::NotFound) };
            let same = match self.same_login(caller, request, &wanted, &attempt.user, now).await? {
                Before::Is(answer) => return Ok(answer),
                Before::Again => continue,
                Before::New(generation) => generation,
            };
            let trace = &decision.trace;
            let login = Login {
                caller,
                request,
                facts: attempt,
                rules: &rules,
                effective: &effective,
                allowed,
                trace,
                risk: &risk,
                together,
                same,
                now,
            };
            let judged = match &wanted {
                Wanted::Passcode(_) => Some(self.passcode(&login, typed.as_ref()).await?),
                Wanted::Assertion(asserted) => Some(self.assertion(&login, asserted).await?),
                Wanted::Factor { .. } => None,
            };
            if let Some(Round::Done((answer, after))) = judged {
                let user = facts.filter(|facts| facts.exemptions.is_empty()).map(|facts| facts.user);
                if let (Some(key), Some(user), Some(after)) = (key, user, after) {
                    self.inner.known.keep(key, Arc::new(after.apply(user)));
                }
                return Ok(answer);
            }
            let round = match &wanted {
                Wanted::Passcode(_) | Wanted::Assertion(_) => Round::Again,
                Wanted::Factor { request: factor, device, by_menu, .. } => {
                    match choose(&attempt.user, allowed, *factor, *device) {
                        Ok(Chosen::Push(phone)) => match may_approve(phone, now) {
                            Ok(()) => self.push(&login, phone, ticket, *by_menu).await?,
                            Err(denial) => Round::Done(self.deny(&login, FactorUsed::DuoPush, denial).await?),
                        },
                        Ok(Chosen::Call(phone)) => self.call(&login, phone).await?,
                        Ok(Chosen::Sms(phone)) => self.send_codes(&login, phone).await?,
                        Ok(Chosen::Passcode) => {
                            let denial = Denial::new(DenyReason::FactorRestricted, "auto: a passcode is needed");
                            Round::Done(self.deny(&login, FactorUsed::NotAvailable, denial).await?)
                        }
                        Err(denial) => Round::Done(self.deny(&login, FactorUsed::NotAvailable, denial).await?),
                    }
                }
            };
            if let Round::Done(answer) = round {
                return Ok(answer);
            }
        }
        Err(EngineError::Contention)
    }

    /// The ticket that the client was given, checked; what is wrong with it is said once the policies have spoken.
    fn ticket(
        &self,
        caller: &Caller,
        user: Option<&User>,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<Option<Result<Ticket, TicketError>>, EngineError> {
        let (Wanted::Factor { ticket: Some(txid), .. }, Some(user)) = (wanted, user) else { return Ok(None) };
        let key = self.ticket_key(caller.account.id)?;
        Ok(Some(Ticket::check(&key, *txid, caller.account.id, caller.integration.key, user.id, now)))
    }

    /// The keyed hash under which a bypass code is kept.
    pub(crate) fn bypass_digest(&self, account: AccountId, code: &str) -> Result<[u8; 32], EngineError> {
        self.store().vault().digest(account.as_str(), "bypass_code", code.as_bytes()).map_err(EngineError::vault)
    }

    /// Judges a passcode. The attempt is counted, the code used up and the log written in one commit, before anything is answered.
    /// After a success, also what it made of the user.
    async fn passcode(
        &self,
        login: &Login<'_>,
        typed: Option<&TypedPasscode>,
    ) -> Result<Round<(AuthAnswer, Option<After>)>, EngineError> {
        let Login { caller, request, facts, rules, effective, allowed, now, .. } = *login;
        let (account, user) = (caller.account.id, &facts.user);
        let Ok(attempt) = user.lockout.begin_attempt(rules.lockout(), now) else {
            // The policies refused those who are locked out; only a clock that jumped can lead here.
            return Ok(Round::Again);
        };
        let kept = KeptCodes { bypass: facts.bypass_code.as_ref(), sms: facts.sms_code.as_ref() };
        let evaluation = match typed {
            Some(typed) => evaluate(user, typed, kept, now, |sealed| self.open_secret(account, sealed))?,
            // Too long or empty: wrong like any other.
            None => cs_core::login::Evaluation { matched: None, moves: Vec::new() },
        };
        if facts.is_remembered && evaluation.matched.is_none() {
            return Ok(Round::Again);
        }
        let txid = request.log_as.unwrap_or_else(|| TxId::at(now, &mut SystemRng));
        let mut entry = Entry {
            caller,
            txid,
            who: &request.who,
            user: Some(user),
            access: &request.access,
            factor: evaluation.matched.map_or(FactorUsed::Passcode, |matched| matched.factor()),
            device: None,
            evidence: None,
            answered_from: None,
            trace: Some(login.trace),
            risk: login.risk,
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
        let [integration, policies] = rules.unchanged(caller);
        job = job.step(integration).step(policies);
        let why = evaluation.matched.map(|matched| match matched {
            Match::BypassCode(_) => AllowReason::BypassUser,
            Match::Token(_) | Match::Phone(_) | Match::SmsCode(_) => AllowReason::ValidPasscode,
        });
        // A code that the policy does not allow here is used up all the same.
        let restricted = evaluation.matched.and_then(|matched| may_use(allowed, matched).err());
        if facts.is_remembered && restricted.is_some() {
            return Ok(Round::Again);
        }
        if let (Some(why), None) = (why, &restricted) {
            let remembered = self.remember_address(caller, user, effective, &request.access, why, now);
            job.guards.extend(remembered);
        }
        // In the order of the tables' names, once it is known what is decided.
        let at_name = job.guards.len();
        if let (Some(Match::SmsCode(_)), Some(typed)) = (evaluation.matched, typed) {
            job = job.step(use_sms_code(account, user.id, &self.bypass_digest(account, typed.expose())?, now));
        }
        for moved in &evaluation.moves {
            if let Move::Token(token, next) = moved {
                job = job.step(move_token(account, token, next));
            }
        }
        match evaluation.matched {
            Some(Match::Token(token)) => entry.device = Some((token.id.to_string(), token.display_name())),
            Some(Match::Phone(phone) | Match::SmsCode(phone)) => {
                entry.device = Some((phone.id.to_string(), phone.display_name()))
            }
            Some(Match::BypassCode(_)) | None => {}
        }
        let mut after = None;
        let decided = match (why, restricted) {
            (Some(why), None) => {
                let Ok(lockout) = user.lockout.succeed() else { return Ok(Round::Again) };
                let method = evaluation.matched.map_or(Method::DuoPasscode, |matched| matched.method());
                let risk = user.risk.succeeded(self.place_of(&request.access), method, PushRule::Plain, now);
                job = job.step(count_success(account, user, &lockout, &risk, now)).log(entry.allowed(
                    self,
                    why,
                    "the passcode is right",
                ));
                // What waits to be used of a message is not the same any more.
                let is_kept = !matches!(evaluation.matched, Some(Match::SmsCode(_)));
                after = is_kept.then(|| After { lockout, risk, moves: Moved::of(&evaluation.moves), used: None, now });
                // Only a factor of one's own earns it.
                let token = match why == AllowReason::ValidPasscode {
                    true => self.remember(caller, user, effective, now)?,
                    false => None,
                };
                let by = evaluation.matched.map(|matched| matched.method());
                Decided { trusted_device_token: token, by, ..Decided::let_in(why) }
            }
            (_, Some(denial)) => {
                // Counted as an attempt, so that another one cannot come between, and not as a failure: the code was right.
                job = job.step(count_attempt(account, user, &user.lockout)).log(entry.denied(self, &denial));
                Decided::refused(&Refused { denial, reference: reference(txid) })
            }
            (None, None) => {
                let denial = Denial::new(DenyReason::InvalidPasscode, "no code of the user's matches");
                job = job.step(count_attempt(account, user, &attempt.state)).log(entry.denied(self, &denial));
                if attempt.locks {
                    job = job.effect(self.alert(caller, user, "locked_out", txid, now));
                }
                Decided::refused(&Refused { denial, reference: reference(txid) })
            }
        };
        let named = self.decided_under_name(login, &decided)?;
        job.guards.splice(at_name..at_name, named);
        let kept = self.keep_answer(caller, request, user, &decided, now)?;
        // First: its table's name sorts before the others'.
        job.guards.splice(0..0, kept);
        job.effects.extend(entry.review());
        Ok(match self.settle(job).await? {
            Round::Again => Round::Again,
            Round::Done(()) => {
                if decided.why == Why::Allowed(AllowReason::ValidPasscode) {
                    self.inner.seen.succeeded(account, request.access.address, self.place_of(&request.access), now);
                }
                if let (Some(Match::SmsCode(phone)), true) = (evaluation.matched, decided.allow) {
                    self.refresh_codes(login, phone).await;
                }
                Round::Done((AuthAnswer::Decided(decided), after))
            }
        })
    }

    /// Commits `job`; a conflict about what is kept in memory makes it forgotten.
    pub(super) async fn settle(&self, job: Job) -> Result<Round<()>, EngineError> {
        let of_memory: Vec<usize> =
            (0..).zip(&job.guards).filter(|(_, step)| step.guards_a_cache).map(|(at, _)| at).collect();
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(Round::Done(())),
            Err(Retry::Conflict(step)) => {
                if of_memory.contains(&step) {
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
        login: &Login<'_>,
        factor: FactorUsed,
        denial: Denial,
    ) -> Result<AuthAnswer, EngineError> {
        let txid = TxId::at(login.now, &mut SystemRng);
        let entry = Entry {
            caller: login.caller,
            txid,
            who: &login.request.who,
            user: Some(&login.facts.user),
            access: &login.request.access,
            factor,
            device: None,
            evidence: None,
            answered_from: None,
            trace: Some(login.trace),
            risk: login.risk,
            now: login.now,
        };
        let mut job = Job::new().log(entry.denied(self, &denial));
        job.effects.extend(entry.review());
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(AuthAnswer::Decided(Decided::refused(&Refused { denial, reference: reference(txid) }))),
            // A job without guards has nothing that could fail to hold.
            Err(Retry::Conflict(_)) => Err(EngineError::Contention),
            Err(Retry::Fail(error)) => Err(error),
        }
    }

    /// Something administrators should hear of.
    pub(crate) fn alert(&self, caller: &Caller, user: &User, what: &str, txid: TxId, now: Timestamp) -> Effect {
        alert((caller.account.id, &caller.integration.name), user, what, txid, now)
    }

    fn open_secret(&self, account: AccountId, sealed: SealedSecret<'_>) -> Result<OtpSecret, EngineError> {
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
            by: None,
        }
    }

    /// Codes are on their way: not in, and nothing went wrong.
    pub(super) fn sent() -> Self {
        Self {
            allow: false,
            status: Status::Sent,
            message: "New SMS passcodes sent.".to_owned(),
            trusted_device_token: None,
            reference: None,
            why: Why::Sent,
            by: None,
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
            | DenyReason::ClonedCredential
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
            | DenyReason::InvalidCredential
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
            | DenyReason::TelephonyLimit
            | DenyReason::TouchIdDisabled
            | DenyReason::UserCancelled
            | DenyReason::UserDisabled
            | DenyReason::UserMistake
            | DenyReason::UserNotInPermittedGroup
            | DenyReason::UserNotVerified
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
            by: None,
        }
    }

    /// Whether the user is in.
    pub fn is_allow(&self) -> bool {
        self.allow
    }
}

/// What a success made of the user.
pub(super) struct After {
    pub(super) lockout: LockoutState,
    pub(super) risk: RiskRecord,
    pub(super) moves: Vec<Moved>,
    pub(super) used: Option<(WebauthnKey, Used)>,
    pub(super) now: Timestamp,
}

impl After {
    fn apply(self, mut user: User) -> User {
        user.attempts += 1;
        user.lockout = self.lockout;
        user.risk = self.risk;
        user.last_login = Some(self.now);
        self.moves.into_iter().for_each(|moved| moved.apply(&mut user));
        if let Some((key, used)) = self.used
            && let Some(credential) = user.credentials.iter_mut().find(|credential| credential.key == key)
        {
            credential.use_it(&used, self.now);
        }
        user
    }
}

/// Whether the client can show a number before the answer, as far as the request tells.
fn shows_number(
    caller: &Caller,
    wanted: &Wanted,
    ticket: &Option<Result<Ticket, TicketError>>,
    effective: &Effective<'_>,
    risk: &Assessment,
) -> bool {
    match (wanted, ticket) {
        (Wanted::Passcode(_) | Wanted::Factor { request: FactorRequest::Sms | FactorRequest::Phone, .. }, _) => {
            // Where no push is asked for, what the rules say of pushes does not matter, save under risk: whoever has no other strong factor and is where no
            // number can be shown may then use codes. A menu and the prompt show numbers; of any other caller it is not known, and a policy that refuses
            // those that cannot is not to be softened.
            let methods = effective.authentication_methods.value;
            let refuses = methods.require_verified_push && methods.without_display == PushWithoutDisplay::Deny;
            let shows = match caller.surface {
                Surface::Prompt => true,
                Surface::AuthV2 | Surface::RestV1 => caller.integration.kind.shows_menu(),
            };
            risk.enforced().is_none() || refuses || shows
        }
        // The page of a browser shows numbers.
        (Wanted::Assertion(_), _) => true,
        (Wanted::Factor { .. }, Some(Ok(ticket))) => ticket.is_shown(),
        (Wanted::Factor { .. }, Some(Err(_))) => false,
        // The menu shows one, and its option carries it: see `push_number`.
        (Wanted::Factor { by_menu, .. }, None) => *by_menu && caller.integration.kind.shows_menu(),
    }
}
