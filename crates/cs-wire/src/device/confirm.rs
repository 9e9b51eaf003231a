//! The phrase that the enrolling page and the device both show.

use super::activation::ActivationCode;
use super::bytes::Digest;

/// The word list, one word a line: 256 short English words that are told apart when read aloud.
pub const WORDS: &str = include_str!("words.txt");

/// The confirm phrase, `word-word-NN`, of an activation code and the public key that used it.
///
/// SHA-256 over the ASCII text `cs-confirm.CODE.THUMBPRINT`: the first two bytes choose a word each,
/// the next four, as a big-endian number modulo 100, the digits. Both sides have all of it, so both
/// can compute it and neither needs to believe the other.
pub fn confirm_phrase(code: &ActivationCode, thumbprint: &Digest) -> String {
    let hash = Digest::of(format!("cs-confirm.{}.{thumbprint}", code.expose()).as_bytes());
    let [first, second, a, b, c, d, ..] = hash.0;
    let number = u32::from_be_bytes([a, b, c, d]) % 100;
    format!("{}-{}-{number:02}", word(first), word(second))
}

fn word(index: u8) -> &'static str {
    // The list has a word for every byte (see the test); an empty one would still be safe.
    WORDS.lines().nth(usize::from(index)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_is_one_distinct_word_for_every_byte() {
        let words: Vec<_> = WORDS.lines().collect();
        assert_eq!(words.len(), 256);
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), 256);
        for word in words {
            assert!((3..=6).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn the_phrase_depends_on_code_and_key() {
        let code: ActivationCode = "Abcdefghij0123456789".parse().unwrap();
        let other: ActivationCode = "Abcdefghij0123456780".parse().unwrap();
        let key = Digest::of(b"key");
        let phrase = confirm_phrase(&code, &key);
        assert_eq!(phrase, "needle-ivory-88");
        assert_ne!(phrase, confirm_phrase(&other, &key));
        assert_ne!(phrase, confirm_phrase(&code, &Digest::of(b"other")));
    }
}
