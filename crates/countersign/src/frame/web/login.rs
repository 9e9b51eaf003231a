//! `POST /frame/web/v1/login`, in a window of its own: a login like any other begins, with the same states and policies.

use axum::extract::State;
use axum::response::Response;
use cs_engine::prompt::Asked;
use cs_wire::params::Params;

use super::refused;
use super::request::{Refused, Signed};
use crate::app::App;
use crate::frame::posted::{Body, form};
use crate::frame::session::begin_session;
use crate::frame::visitor::Visitor;

pub(super) async fn login(State(app): State<App>, visitor: Visitor, body: Body) -> Response {
    let (_room, form) = match form(&app, body) {
        Ok(form) => form,
        Err(failure) => return visitor.failed(&failure),
    };
    match begun(&app, &visitor, &form).await {
        Ok(response) => response,
        Err(why) => refused(&visitor, &why),
    }
}

async fn begun(app: &App, visitor: &Visitor, form: &Params) -> Result<Response, Refused> {
    let Signed { client, request, .. } = {
        let signed = Signed::read(app, visitor, form).await?;
        let caller = signed.client.caller(visitor.liveness());
        app.count_request(caller.account.id, caller.integration.key).map_err(Refused::Failure)?;
        signed.is_open(app, &caller).await?;
        signed
    };
    let caller = client.caller(visitor.liveness());
    let (id, secret) = app.engine().open_prompt(&caller, &Asked::in_frame(request.username, request.id)).await?;
    Ok(begin_session(visitor, id, &secret))
}
