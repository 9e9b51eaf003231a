//! MS-CHAP's attributes (RFC 2548, RFC 2759 §6): read as far as a proxy must understand them.

use crate::packet::Packet;
use crate::vendor::id;

/// MS-CHAP-Response, of the first version.
pub const RESPONSE: u8 = 1;
/// MS-CHAP-Error
pub const ERROR: u8 = 2;
/// MS-CHAP-CPW-2: a change of password, first version
pub const CPW_2: u8 = 4;
/// MS-CHAP-Challenge
pub const CHALLENGE: u8 = 11;
/// MS-CHAP2-Response
pub const RESPONSE_2: u8 = 25;
/// MS-CHAP2-Success
pub const SUCCESS_2: u8 = 26;
/// MS-CHAP2-CPW: a change of password
pub const CPW_2_V2: u8 = 27;

/// Which of MS-CHAP's exchanges a request is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MsChap {
    /// A login, first version.
    V1,
    /// A login, second version.
    V2,
    /// A new password instead of one that has expired.
    ChangePassword,
}

impl MsChap {
    /// What the request is, if it is any.
    pub fn of(request: &Packet<'_>) -> Option<Self> {
        let has = |kind| request.vendor(id::MICROSOFT, kind).next().is_some();
        if has(CPW_2_V2) || has(CPW_2) {
            Some(Self::ChangePassword)
        } else if has(RESPONSE_2) {
            Some(Self::V2)
        } else if has(RESPONSE) {
            Some(Self::V1)
        } else {
            None
        }
    }
}

/// Why a login failed (RFC 2759 §6).
pub mod error {
    /// Not at this hour.
    pub const RESTRICTED_LOGON_HOURS: u16 = 646;
    /// The account is disabled.
    pub const ACCOUNT_DISABLED: u16 = 647;
    /// The password has expired; the client offers to change it.
    pub const PASSWD_EXPIRED: u16 = 648;
    /// May not come in this way.
    pub const NO_DIALIN_PERMISSION: u16 = 649;
    /// A wrong name or password.
    pub const AUTHENTICATION_FAILURE: u16 = 691;
    /// The new password was refused.
    pub const CHANGING_PASSWORD: u16 = 709;
}

/// The error of a refusal: the number after `E=` of its first MS-CHAP-Error.
pub fn error_of(reply: &Packet<'_>) -> Option<u16> {
    let value = reply.vendor(id::MICROSOFT, ERROR).next()?;
    // One octet of identifier, then text.
    let text = std::str::from_utf8(value.get(1..)?).ok()?;
    text.split(' ').find_map(|word| word.strip_prefix("E="))?.parse().ok()
}

/// The value of an MS-CHAP-Error without a second try. `identifier` is the first octet of the response that it answers.
pub fn refusal(identifier: u8, error: u16, challenge: &[u8; 16]) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = format!("E={error} R=0 C=");
    for octet in challenge {
        // Writing to a string does not fail.
        _ = write!(text, "{octet:02X}");
    }
    text.push_str(" V=3");
    let mut value = vec![identifier];
    value.extend(text.bytes());
    value
}

/// The identifier of the response in a request, which an error repeats.
pub fn identifier_of(request: &Packet<'_>) -> u8 {
    [CPW_2_V2, RESPONSE_2, CPW_2, RESPONSE]
        .iter()
        .find_map(|&kind| {
            let value = request.vendor(id::MICROSOFT, kind).next()?;
            // In a change of password the code comes first.
            if matches!(kind, CPW_2_V2 | CPW_2) { value.get(1).copied() } else { value.first().copied() }
        })
        .unwrap_or_default()
}
