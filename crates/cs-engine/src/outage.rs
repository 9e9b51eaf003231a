//! What is prepared for the time when this server cannot be asked, and what is heard of it afterwards.
//!
//! A proxy tells how it stands and what it did by itself; an administrator decides which proxies may check codes, for whom and how often; an Owner gives leave to do
//! without a second factor for a while. Bundles and tokens are signed where they are put into words: here is only what they say.

use cs_core::admin::Role;
use cs_core::device::AuthenticatorClass;
use cs_core::id::{AccountId, AdminId, IntegrationKey, TxId, UserId};
use cs_core::integration::UserAccess;
use cs_core::otp::OutageSeed;
use cs_core::policy::Method;
use cs_store::Job;
use cs_store::administrators::AdministratorStatus;
use cs_store::authenticators::BoundDevice;
use cs_store::facts::UserRef;
use cs_store::outbox::Effect;
use cs_store::proxies::{OutageGroup, ProxyRecord, journal_taken, keep_outage_key, remove_outage_group};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use zeroize::Zeroizing;

use crate::admin::{Actor, admin_record};
use crate::login::Who;
use crate::{Access, Caller, Engine, EngineError, SystemRng};

/// For how long a bundle may be good, hours.
pub const BUNDLE_HOURS: std::ops::RangeInclusive<i64> = 1..=168;
/// How long an emergency may last, minutes.
pub const EMERGENCY_MINUTES: std::ops::RangeInclusive<u32> = 1..=240;
/// A proxy tells of itself every minute; one that was silent for longer is not known to be there.
pub const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(3);
/// A proxy that was silent for so long is forgotten.
pub const PROXIES_KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// What a section of a proxy tells.
#[derive(Debug, Clone)]
pub struct ProxyReport {
    /// What the proxy calls itself.
    pub proxy: String,
    /// Its section.
    pub section: String,
    /// The host it runs on.
    pub host: String,
    /// Its version.
    pub version: String,
    /// What it does while nobody can be asked.
    pub failmode: String,
    /// Until when it can check codes by itself.
    pub offline_until: Option<Timestamp>,
    /// Until when it does without the second factor.
    pub emergency_until: Option<Timestamp>,
    /// What it did by itself, oldest first.
    pub events: Vec<ProxyEvent>,
}

/// Something that a proxy did by itself.
#[derive(Debug, Clone)]
pub struct ProxyEvent {
    /// Its place in the proxy's journal.
    pub seq: i64,
    /// When, by the proxy's clock.
    pub at: Timestamp,
    /// What: the protocol's word.
    pub kind: &'static str,
    /// Who logged in, as typed.
    pub user: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// Why, which token, and the like.
    pub note: Option<String>,
}

/// What a proxy may check codes with.
#[derive(Debug)]
pub struct OutageBundle {
    /// What was decided about it.
    pub group: OutageGroup,
    /// Until when it is good.
    pub until: Timestamp,
    /// Who.
    pub users: Vec<OutageUser>,
}

/// Somebody who may log in during an outage.
#[derive(Debug)]
pub struct OutageUser {
    /// Who.
    pub id: UserId,
    /// Username and aliases, as they are compared.
    pub names: Vec<String>,
    /// The group's seed of each authenticator.
    pub seeds: Vec<OutageSeed>,
}

/// A group of proxies that check somebody's codes by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageCodes {
    /// The group's name.
    pub group: String,
    /// The applications whose proxies they are, by name.
    pub applications: Vec<String>,
}

impl Engine {
    /// What a device's person may need its codes for. Only applications that they are permitted, so that nobody hears of others; whether policies let a code in is
    /// asked when a bundle is made, and not here, where every device asks that connects.
    pub async fn outage_codes(&self, device: &BoundDevice) -> Result<Vec<OutageCodes>, EngineError> {
        // Its codes are in no bundle.
        if device.class == AuthenticatorClass::Automation {
            return Ok(Vec::new());
        }
        let found = self.store().outage_groups_of(device.account, device.user).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock().now();
        let Some(facts) = self.store().user_facts(device.account, UserRef::Id(device.user), None, now).await? else {
            return Ok(Vec::new());
        };
        let mut codes: Vec<OutageCodes> = Vec::new();
        for (group, key) in found {
            let Some(integration) = self.directory().integration(device.account, key).await? else { continue };
            let is_permitted = match &integration.user_access {
                UserAccess::All => true,
                UserAccess::Nobody => false,
                UserAccess::Groups(permitted) => {
                    facts.user.groups.iter().any(|member| permitted.contains(&member.group))
                }
            };
            if !is_permitted || !integration.enabled {
                continue;
            }
            match codes.last_mut().filter(|last| last.group == group) {
                Some(last) => last.applications.push(integration.name.clone()),
                None => codes.push(OutageCodes { group, applications: vec![integration.name.clone()] }),
            }
        }
        Ok(codes)
    }

    /// Keeps what a proxy tells; gives up to where its journal has arrived, and whether there is a bundle for it. What it did while nobody could be asked is logged
    /// and alerted, each event once, however often it is told.
    pub async fn proxy_report(&self, caller: &Caller, report: &ProxyReport) -> Result<(i64, bool), EngineError> {
        let (account, integration) = (caller.account.id, caller.integration.key);
        if !["safe", "secure", "offline"].contains(&report.failmode.as_str()) {
            return Err(EngineError::Invalid("failmode"));
        }
        for _ in 0..crate::MAX_ROUNDS {
            let now = self.clock().now();
            let before = self.store().journal_of(account, integration, &report.proxy).await?;
            let record = ProxyRecord {
                account,
                integration,
                proxy: report.proxy.clone(),
                section: report.section.clone(),
                host: report.host.clone(),
                version: report.version.clone(),
                failmode: report.failmode.clone(),
                offline_until: report.offline_until,
                emergency_until: report.emergency_until,
                first_seen_at: now,
                last_seen_at: now,
            };
            let news: Vec<&ProxyEvent> = report.events.iter().filter(|event| event.seq > before).collect();
            let taken = news.iter().map(|event| event.seq).max().unwrap_or(before);
            let mut job = Job::new().step(record.told());
            if taken > before {
                job = job.step(journal_taken((account, integration, &report.proxy), before, taken));
            }
            for event in &news {
                job = job.log(self.event_record(caller, report, event, now));
            }
            job.effects.extend(self.event_alerts(caller, report, &news, now));
            if self.holds(job).await? {
                let group = self.store().outage_group(account, integration).await?;
                return Ok((taken, group.is_some()));
            }
        }
        Err(EngineError::Contention)
    }

    fn event_record(
        &self,
        caller: &Caller,
        report: &ProxyReport,
        event: &ProxyEvent,
        now: Timestamp,
    ) -> cs_store::audit::LogRecord {
        let action = match event.kind {
            "fail_open" => "outage_fail_open",
            "code_right" => "outage_code_accepted",
            "code_wrong" => "outage_code_refused",
            "emergency_begun" => "emergency_begin",
            "emergency_ended" => "emergency_end",
            _ => "emergency_login",
        };
        let description = json!({
            "ikey": caller.integration.key.as_str(),
            "proxy": report.proxy,
            "host": report.host,
            "section": report.section,
            "seq": event.seq,
            "time": event.at.as_second(),
            "username": event.user,
            "address": event.address,
            "note": event.note,
        });
        let mut record =
            admin_record(caller.account.id, &Actor::System, action, &caller.integration.name, &description, now);
        record.integration = Some(caller.integration.key.to_string());
        record
    }

    /// One alert for each kind of event in a report, with how many there were: an outage must not bury the alert of it.
    fn event_alerts(&self, caller: &Caller, report: &ProxyReport, news: &[&ProxyEvent], now: Timestamp) -> Vec<Effect> {
        let mut kinds: Vec<&'static str> = news.iter().map(|event| event.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let alert = |kind: &'static str| {
            let of_kind = || news.iter().filter(|event| event.kind == kind);
            let first = of_kind().next();
            let payload = json!({
                "alert": format!("outage_{kind}"),
                "application": caller.integration.name,
                "host": report.host,
                "section": report.section,
                "count": of_kind().count(),
                "username": first.and_then(|event| event.user.clone()),
                "note": first.and_then(|event| event.note.clone()),
                "time": first.map(|event| event.at.as_second()),
            });
            Effect::new("alert", caller.account.id.as_str(), payload.to_string(), now)
        };
        kinds.into_iter().map(alert).collect()
    }

    /// What an application's proxies may check codes with from now on; `None` where nobody has decided that they may.
    pub async fn outage_bundle(&self, caller: &Caller) -> Result<Option<OutageBundle>, EngineError> {
        let account = caller.account.id;
        let Some(group) = self.store().outage_group(account, caller.integration.key).await? else { return Ok(None) };
        let ids = self.store().outage_users(account, group.users_of, group.max_users).await?;
        let most = usize::try_from(group.max_users).unwrap_or_default();
        if ids.len() > most {
            tracing::warn!(application = %caller.integration.name, most, "more people than a bundle for outages may hold; the others cannot log in during one");
        }
        let mut users = Vec::new();
        for id in ids.into_iter().take(most) {
            users.extend(self.outage_user(caller, &group.name, id).await?);
        }
        let until = self.clock().now() + SignedDuration::from_hours(group.hours);
        Ok(Some(OutageBundle { group, until, users }))
    }

    /// A user with an authenticator whose codes would be good at the application now, as far as that can be said without knowing from where.
    async fn outage_user(&self, caller: &Caller, group: &str, id: UserId) -> Result<Option<OutageUser>, EngineError> {
        let account = caller.account.id;
        let survey = self.survey(caller, &Who::Id(id), &Access::default()).await?;
        let (Some(user), Some(challenge), Ok(())) = (survey.user, survey.challenge, survey.holds) else {
            return Ok(None);
        };
        if !challenge.methods.contains(Method::DuoPasscode) {
            return Ok(None);
        }
        let mut seeds = Vec::new();
        for phone in user.phones.iter().filter(|phone| challenge.refusal(phone.id).is_ok()) {
            let Some(authenticator) = phone.authenticator.as_ref().filter(|one| one.confirmed) else { continue };
            // What answers by itself proves nothing about a person.
            if authenticator.class == AuthenticatorClass::Automation {
                continue;
            }
            let vault = self.store().vault();
            let seed =
                vault.open(account.as_str(), "authenticator", "seed", phone.id.as_str(), &authenticator.sealed_seed);
            seeds.push(OutageSeed::derive(&seed.map_err(EngineError::vault)?, account.as_str(), group));
        }
        let Some((record, _)) = self.store().user_record(account, id).await? else { return Ok(None) };
        let given = std::iter::once(&record.username).chain(record.aliases.values());
        let key = |name: &String| {
            let name = cs_core::username::Username::parse(name).ok()?;
            Some(name.key(caller.integration.normalization).as_str().to_owned())
        };
        let names: Vec<String> = given.filter_map(key).collect();
        Ok((!seeds.is_empty() && !names.is_empty()).then_some(OutageUser { id, names, seeds }))
    }

    /// The private key that an account's bundles and tokens are signed with, PKCS#8 in DER; `candidate` from the first time on, if there is none yet.
    pub async fn outage_key(&self, account: AccountId, candidate: &[u8]) -> Result<Zeroizing<Vec<u8>>, EngineError> {
        let vault = self.store().vault();
        let found = match self.store().outage_key(account).await? {
            Some(found) => Some(found),
            None => {
                let sealed = vault
                    .seal(account.as_str(), "outage_key", "sealed", "outage", candidate)
                    .map_err(EngineError::vault)?;
                self.holds(Job::new().step(keep_outage_key(account, &sealed, self.clock().now()))).await?;
                self.store().outage_key(account).await?
            }
        };
        let sealed = found.ok_or(EngineError::NotFound)?;
        let opened =
            vault.open(account.as_str(), "outage_key", "sealed", "outage", &sealed).map_err(EngineError::vault)?;
        Ok(Zeroizing::new(opened.to_vec()))
    }

    /// Decides which codes an application's proxies may check; `None` that they may check none, from the end of the bundles on that they have.
    pub async fn set_outage_group(
        &self,
        account: AccountId,
        actor: &Actor,
        integration: IntegrationKey,
        group: Option<&OutageGroup>,
    ) -> Result<(), EngineError> {
        let record = self.store().integration_record(account, integration).await?.ok_or(EngineError::NotFound)?;
        if !record.kind.is_for_logins() {
            return Err(EngineError::Invalid("application"));
        }
        let now = self.clock().now();
        let job = match group {
            Some(group) => {
                check(group)?;
                let description = json!({
                    "ikey": integration.as_str(),
                    "group": group.name,
                    "hours": group.hours,
                    "users_of": group.users_of.as_ref().map(|id| id.as_str()),
                    "max_users": group.max_users,
                    "attempts": group.attempts,
                    "uses": group.uses,
                });
                let log = admin_record(account, actor, "outage_group_set", &record.name, &description, now);
                Job::new().step(group.put()).log(log)
            }
            None => {
                let description = json!({"ikey": integration.as_str()});
                let log = admin_record(account, actor, "outage_group_remove", &record.name, &description, now);
                Job::new().step(remove_outage_group(account, integration)).log(log)
            }
        };
        self.found(job).await
    }

    /// An id for a token that nobody can guess.
    pub fn new_emergency_id(&self) -> String {
        TxId::generate(&mut SystemRng).to_string()
    }

    /// An Owner gives leave to do without the second factor: who they are is proven by their password, and written down before there is a token.
    ///
    /// Gives the Owner's address. Fails with [`EngineError::Forbidden`] for anybody else, and for a wrong password.
    pub async fn emergency_leave(
        &self,
        account: AccountId,
        owner: AdminId,
        password: Zeroizing<String>,
        token: &str,
        description: &serde_json::Value,
    ) -> Result<String, EngineError> {
        let found = self.store().administrator(account, owner).await?.ok_or(EngineError::NotFound)?;
        let is_owner = found.role == Role::Owner && found.status == AdministratorStatus::Active;
        let is_right = self.verify_administrator_password(account, owner, password).await?;
        let now = self.clock().now();
        let actor = Actor::Administrator(owner, found.email.clone());
        if !is_owner || !is_right {
            let log = admin_record(account, &actor, "emergency_token_refused", token, description, now);
            self.holds(Job::new().log(log)).await?;
            return Err(EngineError::Forbidden("only an active Owner, with their password, gives such leave"));
        }
        let payload = json!({
            "alert": "emergency_token_made",
            "username": found.email,
            "token": token,
            "details": description,
            "time": now.as_second(),
        });
        let job = Job::new()
            .log(admin_record(account, &actor, "emergency_token_create", token, description, now))
            .effect(Effect::new("alert", account.as_str(), payload.to_string(), now));
        self.holds(job).await?;
        Ok(found.email)
    }
}

fn check(group: &OutageGroup) -> Result<(), EngineError> {
    let is_name = (1..=32).contains(&group.name.len())
        && group.name.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-');
    for (holds, member) in [
        // People type it into their authenticators.
        (is_name, "group"),
        (BUNDLE_HOURS.contains(&group.hours), "hours"),
        ((1..=2000).contains(&group.max_users), "max_users"),
        ((1..=20).contains(&group.attempts), "attempts"),
        ((1..=1000).contains(&group.uses), "uses"),
    ] {
        if !holds {
            return Err(EngineError::Invalid(member));
        }
    }
    Ok(())
}
