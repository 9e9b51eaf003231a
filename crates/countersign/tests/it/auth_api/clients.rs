//! What programs say they do in an outage is kept for administrators, and costs the login nothing.

use cs_engine::admin::Actor;
use cs_engine::admin::integrations::PowerfulKeys;
use cs_store::clients::LoginClient;
use cs_testkit::{Api, Site};

/// A day, in seconds.
const DAY: i64 = 86_400;

async fn ask(api: &Api, path: &str, host: &str, failmode: &str, program: &str) {
    let user = if path.contains("/v1/") { "user" } else { "username" };
    let params = [(user, "alice"), ("hostname", host), ("failmode", failmode)];
    let request = api.request(reqwest::Method::POST, path, &params);
    assert_eq!(request.header("user-agent", program).send().await.unwrap().status(), 200);
}

/// What is known, once it is what `holds` waits for.
async fn known(site: &Site, holds: impl Fn(&[LoginClient]) -> bool) -> Vec<(String, String, String)> {
    loop {
        let clients = site.engine().store().login_clients(site.account).await.unwrap();
        if holds(&clients) {
            return clients.into_iter().map(|one| (one.host, one.failmode, one.program)).collect();
        }
        tokio::task::yield_now().await;
    }
}

fn line(host: &str, failmode: &str, program: &str) -> (String, String, String) {
    (host.to_owned(), failmode.to_owned(), program.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_one_application_are_told_apart_and_a_host_that_changes_is_noted() {
    let site = Site::start().await;
    site.user("alice").await.phone().await;
    let unix = site.integration("unix", |_| {}).await;
    ask(&unix, "/auth/v2/preauth", "web1", "open", "pam_duo/2.2.0 libduo/2.2.0").await;
    ask(&unix, "/rest/v1/preauth.bson", "web2", "closed", "login_duo/1.11.3").await;
    // Who says nothing, or a word that is none, is not noted.
    ask(&unix, "/auth/v2/preauth", "web3", "", "duo_api_python/5").await;
    ask(&unix, "/auth/v2/preauth", "web4", "ajar", "duo_api_python/5").await;
    let expected = [line("web1", "safe", "pam_duo/2.2.0 libduo/2.2.0"), line("web2", "secure", "login_duo/1.11.3")];
    assert_eq!(known(&site, |all| all.len() == 2).await, expected);

    site.advance(60);
    ask(&unix, "/auth/v2/preauth", "web1\u{7}", "closed", "pam_duo/2.2.1").await;
    let changed = known(&site, |all| all[0].failmode == "secure").await;
    assert_eq!(changed[0], line("web1", "secure", "pam_duo/2.2.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_the_same_is_written_once_a_day_and_forgotten_with_its_application() {
    let site = Site::start().await;
    site.user("alice").await.phone().await;
    let (unix, other) = (site.integration("unix", |_| {}).await, site.integration("unix", |_| {}).await);
    let seen = async |api: &Api| {
        let clients = site.engine().store().login_clients(site.account).await.unwrap();
        clients.into_iter().find(|one| one.integration == api.key()).map(|one| (one.first_seen_at, one.last_seen_at))
    };
    let begun = site.now();
    ask(&unix, "/auth/v2/preauth", "h", "open", "p").await;
    known(&site, |all| all.len() == 1).await;
    site.advance(DAY - 1);
    ask(&unix, "/auth/v2/preauth", "h", "open", "p").await;
    // Written after it would have been.
    ask(&other, "/auth/v2/preauth", "h", "open", "p").await;
    known(&site, |all| all.len() == 2).await;
    assert_eq!(seen(&unix).await, Some((begun, begun)));
    site.advance(1);
    ask(&unix, "/auth/v2/preauth", "h", "open", "p").await;
    let today = site.now();
    known(&site, |all| all.iter().any(|one| one.last_seen_at == today)).await;
    assert_eq!(seen(&unix).await, Some((begun, today)));

    let engine = site.engine();
    engine.delete_integration(site.account, &Actor::Terminal, PowerfulKeys::Allowed, unix.key()).await.unwrap();
    assert_eq!((seen(&unix).await, seen(&other).await.is_some()), (None, true));
    site.advance(90 * DAY);
    engine.forget_old_logins().await.unwrap();
    assert_eq!(seen(&other).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_without_end_do_not_fill_the_database() {
    let site = Site::start().await;
    let unix = site.integration("unix", |_| {}).await;
    let client = |host: String| LoginClient {
        account: site.account,
        integration: unix.key(),
        host,
        program: "p".to_owned(),
        failmode: "safe".to_owned(),
        first_seen_at: site.now(),
        last_seen_at: site.now(),
    };
    for n in 0..500 {
        assert!(site.engine().note_login_client(&client(n.to_string())).await.unwrap());
    }
    assert!(!site.engine().note_login_client(&client("one more".to_owned())).await.unwrap());
    assert!(site.engine().note_login_client(&client("7".to_owned())).await.unwrap(), "one that is known");
}
