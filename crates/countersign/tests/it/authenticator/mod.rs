//! The authenticator's surface, used by the real `countersign-device` library over TLS, and by what pretends to be one.

mod accounts;
mod activation;
mod answers;
mod device;
mod events;
mod exceptions;
pub(crate) mod moving;
mod outages;
mod proofs;
mod push;
mod story;

use std::time::Duration;

use countersign_device::{Activation, Authenticator, Environment, Error, Introduction, Refusal, Storage, WatchTimings};
use cs_core::id::PhoneId;
use cs_engine::admin::Actor;
use cs_engine::devices::ACTIVATION_TTL;
use cs_store::authenticators::ActivationSource;
use cs_testkit::{Site, TestUser};
use cs_wire::device::DeviceClass;
use jiff::SignedDuration;

/// A device's surroundings, with a clock that is `off` seconds from the site's.
fn environment(site: &Site, off: i64) -> Environment {
    let clock = site.clock.clone();
    Environment {
        client: None,
        clock: std::sync::Arc::new(move || clock.now() + SignedDuration::from_secs(off)),
        // Endless patience: what arrives came through the stream, not by pulling.
        watch: WatchTimings {
            idle: Duration::from_secs(600),
            pull: Duration::from_secs(600),
            retry_min: Duration::from_millis(1),
            retry_max: Duration::from_millis(2),
        },
    }
}

/// A phone that `user` has and nothing is bound to yet.
async fn new_phone(site: &Site, user: &TestUser) -> PhoneId {
    let (engine, actor) = (site.engine(), &Actor::Terminal);
    let phone = engine.create_phone(site.account, actor, &Default::default()).await.unwrap();
    engine.give_phone(site.account, actor, user.id, phone).await.unwrap();
    phone
}

/// An activation code for `phone`, as a person gets it.
async fn code(site: &Site, user: &TestUser, phone: PhoneId) -> Activation {
    let source = ActivationSource::Administrator;
    let issued = site.engine().issue_activation(site.account, user.id, phone, source, ACTIVATION_TTL).await.unwrap();
    Activation::parse(issued.code.expose(), Some(site.engine().authenticator_origin())).unwrap()
}

/// Activates with `activation` in surroundings `off` seconds from the site's time.
async fn activate(site: &Site, activation: &Activation, off: i64) -> Result<countersign_device::Activated, Error> {
    let introduction = Introduction { name: "laptop".to_owned(), class: DeviceClass::Cli, ca_pem: Some(site.ca_pem()) };
    Authenticator::activate(activation, introduction, &Storage::memory(), &environment(site, off)).await
}

/// A device of `user`, bound and ready.
async fn device(site: &Site, user: &TestUser) -> Authenticator {
    let phone = new_phone(site, user).await;
    let code = code(site, user, phone).await;
    activate(site, &code, 0).await.unwrap().authenticator
}

/// A push to `device`, asked for through the Auth API from an address of its own; its txid.
async fn push(site: &Site, user: &TestUser, device: &Authenticator, from: &str) -> String {
    let params = [
        ("username", user.name.as_str()),
        ("factor", "push"),
        ("device", &device.record().device_id),
        ("ipaddr", from),
        ("async", "1"),
    ];
    site.auth_api().post("/auth/v2/auth", &params).await.text("txid")
}

/// A push that asks for a number: its txid and the number on the screen.
async fn push_with_number(site: &Site, user: &TestUser, device: &Authenticator) -> (String, String) {
    let name = user.name.as_str();
    let preauth =
        site.auth_api().post("/auth/v2/preauth", &[("username", name), ("client_supports_verified_push", "1")]).await;
    let verified = preauth.response();
    let ticket = verified["txid"].as_str().unwrap();
    let params = [
        ("username", name),
        ("factor", "push"),
        ("device", &device.record().device_id),
        ("async", "1"),
        ("txid", ticket),
    ];
    let txid = site.auth_api().post("/auth/v2/auth", &params).await.text("txid");
    assert_eq!(txid, ticket);
    (txid, verified["verification_code"].as_str().unwrap().to_owned())
}

/// `result` and `status` of a login.
async fn status(site: &Site, txid: &str) -> (String, String) {
    let answer = site.auth_api().get("/auth/v2/auth_status", &[("txid", txid)]).await;
    (answer.text("result"), answer.text("status"))
}

/// Why each refused answer in the log was refused, oldest first.
async fn refused_answers(site: &Site) -> Vec<String> {
    let sql = "SELECT reason FROM log WHERE kind = 'activity' AND result = 'push_answer_refused' ORDER BY seq";
    let rows = site.engine().store().query(sql, vec![]).await.unwrap();
    rows.iter().map(|row| row.text(0).unwrap()).collect()
}

/// The refusal in a result that must be one.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not a refusal: {other:?}"),
    }
}

/// Its code.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    refusal(result).code
}
