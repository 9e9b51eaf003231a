//! Asks the policies about one login: what is known becomes facts, the rules of `cs_core::policy` decide.

use std::sync::Arc;

use cs_core::device::Phone;
use cs_core::lockout::LockoutPolicy;
use cs_core::login::{Denial, DenyReason};
use cs_core::policy::exemption::Exemption;
use cs_core::policy::facts::{self, Application, Facts, PermittedGroups, PhoneFacts, Remembered};
use cs_core::policy::risk::Assessment;
use cs_core::policy::sections::{Lowered, PushWithoutDisplay, StepDownRule};
use cs_core::policy::{
    Decision, Effective, Method, Set, Stack, Verdict, evaluate, recheck, recheck_method, recheck_risk,
};
use cs_core::user::User;
use cs_core::webauthn::{self, AaguidList, Ask};
use cs_store::Step;
use cs_store::attempts::integration_unchanged;
use cs_store::logins::{AskedBy, Login};
use cs_store::policies::policies_unchanged;
use jiff::Timestamp;

use super::call::is_still_its_number;
use super::trust::token_time;
use crate::{Access, Caller, Engine, EngineError, Surface, served};

/// The policies in force at one application, as of one version.
pub(crate) struct Rules {
    stack: Arc<Stack>,
    lockout: LockoutPolicy,
    models: AaguidList,
    version: i64,
}

impl Rules {
    /// When failures lock a user out.
    pub(super) const fn lockout(&self) -> LockoutPolicy {
        self.lockout
    }

    /// Which models of WebAuthn authenticators are let in.
    pub(crate) const fn models(&self) -> &AaguidList {
        &self.models
    }

    /// The sections in force for `user`; for a name that nobody has, those that are in force whatever the groups.
    pub(crate) fn effective(&self, user: Option<&User>) -> Effective<'_> {
        match user {
            Some(user) => self.stack.effective_for(user.id, &user.groups),
            None => self.stack.effective(&[]),
        }
    }

    /// Whether anybody at all can be given a token here that stands for a factor later on.
    pub(super) fn may_give_tokens(&self) -> bool {
        let by_groups = !self.stack.groups.is_empty() || !self.stack.application_groups.is_empty();
        by_groups || !self.stack.staged.is_empty() || token_time(&self.effective(None)).is_some()
    }

    /// Whether anybody at all may come without a password here: what applies to a group is not known before the person is.
    pub(crate) fn may_be_passwordless(&self) -> bool {
        let by_groups = !self.stack.groups.is_empty() || !self.stack.application_groups.is_empty();
        let effective = self.effective(None);
        let section = effective.authentication_methods.value;
        by_groups || !self.stack.staged.is_empty() || served::passwordless().iter().any(|method| section.allows(method))
    }

    /// Holds while the integration of `caller` and the policies of its account are as they were when the decision was made.
    pub(crate) fn unchanged(&self, caller: &Caller) -> [Step; 2] {
        let account = caller.account.id;
        [
            integration_unchanged(account, caller.integration.key, caller.integration.version),
            policies_unchanged(account, self.version),
        ]
    }
}

/// One login, as it is judged.
pub(super) struct Question<'a> {
    pub(super) caller: &'a Caller,
    pub(super) user: Option<&'a User>,
    /// See [`known_phones`].
    pub(super) phones: &'a [PhoneFacts],
    pub(super) exemptions: &'a [Exemption],
    pub(super) access: &'a Access,
    /// Whether a push could show a number before it is answered.
    pub(super) shows_number: bool,
    /// See [`Engine::offered`].
    pub(super) offered: Set<Method>,
    pub(super) remembered: Remembered,
    /// See [`Engine::assess`].
    pub(super) risk: &'a Assessment,
    pub(super) now: Timestamp,
}

impl Engine {
    /// Ways to authenticate through `surface`, as second factor or in place of the password: never both at once. Messages and calls where a gateway makes them.
    pub(super) fn offered(&self, surface: Surface, ask: Ask) -> Set<Method> {
        match (ask, surface) {
            (Ask::SecondFactor, Surface::AuthV2 | Surface::RestV1) => served::anywhere(self.telephony()),
            (Ask::SecondFactor, Surface::Prompt) => served::in_a_browser(self.telephony()),
            (Ask::Passwordless, Surface::AuthV2 | Surface::RestV1) => Set::EMPTY,
            (Ask::Passwordless, Surface::Prompt) => served::passwordless(),
        }
    }

    /// What holds at the application of `caller`. Read from memory, unless something has changed.
    pub(crate) async fn rules(&self, caller: &Caller, now: Timestamp) -> Result<Rules, EngineError> {
        let book = self.directory().policies(&caller.account, now).await?;
        Ok(Rules {
            stack: book.stack_for(&caller.integration),
            lockout: book.login().lockout,
            models: book.login().webauthn_models.clone(),
            version: book.version(),
        })
    }

    /// What the policies would say if `user` logged in through `caller` now, from nowhere in particular. Nothing is logged.
    pub async fn would_decide(&self, caller: &Caller, user: Option<&User>) -> Result<Verdict, EngineError> {
        let now = self.clock().now();
        let rules = self.rules(caller, now).await?;
        let (access, phones) = (Access::default(), known_phones(user));
        let remembered = Remembered::default();
        let effective = rules.effective(user);
        let risk = &self.assess(caller.account.id, &effective, user, &access, now);
        let question = Question {
            caller,
            user,
            phones: &phones,
            exemptions: &[],
            access: &access,
            shows_number: true,
            offered: self.offered(caller.surface, Ask::SecondFactor),
            remembered,
            risk,
            now,
        };
        Ok(self.decide(&effective, &question).verdict)
    }

    /// Whether anybody at all may log in through `caller` by a passkey in place of name and password.
    pub async fn may_be_passwordless(&self, caller: &Caller) -> Result<bool, EngineError> {
        Ok(self.rules(caller, self.clock().now()).await?.may_be_passwordless())
    }

    /// Decides, and says why.
    pub(super) fn decide<'a>(&'a self, effective: &Effective<'a>, question: &Question<'a>) -> Decision<'a> {
        evaluate(effective, &self.facts(question))
    }

    /// Decides again, after the factor: what held then must still hold.
    pub(super) fn holds_still(&self, effective: &Effective<'_>, question: &Question<'_>) -> Result<(), Denial> {
        recheck(effective, &self.facts(question), None)
    }

    /// Decides again when an authenticator approves `login`.
    pub(super) fn decide_again(
        &self,
        effective: &Effective<'_>,
        question: &Question<'_>,
        login: &Login,
    ) -> Result<(), Denial> {
        if !question.caller.integration.enabled {
            return Err(Denial::new(
                DenyReason::DeniedByPolicy,
                "the application was disabled while the push was waiting",
            ));
        }
        still_allowed(effective, &self.facts(question), login)
    }

    fn facts<'a>(&'a self, question: &Question<'a>) -> Facts<'a> {
        let Question { caller, user, access, now, .. } = *question;
        let (integration, geo) = (&caller.integration, &self.inner.geo);
        let models = &caller.account.login.webauthn_models;
        let (address, device) = (access.address, access.device.as_deref());
        Facts {
            application: Application {
                key: integration.key,
                name: &integration.name,
                access: &integration.user_access,
                surface: facts::Surface {
                    name: caller.surface.as_str(),
                    shows_number: question.shows_number,
                    can_prompt: true,
                    enrolls_inline: false,
                    sees_browser: device.is_some(),
                },
            },
            user,
            permitted_groups: PermittedGroups::Everyone,
            access: facts::Access {
                address,
                place: address.map_or(facts::Place::UNKNOWN, |address| geo.whereabouts(address)),
                anonymous: address.is_some_and(|address| geo.is_anonymous(address)),
                browser: device.and_then(|device| device.browser),
                os: device.and_then(|device| device.os),
                endpoint: device.map_or(facts::Endpoint::Unknown, |device| device.endpoint),
                posture: device.and_then(|device| device.posture.as_ref()),
            },
            phones: question.phones,
            remembered: question.remembered,
            risk: question.risk,
            exemptions: question.exemptions,
            offered: question.offered,
            also_has: user.map_or(Set::EMPTY, |user| webauthn::methods(&user.credentials, models)),
            versions: &self.inner.versions,
            now,
        }
    }
}

/// What is left of a push that was opened under earlier rules, when `phone` of `user` approves it.
///
/// Fails with the denial to give: a user disabled, a country refused, a method blocked or a phone found to be tampered with meanwhile must not get in.
fn still_allowed(effective: &Effective<'_>, facts: &Facts<'_>, login: &Login) -> Result<(), Denial> {
    if login.factor == AskedBy::Call {
        return call_still_allowed(effective, facts, login);
    }
    recheck(effective, facts, Some(login.phone))?;
    let is_theirs = |user: &User| user.phones.iter().any(|phone| phone.id == login.phone && phone.can_push());
    if !facts.user.is_some_and(is_theirs) {
        return Err(Denial::new(
            DenyReason::InvalidDevice,
            format!("{} is no phone of the user's any more", login.phone),
        ));
    }
    let phone = facts.user.and_then(|user| user.phones.iter().find(|phone| phone.id == login.phone));
    phone.map_or(Ok(()), |phone| may_approve(phone, facts.now))?;
    // What happened since it was asked counts: another push called fraud, too many denied.
    recheck_risk(effective, facts, login.digits).map_err(|signal| {
        Denial::new(DenyReason::FactorRestricted, format!("push without a number that is long enough: {signal}"))
    })?;
    let methods = effective.authentication_methods.value;
    if !methods.allows(Method::DuoPush) {
        return Err(Denial::new(DenyReason::FactorRestricted, "push: the policy no longer allows it"));
    }
    let lowers = |rule: &StepDownRule| rule.lower_to == Lowered::PlainPush;
    let plain_will_do = login.digits == 0
        && (methods.without_display == PushWithoutDisplay::PlainPush || effective.step_down.rules.iter().any(lowers));
    if methods.require_verified_push && login.digits < methods.verified_push_digits && !plain_will_do {
        return Err(Denial::new(DenyReason::FactorRestricted, "push: the policy has come to ask for a longer number"));
    }
    Ok(())
}

/// The same for a call that was made under earlier rules.
fn call_still_allowed(effective: &Effective<'_>, facts: &Facts<'_>, login: &Login) -> Result<(), Denial> {
    recheck(effective, facts, None)?;
    let called = facts.user.and_then(|user| user.phones.iter().find(|phone| phone.id == login.phone));
    if !called.is_some_and(|phone| is_still_its_number(login, phone)) {
        let fact = format!("the number that was called is no longer that of {}", login.phone);
        return Err(Denial::new(DenyReason::InvalidDevice, fact));
    }
    recheck_method(effective, facts, Method::Phonecall)
        .map_err(|signal| Denial::new(DenyReason::FactorRestricted, format!("phone call: {signal}")))?;
    if !facts.offered.contains(Method::Phonecall) || !effective.authentication_methods.value.allows(Method::Phonecall) {
        return Err(Denial::new(DenyReason::FactorRestricted, "phone calls: the policy no longer allows them"));
    }
    Ok(())
}

/// Fails with the denial to give where nobody but a program would approve on `phone`, and no administrator allows that now.
pub(super) fn may_approve(phone: &Phone, now: Timestamp) -> Result<(), Denial> {
    let may = phone.authenticator.as_ref().is_some_and(|authenticator| authenticator.may_approve(now));
    let denial =
        || Denial::new(DenyReason::FactorRestricted, "push: no administrator lets this device answer by itself now");
    may.then_some(()).ok_or_else(denial)
}

/// What authenticators told about the phones they are on; most tell nothing.
pub(super) fn known_phones(user: Option<&User>) -> Vec<PhoneFacts> {
    let phones = user.map_or(&[][..], |user| &user.phones);
    phones.iter().filter_map(|phone| phone.authenticator.as_ref()?.facts).collect()
}
