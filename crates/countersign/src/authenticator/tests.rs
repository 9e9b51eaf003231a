//! `/authenticator/v1/test`: a request that counts for nothing, sent the way of every other one, and how far it has come.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use cs_core::id::TxId;
use cs_engine::EngineError;
use cs_wire::device::{TestResponse, TestState};

use super::{DeviceRequest, Phones, Refusal};

/// Seconds after which another test may be tried: as long as one lives.
const PAUSE_S: u64 = 60;

/// `POST /authenticator/v1/test`
pub(super) async fn begin(State(phones): State<Phones>, request: DeviceRequest) -> Result<Json<TestResponse>, Refusal> {
    match phones.engine.test_device(&request.account, &request.device).await {
        Ok(txid) => Ok(Json(TestResponse { txid: txid.to_string(), wakes: request.device.push.is_some() })),
        // One waits already, or several were not answered of late.
        Err(EngineError::Exists(_) | EngineError::Forbidden(_)) => Err(Refusal::busy(PAUSE_S)),
        Err(error) => Err(error.into()),
    }
}

/// `GET /authenticator/v1/test/{txid}`: of the device's own alone.
pub(super) async fn state(
    State(phones): State<Phones>,
    txid: Result<Path<String>, PathRejection>,
    request: DeviceRequest,
) -> Result<Json<TestState>, Refusal> {
    let txid: Option<TxId> = txid.ok().and_then(|Path(txid)| txid.parse().ok());
    let txid = txid.ok_or_else(Refusal::no_such_request)?;
    let (account, device) = request.device_key();
    phones.engine.asked_one(account, device, txid).await?.ok_or_else(Refusal::no_such_request)?;
    let state = phones.engine.delivery(txid).as_str().to_owned();
    Ok(Json(TestState { state, accepted: phones.engine.is_accepted(txid) }))
}
