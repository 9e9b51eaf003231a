use std::sync::Arc;

use cs_radius::{Builder, Code, Secret};

use super::*;
use crate::radius::request::Request;

const DEVICE: &str = "192.0.2.1";

fn device() -> IpAddr {
    DEVICE.parse().unwrap()
}

fn admitted(user: &str, station: &str, class: &[u8]) -> Admitted {
    let mut builder = Builder::new(Code::AccessRequest, 1);
    builder.attribute(kind::USER_NAME, user.as_bytes()).unwrap();
    builder.attribute(kind::CALLING_STATION_ID, station.as_bytes()).unwrap();
    builder.number(kind::NAS_IP_ADDRESS, 0x0a00_0001).unwrap();
    let octets = builder.into_request(&Secret::new(*b"s"), &[1; 16]);
    let from = (device(), 1000).into();
    let request = Request::read_for_tests(&Packet::parse(&octets).unwrap(), from);
    let attributes = vec![(kind::CLASS, class.to_vec()), (kind::FRAMED_IP_ADDRESS, vec![10, 9, 8, 7])];
    Admitted { section: 0, device: 0, request: Arc::new(request), attributes, host: None }
}

#[test]
fn a_device_that_numbers_its_sessions_before_accounting_has_one_of_each() {
    let mut table = Table::new();
    let mut login = admitted("alice", "1", b"c");
    Arc::make_mut(&mut login.request).accounting_id = Some(b"A1".to_vec());
    for _ in 0..2 {
        table.0.admitted(&login, "auto", Some("ise"), table.1);
    }
    Arc::make_mut(&mut login.request).accounting_id = Some(b"A2".to_vec());
    table.0.admitted(&login, "auto", Some("ise"), table.1);
    assert_eq!(table.0.len(), 2);
    table.account(1, "A1", "alice", "1");
    table.account(2, "A2", "alice", "1");
    let id = Meant { accounting_id: Some(b"A1".to_vec()), ..Meant::default() };
    assert_eq!((table.0.len(), table.meant(&id, "ise")), (1, 1));
}

fn accounting(status: u32, id: &str, user: &str, station: &str) -> Vec<u8> {
    let mut builder = Builder::new(Code::AccountingRequest, 1);
    builder.number(kind::ACCT_STATUS_TYPE, status).unwrap();
    builder.attribute(kind::ACCT_SESSION_ID, id.as_bytes()).unwrap();
    builder.attribute(kind::USER_NAME, user.as_bytes()).unwrap();
    builder.attribute(kind::CALLING_STATION_ID, station.as_bytes()).unwrap();
    builder.into_digested_request(&Secret::new(*b"s"))
}

struct Table(Sessions, Instant);

impl Table {
    fn new() -> Self {
        Self(Sessions::default(), Instant::now())
    }
    fn admit(&mut self, user: &str, station: &str) {
        self.0.admitted(&admitted(user, station, b"c"), "auto", Some("ise"), self.1);
    }
    fn account(&mut self, status: u32, id: &str, user: &str, station: &str) {
        let octets = accounting(status, id, user, station);
        let packet = Packet::parse(&octets).unwrap();
        self.0.accounted(&packet, device(), "auto", [Some("ise"), None], self.1);
    }
    fn meant(&mut self, meant: &Meant, client: &str) -> usize {
        self.0.meant(meant, &[client.to_owned()], self.1).len()
    }
}

fn user(name: &str) -> Meant {
    Meant { user: Some(name.to_owned()), ..Meant::default() }
}

#[test]
fn a_login_becomes_a_session_with_a_number_and_ends() {
    let mut table = Table::new();
    table.admit("Alice", "198.51.100.7");
    table.admit("Alice", "198.51.100.7");
    assert_eq!((table.0.len(), table.meant(&user("alice"), "ise")), (1, 1));
    table.account(1, "A1", "Alice", "198.51.100.7");
    assert_eq!(table.0.len(), 1);
    let id = Meant { accounting_id: Some(b"A1".to_vec()), ..Meant::default() };
    let found = table.0.meant(&id, &["ise".to_owned()], table.1);
    let session = table.0.get(found[0]).unwrap();
    assert_eq!((session.framed_ip, session.nas_ip), (Some([10, 9, 8, 7]), Some([10, 0, 0, 1])));
    // A second session of hers, and the end of the first.
    table.admit("Alice", "198.51.100.7");
    assert_eq!(table.meant(&user("alice"), "ise"), 2);
    table.account(2, "A1", "Alice", "198.51.100.7");
    assert_eq!((table.meant(&user("alice"), "ise"), table.meant(&id, "ise")), (1, 0));
    table.account(7, "", "", "");
    assert!(table.0.is_empty());
}

#[test]
fn a_session_is_meant_by_what_is_said_and_by_nothing_that_differs() {
    let mut table = Table::new();
    table.account(3, "A1", "alice", "aa-bb");
    table.account(1, "B1", "bob", "cc-dd");
    let both = Meant { accounting_id: Some(b"A1".to_vec()), ..user("bob") };
    assert_eq!(table.meant(&both, "ise"), 0);
    let alice = Meant { accounting_id: Some(b"A1".to_vec()), ..user("alice") };
    assert_eq!(table.meant(&alice, "ise"), 1);
    let station = Meant { station: Some(b"cc-dd".to_vec()), ..Meant::default() };
    assert_eq!(table.meant(&station, "ise"), 1);
    assert_eq!(table.meant(&alice, "another"), 0, "only a server that knows of it may end it");
    assert!(Meant::default().is_empty() && Meant { nas_port: Some([0; 4]), ..Meant::default() }.is_empty());
}

#[test]
fn what_nobody_speaks_of_is_forgotten_and_the_table_is_bounded() {
    let mut table = Table::new();
    table.admit("alice", "1");
    table.account(1, "B1", "bob", "2");
    table.1 += WITHOUT_ACCOUNTING;
    assert_eq!((table.meant(&user("alice"), "ise"), table.meant(&user("bob"), "ise")), (0, 1));
    table.1 += WITHOUT_NEWS;
    assert_eq!(table.meant(&user("bob"), "ise"), 0);
    assert!(table.0.is_empty() && table.0.marks.is_empty() && table.0.order.is_empty());
    for number in 0..=MOST {
        table.account(1, &number.to_string(), &format!("carol{number}"), "3");
    }
    assert_eq!(table.0.len(), MOST);
    assert!(table.0.marks.values().all(|ids| ids.len() <= MOST_ALIKE));
}
