//! People dial in with `openconnect` to `ocserv`, which asks the proxy, which asks FreeRADIUS: the VPN of the field.

use e2e::radius::ise::Ise;
use e2e::radius::vpn::{CLIENT, GATEWAY, Vpn};
use e2e::radius::{RadiusProxy, network_config};
use e2e::{Network, Site, Terminal};

const USERS: &str = "alice Cleartext-Password := \"S3cret,pw\"\n\tClass = \"OU=vpn;\", Framed-IP-Address = 10.10.0.77\nbob Cleartext-Password := \"b\"\ncarol Cleartext-Password := \"c\"\n";

#[test]
fn a_no_a_newcomer_and_a_menu_look_at_a_vpn_as_they_should() {
    let home = Network::new();
    let office = Network::new();
    office.joined_to(&home, GATEWAY, CLIENT);
    office.within(|| {
        let site = Site::start();
        let (_, phone) = site.enroll("alice");
        let _ise = Ise::start(USERS, &[]);
        let keys = site.integration("radius");
        let config = |kind: &str, options: &str| {
            network_config(&site, &keys, kind, options, "[radius_acct]\nupstream_port=21813\n")
        };
        let proxy = RadiusProxy::configured(&config("radius_server_auto", "enroll=challenge"), 1812);
        let vpn = Vpn::start(&site);
        let dial = |user: &str, typed: &str| -> Terminal {
            let mut terminal = vpn.dial(&site, &home, user);
            terminal.shows("Password:");
            terminal.types(typed);
            terminal
        };

        let watch = phone.watch();
        // No. By somebody else: what alice was told a moment ago she would be told again.
        let (_, other_phone) = site.enroll("carol");
        let other_watch = other_phone.watch();
        let terminal = dial("carol", "c");
        other_phone.deny(&other_watch.request());
        terminal.shows("Login request denied.");
        // And the form again.
        terminal.shows("Password:");
        drop(terminal);

        // Somebody who must enroll first sees how.
        let mut terminal = dial("bob", "b");
        terminal.shows(&format!("Please enroll at https://{}/enroll/", site.host()));
        terminal.shows("Password1:");
        terminal.types("done");
        let (is_in, screen) = terminal.ends();
        assert!(!is_in && screen.contains("Failed to complete authentication"), "{screen}");

        // A menu.
        let _proxy = proxy.again(&config("radius_server_challenge", "prompt_format=short"));
        let mut terminal = dial("alice", "S3cret,pw");
        terminal.shows("Passcode or");
        terminal.shows("Password1:");
        terminal.types(&phone.passcode());
        terminal.shows("tunnel up: 10.10.0.77");
        assert_eq!((watch.requests_so_far(), other_watch.requests_so_far()), (0, 1));
    });
}
