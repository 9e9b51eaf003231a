//! What a change of policies would mean for one login: the decision before beside the decision after.

use super::evaluate::{Challenge, PushRule, Verdict};
use super::names::Method;
use super::word::words;

words! {
    /// What would become of a login.
    Change {
        /// It would be refused.
        Denied = "denied",
        /// The person would have to enroll first.
        Enrolled = "newly_enrolled",
        /// It would be asked for a second factor that was spared, or for a stronger one.
        SteppedUp = "stepped_up",
        /// It would be let in without a second factor.
        LetIn = "let_in",
        /// It was refused or sent to enroll, and would be asked for a second factor.
        Admitted = "admitted",
        /// More factors would do, or a plain push instead of one with a number.
        Eased = "eased",
        /// Nothing would be different for this person.
        Unchanged = "unchanged",
    }
}

/// Compares two decisions about the same login. `used` is the factor that it was made with, if one was.
pub fn compare(before: &Verdict, after: &Verdict, used: Option<Method>) -> Change {
    match (before, after) {
        (Verdict::Deny(_), Verdict::Deny(_))
        | (Verdict::Allow { .. }, Verdict::Allow { .. })
        | (Verdict::Enroll { .. }, Verdict::Enroll { .. }) => Change::Unchanged,
        (_, Verdict::Deny(_)) => Change::Denied,
        (_, Verdict::Enroll { .. }) => Change::Enrolled,
        (_, Verdict::Allow { .. }) => Change::LetIn,
        (Verdict::Allow { .. }, Verdict::Challenge(_)) => Change::SteppedUp,
        (Verdict::Deny(_) | Verdict::Enroll { .. }, Verdict::Challenge(_)) => Change::Admitted,
        (Verdict::Challenge(before), Verdict::Challenge(after)) => challenges(before, after, used),
    }
}

/// Taking away a factor that the person does not use asks nothing of the person; of one whose factor is not known, it might.
fn challenges(before: &Challenge, after: &Challenge, used: Option<Method>) -> Change {
    let gone = |method: Method| before.methods.contains(method) && !after.methods.contains(method);
    let pushes = used.is_none_or(|used| used == Method::DuoPush) && after.methods.contains(Method::DuoPush);
    let (was, is) = (digits(before.push), digits(after.push));
    let loses = match used {
        Some(used) => gone(used),
        None => before.methods.iter().any(gone),
    };
    let verifies = after.user_verification && !before.user_verification;
    if loses || (pushes && is > was) || verifies {
        Change::SteppedUp
    } else if after.methods.iter().any(|method| !before.methods.contains(method)) || (pushes && is < was) {
        Change::Eased
    } else {
        Change::Unchanged
    }
}

const fn digits(push: PushRule) -> u8 {
    match push {
        PushRule::Plain => 0,
        PushRule::Verified { digits } => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::super::word::Set;
    use super::*;
    use crate::login::{AllowReason, Denial, DenyReason};

    fn challenge(methods: &[Method], push: PushRule) -> Verdict {
        Verdict::Challenge(Challenge {
            methods: Set::of(methods),
            push,
            phones: Vec::new(),
            user_verification: false,
            passwordless: Set::EMPTY,
            step_up: None,
        })
    }

    #[test]
    fn every_pair_of_decisions_has_its_name() {
        let deny = || Verdict::Deny(Denial::new(DenyReason::LocationRestricted, "country KP"));
        let allow = || Verdict::Allow { why: AllowReason::BypassUser, fact: String::new() };
        let enroll = || Verdict::Enroll { inline: false };
        let push = [Method::DuoPush];
        let both = [Method::DuoPush, Method::DuoPasscode];
        let plain = |methods: &[Method]| challenge(methods, PushRule::Plain);
        let verified = |digits| challenge(&push, PushRule::Verified { digits });
        let (pushed, typed) = (Some(Method::DuoPush), Some(Method::DuoPasscode));
        for (before, after, used, expected) in [
            (deny(), deny(), None, Change::Unchanged),
            (deny(), allow(), None, Change::LetIn),
            (deny(), enroll(), None, Change::Enrolled),
            (deny(), plain(&push), None, Change::Admitted),
            (allow(), deny(), None, Change::Denied),
            (allow(), allow(), None, Change::Unchanged),
            (allow(), enroll(), None, Change::Enrolled),
            (allow(), plain(&push), None, Change::SteppedUp),
            (enroll(), deny(), None, Change::Denied),
            (enroll(), allow(), None, Change::LetIn),
            (enroll(), enroll(), None, Change::Unchanged),
            (enroll(), plain(&push), None, Change::Admitted),
            (plain(&push), deny(), pushed, Change::Denied),
            (plain(&push), allow(), pushed, Change::LetIn),
            (plain(&push), enroll(), pushed, Change::Enrolled),
            (plain(&push), plain(&push), pushed, Change::Unchanged),
            (plain(&both), plain(&push), typed, Change::SteppedUp),
            (plain(&both), plain(&push), pushed, Change::Unchanged),
            (plain(&both), plain(&push), None, Change::SteppedUp),
            (plain(&push), plain(&both), pushed, Change::Eased),
            (plain(&push), verified(3), pushed, Change::SteppedUp),
            (verified(3), verified(6), pushed, Change::SteppedUp),
            (verified(6), verified(3), pushed, Change::Eased),
            (verified(3), plain(&push), None, Change::Eased),
            (plain(&both), challenge(&both, PushRule::Verified { digits: 3 }), typed, Change::Unchanged),
        ] {
            assert_eq!(compare(&before, &after, used), expected, "{before:?} to {after:?} with {used:?}");
        }
    }
}
