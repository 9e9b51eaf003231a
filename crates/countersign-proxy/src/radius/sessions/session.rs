//! One session, and what accounting says of it.

use std::net::IpAddr;

use cs_radius::{Packet, kind};

/// A session, as its device would name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The person, as the device says.
    pub user: String,
    /// The server section that the device asks.
    pub section: String,
    /// Where the device's packets come from.
    pub device: IpAddr,
    /// NAS-IP-Address, as the device sends it.
    pub nas_ip: Option<[u8; 4]>,
    /// NAS-Identifier, as the device sends it.
    pub nas_id: Option<Vec<u8>>,
    /// Calling-Station-Id.
    pub station: Option<Vec<u8>>,
    /// Acct-Session-Id, once accounting has begun.
    pub accounting_id: Option<Vec<u8>>,
    /// Cisco's `audit-session-id`.
    pub audit_id: Option<Vec<u8>>,
    /// Framed-IP-Address.
    pub framed_ip: Option<[u8; 4]>,
    /// NAS-Port.
    pub nas_port: Option<[u8; 4]>,
    /// Class, as it was given with the login.
    pub classes: Vec<Vec<u8>>,
    /// Client sections that know of it, and may end it.
    pub clients: Vec<String>,
}

/// What accounting says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A session has begun.
    Start,
    /// It has ended.
    Stop,
    /// It goes on.
    Interim,
    /// The device has started or is about to stop: none of its sessions is there.
    Device,
    /// Something else, which is only given on.
    Other,
}

impl Status {
    /// Of a packet (RFC 2866 §5.1).
    pub fn of(packet: &Packet<'_>) -> Self {
        match packet.number(kind::ACCT_STATUS_TYPE) {
            Some(1) => Self::Start,
            Some(2) => Self::Stop,
            Some(3) => Self::Interim,
            Some(7 | 8) => Self::Device,
            Some(_) | None => Self::Other,
        }
    }
}

/// What was known and is not said again stays.
pub(super) fn merged(before: Session, now: Session) -> Session {
    let mut clients = before.clients;
    for client in now.clients {
        if !clients.contains(&client) {
            clients.push(client);
        }
    }
    Session {
        user: now.user,
        section: before.section,
        device: now.device,
        nas_ip: now.nas_ip.or(before.nas_ip),
        nas_id: now.nas_id.or(before.nas_id),
        station: now.station.or(before.station),
        accounting_id: now.accounting_id.or(before.accounting_id),
        audit_id: now.audit_id.or(before.audit_id),
        framed_ip: now.framed_ip.or(before.framed_ip),
        nas_port: now.nas_port.or(before.nas_port),
        classes: if now.classes.is_empty() { before.classes } else { now.classes },
        clients,
    }
}

/// `255.255.255.254` and `.255` ask for any address (RFC 2865 §5.8), and are none.
pub(super) fn is_address(octets: [u8; 4]) -> bool {
    !matches!(octets, [255, 255, 255, 254 | 255])
}
