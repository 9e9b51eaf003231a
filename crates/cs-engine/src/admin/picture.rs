//! Pictures of an organisation's pages: its logo, and what is behind the card.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use crate::EngineError;

/// The largest logo, in bytes (Duo's limit).
pub const MOST_LOGO_BYTES: usize = 200_000;
/// The largest picture behind the card, in bytes (Duo's limit).
pub const MOST_BACKGROUND_BYTES: usize = 3_000_000;
/// The fewest pixels of a side.
const FEWEST_PIXELS: u32 = 12;
/// Digits of a picture's name: nobody guesses one, and no two are the same by chance.
const DIGITS: usize = 32;

/// What a picture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// Above the card.
    Logo,
    /// Behind the card.
    Background,
}

impl PictureKind {
    pub(super) const ALL: [Self; 2] = [Self::Logo, Self::Background];

    /// The parameter that it is sent in, and its name in the look.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logo => "logo",
            Self::Background => "background_img",
        }
    }

    fn most_bytes(self) -> usize {
        match self {
            Self::Logo => MOST_LOGO_BYTES,
            Self::Background => MOST_BACKGROUND_BYTES,
        }
    }

    /// Width and height.
    fn most_pixels(self) -> (u32, u32) {
        match self {
            Self::Logo => (500, 500),
            Self::Background => (3840, 2160),
        }
    }
}

/// A picture that may be shown.
pub(super) struct Picture<'a> {
    /// Its name, made from what it shows.
    pub(super) digest: String,
    pub(super) png: &'a [u8],
}

impl<'a> Picture<'a> {
    /// `png` if it may be a picture of that kind.
    pub(super) fn check(kind: PictureKind, png: &'a [u8]) -> Result<Self, EngineError> {
        let (width, height) = kind.most_pixels();
        if png.len() > kind.most_bytes() || !is_png(png, width, height) {
            return Err(EngineError::Invalid(kind.name()));
        }
        let mut digits = HEXLOWER.encode(digest(&SHA256, png).as_ref());
        digits.truncate(DIGITS);
        Ok(Self { digest: digits, png })
    }
}

/// Whether `bytes` begin as a PNG of a permitted size (RFC 2083, sections 3.1 and 4.1.1) and end as one.
fn is_png(bytes: &[u8], most_width: u32, most_height: u32) -> bool {
    const BEGIN: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const END: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";
    let fits = |at: usize, most: u32| {
        let side = bytes.get(at..at + 4).and_then(|side| side.try_into().ok()).map(u32::from_be_bytes);
        side.is_some_and(|side| (FEWEST_PIXELS..=most).contains(&side))
    };
    bytes.starts_with(BEGIN)
        && bytes.ends_with(END)
        && fits(BEGIN.len(), most_width)
        && fits(BEGIN.len() + 4, most_height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend(b"\0\0\0\0IEND\xaeB`\x82");
        bytes
    }

    #[test]
    fn a_picture_is_a_png_of_a_permitted_size() {
        use PictureKind::{Background, Logo};
        let long = {
            let mut png = png(64, 64);
            png.splice(24..24, vec![0; MOST_LOGO_BYTES]);
            png
        };
        for (kind, bytes, may_be) in [
            (Logo, png(12, 500), true),
            (Logo, png(11, 500), false),
            (Logo, png(12, 501), false),
            (Logo, b"GIF89a".to_vec(), false),
            (Logo, png(12, 12)[..20].to_vec(), false),
            (Logo, long.clone(), false),
            (Background, long, true),
            (Background, png(3840, 2160), true),
            (Background, png(2160, 3840), false),
        ] {
            assert_eq!(Picture::check(kind, &bytes).is_ok(), may_be, "{kind:?}, {} bytes", bytes.len());
        }
    }

    #[test]
    fn a_picture_is_named_by_what_it_shows() {
        let (one, other) = (png(64, 64), png(64, 65));
        let name = |png: &[u8]| Picture::check(PictureKind::Logo, png).unwrap().digest;
        assert_eq!(name(&one), name(&one.clone()));
        assert_ne!(name(&one), name(&other));
        assert_eq!(name(&one).len(), DIGITS);
    }
}
