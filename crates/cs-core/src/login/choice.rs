//! From what a client asked for to one concrete factor.

use super::reason::{Denial, DenyReason};
use crate::device::Phone;
use crate::id::PhoneId;
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
    /// The user must type a passcode; nothing to start.
    Passcode,
}

/// Chooses the factor for `request` on `device`.
///
/// Fails with the denial to give: an unknown device, or a factor that this user or this server cannot do.
pub fn choose<'a>(user: &'a User, request: FactorRequest, device: Choice) -> Result<Chosen<'a>, Denial> {
    match request {
        FactorRequest::Auto => {
            let wants_passcode = user.default_factor == Some(DefaultFactor::Passcode);
            match push_target(user, device) {
                Ok(phone) if !wants_passcode => Ok(Chosen::Push(phone)),
                Ok(_) => Ok(Chosen::Passcode),
                Err(denial) if denial.reason == DenyReason::InvalidDevice => Err(denial),
                Err(_) => Ok(Chosen::Passcode),
            }
        }
        FactorRequest::Push => push_target(user, device).map(Chosen::Push),
        FactorRequest::Phone => {
            Err(Denial::new(DenyReason::FactorRestricted, "phone calls: no telephony gateway is configured"))
        }
        FactorRequest::Sms => {
            Err(Denial::new(DenyReason::FactorRestricted, "SMS passcodes: no telephony gateway is configured"))
        }
    }
}

fn push_target(user: &User, device: Choice) -> Result<&Phone, Denial> {
    let mut able = user.phones.iter().filter(|p| p.can_push());
    match device {
        Choice::Auto => able.next().ok_or_else(no_push),
        Choice::Nth(n) => n.checked_sub(1).and_then(|n| able.nth(n)).ok_or_else(no_push),
        Choice::Device(id) => {
            let phone = user.phones.iter().find(|p| p.id == id);
            let phone = phone
                .ok_or_else(|| Denial::new(DenyReason::InvalidDevice, format!("{id} is not a device of the user")))?;
            if phone.can_push() { Ok(phone) } else { Err(no_push()) }
        }
    }
}

fn no_push() -> Denial {
    Denial::new(DenyReason::FactorRestricted, "push: no activated authenticator")
}
