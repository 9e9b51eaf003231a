//! The percent-encoding of queries and forms, as Duo's signatures canonicalise it.

use std::borrow::Cow;

/// A decoded name and value. Bytes, because a signature covers bytes: whether they are UTF-8 is
/// decided only after it was checked.
pub(crate) type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Splits and decodes `a=1&b=2`. `+` and `%20` are both a space, a name without `=` has an empty
/// value, empty pieces are skipped. `None` when a `%` is not followed by two hexadecimal digits or
/// there are more than `max` pairs.
pub(crate) fn decode_pairs(text: &[u8], max: usize) -> Option<Vec<Pair<'_>>> {
    let mut pairs = Vec::new();
    for piece in text.split(|&b| b == b'&').filter(|piece| !piece.is_empty()) {
        if pairs.len() == max {
            return None;
        }
        let (name, value) = match piece.iter().position(|&b| b == b'=') {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, &[][..]),
        };
        pairs.push((decode(name)?, decode(value)?));
    }
    Some(pairs)
}

/// Decodes one name or value.
fn decode(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.iter().any(|&b| b == b'%' || b == b'+') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => (hex(*rest.next()?)? << 4) | hex(*rest.next()?)?,
            _ => byte,
        });
    }
    Some(Cow::Owned(bytes))
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends `bytes` percent-encoded: all but the unreserved characters of RFC 3986, upper-case hex.
pub(crate) fn encode_into(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            out.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// The order of values that share a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// By encoded value: what most clients sign.
    Sorted,
    /// As sent: what `node` signs.
    AsReceived,
}

/// The pairs encoded, sorted by encoded name, joined with `&`.
pub(crate) fn canonical_params(pairs: &[Pair<'_>], repeated: Repeated) -> Vec<u8> {
    let size: usize = pairs.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let mut encoded = Vec::with_capacity(size + size / 4);
    let mut spans = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let start = encoded.len();
        encode_into(name, &mut encoded);
        let middle = encoded.len();
        encode_into(value, &mut encoded);
        spans.push((start, middle, encoded.len()));
    }
    spans.sort_by(|a, b| {
        let by_name = encoded[a.0..a.1].cmp(&encoded[b.0..b.1]);
        match repeated {
            Repeated::Sorted => by_name.then_with(|| encoded[a.1..a.2].cmp(&encoded[b.1..b.2])),
            Repeated::AsReceived => by_name, // the sort is stable
        }
    });
    let mut line = Vec::with_capacity(encoded.len() + 2 * spans.len());
    for (start, middle, end) in spans {
        if !line.is_empty() {
            line.push(b'&');
        }
        line.extend_from_slice(&encoded[start..middle]);
        line.push(b'=');
        line.extend_from_slice(&encoded[middle..end]);
    }
    line
}

/// Whether some name occurs twice: only then does [`Repeated`] matter.
pub(crate) fn has_repeated(pairs: &[Pair<'_>]) -> bool {
    let mut names: Vec<&[u8]> = pairs.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).any(|two| two[0] == two[1])
}

/// The canonical form of `params`: also a valid query and form body.
pub fn encode_params<N: AsRef<str>, V: AsRef<str>>(params: &[(N, V)]) -> String {
    let pairs: Vec<Pair<'_>> = params
        .iter()
        .map(|(name, value)| (Cow::Borrowed(name.as_ref().as_bytes()), Cow::Borrowed(value.as_ref().as_bytes())))
        .collect();
    // Percent-encoding writes ASCII only.
    String::from_utf8(canonical_params(&pairs, Repeated::Sorted)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str, repeated: Repeated) -> String {
        let pairs = decode_pairs(text.as_bytes(), 100).unwrap();
        String::from_utf8(canonical_params(&pairs, repeated)).unwrap()
    }

    #[test]
    fn decoded_then_encoded_is_canonical() {
        for (sent, canonical_form) in [
            ("", ""),
            ("&&", ""),
            ("a", "a="),
            ("a=", "a="),
            ("=x", "=x"),
            ("a=b=c", "a=b%3Dc"),
            ("realname=First+Last&username=root", "realname=First%20Last&username=root"),
            ("b=2&a=1", "a=1&b=2"),
            ("a=%7e%2a'", "a=~%2A%27"),
            ("a=%c3%bc", "a=%C3%BC"),
            ("a=\u{fc}", "a=%C3%BC"),
            ("a=%ff%00", "a=%FF%00"),
            // '-' sorts before '%' + letters only when encoded: order is that of the encoded text
            ("a~=1&a%2A=2", "a%2A=2&a~=1"),
        ] {
            assert_eq!(canonical(sent, Repeated::Sorted), canonical_form, "{sent}");
        }
    }

    #[test]
    fn repeated_values_keep_their_order_only_when_asked() {
        assert_eq!(canonical("k=b&a=0&k=a", Repeated::Sorted), "a=0&k=a&k=b");
        assert_eq!(canonical("k=b&a=0&k=a", Repeated::AsReceived), "a=0&k=b&k=a");
        assert!(has_repeated(&decode_pairs(b"k=b&a=0&k=a", 9).unwrap()));
        assert!(!has_repeated(&decode_pairs(b"k=b&a=0&K=a", 9).unwrap()));
    }

    #[test]
    fn half_an_escape_or_too_many_pairs_are_refused() {
        for bad in ["%", "a=%", "a=%2", "a=%2g", "%zz=1"] {
            assert_eq!(decode_pairs(bad.as_bytes(), 9), None, "{bad}");
        }
        assert!(decode_pairs(b"a&b&c", 3).is_some());
        assert_eq!(decode_pairs(b"a&b&c&d", 3), None);
    }
}
