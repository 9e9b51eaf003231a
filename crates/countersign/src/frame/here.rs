//! `GET /frame/prompt/{id}/here?txid=…&nonce=…`: the authenticator in the very browser of a login asks for its number, so that nobody has to carry it from one page to
//! the next.
//!
//! Only the login's own cookie gets it told; whoever opens a link that somebody else has made has none. The answer leads to the authenticator and nowhere else, with the
//! random text that its tab has sent along: without that it takes nothing.

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use cs_core::id::TxId;
use cs_pages::Why;
use cs_wire::params::Params;
use http::StatusCode;

use super::posted::{NotShown, Slot};
use super::session::find;
use super::visitor::{Visitor, see_other};
use crate::app::App;

/// What the authenticator sends has 22 characters.
const MAX_NONCE_BYTES: usize = 64;

pub(super) async fn here(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    slot: Slot,
    visitor: Visitor,
) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    let query = Params::from_form(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let Some((txid, nonce)) = asked(&query) else {
        return (StatusCode::BAD_REQUEST, visitor.refusal(Why::OutOfStep, None)).into_response();
    };
    let number = match number(&app, &visitor, &id, txid).await {
        Ok(number) => number.map(|number| format!("/{number}")).unwrap_or_default(),
        Err(why) => return why.response(&visitor),
    };
    see_other(&format!("{}/#/here/{txid}/{nonce}{number}", app.engine().authenticator_origin()))
}

/// Which push is meant, and what comes back with the answer: both plain enough to stand in an address.
fn asked(query: &Params) -> Option<(TxId, String)> {
    let txid = query.filled("txid", 64).ok()??.parse().ok()?;
    let nonce = query.filled("nonce", MAX_NONCE_BYTES).ok()??;
    let is_plain = nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    is_plain.then_some((txid, nonce))
}

/// The number of push `txid`, if this browser's login waits for it.
async fn number(app: &App, visitor: &Visitor, id: &str, txid: TxId) -> Result<Option<String>, NotShown> {
    if !visitor.may_hold_authenticator() {
        return Ok(None);
    }
    match find(app, visitor, id).await {
        Ok(prompt) => Ok(app.engine().number_of_push(&prompt, txid, &visitor.visit).await?),
        Err(NotShown::Unknown) => Ok(None),
        Err(why) => Err(why),
    }
}
