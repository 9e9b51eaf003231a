//! Old software: people are told before the first way to log in, and where it is refused how to update it.

use cs_testkit::Browser;
use serde_json::json;

use super::Scene;

const ANDROID_11: &str = "Mozilla/5.0 (Linux; Android 11; Pixel 4) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";

fn android(block: &str, warn: &str) -> serde_json::Value {
    json!({"operating_systems": {"os_restrictions": {"android": {
        "block_policy": "less-than-version", "block_version": block, "warn_policy": "less-than-version", "warn_version": warn,
    }}}})
}

#[tokio::test]
async fn whoever_has_old_software_is_told_once_and_goes_on() {
    let mut scene = Scene::forgetful().await;
    scene.policy(android("9", "13")).await;
    scene.browser.user_agent = ANDROID_11.to_owned();
    let page = scene.browser.open(&scene.app.authorize_path("alice")).await;
    let told = scene.browser.submit(&page, "begin", &[("facts", r#"{"webauthn":true}"#)]).await;
    assert!(told.html.contains("Android 11 is out of date"), "{}", told.html);
    assert!(told.html.contains("settings of the device") && told.html.contains("support.google.com/android"));
    assert_eq!(scene.phone.pushes(), 0, "nobody is asked yet");
    assert!(scene.browser.open(&page.path).await.html.contains("Android 11 is out of date"), "when it is loaded again");
    let push = scene.browser.submit(&told, "begin", &[]).await;
    let number = push.number().expect("a push");
    let txid = scene.phone.next_push().await;
    scene.phone.approve_with(txid, &number).await.unwrap();
    scene.browser.open(&page.path).await.redirect();
    // Newer, or of a version that nobody knows: no word.
    for fine in
        [ANDROID_11.replace("Android 11", "Android 14"), ANDROID_11.replace("Android 11; Pixel 4", "Android 10; K")]
    {
        let mut browser = Browser::new(&scene.site);
        browser.user_agent = fine;
        scene.site.advance(61);
        let page = browser.log_in(&scene.app, "alice").await;
        assert!(!page.html.contains("is out of date"), "{}", page.html);
    }
}

#[tokio::test]
async fn whoever_has_software_that_is_refused_is_told_how_to_update_it() {
    let mut scene = Scene::forgetful().await;
    scene.policy(android("12", "13")).await;
    scene.browser.user_agent = ANDROID_11.to_owned();
    let page = scene.browser.log_in(&scene.app, "alice").await;
    assert!(page.is_refusal() && page.html.contains("Your software is too old"), "{}", page.html);
    assert!(page.html.contains("settings of the device") && page.html.contains("See how to update"), "{}", page.html);
    assert!(page.html.contains("href=\"https://support.google.com/android/answer/7680439\""), "{}", page.html);
}
