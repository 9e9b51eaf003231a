//! The engine's words in those of the pages.

use axum::response::{IntoResponse as _, Response};
use cs_core::username::UsernameNormalization;
use cs_core::webauthn::Class;
use cs_engine::portal::{OwnDevice, OwnKind, OwnLogin, PortalSession};
use cs_pages::portal::{Device, DeviceKind, Devices, Login, Logins, Said, Session};
use cs_pages::{Chrome, Template as _};

use super::enter::{BASE, Out};
use super::said::typed;
use crate::app::App;
use crate::frame::Visitor;
use crate::http::{Look, Page};

/// Where a device is added.
pub(super) const ADD: &str = "/portal/add";

/// What every page of the session has.
pub(super) struct Surroundings<'a> {
    look: Look<'a>,
    token: String,
    user: &'a str,
}

impl<'a> Surroundings<'a> {
    pub(super) async fn of(app: &App, visitor: &Visitor, session: &'a PortalSession) -> Self {
        let user = session.username();
        let look = visitor.look_of(app, session.account(), user, UsernameNormalization::None).await;
        Self { look, token: session.form_token(), user }
    }

    pub(super) fn chrome(&self) -> Chrome<'_> {
        self.look.chrome()
    }

    /// The session, on a page whose form is good once.
    pub(super) fn step<'s>(&'s self, session: &'s PortalSession, token: &'s str) -> Session<'s> {
        Session { base: BASE, token, user: session.username(), said: None }
    }

    /// The session, with what was just done.
    pub(super) fn session<'s>(&'s self, said: Option<Said<'s>>) -> Session<'s> {
        Session { base: BASE, token: &self.token, user: self.user, said }
    }
}

/// How many phones there are beside `own`: what is asked first is one of them.
pub(super) fn others_than(all: &[OwnDevice], own: &OwnDevice) -> usize {
    all.iter().filter(|one| matches!(one.kind, OwnKind::Phone(_)) && one.id != own.id).count()
}

/// A device in a list, beside so many `others` that could be asked first.
pub(super) fn device<'a>(own: &'a OwnDevice, last_used: Option<&'a str>, others: usize) -> Device<'a> {
    let is_phone = matches!(own.kind, OwnKind::Phone(_));
    let kind = match own.kind {
        OwnKind::Phone(_) => DeviceKind::Phone,
        OwnKind::Key { class: Class::Platform, .. } => DeviceKind::Platform,
        OwnKind::Key { class: Class::Roaming, .. } => DeviceKind::SecurityKey,
        OwnKind::Token => DeviceKind::Token,
    };
    Device {
        id: &own.id,
        name: &own.name,
        given: &own.given,
        kind,
        last_used,
        refused: matches!(own.kind, OwnKind::Key { is_refused: true, .. }),
        is_default: own.is_default && others > 0,
        may_be_default: is_phone && others > 0,
        may_test: is_phone,
        may_change: own.kind != OwnKind::Token,
    }
}

/// The list of devices, with what was just done.
pub(super) async fn devices_page(
    app: &App,
    visitor: &Visitor,
    session: &PortalSession,
    said: Option<Said<'_>>,
) -> Result<Response, Out> {
    let mut own = app.engine().own_devices(session).await?;
    if let Some((device, name)) = typed(visitor)
        && let Some(one) = own.iter_mut().find(|one| one.id == device)
    {
        one.given = name;
    }
    let around = Surroundings::of(app, visitor, session).await;
    let times: Vec<Option<String>> = own.iter().map(|one| one.last_used.map(|at| at.to_string())).collect();
    let devices: Vec<Device<'_>> =
        own.iter().zip(&times).map(|(one, at)| device(one, at.as_deref(), others_than(&own, one))).collect();
    Ok(Page(
        Devices { chrome: around.chrome(), session: around.session(said), devices: &devices, add: Some(ADD) }.render(),
    )
    .into_response())
}

/// The list of logins, with what was just done.
pub(super) async fn logins_page(
    app: &App,
    visitor: &Visitor,
    session: &PortalSession,
    said: Option<Said<'_>>,
) -> Result<Response, Out> {
    let own = app.engine().own_logins(session).await?;
    let times: Vec<String> = own.iter().map(|login| login.at.to_string()).collect();
    let logins: Vec<Login<'_>> = own.iter().zip(&times).map(|(own, at)| login(own, at)).collect();
    let around = Surroundings::of(app, visitor, session).await;
    Ok(Page(Logins { chrome: around.chrome(), session: around.session(said), logins: &logins }.render())
        .into_response())
}

/// A login in a list.
pub(super) fn login<'a>(own: &'a OwnLogin, at: &'a str) -> Login<'a> {
    Login {
        id: &own.id,
        at,
        application: &own.application,
        allowed: own.allowed,
        device: own.device.as_deref(),
        from: &own.from,
        reported: own.reported,
    }
}
