//! `countersign-proxy explain`

use std::net::IpAddr;

use clap::Args;

use super::{ConfigFile, INVALID, OK, print, told};
use crate::cfg::explain::{explain, section_of};

/// Say in words what the configuration does
///
/// With `--from`, which section a device at that address asks, and by which entry: the smallest network that contains it.
#[derive(Debug, Args)]
pub(super) struct Explain {
    #[command(flatten)]
    file: ConfigFile,
    /// A device's address
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// The port that the device asks
    #[arg(long, default_value_t = 1812, requires = "from")]
    port: u16,
}

impl Explain {
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        let (config, faults) = self.file.read()?;
        let Some(config) = config else {
            print(&format!("{}It cannot start.", told(&self.file, &faults)))?;
            return Ok(INVALID);
        };
        let Some(address) = self.from else {
            print(&explain(&config))?;
            return Ok(OK);
        };
        let Some((server, device)) = section_of(&config, self.port, address) else {
            print(&format!("No section takes {address} at port {}: its packets are dropped.", self.port))?;
            return Ok(INVALID);
        };
        print(&format!("{address} at port {} asks [{}] as {}.", self.port, server.name, device.range))?;
        Ok(OK)
    }
}
