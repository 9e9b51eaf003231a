//! What downloads look like: names of lists, requests for them, and lines.

use cs_radius::{Code, Packet, Secret, kind, password, vendor};

use crate::cfg::client::RadiusClient;
use crate::radius::Random;

/// What a name begins with.
const PREFIX: &str = "#ACSACL#-";
/// What names a list in an answer.
const NAMED: &str = "ACS:CiscoSecure-Defined-ACL=";
/// What says that a request is a download.
const EVENT: &str = "aaa:event=acl-download";
/// Our Proxy-State has as many octets as our Message-Authenticator. It leaves the answer as the other comes in, so that whatever fits into a packet on its way here
/// fits on its way on.
const ROOM: usize = 16;

/// Whether a request is a download and nothing else: by its name and what it says of itself, without anything that could be checked as somebody's password.
pub fn is_download(packet: &Packet<'_>, secret: &Secret) -> bool {
    let has_password = match packet.first(kind::USER_PASSWORD) {
        None => false,
        Some(hidden) => password::reveal(hidden, secret, packet.authenticator()).is_ok_and(|typed| !typed.is_empty()),
    };
    packet.code() == Code::AccessRequest
        && packet.text(kind::USER_NAME).is_some_and(|name| name.starts_with(PREFIX))
        && packet.cisco_avpairs().any(|pair| pair == EVENT)
        && !has_password
        && [kind::CHAP_PASSWORD, kind::EAP_MESSAGE].iter().all(|kind| packet.first(*kind).is_none())
}

/// Whether a name is a list's. Nobody is called so: servers let it in without a password, and a person who types it is none.
pub fn is_list(packet: &Packet<'_>) -> bool {
    packet.first(kind::USER_NAME).is_some_and(|name| name.trim_ascii_start().starts_with(PREFIX.as_bytes()))
}

/// The lists that an attribute 26 names.
pub(super) fn named(value: &[u8]) -> impl Iterator<Item = &str> {
    let pairs = vendor::unwrap(value).filter(|pair| is_avpair(pair.vendor, pair.kind));
    let names = pairs.filter_map(|pair| std::str::from_utf8(pair.value).ok()?.strip_prefix(NAMED));
    names.filter(|name| name.starts_with(PREFIX))
}

/// What of a server's answer makes up a list, octet for octet.
pub(super) fn lines(attributes: &[(u8, Vec<u8>)]) -> Vec<(u8, Vec<u8>)> {
    attributes.iter().filter(|(kind, value)| *kind == kind::VENDOR_SPECIFIC && is_lines(value)).cloned().collect()
}

/// Whether an attribute 26 holds lines of a list and nothing beside.
fn is_lines(value: &[u8]) -> bool {
    let parts: Vec<_> = vendor::unwrap(value).collect();
    let covered = parts.iter().map(|part| part.value.len() + 2).sum::<usize>() + 4;
    let is_line = |text: &[u8]| {
        let rest = text.strip_prefix(b"ip:inacl").or_else(|| text.strip_prefix(b"ipv6:inacl"));
        rest.is_some_and(|rest| rest.starts_with(b"#") || rest.starts_with(b"="))
    };
    covered == value.len()
        && !parts.is_empty()
        && parts.iter().all(|part| is_avpair(part.vendor, part.kind) && is_line(part.value))
}

fn is_avpair(vendor: u32, kind: u8) -> bool {
    (vendor, kind) == (vendor::id::CISCO, vendor::CISCO_AVPAIR)
}

/// The request for the server: as the device sent it, save what belongs to one hop, and who asks as the client section says.
pub(super) fn forwarded(octets: &[u8], config: &RadiusClient, random: &mut Random) -> Option<Vec<(u8, Vec<u8>)>> {
    let packet = Packet::parse(octets).ok()?;
    let keeps_address = config.preserve_nas;
    let mut attributes = Vec::new();
    for attribute in packet.attributes() {
        match attribute.kind {
            kind::MESSAGE_AUTHENTICATOR => {}
            kind::NAS_IP_ADDRESS if !keeps_address => {}
            // It is empty, and hidden anew.
            kind::USER_PASSWORD => attributes.push((kind::USER_PASSWORD, Vec::new())),
            kind => attributes.push((kind, attribute.value.to_vec())),
        }
    }
    let has = |attributes: &[(u8, Vec<u8>)], wanted: u8| attributes.iter().any(|(kind, _)| *kind == wanted);
    if let Some(own) = config.nas_ip.filter(|_| !has(&attributes, kind::NAS_IP_ADDRESS)) {
        attributes.push((kind::NAS_IP_ADDRESS, own.octets().to_vec()));
    } else if !has(&attributes, kind::NAS_IP_ADDRESS) && !has(&attributes, kind::NAS_IDENTIFIER) {
        // Something must say who asks (RFC 2865 §4.1).
        attributes.push((kind::NAS_IDENTIFIER, b"countersign-proxy".to_vec()));
    }
    let mut own = vec![0; ROOM];
    random(&mut own);
    attributes.push((kind::PROXY_STATE, own));
    Some(attributes)
}
