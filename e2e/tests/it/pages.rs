//! Every page that people see, in every language, in a real browser: for everyone's use (axe), on a narrow phone, in large letters, light and dark.

use cs_pages::{Assets, Brand, CONTENT_SECURITY_POLICY, Language, Rgb, examples};
use e2e::Files;
use e2e::browser::{Browser, Page};
use serde_json::{Value as Json, json};

/// What the rules of WCAG 2.2 AA find fault with: rule, element, why.
const AXE: &str = "const axeFaults = (runOnly) => axe.run(document, { runOnly, resultTypes: ['violations'] }).then((found) =>
    found.violations.flatMap((rule) => rule.nodes.map((node) => [rule.id, node.html.slice(0, 160), node.failureSummary].join(' | '))));";

/// What sticks out on the right.
const WIDE: &str = "const wide = () => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
    ['the page is too wide', ...[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && !e.closest('.unseen')
    && e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).map((e) => e.outerHTML.slice(0, 120))];";

const EVERYTHING: &str =
    "{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }";

/// Shows one page after the other in the place of the first: what scripts and headers do is seen with the pages in English.
const SHOW: &str = "const show = async (name) => {
    const next = new DOMParser().parseFromString(await (await fetch(name)).text(), 'text/html');
    document.documentElement.lang = next.documentElement.lang;
    document.title = next.title;
    document.body.replaceWith(next.body);
};
// Pages of one build and different words: what axe says of one holds for the other.
const build = () => document.documentElement.lang + [...document.body.querySelectorAll('*')].map((e) =>
    [e.tagName, e.className, ...e.getAttributeNames()].join()).join(';');
window.seen ??= new Set();
const isNew = () => { const before = seen.size; return seen.add(build()).size > before; };";

#[test]
fn every_page_in_every_language_is_for_everyone_and_fits_a_narrow_phone() {
    let files = Files::serve();
    let names = serve(&files);
    let browser = Browser::start(&[]);
    let page = browser.page();
    page.size(360, 740, true);
    bring_axe(&page);
    for scheme in ["light", "dark"] {
        page.prefers(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]);
        page.open(&files.at("/stage"));
        // Colours are all that differs in the dark.
        let rules = if scheme == "light" { EVERYTHING } else { "['color-contrast']" };
        let mut faults = Vec::new();
        for some in names.chunks(50) {
            let script = format!(
                "{AXE} {WIDE} {SHOW} (async () => {{
                    const faults = [];
                    for (const name of {}) {{
                        await show(name);
                        const found = [...(isNew() ? await axeFaults({rules}) : []), ...wide()];
                        document.documentElement.style.fontSize = '200%';
                        found.push(...wide().map((words) => 'in large letters: ' + words));
                        document.documentElement.style.fontSize = '';
                        faults.push(...found.map((words) => name + ': ' + words));
                    }}
                    return faults;
                }})()",
                serde_json::to_string(some).unwrap(),
            );
            faults
                .extend(page.eval(&script).as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned()));
        }
        assert!(faults.is_empty(), "{} faults, {scheme}:\n{}", faults.len(), faults.join("\n"));
    }
}

#[test]
fn every_page_loads_without_a_complaint_and_from_nowhere_else() {
    let files = Files::serve();
    let names = serve(&files);
    let browser = Browser::start(&[]);
    let page = browser.page();
    for name in names.iter().filter(|name| name.starts_with("/en/")) {
        page.open(&files.at(name));
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
    let elsewhere: Vec<_> = page
        .requests()
        .into_iter()
        .filter(|url| !url.starts_with(files.origin()) && !url.starts_with("data:"))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

/// Duo's documentation made the frame 330 high and 304 to 620 wide: what is to be pressed must be in it, and on a desk what is said then.
#[test]
fn what_counts_in_the_frame_of_an_old_application_is_seen_without_scrolling() {
    let files = Files::serve();
    serve(&files);
    let browser = Browser::start(&[]);
    let page = browser.page();
    let seen = |page: &Page, selector: &str, name: &str| {
        let bottom = page.eval(&format!("document.querySelector('{selector}').getBoundingClientRect().bottom"));
        let height = page.eval("innerHeight");
        assert!(
            bottom.as_f64().unwrap() <= height.as_f64().unwrap(),
            "{name}: {selector} ends at {bottom} of {height}"
        );
    };
    for language in Language::ALL {
        let name = format!("/{}/framed-start", language.tag());
        for (width, height, says) in [(620, 330, true), (420, 330, false), (304, 330, false)] {
            page.size(width, height, false);
            page.open(&files.at(&name));
            seen(&page, "[data-open]", &name);
            for state in ["blocked", "waiting"].into_iter().filter(|_| says) {
                page.eval(&format!(
                    "{{ const s = document.querySelector('[data-state]'); s.textContent = s.dataset.{state}; 0 }}"
                ));
                seen(&page, "[data-state]", &name);
            }
        }
    }
}

#[test]
fn any_colour_of_an_organisation_can_be_read() {
    let files = Files::serve();
    serve(&files);
    let browser = Browser::start(&[]);
    let page = browser.page();
    bring_axe(&page);
    for (accent, ground) in
        [("#ffe000", "#ffffff"), ("#000000", "#000000"), ("#ff0000", "#00ff88"), ("#7f7f7f", "#7f7f7f")]
    {
        let brand = Brand { accent: Rgb::parse(accent), ground: Rgb::parse(ground), background: None };
        files.put("/brand.css", "text/css", &[], brand.stylesheet());
        for scheme in ["light", "dark"] {
            page.prefers(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]);
            for name in
                ["/en/options", "/en/push-slow", "/en/why-locked_out", "/en/enroll-choose", "/en/portal-devices"]
            {
                page.open(&files.at(name));
                page.eval(
                    "new Promise((done) => { const link = document.createElement('link'); link.rel = 'stylesheet'; link.href = '/brand.css'; \
                     link.onload = () => done(1); document.head.append(link); })",
                );
                let found = page.eval(&format!("{AXE} axeFaults(['color-contrast'])"));
                assert_eq!(found, Json::Array(Vec::new()), "{name}, {accent} on {ground}, {scheme}");
            }
        }
    }
}

#[test]
fn a_login_can_be_finished_with_the_keyboard_and_the_focus_is_where_it_goes_on() {
    let files = Files::serve();
    serve(&files);
    let browser = Browser::start(&[]);
    let page = browser.page();
    let focus = "document.activeElement.tagName + '#' + document.activeElement.id";
    page.open(&files.at("/en/passcode"));
    page.wait_until("the field for the code", || page.eval(focus) == "INPUT#passcode");
    page.open(&files.at("/en/push-number"));
    page.wait_until("the headline", || page.eval(focus) == "H1#");
    page.press("Tab");
    assert_eq!(page.eval("document.activeElement.textContent"), "Use a passcode instead");
    page.press("Tab");
    assert_eq!(page.eval("document.activeElement.textContent"), "Other options");
    page.open(&files.at("/en/options"));
    page.press("Tab");
    assert!(page.eval("document.activeElement.textContent").as_str().unwrap().contains("Login request"));
    assert_eq!(page.eval("getComputedStyle(document.activeElement).outlineStyle"), "solid", "the focus is seen");
}

#[test]
fn nothing_moves_while_a_push_is_waited_for() {
    let files = Files::serve();
    serve(&files);
    let browser = Browser::start(&[]);
    let page = browser.page();
    page.size(360, 740, true);
    for name in ["/en/push-number", "/ja/push-plain", "/de/passcode-beside-push"] {
        page.open(&files.at(name));
        // As if eight seconds had gone by, and the phone had fetched the request.
        let shift = page.eval(
            "new Promise((done) => { let sum = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => { sum += e.value; })) \
             .observe({ type: 'layout-shift', buffered: true }); document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime < Infinity).forEach((a) => a.finish()); \
             document.querySelector('[data-slow]')?.classList.add('done'); \
             requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => done(sum)))); })",
        );
        assert!(shift.as_f64().unwrap() < 0.01, "{name} moved by {shift}");
    }
}

/// A vendor, 2023-08-21: a server that has too much to do is not asked all the more. Time is made to run here, and the pauses are written down.
#[test]
fn outage_2023_08_21_a_page_that_waits_asks_a_busy_server_ever_more_rarely() {
    let files = Files::serve();
    serve(&files);
    files.tell(429, r#"{"stat":"FAIL","code":42901}"#);
    let browser = Browser::start(&[]);
    let page = browser.page();
    let quick = "const wait = setTimeout; window.pauses = []; window.setTimeout = (act, time, ...rest) => { pauses.push(time); return wait(act, Math.min(time, 20), ...rest); };";
    page.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": quick }));
    page.open(&files.at("/en/push-number"));
    page.wait_until("long pauses", || page.eval("pauses.filter((time) => time === 8000).length > 1") == true);
    // Beside them the clock on the page, once a second.
    let growing = page.eval("pauses.filter((time) => time > 1000).slice(0, 3).join()");
    assert_eq!(growing, "2000,4000,8000");
    assert_eq!(page.text_of("[data-state]"), "No connection. We keep trying.");
    let loaded = || page.requests().iter().filter(|url| url.ends_with("/en/push-number")).count();
    assert_eq!(loaded(), 1, "nothing was loaded anew");
    files.tell(200, r#"{"waiting":true}"#);
    page.wait_for_text("Waiting for your answer");
    files.tell(200, r#"{"waiting":false}"#);
    page.wait_until("the page to show what came of it", || loaded() > 1);
}

/// WCAG 2.2.1: a page that goes on by itself after a while leaves no time to read it. The page is looked at as it is sent, its way back leading nowhere.
#[test]
fn the_way_back_to_an_application_goes_on_at_once() {
    let files = Files::serve();
    serve(&files);
    let success = examples::all(Language::En).unwrap().into_iter().find(|(name, _)| name == "success").unwrap().1;
    let (before, rest) = success.split_once("; url=").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    let page_of = |before: &str| format!("{before}; url=/nothing\"{after}");
    files.put("/at-once", "text/html; charset=utf-8", &[], page_of(before));
    let late = before.strip_suffix('0').expect("no delay").to_owned() + "3";
    files.put("/late", "text/html; charset=utf-8", &[], page_of(&late));
    let browser = Browser::start(&[]);
    let page = browser.page();
    bring_axe(&page);
    for (path, faults) in [("/at-once", 0), ("/late", 1)] {
        page.open(&files.at(path));
        let found = page.eval(&format!("{AXE} axeFaults({EVERYTHING})"));
        assert_eq!(found.as_array().unwrap().len(), faults, "{path}: {found}");
    }
}

/// Puts every page at `/LANGUAGE/NAME`, as the server sends it, and gives the paths.
#[expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]
fn serve(files: &Files) -> Vec<String> {
    for asset in Assets::built_in().iter() {
        files.put(&asset.path, asset.content_type, &[], asset.content);
    }
    let pixel = "<svg xmlns='http://www.w3.org/2000/svg' width='120' height='40'><path d='M0 0h120v40H0z'/></svg>";
    files.put("/brand/logo.png", "image/svg+xml", &[], pixel);
    files.put(
        "/brand/style.css",
        "text/css",
        &[],
        Brand { accent: Rgb::parse("0a7"), ..Brand::default() }.stylesheet(),
    );
    // Where one page is shown after the other no policy holds: scripts may not write pages anywhere else.
    let stage = format!(
        "<!doctype html><meta name='viewport' content='width=device-width, initial-scale=1'><title>Stage</title><link rel='stylesheet' href='{}'>",
        Assets::built_in().path("style.css")
    );
    files.put("/stage", "text/html", &[], stage);
    let mut names = Vec::new();
    for language in Language::ALL {
        for (name, html) in examples::all(language).unwrap() {
            let path = format!("/{}/{name}", language.tag());
            // Two pages go on by themselves; here they are to be looked at.
            let html = html.replace("http-equiv=\"refresh\"", "name=\"refresh\"").replace("data-begin", "data-look");
            files.put(&path, "text/html; charset=utf-8", &[("content-security-policy", CONTENT_SECURITY_POLICY)], html);
            names.push(path);
        }
    }
    names
}

#[expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]
fn bring_axe(page: &Page) {
    let axe = std::fs::read_to_string(e2e::npm().join("node_modules/axe-core/axe.min.js")).unwrap();
    page.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": axe }));
}
