//! Auth API v2 (`/auth/v2/…`), Duo's and our additions: `idempotency_key`, `cancel` and `disabled`.
//!
//! | file | path |
//! | --- | --- |
//! | `ping` | `/auth/v2/ping`, `/auth/v2/check` |
//! | `logo` | `/auth/v2/logo` |
//! | `enroll` | `/auth/v2/enroll`, `/auth/v2/enroll_status` |
//! | `qr` | `/frame/qr`, the image behind an enrolment's `activation_barcode` |
//! | `preauth` | `/auth/v2/preauth` |
//! | `auth` | `/auth/v2/auth` |
//! | `disabled` | `/auth/v2/disabled` |
//! | `status` | `/auth/v2/auth_status`, `/auth/v2/cancel` |
//! | `proxy` | `/auth/v2/proxy/report`, `/auth/v2/proxy/bundle`: what is prepared for outages |

mod auth;
mod disabled;
mod enroll;
mod logo;
mod ping;
mod preauth;
mod proxy;
mod qr;
mod status;

pub(crate) use proxy::key as outage_key;

use axum::Router;
use axum::routing::{get, post};
use cs_core::id::UserId;
use cs_engine::login::{Decided, Status, Who};
use cs_wire::auth_api::{AuthResponse, AuthStatus, UserRef};

use crate::app::App;
use crate::http::{Failure, decided_text};

/// The routes of this surface.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/auth/v2/ping", get(ping::ping))
        .route("/auth/v2/check", get(ping::check))
        .route("/auth/v2/logo", get(logo::logo))
        .route("/auth/v2/enroll", post(enroll::enroll))
        .route("/auth/v2/enroll_status", post(enroll::enroll_status))
        .route("/auth/v2/preauth", post(preauth::preauth))
        .route("/auth/v2/auth", post(auth::auth))
        .route("/auth/v2/auth_status", get(status::auth_status))
        .route("/auth/v2/cancel", post(status::cancel))
        .route("/auth/v2/disabled", post(disabled::disabled))
        .route("/auth/v2/proxy/report", post(proxy::report))
        .route("/auth/v2/proxy/bundle", post(proxy::bundle))
        .route("/frame/qr", get(qr::qr))
        .with_state(app)
}

/// Whom the engine shall look up.
fn who(user: UserRef) -> Result<Who, Failure> {
    match user {
        UserRef::Username(name) => Ok(Who::Name(name)),
        UserRef::UserId(id) => id.parse::<UserId>().map(Who::Id).map_err(|_| invalid("user_id")),
    }
}

/// 40002 for the parameter `name`.
fn invalid(name: &'static str) -> Failure {
    cs_wire::params::ParamError::Invalid(name.into()).into()
}

fn decided_response(decided: &Decided) -> AuthResponse {
    let status = match decided.status {
        Status::Allow => AuthStatus::Allow,
        Status::Bypass => AuthStatus::Bypass,
        // The engine never decides that a push waits; what must not be is no way in.
        Status::Deny | Status::Pushed => AuthStatus::Deny,
        Status::Fraud => AuthStatus::Fraud,
        Status::LockedOut => AuthStatus::LockedOut,
        Status::Timeout => AuthStatus::Timeout,
        Status::Sent => AuthStatus::Sent,
    };
    AuthResponse {
        result: status.result(),
        status,
        status_msg: decided_text(decided),
        trusted_device_token: decided.trusted_device_token.clone(),
    }
}
