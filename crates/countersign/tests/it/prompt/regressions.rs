//! What went wrong for others, tried on the prompt. Each test is named after its source; `docs/failures.md` lists them.

use cs_testkit::{Browser, Page, Site};
use reqwest::Method;
use reqwest::header::{COOKIE, HOST};
use serde_json::json;

use super::Scene;

/// A request with further headers, by whoever has the browser's cookies.
async fn sent(
    scene: &Scene,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    form: &[(&str, &str)],
) -> (u16, String) {
    let url = format!("{}{path}", scene.site.origin());
    let cookies: Vec<String> = scene.browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut request = scene.site.http().request(method, url).header(COOKIE, cookies.join("; "));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.form(form).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Looking around was counted as a failed attempt there, and locked people out.
#[tokio::test]
async fn privacyidea_5628_choosing_and_going_back_is_no_failure() {
    let mut scene = Scene::forgetful().await;
    scene.alice.bypass_code().await;
    let (mut page, txid) = scene.push_page().await;
    let device = scene.phone.id.to_string();
    for _ in 0..15 {
        page = scene.browser.submit(&page, "options", &[]).await;
        page = scene.browser.submit(&page, "choose", &[("method", "bypass")]).await;
        page = scene.browser.submit(&page, "passcode", &[("passcode", "")]).await;
        page = scene.browser.submit(&page, "choose", &[("method", "push"), ("device", &device)]).await;
    }
    assert_eq!(scene.phone.pushes(), 0, "one push for all that");
    for _ in 0..8 {
        scene.browser.open(&scene.app.authorize_path("alice")).await;
    }
    let reader = scene.site.engine().store().reader();
    assert!(reader.log_by_reference(scene.site.account, &txid.to_string()).await.unwrap().is_empty(), "open still");
    let typing = scene.browser.submit(&page, "choose", &[("method", "passcode")]).await;
    // All ten tries are left: nine wrong codes, and the right one gets in.
    let mut wrong = typing;
    for _ in 0..9 {
        wrong = scene.browser.submit(&wrong, "passcode", &[("passcode", "123123")]).await;
        assert!(wrong.posts_to("passcode"), "{}", wrong.html);
    }
    scene.browser.submit(&wrong, "passcode", &[("passcode", &scene.phone.passcode())]).await.redirect();
}

/// Telemetry loaded on every login took a vendor down: what a page of the prompt reads is a budget.
#[tokio::test(flavor = "multi_thread")]
async fn outage_2016_02_01_a_login_in_a_browser_reads_the_database_a_fixed_number_of_times() {
    let mut scene = Scene::forgetful().await;
    // The caches know the account, the application and the person.
    scene.code_page().await;
    scene.site.advance(61);
    let store = scene.site.engine().store().clone();
    let mut spent = Vec::new();
    let mut before = store.reads();
    let mut spend = |what: &'static str| {
        let reads = store.reads();
        spent.push((what, reads - before));
        before = reads;
    };
    let page = scene.browser.open(&scene.app.authorize_path("alice")).await;
    spend("authorize and the first page");
    scene.browser.post(&page, "begin", &[("facts", "")]).await;
    spend("begin, with a push");
    let page = scene.browser.open(&page.path).await;
    spend("the push's page");
    scene.browser.post(&page, "choose", &[("method", "passcode")]).await;
    spend("choose");
    let page = scene.browser.open(&page.path).await;
    spend("the page for codes");
    scene.browser.post(&page, "passcode", &[("passcode", &scene.phone.passcode())]).await;
    spend("a code");
    scene.browser.open(&page.path).await.redirect();
    spend("the way back");
    let budget = [1, 12, 4, 2, 2, 7, 1];
    for ((what, reads), most) in spent.iter().zip(budget) {
        assert!(*reads <= most, "{what} read {reads} times: {spent:?}");
    }
}

/// A step was skipped there by the proof of another. Each step's proof is its login's, its step's and its browser's.
#[tokio::test]
async fn keycloak_cve_2026_18963_a_step_done_in_one_login_is_done_in_no_other() {
    let mut scene = Scene::asking().await;
    let bob = scene.site.user("bob").await;
    let _bobs_phone = bob.phone().await;
    let mine = scene.approved().await;
    assert!(mine.posts_to("trust"), "{}", mine.html);
    let theirs = scene.browser.log_in(&scene.app, "bob").await;
    let theirs = scene.browser.submit(&theirs, "choose", &[("method", "passcode")]).await;
    for post in ["begin", "choose", "options", "passcode", "key", "trust", "wait"] {
        for step in [mine.step(), theirs.step().replacen(char::is_numeric, "9", 1)] {
            let fields = [("step", step.as_str()), ("trust", "yes"), ("method", "push"), ("passcode", "000000")];
            scene.browser.send_once(Method::POST, &format!("{}/{post}", theirs.path), &fields).await;
        }
        let now = scene.browser.open(&theirs.path).await;
        assert!(now.posts_to("passcode") && now.step() == theirs.step(), "{post}: {}", now.html);
    }
    // Nor is the one login's end the other's.
    scene.browser.submit(&mine, "trust", &[("trust", "no")]).await.redirect();
    assert!(scene.browser.open(&theirs.path).await.posts_to("passcode"));
}

/// What nobody signed, and nobody posted, changed what was decided there: a query beside the path was taken for the path, a name of a program spared the login.
#[tokio::test]
async fn oauth2_proxy_cve_2025_54576_and_2026_34457_neither_query_nor_user_agent_spare_a_step() {
    let mut scene = Scene::forgetful().await;
    let page = scene.code_page().await;
    let (code, step) = (scene.phone.passcode(), page.step());
    for query in [
        format!("step={step}&passcode={code}"),
        "x=/oauth/v1/health_check".to_owned(),
        "lang=en/../../healthz".to_owned(),
        format!("/frame/prompt/{}/trust", page.path),
    ] {
        let path = format!("{}/passcode?{query}", page.path);
        scene.browser.send_once(Method::POST, &path, &[]).await;
        let now = scene.browser.open(&page.path).await;
        assert!(now.posts_to("passcode") && now.step() == step, "{query}: {}", now.html);
    }
    for program in ["kube-probe/1.31", "GoogleHC/1.0", "ELB-HealthChecker/2.0", "Mozilla/5.0 (kube-probe)", ""] {
        let mut browser = Browser::new(&scene.site);
        browser.user_agent = program.to_owned();
        let shown = browser.log_in(&scene.app, "alice").await;
        assert!(!shown.html.contains("duo_code"), "{program}: {}", shown.html);
        assert!(shown.posts_to("choose") || shown.posts_to("options"), "{program}: {}", shown.html);
    }
}

/// Another letter case met another rule there. A host is the same however it is spelt; a path and an id are not.
#[tokio::test]
async fn authelia_cve_2026_48794_another_spelling_is_the_same_host_and_no_other_login() {
    let mut scene = Scene::forgetful().await;
    scene.policy(json!({"authorized_networks": {"blocked": {"ip_list": ["127.0.0.1"]}}})).await;
    let page = scene.browser.open(&scene.app.authorize_path("alice")).await;
    let host = scene.site.auth_api().authority().to_owned();
    for spelt in [host.to_uppercase(), host.replacen('l', "L", 1)] {
        let (status, html) = sent(&scene, Method::GET, &page.path, &[(HOST.as_str(), &spelt)], &[]).await;
        assert!(status == 200 && html.contains("/begin"), "{spelt}: {status} {html}");
    }
    for path in
        [page.path.to_uppercase(), page.path.to_lowercase(), format!("{}/", page.path), format!("/{}", page.path)]
    {
        let (status, html) = sent(&scene, Method::GET, &path, &[], &[]).await;
        assert!(matches!(status, 403 | 404) && !html.contains("/begin"), "{path}: {status} {html}");
    }
    // And the policy of this application holds whatever the spelling.
    let form = [("step", page.step()), ("facts", String::new())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = format!("{}/begin", page.path);
    let upper = host.to_uppercase();
    sent(&scene, Method::POST, &path, &[(HOST.as_str(), &upper)], &form).await;
    assert!(scene.browser.open(&page.path).await.is_refusal());
}

/// Whoever is not a proxy of ours says nothing about where somebody is.
#[tokio::test]
async fn authentik_cve_2024_47070_no_header_moves_a_browser_to_another_network() {
    let mut scene = Scene::forgetful().await;
    scene.policy(json!({"authorized_networks": {"blocked": {"ip_list": ["127.0.0.1"]}}})).await;
    for name in ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-original-url"] {
        let page = scene.browser.open(&scene.app.authorize_path("alice")).await;
        let value = if name == "forwarded" { "for=192.0.2.7" } else { "192.0.2.7" };
        let step = page.step();
        let form = [("step", step.as_str()), ("facts", "")];
        sent(&scene, Method::POST, &format!("{}/begin", page.path), &[(name, value)], &form).await;
        let shown = scene.browser.open(&page.path).await;
        assert!(shown.is_refusal() && shown.html.contains("Not from this network"), "{name}: {}", shown.html);
    }
}

/// Users were created there by walking through a flow. Here a login makes nobody; only enrollment does, and that the policy and a password open.
#[tokio::test]
async fn authentik_cve_2022_46145_a_login_creates_no_user() {
    let site = Site::start().await;
    let app = site.web_app().await;
    let mut browser = Browser::new(&site);
    let page = browser.log_in(&app, "stranger").await;
    for post in ["begin", "choose", "options", "passcode", "key", "trust", "wait"] {
        browser.post(&page, post, &[("method", "push"), ("passcode", "000000"), ("trust", "yes")]).await;
    }
    let mut other = Browser::new(&site);
    for path in ["/enroll/from/", "/portal/from/", "/enroll/visit/"] {
        let id = page.path.rsplit_once('/').unwrap().1;
        let shown: Page = other.open(&format!("{path}{id}")).await;
        assert!(matches!(shown.status, 403 | 404), "{path}: {}", shown.status);
    }
    assert_eq!(site.admin_api().get("/admin/v1/users", &[]).await.response(), json!([]));
}

/// AuthQuake's victims never heard of it. Whoever is locked out by guesses in browsers, administrators are told.
#[tokio::test]
async fn authquake_whoever_is_guessed_at_in_browsers_raises_an_alert() {
    let mut scene = Scene::forgetful().await;
    let (page, txid) = scene.push_page().await;
    let number = page.number().unwrap();
    let mut page = scene.browser.submit(&page, "choose", &[("method", "passcode")]).await;
    let alerts = async |scene: &Scene| {
        let store = scene.site.engine().store();
        let effects = store.reader().effects(scene.site.account, "alert", 10).await.unwrap();
        effects.iter().filter(|effect| effect.payload.contains("\"locked_out\"")).count()
    };
    for tries in 1..=10 {
        assert_eq!(alerts(&scene).await, 0, "{tries}");
        page = scene.browser.submit(&page, "passcode", &[("passcode", "123123")]).await;
    }
    assert_eq!(alerts(&scene).await, 1);
    let out = scene.browser.submit(&page, "passcode", &[("passcode", &scene.phone.passcode())]).await;
    assert!(!out.html.contains("duo_code"), "{}", out.html);
    scene.phone.approve_with(txid, &number).await.ok();
    let out = scene.browser.open(&page.path).await;
    assert!(!out.html.contains("duo_code"), "nor by the push of before: {}", out.html);
}
