//! Status, permitted groups, bypass, `authentication_policy`, `new_user`.

use cs_core::account::NewUserPolicy;
use cs_core::group::GroupStatus;
use cs_core::integration::UserAccess;
use cs_core::policy::facts::PermittedGroups;
use cs_core::policy::sections::{AuthenticationPolicy, NewUser, UserAuthBehavior};
use cs_core::policy::{Method, Set};
use cs_core::user::UserStatus;

use crate::policy::case::{Case, PAGE, TERMINAL, group, hours, member, now, user};

#[test]
fn permitted_groups_bind_people_in_bypass_too_unless_the_switch_says_otherwise() {
    let mut bypassed = user();
    bypassed.status = UserStatus::Bypass;
    for (permitted_groups, said) in [
        (PermittedGroups::Everyone, "deny user_not_in_permitted_group"),
        (PermittedGroups::ActiveOnly, "allow bypass_user"),
    ] {
        let case = Case { user_access: UserAccess::Groups(vec![group(1)]), permitted_groups, ..Case::new() };
        assert_eq!(case.says(Some(&bypassed)), said);
        assert_eq!(case.says(Some(&user())), "deny user_not_in_permitted_group");
    }
}

#[test]
fn bypass_ends_everything_and_has_an_end_itself() {
    let mut policy = Case::new().policy;
    policy.authentication_policy.user_auth_behavior = UserAuthBehavior::Deny;
    let case = Case { policy, ..Case::new() };
    let mut bypassed = user();
    bypassed.status = UserStatus::Bypass;
    for (until, said) in [
        (None, "allow bypass_user"),
        (Some(now() + hours(1)), "allow bypass_user"),
        (Some(now()), "deny denied_by_policy"),
        (Some(now() - hours(1)), "deny denied_by_policy"),
    ] {
        bypassed.bypass_until = until;
        assert_eq!(case.says(Some(&bypassed)), said, "{until:?}");
    }
    // A group's bypass goes on when the user's own has ended, until its own end.
    bypassed.groups = vec![member(1, GroupStatus::Bypass)];
    assert_eq!(case.says(Some(&bypassed)), "allow bypass_user");
    bypassed.groups[0].bypass_until = Some(now());
    assert_eq!(case.says(Some(&bypassed)), "deny denied_by_policy");
}

#[test]
fn authentication_policy() {
    for (behavior, said, unknown) in [
        (UserAuthBehavior::Enforce, "ask duo-push duo-passcode verified 6", "enroll"),
        (UserAuthBehavior::Bypass, "allow allowed_by_policy", "allow allowed_by_policy"),
        (UserAuthBehavior::Deny, "deny denied_by_policy", "deny denied_by_policy"),
    ] {
        let mut case = Case::new();
        case.policy.authentication_policy = AuthenticationPolicy { user_auth_behavior: behavior };
        assert_eq!((case.says(Some(&user())).as_str(), case.says(None).as_str()), (said, unknown));
    }
}

#[test]
fn new_user() {
    use NewUserPolicy::{Allow, Deny, Enroll};
    let mut bare = user();
    bare.phones.clear();
    for (behavior, unknown, said_known, said_unknown) in [
        (Enroll, None, "enroll", "enroll"),
        (Allow, None, "allow allow_unenrolled_user", "allow allow_unenrolled_user"),
        (Deny, None, "deny deny_unenrolled_user", "deny deny_unenrolled_user"),
        (Enroll, Some(Deny), "enroll", "deny deny_unenrolled_user"),
    ] {
        let mut case = Case::new();
        case.policy.new_user = NewUser { behavior, unknown };
        assert_eq!((case.says(Some(&bare)).as_str(), case.says(None).as_str()), (said_known, said_unknown));
        assert_eq!(case.says(Some(&user())), "ask duo-push duo-passcode verified 6");
    }
    assert_eq!(Case { surface: PAGE, ..Case::new() }.says(None), "enroll here");
    assert_eq!(Case { surface: TERMINAL, ..Case::new() }.says(None), "enroll");
}

#[test]
fn a_bypass_code_or_a_key_makes_someone_enrolled() {
    let mut bare = user();
    bare.phones.clear();
    bare.live_bypass_codes = 1;
    assert_eq!(Case::new().says(Some(&bare)), "ask bypass");
    bare.live_bypass_codes = 0;
    let with_key = Case { also_has: Set::of(&[Method::WebauthnRoaming]), ..Case::new() };
    assert_eq!(with_key.says(Some(&bare)), "ask webauthn-roaming");
}
