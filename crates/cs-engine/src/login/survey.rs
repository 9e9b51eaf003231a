//! What a user may do at an application, looked at without writing anything down: for pages that show it, and for logins that take more than one request.

use std::sync::Arc;

use cs_core::id::TxId;
use cs_core::login::{Denial, DenyReason, FactorUsed};
use cs_core::policy::facts::Remembered;
use cs_core::policy::risk::Assessment;
use cs_core::policy::sections::{RememberFor, RememberMethod};
use cs_core::policy::trace::{Age, Fact, Finding, Outcome};
use cs_core::policy::{self, Browser, Effective, Os, Verdict, Version};
use cs_core::user::User;
use cs_core::webauthn::Ask;
use cs_store::Job;
use jiff::Timestamp;

use super::decide::{Question, known_phones};
use super::record::Entry;
use super::trust::granted_by;
use super::{Refused, Who, reference};
use crate::{Access, Caller, Engine, EngineError, SystemRng};

/// What a user may do.
pub(crate) struct Survey {
    /// The user, if there is one of that name.
    pub(crate) user: Option<Arc<User>>,
    /// What of the user's devices the policy leaves, if a factor is needed and there is one.
    pub(crate) challenge: Option<policy::Challenge>,
    /// What is older than the policy likes.
    pub(crate) old: Option<OldSoftware>,
    /// Whether a first factor comes before everything else.
    pub(crate) must_enroll: bool,
    /// Fails with the denial to give to somebody whose factor was good: they have been disabled since, or their country refused.
    pub(crate) holds: Result<(), Denial>,
    /// How many more failures there may be before the user is locked out.
    pub(crate) tries_left: Option<u32>,
    /// Whether and how a browser is remembered here.
    pub(crate) remembering: Option<Remembering>,
}

/// Software that is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OldSoftware {
    /// What.
    pub(crate) software: Software,
    /// Its version, if it is known.
    pub(crate) version: Option<Version>,
    /// From when on it will be refused, if it will be.
    pub(crate) refused_from: Option<Timestamp>,
}

/// What can be old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Software {
    /// The operating system.
    Os(Os),
    /// The browser.
    Browser(Browser),
}

impl OldSoftware {
    /// What a finding says is old. A version that is not known may be the newest: it is not spoken of.
    fn of(finding: &Finding<'_>) -> Option<Self> {
        match finding.outcome {
            Outcome::Warns | Outcome::Denies(DenyReason::OutOfDate) => {}
            Outcome::Allows(_)
            | Outcome::Denies(_)
            | Outcome::Enrolls
            | Outcome::Passes
            | Outcome::Demands
            | Outcome::Limits
            | Outcome::Lowers
            | Outcome::Reports => return None,
        }
        let (software, version, age) = match finding.fact {
            Fact::Os { os, version, age } => (Software::Os(os), version, age),
            Fact::Browser { browser, version, age } => (Software::Browser(browser), version, age),
            _ => return None,
        };
        let refused_from = match age {
            Age::Fine | Age::Blocked | Age::Unknown => return None,
            Age::Below(_) => None,
            Age::Outdated { blocked_from, .. } => blocked_from,
        };
        Some(Self { software, version, refused_from })
    }
}

/// How a browser is remembered.
#[derive(Clone)]
pub(crate) struct Remembering {
    /// By itself, or after asking.
    pub(crate) method: RememberMethod,
    /// For how long.
    pub(crate) time: RememberFor,
    /// The policy that grants it, and for how long.
    pub(crate) granted_by: String,
}

impl Remembering {
    /// How the policies in force for somebody have browsers remembered; `None` if they do not.
    pub(crate) fn of(effective: &Effective<'_>) -> Option<Self> {
        let apps = &effective.remembered_devices.browser_apps;
        let time = match apps.remember_method {
            RememberMethod::RiskBased => apps.risk_based,
            RememberMethod::UserBased => apps.user_based,
        };
        apps.enabled.then(|| Self { method: apps.remember_method, time, granted_by: granted_by(effective, time) })
    }
}

impl Engine {
    /// Writes down that somebody whose factor was good does not get in after all.
    pub(crate) async fn refuse_after_all(
        &self,
        caller: &Caller,
        who: &Who,
        user: Option<&User>,
        access: &Access,
        denial: Denial,
        now: Timestamp,
    ) -> Result<Refused, EngineError> {
        let txid = TxId::at(now, &mut SystemRng);
        let entry = Entry {
            caller,
            txid,
            who,
            user,
            access,
            factor: FactorUsed::NotAvailable,
            device: None,
            evidence: None,
            answered_from: None,
            trace: None,
            risk: &Assessment::default(),
            now,
        };
        let job = Job::new().log(entry.denied(self, &denial));
        // Without a condition there is nothing that could not hold.
        self.settle(job).await?;
        Ok(Refused { denial, reference: reference(txid) })
    }

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
            offered: self.offered(caller.surface, Ask::SecondFactor),
            remembered: Remembered::default(),
            risk,
            now,
        };
        let decision = self.decide(&effective, &question);
        let old = decision.trace.findings().iter().find_map(OldSoftware::of);
        let (challenge, must_enroll) = match decision.verdict {
            Verdict::Challenge(challenge) => (Some(challenge), false),
            Verdict::Enroll { .. } => (None, true),
            Verdict::Allow { .. } | Verdict::Deny(_) => (None, false),
        };
        let remembering = Remembering::of(&effective);
        let holds = self.holds_still(&effective, &question);
        let user = found.as_ref().map(|found| Arc::clone(&found.user));
        let most = u32::from(rules.lockout().threshold());
        let tries_left = user.as_ref().map(|user| most.saturating_sub(user.lockout.failures));
        Ok(Survey { user, challenge, old, must_enroll, holds, tries_left, remembering })
    }
}
