//! Directories that real programs serve: OpenLDAP and Samba as a domain controller.
//!
//! Each test process has a loopback address of its own, so that ports can be any and meet nobody's.

mod authority;
mod samba;
mod slapd;

use std::net::Ipv4Addr;

pub use authority::Authority;
pub use samba::Samba;
pub use slapd::{Slapd, foundation};

/// Everybody's password, with a comma as VPN users have them.
pub const PASSWORD: &str = "S3cret,pw";
/// The service account's.
pub const SERVICE_PASSWORD: &str = "Look-up.4";

/// An address of this process alone: its number, of at most 22 bits, behind 127.64.
fn own_address() -> Ipv4Addr {
    let number = std::process::id();
    assert!(number < 1 << 22, "processes have longer numbers here");
    Ipv4Addr::from(0x7f40_0000 | number)
}
