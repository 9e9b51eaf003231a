//! The decision: every rule in its order, the first that ends it decides, and all others are noted.
//!
//! Steps are those of `product-policy.md` 4.3: status (3, 4), permitted groups (5), bypass (6), whether a factor is asked for (7), networks and countries (8),
//! enrollment (9), the access device (10), what spares the factor (11), what is remembered (12), which factors remain (13), none (14). Evaluation does not stop at the
//! first rule that ends it, so that the trace can say what else would have.

mod device;
mod ease;
mod factors;
mod person;
mod place;

use super::facts::Facts;
use super::names::{Method, Section};
use super::risk::Evidence;
use super::sections::{AnonymousAccess, LocationAction, NetworkStanding};
use super::stack::Effective;
use super::trace::{Fact, Outcome, PhoneFault, Rule, Trace};
use super::word::Set;
use crate::id::PhoneId;
use crate::login::{AllowReason, Denial};

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Decision<'a> {
    /// The decision.
    pub verdict: Verdict,
    /// How it came about.
    pub trace: Trace<'a>,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// In, without a second factor.
    Allow {
        /// Why.
        why: AllowReason,
        /// The deciding fact.
        fact: String,
    },
    /// Out.
    Deny(Denial),
    /// The person must enroll first.
    Enroll {
        /// Whether that can be done on this way in. If not, the login is refused and the person is told where to enroll.
        inline: bool,
    },
    /// A second factor is needed, and there is one.
    Challenge(Challenge),
}

/// What may be used as second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Methods that the policy allows, this server does and the user has. Empty only where the user has one of `passwordless`.
    pub methods: Set<Method>,
    /// How a push is made, if [`Method::DuoPush`] is among them.
    pub push: PushRule,
    /// The user's activated phones in the order of the user, and why some may answer neither with a push nor with a passcode.
    pub phones: Vec<PhoneChoice>,
    /// Whether WebAuthn must verify the person.
    pub user_verification: bool,
    /// Passwordless methods that the policy allows, for surfaces that ask for no password.
    pub passwordless: Set<Method>,
    /// The signal that stepped up, if one did.
    pub step_up: Option<Evidence>,
}

/// How a push is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushRule {
    /// Approved without a number.
    Plain,
    /// The person types a number of so many digits on the phone.
    Verified {
        /// 2 to 8.
        digits: u8,
    },
}

/// A phone, and whether it may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneChoice {
    /// Which.
    pub phone: PhoneId,
    /// Why it may not.
    pub refused: Option<PhoneFault>,
}

impl Challenge {
    /// Whether a push may be sent to `phone`.
    pub fn may_push(&self, phone: PhoneId) -> bool {
        self.methods.contains(Method::DuoPush) && self.refusal(phone).is_ok()
    }

    /// Fails with the denial to give when `phone` answers: it is none of the user's activated ones, or is refused.
    pub fn refusal(&self, phone: PhoneId) -> Result<(), Denial> {
        match self.phones.iter().find(|choice| choice.phone == phone) {
            None => Err(Denial::new(
                crate::login::DenyReason::InvalidDevice,
                format!("{phone} is no activated phone of the user"),
            )),
            Some(PhoneChoice { refused: None, .. }) => Ok(()),
            Some(PhoneChoice { refused: Some(fault), .. }) => Err(phone_denial(phone, *fault)),
        }
    }
}

/// Decides a login.
pub fn evaluate<'a>(effective: &Effective<'a>, facts: &Facts<'a>) -> Decision<'a> {
    let mut walk = Walk::new(effective, facts);
    walk.before_factors();
    person::enrollment(&mut walk);
    device::access_device(&mut walk);
    ease::spared(&mut walk);
    ease::remembered(&mut walk);
    let challenge = factors::factors(&mut walk);
    let trace = walk.trace;
    let verdict = match trace.decisive() {
        None => Verdict::Challenge(challenge),
        Some(finding) => match finding.outcome {
            Outcome::Allows(why) => Verdict::Allow { why, fact: finding.fact.to_string() },
            Outcome::Denies(reason) => Verdict::Deny(Denial::new(reason, finding.fact.to_string())),
            Outcome::Enrolls
            | Outcome::Passes
            | Outcome::Demands
            | Outcome::Limits
            | Outcome::Lowers
            | Outcome::Warns
            | Outcome::Reports => Verdict::Enroll { inline: facts.application.surface.enrolls_inline },
        },
    };
    Decision { verdict, trace }
}

/// Looks again at the moment of the answer (step 15): steps 3 to 8, and the phone that answered, if one did.
///
/// Fails with the denial to give instead of letting the person in: a user disabled, a country denied or a phone unlocked while a push was waiting must not pass.
pub fn recheck(effective: &Effective<'_>, facts: &Facts<'_>, answered_by: Option<PhoneId>) -> Result<(), Denial> {
    let mut walk = Walk::new(effective, facts);
    walk.before_factors();
    if let Some(finding) = walk.trace.decisive() {
        return match finding.outcome {
            Outcome::Denies(reason) => Err(Denial::new(reason, finding.fact.to_string())),
            Outcome::Allows(_)
            | Outcome::Enrolls
            | Outcome::Passes
            | Outcome::Demands
            | Outcome::Limits
            | Outcome::Lowers
            | Outcome::Warns
            | Outcome::Reports => Ok(()),
        };
    }
    let Some(phone) = answered_by else { return Ok(()) };
    factors::phone_fault(effective, facts, phone).map_or(Ok(()), |fault| Err(phone_denial(phone, fault)))
}

/// Looks again, at the moment of the answer, whether a push that was sent with a number of `digits` digits, or with none, would still be sent in spite of the
/// signals of risk: another one may have been called fraud meanwhile. Whether `facts` show a number is said by `digits`.
///
/// Fails with the signal that it is not strong enough for.
pub fn recheck_risk(effective: &Effective<'_>, facts: &Facts<'_>, digits: u8) -> Result<(), Evidence> {
    let mut walk = Walk::new(effective, facts);
    let Some(signal) = walk.demand.step_up else { return Ok(()) };
    let challenge = factors::factors(&mut walk);
    let is_enough = match challenge.push {
        PushRule::Plain => true,
        PushRule::Verified { digits: asked } => digits >= asked,
    };
    if is_enough && challenge.methods.contains(Method::DuoPush) { Ok(()) } else { Err(signal) }
}

/// The same for any other `method` that a login waits for: whether risk, as it is known now, still leaves it.
pub fn recheck_method(effective: &Effective<'_>, facts: &Facts<'_>, method: Method) -> Result<(), Evidence> {
    let mut walk = Walk::new(effective, facts);
    let Some(signal) = walk.demand.step_up else { return Ok(()) };
    if factors::factors(&mut walk).methods.contains(method) { Ok(()) } else { Err(signal) }
}

fn phone_denial(phone: PhoneId, fault: PhoneFault) -> Denial {
    Denial::new(fault.reason(), Fact::Phone { phone, fault }.to_string())
}

/// One evaluation under way.
struct Walk<'w, 'a> {
    effective: &'w Effective<'a>,
    facts: &'w Facts<'a>,
    demand: Demand,
    trace: Trace<'a>,
}

/// What asks for a second factor where another rule would spare it.
#[derive(Clone, Copy)]
struct Demand {
    /// An anonymous address.
    anonymous: bool,
    /// A network.
    network: bool,
    /// A country.
    location: bool,
    /// Risk, where it counts.
    step_up: Option<Evidence>,
}

impl Demand {
    /// Any of them: nothing is spared.
    const fn any(&self) -> bool {
        self.network || self.location || self.unusual()
    }

    /// Those that also end what is remembered.
    const fn unusual(&self) -> bool {
        self.anonymous || self.step_up.is_some()
    }
}

impl<'w, 'a> Walk<'w, 'a> {
    fn new(effective: &'w Effective<'a>, facts: &'w Facts<'a>) -> Self {
        let access = &facts.access;
        let limits = effective.risk_based_factor_selection.limit_to_risk_based_auth_methods;
        let demand = Demand {
            anonymous: access.anonymous
                && effective.anonymous_networks.anonymous_access_behavior == AnonymousAccess::RequireMfa,
            network: effective.authorized_networks.standing(access.address) == NetworkStanding::MfaRequired,
            location: effective.user_location.action(access.place.country) == LocationAction::RequireMfa,
            step_up: if limits { facts.risk.enforced().map(|detection| detection.evidence) } else { None },
        };
        Self { effective, facts, demand, trace: Trace::new(*effective) }
    }

    /// Steps 3 to 8: what holds whatever the factor.
    fn before_factors(&mut self) {
        person::status(self);
        person::permitted(self);
        person::bypass(self);
        person::requirement(self);
        place::networks(self);
        place::anonymous(self);
        place::country(self);
    }

    fn note(&mut self, step: u8, rule: Rule, outcome: Outcome, fact: Fact<'a>) {
        self.trace.note(step, rule, outcome, fact);
    }

    fn section(&mut self, step: u8, section: Section, outcome: Outcome, fact: Fact<'a>) {
        self.note(step, Rule::Section(section), outcome, fact);
    }
}
