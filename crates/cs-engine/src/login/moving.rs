//! Proves that somebody at a new device is the user: a recovery code, or a passkey that verifies its person, becomes an activation code.
//!
//! It is judged as a login to the self-service portal is: by the policies, counted towards the user's lockout before it is evaluated, and written to the authentication
//! log. Whatever is wrong is one and the same refusal, so nobody learns from it who exists; the log has the reason.

mod judge;

use cs_core::id::{PhoneId, TxId};
use cs_core::login::{Denial, DenyReason, FactorUsed};
use cs_core::otp::TypedPasscode;
use cs_core::policy::Verdict;
use cs_core::policy::facts::Remembered;
use cs_core::secret::PlainCode;
use cs_core::webauthn::Ask;
use cs_store::Job;
use jiff::{SignedDuration, Timestamp};

use self::judge::Judgement;
use super::Who;
use super::auth::Round;
use super::decide::{Question, known_phones};
use super::passkey::Assertion;
use super::preauth::AtOnce;
use super::record::Entry;
use crate::passkeys::{Begun, Binding, claim};
use crate::{Access, AccountEntry, Caller, Engine, EngineError, Liveness, MAX_ROUNDS, Surface, SystemRng};

/// How long the new device has for its activation.
pub const MOVE_TTL: SignedDuration = SignedDuration::from_mins(10);

/// Why somebody at a new device is believed to be the user.
#[derive(Debug)]
pub enum MoveProof {
    /// A recovery code, or one of the help desk's.
    Code {
        /// Whose, as typed.
        username: String,
        /// As typed; `None` for what cannot be one.
        code: Option<TypedPasscode>,
    },
    /// What a browser answered to [`Engine::begin_move`].
    Passkey(Box<Assertion>),
}

/// It was proven.
#[derive(Debug)]
pub struct Proven {
    /// Binds the new device.
    pub code: PlainCode,
    /// Until when.
    pub expires_at: Timestamp,
    /// Whose account it is.
    pub username: String,
    /// The user's devices, by id and name; the first is replaced unless another is named.
    pub devices: Vec<(PhoneId, String)>,
}

/// The account's setting that lets a recovery code move an account without a password.
const BY_CODE: &str = "self_service_move_by_code";

fn codes_move(account: &AccountEntry) -> bool {
    account.settings.get(BY_CODE).and_then(serde_json::Value::as_bool) != Some(false)
}

impl Engine {
    /// Begins a proof by passkey, for whoever comes; `None` where the portal, whose policies decide, is disabled. `binding` is of the attempt at hand.
    pub async fn begin_move(&self, account: &AccountEntry, binding: &Binding) -> Result<Option<Begun>, EngineError> {
        let Some(caller) = self.portal_caller(account, Liveness::forever()).await? else { return Ok(None) };
        self.begin_passwordless(&caller, binding).await.map(Some)
    }

    /// Judges `proof`; `None` for whatever does not suffice. Everything that can be used once is used up in the commit that makes the activation code.
    pub async fn prove_move(
        &self,
        account: &AccountEntry,
        proof: &MoveProof,
        access: &Access,
    ) -> Result<Option<Proven>, EngineError> {
        let Some(caller) = self.portal_caller(account, Liveness::forever()).await? else { return Ok(None) };
        if matches!(proof, MoveProof::Code { .. }) && !codes_move(account) {
            // Nothing is looked at, so nothing is counted either: the answer is the one that everybody gets.
            return Ok(None);
        }
        let (who, digest) = match proof {
            MoveProof::Code { username, code } => {
                let digest = code.as_ref().map(|code| self.bypass_digest(account.id, code.expose())).transpose()?;
                (Who::Name(username.clone()), digest)
            }
            MoveProof::Passkey(asserted) => {
                let found = match claim(&asserted.response) {
                    Ok(claim) => self.store().verifiable_credential(account.id, &claim.raw_id).await?,
                    Err(_) => None,
                };
                let Some(found) = found else {
                    self.refuse_unknown(&caller, access, asserted).await?;
                    return Ok(None);
                };
                (Who::Id(found.user), None)
            }
        };
        let key = self.user_key(&caller.integration, &who);
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let rules = self.rules(&caller, now).await?;
            let facts = self.load_user(key.as_ref(), digest.as_ref(), now).await?;
            let user = facts.as_ref().map(|facts| &facts.user);
            let effective = rules.effective(user);
            let (phones, risk) = (known_phones(user), self.assess(account.id, &effective, user, access, now));
            let question = Question {
                caller: &caller,
                user,
                phones: &phones,
                exemptions: facts.as_ref().map_or(&[][..], |facts| &facts.exemptions),
                access,
                shows_number: true,
                offered: self.offered(Surface::Prompt, Ask::SecondFactor),
                remembered: Remembered::default(),
                risk: &risk,
                now,
            };
            let decision = self.decide(&effective, &question);
            let (facts, refused) = match (&facts, &decision.verdict) {
                (Some(facts), Verdict::Allow { .. } | Verdict::Enroll { .. } | Verdict::Challenge(_)) => (facts, false),
                (Some(facts), Verdict::Deny(_)) => (facts, true),
                (None, _) => {
                    self.refuse_nobody(&caller, &who, &question).await?;
                    return Ok(None);
                }
            };
            if refused {
                match self.close_at_once(&caller, &who, None, &question, &rules, &decision).await? {
                    AtOnce::Again => continue,
                    AtOnce::Allow(_) | AtOnce::Deny(_) | AtOnce::Enroll(_) | AtOnce::Challenge => return Ok(None),
                }
            }
            let judgement = Judgement {
                caller: &caller,
                who: &who,
                access,
                facts,
                rules: &rules,
                effective: &effective,
                verdict: &decision.verdict,
                trace: &decision.trace,
                risk: &risk,
                now,
            };
            let round = match proof {
                MoveProof::Code { .. } => self.judge_code(&judgement).await?,
                MoveProof::Passkey(asserted) => self.judge_passkey(&judgement, asserted).await?,
            };
            if let Round::Done(proven) = round {
                return Ok(proven);
            }
        }
        Err(EngineError::Contention)
    }

    /// Writes down that nobody has this name. Whatever the policies make of unknown users, there is no account that could be moved.
    async fn refuse_nobody(&self, caller: &Caller, who: &Who, question: &Question<'_>) -> Result<(), EngineError> {
        let denial = Denial::new(DenyReason::InvalidPasscode, "nobody has this name");
        let entry = Entry {
            caller,
            txid: TxId::at(question.now, &mut SystemRng),
            who,
            user: None,
            access: question.access,
            factor: FactorUsed::Passcode,
            device: None,
            evidence: None,
            answered_from: None,
            trace: None,
            risk: question.risk,
            now: question.now,
        };
        self.end(Job::new().log(entry.denied(self, &denial)), &entry).await.map(drop)
    }
}
