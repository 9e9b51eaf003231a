//! What a directory says about a password beside yes and no: OpenLDAP's control (draft-behera-ldap-password-policy) and 389 Directory Server's.

use cs_ldap::ber::{BOOLEAN, OCTET_STRING, Reader, SEQUENCE, Writer, number};
use cs_ldap::{Malformed, tag};

/// The control of the draft, asked for and answered.
const POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// The password is right and has expired: it can only be changed.
const EXPIRED: &str = "2.16.840.1.113730.3.4.4";

/// What the directory added to the end of a bind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) error: Option<PolicyError>,
    /// Logins that are left with the old password.
    pub(super) grace_logins: Option<i32>,
    /// Seconds until it expires.
    pub(super) expires_in: Option<i32>,
}

/// The draft's errors that a bind can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyError {
    Expired,
    Locked,
    MustChange,
    /// Any other of its numbers; none belongs to a bind.
    Other,
}

/// The controls of a bind that wants to know: `SEQUENCE OF { controlType }`, not critical.
pub(super) fn asked() -> Vec<u8> {
    let mut writer = Writer::with_room(64);
    writer.nested(tag::CONTROLS, |list| {
        list.nested(SEQUENCE, |control| _ = control.octets(OCTET_STRING, POLICY.as_bytes()));
    });
    writer.into_octets().to_vec()
}

/// What the controls of an answer say; `controls` is the whole element, or nothing.
///
/// Fails if they are not in order.
pub(super) fn told(controls: &[u8]) -> Result<Policy, Malformed> {
    let mut policy = Policy::default();
    let Some(list) = Reader::new(controls).optional(tag::CONTROLS)? else { return Ok(policy) };
    let mut list = Reader::new(list);
    while !list.is_empty() {
        let mut control = Reader::new(list.expect(SEQUENCE)?);
        let kind = control.expect(OCTET_STRING)?;
        control.optional(BOOLEAN)?;
        let value = control.optional(OCTET_STRING)?.unwrap_or_default();
        if kind == POLICY.as_bytes() {
            let read = read(value)?;
            policy = Policy { error: policy.error.or(read.error), ..read };
        } else if kind == EXPIRED.as_bytes() {
            policy.error = policy.error.or(Some(PolicyError::MustChange));
        }
    }
    Ok(policy)
}

/// `SEQUENCE { warning [0] CHOICE { timeBeforeExpiration [0], graceAuthNsRemaining [1] } OPTIONAL, error [1] ENUMERATED OPTIONAL }`
fn read(value: &[u8]) -> Result<Policy, Malformed> {
    let mut policy = Policy::default();
    let mut inside = Reader::new(Reader::new(value).expect(SEQUENCE)?);
    if let Some(warning) = inside.optional(0xA0)? {
        let mut warning = Reader::new(warning);
        policy.expires_in = warning.optional(0x80)?.map(number).transpose()?;
        policy.grace_logins = warning.optional(0x81)?.map(number).transpose()?;
    }
    policy.error = match inside.optional(0x81)?.map(number).transpose()? {
        None => None,
        Some(0) => Some(PolicyError::Expired),
        Some(1) => Some(PolicyError::Locked),
        Some(2) => Some(PolicyError::MustChange),
        Some(_) => Some(PolicyError::Other),
    };
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(kind: &str, value: Option<&[u8]>) -> Vec<u8> {
        let mut writer = Writer::with_room(64);
        writer.nested(tag::CONTROLS, |list| {
            list.nested(SEQUENCE, |control| {
                control.octets(OCTET_STRING, kind.as_bytes()).truth(BOOLEAN, false);
                if let Some(value) = value {
                    control.octets(OCTET_STRING, value);
                }
            });
        });
        writer.into_octets().to_vec()
    }

    #[test]
    fn the_drafts_answers_are_told_apart() {
        let error = |error| Policy { error: Some(error), ..Policy::default() };
        let told_by: [(&[u8], Policy); 7] = [
            (b"\x30\x00", Policy::default()),
            (b"\x30\x03\x81\x01\x00", error(PolicyError::Expired)),
            (b"\x30\x03\x81\x01\x01", error(PolicyError::Locked)),
            (b"\x30\x03\x81\x01\x02", error(PolicyError::MustChange)),
            (b"\x30\x03\x81\x01\x08", error(PolicyError::Other)),
            (b"\x30\x05\xa0\x03\x81\x01\x04", Policy { grace_logins: Some(4), ..Policy::default() }),
            (b"\x30\x06\xa0\x04\x80\x02\x0e\x10", Policy { expires_in: Some(3600), ..Policy::default() }),
        ];
        for (value, expected) in told_by {
            assert_eq!(told(&control(POLICY, Some(value))), Ok(expected), "{value:x?}");
        }
        assert_eq!(told(&control(EXPIRED, None)), Ok(error(PolicyError::MustChange)));
        assert_eq!(told(&control("1.2.3", Some(b"x"))), Ok(Policy::default()));
        assert_eq!(told(b""), Ok(Policy::default()));
        assert!(told(&control(POLICY, Some(b"\x30\x05\x81"))).is_err());
    }
}
