//! The authentication log, in its two shapes.

use axum::extract::State;
use cs_store::audit::LogRecord;
use cs_wire::envelope::AuthLogPaging;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::super::extract::{ReadLog, SignedAdmin};
use super::wanted::Wanted;
use super::{field, fields, isotimestamp, page_v1, page_v2};
use crate::app::App;
use crate::http::{Envelope, Failure};

#[derive(Serialize)]
pub(super) struct AuthLog {
    authlogs: Vec<Json>,
    metadata: AuthLogPaging,
}

pub(super) async fn v2(State(app): State<App>, request: SignedAdmin<ReadLog>) -> Result<Envelope<AuthLog>, Failure> {
    let page = page_v2(&request)?;
    let wanted = Wanted::read(&request)?;
    let reader = app.engine().store().reader();
    let account = request.account.id;
    let (entries, next) = wanted.page(&reader, account, &page).await?;
    let total = wanted.count(&reader, account, &page).await?;
    let metadata = AuthLogPaging {
        next_offset: next.map(|(at, id)| [at.as_millisecond().to_string(), id]),
        total_objects: u64::try_from(total).unwrap_or_default(),
    };
    Ok(Envelope::new(AuthLog { authlogs: entries.iter().map(event).collect(), metadata }))
}

pub(super) async fn v1(State(app): State<App>, request: SignedAdmin<ReadLog>) -> Result<Envelope<Vec<Json>>, Failure> {
    let page = page_v1(&app, &request)?;
    let reader = app.engine().store().reader();
    let (entries, _) = Wanted::everything().page(&reader, request.account.id, &page).await?;
    Ok(Envelope::new(entries.iter().map(event_v1).collect()))
}

/// An entry as `/admin/v2/logs/authentication` shows it.
pub(crate) fn event(entry: &LogRecord) -> Json {
    let body = fields(Some(&entry.body));
    let personal = fields(entry.personal.as_deref());
    json!({
        "txid": entry.id,
        "timestamp": entry.at.as_second(),
        "isotimestamp": isotimestamp(entry.at),
        "event_type": body.get("event_type").cloned().unwrap_or_else(|| json!("authentication")),
        "result": entry.result,
        "reason": entry.reason,
        "factor": entry.factor,
        "user": {
            "key": entry.user_id,
            "name": field(&personal, "username"),
            "groups": personal.get("groups").cloned().unwrap_or_else(|| json!([])),
        },
        "application": {"key": entry.integration, "name": field(&body, "application")},
        "auth_device": {
            "ip": field(&personal, "device_ip"),
            "key": field(&body, "device"),
            "location": {
                "city": field(&personal, "device_city"),
                "state": field(&personal, "device_state"),
                "country": field(&personal, "device_country"),
            },
            "name": field(&personal, "device"),
        },
        "access_device": access_device(&body, &personal),
        "alias": personal.get("alias").cloned().unwrap_or_else(|| json!("")),
        "email": personal.get("email").cloned().unwrap_or_else(|| json!("")),
        "ood_software": field(&body, "ood_software"),
        "trusted_endpoint_status": or_unknown(&body, "trusted_endpoint_status"),
        "adaptive_trust_assessments":
            personal.get("adaptive_trust_assessments").cloned().unwrap_or_else(|| json!({})),
        // Ours: what the user's error page shows, the fact the rule was about (with the personal ones, if it names an address), what the policies said
        // rule by rule, whether the device may have answered without a person, and where the login came in.
        "reference": field(&body, "reference"),
        "fact": body.get("fact").or_else(|| personal.get("fact")).cloned().unwrap_or(Json::Null),
        "policy": field(&personal, "policy"),
        "automatic": body.get("automatic").is_some_and(|automatic| automatic == true),
        "surface": field(&body, "surface"),
        "signature": field(&body, "signature"),
    })
}

/// What is known of the device that logged in. What is not is null, or "unknown" where Duo's log says so.
fn access_device(body: &Map<String, Json>, personal: &Map<String, Json>) -> Json {
    json!({
        "ip": field(personal, "access_ip"),
        "hostname": field(personal, "hostname"),
        "location": location(personal),
        "browser": field(body, "browser"),
        "browser_version": field(body, "browser_version"),
        "flash_version": null,
        "java_version": null,
        "os": field(body, "os"),
        "os_version": field(body, "os_version"),
        "is_encryption_enabled": or_unknown(body, "is_encryption_enabled"),
        "is_firewall_enabled": or_unknown(body, "is_firewall_enabled"),
        "is_password_set": or_unknown(body, "is_password_set"),
        "security_agents": or_unknown(body, "security_agents"),
    })
}

fn or_unknown(fields: &Map<String, Json>, name: &str) -> Json {
    fields.get(name).cloned().unwrap_or_else(|| json!("unknown"))
}

fn location(personal: &Map<String, Json>) -> Json {
    json!({"city": field(personal, "city"), "state": field(personal, "state"), "country": field(personal, "country")})
}

/// An entry as `/admin/v1/logs/authentication` shows it.
fn event_v1(entry: &LogRecord) -> Json {
    let body = fields(Some(&entry.body));
    let personal = fields(entry.personal.as_deref());
    let result = match entry.result.as_deref() {
        Some("success") => "SUCCESS",
        Some("fraud") => "FRAUD",
        Some("denied") => "FAILURE",
        Some(_) | None => "ERROR",
    };
    json!({
        "timestamp": entry.at.as_second(),
        "isotimestamp": isotimestamp(entry.at),
        "txid": entry.id,
        "username": field(&personal, "username"),
        "factor": entry.factor.as_deref().map(display_factor),
        "result": result,
        "reason": entry.reason.as_deref().map(display_reason),
        "ip": field(&personal, "access_ip"),
        "host": field(&personal, "hostname"),
        "integration": field(&body, "application"),
        "ikey": entry.integration,
        "new_enrollment": body.get("event_type").is_some_and(|kind| kind == "enrollment"),
        "device": field(&personal, "device"),
        "location": location(&personal),
        "alias": personal.get("alias").cloned().unwrap_or_else(|| json!("")),
        "email": personal.get("email").cloned().unwrap_or_else(|| json!("")),
        "access_device": access_device(&body, &personal),
        "event_type": body.get("event_type").cloned().unwrap_or_else(|| json!("authentication")),
        "eventtype": "authentication",
    })
}

/// The factor as the first version of the log spells it.
fn display_factor(factor: &str) -> &str {
    match factor {
        "duo_push" | "verified_duo_push" => "Duo Push",
        "duo_mobile_passcode" => "Duo Mobile Passcode",
        "hardware_token" => "Hardware Token",
        "yubikey_code" => "Yubikey Passcode",
        "bypass_code" => "Bypass Code",
        "sms_passcode" => "SMS Passcode",
        "phone_call" => "Phone Call",
        "passcode" => "Passcode",
        "remembered_device" => "Remembered Device",
        "trusted_network" => "Trusted Network",
        "not_available" => "n/a",
        other => other,
    }
}

/// `user_approved` as `User approved`.
fn display_reason(reason: &str) -> String {
    let mut text = reason.replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}
