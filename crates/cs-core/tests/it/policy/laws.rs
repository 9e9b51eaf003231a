//! Laws that hold whatever the policies and facts: for worlds drawn by proptest, so that a failure shrinks to the smallest seed it finds.

use std::sync::Arc;

use cs_core::account::NewUserPolicy;
use cs_core::login::AllowReason;
use cs_core::network::NetworkList;
use cs_core::policy::facts::Remembered;
use cs_core::policy::sections::*;
use cs_core::policy::{
    Browser, Challenge, Complete, Effective, GlobalPolicy, Method, Os, Policy, PushRule, Section, Sections, Set,
    Verdict, Word as _, evaluate,
};
use cs_core::user::User;
use proptest::prelude::*;

use super::agreement::stack;
use super::case::{Case, country};
use super::chance::{Chance, World};

fn verdict(policy: &Complete, case: &Case, user: Option<&User>) -> Verdict {
    let global = GlobalPolicy {
        key: "POAAAAAAAAAAAAAAAAAA".parse().unwrap(),
        name: "Global".to_owned(),
        sections: policy.clone(),
    };
    evaluate(&Effective::global(&global), &case.facts(user)).verdict
}

/// How far a verdict lets someone in. A login that must enroll or prove itself is between in and out, and these two are not compared.
fn openness(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Deny(_) => 0,
        Verdict::Enroll { .. } | Verdict::Challenge(_) => 1,
        Verdict::Allow { .. } => 2,
    }
}

/// Whether `tight` lets nobody in by a way that `loose` does not have.
fn no_looser(tight: &Verdict, loose: &Verdict) -> bool {
    match (tight, loose) {
        (Verdict::Challenge(tight), Verdict::Challenge(loose)) => no_easier(tight, loose),
        _ => openness(tight) <= openness(loose),
    }
}

fn no_easier(tight: &Challenge, loose: &Challenge) -> bool {
    let digits = |challenge: &Challenge| match challenge.push {
        PushRule::Plain => 0,
        PushRule::Verified { digits } => digits,
    };
    let pushes = tight.methods.contains(Method::DuoPush);
    let phones = tight
        .phones
        .iter()
        .zip(&loose.phones)
        .all(|(tight, loose)| tight.phone == loose.phone && (tight.refused.is_some() || loose.refused.is_none()));
    tight.methods.minus(loose.methods).is_empty() && phones && (!pushes || digits(tight) >= digits(loose))
}

/// Risk asks for the strongest kind of factor that can be used, and for the usual ones where there is none, since a signal refuses nobody by itself. A stricter
/// policy that takes the last stronger factor away therefore leads back to the usual ones; but never further than they went before it.
fn falls_back(tight: &Verdict, loose: &Verdict, loose_and_calm: &Verdict) -> bool {
    let (Verdict::Challenge(after), Verdict::Challenge(before)) = (tight, loose) else { return false };
    let kept = after.methods.intersection(before.methods).without(Method::Bypass);
    after.step_up.is_some() && before.step_up.is_some() && kept.is_empty() && no_looser(tight, loose_and_calm)
}

type Forget = fn(&mut Case);
type Change = fn(&mut Complete, &mut Chance);

/// Changes of one section that are claimed to be stricter, never looser.
const STRICTER: &[(&str, Change)] = &[
    ("deny everyone", |p, _| p.authentication_policy.user_auth_behavior = UserAuthBehavior::Deny),
    ("refuse the unenrolled", |p, _| p.new_user = NewUser { behavior: NewUserPolicy::Deny, unknown: None }),
    ("block a method", |p, c| {
        let method = Method::ALL[c.below(Method::ALL.len())];
        p.authentication_methods.blocked = p.authentication_methods.blocked.with(method);
    }),
    ("block networks", |p, _| {
        let more = format!("{},10.0.0.0/8", p.authorized_networks.blocked);
        p.authorized_networks.blocked = NetworkList::parse(&more).unwrap();
    }),
    ("deny other networks", |p, _| p.authorized_networks.deny_other_access = true),
    ("spare no network", |p, _| {
        p.authorized_networks.no_2fa = NetworkList::default();
    }),
    ("demand a factor from anonymous addresses", |p, _| {
        if p.anonymous_networks.anonymous_access_behavior == AnonymousAccess::NoAction {
            p.anonymous_networks.anonymous_access_behavior = AnonymousAccess::RequireMfa;
        }
    }),
    ("deny anonymous addresses", |p, _| p.anonymous_networks.anonymous_access_behavior = AnonymousAccess::Deny),
    ("deny a country", |p, _| p.user_location.deny = p.user_location.deny.with(country("FR"))),
    ("judge the phone's place too", |p, _| p.user_location.access_device_only = false),
    ("forget browsers", |p, _| p.remembered_devices.browser_apps.enabled = false),
    ("forget addresses", |p, _| p.remembered_devices.address.enabled = false),
    ("remember per application", |p, _| p.remembered_devices.browser_apps.scope = RememberScope::PerApplication),
    ("require trusted endpoints", |p, _| {
        p.trusted_endpoints.checking = EndpointChecking::RequireTrusted;
        p.trusted_endpoints.checking_mobile = EndpointChecking::RequireTrusted;
    }),
    ("require the agent where none can be asked", |p, _| p.health_checks.deny_unchecked = true),
    ("require signed reports", |p, _| p.health_checks.signed_payload = Enforcement::EnforceEnabled),
    ("block an operating system", |p, c| {
        let os = Os::ALL[c.below(Os::ALL.len())];
        p.operating_systems.block = p.operating_systems.block.with(os);
    }),
    ("refuse unknown versions", |p, _| p.operating_systems.allow_unknown_version = false),
    ("give no grace", |p, _| {
        p.operating_systems.restrictions.values_mut().for_each(|rule| rule.grace_days = 0);
        p.browsers.grace_days = 0;
    }),
    ("block a browser", |p, _| p.browsers.blocked = p.browsers.blocked.with(Browser::Chrome)),
    ("block tampered phones", |p, _| {
        p.tampered_devices = TamperedDevices { block_tampered_devices: true, block_unknown: true };
    }),
    ("require a screen lock", |p, _| p.screen_lock = ScreenLock { require_screen_lock: true, block_unknown: true }),
    ("require encryption", |p, _| {
        p.full_disk_encryption = FullDiskEncryption { require_encryption: true, block_unknown: true };
    }),
    ("require biometrics", |p, _| {
        p.mobile_device_biometrics = MobileDeviceBiometrics { require_biometrics: true, block_unknown: true };
    }),
    ("let risk count", |p, _| p.risk_based_factor_selection.limit_to_risk_based_auth_methods = true),
    ("lower nothing", |p, _| p.step_down.rules.clear()),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stricter_never_loosens(seed in any::<u64>()) {
        let world = World::random(seed);
        let mut chance = Chance(seed ^ 0xabcd);
        let before = verdict(&world.global, &world.case, world.user.as_ref());
        let mut calm = world.case.clone();
        calm.risk.detections.clear();
        let calm = verdict(&world.global, &calm, world.user.as_ref());
        for (name, change) in STRICTER {
            let mut policy = world.global.clone();
            change(&mut policy, &mut chance);
            let after = verdict(&policy, &world.case, world.user.as_ref());
            // A denial may change its reason: an earlier rule speaks now.
            let holds = no_looser(&after, &before) || falls_back(&after, &before, &calm);
            prop_assert!(holds, "{}: {:?} became {:?}", name, before, after);
        }
    }

    #[test]
    fn merging_is_idempotent_and_sections_are_independent(seed in any::<u64>()) {
        let world = World::random(seed);
        let stack = stack(&world);
        let groups = world.user.as_ref().map_or(&[][..], |user| &user.groups);
        let effective = stack.effective(groups);
        let once = effective.to_complete();
        // What is in force, laid over itself at any level, is what is in force.
        let mut again = stack.clone();
        again.application_groups = Arc::default();
        again.application = Some(Arc::new(Policy {
            key: "POAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            name: "again".to_owned(),
            sections: Sections::from(once.clone()),
        }));
        prop_assert_eq!(&again.effective(groups).to_complete(), &once);
        // Taking one section out of every custom policy leaves all others as they were.
        for section in Section::ALL {
            let mut without = World::random(seed);
            let customs = without.groups.iter_mut().chain(&mut without.application_groups).map(|(_, sections)| sections);
            customs.chain(&mut without.setting).chain(&mut without.application).for_each(|sections| sections.remove(*section));
            let without_stack = super::agreement::stack(&without);
            let mut expected = Sections::from(once.clone());
            expected.remove(*section);
            let mut found = Sections::from(without_stack.effective(groups).to_complete());
            found.remove(*section);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_is_absent_spares_nothing(seed in any::<u64>()) {
        let world = World::random(seed);
        let forgets: [(Forget, &[AllowReason]); 3] = [
            (
                |case| case.address = None,
                &[AllowReason::TrustedNetwork, AllowReason::AllowUnenrolledUserOnTrustedNetwork],
            ),
            (|case| case.country = None, &[AllowReason::TrustedLocation]),
            (|case| case.remembered = Remembered::default(), &[AllowReason::RememberedDevice]),
        ];
        for (forget, earned) in forgets {
            let mut case = world.case.clone();
            forget(&mut case);
            let after = verdict(&world.global, &case, world.user.as_ref());
            prop_assert!(!matches!(&after, Verdict::Allow { why, .. } if earned.contains(why)), "{:?}", after);
        }
        // A stored grant for an address is worth nothing where the address is absent, nor an exemption.
        let mut case = world.case.clone();
        (case.address, case.remembered.browser, case.remembered.windows_logon) = (None, None, None);
        let after = verdict(&world.global, &case, world.user.as_ref());
        let remembered = matches!(after, Verdict::Allow { why: AllowReason::RememberedDevice, .. });
        prop_assert!(!remembered);
        case.exemptions.clear();
        prop_assert_eq!(verdict(&world.global, &case, world.user.as_ref()), after);
    }

    #[test]
    fn a_challenge_can_be_met(seed in any::<u64>()) {
        let world = World::random(seed);
        if let Verdict::Challenge(challenge) = verdict(&world.global, &world.case, world.user.as_ref()) {
            prop_assert!(!challenge.methods.is_empty() || !challenge.passwordless.is_empty());
            if challenge.methods.contains(Method::DuoPush) && !world.case.also_has.contains(Method::DuoPush) {
                prop_assert!(challenge.phones.iter().any(|choice| challenge.may_push(choice.phone)));
            }
            let strong = Set::of(&[Method::HardwareToken, Method::WebauthnPlatform, Method::WebauthnRoaming]);
            if challenge.step_up.is_some() && !challenge.methods.intersection(strong).is_empty() {
                prop_assert!(!challenge.methods.contains(Method::DuoPasscode) && !challenge.methods.contains(Method::Sms));
                prop_assert!(!challenge.methods.contains(Method::DuoPush) || challenge.push != PushRule::Plain);
            }
            if challenge.step_up.is_some() && challenge.methods.contains(Method::DuoPasscode) {
                let more = Set::of(&[Method::DuoPush, Method::Sms, Method::Phonecall]);
                prop_assert!(challenge.methods.intersection(more).is_empty());
            }
        }
    }

    #[test]
    fn risk_asks_for_more_and_refuses_nobody_by_itself(seed in any::<u64>()) {
        let mut world = World::random(seed);
        // What a rule of `step_down` spares, risk ends; that is its point.
        world.global.step_down.rules.clear();
        let mut calm = world.case.clone();
        calm.risk.detections.clear();
        let without = verdict(&world.global, &calm, world.user.as_ref());
        let with = verdict(&world.global, &world.case, world.user.as_ref());
        match (without, with) {
            (Verdict::Challenge(without), Verdict::Challenge(with)) => {
                prop_assert!(with.methods.minus(without.methods).is_empty());
            }
            (Verdict::Challenge(without), with) => prop_assert!(false, "{:?} becomes {:?}", without, with),
            (Verdict::Allow { .. }, _) => {}
            (without, with) => prop_assert_eq!(without, with),
        }
    }
}
