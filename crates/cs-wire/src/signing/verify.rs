//! Finding the version of a signature that matches.

use std::borrow::Cow;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use subtle::ConstantTimeEq;

use super::canonical::{HashAlgorithm, Lines, SigVersion, sha512_hex, x_duo_hash};
use super::credentials::{AuthError, Credentials};
use super::date::{is_in_window, parse_date};
use super::received::{BodyKind, ReceivedRequest};
use crate::encoding::{Pair, Repeated, canonical_params, decode_pairs, has_repeated};
use crate::params::{MAX_PARAMS, ParamError, Params};

/// A name by which clients know this server: they may sign it instead of the `Host` they send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicName {
    as_is: String,
    lower_case: String,
}

impl PublicName {
    /// A host name, with a port if clients sign one.
    pub fn new(name: &str) -> Self {
        Self { as_is: name.to_owned(), lower_case: name.to_ascii_lowercase() }
    }

    /// Whether `authority`, a host with its port where that is not 443, is this name.
    pub fn is(&self, authority: &str) -> bool {
        self.lower_case.eq_ignore_ascii_case(authority)
    }
}

/// Which signatures an integration may use beyond the dated ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Whether a version 1 signature will do.
    pub legacy_v1: LegacyV1,
}

/// Whether signatures without a date are accepted. They can be replayed for ever, so only REST v1 of
/// an integration that is set so may say [`LegacyV1::Accepted`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says it")]
pub enum LegacyV1 {
    Accepted,
    Refused,
}

/// A request that its integration's key has signed, and what it said.
#[derive(Debug)]
pub struct Verified {
    /// The version that matched.
    pub version: SigVersion,
    /// The hash it used.
    pub hash: HashAlgorithm,
    /// The parameters that this version covers, and no others.
    pub params: Params,
}

impl Verified {
    /// Whether the request's time was signed.
    pub const fn is_dated(&self) -> bool {
        self.version.is_dated()
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is not the integration's.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// It is, but what was signed cannot be read.
    #[error(transparent)]
    Params(#[from] ParamError),
}

/// Checks `credentials` against the integration's secret `skey`.
///
/// Tries, in this order for the least work in the usual cases: parameters as the canonical order has
/// them, then as received where a name repeats; hosts as received (in lower case, then as is), without
/// port, then `names`; versions by the signature's length and the kind of body. Every comparison
/// takes constant time. Dates are checked only after the signature, so [`AuthError::BadDate`] tells
/// nothing to those without the key.
pub fn verify<'a, H>(
    request: &ReceivedRequest<'a, H>,
    credentials: &Credentials,
    skey: &[u8],
    names: &[PublicName],
    allowed: Allowed,
    now: Timestamp,
) -> Result<Verified, VerifyError>
where
    H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
{
    let body_kind = request.body_kind();
    let has_body = request.has_params_in_body() && !request.body.is_empty();
    if has_body && body_kind == BodyKind::Other {
        return Err(AuthError::BadContentType.into());
    }
    if has_control_characters(request) {
        return Err(AuthError::BadSignature.into());
    }
    let date = request.only_header("x-duo-date").or_else(|| request.only_header("date"));
    let is_json = has_body && body_kind == BodyKind::Json;
    let versions = candidate_versions(credentials.hash, date.is_some(), has_body, is_json, allowed);
    if versions.clone().next().is_none() {
        // What is left is a legacy form without a date, or JSON under a scheme that signs none.
        let error = if date.is_none() { AuthError::MissingDate } else { AuthError::BadSignature };
        return Err(error.into());
    }

    // The form or query is what versions 1 and 2 sign; versions 4 and 5 sign it in the query only.
    let source = match (request.has_params_in_body(), is_json) {
        (true, true) => &[][..],
        (true, false) => request.body,
        (false, _) => request.query.as_bytes(),
    };
    let pairs = decode_pairs(source, MAX_PARAMS).ok_or(AuthError::BadSignature)?;
    let version =
        matching_version(request, credentials, skey, names, date, versions, &pairs).ok_or(AuthError::BadSignature)?;
    if version.is_dated() {
        let signed = date.and_then(parse_date).ok_or(AuthError::BadDate)?;
        if !is_in_window(signed, now) {
            return Err(AuthError::BadDate.into());
        }
    }
    let params = if is_json { Params::from_json(request.body)? } else { Params::from_pairs(pairs)? };
    Ok(Verified { version, hash: credentials.hash, params })
}

/// A line break or the like would let one signed text be read as another.
fn has_control_characters<H>(request: &ReceivedRequest<'_, H>) -> bool {
    [request.method, request.host, request.path].iter().any(|text| text.bytes().any(|b| b.is_ascii_control()))
}

/// The versions that could have made the signature, likeliest first.
fn candidate_versions(
    hash: HashAlgorithm,
    has_date: bool,
    has_body: bool,
    is_json: bool,
    allowed: Allowed,
) -> impl Iterator<Item = SigVersion> + Clone {
    // Versions 4 and 5 exist with SHA-512 only. They sign a form's bytes too, but no client sends one.
    let may_be_raw = has_date && hash == HashAlgorithm::Sha512 && (is_json || !has_body);
    // Versions 1 and 2 do not cover a JSON body, so with one they prove nothing.
    let may_be_v1 = allowed.legacy_v1 == LegacyV1::Accepted && !is_json;
    let candidates = [
        (may_be_raw, SigVersion::V5),
        (has_date && !is_json, SigVersion::V2),
        (may_be_raw, SigVersion::V4),
        (may_be_v1, SigVersion::V1),
    ];
    candidates.into_iter().filter_map(|(may_be, version)| may_be.then_some(version))
}

fn matching_version<'a, H>(
    request: &ReceivedRequest<'a, H>,
    credentials: &Credentials,
    skey: &[u8],
    names: &[PublicName],
    date: Option<&[u8]>,
    versions: impl Iterator<Item = SigVersion> + Clone,
    pairs: &[Pair<'_>],
) -> Option<SigVersion>
where
    H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
{
    let key = credentials.hash.key(skey);
    let host_in_lower_case = request.host.to_ascii_lowercase();
    let hosts = candidate_hosts(request.host, &host_in_lower_case, names);
    let needs_hashes = versions.clone().any(SigVersion::covers_raw_body);
    let (body_hash, x_duo_hash) = if needs_hashes {
        let body = if request.has_params_in_body() { request.body } else { b"" };
        (sha512_hex(body), x_duo_hash(request.headers.clone()))
    } else {
        (Cow::Borrowed(""), Cow::Borrowed(""))
    };
    let orders: &[Repeated] =
        if has_repeated(pairs) { &[Repeated::Sorted, Repeated::AsReceived] } else { &[Repeated::Sorted] };

    let mut text = Vec::with_capacity(512);
    for &order in orders {
        let params = canonical_params(pairs, order);
        for host in &hosts {
            let lines = Lines {
                date: date.unwrap_or_default(),
                method: request.method,
                host,
                path: request.path,
                params: &params,
                body_hash: &body_hash,
                x_duo_hash: &x_duo_hash,
            };
            for version in versions.clone() {
                lines.write(version, &mut text);
                let tag = hmac::sign(&key, &text);
                if bool::from(tag.as_ref().ct_eq(&credentials.tag)) {
                    return Some(version);
                }
            }
        }
    }
    None
}

/// The hosts that may have been signed, each once.
fn candidate_hosts<'a>(host: &'a str, host_in_lower_case: &'a str, names: &'a [PublicName]) -> Vec<&'a str> {
    let received = [host_in_lower_case, without_port(host_in_lower_case), host, without_port(host)];
    let configured = names.iter().flat_map(|name| [&*name.lower_case, &*name.as_is]);
    let mut hosts: Vec<&str> = Vec::with_capacity(4 + 2 * names.len());
    for candidate in received.into_iter().chain(configured) {
        if !candidate.is_empty() && !hosts.contains(&candidate) {
            hosts.push(candidate);
        }
    }
    hosts
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}
