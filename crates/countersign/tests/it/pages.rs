//! What pages carry beside their words.

use cs_core::login::DenyReason;
use cs_pages::Why;
use cs_testkit::{Browser, Page, Site};
use data_encoding::BASE64;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use serde_json::{Value as Json, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_in_the_readers_language_and_loads_only_what_is_served() {
    let site = Site::start().await;
    let german = site.auth_api().unsigned("/panel/setup?lang=de").await;
    let policy = german.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(german.headers[CACHE_CONTROL], "no-store");
    let html = String::from_utf8(german.body).unwrap();
    assert!(html.contains("<html lang=\"de\">") && html.contains("Administratorkonto"), "{html}");

    let style =
        html.split("href=\"").find_map(|rest| rest.split('"').next().filter(|to| to.ends_with(".css"))).unwrap();
    let style = site.auth_api().unsigned(style).await;
    assert_eq!(style.status, 200);
    assert!(style.headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(site.auth_api().unsigned("/assets/style.AAAAAAAAAAAAA.css").await.status, 404);
    let nonsense = site.auth_api().unsigned("/panel/setup?lang=%22%3E%3Cscript").await;
    assert!(String::from_utf8(nonsense.body).unwrap().contains("<html lang=\"en\">"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_bear_the_organisations_look_and_offer_its_help() {
    let site = Site::start().await;
    let admin = site.admin_api();
    let look = [("card_accent_color", "#FFE000"), ("logo", &BASE64.encode(&png()))];
    let shown = admin.post("/admin/v1/branding", &look).await.response();
    assert_eq!((&shown["card_accent_color"], &shown["page_background_color"]), (&json!("#ffe000"), &Json::Null));
    assert_eq!(shown["logo"], json!(BASE64.encode(&png())));
    for (locale, text) in [("en_US", "Call 1234."), ("de_DE", "Rufen Sie 1234 an. <b>")] {
        let help = [("locale", locale), ("help_text", text), ("help_links", "https://help.example.org/login")];
        assert_eq!(admin.post("/admin/v1/branding/custom_messaging", &help).await.response()["help_text"], json!(text));
    }

    let page = |lang: &'static str| {
        let api = site.auth_api();
        async move { String::from_utf8(api.unsigned(&format!("/panel/setup?lang={lang}")).await.body).unwrap() }
    };
    let german = page("de").await;
    assert!(
        german.contains("Rufen Sie 1234 an. &#60;b&#62;") && german.contains(">help.example.org/login</a>"),
        "{german}"
    );
    assert!(page("ja").await.contains("Call 1234."), "the first language written is for all others");

    let brand = german.split('"').find(|part| part.starts_with("/brand/") && part.ends_with(".css")).unwrap();
    let style = site.auth_api().unsigned(brand).await;
    assert!(style.headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    let style = String::from_utf8(style.body).unwrap();
    assert!(
        style.contains("--brand:#ffe000;--on-brand:#000000") && style.contains("prefers-color-scheme:dark"),
        "{style}"
    );
    let logo = german.split('"').find(|part| part.ends_with("/logo.png")).unwrap();
    assert_eq!(site.auth_api().unsigned(logo).await.body, png());
    assert_eq!(site.auth_api().unsigned("/brand/0000000000000000/logo.png").await.status, 404);

    // Taken back one by one.
    let shown = admin.post("/admin/v1/branding", &[("card_accent_color", ""), ("logo", "")]).await.response();
    assert_eq!((&shown["card_accent_color"], &shown["logo"]), (&Json::Null, &Json::Null));
    admin.post("/admin/v1/branding/custom_messaging", &[("locale", "en_US"), ("help_text", "")]).await.response();
    let plain = page("ja").await;
    assert!(!plain.contains("/brand/") && plain.contains("Rufen Sie 1234 an."), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_look_is_the_same_in_a_login_in_enrollment_in_self_service_and_where_somebody_is_refused() {
    let site = Site::start().await;
    let admin = site.admin_api();
    admin.post("/admin/v1/branding", &[("card_accent_color", "#ffe000"), ("logo", &BASE64.encode(&png()))]).await;
    admin.post("/admin/v1/branding/custom_messaging", &[("locale", "en_US"), ("help_text", "Call 1234.")]).await;
    let (app, alice) = (site.web_app().await, site.user("alice").await);
    let phone = alice.phone().await;
    let mut browser = Browser::new(&site);
    let mut seen: Vec<(&str, Page)> = Vec::new();

    let begun = browser.open(&app.authorize_path("alice")).await;
    let portal = format!("/portal/from/{}", begun.path.rsplit_once('/').unwrap().1);
    seen.push(("the prompt", begun));
    let asked = browser.open(&portal).await;
    let waits = browser.submit(&asked, "begin", &[("facts", "")]).await;
    let typing = browser.submit(&waits, "choose", &[("method", "passcode")]).await;
    let wrong = browser.submit(&typing, "passcode", &[("passcode", "000000")]).await;
    let done = browser.submit(&wrong, "passcode", &[("passcode", &phone.passcode())]).await;
    seen.push(("a wrong code", wrong));
    let enter = done.redirect();
    let home = browser.open(enter.strip_prefix(&format!("https://{}", site.auth_api().authority())).unwrap()).await;
    seen.push(("self-service", home));
    for path in ["/portal/logins", "/portal/browsers", "/portal/codes"] {
        seen.push((path, browser.open(path).await));
    }
    seen.push(("a device more", browser.open("/portal/add").await));
    let link = admin.post("/admin/v1/users/enroll", &[("username", "bob"), ("email", "bob@example.org")]).await;
    let link = link.response().as_str().unwrap().replace(&format!("https://{}", site.auth_api().authority()), "");
    let choice = Browser::new(&site).open(&link).await;
    assert!(choice.posts_to("choose"), "{}", choice.html);
    seen.push(("enrollment", choice));

    for path in
        ["/enroll/ABCDEFGHJKLMNPQRSTUV", "/portal/enter?duo_code=x&state=y", "/frame/prompt/x", "/enroll/visit/x"]
    {
        let page = Browser::new(&site).open(path).await;
        assert!(page.is_refusal(), "{path}: {}", page.html);
        seen.push((path, page));
    }
    seen.push(("no such client", browser.open("/oauth/v1/authorize?client_id=DIXXXXXXXXXXXXXXXXXX").await));
    for (what, Page { html, .. }) in &seen {
        let own = html.contains("/style.css\"") && html.contains("/logo.png\"") && html.contains("alt=\"Example\"");
        assert!(own && html.contains("Call 1234."), "{what}: {html}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_cannot_be_is_named_and_changes_nothing() {
    let site = Site::start().await;
    let admin = site.admin_api();
    let long = "x".repeat(201);
    for (path, name, value) in [
        ("/admin/v1/branding", "card_accent_color", "red"),
        ("/admin/v1/branding", "page_background_color", "#fff;}body{}"),
        ("/admin/v1/branding", "logo", "R0lGODlh"),
        ("/admin/v1/branding", "background_img", "iVBORw0KGgo="),
        ("/admin/v1/branding/custom_messaging", "help_text", &long),
        ("/admin/v1/branding/custom_messaging", "help_links", "javascript:alert(1)"),
        ("/admin/v1/branding/custom_messaging", "help_links", "https://a.example,https://b.example,https://c.example"),
        ("/admin/v1/branding/custom_messaging", "locale", "xx_XX"),
    ] {
        let answer = admin.post(path, &[("help_text", "ok"), ("card_accent_color", "#123456"), (name, value)]).await;
        let answer = if ["help_text", "card_accent_color"].contains(&name) {
            admin.post(path, &[(name, value)]).await
        } else {
            answer
        };
        assert_eq!((answer.code(), &answer.json()["message_detail"]), (40002, &json!(name)), "{value}");
    }
    let shown = admin.get("/admin/v1/branding", &[]).await.response();
    assert_eq!(
        (&shown["card_accent_color"], &shown["logo"], &shown["background_img"]),
        (&Json::Null, &Json::Null, &Json::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_seen_by_those_who_are_named_until_it_is_published() {
    const DRAFT: &str = "/admin/v1/branding/draft";
    let site = Site::start().await;
    let (admin, app) = (site.admin_api(), site.web_app().await);
    let (alice, _bob) = (site.user("alice").await, site.user("bob").await);
    let seen_by = async |name: &str| Browser::new(&site).open(&app.authorize_path(name)).await.html;
    let style_of = |html: &str| {
        html.split('"').find(|part| part.starts_with("/brand/") && part.ends_with(".css")).map(str::to_owned)
    };

    admin.post("/admin/v1/branding", &[("card_accent_color", "#102030")]).await.response();
    // A draft begins as the pages look, and changes nothing for anybody yet.
    let begun = admin.get(DRAFT, &[]).await.response();
    assert_eq!((&begun["card_accent_color"], &begun["user_ids"]), (&json!("#102030"), &json!([])));
    let picture = png_of(1024, 2_500_000);
    let wide = BASE64.encode(&picture);
    let drafted =
        admin.post(DRAFT, &[("page_background_color", "#405060"), ("background_img", &wide)]).await.response();
    assert_eq!(
        (&drafted["card_accent_color"], &drafted["page_background_color"]),
        (&json!("#102030"), &json!("#405060"))
    );
    assert_eq!(drafted["background_img"], json!(wide));
    assert_eq!(seen_by("alice").await.matches("/brand/").count(), 1);
    let live = style_of(&seen_by("alice").await).unwrap();

    let user = format!("{DRAFT}/users/{}", alice.id);
    assert_eq!(admin.post(&user, &[]).await.response(), json!(""));
    assert_eq!(admin.get(DRAFT, &[]).await.response()["user_ids"], json!([alice.id.to_string()]));
    let (hers, his) = (style_of(&seen_by("Alice").await).unwrap(), style_of(&seen_by("bob").await).unwrap());
    assert_eq!(his, live);
    assert_ne!(hers, live);
    let style = String::from_utf8(site.auth_api().unsigned(&hers).await.body).unwrap();
    let path = style.split_once("url(").unwrap().1.split_once(')').unwrap().0;
    let served = site.auth_api().unsigned(path).await;
    assert!(served.body == picture && served.headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(served.headers["content-type"], "image/png");

    // Taken off the list she sees what everybody sees; it is told who is not on it, or nobody.
    assert_eq!(admin.delete(&user, &[]).await.response(), json!(""));
    assert_eq!(style_of(&seen_by("alice").await).unwrap(), live);
    assert_eq!(admin.delete(&user, &[]).await.code(), 40401);
    assert_eq!(admin.post(&format!("{DRAFT}/users/DUAAAAAAAAAAAAAAAAAA"), &[]).await.code(), 40401);
    for nobody in ["DUAAAAAAAAAAAAAAAAAA", "alice"] {
        let answer = admin.post(DRAFT, &[("user_ids", nobody)]).await;
        assert_eq!((answer.code(), &answer.json()["message_detail"]), (40002, &json!("user_ids")), "{nobody}");
    }
    let listed = admin.post(DRAFT, &[("user_ids", &alice.id.to_string())]).await.response();
    assert_eq!(listed["user_ids"], json!([alice.id.to_string()]));

    // Published it is everybody's, and the next draft begins from there with nobody to see it.
    let published = admin.post(&format!("{DRAFT}/publish"), &[]).await.response();
    assert_eq!((&published["page_background_color"], &published["background_img"]), (&json!("#405060"), &json!(wide)));
    assert_eq!(style_of(&seen_by("bob").await).unwrap(), hers);
    assert_eq!(admin.get(DRAFT, &[]).await.response()["user_ids"], json!([]));
    // A page opened before asks for the old colours, and gets those that there are, which are not kept under that name.
    let old = site.auth_api().unsigned(&live).await;
    assert_eq!(old.headers[CACHE_CONTROL], "no-store");
    assert!(String::from_utf8(old.body).unwrap().contains("#405060"));

    // What is shown no more is gone.
    admin.post("/admin/v1/branding", &[("background_img", "")]).await.response();
    assert_eq!(site.auth_api().unsigned(path).await.status, 404);
    assert_eq!(site.engine().store().picture(site.account, path.split('/').nth(2).unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn only_a_body_with_pictures_may_be_that_long_and_only_from_those_who_may_send_it() {
    let site = Site::start().await;
    let long = BASE64.encode(&png_of(1024, 2_500_000));
    assert_eq!(site.admin_api().post("/admin/v1/settings", &[("name", &long)]).await.status, 413);
    assert_eq!(site.auth_api().post("/admin/v1/branding", &[("background_img", &long)]).await.status, 413);
    assert_eq!(site.admin_api().post("/admin/v1/branding", &[("background_img", &long)]).await.status, 200);
}

/// The smallest thing that passes for a PNG: 64 by 64 pixels, none of them there.
fn png() -> Vec<u8> {
    png_of(64, 0)
}

/// One of so many pixels a side and so many bytes more.
fn png_of(side: u32, more: usize) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([side, side].map(u32::to_be_bytes).as_flattened());
    png.extend(vec![0; more]);
    png.extend(b"\0\0\0\0IEND\xaeB`\x82");
    png
}

#[test]
fn every_reason_for_a_refusal_has_a_page() {
    let without: Vec<_> = DenyReason::ALL.iter().filter(|reason| Why::of_reason(reason.as_str()).is_none()).collect();
    assert!(without.is_empty(), "add a page (cs-pages/src/refusal.rs) and its words for {without:?}");
}
