//! Which binds need a second factor, and what is asked of whom.

use std::time::{Duration, Instant};

use countersign_proxy::ldap::output::{Event, LookUp, NotFound, Outcome, Output, Person, Why};
use countersign_proxy::radius::login::Wanted;
use countersign_proxy::radius::split::Typed;
use cs_ldap::{Authentication, Credentials, oid, request};

use super::site::{ALICE, EACH, SERVICE, Section, Site, allowed, denied, done, id, password, search};

#[test]
fn a_bind_is_held_until_the_second_factor_is_decided_and_everything_else_waits() {
    let mut site = Site::new(EACH);
    let number = site.bind(ALICE, "S3cret");
    assert_eq!(site.asks_directory(), *request::bind(id(number), ALICE, &password("S3cret"), None));
    // With what a directory adds to its answer.
    let answer = b"\x30\x18\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00\xa0\x0a\x30\x08\x04\x061.2.34";
    site.directory_says(answer);
    site.send(&search(7));
    assert_eq!((site.octets(), site.asks_directory()), (vec![], vec![]));
    assert_eq!(site.looks_up().1, LookUp::Dn(ALICE.to_owned()));
    let mut site = Site::new(EACH);
    site.bind(ALICE, "S3cret");
    site.directory_says(answer);
    site.send(&search(7));
    site.found(ALICE, "alice");
    assert_eq!(site.needs_push(), "alice");
    assert_eq!(site.octets(), b"");
    assert_eq!(site.decided(allowed()), Wanted::Auto);
    assert_eq!(site.octets(), answer, "what the directory said, controls and all");
    assert!(site.asks_directory().ends_with(&search(7)), "what waited goes on");
    assert_eq!(site.outcomes(), [Outcome::Approved]);
}

#[test]
fn after_a_denial_nobody_is_bound() {
    let mut site = Site::new(EACH);
    let number = site.right(ALICE, "S3cret");
    site.send(&search(7));
    site.found(ALICE, "alice");
    site.needs_push();
    site.decided(denied());
    assert_eq!(site.answers(), [(number, 0x61, 49, "The request was denied.".to_owned())]);
    // What waited is asked as nobody in particular, on a connection where nobody was ever bound.
    assert_eq!(site.outputs(), [Output::Disconnect, Output::Connect]);
    assert_eq!(site.asks_directory(), search(7));
    assert_eq!(site.outcomes(), [Outcome::Denied("The request was denied.".to_owned())]);
    assert!(!site.session.is_over(), "and may try again");
    assert_eq!(site.log_in(ALICE, "S3cret"), 2);
    assert_eq!(site.codes(), [0]);
}

#[test]
fn a_wrong_password_is_what_the_directory_says_and_asks_nobody() {
    let mut site = Site::new(EACH);
    let number = site.bind(ALICE, "wrong,push");
    assert_eq!(
        site.asks_directory(),
        *request::bind(id(number), ALICE, &password("wrong"), None),
        "asked once, without the factor"
    );
    let mut refused = done(number, 0x61);
    refused[9] = 49;
    site.directory_says(&refused);
    assert_eq!(site.octets(), refused);
    site.outputs();
    assert_eq!(site.outcomes(), [Outcome::RefusedByDirectory(cs_ldap::ResultCode::InvalidCredentials)]);
    assert_eq!(site.asks_directory(), b"", "nothing is tried a second time");
}

#[test]
fn a_password_with_a_zero_never_reaches_a_directory() {
    for zero in ["\0", "\0secret", "secret\0"] {
        let mut site = Site::new("");
        site.bind(ALICE, zero);
        assert_eq!((site.asks_directory(), site.codes()), (vec![], vec![49]), "{zero:?}");
    }
}

#[test]
fn a_factor_behind_the_password_is_what_is_asked_for() {
    let mut site = Site::new(EACH);
    site.right(ALICE, "S3cret,pw,123456");
    site.found(ALICE, "alice");
    site.needs_push();
    let code = zeroize::Zeroizing::new("123456".to_owned());
    assert_eq!(site.decided(allowed()), Wanted::Typed(Typed::Passcode(code)));
    assert_eq!(site.codes(), [0]);

    let mut site = Site::new(&format!("{EACH}\nallow_concat=false"));
    let number = site.bind(ALICE, "S3cret,push");
    assert_eq!(site.asks_directory(), *request::bind(id(number), ALICE, &password("S3cret,push"), None));

    // Nothing before the factor would be a bind of nobody, which directories take.
    let mut site = Site::new(EACH);
    site.bind(ALICE, ",push");
    assert_eq!((site.asks_directory(), site.codes()), (vec![], vec![49]));
}

#[test]
fn rfc_4513_unauthenticated_binds_are_no_logins_and_no_exemption() {
    let mut site = Site::new("");
    site.bind(ALICE, "");
    assert_eq!((site.asks_directory(), site.codes()), (vec![], vec![53]));
    site.right("", "");
    assert_eq!(site.codes(), [0], "anonymous is the directory's to allow");
    // It was the first bind, and makes the next one no less of a login.
    site.right(ALICE, "S3cret");
    site.found(ALICE, "alice");
    site.needs_push();
    assert_eq!(site.codes(), Vec::<i32>::new());
}

#[test]
fn the_first_bind_is_exempt_and_passed_on_whole() {
    let mut site = Site::new("");
    let number = site.bind(SERVICE, "pass,push");
    assert_eq!(site.asks_directory(), *request::bind(id(number), SERVICE, &password("pass,push"), None));
    let mut refused = done(number, 0x61);
    refused[9] = 49;
    site.directory_says(&refused);
    // One that failed was none.
    site.right(SERVICE, "pass,push");
    assert_eq!(site.codes(), [49, 0]);
    assert_eq!(site.outcomes().last(), Some(&Outcome::ExemptPrimary));
    site.right(ALICE, "S3cret");
    assert_eq!(site.looks_up().1, LookUp::Dn(ALICE.to_owned()));
}

#[test]
fn vault_binds_searches_binds_and_binds_again_on_one_connection() {
    let mut site = Site::new("");
    for _ in 0..3 {
        site.right(SERVICE, "app-password");
        site.send(&search(50));
        site.directory_says(&done(50, 0x65));
        site.log_in(ALICE, "S3cret");
        site.now += Duration::from_secs(60);
        site.right("CN=App, OU=Services, DC=lab", "app-password");
        site.send(&search(51));
        site.directory_says(&done(51, 0x65));
    }
    assert_eq!(site.codes(), [0; 9]);
    let pushes = [Outcome::ExemptPrimary, Outcome::Approved, Outcome::ExemptPrimary];
    assert_eq!(site.outcomes(), [&pushes[..], &pushes, &pushes].concat());
    assert!(!site.session.is_over());
}

#[test]
fn a_first_bind_does_not_make_others_exempt() {
    let mut site = Site::new("");
    site.right(SERVICE, "x");
    site.right("cn=app2,ou=services,dc=lab", "x");
    site.found("cn=app2,ou=services,dc=lab", "app2");
    assert_eq!(site.needs_push(), "app2");
}

#[test]
fn names_at_or_under_an_exempt_one_need_no_second_factor() {
    let options = "exempt_primary_bind=false\nexempt_ou_1=OU=Services, DC=lab\nexempt_ou_7=uid=bob,ou=people,dc=lab";
    for (name, is_exempt) in [
        (SERVICE, true),
        ("CN=App,OU=services,DC=LAB", true),
        ("ou=services,dc=lab", true),
        ("uid=bob,ou=people,dc=lab", true),
        (ALICE, false),
        ("cn=x\\,ou=services\\,dc=lab,ou=people,dc=lab", false),
        ("cn=x,ou=services,dc=lab,dc=other", false),
    ] {
        let mut site = Site::new(options);
        site.right(name, "x,push");
        let asked = site.outputs().iter().any(|output| matches!(output, Output::LookUp { .. }));
        assert_eq!((site.codes().len(), !asked), (usize::from(is_exempt), is_exempt), "{name}");
    }
}

#[test]
fn a_name_that_is_no_dn_is_looked_up() {
    let options = "exempt_primary_bind=false\nexempt_ou_1=ou=services,dc=lab";
    // An exempt account with a comma in its password: nothing is cut off, and who is bound decides.
    let mut site = Site::new(options);
    let number = site.bind("LAB\\app", "pass,push");
    assert_eq!(site.asks_directory(), b"");
    site.found(SERVICE, "app");
    assert_eq!(site.asks_directory(), *request::bind(id(number), "LAB\\app", &password("pass,push"), None));
    site.directory_says(&done(number, 0x61));
    site.tells_who(number, Some("u:LAB\\app"));
    assert_eq!(site.octets(), b"", "that is for us alone");
    site.found(SERVICE, "app");
    assert_eq!((site.codes(), site.outcomes()), (vec![0], vec![Outcome::ExemptOu]));

    // A person: the factor is cut off.
    let mut site = Site::new(options);
    site.bind("alice@lab.test", "S3cret,push");
    site.found(ALICE, "alice");
    assert_eq!(site.asks_directory(), *request::bind(id(1), "alice@lab.test", &password("S3cret"), None));
    site.directory_says(&done(1, 0x61));
    site.tells_who(1, Some(&format!("dn:{ALICE}")));
    assert_eq!(site.looks_up().1, LookUp::Dn(ALICE.to_owned()));

    // Nobody: no more is said than the directory says about the password.
    let mut site = Site::new(options);
    site.bind("nobody", "S3cret,push");
    site.not_found(NotFound::Nobody);
    assert_eq!(site.octets(), b"");
    assert_eq!(site.asks_directory(), *request::bind(id(1), "nobody", &password("S3cret"), None));
}

#[test]
fn nobody_is_asked_in_place_of_another() {
    let options = "exempt_primary_bind=false\nexempt_ou_1=ou=services,dc=lab";
    // To us this is the application's account; the directory has let in alice by some name of hers.
    let mut site = Site::new(options);
    site.bind("app", "S3cret,push");
    site.found(SERVICE, "app");
    site.asks_directory();
    site.directory_says(&done(1, 0x61));
    site.tells_who(1, Some("u:LAB\\alice"));
    let (login, by) = site.looks_up();
    assert_eq!(by, LookUp::Name("LAB\\alice".to_owned()));
    let alice = Person { dn: ALICE.to_owned(), username: "alice".to_owned() };
    site.session.on_event(login, Event::Found(Ok(alice)), site.now);
    assert_eq!(site.needs_push(), "alice");
    assert_eq!(site.codes(), Vec::<i32>::new());

    // A directory that does not tell: the name means what it means to us.
    let mut site = Site::new(EACH);
    let number = site.right("mallory", "x");
    site.tells_who(number, None);
    assert_eq!(site.looks_up().1, LookUp::Name("mallory".to_owned()));
}

#[test]
fn who_is_not_among_those_that_may_log_in_is_denied() {
    for (why, text) in [
        (NotFound::Nobody, "This account is not among those that may log in here."),
        (NotFound::Away, "Your account cannot be looked up now. Try again in a minute."),
    ] {
        let mut site = Site::new("exempt_primary_bind=false\nfailmode=safe");
        let number = site.right(ALICE, "S3cret");
        site.not_found(why);
        assert_eq!(site.answers(), [(number, 0x61, 49, text.to_owned())]);
        assert_eq!(site.outputs(), [Output::Disconnect]);
    }
}

#[test]
fn the_same_login_again_within_moments_is_one_push() {
    let section = Section::new(EACH);
    let start = Instant::now();
    let mut first = section.connect("192.0.2.1:1000", start);
    first.log_in(ALICE, "S3cret,123456");
    // On another connection of the same application, and on the same one; the name written otherwise is the same.
    let mut second = section.connect("192.0.2.1:2000", start + Duration::from_secs(9));
    second.right(ALICE, "S3cret,123456");
    assert_eq!((second.codes(), second.outcomes()), (vec![0], vec![Outcome::Reused]));
    first.now += Duration::from_secs(9);
    first.right("UID=alice,ou=people,dc=lab", "S3cret,123456");
    assert_eq!((first.codes(), first.outcomes()), (vec![0, 0], vec![Outcome::Approved, Outcome::Reused]));
    // Another password that the directory takes, another application, later: another login.
    for (from, typed, after) in [
        ("192.0.2.1:3000", "S3cret", 1),
        ("192.0.2.2:1000", "S3cret,123456", 1),
        ("192.0.2.1:4000", "S3cret,123456", 10),
    ] {
        let mut other = section.connect(from, start + Duration::from_secs(after));
        other.right(ALICE, typed);
        assert_eq!((other.codes(), other.looks_up().1), (vec![], LookUp::Dn(ALICE.to_owned())), "{from} {typed}");
    }
}

#[test]
fn whoever_tries_at_the_same_time_rides_on_nobodys_approval() {
    let section = Section::new(EACH);
    let start = Instant::now();
    let mut stranger = section.connect("192.0.2.1:2000", start);
    stranger.right(ALICE, "S3cret");
    stranger.found(ALICE, "alice");
    stranger.needs_push();
    let mut alice = section.connect("192.0.2.1:1000", start);
    alice.log_in(ALICE, "S3cret");
    assert_eq!(alice.codes(), [0]);
    assert_eq!(stranger.codes(), Vec::<i32>::new(), "waits for an approval of its own");
    stranger.decided(denied());
    assert_eq!(stranger.codes(), [49]);
    stranger.right(ALICE, "S3cret");
    stranger.found(ALICE, "alice");
    stranger.needs_push();
    assert_eq!(stranger.codes(), Vec::<i32>::new(), "alice's approval is nobody else's");
}

#[test]
fn a_denial_or_an_open_door_is_no_approval() {
    let section = Section::new("exempt_primary_bind=false\nfailmode=safe");
    let mut site = section.connect("192.0.2.1:1000", Instant::now());
    site.right(ALICE, "S3cret");
    site.found(ALICE, "alice");
    site.preauth(Err(countersign_proxy::radius::login::Outage::Away));
    assert_eq!(site.outcomes(), [Outcome::FailSafe]);
    site.right(ALICE, "S3cret");
    site.found(ALICE, "alice");
    site.needs_push();
    site.decided(denied());
    site.right(ALICE, "S3cret");
    site.found(ALICE, "alice");
    assert_eq!(site.codes(), [0, 49]);
}

#[test]
fn further_logins_on_a_connection_are_as_the_section_says() {
    let mut site = Site::new(EACH);
    site.log_in(ALICE, "S3cret");
    site.right("uid=bob,ou=people,dc=lab", "x");
    site.found("uid=bob,ou=people,dc=lab", "bob");
    assert_eq!(site.needs_push(), "bob");

    let options = "exempt_primary_bind=true\nallow_unlimited_binds=false\nexempt_ou_1=ou=other,dc=lab";
    let mut site = Site::new(options);
    site.right(SERVICE, "x");
    site.log_in(ALICE, "S3cret");
    // The application's account comes back, alice's approval is fresh, and exempt names are exempt.
    site.right(SERVICE, "x");
    site.right(ALICE, "S3cret");
    site.right("cn=y,ou=other,dc=lab", "x");
    assert_eq!(site.codes(), [0; 5]);
    site.bind("uid=bob,ou=people,dc=lab", "x");
    assert_eq!(site.codes(), [53]);
    assert_eq!((site.session.is_over(), site.ended()), (true, Some(Why::AnotherBind)));
}

#[test]
fn searches_after_a_login_are_as_the_section_says() {
    let mut site = Site::new("allow_searches_after_bind=false");
    site.right(SERVICE, "x");
    assert!(!site.session.is_over(), "an exempt bind is no login");
    site.log_in(ALICE, "S3cret");
    assert_eq!((site.codes(), site.session.is_over()), (vec![0, 0], true));
}

fn spnego(token: &[u8]) -> Authentication {
    Authentication::Sasl { mechanism: oid::GSS_SPNEGO.to_owned(), credentials: Some(Credentials::new(token)) }
}

fn authenticate(domain: &str, user: &str, flags: u32) -> Vec<u8> {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let (domain, user) = (utf16(domain), utf16(user));
    let field = |len: usize, at: usize| {
        let len = u16::try_from(len).unwrap().to_le_bytes();
        [&len[..], &len, &u32::try_from(at).unwrap().to_le_bytes()].concat()
    };
    [
        &b"NTLMSSP\0\x03\0\0\0"[..],
        &field(0, 64),
        &field(0, 64),
        &field(domain.len(), 64),
        &field(user.len(), 64 + domain.len()),
        &field(0, 64),
        &field(0, 64),
        &flags.to_le_bytes(),
        &domain,
        &user,
    ]
    .concat()
}

#[test]
fn ntlm_is_passed_on_and_its_name_is_asked_about() {
    let mut site = Site::new(EACH);
    site.bind_by("", &spnego(b"NTLMSSP\0\x01\0\0\0\0\0\0\0"));
    let challenge = b"\x30\x0f\x02\x01\x01\x61\x0a\x0a\x01\x0e\x04\x00\x04\x00\x87\x01c";
    site.directory_says(challenge);
    assert_eq!(site.octets(), challenge);
    let number = site.bind_by("", &spnego(&authenticate("LAB", "Alice", 1)));
    site.asks_directory();
    site.directory_says(&done(number, 0x61));
    assert_eq!(site.codes(), Vec::<i32>::new());
    site.tells_who(number, None);
    assert_eq!(site.looks_up().1, LookUp::Name("LAB\\Alice".to_owned()));

    let mut site = Site::new(EACH);
    site.bind_by("", &spnego(&authenticate("", "alice@lab.test", 1)));
    site.asks_directory();
    site.directory_says(&done(1, 0x61));
    site.tells_who(1, None);
    assert_eq!(site.looks_up().1, LookUp::Name("alice@lab.test".to_owned()));

    // What follows would be encrypted for the directory alone.
    let mut site = Site::new(EACH);
    site.bind_by("", &spnego(&authenticate("LAB", "alice", 0x31)));
    assert_eq!((site.codes(), site.asks_directory()), (vec![7], vec![]));
    // A yes before anybody was named.
    site.bind_by("", &spnego(b"NTLMSSP\0\x01\0\0\0\0\0\0\0"));
    site.directory_says(&done(2, 0x61));
    assert_eq!(site.codes(), [49]);
}

#[test]
fn a_bind_that_is_refused_at_once_leaves_nobody_bound_either() {
    let mut site = Site::new(EACH);
    site.log_in(ALICE, "S3cret");
    site.outputs();
    site.bind_by("", &Authentication::Sasl { mechanism: "EXTERNAL".to_owned(), credentials: None });
    assert_eq!((site.codes(), site.outputs()), (vec![0, 53], vec![Output::Disconnect]));
}
