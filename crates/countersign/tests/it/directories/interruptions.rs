//! Runs among logins, and runs that do not come to their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cs_core::user::UserStatus;
use cs_engine::directories::{DirectoryChange, DirectoryError};
use cs_testkit::{Site, VirtualToken};
use cs_wire::agent::{Order, Report};

use super::fake::{Directory, FakeProxy, People, person};
use super::user;

on_both_engines![
    logins_go_on_while_a_big_run_is_under_way,
    a_push_that_waits_does_not_let_in_who_was_disabled_meanwhile,
    a_run_that_dies_is_taken_up_by_the_next,
    half_a_list_removes_nobody,
];

/// A login of `name` by a code: `allow` or `deny`.
async fn login(site: &Site, name: &str, code: &str) -> String {
    let params = [("username", name), ("factor", "passcode"), ("passcode", code)];
    site.auth_api().post("/auth/v2/auth", &params).await.text("result")
}

fn many(people: &People, count: usize) {
    for n in 0..count {
        people.put(person(&format!("k{n:03}"), &format!("user{n:03}")));
    }
}

async fn users(site: &Site, status: UserStatus) -> usize {
    let all = site.engine().store().reader().known_users(site.account, false).await.unwrap();
    all.iter().filter(|user| user.profile.status == status).count()
}

async fn logins_go_on_while_a_big_run_is_under_way(site: Site) {
    let site = Arc::new(site);
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    many(&people, 300);
    // The first and the last of a run, who have tokens, and two of administrators.
    for (key, name) in [("a", "first"), ("z", "last")] {
        people.put(person(key, name));
    }
    let mut tokens: Vec<VirtualToken> = Vec::new();
    for name in ["first", "last", "carol", "dave"] {
        tokens.push(site.user(name).await.hotp_token().await);
    }
    let [first, last, carol, dave] = tokens.try_into().ok().expect("four tokens");
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    assert_eq!(
        (login(&site, "first", &first.hotp(0)).await, login(&site, "last", &last.hotp(0)).await),
        ("allow".into(), "allow".into())
    );
    for n in 0..300 {
        people.change(&format!("k{n:03}"), |person| person.email = Some(format!("new{n}@example.org")));
    }
    for key in ["a", "z"] {
        people.change(key, |person| person.disabled = true);
    }
    // All the while, side by side with the run.
    let is_over = Arc::new(AtomicBool::new(false));
    let beside = tokio::spawn({
        let (site, is_over) = (Arc::clone(&site), Arc::clone(&is_over));
        async move {
            for counter in 0.. {
                assert_eq!(login(&site, "carol", &carol.hotp(counter)).await, "allow", "login {counter}");
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
            }
        }
    });
    // And at each of its steps, which does not go on before the login is answered.
    let steps = std::sync::Mutex::new(Vec::new());
    let outcome = office
        .sync_and(&|words| {
            if !words.contains(" of ") {
                return;
            }
            let step = steps.lock().unwrap().len() as u64;
            let said = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    let dave = login(&site, "dave", &dave.hotp(step)).await;
                    let (first, last) = (
                        login(&site, "first", &first.hotp(step + 1)).await,
                        login(&site, "last", &last.hotp(step + 1)).await,
                    );
                    (words.to_owned(), dave, first, last)
                })
            });
            steps.lock().unwrap().push(said);
        })
        .await
        .unwrap();
    is_over.store(true, Ordering::SeqCst);
    beside.await.unwrap();
    assert_eq!((outcome.counts["update"], outcome.counts["disable"], outcome.remarks_total), (300, 2, 0));
    let steps = steps.into_inner().unwrap();
    assert_eq!(steps.len(), 7, "{steps:?}");
    for (at, (words, dave, first, last)) in steps.iter().enumerate() {
        let of_last = if at < 6 { "allow" } else { "deny" };
        assert_eq!((dave.as_str(), first.as_str(), last.as_str()), ("allow", "deny", of_last), "{words}");
    }
}

async fn a_push_that_waits_does_not_let_in_who_was_disabled_meanwhile(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    people.put(person("a", "alice"));
    let mut phone = site.user("alice").await.phone().await;
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    let params = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("async", "1")];
    let txid = site.auth_api().post("/auth/v2/auth", &params).await.text("txid");
    let push = phone.next_push().await;
    people.change("a", |alice| alice.disabled = true);
    assert_eq!(office.sync().await.unwrap().counts["disable"], 1);
    // Whether the answer is still taken or not, it lets nobody in.
    let _ = phone.approve(push).await;
    site.advance(61);
    let status = site.auth_api().get("/auth/v2/auth_status", &[("txid", &txid)]).await;
    assert_eq!(status.text("result"), "deny", "{}", status.json());
}

async fn a_run_that_dies_is_taken_up_by_the_next(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    many(&people, 300);
    let _proxy = office.proxy(&people).await;
    office.set(DirectoryChange { paused: Some(false), ..DirectoryChange::default() }).await;
    let due = async || site.engine().due_directories().await.unwrap().len();
    assert_eq!(due().await, 1);
    office.sync_until(100).await;
    assert_eq!(users(&site, UserStatus::Active).await, 100);
    // Nobody else begins while it may be alive, and it is due as soon as it is not.
    assert!(matches!(office.sync().await, Err(DirectoryError::Running)));
    assert_eq!(due().await, 0);
    site.advance(301);
    assert_eq!(due().await, 1);
    let outcome = office.sync().await.unwrap();
    assert_eq!((outcome.counts["create"], outcome.unchanged, outcome.remarks_total), (200, 100, 0));
    assert_eq!(users(&site, UserStatus::Active).await, 300);
    // In the middle of a removal that was confirmed: what was left of it is not more than may go without being asked.
    for n in 0..60 {
        people.remove(&format!("k{n:03}"));
    }
    office.set(DirectoryChange { confirmed: Some(Some(60)), ..DirectoryChange::default() }).await;
    office.sync_until(50).await;
    assert_eq!(users(&site, UserStatus::PendingDeletion).await, 50);
    site.advance(301);
    assert_eq!(office.sync().await.unwrap().counts["trash"], 10);
    assert_eq!((users(&site, UserStatus::PendingDeletion).await, users(&site, UserStatus::Active).await), (60, 240));
    // And in the middle of their return. The same node, started again, need not wait.
    many(&people, 60);
    office.sync_until(50).await;
    site.node(site.engine().store().clone()).forget_runs_of_before().await.unwrap();
    assert!(matches!(office.sync().await, Err(DirectoryError::Running)));
    site.engine().forget_runs_of_before().await.unwrap();
    assert_eq!(office.sync().await.unwrap().counts["restore"], 10);
    assert_eq!(users(&site, UserStatus::Active).await, 300);
    assert_eq!(office.sync().await.unwrap().counts.len(), 0);
}

async fn half_a_list_removes_nobody(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    many(&people, 8);
    let proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    proxy.abort();
    office.connected(0).await;
    let mut dying = FakeProxy::open(&office.api, &site).await.unwrap();
    dying.hello(false).await;
    office.connected(1).await;
    let served = tokio::spawn(async move {
        let Some(Order::Sync { id, .. }) = dying.order().await else { panic!("an order") };
        dying.send(&Report::People { id, people: vec![person("k000", "user000")] }).await;
        // Its connection ends with it.
    });
    assert!(matches!(office.sync().await, Err(DirectoryError::Gone)));
    served.await.unwrap();
    assert_eq!(users(&site, UserStatus::Active).await, 8);
    assert!(user(&site, "user007").await.is_some());
}
