//! `POST /auth/v2/preauth`: may this user in, and how.

use axum::extract::State;
use cs_core::login::{Menu, telephones};
use cs_core::policy::{Challenge as Allowed, Method};
use cs_core::user::User;
use cs_engine::login::{Challenge, PreauthOutcome, PreauthRequest};
use cs_wire::auth_api::{
    Capability, Device, DeviceKind, PreauthRequest as WireRequest, PreauthResponse, PreauthResult, TextPrompt,
    VerifiedPush,
};
use http::HeaderMap;
use jiff::Timestamp;

use super::who;
use crate::app::App;
use crate::http::{AuthV2, Envelope, Failure, Signed, access, allowed_text, enroll_text, enroll_url, refused_text};

/// Says whether the user is in, out, must enroll, or which factors there are.
pub(super) async fn preauth(
    State(app): State<App>,
    headers: HeaderMap,
    Signed { caller, request, .. }: Signed<AuthV2, WireRequest>,
) -> Result<Envelope<PreauthResponse>, Failure> {
    let _slot = app.gate().login()?;
    app.login_clients().note(&app, &caller, &request.origin, request.failmode, &headers);
    let shows_menu = request.text_prompt && caller.integration.kind.shows_menu();
    let question = PreauthRequest {
        access: access(&request.origin),
        trusted_device_token: request.trusted_device_token.map(|token| token.expose().to_owned()),
        browser: None,
        log_as: None,
        shows_number: request.client_supports_verified_push || shows_menu,
        who: who(request.user)?,
    };
    let preauth = app.engine().preauth(&caller, &question).await?;
    let decided = |result, status_msg| PreauthResponse {
        result,
        status_msg,
        devices: None,
        enroll_portal_url: None,
        verified_push: None,
        prompt: None,
    };
    let prompt_of_text = |text: &str| TextPrompt { text: text.to_owned(), factors: [].into() };
    Ok(Envelope::new(match preauth.outcome {
        PreauthOutcome::Allow(why) => decided(PreauthResult::Allow, allowed_text(why).to_owned()),
        PreauthOutcome::Deny(refused) => decided(PreauthResult::Deny, refused_text(&refused)),
        PreauthOutcome::Enroll(refused) => {
            let url = enroll_url(&app, &caller, &question.who).await?;
            let text = match &url {
                Some(url) => enroll_text(&refused, url),
                None => refused_text(&refused),
            };
            // duo_unix 2.2 shows the prompt's text.
            let prompt = request.text_prompt.then(|| prompt_of_text(&text));
            PreauthResponse { prompt, enroll_portal_url: url, ..decided(PreauthResult::Enroll, text) }
        }
        PreauthOutcome::Challenge(challenge) => PreauthResponse {
            devices: Some(devices(&challenge.user, &challenge.allowed, app.engine().clock().now())),
            verified_push: request
                .client_supports_verified_push
                .then(|| verified_push(&challenge, app.engine().clock().now().as_second()))
                .flatten(),
            prompt: request.text_prompt.then(|| text_prompt(&challenge.menu)),
            ..decided(PreauthResult::Auth, "Account is active".to_owned())
        },
    }))
}

/// The devices that the policy leaves something to do.
fn devices(user: &User, allowed: &Allowed, now: Timestamp) -> Vec<Device> {
    let phones = user.phones.iter().filter_map(|phone| {
        let by_telephone = |method| telephones(user, allowed, method).any(|one| one.id == phone.id);
        let (text, call) = (by_telephone(Method::Sms), by_telephone(Method::Phonecall));
        let is_fine = allowed.refusal(phone.id).is_ok();
        let (push, passcode) = (allowed.may_push(phone.id), is_fine && allowed.methods.contains(Method::DuoPasscode));
        let able = [
            (Capability::Auto, push || call),
            (Capability::Push, push),
            (Capability::Sms, text),
            (Capability::Phone, call),
            (Capability::MobileOtp, passcode),
        ];
        let capabilities: Vec<_> = able.into_iter().filter(|(_, can)| *can).map(|(capability, _)| capability).collect();
        (!capabilities.is_empty()).then(|| Device {
            device: phone.id.to_string(),
            kind: DeviceKind::Phone,
            display_name: Some(phone.display_name()),
            name: phone.name.clone(),
            number: Some(phone.masked_number()),
            capabilities: Some(capabilities),
            sms_nextcode: phone.next_sms_digit(now).filter(|_| text).map(String::from),
        })
    });
    let tokens = user.tokens.iter().filter(|_| allowed.methods.contains(Method::HardwareToken)).map(|token| Device {
        device: token.id.to_string(),
        kind: DeviceKind::Token,
        display_name: None,
        name: token.serial.clone(),
        number: None,
        capabilities: None,
        sms_nextcode: None,
    });
    phones.chain(tokens).collect()
}

fn verified_push(challenge: &Challenge, now: i64) -> Option<VerifiedPush> {
    // Without a device that can take it there is no push to verify.
    if !challenge.user.phones.iter().any(|phone| challenge.allowed.may_push(phone.id)) {
        return None;
    }
    challenge.number.as_ref().map(|(txid, number)| VerifiedPush {
        txid: txid.to_string(),
        verification_code: number.clone(),
        expiration: challenge.expires_at.as_second() - now,
    })
}

fn text_prompt(menu: &Menu) -> TextPrompt {
    TextPrompt { text: menu.text.clone(), factors: crate::http::menu_factors(menu) }
}
