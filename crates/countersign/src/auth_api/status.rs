//! `GET /auth/v2/auth_status` and `POST /auth/v2/cancel`: how a login stands, and giving it up.

use axum::extract::State;
use cs_core::id::TxId;
use cs_engine::login::{CallState, LoginStatus};
use cs_wire::auth_api::{AuthResponse, AuthResult, AuthStatus, AuthStatusRequest, CancelResponse};

use super::decided_response;
use crate::app::App;
use crate::http::{AuthV2, Envelope, Failure, Signed, waiting_text};

/// Answers when the login is decided, or after the hold time while it is not.
pub(super) async fn auth_status(
    State(app): State<App>,
    Signed { caller, request, .. }: Signed<AuthV2, AuthStatusRequest>,
) -> Result<Envelope<AuthResponse>, Failure> {
    let _waiting = app.gate().wait()?;
    let engine = app.engine();
    let txid = request.txid.parse::<TxId>();
    let status = match &txid {
        Ok(txid) => engine.auth_status(&caller, *txid).await?,
        Err(_) => LoginStatus::Decided(engine.deferred(&caller, &request.txid)?),
    };
    Ok(Envelope::new(match (status, txid) {
        (LoginStatus::Decided(decided), _) => decided_response(&decided),
        (LoginStatus::Waiting, txid) => {
            let call = match txid {
                Ok(txid) => engine.call_state(&caller, txid).await?,
                Err(_) => None,
            };
            let status = match &call {
                None => AuthStatus::Pushed,
                Some(CallState::Dialling(_)) => AuthStatus::Calling,
                Some(CallState::PickedUp) => AuthStatus::Answered,
            };
            let status_msg = waiting_text(call.as_ref());
            AuthResponse { result: AuthResult::Waiting, status, status_msg, trusted_device_token: None }
        }
    }))
}

/// Withdraws a push that has not been answered: the application's user gave up. Counts nothing against the user.
pub(super) async fn cancel(
    State(app): State<App>,
    Signed { caller, request, .. }: Signed<AuthV2, AuthStatusRequest>,
) -> Result<Envelope<CancelResponse>, Failure> {
    let _slot = app.gate().login()?;
    let txid = request.txid.parse::<TxId>().map_err(|_| Failure::from(cs_engine::EngineError::NotFound))?;
    Ok(Envelope::new(CancelResponse { cancelled: app.engine().cancel(&caller, txid).await? }))
}
