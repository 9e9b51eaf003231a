//! What is not held.

use countersign_proxy::ldap::output::Output;
use cs_ldap::{ber::Writer, oid, request};

use super::site::{ALICE, Site, done, id, search};

#[test]
fn everything_else_travels_octet_for_octet() {
    let mut site = Site::new("");
    // Lengths as Windows writes them, a control nobody knows, an operation nobody knows, octets behind what the standard has.
    let odd: [&[u8]; 4] = [
        b"\x30\x84\x00\x00\x00\x14\x02\x01\x05\x6e\x84\x00\x00\x00\x0b\x04\x04cn=x\x30\x00\x04\x01a",
        b"\x30\x13\x02\x01\x06\x4a\x04cn=x\xa0\x08\x30\x06\x04\x041.23",
        b"\x30\x06\x02\x01\x07\x5f\x01\x00",
        b"\x30\x0b\x02\x01\x08\x4a\x02\x63\x6e\x04\x02zz",
    ];
    let asked: Vec<u8> = odd.concat();
    for octets in asked.chunks(3) {
        site.send(octets);
    }
    // The third has a tag of several octets: whoever sends that hears that it is no LDAP.
    assert!(site.session.is_over());

    let mut site = Site::new("");
    let asked: Vec<u8> = [odd[0], odd[1], odd[3], &search(9)].concat();
    for octets in asked.chunks(3) {
        site.send(octets);
    }
    assert_eq!(site.outputs(), [Output::Connect], "once, when it is needed");
    assert_eq!(site.asks_directory(), asked);

    let answers = [
        b"\x30\x84\x00\x00\x00\x0f\x02\x01\x09\x64\x84\x00\x00\x00\x06\x04\x02cn\x30\x00".to_vec(),
        done(9, 0x65),
        done(5, 0x6f),
        b"\x30\x0c\x02\x01\x06\x4b\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec(),
    ]
    .concat();
    for octets in answers.chunks(5) {
        site.directory_says(octets);
    }
    assert_eq!(site.octets(), answers);
}

#[test]
fn a_new_password_travels_on() {
    let mut site = Site::new("");
    site.right(ALICE, "x");
    site.octets();
    let change = request::extended(id(7), oid::PASSWORD_MODIFY, Some(b"\x30\x00"));
    site.send(&change);
    assert_eq!(site.asks_directory(), *change);
}

#[test]
fn a_check_of_a_password_beside_a_bind_is_not_passed_on() {
    let mut site = Site::new("");
    for name in [oid::VERIFY_CREDENTIALS, oid::TURN] {
        site.send(&request::extended(id(7), name, None));
        assert_eq!(site.answers()[0].2, 53, "unwillingToPerform");
    }
    assert_eq!((site.asks_directory(), site.outputs()), (vec![], vec![]));
}

#[test]
fn an_application_that_does_not_read_stops_the_directory_and_is_left() {
    let mut site = Site::new("");
    site.send(&search(1));
    let mut entry = Writer::with_room(100_000);
    entry.nested(0x30, |message| {
        message.number(2, 1).nested(0x64, |inside| {
            inside.octets(4, &[b'x'; 100_000]).nested(0x30, |_| {});
        });
    });
    let entry = entry.into_octets();
    let mut count = 0;
    while site.session.reads_backend() {
        site.directory_says(&entry);
        count += 1;
    }
    assert_eq!(count, 11, "about a megabyte waits");
    site.session.sent_to_client(200_000, site.now);
    assert!(site.session.reads_backend(), "and goes on when some of it was read");
    site.pass(std::time::Duration::from_secs(61));
    assert_eq!(site.ended(), Some(countersign_proxy::ldap::output::Why::NotReading));
    assert!(site.session.to_client().is_empty(), "nothing is kept for who does not read");
}

#[test]
fn more_operations_than_a_directory_should_have_at_a_time_wait() {
    let mut site = Site::new("");
    let many: Vec<u8> = (1..=600).flat_map(search).collect();
    site.send(&many);
    assert!(!site.session.reads_client());
    let first = site.asks_directory();
    assert_eq!(first, (1..=512).flat_map(search).collect::<Vec<u8>>());
    for number in 1..=512 {
        site.directory_says(&done(number, 0x65));
    }
    assert_eq!(site.asks_directory(), (513..=600).flat_map(search).collect::<Vec<u8>>());
    assert!(site.session.reads_client());
}
