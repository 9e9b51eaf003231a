//! `POST /frame/web/v1/result`, in the frame again: the code that the window has brought for the answer that the application's page waits for.
//!
//! One commit uses up request and code together, and the policies are asked once more, as when an application redeems a code.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cs_core::prompt::Failure as Why;
use cs_engine::prompt::{Asked, RedeemError};
use cs_pages::Template as _;
use cs_pages::framed::Finished;
use cs_wire::params::Params;
use http::{HeaderMap, StatusCode};

use super::request::{Refused, Signed};
use super::{in_frame_of, is_for_frame, refused};
use crate::app::App;
use crate::frame::posted::{Body, form};
use crate::frame::render::why;
use crate::frame::visitor::Visitor;
use crate::http::Page;

/// Our own codes have 43 characters.
const MAX_CODE_BYTES: usize = 128;

pub(super) async fn result(State(app): State<App>, visitor: Visitor, headers: HeaderMap, body: Body) -> Response {
    let (_room, form) = match form(&app, body) {
        Ok(form) => form,
        Err(failure) => return visitor.failed(&failure),
    };
    match finished(&app, &visitor, &headers, &form).await {
        Ok(response) => response,
        Err(why) => refused(&visitor, &why),
    }
}

async fn finished(app: &App, visitor: &Visitor, headers: &HeaderMap, form: &Params) -> Result<Response, Refused> {
    if !is_for_frame(headers) {
        return Err(Refused::NoFrame);
    }
    let signed = Signed::read(app, visitor, form).await?;
    let parent = signed.parent(form)?;
    let caller = signed.client.caller(visitor.liveness());
    let integration = &signed.client.integration;
    app.count_request(caller.account.id, integration.key).map_err(Refused::Failure)?;
    let answered = answer(app, visitor, form, &signed, &caller).await;
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(page)) => return Ok(in_frame_of(&integration.frame_origins, page)),
        Err(why) => return Ok(in_frame_of(&integration.frame_origins, refused(visitor, &why))),
    };
    let username = &signed.request.username;
    let look = visitor.look_of(app, &caller.account, username, integration.normalization).await;
    let page = Finished {
        chrome: look.chrome(),
        application: &integration.name,
        response: &response,
        parent: parent.as_str(),
    };
    Ok(in_frame_of(&integration.frame_origins, Page(page.render())))
}

/// The answer; or the page that says why somebody who was in is out again.
async fn answer(
    app: &App,
    visitor: &Visitor,
    form: &Params,
    signed: &Signed,
    caller: &cs_engine::Caller,
) -> Result<Result<String, Response>, Refused> {
    let now = app.engine().clock().now();
    signed.is_remembered(now)?;
    let request = &signed.request;
    let bound_to = Asked::in_frame(request.username.clone(), request.id.clone()).bound_to();
    let code = form.required("code", MAX_CODE_BYTES)?;
    match app.engine().redeem_code(caller, signed.used(), &code, &bound_to).await? {
        // The request's own name, which the code stands for as well.
        Ok(redeemed) if redeemed.asked_username == request.username => Ok(Ok(signed.response(now))),
        Ok(_) | Err(RedeemError::NoSuchCode) => Err(Refused::Unknown("there is no such code for it")),
        Err(RedeemError::Replayed) => Err(Refused::Used),
        Err(RedeemError::Refused(refused)) => {
            let failure = Why { reason: refused.denial.reason, reference: refused.reference };
            let page = visitor.refusal(why(&failure), Some(&failure.reference));
            Ok(Err((StatusCode::FORBIDDEN, page).into_response()))
        }
    }
}
