//! `/authenticator/v1/exceptions`: a person asks for an exception, and reads what became of it.

use axum::Json;
use axum::extract::State;
use cs_core::exception::ExceptionKind;
use cs_engine::exceptions::{ExceptionRefused, ExceptionWish};
use cs_store::exceptions::ExceptionRecord;
use cs_wire::device::{self, ErrorCode, ExceptionStatus, ExceptionsResponse, NewException};
use jiff::{SignedDuration, Timestamp};

use super::{DeviceRequest, Phones, Refusal};

/// Asks, in the name of the user the device was bound for.
pub(super) async fn ask(
    State(phones): State<Phones>,
    request: DeviceRequest,
) -> Result<Json<ExceptionStatus>, Refusal> {
    let asked: NewException = request.json()?;
    let wish = ExceptionWish {
        kind: match asked.kind {
            device::ExceptionKind::Bypass => ExceptionKind::Bypass,
            device::ExceptionKind::Code => ExceptionKind::Code,
        },
        reason: asked.reason,
        length: SignedDuration::from_secs(asked.seconds),
        source: "authenticator",
        device: Some(request.device.phone),
    };
    let record = phones.engine.request_exception(request.device.account, request.device.user, &wish).await?;
    Ok(Json(status(&record, None, phones.now())))
}

/// The user's newest requests; a code only for the device that asked.
pub(super) async fn list(
    State(phones): State<Phones>,
    request: DeviceRequest,
) -> Result<Json<ExceptionsResponse>, Refusal> {
    let (account, device) = request.device_key();
    let found = phones.engine.exceptions_for_device(account, request.device.user, device).await?;
    let now = phones.now();
    let exceptions = found
        .iter()
        .map(|(record, code)| status(record, code.as_ref().map(|code| code.expose().to_owned()), now))
        .collect();
    Ok(Json(ExceptionsResponse { exceptions }))
}

fn status(record: &ExceptionRecord, code: Option<String>, now: Timestamp) -> ExceptionStatus {
    ExceptionStatus {
        id: record.id.to_string(),
        kind: match record.kind {
            ExceptionKind::Bypass => device::ExceptionKind::Bypass,
            ExceptionKind::Code => device::ExceptionKind::Code,
        },
        reason: record.reason.clone(),
        state: record.state.at(record.expires_at, now).as_str().to_owned(),
        created: record.created_at.as_second(),
        expires: record.expires_at.as_second(),
        until: record.until.map(Timestamp::as_second),
        note: record.note.clone().filter(|note| !note.is_empty()),
        code,
    }
}

impl From<ExceptionRefused> for Refusal {
    fn from(refused: ExceptionRefused) -> Self {
        match refused {
            ExceptionRefused::Engine(error) => error.into(),
            ExceptionRefused::TooMany => Self::new(ErrorCode::Busy, refused.to_string()),
            ExceptionRefused::NotAllowed
            | ExceptionRefused::User
            | ExceptionRefused::Length { .. }
            | ExceptionRefused::Reason => Self::new(ErrorCode::Malformed, refused.to_string()),
        }
    }
}
