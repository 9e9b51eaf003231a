//! Logins beside work that is not urgent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cs_core::id::UserId;
use cs_engine::admin::Actor;
use cs_store::audit::{LogKind, LogRecord};
use cs_store::testing::{self, TestDatabase};
use cs_store::{Job, Store};
use cs_testkit::Site;
use jiff::SignedDuration;

async fn logs_in(site: &Site, user: &cs_testkit::TestUser) {
    let code = user.bypass_code().await;
    let params = [("username", user.name.as_str()), ("factor", "passcode"), ("passcode", code.as_str())];
    assert_eq!(site.auth_api().post("/auth/v2/auth", &params).await.text("result"), "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_2015_10_20_enrolment_and_purging_in_bulk_leave_room_for_logins() {
    let site = Arc::new(Site::start().await);
    let alice = site.user("alice").await;
    let mut gone: Vec<UserId> = Vec::new();
    for n in 0..150 {
        gone.push(site.user(&format!("gone{n}")).await.id);
    }
    for some in gone.chunks(50) {
        site.engine().trash_users(site.account, &Actor::Terminal, some).await.unwrap();
    }
    site.clock.advance(SignedDuration::from_hours(8 * 24));
    let is_over = Arc::new(AtomicBool::new(false));
    let enrolling = {
        let (site, is_over) = (site.clone(), is_over.clone());
        tokio::spawn(async move {
            let mut enrolled = 0;
            while !is_over.load(Ordering::SeqCst) {
                let name = format!("new{enrolled}");
                site.auth_api().post("/auth/v2/enroll", &[("username", &name)]).await.text("user_id");
                enrolled += 1;
            }
            enrolled
        })
    };
    let purging = {
        let (site, is_over) = (site.clone(), is_over.clone());
        tokio::spawn(async move {
            let purged = site.engine().purge_trash(site.account).await.unwrap();
            is_over.store(true, Ordering::SeqCst);
            purged
        })
    };
    let mut logins = 0;
    while !is_over.load(Ordering::SeqCst) {
        logs_in(&site, &alice).await;
        logins += 1;
    }
    assert_eq!(purging.await.unwrap(), 150);
    let enrolled = enrolling.await.unwrap();
    // Each purged user is a commit and a pause: nothing long stands before a login.
    assert!(logins >= 5 && enrolled >= 5, "{logins} logins and {enrolled} enrolments beside 150 users purged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_takes_too_long_is_told_to_come_again_and_logins_go_on() {
    let database = TestDatabase::new(testing::Engine::Sqlite).unwrap();
    let mut config = database.config();
    // The time is over at the first look at the clock, which is some thousand steps into the list.
    config.report_timeout = Duration::ZERO;
    let site = Site::on(Store::open(config).await.unwrap()).await;
    let alice = site.user("alice").await;
    let entry = |n: usize| LogRecord::new(site.account.as_str(), LogKind::Auth, n.to_string(), site.now());
    let job = (0..3_000).fold(Job::new(), |job, n| job.log(entry(n)));
    site.engine().store().commit(job).await.unwrap();
    let range = [("mintime", "1000000000000"), ("maxtime", "9999999999999"), ("limit", "1000")];
    for _ in 0..3 {
        let answer = site.admin_api().get("/admin/v2/logs/authentication", &range).await;
        assert_eq!((answer.status, answer.code()), (429, 42901));
        logs_in(&site, &alice).await;
    }
}
