//! What a login reads and writes, on both engines.

use cs_core::id::{AccountId, IntegrationKey, PhoneId, TxId, UserId};
use cs_core::login::{DenyReason, Push};
use cs_core::policy::risk::RiskRecord;
use cs_core::user::{Standing, UserStatus};
use cs_store::attempts::{
    change_risk, count_attempt, count_failed_push, count_success, touch_last_login, use_bypass_code,
};
use cs_store::facts::{UserFacts, UserRef, UserVersion};
use cs_store::logins::{
    AskedBy, COOL_DOWN, LIVE_PUSHES, Login, close, count_wrong_number, may_have_another, no_cool_down, time_out,
};
use cs_store::testing::TestDatabase;
use cs_store::{CommitError, Job, Step, Store, args};
use jiff::{SignedDuration, Timestamp};

on_both_engines!(
    a_user_is_read_with_everything_in_one_statement,
    the_version_of_a_user_rises_with_every_attempt,
    attempts_of_one_user_happen_one_after_another,
    a_bypass_code_is_used_as_often_as_it_says,
    a_push_is_closed_once_and_in_time_only,
    one_live_push_per_user_integration_and_source,
    unanswered_pushes_start_a_cool_down,
    withdrawn_pushes_count_unless_the_login_succeeded,
    a_user_has_few_live_pushes_wherever_they_come_from,
    wrong_numbers_are_counted_once_each,
);

pub(crate) fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn id<T: std::str::FromStr>(prefix: &str, name: char) -> T {
    let text = format!("{prefix}{}", name.to_string().repeat(18));
    text.parse().ok().unwrap()
}

pub(crate) fn account() -> AccountId {
    id("DA", 'A')
}

pub(crate) fn alice() -> UserId {
    id("DU", 'A')
}

pub(crate) fn phone() -> PhoneId {
    id("DP", 'A')
}

fn ikey() -> IntegrationKey {
    id("DI", 'A')
}

/// Alice: two groups, a phone with an authenticator and one without, a token, two bypass codes of which one is over.
pub(crate) async fn with_alice(database: &TestDatabase) -> Store {
    let store = database.open().await.unwrap();
    let (a, u) = (account(), alice());
    let t = now();
    let step = |sql: &'static str, args| Step::one(sql, args);
    let job = Job::new()
        .step(step(
            "INSERT INTO users (account, user_id, username, email, notes, status, auto_prompt, custom, attempts, failures, lock_rounds, \
             trust_epoch, version, created_at) VALUES ($1, $2, 'alice', '', '', 'active', 0, '{}', 7, 3, 0, 1, 5, $3)",
            args![a.as_str(), u.as_str(), t],
        ))
        .step(step(
            "INSERT INTO user_name (account, name_key, user_id, slot, name) VALUES ($1, 'alice', $2, 0, 'alice')",
            args![a.as_str(), u.as_str()],
        ))
        .step(step(
            "INSERT INTO user_group (account, group_id, name, description, status, version, created_at) VALUES ($1, $2, 'Staff', '', 'Active', 1, $3)",
            args![a.as_str(), "DGAAAAAAAAAAAAAAAAAA", t],
        ))
        .step(step(
            "INSERT INTO group_member (account, user_id, group_id) VALUES ($1, $2, $3)",
            args![a.as_str(), u.as_str(), "DGAAAAAAAAAAAAAAAAAA"],
        ))
        .step(insert_phone("DPAAAAAAAAAAAAAAAAAA"))
        .step(insert_phone("DPBBBBBBBBBBBBBBBBBB"))
        .step(attach_phone("DPAAAAAAAAAAAAAAAAAA", 2))
        .step(attach_phone("DPBBBBBBBBBBBBBBBBBB", 1))
        .step(step(
            "INSERT INTO authenticator (account, phone_id, user_id, public_key, class, key_protection, app_version, seed, otp_kind, otp_algorithm, \
             otp_period, otp_counter, otp_last_step, otp_drift, otp_held, activated_at, confirmed_at, confirm_phrase, version) \
             VALUES ($1, $2, $3, '{}', 'cli', 'file', '', $4, 'mh', 'SHA1', 30, 9, -1, 0, 0, $5, $5, '', 1)",
            args![a.as_str(), "DPAAAAAAAAAAAAAAAAAA", u.as_str(), b"sealed", t],
        ))
        .step(step(
            "INSERT INTO token (account, token_id, type, serial, secret, otp_algorithm, otp_period, otp_counter, otp_last_step, otp_drift, otp_memo, \
             otp_held, version, created_at) VALUES ($1, $2, 'h6', 'S1', $3, 'SHA1', 30, 4, -1, 0, NULL, 1, 1, $4)",
            args![a.as_str(), "DHAAAAAAAAAAAAAAAAAA", b"sealed too", t],
        ))
        .step(step(
            "INSERT INTO user_token (account, user_id, token_id, position) VALUES ($1, $2, $3, 1)",
            args![a.as_str(), u.as_str(), "DHAAAAAAAAAAAAAAAAAA"],
        ))
        .step(bypass_code("DBAAAAAAAAAAAAAAAAAA", 1, None, Some(2)))
        .step(bypass_code("DBBBBBBBBBBBBBBBBBBB", 2, Some(t - SignedDuration::from_secs(1)), None));
    store.commit(job).await.unwrap();
    store
}

fn insert_phone(id: &str) -> Step {
    Step::one(
        "INSERT INTO phone (account, phone_id, number, extension, name, type, platform, predelay, postdelay, model, version, created_at) \
         VALUES ($1, $2, '+15550100', '', '', 'Mobile', 'Unknown', '', '', '', 1, $3)",
        args![account().as_str(), id, now()],
    )
}

fn attach_phone(id: &str, position: i64) -> Step {
    Step::one(
        "INSERT INTO user_phone (account, user_id, phone_id, position) VALUES ($1, $2, $3, $4)",
        args![account().as_str(), alice().as_str(), id, position],
    )
}

fn bypass_code(id: &str, digest: u8, expires_at: Option<Timestamp>, uses: Option<i64>) -> Step {
    Step::one(
        "INSERT INTO bypass_code (account, user_id, digest, code_id, created_at, created_by, expires_at, uses_left) \
         VALUES ($1, $2, $3, $4, $5, '', $6, $7)",
        args![account().as_str(), alice().as_str(), [digest; 32], id, now(), expires_at, uses],
    )
}

pub(crate) async fn facts(store: &Store, digest: u8) -> UserFacts {
    store.user_facts(account(), UserRef::Name("alice"), Some(&[digest; 32]), now()).await.unwrap().unwrap()
}

pub(crate) async fn holds(store: &Store, step: Step) -> bool {
    match store.commit(Job::new().step(step)).await {
        Ok(_) => true,
        Err(CommitError::Conflict { .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

pub(crate) fn push(name: u8, at: Timestamp) -> Login {
    let expires_at = at + SignedDuration::from_secs(60);
    Login {
        account: account(),
        txid: TxId::from_bytes([name; 16]),
        user: alice(),
        integration: ikey(),
        source: "192.0.2.7".to_owned(),
        surface: "auth_v2".to_owned(),
        push: Push::Waiting { expires_at },
        phone: phone(),
        digits: 0,
        number_tries: 0,
        statement: "{}".to_owned(),
        access: "{}".to_owned(),
        request_digest: [name; 32],
        idempotency_key: None,
        created_at: at,
        expires_at,
        reason: None,
        node: "test/1".to_owned(),
        factor: AskedBy::Push,
        is_picked_up: false,
    }
}

async fn a_user_is_read_with_everything_in_one_statement(database: TestDatabase) {
    let store = with_alice(&database).await;
    let UserFacts { user, bypass_code, .. } = facts(&store, 1).await;

    assert_eq!((user.id, user.username.as_str(), user.status), (alice(), "alice", UserStatus::Active));
    assert_eq!((user.attempts, user.version, user.trust_epoch, user.lockout.failures), (7, 5, 1, 3));
    assert_eq!(user.live_bypass_codes, 1);
    assert_eq!(user.groups.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(), ["Staff"]);
    // In the order of their positions.
    assert_eq!(
        user.phones.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(),
        ["DPBBBBBBBBBBBBBBBBBB", "DPAAAAAAAAAAAAAAAAAA"]
    );
    assert!(!user.phones[0].can_push() && user.phones[1].can_push());
    let authenticator = user.phones[1].authenticator.as_ref().unwrap();
    assert_eq!((authenticator.otp.counter, authenticator.sealed_seed.as_slice()), (9, b"sealed".as_slice()));
    assert_eq!((user.tokens[0].otp.counter, user.tokens[0].otp.held), (4, true));
    assert_eq!(bypass_code.unwrap().uses_left, Some(2));
    assert_eq!(user.standing(now()), Standing::Active);

    assert!(facts(&store, 9).await.bypass_code.is_none());
    assert!(store.user_facts(account(), UserRef::Name("bob"), None, now()).await.unwrap().is_none());
    let other: AccountId = id("DA", 'B');
    assert!(store.user_facts(other, UserRef::Name("alice"), None, now()).await.unwrap().is_none());
    assert!(store.user_facts(other, UserRef::Id(alice()), None, now()).await.unwrap().is_none());
}

/// Asked for one at a time and many at once, of users who exist, who do not, and of another account's.
async fn the_version_of_a_user_rises_with_every_attempt(database: TestDatabase) {
    let store = with_alice(&database).await;
    let (other, nobody): (AccountId, UserId) = (id("DA", 'B'), id("DU", 'Z'));
    let expected = |attempts| Some(UserVersion { version: 5, attempts });
    assert_eq!(store.user_version(account(), alice()).await.unwrap(), expected(7));
    let user = facts(&store, 1).await.user;
    assert_eq!(UserVersion::of(&user), expected(7).unwrap());
    store.commit(Job::new().step(count_attempt(account(), &user, &user.lockout))).await.unwrap();
    let many = (0..100).map(|n| {
        let (account, user) = match n % 3 {
            0 => (account(), alice()),
            1 => (account(), nobody),
            _ => (other, alice()),
        };
        store.user_version(account, user)
    });
    for (n, found) in futures_util::future::join_all(many).await.into_iter().enumerate() {
        assert_eq!(found.unwrap(), if n % 3 == 0 { expected(8) } else { None }, "{n}");
    }
}

async fn attempts_of_one_user_happen_one_after_another(database: TestDatabase) {
    let store = with_alice(&database).await;
    let user = facts(&store, 9).await.user;
    let after = user.lockout.begin_attempt(Default::default(), now()).unwrap().state;
    let same_facts = || count_attempt(account(), &user, &after);
    let outcomes = futures_util::future::join_all((0..64).map(|_| holds(&store, same_facts()))).await;
    assert_eq!(outcomes.iter().filter(|held| **held).count(), 1);

    let user = facts(&store, 9).await.user;
    assert_eq!((user.attempts, user.lockout.failures), (8, 4));
    assert!(holds(&store, count_success(account(), &user, &user.lockout.succeed().unwrap(), &user.risk, now())).await);
    let user = facts(&store, 9).await.user;
    assert_eq!((user.attempts, user.lockout.failures, user.last_login), (9, 0, Some(now())));
    assert!(holds(&store, touch_last_login(account(), &user, now())).await);
    assert_eq!(user.risk, RiskRecord::default());
    let risk = user.risk.fraud_reported(now());
    assert!(holds(&store, count_failed_push(account(), &user, &user.lockout, &risk)).await);
    assert!(!holds(&store, change_risk(account(), &user, &user.risk)).await, "another came between");
    let user = facts(&store, 9).await.user;
    assert_eq!((user.attempts, user.version, &user.risk), (10, 5, &risk));
    assert!(holds(&store, change_risk(account(), &user, &risk.cleared_by_administrator(now()))).await);
    let user = facts(&store, 9).await.user;
    assert_eq!((user.version, user.risk), (6, risk.cleared_by_administrator(now())));
}

async fn a_bypass_code_is_used_as_often_as_it_says(database: TestDatabase) {
    let store = with_alice(&database).await;
    let code = facts(&store, 1).await.bypass_code.unwrap();
    let uses = futures_util::future::join_all(
        (0..16).map(|_| holds(&store, use_bypass_code(account(), alice(), code.id, now()))),
    )
    .await;
    assert_eq!(uses.iter().filter(|held| **held).count(), 2);
    let expired = facts(&store, 2).await.bypass_code.unwrap();
    assert!(!holds(&store, use_bypass_code(account(), alice(), expired.id, now())).await);
}

async fn a_push_is_closed_once_and_in_time_only(database: TestDatabase) {
    let store = with_alice(&database).await;
    let login = push(1, now());
    assert!(holds(&store, login.open()).await);
    let stored = store.login(account(), login.txid).await.unwrap().unwrap();
    assert_eq!((stored.push, stored.phone, stored.node.as_str()), (login.push, phone(), "test/1"));

    let late = login.expires_at;
    assert!(!holds(&store, close(account(), login.txid, Push::Approved, None, late)).await);
    assert!(!holds(&store, time_out(account(), login.txid, now())).await);
    let closings = (0..16)
        .map(|_| holds(&store, close(account(), login.txid, Push::Denied, Some(DenyReason::UserMistake), now())));
    let closings = futures_util::future::join_all(closings).await;
    assert_eq!(closings.iter().filter(|held| **held).count(), 1);
    assert!(!holds(&store, close(account(), login.txid, Push::Approved, None, now())).await);

    let stored = store.login(account(), login.txid).await.unwrap().unwrap();
    assert_eq!((stored.push, stored.reason.as_deref()), (Push::Denied, Some("user_mistake")));
    let closed = store.logins_closed_since(now()).await.unwrap();
    assert_eq!(closed, [(account(), login.txid, Push::Denied)]);
}

async fn one_live_push_per_user_integration_and_source(database: TestDatabase) {
    let store = with_alice(&database).await;
    let opens = futures_util::future::join_all((1..17).map(|name| holds(&store, push(name, now()).open()))).await;
    assert_eq!(opens.iter().filter(|held| **held).count(), 1);
    let elsewhere = Login { source: "192.0.2.8".to_owned(), ..push(20, now()) };
    assert!(holds(&store, elsewhere.open()).await);

    let first = store.login_in_slot(account(), alice(), ikey(), "192.0.2.7").await.unwrap().unwrap();
    assert!(holds(&store, close(account(), first.txid, Push::Approved, None, now())).await);
    assert!(holds(&store, push(30, now()).open()).await);
    let waiting = store.logins_waiting_for(account(), phone(), now()).await.unwrap();
    assert_eq!(waiting.len(), 2);
    let later = now() + SignedDuration::from_secs(61);
    assert_eq!(store.logins_waiting_for(account(), phone(), later).await.unwrap().len(), 0);
    // The same, asked by the key that is bound: by no other.
    let ids = |logins: Vec<Login>| logins.into_iter().map(|login| login.txid).collect::<Vec<_>>();
    let by_key = async |key, at| store.logins_waiting_for_key(account(), phone(), key, at).await.unwrap().map(ids);
    assert_eq!(by_key("{}", now()).await, Some(ids(waiting)));
    assert_eq!(by_key("{}", later).await, Some(Vec::new()));
    assert_eq!(by_key("{\"of\": \"another\"}", now()).await, None);
    assert_eq!(store.logins_to_time_out(later).await.unwrap().len(), 2);
}

async fn unanswered_pushes_start_a_cool_down(database: TestDatabase) {
    let store = with_alice(&database).await;
    let mut at = now();
    let may_push = |at| no_cool_down(account(), alice(), ikey(), "192.0.2.7", at);
    for name in 1..=3 {
        assert!(holds(&store, may_push(at)).await, "push {name}");
        let login = push(name, at);
        assert!(holds(&store, login.open()).await);
        at = login.expires_at;
        assert!(holds(&store, time_out(account(), login.txid, at)).await);
    }
    assert!(!holds(&store, may_push(at)).await);
    assert!(holds(&store, no_cool_down(account(), alice(), ikey(), "elsewhere", at)).await);
    assert!(holds(&store, may_push(at + COOL_DOWN)).await);
}

async fn withdrawn_pushes_count_unless_the_login_succeeded(database: TestDatabase) {
    let store = with_alice(&database).await;
    let may_push = || no_cool_down(account(), alice(), ikey(), "192.0.2.7", now());
    let withdrawn = async |name: u8, reason: Option<DenyReason>| {
        let login = push(name, now());
        assert!(holds(&store, login.open()).await);
        assert!(holds(&store, close(account(), login.txid, Push::Cancelled, reason, now())).await);
    };
    for name in 1..=5 {
        withdrawn(name, None).await;
    }
    for name in 6..=8 {
        assert!(holds(&store, may_push()).await, "push {name}");
        withdrawn(name, Some(DenyReason::UserCancelled)).await;
    }
    assert!(!holds(&store, may_push()).await);
}

async fn a_user_has_few_live_pushes_wherever_they_come_from(database: TestDatabase) {
    let store = with_alice(&database).await;
    let another = |at| may_have_another(account(), alice(), at);
    let count = u8::try_from(LIVE_PUSHES).unwrap();
    for name in 1..=count + 1 {
        assert!(holds(&store, another(now())).await, "push {name}");
        let login = Login { source: format!("192.0.2.{name}"), ..push(name, now()) };
        assert!(holds(&store, login.open()).await);
    }
    assert!(!holds(&store, another(now())).await);
    assert!(holds(&store, another(now() + SignedDuration::from_secs(61))).await, "their time is over");
}

async fn wrong_numbers_are_counted_once_each(database: TestDatabase) {
    let store = with_alice(&database).await;
    let login = push(1, now());
    assert!(holds(&store, login.open()).await);
    assert!(holds(&store, count_wrong_number(account(), login.txid, 0, now())).await);
    assert!(!holds(&store, count_wrong_number(account(), login.txid, 0, now())).await);
    assert!(holds(&store, count_wrong_number(account(), login.txid, 1, now())).await);
    // The third wrong number closes the push: it is not counted here.
    assert!(!holds(&store, count_wrong_number(account(), login.txid, 2, now())).await);
}
