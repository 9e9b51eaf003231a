//! Client sections: who checks the first factor.

mod ad;
mod radius;

pub use ad::{AdClient, LdapAuth, LdapTransport};
pub(super) use radius::pw_codec;
pub use radius::{Demand, NasIdentity, RadiusClient, RadiusTransport, TlsFiles};

use super::reader::Reader;

/// Who checks the first factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// A directory.
    Ad(Box<AdClient>),
    /// Another RADIUS server.
    Radius(Box<RadiusClient>),
    /// Nobody: every first factor is right.
    DuoOnly,
}

/// Which attributes are copied from one hop to the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PassThrough {
    /// Every one.
    pub all: bool,
    /// These, by number within a vendor or the RFCs.
    pub attributes: Vec<(Option<u32>, u8)>,
}

impl PassThrough {
    /// `pass_through_attr_names` and `pass_through_all`.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let key = "pass_through_attr_names";
        let mut attributes = Vec::new();
        for name in reader.list(key) {
            match cs_radius::dictionary::by_name(&name) {
                Some(entry) => attributes.push((entry.vendor, entry.kind)),
                None => reader.error(key, unknown_attribute(&name)),
            }
        }
        Self { all: reader.flag("pass_through_all", false), attributes }
    }

    /// Whether an attribute is among them.
    pub fn has(&self, vendor: Option<u32>, kind: u8) -> bool {
        self.all || self.attributes.contains(&(vendor, kind))
    }
}

/// The sentence for a name that the dictionary has not.
pub(super) fn unknown_attribute(name: &str) -> String {
    match cs_radius::dictionary::nearest(name) {
        Some(like) => format!("no attribute is called {name:?}; {like} was meant?"),
        None => format!("no attribute is called {name:?}"),
    }
}

impl Client {
    /// Reads a section `[ad_client…]`, `[radius_client…]` or `[duo_only_client…]`; `None` where something needed is missing, which is noted.
    pub(super) fn read(kind: &str, reader: &Reader<'_>) -> Option<Self> {
        match kind {
            "ad_client" => AdClient::read(reader).map(Box::new).map(Self::Ad),
            "radius_client" => RadiusClient::read(reader).map(Box::new).map(Self::Radius),
            _ => Some(Self::DuoOnly),
        }
    }
}
