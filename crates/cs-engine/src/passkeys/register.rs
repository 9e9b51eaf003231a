//! Add a credential to a user.

use cs_core::id::{AccountId, UserId, WebauthnKey};
use cs_core::policy::sections::AuthenticationMethods;
use cs_core::policy::{Method, Os};
use cs_core::user::User;
use cs_core::webauthn::{
    AaguidList, Ask, Class, Credential, INACTIVE_AFTER, Proof, Purpose, RegistrationRefusal, Standings, Transport,
    UserVerification, Wanted, may_register,
};
use cs_store::audit::{LogKind, LogRecord};
use cs_store::enrollment_links::end_links;
use cs_store::facts::UserRef;
use cs_store::users::change_user;
use cs_store::webauthn::{Ceremony, KeyMaterial, insert_credential, pin_relying_party};
use cs_store::{Job, Step};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::assert::internal;
use super::manage::credential_name;
use super::party::{Created, Creation, Residence};
use super::{Begun, Binding, CeremonyId, Rejected, new_ceremony};
use crate::devices::ENROLLED;
use crate::error::Retry;
use crate::letters::About;
use crate::{Access, Caller, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// The activity log's word for an answer that was no new credential.
pub const REFUSED: &str = "webauthn_registration_refused";

/// A new credential, as its page asks for it.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// What it is to be.
    pub wanted: Wanted,
    /// Where the person is.
    pub access: Access,
}

/// A credential that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub key: WebauthnKey,
    /// What it is.
    pub credential: Credential,
}

/// Why no credential was added.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Whoever asks may not; says why.
    #[error(transparent)]
    Refused(#[from] RegistrationRefusal),
    /// No policy that is in force here would let it be used.
    #[error("the policy does not allow such a credential")]
    NotAllowed,
    /// The ceremony is over, was finished before, or is another session's.
    #[error("the registration took too long or was finished before")]
    Over,
    /// What the browser sent is no such credential; says what is wrong, for the log.
    #[error("the new credential was not accepted: {0}")]
    Rejected(&'static str),
    /// The account lets in certain models only, and this is none of them.
    #[error("this model of authenticator is not allowed")]
    Model,
    /// Somebody has this very credential.
    #[error("this credential is registered already")]
    Exists,
    /// The credentials of this installation are bound to another domain.
    #[error("the WebAuthn relying party was changed")]
    RelyingParty,
    /// No decision.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<cs_store::StoreError> for RegistrationError {
    fn from(error: cs_store::StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<Rejected> for RegistrationError {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected.0)
    }
}

/// What a browser sends at the end of a registration.
pub(crate) struct BrowserAnswer<'a> {
    /// Which ceremony.
    pub(crate) ceremony: &'a CeremonyId,
    /// The session it happens in.
    pub(crate) binding: &'a Binding,
    /// From where.
    pub(crate) access: &'a Access,
    /// `JSON.stringify(credential.toJSON())`, as it came.
    pub(crate) response: &'a str,
    /// What the person calls it.
    pub(crate) name: &'a str,
}

/// The steps of the job that adds a credential, in order. Whatever else belongs to it comes after them.
const AT_RELYING_PARTY: usize = 0;
const AT_USER: usize = 1;
const AT_CEREMONY: usize = 2;
const AT_CREDENTIAL: usize = 3;

impl Engine {
    /// Begins to add a credential to the user of `proof`, in the session `binding`.
    pub async fn begin_registration(
        &self,
        caller: &Caller,
        proof: &Proof,
        new: &NewCredential,
        binding: &Binding,
    ) -> Result<Begun, RegistrationError> {
        self.begin_registration_as(caller, proof, new, binding, CeremonyId::generate()).await
    }

    /// The same under an `id`.
    pub(crate) async fn begin_registration_as(
        &self,
        caller: &Caller,
        proof: &Proof,
        new: &NewCredential,
        binding: &Binding,
        id: CeremonyId,
    ) -> Result<Begun, RegistrationError> {
        let (account, now) = (caller.account.id, self.clock().now());
        let user = self.registering(account, proof.user(), now).await?;
        let record = self.store().user_record(account, user.id).await?;
        let (record, _) = record.ok_or(EngineError::NotFound)?;
        let known = Standings { created_at: record.created_at, inactive_after: inactive_after(caller) };
        may_register(proof, &user, known, now)?;
        let rules = self.rules(caller, now).await?;
        let section = *rules.effective(Some(&user)).authentication_methods.value;
        if !new.wanted.methods().iter().any(|method| section.allows(*method)) {
            return Err(RegistrationError::NotAllowed);
        }
        let must_verify = section.allows(Method::WebauthnRequireUserVerification);
        let (class, residence, verification) = match new.wanted {
            Wanted::Platform => (Some(Class::Platform), Residence::Preferred, UserVerification::Required),
            Wanted::SecurityKey if must_verify => {
                (Some(Class::Roaming), Residence::Discouraged, UserVerification::Required)
            }
            Wanted::SecurityKey => (Some(Class::Roaming), Residence::Discouraged, UserVerification::NotNeeded),
            Wanted::Passkey => (None, Residence::Required, UserVerification::Required),
        };
        let (options, state) = self
            .relying_party()
            .creation(&Creation {
                organisation: &caller.account.name,
                user: user.id,
                username: &user.username,
                display_name: user.realname.as_deref().filter(|name| !name.is_empty()).unwrap_or(&user.username),
                existing: &user.credentials,
                class,
                residence,
                verification,
                attested: rules.models().is_restricted(),
            })
            .map_err(internal)?;
        let verified = verification == UserVerification::Required;
        let kept = json!({"wanted": new.wanted.as_str(), "verified": verified, "options": options, "state": state});
        let ceremony = new_ceremony(Purpose::Registration, binding, Some(user.id), kept.to_string(), now);
        Ok(self.begin_ceremony(account, id, ceremony, options).await?)
    }

    /// Adds the credential that the browser made, under `name`.
    ///
    /// The ceremony is used up whatever comes of it. What was demanded is looked at again here: a page can ask the browser for something else.
    pub async fn finish_registration(
        &self,
        caller: &Caller,
        ceremony: &CeremonyId,
        binding: &Binding,
        access: &Access,
        response: &str,
        name: &str,
    ) -> Result<Registered, RegistrationError> {
        let (account, key) = (caller.account.id, WebauthnKey::generate(&mut SystemRng));
        let answer = BrowserAnswer { ceremony, binding, access, response, name };
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let open = self.open_ceremony(account, ceremony, Purpose::Registration, binding, now).await?;
            let user = open.and_then(|(begun, _)| begun.user).ok_or(RegistrationError::Over)?;
            let user = self.registering(account, user, now).await?;
            if let Some(registered) = self.add_credential(caller, &user, &answer, key, Vec::new()).await? {
                return Ok(registered);
            }
        }
        Err(EngineError::Contention.into())
    }

    /// Adds the credential of `answer` under `key`, in one commit `with` what else must hold or change; if that does not hold, it is [`RegistrationError::Over`].
    ///
    /// `user` is as whoever let them do this has seen them. `None` if they have changed since: look again, and decide again.
    pub(crate) async fn add_credential(
        &self,
        caller: &Caller,
        user: &User,
        answer: &BrowserAnswer<'_>,
        key: WebauthnKey,
        with: Vec<Step>,
    ) -> Result<Option<Registered>, RegistrationError> {
        let BrowserAnswer { ceremony, binding, access, .. } = *answer;
        let name = credential_name(answer.name)?;
        let answer = &BrowserAnswer { name: &name, ..*answer };
        let (account, now) = (caller.account.id, self.clock().now());
        let open = self.open_ceremony(account, ceremony, Purpose::Registration, binding, now).await?;
        let (begun, digest) = open.filter(|(begun, _)| begun.user == Some(user.id)).ok_or(RegistrationError::Over)?;
        let finish = Ceremony::finish(account, &digest, Purpose::Registration, binding.as_bytes(), now);
        let rules = self.rules(caller, now).await?;
        let section = *rules.effective(Some(user)).authentication_methods.value;
        let made = match self.check(rules.models(), &section, &begun, answer, key, now) {
            Ok(made) => made,
            Err(error) => {
                let record = self.refused_record(account, user, &error, access, now);
                return Err(match self.holds(Job::new().step(finish).log(record)).await? {
                    true => error,
                    false => RegistrationError::Over,
                });
            }
        };
        let (credential, created) = made;
        let material = KeyMaterial { public_key: &created.public_key, attestation: created.attestation };
        let mut job = Job::new()
            .step(pin_relying_party(self.relying_party().id()))
            .step(change_user(account, user))
            .step(finish)
            .step(insert_credential(account, user.id, &credential, material))
            .log(self.registered_record(caller, user, &credential, access, now));
        job.guards.extend(with);
        job = job.step(end_links(account, user.id));
        job.effects.extend(self.notice(&caller.account, user, About::KeyAdded, &credential.display_name(), now)?);
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(Some(Registered { key, credential })),
            Err(Retry::Conflict(AT_RELYING_PARTY)) => Err(RegistrationError::RelyingParty),
            Err(Retry::Conflict(AT_USER | AT_CEREMONY)) => Ok(None),
            Err(Retry::Conflict(AT_CREDENTIAL)) => Err(RegistrationError::Exists),
            Err(Retry::Conflict(_)) => Err(RegistrationError::Over),
            Err(Retry::Fail(error)) => Err(error.into()),
        }
    }

    /// The user, as long as nobody has disabled it.
    async fn registering(&self, account: AccountId, user: UserId, now: Timestamp) -> Result<User, RegistrationError> {
        let facts = self.store().user_facts(account, UserRef::Id(user), None, now).await?;
        let user = facts.ok_or(EngineError::NotFound)?.user;
        use cs_core::user::Standing;
        match user.standing(now) {
            Standing::Active | Standing::Bypass { .. } => Ok(user),
            Standing::Disabled { .. } | Standing::LockedOut { .. } | Standing::PendingDeletion => {
                Err(RegistrationRefusal::NotActive.into())
            }
        }
    }

    /// The credential that `answer` brings, if it is what was asked for.
    fn check(
        &self,
        models: &AaguidList,
        section: &AuthenticationMethods,
        begun: &Ceremony,
        answer: &BrowserAnswer<'_>,
        key: WebauthnKey,
        now: Timestamp,
    ) -> Result<(Credential, Created), RegistrationError> {
        let kept: Json = serde_json::from_str(&begun.state).unwrap_or_default();
        let text = |name: &str| kept.get(name).and_then(Json::as_str);
        let wanted = text("wanted").and_then(Wanted::parse).ok_or(Rejected("the state cannot be read"))?;
        let state = text("state").ok_or(Rejected("the state cannot be read"))?;
        let created = self.relying_party().created(state, answer.response)?;
        let class = created.said.class.unwrap_or(if created.said.transports == [Transport::Internal] {
            Class::Platform
        } else {
            Class::Roaming
        });
        match (wanted, class) {
            (Wanted::Platform, Class::Roaming) | (Wanted::SecurityKey, Class::Platform) => {
                return Err(Rejected("it is of another kind than was asked for").into());
            }
            (Wanted::Platform, Class::Platform)
            | (Wanted::SecurityKey, Class::Roaming)
            | (Wanted::Passkey, Class::Platform | Class::Roaming) => {}
        }
        let must_verify = kept.get("verified").and_then(Json::as_bool) != Some(false);
        if must_verify && !created.user_verified {
            return Err(Rejected("it did not verify the person").into());
        }
        if wanted == Wanted::Passkey && created.said.resident == Some(false) {
            return Err(Rejected("it cannot be found without a name").into());
        }
        if !models.allows(created.aaguid) || (models.is_restricted() && created.attestation == "none") {
            return Err(RegistrationError::Model);
        }
        let credential = Credential {
            key,
            raw_id: created.raw_id.clone(),
            name: answer.name.to_owned(),
            label: label(class, &created.said.transports, answer.access).to_owned(),
            class,
            aaguid: created.aaguid,
            counter: created.counter,
            transports: created.said.transports.clone(),
            backup_eligible: created.backup_eligible,
            backed_up: created.backed_up,
            resident: wanted == Wanted::Passkey || created.said.resident == Some(true),
            verifies: created.user_verified,
            created_at: now,
            last_used: None,
            cloned_at: None,
        };
        let methods = [credential.method(Ask::SecondFactor), credential.method(Ask::Passwordless)];
        if !methods.iter().any(|method| section.allows(*method)) {
            return Err(RegistrationError::NotAllowed);
        }
        Ok((credential, created))
    }

    /// What the log says of a credential that was added: also the authentication log shows it, as an enrollment.
    fn registered_record(
        &self,
        caller: &Caller,
        user: &User,
        credential: &Credential,
        access: &Access,
        now: Timestamp,
    ) -> LogRecord {
        let mut record = self.activity(caller.account.id, user, access, ENROLLED, now);
        let mut body = json!({
            "device": credential.key.as_str(),
            "aaguid": credential.aaguid.to_string(),
            "passwordless": credential.is_passwordless(),
        });
        let mut personal =
            record.personal.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(json!({}));
        personal["device"] = credential.display_name().into();
        if !user.groups.is_empty() {
            body["group_ids"] = user.groups.iter().map(|member| member.group.as_str()).collect();
            personal["groups"] = user.groups.iter().map(|member| member.name.as_str()).collect();
        }
        record.integration = Some(caller.integration.key.to_string());
        record.body = body.to_string();
        record.personal = Some(personal.to_string());
        record
    }

    fn refused_record(
        &self,
        account: AccountId,
        user: &User,
        error: &RegistrationError,
        access: &Access,
        now: Timestamp,
    ) -> LogRecord {
        let mut record = self.activity(account, user, access, REFUSED, now);
        record.reason = Some(error.to_string());
        record
    }

    /// An entry of the activity log about what a user did with credentials.
    pub(super) fn activity(
        &self,
        account: AccountId,
        user: &User,
        access: &Access,
        what: &str,
        now: Timestamp,
    ) -> LogRecord {
        let id = cs_core::id::TxId::at(now, &mut SystemRng).to_string();
        let mut record = LogRecord::new(account.as_str(), LogKind::Activity, id, now);
        record.user_id = Some(user.id.to_string());
        record.result = Some(what.to_owned());
        let mut personal = json!({"username": user.username});
        if !user.email.is_empty() {
            personal["email"] = user.email.as_str().into();
        }
        if let Some(address) = access.address {
            for (name, value) in crate::devices::device_place(self, address) {
                personal[name] = value;
            }
        }
        record.personal = Some(personal.to_string());
        record
    }
}

/// After how long a user counts as inactive: the account's `inactive_user_expiration`, if it is set.
fn inactive_after(caller: &Caller) -> SignedDuration {
    let days = caller.account.settings.get("inactive_user_expiration").and_then(Json::as_i64);
    days.filter(|days| *days > 0).map_or(INACTIVE_AFTER, |days| SignedDuration::from_hours(days.saturating_mul(24)))
}

/// What people call such a thing.
fn label(class: Class, transports: &[Transport], access: &Access) -> &'static str {
    let os = access.device.as_ref().and_then(|device| device.os).map(|os| os.product);
    match (class, os) {
        (Class::Platform, Some(Os::Macos)) => Credential::TOUCH_ID,
        (Class::Platform, Some(Os::Windows)) => "Windows Hello",
        (Class::Platform, Some(Os::Ios)) => "Face ID or Touch ID",
        (Class::Platform, Some(Os::Android)) => "Android screen lock",
        (Class::Platform, _) => "Passkey",
        (Class::Roaming, _) if transports.contains(&Transport::Hybrid) => "Passkey on a phone",
        (Class::Roaming, _) => "Security Key",
    }
}
