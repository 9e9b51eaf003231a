//! Ours: `/admin/v1/exceptions`, what people asked to be excepted from, and the decision.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cs_core::exception::ExceptionState;
use cs_core::id::{BypassCodeId, ExceptionId, PhoneId};
use cs_engine::exceptions::{Approval, Delivery};
use cs_store::exceptions::ExceptionRecord;
use cs_wire::params::Params;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::extract::{ReadResource, SignedAdmin, WriteResource, invalid, not_found};
use super::load::Load;
use super::user_params::MAX_TEXT_BYTES;
use crate::app::App;
use crate::http::{Envelope, Failure};

/// How many requests a list shows, the newest.
const MOST: u32 = 500;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/exceptions", get(list))
        .route("/admin/v1/exceptions/{exception_id}", get(show))
        .route("/admin/v1/exceptions/{exception_id}/approve", post(approve))
        .route("/admin/v1/exceptions/{exception_id}/refuse", post(refuse))
}

#[derive(Debug, Serialize)]
struct ExceptionObject {
    exception_id: String,
    user_id: String,
    kind: &'static str,
    reason: String,
    wanted_secs: i64,
    source: String,
    phone_id: Option<String>,
    state: &'static str,
    created: i64,
    expires: i64,
    decided: Option<i64>,
    decided_by: Option<String>,
    note: Option<String>,
    until: Option<i64>,
    bypass_code_id: Option<String>,
}

impl ExceptionObject {
    fn new(record: ExceptionRecord, now: Timestamp) -> Self {
        Self {
            exception_id: record.id.to_string(),
            user_id: record.user.to_string(),
            kind: record.kind.as_str(),
            reason: record.reason,
            wanted_secs: record.wanted.as_secs(),
            source: record.source,
            phone_id: record.phone.as_ref().map(PhoneId::to_string),
            state: record.state.at(record.expires_at, now).as_str(),
            created: record.created_at.as_second(),
            expires: record.expires_at.as_second(),
            decided: record.decided_at.map(Timestamp::as_second),
            decided_by: record.decided_by,
            note: record.note,
            until: record.until.map(Timestamp::as_second),
            bypass_code_id: record.code.as_ref().map(BypassCodeId::to_string),
        }
    }
}

/// An approved request; `code` leaves this once.
#[derive(Debug, Serialize)]
struct ApprovedObject {
    #[serde(flatten)]
    exception: ExceptionObject,
    code: Option<String>,
}

/// The newest; with `state`, only those in it.
async fn list(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<ExceptionObject>>, Failure> {
    let state = match request.params.filled("state", 64)? {
        Some(word) => Some(ExceptionState::parse(&word).ok_or_else(|| invalid("state"))?),
        None => None,
    };
    let load = Load::new(&app, request.account.id);
    let mut all = load.reader().exceptions(request.account.id, None, MOST).await?;
    all.retain(|one| state.is_none_or(|state| one.state.at(one.expires_at, load.now()) == state));
    Ok(Envelope::new(all.into_iter().map(|one| ExceptionObject::new(one, load.now())).collect()))
}

async fn show(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<ExceptionObject>, Failure> {
    Ok(Envelope::new(object(&app, &request, request.id("exception_id")?).await?))
}

/// `valid_secs` for less than was asked, `note`, and `delivery=device` to have a code fetched by the authenticator that asked.
async fn approve(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<ApprovedObject>, Failure> {
    let id = request.id("exception_id")?;
    let approval = approval(&request.params)?;
    let approved = app.engine().approve_exception(request.account.id, &request.actor(), id, &approval).await?;
    let exception = object(&app, &request, id).await?;
    Ok(Envelope::new(ApprovedObject { exception, code: approved.code.map(|code| code.expose().to_owned()) }))
}

async fn refuse(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<ExceptionObject>, Failure> {
    let id = request.id("exception_id")?;
    let note = request.params.filled("note", MAX_TEXT_BYTES)?.unwrap_or_default();
    app.engine().refuse_exception(request.account.id, &request.actor(), id, &note).await?;
    Ok(Envelope::new(object(&app, &request, id).await?))
}

async fn object<R>(app: &App, request: &SignedAdmin<R>, id: ExceptionId) -> Result<ExceptionObject, Failure> {
    let load = Load::new(app, request.account.id);
    let found = load.reader().exception(request.account.id, id).await?;
    found.map(|found| ExceptionObject::new(found, load.now())).ok_or_else(not_found)
}

fn approval(params: &Params) -> Result<Approval, Failure> {
    Ok(Approval {
        length: params.int("valid_secs")?.map(SignedDuration::from_secs),
        note: params.filled("note", MAX_TEXT_BYTES)?.unwrap_or_default(),
        delivery: match params.filled("delivery", 64)?.as_deref() {
            None | Some("show") => Delivery::Show,
            Some("device") => Delivery::Device,
            Some(_) => return Err(invalid("delivery")),
        },
    })
}
