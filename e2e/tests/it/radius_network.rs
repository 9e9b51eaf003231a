//! What devices and servers need of the proxy beside logins: access lists, ends of sessions, a second proxy.

use e2e::radius::ike::{DAE_PORT, Ike};
use e2e::radius::ise::{Ise, LIST};
use e2e::radius::pam::PamHost;
use e2e::radius::{RadiusProxy, network_config};
use e2e::{Network, Phone, Site, Watch};

const USERS: &str = "alice Cleartext-Password := \"S3cret,pw\"\n\tClass = \"OU=vpn;\", Cisco-AVPair = \"ACS:CiscoSecure-Defined-ACL=#ACSACL#-IP-LAB-5f3a9b12\"\n";

/// Three packets full of lines.
fn rounds() -> Vec<Vec<String>> {
    let line = |round: usize, line: usize| {
        let text = format!("ip:inacl#{}=permit tcp any host 10.{round}.{line}.1 eq 443 ", round * 17 + line + 1);
        format!("{text:-<200}")
    };
    (0..3).map(|round| (0..17).map(|number| line(round, number)).collect()).collect()
}

fn download(name: &str, more: &str) -> String {
    format!(
        "User-Name=\"{name}\"\nUser-Password=\"\"\nCisco-AVPair=\"aaa:service=ip_admission\"\nCisco-AVPair=\"aaa:event=acl-download\"\n\
        NAS-IP-Address=127.0.0.1\nMessage-Authenticator=0x00\n{more}"
    )
}

/// The lines of the answer that `radclient` has printed.
fn lines(answer: &str) -> Vec<&str> {
    let received = answer.split_once("Received ").map_or("", |(_, received)| received);
    received.lines().filter_map(|line| line.trim().strip_prefix("Cisco-AVPair = ")).collect()
}

/// A proxy that ends sessions, as `coa` says.
fn disconnecting(site: &Site, coa: &str) -> RadiusProxy {
    let sections = format!("[radius_coa]\n{coa}\n[radius_acct]\nupstream_port=21813\n");
    let device = format!("coa_port_1={DAE_PORT}");
    let keys = site.integration("radius");
    RadiusProxy::configured(&network_config(site, &keys, "radius_server_auto", &device, &sections), 1812)
}

/// Alice is connected, and has approved it.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn connect(ike: &Ike, phone: &Phone, watch: &Watch, proxy: &RadiusProxy) {
    let dialling = ike.dial();
    phone.approve(&watch.request(), None);
    let dialled = dialling.wait_with_output().unwrap();
    assert!(dialled.status.success(), "{}\n{}", String::from_utf8_lossy(&dialled.stdout), proxy.log());
    assert!(ike.sessions().contains("alice"), "{}", ike.sessions());
}

#[test]
fn an_access_list_longer_than_a_packet_is_downloaded_through_the_proxy_and_logs_nobody_in() {
    Network::new().within(|| {
        let site = Site::start();
        let (_, phone) = site.enroll("alice");
        let ise = Ise::start(USERS, &rounds());
        let keys = site.integration("radius");
        let proxy = RadiusProxy::configured(&network_config(&site, &keys, "radius_server_auto", "", ""), 1812);
        let watch = phone.watch();
        // Before anybody has been told of the list, nobody can have it.
        let early = proxy.ask(&download(LIST, ""), &[]).answer();
        assert!(early.contains("Received Access-Reject") && lines(&early).is_empty(), "{early}");

        let code = phone.passcode();
        let login = format!("User-Name=alice\nUser-Password=\"S3cret,pw,{code}\"\nMessage-Authenticator=0x00\n");
        let login = proxy.ask(&login, &[]).answer();
        assert!(login.contains("Received Access-Accept") && login.contains(LIST), "{login}");

        let (mut state, mut all) = (String::new(), Vec::new());
        for round in 0..3 {
            let request = download(LIST, &state);
            let (through, direct) = (proxy.ask(&request, &[]).answer(), ise.asked(&request));
            let expected = if round < 2 { "Received Access-Challenge" } else { "Received Access-Accept" };
            assert!(through.contains(expected), "round {round}: {through}\n{}", proxy.log());
            assert_eq!(lines(&through), lines(&direct), "octet for octet");
            all.extend(lines(&through).into_iter().map(str::to_owned));
            let given = |answer: &str| {
                let received = answer.split_once("Received ").map_or("", |(_, received)| received).to_owned();
                received.lines().find_map(|line| line.trim().strip_prefix("State = ").map(str::to_owned))
            };
            assert_eq!(given(&through), given(&direct));
            state = given(&through).map(|state| format!("State={state}\n")).unwrap_or_default();
        }
        let expected: Vec<String> = rounds().concat().iter().map(|line| format!("\"{line}\"")).collect();
        assert_eq!(all, expected);
        assert!(expected.concat().len() > 2 * 4096);

        // Forged ones: another list, and a name of this kind at a login.
        let other = proxy.ask(&download("#ACSACL#-IP-OTHER-1", ""), &[]).answer();
        assert!(other.contains("Received Access-Reject"), "{other}");
        let typed = format!("User-Name=\"{LIST}\"\nUser-Password=\"x\"\nMessage-Authenticator=0x00\n");
        assert!(proxy.ask(&typed, &[]).answer().contains("Received Access-Reject"));
        let unsigned = download(LIST, "").replace("Message-Authenticator=0x00\n", "");
        let unsigned = proxy.ask(&unsigned, &["-t", "1"]).answer();
        assert!(unsigned.contains("No reply"), "{unsigned}");
        assert!(!ise.log().contains("OTHER"), "a list that nobody has named is not asked for");
        assert_eq!(watch.requests_so_far(), 0, "no second factor is asked for");
        assert_eq!(site.outcomes().len(), 1, "{:?}", site.outcomes());
    });
}

#[test]
fn a_disconnect_of_the_policy_server_reaches_strongswan_through_the_proxy() {
    Network::new().within(|| {
        let site = Site::start();
        let (_, phone) = site.enroll("alice");
        let ise = Ise::start(USERS, &rounds());
        let proxy = disconnecting(&site, "");
        let ike = Ike::start("alice", "S3cret,pw");
        let unknown = ise.ends("disconnect", 3799, "User-Name=alice\n");
        assert!(unknown.contains("Received Disconnect-NAK"), "{unknown}");
        assert!(unknown.contains("Session-Context-Not-Found"), "{unknown}");

        let watch = phone.watch();
        connect(&ike, &phone, &watch, &proxy);

        // The server names the proxy as the device, since it knows no other.
        let ended = ise.ends(
            "disconnect",
            1700,
            "User-Name=alice\nNAS-IP-Address=127.0.0.1\nProxy-State=0x0102\nMessage-Authenticator=0x00\n",
        );
        assert!(ended.contains("Received Disconnect-ACK"), "{ended}\n{}", proxy.log());
        assert!(ended.contains("Proxy-State = 0x0102"), "{ended}");
        ike.says("closing 1 IKE_SA matching Disconnect-Request");
        ike.says("deleting IKE_SA rw");
        let again = ise.ends("disconnect", 3799, "User-Name=alice\n");
        assert!(again.contains("Session-Context-Not-Found"), "{again}");
        assert_eq!(watch.requests_so_far(), 1);
    });
}

#[test]
fn keycloak_cve_2025_0604_whoever_is_disabled_while_connected_is_disconnected() {
    Network::new().within(|| {
        let site = Site::start();
        let (alice, phone) = site.enroll("alice");
        let _ise = Ise::start(USERS, &rounds());
        let proxy = disconnecting(&site, "disconnect_every=1");
        let ike = Ike::start("alice", "S3cret,pw");
        connect(&ike, &phone, &phone.watch(), &proxy);
        site.change_user(&alice, &[("status", "disabled")]);
        ike.says("closing 1 IKE_SA matching Disconnect-Request");
        ike.says("deleting IKE_SA rw");
        proxy.says("is disabled and connected");
        proxy.says("Disconnect-ACK");
    });
}

#[test]
fn pam_radius_asks_the_second_proxy_when_the_first_is_away() {
    Network::new().within(|| {
        let site = Site::start();
        let (_, phone) = site.enroll("alice");
        let ise = Ise::start(USERS, &rounds());
        let keys = site.integration("radius");
        let at = |interface: &str| {
            let text = network_config(&site, &keys, "radius_server_auto", "", "");
            text.replace("interface=127.0.0.1", &format!("interface={interface}"))
        };
        let first = RadiusProxy::configured(&at("127.0.0.1"), 1812);
        let _second = RadiusProxy::configured(&at("127.0.0.2"), 1812);
        let watch = phone.watch();
        let login = |patience: u32, from: &str| {
            let host = PamHost::asking(&[("127.0.0.1", patience), ("127.0.0.2", 60)]);
            let mut terminal = host.login("alice", from);
            terminal.shows("assword");
            terminal.types("S3cret,pw");
            let request = watch.request();
            assert_eq!(request.shown["address"], from);
            phone.approve(&request, None);
            let (is_in, screen) = terminal.ends();
            assert!(is_in && screen.contains("successfully authenticated"), "{screen}");
        };
        login(60, "198.51.100.7");
        drop(first);
        login(1, "198.51.100.8");
        assert_eq!(watch.requests_so_far(), 2);
        assert_eq!(ise.log().matches("Received Access-Request").count(), 2);
    });
}
