//! Enrolment: a user, a phone, and the code that binds an authenticator to it. By an application for a new user, or by the Admin API for one who may exist.

use cs_core::bypass::BypassRules;
use cs_core::bypass_code::BYPASS_CODE_DIGITS;
use cs_core::device::Phone;
use cs_core::id::{AccountId, BypassCodeId, PhoneId, TxId, UserId};
use cs_core::secret::PlainCode;
use cs_core::username::{Username, UsernameNormalization};
use cs_store::Job;
use cs_store::attempts::user_unchanged;
use cs_store::authenticators::ActivationSource;
use cs_store::bypass_codes::BypassCodeRecord;
use cs_store::facts::UserRef;
use cs_store::phones::{PhoneRecord, attach_phone};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::admin::bypass::Giver;
use crate::admin::bypass_codes::MAX_BYPASS_CODES_PER_CALL;
use crate::admin::phones::MAX_ACTIVATION_SECS;
use crate::admin::users::{UserChange, new_user};
use crate::admin::{Actor, admin_record, is_email};
use crate::devices::{ACTIVATION_TTL, IssuedActivation};
use crate::letters::{Letter, LinkOf};
use crate::{Caller, Engine, EngineError, MAX_ROUNDS, SystemRng};

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

/// A user who was invited to bind a phone.
#[derive(Debug)]
pub struct Enrollment {
    /// What binds it.
    pub activation: IssuedActivation,
    /// The letter that carries the link; `None` if none was asked for or no mail can be sent.
    pub mail: Option<String>,
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

    /// Makes an activation code for a new phone of the user `username`, who is created with the address `email` if there is none of that name.
    ///
    /// With `mail`, the link that it makes of the code is sent to `email`, if mail can be sent: [`Enrollment::mail`] says so.
    /// A user who exists keeps their address. The phone of an earlier call that was never activated is used again, and the earlier code is void.
    /// Fails with [`EngineError::Exists`] if the user has a factor already.
    pub async fn enroll_user(
        &self,
        account: AccountId,
        actor: &Actor,
        username: &str,
        email: &str,
        valid_secs: i64,
        mail: Option<LinkOf<'_>>,
    ) -> Result<Enrollment, EngineError> {
        if !(1..=MAX_ACTIVATION_SECS).contains(&valid_secs) {
            return Err(EngineError::Invalid("valid_secs"));
        }
        if !is_email(email) {
            return Err(EngineError::Invalid("email"));
        }
        let name = Username::parse(username).map_err(|_| EngineError::Invalid("username"))?;
        let key = name.key(UsernameNormalization::None);
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let facts = self.store().user_facts(account, UserRef::Name(key.as_str()), None, now).await?;
            let (user, phone, job) = match facts.map(|facts| facts.user) {
                Some(user) if user.is_enrolled() => return Err(EngineError::Exists("a device of this user")),
                Some(user) => {
                    let blank = |phone: &&Phone| {
                        phone.authenticator.is_none() && phone.number.is_empty() && phone.name.is_empty()
                    };
                    let phone = user.phones.iter().find(blank).map(|phone| phone.id);
                    (user.id, phone, Job::new().step(user_unchanged(account, &user)))
                }
                None => {
                    let change = UserChange { email: Some(email.to_owned()), ..UserChange::default() };
                    let (user, job) =
                        new_user(account, Giver { actor, rules: BypassRules::default() }, username, &change, now)?;
                    (user.id, None, job)
                }
            };
            let (phone, mut job) = match phone {
                Some(phone) => (phone, job),
                None => {
                    let phone = new_phone(now);
                    let [hold, attach] = attach_phone(account, user, phone.id);
                    (phone.id, job.step(phone.insert(account)).step(hold).step(attach))
                }
            };
            let valid_for = SignedDuration::from_secs(valid_secs);
            let (activation, activate) =
                self.activation_job(account, user, phone, ActivationSource::Administrator, valid_for, now).await?;
            let description = json!({"phone_id": phone.as_str(), "valid_secs": valid_secs});
            job = job.and(activate).log(admin_record(account, actor, "user_enroll", name.as_str(), &description, now));
            let mut mailed = None;
            if let Some(url) = mail.and_then(|link_of| link_of(&activation.code)) {
                let organisation = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
                let letter = Letter::enrollment(&organisation.name, email, name.as_str(), url, activation.expires_at);
                if let Some(effect) = self.letter(account, &letter, now)? {
                    mailed = Some(effect.id.clone());
                    job = job.effect(effect);
                }
            }
            if self.apply(job).await?.is_none() {
                return Ok(Enrollment { activation, mail: mailed });
            }
        }
        Err(EngineError::Contention)
    }
}

/// A phone of which nothing is known until its authenticator describes it.
fn new_phone(now: Timestamp) -> PhoneRecord {
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
    }
}
