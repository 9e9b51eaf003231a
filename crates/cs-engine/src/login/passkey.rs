//! Judges an assertion: counted like every attempt, its ceremony used up in the commit that records the result.

use cs_core::id::{AccountId, TxId};
use cs_core::lockout::Attempt;
use cs_core::login::{AllowReason, Denial, DenyReason, FactorUsed};
use cs_core::policy::risk::Assessment;
use cs_core::policy::{self, Effective, Method, PushRule, Set};
use cs_core::user::User;
use cs_core::webauthn::{Ask, Credential, Purpose, Used, judge};
use cs_store::attempts::{count_attempt, count_success};
use cs_store::webauthn::{Ceremony, VerifiableCredential, mark_cloned, use_credential};
use cs_store::{Job, Step};

use super::auth::{Login, Round};
use super::decide::Rules;
use super::decided::Decided;
use super::record::Entry;
use super::request::AuthAnswer;
use super::{Refused, Who, reference};
use crate::known::After;
use crate::passkeys::{Binding, CeremonyId, claim, verifier_state};
use crate::{Access, Caller, Engine, EngineError, SystemRng};

/// What a browser answered to a ceremony that [`Engine::begin_assertion`] or [`Engine::begin_passwordless`] began.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// What it is asked for.
    pub ask: Ask,
    /// Which ceremony.
    pub ceremony: CeremonyId,
    /// The session it happens in.
    pub binding: Binding,
    /// `JSON.stringify(credential.toJSON())`, as it came.
    pub response: String,
}

/// Nothing is known of somebody who is nobody.
static NO_RISK: Assessment = Assessment { detections: Vec::new() };

/// What an assertion turned out to be.
pub(super) struct Judged {
    pub(super) found: Option<VerifiableCredential>,
    pub(super) result: Result<Used, Denial>,
}

/// By what an assertion is judged.
pub(super) struct Judging<'a> {
    pub(super) account: AccountId,
    pub(super) user: &'a User,
    pub(super) rules: &'a Rules,
    pub(super) allowed: &'a policy::Challenge,
}

impl Engine {
    /// What a refused assertion counts for, and what administrators hear of it; its ceremony is over.
    pub(super) fn refused_assertion(
        &self,
        entry: &Entry<'_>,
        user: &User,
        attempt: &Attempt,
        denial: &Denial,
        credential: Option<&Credential>,
        finish: Step,
    ) -> Job {
        let (account, now) = (entry.caller.account.id, entry.now);
        let alert = |what| self.alert(entry.caller, user, what, entry.txid, now);
        let counts = denial.reason.counts_towards_lockout();
        let after = if counts { &attempt.state } else { &user.lockout };
        let mut job = Job::new().step(count_attempt(account, user, after)).step(finish).log(entry.denied(self, denial));
        if denial.reason == DenyReason::ClonedCredential
            && let Some(credential) = credential.filter(|credential| credential.is_usable())
        {
            job = job.step(mark_cloned(account, credential.key, now)).effect(alert("cloned_credential"));
        }
        if counts && attempt.locks {
            job = job.effect(alert("locked_out"));
        }
        job
    }

    /// Judges an assertion. The attempt is counted, the ceremony used up, the counter moved and the log written in one commit, before anything is answered.
    pub(super) async fn assertion(
        &self,
        login: &Login<'_>,
        asserted: &Assertion,
    ) -> Result<Round<(AuthAnswer, Option<After>)>, EngineError> {
        let Login { caller, request, facts, rules, effective, now, .. } = *login;
        let (account, user) = (caller.account.id, &facts.user);
        let Ok(attempt) = user.lockout.begin_attempt(rules.lockout(), now) else {
            // The policies refused those who are locked out; only a clock that jumped can lead here.
            return Ok(Round::Again);
        };
        let purpose = Purpose::Assertion(asserted.ask);
        let open = self.open_ceremony(account, &asserted.ceremony, purpose, &asserted.binding, now).await?;
        let is_theirs = |ceremony: &Ceremony| match asserted.ask {
            Ask::SecondFactor => ceremony.user == Some(user.id),
            Ask::Passwordless => ceremony.user.is_none(),
        };
        let Some((ceremony, digest)) = open.filter(|(ceremony, _)| is_theirs(ceremony)) else {
            if login.together.is_some_and(|together| together.is_prepared()) {
                // It was open a moment ago: the same answer came twice, and the other one was faster.
                return Err(EngineError::IdempotencyMismatch);
            }
            let denial = Denial::new(DenyReason::LoginExpired, "the ceremony is over, or was finished before");
            let refused = self.deny(login, FactorUsed::WebauthnCredential, denial).await?;
            return Ok(Round::Done((refused, None)));
        };
        let judging = Judging { account, user, rules, allowed: login.allowed };
        let Judged { found, result } = self.judge_assertion(&judging, &ceremony, asserted).await?;
        if facts.is_remembered && result.is_err() {
            return Ok(Round::Again);
        }
        let credential = found.as_ref().map(|found| &found.credential);
        let txid = request.log_as.unwrap_or_else(|| TxId::at(now, &mut SystemRng));
        let factor = credential.map_or(FactorUsed::WebauthnCredential, |credential| credential.factor());
        let entry = Entry {
            device: credential.map(|credential| (credential.key.to_string(), credential.display_name())),
            evidence: Some(&asserted.response),
            ..login.entry(txid, factor)
        };
        // In the order of the tables' names: see `cs_store::attempts`.
        let [integration, policies] = rules.unchanged(caller);
        let mut job = Job::new().step(integration).step(policies);
        let mut after = None;
        let finish = Ceremony::finish(account, &digest, purpose, asserted.binding.as_bytes(), now);
        let decided = match (result, credential) {
            (Ok(used), Some(credential)) => {
                let Ok(lockout) = user.lockout.succeed() else { return Ok(Round::Again) };
                let why = AllowReason::UserApproved;
                let method = credential.method(asserted.ask);
                let risk = user.risk.succeeded(self.place_of(&request.access), method, PushRule::Plain, now);
                job.guards.extend(self.remember_address(caller, user, effective, &request.access, why, now));
                job = job
                    .step(count_success(account, user, &lockout, &risk, now))
                    .step(finish)
                    .step(use_credential(account, credential, &used, now))
                    .log(entry.allowed(self, why, "the assertion verifies"));
                after = Some(After { lockout, risk, moves: Vec::new(), used: Some((credential.key, used)), now });
                let trusted_device_token = self.remember(caller, user, effective, now)?;
                Decided { trusted_device_token, ..Decided::let_in(why) }
            }
            (result, _) => {
                let unknown = || Denial::new(DenyReason::InvalidCredential, "it is by no credential of the user's");
                let denial = result.err().unwrap_or_else(unknown);
                job = job.and(self.refused_assertion(&entry, user, &attempt, &denial, credential, finish));
                Decided::refused(&Refused { denial, reference: reference(entry.txid) })
            }
        };
        job.effects.extend(entry.review());
        let kept = self.keep_answer(caller, request, user, &decided, now)?;
        // First: its table's name sorts before the others'.
        job.guards.splice(0..0, kept);
        if let Some(together) = login.together {
            job = job.and(together.job(&decided, user, effective)?).by_table();
        }
        // If somebody finished the ceremony meanwhile, the next round finds it gone and says so.
        Ok(match self.settle(job).await? {
            Round::Again => Round::Again,
            Round::Done(()) => {
                if decided.allow {
                    self.inner.seen.succeeded(account, request.access.address, self.place_of(&request.access), now);
                }
                if let Some(together) = login.together {
                    together.committed();
                }
                Round::Done((AuthAnswer::Decided(decided), after))
            }
        })
    }

    /// Looks for the credential, verifies the assertion, and lets the rules judge it.
    pub(super) async fn judge_assertion(
        &self,
        judging: &Judging<'_>,
        ceremony: &Ceremony,
        asserted: &Assertion,
    ) -> Result<Judged, EngineError> {
        let Judging { account, user, rules, allowed } = *judging;
        let invalid = |fact: &'static str| Err(Denial::new(DenyReason::InvalidCredential, fact));
        let claim = match claim(&asserted.response) {
            Ok(claim) => claim,
            Err(rejected) => return Ok(Judged { found: None, result: invalid(rejected.0) }),
        };
        let found = self.store().verifiable_credential(account, &claim.raw_id).await?;
        let Some(found) = found.filter(|found| found.user == user.id) else {
            return Ok(Judged { found: None, result: invalid("it is by no credential of the user's") });
        };
        let handle_fits = match (&claim.handle, asserted.ask) {
            (Some(handle), _) => handle.as_slice() == user.id.as_bytes(),
            (None, Ask::SecondFactor) => true,
            // Without a name, only the handle says whom the authenticator means.
            (None, Ask::Passwordless) => false,
        };
        if !handle_fits {
            return Ok(Judged { found: Some(found), result: invalid("its user handle is another one") });
        }
        let Some(state) = verifier_state(&ceremony.state) else {
            return Ok(Judged { found: Some(found), result: invalid("the state cannot be read") });
        };
        let party = self.relying_party();
        let result = match party.asserted(&state, &asserted.response, &found.credential, &found.public_key) {
            Err(rejected) => invalid(rejected.0),
            Ok(seen) => judge(&found.credential, asserted.ask, allowed, rules.models(), seen),
        };
        Ok(Judged { found: Some(found), result })
    }

    /// Refuses an assertion without a name by a credential that nobody has. Logged; there is nobody to count it for.
    pub(crate) async fn refuse_unknown(
        &self,
        caller: &Caller,
        access: &Access,
        asserted: &Assertion,
    ) -> Result<AuthAnswer, EngineError> {
        let (account, now) = (caller.account.id, self.clock().now());
        let purpose = Purpose::Assertion(asserted.ask);
        let open = self.open_ceremony(account, &asserted.ceremony, purpose, &asserted.binding, now).await?;
        let (denial, step) = match open {
            Some((_, digest)) => (
                Denial::new(DenyReason::InvalidCredential, "it is by no credential that is known here"),
                Some(Ceremony::finish(account, &digest, purpose, asserted.binding.as_bytes(), now)),
            ),
            None => (Denial::new(DenyReason::LoginExpired, "the ceremony is over, or was finished before"), None),
        };
        let who = Who::Name(String::new());
        let entry = Entry {
            caller,
            txid: TxId::at(now, &mut SystemRng),
            who: &who,
            user: None,
            access,
            factor: FactorUsed::WebauthnCredential,
            device: None,
            evidence: None,
            answered_from: None,
            trace: None,
            risk: &NO_RISK,
            now,
        };
        let mut job = Job::new().log(entry.denied(self, &denial));
        job.guards.extend(step);
        match self.settle(job).await? {
            Round::Done(()) => {
                Ok(AuthAnswer::Decided(Decided::refused(&Refused { denial, reference: reference(entry.txid) })))
            }
            Round::Again => Err(EngineError::Contention),
        }
    }
}

/// What the policies leave to somebody who proves with a passkey who they are, where they ask for no second factor.
pub(super) fn first_factor_only(effective: &Effective<'_>, offered: Set<Method>) -> policy::Challenge {
    let section = effective.authentication_methods.value;
    policy::Challenge {
        methods: Set::EMPTY,
        push: PushRule::Plain,
        phones: Vec::new(),
        user_verification: true,
        passwordless: offered.iter().filter(|method| section.allows(*method)).collect(),
        step_up: None,
    }
}
