//! What a user may do at an application, looked at without writing anything down: for pages that show it, and for logins that take more than one request.

use std::sync::Arc;

use cs_core::login::Denial;
use cs_core::policy::facts::Remembered;
use cs_core::policy::sections::{RememberFor, RememberMethod};
use cs_core::policy::{self, Verdict};
use cs_core::user::User;
use cs_core::webauthn::Ask;

use super::Who;
use super::decide::{Question, known_phones, offered};
use super::trust::granted_by;
use crate::{Access, Caller, Engine, EngineError};

/// What a user may do.
pub(crate) struct Survey {
    /// The user, if there is one of that name.
    pub(crate) user: Option<Arc<User>>,
    /// What of the user's devices the policy leaves, if a factor is needed and there is one.
    pub(crate) challenge: Option<policy::Challenge>,
    /// Whether a first factor comes before everything else.
    pub(crate) must_enroll: bool,
    /// Fails with the denial to give to somebody whose factor was good: they have been disabled since, or their country refused.
    pub(crate) holds: Result<(), Denial>,
    /// How many more failures there may be before the user is locked out.
    pub(crate) tries_left: Option<u32>,
    /// Whether and how a browser is remembered here.
    pub(crate) remembering: Option<Remembering>,
}

/// How a browser is remembered.
pub(crate) struct Remembering {
    /// By itself, or after asking.
    pub(crate) method: RememberMethod,
    /// For how long.
    pub(crate) time: RememberFor,
    /// The policy that grants it, and for how long.
    pub(crate) granted_by: String,
}

impl Engine {
    /// Looks at what `who` may do now, coming from `access`.
    pub(crate) async fn survey(&self, caller: &Caller, who: &Who, access: &Access) -> Result<Survey, EngineError> {
        let now = self.clock().now();
        let rules = self.rules(caller, now).await?;
        let found = self.current_user(self.user_key(&caller.integration, who), &rules, now).await?;
        let user = found.as_ref().map(|found| &*found.user);
        let effective = rules.effective(user);
        let phones = known_phones(user);
        let risk = &self.assess(caller.account.id, &effective, user, access, now);
        let question = Question {
            caller,
            user,
            phones: &phones,
            exemptions: found.as_ref().map_or(&[][..], |found| &found.exemptions),
            access,
            shows_number: true,
            offered: offered(caller.surface, Ask::SecondFactor),
            remembered: Remembered::default(),
            risk,
            now,
        };
        let (challenge, must_enroll) = match self.decide(&effective, &question).verdict {
            Verdict::Challenge(challenge) => (Some(challenge), false),
            Verdict::Enroll { .. } => (None, true),
            Verdict::Allow { .. } | Verdict::Deny(_) => (None, false),
        };
        let apps = &effective.remembered_devices.browser_apps;
        let time = match apps.remember_method {
            RememberMethod::RiskBased => apps.risk_based,
            RememberMethod::UserBased => apps.user_based,
        };
        let remembering = apps.enabled.then(|| Remembering {
            method: apps.remember_method,
            time,
            granted_by: granted_by(&effective, time),
        });
        let holds = self.holds_still(&effective, &question);
        let user = found.as_ref().map(|found| Arc::clone(&found.user));
        let most = u32::from(rules.lockout().threshold());
        let tries_left = user.as_ref().map(|user| most.saturating_sub(user.lockout.failures));
        Ok(Survey { user, challenge, must_enroll, holds, tries_left, remembering })
    }
}
