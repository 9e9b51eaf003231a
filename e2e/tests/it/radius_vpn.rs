//! People dial in with `openconnect` to `ocserv`, which asks the proxy, which asks FreeRADIUS: the VPN of the field.

use std::net::{Ipv4Addr, TcpListener};

use e2e::radius::ise::Ise;
use e2e::radius::vpn::{CLIENT, GATEWAY, INSIDE, Vpn};
use e2e::radius::{RadiusProxy, network_config};
use e2e::{Network, Site, Terminal};

const USERS: &str =
    "alice Cleartext-Password := \"S3cret,pw\"\n\tClass = \"OU=vpn;\", Framed-IP-Address = 10.10.0.77\n";

#[test]
fn a_tunnel_is_up_by_push_and_by_passcode_with_the_address_and_the_group_of_the_server_behind() {
    let home = Network::new();
    let office = Network::new();
    office.joined_to(&home, GATEWAY, CLIENT);
    office.within(|| {
        let site = Site::start();
        let (_, phone) = site.enroll("alice");
        let ise = Ise::start(USERS, &[]);
        let keys = site.integration("radius");
        let sections = "[radius_acct]\nupstream_port=21813\n";
        let text = network_config(&site, &keys, "radius_server_auto", "enroll=challenge", sections);
        let _proxy = RadiusProxy::configured(&text, 1812);
        let vpn = Vpn::start(&site);
        let hangs_up = |mut terminal: Terminal| {
            // Control-C: openconnect says good-bye.
            terminal.types("\u{3}");
            terminal.ends();
            ise.says("Acct-Status-Type = Stop");
        };
        let dial = |user: &str, typed: &str| -> Terminal {
            let mut terminal = vpn.dial(&site, &home, user);
            terminal.shows("Password:");
            terminal.types(typed);
            terminal
        };

        // A push.
        let watch = phone.watch();
        let terminal = dial("alice", "S3cret,pw");
        let request = watch.request();
        assert_eq!(request.shown["address"], CLIENT);
        phone.approve(&request, None);
        terminal.shows("tunnel up: 10.10.0.77");
        // What FreeRADIUS said: the address, and by its Class the group.
        vpn.says("found group vpn");
        let inside = TcpListener::bind((INSIDE.parse::<Ipv4Addr>().unwrap(), 8080)).unwrap();
        let through = home.shell(&format!("bash -c 'exec 3<>/dev/tcp/{INSIDE}/8080'"));
        let visit = std::process::Command::new("timeout").args(["20", "sh", "-c", &through]).status().unwrap();
        assert!(visit.success(), "nobody is there behind the tunnel");
        let (_, from) = inside.accept().unwrap();
        assert_eq!(from.ip().to_string(), "10.10.0.77");
        ise.says("Acct-Status-Type = Start");
        hangs_up(terminal);

        // A code behind the password.
        let terminal = dial("alice", &format!("S3cret,pw,{}", phone.passcode()));
        terminal.shows("tunnel up: 10.10.0.77");
        hangs_up(terminal);
        assert_eq!(watch.requests_so_far(), 1);
    });
}
