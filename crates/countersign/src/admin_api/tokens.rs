//! `/admin/v1/tokens` and `/admin/v1/tokens/{token_id}`.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cs_core::id::TokenId;
use cs_core::otp::TokenForm;
use cs_store::users::Page;
use cs_wire::params::ParamError;

use super::extract::{ReadResource, SignedAdmin, WriteResource};
use super::load::Load;
use super::objects::Token;
use super::page::{MOST, page, slice};
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

/// Longer than any value of a token.
const MAX_BYTES: usize = 1024;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/tokens", get(list).post(create))
        .route("/admin/v1/tokens/{token_id}", get(show).post(modify).delete(delete))
        .route("/admin/v1/tokens/{token_id}/resync", post(resync))
}

/// All tokens, or the one with a type and a serial, which must come together.
async fn list(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<Token>>, Failure> {
    let slice = slice(&request.params, MOST)?;
    let kind = request.params.filled("type", MAX_BYTES)?;
    let serial = request.params.filled("serial", MAX_BYTES)?;
    let wanted = match (&kind, &serial) {
        (Some(kind), Some(serial)) => Some((kind.as_str(), serial.as_str())),
        (None, None) => None,
        (Some(_), None) => return Err(ParamError::Missing("serial".into()).into()),
        (None, Some(_)) => return Err(ParamError::Missing("type".into()).into()),
    };
    let load = Load::new(&app, request.account.id);
    let found = load.reader().tokens(request.account.id, wanted, slice).await?;
    Ok(page(Page { items: load.tokens(found.items).await?, total: found.total }, slice))
}

async fn create(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Token>, Failure> {
    let text = |name| request.params.filled(name, MAX_BYTES);
    let (kind, serial) = (request.params.required("type", MAX_BYTES)?, request.params.required("serial", MAX_BYTES)?);
    let secret = text("secret")?.map(zeroize::Zeroizing::new);
    let aes_key = text("aes_key")?.map(zeroize::Zeroizing::new);
    let (counter, totp_step, private_id) = (text("counter")?, text("totp_step")?, text("private_id")?);
    let form = TokenForm {
        kind: &kind,
        serial: &serial,
        secret: secret.as_ref().map(|secret| secret.as_str()),
        counter: counter.as_deref(),
        totp_step: totp_step.as_deref(),
        private_id: private_id.as_deref(),
        aes_key: aes_key.as_ref().map(|key| key.as_str()),
    };
    let id = app.engine().create_token(request.account.id, &request.actor(), &form).await?;
    Ok(Envelope::new(Load::new(&app, request.account.id).token(id).await?))
}

async fn show(State(app): State<App>, request: SignedAdmin<ReadResource>) -> Result<Envelope<Token>, Failure> {
    Ok(Envelope::new(Load::new(&app, request.account.id).token(request.id("token_id")?).await?))
}

/// Only the time step can be changed, and whose it is.
async fn modify(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Token>, Failure> {
    let id: TokenId = request.id("token_id")?;
    if let Some(step) = request.params.int("totp_step")? {
        app.engine().set_totp_step(request.account.id, &request.actor(), id, step).await?;
    }
    if let Some(owner) = request.params.str("owner")? {
        app.engine().set_token_owner(request.account.id, &request.actor(), id, &owner).await?;
    }
    Ok(Envelope::new(Load::new(&app, request.account.id).token(id).await?))
}

async fn delete(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    if let Some(id) = request.id_if_any("token_id") {
        app.engine().delete_token(request.account.id, &request.actor(), id).await?;
    }
    Ok(Envelope::new(""))
}

/// `code1` to `code3`; two will do for a time-based token, which Duo cannot resynchronise.
async fn resync(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    let params = &request.params;
    let (first, second) = (params.required("code1", 64)?, params.required("code2", 64)?);
    let third = params.filled("code3", 64)?;
    let codes: Vec<&str> = [first.as_str(), second.as_str()].into_iter().chain(third.as_deref()).collect();
    app.engine().resync_token(request.account.id, &request.actor(), request.id("token_id")?, &codes).await?;
    Ok(Envelope::new(""))
}
