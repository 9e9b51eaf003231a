//! `/admin/v1/phones` and `/admin/v1/phones/{phone_id}`.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_core::id::PhoneId;
use cs_engine::admin::phones::{PhoneChange, phone_number};
use cs_store::users::Page;
use cs_wire::params::Params;
use jiff::Timestamp;

use super::extract::{ReadResource, SignedAdmin, WriteResource, invalid};
use super::load::Load;
use super::objects::Phone;
use super::page::{MOST, page, slice};
use super::user_params::text;
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/phones", get(list).post(create))
        .route("/admin/v1/phones/{phone_id}", get(show).post(modify).delete(delete))
        .route("/admin/v2/phones/{phone_id}", get(show))
}

async fn list(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<Phone>>, Failure> {
    let slice = slice(&request.params, MOST)?;
    let number = request.params.filled("number", 64)?;
    let number = number.map(|number| phone_number(&number).ok_or_else(|| invalid("number"))).transpose()?;
    let extension = request.params.filled("extension", 64)?;
    let load = Load::new(&app, request.account.id);
    let found = load.reader().phones(request.account.id, number.as_deref(), extension.as_deref(), slice).await?;
    Ok(page(Page { items: load.phones(found.items).await?, total: found.total }, slice))
}

async fn create(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Phone>, Failure> {
    let change = phone_change(&request.params)?;
    let id = app.engine().create_phone(request.account.id, &request.actor(), &change).await?;
    Ok(Envelope::new(Load::new(&app, request.account.id).phone(id).await?))
}

async fn show(State(app): State<App>, request: SignedAdmin<ReadResource>) -> Result<Envelope<Phone>, Failure> {
    Ok(Envelope::new(Load::new(&app, request.account.id).phone(request.id("phone_id")?).await?))
}

/// Ours: `auto_approve_until`, unix seconds until when the device may answer by itself; empty or 0 ends that.
async fn modify(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Phone>, Failure> {
    let id: PhoneId = request.id("phone_id")?;
    let change = phone_change(&request.params)?;
    let until = auto_approve(&request.params)?;
    if change != PhoneChange::default() || until.is_none() {
        app.engine().change_phone(request.account.id, &request.actor(), id, &change).await?;
    }
    if let Some(until) = until {
        app.engine().set_auto_approve(request.account.id, &request.actor(), id, until).await?;
    }
    Ok(Envelope::new(Load::new(&app, request.account.id).phone(id).await?))
}

async fn delete(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    if let Some(id) = request.id_if_any("phone_id") {
        app.engine().delete_phone(request.account.id, &request.actor(), id).await?;
    }
    Ok(Envelope::new(""))
}

fn phone_change(params: &Params) -> Result<PhoneChange, Failure> {
    Ok(PhoneChange {
        number: text(params, "number")?,
        extension: text(params, "extension")?,
        name: text(params, "name")?,
        owner: text(params, "owner")?,
        // Clients send these along empty when they mean nothing by it.
        kind: params.filled("type", 64)?,
        platform: params.filled("platform", 64)?,
        predelay: text(params, "predelay")?,
        postdelay: text(params, "postdelay")?,
    })
}

fn auto_approve(params: &Params) -> Result<Option<Option<Timestamp>>, Failure> {
    if !params.has("auto_approve_until") {
        return Ok(None);
    }
    match params.int("auto_approve_until")? {
        None | Some(0) => Ok(Some(None)),
        Some(second) => {
            let until = Timestamp::from_second(second).map_err(|_| invalid("auto_approve_until"))?;
            Ok(Some(Some(until)))
        }
    }
}
