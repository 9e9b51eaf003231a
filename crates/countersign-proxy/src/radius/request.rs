//! What a device says about a login, beside the password.

use std::net::{IpAddr, SocketAddr};

use cs_radius::{Packet, kind};
use zeroize::Zeroizing;

use super::proof::{Protocol, is_mschap};
use super::sessions::audit_id;
use crate::cfg::radius_server::RadiusServer;

/// An Access-Request without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The name as it was sent.
    pub user: String,
    /// Where the person is, if the device says so.
    pub address: Option<IpAddr>,
    /// Calling-Station-Id, whatever it holds.
    pub station: Option<String>,
    /// Where the packet came from.
    pub from: SocketAddr,
    /// NAS-IP-Address.
    pub nas_ip: Option<IpAddr>,
    /// NAS-Identifier.
    pub nas_id: Option<String>,
    /// NAS-Port.
    pub nas_port: Option<u32>,
    /// Service-Type.
    pub service: Option<u32>,
    /// Cisco's `audit-session-id`, by which the session is named later.
    pub audit_id: Option<Vec<u8>>,
    /// Acct-Session-Id, where the device has one already.
    pub accounting_id: Option<Vec<u8>>,
    /// How the first factor is shown; `None` by a password.
    pub protocol: Option<Protocol>,
    /// A `bypass_rule` names it: the RADIUS server behind decides alone.
    pub is_bypassed: bool,
    /// What travels on to the next server: kind and value.
    pub passed: Vec<(u8, Vec<u8>)>,
    /// Passwords are ISO 8859-1.
    is_latin: bool,
}

/// A password that is no text: most often the secrets of both ends differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotText;

impl Request {
    /// Out of a packet; `None` without a name.
    pub fn read(packet: &Packet<'_>, server: &RadiusServer, from: SocketAddr) -> Option<Self> {
        let user = packet.text(kind::USER_NAME).filter(|name| !name.is_empty())?.to_owned();
        let (vendor, attribute) = server.client_ip_attr;
        let told = match vendor {
            None => packet.text(attribute).map(str::to_owned),
            Some(vendor) => {
                packet.vendor(vendor, attribute).find_map(|value| std::str::from_utf8(value).ok()).map(str::to_owned)
            }
        };
        let nas_ip = packet.number(kind::NAS_IP_ADDRESS).map(|number| IpAddr::from(number.to_be_bytes()));
        Some(Self {
            user,
            address: told.and_then(|text| text.trim_end_matches('\0').trim().parse().ok()),
            station: packet.text(kind::CALLING_STATION_ID).map(str::to_owned),
            from,
            nas_ip,
            nas_id: packet.text(kind::NAS_IDENTIFIER).map(str::to_owned),
            nas_port: packet.number(kind::NAS_PORT),
            service: packet.number(kind::SERVICE_TYPE),
            audit_id: audit_id(packet),
            accounting_id: packet.first(kind::ACCT_SESSION_ID).map(<[u8]>::to_vec),
            protocol: None,
            // Whoever could alter the packet on its way could make a login of a person one of a device.
            is_bypassed: packet.has_message_authenticator() && server.bypass_rules.iter().any(|rule| rule.fits(packet)),
            passed: passed(packet, server),
            is_latin: server.pw_codec == "latin-1",
        })
    }

    /// What sessions are learned from, without a section.
    #[cfg(test)]
    pub(super) fn read_for_tests(packet: &Packet<'_>, from: SocketAddr) -> Self {
        Self {
            user: packet.text(kind::USER_NAME).unwrap_or_default().to_owned(),
            address: None,
            station: packet.text(kind::CALLING_STATION_ID).map(str::to_owned),
            from,
            nas_ip: packet.number(kind::NAS_IP_ADDRESS).map(|number| IpAddr::from(number.to_be_bytes())),
            nas_id: packet.text(kind::NAS_IDENTIFIER).map(str::to_owned),
            nas_port: packet.number(kind::NAS_PORT),
            service: None,
            audit_id: audit_id(packet),
            accounting_id: packet.first(kind::ACCT_SESSION_ID).map(<[u8]>::to_vec),
            protocol: None,
            is_bypassed: false,
            passed: Vec::new(),
            is_latin: false,
        }
    }

    /// Of an application that is no RADIUS device: who, and where the application is.
    pub fn of_application(user: &str, from: SocketAddr) -> Self {
        Self {
            user: user.to_owned(),
            address: None,
            station: None,
            from,
            nas_ip: Some(from.ip()),
            nas_id: None,
            nas_port: None,
            service: None,
            audit_id: None,
            accounting_id: None,
            protocol: None,
            is_bypassed: false,
            passed: Vec::new(),
            is_latin: false,
        }
    }

    /// A password as text.
    ///
    /// Fails if it is none.
    pub fn decoded(&self, password: &[u8]) -> Result<Zeroizing<String>, NotText> {
        if self.is_latin {
            return Ok(Zeroizing::new(password.iter().copied().map(char::from).collect()));
        }
        std::str::from_utf8(password).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| NotText)
    }

    /// A password as the next server takes it.
    ///
    /// Fails if it cannot be written so.
    pub fn encoded(&self, password: &str) -> Result<Zeroizing<Vec<u8>>, NotText> {
        if !self.is_latin {
            return Ok(Zeroizing::new(password.as_bytes().to_vec()));
        }
        let octets: Result<Vec<u8>, _> = password.chars().map(u8::try_from).collect();
        octets.map(Zeroizing::new).map_err(|_| NotText)
    }
}

/// What of a request never travels on as it is: it is made anew for each hop.
const OWN: [u8; 9] = [
    kind::USER_NAME,
    kind::USER_PASSWORD,
    kind::CHAP_PASSWORD,
    kind::CHAP_CHALLENGE,
    kind::STATE,
    kind::PROXY_STATE,
    kind::EAP_MESSAGE,
    kind::MESSAGE_AUTHENTICATOR,
    kind::NAS_IP_ADDRESS,
];

fn passed(packet: &Packet<'_>, server: &RadiusServer) -> Vec<(u8, Vec<u8>)> {
    let wanted = |kind: u8, value: &[u8]| match kind {
        kind if OWN.contains(&kind) => false,
        kind::VENDOR_SPECIFIC => {
            let named =
                |found: cs_radius::vendor::VendorAttribute<'_>| server.pass_through.has(Some(found.vendor), found.kind);
            server.pass_through.all || cs_radius::vendor::unwrap(value).any(named)
        }
        kind => server.pass_through.has(None, kind),
    };
    packet
        .attributes()
        .filter(|attribute| wanted(attribute.kind, attribute.value) && !is_mschap(attribute))
        .map(|attribute| (attribute.kind, attribute.value.to_vec()))
        .collect()
}
