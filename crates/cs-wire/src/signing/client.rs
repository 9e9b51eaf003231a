//! Making signatures: for our own client, and for tests of the other half.

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER};

use super::canonical::{HashAlgorithm, Lines, SigVersion, sha512_hex, x_duo_hash};
use crate::encoding::encode_params;

/// A version with a hash that clients use it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// duo_unix 1.x.
    V1Sha1,
    /// duo_openvpn.
    V1Sha512,
    /// duo_client 4.5, Net::Duo.
    V2Sha1,
    /// Most clients' Auth API calls.
    V2Sha512,
    /// No client; Duo documents it.
    V4,
    /// Newer clients, and every JSON body.
    V5,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::V1Sha1, Self::V1Sha512, Self::V2Sha1, Self::V2Sha512, Self::V4, Self::V5];

    /// The version of the canonical text.
    pub const fn version(self) -> SigVersion {
        match self {
            Self::V1Sha1 | Self::V1Sha512 => SigVersion::V1,
            Self::V2Sha1 | Self::V2Sha512 => SigVersion::V2,
            Self::V4 => SigVersion::V4,
            Self::V5 => SigVersion::V5,
        }
    }

    /// The hash of the HMAC.
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::V1Sha1 | Self::V2Sha1 => HashAlgorithm::Sha1,
            Self::V1Sha512 | Self::V2Sha512 | Self::V4 | Self::V5 => HashAlgorithm::Sha512,
        }
    }
}

/// A request to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a str,
    /// The host to sign: as in `Host`, port included when it is not 443. Signed in lower case.
    pub host: &'a str,
    /// The path, percent-encoded, without a query.
    pub path: &'a str,
    /// Query or form parameters, to be sent as [`encode_params`] writes them. Empty with a JSON body.
    pub params: &'a [(&'a str, &'a str)],
    /// A JSON body (versions 4 and 5; earlier versions do not cover it), or empty.
    pub json: &'a [u8],
    /// `X-Duo-*` headers that will be sent (version 5).
    pub x_duo: &'a [(&'a str, &'a str)],
    /// The date, see [`format_date`](super::format_date).
    pub date: &'a str,
}

/// The headers to send with the request.
pub struct SignedHeaders {
    /// `Authorization`.
    pub authorization: String,
    /// `Date`.
    pub date: String,
}

impl fmt::Debug for SignedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedHeaders(..)")
    }
}

/// Signs `request` for the integration `ikey` with its secret.
pub fn sign(request: &Outgoing<'_>, ikey: &str, skey: &[u8], scheme: Scheme) -> SignedHeaders {
    let host = request.host.to_ascii_lowercase();
    let params = encode_params(request.params);
    let headers = request.x_duo.iter().map(|&(name, value)| (name, value.as_bytes()));
    let lines = Lines {
        date: request.date.as_bytes(),
        method: request.method,
        host: &host,
        path: request.path,
        params: params.as_bytes(),
        body_hash: &sha512_hex(request.json),
        x_duo_hash: &x_duo_hash(headers),
    };
    let mut text = Vec::new();
    lines.write(scheme.version(), &mut text);
    let tag = hmac::sign(&scheme.hash().key(skey), &text);
    let credentials = format!("{ikey}:{}", HEXLOWER.encode(tag.as_ref()));
    SignedHeaders {
        authorization: format!("Basic {}", BASE64.encode(credentials.as_bytes())),
        date: request.date.to_owned(),
    }
}
