//! The extractor that every route but activation starts with: who asks, proven by the device's key.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use cs_core::id::{AccountId, PhoneId};
use cs_engine::AccountEntry;
use cs_engine::moves::MovedAway;
use cs_store::authenticators::BoundDevice;
use cs_wire::device::{DevicePublicKey, Digest, ErrorCode, Jwk, MAX_BODY_BYTES, RequestPayload, UnverifiedJws};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::replay::Unfit;
use super::{MAX_SKEW, Phones, Refusal};
use crate::http::{BodyBytes, RequestInfo, request_host};

/// A request signed by a bound, confirmed device for exactly this server, method, path and body, and not seen before.
#[derive(Debug)]
pub struct DeviceRequest {
    pub(super) account: AccountEntry,
    pub(super) device: BoundDevice,
    /// The key that signed, which must also have signed what the body carries.
    pub(super) key: DevicePublicKey,
    /// The address it came from, if the connection told.
    pub(super) client: Option<IpAddr>,
    body: Bytes,
}

impl DeviceRequest {
    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        from_json(&self.body).ok_or_else(|| Refusal::malformed("The body is not what this path takes."))
    }

    pub(super) fn device_key(&self) -> (AccountId, PhoneId) {
        (self.device.account, self.device.phone)
    }
}

impl FromRequest<Phones> for DeviceRequest {
    type Rejection = Refusal;

    /// What costs least and tells least comes first; the body is read only for a device that has signed, and the proof is used up only when all
    /// else is in order.
    async fn from_request(request: Request, phones: &Phones) -> Result<Self, Refusal> {
        let Sender { account, device, key, proof, parts, body } = match sender(phones, request).await? {
            Signed::Bound(sender) => *sender,
            Signed::Before(before) => return Err(Refusal::moved(&before.away)),
        };
        if !device.confirmed {
            return Err(Refusal::inactive());
        }
        let client = parts.extensions.get::<RequestInfo>().map(|info| info.client);
        let body = spend(phones, (account.id, device.phone), &proof, parts, body).await?;
        Ok(Self { account, device, key, client, body })
    }
}

/// Who signed a request, before its body was read.
pub(super) enum Signed {
    /// The device that is bound.
    Bound(Box<Sender>),
    /// One that was bound before it.
    Before(Box<Before>),
}

/// A bound device, which may still have to be confirmed.
pub(super) struct Sender {
    pub(super) account: AccountEntry,
    pub(super) device: BoundDevice,
    pub(super) key: DevicePublicKey,
    pub(super) proof: RequestPayload,
    pub(super) parts: Parts,
    pub(super) body: Body,
}

/// A device whose place another one has taken.
pub(super) struct Before {
    pub(super) account: AccountEntry,
    pub(super) away: MovedAway,
    pub(super) proof: RequestPayload,
    pub(super) parts: Parts,
    pub(super) body: Body,
}

/// Whoever has signed this request for this server, path and moment.
pub(super) async fn sender(phones: &Phones, request: Request) -> Result<Signed, Refusal> {
    let (parts, body) = request.into_parts();
    let engine = &phones.engine;
    let jws = UnverifiedJws::<RequestPayload>::parse(authorization(&parts.headers)?)?;
    let id: PhoneId = jws.claimed_kid().parse().map_err(|_| Refusal::inactive())?;
    let account = match home_of(phones, &parts).await? {
        Home::Account(account) => account,
        Home::Shared => engine.account_of_device(id).await?.ok_or_else(Refusal::inactive)?,
    };
    let bound = engine.device(account.id, id).await?;
    let key = bound.as_ref().map(|device| stored_key(&device.public_key, id)).transpose()?;
    let (verified, away) = match key.as_ref().map(|key| jws.clone().verify(key)) {
        Some(Ok(verified)) => (verified, None),
        refused => {
            // Perhaps it is the device that was bound before, which may hear what has become of it.
            let away = engine.moved_away(account.id, id).await?;
            let before = away.as_ref().and_then(|away| away.moved.public_key.as_deref());
            let before = before.map(|key| stored_key(key, id)).transpose()?;
            match (before.map(|key| jws.verify(&key)), refused) {
                (Some(Ok(verified)), _) => (verified, away),
                (_, Some(refused)) => (refused?, None),
                (_, None) => return Err(Refusal::inactive()),
            }
        }
    };
    let proof = verified.payload;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if proof.aud != engine.authenticator_origin() || proof.htm != parts.method.as_str() || proof.htu != path {
        return Err(Refusal::signature("The request is not the one that was signed."));
    }
    phones.check_time(proof.iat)?;
    Ok(match (away, bound, key) {
        (Some(away), ..) => Signed::Before(Box::new(Before { account, away, proof, parts, body })),
        (None, Some(device), Some(key)) => Signed::Bound(Box::new(Sender { account, device, key, proof, parts, body })),
        (None, ..) => return Err(Refusal::inactive()),
    })
}

/// Reads the body that was signed, and uses the proof up.
pub(super) async fn spend(
    phones: &Phones,
    device: (AccountId, PhoneId),
    proof: &RequestPayload,
    parts: Parts,
    body: Body,
) -> Result<Bytes, Refusal> {
    let body = read_body(Request::from_parts(parts, body)).await?;
    if proof.bsha != Digest::of(&body) {
        return Err(Refusal::signature("The body is not the one that was signed."));
    }
    let now = phones.now().as_second();
    let until = proof.iat.saturating_add(MAX_SKEW.as_secs());
    match phones.kept.proofs.spend(device, proof.jti, until, now) {
        Ok(()) => Ok(body),
        Err(Unfit::Replayed) => {
            Err(Refusal::new(ErrorCode::Replayed, "This request was seen before. Sign it again with a new jti."))
        }
        Err(Unfit::Full) => Err(Refusal::busy(MAX_SKEW.unsigned_abs().as_secs())),
    }
}

/// Whose host a request was sent to.
pub(super) enum Home {
    /// One account's: only its devices and codes exist there.
    Account(AccountEntry),
    /// The authenticator's host, which all accounts of this server share: the device, or the code, says whose it is.
    Shared,
}

/// The host selects the account before anything is looked up; of several accounts, none is taken for a name that is nobody's.
pub(super) async fn home_of(phones: &Phones, parts: &Parts) -> Result<Home, Refusal> {
    let host = request_host(&parts.uri, &parts.headers).unwrap_or_default().to_ascii_lowercase();
    let accounts = phones.engine.directory().accounts().await.map_err(cs_engine::EngineError::from)?;
    let shared = phones.engine.authenticator_origin().trim_start_matches("https://");
    if accounts.len() > 1 && host.strip_suffix(":443").unwrap_or(&host) == shared {
        return Ok(Home::Shared);
    }
    let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
    let account = phones.engine.directory().account_for_host(name).await.map_err(cs_engine::EngineError::from)?;
    account.map(Home::Account).ok_or_else(Refusal::inactive)
}

/// The whole body, at most [`MAX_BODY_BYTES`].
pub(super) async fn read_body(request: Request) -> Result<Bytes, Refusal> {
    let BodyBytes(body) = BodyBytes::from_request(request, &()).await?;
    if body.len() > MAX_BODY_BYTES {
        return Err(Refusal::malformed("The body is too long."));
    }
    Ok(body)
}

/// Reads a JSON object; serde alone would also read one from an array of its values.
pub(super) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(body).ok()
}

/// The one `Authorization: Device …`.
fn authorization(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Err(Refusal::signature("Sign the request: Authorization: Device <JWS>."));
    };
    let (scheme, jws) = line.to_str().ok().and_then(|line| line.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("device") {
        return Err(Refusal::signature("Sign the request: Authorization: Device <JWS>."));
    }
    Ok(jws.trim())
}

fn stored_key(jwk: &str, device: PhoneId) -> Result<DevicePublicKey, Refusal> {
    let jwk: Option<Jwk> = serde_json::from_str(jwk).ok();
    let key = jwk.and_then(|jwk| DevicePublicKey::from_jwk(&jwk).ok());
    key.ok_or_else(|| {
        tracing::error!(device.id = %device, "the stored key of a device is not one");
        Refusal::inactive()
    })
}
