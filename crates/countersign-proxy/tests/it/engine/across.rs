//! The same login at two proxies has one name at the server, and no other login has it.

use countersign_proxy::radius::login::{Preauth, Wanted};
use countersign_proxy::radius::output::Output;
use countersign_proxy::radius::split::Typed;

use super::site::{Ask, Site, alice, can_push, no};

/// What a proxy calls the login when it asks for its second factor.
fn name_at(site: &mut Site, ask: &Ask) -> Option<String> {
    site.ask(ask);
    let Output::Primary { login, .. } = site.output() else { panic!("the first factor is not asked for") };
    let right = countersign_proxy::radius::login::Primary::Right;
    site.engine.on_event(login, countersign_proxy::radius::login::Event::Primary(right), site.now);
    site.preauth(can_push());
    let Output::Auth { name, .. } = site.output() else { panic!("no second factor is asked for") };
    name
}

fn name(options: &str, ask: &Ask) -> Option<String> {
    name_at(&mut Site::new("radius_server_auto", options), ask)
}

#[test]
fn two_proxies_call_a_login_alike() {
    let mut first = Site::new("radius_server_auto", "");
    let mut second = Site::new("radius_server_auto", "port=1645");
    second.wait(20);
    let mut retry = alice("secret");
    retry.port = 40_000;
    let named = name_at(&mut first, &alice("secret"));
    // A proxy of another version says the same: made by hand, of HMAC and lengths in eight octets.
    assert_eq!(named.as_deref(), Some("UOL-vWmn1tUfb9N0RGZ0KZRFMEMofM67zbSM9OAmdZw"));
    assert_eq!(named, name_at(&mut second, &retry));
}

#[test]
fn another_login_is_called_otherwise_and_the_password_is_no_part_of_a_name() {
    let usual = name("", &alice("secret"));
    // Both passwords were right where they were asked: what the name tells the server must not help it to guess one.
    assert_eq!(name("", &alice("another")), usual);
    let mut elsewhere = alice("secret");
    elsewhere.station = Some("198.51.100.8");
    let mut bob = alice("secret");
    bob.user = "bob";
    let mut names = vec![
        usual,
        name("", &elsewhere),
        name("", &bob),
        name("", &alice("secret,push2")),
        name("", &alice("secret,123456")),
        name("", &alice("secret,123457")),
        name("factors=push", &alice("secret")),
    ];
    assert!(names.iter().all(Option::is_some));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 7);
}

#[test]
fn a_login_that_nobody_may_join_has_no_name() {
    let mut nowhere = alice("secret");
    nowhere.station = None;
    assert_eq!(name("", &nowhere), None);
    assert!(name("coalesce=loose", &nowhere).is_some());
    assert_eq!(name("coalesce=off", &alice("secret")), None);
    assert_eq!(name("", &alice("secret,sms")), None);
    // What is typed after a question belongs to the proxy that has asked it.
    let mut site = Site::new("radius_server_auto", "");
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(Preauth::Auth { menu: None, can_push: false, can_phone: false });
    let mut answer = alice("123456");
    answer.state = site.answer(&request).state;
    let answered = site.ask(&answer);
    let Output::Auth { login, attempt, wanted, name, .. } = site.output() else { panic!("no code is asked about") };
    assert!(matches!(wanted, Wanted::Typed(Typed::Passcode(_))));
    assert_eq!(name, None);
    site.decide((login, attempt), no());
    site.answer(&answered);
}
