//! What the pages show: the engine's view in `cs-pages`' words.

use cs_core::login::DenyReason;
use cs_core::prompt::{Failure, Means};
use cs_engine::prompt::{NamedWay, Prompt, Seen, View};
use cs_pages::framed::HandOver;
use cs_pages::prompt::{
    Call, Checking, CodeError, Key, Method, Options, Passcode, PasscodeSources, Passkey, Push, Sent, Step, Success,
    Trust, Waiting, Way,
};
use cs_pages::{Doors, Go, Outdated, Refusal, RenderError, Template as _, Why};
use cs_wire::oidc::RedirectUri;
use jiff::Timestamp;

use super::session::page_of;
use super::update::updating;
use crate::http::{Look, Page};

/// The page that shows `view`. `authenticator` is the origin of the authenticator that this very device may hold; `request_id` is what the server's own log knows this
/// request as, for pages about what no login's entry tells.
pub(super) fn render(
    prompt: &Prompt,
    view: &View,
    look: &Look<'_>,
    authenticator: Option<&str>,
    request_id: &str,
    now: Timestamp,
) -> Page {
    Page(html(prompt, view, look, authenticator, request_id, now))
}

fn html(
    prompt: &Prompt,
    view: &View,
    look: &Look<'_>,
    authenticator: Option<&str>,
    request_id: &str,
    now: Timestamp,
) -> Result<String, RenderError> {
    let caller = prompt.caller();
    let chrome = look.chrome();
    let (base, token) = (page_of(prompt.id()), prompt.step_token());
    let manage = manage_of(prompt);
    let manage = manage.as_deref();
    let asked = prompt.asked();
    let application = caller.integration.name.as_str();
    let step = Step { base: &base, token: &token, application, user: &asked.username };
    let redirect = RedirectUri::parse(&asked.redirect_uri).ok();
    let post_options = format!("{base}/options");
    let other = Go::Post { url: &post_options, token: &token, fields: &[] };
    let back = redirect.as_ref().map(RedirectUri::origin);
    let refusal = |why, doors, minutes, reference| {
        Refusal { chrome, why, application: Some(application), doors, minutes, how: None, reference }.render()
    };
    match view {
        View::Checking => Checking { chrome, step }.render(),
        View::Outdated(old) => {
            let begin = format!("{base}/begin");
            let (how, update) = updating(old.software);
            let skip = Go::Post { url: &begin, token: &token, fields: &[] };
            Outdated { chrome, software: &old.name, how, update, days: old.days, skip }.render()
        }
        View::Push { device, number, seconds, seen, passcode, options } => {
            let number = number.as_deref().map(grouped);
            let (number, seconds, passcode, options) = (number.as_deref(), *seconds, *passcode, *options);
            let push = prompt.state().live_push();
            let here = authenticator
                .zip(push)
                .map(|(origin, push)| format!("{origin}/#/request/{}/{}", push.txid, prompt.id()));
            let here = here.as_deref();
            let seen = *seen == Seen::Yes;
            Push { chrome, step, device, number, seconds, seen, here, passcode, options }.render()
        }
        View::Call { device, seconds, options } => {
            Call { chrome, step, device, seconds: *seconds, options: *options }.render()
        }
        View::Passcode { sources, sent, wrong, left, push, options } => {
            let number = push.as_ref().and_then(|(number, _)| number.as_deref().map(grouped));
            let push = push.as_ref().map(|(_, seconds)| Waiting { number: number.as_deref(), seconds: *seconds });
            let sources =
                PasscodeSources { authenticator: sources.authenticator, token: sources.token, bypass: sources.bypass };
            let left = left.and_then(|left| usize::try_from(left).ok());
            let error = wrong.as_ref().map(|failure| CodeError {
                left,
                reference: &failure.reference,
                not_sent: failure.reason == DenyReason::TelephonyLimit,
            });
            let id = sent.as_ref().map(|(phone, _)| phone.to_string()).unwrap_or_default();
            let sent = sent.as_ref().map(|(_, name)| Sent { device: &id, name });
            Passcode { chrome, step, sources, sent, push, error, options: *options }.render()
        }
        View::Passkey { request, wrong } => {
            let (refused, back) = (
                wrong.as_ref().map(|failure| failure.reference.as_str()),
                back.filter(|_| !caller.integration.kind.is_portal()),
            );
            Passkey { chrome, step, request, refused, back }.render()
        }
        View::Options { ways } => {
            let named: Vec<Way<'_>> = ways.iter().filter_map(shown).collect();
            Options { chrome, step, ways: &named, manage }.render()
        }
        View::NoWay { in_another_browser: true } => {
            let doors = Doors { application: back, ..Doors::default() };
            refusal(Why::BrowserUnsupported, doors, None, Some(request_id))
        }
        View::NoWay { in_another_browser: false } => {
            let doors = Doors { manage, application: back, ..Doors::default() };
            refusal(Why::NoOptions, doors, None, Some(request_id))
        }
        View::Again { failure, way, options } => {
            let post_choose = format!("{base}/choose");
            let device = device(way);
            let fields = [("method", way.way.means.as_str()), ("device", device.as_str())];
            let again = Go::Post { url: &post_choose, token: &token, fields: &fields };
            let doors =
                Doors { again: Some(again), other: options.then_some(other), application: back, ..Doors::default() };
            refusal(why(failure), doors, None, Some(&failure.reference))
        }
        // Keys that were there a moment ago are not any more.
        View::Key { request, .. } if request.is_empty() => {
            let doors = Doors { other: Some(other), application: back, ..Doors::default() };
            refusal(Why::NoOptions, doors, None, Some(request_id))
        }
        View::Key { means, request, options } => {
            let (platform, options) = (*means == Means::Platform, *options);
            Key { chrome, step, request, platform, options }.render()
        }
        View::Trust { days } => Trust { chrome, step, days: *days }.render(),
        View::Done { code } if asked.frame.is_some() => HandOver { chrome, application, code }.render(),
        View::Done { code } => match &redirect {
            Some(redirect) => {
                let target = redirect.with(&[(&asked.code_name, code), ("state", &asked.state)]);
                Success { chrome, application, redirect: &target }.render()
            }
            // Checked when the login began: what is kept is not what was checked.
            None => refusal(Why::Service, Doors::default(), None, Some(request_id)),
        },
        // In the portal there is nothing to enroll for that is not there already.
        View::MustEnroll { failure } if caller.integration.kind.is_portal() => {
            let doors = Doors { application: back, ..Doors::default() };
            refusal(Why::NotEnrolled, doors, None, Some(&failure.reference))
        }
        View::MustEnroll { failure } => {
            let enroll = format!("/enroll/from/{}", prompt.id());
            let doors = Doors { enroll: Some(Go::To(&enroll)), application: back, ..Doors::default() };
            refusal(Why::EnrollmentNeeded, doors, None, Some(&failure.reference))
        }
        View::Refused { failure, until, old } => {
            // Whoever has a factor that is too little here may add another one: the portal asks for it first.
            let manage = manage.filter(|_| may_add_with_another(failure.reason));
            let (how, update) = old.as_ref().map_or((None, None), |old| updating(old.software));
            let doors = Doors { manage, update, application: back, ..Doors::default() };
            let minutes =
                until.map(|until| usize::try_from(until.duration_since(now).as_secs()).unwrap_or(0).div_ceil(60));
            let (why, application, reference) = (why(failure), Some(application), Some(failure.reference.as_str()));
            Refusal { chrome, why, application, doors, minutes, how, reference }.render()
        }
        View::Expired => {
            let doors = Doors { application: back, ..Doors::default() };
            refusal(Why::SessionTimedOut, doors, None, Some(request_id))
        }
    }
}

/// Whether somebody refused for `reason` has a factor, only none that is good enough here.
pub(super) const fn may_add_with_another(reason: DenyReason) -> bool {
    matches!(reason, DenyReason::FactorRestricted | DenyReason::NoActivatedDuoMobileAccount)
}

/// Where the person's devices are looked after, if the application offers it; not from there itself.
fn manage_of(prompt: &Prompt) -> Option<String> {
    let integration = &prompt.caller().integration;
    (integration.self_service && !integration.kind.is_portal()).then(|| format!("/portal/from/{}", prompt.id()))
}

/// Where an application is that gets its browsers back at `redirect_uri`.
pub(crate) fn origin_of(redirect_uri: &str) -> Option<String> {
    RedirectUri::parse(redirect_uri).ok().map(|uri| uri.origin().to_owned())
}

/// What a denial means to the person.
pub(crate) fn why(failure: &Failure) -> Why {
    Why::of_reason(failure.reason.as_str()).unwrap_or(Why::Denied)
}

fn shown(way: &NamedWay) -> Option<Way<'_>> {
    let method = Method::parse(way.way.means.as_str())?;
    let device = way.way.phone.as_ref().map(|phone| phone.as_str()).unwrap_or_default();
    Some(Way { method, device, name: &way.name })
}

fn device(way: &NamedWay) -> String {
    way.way.phone.filter(|_| way.way.means.names_a_phone()).map(|phone| phone.to_string()).unwrap_or_default()
}

/// Digits in groups that can be read at a glance: three by three, four as two and two.
fn grouped(number: &str) -> String {
    let size = if number.len() == 4 || number.len() == 8 { 4 } else { 3 };
    let size = if number.len() == 4 { 2 } else { size };
    let digits: Vec<char> = number.chars().collect();
    digits.chunks(size).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join("\u{2009}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_to_be_read() {
        for (number, shown) in [
            ("12", "12"),
            ("123", "123"),
            ("1234", "12 34"),
            ("123456", "123 456"),
            ("12345", "123 45"),
            ("12345678", "1234 5678"),
        ] {
            assert_eq!(grouped(number).replace('\u{2009}', " "), shown);
        }
    }
}
