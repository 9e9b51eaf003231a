//! Requests for exceptions and exemptions of machines: narrow, decided once, and over by themselves.

use cs_core::exception::{ExceptionKind, ExceptionState};
use cs_core::id::{ExceptionId, UserId};
use cs_core::integration::IntegrationType;
use cs_core::network::NetworkList;
use cs_core::policy::exemption::ExemptionKind;
use cs_core::user::{Standing, UserStatus};
use cs_engine::EngineError;
use cs_engine::admin::Actor;
use cs_engine::admin::exemptions::NewExemption;
use cs_engine::admin::integrations::{IntegrationChange, PowerfulKeys};
use cs_engine::admin::users::UserChange;
use cs_engine::exceptions::{Approval, Delivery, ExceptionRefused, ExceptionWish};
use cs_store::audit::LogKind;
use jiff::SignedDuration;

use crate::site::Site;

on_both_engines![
    an_approved_bypass_lasts_as_long_as_granted_and_no_longer_than_asked,
    an_approved_code_is_shown_once_and_never_logged,
    of_two_decisions_one_counts,
    people_ask_one_at_a_time_and_five_times_a_day,
    what_nobody_decides_expires,
    whoever_is_disabled_gets_no_exception,
    another_accounts_request_is_not_found,
    an_exemption_is_narrow_loaded_with_the_user_and_over_by_itself,
];

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn wish(kind: ExceptionKind, hours: i32) -> ExceptionWish {
    ExceptionWish {
        kind,
        reason: "a new phone".to_owned(),
        length: hours * HOUR,
        source: "authenticator",
        device: None,
    }
}

fn approval(length: Option<SignedDuration>) -> Approval {
    Approval { length, note: "until tomorrow".to_owned(), delivery: Delivery::Show }
}

impl Site {
    async fn ask(&self, user: UserId, kind: ExceptionKind) -> Result<ExceptionId, ExceptionRefused> {
        self.engine.request_exception(self.account, user, &wish(kind, 8)).await.map(|request| request.id)
    }

    async fn state(&self, id: ExceptionId) -> ExceptionState {
        self.engine.store().reader().exception(self.account, id).await.unwrap().unwrap().state
    }
}

async fn an_approved_bypass_lasts_as_long_as_granted_and_no_longer_than_asked(site: Site) {
    let alice = site.user("alice").await;
    for (length, is_fine) in [(25, false), (0, false), (24, true)] {
        let asked = site.engine.request_exception(site.account, alice, &wish(ExceptionKind::Bypass, length)).await;
        assert_eq!(asked.is_ok(), is_fine, "{length}: {asked:?}");
        if let Ok(asked) = asked {
            site.engine.refuse_exception(site.account, &site.actor, asked.id, "no").await.unwrap();
        }
    }
    let id = site.ask(alice, ExceptionKind::Bypass).await.unwrap();
    assert_eq!(site.login("alice").await.unwrap().standing(site.clock.now()), Standing::Active);
    let too_long = site.engine.approve_exception(site.account, &site.actor, id, &approval(Some(9 * HOUR))).await;
    assert!(matches!(too_long, Err(EngineError::Invalid("valid_secs"))), "{too_long:?}");
    let approved = site.engine.approve_exception(site.account, &site.actor, id, &approval(Some(HOUR))).await.unwrap();
    assert!(approved.code.is_none());
    assert!(site.log(LogKind::Admin).await.iter().any(|entry| entry.result.as_deref() == Some("exception_approve")));
    site.clock.advance(HOUR - SignedDuration::from_secs(1));
    assert_eq!(site.login("alice").await.unwrap().standing(site.clock.now()), Standing::Bypass { by: None });
    site.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(site.login("alice").await.unwrap().standing(site.clock.now()), Standing::Active);
    assert_eq!(site.log(LogKind::Activity).await[0].result.as_deref(), Some("exception_requested"));
}

async fn an_approved_code_is_shown_once_and_never_logged(site: Site) {
    let alice = site.user("alice").await;
    let id = site.ask(alice, ExceptionKind::Code).await.unwrap();
    let to_device = Approval { delivery: Delivery::Device, ..approval(None) };
    let nowhere = site.engine.approve_exception(site.account, &site.actor, id, &to_device).await;
    assert!(matches!(nowhere, Err(EngineError::Invalid("delivery"))), "{nowhere:?}");
    let approved = site.engine.approve_exception(site.account, &site.actor, id, &approval(None)).await.unwrap();
    let code = approved.code.unwrap();
    assert_eq!(site.login("alice").await.unwrap().live_bypass_codes, 1);
    for kind in [LogKind::Admin, LogKind::Activity] {
        assert!(!format!("{:?}", site.log(kind).await).contains(code.expose()), "{kind:?}");
    }
    site.clock.advance(8 * HOUR);
    assert_eq!(site.login("alice").await.unwrap().live_bypass_codes, 0);
}

async fn of_two_decisions_one_counts(site: Site) {
    let alice = site.user("alice").await;
    let id = site.ask(alice, ExceptionKind::Code).await.unwrap();
    let (yes, no) = (approval(None), "no");
    let (first, second, third) = tokio::join!(
        site.engine.approve_exception(site.account, &site.actor, id, &yes),
        site.engine.refuse_exception(site.account, &site.actor, id, no),
        site.engine.approve_exception(site.account, &site.actor, id, &yes),
    );
    let done = [first.is_ok(), second.is_ok(), third.is_ok()];
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
    let codes = i64::from(done[0] || done[2]);
    assert_eq!(site.login("alice").await.unwrap().live_bypass_codes, codes);
    let again = site.engine.approve_exception(site.account, &site.actor, id, &yes).await;
    assert!(matches!(again, Err(EngineError::Exists(_))), "{again:?}");
}

async fn people_ask_one_at_a_time_and_five_times_a_day(site: Site) {
    let alice = site.user("alice").await;
    for _ in 0..5 {
        let id = site.ask(alice, ExceptionKind::Bypass).await.unwrap();
        assert!(matches!(site.ask(alice, ExceptionKind::Code).await, Err(ExceptionRefused::TooMany)));
        site.engine.refuse_exception(site.account, &site.actor, id, "no").await.unwrap();
    }
    assert!(matches!(site.ask(alice, ExceptionKind::Bypass).await, Err(ExceptionRefused::TooMany)));
    site.clock.advance(24 * HOUR);
    site.ask(alice, ExceptionKind::Bypass).await.unwrap();
    let off = [("exception_requests".to_owned(), "false".to_owned())];
    site.engine.change_settings(site.account, &site.actor, &off).await.unwrap();
    let bob = site.user("bob").await;
    assert!(matches!(site.ask(bob, ExceptionKind::Bypass).await, Err(ExceptionRefused::NotAllowed)));
}

async fn what_nobody_decides_expires(site: Site) {
    let alice = site.user("alice").await;
    let id = site.ask(alice, ExceptionKind::Bypass).await.unwrap();
    site.clock.advance(24 * HOUR);
    let late = site.engine.approve_exception(site.account, &site.actor, id, &approval(None)).await;
    assert!(matches!(late, Err(EngineError::Exists(_))), "{late:?}");
    assert_eq!(site.state(id).await, ExceptionState::Waiting, "nothing has run");
    assert_eq!(site.engine.expire_exceptions(site.account).await.unwrap(), 1);
    assert_eq!(site.engine.expire_exceptions(site.account).await.unwrap(), 0);
    assert_eq!(site.state(id).await, ExceptionState::Expired);
    assert_eq!(site.log(LogKind::Activity).await[0].result.as_deref(), Some("exception_expired"));
}

async fn whoever_is_disabled_gets_no_exception(site: Site) {
    let alice = site.user("alice").await;
    let id = site.ask(alice, ExceptionKind::Bypass).await.unwrap();
    let disabled = UserChange { status: Some(UserStatus::Disabled), ..UserChange::default() };
    site.engine.change_user(site.account, &site.actor, alice, &disabled).await.unwrap();
    let approved = site.engine.approve_exception(site.account, &site.actor, id, &approval(None)).await;
    assert!(matches!(approved, Err(EngineError::Forbidden(_))), "{approved:?}");
    assert_eq!(site.record(alice).await.unwrap().status, UserStatus::Disabled);
    site.engine.refuse_exception(site.account, &site.actor, id, "no").await.unwrap();
    assert!(matches!(site.ask(alice, ExceptionKind::Bypass).await, Err(ExceptionRefused::User)));
}

async fn another_accounts_request_is_not_found(site: Site) {
    let alice = site.user("alice").await;
    let id = site.ask(alice, ExceptionKind::Bypass).await.unwrap();
    let approved = site.engine.approve_exception(site.other, &site.actor, id, &approval(None)).await;
    assert!(matches!(approved, Err(EngineError::NotFound)), "{approved:?}");
    assert!(site.engine.refuse_exception(site.other, &site.actor, id, "no").await.is_err());
    let asked = site.engine.request_exception(site.other, alice, &wish(ExceptionKind::Bypass, 1)).await;
    assert!(matches!(asked, Err(ExceptionRefused::User)), "{asked:?}");
}

async fn an_exemption_is_narrow_loaded_with_the_user_and_over_by_itself(site: Site) {
    let scanner = site.user("alice").await;
    let change = IntegrationChange { name: Some("scan".to_owned()), ..IntegrationChange::default() };
    let kind = IntegrationType::parse("authapi").unwrap();
    let app = site.engine.create_integration(site.account, &site.actor, PowerfulKeys::Refused, kind, &change).await;
    let app = app.unwrap().key;
    let end = site.clock.now() + 72 * HOUR;
    let good = NewExemption {
        kind: ExemptionKind::AutomaticApproval,
        applications: vec![app],
        networks: NetworkList::parse("192.0.2.0/24").unwrap(),
        until: end,
        reason: "nightly scan".to_owned(),
    };
    let create = async |new: NewExemption| site.engine.create_exemption(site.account, &site.actor, scanner, new).await;
    for (wrong, name) in [
        (NewExemption { applications: Vec::new(), ..good.clone() }, "integration_keys"),
        (
            NewExemption { applications: vec!["DIAAAAAAAAAAAAAAAAAA".parse().unwrap()], ..good.clone() },
            "integration_keys",
        ),
        (NewExemption { networks: NetworkList::default(), ..good.clone() }, "networks"),
        (NewExemption { reason: " ".to_owned(), ..good.clone() }, "reason"),
        (NewExemption { until: site.clock.now() + 24 * 366 * HOUR, ..good.clone() }, "until"),
    ] {
        let refused = create(wrong).await;
        assert!(matches!(refused, Err(EngineError::Invalid(given)) if given == name), "{name}: {refused:?}");
    }
    let version = site.version(scanner).await;
    let made = create(good).await.unwrap();
    assert!(site.version(scanner).await > version, "decisions under way see it");
    let loaded = async || {
        let who = cs_store::facts::UserRef::Id(scanner);
        let facts = site.engine.store().user_facts(site.account, who, None, site.clock.now()).await.unwrap();
        facts.unwrap().exemptions
    };
    assert_eq!(loaded().await, std::slice::from_ref(&made.exemption));
    site.clock.advance(48 * HOUR);
    assert_eq!(site.engine.end_exemptions(site.account).await.unwrap(), (0, 1));
    assert_eq!(site.engine.end_exemptions(site.account).await.unwrap(), (0, 0));
    site.clock.advance(24 * HOUR);
    assert_eq!(loaded().await, []);
    assert_eq!(site.engine.end_exemptions(site.account).await.unwrap(), (1, 0));
    let newest = site.log(LogKind::Admin).await.remove(0);
    assert_eq!(newest.result.as_deref(), Some("exemption_end"));
    assert!(!site.engine.delete_exemption(site.account, &Actor::Terminal, made.id).await.unwrap());
}
