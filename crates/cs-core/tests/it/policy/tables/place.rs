//! `authorized_networks`, `anonymous_networks`, `user_location`.

use cs_core::network::NetworkList;
use cs_core::policy::Countries;
use cs_core::policy::sections::{AnonymousAccess, AuthorizedNetworks, LocationAction, UserLocation};

use crate::policy::case::{Case, country, fraud, grant, hours, now, user};

const ASK: &str = "ask duo-push duo-passcode verified 6";

fn list(text: &str) -> NetworkList {
    NetworkList::parse(text).unwrap()
}

#[test]
fn authorized_networks() {
    let mut case = Case::new();
    case.policy.authorized_networks = AuthorizedNetworks {
        no_2fa: list("10.0.0.0/8"),
        mfa_required: list("10.1.0.0/16,2001:db8::/32"),
        blocked: list("10.1.1.0/24,198.51.100.0/24"),
        ..AuthorizedNetworks::default()
    };
    for (deny_others, address, said) in [
        (false, Some("10.9.9.9"), "allow trusted_network"),
        (false, Some("::ffff:10.9.9.9"), "allow trusted_network"),
        (false, Some("10.1.9.9"), ASK),
        (false, Some("10.1.1.9"), "deny denied_network"),
        (false, Some("::ffff:10.1.1.9"), "deny denied_network"),
        (false, Some("203.0.113.1"), ASK),
        (false, None, ASK),
        (true, Some("10.9.9.9"), "allow trusted_network"),
        (true, Some("2001:db8::1"), ASK),
        (true, Some("203.0.113.1"), "deny denied_network"),
        (true, None, "deny denied_network"),
    ] {
        case.policy.authorized_networks.deny_other_access = deny_others;
        case.address = address;
        assert_eq!(case.says(Some(&user())), said, "{address:?}, others denied: {deny_others}");
    }
}

#[test]
fn the_unenrolled_on_a_network_that_spares_the_factor() {
    let mut bare = user();
    bare.phones.clear();
    for (require_enrollment, risky, said) in [
        (true, false, "enroll"),
        (false, false, "allow allow_unenrolled_user_on_trusted_network"),
        (false, true, "enroll"),
    ] {
        let mut case = Case::new();
        case.policy.authorized_networks =
            AuthorizedNetworks { no_2fa: list("192.0.2.0/24"), require_enrollment, ..AuthorizedNetworks::default() };
        if risky {
            case.risk = fraud();
        }
        assert_eq!(case.says(Some(&bare)), said);
        assert_eq!(case.says(None), said);
    }
}

#[test]
fn anonymous_networks() {
    let on_trusted = |behavior, anonymous, remembered| {
        let mut case = Case { anonymous, ..Case::new() };
        case.policy.anonymous_networks.anonymous_access_behavior = behavior;
        if remembered {
            case.remembered.browser = Some(grant(1, now() - hours(1), hours(100)));
        } else {
            case.policy.authorized_networks.no_2fa = list("192.0.2.0/24");
        }
        case.says(Some(&user()))
    };
    for (behavior, anonymous, trusted, remembered) in [
        (AnonymousAccess::NoAction, true, "allow trusted_network", "allow remembered_device"),
        (AnonymousAccess::RequireMfa, false, "allow trusted_network", "allow remembered_device"),
        (AnonymousAccess::RequireMfa, true, ASK, ASK),
        (AnonymousAccess::Deny, false, "allow trusted_network", "allow remembered_device"),
        (AnonymousAccess::Deny, true, "deny anonymous_ip", "deny anonymous_ip"),
    ] {
        assert_eq!(on_trusted(behavior, anonymous, false), trusted, "{behavior:?} {anonymous}");
        assert_eq!(on_trusted(behavior, anonymous, true), remembered, "{behavior:?} {anonymous}");
    }
}

#[test]
fn user_location() {
    let one = |code| Countries::NONE.with(country(code));
    let lists = UserLocation {
        deny: one("KP"),
        require_mfa: one("FR"),
        allow_no_2fa: one("CH"),
        ignore: one("DE"),
        ..UserLocation::default()
    };
    for (default_action, place, said) in [
        (LocationAction::Ignore, Some("KP"), "deny location_restricted"),
        (LocationAction::Ignore, Some("FR"), ASK),
        (LocationAction::Ignore, Some("CH"), "allow trusted_location"),
        (LocationAction::Ignore, Some("DE"), ASK),
        (LocationAction::Ignore, Some("US"), ASK),
        (LocationAction::Ignore, None, ASK),
        (LocationAction::AllowNo2fa, Some("US"), "allow trusted_location"),
        (LocationAction::AllowNo2fa, Some("DE"), ASK),
        (LocationAction::AllowNo2fa, None, ASK),
        (LocationAction::Deny, Some("US"), "deny location_restricted"),
        (LocationAction::Deny, Some("DE"), ASK),
        (LocationAction::Deny, None, "deny location_restricted"),
    ] {
        let mut case = Case { country: place, ..Case::new() };
        case.policy.user_location = UserLocation { default_action, ..lists };
        assert_eq!(case.says(Some(&user())), said, "{default_action:?} {place:?}");
    }
}

#[test]
fn a_country_that_demands_a_factor_overrides_a_network_that_spares_it_but_not_a_remembered_device() {
    let mut case = Case { country: Some("FR"), ..Case::new() };
    case.policy.authorized_networks.no_2fa = list("192.0.2.0/24");
    case.policy.user_location.require_mfa = Countries::NONE.with(country("FR"));
    assert_eq!(case.says(Some(&user())), ASK);
    case.remembered.browser = Some(grant(1, now() - hours(1), hours(100)));
    assert_eq!(case.says(Some(&user())), "allow remembered_device");
}
