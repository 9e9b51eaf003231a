//! The Admin API (`/admin/v1…v3`).
//!
//! One file per family of objects, each with a `routes()`; [`extract::SignedAdmin`] checks signature, network and permission, and is the only way for
//! a handler to its parameters.
//!
//! | file | paths |
//! | --- | --- |
//! | `users` | `/users`, `/users/{user_id}` |
//! | `user_belongings` | `/users/{user_id}/groups`, …`/phones`, …`/tokens` |
//! | `user_enroll` | `/users/enroll` |
//! | `directories` | `/users/directorysync/{dkey}/syncuser` |
//! | `verification` | `/users/{user_id}/send_verification_push`, …`/verification_push_response` |
//! | `user_bulk`, `bulk` | `/users/bulk_…`, `/bulk` |
//! | `groups` | `/groups`, `/admin/v2/groups/{group_id}` |
//! | `phones`, `activation` | `/phones`, `/phones/{phone_id}/activation_url`, …`/send_sms_…` |
//! | `tokens` | `/tokens`, `/tokens/{token_id}/resync` |
//! | `bypass_codes` | `/bypass_codes`, `/users/{user_id}/bypass_codes` |
//! | `exceptions`, `exemptions` | ours: `/exceptions`, `/exemptions`, `/users/{user_id}/exemptions` |
//! | `webauthn` | `/webauthncredentials`, `/users/{user_id}/webauthncredentials` |
//! | `credentials` | U2F tokens, desktop authenticators, desktop tokens: there are none, and the lists say so |
//! | `integrations` | `/integrations` |
//! | `policies` | `/admin/v2/policies` |
//! | `admins` | `/admins` |
//! | `units` | `/administrative_units` |
//! | `settings` | `/settings`, `/logo` |
//! | `branding` | `/branding`, `/branding/custom_messaging` |
//! | `info` | `/info/…` |
//! | `logs` | `/logs/…` |
//! | `trust_monitor` | `/trust_monitor/events`, ours: `/users/{user_id}/clear_step_up` |
//!
//! `page` reads and writes paging, `objects` has the shapes of users and what they own, `load` fetches what is nested in them, in a number of queries
//! that does not grow with the page.

mod activation;
mod admins;
mod branding;
mod bulk;
mod bypass_codes;
mod credentials;
mod directories;
mod exceptions;
mod exemptions;
pub mod extract;
mod groups;
mod info;
mod integrations;
mod load;
mod logs;
mod objects;
mod page;
mod phones;
mod policies;
mod settings;
mod tokens;
mod trust_monitor;
mod units;
mod user_belongings;
mod user_bulk;
mod user_enroll;
mod user_params;
mod users;
mod verification;
mod webauthn;

use axum::Router;

use crate::app::App;

pub(crate) use policies::{explanation_json, simulation_json, stage_json, taken_back_json, trial_json};

/// The routes of this surface.
pub fn routes(app: App) -> Router {
    Router::new()
        .merge(users::routes())
        .merge(user_bulk::routes())
        .merge(user_enroll::routes())
        .merge(directories::routes())
        .merge(verification::routes())
        .merge(user_belongings::routes())
        .merge(bulk::routes())
        .merge(groups::routes())
        .merge(phones::routes())
        .merge(activation::routes())
        .merge(tokens::routes())
        .merge(bypass_codes::routes())
        .merge(exceptions::routes())
        .merge(exemptions::routes())
        .merge(credentials::routes())
        .merge(webauthn::routes())
        .merge(integrations::routes())
        .merge(policies::routes())
        .merge(admins::routes())
        .merge(units::routes())
        .merge(info::routes())
        .merge(logs::routes())
        .merge(trust_monitor::routes())
        .merge(settings::routes())
        .merge(branding::routes())
        .with_state(app)
}
