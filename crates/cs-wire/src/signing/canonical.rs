//! The text that is signed, line by line.

use std::borrow::Cow;

use aws_lc_rs::{digest, hmac};

/// The version of the canonical text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigVersion {
    /// Method, host, path, parameters. No date: such a request can be replayed for ever.
    V1,
    /// Date, then as version 1.
    V2,
    /// As version 2, then the body's hash. Bodies are JSON.
    V4,
    /// As version 4, then the hash of the `X-Duo-*` headers.
    V5,
}

impl SigVersion {
    /// Whether the time of the request is part of what is signed.
    pub const fn is_dated(self) -> bool {
        match self {
            Self::V1 => false,
            Self::V2 | Self::V4 | Self::V5 => true,
        }
    }

    /// Whether the body is covered as raw bytes (and is JSON), rather than as form parameters.
    pub const fn covers_raw_body(self) -> bool {
        match self {
            Self::V1 | Self::V2 => false,
            Self::V4 | Self::V5 => true,
        }
    }
}

/// The hash of the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// 40 hexadecimal digits: old clients.
    Sha1,
    /// 128 hexadecimal digits.
    Sha512,
}

impl HashAlgorithm {
    pub(super) fn key(self, skey: &[u8]) -> hmac::Key {
        match self {
            Self::Sha1 => hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, skey),
            Self::Sha512 => hmac::Key::new(hmac::HMAC_SHA512, skey),
        }
    }
}

/// What goes into the lines. `params` is already canonical; the last two are raw digests.
pub(super) struct Lines<'a> {
    pub(super) date: &'a [u8],
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) params: &'a [u8],
    pub(super) body_hash: &'a str,
    pub(super) x_duo_hash: &'a str,
}

impl Lines<'_> {
    /// Writes the canonical text of `version` into `text`, replacing what was there.
    pub(super) fn write(&self, version: SigVersion, text: &mut Vec<u8>) {
        text.clear();
        if version.is_dated() {
            text.extend_from_slice(self.date);
            text.push(b'\n');
        }
        text.extend(self.method.bytes().map(|b| b.to_ascii_uppercase()));
        for line in [self.host.as_bytes(), self.path.as_bytes(), self.params] {
            text.push(b'\n');
            text.extend_from_slice(line);
        }
        if version.covers_raw_body() {
            text.push(b'\n');
            text.extend_from_slice(self.body_hash.as_bytes());
        }
        if version == SigVersion::V5 {
            text.push(b'\n');
            text.extend_from_slice(self.x_duo_hash.as_bytes());
        }
    }
}

/// What most requests have: no body, or no `X-Duo-*` header.
const SHA512_OF_NOTHING: &str = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                                 47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

/// SHA-512 in lower-case hexadecimal.
pub(super) fn sha512_hex(data: &[u8]) -> Cow<'static, str> {
    if data.is_empty() {
        return SHA512_OF_NOTHING.into();
    }
    data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA512, data).as_ref()).into()
}

/// The hash of the `X-Duo-*` headers among `headers`: names in lower case and sorted, `name\0value`
/// joined by `\0`, values trimmed. Without such a header it is the hash of nothing.
pub(super) fn x_duo_hash<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Cow<'static, str> {
    let mut found: Vec<(String, &[u8])> = headers
        .filter(|(name, _)| is_x_duo(name))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_ascii()))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let mut text = Vec::new();
    for (name, value) in found {
        if !text.is_empty() {
            text.push(0);
        }
        text.extend_from_slice(name.as_bytes());
        text.push(0);
        text.extend_from_slice(value);
    }
    sha512_hex(&text)
}

fn is_x_duo(name: &str) -> bool {
    name.as_bytes().get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"x-duo-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_duo_headers_are_lower_cased_sorted_and_trimmed() {
        let headers: [(&str, &[u8]); 4] =
            [("X-Duo-Header-2", b" hv2 "), ("Date", b"now"), ("x-duo-header-1", b"hv1"), ("x-du", b"")];
        assert_eq!(
            x_duo_hash(headers.into_iter()),
            "5faed4e17f2122fe553c56ebd0dd2012a9aa11861d395a7f8123ac7151a96cb6\
             62f1f6b7a29dfb739ce24f2c67f36be98e2374c9f8f4c245b65d9c93b7708e18"
        );
        assert_eq!(
            x_duo_hash(std::iter::empty()),
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
             47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        );
    }
}
