//! Steps 13 and 14: which factors remain, and what if none does.

use super::super::exemption::ExemptionKind;
use super::super::facts::{Facts, PhoneFacts};
use super::super::names::{Method, Section};
use super::super::sections::{AppRule, LocationAction, Lowered, PhoneVerdict, PushWithoutDisplay};
use super::super::stack::Effective;
use super::super::trace::{Fact, Outcome, PhoneFault, Rule};
use super::super::version::Version;
use super::super::word::Set;
use super::ease::{exemption, lowering_rule};
use super::{Challenge, PhoneChoice, PushRule, Walk, device};
use crate::id::PhoneId;
use crate::login::DenyReason;

/// Second factors; the rest of the list are passwordless methods and a demand.
const SECOND: [Method; 9] = [
    Method::DuoPush,
    Method::Sms,
    Method::Phonecall,
    Method::DuoPasscode,
    Method::HardwareToken,
    Method::Desktop,
    Method::WebauthnPlatform,
    Method::WebauthnRoaming,
    Method::SmartCard,
];

/// What risk leaves: factors that nobody can be talked or worn into giving away, a push among them only with a number. Codes of the authenticator are not: they
/// are read out on the telephone. What is left where none of these can be used is said by [`SteppedUp`].
const STRONG: [Method; 5] =
    [Method::DuoPush, Method::HardwareToken, Method::WebauthnPlatform, Method::WebauthnRoaming, Method::SmartCard];

const PASSWORDLESS: [Method; 3] = [Method::DuoPushPwl, Method::WebauthnPlatformPwl, Method::WebauthnRoamingPwl];

/// The factors of an authenticator on a phone.
const OF_PHONES: [Method; 2] = [Method::DuoPush, Method::DuoPasscode];

/// What of the policy's methods is left here and now, before anyone asks what the user has.
struct Permitted {
    methods: Set<Method>,
    push: PushRule,
}

pub(super) fn factors(walk: &mut Walk<'_, '_>) -> Challenge {
    risk(walk);
    let (effective, facts) = (walk.effective, walk.facts);
    let phones = choices(effective, facts);
    let answerable = phones.iter().any(|choice| choice.refused.is_none());
    let from_phones = if answerable { Set::of(&OF_PHONES) } else { Set::EMPTY };
    let usable = fixed_methods(facts).union(from_phones);
    let permitted = permitted(walk, usable);
    note_phones(walk, &phones);
    let methods_section = effective.authentication_methods.value;
    let left = permitted.methods.intersection(usable);
    walk.section(13, Section::AuthenticationMethods, Outcome::Limits, Fact::Methods(left));
    let passwordless = passwordless(walk);
    if left.is_empty() && passwordless.intersection(facts.also_has).is_empty() {
        let (reason, fact) = nothing_left(facts, &permitted, &phones);
        walk.note(14, Rule::Factors, Outcome::Denies(reason), fact);
    }
    Challenge {
        methods: left,
        push: permitted.push,
        phones,
        user_verification: methods_section.allows(Method::WebauthnRequireUserVerification),
        passwordless,
        step_up: walk.demand.step_up,
    }
}

/// Signals, and whether they count.
fn risk(walk: &mut Walk<'_, '_>) {
    use super::super::sections::SignalMode;
    let assessment = walk.facts.risk;
    for detection in &assessment.detections {
        let outcome = match detection.mode {
            SignalMode::Enforce => Outcome::Demands,
            SignalMode::Report => Outcome::Reports,
            SignalMode::Off => Outcome::Passes,
        };
        walk.section(13, Section::RiskSignals, outcome, Fact::Signal(detection.evidence));
    }
    if assessment.detections.is_empty() {
        walk.section(13, Section::RiskSignals, Outcome::Passes, Fact::NoSignal);
    }
    let (outcome, fact) = match walk.demand.step_up {
        Some(evidence) => (Outcome::Limits, Fact::Signal(evidence)),
        None => (Outcome::Passes, Fact::NoSignal),
    };
    walk.section(13, Section::RiskBasedFactorSelection, outcome, fact);
}

/// `usable` is what the user has.
fn permitted(walk: &mut Walk<'_, '_>, usable: Set<Method>) -> Permitted {
    let (effective, facts) = (walk.effective, walk.facts);
    let section = effective.authentication_methods.value;
    let surface = facts.application.surface;
    let mut methods: Set<Method> = Set::of(&SECOND).iter().filter(|method| section.allows(*method)).collect();
    if let Some(exemption) = exemption(facts, ExemptionKind::PasscodeOnly) {
        methods = Set::of(&[Method::DuoPasscode, Method::HardwareToken]);
        walk.note(13, Rule::Exemption, Outcome::Limits, Fact::Exempted(&exemption.reason));
    }
    methods = methods.intersection(facts.offered);
    let lowered = !walk.demand.any()
        && lowering_rule(effective, facts).is_some_and(|(_, lowered)| matches!(lowered, Lowered::PlainPush));
    let mut digits = if section.require_verified_push && !lowered { section.verified_push_digits } else { 0 };
    let asked = digits;
    if digits > 0 && !surface.shows_number {
        match section.without_display {
            PushWithoutDisplay::PlainPush => digits = 0,
            PushWithoutDisplay::PasscodeOnly => methods = methods.without(Method::DuoPush),
            PushWithoutDisplay::Deny => methods = Set::EMPTY,
        }
        let outcome = if digits == 0 { Outcome::Passes } else { Outcome::Limits };
        walk.section(13, Section::AuthenticationMethods, outcome, Fact::CannotShowNumber);
    }
    if walk.demand.step_up.is_some() {
        // Stepping up never asks for fewer digits than usual.
        let more = asked.max(effective.risk_based_factor_selection.risk_based_verified_push_digits);
        match step_up(methods, usable, surface.shows_number) {
            SteppedUp::Strong(strong) => (methods, digits) = (strong, more),
            SteppedUp::Passcodes(passcodes) => {
                (methods, digits) = (passcodes, more);
                walk.section(13, Section::RiskBasedFactorSelection, Outcome::Limits, Fact::NothingStronger);
            }
            SteppedUp::AsUsual => {
                walk.section(13, Section::RiskBasedFactorSelection, Outcome::Passes, Fact::NothingStronger);
            }
        }
    }
    // Bypass codes are the help desk's way in when all else is gone: never restricted.
    methods = methods.with(Method::Bypass);
    if !surface.can_prompt {
        methods = Set::EMPTY;
    }
    let push = if digits > 0 { PushRule::Verified { digits } } else { PushRule::Plain };
    Permitted { methods, push }
}

/// What risk makes of the methods that the policy permits.
enum SteppedUp {
    /// Only these, which are strong.
    Strong(Set<Method>),
    /// No strong one could be used: codes of the authenticator, which at least nobody gives away by a tap.
    Passcodes(Set<Method>),
    /// Not even those: a signal makes a login harder, but never refuses it by itself. Otherwise whoever knows a name could keep its owner out.
    AsUsual,
}

/// The strongest of `permitted` of which the user can use one, where a push is strong only with a number.
fn step_up(permitted: Set<Method>, usable: Set<Method>, shows_number: bool) -> SteppedUp {
    let strong = permitted.intersection(Set::of(&STRONG));
    let strong = if shows_number { strong } else { strong.without(Method::DuoPush) };
    let passcodes = permitted.intersection(Set::of(&[Method::DuoPasscode]));
    if !strong.intersection(usable).is_empty() {
        SteppedUp::Strong(strong)
    } else if !passcodes.intersection(usable).is_empty() {
        SteppedUp::Passcodes(passcodes)
    } else {
        SteppedUp::AsUsual
    }
}

/// What may take the place of the password, whatever the user has.
fn passwordless(walk: &Walk<'_, '_>) -> Set<Method> {
    let (section, facts) = (walk.effective.authentication_methods.value, walk.facts);
    if !facts.application.surface.can_prompt || exemption(facts, ExemptionKind::PasscodeOnly).is_some() {
        return Set::EMPTY;
    }
    let offered = Set::of(&PASSWORDLESS).intersection(facts.offered);
    offered.iter().filter(|method| section.allows(*method)).collect()
}

/// What the user has beyond authenticators on phones.
fn fixed_methods(facts: &Facts<'_>) -> Set<Method> {
    let Some(user) = facts.user else { return Set::EMPTY };
    let mut methods = facts.also_has;
    if !user.tokens.is_empty() {
        methods = methods.with(Method::HardwareToken);
    }
    if user.phones.iter().any(|phone| phone.can_text()) {
        methods = methods.with(Method::Sms);
    }
    if user.phones.iter().any(|phone| phone.can_call()) {
        methods = methods.with(Method::Phonecall);
    }
    if user.live_bypass_codes > 0 { methods.with(Method::Bypass) } else { methods.without(Method::Bypass) }
}

/// Judges every activated phone.
fn choices(effective: &Effective<'_>, facts: &Facts<'_>) -> Vec<PhoneChoice> {
    let able = facts.user.map_or(&[][..], |user| &user.phones).iter().enumerate().filter(|(_, phone)| phone.can_push());
    let judged = |(at, phone): (usize, &crate::device::Phone)| PhoneChoice {
        phone: phone.id,
        refused: judge(effective, facts, known(facts, phone.id, at)),
    };
    able.map(judged).collect()
}

/// Notes for each section the first phone that it refuses.
fn note_phones(walk: &mut Walk<'_, '_>, choices: &[PhoneChoice]) {
    let sections = [
        Section::TamperedDevices,
        Section::ScreenLock,
        Section::FullDiskEncryption,
        Section::MobileDeviceBiometrics,
        Section::DuoMobileApp,
        Section::OperatingSystems,
        Section::UserLocation,
    ];
    for section in sections {
        let refused = choices.iter().find_map(|choice| {
            choice.refused.filter(|fault| fault.section() == section).map(|fault| (choice.phone, fault))
        });
        match refused {
            Some((phone, fault)) => walk.section(13, section, Outcome::Limits, Fact::Phone { phone, fault }),
            // The last two have spoken about the access device already.
            None if matches!(section, Section::OperatingSystems | Section::UserLocation) => {}
            None => walk.section(13, section, Outcome::Passes, Fact::PhonesFine),
        }
    }
}

/// What is known about a phone; `hint` is where it probably is.
fn known(facts: &Facts<'_>, phone: PhoneId, hint: usize) -> PhoneFacts {
    let hinted = facts.phones.get(hint).filter(|facts| facts.phone == phone);
    hinted
        .or_else(|| facts.phones.iter().find(|facts| facts.phone == phone))
        .copied()
        .unwrap_or(PhoneFacts::unknown(phone))
}

/// Why `phone` may not answer, if it may not.
pub(super) fn phone_fault(effective: &Effective<'_>, facts: &Facts<'_>, phone: PhoneId) -> Option<PhoneFault> {
    judge(effective, facts, known(facts, phone, 0))
}

fn judge(effective: &Effective<'_>, facts: &Facts<'_>, phone: PhoneFacts) -> Option<PhoneFault> {
    let states = [
        (
            effective.tampered_devices.judge(phone.tampered.map(|tampered| !tampered)),
            PhoneFault::Tampered,
            PhoneFault::TamperingUnknown,
        ),
        (effective.screen_lock.judge(phone.screen_lock), PhoneFault::NoScreenLock, PhoneFault::ScreenLockUnknown),
        (
            effective.full_disk_encryption.judge(phone.encryption),
            PhoneFault::NotEncrypted,
            PhoneFault::EncryptionUnknown,
        ),
        (
            effective.mobile_device_biometrics.judge(phone.biometrics),
            PhoneFault::NoBiometrics,
            PhoneFault::BiometricsUnknown,
        ),
    ];
    for (verdict, wrong, unknown) in states {
        match verdict {
            PhoneVerdict::Fine => {}
            PhoneVerdict::Wrong => return Some(wrong),
            PhoneVerdict::Unknown => return Some(unknown),
        }
    }
    let latest = facts.versions.app.latest();
    let build_is_fine = match (effective.duo_mobile_app.block, phone.app) {
        (AppRule::NoRemediation, _) => true,
        (AppRule::LessThan(least), Some(build)) => build >= least,
        (AppRule::LessThanLatest, Some(build)) => {
            build == Version::CURRENT || latest.is_some_and(|latest| build >= latest)
        }
        (AppRule::LessThan(_) | AppRule::LessThanLatest, None) => false,
    };
    if !build_is_fine {
        return Some(PhoneFault::App(phone.app));
    }
    if let Some(os) = phone.os.filter(|os| os.product.is_mobile()) {
        let known = facts.versions.of_os(os.product);
        let section = effective.operating_systems.value;
        let (outcome, age) = device::judge_os(section, os.product, os.version, known, facts.now);
        if matches!(outcome, Outcome::Denies(_)) {
            return Some(PhoneFault::Os { os: os.product, version: os.version, age });
        }
    }
    let location = effective.user_location.value;
    let country = phone.place.country;
    // Where a phone is that does not tell its place is not known, and most do not: only a known country is refused.
    let refused = !location.access_device_only && country.is_some() && location.action(country) == LocationAction::Deny;
    refused.then_some(PhoneFault::Country(country))
}

/// Step 14: the reason that helps most. A phone that would do but for its state; an authenticator that would do if there were one; or just no factor.
fn nothing_left<'a>(facts: &Facts<'_>, permitted: &Permitted, phones: &[PhoneChoice]) -> (DenyReason, Fact<'a>) {
    if !facts.application.surface.can_prompt {
        return (DenyReason::FactorRestricted, Fact::CannotPrompt);
    }
    let authenticator_would_do = !permitted.methods.intersection(Set::of(&OF_PHONES)).is_empty();
    let refused = phones.iter().find_map(|choice| choice.refused.map(|fault| (choice.phone, fault)));
    match refused {
        Some((phone, fault)) if authenticator_would_do => (fault.reason(), Fact::Phone { phone, fault }),
        None if authenticator_would_do => (DenyReason::NoActivatedDuoMobileAccount, Fact::NoAuthenticator),
        Some(_) | None => (DenyReason::FactorRestricted, Fact::Methods(Set::EMPTY)),
    }
}
