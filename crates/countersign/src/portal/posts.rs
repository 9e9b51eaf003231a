//! What changes something. A form without the session's proof changes nothing: it is answered with the way back.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use cs_core::id::{BrowserId, PhoneId};
use cs_engine::portal::{Act, DeviceId, Done, NewCodes, PortalSession, Remaining as Left};
use cs_pages::Template as _;
use cs_pages::portal::{Lost, NotMe, Remaining, Remove};
use cs_wire::params::Params;
use serde_json::json;

use super::enter::{BASE, Out, session};
use super::render::{ADD, Surroundings, device as listed, login, others_than};
use super::said::{forget_typed, keep_typed, see_said};
use crate::app::App;
use crate::enroll::codes_page;
use crate::frame::{Body, Visitor, form, see_other, step_of};
use crate::http::{Failure, Page};

const MAX_NAME_BYTES: usize = 256;

/// `POST /portal/devices/{id}/{act}`
pub(super) async fn device(
    State(app): State<App>,
    Path((id, act)): Path<(String, String)>,
    visitor: Visitor,
    body: Body,
) -> Response {
    changing(&app, &visitor, body, async |session, form| {
        let Some(device) = DeviceId::parse(&id) else { return Ok(see_other(BASE)) };
        let is_sure = form.filled("sure", 8).ok().flatten().as_deref() == Some("yes");
        let act = match (act.as_str(), is_sure) {
            ("rename", _) => match form.filled("name", MAX_NAME_BYTES) {
                Ok(Some(name)) => Act::Rename(device, name),
                Ok(None) | Err(_) => return Ok(see_other(BASE)),
            },
            ("default", _) => match device {
                DeviceId::Phone(phone) => Act::Default(phone),
                DeviceId::Key(_) => return Ok(see_other(BASE)),
            },
            ("remove", true) => Act::Remove(device),
            ("lost", true) => Act::Lost(device),
            ("remove" | "lost", false) => return ask(&app, &visitor, session, device, act == "lost").await,
            _ => return Ok(see_other(BASE)),
        };
        let name = match app.engine().act(session, &act, visitor.access()).await? {
            Done::Yes(name) => name,
            Done::Stale => {
                let refused = Out::Stale.response(&visitor);
                return Ok(match &act {
                    // Typed once is enough.
                    Act::Rename(_, name) => keep_typed(refused, &id, name),
                    Act::Default(_) | Act::Remove(_) | Act::Lost(_) | Act::Forget(_) | Act::ForgetAll => refused,
                });
            }
            Done::Last => return ask(&app, &visitor, session, device, false).await,
            Done::No => return Ok(see_other(BASE)),
        };
        let said = match act {
            Act::Rename(..) => "renamed",
            Act::Default(_) => "default",
            Act::Remove(_) => "removed",
            Act::Lost(_) => "lost",
            Act::Forget(_) | Act::ForgetAll => "forgotten",
        };
        Ok(forget_typed(see_said(BASE, said, &name), &visitor))
    })
    .await
}

/// Asks before a device goes.
async fn ask(
    app: &App,
    visitor: &Visitor,
    session: &PortalSession,
    device: DeviceId,
    is_lost: bool,
) -> Result<Response, Out> {
    let own = app.engine().own_devices(session).await?;
    let found = own.iter().find(|one| DeviceId::parse(&one.id) == Some(device));
    let (Some(own_device), Some(left)) = (found, app.engine().remaining_without(session, device).await?) else {
        return Ok(see_other(BASE));
    };
    let remaining = match left {
        Left::Enough => Remaining::Enough,
        Left::One => Remaining::One,
        Left::None => Remaining::None,
        // What is in other hands goes all the same.
        Left::NotAllowed if is_lost => Remaining::None,
        Left::NotAllowed => Remaining::NotAllowed,
    };
    let around = Surroundings::of(app, visitor, session).await;
    let (chrome, page) = (around.chrome(), around.session(None));
    let device = listed(own_device, None, others_than(&own, own_device));
    let html = if is_lost {
        Lost { chrome, session: page, device, remaining }.render()
    } else {
        Remove { chrome, session: page, device, remaining, add: Some(ADD) }.render()
    };
    Ok(Page(html).into_response())
}

/// `POST /portal/devices/{id}/test`
pub(super) async fn test(State(app): State<App>, Path(id): Path<String>, visitor: Visitor, body: Body) -> Response {
    changing(&app, &visitor, body, async |session, _| {
        let Ok(phone) = id.parse::<PhoneId>() else { return Ok(see_other(BASE)) };
        if !session.is_fresh(app.engine().clock().now()) {
            return Err(Out::Stale);
        }
        if app.engine().test_own_device(session, phone, visitor.access()).await? {
            return Ok(see_other(&format!("{BASE}/devices/{phone}/test")));
        }
        let own = app.engine().own_devices(session).await?;
        Ok(match own.iter().find(|one| one.id == phone.as_str()) {
            Some(own) => see_said(BASE, "test-not-sent", &own.name),
            None => see_other(BASE),
        })
    })
    .await
}

/// `POST /portal/devices/{id}/test/wait`: has anybody answered?
pub(super) async fn wait(State(app): State<App>, Path(id): Path<String>, visitor: Visitor) -> Response {
    let answer = |waiting: bool, approved: bool, seen: bool| {
        Json(json!({ "waiting": waiting, "approved": approved, "seen": seen })).into_response()
    };
    let (Ok(session), Ok(phone)) = (session(&app, &visitor).await, id.parse::<PhoneId>()) else {
        return answer(false, false, false);
    };
    match app.engine().own_test(&session, phone).await {
        Ok(Some(test)) => answer(test.is_waiting, test.is_approved, test.is_seen),
        Ok(None) => answer(false, false, false),
        Err(error) => Failure::from(error).into_response(),
    }
}

/// `POST /portal/logins/{id}/not-me`
pub(super) async fn not_me(State(app): State<App>, Path(id): Path<String>, visitor: Visitor, body: Body) -> Response {
    changing(&app, &visitor, body, async |session, form| {
        if form.filled("sure", 8).ok().flatten().as_deref() != Some("yes") {
            let own = app.engine().own_logins(session).await?;
            let Some(own) = own.into_iter().find(|own| own.id == id) else {
                return Ok(see_other("/portal/logins"));
            };
            let (at, around) = (own.at.to_string(), Surroundings::of(&app, &visitor, session).await);
            let (chrome, page) = (around.chrome(), around.session(None));
            return Ok(Page(NotMe { chrome, session: page, login: login(&own, &at) }.render()).into_response());
        }
        match app.engine().report_login(session, &id, visitor.access()).await? {
            Done::Yes(_) => Ok(see_said("/portal/logins", "reported", "")),
            Done::Stale => Err(Out::Stale),
            Done::No | Done::Last => Ok(see_other("/portal/logins")),
        }
    })
    .await
}

/// `POST /portal/browsers/{id}/forget`
pub(super) async fn forget(State(app): State<App>, Path(id): Path<String>, visitor: Visitor, body: Body) -> Response {
    changing(&app, &visitor, body, async |session, _| match id.parse::<BrowserId>() {
        Ok(id) => forgotten(&app, &visitor, session, &Act::Forget(id), "forgotten").await,
        Err(_) => Ok(see_other("/portal/browsers")),
    })
    .await
}

/// `POST /portal/browsers/forget-all`
pub(super) async fn forget_all(State(app): State<App>, visitor: Visitor, body: Body) -> Response {
    changing(&app, &visitor, body, async |session, _| {
        forgotten(&app, &visitor, session, &Act::ForgetAll, "all-forgotten").await
    })
    .await
}

async fn forgotten(
    app: &App,
    visitor: &Visitor,
    session: &PortalSession,
    act: &Act,
    said: &str,
) -> Result<Response, Out> {
    match app.engine().act(session, act, visitor.access()).await? {
        Done::Yes(_) => Ok(see_said("/portal/browsers", said, "")),
        Done::Stale => Err(Out::Stale),
        Done::No | Done::Last => Ok(see_other("/portal/browsers")),
    }
}

/// `POST /portal/codes/new`
pub(super) async fn new_codes(State(app): State<App>, visitor: Visitor, body: Body) -> Response {
    changing(&app, &visitor, body, async |session, form| {
        // Loaded again, the page would void the codes that were just printed.
        if !session.is_fresh(app.engine().clock().now()) {
            return Err(Out::Stale);
        }
        if !step_of(form).is_some_and(|proof| session.is_this_step(&proof)) {
            return Ok(see_other("/portal/codes"));
        }
        let codes = match app.engine().new_recovery_codes(session, visitor.access()).await? {
            NewCodes::Made(codes) => codes,
            NewCodes::Stale => return Err(Out::Stale),
            NewCodes::Twice => return Ok(see_other("/portal/codes")),
        };
        let (token, around) = (session.form_token(), Surroundings::of(&app, &visitor, session).await);
        Ok(codes_page(around.chrome(), "/portal/codes/kept", &token, session.username(), &codes))
    })
    .await
}

/// `POST /portal/codes/kept`
pub(super) async fn kept() -> Response {
    see_other("/portal/codes")
}

async fn changing(
    app: &App,
    visitor: &Visitor,
    body: Body,
    change: impl AsyncFnOnce(&PortalSession, &Params) -> Result<Response, Out>,
) -> Response {
    let (_room, form) = match form(app, body) {
        Ok(form) => form,
        Err(failure) => return visitor.failed(&failure),
    };
    let session = match session(app, visitor).await {
        Ok(session) => session,
        Err(out) => return out.response(visitor),
    };
    if !step_of(&form).is_some_and(|proof| session.is_ours(&proof) || session.is_this_step(&proof)) {
        return see_other(BASE);
    }
    change(&session, &form).await.unwrap_or_else(|out| out.response(visitor))
}
