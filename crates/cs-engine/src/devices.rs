//! Authenticators: bind, confirm, change, unbind.

use std::net::IpAddr;

use cs_core::account::SoftOtp;
use cs_core::device::{AuthenticatorClass, Phone};
use cs_core::id::{AccountId, PhoneId, TxId, UserId};
use cs_core::otp::{OtpKind, OtpParams, OtpRecord};
use cs_core::secret::PlainCode;
use cs_store::Job;
use cs_store::audit::{LogKind, LogRecord};
use cs_store::authenticators::{
    Activation, ActivationSource, ActivationState, BoundDevice, DeviceUpdate, NewAuthenticator, activate_later,
    confirm, describe_phone, rename_phone, touch_user, touch_users_of_phone, unbind, use_activation,
};
use cs_store::enrollment_links::end_links;
use cs_store::facts::UserRef;
use cs_store::moves::keep_moved;
use cs_store::outbox::Effect;
use jiff::{SignedDuration, Timestamp};
use rand_core::RngCore;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::error::Retry;
use crate::letters::About;
use crate::moves::told_of_added;
use crate::{AccountEntry, DeviceEvent, Engine, EngineError, SystemRng};

/// How long an activation code lives unless the caller says otherwise.
pub const ACTIVATION_TTL: SignedDuration = SignedDuration::from_hours(24);

/// The activity log's word for a device that was bound.
pub const ENROLLED: &str = "device_activated";

/// Bytes of a seed: the length of the hash (RFC 4226, section 4, R6 recommends 160 bits).
const SEED_LENGTH: usize = 20;

/// What a device says when it is activated; its proof of possession has been checked.
#[derive(Debug)]
pub struct ActivateRequest {
    /// The code.
    pub code: PlainCode,
    /// Its public key, a JWK as JSON text.
    pub public_key: String,
    /// What runs it.
    pub class: AuthenticatorClass,
    /// What it calls itself.
    pub name: String,
    /// Its platform.
    pub platform: String,
    /// Its version.
    pub app_version: String,
    /// Where it keeps the key, the protocol's word.
    pub key_protection: &'static str,
    /// Its Web Push subscription, JSON text.
    pub push: Option<Zeroizing<String>>,
    /// What both screens show.
    pub confirm_phrase: String,
    /// The address it came from.
    pub address: Option<IpAddr>,
    /// Which of the user's devices it takes the place of, where the code is of a move.
    pub replaces: Option<PhoneId>,
}

/// A device that was bound.
#[derive(Debug)]
pub struct Activated {
    /// Its id.
    pub device: PhoneId,
    /// The user's name.
    pub username: String,
    /// The seed of its passcodes; this is the one time it leaves.
    pub seed: Zeroizing<Vec<u8>>,
    /// How it makes passcodes.
    pub params: OtpParams,
    /// Whether it must be confirmed before it can do anything.
    pub confirm_required: bool,
}

/// What a device says of itself later on; what is absent stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeviceChange<'a> {
    /// A new label for the phone.
    pub name: Option<&'a str>,
    /// A new version.
    pub app_version: Option<&'a str>,
    /// A new Web Push subscription, JSON text, or none.
    pub push: Option<Option<&'a str>>,
    /// Its posture, JSON text.
    pub posture: Option<&'a str>,
}

/// An activation code and how long it is good.
#[derive(Debug)]
pub struct IssuedActivation {
    /// The code, to be shown once.
    pub code: PlainCode,
    /// The phone that it binds.
    pub phone: PhoneId,
    /// Its end.
    pub expires_at: Timestamp,
}

impl Engine {
    /// Binds a device by an activation code; `Ok(None)` if the code cannot be used, for whatever reason.
    pub async fn activate(
        &self,
        account: AccountId,
        request: &ActivateRequest,
    ) -> Result<Option<Activated>, EngineError> {
        let now = self.clock().now();
        let digest = self.activation_digest(account, &request.code)?;
        let Some(activation) = self.store().usable_activation(account, &digest, now).await? else { return Ok(None) };
        let Some((activation, news)) = self.moving(account, activation, request, now).await? else { return Ok(None) };
        let entry = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        let kind = match entry.login.soft_otp {
            SoftOtp::Hotp => OtpKind::MobileHotp,
            SoftOtp::Totp => OtpKind::MobileTotp,
        };
        let mut seed = Zeroizing::new(vec![0; SEED_LENGTH]);
        SystemRng.fill_bytes(&mut seed);
        let vault = self.store().vault();
        let sealed_seed = vault
            .seal(account.as_str(), "authenticator", "seed", activation.phone.as_str(), &seed)
            .map_err(EngineError::vault)?;
        let sealed_push =
            request.push.as_ref().map(|push| self.seal_subscription(account, activation.phone, push)).transpose()?;
        let otp = OtpRecord::fresh(kind, 0).map_err(|_| EngineError::Invalid("otp"))?;
        let device = NewAuthenticator {
            account,
            phone: activation.phone,
            user: activation.user,
            public_key: &request.public_key,
            class: request.class,
            key_protection: request.key_protection,
            app_version: &request.app_version,
            push: sealed_push.as_deref(),
            sealed_seed,
            params: OtpParams::new(kind),
            otp,
            confirmed: !activation.confirm,
            confirm_phrase: &request.confirm_phrase,
            now,
        };
        let [remove, insert] = device.bind();
        let record = self.enrollment_record(account, &activation, request, now).await?;
        let Activation { phone, user, source, .. } = activation;
        let describe = match source {
            // The phone is another one now, and called as it calls itself.
            ActivationSource::Move => rename_phone(account, phone, &request.platform, &request.name, now),
            ActivationSource::AuthApi | ActivationSource::Administrator | ActivationSource::Page => {
                describe_phone(account, phone, &request.platform, &request.name, now)
            }
        };
        let mut job = Job::new()
            .step(use_activation(account, &digest, now))
            .step(keep_moved(account, (phone, user), source, &request.name, now))
            .step(remove)
            .step(insert)
            .step(describe)
            .and(news)
            .step(touch_users_of_phone(account, phone))
            .log(record);
        if !activation.confirm {
            job = job.step(end_links(account, user));
            match source {
                // A move has told of itself.
                ActivationSource::Move => {}
                // Nobody stands at a page of ours and knows that it was them.
                ActivationSource::AuthApi | ActivationSource::Administrator | ActivationSource::Page => {
                    job.effects.extend(self.told_of_device(&entry, user, (phone, &request.name), now).await?);
                }
            }
        }
        if !self.holds(job).await? {
            // Somebody else used the code in the same moment, or the phone is gone.
            return Ok(None);
        }
        self.hub().publish(account, activation.phone, DeviceEvent::Unbound);
        let Some(bound) = self.store().bound_device(account, activation.phone).await? else { return Ok(None) };
        Ok(Some(Activated {
            device: bound.phone,
            username: bound.username,
            seed,
            params: bound.params,
            confirm_required: !bound.confirmed,
        }))
    }

    /// Makes an activation code for `phone` of `user`; older ones of the phone are void from then on.
    pub async fn issue_activation(
        &self,
        account: AccountId,
        user: UserId,
        phone: PhoneId,
        source: ActivationSource,
        valid_for: SignedDuration,
    ) -> Result<IssuedActivation, EngineError> {
        let now = self.clock().now();
        let (issued, job) = self.activation_job(account, user, phone, source, valid_for, now).await?;
        if self.holds(job).await? { Ok(issued) } else { Err(EngineError::Contention) }
    }

    /// The job that makes an activation code, to be committed with whatever calls for it.
    pub(crate) async fn activation_job(
        &self,
        account: AccountId,
        user: UserId,
        phone: PhoneId,
        source: ActivationSource,
        valid_for: SignedDuration,
        now: Timestamp,
    ) -> Result<(IssuedActivation, Job), EngineError> {
        let code = PlainCode::activation(&mut SystemRng);
        let digest = self.activation_digest(account, &code)?;
        let expires_at = now + valid_for;
        let settings = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        let must_confirm = settings.login.confirm_activation;
        let [void, insert] = activate_later(account, phone, user, &digest, source, must_confirm, now, expires_at);
        Ok((IssuedActivation { code, phone, expires_at }, Job::new().step(void).step(insert)))
    }

    /// The job that binds a phone by a code that a page shows: the device can do nothing until the person has said on that page that both show the same words.
    pub(crate) fn page_activation(
        &self,
        account: AccountId,
        user: UserId,
        phone: PhoneId,
        code: &PlainCode,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Job, EngineError> {
        let digest = self.activation_digest(account, code)?;
        let [void, insert] =
            activate_later(account, phone, user, &digest, ActivationSource::Page, true, now, expires_at);
        Ok(Job::new().step(void).step(insert))
    }

    /// How the activation with this code stands for `user`.
    pub async fn activation_state(
        &self,
        account: AccountId,
        user: UserId,
        code: &PlainCode,
    ) -> Result<ActivationState, EngineError> {
        let digest = self.activation_digest(account, code)?;
        Ok(self.store().activation_state(account, user, &digest, self.clock().now()).await?)
    }

    /// The authenticator `device`, whose key its requests are checked with.
    pub async fn device(&self, account: AccountId, device: PhoneId) -> Result<Option<BoundDevice>, EngineError> {
        Ok(self.store().bound_device(account, device).await?)
    }

    /// The account of `device`, for requests to a host that all accounts share.
    pub async fn account_of_device(&self, device: PhoneId) -> Result<Option<AccountEntry>, EngineError> {
        let found = match self.store().account_of_authenticator(device).await? {
            Some(found) => Some(found),
            None => self.store().account_of_moved(device).await?,
        };
        let Some(account) = found else { return Ok(None) };
        Ok(self.directory().account(account).await?)
    }

    /// The account whose activation code this is and that can be used now, for requests to a host that all accounts share.
    ///
    /// What is kept of a code is a digest under a key of its account, so every account is asked. All are, whichever has it: the time taken tells nothing.
    pub async fn account_of_activation(&self, code: &PlainCode) -> Result<Option<AccountEntry>, EngineError> {
        let now = self.clock().now();
        let mut found = None;
        for account in self.directory().accounts().await?.iter() {
            let digest = self.activation_digest(account.id, code)?;
            if self.store().usable_activation(account.id, &digest, now).await?.is_some() {
                found = Some(account.clone());
            }
        }
        Ok(found)
    }

    /// Confirms a device that waits for it; false if none does.
    pub async fn confirm_device(&self, account: AccountId, device: PhoneId) -> Result<bool, EngineError> {
        let now = self.clock().now();
        let Some(bound) = self.store().bound_device(account, device).await? else { return Ok(false) };
        let record = self.device_record(account, bound.user, device, "device_confirmed", now);
        let entry = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        let mut job = Job::new().step(confirm(account, device, now)).step(touch_user(account, bound.user));
        job.effects.extend(self.told_of_device(&entry, bound.user, (device, ""), now).await?);
        self.holds(job.step(end_links(account, bound.user)).log(record)).await
    }

    /// Writes what a device says of itself.
    pub async fn update_device(&self, device: &BoundDevice, update: &DeviceChange<'_>) -> Result<(), EngineError> {
        let DeviceChange { name, app_version, push, posture } = *update;
        let push = match push {
            None => None,
            Some(None) => Some(None),
            Some(Some(push)) => Some(Some(self.seal_subscription(device.account, device.phone, push)?)),
        };
        let written = DeviceUpdate { name, app_version, push: push.as_ref().map(|push| push.as_deref()), posture };
        let mut job = Job::new();
        job.guards = written.steps(device.account, device.phone, self.clock().now());
        if name.is_some() || app_version.is_some() || posture.is_some() || push.is_some() {
            // Logins show the name and wake the phone, and policies judge the rest: what a decision under way has seen is no longer so.
            job = job.step(touch_users_of_phone(device.account, device.phone));
        }
        if self.holds(job).await? { Ok(()) } else { Err(EngineError::NotFound) }
    }

    /// Unbinds a device: by itself, its user or an administrator.
    pub async fn unbind_device(&self, account: AccountId, device: PhoneId) -> Result<bool, EngineError> {
        let now = self.clock().now();
        let Some(bound) = self.store().bound_device(account, device).await? else { return Ok(false) };
        let record = self.device_record(account, bound.user, device, "device_deactivated", now);
        let job = Job::new().step(unbind(account, device)).step(touch_users_of_phone(account, device)).log(record);
        let done = self.holds(job).await?;
        if done {
            self.hub().publish(account, device, DeviceEvent::Unbound);
        }
        Ok(done)
    }

    pub(crate) fn activation_digest(&self, account: AccountId, code: &PlainCode) -> Result<[u8; 32], EngineError> {
        let code = code.expose().as_bytes();
        self.store().vault().digest(account.as_str(), "activation", code).map_err(EngineError::vault)
    }

    /// What tells a user, by mail and on their other devices, of a device which a code bound that somebody gave them: who reads the code binds it, and must not stay
    /// unnoticed. `called` is what it calls itself, where the phone has no name.
    async fn told_of_device(
        &self,
        account: &AccountEntry,
        user: UserId,
        (phone, called): (PhoneId, &str),
        now: Timestamp,
    ) -> Result<Vec<Effect>, EngineError> {
        let facts = self.store().user_facts(account.id, UserRef::Id(user), None, now).await?;
        let Some(user) = facts.map(|facts| facts.user) else { return Ok(Vec::new()) };
        let known = user.phones.iter().find(|one| one.id == phone).map(Phone::display_name);
        let name = if called.is_empty() { known.unwrap_or_default() } else { called.to_owned() };
        let mut told = told_of_added(account.id, &user, phone, now);
        told.extend(self.notice(account, &user, About::DeviceAdded, &name, now)?);
        Ok(told)
    }

    fn device_record(
        &self,
        account: AccountId,
        user: UserId,
        device: PhoneId,
        what: &str,
        now: Timestamp,
    ) -> LogRecord {
        let mut record =
            LogRecord::new(account.as_str(), LogKind::Activity, TxId::generate(&mut SystemRng).to_string(), now);
        record.user_id = Some(user.to_string());
        record.result = Some(what.to_owned());
        record.body = json!({"device": device.as_str()}).to_string();
        record
    }

    /// What the log says of a device that is bound: also the authentication log shows it, as an enrollment.
    async fn enrollment_record(
        &self,
        account: AccountId,
        activation: &Activation,
        request: &ActivateRequest,
        now: Timestamp,
    ) -> Result<LogRecord, EngineError> {
        let mut record = self.device_record(account, activation.user, activation.phone, ENROLLED, now);
        let facts = self.store().user_facts(account, UserRef::Id(activation.user), None, now).await?;
        let Some(user) = facts.map(|facts| facts.user) else { return Ok(record) };
        let mut body = json!({"device": activation.phone.as_str()});
        let mut personal = json!({"username": user.username});
        let groups: Vec<_> = user.groups.iter().map(|member| (member.group.as_str(), &member.name)).collect();
        if !groups.is_empty() {
            body["group_ids"] = groups.iter().map(|(id, _)| *id).collect();
            personal["groups"] = groups.iter().map(|(_, name)| name.as_str()).collect();
        }
        if !user.email.is_empty() {
            personal["email"] = user.email.into();
        }
        if let Some(phone) = user.phones.iter().find(|phone| phone.id == activation.phone) {
            if !phone.number.is_empty() {
                personal["phone"] = phone.number.as_str().into();
            }
            // As it will be described by the same job.
            let mut phone = phone.clone();
            if phone.name.is_empty() {
                phone.name.clone_from(&request.name);
            }
            if phone.platform == "Unknown" {
                phone.platform.clone_from(&request.platform);
            }
            personal["device"] = phone.display_name().into();
        }
        if let Some(address) = request.address {
            for (name, value) in device_place(self, address) {
                personal[name] = value;
            }
        }
        record.body = body.to_string();
        record.personal = Some(personal.to_string());
        Ok(record)
    }

    /// Commits `job`; false if one of its conditions does not hold.
    pub(crate) async fn holds(&self, job: Job) -> Result<bool, EngineError> {
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(true),
            Err(Retry::Conflict(_)) => Ok(false),
            Err(Retry::Fail(error)) => Err(error),
        }
    }
}

/// Where a device answered from, in the log's personal fields.
pub(crate) fn device_place(engine: &Engine, address: IpAddr) -> Vec<(&'static str, Json)> {
    let place = engine.inner.geo.place(address);
    let known = [("device_country", place.country), ("device_state", place.state), ("device_city", place.city)];
    let place = known.into_iter().filter_map(|(name, value)| Some((name, json!(value?))));
    [("device_ip", json!(address))].into_iter().chain(place).collect()
}
