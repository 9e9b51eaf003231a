//! `authentication_methods`, `risk_based_factor_selection`, and what if nothing is left.

use cs_core::policy::sections::PushWithoutDisplay;
use cs_core::policy::{Effective, Method, Set, Verdict, evaluate};

use crate::policy::case::{Case, PAGE, TERMINAL, VPN, fraud, hour_of_night, token, user};

#[test]
fn authentication_methods() {
    use Method::{DuoPasscode, DuoPush, HardwareToken, Sms, WebauthnRoaming};
    let mut rich = user();
    rich.tokens.push(token());
    rich.live_bypass_codes = 2;
    rich.phones[0].number = "+41440000000".to_owned();
    for (allowed, blocked, said) in [
        (
            &[DuoPush, DuoPasscode, HardwareToken][..],
            &[][..],
            "ask duo-push duo-passcode hardware-token bypass verified 6",
        ),
        (&[DuoPush], &[], "ask duo-push bypass verified 6"),
        (&[DuoPush, HardwareToken], &[DuoPush], "ask hardware-token bypass"),
        // This server sends no SMS, and the user has no key.
        (&[Sms, WebauthnRoaming, HardwareToken], &[], "ask hardware-token bypass"),
        (&[Sms], &[], "ask bypass"),
        (&[], &[Method::Bypass], "ask bypass"),
    ] {
        let mut case = Case::new();
        case.policy.authentication_methods.allowed = Set::of(allowed);
        case.policy.authentication_methods.blocked = Set::of(blocked);
        assert_eq!(case.says(Some(&rich)), said, "{allowed:?} {blocked:?}");
    }
}

#[test]
fn verified_push_where_a_number_can_be_shown_and_where_not() {
    use PushWithoutDisplay::{Deny, PasscodeOnly, PlainPush};
    let mut rich = user();
    rich.tokens.push(token());
    for (require, without_display, terminal, vpn) in [
        (
            true,
            PlainPush,
            "ask duo-push duo-passcode hardware-token verified 4",
            "ask duo-push duo-passcode hardware-token",
        ),
        (true, PasscodeOnly, "ask duo-push duo-passcode hardware-token verified 4", "ask duo-passcode hardware-token"),
        (true, Deny, "ask duo-push duo-passcode hardware-token verified 4", "deny factor_restricted"),
        (false, Deny, "ask duo-push duo-passcode hardware-token", "ask duo-push duo-passcode hardware-token"),
    ] {
        let mut case = Case { surface: TERMINAL, ..Case::new() };
        case.policy.authentication_methods.require_verified_push = require;
        case.policy.authentication_methods.verified_push_digits = 4;
        case.policy.authentication_methods.without_display = without_display;
        assert_eq!(case.says(Some(&rich)), terminal);
        assert_eq!(Case { surface: VPN, ..case }.says(Some(&rich)), vpn, "{without_display:?}");
    }
}

#[test]
fn risk_leaves_strong_factors_and_never_asks_for_fewer_digits() {
    let mut rich = user();
    rich.tokens.push(token());
    for (limit, risk, surface, usual, risky_digits, said) in [
        (true, fraud(), PAGE, 6, 6, "ask duo-push hardware-token verified 6"),
        (true, fraud(), PAGE, 3, 6, "ask duo-push hardware-token verified 6"),
        (true, fraud(), PAGE, 6, 3, "ask duo-push hardware-token verified 6"),
        (true, fraud(), VPN, 6, 6, "ask hardware-token"),
        (false, fraud(), PAGE, 6, 6, "ask duo-push duo-passcode hardware-token verified 6"),
        (true, hour_of_night(), PAGE, 6, 6, "ask duo-push duo-passcode hardware-token verified 6"),
    ] {
        let mut case = Case { risk, surface, ..Case::new() };
        case.policy.risk_based_factor_selection.limit_to_risk_based_auth_methods = limit;
        case.policy.risk_based_factor_selection.risk_based_verified_push_digits = risky_digits;
        case.policy.authentication_methods.verified_push_digits = usual;
        assert_eq!(case.says(Some(&rich)), said, "{limit} {usual} {risky_digits}");
    }
}

#[test]
fn where_nothing_is_left_the_reason_says_what_is_missing() {
    let mut holder = user();
    holder.phones.clear();
    holder.tokens.push(token());
    let only = |methods: &[Method]| {
        let mut case = Case::new();
        case.policy.authentication_methods.allowed = Set::of(methods);
        case
    };
    assert_eq!(only(&[Method::DuoPush]).says(Some(&holder)), "deny no_activated_duo_mobile_account");
    assert_eq!(only(&[Method::WebauthnRoaming]).says(Some(&holder)), "deny factor_restricted");
    assert_eq!(only(&[Method::WebauthnRoaming]).says(Some(&user())), "deny factor_restricted");
    holder.live_bypass_codes = 1;
    assert_eq!(only(&[Method::DuoPush]).says(Some(&holder)), "ask bypass");
    let mute = Case { surface: cs_core::policy::facts::Surface { can_prompt: false, ..TERMINAL }, ..Case::new() };
    assert_eq!(mute.says(Some(&holder)), "deny factor_restricted", "nobody can be asked there");
}

#[test]
fn passwordless_methods_are_off_until_a_policy_allows_them() {
    let passwordless = |allowed: Set<Method>| {
        let mut case = Case { offered: Set::all(), ..Case::new() };
        case.policy.authentication_methods.allowed = allowed;
        let (global, user) = (case.global(), user());
        match evaluate(&Effective::global(&global), &case.facts(Some(&user))).verdict {
            Verdict::Challenge(challenge) => (challenge.passwordless, challenge.user_verification),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(passwordless(Case::new().policy.authentication_methods.allowed), (Set::EMPTY, false));
    let (methods, verified) = passwordless(Set::all());
    assert_eq!(methods, Set::of(&[Method::DuoPushPwl, Method::WebauthnPlatformPwl, Method::WebauthnRoamingPwl]));
    assert!(verified);
}
