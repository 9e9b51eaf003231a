//! Every screen that says why somebody cannot go on, reached through the prompt by its own cause: what it says, where its button leads, and that the log knows its
//! reference.

use cs_core::integration::UserAccess;
use cs_core::webauthn::Wanted;
use cs_engine::admin::Actor;
use cs_engine::{Caller, Liveness, Surface};
use cs_pages::{Language, Text, Why};
use cs_store::{Job, Step, args};
use cs_testkit::{Browser, Forge, Mmdb, Page, Site, TestUser, VirtualKey, VirtualPhone, WebApp};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::scene::{lift, policy};

const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";
const ANDROID: &str = "Mozilla/5.0 (Linux; Android 9; Pixel 2) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36";

/// A site for which browsers are in North Korea and on an anonymous network, neither of which means anything until a policy says so. Nothing is remembered.
struct Office {
    site: Site,
    app: WebApp,
    _dir: TempDir,
}

impl Office {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (places, list) =
            (Mmdb::new().country("127.0.0.0/8", "KP").write(dir.path()), dir.path().join("anonymous.txt"));
        std::fs::write(&list, "127.0.0.1\n").unwrap();
        let site = Site::with(|config| {
            config.country_database = Some(places);
            config.anonymous_lists = vec![list];
        })
        .await;
        let always = json!({
            "risk_based_factor_selection": {"limit_to_risk_based_auth_methods": false},
            "remembered_devices": {"browser_apps": {"enabled": false}},
        });
        policy(&site, always).await;
        let app = site.web_app().await;
        Self { site, app, _dir: dir }
    }

    /// Somebody with a phone and a token.
    async fn person(&self, name: &str) -> (TestUser, VirtualPhone) {
        let user = self.site.user(name).await;
        let phone = user.phone().await;
        user.hotp_token().await;
        (user, phone)
    }

    /// Begins a login that sends a push.
    async fn push(&self, name: &str, phone: &mut VirtualPhone) -> (Browser, Page, cs_core::id::TxId) {
        let mut browser = Browser::new(&self.site);
        let page = browser.log_in(&self.app, name).await;
        assert!(page.number().is_some(), "{name}: {}", page.html);
        let txid = phone.next_push().await;
        (browser, page, txid)
    }

    /// The page says why in its own words, with a button, and the log has the reason under its reference.
    async fn tells(&self, page: &Page, reason: &str) {
        says(page, reason);
        let reader = self.site.engine().store().reader();
        let found = reader.log_by_reference(self.site.account, &reference(page)).await.unwrap();
        assert!(found.iter().any(|entry| entry.reason.as_deref() == Some(reason)), "{reason}: {found:?}");
    }

    fn caller(&self) -> impl Future<Output = Caller> {
        let directory = self.site.engine().directory();
        async {
            Caller {
                account: directory.account(self.site.account).await.unwrap().unwrap(),
                integration: directory
                    .integration(self.site.account, self.app.client_id.parse().unwrap())
                    .await
                    .unwrap()
                    .unwrap(),
                surface: Surface::Prompt,
                connection: Liveness::forever(),
                legacy_signature: false,
            }
        }
    }
}

/// It has the words of this cause, and something to press.
fn says(page: &Page, word: &str) {
    assert!(Why::of_reason(word).is_some(), "{word} has words of its own");
    let title = Text(Language::En).say(&format!("why-{word}-title"));
    assert!(page.is_refusal() && page.html.contains(&title), "{word}: {} {}", page.status, page.html);
    assert!(page.html.contains("class=\"button\""), "{word}: {}", page.html);
}

fn reference(page: &Page) -> String {
    let (_, rest) = page.html.split_once("<code>").unwrap_or_else(|| panic!("no reference: {}", page.html));
    rest.split('<').next().unwrap().to_owned()
}

/// What the person has.
enum Has {
    /// A phone that tells this of itself.
    Phone(Json),
    Token,
}

#[tokio::test]
async fn every_refusal_before_a_factor_is_told_in_words_of_its_own() {
    let office = Office::open().await;
    let fine = || Has::Phone(json!({}));
    let blocked = |list: &[&str]| json!({"authentication_methods": {"blocked_auth_list": list}});
    let causes = [
        ("location_restricted", json!({"user_location": {"deny_access_countries_list": ["KP"]}}), LINUX, fine()),
        ("anonymous_ip", json!({"anonymous_networks": {"anonymous_access_behavior": "deny"}}), LINUX, fine()),
        ("denied_network", json!({"authorized_networks": {"blocked": {"ip_list": ["127.0.0.1"]}}}), LINUX, fine()),
        ("denied_by_policy", json!({"authentication_policy": {"user_auth_behavior": "deny"}}), LINUX, fine()),
        ("software_restricted", json!({"browsers": {"blocked_browsers_list": ["firefox"]}}), LINUX, fine()),
        ("platform_restricted", json!({"operating_systems": {"block_os_list": ["android"]}}), ANDROID, fine()),
        (
            "out_of_date",
            json!({"operating_systems": {"os_restrictions": {"android": {"block_policy": "less-than-version", "block_version": "12"}}}}),
            ANDROID,
            fine(),
        ),
        (
            "could_not_determine_if_endpoint_was_trusted",
            json!({"trusted_endpoints": {"trusted_endpoint_checking": "require-trusted"}}),
            LINUX,
            fine(),
        ),
        (
            "desktop_agent_required",
            json!({"health_checks": {"requires_duo_desktop": ["windows"], "deny_when_unchecked": true}}),
            WINDOWS,
            fine(),
        ),
        ("factor_restricted", blocked(&["duo-push", "duo-passcode", "hardware-token"]), LINUX, Has::Token),
        ("no_activated_duo_mobile_account", blocked(&["duo-passcode", "hardware-token"]), LINUX, Has::Token),
        ("no_screen_lock", json!({}), LINUX, Has::Phone(json!({"screen_lock": false}))),
        ("rooted_device", json!({}), LINUX, Has::Phone(json!({"tampered": true}))),
        (
            "no_disk_encryption",
            json!({"full_disk_encryption": {"require_encryption": true}}),
            LINUX,
            Has::Phone(json!({"encryption": false})),
        ),
        (
            "touch_id_disabled",
            json!({"mobile_device_biometrics": {"require_biometrics": true}}),
            LINUX,
            Has::Phone(json!({"biometrics": false})),
        ),
        (
            "version_restricted",
            json!({"duo_mobile_app": {"block_policy": "less-than-version", "block_version": "7.0"}}),
            LINUX,
            fine(),
        ),
    ];
    let mut tried = 0;
    for (reason, sections, user_agent, has) in causes {
        let user = office.site.user(reason).await;
        match has {
            Has::Phone(posture) => user.phone().await.tell(&posture).await,
            Has::Token => drop(user.hotp_token().await),
        }
        if sections != json!({}) {
            policy(&office.site, sections.clone()).await;
        }
        let mut browser = Browser::new(&office.site);
        browser.user_agent = user_agent.to_owned();
        let page = browser.log_in(&office.app, reason).await;
        office.tells(&page, reason).await;
        assert!(page.step().is_empty(), "{reason} is over: {}", page.html);
        if sections != json!({}) {
            lift(&office.site, &sections).await;
        }
        tried += 1;
    }
    assert_eq!(tried, 16);
    let closed = office.site.integration("websdk", |record| record.user_access = UserAccess::Nobody).await;
    office.person("outsider").await;
    let page = Browser::new(&office.site).log_in(&WebApp::of(&office.site, &closed), "outsider").await;
    office.tells(&page, "user_not_in_permitted_group").await;
}

/// A phone that is found to be in a bad state when it answers: the login goes on by another try once that is mended, or by another way.
#[tokio::test]
async fn what_a_phone_is_refused_for_can_be_mended_in_the_same_login() {
    let office = Office::open().await;
    let told = [
        ("no_screen_lock", "screen_lock", json!({}), false, true),
        ("rooted_device", "tampered", json!({}), true, false),
        (
            "no_disk_encryption",
            "encryption",
            json!({"full_disk_encryption": {"require_encryption": true}}),
            false,
            true,
        ),
        (
            "touch_id_disabled",
            "biometrics",
            json!({"mobile_device_biometrics": {"require_biometrics": true}}),
            false,
            true,
        ),
    ];
    for (reason, fact, sections, bad, again) in told {
        let (_user, mut phone) = office.person(reason).await;
        if sections != json!({}) {
            policy(&office.site, sections.clone()).await;
        }
        phone.tell(&json!({ fact: !bad })).await;
        let (mut browser, page, txid) = office.push(reason, &mut phone).await;
        phone.tell(&json!({ fact: bad })).await;
        phone.approve_with(txid, &page.number().unwrap()).await.ok();
        let refused = browser.open(&page.path).await;
        office.tells(&refused, reason).await;
        assert!(refused.posts_to("options"), "{reason}: another way is open: {}", refused.html);
        assert_eq!(refused.posts_to("choose"), again, "{reason}: {}", refused.html);
        phone.tell(&json!({ fact: !bad })).await;
        let device = phone.id.to_string();
        let next = browser.submit(&refused, "choose", &[("method", "push"), ("device", &device)]).await;
        let txid = phone.next_push().await;
        phone.approve_with(txid, &next.number().unwrap()).await.unwrap();
        browser.open(&page.path).await.redirect();
        if sections != json!({}) {
            lift(&office.site, &sections).await;
        }
    }
    // The policy came while the push was on its way.
    let (_user, mut phone) = office.person("version_restricted").await;
    let (mut browser, page, txid) = office.push("version_restricted", &mut phone).await;
    policy(&office.site, json!({"duo_mobile_app": {"block_policy": "less-than-version", "block_version": "7.0"}}))
        .await;
    phone.approve_with(txid, &page.number().unwrap()).await.ok();
    let refused = browser.open(&page.path).await;
    office.tells(&refused, "version_restricted").await;
    assert!(refused.posts_to("choose") && refused.posts_to("options"), "{}", refused.html);
}

/// What a key is refused for ends nothing: the same way, or another one, is open.
#[tokio::test]
async fn a_key_that_is_refused_can_be_tried_again_and_a_copied_one_leaves_the_other_ways() {
    let office = Office::open().await;
    for reason in ["invalid_credential", "user_not_verified", "cloned_credential"] {
        let (user, _phone) = office.person(reason).await;
        let mut key = VirtualKey::touch_only(&office.site.origin());
        user.register(&mut key, Wanted::SecurityKey).await;
        let verified = json!({"authentication_methods": {
            "allowed_auth_list": ["duo-push", "hardware-token", "webauthn-roaming", "webauthn-require-user-verification"],
        }});
        let forge = match reason {
            "invalid_credential" => Forge { spoil_signature: true, ..Forge::default() },
            "cloned_credential" => Forge { counter: Some(1), ..Forge::default() },
            _ => {
                policy(&office.site, verified.clone()).await;
                Forge::default()
            }
        };
        let mut browser = Browser::new(&office.site);
        let page = browser.open(&office.app.authorize_path(reason)).await;
        let page = browser.submit(&page, "begin", &[("facts", r#"{"webauthn":true}"#)]).await;
        let asked = |page: &Page| -> Json { serde_json::from_str(&page.attribute("data-key").unwrap()).unwrap() };
        let answer = key.get_as(&asked(&page), &forge);
        let refused = browser.submit(&page, "key", &[("credential", &answer)]).await;
        office.tells(&refused, reason).await;
        assert!(refused.posts_to("options"), "{reason}: {}", refused.html);
        let may_again = reason != "cloned_credential";
        assert_eq!(refused.posts_to("choose"), may_again, "{reason}: {}", refused.html);
        match reason {
            "invalid_credential" => {
                let again = browser.submit(&refused, "choose", &[("method", "security-key")]).await;
                let answer = key.get(&asked(&again));
                browser.submit(&again, "key", &[("credential", &answer)]).await.redirect();
            }
            "user_not_verified" => lift(&office.site, &verified).await,
            _ => {
                let options = browser.submit(&refused, "options", &[]).await;
                assert!(options.html.contains("value=\"push\""), "{}", options.html);
                assert!(!options.html.contains("value=\"security-key\""), "{}", options.html);
            }
        }
    }
}

#[tokio::test]
async fn every_push_that_comes_to_nothing_is_told_in_words_of_its_own() {
    let office = Office::open().await;
    // One after the other goes unanswered.
    let (_user, mut phone) = office.person("anomalous_push").await;
    for _ in 0..3 {
        let (mut browser, page, _) = office.push("anomalous_push", &mut phone).await;
        office.site.advance(61);
        office.tells(&browser.open(&page.path).await, "no_response").await;
    }
    let page = Browser::new(&office.site).log_in(&office.app, "anomalous_push").await;
    office.tells(&page, "anomalous_push").await;
    assert!(page.posts_to("options") && phone.pushes() == 0, "{}", page.html);

    // Another browser's push waits on the phone.
    let (_user, mut phone) = office.person("push_in_progress").await;
    let _first = office.push("push_in_progress", &mut phone).await;
    let page = Browser::new(&office.site).log_in(&office.app, "push_in_progress").await;
    office.tells(&page, "push_in_progress").await;
    assert!(page.posts_to("options"), "{}", page.html);

    // The phone is taken away while it rings.
    let (user, mut phone) = office.person("invalid_device").await;
    let (mut browser, page, txid) = office.push("invalid_device", &mut phone).await;
    office.site.engine().take_phone(office.site.account, &Actor::Terminal, user.id, phone.id).await.unwrap();
    phone.approve_with(txid, &page.number().unwrap()).await.ok();
    let refused = browser.open(&page.path).await;
    office.tells(&refused, "invalid_device").await;
    assert!(refused.posts_to("options"), "{}", refused.html);

    // Withdrawn.
    let (_user, mut phone) = office.person("user_cancelled").await;
    let (mut browser, page, txid) = office.push("user_cancelled", &mut phone).await;
    office.site.engine().cancel(&office.caller().await, txid).await.unwrap();
    let refused = browser.open(&page.path).await;
    office.tells(&refused, "user_cancelled").await;
    assert!(refused.posts_to("choose"), "{}", refused.html);
}

/// Only keys are left, and this browser cannot ask one; or nothing is left at all.
#[tokio::test]
async fn where_no_way_is_left_the_page_says_so_instead_of_listing_none() {
    let office = Office::open().await;
    let user = office.site.user("keys only").await;
    let mut key = VirtualKey::security_key(&office.site.origin());
    user.register(&mut key, Wanted::SecurityKey).await;
    let mut browser = Browser::new(&office.site);
    let page = browser.log_in(&office.app, "keys only").await;
    says(&page, "browser_unsupported");
    assert!(!reference(&page).is_empty() && page.html.contains("href=\"https://app.example.org\""), "{}", page.html);
    // With scripts the same person is asked for the key.
    let page = browser.open(&office.app.authorize_path("keys only")).await;
    let page = browser.submit(&page, "begin", &[("facts", r#"{"webauthn":true}"#)]).await;
    assert!(page.posts_to("key"), "{}", page.html);
    // The key is taken away while its page is open.
    let keys = office.site.admin_api().get(&format!("/admin/v1/users/{}/webauthncredentials", user.id), &[]).await;
    let id = keys.response()[0]["webauthnkey"].as_str().unwrap().to_owned();
    user.bypass_code().await;
    office.site.admin_api().delete(&format!("/admin/v1/webauthncredentials/{id}"), &[]).await;
    office.site.advance(301);
    let page = browser.open(&page.path).await;
    says(&page, "factor_restricted");
    assert!(page.posts_to("options") && !reference(&page).is_empty(), "{}", page.html);
}

/// A method that is too little for one application is enough to add a better one.
#[tokio::test]
async fn whoever_has_too_little_for_an_application_may_add_a_device_with_what_they_have() {
    let office = Office::open().await;
    let user = office.site.user("alice").await;
    let token = user.hotp_token().await;
    let api = office.site.admin_api();
    let strict = json!({
        "policy_name": "Strict",
        "apply_to_apps": [office.app.client_id],
        "sections": {"authentication_methods": {"blocked_auth_list": ["hardware-token"]}},
    });
    api.json("POST", "/admin/v2/policies", &strict).await.response();
    let mut browser = Browser::new(&office.site);
    let page = browser.log_in(&office.app, "alice").await;
    office.tells(&page, "no_activated_duo_mobile_account").await;
    let from = format!("/portal/from/{}", page.path.rsplit_once('/').unwrap().1);
    assert!(page.html.contains(&from) && page.html.contains("Manage devices"), "{}", page.html);
    let portal = browser.open(&from).await;
    let typing = browser.submit(&portal, "begin", &[("facts", "")]).await;
    let done = browser.submit(&typing, "passcode", &[("passcode", &token.hotp(0))]).await;
    let origin = format!("https://{}", office.site.auth_api().authority());
    let home = browser.open(done.redirect().strip_prefix(&origin).unwrap()).await;
    assert!(home.status == 200 && home.html.contains("/portal/add"), "{} {}", home.status, home.html);
    // Nobody gets there without a factor, whatever they were refused for.
    user.set_status(cs_core::user::UserStatus::Disabled).await;
    let mut other = Browser::new(&office.site);
    let out = other.log_in(&office.app, "alice").await;
    let from = format!("/portal/from/{}", out.path.rsplit_once('/').unwrap().1);
    assert_eq!(other.open(&from).await.status, 403);
}

#[tokio::test]
async fn a_busy_or_broken_server_says_so_and_leads_back_to_the_same_page() {
    let busy = Site::with(|config| config.limits.logins_in_flight = 0).await;
    let app = busy.web_app().await;
    let path = app.authorize_path("alice");
    let page = Browser::new(&busy).open(&path).await;
    says(&page, "too_many_requests");
    assert_eq!((page.status, page.headers["retry-after"].to_str().unwrap()), (429, "1"));
    assert!(!reference(&page).is_empty() && page.attribute("class=\"button\" href").is_some(), "{}", page.html);

    let office = Office::open().await;
    let mut browser = Browser::new(&office.site);
    let page = browser.open(&office.app.authorize_path("alice")).await;
    let run = async |sql: &'static str| {
        office.site.engine().store().commit(Job::new().step(Step::any(sql, args![]))).await.unwrap();
    };
    run("CREATE TRIGGER full BEFORE UPDATE ON prompt BEGIN SELECT RAISE(FAIL, 'no room'); END").await;
    let failed = browser.post(&page, "begin", &[("facts", "")]).await;
    says(&failed, "error");
    assert!(failed.html.contains(&format!("href=\"{}\"", page.path)), "{}", failed.html);
    assert!(failed.status == 500 && !reference(&failed).is_empty(), "{}", failed.html);
    run("DROP TRIGGER full").await;
    // Nothing was lost.
    assert!(browser.open(&page.path).await.posts_to("begin"));
}

#[tokio::test]
async fn a_page_of_another_browser_and_one_without_cookies_say_which_it_is() {
    let office = Office::open().await;
    let page = Browser::new(&office.site).open(&office.app.authorize_path("alice")).await;
    for (has_cookies, word) in [(false, "no_cookies"), (true, "login_expired")] {
        let mut other = Browser::new(&office.site);
        if has_cookies {
            other.open(&office.app.authorize_path("alice")).await;
        }
        let shown = other.open(&page.path).await;
        let title = Text(Language::En).say(&format!("why-{word}-title"));
        assert!(shown.status == 403 && shown.html.contains(&title), "{word}: {}", shown.html);
        assert!(!reference(&shown).is_empty());
    }
}

#[tokio::test]
async fn where_self_service_is_off_the_way_from_a_login_says_so() {
    let office = Office::open().await;
    office.person("alice").await;
    let mut browser = Browser::new(&office.site);
    let page = browser.open(&office.app.authorize_path("alice")).await;
    let from = format!("/portal/from/{}", page.path.rsplit_once('/').unwrap().1);
    assert!(browser.open(&from).await.posts_to("begin"), "made when it is first needed");
    let api = office.site.admin_api();
    let all = api.get("/admin/v3/integrations", &[]).await.response();
    let is_portal = |one: &&Json| one["type"] == "device-management-portal";
    let portal = all.as_array().unwrap().iter().find(is_portal).expect("the portal's own").clone();
    let path = format!("/admin/v3/integrations/{}", portal["integration_key"].as_str().unwrap());
    api.post(&path, &[("enabled", "0")]).await.response();
    let off = browser.open(&from).await;
    assert!(off.status == 403 && off.html.contains("Ask your help desk"), "{} {}", off.status, off.html);
}

/// A login for the portal shows no password: from it no further one begins, and `/portal` leads back to the login of an application as long as that counts.
#[tokio::test]
async fn the_portal_is_found_for_ten_minutes_after_a_login_and_no_longer() {
    let office = Office::open().await;
    let (_user, phone) = office.person("alice").await;
    let mut browser = Browser::new(&office.site);
    let out = browser.open("/portal").await;
    assert!(out.status == 403 && out.html.contains("First log in to an application"), "{}", out.html);
    let page = browser.log_in(&office.app, "alice").await;
    let page = browser.submit(&page, "choose", &[("method", "passcode")]).await;
    browser.submit(&page, "passcode", &[("passcode", &phone.passcode())]).await.redirect();
    let from = format!("/portal/from/{}", page.path.rsplit_once('/').unwrap().1);
    let out = browser.open("/portal").await;
    assert!(out.status == 403 && out.html.contains(&format!("href=\"{from}\"")), "{}", out.html);
    office.site.advance(599);
    let begun = browser.open(&from).await;
    assert!(begun.posts_to("begin"), "{} {}", begun.status, begun.html);
    office.site.advance(1);
    let chained = format!("/portal/from/{}", begun.path.rsplit_once('/').unwrap().1);
    for path in [from.as_str(), &chained] {
        assert_eq!(browser.open(path).await.status, 403, "{path}");
    }
    assert!(browser.open("/portal").await.html.contains("First log in to an application"));
}

/// The clock of the application is wrong, or its request was kept: which of the two nobody can tell, so the page says both, and by how much.
#[tokio::test]
async fn a_request_of_another_time_says_how_far_it_is_off() {
    let office = Office::open().await;
    let mut browser = Browser::new(&office.site);
    let now = office.site.now().as_second();
    for (changes, word, says) in [
        (json!({"exp": now - 720}), "request_too_old", "12 minutes ago"),
        (json!({"exp": now - 7200}), "request_too_old", "2 hours ago"),
        (json!({"exp": now + 900, "iat": now + 600}), "application_clock", "10 minutes fast"),
    ] {
        let mut request = office.app.request("alice");
        for (name, value) in changes.as_object().unwrap() {
            request[name] = value.clone();
        }
        let page = browser.open(&office.app.path_of(&request)).await;
        let title = Text(Language::En).say(&format!("why-{word}-title"));
        assert!(page.status == 400 && page.html.contains(&title) && page.html.contains(says), "{}", page.html);
        assert!(!reference(&page).is_empty());
    }
}

/// A wrong code leaves a reference, and says what helps with what the person has.
#[tokio::test]
async fn a_wrong_code_has_a_reference_and_the_hint_that_helps() {
    let office = Office::open().await;
    for (name, hint, other) in [
        ("of a token", "the next three codes", "A bypass code is good only"),
        ("of the help desk", "A bypass code is good only", "the next three codes"),
        ("of a phone", "Take a new one", "the next three codes"),
    ] {
        let user = office.site.user(name).await;
        match name {
            "of a token" => drop(user.hotp_token().await),
            "of a phone" => drop(user.phone().await),
            _ => drop(user.bypass_code().await),
        }
        let mut browser = Browser::new(&office.site);
        let mut page = browser.log_in(&office.app, name).await;
        if !page.posts_to("passcode") {
            page = browser.submit(&page, "choose", &[("method", "passcode")]).await;
        }
        for tries in (1..10).rev() {
            page = browser.submit(&page, "passcode", &[("passcode", "123123")]).await;
            assert!(page.html.contains(hint) && !page.html.contains(other), "{name}: {}", page.html);
            let told = page.html.contains(&format!("You have {tries} more "));
            assert_eq!(told, tries <= 3, "{name}, {tries}: {}", page.html);
        }
        let reader = office.site.engine().store().reader();
        let found = reader.log_by_reference(office.site.account, &reference(&page)).await.unwrap();
        assert_eq!(found[0].reason.as_deref(), Some("invalid_passcode"), "{name}");
    }
}
