//! `operating_systems`, `browsers`, `plugins`, `trusted_endpoints`, `health_checks`: the access device.

use std::collections::BTreeMap;

use cs_core::policy::facts::{Client, Endpoint, POSTURE_TTL, Posture};
use cs_core::policy::sections::{
    Browsers, EndpointChecking, Enforcement, HealthChecks, OperatingSystems, OsRestriction, OutOfDate, PluginRule,
    Plugins, VersionRule,
};
use cs_core::policy::{Browser, Effective, Os, Set, evaluate};
use jiff::SignedDuration;

use crate::policy::case::{Case, PAGE, TERMINAL, VPN, now, posture, user, version};

const ASK: &str = "ask duo-push duo-passcode verified 6";

fn page() -> Case {
    Case {
        surface: PAGE,
        os: Some(os(Os::Windows, "2.1")),
        browser: Some(browser(Browser::Chrome, "2.1")),
        ..Case::new()
    }
}

fn os(product: Os, text: &str) -> Client<Os> {
    Client { product, version: cs_core::policy::Version::parse(text) }
}

fn browser(product: Browser, text: &str) -> Client<Browser> {
    Client { product, version: cs_core::policy::Version::parse(text) }
}

fn warnings(case: &Case) -> usize {
    let global = case.global();
    let user = user();
    evaluate(&Effective::global(&global), &case.facts(Some(&user))).trace.warnings().count()
}

#[test]
fn blocked_operating_systems() {
    let block = |of: &[Os]| OperatingSystems { block: Set::of(of), ..OperatingSystems::default() };
    for (blocked, found, said) in [
        (Os::Windows, Some(os(Os::Windows, "2.1")), "deny platform_restricted"),
        (Os::Windows, Some(os(Os::Macos, "2.1")), ASK),
        (Os::Other, None, "deny platform_restricted"),
        (Os::Windows, None, ASK),
    ] {
        let mut case = Case { os: found, ..page() };
        case.policy.operating_systems = block(&[blocked]);
        assert_eq!(case.says(Some(&user())), said, "{blocked:?} {found:?}");
        assert_eq!(Case { surface: TERMINAL, ..case }.says(Some(&user())), ASK, "a terminal tells no system");
    }
    // The agent's word is better than the browser's.
    let mut case = Case { posture: Some(posture(Os::Macos)), ..page() };
    case.policy.operating_systems = block(&[Os::Macos]);
    assert_eq!(case.says(Some(&user())), "deny platform_restricted");
}

#[test]
fn versions_of_operating_systems() {
    use VersionRule::{EndOfLife, LessThan, LessThanLatest, NoRemediation, NotUpToDate};
    // 1.0 was followed on day -300, 1.1 on day -100 by 2.0 in another line, 2.0 on day -20; line 1 ends on day 10.
    for (rule, grace_days, found, said, warned) in [
        (NoRemediation, 0, "1.0", ASK, 0),
        (NotUpToDate, 0, "1.0", "deny out_of_date", 0),
        (NotUpToDate, 300, "1.0", "deny out_of_date", 0),
        (NotUpToDate, 301, "1.0", ASK, 1),
        (NotUpToDate, 0, "1.1", ASK, 0),
        (NotUpToDate, 0, "2.0", "deny out_of_date", 0),
        (NotUpToDate, 21, "2.0", ASK, 1),
        (NotUpToDate, 0, "2.1", ASK, 0),
        (LessThanLatest, 0, "1.1", "deny out_of_date", 0),
        (LessThanLatest, 101, "1.1", ASK, 1),
        (LessThanLatest, 0, "2.1", ASK, 0),
        (LessThanLatest, 0, "3", ASK, 0),
        (EndOfLife, 0, "0.3", "deny out_of_date", 0),
        (EndOfLife, 365, "0.3", "deny out_of_date", 0),
        (EndOfLife, 30, "0.9", "deny out_of_date", 0),
        (EndOfLife, 31, "0.9", ASK, 1),
        (NotUpToDate, 21, "0.5", "deny out_of_date", 0),
        (EndOfLife, 0, "1.0", ASK, 0),
        (EndOfLife, 0, "2.0", ASK, 0),
        (LessThan(version("2")), 0, "1.9.9", "deny out_of_date", 0),
        (LessThan(version("2")), 365, "1.9.9", "deny out_of_date", 0),
        (LessThan(version("2")), 0, "2.0.0", ASK, 0),
        (NotUpToDate, 0, "unknown", "deny out_of_date", 0),
        (LessThan(version("2")), 0, "unknown", "deny out_of_date", 0),
        (NoRemediation, 0, "unknown", ASK, 0),
    ] {
        let mut case = Case { os: Some(os(Os::Windows, found)), ..page() };
        let restriction = OsRestriction { warn: NoRemediation, block: rule, grace_days };
        case.policy.operating_systems.restrictions = BTreeMap::from([(Os::Windows, restriction)]);
        assert_eq!(
            (case.says(Some(&user())).as_str(), warnings(&case)),
            (said, warned),
            "{rule:?} {grace_days} {found}"
        );
    }
}

#[test]
fn a_block_that_is_near_is_announced_and_grace_counts_from_it() {
    let mut case = Case { os: Some(os(Os::Windows, "1.1")), ..page() };
    let restriction =
        |grace_days| OsRestriction { warn: VersionRule::NoRemediation, block: VersionRule::EndOfLife, grace_days };
    for (day, grace_days, said, warned) in [
        (0, 0, ASK, 0),
        (2, 0, ASK, 0),
        (3, 0, ASK, 1),
        (10, 0, "deny out_of_date", 0),
        (10, 5, ASK, 1),
        (15, 5, "deny out_of_date", 0),
    ] {
        case.now = now() + crate::policy::case::grace(day);
        case.policy.operating_systems.restrictions = BTreeMap::from([(Os::Windows, restriction(grace_days))]);
        assert_eq!(
            (case.says(Some(&user())).as_str(), warnings(&case)),
            (said, warned),
            "day {day}, grace {grace_days}"
        );
    }
}

#[test]
fn systems_of_unknown_age_are_refused_unless_that_is_lifted() {
    for (found, allow_unknown_version, said) in [
        (Some(os(Os::Linux, "6.1")), false, "deny out_of_date"),
        (Some(os(Os::Linux, "6.1")), true, ASK),
        (Some(os(Os::Linux, "")), true, ASK),
    ] {
        let mut case = Case { os: found, ..page() };
        let rule = OsRestriction { block: VersionRule::LessThanLatest, ..OsRestriction::default() };
        case.policy.operating_systems = OperatingSystems {
            restrictions: BTreeMap::from([(Os::Linux, rule)]),
            allow_unknown_version,
            ..OperatingSystems::default()
        };
        assert_eq!(case.says(Some(&user())), said, "the table knows no Linux; lifted: {allow_unknown_version}");
    }
}

#[test]
fn warned_systems_go_on() {
    let mut case = Case { os: Some(os(Os::Macos, "2.0")), ..page() };
    let rule = OsRestriction { warn: VersionRule::NotUpToDate, ..OsRestriction::default() };
    case.policy.operating_systems.restrictions = BTreeMap::from([(Os::Macos, rule)]);
    assert_eq!((case.says(Some(&user())).as_str(), warnings(&case)), (ASK, 1));
    case.os = Some(os(Os::Macos, "2.1"));
    assert_eq!(warnings(&case), 0);
}

#[test]
fn browsers() {
    use OutOfDate::{NoRemediation, WarnAndBlock, WarnOnly};
    for (blocked, out_of_date, grace_days, found, said, warned) in [
        (Some(Browser::Chrome), NoRemediation, 0, Some(browser(Browser::Chrome, "2.1")), "deny software_restricted", 0),
        (Some(Browser::Firefox), NoRemediation, 0, Some(browser(Browser::Chrome, "2.1")), ASK, 0),
        (Some(Browser::Other), NoRemediation, 0, None, "deny software_restricted", 0),
        (None, NoRemediation, 0, Some(browser(Browser::Chrome, "2.0")), ASK, 0),
        (None, WarnOnly, 0, Some(browser(Browser::Chrome, "2.0")), ASK, 1),
        (None, WarnOnly, 0, Some(browser(Browser::Chrome, "2.1")), ASK, 0),
        (None, WarnAndBlock, 0, Some(browser(Browser::Chrome, "2.0")), "deny out_of_date", 0),
        (None, WarnAndBlock, 20, Some(browser(Browser::Chrome, "2.0")), "deny out_of_date", 0),
        (None, WarnAndBlock, 21, Some(browser(Browser::Chrome, "2.0")), ASK, 1),
        (None, WarnAndBlock, 0, Some(browser(Browser::Chrome, "")), ASK, 1),
        (None, WarnAndBlock, 0, Some(browser(Browser::Opera, "99")), ASK, 1),
        (None, WarnAndBlock, 0, None, ASK, 1),
    ] {
        let mut case = Case { browser: found, ..page() };
        case.policy.browsers = Browsers { blocked: blocked.into_iter().collect(), out_of_date, grace_days };
        assert_eq!(
            (case.says(Some(&user())).as_str(), warnings(&case)),
            (said, warned),
            "{blocked:?} {out_of_date:?} {grace_days} {found:?}"
        );
        assert_eq!(Case { surface: VPN, ..case }.says(Some(&user())), "ask duo-push duo-passcode");
    }
}

#[test]
fn plugins_decide_nothing() {
    let mut case = page();
    case.policy.plugins = Plugins { flash: PluginRule::BlockAll, java: PluginRule::BlockAll };
    assert_eq!((case.says(Some(&user())).as_str(), warnings(&case)), (ASK, 0));
}

#[test]
fn trusted_endpoints() {
    use EndpointChecking::{AllowAll, NotConfigured, RequireTrusted};
    let refusals = [
        (Endpoint::Trusted, ASK),
        (Endpoint::NotTrusted, "deny endpoint_is_not_trusted"),
        (Endpoint::NotManaged, "deny endpoint_is_not_in_management_system"),
        (Endpoint::Unknown, "deny could_not_determine_if_endpoint_was_trusted"),
    ];
    for (endpoint, refusal) in refusals {
        for (found, checking, checking_mobile, said) in [
            (Os::Windows, NotConfigured, RequireTrusted, ASK),
            (Os::Windows, AllowAll, RequireTrusted, ASK),
            (Os::Windows, RequireTrusted, AllowAll, refusal),
            (Os::Ios, RequireTrusted, AllowAll, ASK),
            (Os::Ios, AllowAll, RequireTrusted, refusal),
        ] {
            let mut case = Case { endpoint, os: Some(os(found, "2.1")), ..page() };
            case.policy.trusted_endpoints.checking = checking;
            case.policy.trusted_endpoints.checking_mobile = checking_mobile;
            assert_eq!(case.says(Some(&user())), said, "{endpoint:?} {found:?} {checking:?} {checking_mobile:?}");
            assert_eq!(Case { surface: TERMINAL, ..case }.says(Some(&user())), ASK);
        }
    }
}

#[test]
fn health_checks() {
    let windows = Set::of(&[Os::Windows]);
    let mut policy = HealthChecks {
        requires_agent: windows,
        encryption: windows,
        firewall: windows,
        system_password: windows,
        signed_payload: Enforcement::EnforceEnabled,
        device_id_pinning: Enforcement::EnforceEnabled,
        ..HealthChecks::default()
    };
    policy.windows.security_agents = vec!["crowdstrike-falcon".to_owned(), "windows-defender".to_owned()];
    let report = |change: fn(&mut Posture)| {
        let mut report = posture(Os::Windows);
        change(&mut report);
        Some(report)
    };
    for (report, said) in [
        (report(|_| {}), ASK),
        (None, "deny desktop_agent_required"),
        (
            report(|r| r.collected_at = now() - POSTURE_TTL - SignedDuration::from_secs(1)),
            "deny desktop_agent_required",
        ),
        (report(|r| r.signature = None), "deny agent_report_unverified"),
        (report(|r| r.signature = Some(false)), "deny agent_report_unverified"),
        (report(|r| r.pinned = None), "deny agent_report_unverified"),
        (report(|r| r.encryption = Some(false)), "deny no_disk_encryption"),
        (report(|r| r.encryption = None), "deny no_disk_encryption"),
        (report(|r| r.firewall = None), "deny firewall_off"),
        (report(|r| r.system_password = Some(false)), "deny no_system_password"),
        (report(|r| r.security_agents = vec!["home-made".to_owned()]), "deny no_security_agent"),
        (report(|r| r.security_agents = vec!["windows-defender".to_owned()]), ASK),
        // The agent cannot talk away what the browser's system must show.
        (report(|r| (r.os, r.firewall) = (Os::Linux, Some(false))), "deny firewall_off"),
    ] {
        let mut case = Case { posture: report, ..page() };
        case.policy.health_checks = policy.clone();
        assert_eq!(case.says(Some(&user())), said, "{:?}", case.posture);
    }
    for (found, said) in
        [(Some(os(Os::Macos, "2.1")), ASK), (Some(os(Os::Ios, "2.1")), ASK), (None, "deny desktop_agent_required")]
    {
        let mut case = Case { os: found, ..page() };
        case.policy.health_checks = policy.clone();
        assert_eq!(case.says(Some(&user())), said, "{found:?} without an agent");
    }
    for (deny_unchecked, said) in [(false, ASK), (true, "deny desktop_agent_required")] {
        let mut case = Case { surface: TERMINAL, ..Case::new() };
        case.policy.health_checks = HealthChecks { deny_unchecked, ..policy.clone() };
        assert_eq!(case.says(Some(&user())), said);
    }
}

#[test]
fn an_unsigned_report_is_warned_about_where_it_is_not_refused() {
    let mut case = page();
    let mut report = posture(Os::Windows);
    report.signature = None;
    case.posture = Some(report);
    case.policy.health_checks.requires_agent = Set::of(&[Os::Windows]);
    assert_eq!(warnings(&case), 0);
    case.policy.health_checks.signed_payload = Enforcement::WarnOnly;
    assert_eq!((case.says(Some(&user())).as_str(), warnings(&case)), (ASK, 1));
}
