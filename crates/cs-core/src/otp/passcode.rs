//! What a person typed as a passcode, before anyone knows which factor it belongs to.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::Digits;

const MAX_TYPED_BYTES: usize = 128;
const MODHEX: &str = "cbdefghijklnrtuv";

/// A typed passcode without the spaces and dashes people put in; wiped on drop, never shown.
pub struct TypedPasscode {
    text: Zeroizing<String>,
    shape: PasscodeShape,
}

/// What the passcode could be, by its looks alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasscodeShape {
    /// So many decimal digits: 6 and 8 are tokens and phones, 7 an SMS code, 9 a bypass code.
    Digits(usize),
    /// 32 to 44 characters of modhex: a YubiKey.
    Yubico,
    /// Anything else; only a bypass code chosen by an administrator can look so.
    Other,
}

/// Why the text is no passcode at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TypedPasscodeError {
    /// Nothing but separators.
    #[error("the passcode is empty")]
    Empty,
    /// More than 128 bytes.
    #[error("the passcode is too long")]
    TooLong,
}

impl TypedPasscode {
    /// Removes white space and dashes (also the typographic ones that phones insert) and classifies the rest.
    pub fn parse(typed: &str) -> Result<Self, TypedPasscodeError> {
        if typed.len() > MAX_TYPED_BYTES {
            return Err(TypedPasscodeError::TooLong);
        }
        // Room for all of it at once: a string that grows leaves copies behind that nobody wipes.
        let mut text = Zeroizing::new(String::with_capacity(typed.len()));
        text.extend(typed.chars().filter(|c| !is_separator(*c)));
        if text.is_empty() {
            return Err(TypedPasscodeError::Empty);
        }
        let shape = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            PasscodeShape::Digits(text.len())
        } else if (32..=44).contains(&text.len()) && text.chars().all(|c| MODHEX.contains(c.to_ascii_lowercase())) {
            // Caps lock on the computer changes what a YubiKey types.
            text.make_ascii_lowercase();
            PasscodeShape::Yubico
        } else {
            PasscodeShape::Other
        };
        Ok(Self { text, shape })
    }

    /// What it could be.
    pub fn shape(&self) -> PasscodeShape {
        self.shape
    }

    /// The passcode itself, for hashing (bypass and SMS codes).
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub(crate) fn number(&self, digits: Digits) -> Option<u32> {
        if self.shape == PasscodeShape::Digits(digits.count()) { self.text.parse().ok() } else { None }
    }

    /// The 16 bytes of a YubiKey's encrypted block: the last 32 characters.
    pub(crate) fn yubico_block(&self) -> Option<[u8; 16]> {
        if self.shape != PasscodeShape::Yubico {
            return None;
        }
        let block = self.text.as_bytes().last_chunk::<32>()?;
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(block.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(bytes)
    }
}

impl fmt::Debug for TypedPasscode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedPasscode({:?}, ..)", self.shape)
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn nibble(modhex: u8) -> Option<u8> {
    // There are 16 of them.
    MODHEX.bytes().position(|c| c == modhex).map(|at| at as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classifies_by_length_and_alphabet() {
        let yubico = "dteffujehknhfjbrjnlnldnhcujvddbikngjrtgh";
        let caps = yubico.to_uppercase();
        for (typed, shape) in [
            ("755224", PasscodeShape::Digits(6)),
            (" 755 224\n", PasscodeShape::Digits(6)),
            ("755-224", PasscodeShape::Digits(6)),
            ("755\u{2013}224", PasscodeShape::Digits(6)),
            ("1234567", PasscodeShape::Digits(7)),
            ("94287082", PasscodeShape::Digits(8)),
            ("123456789", PasscodeShape::Digits(9)),
            (yubico, PasscodeShape::Yubico),
            (&caps, PasscodeShape::Yubico),
            (&yubico[..31], PasscodeShape::Other),
            ("hunter2", PasscodeShape::Other),
            ("٧٥٥٢٢٤", PasscodeShape::Other),
        ] {
            assert_eq!(TypedPasscode::parse(typed).unwrap().shape(), shape, "{typed}");
        }
    }

    #[test]
    fn refuses_nothing_and_too_much() {
        assert_eq!(TypedPasscode::parse(" - ").unwrap_err(), TypedPasscodeError::Empty);
        assert_eq!(TypedPasscode::parse(&"1".repeat(129)).unwrap_err(), TypedPasscodeError::TooLong);
        assert_eq!(format!("{:?}", TypedPasscode::parse("755224").unwrap()), "TypedPasscode(Digits(6), ..)");
    }

    proptest! {
        #[test]
        fn never_panics(typed in ".{0,140}") {
            if let Ok(passcode) = TypedPasscode::parse(&typed) {
                let _ = (passcode.number(Digits::Six), passcode.number(Digits::Eight));
                prop_assert_eq!(passcode.yubico_block().is_some(), passcode.shape() == PasscodeShape::Yubico);
            }
        }
    }
}
