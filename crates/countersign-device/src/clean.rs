//! Text from the network, made safe for a terminal.
//!
//! Application, user, host name and info strings are chosen by whoever starts a login. Shown raw they could move
//! the cursor, recolour the screen, hide lines, or reorder letters so that a request reads like another one.

/// What a character that must not reach a terminal is shown as.
const REPLACEMENT: char = '\u{FFFD}';

/// `text` for a terminal: one line, at most `max_chars` characters, nothing that steers the terminal or the eye.
///
/// Replaced are control characters (C0, C1, DEL: so every escape sequence loses its introducer), line and paragraph
/// separators, bidirectional controls (UAX #9), and invisible characters, which make different names look equal.
/// A text that was cut ends with `…`.
#[must_use]
pub fn clean(text: &str, max_chars: usize) -> String {
    let mut shown: String = text.chars().take(max_chars).map(|c| if is_unsafe(c) { REPLACEMENT } else { c }).collect();
    if text.chars().nth(max_chars).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// A JSON document with every unsafe character written as `\uXXXX`: the same document to a parser, and harmless
/// when it is printed on a terminal.
#[must_use]
pub fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        // A serialiser leaves such characters only inside strings, where an escape means the character itself.
        if is_unsafe(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Whether `c` could steer a terminal, reorder text or be invisible.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}'                  // soft hyphen
            | '\u{034F}'                // combining grapheme joiner
            | '\u{061C}'                // Arabic letter mark
            | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // Hangul fillers: blank, yet letters
            | '\u{180E}'                // Mongolian vowel separator
            | '\u{200B}'..='\u{200F}'   // zero width, LRM, RLM
            | '\u{2028}'..='\u{202E}'   // separators, embeddings, overrides
            | '\u{2060}'..='\u{206F}'   // word joiner, isolates, deprecated format characters
            | '\u{FEFF}'                // byte order mark
            | '\u{FFF9}'..='\u{FFFB}'   // interlinear annotation
            | '\u{E0000}'..='\u{E007F}' // tags
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_introducer() {
        assert_eq!(clean("\u{1b}[31mMail\u{1b}[0m", 80), "\u{FFFD}[31mMail\u{FFFD}[0m");
        assert_eq!(clean("\u{9b}2J", 80), "\u{FFFD}2J");
        assert_eq!(clean("a\u{7}b\rc\nd\te\u{7f}", 80), "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}e\u{FFFD}");
    }

    #[test]
    fn bidi_and_invisible_characters_are_shown_as_replacements() {
        for c in
            ['\u{202E}', '\u{2066}', '\u{2069}', '\u{200F}', '\u{200B}', '\u{FEFF}', '\u{2028}', '\u{61C}', '\u{E0041}']
        {
            assert_eq!(clean(&format!("VPN{c}x"), 80), "VPN\u{FFFD}x", "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn ordinary_text_of_any_script_stays() {
        for text in ["Köln, DE", "東京", "Ελλάδα", "uname -a | grep 'x'", "naïve 🔐"] {
            assert_eq!(clean(text, 80), text);
        }
    }

    #[test]
    fn long_text_is_cut_visibly() {
        assert_eq!(clean("abcdef", 6), "abcdef");
        assert_eq!(clean("abcdefg", 6), "abcde…");
        assert_eq!(clean("ééééééé", 6), "ééééé…");
    }

    #[test]
    fn escaped_json_is_the_same_document() {
        let value = serde_json::json!({"user": "a\u{202E}b\u{9b}c\u{7f}d\u{E0041}é"});
        let escaped = escape_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(escaped.chars().all(|c| c == '\n' || !is_unsafe(c)), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
