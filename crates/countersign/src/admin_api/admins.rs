//! `/admin/v1/admins`: administrators, their invitations, passwords and factors.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use cs_core::admin::{Role, RoleError};
use cs_core::secret::PlainCode;
use cs_engine::EngineError;
use cs_engine::admin::administrators::{ADMIN_FACTORS, AdministratorChange, Invited, NewAdministrator, admin_factors};
use cs_engine::letters::LinkOf;
use cs_store::administrators::Administrator;
use cs_wire::envelope::Success;
use cs_wire::params::Params;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use super::extract::{Admins, ReadAdmins, SignedAdmin, invalid, not_found, path_id};
use crate::app::App;
use crate::http::{Envelope, Failure};
use crate::panel::setup_link;

const MOST: u32 = 500;
/// How many days an invitation works unless told otherwise.
const VALID_DAYS: i64 = 7;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/admins", get(list).post(create))
        .route("/admin/v1/admins/activations", get(invitations).post(invite_new))
        .route("/admin/v1/admins/activations/{admin_id}", delete(withdraw))
        .route("/admin/v1/admins/password_mgmt", get(password_list))
        .route("/admin/v1/admins/allowed_auth_methods", get(factors).post(set_factors))
        .route("/admin/v1/admins/{admin_id}", get(read).post(modify).delete(remove))
        .route("/admin/v1/admins/{admin_id}/reset", post(reset))
        .route("/admin/v1/admins/{admin_id}/clear_inactivity", post(clear_inactivity))
        .route("/admin/v1/admins/{admin_id}/activation_link", post(invite).delete(void_invitation))
        .route("/admin/v1/admins/{admin_id}/activation_link/email", post(mail_invitation))
        .route("/admin/v1/admins/{admin_id}/password_mgmt", get(password).post(set_password))
}

type Answer<T = Json> = Result<Envelope<T>, Failure>;

async fn list(State(app): State<App>, request: SignedAdmin<ReadAdmins>) -> Answer<Vec<Json>> {
    let page = request.page(MOST)?;
    let (administrators, total) =
        app.engine().store().administrators(request.account.id, page.limit, page.offset).await?;
    let mut units = app.engine().store().reader().units_of_admins(request.account.id).await?;
    let shape =
        |administrator: &Administrator| shape(administrator, units.remove(&administrator.id).unwrap_or_default());
    Ok(Envelope(Success::page(administrators.iter().map(shape).collect(), page.of(total))))
}

async fn create(State(app): State<App>, request: SignedAdmin<Admins>) -> Answer {
    let params = &request.params;
    let new = NewAdministrator {
        email: params.required("email", 254)?,
        name: params.required("name", 200)?,
        phone: params.required("phone", 50)?,
        role: role(params, "role")?.unwrap_or(Role::Owner),
        restricted: params.bool("restricted_by_admin_units")?.unwrap_or(false),
        valid_days: params.int("valid_days")?.unwrap_or(VALID_DAYS),
    };
    refuse_unsupported(params)?;
    let link_of = link_of(&app);
    let mail = wants_mail(params)?.then_some(&link_of as LinkOf<'_>);
    let invited = app.engine().create_administrator(request.account.id, &request.actor(), &new, mail).await?;
    Ok(Envelope::new(shape(&invited.administrator, Vec::new())))
}

async fn read(State(app): State<App>, Path(id): Path<String>, request: SignedAdmin<ReadAdmins>) -> Answer {
    let administrator = app.engine().administrator(request.account.id, path_id(&id)?).await?;
    Ok(Envelope::new(complete(&app, &administrator).await?))
}

async fn modify(State(app): State<App>, Path(id): Path<String>, request: SignedAdmin<Admins>) -> Answer {
    let params = &request.params;
    refuse_unsupported(params)?;
    let change = AdministratorChange {
        name: params.filled("name", 200)?,
        phone: params.filled("phone", 50)?,
        role: role(params, "role")?,
        active: match params.filled("status", 30)?.as_deref() {
            None => None,
            Some("Active") => Some(true),
            Some("Disabled") => Some(false),
            Some(_) => return Err(invalid("status")),
        },
        password_change_required: params.bool("password_change_required")?,
        external_password: None,
        restricted: params.bool("restricted_by_admin_units")?,
    };
    let engine = app.engine();
    let changed = engine.change_administrator(request.account.id, &request.actor(), path_id(&id)?, &change).await?;
    Ok(Envelope::new(complete(&app, &changed).await?))
}

async fn remove(State(app): State<App>, Path(id): Path<String>, request: SignedAdmin<Admins>) -> Answer<&'static str> {
    if let Ok(id) = id.parse() {
        app.engine().delete_administrator(request.account.id, &request.actor(), id).await?;
    }
    Ok(Envelope::new(""))
}

/// Clears failed sign-ins. There is nothing to clear while administrators do not sign in here; an unknown one is still an error.
async fn reset(State(app): State<App>, Path(id): Path<String>, request: SignedAdmin<Admins>) -> Answer<&'static str> {
    app.engine().administrator(request.account.id, path_id(&id)?).await?;
    Ok(Envelope::new(""))
}

async fn clear_inactivity(
    State(app): State<App>,
    Path(id): Path<String>,
    request: SignedAdmin<Admins>,
) -> Answer<&'static str> {
    app.engine().clear_inactivity(request.account.id, &request.actor(), path_id(&id)?).await?;
    Ok(Envelope::new(""))
}

async fn invite(State(app): State<App>, Path(id): Path<String>, request: SignedAdmin<Admins>) -> Answer {
    let days = request.params.int("valid_days")?.unwrap_or(VALID_DAYS);
    let engine = app.engine();
    let invited = engine.invite_administrator(request.account.id, &request.actor(), path_id(&id)?, days, None).await?;
    Ok(Envelope::new(invitation(&app, &invited, days)))
}

/// Mails a new link; only its digest is kept, so an earlier one cannot be sent again and is void. `email_sent` says whether mail is configured: where it
/// is not, the link in the answer is to be handed over.
async fn mail_invitation(State(app): State<App>, Path(id): Path<String>, request: SignedAdmin<Admins>) -> Answer {
    let days = request.params.int("valid_days")?.unwrap_or(VALID_DAYS);
    let link_of = link_of(&app);
    let engine = app.engine();
    let invited =
        engine.invite_administrator(request.account.id, &request.actor(), path_id(&id)?, days, Some(&link_of)).await?;
    Ok(Envelope::new(invitation(&app, &invited, days)))
}

async fn void_invitation(
    State(app): State<App>,
    Path(id): Path<String>,
    request: SignedAdmin<Admins>,
) -> Answer<&'static str> {
    app.engine().void_invitation(request.account.id, &request.actor(), path_id(&id)?).await?;
    Ok(Envelope::new(""))
}

/// Pending administrators whose code still works.
async fn invitations(State(app): State<App>, request: SignedAdmin<ReadAdmins>) -> Answer<Vec<Json>> {
    let page = request.page(MOST)?;
    let now = app.engine().clock().now();
    // There are few administrators: all are looked through, so that pages are pages of invitations.
    let (all, _) = app.engine().store().administrators(request.account.id, u32::MAX, 0).await?;
    let open: Vec<Json> = all
        .iter()
        .filter(|a| !a.has_password && a.setup_expires.is_some_and(|expires| expires > now))
        .map(|a| {
            json!({
                "admin_activation_id": a.id.to_string(),
                "admin_role": a.role.as_str(),
                "email": a.email,
                "expires": a.setup_expires.map(Timestamp::as_second),
            })
        })
        .collect();
    let total = i64::try_from(open.len()).unwrap_or(i64::MAX);
    let shown = open.into_iter().skip(page.offset as usize).take(page.limit as usize).collect();
    Ok(Envelope(Success::page(shown, page.of(total))))
}

async fn invite_new(State(app): State<App>, request: SignedAdmin<Admins>) -> Answer {
    let params = &request.params;
    let email = params.required("email", 254)?;
    let days = params.int("valid_days")?.unwrap_or(VALID_DAYS);
    let new = NewAdministrator {
        name: params.filled("admin_name", 200)?.unwrap_or_else(|| email.clone()),
        email,
        phone: String::new(),
        role: role(params, "admin_role")?.unwrap_or(Role::Owner),
        restricted: false,
        valid_days: days,
    };
    let link_of = link_of(&app);
    let mail = wants_mail(params)?.then_some(&link_of as LinkOf<'_>);
    let invited = app.engine().create_administrator(request.account.id, &request.actor(), &new, mail).await?;
    Ok(Envelope::new(invitation(&app, &invited, days)))
}

/// Withdraws the invitation of somebody who never set a password, and with it the administrator it would have made.
async fn withdraw(
    State(app): State<App>,
    Path(id): Path<String>,
    request: SignedAdmin<Admins>,
) -> Answer<&'static str> {
    let Ok(id) = id.parse() else { return Ok(Envelope::new("")) };
    match app.engine().store().administrator(request.account.id, id).await? {
        Some(administrator) if administrator.has_password => Err(not_found()),
        Some(_) => {
            app.engine().delete_administrator(request.account.id, &request.actor(), id).await?;
            Ok(Envelope::new(""))
        }
        None => Ok(Envelope::new("")),
    }
}

async fn password_list(State(app): State<App>, request: SignedAdmin<ReadAdmins>) -> Answer<Vec<Json>> {
    let page = request.page(MOST)?;
    let (administrators, total) =
        app.engine().store().administrators(request.account.id, page.limit, page.offset).await?;
    Ok(Envelope(Success::page(administrators.iter().map(password_shape).collect(), page.of(total))))
}

async fn password(State(app): State<App>, Path(id): Path<String>, request: SignedAdmin<ReadAdmins>) -> Answer {
    let administrator = app.engine().administrator(request.account.id, path_id(&id)?).await?;
    Ok(Envelope::new(password_shape(&administrator)))
}

async fn set_password(State(app): State<App>, Path(id): Path<String>, request: SignedAdmin<Admins>) -> Answer {
    let (account, actor, id) = (request.account.id, request.actor(), path_id(&id)?);
    let engine = app.engine();
    let mut administrator = engine.administrator(account, id).await?;
    if let Some(external) = request.params.bool("has_external_password_mgmt")? {
        let change = AdministratorChange { external_password: Some(external), ..AdministratorChange::default() };
        administrator = engine.change_administrator(account, &actor, id, &change).await?;
    }
    if let Some(password) = request.params.filled("password", 1024)?.map(Zeroizing::new) {
        if !administrator.external_password {
            return Err(EngineError::Forbidden("the administrator's password is not managed externally").into());
        }
        administrator = engine.set_administrator_password(account, &actor, id, password).await?;
    }
    Ok(Envelope::new(password_shape(&administrator)))
}

async fn factors(State(app): State<App>, request: SignedAdmin<ReadAdmins>) -> Answer<Map<String, Json>> {
    let account = app.engine().store().account(request.account.id).await?.ok_or_else(not_found)?;
    Ok(Envelope::new(admin_factors(&account)))
}

async fn set_factors(State(app): State<App>, request: SignedAdmin<Admins>) -> Answer<Map<String, Json>> {
    let params = &request.params;
    let mut chosen = Map::new();
    for (name, _) in ADMIN_FACTORS {
        chosen.insert(name.to_owned(), json!(params.bool(name)?.unwrap_or(false)));
    }
    let length = params.int("verified_push_length")?.unwrap_or(3);
    if !(2..=8).contains(&length) {
        return Err(invalid("verified_push_length"));
    }
    chosen.insert("verified_push_length".to_owned(), json!(length));
    app.engine().set_admin_factors(request.account.id, &request.actor(), &chosen).await?;
    Ok(Envelope::new(chosen))
}

/// Clients of old send it along as 0 or leave it out.
fn wants_mail(params: &Params) -> Result<bool, Failure> {
    Ok(params.bool("send_email")?.unwrap_or(false))
}

fn link_of(app: &App) -> impl Fn(&PlainCode) -> Option<String> + Sync {
    |code| Some(setup_link(app.api_authority(), code))
}

fn role(params: &Params, name: &'static str) -> Result<Option<Role>, Failure> {
    match params.filled(name, 50)?.map(|word| word.parse::<Role>()) {
        None => Ok(None),
        Some(Ok(role)) => Ok(Some(role)),
        // Falling back to another role would give rights that nobody meant to give.
        Some(Err(RoleError::Unsupported(_) | RoleError::Unknown)) => Err(invalid(name)),
    }
}

/// What would be a false promise is refused.
fn refuse_unsupported(params: &Params) -> Result<(), Failure> {
    for name in ["token_id", "subaccount_role"] {
        if params.str(name)?.is_some_and(|value| !value.is_empty()) {
            return Err(invalid(name));
        }
    }
    Ok(())
}

async fn complete(app: &App, administrator: &Administrator) -> Result<Json, Failure> {
    let mut units = app.engine().store().reader().units_of_admins(administrator.account).await?;
    Ok(shape(administrator, units.remove(&administrator.id).unwrap_or_default()))
}

fn shape(administrator: &Administrator, units: Vec<String>) -> Json {
    json!({
        "admin_id": administrator.id.to_string(),
        "email": administrator.email,
        "name": administrator.name,
        "phone": administrator.phone,
        "role": administrator.role.as_str(),
        "status": administrator.status.as_str(),
        "restricted_by_admin_units": administrator.restricted,
        "admin_units": units,
        "hardtoken": null,
        "last_login": administrator.last_login.map(Timestamp::as_second),
        "created": administrator.created_at.as_second(),
        "password_change_required": administrator.password_change_required,
    })
}

fn password_shape(administrator: &Administrator) -> Json {
    json!({
        "admin_id": administrator.id.to_string(),
        "email": administrator.email,
        "name": administrator.name,
        "has_external_password_mgmt": administrator.external_password,
    })
}

fn invitation(app: &App, invited: &Invited, days: i64) -> Json {
    let link = setup_link(app.api_authority(), &invited.code);
    json!({
        "admin_activation_id": invited.administrator.id.to_string(),
        "admin_role": invited.administrator.role.as_str(),
        "code": invited.code.expose(),
        "email": invited.administrator.email,
        "email_sent": u8::from(invited.mail.is_some()),
        "expires": invited.expires.as_second(),
        "link": link,
        "message": format!("Set up your administrator account: {link}"),
        "subject": "Your administrator account",
        "valid_days": days,
    })
}
