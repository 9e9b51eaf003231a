//! `/admin/v1/logs/…` and `/admin/v2/logs/…`.
//!
//! Unlike the service these paths come from, entries are there as soon as the call they tell of was answered; there is no delay of two minutes.
//! One page costs one read of the reports' connections.

pub(super) mod authentication;
mod others;
mod wanted;

use axum::Router;
use axum::routing::get;
use cs_store::audit::{LogOrder, LogPage, LogRecord};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

use super::extract::{ReadLog, SignedAdmin, invalid};
use crate::app::App;
use crate::http::Failure;

const USUAL: i64 = 100;
const MOST: i64 = 1000;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v2/logs/authentication", get(authentication::v2))
        .route("/admin/v1/logs/authentication", get(authentication::v1))
        .route("/admin/v2/logs/activity", get(others::activity))
        .route("/admin/v2/logs/telephony", get(others::telephony_v2))
        .route("/admin/v1/logs/telephony", get(others::telephony_v1))
        .route("/admin/v1/logs/administrator", get(others::administrator))
        .route("/admin/v1/logs/offline_enrollment", get(others::offline_enrollment))
}

/// The span and page a v2 log is asked for: `mintime` and `maxtime` in milliseconds, `limit`, `sort`, `next_offset`.
fn page_v2(request: &SignedAdmin<ReadLog>) -> Result<LogPage, Failure> {
    let params = &request.params;
    let time = |name: &'static str| {
        let text = params.required(name, 13)?;
        // Seconds would be read as a moment in 1970: thirteen digits, or it is a mistake.
        let ms = text.parse::<i64>().ok().filter(|_| text.len() == 13).ok_or_else(|| invalid(name))?;
        Timestamp::from_millisecond(ms).map_err(|_| invalid(name))
    };
    let (from, to) = (time("mintime")?, time("maxtime")?);
    if from >= to {
        return Err(invalid("mintime"));
    }
    let order = match params.filled("sort", 10)?.as_deref() {
        None | Some("ts:desc") => LogOrder::Descending,
        Some("ts:asc") => LogOrder::Ascending,
        Some(_) => return Err(invalid("sort")),
    };
    let limit = params.int("limit")?.unwrap_or(USUAL).clamp(1, MOST);
    let after = match params.repeated("next_offset")?.as_slice() {
        [] => None,
        [at, id] if id.len() <= 64 => {
            let at = at.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
            Some((at.ok_or_else(|| invalid("next_offset"))?, id.clone()))
        }
        _ => return Err(invalid("next_offset")),
    };
    Ok(LogPage { from, to, order, after, limit: u32::try_from(limit).unwrap_or(100) })
}

/// The page a v1 log is asked for: the earliest thousand entries after `mintime`, in seconds.
fn page_v1(app: &App, request: &SignedAdmin<ReadLog>) -> Result<LogPage, Failure> {
    let from = Timestamp::from_second(request.params.int("mintime")?.unwrap_or(0)).map_err(|_| invalid("mintime"))?;
    // A second ahead, so that what another node logged just now is in.
    let now = app.engine().clock().now();
    let to = now.checked_add(SignedDuration::from_secs(1)).unwrap_or(now);
    Ok(LogPage { from, to, order: LogOrder::Ascending, after: None, limit: 1000 })
}

/// Where the next page begins, if this one is full.
fn next_offset(page: &LogPage, entries: &[LogRecord]) -> Option<[String; 2]> {
    let last = entries.last().filter(|_| entries.len() == page.limit as usize)?;
    Some([last.at.as_millisecond().to_string(), last.id.clone()])
}

/// `2020-02-13T18:56:20.351000+00:00`: six digits and a numeric zone, because duologsync reads exactly that.
fn isotimestamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}

/// The fields of a column that holds a JSON object; none if it is empty or was erased.
fn fields(text: Option<&str>) -> Map<String, Json> {
    match text.map(serde_json::from_str) {
        Some(Ok(Json::Object(fields))) => fields,
        Some(Ok(_) | Err(_)) | None => Map::new(),
    }
}

fn field(fields: &Map<String, Json>, name: &str) -> Json {
    fields.get(name).cloned().unwrap_or(Json::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_six_digits_and_a_numeric_zone() {
        let at = Timestamp::from_millisecond(1_581_620_180_005).unwrap();
        assert_eq!(isotimestamp(at), "2020-02-13T18:56:20.005000+00:00");
    }
}
