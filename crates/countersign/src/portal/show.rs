//! The pages that only show.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use cs_core::id::PhoneId;
use cs_engine::portal::PortalSession;
use cs_pages::Template as _;
use cs_pages::portal::{Browsers, RecoveryCodes, RememberedBrowser, Said, TestPush};

use super::enter::{Out, session};
use super::render::{Surroundings, device, devices_page, logins_page, others_than};
use super::said::{Told, once};
use crate::app::App;
use crate::enroll::{begin_enrollment, why_not};
use crate::frame::{Slot, Visitor};
use crate::http::Page;

/// How long a test can be answered, in seconds.
const TEST_SECONDS: u32 = 60;

/// `GET /portal`
pub(super) async fn devices(State(app): State<App>, slot: Slot, visitor: Visitor) -> Response {
    page(&app, slot, &visitor, async |session| {
        let told = Told::of(&visitor);
        let said = told.as_ref().and_then(Told::said);
        Ok(once(devices_page(&app, &visitor, session, said).await?, &visitor))
    })
    .await
}

/// `GET /portal/logins`
pub(super) async fn logins(State(app): State<App>, slot: Slot, visitor: Visitor) -> Response {
    page(&app, slot, &visitor, async |session| {
        let told = Told::of(&visitor);
        let said = told.as_ref().and_then(Told::said);
        Ok(once(logins_page(&app, &visitor, session, said).await?, &visitor))
    })
    .await
}

/// `GET /portal/browsers`
pub(super) async fn browsers(State(app): State<App>, slot: Slot, visitor: Visitor) -> Response {
    page(&app, slot, &visitor, async |session| {
        let told = Told::of(&visitor);
        let said = told.as_ref().and_then(Told::said);
        Ok(once(browsers_page(&app, &visitor, session, said).await?, &visitor))
    })
    .await
}

/// `GET /portal/codes`
pub(super) async fn codes(State(app): State<App>, slot: Slot, visitor: Visitor) -> Response {
    page(&app, slot, &visitor, async |session| {
        let left = app.engine().recovery_codes_left(session).await?;
        let around = Surroundings::of(&app, &visitor, session).await;
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let token = session.step_token();
        let page = RecoveryCodes { chrome: around.chrome(), session: around.step(session, &token), left };
        Ok(Page(page.render()).into_response())
    })
    .await
}

/// `GET /portal/add`: goes on as an enrollment.
pub(super) async fn add(State(app): State<App>, slot: Slot, visitor: Visitor) -> Response {
    page(&app, slot, &visitor, async |session| match app.engine().add_own_device(session, visitor.access()).await? {
        Ok((id, secret)) => Ok(begin_enrollment(id, &secret)),
        Err(not) => Err(Out::Refused(why_not(&not), not.reference)),
    })
    .await
}

/// `GET /portal/devices/{id}/test`: how the test stands.
pub(super) async fn test(State(app): State<App>, Path(id): Path<String>, slot: Slot, visitor: Visitor) -> Response {
    page(&app, slot, &visitor, async |session| test_page(&app, &visitor, session, &id).await).await
}

/// The page of a test that waits, or the devices with what came of it.
pub(super) async fn test_page(
    app: &App,
    visitor: &Visitor,
    session: &PortalSession,
    id: &str,
) -> Result<Response, Out> {
    let own = app.engine().own_devices(session).await?;
    let found = own.iter().find(|one| one.id == id);
    let phone = id.parse::<PhoneId>().ok();
    let (Some(own_device), Some(phone)) = (found, phone) else {
        return devices_page(app, visitor, session, None).await;
    };
    let said = match app.engine().own_test(session, phone).await? {
        Some(test) if test.is_waiting => {
            let around = Surroundings::of(app, visitor, session).await;
            let (chrome, page) = (around.chrome(), around.session(None));
            let (device, number) = (device(own_device, None, others_than(&own, own_device)), test.number.as_deref());
            let test = TestPush { chrome, session: page, device, number, seconds: TEST_SECONDS };
            return Ok(Page(test.render()).into_response());
        }
        Some(test) if test.is_approved => Some(Said::TestApproved(&own_device.name)),
        Some(_) => Some(Said::TestFailed(&own_device.name)),
        None => None,
    };
    devices_page(app, visitor, session, said).await
}

/// The browsers, with what was just done.
pub(super) async fn browsers_page(
    app: &App,
    visitor: &Visitor,
    session: &PortalSession,
    said: Option<Said<'_>>,
) -> Result<Response, Out> {
    let own = app.engine().own_browsers(session).await?;
    let times: Vec<(String, String)> =
        own.iter().map(|one| (one.rotated_at.to_string(), one.until.to_string())).collect();
    let browsers: Vec<RememberedBrowser<'_>> = own
        .iter()
        .zip(&times)
        .map(|(one, (last_used, until))| RememberedBrowser {
            id: one.id.as_str(),
            name: &one.name,
            last_used,
            until,
            is_this: visitor.is_remembered_as(one.id),
        })
        .collect();
    let around = Surroundings::of(app, visitor, session).await;
    Ok(Page(Browsers { chrome: around.chrome(), session: around.session(said), browsers: &browsers }.render())
        .into_response())
}

async fn page(
    app: &App,
    slot: Slot,
    visitor: &Visitor,
    show: impl AsyncFnOnce(&PortalSession) -> Result<Response, Out>,
) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    let shown = match session(app, visitor).await {
        Ok(session) => show(&session).await,
        Err(out) => Err(out),
    };
    shown.unwrap_or_else(|out| out.response(visitor))
}
