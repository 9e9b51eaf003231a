//! Devices by their addresses, over all sections: who sends accounting, and where a session can be ended.

use std::net::IpAddr;

use cs_radius::Secret;

use crate::cfg::network::AddressRange;
use crate::cfg::radius_server::RadiusServer;

/// An entry `radius_ip_N` of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The section's name.
    pub section: String,
    /// The client section behind it.
    pub client: Option<String>,
    /// Shared with the device.
    pub secret: Secret,
    /// Where the device takes disconnects.
    pub coa_port: u16,
    range: AddressRange,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Devices {
    /// The smallest ranges first.
    entries: Vec<Entry>,
}

impl Devices {
    /// Of all sections.
    pub fn of(servers: &[RadiusServer]) -> Self {
        let entry = |server: &RadiusServer, device: &crate::cfg::radius_server::Device| Entry {
            section: server.name.clone(),
            client: server.client.clone(),
            secret: device.secret.clone(),
            coa_port: device.coa_port,
            range: device.range,
        };
        let mut entries: Vec<Entry> =
            servers.iter().flat_map(|server| server.devices.iter().map(move |device| entry(server, device))).collect();
        entries.sort_by_key(|entry| entry.range.size());
        Self { entries }
    }

    /// Whoever may be meant by an address, the closest first: a device may ask several sections, with another secret at each.
    pub fn at(&self, address: IpAddr) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.range.contains(address))
    }

    /// The entry that an address has in a section.
    pub fn of_section(&self, section: &str, address: IpAddr) -> Option<&Entry> {
        self.at(address).find(|entry| entry.section == section)
    }
}
