//! Do a factor: judge a passcode at once, or start a push.

use std::sync::Arc;

use cs_core::bypass_code::BypassCode;
use cs_core::device::SmsCode;
use cs_core::id::{AccountId, TxId};
use cs_core::login::{Chosen, Denial, DenyReason, FactorUsed, Ticket, TicketError, choose};
use cs_core::otp::TypedPasscode;
use cs_core::policy::exemption::Exemption;
use cs_core::policy::facts::Remembered;
use cs_core::policy::risk::Assessment;
use cs_core::policy::trace::Trace;
use cs_core::policy::{self, Effective, Verdict};
use cs_core::user::User;
use cs_core::webauthn::Ask;
use cs_store::Job;
use cs_store::facts::UserFacts;
use jiff::Timestamp;

use super::decide::{Question, Rules, known_phones, may_approve};
use super::decided::Decided;
use super::identity::is_reserved;
use super::passkey::first_factor_only;
use super::preauth::AtOnce;
use super::record::Entry;
use super::request::{AuthAnswer, AuthRequest, Wanted};
use super::same::Before;
use super::{Refused, reference};
use crate::error::Retry;
use crate::{Caller, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// The user of an attempt.
pub(super) struct Facts {
    pub(super) user: User,
    pub(super) bypass_code: Option<BypassCode>,
    pub(super) sms_code: Option<SmsCode>,
    exemptions: Vec<Exemption>,
    /// From memory, perhaps not what the database has: good for a success, whose commit is guarded, and for nothing else.
    pub(super) is_remembered: bool,
}

impl Facts {
    fn remembered(user: Arc<User>) -> Self {
        let user = Arc::unwrap_or_clone(user);
        Self { user, bypass_code: None, sms_code: None, exemptions: Vec::new(), is_remembered: true }
    }

    fn read(UserFacts { user, bypass_code, sms_code, exemptions, .. }: UserFacts) -> Self {
        Self { user, bypass_code, sms_code, exemptions, is_remembered: false }
    }
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

impl<'a> Login<'a> {
    /// What the log says of it, as far as is known before it is judged.
    pub(super) fn entry(&self, txid: TxId, factor: FactorUsed) -> Entry<'a> {
        Entry {
            caller: self.caller,
            txid,
            who: &self.request.who,
            user: Some(&self.facts.user),
            access: &self.request.access,
            factor,
            device: None,
            evidence: None,
            answered_from: None,
            trace: Some(self.trace),
            risk: self.risk,
            now: self.now,
        }
    }
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

impl<T> Round<T> {
    /// The same, with something beside what was done.
    fn with<U>(self, beside: U) -> Round<(T, U)> {
        match self {
            Self::Again => Round::Again,
            Self::Done(done) => Round::Done((done, beside)),
        }
    }
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
                Some(user) => Some(Facts::remembered(user)),
                None => self.load_user(key.as_ref(), digest.as_ref(), now).await?.map(Facts::read),
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
                shows_number: wanted.shows_number(caller, ticket.as_ref(), &effective, &risk),
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
            let round = match &wanted {
                Wanted::Passcode(_) => self.passcode(&login, typed.as_ref()).await?,
                Wanted::Assertion(asserted) => self.assertion(&login, asserted).await?,
                Wanted::Factor { request: factor, device, by_menu, .. } => {
                    let chosen = choose(&attempt.user, allowed, *factor, *device);
                    self.ask_for(&login, chosen, ticket, *by_menu).await?.with(None)
                }
            };
            if let Round::Done((answer, after)) = round {
                let user = facts.filter(|facts| facts.exemptions.is_empty()).map(|facts| facts.user);
                if let (Some(key), Some(user), Some(after)) = (key, user, after) {
                    self.inner.known.keep(key, Arc::new(after.apply(user)));
                }
                return Ok(answer);
            }
        }
        Err(EngineError::Contention)
    }

    /// Asks for what was chosen.
    async fn ask_for(
        &self,
        login: &Login<'_>,
        chosen: Result<Chosen<'_>, Denial>,
        ticket: Option<Result<Ticket, TicketError>>,
        by_menu: bool,
    ) -> Result<Round<AuthAnswer>, EngineError> {
        let (factor, denial) = match chosen {
            Ok(Chosen::Push(phone)) => match may_approve(phone, login.now) {
                Ok(()) => return self.push(login, phone, ticket, by_menu).await,
                Err(denial) => (FactorUsed::DuoPush, denial),
            },
            Ok(Chosen::Call(phone)) => return self.call(login, phone).await,
            Ok(Chosen::Sms(phone)) => return self.send_codes(login, phone).await,
            Ok(Chosen::Passcode) => {
                let denial = Denial::new(DenyReason::FactorRestricted, "auto: a passcode is needed");
                (FactorUsed::NotAvailable, denial)
            }
            Err(denial) => (FactorUsed::NotAvailable, denial),
        };
        Ok(Round::Done(self.deny(login, factor, denial).await?))
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
        let entry = login.entry(txid, factor);
        let mut job = Job::new().log(entry.denied(self, &denial));
        job.effects.extend(entry.review());
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(AuthAnswer::Decided(Decided::refused(&Refused { denial, reference: reference(txid) }))),
            // A job without guards has nothing that could fail to hold.
            Err(Retry::Conflict(_)) => Err(EngineError::Contention),
            Err(Retry::Fail(error)) => Err(error),
        }
    }
}
