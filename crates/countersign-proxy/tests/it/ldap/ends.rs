//! How connections begin to be protected, and how they end.

use std::time::Duration;

use countersign_proxy::ldap::output::{Outcome, Output, Why};
use cs_ldap::request;

use super::site::{ALICE, EACH, SERVICE, Site, allowed, done, id, search};

const TLS: &str = "ssl_cert_path=c.pem\nssl_key_path=k.pem";

fn waiting_for_push() -> Site {
    let mut site = Site::new(EACH);
    site.right(ALICE, "S3cret");
    site.found(ALICE, "alice");
    site.needs_push();
    site
}

fn cancelled(site: &mut Site) -> bool {
    site.outputs().contains(&Output::Cancel { login: 1 })
}

#[test]
fn start_tls_is_answered_here() {
    let mut site = Site::new("");
    site.send(&request::start_tls(id(1)));
    assert_eq!(site.answers()[0].2, 2, "protocolError without a certificate");

    let mut site = Site::new(TLS);
    site.send(&search(1));
    site.send(&request::start_tls(id(2)));
    assert_eq!(site.answers()[0].2, 1, "operationsError while something is under way");
    site.directory_says(&done(1, 0x65));
    site.octets();
    site.send(&request::start_tls(id(3)));
    assert_eq!(site.answers()[0].2, 0);
    assert!(site.session.begins_tls() && !site.session.reads_client());
    site.session.on_client_tls(site.now);
    assert!(!site.session.begins_tls() && site.session.reads_client());
    site.send(&request::start_tls(id(4)));
    assert_eq!(site.answers()[0].2, 1, "operationsError when it is spoken already");
    site.send(&search(5));
    assert!(site.asks_directory().ends_with(&search(5)));
    assert!(!site.session.is_over());
}

#[test]
fn clear_text_behind_start_tls_is_never_taken_as_if_it_had_come_within() {
    let mut site = Site::new(TLS);
    site.send(&[request::start_tls(id(1)), search(2)].concat());
    assert_eq!(site.ended(), Some(Why::ClearBehindStartTls));
    assert_eq!((site.session.is_over(), site.asks_directory()), (true, vec![]));
    assert!(!site.session.begins_tls());
}

#[test]
fn whoever_goes_away_takes_the_push_along() {
    let mut site = waiting_for_push();
    site.session.on_client_end(site.now);
    assert!(cancelled(&mut site));
    assert_eq!(site.outcomes(), [Outcome::Withdrawn]);

    let mut site = waiting_for_push();
    site.send(&request::unbind(id(9)));
    assert!(cancelled(&mut site) && site.session.is_over());
    assert_eq!(site.outcomes(), [Outcome::Withdrawn]);

    // An abandoned bind is answered all the same (RFC 4511 §4.11): it is denied, and the connection goes on with nobody bound.
    let mut site = waiting_for_push();
    site.send(b"\x30\x06\x02\x01\x02\x50\x01\x01");
    assert!(cancelled(&mut site));
    assert_eq!(site.codes(), [49]);
    assert!(!site.session.is_over());
    // Of something else, it waits like everything.
    let mut site = waiting_for_push();
    site.send(b"\x30\x06\x02\x01\x02\x50\x01\x07");
    assert!(!cancelled(&mut site));
}

#[test]
fn a_directory_that_goes_away_takes_the_login_along() {
    let mut site = Site::new(EACH);
    site.bind(ALICE, "S3cret");
    site.session.on_backend_end(site.now);
    assert_eq!(site.codes(), [52]);
    assert_eq!((site.session.is_over(), site.ended()), (true, Some(Why::DirectoryAway)));

    let mut site = waiting_for_push();
    site.session.on_backend_end(site.now);
    assert!(cancelled(&mut site));
    assert_eq!(site.codes(), [52], "nobody could be bound there any more");

    // Whoever is bound there is not any more, and hears it.
    let mut site = Site::new("");
    site.right(SERVICE, "x");
    site.octets();
    site.session.on_backend_end(site.now);
    assert_eq!(site.answers()[0].0, 0, "unasked");
    assert!(site.session.is_over());

    // Nobody is bound, nothing is under way: the directory's time is over for who says nothing.
    let mut site = Site::new("");
    site.send(&search(1));
    site.directory_says(&done(1, 0x65));
    site.octets();
    site.session.on_backend_end(site.now);
    assert!(!site.session.is_over());
    site.outputs();
    site.send(&search(2));
    assert_eq!(site.outputs(), [Output::Connect]);
}

#[test]
fn a_directory_that_is_confused_is_left() {
    for answers in [&b"\x16\x03\x01"[..], &done(9, 0x61), b"\x30\x80", b"\x30\x02\x04\x00"] {
        let mut site = Site::new(EACH);
        site.bind(ALICE, "S3cret");
        site.directory_says(answers);
        assert_eq!((site.session.is_over(), site.ended()), (true, Some(Why::DirectoryConfused)), "{answers:?}");
        assert!(!site.codes().contains(&0));
    }
    // Nobody has bound, and it says that somebody may.
    let mut site = Site::new(EACH);
    site.send(&search(1));
    site.directory_says(&done(1, 0x61));
    assert_eq!((site.session.is_over(), site.codes()), (true, vec![]));
}

#[test]
fn what_is_no_ldap_ends_the_connection_with_a_word() {
    for octets in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x03\x01\x02\x00",
        b"\x30\x80",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x84\x00\x10\x00\x00",
        b"\x30\x05\x02\x01\x00\x42\x00",
        b"\x30\x05\x04\x01\x01\x42\x00",
        b"\x30\x07\x02\x01\x01\x60\x02\x02\x01",
    ] {
        let mut site = Site::new("");
        site.send(octets);
        let answers = site.answers();
        assert_eq!((answers[0].0, answers[0].2), (0, 2), "{octets:?}");
        assert!(site.session.is_over() && site.asks_directory().is_empty());
        site.send(&search(1));
        assert_eq!(site.outputs(), []);
    }
}

#[test]
fn kanidm_1_10_0_a_filter_too_deep_never_reaches_the_directory() {
    let mut filter = b"\x87\x01a".to_vec();
    for _ in 0..200 {
        let mut around = cs_ldap::ber::Writer::with_room(filter.len());
        around.octets(0xa2, &filter);
        filter = around.into_octets().to_vec();
    }
    let mut message = cs_ldap::ber::Writer::with_room(filter.len());
    message.nested(0x30, |inside| {
        inside.number(2, 1).nested(0x63, |search| {
            search.octets(4, b"").number(10, 0).number(10, 0).number(2, 0).number(2, 0).truth(1, false).raw(&filter);
            search.nested(0x30, |_| {});
        });
    });
    let mut site = Site::new("");
    site.send(&message.into_octets());
    assert!(site.session.is_over() && site.asks_directory().is_empty());
}

#[test]
fn longer_messages_are_for_those_who_are_known() {
    let mut large = cs_ldap::ber::Writer::with_room(300_000);
    large.nested(0x30, |inside| {
        inside.number(2, 3).nested(0x66, |modify| {
            modify.octets(4, &[b'x'; 300_000]);
        });
    });
    let large = large.into_octets();
    let mut site = Site::new("");
    site.send(&large);
    assert!(site.session.is_over());
    let mut site = Site::new("");
    site.right(SERVICE, "x");
    site.send(&large);
    assert_eq!(site.asks_directory(), *large);
}

#[test]
fn silence_ends_a_connection() {
    let mut site = Site::new("idle_timeout=600");
    site.pass(Duration::from_secs(120));
    assert_eq!((site.session.is_over(), site.ended()), (true, Some(Why::Idle)), "never bound: two minutes");

    let mut site = Site::new("idle_timeout=600");
    site.right(SERVICE, "x");
    site.octets();
    site.pass(Duration::from_secs(599));
    assert!(!site.session.is_over());
    site.pass(Duration::from_secs(1));
    assert_eq!(site.ended(), Some(Why::Idle));

    // A person may take long: that is no silence.
    let mut site = Site::new("exempt_primary_bind=false\nidle_timeout=20");
    site.right(ALICE, "S3cret");
    site.found(ALICE, "alice");
    site.needs_push();
    site.pass(Duration::from_secs(60));
    site.decided(allowed());
    assert_eq!(site.codes(), [0]);

    let mut site = Site::new("network_timeout=50");
    site.send(&search(1));
    site.pass(Duration::from_secs(50));
    assert_eq!((site.session.is_over(), site.ended()), (true, Some(Why::DirectorySilent)));

    let mut site = Site::new("exempt_primary_bind=false\nnetwork_timeout=50");
    site.bind(ALICE, "S3cret");
    site.pass(Duration::from_secs(50));
    assert_eq!(site.codes(), [52]);
}

#[test]
fn a_message_that_does_not_become_whole_ends_the_connection() {
    let mut site = Site::new("");
    for octet in &search(1)[..20] {
        site.send(std::slice::from_ref(octet));
        site.pass(Duration::from_secs(1));
    }
    assert!(!site.session.is_over());
    site.send(b"\x00");
    site.pass(Duration::from_secs(10));
    assert_eq!((site.session.is_over(), site.ended()), (true, Some(Why::Slow)), "an octet a second is not enough");
}
