//! `/authenticator/v1/move`: an account comes to another device.
//!
//! Whoever asks here is nobody yet: what is wrong with a proof is never said, only that it does not suffice.

use axum::Json;
use axum::extract::{FromRequestParts as _, Request, State};
use bytes::Bytes;
use cs_core::id::PhoneId;
use cs_core::network::machine_of;
use cs_core::otp::TypedPasscode;
use cs_core::webauthn::Ask;
use cs_engine::login::{self, Assertion, Proven};
use cs_engine::moves::MovedAway;
use cs_engine::passkeys::{Binding, CeremonyId, MAX_RESPONSE_BYTES};
use cs_engine::{Access, AccountEntry};
use cs_wire::device::{
    Account, ContestRequest, MovableDevice, MoveNotice, MovePasskeyRequest, MovePasskeyResponse, MoveProof,
    MoveRequest, MoveResponse, Nonce, User,
};
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::proof::{Before, Home, Sender, Signed, from_json, home_of, read_body, sender, spend};
use super::{Phones, Refusal};
use crate::http::RequestInfo;

/// The longest name that is looked at: as long as the longest username.
const MAX_NAME_BYTES: usize = 256;

/// `POST /authenticator/v1/move/passkey`: what a passkey is to sign. Says nothing of who has one.
pub(super) async fn begin(
    State(phones): State<Phones>,
    request: Request,
) -> Result<Json<MovePasskeyResponse>, Refusal> {
    let (account, _, asked) = asked::<MovePasskeyRequest>(&phones, request).await?;
    let begun = phones.engine.begin_move(&account, &binding(&asked.session)).await?.ok_or_else(Refusal::refused)?;
    Ok(Json(MovePasskeyResponse { ceremony: begun.ceremony.as_str().to_owned(), options: begun.options }))
}

/// `POST /authenticator/v1/move`: a proof becomes an activation code.
pub(super) async fn prove(State(phones): State<Phones>, request: Request) -> Result<Json<MoveResponse>, Refusal> {
    let (account, access, MoveRequest { proof }) = asked(&phones, request).await?;
    let proof = match proof {
        MoveProof::Code { username, .. } if username.len() > MAX_NAME_BYTES => return Err(Refusal::refused()),
        MoveProof::Code { username, code } => {
            login::MoveProof::Code { username, code: TypedPasscode::parse(code.expose()).ok() }
        }
        MoveProof::Passkey { response, .. } if response.len() > MAX_RESPONSE_BYTES => return Err(Refusal::refused()),
        MoveProof::Passkey { session, ceremony, response } => {
            let ceremony = CeremonyId::parse(&ceremony).ok_or_else(Refusal::refused)?;
            let binding = binding(&session);
            login::MoveProof::Passkey(Box::new(Assertion { ask: Ask::Passwordless, ceremony, binding, response }))
        }
    };
    let Proven { code, expires_at, username, devices } =
        phones.engine.prove_move(&account, &proof, &access).await?.ok_or_else(Refusal::refused)?;
    Ok(Json(MoveResponse {
        code: code.expose().parse().map_err(|_| Refusal::refused())?,
        expires: expires_at.as_second(),
        account: Account { id: account.id.to_string(), name: account.name.clone() },
        user: User { name: username },
        devices: devices.into_iter().map(|(id, name)| MovableDevice { device_id: id.to_string(), name }).collect(),
    }))
}

/// `POST /authenticator/v1/move/contest`: it was not me. Signed by the device that was replaced, or by another one of the same user.
pub(super) async fn contest(State(phones): State<Phones>, request: Request) -> Result<StatusCode, Refusal> {
    let (account, access, named) = match sender(&phones, request).await? {
        Signed::Before(before) => {
            let Before { account, away, proof, parts, body } = *before;
            let (phone, access) = (away.moved.phone, access_of(&parts.extensions));
            let body = spend(&phones, (account.id, phone), &proof, parts, body).await?;
            (account, access, contested(&body)?.filter(|named| *named == phone))
        }
        Signed::Bound(sender) => {
            let Sender { account, device, proof, parts, body, .. } = *sender;
            if !device.confirmed {
                return Err(Refusal::inactive());
            }
            let access = access_of(&parts.extensions);
            let body = spend(&phones, (account.id, device.phone), &proof, parts, body).await?;
            let moves = phones.engine.moves_beside(&device).await?;
            let is_theirs = |named: &PhoneId| moves.iter().any(|away| away.moved.phone == *named);
            (account, access, contested(&body)?.filter(is_theirs))
        }
    };
    let Some(phone) = named else { return Err(Refusal::no_such_request()) };
    if phones.engine.contest_move(&account, phone, &access).await? {
        tracing::warn!(device.id = %phone, "a move was called somebody else's: nothing is bound there now");
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::no_such_request())
    }
}

/// What devices are told of a move.
pub(super) fn notice(away: &MovedAway) -> MoveNotice {
    let MovedAway { moved, contestable } = away;
    MoveNotice {
        device: moved.phone.to_string(),
        name: moved.name.clone(),
        at: moved.moved_at.as_second(),
        contestable: *contestable,
        contested: moved.contested_at.is_some(),
        added: moved.public_key.is_none(),
    }
}

/// The body of a request that nobody has signed: limited by address, at the host of one account. Where several share a host, nobody is asked for a name that more than one
/// of them may know: such people use the portal of theirs.
async fn asked<T: DeserializeOwned>(phones: &Phones, request: Request) -> Result<(AccountEntry, Access, T), Refusal> {
    let (mut parts, body) = request.into_parts();
    let info = RequestInfo::from_request_parts(&mut parts, &()).await?;
    phones
        .kept
        .moves
        .check(&machine_of(info.client), phones.instant())
        .map_err(|limited| Refusal::busy(limited.retry_after.as_secs() + 1))?;
    let access = access_of(&parts.extensions);
    let Home::Account(account) = home_of(phones, &parts).await? else { return Err(Refusal::refused()) };
    let body = read_body(Request::from_parts(parts, body)).await?;
    let asked = from_json(&body).ok_or_else(|| Refusal::malformed("The body is not what this path takes."))?;
    Ok((account, access, asked))
}

fn access_of(extensions: &http::Extensions) -> Access {
    Access { address: extensions.get::<RequestInfo>().map(|info| info.client), ..Access::default() }
}

fn contested(body: &Bytes) -> Result<Option<PhoneId>, Refusal> {
    let asked: ContestRequest =
        from_json(body).ok_or_else(|| Refusal::malformed("The body is not what this path takes."))?;
    Ok(asked.device.parse().ok())
}

/// Only who began an attempt finishes it.
fn binding(session: &Nonce) -> Binding {
    Binding::of("move", session.as_bytes())
}
