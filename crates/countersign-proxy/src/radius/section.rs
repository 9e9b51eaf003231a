//! A section as it serves: its devices with what was learned about them.

use std::net::IpAddr;
use std::sync::Arc;

use cs_radius::{Code, Integrity, Packet, Secret, kind, request_integrity};

use super::eap::Terms;
use crate::cfg::client::Demand;
use crate::cfg::radius_server::{Device, Mode, RadiusServer};

/// A section.
#[derive(Debug)]
pub struct Section {
    /// What the configuration says.
    pub server: RadiusServer,
    /// Shared with every login.
    pub mode: Arc<Mode>,
    /// How EAP ends here, where it does.
    pub eap: Option<Terms>,
    devices: Vec<Known>,
}

/// A device, and what its packets have shown.
#[derive(Debug)]
struct Known {
    device: Device,
    /// It has sent a right Message-Authenticator.
    has_signed: bool,
    /// Its first packet had a Proxy-State: it stands behind another proxy.
    is_behind_proxy: Option<bool>,
}

/// Why a packet is dropped without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// Nobody at this address may ask.
    UnknownClient,
    /// It is no packet.
    Malformed,
    /// It is no request that is served here.
    NotServed,
    /// Its Message-Authenticator was made with another secret.
    WrongSecret,
    /// It has no Message-Authenticator, and must have one.
    Unsigned,
    /// It has no Message-Authenticator but a Proxy-State: so CVE-2024-3596 begins.
    ProxyStateUnsigned,
    /// Too many logins wait.
    Busy,
}

impl Dropped {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::UnknownClient,
        Self::Malformed,
        Self::NotServed,
        Self::WrongSecret,
        Self::Unsigned,
        Self::ProxyStateUnsigned,
        Self::Busy,
    ];

    /// In a word, for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::UnknownClient => "unknown-client",
            Self::Malformed => "malformed",
            Self::NotServed => "not-served",
            Self::WrongSecret => "wrong-secret",
            Self::Unsigned => "no-message-authenticator",
            Self::ProxyStateUnsigned => "proxy-state-unsigned",
            Self::Busy => "busy",
        }
    }
}

impl Section {
    /// Of a configuration.
    pub fn new(server: RadiusServer) -> Self {
        let known = |device: &Device| Known { device: device.clone(), has_signed: false, is_behind_proxy: None };
        let devices = server.devices.iter().map(known).collect();
        Self { mode: Arc::new(server.mode.clone()), eap: None, devices, server }
    }

    /// The same, with how EAP ends here, where it does.
    pub fn with_eap(self, eap: Option<Terms>) -> Self {
        Self { eap, ..self }
    }

    /// Takes over what another section has learned of the same devices: addresses and secret are the same.
    pub fn learn_from(&mut self, other: &Self) {
        for known in &mut self.devices {
            let same =
                |one: &&Known| (one.device.range, &one.device.secret) == (known.device.range, &known.device.secret);
            if let Some(before) = other.devices.iter().find(same) {
                (known.has_signed, known.is_behind_proxy) = (before.has_signed, before.is_behind_proxy);
            }
        }
    }

    /// The entry that an address falls under: the smallest network that contains it.
    pub fn device_of(&self, address: IpAddr) -> Option<usize> {
        let within = self.devices.iter().enumerate().filter(|(_, known)| known.device.range.contains(address));
        within.min_by_key(|(_, known)| known.device.range.size()).map(|(at, _)| at)
    }

    /// How many addresses the entry has, to choose between sections.
    pub fn size_of(&self, device: usize) -> u128 {
        self.devices.get(device).map_or(u128::MAX, |known| known.device.range.size())
    }

    /// The entry itself.
    pub fn device(&self, device: usize) -> Option<&Device> {
        self.devices.get(device).map(|known| &known.device)
    }

    /// The secret shared with a device.
    pub fn secret(&self, device: usize) -> Option<&Secret> {
        self.device(device).map(|device| &device.secret)
    }

    /// Whether a request may be looked at. What it shows of the device is remembered.
    ///
    /// Fails with the reason for which it is dropped.
    pub fn admit(&mut self, device: usize, request: &Packet<'_>) -> Result<(), Dropped> {
        let (demand, limit) = (self.server.require_message_authenticator, self.server.limit_proxy_state);
        let known = self.devices.get_mut(device).ok_or(Dropped::UnknownClient)?;
        let integrity = request_integrity(request, &known.device.secret);
        let has_proxy_state = request.first(kind::PROXY_STATE).is_some();
        let is_behind_proxy = known.is_behind_proxy.unwrap_or(has_proxy_state);
        match integrity {
            // Old devices sign where they must, and nowhere else: that teaches nothing of their other packets.
            Integrity::Valid if is_always_signed(request) => {}
            Integrity::Valid => known.has_signed = true,
            Integrity::Wrong => return Err(Dropped::WrongSecret),
            Integrity::Absent if demanded(demand, known.has_signed) => return Err(Dropped::Unsigned),
            Integrity::Absent if has_proxy_state && demanded(limit, !is_behind_proxy) => {
                return Err(Dropped::ProxyStateUnsigned);
            }
            Integrity::Absent => {}
        }
        // A proxy asks for itself whether we are here, without a Proxy-State: that teaches nothing of what it passes on.
        if request.code() == Code::AccessRequest {
            known.is_behind_proxy = Some(is_behind_proxy);
        }
        Ok(())
    }
}

/// EAP and Status-Server (RFC 3579 §3.1, RFC 5997 §3).
fn is_always_signed(request: &Packet<'_>) -> bool {
    request.code() == Code::StatusServer || request.first(kind::EAP_MESSAGE).is_some()
}

/// `auto` demands what was seen to be there.
fn demanded(demand: Demand, as_seen: bool) -> bool {
    match demand {
        Demand::Yes => true,
        Demand::No => false,
        Demand::Auto => as_seen,
    }
}
