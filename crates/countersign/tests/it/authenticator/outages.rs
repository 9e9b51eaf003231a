//! Codes for outages: what a device hears of them, and that it makes those which the proxies of a group check.

use cs_core::id::GroupId;
use cs_core::integration::UserAccess;
use cs_core::otp::{OUTAGE_STEP, OutageCode, OutageSeed, TypedPasscode};
use cs_engine::admin::groups::GroupChange;
use cs_store::proxies::OutageGroup;
use cs_testkit::Api;
use cs_wire::outage::Bundle;
use data_encoding::BASE64URL_NOPAD;

use super::*;

/// Lets the proxies of `application` check codes.
async fn offline(site: &Site, application: &Api, group: &str, users_of: Option<GroupId>) {
    let group = OutageGroup {
        account: site.account,
        integration: application.key(),
        name: group.to_owned(),
        hours: 72,
        users_of,
        max_users: 500,
        attempts: 5,
        uses: 10,
        changed_at: site.now(),
    };
    let engine = site.engine();
    engine.set_outage_group(site.account, &Actor::Terminal, application.key(), Some(&group)).await.unwrap();
}

/// The groups and applications that `device` hears of.
async fn heard(device: &Authenticator) -> Vec<(String, Vec<String>)> {
    let status = device.status().await.unwrap();
    status.outages.into_iter().map(|codes| (codes.group, codes.applications)).collect()
}

fn all(groups: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    groups.iter().map(|(group, names)| ((*group).to_owned(), texts(names))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_hears_what_codes_for_outages_are_for_and_of_nothing_that_its_person_may_not_use() {
    let site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (hers, his) = (device(&site, &alice).await, device(&site, &bob).await);
    assert_eq!(heard(&hers).await, all(&[]));

    let group = |name: &'static str| {
        let engine = site.engine();
        async move { engine.create_group(site.account, &Actor::Terminal, name, &GroupChange::default()).await.unwrap().id }
    };
    let (staff, travellers) = (group("staff").await, group("travellers").await);
    for group in [staff, travellers] {
        site.engine().add_to_group(site.account, &Actor::Terminal, alice.id, group).await.unwrap();
    }
    let named = |name: &'static str, access: UserAccess| {
        site.integration("radius", move |record| {
            record.name = name.to_owned();
            record.user_access = access;
        })
    };
    let vpn = named("VPN", UserAccess::All).await;
    let wifi = named("Wi-Fi", UserAccess::Groups(vec![staff])).await;
    let cash = named("Tills", UserAccess::All).await;
    let vault = named("Vault", UserAccess::Nobody).await;
    offline(&site, &vpn, "hq", None).await;
    offline(&site, &wifi, "hq", None).await;
    offline(&site, &cash, "branch", Some(travellers)).await;
    offline(&site, &vault, "hq", None).await;
    let mut found = heard(&hers).await;
    found.iter_mut().for_each(|(_, applications)| applications.sort());
    assert_eq!(found, all(&[("branch", &["Tills"]), ("hq", &["VPN", "Wi-Fi"])]));
    assert_eq!(heard(&his).await, all(&[("hq", &["VPN"])]));

    let engine = site.engine();
    engine.set_outage_group(site.account, &Actor::Terminal, vpn.key(), None).await.unwrap();
    assert_eq!(heard(&his).await, all(&[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_makes_the_codes_that_a_bundle_lets_in_and_only_those_of_its_group() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let vpn = site.integration("radius", |_| {}).await;
    offline(&site, &vpn, "hq", None).await;
    let answer = vpn.post("/auth/v2/proxy/bundle", &[("proxy", "p")]).await;
    let text = answer.response()["bundle"].as_str().unwrap().to_owned();
    let payload = BASE64URL_NOPAD.decode(text.split('.').nth(1).unwrap().as_bytes()).unwrap();
    let bundle: Bundle = serde_json::from_slice(&payload).unwrap();
    assert_eq!((bundle.group.as_str(), bundle.users.len()), ("hq", 1));
    let seed = BASE64URL_NOPAD.decode(bundle.users[0].seeds[0].as_bytes()).unwrap();
    let seed = OutageSeed::from_bytes(seed.try_into().unwrap());
    let check = |code: &str| seed.check(&TypedPasscode::parse(code).unwrap(), site.now(), -1);
    assert!(matches!(check(device.outage_code("hq").unwrap().expose()), OutageCode::Right { .. }));
    // Of several, so that none is the same by chance.
    let mut right = 0;
    for _ in 0..5 {
        site.advance(OUTAGE_STEP);
        right += usize::from(check(device.outage_code("branch").unwrap().expose()) != OutageCode::Wrong);
    }
    assert!(right < 5);
}
