//! Judges what was brought from a new device, and commits what comes of it.

use cs_core::device::Phone;
use cs_core::id::{PhoneId, TxId};
use cs_core::lockout::LockoutState;
use cs_core::login::{AllowReason, Denial, DenyReason, FactorUsed};
use cs_core::policy::risk::Assessment;
use cs_core::policy::trace::Trace;
use cs_core::policy::{self, Effective, Method, PushRule, Set, Verdict};
use cs_core::secret::PlainCode;
use cs_core::webauthn::{Ask, Purpose};
use cs_store::Job;
use cs_store::attempts::{count_attempt, count_success, use_bypass_code};
use cs_store::authenticators::{ActivationSource, activate_later};
use cs_store::facts::UserFacts;
use cs_store::phones::attach_phone;
use cs_store::webauthn::{Ceremony, use_credential};
use jiff::Timestamp;

use super::super::auth::Round;
use super::super::decide::Rules;
use super::super::passkey::{Assertion, Judged, Judging, first_factor_only};
use super::super::record::Entry;
use super::super::{Who, reference};
use super::{MOVE_TTL, Proven};
use crate::enroll::new_phone;
use crate::moves::PROVEN;
use crate::{Access, Caller, Engine, EngineError, SystemRng, served};

/// One proof, as it is judged.
pub(super) struct Judgement<'a> {
    pub(super) caller: &'a Caller,
    pub(super) who: &'a Who,
    pub(super) access: &'a Access,
    pub(super) facts: &'a UserFacts,
    pub(super) rules: &'a Rules,
    pub(super) effective: &'a Effective<'a>,
    pub(super) verdict: &'a Verdict,
    pub(super) trace: &'a Trace<'a>,
    pub(super) risk: &'a Assessment,
    pub(super) now: Timestamp,
}

/// What a proof uses up and leads to.
struct Using {
    /// Steps of tables that sort before the users'.
    before: Job,
    /// And after.
    after: Job,
    lockout: LockoutState,
    method: Method,
    why: AllowReason,
}

impl Engine {
    /// The attempt is counted, the code used up and the log written in one commit, together with the activation code that comes of it.
    pub(super) async fn judge_code(&self, judgement: &Judgement<'_>) -> Result<Round<Option<Proven>>, EngineError> {
        let Judgement { caller, facts, rules, now, .. } = *judgement;
        let (account, user) = (caller.account.id, &facts.user);
        let Ok(attempt) = user.lockout.begin_attempt(rules.lockout(), now) else {
            // The policies refused those who are locked out; only a clock that jumped can lead here.
            return Ok(Round::Again);
        };
        let found = facts.bypass_code.as_ref().filter(|code| code.is_usable(now));
        let entry = judgement.entry(found.map_or(FactorUsed::Passcode, |_| FactorUsed::BypassCode), None, None);
        let Some(code) = found else {
            let denial = Denial::new(DenyReason::InvalidPasscode, "no recovery code of the user's matches");
            // Who has no code cannot be guessed one of: a name alone must not be enough to lock such a user out.
            let (after, locks) = match user.live_bypass_codes {
                0 => (&user.lockout, false),
                _ => (&attempt.state, attempt.locks),
            };
            let mut job = Job::new().step(count_attempt(account, user, after)).log(entry.denied(self, &denial));
            if locks {
                job = job.effect(self.alert(caller, user, "locked_out", entry.txid, now));
            }
            return self.end(job, &entry).await;
        };
        if let Some(denial) = self.contested(judgement).await? {
            let job = Job::new().step(count_attempt(account, user, &user.lockout));
            return self.end(job.log(entry.denied(self, &denial)), &entry).await;
        }
        let Ok(lockout) = user.lockout.succeed() else { return Ok(Round::Again) };
        let (before, after) = (Job::new().step(use_bypass_code(account, user.id, code.id, now)), Job::new());
        let (method, why) = (Method::Bypass, AllowReason::BypassUser);
        self.prove(judgement, &entry, Using { before, after, lockout, method, why }).await
    }

    /// The same by a passkey: its ceremony is used up, its counter moved.
    pub(super) async fn judge_passkey(
        &self,
        judgement: &Judgement<'_>,
        asserted: &Assertion,
    ) -> Result<Round<Option<Proven>>, EngineError> {
        let Judgement { caller, facts, rules, now, .. } = *judgement;
        let (account, user) = (caller.account.id, &facts.user);
        let Ok(attempt) = user.lockout.begin_attempt(rules.lockout(), now) else { return Ok(Round::Again) };
        let purpose = Purpose::Assertion(Ask::Passwordless);
        let open = self.open_ceremony(account, &asserted.ceremony, purpose, &asserted.binding, now).await?;
        let Some((ceremony, digest)) = open.filter(|(ceremony, _)| ceremony.user.is_none()) else {
            let entry = judgement.entry(FactorUsed::WebauthnCredential, None, Some(&asserted.response));
            let denial = Denial::new(DenyReason::LoginExpired, "the ceremony is over, or was finished before");
            return self.end(Job::new().log(entry.denied(self, &denial)), &entry).await;
        };
        let allowed = judgement.allowed();
        let judging = Judging { account, user, rules, allowed: &allowed };
        let Judged { found, result } = self.judge_assertion(&judging, &ceremony, asserted).await?;
        let credential = found.as_ref().map(|found| &found.credential);
        let factor = credential.map_or(FactorUsed::WebauthnCredential, |credential| credential.factor());
        let device = credential.map(|credential| (credential.key.to_string(), credential.display_name()));
        let entry = judgement.entry(factor, device, Some(&asserted.response));
        let finish = Ceremony::finish(account, &digest, purpose, asserted.binding.as_bytes(), now);
        let denial = match (result, credential) {
            (Ok(used), Some(credential)) => match self.contested(judgement).await? {
                Some(denial) => denial,
                None => {
                    let Ok(lockout) = user.lockout.succeed() else { return Ok(Round::Again) };
                    let after = Job::new().step(finish).step(use_credential(account, credential, &used, now));
                    let (before, method) = (Job::new(), credential.method(Ask::Passwordless));
                    let why = AllowReason::UserApproved;
                    return self.prove(judgement, &entry, Using { before, after, lockout, method, why }).await;
                }
            },
            (Err(denial), _) => denial,
            (Ok(_), None) => Denial::new(DenyReason::InvalidCredential, "it is by no credential of the user's"),
        };
        let job = self.refused_assertion(&entry, user, &attempt, &denial, credential, finish);
        self.end(job, &entry).await
    }

    /// After somebody said that a move was not theirs, the next one is for an administrator to allow.
    async fn contested(&self, judgement: &Judgement<'_>) -> Result<Option<Denial>, EngineError> {
        let (account, user) = (judgement.caller.account.id, judgement.facts.user.id);
        let is_contested = self.was_contested(account, user, judgement.now).await?;
        let fact = "a move of the last day was called somebody else's: an administrator must help";
        Ok(is_contested.then(|| Denial::new(DenyReason::DeniedByPolicy, fact)))
    }

    /// Commits what was proven, with the activation code.
    async fn prove(
        &self,
        judgement: &Judgement<'_>,
        entry: &Entry<'_>,
        using: Using,
    ) -> Result<Round<Option<Proven>>, EngineError> {
        let Judgement { caller, facts, rules, access, now, .. } = *judgement;
        let Using { before, after, lockout, method, why } = using;
        let (account, user) = (caller.account.id, &facts.user);
        let (code, expires_at) = (PlainCode::activation(&mut SystemRng), now + MOVE_TTL);
        let digest = self.activation_digest(account, &code)?;
        let devices: Vec<(PhoneId, String)> =
            user.phones.iter().filter(|phone| phone.can_push()).map(|phone| (phone.id, phone.menu_name())).collect();
        let empty = user.phones.iter().find(|phone| is_empty(phone)).map(|phone| phone.id);
        let made = (devices.is_empty() && empty.is_none()).then(|| new_phone(now));
        let first = devices.first().map(|(phone, _)| *phone).or(empty).or(made.as_ref().map(|made| made.id));
        let Some(phone) = first else { return Err(EngineError::NotFound) };
        let [void, insert] =
            activate_later(account, phone, user.id, &digest, ActivationSource::Move, false, now, expires_at);
        let [integration, policies] = rules.unchanged(caller);
        let risk = user.risk.succeeded(self.place_of(access), method, PushRule::Plain, now);
        let mut job = Job::new().step(void).step(insert).and(before).step(integration).step(policies);
        // In the order of the tables' names, as far as the user's row allows: see `cs_store::attempts`.
        job = job.step(count_success(account, user, &lockout, &risk, now)).and(after);
        if let Some(made) = made {
            let [hold, attach] = attach_phone(account, user.id, made.id);
            job = job.step(made.insert(account)).step(hold).step(attach);
        }
        let body = serde_json::json!({"device": phone.as_str(), "reference": reference(entry.txid)});
        job = job
            .log(entry.allowed(self, why, "proven at a new device, to bring the account there"))
            .log(self.self_record(account, user, PROVEN, &body, access, now));
        job.effects.extend(entry.review());
        Ok(match self.settle(job).await? {
            Round::Again => Round::Again,
            Round::Done(()) => Round::Done(Some(Proven { code, expires_at, username: user.username.clone(), devices })),
        })
    }

    /// Commits a refusal.
    pub(super) async fn end(&self, mut job: Job, entry: &Entry<'_>) -> Result<Round<Option<Proven>>, EngineError> {
        job.effects.extend(entry.review());
        Ok(match self.settle(job).await? {
            Round::Again => Round::Again,
            Round::Done(()) => Round::Done(None),
        })
    }
}

impl<'a> Judgement<'a> {
    fn entry(&self, factor: FactorUsed, device: Option<(String, String)>, evidence: Option<&'a str>) -> Entry<'a> {
        Entry {
            caller: self.caller,
            txid: TxId::at(self.now, &mut SystemRng),
            who: self.who,
            user: Some(&self.facts.user),
            access: self.access,
            factor,
            device,
            evidence,
            answered_from: None,
            trace: Some(self.trace),
            risk: self.risk,
            now: self.now,
        }
    }

    /// A passkey that verifies its person stands for both factors here, wherever its kind may be the second one.
    fn allowed(&self) -> policy::Challenge {
        let methods = self.effective.authentication_methods.value;
        let twins = [
            (Method::WebauthnPlatform, Method::WebauthnPlatformPwl),
            (Method::WebauthnRoaming, Method::WebauthnRoamingPwl),
        ];
        let usable = match self.verdict {
            Verdict::Challenge(challenge) => challenge.methods,
            Verdict::Allow { .. } | Verdict::Enroll { .. } => {
                Set::of(&[Method::WebauthnPlatform, Method::WebauthnRoaming])
            }
            Verdict::Deny(_) => Set::EMPTY,
        };
        let both: Set<Method> = twins
            .into_iter()
            .filter(|(second, _)| methods.allows(*second) && usable.contains(*second))
            .map(|(_, first)| first)
            .collect();
        let base = first_factor_only(self.effective, served::passwordless());
        policy::Challenge { passwordless: base.passwordless.union(both), ..base }
    }
}

/// A phone of which nothing is known but that it is there: an earlier move, or the help desk, has left it.
fn is_empty(phone: &Phone) -> bool {
    phone.authenticator.is_none() && phone.number.is_empty() && phone.name.is_empty()
}
