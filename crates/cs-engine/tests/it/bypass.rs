//! Bypass status has a reason and an end, which counts by itself.

use cs_core::bypass::BypassEnd;
use cs_core::group::GroupStatus;
use cs_core::id::UserId;
use cs_core::user::{Standing, UserStatus};
use cs_engine::EngineError;
use cs_engine::admin::Actor;
use cs_engine::admin::bypass::API_REASON;
use cs_engine::admin::groups::GroupChange;
use cs_engine::admin::users::UserChange;
use cs_store::audit::LogKind;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use crate::site::Site;

on_both_engines![
    a_bypass_needs_a_reason_and_an_end,
    clients_that_know_of_neither_get_the_usual_end_and_a_reason,
    a_bypass_is_over_at_its_end_and_the_job_only_writes_it_down,
    the_end_of_a_bypass_unlocks_nobody,
    people_are_reminded_once,
    a_group_is_in_bypass_until_its_end,
];

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn bypass(reason: &str, end: Option<BypassEnd>) -> UserChange {
    UserChange {
        status: Some(UserStatus::Bypass),
        bypass_reason: Some(reason.to_owned()),
        bypass_end: end,
        ..UserChange::default()
    }
}

impl Site {
    async fn standing(&self) -> Standing {
        self.login("alice").await.unwrap().standing(self.clock.now())
    }

    async fn give(&self, user: UserId, actor: &Actor, change: &UserChange) -> Result<(), EngineError> {
        self.engine.change_user(self.account, actor, user, change).await
    }

    /// The descriptions of the newest entries of the administrator log, newest first.
    async fn doings(&self) -> Vec<(String, Json)> {
        let entries = self.log(LogKind::Admin).await;
        entries
            .into_iter()
            .map(|entry| {
                let personal: Json = serde_json::from_str(entry.personal.as_deref().unwrap()).unwrap();
                let description = serde_json::from_str(personal["description"].as_str().unwrap()).unwrap();
                (format!("{} by {}", entry.result.unwrap(), personal["username"].as_str().unwrap()), description)
            })
            .collect()
    }
}

async fn a_bypass_needs_a_reason_and_an_end(site: Site) {
    let alice = site.user("alice").await;
    let now = site.clock.now();
    let none = UserChange { status: Some(UserStatus::Bypass), ..UserChange::default() };
    let error = site.give(alice, &Actor::Terminal, &none).await;
    assert!(matches!(error, Err(EngineError::Invalid("bypass_reason"))), "{error:?}");
    for (end, wrong) in [(BypassEnd::At(now), "bypass_until"), (BypassEnd::At(now + 24 * 367 * HOUR), "bypass_until")] {
        let error = site.give(alice, &Actor::Terminal, &bypass("why", Some(end))).await;
        assert!(matches!(error, Err(EngineError::Invalid(name)) if name == wrong), "{error:?}");
    }
    let endless = bypass("break glass", Some(BypassEnd::Never));
    let error = site.give(alice, &Actor::Terminal, &endless).await;
    assert!(matches!(error, Err(EngineError::Forbidden(_))), "{error:?}");
    assert_eq!(site.standing().await, Standing::Active);

    let allow = [("bypass_without_end".to_owned(), "true".to_owned())];
    site.engine.change_settings(site.account, &Actor::Terminal, &allow).await.unwrap();
    site.give(alice, &Actor::Terminal, &endless).await.unwrap();
    site.clock.advance(24 * 3650 * HOUR);
    assert_eq!(site.engine.end_bypasses(site.account).await.unwrap(), 0);
    assert_eq!(site.standing().await, Standing::Bypass { by: None });
    // An end and a reason belong to a bypass.
    let active = UserChange { status: Some(UserStatus::Active), ..bypass("why", None) };
    assert!(matches!(site.give(alice, &site.actor, &active).await, Err(EngineError::Invalid("bypass_until"))));
}

async fn clients_that_know_of_neither_get_the_usual_end_and_a_reason(site: Site) {
    let alice = site.user("alice").await;
    let plain = UserChange { status: Some(UserStatus::Bypass), ..UserChange::default() };
    site.give(alice, &site.actor, &plain).await.unwrap();
    let first = site.record(alice).await.unwrap().bypass.unwrap();
    assert_eq!(first.reason, API_REASON);
    assert_eq!(first.term.until, Some(site.clock.now() + 24 * HOUR));

    // A client that sends the status again and again prolongs nothing.
    site.clock.advance(HOUR);
    site.give(alice, &site.actor, &plain).await.unwrap();
    assert_eq!(site.record(alice).await.unwrap().bypass.unwrap(), first);

    let shorter = [("helpdesk_bypass_expiration".to_owned(), "60".to_owned())];
    site.engine.change_settings(site.account, &Actor::Terminal, &shorter).await.unwrap();
    site.clock.advance(24 * HOUR);
    site.give(alice, &site.actor, &plain).await.unwrap();
    assert_eq!(site.record(alice).await.unwrap().bypass.unwrap().term.until, Some(site.clock.now() + HOUR));
    let own = [("bypass_expiration".to_owned(), "30".to_owned())];
    site.engine.change_settings(site.account, &Actor::Terminal, &own).await.unwrap();
    let created = site.engine.create_user(site.account, &site.actor, "bob", &plain).await.unwrap();
    assert_eq!(created.bypass.unwrap().term.until, Some(site.clock.now() + SignedDuration::from_mins(30)));
}

async fn a_bypass_is_over_at_its_end_and_the_job_only_writes_it_down(site: Site) {
    let alice = site.user("alice").await;
    let end = site.clock.now() + 8 * HOUR;
    site.give(alice, &Actor::Terminal, &bypass("lost phone", Some(BypassEnd::At(end)))).await.unwrap();
    let version = site.version(alice).await;
    site.clock.advance(8 * HOUR - SignedDuration::from_millis(1));
    assert_eq!(site.engine.end_bypasses(site.account).await.unwrap(), 0);
    assert_eq!(site.standing().await, Standing::Bypass { by: None });

    site.clock.advance(SignedDuration::from_millis(1));
    assert_eq!(site.standing().await, Standing::Active);
    assert_eq!(site.version(alice).await, version, "nothing has run");
    assert_eq!(site.engine.end_bypasses(site.account).await.unwrap(), 1);
    assert_eq!(site.engine.end_bypasses(site.account).await.unwrap(), 0);
    let record = site.record(alice).await.unwrap();
    assert_eq!((record.status, record.bypass), (UserStatus::Active, None));
    let (what, description) = site.doings().await.remove(0);
    assert_eq!(what, "user_update by system");
    let before = json!({"status": "bypass", "bypass_reason": "lost phone", "bypass_until": end.as_second()});
    assert_eq!((&description["before"], &description["after"]), (&before, &json!({"status": "active"})));
}

async fn the_end_of_a_bypass_unlocks_nobody(site: Site) {
    let alice = site.user("alice").await;
    site.give(alice, &site.actor, &bypass("why", None)).await.unwrap();
    site.engine.lock_user(site.account, &site.actor, alice).await.unwrap();
    site.clock.advance(24 * HOUR);
    assert_eq!(site.engine.end_bypasses(site.account).await.unwrap(), 1);
    assert_eq!(site.standing().await, Standing::LockedOut { until: None });
}

async fn people_are_reminded_once(site: Site) {
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let end = site.clock.now() + 72 * HOUR;
    site.give(alice, &site.actor, &bypass("on leave", Some(BypassEnd::At(end)))).await.unwrap();
    // Too short to be reminded of.
    site.give(bob, &site.actor, &bypass("today", None)).await.unwrap();
    site.clock.advance(47 * HOUR);
    assert_eq!(site.engine.remind_of_bypasses(site.account).await.unwrap(), 0);
    site.clock.advance(HOUR);
    assert_eq!(site.engine.remind_of_bypasses(site.account).await.unwrap(), 1);
    assert_eq!(site.engine.remind_of_bypasses(site.account).await.unwrap(), 0);
    let now = site.clock.now();
    let alerts = site.engine.store().lease_effects("alert", 10, HOUR, now).await.unwrap();
    assert_eq!(alerts.len(), 1);
    let alert: Json = serde_json::from_str(&alerts[0].payload).unwrap();
    assert_eq!((&alert["alert"], &alert["username"]), (&json!("bypass_ends"), &json!("alice")));
    assert_eq!((&alert["until"], &alert["reason"]), (&json!(end.as_second()), &json!("on leave")));
    // Prolonged: that end is another one.
    let later = bypass("on leave", Some(BypassEnd::At(end + 72 * HOUR)));
    site.give(alice, &site.actor, &later).await.unwrap();
    site.clock.advance(72 * HOUR);
    assert_eq!(site.engine.remind_of_bypasses(site.account).await.unwrap(), 1);
}

async fn a_group_is_in_bypass_until_its_end(site: Site) {
    let (alice, staff) = (site.user("alice").await, site.group("staff").await);
    site.engine.add_to_group(site.account, &site.actor, alice, staff).await.unwrap();
    let change = GroupChange { status: Some(GroupStatus::Bypass), ..GroupChange::default() };
    let error = site.engine.change_group(site.account, &Actor::Terminal, staff, &change).await;
    assert!(matches!(error, Err(EngineError::Invalid("bypass_reason"))), "{error:?}");
    let change = GroupChange {
        bypass_reason: Some("move of the office".to_owned()),
        bypass_end: Some(BypassEnd::At(site.clock.now() + 48 * HOUR)),
        ..change
    };
    site.engine.change_group(site.account, &Actor::Terminal, staff, &change).await.unwrap();
    let version = site.version(alice).await;
    assert_eq!(site.standing().await, Standing::Bypass { by: Some("staff".to_owned()) });
    site.clock.advance(24 * HOUR);
    assert_eq!(site.engine.remind_of_bypasses(site.account).await.unwrap(), 1);
    site.clock.advance(24 * HOUR);
    assert_eq!(site.standing().await, Standing::Active);
    assert_eq!(site.engine.end_bypasses(site.account).await.unwrap(), 1);
    assert!(site.version(alice).await > version, "decisions under way see it");
    let (what, description) = site.doings().await.remove(0);
    assert_eq!(what, "group_update by system");
    assert_eq!(description["before"]["bypass_reason"], json!("move of the office"));
}
