//! RADIUS over TLS with radsecproxy 1.9.2, as the device's end and as the server's.

use e2e::radius::ise::{Ise, radclient};
use e2e::radius::{DEVICE_SECRET, FreeRadius, RadiusProxy, network_config};
use e2e::radsec::{Certificates, RadSecProxy, tls_port};
use e2e::{Network, Site};

const USERS: &str = "alice Cleartext-Password := \"pw\"\n\tFilter-Id = \"vpn\", Class = 0x0102, Tunnel-Password:1 = \"hidden\"\nprobe Cleartext-Password := \"pw\"\n";

fn login(user: &str, password: &str) -> String {
    format!("User-Name={user}\nUser-Password={password}\nMessage-Authenticator=0x00\nProxy-State=0x0102\n")
}

#[test]
fn a_device_asks_by_tls_and_somebody_is_let_in_by_a_push() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let behind = FreeRadius::start(USERS);
    let (certificates, port) = (Certificates::new(), tls_port());
    let options = format!("tls_port={port}\n{}", certificates.options());
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_auto", &options, Some(&behind));
    let device = RadSecProxy::to_tls(&certificates, port);
    let watch = phone.watch();
    let asking = device.ask(&login("alice", "pw"));
    phone.approve(&watch.request(), None);
    let answer = asking.answer();
    for part in
        ["Received Access-Accept", "Filter-Id = \"vpn\"", "Proxy-State = 0x0102", "Tunnel-Password:1 = \"hidden\""]
    {
        assert!(answer.contains(part), "{part} is missing:\n{answer}\n{}\n{}", device.log(), proxy.log());
    }
    assert!(device.ask(&login("alice", "wrong")).answer().contains("Received Access-Reject"));
    // By UDP the section has its own secret, and the one of TLS opens nothing.
    assert!(proxy.ask_with(&login("alice", "pw"), &["-t", "1"], "radsec").answer().contains("No reply"));
}

#[test]
fn who_shows_a_certificate_of_another_authority_is_not_heard() {
    let site = Site::start();
    let (certificates, port) = (Certificates::new(), tls_port());
    let options = format!("exempt_username_1=probe\ntls_port={port}\n{}", certificates.options());
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_auto", &options, None);
    let stranger = RadSecProxy::to_tls(&Certificates::new(), port);
    let asking = stranger.ask(&login("probe", "pw"));
    proxy.says("a device was not let connect by TLS");
    drop(stranger);
    drop(asking);
    let device = RadSecProxy::to_tls(&certificates, port);
    assert!(device.ask(&login("probe", "pw")).answer().contains("Received Access-Accept"), "{}", proxy.log());
}

#[test]
fn a_server_behind_is_asked_by_tls_and_again_after_it_was_away() {
    let site = Site::start();
    let behind = FreeRadius::start(USERS);
    let (certificates, port) = (Certificates::new(), tls_port());
    let upstream = RadSecProxy::from_tls(&certificates, port, &behind);
    let client = format!(
        "[radius_client]\nhost=127.0.0.1\nport={port}\ntransport=tls\npass_through_all=true\n{}",
        certificates.options()
    );
    let options = "exempt_username_1=alice\nexempt_username_2=probe";
    let keys = site.integration("radius");
    let proxy = RadiusProxy::behind(site.host(), &site, &keys, "radius_server_auto", options, &client);
    let answer = proxy.ask(&login("alice", "pw"), &[]).answer();
    for part in
        ["Received Access-Accept", "Filter-Id = \"vpn\"", "Proxy-State = 0x0102", "Tunnel-Password:1 = \"hidden\""]
    {
        assert!(answer.contains(part), "{part} is missing:\n{answer}\n{}\n{}", upstream.log(), proxy.log());
    }
    assert!(proxy.ask(&login("alice", "wrong"), &[]).answer().contains("Received Access-Reject"));
    // Many at once on one connection.
    let many: Vec<_> = (0..20).map(|_| proxy.ask(&login("probe", "pw"), &[])).collect();
    assert!(many.into_iter().all(|asking| asking.answer().contains("Received Access-Accept")));
    // It is gone, and comes back.
    drop(upstream);
    assert!(proxy.ask(&login("probe", "pw"), &[]).answer().contains("Received Access-Reject"));
    let upstream = RadSecProxy::from_tls(&certificates, port, &behind);
    let answer = proxy.ask(&login("probe", "pw"), &[]).answer();
    assert!(answer.contains("Received Access-Accept"), "{answer}\n{}\n{}", upstream.log(), proxy.log());
}

#[test]
fn accounting_travels_by_tls_from_radsecproxy_to_us_and_on_to_radsecproxy() {
    Network::new().within(|| {
        let site = Site::start();
        let ise = Ise::start("", &[]);
        let certificates = Certificates::new();
        let upstream = RadSecProxy::from_tls_with_accounting(&certificates, 2084);
        let sections = "[radius_acct]\n";
        let options = format!("tls_port=2083\n{}", certificates.options());
        let text = network_config(&site, &site.integration("radius"), "radius_server_auto", &options, sections);
        let client = format!("[radius_client]\ntransport=tls\n{}", certificates.options());
        let text = text
            .replace("[radius_client]\n", &client)
            .replace("port=21812\nsecret=server-shared-secret\n", "port=2084\n");
        let proxy = RadiusProxy::configured(&text, 1812);
        let device = RadSecProxy::to_tls_with_accounting(&certificates, 2083);
        for id in ["T1", "T2", "T3"] {
            let record =
                format!("Acct-Status-Type=Start\nAcct-Session-Id={id}\nUser-Name=alice\nNAS-IP-Address=10.0.0.9\n");
            let answer = radclient(&record, 11812, "acct", DEVICE_SECRET);
            let told = || format!("{answer}\n{}\n{}\n{}", device.log(), proxy.log(), upstream.log());
            assert!(answer.contains("Received Accounting-Response"), "{}", told());
            ise.says(&format!("Acct-Session-Id = \"{id}\""));
        }
        assert_eq!(ise.accounted("Acct-Session-Id"), ["T1", "T2", "T3"], "{}", proxy.log());
    });
}
