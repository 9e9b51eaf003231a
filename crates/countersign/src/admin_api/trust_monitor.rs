//! `/admin/v1/trust_monitor/events`, the review queue in the shape of Duo's Trust Monitor, and ours: deciding an event, and ending a user's step-up.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cs_core::id::ReviewEventId;
use cs_core::policy::Word as _;
use cs_core::policy::risk::{ReviewKind, ReviewState};
use cs_core::policy::sections::Signal;
use cs_engine::review::REVIEWS_KEPT;
use cs_store::review::{ReviewEvent, ReviewPage};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::extract::{ReadLog, SignedAdmin, WriteResource, invalid, not_found};
use super::load::Load;
use super::logs::authentication;
use crate::app::App;
use crate::http::{Envelope, Failure};

const USUAL: i64 = 50;
const MOST: i64 = 200;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/trust_monitor/events", get(list))
        .route("/admin/v1/trust_monitor/events/{event_id}", get(show).post(decide))
        .route("/admin/v1/users/{user_id}/clear_step_up", post(clear_step_up))
}

#[derive(Serialize)]
struct Events {
    events: Vec<Json>,
    metadata: Paging,
}

#[derive(Serialize)]
struct Paging {
    next_offset: Option<String>,
}

/// `mintime` and `maxtime` in milliseconds, at most 180 days back; `type`; ours: `state`.
async fn list(State(app): State<App>, request: SignedAdmin<ReadLog>) -> Result<Envelope<Events>, Failure> {
    let page = page(&request, app.engine().clock().now())?;
    let reader = app.engine().store().reader();
    let found = reader.review_events(request.account.id, &page).await?;
    let last = found.last().filter(|_| found.len() == page.limit as usize);
    let next_offset = last.map(|last| format!("{},{}", last.surfaced_at.as_millisecond(), last.id));
    let mut events = Vec::with_capacity(found.len());
    for event in &found {
        events.push(object(&app, &request, event).await?);
    }
    Ok(Envelope::new(Events { events, metadata: Paging { next_offset } }))
}

async fn show(State(app): State<App>, request: SignedAdmin<ReadLog>) -> Result<Envelope<Json>, Failure> {
    let id: ReviewEventId = request.id("event_id")?;
    let event = app.engine().store().reader().review_event(request.account.id, id).await?.ok_or_else(not_found)?;
    Ok(Envelope::new(object(&app, &request, &event).await?))
}

/// `state`: `new`, `dismissed` or `processed`.
async fn decide(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    let id: ReviewEventId = request.id("event_id")?;
    let state = ReviewState::parse(&request.params.required("state", 64)?).ok_or_else(|| invalid("state"))?;
    let known = app.engine().review(request.account.id, &request.actor(), id, state).await?;
    if known { Ok(Envelope::new("")) } else { Err(not_found()) }
}

async fn clear_step_up(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    let user = request.id("user_id")?;
    Load::new(&app, request.account.id).require_user(user).await?;
    app.engine().clear_step_up(request.account.id, &request.actor(), user).await?;
    Ok(Envelope::new(""))
}

fn page(request: &SignedAdmin<ReadLog>, now: Timestamp) -> Result<ReviewPage, Failure> {
    let params = &request.params;
    let time = |name: &'static str| {
        let ms = params.int(name)?.ok_or_else(|| invalid(name))?;
        Timestamp::from_millisecond(ms).map_err(|_| invalid(name))
    };
    let (from, to) = (time("mintime")?, time("maxtime")?);
    if from > to || now.duration_since(from) > REVIEWS_KEPT {
        return Err(invalid("mintime"));
    }
    let kind = match params.filled("type", 64)? {
        Some(word) => Some(ReviewKind::parse(&word).ok_or_else(|| invalid("type"))?),
        None => None,
    };
    let state = match params.filled("state", 64)? {
        Some(word) => Some(ReviewState::parse(&word).ok_or_else(|| invalid("state"))?),
        None => None,
    };
    let after = match params.filled("offset", 64)? {
        // What a client begins with, though nothing asks it to.
        None => None,
        Some(zero) if zero == "0" => None,
        Some(text) => {
            let place = text.split_once(',').and_then(|(at, id)| {
                let at = at.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())?;
                Some((at, id.parse().ok()?))
            });
            Some(place.ok_or_else(|| invalid("offset"))?)
        }
    };
    let limit = params.int("limit")?.unwrap_or(USUAL).clamp(1, MOST);
    Ok(ReviewPage { from, to, kind, state, after, limit: u32::try_from(limit).unwrap_or(50) })
}

async fn object<P>(app: &App, request: &SignedAdmin<P>, event: &ReviewEvent) -> Result<Json, Failure> {
    let reader = app.engine().store().reader();
    let auth = match event.txid {
        Some(txid) => {
            let reference = txid.to_string();
            let entries = reader.log_by_reference(request.account.id, &reference).await?;
            entries.iter().find(|entry| entry.id == reference).map(authentication::event)
        }
        None => None,
    };
    let kind = event.signal.map_or(event.kind.as_str(), Signal::as_str);
    let mut object = json!({
        "sekey": event.id.as_str(),
        "type": event.kind.as_str(),
        "state": event.state.as_str(),
        "state_updated_timestamp": event.state_at.as_millisecond(),
        "surfaced_timestamp": event.surfaced_at.as_millisecond(),
        "surfaced_auth": auth,
        "priority_event": event.is_priority,
        "priority_reasons": if event.is_priority {
            json!([{"label": event.summary, "type": kind}])
        } else {
            json!([])
        },
        "explanations": [{"summary": event.summary, "type": kind}],
        "from_common_netblock": event.signal != Some(Signal::NovelNetwork),
        "from_new_user": false,
        "low_risk_ip": false,
        "triaged_as_interesting": event.state == ReviewState::Processed,
        "triage_event_uri": null,
        // Ours.
        "user_id": event.user.map(|user| user.to_string()),
        "state_updated_by": event.state_by,
    });
    if event.kind == ReviewKind::BypassStatus {
        let user = match event.user {
            Some(id) => app.engine().store().user_record(request.account.id, id).await?.map(|(user, _)| user),
            None => None,
        };
        object["bypass_status_enabled"] = json!(event.surfaced_at.as_millisecond());
        object["enabled_by"] = json!({"key": null, "name": event.made_by});
        object["enabled_for"] =
            json!({"key": event.user.map(|user| user.to_string()), "name": user.map(|user| user.username)});
    }
    Ok(object)
}
