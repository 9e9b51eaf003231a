//! TLS in EAP: flights cut into pieces, as EAP-TLS does it (RFC 5216 §3.1), and PEAP and TTLS after it (RFC 5281 §9.1).

const LENGTH: u8 = 0x80;
const MORE: u8 = 0x40;
const START: u8 = 0x20;
const VERSION: u8 = 0x07;

/// Why pieces make no flight. The login is over then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPiece {
    /// Without flags, or without the length that they announce.
    #[error("a piece that ends in its header")]
    TooShort,
    /// Longer than is taken, or than was announced.
    #[error("pieces that are longer than announced or allowed")]
    TooLong,
    /// Another length than the pieces before, or than what came.
    #[error("pieces that contradict one another")]
    Length,
    /// More is to come after nothing.
    #[error("an empty piece that announces more")]
    Empty,
}

/// What follows the type of an EAP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The length of the whole flight.
    pub total: Option<u32>,
    /// Another piece follows, once this one is acknowledged.
    pub has_more: bool,
    /// The first packet of a method.
    pub is_start: bool,
    /// Of PEAP or TTLS.
    pub version: u8,
    /// A part of the flight; empty in an acknowledgement.
    pub data: &'a [u8],
}

impl<'a> Piece<'a> {
    /// Reads one.
    ///
    /// Fails with [`BadPiece::TooShort`].
    pub fn parse(octets: &'a [u8]) -> Result<Self, BadPiece> {
        let (&flags, rest) = octets.split_first().ok_or(BadPiece::TooShort)?;
        let (total, data) = if flags & LENGTH == 0 {
            (None, rest)
        } else {
            let (total, data) = rest.split_first_chunk::<4>().ok_or(BadPiece::TooShort)?;
            (Some(u32::from_be_bytes(*total)), data)
        };
        let (has_more, is_start) = (flags & MORE != 0, flags & START != 0);
        Ok(Self { total, has_more, is_start, version: flags & VERSION, data })
    }
}

/// The first packet of a method, without a flight.
pub fn start() -> Vec<u8> {
    vec![START]
}

/// An acknowledgement: nothing is sent, the other end goes on.
pub fn acknowledgement() -> Vec<u8> {
    vec![0]
}

/// A flight that is being put together.
#[derive(Debug)]
pub struct Assembly {
    most: usize,
    total: Option<usize>,
    octets: Vec<u8>,
}

impl Assembly {
    /// Takes flights of at most `most` octets.
    pub fn new(most: usize) -> Self {
        Self { most, total: None, octets: Vec::new() }
    }

    /// Takes the next piece. Gives the flight with its last one.
    ///
    /// Fails with [`BadPiece`]; nothing is taken afterwards that would help.
    pub fn push(&mut self, piece: &Piece<'_>) -> Result<Option<Vec<u8>>, BadPiece> {
        if piece.has_more && piece.data.is_empty() {
            return Err(BadPiece::Empty);
        }
        if let Some(total) = piece.total {
            let total = usize::try_from(total).map_err(|_| BadPiece::TooLong)?;
            if self.total.is_some_and(|before| before != total) || (self.total.is_none() && !self.octets.is_empty()) {
                return Err(BadPiece::Length);
            }
            self.total = Some(total);
        }
        let len = self.octets.len() + piece.data.len();
        if len > self.most || self.total.is_some_and(|total| len > total || total > self.most) {
            return Err(BadPiece::TooLong);
        }
        self.octets.extend(piece.data);
        if piece.has_more {
            return Ok(None);
        }
        if self.total.take().is_some_and(|total| total != len) {
            return Err(BadPiece::Length);
        }
        Ok(Some(std::mem::take(&mut self.octets)))
    }

    /// Whether a flight has begun.
    pub fn is_under_way(&self) -> bool {
        !self.octets.is_empty()
    }
}

/// A flight that is being sent.
#[derive(Debug)]
pub struct Outgoing {
    octets: Vec<u8>,
    at: usize,
    size: usize,
}

impl Outgoing {
    /// In pieces of at most `size` octets, flags and length included; at least six.
    pub fn new(octets: Vec<u8>, size: usize) -> Self {
        Self { octets, at: 0, size: size.max(6) }
    }

    /// Whether something is left.
    pub fn has_more(&self) -> bool {
        self.at < self.octets.len()
    }

    /// What follows the type of the next packet: `None` when all was sent. A flight without octets is one empty piece.
    pub fn next_piece(&mut self) -> Option<Vec<u8>> {
        if self.at > 0 && !self.has_more() || self.at > self.octets.len() {
            return None;
        }
        let rest = self.octets.get(self.at..).unwrap_or_default();
        let is_first = self.at == 0;
        let is_cut = rest.len() + 1 > self.size;
        let mut piece = Vec::with_capacity(self.size);
        let announces = is_first && is_cut;
        let room = self.size - if announces { 5 } else { 1 };
        let len = rest.len().min(room);
        let has_more = len < rest.len();
        piece.push(if announces { LENGTH } else { 0 } | if has_more { MORE } else { 0 });
        if announces {
            // A flight is far below four gigabytes.
            piece.extend(u32::try_from(self.octets.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
        piece.extend(rest.get(..len).unwrap_or_default());
        // An empty flight is over after its one piece.
        self.at += len.max(1);
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(octets: &[u8]) -> Piece<'_> {
        Piece::parse(octets).unwrap()
    }

    #[test]
    fn a_flight_is_put_together_as_it_was_cut() {
        for len in [0, 1, 5, 198, 199, 200, 201, 394, 395, 1000, 5000] {
            let flight: Vec<u8> = (0..len).map(|at: usize| at.to_le_bytes()[0]).collect();
            let (mut outgoing, mut assembly) = (Outgoing::new(flight.clone(), 200), Assembly::new(5000));
            let mut whole = None;
            while let Some(octets) = outgoing.next_piece() {
                assert!(octets.len() <= 200 && whole.is_none());
                whole = assembly.push(&piece(&octets)).unwrap();
                assert_eq!(whole.is_none(), outgoing.has_more());
            }
            assert_eq!(whole, Some(flight), "{len}");
        }
    }

    #[test]
    fn pieces_that_lie_are_refused() {
        let long = [vec![0x40], vec![7; 3000]].concat();
        for (pieces, why) in [
            (vec![&[][..]], BadPiece::TooShort),
            (vec![&[0x80, 0, 0, 0][..]], BadPiece::TooShort),
            // More than is allowed: announced, or sent.
            (vec![&[0x80, 0xff, 0xff, 0xff, 0xff, 1][..]], BadPiece::TooLong),
            (vec![&long[..], &long[..]], BadPiece::TooLong),
            // More, less, or something else than announced.
            (vec![&[0xc0, 0, 0, 0, 2, 1][..], &[0, 2, 3]], BadPiece::TooLong),
            (vec![&[0xc0, 0, 0, 0, 9, 1][..], &[0, 2, 3]], BadPiece::Length),
            (vec![&[0xc0, 0, 0, 0, 9, 1][..], &[0xc0, 0, 0, 0, 8, 1]], BadPiece::Length),
            (vec![&[0x40, 1][..], &[0xc0, 0, 0, 0, 9, 1]], BadPiece::Length),
            (vec![&[0x40][..]], BadPiece::Empty),
        ] {
            let mut assembly = Assembly::new(4096);
            let ends =
                pieces.iter().find_map(|octets| Piece::parse(octets).and_then(|piece| assembly.push(&piece)).err());
            assert_eq!(ends, Some(why), "{pieces:?}");
        }
    }

    #[test]
    fn flags_are_read_and_written() {
        assert_eq!(piece(&start()), Piece { total: None, has_more: false, is_start: true, version: 0, data: &[] });
        assert_eq!(piece(&acknowledgement()).data, b"");
        assert_eq!(
            piece(&[0xc1, 0, 0, 1, 0, 9]),
            Piece { total: Some(256), has_more: true, is_start: false, version: 1, data: &[9] }
        );
    }
}
