//! Who may enroll here and now: the rules of [`may_enroll`], the policies, the link; and what the log says of whoever may not.
//!
//! A link in a mailbox is worth as much as a device, so it is asked about as a login is: a country or network that is refused there is refused here, at the beginning and
//! at each step. CISA AA22-074A is why a refusal is written down: a dormant account that somebody tries to enroll is a sign worth seeing.

use std::sync::Arc;

use cs_core::enrollment::{Added, EnrollRefusal, INACTIVE_AFTER, Origin, may_enroll};
use cs_core::id::{IntegrationKey, TxId, UserId};
use cs_core::integration::{Integration, UserAccess};
use cs_core::login::DenyReason;
use cs_core::secret::SecretKey;
use cs_core::user::User;
use cs_store::Job;
use cs_store::audit::{LogKind, LogRecord};
use cs_store::facts::UserRef;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::link::LinkState;
use super::wizard::Enrollment;
use crate::login::{Who, reference};
use crate::{Access, AccountEntry, Caller, Engine, EngineError, Liveness, Surface, SystemRng};

/// The activity log's word for somebody who was not let enroll.
pub const REFUSED: &str = "enrollment_refused";

/// A refusal, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotNow {
    /// Why.
    pub why: WhyNot,
    /// What the log knows it as.
    pub reference: String,
}

/// Why nobody enrolls here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyNot {
    /// The rules of enrollment.
    Rule(EnrollRefusal),
    /// The policies, the user's standing among them.
    Policy(DenyReason),
    /// The link is good no more.
    Link(LinkState),
}

impl WhyNot {
    /// The log's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy(reason) => reason.as_str(),
            Self::Rule(EnrollRefusal::NotActive) => "user_not_active",
            Self::Rule(EnrollRefusal::HasFactor) => "has_factor",
            Self::Rule(EnrollRefusal::Inactive) => "inactive_user",
            Self::Rule(EnrollRefusal::Stale) => "factor_too_old",
            Self::Rule(EnrollRefusal::TooWeak) => "factor_too_weak",
            Self::Link(LinkState::Used) => "link_used",
            Self::Link(LinkState::Expired) => "link_expired",
            Self::Link(LinkState::Replaced) => "link_replaced",
            Self::Link(LinkState::Good) => "link",
        }
    }
}

/// Who enrolls, and why they are believed to be it.
pub(super) struct Enrolling<'a> {
    pub(super) account: &'a AccountEntry,
    pub(super) user: UserId,
    pub(super) username: &'a str,
    pub(super) origin: Origin,
    /// The application whose login it is in the middle of.
    pub(super) application: Option<IntegrationKey>,
    /// What this very enrollment has set up before.
    pub(super) added: &'a [Added],
}

impl Engine {
    /// The user, if they may enroll now and here. What is in the way is written down.
    pub(super) async fn let_enroll(
        &self,
        who: &Enrolling<'_>,
        access: &Access,
    ) -> Result<Result<User, NotNow>, EngineError> {
        let caller = self.policies_of(who).await?;
        let survey = self.survey(&caller, &Who::Id(who.user), access).await?;
        if let Err(denial) = survey.holds {
            return Ok(Err(self.not_now(who, WhyNot::Policy(denial.reason), &denial.fact, access).await?));
        }
        match self.enrolling(who.account, who.user, who.origin, who.added).await? {
            Ok(user) => Ok(Ok(user)),
            Err(refusal) => Ok(Err(self.not_now(who, WhyNot::Rule(refusal), "", access).await?)),
        }
    }

    /// Writes a refusal down.
    pub(super) async fn not_now(
        &self,
        who: &Enrolling<'_>,
        why: WhyNot,
        fact: &str,
        access: &Access,
    ) -> Result<NotNow, EngineError> {
        let now = self.clock().now();
        let txid = TxId::at(now, &mut SystemRng);
        let reference = reference(txid);
        let origin = match who.origin {
            Origin::Invitation => "invitation",
            Origin::Login => "login",
            Origin::Portal { .. } => "portal",
        };
        let mut record = LogRecord::new(who.account.id.as_str(), LogKind::Activity, txid.to_string(), now);
        record.user_id = Some(who.user.to_string());
        record.integration = who.application.map(|key| key.to_string());
        record.result = Some(REFUSED.to_owned());
        record.reason = Some(why.as_str().to_owned());
        record.body = json!({"reason": why.as_str(), "origin": origin, "reference": reference}).to_string();
        let personal = json!({"username": who.username, "access_ip": access.address, "fact": fact});
        record.personal = Some(personal.to_string());
        self.found(Job::new().log(record)).await?;
        Ok(NotNow { why, reference })
    }

    /// The user, if the rules let them enroll now.
    pub(super) async fn enrolling(
        &self,
        account: &AccountEntry,
        user: UserId,
        origin: Origin,
        added: &[Added],
    ) -> Result<Result<User, EnrollRefusal>, EngineError> {
        let now = self.clock().now();
        let facts = self.store().user_facts(account.id, UserRef::Id(user), None, now).await?;
        let record = self.store().user_record(account.id, user).await?;
        let (Some(facts), Some((record, _))) = (facts, record) else { return Ok(Err(EnrollRefusal::NotActive)) };
        let may = may_enroll(origin, &facts.user, record.created_at, inactive_after(account), added, now);
        Ok(may.map(|()| facts.user))
    }

    /// Whose policies say what may be set up: those of the application that is logged in to, else the portal's, in which a device is added otherwise.
    pub(super) async fn enrollment_caller(&self, enrollment: &Enrollment) -> Result<Caller, EngineError> {
        self.caller_for(enrollment.account(), enrollment.kept.application).await
    }

    async fn caller_for(
        &self,
        account: &AccountEntry,
        application: Option<IntegrationKey>,
    ) -> Result<Caller, EngineError> {
        let integration = match application {
            Some(key) => self.directory().integration(account.id, key).await?,
            None => None,
        };
        let integration = match integration {
            Some(integration) => integration,
            None => self.portal_integration(account).await?,
        };
        Ok(Caller {
            account: account.clone(),
            integration,
            surface: Surface::Prompt,
            connection: Liveness::forever(),
            legacy_signature: false,
        })
    }

    /// The same, to be asked who may come. Whoever follows a link need not be among those who may use the portal.
    async fn policies_of(&self, who: &Enrolling<'_>) -> Result<Caller, EngineError> {
        let mut caller = self.caller_for(who.account, who.application).await?;
        let is_portal = caller.integration.kind.is_portal();
        match who.origin {
            Origin::Invitation | Origin::Login if is_portal => {
                caller.integration = Arc::new(open_to_all(&caller.integration));
            }
            Origin::Invitation | Origin::Login | Origin::Portal { .. } => {}
        }
        Ok(caller)
    }
}

/// `portal` as everybody may use it. Nothing is signed with it.
fn open_to_all(portal: &Integration) -> Integration {
    Integration {
        account: portal.account,
        key: portal.key,
        secret: SecretKey::generate(&mut SystemRng),
        previous_secret: None,
        name: portal.name.clone(),
        kind: portal.kind.clone(),
        new_user: portal.new_user,
        normalization: portal.normalization,
        user_access: UserAccess::All,
        self_service: portal.self_service,
        remembered_days: portal.remembered_days,
        legacy_signatures: portal.legacy_signatures,
        permissions: portal.permissions,
        networks_for_api_access: portal.networks_for_api_access.clone(),
        frame_origins: portal.frame_origins.clone(),
        greeting: portal.greeting.clone(),
        enabled: portal.enabled,
        version: portal.version,
    }
}

/// After how long a user counts as inactive: the account's `inactive_user_expiration`, if it is set.
fn inactive_after(account: &AccountEntry) -> SignedDuration {
    let days = account.settings.get("inactive_user_expiration").and_then(Json::as_i64);
    days.filter(|days| *days > 0).map_or(INACTIVE_AFTER, |days| SignedDuration::from_hours(days.saturating_mul(24)))
}
