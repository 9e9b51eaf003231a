//! Ours: `/admin/v1/exemptions` and `/admin/v1/users/{user_id}/exemptions`, for test and automation users.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_core::network::NetworkList;
use cs_core::policy::Word as _;
use cs_core::policy::exemption::ExemptionKind;
use cs_engine::admin::exemptions::NewExemption;
use cs_store::exemptions::ExemptionRecord;
use cs_wire::params::Params;
use jiff::Timestamp;
use serde::Serialize;

use super::extract::{ReadResource, SignedAdmin, WriteResource, invalid, not_found};
use super::load::Load;
use super::user_params::MAX_TEXT_BYTES;
use crate::app::App;
use crate::http::{Envelope, Failure};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/exemptions", get(list))
        .route("/admin/v1/exemptions/{exemption_id}", get(show).delete(delete))
        .route("/admin/v1/users/{user_id}/exemptions", get(list_of_user).post(create))
}

#[derive(Debug, Serialize)]
struct ExemptionObject {
    exemption_id: String,
    user_id: String,
    kind: &'static str,
    integration_keys: Vec<String>,
    networks: Vec<String>,
    created: i64,
    until: i64,
    reason: String,
    created_by: String,
}

impl From<ExemptionRecord> for ExemptionObject {
    fn from(record: ExemptionRecord) -> Self {
        let exemption = record.exemption;
        Self {
            exemption_id: record.id.to_string(),
            user_id: record.user.to_string(),
            kind: exemption.kind.as_str(),
            integration_keys: exemption.applications.iter().map(ToString::to_string).collect(),
            networks: exemption.networks.entries().collect(),
            created: exemption.from.as_second(),
            until: exemption.until.as_second(),
            reason: exemption.reason,
            created_by: record.created_by,
        }
    }
}

async fn list(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<ExemptionObject>>, Failure> {
    let all = Load::new(&app, request.account.id).reader().exemptions(request.account.id, None).await?;
    Ok(Envelope::new(all.into_iter().map(Into::into).collect()))
}

async fn list_of_user(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<ExemptionObject>>, Failure> {
    let user = request.id("user_id")?;
    let load = Load::new(&app, request.account.id);
    load.require_user(user).await?;
    let all = load.reader().exemptions(request.account.id, Some(user)).await?;
    Ok(Envelope::new(all.into_iter().map(Into::into).collect()))
}

async fn show(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<ExemptionObject>, Failure> {
    let load = Load::new(&app, request.account.id);
    let found = load.reader().exemption(request.account.id, request.id("exemption_id")?).await?;
    found.map(|found| Envelope::new(found.into())).ok_or_else(not_found)
}

async fn create(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<ExemptionObject>, Failure> {
    let user = request.id("user_id")?;
    Load::new(&app, request.account.id).require_user(user).await?;
    let new = new_exemption(&request.params)?;
    let made = app.engine().create_exemption(request.account.id, &request.actor(), user, new).await?;
    Ok(Envelope::new(made.into()))
}

async fn delete(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    if let Some(id) = request.id_if_any("exemption_id") {
        app.engine().delete_exemption(request.account.id, &request.actor(), id).await?;
    }
    Ok(Envelope::new(""))
}

fn new_exemption(params: &Params) -> Result<NewExemption, Failure> {
    let kind = params.required("kind", 64)?;
    let keys = params.csv_list("integration_keys")?.unwrap_or_default();
    let keys = keys.iter().map(|key| key.parse().map_err(|_| invalid("integration_keys")));
    let networks = params.required("networks", MAX_TEXT_BYTES)?;
    let until = params.int("until")?.and_then(|second| Timestamp::from_second(second).ok());
    Ok(NewExemption {
        kind: ExemptionKind::parse(&kind).ok_or_else(|| invalid("kind"))?,
        applications: keys.collect::<Result<_, Failure>>()?,
        networks: NetworkList::parse(&networks).ok_or_else(|| invalid("networks"))?,
        until: until.ok_or_else(|| invalid("until"))?,
        reason: params.required("reason", MAX_TEXT_BYTES)?,
    })
}
