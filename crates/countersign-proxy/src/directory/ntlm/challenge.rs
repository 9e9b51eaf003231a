//! What a directory answers to the first message.

use super::{SIGNATURE, UNICODE, av};

/// It is no challenge, or one of a kind that nobody sends any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the directory's NTLM challenge is malformed")]
pub struct Malformed;

/// A message of the second kind (MS-NLMP 2.2.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// What it agrees to.
    pub(super) flags: u32,
    /// What the proof is made over.
    pub(super) nonce: [u8; 8],
    /// Ids and values, without the end.
    pub(super) target_info: Vec<(u16, Vec<u8>)>,
    /// All of it, as it came.
    pub(super) octets: Vec<u8>,
}

/// Longer ones are refused: names and a time stand in it.
const LONGEST: usize = 8192;
/// Up to the version, which may lack.
const HEAD: usize = 48;

impl Challenge {
    /// Reads it.
    ///
    /// Fails if it is none, does not speak Unicode, or lacks the values that version 2 is made over.
    pub fn parse(octets: &[u8]) -> Result<Self, Malformed> {
        if octets.len() > LONGEST || octets.len() < HEAD || !octets.starts_with(SIGNATURE) {
            return Err(Malformed);
        }
        let flags = number(octets, 20)?;
        if number(octets, 8)? != 2 || flags & UNICODE == 0 {
            return Err(Malformed);
        }
        let nonce = octets.get(24..32).and_then(|octets| octets.try_into().ok()).ok_or(Malformed)?;
        let len = usize::from(short(octets, 40)?);
        let offset = usize::try_from(number(octets, 44)?).map_err(|_| Malformed)?;
        let info = offset.checked_add(len).and_then(|end| octets.get(offset..end)).ok_or(Malformed)?;
        // Without them a directory would be asking for version 1.
        if offset < HEAD || info.is_empty() {
            return Err(Malformed);
        }
        Ok(Self { flags, nonce, target_info: values(info)?, octets: octets.to_vec() })
    }

    /// The directory's time, in units of 100 ns since 1601.
    pub(super) fn timestamp(&self) -> Option<u64> {
        self.value(av::TIMESTAMP)?.try_into().ok().map(u64::from_le_bytes)
    }

    pub(super) fn value(&self, id: u16) -> Option<&[u8]> {
        self.target_info.iter().find(|(known, _)| *known == id).map(|(_, value)| value.as_slice())
    }
}

fn values(mut info: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, Malformed> {
    let mut values = Vec::new();
    loop {
        let (id, len) = (short(info, 0)?, usize::from(short(info, 2)?));
        if id == av::END {
            return Ok(values);
        }
        let value = info.get(4..4 + len).ok_or(Malformed)?;
        values.push((id, value.to_vec()));
        info = info.get(4 + len..).ok_or(Malformed)?;
    }
}

fn number(octets: &[u8], at: usize) -> Result<u32, Malformed> {
    octets.get(at..at + 4).and_then(|octets| octets.try_into().ok()).map(u32::from_le_bytes).ok_or(Malformed)
}

fn short(octets: &[u8], at: usize) -> Result<u16, Malformed> {
    octets.get(at..at + 2).and_then(|octets| octets.try_into().ok()).map(u16::from_le_bytes).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(info: &[u8]) -> Vec<u8> {
        let mut octets = SIGNATURE.to_vec();
        octets.extend(2_u32.to_le_bytes());
        octets.extend([0; 8]);
        octets.extend(UNICODE.to_le_bytes());
        octets.extend([9; 8]);
        octets.extend([0; 8]);
        let len = u16::try_from(info.len()).unwrap().to_le_bytes();
        octets.extend(len);
        octets.extend(len);
        octets.extend(48_u32.to_le_bytes());
        octets.extend(info);
        octets
    }

    #[test]
    fn values_are_read_to_their_end() {
        let octets = challenge(&[2, 0, 2, 0, b'L', 0, 0, 0, 0, 0]);
        assert_eq!(Challenge::parse(&octets).unwrap().target_info, [(2, vec![b'L', 0])]);
    }

    #[test]
    fn what_is_cut_or_points_elsewhere_is_refused() {
        let good = challenge(&[2, 0, 2, 0, b'L', 0, 0, 0, 0, 0]);
        for len in 0..good.len() {
            assert_eq!(Challenge::parse(&good[..len]), Err(Malformed), "{len}");
        }
        assert_eq!(Challenge::parse(&challenge(&[])), Err(Malformed), "version 1");
        assert_eq!(Challenge::parse(&challenge(&[2, 0, 200, 0, 1])), Err(Malformed));
        assert_eq!(Challenge::parse(&challenge(&[2, 0, 1, 0, 1])), Err(Malformed), "no end");
        for (at, value) in [(8, 3), (20, 0), (44, 0), (44, 0xff), (47, 0xff)] {
            let mut octets = good.clone();
            octets[at] = value;
            assert_eq!(Challenge::parse(&octets), Err(Malformed), "{at}");
        }
    }
}
