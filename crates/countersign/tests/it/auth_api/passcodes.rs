//! Passcodes: each once, and only so many guesses.

use cs_core::user::UserStatus;
use cs_engine::admin::Actor;
use cs_testkit::Site;

use super::{passcode, preauth, status};

#[tokio::test(flavor = "multi_thread")]
async fn each_code_is_good_once() {
    let site = Site::start().await;
    let api = site.auth_api();
    let alice = site.user("alice").await;
    let (phone, token) = (alice.phone().await, alice.hotp_token().await);
    let bypass = alice.bypass_code().await;
    for (code, expected) in [(phone.passcode(), "allow"), (token.hotp(0), "allow"), (bypass, "bypass")] {
        assert_eq!(passcode(api, "alice", &code).await, expected);
        assert_eq!(passcode(api, "alice", &code).await, "deny", "a second time");
    }
    assert_eq!(passcode(api, "alice", &token.hotp(3)).await, "allow", "some may be skipped");
    assert_eq!(passcode(api, "alice", &token.hotp(2)).await, "deny", "but not gone back to");

    let bob = site.user("bob").await;
    let token = bob.totp_token().await;
    assert_eq!(passcode(api, "bob", &token.totp()).await, "allow");
    assert_eq!(passcode(api, "bob", &token.totp()).await, "deny");
    site.advance(30);
    assert_eq!(passcode(api, "bob", &token.totp()).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_code_at_the_same_moment_gets_in_once() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let code = alice.hotp_token().await.hotp(0);
    let attempts = (0..8).map(|_| {
        let (api, code) = (site.auth_api().clone(), code.clone());
        tokio::spawn(async move { passcode(&api, "alice", &code).await })
    });
    let mut allowed = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        allowed += usize::from(attempt.await.unwrap() == "allow");
    }
    assert_eq!(allowed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_wrong_codes_leave_room_for_the_right_one() {
    let site = Site::start().await;
    let token = site.user("alice").await.hotp_token().await;
    for wrong in ["000000", "", "not a passcode at all"] {
        if wrong.is_empty() {
            continue;
        }
        let params = [("username", "alice"), ("factor", "passcode"), ("passcode", wrong)];
        let answer = site.auth_api().post("/auth/v2/auth", &params).await;
        assert_eq!((answer.text("result"), answer.text("status")), ("deny".into(), "deny".into()));
        assert!(answer.text("status_msg").starts_with("Invalid passcode, please try again."));
    }
    assert_eq!(passcode(site.auth_api(), "alice", "999999").await, "deny");
    assert_eq!(passcode(site.auth_api(), "alice", &token.hotp(0)).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_ghsa_85v8_ten_wrong_codes_lock_out_and_time_unlocks() {
    let site = Site::start().await;
    let token = site.user("alice").await.hotp_token().await;
    for _ in 0..10 {
        assert_eq!(passcode(site.auth_api(), "alice", "000000").await, "deny");
    }
    assert_eq!(passcode(site.auth_api(), "alice", &token.hotp(0)).await, "locked_out");
    let refused = preauth(site.auth_api(), "alice").await;
    assert_eq!(refused.text("result"), "deny");
    assert!(refused.text("status_msg").contains("locked"), "{}", refused.text("status_msg"));
    // Everywhere, not only where the guesses came in.
    let other = site.integration("authapi", |_| {}).await;
    assert_eq!(preauth(&other, "alice").await.text("result"), "deny");
    site.advance(15 * 60 + 1);
    assert_eq!(passcode(site.auth_api(), "alice", &token.hotp(0)).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_guesses_at_once_are_ten() {
    let site = Site::start().await;
    site.user("alice").await.hotp_token().await;
    let guesses = (0..64).map(|n| {
        let api = site.auth_api().clone();
        tokio::spawn(async move { passcode(&api, "alice", &format!("9999{n:02}")).await })
    });
    let mut judged = 0;
    for guess in guesses.collect::<Vec<_>>() {
        match guess.await.unwrap().as_str() {
            "deny" => judged += 1,
            other => assert_eq!(other, "locked_out"),
        }
    }
    assert_eq!(judged, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_client_fetches_what_was_decided_at_once() {
    let site = Site::start().await;
    let api = site.auth_api();
    let token = site.user("alice").await.hotp_token().await;
    let start = async |code: &str| {
        let params = [("username", "alice"), ("factor", "passcode"), ("passcode", code), ("async", "1")];
        api.post("/auth/v2/auth", &params).await.text("txid")
    };
    let (right, wrong) = (start(&token.hotp(0)).await, start("000000").await);
    assert!(right.len() < 256 && wrong.len() < 256, "duo_unix keeps no longer ones");
    let allowed = status(api, &right).await;
    assert_eq!((allowed.text("result"), allowed.text("status")), ("allow".into(), "allow".into()));
    let denied = status(api, &wrong).await;
    assert_eq!((denied.text("result"), denied.text("status")), ("deny".into(), "deny".into()));
    assert!(denied.text("status_msg").starts_with("Invalid passcode"));

    let other = site.integration("authapi", |_| {}).await;
    assert_eq!(status(&other, &right).await.code(), 40401, "nobody else's");
    let mut forged = right.clone();
    forged.replace_range(10..11, if &right[10..11] == "A" { "B" } else { "A" });
    assert_eq!(status(api, &forged).await.code(), 40401);
    site.advance(61);
    assert_eq!(status(api, &right).await.code(), 40401, "and not for long");
}

/// Telemetry loaded on every login once took a vendor down: what the login path reads is a budget.
#[tokio::test(flavor = "multi_thread")]
async fn outage_2016_02_01_the_login_path_reads_the_database_a_fixed_number_of_times() {
    let site = Site::start().await;
    let api = site.auth_api();
    let alice = site.user("alice").await;
    let token = alice.hotp_token().await;
    alice.phone().await;
    // The caches know the account and the integration.
    preauth(api, "alice").await;

    let reads = || site.engine().store().reads();
    let before = reads();
    assert_eq!(preauth(api, "alice").await.text("result"), "auth");
    assert!(reads() - before <= 2, "preauth read {} times", reads() - before);
    for (code, expected) in [(token.hotp(0), "allow"), ("000000".to_owned(), "deny")] {
        let before = reads();
        assert_eq!(passcode(api, "alice", &code).await, expected);
        assert!(reads() - before <= 1, "auth read {} times", reads() - before);
    }

    // One who was there before: a look whether anything changed, and the rest from memory.
    assert_eq!(passcode(api, "alice", &token.hotp(1)).await, "allow");
    let before = reads();
    assert_eq!(preauth(api, "alice").await.text("result"), "auth");
    assert_eq!(passcode(api, "alice", &token.hotp(2)).await, "allow");
    assert!(reads() - before <= 1, "a login read {} times", reads() - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_of_a_user_decides_nothing_after_a_change() {
    let site = Site::start().await;
    let api = site.auth_api();
    let alice = site.user("alice").await;
    let token = alice.hotp_token().await;
    assert_eq!(passcode(api, "alice", &token.hotp(0)).await, "allow");
    let after = [
        (UserStatus::Disabled, "deny", "deny"),
        (UserStatus::Active, "auth", "allow"),
        (UserStatus::Bypass, "allow", "bypass"),
        (UserStatus::Active, "auth", "allow"),
    ];
    for (counter, (status, asked, passed)) in (1..).zip(after) {
        // Remembered by this, and changed before the code comes.
        preauth(api, "alice").await;
        alice.set_status(status).await;
        assert_eq!(passcode(api, "alice", &token.hotp(counter)).await, passed, "{status:?}");
        assert_eq!(preauth(api, "alice").await.text("result"), asked, "{status:?}");
    }
}

/// What was remembered of the first user does not know how far the second has moved their token.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_two_users_moves_for_both() {
    let site = Site::start().await;
    let api = site.auth_api();
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let token = alice.hotp_token().await;
    let account = site.engine().directory().accounts().await.unwrap()[0].id;
    site.engine().give_token(account, &Actor::Terminal, bob.id, token.id).await.unwrap();
    assert_eq!(passcode(api, "alice", &token.hotp(0)).await, "allow");
    assert_eq!(passcode(api, "bob", &token.hotp(15)).await, "allow");
    assert_eq!(passcode(api, "alice", &token.hotp(15)).await, "deny", "used by the other");
    assert_eq!(
        passcode(api, "alice", &token.hotp(30)).await,
        "allow",
        "more than twenty after the last code of her own"
    );
    assert_eq!(passcode(api, "bob", &token.hotp(31)).await, "allow");
    assert_eq!(passcode(api, "alice", &token.hotp(31)).await, "deny");
}
