//! One example of every page, for tests that look at all of them and for people who want to see them.

use crate::prompt::{
    Again, Checking, Key, Method, Options, Passcode, PasscodeSources, Push, Step, Success, Trust, Way,
};
use crate::{Action, Chrome, Help, HelpLink, Language, Notice, NoticeKind, Template, Text};

/// The name and the HTML of each page in `language`.
pub fn all(language: Language) -> Result<Vec<(&'static str, String)>, askama::Error> {
    let links = [HelpLink { label: "help.example.org", url: "https://help.example.org/login" }];
    let chrome = Chrome {
        text: Text(language),
        account: "Example Ltd",
        logo: None,
        brand: None,
        help: Some(Help { text: "Call 1234, on weekdays from eight to six.", links: &links }),
        language_menu: true,
    };
    let step = Step { base: "/frame/prompt/EXAMPLE", token: "1.EXAMPLE", application: "Payroll & Holidays" };
    let phone = Way { method: Method::Push, device: "DPEXAMPLE", name: "Pixel 9 (…0199)" };
    let ways = [
        Way { method: Method::Platform, device: "", name: "" },
        Way { method: Method::SecurityKey, device: "", name: "" },
        phone,
        Way { method: Method::Passcode, device: "", name: "" },
        Way { method: Method::Bypass, device: "", name: "" },
    ];
    let sources = PasscodeSources { authenticator: true, token: true, bypass: false };
    let push =
        Push { chrome, step, device: phone.name, number: Some("407 182"), seconds: 60, passcode: true, options: true };
    let code = Passcode { chrome, step, sources, error: None, options: true };
    let wrong = chrome.text.say_count("tries-left", 3);
    let notice = Notice {
        chrome,
        kind: NoticeKind::Bad,
        title: &chrome.say("again-title"),
        lines: &[&wrong],
        copy: Some("countersign admin administrator set-password owner@example.org"),
        after: &[],
        action: Some(Action::Link { label: &chrome.say("try-again"), url: "https://payroll.example.org/" }),
        reference: Some("4F7A21BC"),
    };
    let post = Action::Post { label: &chrome.say("continue"), url: "/frame/prompt/EXAMPLE/begin", token: "1.EXAMPLE" };
    Ok(vec![
        ("checking", Checking { chrome, step }.render()?),
        ("push-number", push.render()?),
        ("push-plain", Push { number: None, options: false, passcode: false, ..push }.render()?),
        ("passcode", code.render()?),
        (
            "passcode-wrong",
            Passcode { error: Some(&wrong), sources: PasscodeSources::default(), options: false, ..code }.render()?,
        ),
        (
            "security-key",
            Key { chrome, step, request: "{\"challenge\":\"AA\"}", platform: false, options: true }.render()?,
        ),
        ("platform", Key { chrome, step, request: "{\"challenge\":\"AA\"}", platform: true, options: false }.render()?),
        ("options", Options { chrome, step, ways: &ways, manage: Some("/portal") }.render()?),
        ("again", Again { chrome, step, message: &wrong, way: phone, options: true, reference: "4F7A21BC" }.render()?),
        ("trust", Trust { chrome, step, days: 30 }.render()?),
        (
            "success",
            Success { chrome, application: step.application, redirect: "https://payroll.example.org/callback?state=1" }
                .render()?,
        ),
        ("notice", notice.render()?),
        (
            "notice-form",
            Notice { kind: NoticeKind::Info, action: Some(post), copy: None, reference: None, ..notice }.render()?,
        ),
        ("administrator-setup", Notice::administrator_setup(chrome)?),
        ("activation", Notice::activation(chrome)?),
        ("notice-good", Notice { kind: NoticeKind::Good, action: None, copy: None, ..notice }.render()?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Assets;

    #[test]
    fn no_page_lacks_a_text_or_loads_what_is_not_served_or_holds_script_or_style() {
        for language in Language::ALL {
            for (name, html) in all(language).unwrap() {
                let at = format!("{name} in {}", language.tag());
                assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())), "{at}");
                assert!(!html.contains("Unknown localization"), "{at}: {html}");
                assert!(!html.contains('\u{2068}') && !html.contains("{ $"), "{at}");
                for forbidden in ["style=", "<style", "onclick", "javascript:", "<script>"] {
                    assert!(!html.contains(forbidden), "{at} holds {forbidden}");
                }
                for link in ["href=\"/assets/", "src=\"/assets/"] {
                    for rest in html.split(link).skip(1) {
                        let path = format!("/assets/{}", rest.split('"').next().unwrap());
                        assert!(Assets::built_in().at(&path).is_some(), "{at} loads {path}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_administrators_and_users_wrote_is_text_and_no_markup() {
        let hostile = "\"><script>alert(1)</script>";
        let chrome = Chrome {
            text: Text(Language::En),
            account: hostile,
            logo: Some(hostile),
            brand: None,
            help: None,
            language_menu: true,
        };
        let step = Step { base: "/frame/x", token: hostile, application: hostile };
        let page = Push { chrome, step, device: hostile, number: None, seconds: 60, passcode: true, options: true };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>alert"), "{html}");
    }

    #[test]
    fn a_page_is_small() {
        for asset in Assets::built_in().iter() {
            assert!(asset.content.len() < 12_000, "{}", asset.path);
        }
        for (name, html) in all(Language::Ja).unwrap() {
            assert!(html.len() < 8_000, "{name}: {}", html.len());
        }
    }
}
