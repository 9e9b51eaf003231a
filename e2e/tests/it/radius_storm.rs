//! Lines that lose, double and reorder packets: each login is one push, and each packet gets the right answer.

use std::net::SocketAddr;

use e2e::radius::ise::Ise;
use e2e::radius::pam::PamHost;
use e2e::radius::vpn::{CLIENT, GATEWAY, Vpn};
use e2e::radius::{DEVICE_SECRET, FreeRadius, RadiusProxy, SERVER_SECRET, ask_at, network_config};
use e2e::shim::{Noise, Shim};
use e2e::{Network, Site};

fn here(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn counted(summary: &str, word: &str) -> usize {
    let line = summary.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("{summary}"));
    line.rsplit(':').next().unwrap().trim().parse().unwrap()
}

#[test]
fn over_a_bad_line_a_login_is_one_push_one_look_at_the_password_and_one_decision() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let behind = FreeRadius::start("alice Cleartext-Password := \"secret\"\n");
    // The server behind is asked once, however long a busy machine takes.
    let client =
        format!("[radius_client]\nhost=127.0.0.1\nport={}\nsecret={SERVER_SECRET}\nretry_wait=600\n", behind.port());
    let keys = site.integration("radius");
    let proxy = RadiusProxy::behind(site.host(), &site, &keys, "radius_server_auto", "", &client);
    let noise = Noise { lost: 250, doubled: 250, late: 250 };
    for (seed, approves, expected) in
        [(1, true, "Received Access-Accept"), (2, false, "Received Access-Reject"), (3, true, "Received Access-Accept")]
    {
        let shim = Shim::start(here(0), here(proxy.port()), noise, seed);
        let login = format!(
            "User-Name=alice\nUser-Password=secret\nMessage-Authenticator=0x00\nCalling-Station-Id=198.51.100.{seed}\nNAS-Identifier=gateway\n"
        );
        let (watch, before) = (phone.watch(), behind.asked());
        // The same packet every second; and the same login under another number from another port.
        let ask = || ask_at(shim.address.port(), &login, &["-t", "1", "-r", "60"], DEVICE_SECRET);
        let (one, other) = (ask(), ask());
        let request = watch.request();
        if approves {
            phone.approve(&request, None)
        } else {
            phone.deny(&request)
        }
        for answer in [one.answer(), other.answer()] {
            assert!(answer.contains(expected), "{answer}\n{:?}\n{}", shim.counts(), proxy.log());
        }
        assert_eq!((watch.requests_so_far(), behind.asked() - before), (1, 1), "{}", proxy.log());
        drop(watch);
    }
}

#[test]
fn hundreds_of_logins_over_a_line_that_is_bad_for_one_packet_in_a_hundred_are_all_answered_rightly() {
    // One after the other, as radclient sends the same login many times: each lost packet costs a second.
    const LOGINS: usize = 300;
    let site = Site::start();
    let behind = FreeRadius::start("alice Cleartext-Password := \"secret\"\n");
    let client =
        format!("[radius_client]\nhost=127.0.0.1\nport={}\nsecret={SERVER_SECRET}\nretry_wait=600\n", behind.port());
    let keys = site.integration("radius");
    let proxy =
        RadiusProxy::behind(site.host(), &site, &keys, "radius_server_auto", "exempt_username_1=alice", &client);
    let shim = Shim::start(here(0), here(proxy.port()), Noise { lost: 10, doubled: 10, late: 10 }, 7);
    for (password, right, wrong) in [("secret", LOGINS, 0), ("wrong", 0, LOGINS)] {
        let attributes = format!("User-Name=alice\nUser-Password={password}\nMessage-Authenticator=0x00\n");
        let count = LOGINS.to_string();
        let load = ask_at(
            shim.address.port(),
            &attributes,
            &["-q", "-s", "-t", "1", "-r", "60", "-p", "20", "-c", &count],
            DEVICE_SECRET,
        );
        let summary = load.answer();
        let of = |word| counted(&summary, word);
        assert_eq!((of("Accepted"), of("Rejected"), of("Lost")), (right, wrong, 0), "{summary}\n{:?}", shim.counts());
    }
    let (lost, doubled, late) = shim.counts();
    assert!(lost > 0 && doubled > 0 && late > 0, "the line was not bad: {lost} {doubled} {late}");
    assert_eq!(behind.asked(), 2 * LOGINS, "what was lost on the way back was answered again, and asked of nobody");
}

#[test]
fn pam_radius_over_a_line_that_doubles_everything_is_one_push() {
    Network::new().within(|| {
        let site = Site::start();
        let (_, phone) = site.enroll("alice");
        let ise = Ise::start("alice Cleartext-Password := \"S3cret,pw\"\n", &[]);
        let text = network_config(&site, &site.integration("radius"), "radius_server_auto", "", "");
        let _proxy = RadiusProxy::configured(&text.replace("[radius_client]", "[radius_client]\nretry_wait=600"), 1812);
        let noise = Noise { lost: 0, doubled: 1000, late: 0 };
        let _shim = Shim::start(([127, 0, 0, 3], 1812).into(), here(1812), noise, 1);
        let watch = phone.watch();
        let host = PamHost::asking(&[("127.0.0.3", 60)]);
        let mut terminal = host.login("alice", "198.51.100.7");
        terminal.shows("assword");
        terminal.types("S3cret,pw");
        phone.approve(&watch.request(), None);
        let (is_in, screen) = terminal.ends();
        assert!(is_in && screen.contains("successfully authenticated"), "{screen}");
        assert_eq!(watch.requests_so_far(), 1);
        assert_eq!(ise.log().matches("Received Access-Request").count(), 1);
    });
}

#[test]
fn a_vpn_gateway_without_patience_behind_a_bad_line_is_one_push_and_a_tunnel() {
    let (home, office) = (Network::new(), Network::new());
    office.joined_to(&home, GATEWAY, CLIENT);
    office.within(|| {
        let site = Site::start();
        let (_, phone) = site.enroll("alice");
        let ise = Ise::start("alice Cleartext-Password := \"S3cret,pw\"\n\tFramed-IP-Address = 10.10.0.77\n", &[]);
        let sections = "[radius_acct]\nupstream_port=21813\n";
        let text = network_config(&site, &site.integration("radius"), "radius_server_auto", "", sections);
        let text = text.replace("interface=127.0.0.1", "interface=127.0.0.2");
        let proxy = RadiusProxy::configured(&text.replace("[radius_client]", "[radius_client]\nretry_wait=600"), 1812);
        let noise = Noise { lost: 250, doubled: 250, late: 0 };
        let shim = Shim::start(here(1812), ([127, 0, 0, 2], 1812).into(), noise, 5);
        // As radcli's defaults, only worse: it asks again every second.
        let vpn = Vpn::with_patience(&site, 1, 60);
        let watch = phone.watch();
        let mut terminal = vpn.dial(&site, &home, "alice");
        terminal.shows("Password:");
        terminal.types("S3cret,pw");
        phone.approve(&watch.request(), None);
        terminal.shows("tunnel up: 10.10.0.77");
        assert_eq!(watch.requests_so_far(), 1, "{:?}\n{}", shim.counts(), proxy.log());
        assert_eq!(ise.log().matches("Received Access-Request").count(), 1);
        // Control-C: openconnect says good-bye.
        terminal.types("\u{3}");
        terminal.ends();
    });
}
