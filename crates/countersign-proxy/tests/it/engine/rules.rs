//! Attributes that are added to answers, and packets that are no logins.

use countersign_proxy::directory::Group;
use countersign_proxy::radius::login::{Event, Preauth, Primary};
use countersign_proxy::radius::output::Output;
use countersign_proxy::radius::proof::{Credential, Protocol};
use cs_radius::{Builder, Code, Packet, kind};

use super::site::{Site, alice, can_push, secret, yes};

/// Logs alice in, whose directory knows these groups, and gives the Filter-Ids of the answer.
fn filters(rules: &str, groups: &[&str]) -> Vec<String> {
    let mut site = Site::before_radius("radius_server_auto", rules);
    site.ask(&alice("secret"));
    let Output::Primary { login, .. } = site.output() else { panic!() };
    let groups = groups.iter().map(|name| Group { dn: format!("cn={name},dc=lab"), name: Some((*name).to_owned()) });
    site.engine.on_groups(login, groups.collect());
    site.engine.on_event(login, Event::Primary(Primary::Right), site.now);
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), yes());
    let outputs = site.outputs();
    let octets =
        outputs.iter().find_map(|output| if let Output::Send { octets, .. } = output { Some(octets) } else { None });
    let packet = Packet::parse(octets.unwrap()).unwrap();
    assert_eq!(packet.code(), Code::AccessAccept);
    packet.all(kind::FILTER_ID).map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
}

#[test]
fn attributes_are_added_for_members_of_groups() {
    let rules = "reply_attr_1=Filter-Id:admins when group=\"VPN admins\"\nreply_attr_2=Filter-Id:staff when group=staff\nreply_attr_3=Filter-Id:all";
    assert_eq!(filters(rules, &["vpn ADMINS", "other"]), ["admins", "all"]);
    assert_eq!(filters(rules, &["staff"]), ["staff", "all"]);
    assert_eq!(filters(rules, &[]), ["all"]);
    // By the whole name as well, and not by a part of it.
    assert_eq!(filters("reply_attr_1=Filter-Id:x when group=\"CN=Staff,DC=lab\"", &["staff"]), ["x"]);
    assert!(filters("reply_attr_1=Filter-Id:x when group=sta", &["staff"]).is_empty());
}

#[test]
fn who_is_refused_gets_nothing_of_it() {
    let mut site = Site::new("radius_server_auto", "reply_attr_1=Filter-Id:all");
    site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(Preauth::Deny { text: "No.".to_owned() });
    let outputs = site.outputs();
    let [Output::Send { octets, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(Packet::parse(octets).unwrap().first(kind::FILTER_ID), None);
}

/// An Authorize-Only of a device: no password, a State of the server behind.
fn authorize_only(service: u32) -> Vec<u8> {
    let mut builder = Builder::new(Code::AccessRequest, 9);
    builder.attribute(kind::USER_NAME, b"alice").unwrap();
    builder.number(kind::SERVICE_TYPE, service).unwrap();
    builder.attribute(kind::STATE, b"of the server").unwrap();
    builder.into_request(&secret(), &[9; 16])
}

#[test]
fn packets_of_devices_are_decided_by_the_server_behind_alone() {
    for (outcome, expected) in [
        (Primary::Right, Code::AccessAccept),
        (Primary::Wrong { text: None }, Code::AccessReject),
        (Primary::Down, Code::AccessReject),
    ] {
        let mut site = Site::before_radius("radius_server_auto", "bypass_rule_1=Service-Type:17");
        let packet = authorize_only(17);
        site.send(&packet, 1000);
        let Output::Relay { login, relay, .. } = site.output() else { panic!("it is not relayed") };
        let Credential::Proof(proof) = relay.credential else { panic!() };
        assert_eq!(proof.protocol, Protocol::Device);
        assert!(proof.attributes.contains(&(kind::STATE, b"of the server".to_vec())));
        site.engine.on_event(login, Event::Primary(outcome), site.now);
        let outputs = site.outputs();
        let [Output::Send { octets, .. }] = &outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(Packet::parse(octets).unwrap().code(), expected);
    }
}

#[test]
fn what_no_rule_names_is_no_packet_of_a_device() {
    let mut site = Site::before_radius("radius_server_auto", "bypass_rule_1=Service-Type:17");
    site.send(&authorize_only(1), 1000);
    let outputs = site.outputs();
    let [Output::Send { octets, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(Packet::parse(octets).unwrap().code(), Code::AccessReject);
}
