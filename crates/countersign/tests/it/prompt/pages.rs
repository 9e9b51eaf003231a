//! What a person sees, from the first look at the browser to the way back.

use cs_core::login::{Decision, Push};
use cs_core::user::UserStatus;
use cs_engine::admin::Actor;
use cs_engine::wake::Delivery;
use cs_testkit::{REDIRECT, STATE};
use serde_json::json;

use super::Scene;

#[tokio::test]
async fn a_push_begins_by_itself_and_its_number_is_typed_on_the_phone() {
    let mut scene = Scene::forgetful().await;
    let (page, txid) = scene.push_page().await;
    let number = page.number().expect("a number");
    assert_eq!(number.len(), 6);
    let asked = scene.phone.shown(txid).await;
    let statement: serde_json::Value = serde_json::from_str(&asked.statement).unwrap();
    assert_eq!(statement["user"], "alice");
    assert_eq!(statement["application"], "Test websdk");
    assert_eq!(statement["info"], json!([["Browser", "Firefox on Linux"]]));

    let waiting = scene.browser.open(&page.path).await;
    assert_eq!(waiting.number(), Some(number.clone()), "reloading sends nothing and shows the same");
    assert_eq!(scene.phone.pushes(), 0);
    scene.phone.approve_with(txid, &number).await.unwrap();
    let done = scene.browser.open(&page.path).await;
    let redirect = done.redirect();
    assert!(redirect.starts_with(&format!("{REDIRECT}&duo_code=")), "{redirect}");
    assert!(redirect.ends_with(&format!("&state={STATE}")), "{redirect}");
    assert_eq!(scene.browser.open(&page.path).await.code(), done.code(), "the last page can be shown again");

    let claims = scene.app.id_token(&scene.app.token(&done.code()).await);
    assert_eq!(claims["preferred_username"], "alice");
    assert_eq!(claims["nonce"], "a nonce of the application's");
    let context = &claims["auth_context"];
    assert_eq!((&context["txid"], &context["factor"]), (&json!(txid.to_string()), &json!("verified_duo_push")));
    assert_eq!((&context["reason"], &context["result"]), (&json!("user_approved"), &json!("success")));
    assert_eq!(context["access_device"]["browser"], "firefox");
    assert_eq!(context["access_device"]["os"], "linux");
    assert_eq!(context["access_device"]["ip"], "127.0.0.1");
    assert_eq!(context["auth_device"]["ip"], "192.0.2.200");
    assert_eq!(context["user"]["key"], scene.alice.id.as_str());
}

#[tokio::test]
async fn a_phone_is_led_to_the_authenticator_on_it_and_a_computer_is_not() {
    let mut scene = Scene::forgetful().await;
    let (page, _) = scene.push_page().await;
    assert!(!page.html.contains("/#/request/"));
    scene.site.advance(61);
    scene.browser.user_agent = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36".to_owned();
    let (page, txid) = scene.push_page().await;
    let login = page.path.rsplit_once('/').unwrap().1;
    let link = format!("href=\"{}/#/request/{txid}/{login}\"", scene.site.engine().authenticator_origin());
    assert!(page.html.contains(&link), "{}", page.html);
}

#[tokio::test]
async fn the_page_that_waits_is_told_when_somebody_answers() {
    let mut scene = Scene::forgetful().await;
    let (page, txid) = scene.push_page().await;
    let mut waiting = scene.browser.clone();
    let asked = page.clone();
    let answer = tokio::spawn(async move { waiting.post(&asked, "wait", &[]).await });
    scene.site.waiting(1).await;
    scene.phone.approve_with(txid, &page.number().unwrap()).await.unwrap();
    assert!(answer.await.unwrap().html.contains(r#""approved":true"#));
    scene.browser.open(&page.path).await.redirect();
}

/// Whoever types a code while the push is still on the phone is not left with a page that nobody tells of the answer.
#[tokio::test]
async fn beside_a_code_the_page_is_told_of_an_approval_and_of_nothing_else() {
    for decision in [Decision::Approve, Decision::Deny] {
        let mut scene = Scene::forgetful().await;
        let (page, txid) = scene.push_page().await;
        let number = page.number().unwrap();
        let codes = scene.browser.submit(&page, "choose", &[("method", "passcode")]).await;
        assert!(codes.html.contains("data-beside"), "{}", codes.html);
        let (mut waiting, asked) = (scene.browser.clone(), codes.clone());
        let answer = tokio::spawn(async move { waiting.post(&asked, "wait", &[]).await });
        scene.site.waiting(1).await;
        let number = (decision == Decision::Approve).then_some(number.as_str());
        scene.phone.answer(txid, decision, number).await.unwrap();
        let told = answer.await.unwrap().html;
        assert!(told.contains(r#""waiting":false"#), "{told}");
        assert_eq!(told.contains(r#""approved":true"#), decision == Decision::Approve, "{told}");
        let shown = scene.browser.open(&page.path).await;
        assert_eq!(shown.html.contains("duo_code"), decision == Decision::Approve, "{}", shown.html);
    }
}

#[tokio::test]
async fn the_page_says_so_as_soon_as_the_phone_shows_the_request() {
    let mut scene = Scene::forgetful().await;
    let (page, txid) = scene.push_page().await;
    let said = "Your phone shows the request";
    assert!(!page.html.contains(&format!(">{said}<")), "{}", page.html);
    let mut waiting = scene.browser.clone();
    let asked = page.clone();
    let answer = tokio::spawn(async move { waiting.post(&asked, "wait", &[]).await });
    scene.site.waiting(1).await;
    // Fetched is not shown.
    let (engine, account) = (scene.site.engine().clone(), scene.site.account);
    engine.delivered(account, scene.phone.id, txid, Delivery::Delivered);
    engine.delivered(account, scene.phone.id, txid, Delivery::Shown);
    assert_eq!(answer.await.unwrap().html, r#"{"seen":true,"waiting":true}"#);
    // Loaded again, the page has it from the start.
    assert!(scene.browser.open(&page.path).await.html.contains(&format!(">{said}<")));
    // Whoever knows it is held until somebody answers.
    let mut waiting = scene.browser.clone();
    let asked = page.clone();
    let answer = tokio::spawn(async move { waiting.post(&asked, "wait", &[("seen", "yes")]).await });
    scene.site.waiting(1).await;
    scene.phone.approve_with(txid, &page.number().unwrap()).await.unwrap();
    assert!(answer.await.unwrap().html.contains(r#""approved":true"#));
}

#[tokio::test]
async fn a_passcode_gets_in_while_the_push_stays_good_and_then_withdraws_it() {
    let mut scene = Scene::forgetful().await;
    let (page, txid) = scene.push_page().await;
    let page = scene.browser.submit(&page, "choose", &[("method", "passcode")]).await;
    assert!(page.posts_to("passcode"));
    let wrong = scene.browser.submit(&page, "passcode", &[("passcode", "000000")]).await;
    assert!(wrong.posts_to("passcode") && wrong.html.contains("aria-invalid"), "{}", wrong.html);
    let empty = scene.browser.submit(&wrong, "passcode", &[("passcode", " ")]).await;
    assert!(empty.posts_to("passcode"), "an empty code is none");
    let done = scene.browser.submit(&empty, "passcode", &[("passcode", &scene.phone.passcode())]).await;
    let claims = scene.app.id_token(&scene.app.token(&done.code()).await);
    assert_eq!(claims["auth_context"]["factor"], "duo_mobile_passcode");
    assert!(scene.phone.approve(txid).await.is_err(), "nobody is asked any more");
    assert!(
        scene.site.engine().store().login(scene.site.account, txid).await.unwrap().unwrap().push == Push::Cancelled
    );
}

#[tokio::test]
async fn a_push_that_is_approved_counts_on_whatever_page_the_person_is() {
    let mut scene = Scene::forgetful().await;
    let (page, txid) = scene.push_page().await;
    let number = page.number().unwrap();
    let codes = scene.browser.submit(&page, "choose", &[("method", "passcode")]).await;
    assert!(codes.html.contains(&number[..3]), "the number is still shown: {}", codes.html);
    scene.phone.approve_with(txid, &number).await.unwrap();
    scene.browser.open(&page.path).await.redirect();
}

#[tokio::test]
async fn going_back_to_the_push_sends_no_second_one() {
    let mut scene = Scene::forgetful().await;
    let (page, txid) = scene.push_page().await;
    let options = scene.browser.submit(&page, "options", &[]).await;
    assert!(options.html.contains("value=\"push\"") && options.html.contains("value=\"passcode\""));
    assert!(!options.html.contains("value=\"bypass\""), "there is no such code");
    let device = scene.phone.id.to_string();
    let again = scene.browser.submit(&options, "choose", &[("method", "push"), ("device", &device)]).await;
    assert_eq!(again.number(), page.number());
    assert_eq!(scene.phone.pushes(), 0);
    scene.phone.approve_with(txid, &again.number().unwrap()).await.unwrap();
    scene.browser.open(&page.path).await.redirect();
}

#[tokio::test]
async fn denied_and_unanswered_pushes_can_be_sent_again() {
    let mut scene = Scene::forgetful().await;
    let (page, txid) = scene.push_page().await;
    scene.phone.answer(txid, Decision::Deny, None).await.unwrap();
    let again = scene.browser.open(&page.path).await;
    assert!(again.is_refusal() && again.posts_to("choose") && again.posts_to("options"), "{}", again.html);
    let device = scene.phone.id.to_string();
    scene.site.advance(60);
    let page = scene.browser.submit(&again, "choose", &[("method", "push"), ("device", &device)]).await;
    let txid = scene.phone.next_push().await;
    scene.site.advance(61);
    let again = scene.browser.open(&page.path).await;
    assert!(again.is_refusal() && again.posts_to("choose"), "{}", again.html);
    assert!(scene.phone.approve(txid).await.is_err(), "too late");
    let page = scene.browser.submit(&again, "choose", &[("method", "push"), ("device", &device)]).await;
    let txid = scene.phone.next_push().await;
    scene.phone.approve_with(txid, &page.number().unwrap()).await.unwrap();
    scene.browser.open(&page.path).await.redirect();
}

#[tokio::test]
async fn a_push_marked_as_fraud_ends_the_login() {
    let mut scene = Scene::forgetful().await;
    let (page, txid) = scene.push_page().await;
    scene.phone.answer(txid, Decision::Fraud, None).await.unwrap();
    let out = scene.browser.open(&page.path).await;
    assert!(out.is_refusal() && !out.posts_to("choose"), "{}", out.html);
    assert!(out.html.contains("href=\"https://app.example.org\""), "back to the application");
}

#[tokio::test]
async fn the_way_used_last_begins_the_next_time() {
    let mut scene = Scene::forgetful().await;
    let page = scene.code_page().await;
    scene.browser.submit(&page, "passcode", &[("passcode", &scene.phone.passcode())]).await.redirect();
    scene.phone.pushes();
    let next = scene.browser.log_in(&scene.app, "alice").await;
    assert!(next.posts_to("passcode"), "{}", next.html);
    assert_eq!(scene.phone.pushes(), 0);
    let mut elsewhere = cs_testkit::Browser::new(&scene.site);
    assert!(elsewhere.log_in(&scene.app, "alice").await.number().is_some(), "another browser remembers nothing");
}

#[tokio::test]
async fn a_bypass_code_gets_in_and_is_never_chosen_by_itself() {
    let mut scene = Scene::asking().await;
    let code = scene.alice.bypass_code().await;
    let (page, _) = scene.push_page().await;
    let options = scene.browser.submit(&page, "options", &[]).await;
    assert!(options.html.contains("value=\"bypass\""));
    let page = scene.browser.submit(&options, "choose", &[("method", "bypass")]).await;
    let done = scene.browser.submit(&page, "passcode", &[("passcode", &code)]).await;
    done.redirect();
    let claims = scene.app.id_token(&scene.app.token(&done.code()).await);
    assert_eq!(claims["auth_context"]["factor"], "bypass_code");
}

#[tokio::test]
async fn blocked_ways_are_hidden_and_those_that_are_made_up_lead_nowhere() {
    let mut scene = Scene::forgetful().await;
    scene.policy(json!({"authentication_methods": {"blocked_auth_list": ["duo-passcode"]}})).await;
    let (page, _) = scene.push_page().await;
    assert!(!page.html.contains("value=\"passcode\""), "{}", page.html);
    for method in ["passcode", "bypass", "platform", "security-key", "sms"] {
        let current = scene.browser.open(&page.path).await;
        let shown = scene.browser.submit(&current, "choose", &[("method", method)]).await;
        assert!(!shown.posts_to("passcode") && !shown.posts_to("key"), "{method}: {}", shown.html);
    }
}

#[tokio::test]
async fn whoever_is_out_is_told_why_with_a_reference_that_the_log_knows() {
    let scene = Scene::forgetful().await;
    let mut tried = 0;
    for status in ["disabled", "locked out", "in the trash", "unknown", "no device"] {
        let name = match status {
            "disabled" => {
                scene.alice.set_status(UserStatus::Disabled).await;
                "alice"
            }
            "locked out" => {
                scene.alice.set_status(UserStatus::Active).await;
                scene.site.engine().lock_user(scene.site.account, &Actor::Terminal, scene.alice.id).await.unwrap();
                "alice"
            }
            "in the trash" => {
                scene.alice.set_status(UserStatus::PendingDeletion).await;
                "alice"
            }
            "unknown" => "nobody",
            _ => {
                scene.site.user("bob").await;
                "bob"
            }
        };
        let mut browser = cs_testkit::Browser::new(&scene.site);
        let page = browser.log_in(&scene.app, name).await;
        assert!(page.is_refusal() && page.step().is_empty(), "{status}: {}", page.html);
        let (_, rest) = page.html.split_once("<code>").expect("a reference");
        let reference = rest.split('<').next().unwrap();
        let reader = scene.site.engine().store().reader();
        let found = reader.log_by_reference(scene.site.account, reference).await.unwrap();
        assert_eq!(found.len(), 1, "{status}: {reference}");
        assert_eq!(found[0].result.as_deref(), Some("denied"));
        tried += 1;
    }
    assert_eq!(tried, 5);
}

#[tokio::test]
async fn whoever_needs_no_factor_is_in_at_once() {
    let mut scene = Scene::forgetful().await;
    scene.policy(json!({"authentication_policy": {"user_auth_behavior": "bypass"}})).await;
    let done = scene.browser.log_in(&scene.app, "alice").await;
    let claims = scene.app.id_token(&scene.app.token(&done.code()).await);
    assert_eq!(claims["auth_context"]["reason"], "allowed_by_policy");
    assert_eq!(claims["auth_context"]["factor"], "not_available");
}

#[tokio::test]
async fn a_browser_that_the_policy_refuses_is_refused() {
    let mut scene = Scene::forgetful().await;
    scene.policy(json!({"browsers": {"blocked_browsers_list": ["firefox"]}})).await;
    let page = scene.browser.log_in(&scene.app, "alice").await;
    assert!(page.is_refusal() && page.step().is_empty(), "{}", page.html);
    scene.browser.user_agent =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
            .to_owned();
    assert!(scene.browser.log_in(&scene.app, "alice").await.number().is_some());
}

#[tokio::test]
async fn a_login_ends_after_ten_minutes_wherever_it_stands() {
    let mut scene = Scene::forgetful().await;
    let page = scene.code_page().await;
    scene.site.advance(601);
    let late = scene.browser.submit(&page, "passcode", &[("passcode", &scene.phone.passcode())]).await;
    assert!(late.is_refusal(), "{}", late.html);
    assert!(late.html.contains("href=\"https://app.example.org\""));
    assert!(scene.browser.open(&page.path).await.is_refusal());
}

#[tokio::test]
async fn pages_are_in_the_readers_language_and_stay_in_the_one_that_was_chosen() {
    let mut scene = Scene::forgetful().await;
    let page = scene.browser.open(&scene.app.authorize_path("alice")).await;
    assert!(page.html.contains("<html lang=\"en\""));
    let page = scene.browser.open(&format!("{}?lang=de", page.path)).await;
    assert!(page.html.contains("<html lang=\"de\""), "{}", page.html);
    let next = scene.browser.submit(&page, "begin", &[("facts", "")]).await;
    assert!(next.html.contains("<html lang=\"de\""));
}
