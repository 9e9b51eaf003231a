//! What the authentication log says of a login.

use std::net::IpAddr;

use cs_core::device::Phone;
use cs_core::id::TxId;
use cs_core::login::{AllowReason, Denial, DenyReason, FactorUsed};
use cs_core::policy::risk::{Assessment, Detection};
use cs_core::policy::sections::SignalMode;
use cs_core::policy::trace::{Fact, Finding, Outcome, Trace};
use cs_core::policy::{Level, Version, Word as _};
use cs_core::user::User;
use cs_core::username::Username;
use cs_store::audit::{LogKind, LogRecord};
use cs_store::logins::Login;
use cs_store::outbox::Effect;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::status::{access_of, push_factor};
use super::{Who, reference};
use crate::devices::device_place;
use crate::review::attack_name;
use crate::{Access, Caller, Engine};

/// What happened, before it is written down.
pub(super) struct Entry<'a> {
    pub(super) caller: &'a Caller,
    pub(super) txid: TxId,
    pub(super) who: &'a Who,
    pub(super) user: Option<&'a User>,
    pub(super) access: &'a Access,
    pub(super) factor: FactorUsed,
    /// The device that was used or asked: id and name.
    pub(super) device: Option<(String, String)>,
    pub(super) evidence: Option<&'a str>,
    /// Where the device answered from.
    pub(super) answered_from: Option<IpAddr>,
    /// What the policies said, if they were asked for this entry.
    pub(super) trace: Option<&'a Trace<'a>>,
    /// What the signals of risk said.
    pub(super) risk: &'a Assessment,
    pub(super) now: Timestamp,
}

impl Entry<'_> {
    pub(super) fn allowed(&self, engine: &Engine, why: AllowReason, fact: &str) -> LogRecord {
        self.record(engine, "success", why.as_str(), fact)
    }

    pub(super) fn denied(&self, engine: &Engine, denial: &Denial) -> LogRecord {
        let result = if denial.reason == DenyReason::UserMarkedFraud { "fraud" } else { "denied" };
        self.record(engine, result, denial.reason.as_str(), &denial.fact)
    }

    fn record(&self, engine: &Engine, result: &str, reason: &str, fact: &str) -> LogRecord {
        let caller = self.caller;
        let mut record = LogRecord::new(caller.account.id.as_str(), LogKind::Auth, self.txid.to_string(), self.now);
        record.user_id = self.user.map(|user| user.id.to_string());
        record.integration = Some(caller.integration.key.to_string());
        record.result = Some(result.to_owned());
        record.reason = Some(reason.to_owned());
        record.factor = Some(self.factor.as_str().to_owned());
        record.evidence = self.evidence.map(str::to_owned);
        let mut body = Map::new();
        body.insert("event_type".to_owned(), json!("authentication"));
        body.insert("surface".to_owned(), json!(caller.surface.as_str()));
        body.insert("application".to_owned(), json!(caller.integration.name));
        body.insert("reference".to_owned(), json!(reference(self.txid)));
        if !is_personal(self.trace) {
            body.insert("fact".to_owned(), json!(fact));
        }
        if caller.legacy_signature {
            body.insert("signature".to_owned(), json!("dateless"));
        }
        if let Some((id, _)) = &self.device {
            body.insert("device".to_owned(), json!(id));
        }
        if let Some(seen) = &self.access.device {
            let version = |version: Option<Version>| version.map(|version| version.to_string());
            if let Some(browser) = &seen.browser {
                body.insert("browser".to_owned(), json!(browser.product.as_str()));
                body.insert("browser_version".to_owned(), json!(version(browser.version)));
            }
            if let Some(os) = &seen.os {
                body.insert("os".to_owned(), json!(os.product.as_str()));
                body.insert("os_version".to_owned(), json!(version(os.version)));
            }
        }
        // By id, so that a group renamed since is found.
        if let Some(user) = self.user.filter(|user| !user.groups.is_empty()) {
            let ids: Vec<&str> = user.groups.iter().map(|member| member.group.as_str()).collect();
            body.insert("group_ids".to_owned(), json!(ids));
        }
        if reason == AllowReason::UserApproved.as_str() && self.answered_by_itself() {
            body.insert("automatic".to_owned(), json!(true));
        }
        record.body = Json::Object(body).to_string();
        record.personal = Some(self.personal(engine, fact).to_string());
        record
    }

    /// What the review queue is told of the signals that fired, once the login is committed.
    pub(super) fn review(&self) -> Option<Effect> {
        let user = self.user?;
        let signals: Vec<Json> = self
            .risk
            .detections
            .iter()
            .map(|detection| {
                let Detection { evidence, mode } = detection;
                json!({
                    "signal": evidence.signal().as_str(),
                    "summary": evidence.to_string(),
                    "enforced": *mode == SignalMode::Enforce,
                })
            })
            .collect();
        let payload = json!({
            "user_id": user.id.as_str(),
            "integration": self.caller.integration.key.as_str(),
            "txid": self.txid.to_string(),
            "signals": signals,
        });
        (!self.risk.is_low())
            .then(|| Effect::new(crate::review::REVIEW, self.caller.account.id.as_str(), payload.to_string(), self.now))
    }

    /// The phone that was used or asked.
    fn phone(&self) -> Option<&Phone> {
        let (id, _) = self.device.as_ref()?;
        self.user?.phones.iter().find(|phone| phone.id.as_str() == id)
    }

    /// Whether the device may answer without a person now: then nobody can say that one did.
    fn answered_by_itself(&self) -> bool {
        let until = self.phone().and_then(|phone| phone.authenticator.as_ref()).and_then(|a| a.auto_approve_until);
        until.is_some_and(|until| self.now < until)
    }

    /// The name that was given, where it is not the username but another of the user's names.
    fn alias(&self) -> Option<&str> {
        let Who::Name(name) = self.who else { return None };
        let normalization = self.caller.integration.normalization;
        let key = |name: &str| Username::parse(name).ok().map(|name| name.key(normalization));
        let is_other = key(name) != key(&self.user?.username);
        is_other.then_some(name.as_str())
    }

    fn personal(&self, engine: &Engine, fact: &str) -> Json {
        let mut personal = Map::new();
        if is_personal(self.trace) {
            personal.insert("fact".to_owned(), json!(fact));
        }
        if let Some(policy) = self.trace.and_then(said) {
            personal.insert("policy".to_owned(), policy);
        }
        if !self.risk.is_low() {
            // The inputs name networks and countries: these are the person's.
            personal.insert("adaptive_trust_assessments".to_owned(), assessed(self.risk));
        }
        personal
            .insert("username".to_owned(), json!(self.user.map_or_else(|| self.who.as_text(), |u| u.username.clone())));
        if let Some(address) = self.access.address {
            personal.insert("access_ip".to_owned(), json!(address));
            let place = engine.inner.geo.place(address);
            for (name, value) in [("country", place.country), ("state", place.state), ("city", place.city)] {
                if let Some(value) = value {
                    personal.insert(name.to_owned(), json!(value));
                }
            }
        }
        if let Some(hostname) = &self.access.hostname {
            personal.insert("hostname".to_owned(), json!(hostname));
        }
        if let Some(user) = self.user {
            let groups: Vec<&str> = user.groups.iter().map(|m| m.name.as_str()).collect();
            if !groups.is_empty() {
                personal.insert("groups".to_owned(), json!(groups));
            }
        }
        if let Some((_, name)) = &self.device {
            personal.insert("device".to_owned(), json!(name));
        }
        if let Some(address) = self.answered_from {
            personal.extend(device_place(engine, address).into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        if let Some(phone) = self.phone().filter(|phone| !phone.number.is_empty()) {
            personal.insert("phone".to_owned(), json!(phone.number));
        }
        if let Some(user) = self.user.filter(|user| !user.email.is_empty()) {
            personal.insert("email".to_owned(), json!(user.email));
        }
        if let Some(alias) = self.alias() {
            personal.insert("alias".to_owned(), json!(alias));
        }
        Json::Object(personal)
    }
}

/// The entry for a push that closes when the application that asked is gone: what the row itself says.
pub(super) fn orphaned(login: &Login, denial: &Denial, now: Timestamp) -> LogRecord {
    let statement: Json = serde_json::from_str(&login.statement).unwrap_or_default();
    let mut record = LogRecord::new(login.account.as_str(), LogKind::Auth, login.txid.to_string(), now);
    record.user_id = Some(login.user.to_string());
    record.integration = Some(login.integration.to_string());
    record.result = Some("denied".to_owned());
    record.reason = Some(denial.reason.as_str().to_owned());
    record.factor = Some(push_factor(login).as_str().to_owned());
    let body = json!({
        "event_type": "authentication",
        "surface": login.surface,
        "application": statement["application"],
        "reference": reference(login.txid),
        "fact": denial.fact,
        "device": login.phone.as_str(),
    });
    record.body = body.to_string();
    let mut personal = json!({"username": statement["user"]});
    if let Some(address) = access_of(login).address {
        personal["access_ip"] = json!(address);
    }
    record.personal = Some(personal.to_string());
    record
}

/// The assessment as Duo's log has it, with our inputs beside it.
fn assessed(risk: &Assessment) -> Json {
    let named = |one: &Detection| attack_name(one.evidence.signal());
    let counted = risk.enforced();
    let reason = counted
        .map_or_else(|| "Normal level of trust; detections are only reported".to_owned(), |d| d.evidence.to_string());
    json!({"more_secure_auth": {
        "model_version": "countersign-1",
        "features_version": "1",
        "policy_enabled": counted.is_some(),
        "trust_level": risk.trust_level(),
        "reason": reason,
        "detected_attack_detectors": risk.detections.iter().map(named).collect::<Vec<_>>(),
        "detections": risk.detections.iter().map(|one| json!({
            "signal": one.evidence.signal().as_str(),
            "mode": one.mode.as_str(),
            "summary": one.evidence.to_string(),
        })).collect::<Vec<_>>(),
    }})
}

/// Whether the fact that decided names the address the person came from, which can be erased.
fn is_personal(trace: Option<&Trace<'_>>) -> bool {
    let decisive = trace.and_then(Trace::decisive);
    decisive.is_some_and(|finding| matches!(finding.fact, Fact::Address { address: Some(_), .. }))
}

/// The trace in short: the rules that had something to say, and those whose section is not the global policy's. `None` if there are none.
fn said(trace: &Trace<'_>) -> Option<Json> {
    let speaks = |finding: &Finding<'_>| {
        let is_usual = matches!(finding.level, None | Some(Level::Global));
        match finding.outcome {
            Outcome::Passes => !is_usual,
            // Which factors were left, where nothing unusual took one away.
            Outcome::Limits => !(is_usual && matches!(finding.fact, Fact::Methods(_))),
            Outcome::Allows(_)
            | Outcome::Denies(_)
            | Outcome::Enrolls
            | Outcome::Demands
            | Outcome::Lowers
            | Outcome::Warns
            | Outcome::Reports => true,
        }
    };
    let findings = trace.findings();
    // Most logins meet the defaults and nothing else: nothing is made for them.
    if !findings.iter().any(speaks) {
        return None;
    }
    let lines = findings.iter().zip(trace.lines()).filter(|(finding, _)| speaks(finding)).map(|(_, line)| line);
    Some(Json::from(lines.collect::<Vec<_>>()))
}
