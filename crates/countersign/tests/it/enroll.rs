//! Enrollment links and the pages behind them, by browsers without script and phones without a screen.

use cs_core::user::UserStatus;
use cs_engine::admin::Actor;
use cs_store::testing::{Engine, TestDatabase};
use cs_testkit::{Browser, Page, Site, VirtualPhone};
use cs_wire::device::ActivationLink;
use http::Method;
use serde_json::{Value as Json, json};

const ENROLL: &str = "/admin/v1/users/enroll";

/// An enrollment link of `name`, as a path.
pub(crate) async fn invite(site: &Site, name: &str) -> String {
    let email = format!("{name}@example.org");
    let link = site.admin_api().post(ENROLL, &[("username", name), ("email", &email)]).await.response();
    path_of(site, link.as_str().unwrap())
}

fn path_of(site: &Site, link: &str) -> String {
    let origin = format!("https://{}", site.auth_api().authority());
    link.strip_prefix(&origin).unwrap_or_else(|| panic!("{link}")).to_owned()
}

/// The link that the page shows for the phone.
fn activation(page: &Page) -> String {
    let (_, rest) = page.html.split_once("<pre class=\"copy\" tabindex=\"0\"><code>").expect("a link to copy");
    rest.split_once("</code>").unwrap().0.replace("&#38;", "&")
}

/// Chooses the phone and binds one; gives the page that compares.
pub(crate) async fn bind(site: &Site, browser: &mut Browser, page: &Page, action: &str) -> (Page, VirtualPhone) {
    let page = browser.submit(page, action, &[("way", "phone")]).await;
    assert!(page.html.contains("data:image/svg+xml;base64,"), "{} {}", page.status, page.html);
    let phone = site.activate(&activation(&page)).await;
    (browser.open(&page.path).await, phone)
}

/// The link that an application shows in the middle of a login of `name`.
async fn link_in_login(site: &Site, name: &str) -> String {
    let answer = site.auth_api().post("/auth/v2/preauth", &[("username", name)]).await.response();
    path_of(site, answer["enroll_portal_url"].as_str().unwrap_or_else(|| panic!("{answer}")))
}

/// How many phones the account has.
async fn phones(site: &Site) -> usize {
    site.admin_api().get("/admin/v1/phones", &[]).await.response().as_array().unwrap().len()
}

pub(crate) async fn enrolled(site: &Site, name: &str) -> bool {
    let user = site.admin_api().get("/admin/v1/users", &[("username", name)]).await.response()[0].clone();
    user["is_enrolled"] == json!(true)
}

async fn result_of_push(site: &Site, phone: &mut VirtualPhone, name: &str) -> Json {
    let params = [("username", name), ("factor", "push"), ("device", "auto"), ("async", "1")];
    let started = site.auth_api().post("/auth/v2/auth", &params).await;
    let txid = started.text("txid");
    let push = phone.next_push().await;
    phone.approve(push).await.unwrap();
    site.auth_api().get("/auth/v2/auth_status", &[("txid", &txid)]).await.response()["result"].clone()
}

#[tokio::test]
async fn somebody_invited_scans_compares_takes_codes_and_logs_in() {
    let site = Site::start().await;
    let link = invite(&site, "alice").await;
    let mut browser = Browser::new(&site);
    let page = browser.open(&link).await;
    assert!(page.posts_to("choose"), "{} {}", page.status, page.html);
    assert!(page.html.contains("alice") && page.html.contains("Example"));

    let (compare, mut phone) = bind(&site, &mut browser, &page, "choose").await;
    assert!(compare.posts_to("confirm"), "{}", compare.html);
    assert!(!enrolled(&site, "alice").await, "bound is not confirmed");
    let backup = browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    assert!(backup.posts_to("backup") && backup.posts_to("skip"), "{}", backup.html);
    assert!(enrolled(&site, "alice").await);

    let codes = browser.submit(&backup, "backup", &[("way", "codes")]).await;
    assert_eq!(codes.html.matches("<li><code>").count(), 10, "{}", codes.html);
    let code = codes.html.split_once("<li><code>").unwrap().1.split_once("</code>").unwrap().0.replace(' ', "");
    // Loaded again they are gone.
    assert!(!browser.open(&backup.path).await.html.contains("<li><code>"));
    let kept = Page { path: backup.path.clone(), ..codes };
    let done = browser.submit(&kept, "kept", &[("kept", "yes")]).await;
    assert!(!done.posts_to("backup") && done.status == 200, "{}", done.html);

    assert_eq!(result_of_push(&site, &mut phone, "alice").await, "allow");
    let by_code = [("username", "alice"), ("factor", "passcode"), ("passcode", code.as_str())];
    assert_eq!(site.auth_api().post("/auth/v2/auth", &by_code).await.response()["result"], "allow");
    assert_eq!(site.auth_api().post("/auth/v2/auth", &by_code).await.response()["result"], "deny");
}

#[tokio::test]
async fn a_wizard_that_was_interrupted_goes_on_with_the_same_link_and_a_finished_one_does_not() {
    let site = Site::start().await;
    let link = invite(&site, "alice").await;
    let (mut first, mut second) = (Browser::new(&site), Browser::new(&site));
    let (page, again) = (first.open(&link).await, second.open(&link).await);
    // Somebody else with the link binds a phone and does not get to confirm it.
    let (theirs, thief) = bind(&site, &mut first, &page, "choose").await;
    let (mine, phone) = bind(&site, &mut second, &again, "choose").await;
    assert_ne!(thief.id, phone.id);
    assert!(site.engine().device(site.account, thief.id).await.unwrap().is_none(), "given up for the later one");
    let stale = first.submit(&theirs, "confirm", &[("same", "yes")]).await;
    assert!(!stale.posts_to("backup"), "{}", stale.html);
    assert!(!enrolled(&site, "alice").await);

    assert!(second.submit(&mine, "confirm", &[("same", "yes")]).await.posts_to("backup"));
    assert!(enrolled(&site, "alice").await);
    for browser in [&mut first, &mut second, &mut Browser::new(&site)] {
        let used = browser.open(&link).await;
        assert_eq!(used.status, 403);
        assert!(used.html.contains("This link has been used"), "{}", used.html);
    }
    // What was begun with it before is no way in either.
    let late = first.open(&theirs.path).await;
    assert!(late.status == 403 && late.html.contains("This link has been used"), "{}", late.html);
}

#[tokio::test]
async fn a_phone_with_other_words_is_not_bound() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let page = browser.open(&invite(&site, "alice").await).await;
    let (compare, phone) = bind(&site, &mut browser, &page, "choose").await;
    let refused = browser.post(&compare, "confirm", &[("same", "no")]).await;
    assert!(refused.html.contains("That was not your phone"), "{} {}", refused.status, refused.html);
    assert!(site.engine().device(site.account, phone.id).await.unwrap().is_none());
    assert!(browser.open(&compare.path).await.posts_to("choose"));
    assert!(!enrolled(&site, "alice").await);
}

#[tokio::test]
async fn a_fresh_link_voids_the_one_before_and_each_has_an_end() {
    let site = Site::start().await;
    let first = invite(&site, "alice").await;
    let second = invite(&site, "alice").await;
    let mut browser = Browser::new(&site);
    let void = browser.open(&first).await;
    assert!(void.status == 403 && void.html.contains("a newer one has replaced it"), "{}", void.html);
    site.advance(30 * 86_400 - 1);
    assert!(browser.open(&second).await.posts_to("choose"));
    site.advance(1);
    let late = browser.open(&second).await;
    assert!(late.status == 403 && late.html.contains("This link has expired"), "{}", late.html);
}

#[tokio::test]
async fn a_wrong_code_tells_nothing_and_is_limited() {
    let site = Site::with(|config| config.limits.refusals_per_second = 5).await;
    let link = invite(&site, "alice").await;
    let mut browser = Browser::new(&site);
    let short = link[..link.len() - 1].to_owned();
    let long = format!("/enroll/{}", "A".repeat(5000));
    let mut shown = Vec::new();
    for wrong in ["/enroll/ABCDEFGHJKLMNPQRSTUV", "/enroll/alice", short.as_str(), long.as_str()] {
        let page = browser.open(wrong).await;
        assert_eq!(page.status, 404);
        shown.push(page.html);
    }
    assert!(shown.windows(2).all(|pair| pair[0] == pair[1]) && !shown[0].contains("alice"), "{}", shown[0]);
    let mut limited = false;
    for _ in 0..200 {
        let status = browser.open("/enroll/ABCDEFGHJKLMNPQRSTUV").await.status;
        if status == 429 {
            limited = true;
            break;
        }
    }
    assert!(limited);
}

#[tokio::test]
async fn aa22_074a_dormant_user_cannot_enroll() {
    let site = Site::start().await;
    let api = site.admin_api();
    // By a password alone: after ninety days no more.
    let id = api.post("/admin/v1/users", &[("username", "alice")]).await.text("user_id");
    let url = async || {
        let answer = site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.response();
        assert_eq!(answer["result"], "enroll");
        path_of(&site, answer["enroll_portal_url"].as_str().unwrap())
    };
    let mut browser = Browser::new(&site);
    assert!(browser.open(&url().await).await.posts_to("choose"));
    site.advance(91 * 86_400);
    let dormant = browser.open(&url().await).await;
    assert!(dormant.status == 403 && !dormant.posts_to("choose"), "{}", dormant.html);

    // Nor is anybody who is disabled or in the trash, by whatever link.
    let link = invite(&site, "alice").await;
    for status in ["disabled", "pending deletion"] {
        api.post(&format!("/admin/v1/users/{id}"), &[("status", status)]).await;
        if status == "pending deletion" {
            site.engine().trash_users(site.account, &Actor::Terminal, &[id.parse().unwrap()]).await.unwrap();
        }
        let out = browser.open(&link).await;
        assert!(out.status == 403 && !out.posts_to("choose"), "{status}: {}", out.html);
        let again = api.post(ENROLL, &[("username", "alice"), ("email", "a@example.org")]).await;
        assert_eq!(again.code(), 40002, "{status}");
    }
}

#[tokio::test]
async fn aa22_074a_disabled_in_the_middle_nobody_goes_on() {
    let site = Site::start().await;
    let link = invite(&site, "alice").await;
    let mut browser = Browser::new(&site);
    let page = browser.open(&link).await;
    let (compare, phone) = bind(&site, &mut browser, &page, "choose").await;
    let user = site.find_user("alice").await;
    user.set_status(UserStatus::Disabled).await;
    let out = browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    assert!(out.status == 403 && !out.posts_to("backup"), "{}", out.html);
    user.set_status(UserStatus::Active).await;
    assert!(!enrolled(&site, "alice").await);
    assert!(!site.engine().device(site.account, phone.id).await.unwrap().unwrap().confirmed);
}

#[tokio::test]
async fn aa22_074a_an_old_link_adds_nothing_beside_a_factor() {
    let site = Site::start().await;
    let link = invite(&site, "alice").await;
    let mut browser = Browser::new(&site);
    let page = browser.open(&link).await;
    let _phone = site.find_user("alice").await.phone().await;
    for refused in [browser.open(&link).await, browser.submit(&page, "choose", &[("way", "phone")]).await] {
        assert!(refused.status == 403 && !refused.html.contains("data:image"), "{}", refused.html);
    }
    let answer = site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.response();
    assert_eq!((&answer["result"], &answer["enroll_portal_url"]), (&json!("auth"), &Json::Null));
}

#[tokio::test]
async fn keycloak_cve_2026_94218_posts_out_of_order_empty_foreign_and_repeated_change_nothing() {
    let site = Site::start().await;
    let link = invite(&site, "alice").await;
    let (mut browser, mut stranger) = (Browser::new(&site), Browser::new(&site));
    let page = browser.open(&link).await;
    for action in ["confirm", "backup", "kept", "skip", "wait"] {
        browser.post(&page, action, &[("same", "yes"), ("way", "codes"), ("kept", "yes")]).await;
        browser.send_once(Method::POST, &format!("{}/{action}", page.path), &[]).await;
    }
    let now = browser.open(&page.path).await;
    assert_eq!(now.step(), page.step(), "nothing has moved");

    // Without the cookie there is no such page; with a proof of another step, or none, nothing happens.
    assert_eq!(stranger.open(&page.path).await.status, 403);
    assert_eq!(stranger.post(&page, "choose", &[("way", "phone")]).await.status, 403);
    for step in ["", "1.", "2.AAAA", "x"] {
        browser.send_once(Method::POST, &format!("{}/choose", page.path), &[("step", step), ("way", "phone")]).await;
    }
    assert_eq!(browser.open(&page.path).await.step(), page.step());

    let qr = browser.submit(&page, "choose", &[("way", "phone")]).await;
    let first = activation(&qr);
    assert_eq!(activation(&browser.open(&page.path).await), first, "the same when the page is loaded again");
    browser.submit(&page, "choose", &[("way", "phone")]).await;
    assert_eq!(activation(&browser.open(&page.path).await), first, "the page that was left is worth nothing");
    let choice = browser.submit(&qr, "options", &[]).await;
    assert!(choice.posts_to("choose") && !choice.html.contains("data:image"), "{}", choice.html);
    let qr = browser.submit(&choice, "choose", &[("way", "phone")]).await;
    // Codes alone are no way to begin.
    let back = browser.submit(&qr, "choose", &[("way", "codes")]).await;
    assert!(back.posts_to("choose") && !enrolled(&site, "alice").await);
    // The code that was shown before is void.
    let chosen = browser.submit(&back, "choose", &[("way", "phone")]).await;
    assert_ne!(activation(&chosen), first);
    let code = ActivationLink::parse(&first).unwrap().code().expose().to_owned();
    let code = cs_core::secret::PlainCode::from_text(&code);
    assert!(site.engine().account_of_activation(&code).await.unwrap().is_none());
}

#[tokio::test]
async fn somebody_unknown_who_must_enroll_is_created_by_the_link_that_the_application_shows() {
    let site = Site::start().await;
    let params = [("username", "Newcomer"), ("text_prompt", "1")];
    let answer = site.auth_api().post("/auth/v2/preauth", &params).await.response();
    let link = path_of(&site, answer["enroll_portal_url"].as_str().unwrap());
    assert!(answer["status_msg"].as_str().unwrap().contains(&link), "{answer}");
    assert_eq!(site.admin_api().get("/admin/v1/users", &[]).await.response(), json!([]), "not by asking");
    let mut browser = Browser::new(&site);
    let page = browser.open(&link).await;
    let (compare, _phone) = bind(&site, &mut browser, &page, "choose").await;
    browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    assert!(enrolled(&site, "newcomer").await);
    let answer = site.auth_api().post("/auth/v2/preauth", &params).await.response();
    assert_eq!(answer["result"], "auth");
    // An hour, no longer.
    let other = site.auth_api().post("/auth/v2/preauth", &[("username", "late")]).await.response();
    site.advance(3600);
    let late = browser.open(&path_of(&site, other["enroll_portal_url"].as_str().unwrap())).await;
    assert!(late.status == 403 && late.html.contains("expired"), "{}", late.html);
}

#[tokio::test]
async fn somebody_unknown_enrolls_in_the_middle_of_a_login_and_gets_in() {
    let site = Site::start().await;
    let app = site.web_app().await;
    let mut browser = Browser::new(&site);
    let refused = browser.log_in(&app, "newcomer").await;
    assert!(refused.html.contains("/enroll/from/"), "{}", refused.html);
    let id = refused.path.rsplit_once('/').unwrap().1.to_owned();
    let from = format!("/enroll/from/{id}");
    assert_eq!(Browser::new(&site).open(&from).await.status, 403, "nobody else's");
    let page = browser.open(&from).await;
    // Not before it is finished.
    browser.post(&page, "finish", &[]).await;
    let (compare, phone) = bind(&site, &mut browser, &page, "choose").await;
    let backup = browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    browser.send_once(Method::POST, &format!("{}/finish", page.path), &[("step", "")]).await;
    let done = browser.submit(&backup, "skip", &[]).await;
    assert!(done.posts_to("finish"), "{}", done.html);
    let login = browser.submit(&done, "finish", &[]).await;
    let again = browser.post(&done, "finish", &[]).await;
    assert_eq!(again.leads_to().as_deref(), Some(&*done.path), "one login for one enrollment");
    assert!(!browser.open(&done.path).await.posts_to("finish"));
    assert!(login.path.starts_with("/frame/prompt/") && !login.path.ends_with(&id), "{}", login.path);
    let next = browser.submit(&login, "begin", &[("facts", "")]).await;
    let typing = browser.submit(&next, "choose", &[("method", "passcode")]).await;
    let over = browser.submit(&typing, "passcode", &[("passcode", &phone.passcode())]).await;
    let told = app.id_token(&app.token(&over.code()).await);
    assert_eq!(
        (&told["preferred_username"], &told["nonce"]),
        (&json!("newcomer"), &json!("a nonce of the application's"))
    );
    // The login that was refused stays so, and leads nowhere any more.
    assert_eq!(browser.open(&from).await.status, 403);
}

/// Also authentik CVE-2022-23555 and Zitadel CVE-2025-46815: what is left over in a mailbox is no way in on the day when the device is lost.
#[tokio::test]
async fn keycloak_cve_2026_37982_an_invitation_ends_when_its_user_comes_by_a_factor_otherwise() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    // By the link of a login.
    let invited = invite(&site, "alice").await;
    let page = browser.open(&link_in_login(&site, "alice").await).await;
    let (compare, phone) = bind(&site, &mut browser, &page, "choose").await;
    assert!(browser.submit(&compare, "confirm", &[("same", "yes")]).await.posts_to("backup"));
    let is_over = async |link: &str, what: &str| {
        let opened = Browser::new(&site).open(link).await;
        assert!(opened.status == 403 && opened.html.contains("This link has been used"), "{what}: {}", opened.html);
    };
    assert!(site.engine().unbind_device(site.account, phone.id).await.unwrap());
    is_over(&invited, "a login").await;

    // By the help desk: an activation, a token.
    let invited = invite(&site, "bob").await;
    let phone = site.find_user("bob").await.phone().await;
    assert!(site.engine().unbind_device(site.account, phone.id).await.unwrap());
    is_over(&invited, "an activation").await;
    let (invited, in_login) = (invite(&site, "carol").await, link_in_login(&site, "carol").await);
    let carol = site.find_user("carol").await;
    carol.hotp_token().await;
    let tokens = format!("/admin/v1/users/{}/tokens", carol.id);
    let token = site.admin_api().get(&tokens, &[]).await.response()[0]["token_id"].as_str().unwrap().to_owned();
    site.admin_api().delete(&format!("{tokens}/{token}"), &[]).await;
    is_over(&invited, "a token").await;
    is_over(&in_login, "a token").await;

    // By a device that had to be confirmed: not before that.
    site.settings(json!({"confirm_activation": true})).await;
    let invited = invite(&site, "dora").await;
    let phone = site.find_user("dora").await.phone().await;
    assert!(browser.open(&invited).await.posts_to("choose"));
    assert!(site.engine().confirm_device(site.account, phone.id).await.unwrap());
    assert!(site.engine().unbind_device(site.account, phone.id).await.unwrap());
    is_over(&invited, "a confirmed activation").await;
}

#[tokio::test]
async fn links_of_logins_stand_side_by_side_until_one_is_used() {
    let site = Site::start().await;
    let (mut first, mut second) = (Browser::new(&site), Browser::new(&site));
    let (one, two) = (link_in_login(&site, "newcomer").await, link_in_login(&site, "newcomer").await);
    let page = first.open(&one).await;
    let (compare, _phone) = bind(&site, &mut first, &page, "choose").await;
    // Another tab, and the application asks again: the one under way goes on.
    assert!(second.open(&two).await.posts_to("choose"), "made for somebody who was unknown then");
    let three = link_in_login(&site, "newcomer").await;
    assert!(first.submit(&compare, "confirm", &[("same", "yes")]).await.posts_to("backup"));
    for link in [one, two, three] {
        let used = Browser::new(&site).open(&link).await;
        assert!(used.status == 403 && used.html.contains("This link has been used"), "{}", used.html);
    }
}

#[tokio::test]
async fn a_link_that_ends_in_the_middle_is_told_as_what_it_is() {
    let site = Site::start().await;
    // Sent once more, while the first message's wizard is open.
    let mut browser = Browser::new(&site);
    let page = browser.open(&invite(&site, "alice").await).await;
    let (compare, phone) = bind(&site, &mut browser, &page, "choose").await;
    let fresh = invite(&site, "alice").await;
    let said = "a newer one has replaced it";
    for told in [browser.submit(&compare, "confirm", &[("same", "yes")]).await, browser.open(&compare.path).await] {
        assert!(told.status == 403 && told.html.contains(said), "{}", told.html);
    }
    assert!(!site.engine().device(site.account, phone.id).await.unwrap().unwrap().confirmed);
    assert!(browser.open(&fresh).await.posts_to("choose"));

    // Its hour ends a minute after the visit began.
    let link = link_in_login(&site, "bob").await;
    site.advance(3540);
    let page = browser.open(&link).await;
    let (compare, _phone) = bind(&site, &mut browser, &page, "choose").await;
    site.advance(61);
    for told in [browser.submit(&compare, "confirm", &[("same", "yes")]).await, browser.open(&compare.path).await] {
        assert!(told.status == 403 && told.html.contains("This link has expired"), "{}", told.html);
    }
    assert!(!enrolled(&site, "bob").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_windows_that_enroll_one_user_at_once_one_binds_a_device() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(database) = TestDatabase::new(engine) else { continue };
        let site = Site::on(database.open().await.unwrap()).await;
        for round in 0..8 {
            let name = format!("user{round}");
            let (mut first, mut second) = (Browser::new(&site), Browser::new(&site));
            let pages = (
                first.open(&link_in_login(&site, &name).await).await,
                second.open(&link_in_login(&site, &name).await).await,
            );
            let phone = [("way", "phone")];
            let (one, two) =
                tokio::join!(first.submit(&pages.0, "choose", &phone), second.submit(&pages.1, "choose", &phone));
            for page in [first.open(&one.path).await, second.open(&two.path).await] {
                // The one that came first was given up for the other.
                if page.html.contains("<pre class=\"copy\"") {
                    site.activate(&activation(&page)).await;
                }
            }
            let (one, two) = (first.open(&one.path).await, second.open(&two.path).await);
            let yes = [("same", "yes")];
            let (one, two) = tokio::join!(first.submit(&one, "confirm", &yes), second.submit(&two, "confirm", &yes));
            assert!(one.posts_to("backup") != two.posts_to("backup"), "{} {}", one.html, two.html);
            let user = site.admin_api().get("/admin/v1/users", &[("username", &name)]).await.response()[0].clone();
            assert_eq!(user["phones"].as_array().unwrap().len(), 1, "{engine:?}: {user}");
        }
    }
}

#[tokio::test]
async fn an_enrollment_leaves_no_phone_behind_and_touches_none_of_the_help_desk() {
    let site = Site::start().await;
    let link = invite(&site, "alice").await;
    let user = site.find_user("alice").await.id;
    // A phone that an administrator gave, with an activation under way, looks like one of a page.
    let api = site.admin_api();
    let phone =
        api.post("/admin/v1/phones", &[("type", "mobile"), ("platform", "generic smartphone")]).await.text("phone_id");
    api.post(&format!("/admin/v1/users/{user}/phones"), &[("phone_id", &phone)]).await;
    let path = format!("/admin/v1/phones/{phone}/activation_url");
    let pending = api.post(&path, &[]).await.text("activation_url");

    let mut browser = Browser::new(&site);
    let page = browser.open(&link).await;
    let page = browser.submit(&page, "choose", &[("way", "phone")]).await;
    let page = browser.submit(&page, "choose", &[("way", "phone")]).await;
    assert_eq!(phones(&site).await, 2, "one awaited");
    let page = browser.submit(&page, "options", &[]).await;
    assert_eq!(phones(&site).await, 1, "none awaited");
    let (compare, _theirs) = bind(&site, &mut browser, &page, "choose").await;
    browser.submit(&compare, "confirm", &[("same", "no")]).await;
    assert_eq!(phones(&site).await, 1, "refused");
    let page = browser.open(&compare.path).await;
    let (compare, _mine) = bind(&site, &mut browser, &page, "choose").await;
    assert!(browser.submit(&compare, "confirm", &[("same", "yes")]).await.posts_to("backup"));
    assert_eq!(phones(&site).await, 2);
    assert_eq!(site.activate(&pending).await.id.to_string(), phone, "as the administrator left it");
}

/// What was refused, newest first: reason and reference.
async fn refusals(site: &Site) -> Vec<(String, String)> {
    let (from, to) = (site.now().as_millisecond() - 86_400_000 * 100, site.now().as_millisecond() + 1000);
    let params = [("mintime", from.to_string()), ("maxtime", to.to_string()), ("sort", "ts:desc".to_owned())];
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let log = site.admin_api().get("/admin/v2/logs/activity", &params).await.response();
    let items = log["items"].as_array().unwrap().iter();
    let refused = items.filter(|item| item["action"]["name"] == "enrollment_refused");
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    // A reference is what an id begins with.
    let reference = |item: &Json| text(&item["activity_id"])[..8].to_uppercase();
    refused.map(|item| (text(&item["action"]["details"]), reference(item))).collect()
}

/// A policy for everybody.
async fn policy(site: &Site, sections: Json) {
    let body = json!({ "sections": sections, "confirm_lockout": true });
    site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
}

#[tokio::test]
async fn aa22_074a_a_refused_enrollment_leaves_a_trace_and_a_reference() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let link = invite(&site, "alice").await;
    let alice = site.find_user("alice").await;
    alice.set_status(UserStatus::Disabled).await;
    let disabled = browser.open(&link).await;
    alice.set_status(UserStatus::Active).await;
    site.advance(1);
    let fresh = invite(&site, "alice").await;
    let replaced = browser.open(&link).await;
    site.advance(1);
    let dormant = link_in_login(&site, "alice").await;
    let _ = fresh;
    let page = browser.open(&dormant).await;
    assert!(page.posts_to("choose"));
    let log = refusals(&site).await;
    assert_eq!(log.len(), 2, "{log:?}");
    for (page, (reason, reference), expected) in
        [(replaced, &log[0], "link_replaced"), (disabled, &log[1], "user_disabled")]
    {
        assert_eq!((page.status, reason.as_str()), (403, expected), "{}", page.html);
        assert!(reference.len() == 8 && page.html.contains(reference.as_str()), "{reference}: {}", page.html);
    }
    // In the middle, and by a password alone after a long time.
    site.user("bob").await;
    site.advance(91 * 86_400);
    let dormant = browser.open(&link_in_login(&site, "bob").await).await;
    assert_eq!((dormant.status, refusals(&site).await[0].0.as_str()), (403, "inactive_user"));
}

#[tokio::test]
async fn the_policies_are_asked_at_the_beginning_of_an_enrollment_and_at_each_step() {
    let site = Site::start().await;
    let link = invite(&site, "alice").await;
    let blocked = json!({"authorized_networks": {"blocked": {"ip_list": ["127.0.0.1"]}}});
    let open = json!({"authorized_networks": {"blocked": {"ip_list": []}}});
    let mut browser = Browser::new(&site);
    let is_refused = |page: &Page| page.status == 403 && page.html.contains("<code>") && !page.posts_to("choose");
    policy(&site, blocked.clone()).await;
    let refused = browser.open(&link).await;
    assert!(is_refused(&refused), "{}", refused.html);
    policy(&site, open.clone()).await;
    let page = browser.open(&link).await;
    let (compare, phone) = bind(&site, &mut browser, &page, "choose").await;
    policy(&site, blocked).await;
    for refused in [browser.open(&compare.path).await, browser.submit(&compare, "confirm", &[("same", "yes")]).await] {
        assert!(is_refused(&refused) && !refused.posts_to("confirm"), "{}", refused.html);
    }
    assert!(!site.engine().device(site.account, phone.id).await.unwrap().unwrap().confirmed);
    assert!(refusals(&site).await.iter().all(|(reason, _)| reason == "denied_network"));
    // What may not be used to log in is not set up: neither offered, nor taken from a page that offered it.
    policy(&site, open).await;
    policy(&site, json!({"authentication_methods": {"allowed_auth_list": ["hardware-token", "webauthn-roaming"]}}))
        .await;
    let late = browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    assert!(!late.posts_to("backup") && !enrolled(&site, "alice").await, "{}", late.html);
    let choice = browser.open(&link).await;
    assert!(choice.posts_to("choose") && !choice.html.contains("value=\"phone\""), "{}", choice.html);
    let posted = browser.submit(&choice, "choose", &[("way", "phone")]).await;
    assert!(!posted.html.contains("<pre class=\"copy\""), "{}", posted.html);
}
