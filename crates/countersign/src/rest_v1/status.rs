//! `GET /rest/v1/status`: how a login stands.

use axum::extract::State;
use cs_core::id::TxId;
use cs_engine::login::{Decided, LoginStatus};
use cs_wire::rest_v1::{FinalResult, StatusRequest, StatusResponse};

use crate::app::App;
use crate::http::{Envelope, Failure, PUSHED, RestV1, Signed, decided_text};

/// Answers when the login is decided, or after the hold time while it is not: never at once without news, because duo_unix 1.11 lets people in
/// after twenty answers.
pub(super) async fn status(
    State(app): State<App>,
    Signed { caller, request, .. }: Signed<RestV1, StatusRequest>,
) -> Result<Envelope<StatusResponse>, Failure> {
    let _waiting = app.gate().wait()?;
    let engine = app.engine();
    let status = match request.txid.parse::<TxId>() {
        Ok(txid) => engine.auth_status(&caller, txid).await?,
        Err(_) => LoginStatus::Decided(engine.deferred(&caller, &request.txid)?),
    };
    Ok(Envelope::new(match status {
        LoginStatus::Decided(decided) => decided_response(&decided),
        LoginStatus::Waiting => StatusResponse { status: PUSHED.to_owned(), result: None },
    }))
}

pub(super) fn decided_response(decided: &Decided) -> StatusResponse {
    let result = if decided.is_allow() { FinalResult::Allow } else { FinalResult::Deny };
    StatusResponse { status: decided_text(decided), result: Some(result) }
}
