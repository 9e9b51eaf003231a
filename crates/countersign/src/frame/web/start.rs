//! `GET /frame/web/v1/auth?tx=…&parent=…&v=…`, in a frame of the application's page: a button that opens the login. Duo's script makes the address.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use cs_pages::Template as _;
use cs_pages::framed::Start;
use cs_wire::params::Params;
use http::HeaderMap;

use super::request::{Refused, Signed};
use super::{in_frame_of, is_for_frame, refused};
use crate::app::App;
use crate::frame::posted::Slot;
use crate::frame::visitor::Visitor;
use crate::http::Page;

pub(super) async fn start(
    State(app): State<App>,
    slot: Slot,
    visitor: Visitor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    match shown(&app, &visitor, &headers, query.unwrap_or_default().as_bytes()).await {
        Ok(response) => response,
        Err(why) => refused(&visitor, &why),
    }
}

async fn shown(app: &App, visitor: &Visitor, headers: &HeaderMap, query: &[u8]) -> Result<Response, Refused> {
    if !is_for_frame(headers) {
        return Err(Refused::NoFrame);
    }
    let params = Params::from_form(query)?;
    let signed = Signed::read(app, visitor, &params).await?;
    let parent = signed.parent(&params)?;
    let (integration, request) = (&signed.client.integration, &signed.request);
    let caller = signed.client.caller(visitor.liveness());
    app.count_request(caller.account.id, integration.key).map_err(Refused::Failure)?;
    // From here on it is for the frame of a page that may hold it, also what is in the way.
    if let Err(why) = signed.is_open(app, &caller).await {
        return Ok(in_frame_of(&integration.frame_origins, refused(visitor, &why)));
    }
    let look = visitor.look_of(app, &caller.account, &request.username, integration.normalization).await;
    let page = Start {
        chrome: look.chrome(),
        application: &integration.name,
        user: &request.username,
        tx: &params.required("tx", cs_wire::web_sdk::MAX_REQUEST_BYTES)?,
        parent: parent.as_str(),
    };
    Ok(in_frame_of(&integration.frame_origins, Page(page.render())))
}
