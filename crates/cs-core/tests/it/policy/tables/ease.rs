//! `remembered_devices`, `step_down`, exemptions.

use cs_core::network::NetworkList;
use cs_core::policy::Method;
use cs_core::policy::Set;
use cs_core::policy::exemption::{Exemption, ExemptionKind};
use cs_core::policy::facts::Endpoint;
use cs_core::policy::sections::{
    AnonymousAccess, Lowered, Remember, RememberFor, RememberMethod, RememberScope, StepDownRule, TimeUnit,
};

use crate::policy::case::{Case, app, fraud, grant, hour_of_night, hours, now, token, user};

const ASK: &str = "ask duo-push duo-passcode verified 6";

fn list(text: &str) -> NetworkList {
    NetworkList::parse(text).unwrap()
}

#[test]
fn remembered_browsers() {
    for (enabled, days, age_hours, promised_hours, said) in [
        (true, 30, 1, 100, "allow remembered_device"),
        (false, 30, 1, 100, ASK),
        (true, 30, 101, 100, ASK),
        // Shortened since it was given: the policy of now counts.
        (true, 1, 25, 100, ASK),
        (true, 1, 23, 100, "allow remembered_device"),
        // From the future: a clock went back, or someone made it up.
        (true, 30, -1, 100, ASK),
    ] {
        let mut case = Case::new();
        case.policy.remembered_devices.browser_apps.enabled = enabled;
        case.policy.remembered_devices.browser_apps.risk_based = RememberFor { value: days, unit: TimeUnit::Days };
        case.remembered.browser = Some(grant(2, now() - hours(age_hours), hours(promised_hours)));
        assert_eq!(case.says(Some(&user())), said, "{enabled} {days} {age_hours}");
    }
}

#[test]
fn a_browser_is_remembered_for_all_applications_or_for_one() {
    for (scope, given_at, said) in [
        (RememberScope::AllApplications, 2, "allow remembered_device"),
        (RememberScope::PerApplication, 2, ASK),
        (RememberScope::PerApplication, 1, "allow remembered_device"),
    ] {
        let mut case = Case::new();
        case.policy.remembered_devices.browser_apps.scope = scope;
        case.remembered.browser = Some(grant(given_at, now() - hours(1), hours(100)));
        assert_eq!(case.says(Some(&user())), said, "{scope:?} {given_at}");
    }
}

#[test]
fn what_is_remembered_rests_when_something_is_unusual() {
    let remembered = |method| {
        let mut case = Case::new();
        case.policy.remembered_devices.browser_apps.remember_method = method;
        case.remembered.browser = Some(grant(1, now() - hours(1), hours(100)));
        case
    };
    let night = Case { risk: hour_of_night(), ..remembered(RememberMethod::RiskBased) };
    assert_eq!(night.says(Some(&user())), ASK, "remembered by itself, it ends by itself");
    let night = Case { risk: hour_of_night(), ..remembered(RememberMethod::UserBased) };
    assert_eq!(night.says(Some(&user())), "allow remembered_device", "the user said so");
    let risky = Case { risk: fraud(), ..remembered(RememberMethod::UserBased) };
    assert_eq!(risky.says(Some(&user())), "ask duo-push verified 6");
}

#[test]
fn remembered_addresses_are_off_by_default_and_bound_to_the_application() {
    let ten = Remember { enabled: true, time: RememberFor { value: 10, unit: TimeUnit::Minutes } };
    let minutes = jiff::SignedDuration::from_mins;
    for (policy, application, age, address, said) in [
        (None, 1, 5, Some("192.0.2.7"), ASK),
        (Some(ten), 1, 5, Some("192.0.2.7"), "allow remembered_device"),
        (Some(ten), 1, 10, Some("192.0.2.7"), ASK),
        (Some(ten), 2, 5, Some("192.0.2.7"), ASK),
        (Some(ten), 1, 5, None, ASK),
    ] {
        let mut case = Case { address, ..Case::new() };
        if let Some(policy) = policy {
            case.policy.remembered_devices.address = policy;
        }
        case.remembered.address = Some(grant(application, now() - minutes(age), hours(10)));
        assert_eq!(case.says(Some(&user())), said, "{application} {age} {address:?}");
    }
}

#[test]
fn console_sessions_are_off_by_default() {
    let mut case = Case::new();
    case.remembered.windows_logon = Some(grant(1, now() - hours(1), hours(12)));
    assert_eq!(case.says(Some(&user())), ASK);
    case.policy.remembered_devices.windows_logon.enabled = true;
    assert_eq!(case.says(Some(&user())), "allow remembered_device");
}

#[test]
fn step_down() {
    let rule = |networks, managed_device, low_risk, lower_to| StepDownRule {
        networks: list(networks),
        managed_device,
        low_risk,
        lower_to,
    };
    let plain = "ask duo-push duo-passcode";
    for (rule, endpoint, said) in [
        (rule("192.0.2.0/24", false, false, Lowered::PlainPush), Endpoint::Unknown, plain),
        (rule("10.0.0.0/8", false, false, Lowered::PlainPush), Endpoint::Unknown, ASK),
        (rule("", true, false, Lowered::PlainPush), Endpoint::Unknown, ASK),
        (rule("", true, false, Lowered::PlainPush), Endpoint::Trusted, plain),
        (rule("", true, true, Lowered::NoSecondFactor), Endpoint::Trusted, "allow allowed_by_policy"),
        (rule("192.0.2.0/24", true, false, Lowered::NoSecondFactor), Endpoint::NotManaged, ASK),
    ] {
        let mut case = Case { endpoint, ..Case::new() };
        case.policy.step_down.rules = vec![rule.clone()];
        assert_eq!(case.says(Some(&user())), said, "{rule:?} {endpoint:?}");
        let risky = Case { risk: fraud(), ..case.clone() };
        assert_eq!(risky.says(Some(&user())), "ask duo-push verified 6", "nothing is lowered under risk");
        let night = Case { risk: hour_of_night(), ..case.clone() };
        assert_eq!(night.says(Some(&user())), if rule.low_risk { ASK } else { said });
        let mut anonymous = Case { anonymous: true, ..case };
        anonymous.policy.anonymous_networks.anonymous_access_behavior = AnonymousAccess::RequireMfa;
        assert_eq!(anonymous.says(Some(&user())), ASK, "nor where something demands a factor");
    }
}

#[test]
fn exemptions() {
    let exemption = |kind| Exemption {
        kind,
        applications: vec![app(1)],
        networks: list("192.0.2.0/24"),
        from: now() - hours(1),
        until: now() + hours(1),
        reason: "nightly scan".to_owned(),
    };
    let mut scanner = user();
    scanner.tokens.push(token());
    for (kind, said, risky) in [
        (ExemptionKind::AutomaticApproval, "allow allowed_by_policy", "ask duo-push hardware-token verified 6"),
        (ExemptionKind::PasscodeOnly, "ask duo-passcode hardware-token", "ask hardware-token"),
    ] {
        let mut case = Case { exemptions: vec![exemption(kind)], ..Case::new() };
        assert_eq!(case.says(Some(&scanner)), said);
        assert_eq!(Case { risk: fraud(), ..case.clone() }.says(Some(&scanner)), risky);
        let elsewhere = Case { address: Some("203.0.113.1"), ..case.clone() };
        assert_eq!(elsewhere.says(Some(&scanner)), "ask duo-push duo-passcode hardware-token verified 6");
        let later = Case { now: now() + hours(1), ..case.clone() };
        assert_eq!(later.says(Some(&scanner)), "ask duo-push duo-passcode hardware-token verified 6");
        let other = Case { application: 2, ..case.clone() };
        assert_eq!(other.says(Some(&scanner)), "ask duo-push duo-passcode hardware-token verified 6");
        case.policy.authorized_networks.blocked = list("192.0.2.7");
        assert_eq!(case.says(Some(&scanner)), "deny denied_network", "it lifts no denial");
    }
    // A passcode is allowed to the exempted even where the policy allows pushes alone.
    let mut case = Case { exemptions: vec![exemption(ExemptionKind::PasscodeOnly)], ..Case::new() };
    case.policy.authentication_methods.allowed = Set::of(&[Method::DuoPush]);
    assert_eq!(case.says(Some(&scanner)), "ask duo-passcode hardware-token");
    case.exemptions.clear();
    assert_eq!(case.says(Some(&scanner)), "ask duo-push verified 6");
}
