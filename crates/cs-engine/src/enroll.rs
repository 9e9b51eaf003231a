//! Enrolment by an application: a new user, a phone, and the code that binds an authenticator to it.

use cs_core::bypass::BypassRules;
use cs_core::bypass_code::BYPASS_CODE_DIGITS;
use cs_core::id::{BypassCodeId, PhoneId, TxId, UserId};
use cs_core::secret::PlainCode;
use cs_store::authenticators::ActivationSource;
use cs_store::bypass_codes::BypassCodeRecord;
use cs_store::phones::{PhoneRecord, attach_phone};
use jiff::{SignedDuration, Timestamp};

use crate::admin::Actor;
use crate::admin::bypass::Giver;
use crate::admin::bypass_codes::MAX_BYPASS_CODES_PER_CALL;
use crate::admin::phones::MAX_ACTIVATION_SECS;
use crate::admin::users::{UserChange, new_user};
use crate::devices::{ACTIVATION_TTL, IssuedActivation};
use crate::{Caller, Engine, EngineError, SystemRng};

/// Whom to enroll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnrollRequest {
    /// The new user's name; a random one without.
    pub username: Option<String>,
    /// How many seconds the activation code is good, at most 30 days; [`ACTIVATION_TTL`] without.
    pub valid_secs: Option<i64>,
    /// How many bypass codes to make, each good once; at most [`MAX_BYPASS_CODES_PER_CALL`].
    pub bypass_codes: usize,
}

/// A user that was enrolled.
#[derive(Debug)]
pub struct Enrolled {
    /// Its id.
    pub user: UserId,
    /// Its name.
    pub username: String,
    /// What binds an authenticator to it.
    pub activation: IssuedActivation,
    /// Its bypass codes; this is the one time they leave.
    pub bypass_codes: Vec<PlainCode>,
}

impl Engine {
    /// Creates a user with a phone and an activation code for it, in one commit.
    ///
    /// Fails with [`EngineError::Exists`] if the account has the name, as username or alias.
    pub async fn enroll(&self, caller: &Caller, request: &EnrollRequest) -> Result<Enrolled, EngineError> {
        let valid_secs = request.valid_secs.unwrap_or(ACTIVATION_TTL.as_secs());
        if !(1..=MAX_ACTIVATION_SECS).contains(&valid_secs) {
            return Err(EngineError::Invalid("valid_secs"));
        }
        if request.bypass_codes > MAX_BYPASS_CODES_PER_CALL {
            return Err(EngineError::Invalid("bypass_codes"));
        }
        let now = self.clock().now();
        let (account, actor) = (caller.account.id, Actor::Integration(caller.integration.key));
        let username = match &request.username {
            Some(name) => name.clone(),
            None => TxId::generate(&mut SystemRng).to_string(),
        };
        let (user, job) = new_user(
            account,
            Giver { actor: &actor, rules: BypassRules::default() },
            &username,
            &UserChange::default(),
            now,
        )?;
        let phone = new_phone(now);
        let [hold, attach] = attach_phone(account, user.id, phone.id);
        let (activation, activate) = self
            .activation_job(
                account,
                user.id,
                phone.id,
                ActivationSource::AuthApi,
                SignedDuration::from_secs(valid_secs),
                now,
            )
            .await?;
        let mut job = job.step(phone.insert(account)).step(hold).step(attach).and(activate);
        let mut bypass_codes = Vec::with_capacity(request.bypass_codes);
        while bypass_codes.len() < request.bypass_codes {
            let code = PlainCode::decimal(BYPASS_CODE_DIGITS, &mut SystemRng);
            let record = BypassCodeRecord {
                id: BypassCodeId::generate(&mut SystemRng),
                user: user.id,
                created_at: now,
                created_by: String::new(),
                reason: Some("made at enrollment".to_owned()),
                expires_at: None,
                uses_left: Some(1),
            };
            job = job.step(record.insert(account, &self.bypass_digest(account, code.expose())?));
            bypass_codes.push(code);
        }
        match self.apply(job).await? {
            None => Ok(Enrolled { user: user.id, username: user.username, activation, bypass_codes }),
            // Everything else in the job is new and random.
            Some(_) => Err(EngineError::Exists("username")),
        }
    }
}

/// A phone of which nothing is known until its authenticator describes it.
pub(crate) fn new_phone(now: Timestamp) -> PhoneRecord {
    PhoneRecord {
        id: PhoneId::generate(&mut SystemRng),
        number: String::new(),
        extension: String::new(),
        name: String::new(),
        kind: "Mobile".to_owned(),
        platform: "Unknown".to_owned(),
        predelay: String::new(),
        postdelay: String::new(),
        owner: String::new(),
        model: String::new(),
        version: 1,
        created_at: now,
        last_seen: None,
        authenticator: None,
        has_sms_codes: false,
    }
}
