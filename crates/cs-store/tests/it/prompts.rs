//! Logins in browsers: each step left once, each code and assertion used once, browsers remembered and forgotten.

use cs_core::id::{AccountId, BrowserId, IntegrationKey, PromptId, UserId};
use cs_store::authorization_codes::AuthorizationCode;
use cs_store::client_assertions::use_assertion;
use cs_store::prompts::{PromptRow, forget_codes};
use cs_store::remembered::{forget_granted_by, forget_remembered_before};
use cs_store::remembered_browsers::{MAX_BROWSERS_PER_USER, RememberedBrowser, forget_browser};
use cs_store::testing::TestDatabase;
use cs_store::{CommitError, Job, Step, Store};
use jiff::{SignedDuration, Timestamp};

on_both_engines![
    a_step_of_a_prompt_is_left_once,
    a_code_is_redeemed_once_by_its_client_in_time,
    an_assertion_is_used_once,
    a_browser_is_remembered_rotated_and_forgotten,
    the_browser_used_longest_ago_makes_room,
];

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn account() -> AccountId {
    "DAABCDEFGHJKLMNPQRST".parse().unwrap()
}

fn client(letter: &str) -> IntegrationKey {
    format!("DI{}", letter.repeat(18)).parse().unwrap()
}

fn user() -> UserId {
    "DUABCDEFGHJKLMNPQRST".parse().unwrap()
}

async fn commit(store: &Store, steps: impl IntoIterator<Item = Step>) -> Result<(), CommitError> {
    let job = steps.into_iter().fold(Job::new(), Job::step);
    store.commit(job).await.map(drop)
}

async fn a_step_of_a_prompt_is_left_once(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let id: PromptId = "PRABCDEFGHJKLMNPQRST".parse().unwrap();
    let prompt = PromptRow {
        account: account(),
        id,
        secret_digest: [7; 32],
        integration: client("A"),
        request: "{}".to_owned(),
        state: "{\"a\":1}".to_owned(),
        version: 1,
        created_at: now(),
        expires_at: now() + minutes(10),
    };
    commit(&store, [prompt.insert()]).await.unwrap();
    assert!(commit(&store, [prompt.insert()]).await.is_err());
    assert_eq!(store.prompt(account(), id).await.unwrap().as_ref(), Some(&prompt));
    let both = tokio::join!(
        commit(&store, [prompt.go_on("{\"b\":1}", now())]),
        commit(&store, [prompt.go_on("{\"c\":1}", now())])
    );
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|held| **held).count(), 1, "{both:?}");
    let gone_on = store.prompt(account(), id).await.unwrap().unwrap();
    assert_eq!(gone_on.version, 2);
    assert!(commit(&store, [prompt.go_on("{}", now())]).await.is_err(), "the first step was left");
    assert!(commit(&store, [gone_on.go_on("{}", now() + minutes(10))]).await.is_err(), "it is over");
    let elsewhere: AccountId = "DABBBBBBBBBBBBBBBBBB".parse().unwrap();
    assert_eq!(store.prompt(elsewhere, id).await.unwrap(), None);
    commit(&store, forget_codes(now() + minutes(11))).await.unwrap();
    assert_eq!(store.prompt(account(), id).await.unwrap(), None);
}

async fn a_code_is_redeemed_once_by_its_client_in_time(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let code = AuthorizationCode {
        digest: [1; 32],
        integration: client("A"),
        redirect_uri: "https://app.example.org/cb".to_owned(),
        login: "{}".to_owned(),
        expires_at: now() + minutes(5),
    };
    commit(&store, [code.insert(account())]).await.unwrap();
    assert!(commit(&store, [code.insert(account())]).await.is_err());
    assert_eq!(store.authorization_code(account(), client("A"), &[1; 32]).await.unwrap().as_ref(), Some(&code));
    assert_eq!(store.authorization_code(account(), client("B"), &[1; 32]).await.unwrap(), None);
    for wrong in [
        AuthorizationCode { integration: client("B"), ..code.clone() },
        AuthorizationCode { redirect_uri: "https://app.example.org/cb/".to_owned(), ..code.clone() },
        AuthorizationCode { digest: [2; 32], ..code.clone() },
    ] {
        assert!(commit(&store, [wrong.redeem(account(), now())]).await.is_err(), "{wrong:?}");
    }
    assert!(commit(&store, [code.redeem(account(), now() + minutes(5))]).await.is_err(), "too late");
    let both =
        tokio::join!(commit(&store, [code.redeem(account(), now())]), commit(&store, [code.redeem(account(), now())]));
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|held| **held).count(), 1, "{both:?}");
    assert_eq!(store.authorization_code(account(), client("A"), &[1; 32]).await.unwrap(), None);
}

async fn an_assertion_is_used_once(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let once = || [use_assertion(account(), client("A"), &[1; 32], now() + minutes(5))];
    let both = tokio::join!(commit(&store, once()), commit(&store, once()));
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|held| **held).count(), 1, "{both:?}");
    commit(&store, [use_assertion(account(), client("B"), &[1; 32], now())]).await.unwrap();
    commit(&store, forget_codes(now() + minutes(5))).await.unwrap();
    assert!(commit(&store, once()).await.is_err(), "kept for as long as it would be good");
    commit(&store, forget_codes(now() + minutes(6))).await.unwrap();
    commit(&store, once()).await.unwrap();
}

fn browser(id: BrowserId, used_at: Timestamp) -> RememberedBrowser {
    RememberedBrowser {
        id,
        user: user(),
        integration: client("A"),
        digest: [1; 32],
        previous_digest: None,
        rotation: 0,
        rotated_at: used_at,
        name: "Firefox on Linux".to_owned(),
        address: "192.0.2.1".to_owned(),
        granted_at: now(),
        until: now() + minutes(60),
        policy: "POAAAAAAAAAAAAAAAAAA/30days".to_owned(),
        trust_epoch: 3,
    }
}

async fn a_browser_is_remembered_rotated_and_forgotten(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let id: BrowserId = "BRABCDEFGHJKLMNPQRST".parse().unwrap();
    let first = browser(id, now());
    commit(&store, first.insert(account())).await.unwrap();
    assert_eq!(store.remembered_browser(account(), id).await.unwrap().as_ref(), Some(&first));
    let later = now() + minutes(1);
    let both = tokio::join!(
        commit(&store, [first.rotate(account(), &[2; 32], "192.0.2.2", later)]),
        commit(&store, [first.rotate(account(), &[2; 32], "192.0.2.2", later)])
    );
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|held| **held).count(), 1, "{both:?}");
    let second = store.remembered_browser(account(), id).await.unwrap().unwrap();
    let expected = RememberedBrowser {
        digest: [2; 32],
        previous_digest: Some([1; 32]),
        rotation: 1,
        rotated_at: later,
        address: "192.0.2.2".to_owned(),
        ..first
    };
    assert_eq!(second, expected);
    assert_eq!(store.reader().remembered_browsers(account(), user()).await.unwrap(), [second]);
    let somebody: UserId = "DUBBBBBBBBBBBBBBBBBB".parse().unwrap();
    assert!(commit(&store, [forget_browser(account(), somebody, id)]).await.is_err(), "it is not theirs");
    commit(&store, [forget_browser(account(), user(), id)]).await.unwrap();
    assert!(commit(&store, [forget_browser(account(), user(), id)]).await.is_err());

    commit(&store, browser(id, now()).insert(account())).await.unwrap();
    commit(&store, forget_granted_by(account(), "POBBBBBBBBBBBBBBBBBB")).await.unwrap();
    commit(&store, forget_remembered_before(now() + minutes(60))).await.unwrap();
    assert!(store.remembered_browser(account(), id).await.unwrap().is_some());
    commit(&store, forget_granted_by(account(), "POAAAAAAAAAAAAAAAAAA")).await.unwrap();
    assert_eq!(store.remembered_browser(account(), id).await.unwrap(), None);
    commit(&store, browser(id, now()).insert(account())).await.unwrap();
    commit(&store, forget_remembered_before(now() + minutes(61))).await.unwrap();
    assert_eq!(store.remembered_browser(account(), id).await.unwrap(), None);
}

async fn the_browser_used_longest_ago_makes_room(database: TestDatabase) {
    let store = database.open().await.unwrap();
    for at in 0..=MAX_BROWSERS_PER_USER {
        let letters = [b'A' + (at / 26) as u8, b'A' + (at % 26) as u8];
        let id = format!("BR{}AAAAAAAAAAAAAAAA", String::from_utf8_lossy(&letters)).parse().unwrap();
        commit(&store, browser(id, now() + minutes(at)).insert(account())).await.unwrap();
    }
    let left = store.reader().remembered_browsers(account(), user()).await.unwrap();
    assert_eq!(left.len() as i64, MAX_BROWSERS_PER_USER);
    assert!(left.iter().all(|browser| browser.rotated_at > now()), "the first one went");
}
