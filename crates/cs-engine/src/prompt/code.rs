//! The code that goes back to the application, and what it stands for.

use std::net::IpAddr;

use cs_core::id::AccountId;
use cs_core::login::{AllowReason, Denial, DenyReason};
use cs_core::prompt::{Admitted, CODE_TTL};
use cs_store::Job;
use cs_store::audit::{LogKind, LogRecord};
use cs_store::authorization_codes::AuthorizationCode;
use cs_store::client_assertions::use_assertion;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::kept::KeptAdmitted;
use super::session::Prompt;
use crate::login::{Refused, Who};
use crate::{Access, Caller, Engine, EngineError};

/// The steps of the job that redeems a code, in order.
const AT_ASSERTION: usize = 0;

/// A client assertion, checked in everything but whether it is new.
#[derive(Debug, Clone, Copy)]
pub struct AssertionUse<'a> {
    /// Which.
    pub jti: &'a str,
    /// Until when the same one must be refused.
    pub remember_until: Timestamp,
}

/// Why a code is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// The assertion was used before.
    #[error("the client assertion was used before")]
    Replayed,
    /// Unknown, used, too old, another client's, or for another redirect URI.
    #[error("there is no such code for this client and redirect URI, or it was used or is too old")]
    NoSuchCode,
    /// The person may no longer get in; it is in the log under the reference.
    #[error("the login is no longer allowed: {}", .0.denial)]
    Refused(Refused),
}

/// A login that is over, as the application may know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Redeemed {
    /// The user as the application called them.
    pub asked_username: String,
    /// What the application sent along.
    pub nonce: Option<String>,
    /// When and why the person was let in.
    pub admitted: Admitted,
    /// The log's entry: fields of `body` and `personal` together. Empty if it was erased since.
    pub told: Json,
    /// The log's word for the factor.
    pub factor: String,
    /// The user's id, if there is a user.
    pub user: Option<String>,
}

/// What is kept with a code.
#[derive(Serialize, Deserialize)]
struct KeptLogin {
    username: String,
    /// Where a passkey has said who it is.
    person: Option<String>,
    nonce: Option<String>,
    admitted: KeptAdmitted,
    address: Option<IpAddr>,
}

impl Prompt {
    /// The code, once the login is done: only the browser's secret can make it, so that the last page can be shown again, and nowhere else.
    pub(super) fn code(&self) -> String {
        self.secret.proof("code", 0)
    }
}

impl Engine {
    pub(super) fn new_code(
        &self,
        prompt: &Prompt,
        admitted: &Admitted,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<AuthorizationCode, EngineError> {
        let login = KeptLogin {
            username: prompt.asked.username.clone(),
            person: prompt.person.as_ref().map(|person| person.id.to_string()),
            nonce: prompt.asked.nonce.clone(),
            admitted: KeptAdmitted::of(admitted),
            address,
        };
        Ok(AuthorizationCode {
            digest: self.code_digest(prompt.caller.account.id, &prompt.code())?,
            integration: prompt.caller.integration.key,
            redirect_uri: prompt.asked.bound_to(),
            login: serde_json::to_string(&login).map_err(|_| EngineError::Invalid("request"))?,
            expires_at: now + CODE_TTL,
        })
    }

    /// Takes note that `caller` used an assertion. False if it was used before.
    pub async fn use_assertion(&self, caller: &Caller, used: AssertionUse<'_>) -> Result<bool, EngineError> {
        let job = Job::new().step(self.assertion_step(caller, used)?);
        self.holds(job).await
    }

    /// Whether `caller` has used the assertion `jti`. A hint: whoever uses it is told for certain.
    pub async fn was_assertion_used(&self, caller: &Caller, jti: &str) -> Result<bool, EngineError> {
        let (account, ikey) = (caller.account.id, caller.integration.key);
        let digest = self.assertion_digest(account, jti)?;
        Ok(self.store().was_assertion_used(account, ikey, &digest).await?)
    }

    /// Redeems `code` for `caller`, once. The person must still be allowed in. `redirect_uri` is what [`Asked::bound_to`](super::Asked::bound_to) said.
    pub async fn redeem_code(
        &self,
        caller: &Caller,
        used: AssertionUse<'_>,
        code: &str,
        redirect_uri: &str,
    ) -> Result<Result<Redeemed, RedeemError>, EngineError> {
        let (account, ikey) = (caller.account.id, caller.integration.key);
        let now = self.clock().now();
        let digest = self.code_digest(account, code)?;
        let found = self.store().authorization_code(account, ikey, &digest).await?;
        let found = found.filter(|found| found.redirect_uri == redirect_uri && found.expires_at > now);
        let Some(found) = found else {
            // The assertion is used up whatever it came with.
            let is_new = self.use_assertion(caller, used).await?;
            return Ok(Err(if is_new { RedeemError::NoSuchCode } else { RedeemError::Replayed }));
        };
        let job = Job::new().step(self.assertion_step(caller, used)?).step(found.redeem(account, now));
        match self.apply(job).await? {
            None => {}
            Some(AT_ASSERTION) => return Ok(Err(RedeemError::Replayed)),
            // Somebody else redeems it at the same moment.
            Some(_) => {
                let is_new = self.use_assertion(caller, used).await?;
                return Ok(Err(if is_new { RedeemError::NoSuchCode } else { RedeemError::Replayed }));
            }
        }
        let Some((kept, admitted)) = read_login(&found.login) else { return Ok(Err(RedeemError::NoSuchCode)) };
        let access = Access { address: kept.address, ..Access::default() };
        let who = match kept.person.as_deref().map(str::parse) {
            Some(Ok(person)) => Who::Id(person),
            Some(Err(_)) => return Ok(Err(RedeemError::NoSuchCode)),
            None => Who::Name(kept.username.clone()),
        };
        let survey = self.survey(caller, &who, &access).await?;
        // Somebody the log knows must not have vanished.
        let is_gone = survey.user.is_none() && !is_for_unknown(admitted.why);
        let vanished = || Denial::new(DenyReason::UserDisabled, "the user is gone");
        if let Err(denial) = survey.holds.and_then(|()| if is_gone { Err(vanished()) } else { Ok(()) }) {
            let refused = self.refuse_after_all(caller, &who, survey.user.as_deref(), &access, denial, now).await?;
            return Ok(Err(RedeemError::Refused(refused)));
        }
        let record = self.log_entry(account, &admitted).await?;
        let factor = record.as_ref().and_then(|record| record.factor.clone());
        Ok(Ok(Redeemed {
            asked_username: kept.username,
            nonce: kept.nonce,
            admitted,
            told: record.map(told).unwrap_or_default(),
            factor: factor.unwrap_or_else(|| "not_available".to_owned()),
            user: survey.user.map(|user| user.id.to_string()),
        }))
    }

    async fn log_entry(&self, account: AccountId, admitted: &Admitted) -> Result<Option<LogRecord>, EngineError> {
        let id = admitted.txid.to_string();
        let found = self.store().log_by_id(account, &id).await?;
        let is_it = |record: &LogRecord| {
            record.kind == LogKind::Auth && record.id == id && record.result.as_deref() == Some("success")
        };
        Ok(found.into_iter().find(is_it))
    }

    fn assertion_step(&self, caller: &Caller, used: AssertionUse<'_>) -> Result<cs_store::Step, EngineError> {
        let account = caller.account.id;
        let digest = self.assertion_digest(account, used.jti)?;
        Ok(use_assertion(account, caller.integration.key, &digest, used.remember_until))
    }

    fn assertion_digest(&self, account: AccountId, jti: &str) -> Result<[u8; 32], EngineError> {
        let vault = self.store().vault();
        vault.digest(account.as_str(), "client-assertion", jti.as_bytes()).map_err(EngineError::vault)
    }

    fn code_digest(&self, account: AccountId, code: &str) -> Result<[u8; 32], EngineError> {
        let vault = self.store().vault();
        vault.digest(account.as_str(), "authorization-code", code.as_bytes()).map_err(EngineError::vault)
    }
}

fn read_login(text: &str) -> Option<(KeptLogin, Admitted)> {
    let kept: KeptLogin = serde_json::from_str(text).ok()?;
    let admitted = kept.admitted.read()?;
    Some((kept, admitted))
}

/// What the log says of a login, its personal fields too.
fn told(record: LogRecord) -> Json {
    let mut all: Json = serde_json::from_str(&record.body).unwrap_or_default();
    let personal = record.personal.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok());
    if let (Some(all), Some(Json::Object(personal))) = (all.as_object_mut(), personal) {
        all.extend(personal);
    }
    all
}

/// Whether people without a user here are let in so.
fn is_for_unknown(why: AllowReason) -> bool {
    match why {
        AllowReason::AllowUnenrolledUser
        | AllowReason::AllowUnenrolledUserOnTrustedNetwork
        | AllowReason::AllowedByPolicy
        | AllowReason::TrustedLocation
        | AllowReason::TrustedNetwork => true,
        AllowReason::BypassUser
        | AllowReason::RememberedDevice
        | AllowReason::UserApproved
        | AllowReason::ValidPasscode => false,
    }
}
