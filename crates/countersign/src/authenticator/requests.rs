//! `GET /authenticator/v1/requests`: the logins that wait for this device.

use axum::Json;
use axum::extract::State;
use cs_engine::login::Asked;
use cs_wire::device::{Request, RequestsResponse, Statement};

use super::{DeviceRequest, Phones, Refusal};

pub(super) async fn waiting(
    State(phones): State<Phones>,
    request: DeviceRequest,
) -> Result<Json<RequestsResponse>, Refusal> {
    let (account, device) = request.device_key();
    let asked = phones.engine.asked(account, device).await?;
    let requests = asked.iter().filter_map(to_wire).collect();
    Ok(Json(RequestsResponse { server_time: phones.now().as_second(), requests }))
}

/// A login as the protocol writes it.
pub(super) fn to_wire(asked: &Asked) -> Option<Request> {
    Some(Request {
        txid: asked.txid.to_string(),
        created: asked.created_at.as_second(),
        expires: asked.expires_at.as_second(),
        digits: asked.digits,
        statement: stored_statement(asked)?,
    })
}

/// What was asked, as it is stored; nothing that cannot be read is ever shown or compared.
pub(super) fn stored_statement(asked: &Asked) -> Option<Statement> {
    let statement = serde_json::from_str(&asked.statement);
    if statement.is_err() {
        tracing::error!(txid = %asked.txid, "a stored statement is not one");
    }
    statement.ok()
}
