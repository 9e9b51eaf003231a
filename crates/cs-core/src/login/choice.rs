//! From what a client asked for to one concrete factor.

use super::passcode::Match;
use super::reason::{Denial, DenyReason};
use crate::device::Phone;
use crate::id::PhoneId;
use crate::policy::{Challenge, Method};
use crate::user::{DefaultFactor, User};

/// What a client asked for, passcodes aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorRequest {
    /// The user's default: a push if one is possible.
    Auto,
    /// A push.
    Push,
    /// A phone call.
    Phone,
    /// Passcodes by SMS.
    Sms,
}

/// Which of the user's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The first that can.
    Auto,
    /// This one.
    Device(PhoneId),
    /// The n-th of those that can, counted from 1 (the `push2` of a menu).
    Nth(usize),
}

/// The factor to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen<'a> {
    /// A push to this phone.
    Push(&'a Phone),
    /// A call to this phone.
    Call(&'a Phone),
    /// New passcodes by SMS to this phone.
    Sms(&'a Phone),
    /// The user must type a passcode; nothing to start.
    Passcode,
}

/// Chooses the factor for `request` on `device`, of those that the policy leaves.
///
/// Fails with the denial to give: an unknown device, or a factor that this user, this server or the policy cannot do.
pub fn choose<'a>(
    user: &'a User,
    allowed: &Challenge,
    request: FactorRequest,
    device: Choice,
) -> Result<Chosen<'a>, Denial> {
    match request {
        FactorRequest::Auto => {
            let wants_passcode = user.default_factor == Some(DefaultFactor::Passcode);
            match push_target(user, allowed, device) {
                Ok(phone) if !wants_passcode => Ok(Chosen::Push(phone)),
                Ok(_) => Ok(Chosen::Passcode),
                // Messages are never sent unless they are asked for.
                Err(denial) => match telephone(user, allowed, Method::Phonecall, device) {
                    Ok(phone) if !wants_passcode => Ok(Chosen::Call(phone)),
                    Ok(_) | Err(_) if denial.reason != DenyReason::InvalidDevice => Ok(Chosen::Passcode),
                    Ok(_) | Err(_) => Err(denial),
                },
            }
        }
        FactorRequest::Push => push_target(user, allowed, device).map(Chosen::Push),
        FactorRequest::Phone => telephone(user, allowed, Method::Phonecall, device).map(Chosen::Call),
        FactorRequest::Sms => telephone(user, allowed, Method::Sms, device).map(Chosen::Sms),
    }
}

fn push_target<'a>(user: &'a User, allowed: &Challenge, device: Choice) -> Result<&'a Phone, Denial> {
    let mut able = user.phones.iter().filter(|phone| allowed.may_push(phone.id));
    let found = match device {
        Choice::Auto => able.next(),
        Choice::Nth(n) => n.checked_sub(1).and_then(|n| able.nth(n)),
        Choice::Device(id) => {
            let phone = user.phones.iter().find(|p| p.id == id);
            let phone = phone
                .ok_or_else(|| Denial::new(DenyReason::InvalidDevice, format!("{id} is not a device of the user")))?;
            if phone.can_push() {
                allowed.refusal(id)?;
            }
            allowed.may_push(id).then_some(phone)
        }
    };
    found.ok_or_else(|| no_push(user, allowed))
}

/// The phones of `user` that take messages or calls, whichever `method` is, and that the policy leaves, in their order.
pub fn telephones<'a>(user: &'a User, allowed: &Challenge, method: Method) -> impl Iterator<Item = &'a Phone> {
    let is_left = allowed.methods.contains(method);
    let takes = move |phone: &&Phone| match method {
        Method::Sms => phone.can_text(),
        Method::Phonecall => phone.can_call(),
        _ => false,
    };
    user.phones.iter().filter(move |_| is_left).filter(takes)
}

fn telephone<'a>(user: &'a User, allowed: &Challenge, method: Method, device: Choice) -> Result<&'a Phone, Denial> {
    let what = if method == Method::Sms { "SMS passcodes" } else { "phone calls" };
    let restricted = |why| Denial::new(DenyReason::FactorRestricted, format!("{what}: {why}"));
    if !allowed.methods.contains(method) {
        return Err(restricted(
            "no gateway is configured for them, no phone has a number, or the policy does not allow them here",
        ));
    }
    let mut able = telephones(user, allowed, method);
    match device {
        Choice::Auto => able.next(),
        Choice::Nth(n) => n.checked_sub(1).and_then(|n| able.nth(n)),
        Choice::Device(id) => {
            if !user.phones.iter().any(|phone| phone.id == id) {
                return Err(Denial::new(DenyReason::InvalidDevice, format!("{id} is not a device of the user")));
            }
            able.find(|phone| phone.id == id)
        }
    }
    .ok_or_else(|| restricted("this phone takes none"))
}

/// Why no push can be sent: the state of a phone that could take one, the policy, or that there is none.
fn no_push(user: &User, allowed: &Challenge) -> Denial {
    let mut activated = user.phones.iter().filter(|phone| phone.can_push()).peekable();
    if activated.peek().is_none() {
        return Denial::new(DenyReason::FactorRestricted, "push: no activated authenticator");
    }
    let refused = activated.find_map(|phone| allowed.refusal(phone.id).err());
    refused.unwrap_or_else(|| Denial::new(DenyReason::FactorRestricted, "push: the policy does not allow it here"))
}

/// Whether the policy lets the passcode that `matched` in. Bypass codes are never restricted.
pub fn may_use(allowed: &Challenge, matched: Match<'_>) -> Result<(), Denial> {
    let (method, what) = match matched {
        Match::BypassCode(_) => return Ok(()),
        Match::Token(_) => (Method::HardwareToken, "codes of hardware tokens"),
        Match::SmsCode(_) => (Method::Sms, "passcodes by SMS"),
        Match::Phone(phone) => {
            allowed.refusal(phone.id)?;
            (Method::DuoPasscode, "codes of the authenticator")
        }
    };
    if allowed.methods.contains(method) {
        return Ok(());
    }
    Err(Denial::new(DenyReason::FactorRestricted, format!("{what}: the policy does not allow them here")))
}
