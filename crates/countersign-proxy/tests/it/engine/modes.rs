//! How each kind of section asks for the second factor.

use countersign_proxy::radius::login::{AcceptedBy, Auth, Event, Outage, Preauth, Primary, Wanted};
use countersign_proxy::radius::output::{Outcome, Output};
use countersign_proxy::radius::split::Typed;
use cs_radius::Code;
use zeroize::Zeroizing;

use super::site::{Site, alice, can_push, no, yes};

fn code(text: &str) -> Wanted {
    Wanted::Typed(Typed::Passcode(Zeroizing::new(text.to_owned())))
}

#[test]
fn a_password_and_a_push() {
    for (result, expected) in
        [(yes(), Code::AccessAccept), (no(), Code::AccessReject), (Err(Outage::Away), Code::AccessReject)]
    {
        let mut site = Site::new("radius_server_auto", "");
        let request = site.ask(&alice("secret"));
        site.primary_right("secret");
        site.preauth(can_push());
        let (login, attempt, wanted) = site.asked();
        assert_eq!(wanted, Wanted::Auto);
        site.decide((login, attempt), result);
        assert_eq!(site.answer(&request).code, expected);
    }
}

#[test]
fn a_wrong_password_asks_nobody_for_a_push() {
    let mut site = Site::new("radius_server_auto", "");
    let request = site.ask(&alice("wrong"));
    let Output::Primary { login, .. } = site.output() else { panic!() };
    let now = site.now;
    site.engine.on_event(login, Event::Primary(Primary::Wrong { text: Some("Wrong.".to_owned()) }), now);
    let answer = site.answer(&request);
    assert_eq!((answer.code, answer.text.as_deref()), (Code::AccessReject, Some("Wrong.")));
}

#[test]
fn a_factor_is_typed_behind_the_password() {
    for (typed, password, wanted) in [
        ("secret,123456", "secret", code("123456")),
        ("secret,push2", "secret", Wanted::Typed(Typed::Push(Some(2)))),
        ("se,cret", "se,cret", Wanted::Auto),
    ] {
        let mut site = Site::new("radius_server_auto", "");
        site.ask(&alice(typed));
        site.primary_right(password);
        site.preauth(can_push());
        assert_eq!(site.asked().2, wanted, "{typed}");
    }
}

#[test]
fn who_has_nothing_to_push_to_is_asked_for_a_code() {
    let mut site = Site::new("radius_server_auto", "");
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(Preauth::Auth { menu: None, can_push: false, can_phone: false });
    let challenge = site.answer(&request);
    assert_eq!((challenge.code, challenge.text.as_deref()), (Code::AccessChallenge, Some("Enter passcode:")));
    let mut ask = alice("123456");
    ask.state = challenge.state;
    let request = site.ask(&ask);
    let (login, attempt, wanted) = site.asked();
    assert_eq!(wanted, code("123456"));
    site.decide((login, attempt), yes());
    assert_eq!(site.answer(&request).code, Code::AccessAccept);
}

#[test]
fn a_code_is_asked_for_when_a_push_gets_no_answer() {
    for (typed, approved, expected) in [("123456", false, Code::AccessAccept), ("", true, Code::AccessAccept)] {
        let mut site = Site::new("radius_server_auto", "fallback=challenge\nfallback_after=20");
        let request = site.ask(&alice("secret"));
        site.primary_right("secret");
        site.preauth(can_push());
        let (login, push, _) = site.asked();
        site.wait(20);
        let challenge = site.answer(&request);
        assert_eq!(challenge.code, Code::AccessChallenge);
        if approved {
            site.decide((login, push), yes());
            assert!(site.outputs().is_empty());
        }
        let mut ask = alice(typed);
        // A device sends at least something.
        ask.password = if typed.is_empty() { "x".to_owned() } else { typed.to_owned() };
        ask.state = challenge.state;
        let request = site.ask(&ask);
        if !approved {
            // The push is withdrawn, and whatever still comes of it means nothing.
            let outputs = site.outputs();
            let [Output::Cancel { .. }, Output::Auth { attempt, .. }] = outputs[..] else { panic!("{outputs:?}") };
            site.decide((login, push), no());
            assert!(site.outputs().is_empty());
            site.decide((login, attempt), yes());
        }
        assert_eq!(site.answer(&request).code, expected);
    }
}

#[test]
fn who_must_enroll_sees_how() {
    let enroll = || Preauth::Enroll { text: "Enroll at https://example.org/e/1".to_owned() };
    let mut site = Site::new("radius_server_auto", "enroll=challenge");
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(enroll());
    let challenge = site.answer(&request);
    assert_eq!(
        (challenge.code, challenge.text.as_deref()),
        (Code::AccessChallenge, Some("Enroll at https://example.org/e/1"))
    );
    // Whatever is typed lets nobody in.
    let mut ask = alice("123456");
    ask.state = challenge.state;
    let request = site.ask(&ask);
    assert_eq!(site.answer(&request).code, Code::AccessReject);

    let mut site = Site::new("radius_server_auto", "");
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(enroll());
    assert_eq!(site.answer(&request).code, Code::AccessReject);
}

#[test]
fn a_menu() {
    let mut site = Site::new("radius_server_challenge", "");
    let request = site.ask(&alice("secret,push"));
    // All of it is the password.
    site.primary_right("secret,push");
    site.preauth(can_push());
    let challenge = site.answer(&request);
    assert_eq!(challenge.text.as_deref(), Some("1. Push\n2. Code"));
    let mut ask = alice("sms1");
    ask.state = challenge.state;
    let request = site.ask(&ask);
    let (login, attempt, wanted) = site.asked();
    assert_eq!(wanted, Wanted::Choice(Zeroizing::new("sms1".to_owned())));
    // New codes were sent: the menu comes again.
    site.decide((login, attempt), Ok(Auth::CodesSent { text: "Codes are sent. Type one:".to_owned() }));
    let challenge = site.answer(&request);
    assert_eq!(challenge.code, Code::AccessChallenge);
    let mut ask = alice("123456");
    ask.state = challenge.state;
    let request = site.ask(&ask);
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), yes());
    assert_eq!(site.answer(&request).code, Code::AccessAccept);
}

#[test]
fn a_factor_that_must_be_typed() {
    let mut site = Site::new("radius_server_concat", "");
    for nothing in ["secret", "secret,", ",123456"] {
        let request = site.ask(&alice(nothing));
        assert_eq!(site.answer(&request).code, Code::AccessReject, "{nothing}");
    }
    site.ask(&alice("a,b,123456"));
    site.primary_right("a,b");
    site.preauth(can_push());
    assert_eq!(site.asked().2, code("123456"));
}

#[test]
fn the_password_itself_is_the_factor() {
    let mut site = Site::new("radius_server_duo_only", "");
    site.ask(&alice("push"));
    site.preauth(can_push());
    assert_eq!(site.asked().2, Wanted::Typed(Typed::Push(None)));
    // And no fail mode lets somebody in who has shown nothing.
    let mut site = Site::new("radius_server_duo_only", "failmode=safe");
    let request = site.ask(&alice("123456"));
    let Output::Preauth { login, .. } = site.output() else { panic!() };
    let now = site.now;
    site.engine.on_event(login, Event::Preauth(Err(Outage::Away)), now);
    assert_eq!(site.answer(&request).code, Code::AccessReject);
}

#[test]
fn when_the_server_is_away_the_fail_mode_decides() {
    for (failmode, outage, expected) in [
        ("safe", Outage::Away, Outcome::Accepted(AcceptedBy::FailSafe)),
        ("safe", Outage::Refused, Outcome::Rejected(None)),
        ("secure", Outage::Away, Outcome::Rejected(None)),
    ] {
        let mut site = Site::new("radius_server_auto", &format!("failmode={failmode}"));
        site.ask(&alice("secret"));
        site.primary_right("secret");
        let Output::Preauth { login, .. } = site.output() else { panic!() };
        let now = site.now;
        site.engine.on_event(login, Event::Preauth(Err(outage)), now);
        let outcomes = site.outcomes();
        let [outcome] = &outcomes[..] else { panic!("{outcomes:?}") };
        match (outcome, expected) {
            (Outcome::Rejected(_), Outcome::Rejected(_)) => {}
            (outcome, expected) => assert_eq!(*outcome, expected),
        }
    }
}

#[test]
fn a_name_can_be_exempt() {
    let mut site = Site::new("radius_server_auto", "exempt_username_1=probe");
    let mut ask = alice("secret,push");
    ask.user = "probe";
    let request = site.ask(&ask);
    // What stands behind the comma is a part of its password.
    site.primary_right("secret,push");
    assert_eq!(site.answer(&request).code, Code::AccessAccept);
}

#[test]
fn an_empty_password_reaches_no_directory() {
    for typed in ["", ",push", ",123456"] {
        let mut site = Site::new("radius_server_auto", "");
        let request = site.ask(&alice(typed));
        assert_eq!(site.answer(&request).code, Code::AccessReject, "{typed:?}");
    }
}
