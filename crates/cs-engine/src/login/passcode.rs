//! Judges a passcode: of a token, a phone or a message, or a bypass code.

use cs_core::id::{AccountId, TxId};
use cs_core::login::{
    AllowReason, Denial, DenyReason, Evaluation, FactorUsed, KeptCodes, Match, Move, SealedSecret, evaluate, may_use,
};
use cs_core::otp::{OtpSecret, TypedPasscode};
use cs_core::policy::{Method, PushRule};
use cs_store::attempts::{count_attempt, count_success, move_authenticator, move_token, use_bypass_code};
use cs_store::telephony::use_sms_code;
use cs_store::{Job, StoreError};

use super::auth::{Login, Round};
use super::decided::{Decided, Why};
use super::request::AuthAnswer;
use super::{Refused, reference};
use crate::known::{After, Moved};
use crate::{Engine, EngineError, SystemRng};

impl Engine {
    /// Judges a passcode. The attempt is counted, the code used up and the log written in one commit, before anything is answered.
    /// After a success, also what it made of the user.
    pub(super) async fn passcode(
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
            None => Evaluation { matched: None, moves: Vec::new() },
        };
        if facts.is_remembered && evaluation.matched.is_none() {
            return Ok(Round::Again);
        }
        let txid = request.log_as.unwrap_or_else(|| TxId::at(now, &mut SystemRng));
        let factor = evaluation.matched.map_or(FactorUsed::Passcode, |matched| matched.factor());
        let mut entry = login.entry(txid, factor);
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
