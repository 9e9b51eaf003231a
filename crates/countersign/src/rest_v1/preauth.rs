//! `POST /rest/v1/preauth`: may this user in, and the menu.

use axum::extract::State;
use cs_engine::login::{PreauthOutcome, PreauthRequest, Who};
use cs_wire::auth_api::PreauthResult;
use cs_wire::rest_v1::{PreauthRequest as WireRequest, PreauthResponse};
use http::HeaderMap;

use crate::app::App;
use crate::http::{
    Envelope, Failure, RestV1, Signed, access, allowed_text, enroll_text, enroll_url, menu_factors, refused_text,
};

/// Says whether the user is in, out, must enroll, or what to choose from.
pub(super) async fn preauth(
    State(app): State<App>,
    headers: HeaderMap,
    Signed { caller, request, .. }: Signed<RestV1, WireRequest>,
) -> Result<Envelope<PreauthResponse>, Failure> {
    let _slot = app.gate().login()?;
    app.login_clients().note(&app, &caller, &request.origin, request.failmode, &headers);
    let question = PreauthRequest {
        access: access(&request.origin),
        trusted_device_token: None,
        browser: None,
        log_as: None,
        shows_number: caller.integration.kind.shows_menu(),
        who: Who::Name(request.user),
    };
    let decided = |result, status| PreauthResponse::Decided { result, status };
    Ok(Envelope::new(match app.engine().preauth(&caller, &question).await?.outcome {
        PreauthOutcome::Allow(why) => decided(PreauthResult::Allow, allowed_text(why).to_owned()),
        PreauthOutcome::Deny(refused) => decided(PreauthResult::Deny, refused_text(&refused)),
        PreauthOutcome::Enroll(refused) => {
            let text = match enroll_url(&app, &caller, &question.who).await? {
                Some(url) => enroll_text(&refused, &url),
                None => refused_text(&refused),
            };
            decided(PreauthResult::Enroll, text)
        }
        PreauthOutcome::Challenge(challenge) => PreauthResponse::Auth {
            result: PreauthResult::Auth,
            factors: menu_factors(&challenge.menu),
            prompt: challenge.menu.text,
        },
    }))
}
