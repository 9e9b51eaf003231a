//! Attributes of vendors, inside attribute 26 (RFC 2865 §5.26).

use crate::attribute::kind;
use crate::builder::TooLong;
use crate::packet::Packet;

/// Private enterprise numbers that mean something here.
pub mod id {
    /// Cisco
    pub const CISCO: u32 = 9;
    /// Microsoft
    pub const MICROSOFT: u32 = 311;
    /// Cisco's VPN 3000 and ASA
    pub const CISCO_ASA: u32 = 3076;
    /// Juniper
    pub const JUNIPER: u32 = 2636;
    /// Palo Alto Networks
    pub const PALO_ALTO: u32 = 25461;
    /// Fortinet
    pub const FORTINET: u32 = 12356;
}

/// Cisco-AVPair: `protocol:name=value` as text.
pub const CISCO_AVPAIR: u8 = 1;

/// One attribute of a vendor, in the form that the RFC recommends and nearly all use: one octet of kind, one of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VendorAttribute<'a> {
    /// The private enterprise number.
    pub vendor: u32,
    /// Its number within the vendor.
    pub kind: u8,
    /// Its value.
    pub value: &'a [u8],
}

/// The attributes inside the value of one attribute 26; several may share one. Ends at the first that is not of the recommended form.
pub fn unwrap(value: &[u8]) -> impl Iterator<Item = VendorAttribute<'_>> {
    let (vendor, mut rest) = match value.split_first_chunk::<4>() {
        Some((&[0, high, mid, low], rest)) => (u32::from_be_bytes([0, high, mid, low]), rest),
        Some(_) | None => (0, &[][..]),
    };
    std::iter::from_fn(move || {
        let (&[kind, len], _) = rest.split_first_chunk::<2>()?;
        let (whole, others) = rest.split_at_checked(usize::from(len))?;
        rest = others;
        Some(VendorAttribute { vendor, kind, value: whole.get(2..)? })
    })
}

/// The value of an attribute 26 with one attribute of a vendor.
///
/// Fails with [`TooLong`] if the value is longer than 247 octets.
pub fn wrap(vendor: u32, kind: u8, value: &[u8]) -> Result<Vec<u8>, TooLong> {
    let too_long = TooLong(value.len());
    let len = u8::try_from(value.len() + 2).map_err(|_| too_long)?;
    if value.len() > 247 {
        return Err(too_long);
    }
    let mut wrapped = Vec::with_capacity(value.len() + 6);
    wrapped.extend(vendor.to_be_bytes());
    wrapped.extend([kind, len]);
    wrapped.extend(value);
    Ok(wrapped)
}

impl<'a> Packet<'a> {
    /// Every attribute of every vendor.
    pub fn vendors(&self) -> impl Iterator<Item = VendorAttribute<'a>> + use<'a> {
        self.all(kind::VENDOR_SPECIFIC).flat_map(unwrap)
    }

    /// The values of all attributes of one kind of one vendor.
    pub fn vendor(&self, vendor: u32, kind: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.vendors().filter(move |found| found.vendor == vendor && found.kind == kind).map(|found| found.value)
    }

    /// Every Cisco-AVPair that is text.
    pub fn cisco_avpairs(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.vendor(id::CISCO, CISCO_AVPAIR).filter_map(|value| std::str::from_utf8(value).ok())
    }
}
