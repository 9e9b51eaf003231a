//! `POST /rest/v1/auth`: do what was chosen from the menu.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cs_core::login::{Choice, FactorRequest};
use cs_engine::login::{AuthAnswer, AuthRequest, FactorInput, Who};
use cs_wire::auth_api::AuthMode;
use cs_wire::rest_v1::{AsyncResponse, AuthRequest as WireRequest, Factor, Phone};

use super::status::decided_response;
use crate::app::App;
use crate::http::{Envelope, Failure, RestV1, Signed, access, request_digest, tell_when_answered};

/// Judges a passcode, or sends a push. Synchronous clients wait for the answer; asynchronous ones are told a txid, whatever the factor.
pub(super) async fn auth(
    State(app): State<App>,
    Signed { caller, request, params, .. }: Signed<RestV1, WireRequest>,
) -> Result<Response, Failure> {
    let slot = app.gate().login()?;
    let mode = request.mode;
    // Before anything is started: a push that nobody can wait for must not be sent.
    let _waiting = match mode {
        AuthMode::Sync => Some(app.gate().wait()?),
        AuthMode::Async => None,
    };
    let login = AuthRequest {
        who: Who::Name(request.user),
        factor: factor(request.factor),
        access: access(&request.origin),
        push_type: None,
        display_username: None,
        info: request.pushinfo.0,
        ticket: None,
        idempotency_key: None,
        login_key: None,
        digest: request_digest(&caller, &params),
        log_as: None,
    };
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

fn factor(factor: Factor) -> FactorInput {
    match factor {
        Factor::Auto(typed) => FactorInput::Menu(typed.expose().to_owned()),
        Factor::Passcode(code) => FactorInput::Passcode(code.expose().to_owned()),
        Factor::Push(phone) => FactorInput::Named(FactorRequest::Push, choice(phone)),
        Factor::Phone(phone) => FactorInput::Named(FactorRequest::Phone, choice(phone)),
        Factor::Sms(phone) => FactorInput::Named(FactorRequest::Sms, choice(phone)),
    }
}

fn choice(phone: Phone) -> Choice {
    match phone {
        Phone::Auto => Choice::Auto,
        Phone::Nth(n) => Choice::Nth(usize::from(n)),
    }
}
