//! One example of every page, for tests that look at all of them and for people who want to see them.

mod enroll;
mod framed;
mod portal;
mod prompt;
mod refusal;

use askama::Template;

use crate::{Action, Chrome, Help, HelpLink, Language, Notice, NoticeKind, Text};

/// A rendered example: its name and its HTML.
pub type Example = (String, String);

/// Every page in `language`.
pub fn all(language: Language) -> Result<Vec<Example>, askama::Error> {
    written_with(language, Words(None))
}

/// What people and administrators have written: as it usually is, or the same everywhere.
#[derive(Clone, Copy)]
struct Words<'a>(Option<&'a str>);

impl<'a> Words<'a> {
    fn is(self, usual: &'a str) -> &'a str {
        self.0.unwrap_or(usual)
    }
}

fn written_with(language: Language, w: Words<'_>) -> Result<Vec<Example>, askama::Error> {
    let links = [HelpLink { label: w.is("help.example.org"), url: "https://help.example.org/login" }];
    let help = Some(Help { text: w.is("Call 1234, on weekdays from eight to six."), links: &links });
    let chrome = Chrome { help, language_menu: true, ..Chrome::plain(Text(language), w.is("Example Ltd")) };
    let mut pages = prompt::all(chrome, w)?;
    pages.extend(framed::all(chrome, w)?);
    pages.extend(refusal::all(chrome, w)?);
    pages.extend(enroll::all(chrome, w)?);
    pages.extend(portal::all(chrome, w)?);
    pages.extend(notices(chrome)?);
    let branded = Chrome { logo: Some(w.is("/brand/logo.png")), brand: Some(w.is("/brand/style.css")), ..chrome };
    pages.push(("administrator-setup-branded".into(), Notice::administrator_setup(branded)?));
    Ok(pages)
}

fn notices(chrome: Chrome<'_>) -> Result<Vec<Example>, askama::Error> {
    let title = chrome.say("why-error-title");
    let line = chrome.say("why-error");
    let notice = Notice {
        chrome,
        kind: NoticeKind::Bad,
        title: &title,
        lines: &[&line],
        copy: Some("countersign admin administrator set-password owner@example.org"),
        after: &[],
        action: Some(Action::Link { label: &chrome.say("try-again"), url: "https://payroll.example.org/" }),
        reference: Some("4F7A21BC"),
    };
    let post = Action::Post { label: &chrome.say("continue"), url: "/frame/prompt/EXAMPLE/begin", token: "1.EXAMPLE" };
    Ok(vec![
        ("notice".into(), notice.render()?),
        (
            "notice-form".into(),
            Notice { kind: NoticeKind::Info, action: Some(post), copy: None, reference: None, ..notice }.render()?,
        ),
        ("notice-good".into(), Notice { kind: NoticeKind::Good, action: None, copy: None, ..notice }.render()?),
        ("administrator-setup".into(), Notice::administrator_setup(chrome)?),
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
                for forbidden in [" style=", "<style", " on", "javascript:", "<script>"] {
                    let found = html.match_indices(forbidden).any(|(place, _)| is_markup(&html, place));
                    assert!(!found, "{at} holds {forbidden}");
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

    /// Whether `place` is inside of a tag, outside of quotes: an attribute.
    fn is_markup(html: &str, place: usize) -> bool {
        let before = &html[..place];
        let Some(open) = before.rfind('<') else { return false };
        let tag = &before[open..];
        html[place..].starts_with('<') || (!tag.contains('>') && tag.matches('"').count().is_multiple_of(2))
    }

    /// Tags and the names of their attributes, in order: what is left of a page without its words and values.
    fn skeleton(html: &str) -> Vec<String> {
        let mut bones = Vec::new();
        let mut rest = html;
        while let Some(open) = rest.find('<') {
            rest = &rest[open..];
            let mut quoted = false;
            let close = rest.find(|c| {
                quoted ^= c == '"';
                c == '>' && !quoted
            });
            let (tag, after) = rest.split_at(close.unwrap_or(rest.len() - 1) + 1);
            bones.push(tag.split('"').step_by(2).collect());
            rest = after;
        }
        bones
    }

    #[test]
    fn what_people_wrote_is_text_and_never_becomes_markup() {
        let usual = |words: &str| {
            let pages = written_with(Language::En, Words(Some(words))).unwrap();
            pages.into_iter().map(|(name, html)| (name, skeleton(&html))).collect::<Vec<_>>()
        };
        let harmless = usual("x");
        const PIECES: &[&str] = &[
            "<", ">", "\"", "'", "&", "=", "`", "--", "script", "on", " ", "/", "{{", "}}", "{$a}", "\\", "\n", "日",
            "&lt;",
        ];
        let hostile = "\"><script>alert(1)</script><x onload='";
        proptest::proptest!(proptest::test_runner::Config::with_cases(48), |(chosen in proptest::collection::vec(proptest::sample::select(PIECES), 1..12))| {
            for words in [chosen.concat().as_str(), hostile] {
                for ((name, expected), (_, found)) in harmless.iter().zip(usual(words)) {
                    proptest::prop_assert_eq!(expected, &found, "{} with {:?}", name, words);
                }
            }
        });
    }

    #[test]
    fn a_link_that_is_not_of_the_web_is_not_offered() {
        let links = ["javascript:alert(1)", "data:text/html,x", "//evil.example", "HTTPS://help.example.org"];
        let links = links.map(|url| HelpLink { label: "Help", url });
        let help = Some(Help { text: "Call 1234.", links: &links });
        let chrome = Chrome { help, ..Chrome::plain(Text(Language::En), "Example Ltd") };
        let html = Notice::administrator_setup(chrome).unwrap();
        assert_eq!(html.matches("<p><a href").count(), 1, "{html}");
    }

    #[test]
    fn a_first_load_is_far_below_sixty_kilobytes_even_uncompressed() {
        let assets: usize = Assets::built_in().iter().map(|asset| asset.content.len()).sum();
        for language in Language::ALL {
            for (name, html) in all(language).unwrap() {
                assert!(html.len() + assets < 40_000, "{name} in {}: {}", language.tag(), html.len() + assets);
                // The page itself, its style, its script, in a frame another; a logo and colours come with an organisation that has them.
                let loads = html.matches("<link rel=\"stylesheet\"").count() + html.matches("<script ").count();
                let own = if name.starts_with("framed-") { 3 } else { 2 };
                assert!(loads == own || name.ends_with("branded"), "{name} asks for {loads} files");
            }
        }
    }

    #[test]
    fn every_page_has_one_headline_and_names_are_unique() {
        let mut names = std::collections::BTreeSet::new();
        for (name, html) in all(Language::En).unwrap() {
            assert_eq!(html.matches("<h1").count(), 1, "{name}");
            assert_eq!(html.matches("<main").count(), 1, "{name}");
            assert!(html.matches(" autofocus").count() <= 1, "{name}");
            assert!(names.insert(name.clone()), "{name} twice");
        }
        assert!(names.len() > 100, "{}", names.len());
    }
}
