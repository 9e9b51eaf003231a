//! People dial in with `openconnect` to `ocserv`, which asks the proxy, which asks FreeRADIUS: the VPN of the field.

use std::net::{Ipv4Addr, TcpListener};

use e2e::radius::ise::Ise;
use e2e::radius::vpn::{CLIENT, GATEWAY, INSIDE, Vpn};
use e2e::radius::{RadiusProxy, network_config};
use e2e::{Keys, Network, Phone, Site, Terminal};

const USERS: &str = "alice Cleartext-Password := \"S3cret,pw\"\n\tClass = \"OU=vpn;\", Framed-IP-Address = 10.10.0.77\nbob Cleartext-Password := \"b\"\ncarol Cleartext-Password := \"c\"\n";

/// An office with a VPN, and a home to dial in from.
struct Office<'a> {
    vpn: Vpn,
    ise: Ise,
    /// Alice's.
    phone: Phone,
    keys: Keys,
    site: Site,
    home: &'a Network,
}

impl Office<'_> {
    /// The proxy's configuration.
    fn config(&self, kind: &str, options: &str) -> String {
        config(&self.site, &self.keys, kind, options)
    }

    /// Dials in, and types this for the password.
    fn dial(&self, user: &str, typed: &str) -> Terminal {
        let mut terminal = self.vpn.dial(&self.site, self.home, user);
        terminal.shows("Password:");
        terminal.types(typed);
        terminal
    }

    fn hang_up(&self, mut terminal: Terminal) {
        // Control-C: openconnect says good-bye.
        terminal.types("\u{3}");
        terminal.ends();
        self.ise.says("Acct-Status-Type = Stop");
    }
}

fn config(site: &Site, keys: &Keys, kind: &str, options: &str) -> String {
    network_config(site, keys, kind, options, "[radius_acct]\nupstream_port=21813\n")
}

/// Has `story` happen in an office whose proxy lets newcomers enroll.
fn in_an_office(story: impl FnOnce(&Office<'_>, RadiusProxy) + Send) {
    let (home, office) = (Network::new(), Network::new());
    office.joined_to(&home, GATEWAY, CLIENT);
    office.within(|| {
        let site = Site::start();
        let (_, phone) = site.enroll("alice");
        let ise = Ise::start(USERS, &[]);
        let keys = site.integration("radius");
        let proxy = RadiusProxy::configured(&config(&site, &keys, "radius_server_auto", "enroll=challenge"), 1812);
        let vpn = Vpn::start(&site);
        story(&Office { vpn, ise, phone, keys, site, home: &home }, proxy);
    });
}

#[test]
fn a_tunnel_is_up_by_push_and_by_passcode_with_the_address_and_the_group_of_the_server_behind() {
    in_an_office(|office, _proxy| {
        // A push.
        let watch = office.phone.watch();
        let terminal = office.dial("alice", "S3cret,pw");
        let request = watch.request();
        assert_eq!(request.shown["address"], CLIENT);
        office.phone.approve(&request, None);
        terminal.shows("tunnel up: 10.10.0.77");
        // What FreeRADIUS said: the address, and by its Class the group.
        office.vpn.says("found group vpn");
        let inside = TcpListener::bind((INSIDE.parse::<Ipv4Addr>().unwrap(), 8080)).unwrap();
        let through = office.home.shell(&format!("bash -c 'exec 3<>/dev/tcp/{INSIDE}/8080'"));
        let visit = std::process::Command::new("timeout").args(["20", "sh", "-c", &through]).status().unwrap();
        assert!(visit.success(), "nobody is there behind the tunnel");
        let (_, from) = inside.accept().unwrap();
        assert_eq!(from.ip().to_string(), "10.10.0.77");
        office.ise.says("Acct-Status-Type = Start");
        office.hang_up(terminal);

        // A code behind the password.
        let terminal = office.dial("alice", &format!("S3cret,pw,{}", office.phone.passcode()));
        terminal.shows("tunnel up: 10.10.0.77");
        office.hang_up(terminal);
        assert_eq!(watch.requests_so_far(), 1);
    });
}

#[test]
fn a_no_a_newcomer_and_a_menu_look_at_a_vpn_as_they_should() {
    in_an_office(|office, proxy| {
        let watch = office.phone.watch();
        // No. By somebody else: what alice was told a moment ago she would be told again.
        let (_, other_phone) = office.site.enroll("carol");
        let other_watch = other_phone.watch();
        let terminal = office.dial("carol", "c");
        other_phone.deny(&other_watch.request());
        terminal.shows("Login request denied.");
        // And the form again.
        terminal.shows("Password:");
        drop(terminal);

        // Somebody who must enroll first sees how.
        let mut terminal = office.dial("bob", "b");
        terminal.shows(&format!("Please enroll at https://{}/enroll/", office.site.host()));
        terminal.shows("Password1:");
        terminal.types("done");
        let (is_in, screen) = terminal.ends();
        assert!(!is_in && screen.contains("Failed to complete authentication"), "{screen}");

        // A menu.
        let _proxy = proxy.again(&office.config("radius_server_challenge", "prompt_format=short"));
        let mut terminal = office.dial("alice", "S3cret,pw");
        terminal.shows("Passcode or");
        terminal.shows("Password1:");
        terminal.types(&office.phone.passcode());
        terminal.shows("tunnel up: 10.10.0.77");
        assert_eq!((watch.requests_so_far(), other_watch.requests_so_far()), (0, 1));
    });
}
