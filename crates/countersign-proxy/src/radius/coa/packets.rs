//! What a device is sent, of a server's or of our own, and what a server is told when it is refused.

use std::net::IpAddr;

use cs_radius::{Code, Packet, kind, vendor};

use crate::radius::sessions::Session;

/// The request for the device: as it came, save what belongs to one hop, and with the device named as it names itself.
pub(super) fn forwarded(packet: &Packet<'_>, session: &Session) -> Vec<(u8, Vec<u8>)> {
    let mut attributes = Vec::new();
    for attribute in packet.attributes() {
        let value = attribute.value.to_vec();
        match attribute.kind {
            kind::MESSAGE_AUTHENTICATOR | kind::PROXY_STATE => {}
            kind::NAS_IP_ADDRESS => {
                let own = match (session.nas_ip, session.device) {
                    (Some(octets), _) => Some(octets),
                    (None, IpAddr::V4(address)) => Some(address.octets()),
                    (None, IpAddr::V6(_)) => None,
                };
                attributes.extend(own.map(|octets| (kind::NAS_IP_ADDRESS, octets.to_vec())));
            }
            kind::NAS_IDENTIFIER => {
                attributes.extend(session.nas_id.clone().map(|own| (kind::NAS_IDENTIFIER, own)));
            }
            kind => attributes.push((kind, value)),
        }
    }
    attributes
}

/// Our own request to end a session, by everything that we know of it. `unix` is the time in seconds since 1970.
pub(super) fn disconnect(session: &Session, unix: u64) -> Vec<(u8, Vec<u8>)> {
    let mut attributes = vec![(kind::USER_NAME, session.user.as_bytes().to_vec())];
    let mut add = |kind: u8, value: Option<Vec<u8>>| attributes.extend(value.map(|value| (kind, value)));
    add(kind::NAS_IP_ADDRESS, session.nas_ip.map(|address| address.to_vec()));
    add(kind::NAS_IDENTIFIER, session.nas_id.clone());
    add(kind::NAS_PORT, session.nas_port.map(|port| port.to_vec()));
    add(kind::FRAMED_IP_ADDRESS, session.framed_ip.map(|address| address.to_vec()));
    add(kind::CALLING_STATION_ID, session.station.clone());
    add(kind::ACCT_SESSION_ID, session.accounting_id.clone());
    if let Some(audit) = &session.audit_id {
        let pair = [b"audit-session-id=".as_slice(), audit].concat();
        // One that is too long was never ours to know.
        add(kind::VENDOR_SPECIFIC, vendor::wrap(vendor::id::CISCO, vendor::CISCO_AVPAIR, &pair).ok());
    }
    let time = u32::try_from(unix).unwrap_or(u32::MAX);
    add(kind::EVENT_TIMESTAMP, Some(time.to_be_bytes().to_vec()));
    attributes
}

/// What a request is answered that is not done.
pub(super) fn refusal(request: Code) -> Code {
    if request == Code::CoaRequest { Code::CoaNak } else { Code::DisconnectNak }
}
