//! A login on the phone that holds the authenticator: the number is told to that browser, and to nobody else.

use cs_testkit::{Browser, Page};
use http::Method;

use super::Scene;

const PHONE: &str = "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
const NONCE: &str = "abcDEF0123-_abcDEF0123";

async fn on_phone() -> Scene {
    let mut scene = Scene::forgetful().await;
    scene.browser.user_agent = PHONE.to_owned();
    scene
}

/// Where the page leads that is asked with `query`.
async fn asked(browser: &mut Browser, page: &Page, query: &str) -> String {
    let answer = browser.send_once(Method::GET, &format!("{}/here?{query}", page.path), &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.html);
    answer.leads_to().unwrap()
}

#[tokio::test]
async fn the_browser_of_a_login_gets_its_number_told_and_no_other_does() {
    let mut scene = on_phone().await;
    let (page, txid) = scene.push_page().await;
    let authenticator = scene.site.engine().authenticator_origin().to_owned();
    let login = page.path.rsplit_once('/').unwrap().1;
    assert!(page.html.contains(&format!("href=\"{authenticator}/#/request/{txid}/{login}\"")), "{}", page.html);
    let query = format!("txid={txid}&nonce={NONCE}");
    let number = page.number().unwrap();
    assert_eq!(
        asked(&mut scene.browser, &page, &query).await,
        format!("{authenticator}/#/here/{txid}/{NONCE}/{number}")
    );

    // Somebody who was sent the link, with logins of their own or without; a computer; another push.
    let without = format!("{authenticator}/#/here/{txid}/{NONCE}");
    let mut stranger = Browser::new(&scene.site);
    stranger.user_agent = PHONE.to_owned();
    assert_eq!(asked(&mut stranger, &page, &query).await, without);
    stranger.open(&scene.app.authorize_path("alice")).await;
    assert_eq!(asked(&mut stranger, &page, &query).await, without);
    let mut computer = scene.browser.clone();
    computer.user_agent = Browser::new(&scene.site).user_agent;
    assert_eq!(asked(&mut computer, &page, &query).await, without);
    let other = cs_core::id::TxId::from_bytes([7; 16]);
    let answer = asked(&mut scene.browser, &page, &format!("txid={other}&nonce={NONCE}")).await;
    assert_eq!(answer, format!("{authenticator}/#/here/{other}/{NONCE}"));

    // What would not stand in an address as it is leads nowhere.
    for wrong in [
        format!("txid={txid}"),
        format!("txid={txid}&nonce=a%2Fb"),
        format!("txid={txid}&nonce=%0d%0aa"),
        format!("txid={txid}&nonce={}", "a".repeat(65)),
        format!("txid=1&nonce={NONCE}"),
        String::new(),
    ] {
        let answer = scene.browser.send_once(Method::GET, &format!("{}/here?{wrong}", page.path), &[]).await;
        assert!(answer.status == 400 && answer.leads_to().is_none(), "{wrong}: {}", answer.status);
    }

    // While another way is looked at the push still waits; answered, there is nothing to tell.
    let options = scene.browser.submit(&page, "options", &[]).await;
    assert!(asked(&mut scene.browser, &options, &query).await.ends_with(&number));
    scene.phone.approve_with(txid, &number).await.unwrap();
    scene.browser.open(&page.path).await;
    assert_eq!(asked(&mut scene.browser, &page, &query).await, without);
}

#[tokio::test]
async fn a_number_is_told_no_longer_than_the_push_lives() {
    let mut scene = on_phone().await;
    let (page, txid) = scene.push_page().await;
    scene.site.advance(61);
    let answer = asked(&mut scene.browser, &page, &format!("txid={txid}&nonce={NONCE}")).await;
    assert!(answer.ends_with(NONCE), "{answer}");
}
