//! `/authenticator/v1/device`: what a device may see and change of itself.

use axum::Json;
use axum::extract::State;
use cs_engine::AccountEntry;
use cs_engine::devices::DeviceChange;
use cs_store::authenticators::BoundDevice;
use cs_wire::device::{Account, DeviceStatus, DeviceUpdate, OutageCodes, PushStatus, User};
use http::StatusCode;

use super::activate::otp_state;
use super::claims::{app_version, device_name, posture, subscription};
use super::moves::notice;
use super::{DeviceRequest, Phones, Refusal};

pub(super) async fn show(State(phones): State<Phones>, request: DeviceRequest) -> Result<Json<DeviceStatus>, Refusal> {
    let key = phones.push_key().await?;
    let moves = phones.engine.moves_beside(&request.device).await?;
    let outages = phones.engine.outage_codes(&request.device).await?;
    Ok(Json(DeviceStatus {
        moves: moves.iter().map(notice).collect(),
        outages: outages
            .into_iter()
            .map(|codes| OutageCodes { group: codes.group, applications: codes.applications })
            .collect(),
        ..status(&request.account, request.device, key)
    }))
}

pub(super) async fn change(
    State(phones): State<Phones>,
    request: DeviceRequest,
) -> Result<Json<DeviceStatus>, Refusal> {
    let update: DeviceUpdate = request.json()?;
    let name = update.name.as_deref().map(device_name);
    if name.as_deref() == Some("") {
        return Err(Refusal::malformed("A device needs a name that can be read."));
    }
    let app_version = update.app_version.as_deref().map(app_version);
    let push = match &update.push {
        None => None,
        Some(None) => Some(None),
        Some(Some(push)) => Some(Some(subscription(push)?)),
    };
    let posture = update.posture.as_ref().map(posture).transpose()?;
    let engine = &phones.engine;
    engine
        .update_device(
            &request.device,
            &DeviceChange {
                name: name.as_deref(),
                app_version: app_version.as_deref(),
                push: push.as_ref().map(|push| push.as_deref()),
                posture: posture.as_deref(),
            },
        )
        .await?;
    let (account, device) = request.device_key();
    let device = engine.device(account, device).await?.ok_or_else(Refusal::inactive)?;
    let key = phones.push_key().await?;
    Ok(Json(status(&request.account, device, key)))
}

pub(super) async fn unbind(State(phones): State<Phones>, request: DeviceRequest) -> Result<StatusCode, Refusal> {
    let (account, device) = request.device_key();
    if phones.engine.unbind_device(account, device).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::inactive())
    }
}

fn status(account: &AccountEntry, device: BoundDevice, push_key: String) -> DeviceStatus {
    DeviceStatus {
        device_id: device.phone.to_string(),
        name: device.name,
        user: User { name: device.username },
        account: Account { id: account.id.to_string(), name: account.name.clone() },
        active: device.confirmed,
        auto_approve_until: device.auto_approve_until.map(|until| until.as_second()),
        otp: otp_state(&device.params, device.otp.counter),
        push: Some(PushStatus { key: push_key, subscribed: device.push.is_some() }),
        moves: Vec::new(),
        outages: Vec::new(),
    }
}
