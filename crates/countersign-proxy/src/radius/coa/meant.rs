//! Which session a server means, and why it may mean none.

use std::net::IpAddr;

use cs_radius::{Packet, kind, vendor};

use super::{Now, Origin};
use crate::radius::sessions::{Meant, Session, SessionId, Sessions};

/// Error-Cause (RFC 5176 §3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    UnsupportedAttribute = 401,
    MissingAttribute = 402,
    NasMismatch = 403,
    NoSession = 503,
    SeveralSessions = 508,
}

impl Cause {
    /// For the log.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::UnsupportedAttribute => "a value is hidden for one hop",
            Self::MissingAttribute => "nothing says which session is meant",
            Self::NasMismatch => "the session is at another device than the one that is named",
            Self::NoSession => "no such session is known",
            Self::SeveralSessions => "sessions at several devices are meant",
        }
    }
}

/// The one session that is meant; of several at one device, any: the device reads the request itself.
pub(super) fn meant(
    packet: &Packet<'_>,
    origin: &Origin,
    clients: &[String],
    sessions: &mut Sessions,
    now: &Now<'_>,
) -> Result<SessionId, Cause> {
    if packet.attributes().any(|attribute| is_hidden(attribute.kind, attribute.value)) {
        return Err(Cause::UnsupportedAttribute);
    }
    let by = Meant::by(packet);
    if by.is_empty() {
        return Err(Cause::MissingAttribute);
    }
    let found = sessions.meant(&by, clients, now.at);
    if found.is_empty() {
        return Err(Cause::NoSession);
    }
    let at_named: Vec<SessionId> = found
        .into_iter()
        .filter(|id| sessions.get(*id).is_some_and(|session| names_device(packet, session, origin, now.is_own)))
        .collect();
    let first = *at_named.first().ok_or(Cause::NasMismatch)?;
    let device = sessions.get(first).map(|session| session.device);
    if at_named.iter().any(|id| sessions.get(*id).map(|session| session.device) != device) {
        return Err(Cause::SeveralSessions);
    }
    Ok(first)
}

/// Whether the device that a request names is the one of a session. A server that knows the proxy alone names the proxy.
fn names_device(packet: &Packet<'_>, session: &Session, origin: &Origin, is_own: &dyn Fn(IpAddr) -> bool) -> bool {
    let by_address = packet.all(kind::NAS_IP_ADDRESS).all(|value| {
        let Ok(octets) = <[u8; 4]>::try_from(value) else { return false };
        let address = IpAddr::from(octets);
        session.nas_ip == Some(octets) || session.device == address || origin.nas_ip == Some(address) || is_own(address)
    });
    let by_name = packet
        .all(kind::NAS_IDENTIFIER)
        .all(|value| value == b"countersign-proxy" || session.nas_id.as_deref().is_none_or(|own| own == value));
    by_address && by_name
}

/// Whether a value is hidden under the secret of one hop.
fn is_hidden(kind: u8, value: &[u8]) -> bool {
    const MPPE: [u8; 3] = [12, 16, 17];
    let is_mppe =
        |found: vendor::VendorAttribute<'_>| found.vendor == vendor::id::MICROSOFT && MPPE.contains(&found.kind);
    match kind {
        kind::USER_PASSWORD | kind::CHAP_PASSWORD | kind::TUNNEL_PASSWORD => true,
        kind::VENDOR_SPECIFIC => vendor::unwrap(value).any(is_mppe),
        _ => false,
    }
}
