//! BER as LDAP has it (RFC 4511 §5.1): definite lengths, primitive strings, tags of one octet.

use zeroize::Zeroizing;

/// The tag of a sequence.
pub const SEQUENCE: u8 = 0x30;
/// The tag of a set.
pub const SET: u8 = 0x31;
/// The tag of a truth value.
pub const BOOLEAN: u8 = 0x01;
/// The tag of a number.
pub const INTEGER: u8 = 0x02;
/// The tag of octets, text among them.
pub const OCTET_STRING: u8 = 0x04;
/// The tag of a number that stands for a word.
pub const ENUMERATED: u8 = 0x0A;
/// Set in the tag of an element that is made of others.
const CONSTRUCTED: u8 = 0x20;

/// Why something is no message. Where the next one begins is unknown then: the connection ends (RFC 4511 §4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The stream does not begin with a sequence; TLS where clear text is spoken looks so.
    #[error("it begins with octet {0:#04x}, and LDAP begins with 0x30")]
    NotLdap(u8),
    /// A length that is told by an end mark, which LDAP forbids.
    #[error("an element of indefinite length")]
    Indefinite,
    /// A length written in more than four octets.
    #[error("a length of {0} octets")]
    LengthOfLength(u8),
    /// More is announced than may be.
    #[error("{announced} octets are announced, and {limit} are taken")]
    TooLong {
        /// The whole message, octets.
        announced: usize,
        /// What is taken.
        limit: usize,
    },
    /// An element reaches beyond what it lies in.
    #[error("an element reaches beyond its end")]
    Truncated,
    /// Something else was expected.
    #[error("tag {found:#04x} stands where {wanted:#04x} should")]
    Tag {
        /// What is there.
        found: u8,
        /// What should be.
        wanted: u8,
    },
    /// A tag of several octets, which LDAP has not.
    #[error("a tag of several octets")]
    LongTag,
    /// Elements within elements beyond measure.
    #[error("elements nest deeper than {0}")]
    Depth(usize),
    /// A number of no octet, or of too many.
    #[error("a number that does not fit")]
    Number,
    /// A message's number below one or above 2³¹-1, or a request with number zero.
    #[error("an impossible message number")]
    MessageId,
    /// A name or text that is no UTF-8.
    #[error("a text that is no UTF-8")]
    Text,
}

/// How long the message is that `stream` begins with, or `None` while that cannot be told yet.
///
/// Fails as soon as it cannot become a message of at most `limit` octets: such a connection is closed.
pub fn frame_len(stream: &[u8], limit: usize) -> Result<Option<usize>, Malformed> {
    match stream.first() {
        None => return Ok(None),
        Some(&SEQUENCE) => {}
        Some(&other) => return Err(Malformed::NotLdap(other)),
    }
    let Some(header) = header(stream)? else { return Ok(None) };
    let len = header.len.saturating_add(header.value_len);
    if len > limit { Err(Malformed::TooLong { announced: len, limit }) } else { Ok(Some(len)) }
}

/// Checks that elements do not nest deeper than `limit`, and that each ends within the one it lies in, without going down itself.
///
/// A directory may read filters by recursion: what it would not survive never reaches it.
pub fn check_depth(message: &[u8], limit: usize) -> Result<(), Malformed> {
    let mut ends: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < message.len() {
        while ends.last().is_some_and(|&end| at >= end) {
            ends.pop();
        }
        let rest = message.get(at..).unwrap_or_default();
        let header = header(rest)?.ok_or(Malformed::Truncated)?;
        let end = (at + header.len).checked_add(header.value_len).ok_or(Malformed::Truncated)?;
        if end > ends.last().copied().unwrap_or(message.len()) {
            return Err(Malformed::Truncated);
        }
        if header.tag & CONSTRUCTED == 0 {
            at = end;
            continue;
        }
        if ends.len() >= limit {
            return Err(Malformed::Depth(limit));
        }
        ends.push(end);
        at += header.len;
    }
    Ok(())
}

/// What stands before an element's value.
struct Header {
    tag: u8,
    /// Its own length.
    len: usize,
    value_len: usize,
}

/// `None` while there is too little to tell.
fn header(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let Some(&tag) = bytes.first() else { return Ok(None) };
    if tag & 0x1F == 0x1F {
        return Err(Malformed::LongTag);
    }
    let Some(&first) = bytes.get(1) else { return Ok(None) };
    let octets = match first {
        0..=0x7F => return Ok(Some(Header { tag, len: 2, value_len: usize::from(first) })),
        0x80 => return Err(Malformed::Indefinite),
        0x81..=0x84 => usize::from(first & 0x7F),
        _ => return Err(Malformed::LengthOfLength(first & 0x7F)),
    };
    let Some(written) = bytes.get(2..2 + octets) else { return Ok(None) };
    let value_len = written.iter().fold(0_usize, |sum, &octet| (sum << 8) | usize::from(octet));
    Ok(Some(Header { tag, len: 2 + octets, value_len }))
}

/// An element in place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// What it is.
    pub tag: u8,
    /// What it holds.
    pub value: &'a [u8],
    /// All of it, with tag and length.
    pub whole: &'a [u8],
}

impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "element {:#04x} of {} octets", self.tag, self.value.len())
    }
}

/// Reads elements that follow one another.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of an element's value.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, if there is one.
    pub fn following(&mut self) -> Result<Option<Element<'a>>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let header = header(self.0)?.ok_or(Malformed::Truncated)?;
        let end = header.len.checked_add(header.value_len).ok_or(Malformed::Truncated)?;
        let (whole, rest) = self.0.split_at_checked(end).ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(Some(Element { tag: header.tag, value: whole.get(header.len..).unwrap_or_default(), whole }))
    }

    /// The next element, which must be there.
    pub fn any(&mut self) -> Result<Element<'a>, Malformed> {
        self.following()?.ok_or(Malformed::Truncated)
    }

    /// The value of the next element, which must have this tag.
    pub fn expect(&mut self, wanted: u8) -> Result<&'a [u8], Malformed> {
        let Element { tag, value, .. } = self.any()?;
        if tag == wanted { Ok(value) } else { Err(Malformed::Tag { found: tag, wanted }) }
    }

    /// The value of the next element where it has this tag; otherwise it stays.
    pub fn optional(&mut self, wanted: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.0.first() == Some(&wanted) { self.expect(wanted).map(Some) } else { Ok(None) }
    }

    /// The next element as a number of this tag.
    pub fn number(&mut self, tag: u8) -> Result<i32, Malformed> {
        number(self.expect(tag)?)
    }

    /// The next element as text of this tag.
    pub fn text(&mut self, tag: u8) -> Result<&'a str, Malformed> {
        text(self.expect(tag)?)
    }
}

/// A number of one to four octets, the most significant first, in two's complement.
pub fn number(value: &[u8]) -> Result<i32, Malformed> {
    let (&first, _) = value.split_first().filter(|_| value.len() <= 4).ok_or(Malformed::Number)?;
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(value.iter().fold(sign, |sum: i32, &octet| (sum << 8) | i32::from(octet)))
}

/// A text.
pub fn text(value: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(value).map_err(|_| Malformed::Text)
}

/// Writes elements. What was written is wiped when dropped; [`Writer::with_room`] keeps it from being copied as it grows.
pub struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// With room for so many octets.
    pub fn with_room(octets: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(octets.saturating_add(64))))
    }

    /// An element made of octets.
    pub fn octets(&mut self, tag: u8, value: &[u8]) -> &mut Self {
        self.nested(tag, |inner| inner.0.extend_from_slice(value))
    }

    /// A number in as few octets as it needs.
    pub fn number(&mut self, tag: u8, number: i32) -> &mut Self {
        let octets = number.to_be_bytes();
        let is_spare =
            |pair: &[u8]| matches!(pair, [0x00, next] if *next < 0x80) || matches!(pair, [0xFF, next] if *next >= 0x80);
        let spare = octets.windows(2).take_while(|pair| is_spare(pair)).count();
        self.octets(tag, octets.get(spare..).unwrap_or_default())
    }

    /// A truth value; `true` is 0xFF (RFC 4511 §5.1).
    pub fn truth(&mut self, tag: u8, is_true: bool) -> &mut Self {
        self.octets(tag, &[if is_true { 0xFF } else { 0 }])
    }

    /// An element made of what `fill` writes.
    pub fn nested(&mut self, tag: u8, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.0.push(tag);
        let at = self.0.len();
        self.0.push(0);
        fill(self);
        let len = self.0.len() - at - 1;
        let octets = len.to_be_bytes();
        if len < 0x80 {
            if let Some(place) = self.0.get_mut(at) {
                *place = octets.last().copied().unwrap_or_default();
            }
            return self;
        }
        let spare = octets.iter().take_while(|&&octet| octet == 0).count();
        let written = octets.get(spare..).unwrap_or_default();
        if let Some(place) = self.0.get_mut(at) {
            // At most eight, which are the octets of a length on any machine.
            *place = 0x80 | u8::try_from(written.len()).unwrap_or_default();
        }
        self.0.splice(at + 1..at + 1, written.iter().copied());
        self
    }

    /// Elements that were written elsewhere.
    pub fn raw(&mut self, elements: &[u8]) -> &mut Self {
        self.0.extend_from_slice(elements);
        self
    }

    /// What was written.
    pub fn into_octets(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_out_of_a_stream() {
        assert_eq!(frame_len(b"", 100), Ok(None));
        assert_eq!(frame_len(b"\x30", 100), Ok(None));
        assert_eq!(frame_len(b"\x30\x05", 100), Ok(Some(7)));
        assert_eq!(frame_len(b"\x30\x84\x00\x00\x00", 100), Ok(None));
        assert_eq!(frame_len(b"\x30\x84\x00\x00\x00\x05", 100), Ok(Some(11)), "as Windows writes lengths");
        assert_eq!(frame_len(b"\x16\x03\x01", 100), Err(Malformed::NotLdap(0x16)), "TLS");
        assert_eq!(frame_len(b"\x30\x80", 100), Err(Malformed::Indefinite));
        assert_eq!(frame_len(b"\x30\x85", 100), Err(Malformed::LengthOfLength(5)));
        let huge = Malformed::TooLong { announced: 0xFFFF_FFFF + 6, limit: 100 };
        assert_eq!(frame_len(b"\x30\x84\xff\xff\xff\xff", 100), Err(huge), "told before any of it is waited for");
        assert_eq!(frame_len(b"\x30\x62", 99), Err(Malformed::TooLong { announced: 100, limit: 99 }));
    }

    #[test]
    fn numbers_are_written_short_and_read_back() {
        for (value, octets) in [
            (0, &b"\x02\x01\x00"[..]),
            (127, b"\x02\x01\x7f"),
            (128, b"\x02\x02\x00\x80"),
            (-1, b"\x02\x01\xff"),
            (-129, b"\x02\x02\xff\x7f"),
            (i32::MAX, b"\x02\x04\x7f\xff\xff\xff"),
            (i32::MIN, b"\x02\x04\x80\x00\x00\x00"),
        ] {
            let mut writer = Writer::with_room(8);
            writer.number(INTEGER, value);
            assert_eq!(&**writer.into_octets(), octets);
            assert_eq!(Reader::new(octets).number(INTEGER), Ok(value));
        }
        assert_eq!((number(b""), number(b"\x00\x00\x00\x00\x01")), (Err(Malformed::Number), Err(Malformed::Number)));
    }

    #[test]
    fn long_values_have_long_lengths() {
        for len in [0x7F_usize, 0x80, 0xFF, 0x100, 0x1_0000] {
            let mut writer = Writer::with_room(len);
            writer.nested(SEQUENCE, |inner| {
                inner.octets(OCTET_STRING, &vec![7; len]);
            });
            let octets = writer.into_octets();
            let mut reader = Reader::new(&octets);
            let inner = reader.expect(SEQUENCE).unwrap();
            assert_eq!(Reader::new(inner).expect(OCTET_STRING).unwrap().len(), len);
            assert_eq!(frame_len(&octets, usize::MAX), Ok(Some(octets.len())));
        }
    }

    #[test]
    fn nesting_has_an_end() {
        let mut deep = Vec::new();
        for _ in 0..10 {
            let mut writer = Writer::with_room(deep.len());
            writer.octets(SEQUENCE, &deep);
            deep = writer.into_octets().to_vec();
        }
        assert_eq!((check_depth(&deep, 10), check_depth(&deep, 9)), (Ok(()), Err(Malformed::Depth(9))));
        assert_eq!(check_depth(b"\x30\x03\x30\x05\x00", 10), Err(Malformed::Truncated));
        assert_eq!(check_depth(b"\x30\x02\x04\x00\x30\x02\x04\x00", 1), Ok(()), "one after the other");
    }
}
