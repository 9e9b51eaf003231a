//! What the server says, and what the application hears of it.

use std::time::Duration;

use countersign_proxy::ldap::output::{Event, Outcome, Output};
use countersign_proxy::radius::login::{Auth, Event as LoginEvent, Outage, Preauth, Wanted};

use super::site::{ALICE, EACH, Site, allowed};

fn login(options: &str, typed: &str) -> Site {
    let mut site = Site::new(&format!("{EACH}\n{options}"));
    site.right(ALICE, typed);
    site.found(ALICE, "alice");
    site
}

fn heard(site: &mut Site) -> (i32, String) {
    let answers = site.answers();
    let [(1, 0x61, code, text)] = &answers[..] else { panic!("{answers:?}") };
    (*code, text.clone())
}

#[test]
fn the_servers_no_is_told_in_its_words() {
    for (answer, code) in [
        (Preauth::Allow { text: "Allowed".to_owned() }, 0),
        (Preauth::Deny { text: "Locked out".to_owned() }, 49),
        (Preauth::Enroll { text: "Enroll at https://portal".to_owned() }, 49),
        (Preauth::Emergency, 0),
    ] {
        let mut site = login("", "S3cret");
        let text = match &answer {
            Preauth::Emergency | Preauth::Allow { .. } => String::new(),
            Preauth::Deny { text } | Preauth::Enroll { text } => text.clone(),
            Preauth::Auth { .. } => unreachable!(),
        };
        site.preauth(Ok(answer));
        assert_eq!(heard(&mut site), (code, text));
    }
}

#[test]
fn whoever_must_type_a_code_hears_how() {
    let mut site = login("", "S3cret");
    site.preauth(Ok(Preauth::Auth { menu: None, can_push: false, can_phone: false }));
    assert_eq!(heard(&mut site), (49, "Type your password, then \",\" and a passcode.".to_owned()));

    let mut site = login("", "S3cret,sms");
    site.needs_push();
    site.decided(Ok(Auth::CodesSent { text: "New passcodes sent.".to_owned() }));
    let text = "New passcodes sent. Type your password, then \",\" and a passcode.";
    assert_eq!(heard(&mut site), (49, text.to_owned()));

    let mut site = login("allow_concat=false\nfactors=passcode", "S3cret");
    site.needs_push();
    assert_eq!(heard(&mut site), (49, "None of your devices can be used here.".to_owned()));
}

#[test]
fn a_server_that_is_away_opens_or_closes_as_the_section_says() {
    for (failmode, outage, code) in
        [("safe", Outage::Away, 0), ("secure", Outage::Away, 49), ("safe", Outage::Refused, 49)]
    {
        let mut site = login(&format!("failmode={failmode}"), "S3cret");
        site.preauth(Err(outage));
        assert_eq!(heard(&mut site).0, code, "{failmode} {outage:?}");
        // Once a factor was asked for, silence is a no.
        let mut site = login(&format!("failmode={failmode}"), "S3cret");
        site.needs_push();
        site.decided(Err(outage));
        assert_eq!(heard(&mut site).0, 49, "{failmode} {outage:?}");
    }
}

#[test]
fn a_server_that_never_decides_is_not_waited_for_for_ever() {
    for (options, seconds) in [("", 90), ("api_timeout=20", 20)] {
        let mut site = login(options, "S3cret");
        site.needs_push();
        site.pass(Duration::from_secs(seconds - 1));
        assert_eq!(site.octets(), b"");
        site.pass(Duration::from_secs(1));
        assert_eq!(heard(&mut site), (49, "There was no answer in time. Log in again.".to_owned()));
        let outputs = site.outputs();
        assert!(outputs.contains(&Output::Cancel { login: 1 }) && outputs.contains(&Output::Disconnect), "{outputs:?}");
        // A late yes means nothing any more.
        site.session.on_event(1, Event::Second(LoginEvent::Auth(allowed())), site.now);
        assert_eq!((site.octets(), site.outcomes().len()), (vec![], 1));
    }
}

#[test]
fn a_late_answer_for_an_earlier_login_decides_nothing() {
    let mut site = login("", "S3cret");
    site.needs_push();
    site.decided(Ok(Auth::Deny { text: "no".to_owned() }));
    site.octets();
    site.right(ALICE, "S3cret");
    site.found(ALICE, "alice");
    site.needs_push();
    site.session.on_event(1, Event::Second(LoginEvent::Auth(allowed())), site.now);
    assert_eq!(site.octets(), b"", "the answer to the first login");
    assert_eq!(site.decided(allowed()), Wanted::Auto);
    assert_eq!(site.codes(), [0]);
    assert_eq!(site.outcomes(), [Outcome::Denied("no".to_owned()), Outcome::Approved]);
}

#[test]
fn a_code_for_outages_stands_behind_the_password_and_nothing_else_lets_in() {
    let offline = "failmode=offline";
    let mut site = login(offline, "S3cret,123456");
    site.is_away(Some("hq"));
    assert_eq!(site.checks_code(Ok(())), ("alice".to_owned(), "123456".to_owned()));
    assert_eq!(heard(&mut site).0, 0);
    assert_eq!(site.outcomes(), [Outcome::OutageCode]);
    // An application that binds twice has the same code twice, which is good once.
    assert_eq!(site.right(ALICE, "S3cret,123456"), 2);
    assert_eq!(site.codes(), [0]);
    assert_eq!(site.outcomes(), [Outcome::Reused]);

    let mut site = login(offline, "S3cret,123456");
    site.is_away(Some("hq"));
    site.checks_code(Err("This code lets nobody in.".to_owned()));
    assert_eq!(heard(&mut site), (49, "This code lets nobody in.".to_owned()));
    // No code is asked for where none can be told.
    for typed in ["S3cret", "S3cret,push", "S3cret,sms2"] {
        let mut site = login(offline, typed);
        site.is_away(Some("hq"));
        let text = "The login service cannot be reached. Type your password, then \",\" and the code for outages of \"hq\" from your authenticator.";
        assert_eq!(heard(&mut site), (49, text.to_owned()));
    }
    // Without codes here it is as with failmode=secure.
    let mut site = login(offline, "S3cret,123456");
    site.is_away(None);
    let (code, text) = heard(&mut site);
    assert!(code == 49 && text.contains("cannot be reached"), "{text}");
    assert!(matches!(&site.outcomes()[..], [Outcome::Denied(_)]));
    // An Owner's leave is worth nothing to the next bind of the same password.
    let mut site = login(offline, "S3cret");
    site.preauth(Ok(Preauth::Emergency));
    assert_eq!((heard(&mut site).0, site.outcomes()), (0, vec![Outcome::Emergency]));
    site.right(ALICE, "S3cret");
    site.found(ALICE, "alice");
    site.preauth(Ok(Preauth::Deny { text: "No.".to_owned() }));
    assert_eq!(site.codes(), [49]);
}
