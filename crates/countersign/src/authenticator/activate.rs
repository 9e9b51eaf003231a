//! `POST /authenticator/v1/activate`: a code becomes a bound device.

use axum::Json;
use axum::extract::{FromRequestParts as _, Request, State};
use cs_core::device::AuthenticatorClass;
use cs_core::network::machine_of;
use cs_core::otp::{OtpKind, OtpParams};
use cs_core::secret::PlainCode;
use cs_engine::devices;
use cs_wire::device::{
    Account, ActivatePayload, ActivateRequest, ActivateResponse, Confirm, DeviceClass, DevicePublicKey, Digest,
    OtpParameters, OtpSeed, OtpState, UnverifiedJws, User, confirm_phrase,
};
use zeroize::Zeroizing;

use super::claims::{app_version, device_name, platform, subscription};
use super::proof::{Home, from_json, home_of, read_body};
use super::{Phones, Refusal};
use crate::http::RequestInfo;

/// Digits of the passcodes that authenticators make.
const DIGITS: u8 = 6;

/// Binds the device whose key signed the proof. Every code that cannot be used is refused in the same words.
pub(super) async fn activate(
    State(phones): State<Phones>,
    request: Request,
) -> Result<Json<ActivateResponse>, Refusal> {
    let (mut parts, body) = request.into_parts();
    let info = RequestInfo::from_request_parts(&mut parts, &()).await?;
    phones
        .kept
        .activations
        .check(&machine_of(info.client), phones.instant())
        .map_err(|limited| Refusal::busy(limited.retry_after.as_secs() + 1))?;
    let home = home_of(&phones, &parts).await?;
    let body = read_body(Request::from_parts(parts, body)).await?;
    let request: ActivateRequest =
        from_json(&body).ok_or_else(|| Refusal::malformed("The body is not an activation as this protocol has it."))?;
    let thumbprint = check_proof(&phones, &request)?;

    let engine = &phones.engine;
    let code = PlainCode::from_text(request.code.expose());
    let account = match home {
        Home::Account(account) => account,
        Home::Shared => engine.account_of_activation(&code).await?.ok_or_else(Refusal::activation_invalid)?,
    };
    let phrase = confirm_phrase(&request.code, &thumbprint);
    let device = &request.device;
    let activation = devices::ActivateRequest {
        code,
        public_key: serde_json::to_string(&request.key).map_err(|_| Refusal::malformed("The key is not a JWK."))?,
        class: class(device.class),
        name: device_name(&device.name),
        platform: platform(&device.platform),
        app_version: app_version(&device.app_version),
        key_protection: device.key_protection.as_str(),
        push: device.push.as_ref().map(subscription).transpose()?.map(Zeroizing::new),
        confirm_phrase: phrase.clone(),
        address: Some(info.client),
        replaces: request
            .replaces
            .as_deref()
            .map(|id| id.parse().map_err(|_| Refusal::activation_invalid()))
            .transpose()?,
    };
    let bound = engine.activate(account.id, &activation).await?.ok_or_else(Refusal::activation_invalid)?;
    tracing::info!(device.id = %bound.device, "device activated");
    let seed = OtpSeed::new(bound.seed.to_vec()).map_err(|_| Refusal::activation_invalid())?;
    Ok(Json(ActivateResponse {
        device_id: bound.device.to_string(),
        account: Account { id: account.id.to_string(), name: account.name.clone() },
        user: User { name: bound.username },
        origin: engine.authenticator_origin().to_owned(),
        server_time: phones.now().as_second(),
        otp: OtpParameters { seed, state: otp_state(&bound.params, 0) },
        confirm: Confirm { phrase, required: bound.confirm_required },
    }))
}

/// Whoever sends a key must have its private half, and must have meant this code and this server. Gives the key's thumbprint.
fn check_proof(phones: &Phones, request: &ActivateRequest) -> Result<Digest, Refusal> {
    let key = DevicePublicKey::from_jwk(&request.key)
        .map_err(|_| Refusal::malformed("The key is not a point of the curve P-256."))?;
    let thumbprint = key.thumbprint();
    let jws = UnverifiedJws::<ActivatePayload>::parse(&request.proof)?;
    if jws.claimed_kid() != thumbprint.to_string() {
        return Err(Refusal::signature("The proof's kid is not the key's thumbprint."));
    }
    let proof = jws.verify(&key)?.payload;
    let is_for_this =
        proof.code == request.code && proof.key == thumbprint && proof.origin == phones.engine.authenticator_origin();
    if !is_for_this {
        return Err(Refusal::signature("The proof is for another code, key or server."));
    }
    phones.check_time(proof.iat)?;
    Ok(thumbprint)
}

fn class(class: DeviceClass) -> AuthenticatorClass {
    match class {
        DeviceClass::Pwa => AuthenticatorClass::Pwa,
        DeviceClass::Cli => AuthenticatorClass::Cli,
        DeviceClass::Automation => AuthenticatorClass::Automation,
        DeviceClass::Native => AuthenticatorClass::Native,
    }
}

/// A passcode generator as the protocol describes it.
pub(super) fn otp_state(params: &OtpParams, counter: i64) -> OtpState {
    if params.kind == OtpKind::MobileTotp {
        OtpState::Totp { digits: DIGITS, period: params.step.as_secs() }
    } else {
        OtpState::Hotp { digits: DIGITS, counter: u64::try_from(counter).unwrap_or_default() }
    }
}
