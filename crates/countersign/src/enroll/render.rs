//! What the pages show: the engine's view in `cs-pages`' words.

use axum::response::{IntoResponse as _, Response};
use cs_core::enrollment::{Added, At, EnrollRefusal, Origin};
use cs_core::policy::Os;
use cs_core::secret::PlainCode;
use cs_core::username::UsernameNormalization;
use cs_core::webauthn::Wanted;
use cs_engine::enrollment::{
    Back as LeadsBack, CodeBy, EnrollView, Enrollment, LinkState, NewFactor, NotNow, NotSaved, NumberFault, WhyNot,
};
use cs_pages::enroll::{
    Backup, Choose, Codes, Compare, Done, NewKey, NewWay, Number, NumberCode, NumberError, Phone, Stage, Visit,
};
use cs_pages::{Chrome, Doors, Go, Template as _, Why};
use cs_wire::device::{ActivationCode, ActivationLink};
use data_encoding::BASE64;
use http::StatusCode;

use super::open::page_of;
use crate::app::App;
use crate::frame::{Visitor, origin_of};
use crate::http::{Look, Page, qr_svg};

/// The page that shows `view`.
pub(super) async fn render(app: &App, visitor: &Visitor, enrollment: &Enrollment, view: &EnrollView) -> Response {
    let look = look(app, visitor, enrollment).await;
    let chrome = look.chrome();
    let (base, token) = (page_of(enrollment.id()), enrollment.step_token());
    let stage = match enrollment.at() {
        At::Choose => Stage::First,
        At::Phone(_) | At::Key(_) | At::Number | At::NumberCode if enrollment.added().is_empty() => Stage::First,
        At::Phone(_) | At::Key(_) | At::Number | At::NumberCode | At::Backup => Stage::Backup,
        At::Done => Stage::Finish,
    };
    let visit = Visit { base: &base, token: &token, user: enrollment.username(), stage };
    let page = match view {
        EnrollView::Choose { ways } if ways.is_empty() => {
            return (StatusCode::FORBIDDEN, visitor.refusal(Why::SelfServiceOff, None)).into_response();
        }
        EnrollView::Choose { ways } => Choose { chrome, visit, ways: &shown(ways) }.render(),
        EnrollView::Key { wanted, options } => {
            NewKey { chrome, visit, request: options, way: way(NewFactor::Key(*wanted)), back: true }.render()
        }
        EnrollView::Number { ways, fault } => {
            let error = fault.map(|fault| match fault {
                NumberFault::Number => NumberError::Number,
                NumberFault::Limit => NumberError::Limit,
                NumberFault::Code => NumberError::Code,
            });
            let (sms, call) = (ways.contains(&CodeBy::Sms), ways.contains(&CodeBy::Call));
            Number { chrome, visit, sms, call, error }.render()
        }
        EnrollView::NumberCode { number, is_wrong } => NumberCode { chrome, visit, number, wrong: *is_wrong }.render(),
        EnrollView::Phone { code } => {
            let Some((link, qr)) = activation(app, code) else {
                return (StatusCode::INTERNAL_SERVER_ERROR, visitor.refusal(Why::Service, None)).into_response();
            };
            let os = visitor.access().device.as_ref().and_then(|device| device.os).map(|os| os.product);
            let on_phone = matches!(os, Some(Os::Android | Os::Ios));
            Phone { chrome, visit, link: &link, qr: &qr, on_phone, back: true }.render()
        }
        EnrollView::Compare { phrase, device } => Compare { chrome, visit, code: phrase, device }.render(),
        EnrollView::Backup { added, ways } => Backup { chrome, visit, added, ways: &shown(ways), skip: true }.render(),
        EnrollView::Done { added } => {
            let mut ways: Vec<&str> = added.iter().map(String::as_str).collect();
            let codes = chrome.say("new-codes");
            if enrollment.added().contains(&Added::Codes) {
                ways.push(&codes);
            }
            let back = LeadsBack::of(enrollment);
            let application = back.as_ref().map(|back| back.application.as_str());
            let devices = matches!(enrollment.origin(), Origin::Portal { .. }).then_some("/portal");
            Done { chrome, visit, ways: &ways, application, devices }.render()
        }
        EnrollView::Refused(not) => return refusal(visitor, enrollment, why_not(not), Some(&not.reference)),
    };
    Page(page).into_response()
}

fn shown(ways: &[NewFactor]) -> Vec<NewWay> {
    ways.iter().copied().map(way).collect()
}

fn way(factor: NewFactor) -> NewWay {
    match factor {
        NewFactor::Phone => NewWay::Phone,
        NewFactor::Key(Wanted::Platform) => NewWay::Platform,
        NewFactor::Key(Wanted::SecurityKey) => NewWay::SecurityKey,
        NewFactor::Key(Wanted::Passkey) => NewWay::Passkey,
        NewFactor::Number => NewWay::Number,
        NewFactor::Codes => NewWay::Codes,
    }
}

/// Why what the browser made was not accepted, and the way to try again.
pub(super) fn not_saved(visitor: &Visitor, enrollment: &Enrollment, why: NotSaved) -> Response {
    let (base, token) = (page_of(enrollment.id()), enrollment.step_token());
    let options = format!("{base}/options");
    let other = Go::Post { url: &options, token: &token, fields: &[] };
    let doors = Doors { again: Some(Go::To(&base)), other: Some(other), ..Doors::default() };
    let why = match why {
        NotSaved::Wrong => Why::PasskeyNotSaved,
        NotSaved::Known => Why::PasskeyKnown,
        NotSaved::Model => Why::PasskeyModel,
    };
    (StatusCode::FORBIDDEN, visitor.refusal_with(why, doors, None)).into_response()
}

/// Why `enrollment` does not go on, with the way to whatever may help: another look at it where that begins anew, or the application that it is in the middle of.
pub(super) fn refusal(visitor: &Visitor, enrollment: &Enrollment, why: Why, reference: Option<&str>) -> Response {
    let (page, back) = (page_of(enrollment.id()), LeadsBack::of(enrollment));
    let application = back.as_ref().and_then(|back| origin_of(&back.asked.redirect_uri));
    let doors = Doors { again: again(why, &page), application: application.as_deref(), ..Doors::default() };
    (StatusCode::FORBIDDEN, visitor.refusal_with(why, doors, reference)).into_response()
}

/// Where it can be tried once more, where that may help.
fn again(why: Why, page: &str) -> Option<Go<'_>> {
    match why {
        Why::SignInAgain | Why::StrongerFactor => Some(Go::To("/portal/again")),
        Why::ActivationMismatch | Why::Network | Why::Location | Why::AnonymousNetwork => Some(Go::To(page)),
        _ => None,
    }
}

/// Recovery codes, shown this once.
pub(super) async fn codes(app: &App, visitor: &Visitor, enrollment: &Enrollment, made: &[PlainCode]) -> Response {
    let (kept, token) = (format!("{}/kept", page_of(enrollment.id())), enrollment.step_token());
    let user = enrollment.username();
    codes_page(look(app, visitor, enrollment).await.chrome(), &kept, &token, user, made)
}

async fn look<'a>(app: &App, visitor: &Visitor, enrollment: &'a Enrollment) -> Look<'a> {
    visitor.look_of(app, enrollment.account(), enrollment.username(), UsernameNormalization::None).await
}

/// The same for whoever else gives some out.
pub(crate) fn codes_page(chrome: Chrome<'_>, kept: &str, token: &str, user: &str, made: &[PlainCode]) -> Response {
    let grouped: Vec<String> = made.iter().map(|code| grouped(code.expose())).collect();
    let codes: Vec<&str> = grouped.iter().map(String::as_str).collect();
    Page(Codes { chrome, kept, token, user, codes: &codes }.render()).into_response()
}

/// Why somebody does not enroll.
pub(crate) fn why_not(not: &NotNow) -> Why {
    match not.why {
        WhyNot::Rule(EnrollRefusal::NotActive) => Why::Disabled,
        WhyNot::Rule(EnrollRefusal::HasFactor) => Why::LinkUsed,
        WhyNot::Rule(EnrollRefusal::Inactive) => Why::Denied,
        WhyNot::Rule(EnrollRefusal::Stale) => Why::SignInAgain,
        WhyNot::Rule(EnrollRefusal::TooWeak) => Why::StrongerFactor,
        WhyNot::Policy(reason) => Why::of_reason(reason.as_str()).unwrap_or(Why::Denied),
        WhyNot::Link(LinkState::Used) => Why::LinkUsed,
        WhyNot::Link(LinkState::Expired) => Why::LinkExpired,
        WhyNot::Link(LinkState::Replaced | LinkState::Good) => Why::LinkUnknown,
    }
}

/// The link that a phone opens, and its picture.
fn activation(app: &App, code: &str) -> Option<(String, String)> {
    let host = app.engine().authenticator_origin().trim_start_matches("https://");
    let link = ActivationLink::new(code.parse::<ActivationCode>().ok()?, host).ok()?.to_link();
    let picture = BASE64.encode(qr_svg(&link)?.as_bytes());
    Some((link, format!("data:image/svg+xml;base64,{picture}")))
}

/// Three by three, to be read aloud and typed. Spaces are ignored where codes are typed.
fn grouped(code: &str) -> String {
    let digits: Vec<char> = code.chars().collect();
    digits.chunks(3).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
