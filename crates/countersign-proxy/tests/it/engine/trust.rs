//! Which packets are looked at.

use std::net::SocketAddr;

use countersign_proxy::radius::output::{Output, Told};
use countersign_proxy::radius::section::Dropped;
use cs_radius::{Builder, Code, Packet, Secret, kind, password};

use super::site::{Site, alice, secret};

/// A packet without a Message-Authenticator, as old devices send it.
fn unsigned(identifier: u8, has_proxy_state: bool) -> Vec<u8> {
    let authenticator = [identifier; 16];
    let mut attributes = vec![(kind::USER_NAME, b"alice".to_vec())];
    attributes.push((kind::USER_PASSWORD, password::hide(b"secret", &secret(), &authenticator).unwrap()));
    if has_proxy_state {
        attributes.push((kind::PROXY_STATE, vec![1; 60]));
    }
    let mut octets = vec![1, identifier, 0, 0];
    octets.extend(authenticator);
    for (kind, value) in attributes {
        octets.extend([kind, u8::try_from(value.len() + 2).unwrap()]);
        octets.extend(value);
    }
    let len = u16::try_from(octets.len()).unwrap().to_be_bytes();
    octets[2..4].copy_from_slice(&len);
    octets
}

fn dropped(site: &mut Site, packet: &[u8]) -> Option<Dropped> {
    site.send(packet, 1000);
    let outputs: Vec<Output> = std::iter::from_fn(|| site.engine.poll_output()).collect();
    match &outputs[..] {
        [Output::Told(Told::Dropped(_, why))] => Some(*why),
        [Output::Primary { .. }] => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn cve_2024_3596_a_proxy_state_without_a_message_authenticator_is_dropped() {
    // A device that has not shown a Proxy-State at first, and then does.
    let mut site = Site::new("radius_server_auto", "coalesce=off");
    assert_eq!(dropped(&mut site, &unsigned(1, false)), None);
    assert_eq!(dropped(&mut site, &unsigned(2, true)), Some(Dropped::ProxyStateUnsigned));
    // One that stands behind another proxy from the beginning.
    let mut site = Site::new("radius_server_auto", "coalesce=off");
    assert_eq!(dropped(&mut site, &unsigned(1, true)), None);
    assert_eq!(dropped(&mut site, &unsigned(2, true)), None);
    // And where the section says so.
    let mut site = Site::new("radius_server_auto", "limit_proxy_state=yes");
    assert_eq!(dropped(&mut site, &unsigned(1, true)), Some(Dropped::ProxyStateUnsigned));
}

#[test]
fn a_proxy_that_asks_first_whether_we_are_here_may_still_pass_on_logins() {
    // FreeRADIUS and radsecproxy do so after each of our restarts, and theirs is no Proxy-State.
    let mut site = Site::new("radius_server_auto", "coalesce=off");
    let status = Builder::new(Code::StatusServer, 200).into_request(&secret(), &[9; 16]);
    site.send(&status, 1000);
    site.answer(&status);
    assert_eq!(dropped(&mut site, &unsigned(1, true)), None);
    assert_eq!(dropped(&mut site, &unsigned(2, true)), None);
}

#[test]
fn what_was_made_with_another_secret_teaches_nothing_of_a_device() {
    let forged = |has_proxy_state: bool| {
        let mut builder = Builder::new(Code::AccessRequest, 77);
        builder.attribute(kind::USER_NAME, b"mallory").unwrap();
        if has_proxy_state {
            builder.attribute(kind::PROXY_STATE, b"1").unwrap();
        }
        builder.into_request(&Secret::new(*b"another secret"), &[3; 16])
    };
    let mut site = Site::new("radius_server_auto", "coalesce=off");
    assert_eq!(dropped(&mut site, &forged(false)), Some(Dropped::WrongSecret));
    assert_eq!(dropped(&mut site, &unsigned(1, true)), None);
    let mut site = Site::new("radius_server_auto", "coalesce=off");
    assert_eq!(dropped(&mut site, &forged(true)), Some(Dropped::WrongSecret));
    assert_eq!(dropped(&mut site, &unsigned(1, false)), None);
    assert_eq!(dropped(&mut site, &unsigned(2, true)), Some(Dropped::ProxyStateUnsigned));
}

#[test]
fn who_has_signed_once_signs_always() {
    let mut site = Site::new("radius_server_auto", "coalesce=off");
    assert_eq!(dropped(&mut site, &unsigned(101, false)), None);
    let signed = site.packet(&alice("secret"));
    assert_eq!(dropped(&mut site, &signed), None);
    assert_eq!(dropped(&mut site, &unsigned(102, false)), Some(Dropped::Unsigned));
    for option in ["require_message_authenticator=yes", "force_message_authenticator=true"] {
        let mut site = Site::new("radius_server_auto", option);
        assert_eq!(dropped(&mut site, &unsigned(1, false)), Some(Dropped::Unsigned));
    }
    let mut site = Site::new("radius_server_auto", "coalesce=off\nrequire_message_authenticator=no");
    let signed = site.packet(&alice("secret"));
    assert_eq!(dropped(&mut site, &signed), None);
    assert_eq!(dropped(&mut site, &unsigned(102, false)), None);
}

#[test]
fn a_device_that_signs_where_it_must_is_not_expected_to_sign_everywhere() {
    let mut site = Site::new("radius_server_auto", "coalesce=off");
    let status = Builder::new(Code::StatusServer, 200).into_request(&secret(), &[9; 16]);
    site.send(&status, 1000);
    site.answer(&status);
    let mut eap = Builder::new(Code::AccessRequest, 201);
    eap.attribute(kind::USER_NAME, b"alice").unwrap();
    eap.eap(&[2, 1, 0, 5, 1]).unwrap();
    site.send(&eap.into_request(&secret(), &[9; 16]), 1000);
    assert!(matches!(site.output(), Output::Relay { .. }));
    assert_eq!(dropped(&mut site, &unsigned(1, false)), None);
}

#[test]
fn another_secret_is_recognised_and_never_answered() {
    let mut site = Site::new("radius_server_auto", "");
    let mut builder = Builder::new(Code::AccessRequest, 1);
    builder.attribute(kind::USER_NAME, b"alice").unwrap();
    let packet = builder.into_request(&Secret::new(*b"another-secret"), &[1; 16]);
    assert_eq!(dropped(&mut site, &packet), Some(Dropped::WrongSecret));
}

#[test]
fn strangers_and_noise_are_dropped() {
    let mut site = Site::new("radius_server_auto", "");
    let packet = site.packet(&alice("secret"));
    site.send_from(&packet, SocketAddr::from(([203, 0, 113, 1], 1000)));
    assert!(matches!(site.engine.poll_output(), Some(Output::Told(Told::Dropped(_, Dropped::UnknownClient)))));
    assert_eq!(dropped(&mut site, &packet[..30]), Some(Dropped::Malformed));
    let accounting = Builder::new(Code::AccountingRequest, 9).into_digested_request(&secret());
    assert_eq!(dropped(&mut site, &accounting), Some(Dropped::NotServed));
}

#[test]
fn somebody_who_knows_the_secret_is_told_that_we_are_here() {
    let mut site = Site::new("radius_server_auto", "");
    let status = Builder::new(Code::StatusServer, 1).into_request(&secret(), &[9; 16]);
    site.send(&status, 1000);
    assert_eq!(site.answer(&status).code, Code::AccessAccept);
    // Without a Message-Authenticator nobody is.
    let mut bare = status[..20].to_vec();
    (bare[1], bare[2], bare[3]) = (2, 0, 20);
    assert!(!Packet::parse(&bare).unwrap().has_message_authenticator());
    assert_eq!(dropped(&mut site, &bare), Some(Dropped::Unsigned));
}
