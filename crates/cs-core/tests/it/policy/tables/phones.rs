//! `tampered_devices`, `screen_lock`, `full_disk_encryption`, `mobile_device_biometrics`, `duo_mobile_app`, and what else binds the phone that answers.

use std::collections::BTreeMap;

use cs_core::login::DenyReason;
use cs_core::policy::facts::{Client, PhoneFacts, Place};
use cs_core::policy::sections::{AppRule, OsRestriction, VersionRule};
use cs_core::policy::{Complete, Countries, Effective, Os, Verdict, evaluate};
use cs_core::user::UserStatus;

use crate::policy::case::{Case, country, phone, phone_id, token, user, version};

type Change<T> = fn(&mut T);

#[test]
fn each_section_refuses_the_phone_and_leaves_other_methods() {
    let none: Change<Complete> = |_| {};
    let table: [(Change<Complete>, Change<PhoneFacts>, Option<DenyReason>); 27] = [
        (none, |_| {}, None),
        (none, |p| p.tampered = Some(true), Some(DenyReason::RootedDevice)),
        (none, |p| p.tampered = Some(false), None),
        (|s| s.tampered_devices.block_tampered_devices = false, |p| p.tampered = Some(true), None),
        (|s| s.tampered_devices.block_unknown = true, |_| {}, Some(DenyReason::RootedDevice)),
        (none, |p| p.screen_lock = Some(false), Some(DenyReason::NoScreenLock)),
        (none, |p| p.screen_lock = Some(true), None),
        (|s| s.screen_lock.require_screen_lock = false, |p| p.screen_lock = Some(false), None),
        (|s| s.screen_lock.block_unknown = true, |_| {}, Some(DenyReason::NoScreenLock)),
        (none, |p| p.encryption = Some(false), None),
        (|s| s.full_disk_encryption.require_encryption = true, |p| p.encryption = Some(true), None),
        (|s| s.full_disk_encryption.require_encryption = true, |_| {}, Some(DenyReason::NoDiskEncryption)),
        (|s| s.mobile_device_biometrics.require_biometrics = true, |p| p.biometrics = Some(true), None),
        (
            |s| s.mobile_device_biometrics.require_biometrics = true,
            |p| p.biometrics = Some(false),
            Some(DenyReason::TouchIdDisabled),
        ),
        (|s| s.mobile_device_biometrics.require_biometrics = true, |_| {}, Some(DenyReason::TouchIdDisabled)),
        (|s| s.duo_mobile_app.block = AppRule::LessThan(version("2")), |_| {}, Some(DenyReason::VersionRestricted)),
        (
            |s| s.duo_mobile_app.block = AppRule::LessThan(version("2")),
            |p| p.app = Some(version("1.9")),
            Some(DenyReason::VersionRestricted),
        ),
        (|s| s.duo_mobile_app.block = AppRule::LessThan(version("2")), |p| p.app = Some(version("2.0")), None),
        (|s| s.duo_mobile_app.block = AppRule::LessThanLatest, |p| p.app = Some(version("2.1")), None),
        (
            |s| s.duo_mobile_app.block = AppRule::LessThanLatest,
            |p| p.app = Some(version("2.0.9")),
            Some(DenyReason::VersionRestricted),
        ),
        (
            |s| s.operating_systems.block = [Os::Android].into_iter().collect(),
            |p| p.os = Some(Client { product: Os::Android, version: None }),
            Some(DenyReason::PlatformRestricted),
        ),
        (|s| s.operating_systems.block = [Os::Android].into_iter().collect(), |_| {}, None),
        (
            |s| s.operating_systems.block = [Os::Linux].into_iter().collect(),
            |p| p.os = Some(Client { product: Os::Linux, version: None }),
            None,
        ),
        (
            |s| {
                let rule = OsRestriction { block: VersionRule::LessThan(version("2")), ..OsRestriction::default() };
                s.operating_systems.restrictions = BTreeMap::from([(Os::Ios, rule)]);
            },
            |p| p.os = Some(Client { product: Os::Ios, version: Some(version("1.1")) }),
            Some(DenyReason::OutOfDate),
        ),
        (
            |s| s.user_location.deny = Countries::NONE.with(country("KP")),
            |p| p.place = Place { country: Some(country("KP")), coordinates: None },
            Some(DenyReason::LocationRestricted),
        ),
        (
            |s| {
                s.user_location.deny = Countries::NONE.with(country("KP"));
                s.user_location.access_device_only = true;
            },
            |p| p.place = Place { country: Some(country("KP")), coordinates: None },
            None,
        ),
        (|s| s.user_location.deny = Countries::NONE.with(country("KP")), |_| {}, None),
    ];
    for (at, (change_policy, change_phone, refused)) in table.into_iter().enumerate() {
        let mut case = Case::new();
        change_policy(&mut case.policy);
        change_phone(&mut case.phones[0]);
        let mut holder = user();
        let alone = refused.map_or_else(
            || "ask duo-push duo-passcode verified 6".to_owned(),
            |reason| format!("deny {}", reason.as_str()),
        );
        assert_eq!(case.says(Some(&holder)), alone, "row {at}");
        let rechecked = case.rechecks(Some(&holder), Some(phone_id(1)));
        assert_eq!(rechecked.err().map(|denial| denial.reason), refused, "row {at}, at the answer");
        assert_eq!(case.rechecks(Some(&holder), None), Ok(()), "row {at}: a passcode of a token has no phone");
        holder.tokens.push(token());
        let with_token = if refused.is_some() {
            "ask hardware-token"
        } else {
            "ask duo-push duo-passcode hardware-token verified 6"
        };
        assert_eq!(case.says(Some(&holder)), with_token, "row {at}: other methods stay");
    }
}

#[test]
fn one_good_phone_of_two_is_enough_and_the_other_may_not_answer() {
    let mut two = user();
    two.phones.push(phone(2));
    // Facts in another order than the user's phones, and one of a phone that is gone.
    let mut case = Case::new();
    case.phones =
        vec![PhoneFacts::unknown(phone_id(9)), PhoneFacts::unknown(phone_id(2)), PhoneFacts::unknown(phone_id(1))];
    case.phones[2].tampered = Some(true);
    let global = case.global();
    let decision = evaluate(&Effective::global(&global), &case.facts(Some(&two)));
    let Verdict::Challenge(challenge) = decision.verdict else { panic!("{:?}", decision.verdict) };
    assert!(!challenge.may_push(phone_id(1)) && challenge.may_push(phone_id(2)) && !challenge.may_push(phone_id(9)));
    assert_eq!(
        challenge.refusal(phone_id(1)).unwrap_err().to_string(),
        "rooted_device: phone DP000000000000000001 is rooted"
    );
    assert_eq!(challenge.refusal(phone_id(9)).unwrap_err().reason, DenyReason::InvalidDevice);
}

#[test]
fn an_answer_does_not_let_in_who_was_refused_meanwhile() {
    let case = Case::new();
    let mut holder = user();
    assert_eq!(case.rechecks(Some(&holder), Some(phone_id(1))), Ok(()));
    holder.status = UserStatus::Disabled;
    assert_eq!(case.rechecks(Some(&holder), None).unwrap_err().reason, DenyReason::UserDisabled);
    holder.status = UserStatus::Bypass;
    assert_eq!(case.rechecks(Some(&holder), None), Ok(()), "bypass ends everything here too");
    let mut denied = case.clone();
    denied.policy.user_location.deny = Countries::NONE.with(country("CH"));
    assert_eq!(denied.rechecks(Some(&user()), None).unwrap_err().reason, DenyReason::LocationRestricted);
    let mut tight = case;
    tight.policy.authentication_policy.user_auth_behavior = cs_core::policy::sections::UserAuthBehavior::Deny;
    assert_eq!(tight.rechecks(Some(&user()), None).unwrap_err().reason, DenyReason::DeniedByPolicy);
}
