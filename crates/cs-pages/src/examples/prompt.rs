//! A login, step by step.

use askama::Template;

use super::{Example, Words};
use crate::Chrome;
use crate::prompt::{
    Call, Checking, CodeError, Key, Method, Options, Passcode, PasscodeSources, Passkey, Push, Sent, Step, Success,
    Trust, Waiting, Way,
};

pub(super) fn all(chrome: Chrome<'_>, w: Words<'_>) -> Result<Vec<Example>, askama::Error> {
    let step = Step {
        base: w.is("/frame/prompt/EXAMPLE"),
        token: w.is("1.EXAMPLE"),
        application: w.is("Payroll & Holidays"),
        user: w.is("alice"),
    };
    let phone = Way { method: Method::Push, device: w.is("DPEXAMPLE"), name: w.is("Pixel 9 (…0199)") };
    let ways: Vec<_> = Method::ALL
        .into_iter()
        .map(|method| match method {
            Method::Push | Method::Sms | Method::Call => Way { method, ..phone },
            Method::Passcode | Method::SecurityKey | Method::Platform | Method::Bypass => {
                Way { method, device: "", name: "" }
            }
        })
        .collect();
    let sources = PasscodeSources { authenticator: true, token: true, bypass: false };
    let bypass = PasscodeSources { bypass: true, ..PasscodeSources::default() };
    let push = Push {
        chrome,
        step,
        device: phone.name,
        number: Some(w.is("407 182")),
        seconds: 60,
        seen: false,
        here: None,
        passcode: true,
        options: true,
    };
    let code = Passcode { chrome, step, sources, sent: None, push: None, error: None, options: true };
    let nobody = Step { user: "", ..step };
    let passkey = Passkey {
        chrome,
        step: nobody,
        request: w.is("{\"challenge\":\"AA\"}"),
        refused: None,
        back: Some("https://payroll.example.org"),
    };
    let key = Key { chrome, step, request: w.is("{\"challenge\":\"AA\"}"), platform: false, options: true };
    let success = Success {
        chrome,
        application: step.application,
        redirect: w.is("https://payroll.example.org/callback?state=1"),
    };
    let mut pages = vec![
        ("checking".into(), Checking { chrome, step }.render()?),
        ("push-number".into(), push.render()?),
        ("push-seen".into(), Push { seen: true, seconds: 31, ..push }.render()?),
        ("push-slow".into(), Push { seconds: 44, ..push }.render()?),
        (
            "push-here".into(),
            Push { here: Some(w.is("https://authenticator.example.org/")), number: None, ..push }.render()?,
        ),
        ("push-plain".into(), Push { number: None, options: false, passcode: false, ..push }.render()?),
        ("call".into(), Call { chrome, step, device: phone.name, seconds: 60, options: true }.render()?),
        ("passcode".into(), code.render()?),
        (
            "passcode-beside-push".into(),
            Passcode { push: Some(Waiting { number: push.number, seconds: 40 }), ..code }.render()?,
        ),
        (
            "passcode-sent".into(),
            Passcode { sent: Some(Sent { device: phone.device, name: w.is("…0199") }), ..code }.render()?,
        ),
        ("passcode-bypass".into(), Passcode { sources: bypass, options: false, ..code }.render()?),
        ("security-key".into(), key.render()?),
        ("passkey".into(), passkey.render()?),
        ("passkey-refused".into(), Passkey { refused: Some(w.is("4F7A21BC")), back: None, ..passkey }.render()?),
        ("platform".into(), Key { platform: true, options: false, ..key }.render()?),
        ("options".into(), Options { chrome, step, ways: &ways, manage: Some(w.is("/portal")) }.render()?),
        ("trust".into(), Trust { chrome, step, days: 30 }.render()?),
        ("success".into(), success.render()?),
    ];
    let wrong = CodeError { left: None, reference: w.is("4F7A21BC"), not_sent: false };
    pages.push(("passcode-wrong".into(), Passcode { error: Some(wrong), ..code }.render()?));
    let not_sent = CodeError { not_sent: true, ..wrong };
    let sent = Some(Sent { device: phone.device, name: w.is("…0199") });
    pages.push(("passcode-not-sent".into(), Passcode { error: Some(not_sent), sent, ..code }.render()?));
    let last = CodeError { left: Some(3), ..wrong };
    pages.push(("bypass-wrong".into(), Passcode { error: Some(last), sources: bypass, ..code }.render()?));
    for (name, authenticator, token) in [("app", true, false), ("token", false, true)] {
        let sources = PasscodeSources { authenticator, token, bypass: false };
        pages.push((format!("passcode-from-{name}"), Passcode { sources, ..code }.render()?));
    }
    Ok(pages)
}
