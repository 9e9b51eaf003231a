//! A record as it lies in a file of the spool.

use aws_lc_rs::digest;

use crate::radius::accounting::Sequence;

/// Before each record.
const MAGIC: [u8; 4] = *b"CSa1";
/// Magic, length, sequence, time, digest.
pub(super) const HEADER: usize = 4 + 4 + 8 + 8 + 8;
/// An address and a packet.
const MOST: usize = 8_192;

/// Something that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Kept {
    /// Its place in the order.
    pub(in crate::serve) sequence: Sequence,
    /// When it came, in seconds since 1970.
    pub(in crate::serve) time: u64,
    /// What it is.
    pub(in crate::serve) octets: Vec<u8>,
}

/// Adds a record at the end.
pub(super) fn write(octets: &mut Vec<u8>, kept: &Kept) {
    // Packets are not longer than 4096 octets.
    let len = u32::try_from(kept.octets.len()).unwrap_or(u32::MAX).to_be_bytes();
    let (sequence, time) = (kept.sequence.to_be_bytes(), kept.time.to_be_bytes());
    octets.extend(MAGIC);
    octets.extend(len);
    octets.extend(sequence);
    octets.extend(time);
    octets.extend(checksum(&[&len, &sequence, &time, &kept.octets]));
    octets.extend(&kept.octets);
}

/// The record at the beginning, and how long it is with its header.
pub(super) fn record(octets: &[u8]) -> Option<(usize, Kept)> {
    let (magic, rest) = octets.split_first_chunk::<4>()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (sequence, rest) = rest.split_first_chunk::<8>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let size = usize::try_from(u32::from_be_bytes(*len)).ok().filter(|size| *size <= MOST)?;
    let kept = rest.get(..size)?;
    if *magic != MAGIC || *sum != checksum(&[len, sequence, time, kept]) {
        return None;
    }
    let (sequence, time) = (u64::from_be_bytes(*sequence), u64::from_be_bytes(*time));
    Some((HEADER + size, Kept { sequence, time, octets: kept.to_vec() }))
}

/// All records of a file with their places, and how many octets are none.
pub(super) fn parse(octets: &[u8]) -> (Vec<(u64, Kept)>, u64) {
    let (mut records, mut at, mut damaged) = (Vec::new(), 0, 0);
    while at < octets.len() {
        let rest = octets.get(at..).unwrap_or_default();
        if let Some((len, kept)) = record(rest) {
            records.push((u64::try_from(at).unwrap_or(u64::MAX), kept));
            at += len;
        } else {
            let next = rest.iter().skip(1).position(|octet| *octet == MAGIC[0]).map_or(rest.len(), |at| at + 1);
            damaged += u64::try_from(next).unwrap_or(u64::MAX);
            at += next;
        }
    }
    (records, damaged)
}

/// Against the disk, not against people.
fn checksum(parts: &[&[u8]]) -> [u8; 8] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let digest = context.finish();
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}
