//! `GET /authenticator/v1/requests`: the logins that wait for this device.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use cs_core::id::TxId;
use cs_engine::Engine;
use cs_engine::login::Asked;
use cs_engine::wake::Delivery;
use cs_wire::device::{Receipt, ReceiptState, Request, RequestsResponse, Statement};
use http::StatusCode;

use super::{DeviceRequest, Phones, Refusal};

pub(super) async fn waiting(
    State(phones): State<Phones>,
    request: DeviceRequest,
) -> Result<Json<RequestsResponse>, Refusal> {
    let (account, device) = request.device_key();
    let asked = phones.engine.asked(account, device).await?;
    for asked in &asked {
        phones.engine.delivered(account, device, asked.txid, Delivery::Delivered);
    }
    let requests = asked.iter().filter_map(|asked| to_wire(&phones.engine, asked)).collect();
    Ok(Json(RequestsResponse { server_time: phones.now().as_second(), requests }))
}

/// The device tells how far a login has come, for whoever waits in front of the other screen.
pub(super) async fn receipt(
    State(phones): State<Phones>,
    txid: Result<Path<String>, PathRejection>,
    request: DeviceRequest,
) -> Result<StatusCode, Refusal> {
    let Receipt { state } = request.json()?;
    let txid: Option<TxId> = txid.ok().and_then(|Path(txid)| txid.parse().ok());
    let txid = txid.ok_or_else(Refusal::no_such_request)?;
    let (account, device) = request.device_key();
    // Only of its own logins, and only while they wait: what is kept is bounded by what was asked.
    let asked = phones.engine.asked_one(account, device, txid).await?;
    let asked = asked.filter(|asked| asked.expires_at > phones.now()).ok_or_else(Refusal::no_such_request)?;
    let state = match state {
        ReceiptState::Delivered => Delivery::Delivered,
        ReceiptState::Shown => Delivery::Shown,
    };
    phones.engine.delivered(account, device, asked.txid, state);
    Ok(StatusCode::NO_CONTENT)
}

/// A login as the protocol writes it.
pub(super) fn to_wire(engine: &Engine, asked: &Asked) -> Option<Request> {
    Some(Request {
        txid: asked.txid.to_string(),
        created: asked.created_at.as_second(),
        expires: asked.expires_at.as_second(),
        digits: asked.digits,
        pages: engine.relying_party().origins().first().filter(|_| asked.digits > 0).cloned(),
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
