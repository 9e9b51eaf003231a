//! Phones: create, change, delete, give to users, activate.

use cs_core::id::{AccountId, PhoneId, UserId};
use cs_store::Job;
use cs_store::authenticators::{ActivationSource, set_auto_approve, touch_users_of_phone};
use cs_store::phones::{PhoneRecord, attach_phone, detach_phone, remove_phone};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::text::bounded;
use super::{Actor, MOST_OWNER, admin_record};
use crate::devices::IssuedActivation;
use crate::{DeviceEvent, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// Platforms as displayed, first those that can hold an authenticator.
const PLATFORMS: [&str; 10] = [
    "Google Android",
    "Apple iOS",
    "Generic Smartphone",
    "Windows Phone",
    "RIM BlackBerry",
    "Java J2ME",
    "Palm WebOS",
    "Symbian OS",
    "Windows Mobile",
    "Unknown",
];
const KINDS: [&str; 3] = ["Mobile", "Landline", "Unknown"];
/// The longest an activation code may live.
pub const MAX_ACTIVATION_SECS: i64 = 30 * 86_400;
/// The longest a device may be allowed to answer by itself.
const MAX_AUTO_APPROVE: SignedDuration = SignedDuration::from_hours(24 * 366);

/// What an administrator wants a phone to be. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhoneChange {
    /// Digits with or without `+`; without it, a North American number. Spaces, hyphens, dots and parentheses are dropped. May be empty.
    pub number: Option<String>,
    /// Digits, `*`, `#` and commas.
    pub extension: Option<String>,
    /// Label.
    pub name: Option<String>,
    /// Whose it is, where several people share one user; empty takes it away.
    pub owner: Option<String>,
    /// `mobile`, `landline` or `unknown`, in any case.
    pub kind: Option<String>,
    /// A platform's name in any case.
    pub platform: Option<String>,
    /// Seconds.
    pub predelay: Option<String>,
    /// Seconds.
    pub postdelay: Option<String>,
}

impl PhoneChange {
    pub(super) fn write(&self, phone: &mut PhoneRecord) -> Result<(), EngineError> {
        if let Some(number) = &self.number {
            phone.number = phone_number(number).ok_or(EngineError::Invalid("number"))?;
        }
        if let Some(extension) = &self.extension {
            let fits = extension.len() <= 32 && extension.chars().all(|c| c.is_ascii_digit() || "*#, ".contains(c));
            phone.extension = fits.then(|| extension.trim().to_owned()).ok_or(EngineError::Invalid("extension"))?;
        }
        if let Some(name) = &self.name {
            phone.name = bounded("name", name, 128)?;
        }
        if let Some(owner) = &self.owner {
            phone.owner = bounded("owner", owner.trim(), MOST_OWNER)?;
        }
        if let Some(kind) = &self.kind {
            phone.kind = one_of(&KINDS, kind).ok_or(EngineError::Invalid("type"))?;
        }
        if let Some(platform) = &self.platform {
            phone.platform = platform_of(platform).ok_or(EngineError::Invalid("platform"))?;
        }
        if let Some(delay) = &self.predelay {
            phone.predelay = seconds(delay).ok_or(EngineError::Invalid("predelay"))?;
        }
        if let Some(delay) = &self.postdelay {
            phone.postdelay = seconds(delay).ok_or(EngineError::Invalid("postdelay"))?;
        }
        Ok(())
    }
}

/// The number as kept: `+` and 4 to 15 digits (E.164), or empty.
pub fn phone_number(given: &str) -> Option<String> {
    let mut digits: String = given.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
    if digits.is_empty() {
        return Some(digits);
    }
    if !digits.starts_with('+') {
        let country = if digits.len() == 11 && digits.starts_with('1') { "+" } else { "+1" };
        digits.insert_str(0, country);
    }
    let number = &digits[1..];
    ((4..=15).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

fn one_of(words: &[&str], given: &str) -> Option<String> {
    words.iter().find(|word| word.eq_ignore_ascii_case(given.trim())).map(|word| (*word).to_owned())
}

fn platform_of(given: &str) -> Option<String> {
    // Duo's own lists know "windows phone" with and without its version.
    if given.eq_ignore_ascii_case("windows phone 7") {
        return Some("Windows Phone".to_owned());
    }
    one_of(&PLATFORMS, given)
}

fn seconds(given: &str) -> Option<String> {
    (given.len() <= 3 && given.bytes().all(|b| b.is_ascii_digit())).then(|| given.to_owned())
}

impl Engine {
    /// Creates a phone that nobody has yet.
    pub async fn create_phone(
        &self,
        account: AccountId,
        actor: &Actor,
        change: &PhoneChange,
    ) -> Result<PhoneId, EngineError> {
        let now = self.clock().now();
        let mut phone = PhoneRecord {
            id: PhoneId::generate(&mut SystemRng),
            number: String::new(),
            extension: String::new(),
            name: String::new(),
            kind: "Unknown".to_owned(),
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
        };
        change.write(&mut phone)?;
        let job = Job::new().step(phone.insert(account)).log(phone_record(account, actor, "phone_create", &phone, now));
        match self.apply(job).await? {
            None => Ok(phone.id),
            Some(_) => Err(EngineError::Contention),
        }
    }

    /// Changes a phone.
    pub async fn change_phone(
        &self,
        account: AccountId,
        actor: &Actor,
        id: PhoneId,
        change: &PhoneChange,
    ) -> Result<(), EngineError> {
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let before = self.phone(account, id).await?;
            let mut phone = before.clone();
            change.write(&mut phone)?;
            let mut description = phone_description(&phone);
            description["before"] = phone_description(&before);
            let record = admin_record(account, actor, "phone_update", &label(&phone), &description, now);
            let job = Job::new().step(phone.update(account)).step(touch_users_of_phone(account, id)).log(record);
            if self.apply(job).await?.is_none() {
                return Ok(());
            }
        }
        Err(EngineError::Contention)
    }

    /// Removes a phone and unbinds what is on it; false if there is none.
    pub async fn delete_phone(&self, account: AccountId, actor: &Actor, id: PhoneId) -> Result<bool, EngineError> {
        let Some(phone) = self.store().reader().phone(account, id).await? else { return Ok(false) };
        let now = self.clock().now();
        let mut job = Job::new().log(phone_record(account, actor, "phone_delete", &phone, now));
        job.guards = remove_phone(account, id);
        let done = self.apply(job).await?.is_none();
        if done {
            self.hub().publish(account, id, DeviceEvent::Unbound);
        }
        Ok(done)
    }

    /// Gives a phone to a user. A phone the user has already stays.
    ///
    /// Fails with [`EngineError::NotFound`] if either is missing, and with [`EngineError::Invalid`] at a limit (100 phones of one user,
    /// 100 users of one phone).
    pub async fn give_phone(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        phone: PhoneId,
    ) -> Result<(), EngineError> {
        let has = self.store().reader().phones_of(account, &[user]).await?.remove(&user).unwrap_or_default();
        if has.iter().any(|has| has.id == phone) {
            return Ok(());
        }
        let description = json!({"phone_id": phone.as_str(), "user_id": user.as_str()});
        self.attach(
            account,
            actor,
            user,
            ("phone_associate", "phone_id"),
            attach_phone(account, user, phone),
            description,
        )
        .await
    }

    /// Takes a phone from a user, unbinding it if it was bound for that user; false if the user does not have it.
    pub async fn take_phone(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        phone: PhoneId,
    ) -> Result<bool, EngineError> {
        let Some((name, _)) = self.store().user_record(account, user).await? else { return Ok(false) };
        let unbinds = self.devices_bound_for(account, user).await?.contains(&phone);
        let now = self.clock().now();
        // Every user of the phone, this one included: an authenticator may go.
        let mut job = Job::new().step(touch_users_of_phone(account, phone));
        job.guards.extend(detach_phone(account, user, phone));
        let description = json!({"phone_id": phone.as_str(), "user_id": user.as_str()});
        let job = job.log(admin_record(account, actor, "phone_disassociate", &name.username, &description, now));
        let done = self.apply(job).await?.is_none();
        if done && unbinds {
            self.hub().publish(account, phone, DeviceEvent::Unbound);
        }
        Ok(done)
    }

    /// Makes an activation code for a phone, for its first user; earlier codes are void.
    ///
    /// Fails with [`EngineError::Invalid`] while type or platform is unknown or nobody has the phone.
    pub async fn activation_of_phone(
        &self,
        account: AccountId,
        actor: &Actor,
        id: PhoneId,
        valid_secs: i64,
    ) -> Result<IssuedActivation, EngineError> {
        if !(1..=MAX_ACTIVATION_SECS).contains(&valid_secs) {
            return Err(EngineError::Invalid("valid_secs"));
        }
        let phone = self.phone(account, id).await?;
        if phone.kind == "Unknown" || phone.platform == "Unknown" {
            return Err(EngineError::Invalid("phone_id"));
        }
        let users = self.store().reader().users_of_phones(account, &[id]).await?.remove(&id).unwrap_or_default();
        let user = *users.first().ok_or(EngineError::Invalid("phone_id"))?;
        let now = self.clock().now();
        let valid_for = SignedDuration::from_secs(valid_secs);
        let (issued, job) =
            self.activation_job(account, user, id, ActivationSource::Administrator, valid_for, now).await?;
        let job = job.log(phone_record(account, actor, "phone_activation_code_regenerated", &phone, now));
        match self.apply(job).await? {
            None => Ok(issued),
            Some(_) => Err(EngineError::Contention),
        }
    }

    /// Lets the authenticator on a phone answer by itself until `until`, at most a year from now; `None` ends that.
    pub async fn set_auto_approve(
        &self,
        account: AccountId,
        actor: &Actor,
        id: PhoneId,
        until: Option<Timestamp>,
    ) -> Result<(), EngineError> {
        let now = self.clock().now();
        if until.is_some_and(|until| until <= now || until > now + MAX_AUTO_APPROVE) {
            return Err(EngineError::Invalid("auto_approve_until"));
        }
        let phone = self.phone(account, id).await?;
        let description = json!({"phone_id": id.as_str(), "until": until.map(Timestamp::as_second)});
        let job = Job::new()
            .step(set_auto_approve(account, id, until))
            .step(touch_users_of_phone(account, id))
            .log(admin_record(account, actor, "device_auto_approve", &label(&phone), &description, now));
        match self.apply(job).await? {
            None => Ok(()),
            Some(_) => Err(EngineError::NotFound),
        }
    }

    async fn phone(&self, account: AccountId, id: PhoneId) -> Result<PhoneRecord, EngineError> {
        self.store().reader().phone(account, id).await?.ok_or(EngineError::NotFound)
    }
}

fn label(phone: &PhoneRecord) -> String {
    [&phone.number, &phone.name, &phone.platform].into_iter().find(|text| !text.is_empty()).cloned().unwrap_or_default()
}

fn phone_record(
    account: AccountId,
    actor: &Actor,
    action: &'static str,
    phone: &PhoneRecord,
    now: Timestamp,
) -> cs_store::audit::LogRecord {
    admin_record(account, actor, action, &label(phone), &phone_description(phone), now)
}

fn phone_description(phone: &PhoneRecord) -> Json {
    json!({
        "phone_id": phone.id.as_str(),
        "phone": phone.number,
        "extension": phone.extension,
        "name": phone.name,
        "owner": phone.owner,
        "type": phone.kind,
        "platform": phone.platform,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_in_one_form() {
        for (given, kept) in [
            ("+1 (555) 555-0100", Some("+15555550100")),
            ("555.555.0100", Some("+15555550100")),
            ("15555550100", Some("+15555550100")),
            ("+49 30 123456", Some("+4930123456")),
            ("", Some("")),
            ("+", None),
            ("12", None),
            ("+1555555010a", None),
            ("+12345678901234567", None),
            ("++15555550100", None),
            ("\u{661}\u{662}\u{663}\u{664}", None),
        ] {
            assert_eq!(phone_number(given).as_deref(), kept, "{given}");
        }
    }

    #[test]
    fn words_are_taken_in_any_case_and_kept_as_displayed() {
        assert_eq!(platform_of("google android").as_deref(), Some("Google Android"));
        assert_eq!(platform_of("windows phone 7").as_deref(), Some("Windows Phone"));
        assert_eq!(platform_of("palm os"), None);
        assert_eq!(one_of(&KINDS, "MOBILE").as_deref(), Some("Mobile"));
    }
}
