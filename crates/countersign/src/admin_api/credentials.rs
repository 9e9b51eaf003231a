//! Kinds of authenticators that nobody can register: U2F tokens, which WebAuthn replaced, desktop authenticators and desktop tokens.
//!
//! Their lists are empty and every single one is not found, so that clients which go through all kinds get through.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_core::id::UserId;
use cs_store::users::Page;

use super::extract::{ReadResource, SignedAdmin, WriteResource, not_found};
use super::load::Load;
use super::page::{MOST, page, slice};
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

const KINDS: [&str; 3] = ["u2ftokens", "desktop_authenticators", "desktoptokens"];
const OF_USERS: [&str; 3] = ["u2ftokens", "desktopauthenticators", "desktoptokens"];

pub(super) fn routes() -> Router<App> {
    let mut routes = Router::new();
    for kind in KINDS {
        routes = routes
            .route(&format!("/admin/v1/{kind}"), get(list))
            .route(&format!("/admin/v1/{kind}/{{credential}}"), get(show).delete(delete));
    }
    for kind in OF_USERS {
        routes = routes.route(&format!("/admin/v1/users/{{user_id}}/{kind}"), get(list_of_user));
    }
    routes
}

async fn list(_slot: ListSlot, request: SignedAdmin<ReadResource>) -> Result<Envelope<Vec<()>>, Failure> {
    let slice = slice(&request.params, MOST)?;
    Ok(page(Page { items: Vec::new(), total: 0 }, slice))
}

async fn list_of_user(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<()>>, Failure> {
    let (slice, user): (_, UserId) = (slice(&request.params, MOST)?, request.id("user_id")?);
    Load::new(&app, request.account.id).require_user(user).await?;
    Ok(page(Page { items: Vec::new(), total: 0 }, slice))
}

async fn show(_request: SignedAdmin<ReadResource>) -> Result<Envelope<()>, Failure> {
    Err(not_found())
}

async fn delete(_request: SignedAdmin<WriteResource>) -> Result<Envelope<&'static str>, Failure> {
    Ok(Envelope::new(""))
}
