//! Several organisations on one authenticator's host.

use cs_core::id::AccountId;
use cs_engine::admin::Actor;
use cs_engine::devices::ACTIVATION_TTL;
use cs_store::authenticators::ActivationSource;
use cs_testkit::Site;

use super::{Activation, Authenticator, activate, device};
use crate::another_account;

/// An activation code of another account's user.
async fn foreign_code(site: &Site, account: AccountId) -> Activation {
    let (engine, actor) = (site.engine(), &Actor::Terminal);
    let user = engine.create_user(account, actor, "mallory", &Default::default()).await.unwrap().id;
    let phone = engine.create_phone(account, actor, &Default::default()).await.unwrap();
    engine.give_phone(account, actor, user, phone).await.unwrap();
    let source = ActivationSource::Administrator;
    let issued = engine.issue_activation(account, user, phone, source, ACTIVATION_TTL).await.unwrap();
    Activation::parse(issued.code.expose(), Some(engine.authenticator_origin())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_finds_its_own_account() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let before = device(&site, &alice).await;
    let other = another_account(&site).await;
    let code = foreign_code(&site, other).await;
    let foreign = activate(&site, &code, 0).await.unwrap().authenticator;
    let after = device(&site, &alice).await;
    for (device, account) in [(&before, site.account), (&foreign, other), (&after, site.account)] {
        assert_eq!(device.record().account.id, account.as_str());
        device.pending().await.unwrap();
    }
    // Asked of the one whose it is, and of nobody else.
    let txid = super::push(&site, &alice, &before, "192.0.2.1").await;
    assert_eq!(before.pending().await.unwrap().iter().map(|request| request.txid.clone()).collect::<Vec<_>>(), [txid]);
    assert_eq!(foreign.pending().await.unwrap().len(), 0);
    activate(&site, &code, 0).await.expect_err("a code is good once, whoever's it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_one_accounts_knows_no_other() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let own = device(&site, &alice).await;
    let other = another_account(&site).await;
    let foreign = activate(&site, &foreign_code(&site, other).await, 0).await.unwrap().authenticator;
    let origin = site.engine().authenticator_origin().to_owned();
    let ask = async |device: &Authenticator, host: &str| {
        let proof = device.proof("GET", "/authenticator/v1/requests", b"").unwrap();
        let request = site.http().get(format!("{origin}/authenticator/v1/requests"));
        let request = request.header("Host", host).header("Authorization", format!("Device {proof}"));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(&foreign, "other.example").await, 200);
    assert_eq!(ask(&own, "other.example").await, 403, "another account's device");
    for host in ["nobody.example", ""] {
        assert_eq!(
            ask(&own, host).await,
            403,
            "{host:?}: of several accounts, none is taken for a name that is nobody's"
        );
    }
}
