//! Accounting on its way to the server behind (RFC 2866): what a record is, and which is known already. What is sent next: see [`Feed`].
//!
//! A device is answered as soon as its record is on the disk; from there on the record is ours to deliver, in order, however long the server is away.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use cs_radius::{Packet, kind};

mod feed;

pub use feed::{Failed, Feed};

/// The same record in another packet is known for so long.
const KNOWN_FOR: Duration = Duration::from_secs(300);
/// So many of them; beyond, the oldest are forgotten.
const MOST_KNOWN: usize = 100_000;

/// The place of a record in the order in which records came.
pub type Sequence = u64;

/// Tells records apart that come again in another packet: everything but what changes when a device sends again.
pub type Content = [u8; 32];

/// See [`Content`].
pub fn content(device: std::net::IpAddr, packet: &Packet<'_>) -> Content {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(device.to_string().as_bytes());
    for attribute in packet.attributes() {
        if ![kind::ACCT_DELAY_TIME, kind::PROXY_STATE, kind::MESSAGE_AUTHENTICATOR].contains(&attribute.kind) {
            // No value is longer than 253 octets.
            context.update(&[attribute.kind, u8::try_from(attribute.value.len()).unwrap_or(u8::MAX)]);
            context.update(attribute.value);
        }
    }
    let mut content = [0; 32];
    content.copy_from_slice(context.finish().as_ref());
    content
}

/// Tells sessions apart, whose records are delivered one after another.
pub fn session_of(device: std::net::IpAddr, packet: &Packet<'_>) -> u64 {
    let id = packet.first(kind::ACCT_SESSION_ID).unwrap_or_default();
    let digest = digest::digest(&digest::SHA256, &[device.to_string().as_bytes(), &[0], id].concat());
    digest.as_ref().first_chunk().copied().map_or(0, u64::from_be_bytes)
}

/// A record as the server gets it: as the device sent it, save what belongs to one hop, and `waited` seconds later. `own` is who the proxy is for that server, where it
/// does not ask as the device.
pub fn forwarded(packet: &Packet<'_>, own: Option<std::net::Ipv4Addr>, waited: u64) -> Vec<(u8, Vec<u8>)> {
    let waited = u32::try_from(waited).unwrap_or(u32::MAX);
    let mut attributes = Vec::new();
    let mut told = false;
    for attribute in packet.attributes() {
        let value = match attribute.kind {
            kind::MESSAGE_AUTHENTICATOR | kind::PROXY_STATE => continue,
            kind::ACCT_DELAY_TIME => {
                told = true;
                let before = <[u8; 4]>::try_from(attribute.value).map_or(0, u32::from_be_bytes);
                before.saturating_add(waited).to_be_bytes().to_vec()
            }
            kind::NAS_IP_ADDRESS => own.map_or_else(|| attribute.value.to_vec(), |own| own.octets().to_vec()),
            _ => attribute.value.to_vec(),
        };
        attributes.push((attribute.kind, value));
    }
    let len: usize = attributes.iter().map(|(_, value)| value.len() + 2).sum::<usize>() + cs_radius::MIN_LEN;
    // A record that fills its packet goes without.
    if !told && waited > 0 && len + 6 <= cs_radius::MAX_LEN {
        attributes.push((kind::ACCT_DELAY_TIME, waited.to_be_bytes().to_vec()));
    }
    attributes
}

/// Records that came a short while ago.
#[derive(Default)]
pub struct Known {
    known: HashMap<Content, Instant>,
    order: VecDeque<(Instant, Content)>,
}

impl Known {
    /// Whether a record came before.
    pub fn has(&mut self, content: &Content, now: Instant) -> bool {
        while let Some(&(until, first)) = self.order.front() {
            if until > now && self.order.len() <= MOST_KNOWN {
                break;
            }
            self.order.pop_front();
            if self.known.get(&first) == Some(&until) {
                self.known.remove(&first);
            }
        }
        self.known.contains_key(content)
    }

    /// Notes one that is on the disk.
    pub fn add(&mut self, content: Content, now: Instant) {
        self.known.insert(content, now + KNOWN_FOR);
        self.order.push_back((now + KNOWN_FOR, content));
    }
}

#[cfg(test)]
mod tests {
    use cs_radius::{Builder, Code, Secret};

    use super::*;

    fn record(identifier: u8, delay: Option<u32>, id: &str) -> Vec<u8> {
        let mut builder = Builder::new(Code::AccountingRequest, identifier);
        builder.attribute(kind::ACCT_SESSION_ID, id.as_bytes()).unwrap();
        if let Some(delay) = delay {
            builder.number(kind::ACCT_DELAY_TIME, delay).unwrap();
        }
        builder.attribute(kind::PROXY_STATE, &[identifier]).unwrap();
        builder.into_digested_request(&Secret::new(*b"s"))
    }

    #[test]
    fn the_same_record_in_another_packet_is_the_same() {
        let device = "192.0.2.1".parse().unwrap();
        let of = |octets: &[u8]| content(device, &Packet::parse(octets).unwrap());
        let (mut known, now) = (Known::default(), Instant::now());
        let first = of(&record(1, None, "A"));
        assert!(!known.has(&first, now));
        known.add(first, now);
        assert!(known.has(&of(&record(2, Some(5), "A")), now));
        assert!(!known.has(&of(&record(2, Some(5), "B")), now));
        assert!(!known.has(&first, now + KNOWN_FOR));
    }

    #[test]
    fn the_time_that_a_record_waited_is_told() {
        let delay = |octets: &[u8], waited| {
            let packet = Packet::parse(octets).unwrap();
            let attributes = forwarded(&packet, None, waited);
            assert!(attributes.iter().all(|(kind, _)| *kind != kind::PROXY_STATE));
            let found = attributes.into_iter().find(|(kind, _)| *kind == kind::ACCT_DELAY_TIME);
            found.map(|(_, value)| u32::from_be_bytes(value.try_into().unwrap()))
        };
        assert_eq!(delay(&record(1, None, "A"), 0), None);
        assert_eq!(delay(&record(1, None, "A"), 7), Some(7));
        assert_eq!(delay(&record(1, Some(5), "A"), 7), Some(12));
        assert_eq!(delay(&record(1, Some(u32::MAX), "A"), 7), Some(u32::MAX));
    }
}
