//! What administrators did, what was sent, and what happened otherwise.

use axum::extract::State;
use cs_store::audit::{LogFilter, LogKind, LogOrder, LogRecord};
use cs_wire::envelope::{LogPaging, Total};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::super::extract::{ReadLog, SignedAdmin};
use super::{field, fields, isotimestamp, next_offset, page_v1, page_v2};
use crate::app::App;
use crate::http::{Envelope, Failure};

#[derive(Serialize)]
pub(super) struct Items {
    items: Vec<Json>,
    metadata: LogPaging,
}

/// What administrators did, and what happened to devices: two logs, read as one.
pub(super) async fn activity(
    State(app): State<App>,
    request: SignedAdmin<ReadLog>,
) -> Result<Envelope<Items>, Failure> {
    let akey = request.account.id.to_string();
    items(&app, &request, &[LogKind::Admin, LogKind::Activity], |entry| activity_item(entry, &akey)).await
}

pub(super) async fn telephony_v2(
    State(app): State<App>,
    request: SignedAdmin<ReadLog>,
) -> Result<Envelope<Items>, Failure> {
    items(&app, &request, &[LogKind::Telephony], telephony_item).await
}

pub(super) async fn telephony_v1(
    State(app): State<App>,
    request: SignedAdmin<ReadLog>,
) -> Result<Envelope<Vec<Json>>, Failure> {
    list(&app, &request, LogKind::Telephony, |entry| {
        let mut item = telephony_item(entry);
        if let Json::Object(fields) = &mut item {
            fields.insert("timestamp".to_owned(), json!(entry.at.as_second()));
            fields.insert("isotimestamp".to_owned(), json!(isotimestamp(entry.at)));
        }
        item
    })
    .await
}

pub(super) async fn administrator(
    State(app): State<App>,
    request: SignedAdmin<ReadLog>,
) -> Result<Envelope<Vec<Json>>, Failure> {
    list(&app, &request, LogKind::Admin, |entry| {
        let personal = fields(entry.personal.as_deref());
        json!({
            "timestamp": entry.at.as_second(),
            "isotimestamp": isotimestamp(entry.at),
            "username": field(&personal, "username"),
            "action": entry.result,
            "object": field(&personal, "object"),
            "description": field(&personal, "description"),
        })
    })
    .await
}

/// Hosts are not enrolled for offline use by this version, so there is nothing to tell.
pub(super) async fn offline_enrollment(
    State(app): State<App>,
    request: SignedAdmin<ReadLog>,
) -> Result<Envelope<[Json; 0]>, Failure> {
    page_v1(&app, &request)?;
    Ok(Envelope::new([]))
}

async fn items(
    app: &App,
    request: &SignedAdmin<ReadLog>,
    kinds: &[LogKind],
    item: impl Fn(&LogRecord) -> Json,
) -> Result<Envelope<Items>, Failure> {
    let page = page_v2(request)?;
    let reader = app.engine().store().reader();
    let (account, filter) = (request.account.id, LogFilter::default());
    let (mut entries, mut total) = (Vec::new(), 0);
    for kind in kinds {
        // A full page of each is enough for a full page of all.
        entries.extend(reader.log_page(account, *kind, &filter, &page).await?);
        total += reader.log_count(account, *kind, &filter, page.from, page.to).await?;
    }
    entries.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    if page.order == LogOrder::Descending {
        entries.reverse();
    }
    entries.truncate(page.limit as usize);
    let metadata = LogPaging {
        next_offset: next_offset(&page, &entries).map(|place| place.join(",")),
        total_objects: Total(u64::try_from(total).unwrap_or_default()),
    };
    Ok(Envelope::new(Items { items: entries.iter().map(item).collect(), metadata }))
}

async fn list(
    app: &App,
    request: &SignedAdmin<ReadLog>,
    kind: LogKind,
    item: impl Fn(&LogRecord) -> Json,
) -> Result<Envelope<Vec<Json>>, Failure> {
    let page = page_v1(app, request)?;
    let entries =
        app.engine().store().reader().log_page(request.account.id, kind, &LogFilter::default(), &page).await?;
    Ok(Envelope::new(entries.iter().map(item).collect()))
}

fn activity_item(entry: &LogRecord, akey: &str) -> Json {
    let personal = fields(entry.personal.as_deref());
    let body = fields(Some(&entry.body));
    let is_device = entry.kind == LogKind::Activity;
    let actor = match (is_device, &entry.integration) {
        (true, _) => json!({"key": entry.user_id, "name": null, "type": "user", "details": "{}"}),
        (false, Some(key)) => {
            json!({"key": key, "name": field(&personal, "username"), "type": "admin_api", "details": "{}"})
        }
        (false, None) => {
            json!({"key": null, "name": field(&personal, "username"), "type": "admin", "details": "{}"})
        }
    };
    let target = if is_device {
        json!({"key": field(&body, "device"), "name": null, "type": "phone", "details": "{}"})
    } else {
        // `user_create` acts on a `user`.
        let kind = entry.result.as_deref().and_then(|action| action.rsplit_once('_')).map(|(target, _)| target);
        json!({"key": entry.user_id, "name": field(&personal, "object"), "type": kind, "details": "{}"})
    };
    let details = if is_device { entry.reason.as_deref().map(Json::from) } else { None };
    json!({
        "activity_id": entry.id,
        "ts": isotimestamp(entry.at),
        "akey": akey,
        "action": {
            "name": entry.result,
            "details": details.unwrap_or_else(|| field(&personal, "description")),
        },
        "actor": actor,
        "target": target,
        "old_target": null,
        "application": {"key": entry.integration, "name": null, "type": null},
        "outcome": {"result": if entry.reason.is_some() { "FAILURE" } else { "SUCCESS" }},
        "access_device": {
            "browser": null,
            "browser_version": null,
            "os": null,
            "os_version": null,
            "ip": {"address": field(&personal, "ip")},
            "location": {"city": null, "state": null, "country": null},
        },
    })
}

fn telephony_item(entry: &LogRecord) -> Json {
    let body = fields(Some(&entry.body));
    let personal = fields(entry.personal.as_deref());
    json!({
        "telephony_id": entry.id,
        "ts": isotimestamp(entry.at),
        "txid": field(&body, "txid"),
        "type": entry.result,
        "context": field(&body, "context"),
        "phone": field(&personal, "phone"),
        "credits": body.get("credits").cloned().unwrap_or_else(|| json!(0)),
    })
}
