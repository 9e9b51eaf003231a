//! What telephony gateways report: `POST /telephony/v1/callback`, signed as our own requests to them are (`docs/telephony.md`).
//!
//! Call, event and key stand in the body, so that the signature covers all of it. A report is worth something only while its call waits, and a call is closed by one
//! conditional write: the same report sent again changes nothing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use cs_core::id::TxId;
use cs_core::telephony::KEYS;
use cs_engine::login::{AnswerError, Answered, CallNews, CallReport};
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::config::WebhookSecret;
use crate::http::{BodyBytes, Failure, host_name};
use crate::outbound::webhook::sign;

/// How far a report's time may be from ours, in either direction.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// A report is one small object.
const MAX_REPORT_BYTES: usize = 1_024;

/// The routes of this surface; none without a secret that reports can be signed with.
pub(crate) fn routes(app: App, secret: Option<WebhookSecret>) -> Router {
    match secret {
        Some(secret) => Router::new().route("/telephony/v1/callback", post(report)).with_state(Reports { app, secret }),
        None => Router::new(),
    }
}

#[derive(Clone)]
struct Reports {
    app: App,
    secret: WebhookSecret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    call: String,
    event: String,
    #[serde(default)]
    key: Option<String>,
}

/// What became of a call.
async fn report(
    State(Reports { app, secret }): State<Reports>,
    headers: HeaderMap,
    BodyBytes(body): BodyBytes,
) -> Result<Response, Failure> {
    let now = app.engine().clock().now();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, time, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let text = std::str::from_utf8(&body).ok().filter(|text| text.len() <= MAX_REPORT_BYTES);
    let is_ours = text.is_some_and(|text| {
        let expected = sign(&secret, id, time, text);
        let is_equal = |one: &str| verify_slices_are_equal(one.as_bytes(), expected.as_bytes()).is_ok();
        // Several while a gateway changes its key.
        !id.is_empty() && id.len() <= 128 && signatures.split(' ').take(8).any(is_equal)
    });
    let Some(text) = text.filter(|_| is_ours) else { return Err(refused("The signature is not the gateway's.")) };
    let skew = time.parse::<i64>().ok().and_then(|time| now.as_second().checked_sub(time));
    if skew.is_none_or(|skew| skew.unsigned_abs() > MAX_SKEW.as_secs().unsigned_abs()) {
        return Err(refused("The report is too old, or its clock is wrong."));
    }
    let malformed =
        || Failure::new(40002, "Invalid request parameters", "The report is not as docs/telephony.md has it.");
    let report: Report = serde_json::from_str(text).map_err(|_| malformed())?;
    let news = news(&report).ok_or_else(malformed)?;
    let none = || Failure::new(40401, "Resource not found", "There is no such call.");
    let txid: TxId = report.call.parse().map_err(|_| none())?;
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let account = app.engine().directory().account_for_host(&host_name(host)).await?.ok_or_else(none)?;
    let evidence = json!({"id": id, "timestamp": time, "body": text, "signature": signatures}).to_string();
    let report = CallReport { account: account.id, txid, news, evidence, address: None };
    match app.engine().call_reported(&report).await {
        Ok(answered) => Ok(Json(json!({"result": answered.map_or("noted", word)})).into_response()),
        Err(AnswerError::Closed(_) | AnswerError::WrongNumber { .. }) => {
            Ok((StatusCode::CONFLICT, Json(json!({"result": "over"}))).into_response())
        }
        Err(AnswerError::NoSuchRequest) => Err(none()),
        Err(AnswerError::Engine(error)) => Err(error.into()),
    }
}

fn refused(why: &'static str) -> Failure {
    Failure::new(40103, "Invalid signature in request credentials", why)
}

fn news(report: &Report) -> Option<CallNews> {
    match (report.event.as_str(), report.key.as_deref()) {
        ("answered", None) => Some(CallNews::Answered),
        ("ended", None) => Some(CallNews::Ended),
        ("key", Some(key)) => {
            let mut keys = key.chars();
            let key = keys.next().filter(|key| KEYS.contains(*key) && keys.next().is_none())?;
            Some(CallNews::Key(key))
        }
        _ => None,
    }
}

/// What a gateway may say before it hangs up. Why the rules refused is for the log.
fn word(answered: Answered) -> &'static str {
    match answered {
        Answered::Approved => "approved",
        Answered::Denied | Answered::Refused(_) => "denied",
        Answered::Fraud => "fraud",
    }
}
