//! What names a session: in a request that means one, and in the table.

use std::net::IpAddr;

use cs_radius::{Packet, kind, vendor};

use super::Session;

/// What a session can be found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    Accounting(Vec<u8>),
    Audit(Vec<u8>),
    Framed([u8; 4]),
    User(String),
    Station(Vec<u8>),
    Device(IpAddr),
}

/// What a request says about the session it means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meant {
    /// User-Name
    pub user: Option<String>,
    /// Calling-Station-Id
    pub station: Option<Vec<u8>>,
    /// Acct-Session-Id
    pub accounting_id: Option<Vec<u8>>,
    /// `audit-session-id`
    pub audit_id: Option<Vec<u8>>,
    /// Framed-IP-Address
    pub framed_ip: Option<[u8; 4]>,
    /// NAS-Port
    pub nas_port: Option<[u8; 4]>,
}

impl Meant {
    /// By a packet.
    pub fn by(packet: &Packet<'_>) -> Self {
        Self {
            user: packet.text(kind::USER_NAME).map(str::to_lowercase),
            station: packet.first(kind::CALLING_STATION_ID).map(|station| unpadded(station).to_ascii_lowercase()),
            accounting_id: packet.first(kind::ACCT_SESSION_ID).map(<[u8]>::to_vec),
            audit_id: audit_id(packet),
            framed_ip: four(packet.first(kind::FRAMED_IP_ADDRESS)),
            nas_port: four(packet.first(kind::NAS_PORT)),
        }
    }

    /// The marks, the most telling first.
    pub(super) fn marks(&self) -> Vec<Mark> {
        let marks = [
            self.accounting_id.clone().map(Mark::Accounting),
            self.audit_id.clone().map(Mark::Audit),
            self.framed_ip.map(Mark::Framed),
            self.user.clone().map(Mark::User),
            self.station.clone().map(Mark::Station),
        ];
        marks.into_iter().flatten().collect()
    }

    /// Whether it says anything by which a session can be found.
    pub fn is_empty(&self) -> bool {
        self.marks().is_empty()
    }

    /// Whether nothing that is said of both differs.
    pub(super) fn fits(&self, session: &Session) -> bool {
        fn agree<T: PartialEq>(said: Option<&T>, known: Option<&T>) -> bool {
            said.zip(known).is_none_or(|(said, known)| said == known)
        }
        let station = session.station.as_ref().map(|station| station.to_ascii_lowercase());
        agree(self.user.as_ref(), Some(&session.user.to_lowercase()))
            && agree(self.station.as_ref(), station.as_ref())
            && agree(self.accounting_id.as_ref(), session.accounting_id.as_ref())
            && agree(self.audit_id.as_ref(), session.audit_id.as_ref())
            && agree(self.framed_ip.as_ref(), session.framed_ip.as_ref())
            && agree(self.nas_port.as_ref(), session.nas_port.as_ref())
    }
}

pub(super) fn marks_of(session: &Session) -> Vec<Mark> {
    let meant = Meant {
        user: Some(session.user.to_lowercase()),
        station: session.station.as_ref().map(|station| station.to_ascii_lowercase()),
        accounting_id: session.accounting_id.clone(),
        audit_id: session.audit_id.clone(),
        framed_ip: session.framed_ip,
        nas_port: None,
    };
    meant.marks()
}

/// Cisco's `audit-session-id`, by which ISE names a session.
pub fn audit_id(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let pairs = packet.vendor(vendor::id::CISCO, vendor::CISCO_AVPAIR);
    pairs.filter_map(|pair| pair.strip_prefix(b"audit-session-id=")).next().map(<[u8]>::to_vec)
}

/// Without zeros at its end, as [`Packet::text`] has it.
pub(super) fn unpadded(text: &[u8]) -> &[u8] {
    let len = text.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
    text.get(..len).unwrap_or_default()
}

pub(super) fn four(value: Option<&[u8]>) -> Option<[u8; 4]> {
    value?.try_into().ok()
}
