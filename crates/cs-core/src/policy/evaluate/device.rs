//! Step 10: the access device. Only where a browser or the desktop agent says something about it.

use jiff::{SignedDuration, Timestamp};

use super::super::facts::{Client, Endpoint, Posture};
use super::super::names::{Browser, Os, Section};
use super::super::sections::{EndpointChecking, Enforcement, HealthChecks, OperatingSystems, OutOfDate, VersionRule};
use super::super::trace::{Age, Fact, HealthFact, Outcome};
use super::super::version::{Product, Version, days};
use super::super::word::Set;
use super::Walk;
use crate::login::DenyReason;

/// How long before a block that is announced people are told of it.
const COUNTDOWN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Operating system, browser, plugins, trust and health, in this order.
pub(super) fn access_device(walk: &mut Walk<'_, '_>) {
    let (access, now) = (walk.facts.access, walk.facts.now);
    let posture = access.posture.filter(|posture| posture.is_fresh(now));
    let sees_browser = walk.facts.application.surface.sees_browser;
    if sees_browser || posture.is_some() {
        operating_system(walk, posture);
    } else {
        walk.section(10, Section::OperatingSystems, Outcome::Passes, Fact::NothingSeen);
    }
    if sees_browser {
        browser(walk);
    } else {
        walk.section(10, Section::Browsers, Outcome::Passes, Fact::NothingSeen);
    }
    walk.section(10, Section::Plugins, Outcome::Passes, Fact::NoEffect);
    if sees_browser || posture.is_some() {
        endpoint(walk, posture);
    } else {
        walk.section(10, Section::TrustedEndpoints, Outcome::Passes, Fact::NothingSeen);
    }
    health(walk, posture);
}

/// What the agent says of the system is better than what the browser says.
fn system(walk: &Walk<'_, '_>, posture: Option<&Posture>) -> Client<Os> {
    match posture {
        Some(posture) => Client { product: posture.os, version: posture.os_version },
        None => walk.facts.access.os.unwrap_or(Client { product: Os::Other, version: None }),
    }
}

fn operating_system(walk: &mut Walk<'_, '_>, posture: Option<&Posture>) {
    let Client { product: os, version } = system(walk, posture);
    let known = walk.facts.versions.of_os(os);
    let (outcome, age) = judge_os(walk.effective.operating_systems.value, os, version, known, walk.facts.now);
    walk.section(10, Section::OperatingSystems, outcome, Fact::Os { os, version, age });
}

/// What becomes of an operating system, on an access device or on a phone.
pub(super) fn judge_os(
    section: &OperatingSystems,
    os: Os,
    version: Option<Version>,
    known: Option<&Product>,
    now: Timestamp,
) -> (Outcome, Age) {
    if section.block.contains(os) {
        return (Outcome::Denies(DenyReason::PlatformRestricted), Age::Blocked);
    }
    if section.allow_unrestricted.contains(os) {
        return (Outcome::Passes, Age::Fine);
    }
    let Some(restriction) = section.restrictions.get(&os) else { return (Outcome::Passes, Age::Fine) };
    match age(restriction.block, version, known) {
        Age::Fine => {}
        Age::Unknown if section.allow_unknown_version => {}
        Age::Outdated { since, .. } => {
            let from = since.saturating_add(days(restriction.grace_days)).unwrap_or(Timestamp::MAX);
            let age = Age::Outdated { since, blocked_from: Some(from) };
            if from <= now {
                return (Outcome::Denies(DenyReason::OutOfDate), age);
            }
            if since <= now || from.duration_since(now) <= COUNTDOWN {
                return (Outcome::Warns, age);
            }
        }
        age @ (Age::Blocked | Age::Unknown | Age::Below(_)) => return (Outcome::Denies(DenyReason::OutOfDate), age),
    }
    match age(restriction.warn, version, known) {
        Age::Outdated { since, .. } if now < since => (Outcome::Passes, Age::Fine),
        Age::Fine => (Outcome::Passes, Age::Fine),
        age @ (Age::Blocked | Age::Unknown | Age::Below(_) | Age::Outdated { .. }) => (Outcome::Warns, age),
    }
}

/// What `rule` finds in a version. An end that is announced counts from then on: callers compare with now.
fn age(rule: VersionRule, version: Option<Version>, known: Option<&Product>) -> Age {
    let since: fn(&Product, Version) -> Option<Timestamp> = match rule {
        VersionRule::NoRemediation => return Age::Fine,
        VersionRule::LessThan(least) => {
            return match version {
                None => Age::Unknown,
                Some(version) if version < least => Age::Below(least),
                Some(_) => Age::Fine,
            };
        }
        VersionRule::EndOfLife => Product::end_of_life,
        VersionRule::NotUpToDate => Product::not_up_to_date_since,
        VersionRule::LessThanLatest => Product::less_than_latest_since,
    };
    let (Some(version), Some(known)) = (version, known.filter(|known| !known.is_unknown())) else {
        return Age::Unknown;
    };
    since(known, version).map_or(Age::Fine, |since| Age::Outdated { since, blocked_from: None })
}

fn browser(walk: &mut Walk<'_, '_>) {
    let section = walk.effective.browsers.value;
    let Client { product: browser, version } =
        walk.facts.access.browser.unwrap_or(Client { product: Browser::Other, version: None });
    let known = walk.facts.versions.of_browser(browser);
    let now = walk.facts.now;
    let (outcome, age) = if section.blocked.contains(browser) {
        (Outcome::Denies(DenyReason::SoftwareRestricted), Age::Blocked)
    } else {
        let found = match section.out_of_date {
            OutOfDate::NoRemediation => Age::Fine,
            OutOfDate::WarnOnly | OutOfDate::WarnAndBlock => age(VersionRule::NotUpToDate, version, known),
        };
        match (found, section.out_of_date) {
            (Age::Outdated { since, .. }, _) if now < since => (Outcome::Passes, Age::Fine),
            (Age::Outdated { since, .. }, OutOfDate::WarnAndBlock) => {
                let from = since.saturating_add(days(section.grace_days)).unwrap_or(Timestamp::MAX);
                let age = Age::Outdated { since, blocked_from: Some(from) };
                if from <= now { (Outcome::Denies(DenyReason::OutOfDate), age) } else { (Outcome::Warns, age) }
            }
            (age @ Age::Fine, _) => (Outcome::Passes, age),
            (age @ (Age::Unknown | Age::Outdated { .. } | Age::Blocked | Age::Below(_)), _) => (Outcome::Warns, age),
        }
    };
    walk.section(10, Section::Browsers, outcome, Fact::Browser { browser, version, age });
}

fn endpoint(walk: &mut Walk<'_, '_>, posture: Option<&Posture>) {
    let section = walk.effective.trusted_endpoints.value;
    let mobile = system(walk, posture).product.is_mobile();
    let checking = if mobile { section.checking_mobile } else { section.checking };
    let endpoint = walk.facts.access.endpoint;
    let outcome = match (checking, endpoint) {
        (EndpointChecking::NotConfigured, _) | (_, Endpoint::Trusted) => Outcome::Passes,
        (EndpointChecking::AllowAll, _) => Outcome::Reports,
        (EndpointChecking::RequireTrusted, Endpoint::NotTrusted) => Outcome::Denies(DenyReason::EndpointIsNotTrusted),
        (EndpointChecking::RequireTrusted, Endpoint::NotManaged) => {
            Outcome::Denies(DenyReason::EndpointIsNotInManagementSystem)
        }
        (EndpointChecking::RequireTrusted, Endpoint::Unknown) => {
            Outcome::Denies(DenyReason::CouldNotDetermineIfEndpointWasTrusted)
        }
    };
    walk.section(10, Section::TrustedEndpoints, outcome, Fact::Endpoint(endpoint));
}

fn health(walk: &mut Walk<'_, '_>, posture: Option<&Posture>) {
    let section = walk.effective.health_checks.value;
    let surface = walk.facts.application.surface;
    let fact = if section.requires_agent.is_empty() {
        HealthFact::NotDemanded
    } else if let Some(posture) = posture {
        report(section, posture, walk.facts.access.os)
    } else if !surface.sees_browser {
        HealthFact::Unchecked
    } else {
        match walk.facts.access.os {
            // What does not say what it is might be what must have the agent.
            None => HealthFact::NoReport,
            Some(os) if section.requires_agent.contains(os.product) => HealthFact::NoReport,
            Some(_) => HealthFact::NotDemanded,
        }
    };
    let outcome = match fact {
        HealthFact::NotDemanded => Outcome::Passes,
        HealthFact::Fine => match posture {
            Some(posture) if section.warns_of(posture) => Outcome::Warns,
            Some(_) | None => Outcome::Passes,
        },
        HealthFact::Unchecked if !section.deny_unchecked => Outcome::Passes,
        HealthFact::Unchecked | HealthFact::NoReport => Outcome::Denies(DenyReason::DesktopAgentRequired),
        HealthFact::NotSigned | HealthFact::NotPinned => Outcome::Denies(DenyReason::AgentReportUnverified),
        HealthFact::NotEncrypted => Outcome::Denies(DenyReason::NoDiskEncryption),
        HealthFact::NoFirewall => Outcome::Denies(DenyReason::FirewallOff),
        HealthFact::NoPassword => Outcome::Denies(DenyReason::NoSystemPassword),
        HealthFact::NoSecurityAgent => Outcome::Denies(DenyReason::NoSecurityAgent),
    };
    walk.section(10, Section::HealthChecks, outcome, Fact::Health(fact));
}

/// A check holds if it is asked of the system the agent names or of the one the browser names: neither can talk the other's checks away.
fn report(section: &HealthChecks, posture: &Posture, browser_os: Option<Client<Os>>) -> HealthFact {
    let systems = browser_os.map(|os| os.product).into_iter().chain([posture.os]).collect::<Set<Os>>();
    let asks = |of: Set<Os>| !of.intersection(systems).is_empty();
    if !asks(section.requires_agent) {
        return HealthFact::NotDemanded;
    }
    let enforced = |enforcement| matches!(enforcement, Enforcement::EnforceEnabled);
    if enforced(section.signed_payload) && posture.signature != Some(true) {
        return HealthFact::NotSigned;
    }
    if enforced(section.device_id_pinning) && posture.pinned != Some(true) {
        return HealthFact::NotPinned;
    }
    if asks(section.encryption) && posture.encryption != Some(true) {
        return HealthFact::NotEncrypted;
    }
    if asks(section.firewall) && posture.firewall != Some(true) {
        return HealthFact::NoFirewall;
    }
    if asks(section.system_password) && posture.system_password != Some(true) {
        return HealthFact::NoPassword;
    }
    let missing = systems.iter().filter_map(|os| section.platform(os)).any(|checks| {
        let listed = &checks.security_agents;
        !listed.is_empty() && !listed.iter().any(|agent| posture.security_agents.contains(agent))
    });
    if missing { HealthFact::NoSecurityAgent } else { HealthFact::Fine }
}

impl HealthChecks {
    /// Whether the report lacks a signature or a pin that is only warned about.
    fn warns_of(&self, posture: &Posture) -> bool {
        let warned = |enforcement| matches!(enforcement, Enforcement::WarnOnly);
        (warned(self.signed_payload) && posture.signature != Some(true))
            || (warned(self.device_id_pinning) && posture.pinned != Some(true))
    }
}
