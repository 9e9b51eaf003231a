//! `POST /auth/v2/auth`: do a factor.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cs_core::id::TxId;
use cs_core::login::{Choice, FactorRequest};
use cs_engine::login::{AuthAnswer, AuthRequest, FactorInput};
use cs_wire::auth_api::{AsyncResponse, AuthMode, AuthRequest as WireRequest, DeviceRef, Factor};

use super::{decided_response, invalid, who};
use crate::app::App;
use crate::http::{AuthV2, Envelope, Failure, Signed, access, request_digest, tell_when_answered};

/// Judges a passcode, or sends a push. Synchronous clients wait for the answer; asynchronous ones are told a txid, whatever the factor.
pub(super) async fn auth(
    State(app): State<App>,
    Signed { caller, request, params, .. }: Signed<AuthV2, WireRequest>,
) -> Result<Response, Failure> {
    let slot = app.gate().login()?;
    let mode = request.mode;
    // Before anything is started: a push that nobody can wait for must not be sent.
    let _waiting = match mode {
        AuthMode::Sync => Some(app.gate().wait()?),
        AuthMode::Async => None,
    };
    let login = engine_request(request, request_digest(&caller, &params))?;
    let engine = app.engine();
    let answer = engine.auth(&caller, &login).await?;
    drop(slot);
    Ok(match (mode, answer) {
        (AuthMode::Sync, AuthAnswer::Decided(decided)) => Envelope::new(decided_response(&decided)).into_response(),
        (AuthMode::Sync, AuthAnswer::Started { txid, .. }) => {
            let decided = engine.decision(&caller, txid).await?;
            Envelope::new(decided_response(&decided)).into_response()
        }
        (AuthMode::Async, AuthAnswer::Started { txid, .. }) => {
            let answer = Envelope::new(AsyncResponse { txid: txid.to_string() }).into_response();
            tell_when_answered(answer, caller.connection.clone()).await
        }
        (AuthMode::Async, AuthAnswer::Decided(decided)) => {
            Envelope::new(AsyncResponse { txid: engine.defer(&caller, &decided)? }).into_response()
        }
    })
}

fn engine_request(request: WireRequest, digest: [u8; 32]) -> Result<AuthRequest, Failure> {
    let ticket = request.txid.map(|txid| txid.parse::<TxId>().map_err(|_| invalid("txid"))).transpose()?;
    Ok(AuthRequest {
        who: who(request.user)?,
        factor: factor(request.factor)?,
        access: access(&request.origin),
        push_type: request.kind,
        display_username: request.display_username,
        info: request.pushinfo.0,
        ticket,
        idempotency_key: request.idempotency_key,
        login_key: request.login_key,
        digest,
        log_as: None,
    })
}

fn factor(factor: Factor) -> Result<FactorInput, Failure> {
    let named = |request, device| Ok(FactorInput::Named(request, choice(device)?));
    match factor {
        Factor::Auto(device) => named(FactorRequest::Auto, device),
        Factor::Push(device) => named(FactorRequest::Push, device),
        Factor::Phone(device) => named(FactorRequest::Phone, device),
        Factor::Sms(device) => named(FactorRequest::Sms, device),
        Factor::Passcode(code) => Ok(FactorInput::Passcode(code.expose().to_owned())),
        Factor::Prompt(typed) => Ok(FactorInput::Menu(typed.expose().to_owned())),
    }
}

fn choice(device: DeviceRef) -> Result<Choice, Failure> {
    match device {
        DeviceRef::Auto => Ok(Choice::Auto),
        DeviceRef::Id(id) => id.parse().map(Choice::Device).map_err(|_| invalid("device")),
    }
}
