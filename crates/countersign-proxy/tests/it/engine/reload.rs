//! The configuration changes while logins are under way.

use std::collections::HashMap;

use countersign_proxy::radius::login::{Event, Primary};
use countersign_proxy::radius::output::Output;
use cs_radius::{Code, Packet};

use super::site::{Site, alice, can_push, yes};

const SECRET: &str = "a-long-shared-secret";
const NETWORK: &str = "192.0.2.0/24";

#[test]
fn a_login_ends_by_the_configuration_that_it_began_with() {
    let mut site = Site::new("radius_server_auto", "");
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    // The password alone would be asked for by a menu now, with another secret.
    site.reload("radius_server_challenge", "", NETWORK, "another-long-secret");
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    // The device loses patience: the packet is known.
    site.send(&request, 1000);
    assert!(site.outputs().is_empty());
    site.decide((login, attempt), yes());
    assert_eq!(site.answer(&request).code, Code::AccessAccept);
    site.send(&request, 1000);
    assert_eq!(site.answer(&request).code, Code::AccessAccept);
    // A new packet with the old secret is one of somebody who does not know the secret.
    site.ask(&alice("other"));
    assert!(site.outputs().is_empty());
}

#[test]
fn a_challenge_is_answered_by_the_configuration_that_showed_it() {
    let mut site = Site::new("radius_server_auto", "factors=passcode");
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(can_push());
    let challenge = site.answer(&request);
    site.reload("radius_server_concat", "", NETWORK, SECRET);
    let mut ask = alice("123456");
    ask.state = challenge.state;
    let request = site.ask(&ask);
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), yes());
    assert_eq!(site.answer(&request).code, Code::AccessAccept);
    // And a new login by the new one: there is no comma.
    let request = site.ask(&alice("another"));
    assert_eq!(site.answer(&request).code, Code::AccessReject);
}

#[test]
fn another_packet_of_a_login_joins_across_a_reload() {
    let mut site = Site::new("radius_server_auto", "");
    let first = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.reload("radius_server_auto", "fallback=challenge", NETWORK, SECRET);
    let second = site.ask(&alice("secret"));
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), yes());
    assert!(site.answers(&[&first, &second]).iter().all(|answer| answer.code == Code::AccessAccept));
}

#[test]
fn what_a_device_has_shown_is_not_forgotten() {
    let mut site = Site::new("radius_server_auto", "");
    site.ask(&alice("secret"));
    site.primary_right("secret");
    site.outputs();
    site.reload("radius_server_auto", "", NETWORK, SECRET);
    // It has signed, so it signs always: the same packet without its Message-Authenticator is dropped.
    let mut unsigned = site.packet(&alice("secret"));
    let (head, attributes) = unsigned.split_at(20);
    let mut rest = Vec::new();
    let mut left = attributes;
    while let [kind, len, ..] = left {
        let (one, after) = left.split_at(usize::from(*len));
        if *kind != cs_radius::kind::MESSAGE_AUTHENTICATOR {
            rest.extend_from_slice(one);
        }
        left = after;
    }
    unsigned = [head, &rest].concat();
    let len = u16::try_from(unsigned.len()).unwrap().to_be_bytes();
    unsigned[2..4].copy_from_slice(&len);
    site.send(&unsigned, 1000);
    assert!(site.outputs().is_empty());
}

#[test]
fn who_may_not_ask_any_more_does_not() {
    let mut site = Site::new("radius_server_auto", "");
    site.reload("radius_server_auto", "", "198.51.100.0/24", SECRET);
    site.ask(&alice("secret"));
    assert!(site.outputs().is_empty());
    site.engine.forget_sections_before(site.engine.next_section());
    site.ask(&alice("secret"));
    assert!(site.outputs().is_empty());
}

#[test]
fn reloads_under_load_lose_and_double_nothing() {
    let mut site = Site::new("radius_server_auto", "exempt_username_1=alice\ncoalesce=off");
    let mut chance = 99_u32;
    let mut draw = |most: u32| {
        chance = chance.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (chance >> 16) % most
    };
    let (mut waiting, mut sent) = (Vec::new(), HashMap::new());
    let mut answered: HashMap<(u16, u8), u32> = HashMap::new();
    for step in 0..3_000_u32 {
        if draw(20) == 0 {
            let kind = if draw(2) == 0 { "radius_server_auto" } else { "radius_server_challenge" };
            site.reload(kind, "exempt_username_1=alice\ncoalesce=off", NETWORK, SECRET);
            let oldest = site.engine.oldest_section();
            site.engine.forget_sections_before(oldest.unwrap_or(usize::MAX));
        }
        let mut ask = alice("secret");
        ask.port = u16::try_from(2_000 + step).unwrap();
        let packet = site.ask(&ask);
        sent.insert((ask.port, packet[1]), packet);
        for output in site.outputs() {
            let Output::Primary { login, .. } = output else { panic!("{output:?}") };
            waiting.push(login);
        }
        while draw(2) == 0 && !waiting.is_empty() {
            let at = usize::try_from(draw(u32::try_from(waiting.len()).unwrap())).unwrap();
            let login = waiting.swap_remove(at);
            let now = site.now;
            site.engine.on_event(login, Event::Primary(Primary::Right), now);
            for output in site.outputs() {
                let Output::Send { to, octets, .. } = output else { panic!("{output:?}") };
                assert_eq!(Packet::parse(&octets).unwrap().code(), Code::AccessAccept);
                *answered.entry((to.port(), octets[1])).or_default() += 1;
            }
        }
    }
    let now = site.now;
    for login in waiting {
        site.engine.on_event(login, Event::Primary(Primary::Right), now);
    }
    for output in site.outputs() {
        let Output::Send { to, octets, .. } = output else { panic!("{output:?}") };
        *answered.entry((to.port(), octets[1])).or_default() += 1;
    }
    assert_eq!(answered.len(), sent.len());
    assert!(answered.iter().all(|(key, count)| *count == 1 && sent.contains_key(key)));
}
