//! What a login comes to while nobody can be asked, and by an Owner's leave.

use countersign_proxy::radius::login::{AcceptedBy, Event, Outage, Preauth};
use countersign_proxy::radius::output::{LoginId, Outcome, Output};
use cs_radius::Code;

use super::site::{Ask, Site, alice, can_push};

/// The first factor is right, and then the server is to be asked.
fn preauth(site: &mut Site, password: &str) -> LoginId {
    site.primary_right(password);
    let Output::Preauth { login, .. } = site.output() else { panic!("the server is not asked") };
    login
}

fn away(site: &mut Site, login: LoginId, group: Option<&str>) {
    let group = group.map(str::to_owned);
    site.engine.on_event(login, Event::Away { group }, site.now);
}

/// A code is to be checked: this one.
fn checked(site: &mut Site, expected: &str) -> LoginId {
    let Output::Code { login, typed, .. } = site.output() else { panic!("no code is checked") };
    assert_eq!(typed.as_str(), expected);
    login
}

#[test]
fn a_code_for_outages_is_asked_for_and_only_a_right_one_lets_in() {
    for (result, expected) in [(Ok(()), Code::AccessAccept), (Err("No.".to_owned()), Code::AccessReject)] {
        for kind in ["radius_server_auto", "radius_server_challenge"] {
            let mut site = Site::new(kind, "failmode=offline");
            let request = site.ask(&alice("secret"));
            let login = preauth(&mut site, "secret");
            away(&mut site, login, Some("hq"));
            let challenge = site.answer(&request);
            assert_eq!(challenge.code, Code::AccessChallenge);
            assert!(challenge.text.is_some_and(|text| text.contains("hq")));
            let answer = Ask { state: challenge.state, ..alice("123456") };
            let request = site.ask(&answer);
            let login = checked(&mut site, "123456");
            // The same answer in another packet joins, and is no second attempt.
            let again = site.ask(&answer);
            assert!(site.outputs().is_empty());
            site.engine.on_event(login, Event::Code(result.clone()), site.now);
            let answers = site.answers(&[&request, &again]);
            assert!(answers.iter().all(|answer| answer.code == expected));
            // What is heard later changes nothing.
            site.engine.on_event(login, Event::Code(Ok(())), site.now);
            assert!(site.outputs().is_empty());
        }
    }
}

#[test]
fn a_code_behind_the_password_is_checked_at_once() {
    for (kind, typed) in [("radius_server_auto", "secret,123456"), ("radius_server_concat", "secret,123456")] {
        let mut site = Site::new(kind, "failmode=offline");
        let request = site.ask(&alice(typed));
        let login = preauth(&mut site, "secret");
        away(&mut site, login, Some("hq"));
        let login = checked(&mut site, "123456");
        site.engine.on_event(login, Event::Code(Ok(())), site.now);
        assert_eq!(site.answer(&request).code, Code::AccessAccept);
    }
}

#[test]
fn without_codes_nobody_is_in_and_a_push_is_no_code() {
    let mut site = Site::new("radius_server_auto", "failmode=offline");
    let request = site.ask(&alice("secret,123456"));
    let login = preauth(&mut site, "secret");
    away(&mut site, login, None);
    assert_eq!(site.answer(&request).code, Code::AccessReject);
    // A login that is already waiting for a push is not let in by an outage in between.
    let mut site = Site::new("radius_server_auto", "failmode=offline");
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    away(&mut site, login, Some("hq"));
    assert!(site.outputs().is_empty());
    site.decide((login, attempt), Err(Outage::Away));
    assert_eq!(site.answer(&request).code, Code::AccessReject);
    // Whoever must type the factor behind the password is told which.
    let mut site = Site::new("radius_server_concat", "failmode=offline");
    let request = site.ask(&alice("secret,push"));
    let login = preauth(&mut site, "secret");
    away(&mut site, login, Some("hq"));
    let answer = site.answer(&request);
    assert_eq!(answer.code, Code::AccessReject);
    assert!(answer.text.is_some_and(|text| text.contains("hq")));
}

#[test]
fn an_owners_leave_is_enough_beside_a_first_factor_and_never_alone() {
    let mut site = Site::new("radius_server_auto", "failmode=secure");
    site.ask(&alice("secret"));
    let login = preauth(&mut site, "secret");
    site.engine.on_event(login, Event::Preauth(Ok(Preauth::Emergency)), site.now);
    assert_eq!(site.outcomes(), [Outcome::Accepted(AcceptedBy::Emergency)]);
    let mut site = Site::new("radius_server_duo_only", "failmode=secure");
    let request = site.ask(&alice("123456"));
    let Output::Preauth { login, .. } = site.output() else { panic!("the server is not asked") };
    site.engine.on_event(login, Event::Preauth(Ok(Preauth::Emergency)), site.now);
    assert_eq!(site.answer(&request).code, Code::AccessReject);
}
