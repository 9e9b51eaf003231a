//! `/admin/v1/info/…`: how many objects, how many logins.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_store::audit::Outcome;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::extract::{Info, SignedAdmin, invalid};
use crate::app::App;
use crate::http::{Envelope, Failure};

const USUAL_SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);
const LONGEST_SPAN: SignedDuration = SignedDuration::from_hours(180 * 24);
/// Duo's names for the results of a log entry.
const OUTCOMES: [(&str, &str); 4] =
    [("ERROR", "error"), ("FAILURE", "denied"), ("FRAUD", "fraud"), ("SUCCESS", "success")];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/info/summary", get(summary))
        .route("/admin/v1/info/telephony_credits_used", get(telephony_credits_used))
        .route("/admin/v1/info/authentication_attempts", get(attempts))
        .route("/admin/v1/info/user_authentication_attempts", get(users))
}

async fn summary(State(app): State<App>, request: SignedAdmin<Info>) -> Result<Envelope<Json>, Failure> {
    let counts = app.engine().store().reader().object_counts(request.account.id).await?;
    Ok(Envelope::new(json!({
        "admin_count": counts.administrators,
        "integration_count": counts.integrations,
        "user_count": counts.users,
        "user_pending_deletion_count": counts.users_in_trash,
        // Nothing is sold here.
        "telephony_credits_remaining": 0,
        "edition": "PREMIER",
    })))
}

/// Nothing is sent by telephone, so nothing is used.
async fn telephony_credits_used(State(app): State<App>, request: SignedAdmin<Info>) -> Result<Envelope<Json>, Failure> {
    // The span is checked all the same: a mistake in it should show.
    span(&request, app.engine().clock().now())?;
    Ok(Envelope::new(json!({"telephony_credits_used": 0})))
}

async fn attempts(State(app): State<App>, request: SignedAdmin<Info>) -> Result<Envelope<Json>, Failure> {
    counted(&app, &request, |outcome| outcome.attempts).await
}

async fn users(State(app): State<App>, request: SignedAdmin<Info>) -> Result<Envelope<Json>, Failure> {
    counted(&app, &request, |outcome| outcome.users).await
}

async fn counted(
    app: &App,
    request: &SignedAdmin<Info>,
    count: fn(&Outcome) -> i64,
) -> Result<Envelope<Json>, Failure> {
    let (from, to) = span(request, app.engine().clock().now())?;
    let outcomes = app.engine().store().reader().outcomes(request.account.id, from, to).await?;
    let counts: Map<String, Json> = OUTCOMES
        .iter()
        .map(|(name, result)| {
            let found = outcomes.iter().find(|outcome| outcome.result == *result);
            ((*name).to_owned(), json!(found.map_or(0, count)))
        })
        .collect();
    Ok(Envelope::new(Json::Object(counts)))
}

/// `mintime` and `maxtime` in seconds: the last 30 days unless told otherwise, at most 180 days.
fn span(request: &SignedAdmin<Info>, now: Timestamp) -> Result<(Timestamp, Timestamp), Failure> {
    let time = |name: &'static str| {
        let seconds = request.params.int(name)?;
        seconds.map(|seconds| Timestamp::from_second(seconds).map_err(|_| invalid(name))).transpose()
    };
    let to = time("maxtime")?.unwrap_or(now);
    let from = match time("mintime")? {
        Some(from) => from,
        None => to.checked_sub(USUAL_SPAN).map_err(|_| invalid("maxtime"))?,
    };
    if from > to || to.duration_since(from) > LONGEST_SPAN {
        return Err(invalid("mintime"));
    }
    // Up to and with the second named.
    Ok((from, to.checked_add(SignedDuration::from_secs(1)).unwrap_or(to)))
}
