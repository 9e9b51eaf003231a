//! Under the policy that an account's settings amount to, the engine says what the gate said before there were policies.

use cs_core::account::{LoginSettings, NewUserPolicy};
use cs_core::group::GroupStatus;
use cs_core::id::AccountId;
use cs_core::integration::{Integration, IntegrationType, Permissions, UserAccess};
use cs_core::lockout::{Lock, LockoutState};
use cs_core::policy::{Complete, Effective, Verdict, evaluate};
use cs_core::secret::SecretKey;
use cs_core::user::UserStatus;
use cs_core::username::UsernameNormalization;
use cs_core::web_origin::WebOrigins;

use super::before::{Gate, Situation, gate};
use super::case::{Case, app, grant, group, hours, member, now, user};

fn integration(user_access: UserAccess) -> Integration {
    Integration {
        account: "DAAAAAAAAAAAAAAAAAAA".parse::<AccountId>().unwrap(),
        key: app(1),
        secret: SecretKey::from_text("a".repeat(40)),
        previous_secret: None,
        name: "VPN".to_owned(),
        kind: IntegrationType::from_known("authapi"),
        new_user: None,
        normalization: UsernameNormalization::None,
        user_access,
        remembered_days: None,
        legacy_signatures: false,
        permissions: Permissions::NONE,
        networks_for_api_access: String::new(),
        frame_origins: WebOrigins::NONE,
        self_service: false,
        greeting: String::new(),
        enabled: true,
        version: 0,
    }
}

#[test]
fn without_policies_the_engine_says_what_the_gate_says() {
    let accesses = [UserAccess::All, UserAccess::Nobody, UserAccess::Groups(vec![group(1)])];
    let statuses = [UserStatus::Active, UserStatus::Bypass, UserStatus::Disabled, UserStatus::PendingDeletion];
    let groups = [None, Some(GroupStatus::Active), Some(GroupStatus::Bypass), Some(GroupStatus::Disabled)];
    let mut compared = 0;
    for access in &accesses {
        for behavior in [NewUserPolicy::Enroll, NewUserPolicy::Allow, NewUserPolicy::Deny] {
            for bits in 0..(2 * 2 * 2 * 2 * 4 * 4_usize) {
                let flag = |n: usize| bits >> n & 1 == 1;
                let (known, locked, enrolled, remembered) = (flag(0), flag(1), flag(2), flag(3));
                let mut user = user();
                user.status = statuses[bits >> 4 & 3];
                user.groups = groups[bits >> 6 & 3].map(|status| member(1, status)).into_iter().collect();
                if locked {
                    user.lockout = LockoutState {
                        failures: 0,
                        lock: Lock::Until { at: now(), until: now() + hours(1) },
                        rounds: 1,
                    };
                }
                if !enrolled {
                    user.phones.clear();
                }
                let user = known.then_some(&user);
                let settings = LoginSettings { new_user: behavior, ..LoginSettings::default() };
                let integration = integration(access.clone());
                let before =
                    gate(&Situation { integration: &integration, settings: &settings, user, remembered, now: now() });
                let mut case =
                    Case { user_access: access.clone(), policy: Complete::from_settings(&settings), ..Case::new() };
                case.remembered.browser = remembered.then(|| grant(1, now() - hours(1), hours(2)));
                let global = case.global();
                let after = evaluate(&Effective::global(&global), &case.facts(user)).verdict;
                let same = match (&before, &after) {
                    (Gate::Allow { why: a, fact: f }, Verdict::Allow { why: b, fact: g }) => a == b && f == g,
                    (Gate::Deny(a), Verdict::Deny(b)) => a == b,
                    (Gate::Enroll, Verdict::Enroll { .. }) => true,
                    (Gate::Authenticate, Verdict::Challenge(_)) => true,
                    (Gate::Allow { .. } | Gate::Deny(_) | Gate::Enroll | Gate::Authenticate, _) => false,
                };
                assert!(same, "{before:?} is not {after:?}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 3 * 3 * 256);
}
