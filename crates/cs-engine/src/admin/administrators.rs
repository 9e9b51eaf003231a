//! Administrators: adding, changing and removing them, their setup codes and passwords.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use cs_core::admin::Role;
use cs_core::id::{AccountId, AdminId};
use cs_core::secret::PlainCode;
use cs_store::Job;
use cs_store::accounts::Account;
use cs_store::administrators::{Administrator, AdministratorStatus, another_owner};
use cs_store::outbox::Effect;
use cs_store::units::{UnitMember, leave_units};
use jiff::{SignedDuration, Timestamp};
use rand_core::RngCore as _;
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use super::text::bounded;
use super::{Actor, admin_record, is_email};
use crate::letters::{Letter, LinkOf};
use crate::{Engine, EngineError, MAX_ROUNDS, SystemRng};

/// How many days a setup code may work.
pub const SETUP_DAYS: std::ops::RangeInclusive<i64> = 1..=31;
/// The longest password, in bytes; hashing must stay bounded.
const LONGEST_PASSWORD: usize = 1024;
/// How administrators may prove who they are: name on the wire and whether it is on while nobody has chosen.
pub const ADMIN_FACTORS: [(&str, bool); 8] = [
    ("push_enabled", true),
    ("sms_enabled", false),
    ("voice_enabled", false),
    ("mobile_otp_enabled", true),
    ("hardware_token_enabled", true),
    ("yubikey_enabled", true),
    ("webauthn_enabled", true),
    ("verified_push_enabled", true),
];
const ADMIN_FACTORS_KEY: &str = "admin_auth_methods";

/// A new administrator.
#[derive(Debug, Clone)]
pub struct NewAdministrator {
    /// Unique in the account.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Their phone number.
    pub phone: String,
    /// What they may do.
    pub role: Role,
    /// Whether they see only what their administrative units hold.
    pub restricted: bool,
    /// How long their setup code works.
    pub valid_days: i64,
}

/// What is to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct AdministratorChange {
    /// The person's name.
    pub name: Option<String>,
    /// Their phone number.
    pub phone: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// True is `Active`, false is `Disabled`.
    pub active: Option<bool>,
    /// Whether the next sign-in must change the password.
    pub password_change_required: Option<bool>,
    /// Whether another system sets the password.
    pub external_password: Option<bool>,
    /// Whether they see only what their administrative units hold.
    pub restricted: Option<bool>,
}

/// An administrator with a setup code made just now.
#[derive(Debug)]
pub struct Invited {
    /// The administrator.
    pub administrator: Administrator,
    /// The code, shown this once.
    pub code: PlainCode,
    /// Until when it works.
    pub expires: Timestamp,
    /// The letter that carries the link; `None` if none was asked for or no mail can be sent.
    pub mail: Option<String>,
}

impl Engine {
    /// Adds an administrator, who is pending until they set a password with the code. With `mail`, the link that it makes of the code is sent to them.
    pub async fn create_administrator(
        &self,
        account: AccountId,
        actor: &Actor,
        new: &NewAdministrator,
        mail: Option<LinkOf<'_>>,
    ) -> Result<Invited, EngineError> {
        if !is_email(&new.email) {
            return Err(EngineError::Invalid("email"));
        }
        if !SETUP_DAYS.contains(&new.valid_days) {
            return Err(EngineError::Invalid("valid_days"));
        }
        let now = self.clock().now();
        let administrator = Administrator {
            account,
            id: AdminId::generate(&mut SystemRng),
            email: new.email.to_lowercase(),
            name: filled("name", &new.name)?,
            phone: bounded("phone", &new.phone, 50)?,
            role: new.role,
            status: AdministratorStatus::Pending,
            has_password: false,
            setup_expires: None,
            password_change_required: false,
            external_password: false,
            restricted: restricted(new.role, new.restricted)?,
            version: 1,
            created_at: now,
            last_login: None,
        };
        let code = PlainCode::activation(&mut SystemRng);
        let expires = now + SignedDuration::from_hours(24 * new.valid_days);
        let digest = self.setup_digest(account, &code)?;
        let description = json!({"email": administrator.email, "role": administrator.role.as_str()});
        let job = Job::new()
            .step(administrator.insert())
            .step(administrator.set_setup(Some((&digest, expires))))
            .log(admin_record(account, actor, "admin_create", &administrator.email, &description, now));
        let letter = self.invitation_letter(&administrator, &code, expires, mail).await?;
        let mail = letter.as_ref().map(|letter| letter.id.clone());
        let job = letter.into_iter().fold(job, Job::effect);
        if !self.change(job).await? {
            return Err(EngineError::Exists("email"));
        }
        let administrator = self.administrator(account, administrator.id).await?;
        Ok(Invited { administrator, code, expires, mail })
    }

    /// The administrator `id`.
    pub async fn administrator(&self, account: AccountId, id: AdminId) -> Result<Administrator, EngineError> {
        self.store().administrator(account, id).await?.ok_or(EngineError::NotFound)
    }

    /// Changes an administrator. Owners are not disabled here, and the last owner who can sign in stays one.
    pub async fn change_administrator(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminId,
        change: &AdministratorChange,
    ) -> Result<Administrator, EngineError> {
        self.with_administrator(account, id, "admin_update", actor, |before| {
            let mut after = before.clone();
            let mut fields = Map::new();
            if let Some(name) = &change.name {
                after.name = filled("name", name)?;
                fields.insert("name".to_owned(), json!(after.name));
            }
            if let Some(phone) = &change.phone {
                after.phone = bounded("phone", phone, 50)?;
                fields.insert("phone".to_owned(), json!(after.phone));
            }
            if let Some(role) = change.role {
                after.role = role;
                fields.insert("role".to_owned(), json!(role.as_str()));
            }
            if let Some(active) = change.active {
                after.status = status(&after, active)?;
                fields.insert("status".to_owned(), json!(after.status.as_str()));
            }
            if let Some(required) = change.password_change_required {
                after.password_change_required = required;
                fields.insert("password_change_required".to_owned(), json!(required));
            }
            if let Some(external) = change.external_password {
                after.external_password = external;
                fields.insert("has_external_password_mgmt".to_owned(), json!(external));
            }
            if let Some(restricted) = change.restricted {
                after.restricted = restricted;
                fields.insert("restricted_by_admin_units".to_owned(), json!(restricted));
            }
            restricted(after.role, after.restricted)?;
            let mut job = Job::new();
            if before.role == Role::Owner && after.role != Role::Owner {
                job = job.alone().step(another_owner(account, id));
            }
            Ok((job.step(after.update()), Json::Object(fields)))
        })
        .await
    }

    /// Removes an administrator. Gone already is fine; the last owner who can sign in stays.
    pub async fn delete_administrator(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminId,
    ) -> Result<(), EngineError> {
        for _ in 0..MAX_ROUNDS {
            let Some(administrator) = self.store().administrator(account, id).await? else { return Ok(()) };
            let mut job = Job::new();
            if administrator.role == Role::Owner {
                self.check_another_owner(&administrator).await?;
                job = job.alone().step(another_owner(account, id));
            }
            let description = json!({"email": administrator.email, "role": administrator.role.as_str()});
            let now = self.clock().now();
            let job = job
                .step(administrator.delete())
                .step(leave_units(account, UnitMember::Admin(id)))
                .log(admin_record(account, actor, "admin_delete", &administrator.email, &description, now));
            if self.change(job).await? {
                return Ok(());
            }
        }
        Err(EngineError::Contention)
    }

    /// A new setup code, which voids an earlier one. With a password still set it is a second way to set one.
    /// With `mail`, the link that it makes of the code is sent to the administrator.
    pub async fn invite_administrator(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminId,
        valid_days: i64,
        mail: Option<LinkOf<'_>>,
    ) -> Result<Invited, EngineError> {
        if !SETUP_DAYS.contains(&valid_days) {
            return Err(EngineError::Invalid("valid_days"));
        }
        let code = PlainCode::activation(&mut SystemRng);
        let digest = self.setup_digest(account, &code)?;
        let expires = self.clock().now() + SignedDuration::from_hours(24 * valid_days);
        let before = self.administrator(account, id).await?;
        // An address never changes, so the letter may be written before the job is tried, perhaps again.
        let letter = self.invitation_letter(&before, &code, expires, mail).await?;
        let administrator = self
            .with_administrator(account, id, "admin_update", actor, |administrator| {
                let job = Job::new().step(administrator.set_setup(Some((&digest, expires))));
                Ok((letter.iter().cloned().fold(job, Job::effect), json!({"activation_link": "new"})))
            })
            .await?;
        Ok(Invited { administrator, code, expires, mail: letter.map(|letter| letter.id) })
    }

    async fn invitation_letter(
        &self,
        administrator: &Administrator,
        code: &PlainCode,
        expires: Timestamp,
        mail: Option<LinkOf<'_>>,
    ) -> Result<Option<Effect>, EngineError> {
        let Some(url) = mail.and_then(|link_of| link_of(code)) else { return Ok(None) };
        let account = self.directory().account(administrator.account).await?.ok_or(EngineError::NotFound)?;
        let letter = Letter::administrator_invitation(&account, &administrator.email, url, expires);
        self.letter(account.id, &letter, self.clock().now())
    }

    /// Voids the setup code.
    pub async fn void_invitation(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminId,
    ) -> Result<Administrator, EngineError> {
        self.with_administrator(account, id, "admin_update", actor, |administrator| {
            Ok((Job::new().step(administrator.set_setup(None)), json!({"activation_link": "removed"})))
        })
        .await
    }

    /// Lets an administrator back in who was shut out for not signing in.
    pub async fn clear_inactivity(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminId,
    ) -> Result<Administrator, EngineError> {
        self.with_administrator(account, id, "admin_update", actor, |administrator| {
            let mut after = administrator.clone();
            if after.status == AdministratorStatus::Expired {
                after.status = AdministratorStatus::Active;
            }
            Ok((Job::new().step(after.update()), json!({"status": after.status.as_str()})))
        })
        .await
    }

    /// Sets the password. It must be as the account's settings demand.
    pub async fn set_administrator_password(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminId,
        password: Zeroizing<String>,
    ) -> Result<Administrator, EngineError> {
        let settings = self.store().account(account).await?.ok_or(EngineError::NotFound)?;
        check_password(&settings, &password)?;
        let hash = hash_password(password).await?;
        self.with_administrator(account, id, "admin_update", actor, |administrator| {
            Ok((Job::new().step(administrator.set_password(&hash)), json!({"password": "new"})))
        })
        .await
    }

    /// Whether `password` is the administrator's.
    pub async fn verify_administrator_password(
        &self,
        account: AccountId,
        id: AdminId,
        password: Zeroizing<String>,
    ) -> Result<bool, EngineError> {
        let Some(hash) = self.store().password_hash(account, id).await? else { return Ok(false) };
        if password.len() > LONGEST_PASSWORD {
            return Ok(false);
        }
        let verify = move || {
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
        };
        tokio::task::spawn_blocking(verify).await.map_err(|_| EngineError::Busy)
    }

    /// Chooses how administrators may prove who they are: what is not true is off.
    pub async fn set_admin_factors(
        &self,
        account: AccountId,
        actor: &Actor,
        factors: &Map<String, Json>,
    ) -> Result<(), EngineError> {
        self.keep_choice(account, actor, ADMIN_FACTORS_KEY, &Json::Object(factors.clone())).await
    }

    async fn with_administrator(
        &self,
        account: AccountId,
        id: AdminId,
        action: &'static str,
        actor: &Actor,
        decide: impl Fn(&Administrator) -> Result<(Job, Json), EngineError>,
    ) -> Result<Administrator, EngineError> {
        for _ in 0..MAX_ROUNDS {
            let administrator = self.administrator(account, id).await?;
            let (job, description) = decide(&administrator)?;
            let demotes = job.guards.len() > 1;
            if demotes {
                self.check_another_owner(&administrator).await?;
            }
            let now = self.clock().now();
            let job = job.log(admin_record(account, actor, action, &administrator.email, &description, now));
            if self.change(job).await? {
                return self.administrator(account, id).await;
            }
        }
        Err(EngineError::Contention)
    }

    /// For a clear answer; the guard of the job is what decides.
    async fn check_another_owner(&self, administrator: &Administrator) -> Result<(), EngineError> {
        let (all, _) = self.store().administrators(administrator.account, u32::MAX, 0).await?;
        let is_one = |other: &Administrator| {
            other.role == Role::Owner && other.status == AdministratorStatus::Active && other.id != administrator.id
        };
        if all.iter().any(is_one) { Ok(()) } else { Err(EngineError::Forbidden("the account needs an active owner")) }
    }
}

/// How the account's administrators may prove who they are.
pub fn admin_factors(account: &Account) -> Map<String, Json> {
    let chosen = account.settings.get(ADMIN_FACTORS_KEY).and_then(Json::as_object);
    let mut factors: Map<String, Json> = ADMIN_FACTORS
        .iter()
        .map(|(name, default)| {
            let on = chosen.map_or(*default, |chosen| chosen.get(*name).and_then(Json::as_bool).unwrap_or(false));
            ((*name).to_owned(), json!(on))
        })
        .collect();
    let length = chosen.and_then(|chosen| chosen.get("verified_push_length")).cloned().unwrap_or(json!(3));
    factors.insert("verified_push_length".to_owned(), length);
    factors
}

fn filled(parameter: &'static str, text: &str) -> Result<String, EngineError> {
    let text = bounded(parameter, text.trim(), 200)?;
    if text.is_empty() { Err(EngineError::Invalid(parameter)) } else { Ok(text) }
}

fn status(administrator: &Administrator, active: bool) -> Result<AdministratorStatus, EngineError> {
    match (active, administrator.role) {
        (false, Role::Owner) => Err(EngineError::Forbidden("an owner cannot be disabled here")),
        (false, _) => Ok(AdministratorStatus::Disabled),
        // Without a password there is nothing to sign in with yet.
        (true, _) if !administrator.has_password => Ok(AdministratorStatus::Pending),
        (true, _) => Ok(AdministratorStatus::Active),
    }
}

/// Owners see everything, so that somebody does.
fn restricted(role: Role, restricted: bool) -> Result<bool, EngineError> {
    if restricted && role == Role::Owner {
        Err(EngineError::Invalid("restricted_by_admin_units"))
    } else {
        Ok(restricted)
    }
}

fn check_password(account: &Account, password: &str) -> Result<(), EngineError> {
    let flag = |name: &str| account.settings.get(name).and_then(Json::as_bool).unwrap_or(false);
    let least = account.settings.get("minimum_password_length").and_then(Json::as_u64).unwrap_or(12);
    let has = |wanted: fn(char) -> bool| password.chars().any(wanted);
    let is_fine = password.len() <= LONGEST_PASSWORD
        && password.chars().count() as u64 >= least
        && (!flag("password_requires_upper_alpha") || has(char::is_uppercase))
        && (!flag("password_requires_lower_alpha") || has(char::is_lowercase))
        && (!flag("password_requires_numeric") || has(char::is_numeric))
        && (!flag("password_requires_special") || has(|c| !c.is_alphanumeric()));
    if is_fine { Ok(()) } else { Err(EngineError::Invalid("password")) }
}

/// Argon2id with 19 MiB, two passes and one lane (OWASP Password Storage Cheat Sheet), as a PHC string; off the runtime's threads.
async fn hash_password(password: Zeroizing<String>) -> Result<String, EngineError> {
    let hash = move || {
        let params = Params::new(19 * 1024, 2, 1, None).ok()?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut salt = [0; 16];
        SystemRng.fill_bytes(&mut salt);
        hasher.hash_password_with_salt(password.as_bytes(), &salt).ok().map(|hash| hash.to_string())
    };
    // Neither the parameters nor the length of a checked password can be refused.
    tokio::task::spawn_blocking(hash).await.ok().flatten().ok_or(EngineError::Busy)
}
