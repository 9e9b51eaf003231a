//! One login through two real proxies, which have no channel with each other: a device that loses patience with one asks the other.

use e2e::Site;
use e2e::radius::{FreeRadius, RadiusProxy};

const USERS: &str = "alice Cleartext-Password := \"secret\"\n\tFilter-Id = \"vpn\"\n";

/// As one VPN gateway sends it, to whichever proxy.
fn login(station: &str) -> String {
    format!(
        "User-Name=alice\nUser-Password=secret\nMessage-Authenticator=0x00\nCalling-Station-Id={station}\nNAS-Identifier=gateway\n"
    )
}

/// What a proxy says once the server has told it which login it waits for.
const WAITS: &str = "waits for a person";

#[test]
fn a_login_that_comes_to_the_second_proxy_too_is_one_push_and_one_decision() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("radius");
    let behind = FreeRadius::start(USERS);
    let proxy = || RadiusProxy::start(&site, &keys, "radius_server_auto", "", Some(&behind));
    let (first, second) = (proxy(), proxy());
    for (station, approves, expected) in
        [("198.51.100.7", true, "Received Access-Accept"), ("198.51.100.8", false, "Received Access-Reject")]
    {
        let watch = phone.watch();
        let impatient = first.ask(&login(station), &[]);
        let request = watch.request();
        let other = second.ask(&login(station), &[]);
        second.says(WAITS);
        if approves {
            phone.approve(&request, None)
        } else {
            phone.deny(&request)
        }
        for answer in [impatient.answer(), other.answer()] {
            assert!(answer.contains(expected), "{answer}\n{}\n{}", first.log(), second.log());
        }
        assert_eq!(watch.requests_so_far(), 1);
        drop(watch);
    }
}

#[test]
fn a_proxy_killed_while_a_push_waits_leaves_the_login_to_the_other() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("radius");
    let behind = FreeRadius::start(USERS);
    let first = RadiusProxy::start(&site, &keys, "radius_server_auto", "", Some(&behind));
    let second = RadiusProxy::start(&site, &keys, "radius_server_auto", "", Some(&behind));
    let watch = phone.watch();
    let lost = first.ask(&login("198.51.100.7"), &["-t", "1"]);
    let request = watch.request();
    // As `kill -9` does: nobody is told.
    drop(first);
    assert!(lost.answer().contains("No reply"));
    let asking = second.ask(&login("198.51.100.7"), &[]);
    second.says(WAITS);
    phone.approve(&request, None);
    let answer = asking.answer();
    assert!(answer.contains("Received Access-Accept") && answer.contains("Filter-Id"), "{answer}\n{}", second.log());
    assert_eq!(watch.requests_so_far(), 1);
}
