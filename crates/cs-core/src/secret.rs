//! Secrets: typed, wiped, never printed.

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// An integration's `skey`: the HMAC key its requests are signed with. 40 characters, used as ASCII bytes.
pub struct SecretKey(Zeroizing<String>);

impl SecretKey {
    /// A new random key: 40 characters of `A-Za-z0-9`, about 238 bits.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(Zeroizing::new(random_text(40, BASE62, rng)))
    }

    /// The key with this text, as it came from the vault.
    pub fn from_text(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text. Every call is a place where the secret leaves its type.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A secret given to a person once (a bypass code, an activation code, a setup link's code). Only its keyed hash is kept.
pub struct PlainCode(Zeroizing<String>);

impl PlainCode {
    /// The code as a person or a link gave it.
    pub fn from_text(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// `digits` random decimal digits, as bypass codes are.
    pub fn decimal(digits: usize, rng: &mut impl CryptoRng) -> Self {
        Self(Zeroizing::new(random_text(digits, b"0123456789", rng)))
    }

    /// An activation code: 20 characters of `A-Z0-9` without look-alikes, 100 bits.
    pub fn activation(rng: &mut impl CryptoRng) -> Self {
        Self(Zeroizing::new(random_text(20, b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789", rng)))
    }

    /// The text, for the one time it is shown or hashed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainCode(..)")
    }
}

const BASE62: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `length` characters drawn evenly from `alphabet` (rejection sampling, so that no character is likelier).
fn random_text(length: usize, alphabet: &[u8], rng: &mut impl CryptoRng) -> String {
    let limit = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    let mut pool = Zeroizing::new([0_u8; 64]);
    while text.len() < length {
        rng.fill_bytes(&mut pool[..]);
        for byte in pool.iter().map(|b| usize::from(*b)).filter(|b| *b < limit) {
            if text.len() < length {
                text.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
    }
    text
}
