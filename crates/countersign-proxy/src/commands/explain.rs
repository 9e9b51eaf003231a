//! `countersign-proxy explain`

use std::net::IpAddr;

use clap::Args;

use super::{ConfigFile, INVALID, OK, print, told};
use crate::cfg::explain::{explain, ports_of, section_of};

/// Say in words what the configuration does
///
/// With `--from`, which section a device at that address asks, and by which entry: the smallest network that contains it.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 said, 1 the proxy cannot start with the file, or no section takes the address, 2 wrong arguments.

Examples:
  countersign-proxy explain
  countersign-proxy explain -c authproxy.cfg --from 10.1.9.7 --port 1645")]
pub(super) struct Explain {
    #[command(flatten)]
    file: ConfigFile,
    /// A device's address
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// The UDP port that the device asks
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
            let ports: Vec<String> = ports_of(&config, address).iter().map(u16::to_string).collect();
            let elsewhere = match ports.join(", ") {
                none if none.is_empty() => String::new(),
                ports => format!(" It is taken at port {ports}: give it by --port."),
            };
            let port = self.port;
            print(&format!("No section takes {address} at port {port}: its packets are dropped.{elsewhere}"))?;
            return Ok(INVALID);
        };
        print(&format!("{address} at port {} asks [{}] as {}.", self.port, server.name, device.range))?;
        Ok(OK)
    }
}
