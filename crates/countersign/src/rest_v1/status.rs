//! `GET /rest/v1/status`: how a login stands.

use axum::extract::State;
use cs_core::id::TxId;
use cs_engine::login::{Decided, LoginStatus};
use cs_wire::rest_v1::{FinalResult, StatusRequest, StatusResponse};

use crate::app::App;
use crate::http::{Envelope, Failure, RestV1, Signed, decided_text, waiting_text};

/// Answers when the login is decided, or after the hold time while it is not: never at once without news, because duo_unix 1.11 lets people in
/// after twenty answers.
pub(super) async fn status(
    State(app): State<App>,
    Signed { caller, request, .. }: Signed<RestV1, StatusRequest>,
) -> Result<Envelope<StatusResponse>, Failure> {
    let _waiting = app.gate().wait()?;
    let engine = app.engine();
    let txid = request.txid.parse::<TxId>();
    let status = match &txid {
        Ok(txid) => engine.auth_status(&caller, *txid).await?,
        Err(_) => LoginStatus::Decided(engine.deferred(&caller, &request.txid)?),
    };
    Ok(Envelope::new(match (status, txid) {
        (LoginStatus::Decided(decided), _) => decided_response(&decided),
        (LoginStatus::Waiting, Ok(txid)) => {
            let call = engine.call_state(&caller, txid).await?;
            StatusResponse { status: waiting_text(call.as_ref()), result: None }
        }
        (LoginStatus::Waiting, Err(_)) => StatusResponse { status: waiting_text(None), result: None },
    }))
}

pub(super) fn decided_response(decided: &Decided) -> StatusResponse {
    let result = if decided.is_allow() { FinalResult::Allow } else { FinalResult::Deny };
    StatusResponse { status: decided_text(decided), result: Some(result) }
}
