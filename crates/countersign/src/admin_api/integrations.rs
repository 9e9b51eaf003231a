//! `/admin/v1…v3/integrations`

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use cs_core::account::NewUserPolicy;
use cs_core::id::{GroupId, IntegrationKey, PolicyKey};
use cs_core::integration::{DOCUMENTED_TYPES, IntegrationType, Permission, UserAccess};
use cs_core::username::UsernameNormalization;
use cs_engine::EngineError;
use cs_engine::admin::integrations::{IntegrationChange, PowerfulKeys};
use cs_store::integrations::IntegrationRecord;
use cs_wire::envelope::Success;
use cs_wire::params::{ParamError, Params};
use serde_json::{Map, Value as Json, json};

use super::extract::{Integrations, ReadIntegrations, SignedAdmin, invalid, not_found, path_id};
use crate::app::App;
use crate::config::distance;
use crate::http::{Envelope, Failure};

const MOST: u32 = 500;
const LONGEST_NAME: usize = 200;
const LONGEST_TEXT: usize = 4096;

/// A field's name and what a new integration shows in it.
type Kept = (&'static str, fn() -> Json);

/// Fields that clients read and write but that decide nothing here.
const KEPT: [Kept; 8] = [
    ("visual_style", || json!("default")),
    ("prompt_v4_enabled", || json!(1)),
    ("frameless_auth_prompt_enabled", || json!(1)),
    ("sensitivity_level", || Json::Null),
    ("compliance_requirements", || json!([])),
    ("ip_whitelist", || json!([])),
    ("ip_whitelist_enroll_policy", || Json::Null),
    ("sso", || Json::Null),
];

pub(super) fn routes() -> Router<App> {
    let mut router = Router::new();
    for version in ["v1", "v2", "v3"] {
        router = router
            .route(&format!("/admin/{version}/integrations"), get(list).post(create))
            // Clients ask for the secret in the version they know.
            .route(&format!("/admin/{version}/integrations/{{ikey}}/skey"), get(secret_key))
            .route(&format!("/admin/{version}/integrations/{{ikey}}"), get(read).post(modify).delete(remove));
    }
    router
}

async fn list(State(app): State<App>, request: SignedAdmin<ReadIntegrations>) -> Result<Envelope<Vec<Json>>, Failure> {
    let page = request.page(MOST)?;
    let (records, total) =
        app.engine().store().integration_records(request.account.id, page.limit, page.offset).await?;
    let mut integrations = Vec::with_capacity(records.len());
    for record in &records {
        integrations.push(shape(&app, record, sees_secrets(&request, record)).await?);
    }
    Ok(Envelope(Success::page(integrations, page.of(total))))
}

async fn read(
    State(app): State<App>,
    Path(ikey): Path<String>,
    request: SignedAdmin<ReadIntegrations>,
) -> Result<Envelope<Json>, Failure> {
    let record = load(&app, &request, &ikey).await?;
    Ok(Envelope::new(shape(&app, &record, sees_secrets(&request, &record)).await?))
}

async fn secret_key(
    State(app): State<App>,
    Path(ikey): Path<String>,
    request: SignedAdmin<Integrations>,
) -> Result<Envelope<Json>, Failure> {
    let record = load(&app, &request, &ikey).await?;
    if !sees_secrets(&request, &record) {
        return Err(EngineError::Forbidden(Permission::SetPermissions.name()).into());
    }
    Ok(Envelope::new(json!({"secret_key": secret(&app, &record).await?})))
}

async fn create(State(app): State<App>, request: SignedAdmin<Integrations>) -> Result<Envelope<Json>, Failure> {
    let params = &request.params;
    params.required("name", LONGEST_NAME)?;
    let kind = params.required("type", 40)?;
    let kind = IntegrationType::documented(&kind).ok_or_else(|| unknown_type(&kind))?;
    let change = change(&request)?;
    let record = app
        .engine()
        .create_integration(request.account.id, &request.actor(), powerful(&request), kind, &change)
        .await?;
    Ok(Envelope::new(shape(&app, &record, true).await?))
}

/// 40002, with the types that are spelled nearly so.
fn unknown_type(given: &str) -> Failure {
    let mut near: Vec<&str> = DOCUMENTED_TYPES
        .into_iter()
        // Two letters changed places count as two slips.
        .filter(|known| distance(known, given) <= (known.len().max(given.len()) / 3).max(2))
        .collect();
    near.sort_by_key(|known| distance(known, given));
    near.truncate(3);
    let detail = match near.as_slice() {
        [] => "type: no such type. Programs of your own take `authapi` or `rest`.".to_owned(),
        near => format!("type: no such type. Did you mean {}?", near.join(" or ")),
    };
    Failure::new(40002, "Invalid request parameters", detail)
}

async fn modify(
    State(app): State<App>,
    Path(ikey): Path<String>,
    request: SignedAdmin<Integrations>,
) -> Result<Envelope<Json>, Failure> {
    let key: IntegrationKey = path_id(&ikey)?;
    let change = change(&request)?;
    let record =
        app.engine().change_integration(request.account.id, &request.actor(), powerful(&request), key, &change).await?;
    Ok(Envelope::new(shape(&app, &record, sees_secrets(&request, &record)).await?))
}

async fn remove(
    State(app): State<App>,
    Path(ikey): Path<String>,
    request: SignedAdmin<Integrations>,
) -> Result<Envelope<&'static str>, Failure> {
    // What cannot be a key is gone already.
    if let Ok(key) = ikey.parse() {
        app.engine().delete_integration(request.account.id, &request.actor(), powerful(&request), key).await?;
    }
    Ok(Envelope::new(""))
}

async fn load<R>(app: &App, request: &SignedAdmin<R>, ikey: &str) -> Result<IntegrationRecord, Failure> {
    let key = path_id(ikey)?;
    app.engine().store().integration_record(request.account.id, key).await?.ok_or_else(not_found)
}

fn powerful<R>(request: &SignedAdmin<R>) -> PowerfulKeys {
    if request.has(Permission::SetPermissions) { PowerfulKeys::Allowed } else { PowerfulKeys::Refused }
}

/// The secret of an Admin API integration is worth all its permissions.
fn sees_secrets<R>(request: &SignedAdmin<R>, record: &IntegrationRecord) -> bool {
    request.has(Permission::Integrations) && (record.kind.is_for_logins() || request.has(Permission::SetPermissions))
}

async fn secret(app: &App, record: &IntegrationRecord) -> Result<String, Failure> {
    let integration = app.engine().store().integration(record.account, record.key).await?.ok_or_else(not_found)?;
    Ok(integration.secret.expose().to_owned())
}

fn change(request: &SignedAdmin<Integrations>) -> Result<IntegrationChange, Failure> {
    let params = &request.params;
    let mut change = IntegrationChange {
        name: text(params, "name", LONGEST_NAME)?,
        notes: text(params, "notes", LONGEST_TEXT)?,
        greeting: text(params, "greeting", LONGEST_TEXT)?,
        new_user: params
            .str("enroll_policy")?
            .map(|word| match &*word {
                "" => Ok(None),
                word => NewUserPolicy::parse(word).map(Some).ok_or_else(|| invalid("enroll_policy")),
            })
            .transpose()?,
        normalization: normalization(params)?,
        user_access: user_access(params)?,
        self_service_allowed: params.bool("self_service_allowed")?,
        remembered_days: params
            .int("trusted_device_days")?
            .map(|days| u16::try_from(days).map(Some).map_err(|_| invalid("trusted_device_days")))
            .transpose()?,
        legacy_signatures: params.bool("legacy_signatures")?,
        permissions: Vec::new(),
        api_networks: params.csv_list("networks_for_api_access")?.map(|list| list.join(",")),
        frame_origins: params.csv_list("frame_origins")?.map(|list| list.join(",")),
        enabled: params.bool("enabled")?,
        policy: policy(params)?,
        extra: kept(params)?,
        reset_secret: params.has("reset_secret_key"),
    };
    if change.api_networks.as_ref().is_some_and(|networks| networks.len() > LONGEST_TEXT) {
        return Err(invalid("networks_for_api_access"));
    }
    if change.frame_origins.as_ref().is_some_and(|origins| origins.len() > LONGEST_TEXT) {
        return Err(invalid("frame_origins"));
    }
    for permission in Permission::ALL {
        if let Some(granted) = params.bool(permission.name())? {
            change.permissions.push((permission, granted));
        }
    }
    if !change.permissions.is_empty() && !request.has(Permission::SetPermissions) {
        return Err(EngineError::Forbidden(Permission::SetPermissions.name()).into());
    }
    Ok(change)
}

fn text(params: &Params, name: &'static str, most: usize) -> Result<Option<String>, Failure> {
    let text = params.str(name)?;
    if text.as_ref().is_some_and(|text| text.len() > most) {
        return Err(invalid(name));
    }
    Ok(text.map(std::borrow::Cow::into_owned))
}

fn normalization(params: &Params) -> Result<Option<UsernameNormalization>, Failure> {
    const NAME: &str = "username_normalization_policy";
    let Some(word) = params.filled(NAME, 20)? else { return Ok(None) };
    word.parse().map(Some).map_err(|_| invalid(NAME))
}

/// An empty key takes the policy off.
fn policy(params: &Params) -> Result<Option<Option<PolicyKey>>, Failure> {
    const NAME: &str = "policy_key";
    let Some(key) = params.str(NAME)? else { return Ok(None) };
    if key.is_empty() { Ok(Some(None)) } else { key.parse().map(|key| Some(Some(key))).map_err(|_| invalid(NAME)) }
}

/// `user_access` says who; without it, naming groups means those groups, and naming none means everybody, as clients of old expect.
fn user_access(params: &Params) -> Result<Option<UserAccess>, Failure> {
    let groups = params.csv_list("groups_allowed")?;
    let groups = groups
        .map(|ids| ids.iter().map(|id| id.parse::<GroupId>().map_err(|_| invalid("groups_allowed"))).collect())
        .transpose()?;
    let access = match (params.filled("user_access", 40)?.as_deref(), groups) {
        (Some("ALL_USERS"), _) => UserAccess::All,
        (Some("NO_USERS"), _) => UserAccess::Nobody,
        (Some("PERMITTED_GROUPS"), groups) => UserAccess::Groups(groups.unwrap_or_default()),
        (Some(_), _) => return Err(invalid("user_access")),
        (None, Some(groups)) if groups.is_empty() => UserAccess::All,
        (None, Some(groups)) => UserAccess::Groups(groups),
        (None, None) => return Ok(None),
    };
    Ok(Some(access))
}

fn kept(params: &Params) -> Result<Map<String, Json>, Failure> {
    let mut extra = Map::new();
    for (name, _) in KEPT {
        let value = match name {
            "sso" => match params.nested(name)? {
                None => continue,
                Some(value) => value,
            },
            "ip_whitelist" | "compliance_requirements" => match params.csv_list(name)? {
                None => continue,
                Some(list) => json!(list),
            },
            "prompt_v4_enabled" | "frameless_auth_prompt_enabled" => match params.bool(name)? {
                None => continue,
                Some(flag) => json!(u8::from(flag)),
            },
            _ => match params.str(name)? {
                None => continue,
                Some(text) if text.is_empty() => Json::Null,
                Some(text) => json!(text),
            },
        };
        if value.to_string().len() > LONGEST_TEXT {
            return Err(ParamError::Invalid(name.into()).into());
        }
        extra.insert(name.to_owned(), value);
    }
    Ok(extra)
}

/// An integration as the Admin API shows it.
async fn shape(app: &App, record: &IntegrationRecord, with_secret: bool) -> Result<Json, Failure> {
    let secret_key = if with_secret { secret(app, record).await? } else { String::new() };
    let (user_access, groups) = match &record.user_access {
        UserAccess::All => ("ALL_USERS", Vec::new()),
        UserAccess::Nobody => ("NO_USERS", Vec::new()),
        UserAccess::Groups(groups) => ("PERMITTED_GROUPS", groups.iter().map(GroupId::to_string).collect()),
    };
    let normalization = match record.normalization {
        UsernameNormalization::Simple => "Simple",
        UsernameNormalization::None => "None",
    };
    let account = app.engine().directory().account(record.account).await?.ok_or_else(not_found)?;
    let policies = app.engine().directory().policies(&account, app.engine().clock().now()).await?;
    let mut object = json!({
        "integration_key": record.key.to_string(),
        "secret_key": secret_key,
        "name": record.name,
        "type": record.kind.as_str(),
        "notes": record.notes,
        "greeting": record.greeting,
        "enroll_policy": record.new_user.map(NewUserPolicy::as_str),
        "groups_allowed": groups,
        "user_access": user_access,
        "self_service_allowed": record.self_service_allowed,
        "username_normalization_policy": normalization,
        "networks_for_api_access": record.api_networks,
        "frame_origins": record.frame_origins.to_string(),
        "trusted_device_days": record.remembered_days.unwrap_or(0),
        "legacy_signatures": record.legacy_signatures,
        "legacy_signature_last_used": record.legacy_last_used.map(jiff::Timestamp::as_second),
        "previous_secret_expires": record.previous_secret_until.map(jiff::Timestamp::as_second),
        "enabled": record.enabled,
        "policy_key": policies.of_application(record.key).map(|key| key.to_string()),
        "created": record.created_at.as_second(),
    });
    if let Json::Object(fields) = &mut object {
        for permission in Permission::ALL {
            fields.insert(permission.name().to_owned(), json!(u8::from(record.permissions.allow(permission))));
        }
        for (name, default) in KEPT {
            let value = record.extra.get(name).cloned().unwrap_or_else(default);
            fields.insert(name.to_owned(), value);
        }
    }
    Ok(object)
}
