//! Enrollment links, visits of browsers, and recovery codes: each used once, each ended by what comes after it.

use cs_core::id::{AccountId, BypassCodeId, UserId, VisitId};
use cs_store::bypass_codes::{BypassCodeRecord, mark_recovery, remove_bypass_codes, remove_recovery_codes};
use cs_store::enrollment_links::{EnrollmentLink, LinkEnd, LinkOrigin, claim_link, end_links, forget_links, use_link};
use cs_store::testing::TestDatabase;
use cs_store::users::take_name;
use cs_store::visits::{VisitKind, VisitRow, end_other_visits, forget_visits};
use cs_store::{CommitError, Job, Step, Store};
use jiff::{SignedDuration, Timestamp};

on_both_engines![
    a_link_is_used_once_in_time_and_replaced_by_a_fresh_one,
    a_link_of_a_login_and_an_invitation_do_not_replace_each_other,
    links_of_logins_stand_side_by_side_and_one_use_ends_all_links_of_the_user,
    a_step_of_a_visit_is_left_once,
    a_visit_ends_and_the_others_of_its_user_with_a_lost_device,
    recovery_codes_and_those_of_the_help_desk_live_apart,
];

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn account() -> AccountId {
    "DAABCDEFGHJKLMNPQRST".parse().unwrap()
}

fn user(letter: &str) -> UserId {
    format!("DU{}", letter.repeat(18)).parse().unwrap()
}

async fn commit(store: &Store, steps: impl IntoIterator<Item = Step>) -> Result<(), CommitError> {
    let job = steps.into_iter().fold(Job::new(), Job::step);
    store.commit(job).await.map(drop)
}

fn link(digest: u8, username: &str, origin: LinkOrigin) -> EnrollmentLink {
    let expires_at = now() + days(30);
    let user = (origin == LinkOrigin::Invitation).then(|| user("A"));
    EnrollmentLink {
        digest: [digest; 32],
        user,
        username: username.to_owned(),
        origin,
        ended: None,
        created_at: now(),
        expires_at,
    }
}

async fn a_link_is_used_once_in_time_and_replaced_by_a_fresh_one(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let first = link(1, "alice", LinkOrigin::Invitation);
    commit(&store, first.insert(account())).await.unwrap();
    assert_eq!(store.enrollment_link(account(), &[1; 32]).await.unwrap(), Some(first));
    assert_eq!(store.enrollment_link(account(), &[2; 32]).await.unwrap(), None);
    let other: AccountId = "DABBBBBBBBBBBBBBBBBB".parse().unwrap();
    assert_eq!(store.enrollment_link(other, &[1; 32]).await.unwrap(), None);

    commit(&store, link(2, "alice", LinkOrigin::Invitation).insert(account())).await.unwrap();
    let ended = async |digest: u8| store.enrollment_link(account(), &[digest; 32]).await.unwrap().unwrap().ended;
    assert_eq!((ended(1).await, ended(2).await), (Some(LinkEnd::Replaced), None));
    commit(&store, [use_link(account(), &[1; 32], now())]).await.unwrap_err();

    // Too late, and then once.
    commit(&store, [use_link(account(), &[2; 32], now() + days(30))]).await.unwrap_err();
    let use_it = || use_link(account(), &[2; 32], now() + days(29));
    let (one, two) = tokio::join!(commit(&store, [use_it()]), commit(&store, [use_it()]));
    assert!(one.is_ok() != two.is_ok());
    assert_eq!(ended(2).await, Some(LinkEnd::Used));

    commit(&store, [forget_links(now() + days(89))]).await.unwrap();
    assert_eq!(ended(2).await, Some(LinkEnd::Used));
    commit(&store, [forget_links(now() + days(91))]).await.unwrap();
    assert_eq!(store.enrollment_link(account(), &[2; 32]).await.unwrap(), None);
}

async fn a_link_of_a_login_and_an_invitation_do_not_replace_each_other(database: TestDatabase) {
    let store = database.open().await.unwrap();
    commit(&store, link(1, "alice", LinkOrigin::Invitation).insert(account())).await.unwrap();
    commit(&store, link(2, "alice", LinkOrigin::Login).insert(account())).await.unwrap();
    commit(&store, link(3, "bob", LinkOrigin::Login).insert(account())).await.unwrap();
    for digest in 1..=3 {
        assert_eq!(store.enrollment_link(account(), &[digest; 32]).await.unwrap().unwrap().ended, None);
    }
    commit(&store, [claim_link(account(), &[3; 32], user("B"))]).await.unwrap();
    commit(&store, [claim_link(account(), &[3; 32], user("C"))]).await.unwrap_err();
    let claimed = store.enrollment_link(account(), &[3; 32]).await.unwrap().unwrap();
    assert_eq!(claimed.user, Some(user("B")));
}

async fn links_of_logins_stand_side_by_side_and_one_use_ends_all_links_of_the_user(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let name = |key: &str, of: &str| take_name(account(), user(of), 0, key, key);
    commit(&store, [name("alice", "A"), name("bob", "B")]).await.unwrap();
    let known = |digest, of: &str| EnrollmentLink {
        user: Some(user(of)),
        ..link(digest, "named otherwise", LinkOrigin::Login)
    };
    for made in [
        link(1, "alice", LinkOrigin::Invitation),
        known(2, "A"),
        known(3, "A"),
        // From before there was a user of that name.
        link(4, "alice", LinkOrigin::Login),
        known(5, "B"),
        link(6, "bob", LinkOrigin::Login),
    ] {
        commit(&store, made.insert(account())).await.unwrap();
    }
    let good = async || {
        let mut good = Vec::new();
        for digest in 1..=6 {
            let link = store.enrollment_link(account(), &[digest; 32]).await.unwrap().unwrap();
            good.extend(link.ended.is_none().then_some(digest));
        }
        good
    };
    assert_eq!(good().await, [1, 2, 3, 4, 5, 6]);
    commit(&store, [use_link(account(), &[3; 32], now()), end_links(account(), user("A"))]).await.unwrap();
    assert_eq!(good().await, [5, 6], "and nobody else's");
    commit(&store, [use_link(account(), &[1; 32], now())]).await.unwrap_err();
}

fn visit(letter: &str, of: &str, kind: VisitKind) -> VisitRow {
    VisitRow {
        account: account(),
        id: format!("VS{}", letter.repeat(18)).parse().unwrap(),
        secret_digest: [7; 32],
        kind,
        user: user(of),
        state: "{\"a\":1}".to_owned(),
        version: 1,
        created_at: now(),
        expires_at: now() + SignedDuration::from_mins(30),
    }
}

async fn a_step_of_a_visit_is_left_once(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let row = visit("A", "A", VisitKind::Enrollment);
    commit(&store, [row.insert()]).await.unwrap();
    assert_eq!(store.visit(account(), row.id).await.unwrap().as_ref(), Some(&row));
    commit(&store, [row.go_on("{}", now() + SignedDuration::from_mins(30))]).await.unwrap_err();
    let (one, two) =
        tokio::join!(commit(&store, [row.go_on("{\"b\":1}", now())]), commit(&store, [row.go_on("{\"b\":2}", now())]));
    assert!(one.is_ok() != two.is_ok());
    let after = store.visit(account(), row.id).await.unwrap().unwrap();
    assert_eq!(after.version, 2);
    commit(&store, [forget_visits(now() + SignedDuration::from_mins(31))]).await.unwrap();
    assert_eq!(store.visit(account(), row.id).await.unwrap(), None);
}

async fn a_visit_ends_and_the_others_of_its_user_with_a_lost_device(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let rows = [("A", "A"), ("B", "A"), ("C", "A"), ("D", "B")].map(|(id, of)| visit(id, of, VisitKind::Portal));
    commit(&store, rows.iter().map(VisitRow::insert)).await.unwrap();
    let left = async || {
        let mut left = String::new();
        for row in &rows {
            let found = store.visit(account(), row.id).await.unwrap();
            left.extend(found.map(|row| char::from(VisitId::as_bytes(&row.id)[2])));
        }
        left
    };
    commit(&store, [rows[2].end()]).await.unwrap();
    assert_eq!(left().await, "ABD");
    commit(&store, [end_other_visits(account(), user("A"), rows[0].id)]).await.unwrap();
    assert_eq!(left().await, "AD");
}

async fn recovery_codes_and_those_of_the_help_desk_live_apart(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let code = |letter: &str, digest: u8| {
        let id: BypassCodeId = format!("DB{}", letter.repeat(18)).parse().unwrap();
        let record = BypassCodeRecord {
            id,
            user: user("A"),
            created_at: now(),
            created_by: String::new(),
            reason: None,
            expires_at: None,
            uses_left: Some(1),
        };
        (record.insert(account(), &[digest; 32]), mark_recovery(account(), user("A"), id))
    };
    let ((desk, _), (one, mark_one), (two, mark_two)) = (code("A", 1), code("B", 2), code("C", 3));
    commit(&store, [desk, one, mark_one, two, mark_two]).await.unwrap();
    let reader = store.reader();
    assert_eq!(reader.recovery_codes_left(account(), user("A")).await.unwrap(), 2);
    // The help desk replaces its own.
    commit(&store, [remove_bypass_codes(account(), user("A"))]).await.unwrap();
    assert_eq!(reader.recovery_codes_left(account(), user("A")).await.unwrap(), 2);
    let (desk, _) = code("A", 1);
    commit(&store, [desk, remove_recovery_codes(account(), user("A"))]).await.unwrap();
    assert_eq!(reader.recovery_codes_left(account(), user("A")).await.unwrap(), 0);
    let id = "DBAAAAAAAAAAAAAAAAAA".parse().unwrap();
    assert!(reader.bypass_code(account(), id, now()).await.unwrap().is_some());
}
