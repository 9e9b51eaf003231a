//! The API is away, in the ways in which that happens, and the proxy does what its administrator chose.

use e2e::Site;
use e2e::namespace::Namespace;
use e2e::radius::RadiusProxy;

/// Packets to where the API should be vanish: nothing is refused, nothing is answered.
const BLACK_HOLE: &str = "nft 'add table inet test; add chain inet test in { type filter hook input priority 0; }; add rule inet test in tcp dport 8443 drop'";

fn config(api_host: &str, options: &str) -> String {
    format!(
        "[duo_only_client]\n[radius_server_auto]\nikey=DIXXXXXXXXXXXXXXXXXX\nskey=0123456789012345678901234567890123456789\napi_host={api_host}\n\
        interface=127.0.0.1\nradius_ip_1=127.0.0.1\nradius_secret_1=device-shared-secret\n{options}\n"
    )
}

/// A login from a station: another one each time, since the same login again is told the same for a while.
fn login(within: &Namespace, station: u8) -> String {
    // Ten seconds and one try: what an ASA waits.
    let ask = format!(
        "printf 'User-Name=alice\\nUser-Password=secret\\nCalling-Station-Id=198.51.100.{station}\\nMessage-Authenticator=0x00\\n' | \
        radclient -x -t 10 -r 1 127.0.0.1:1812 auth device-shared-secret"
    );
    within.output("sh", &["-c", &ask])
}

#[test]
fn a_black_holed_api_takes_the_fail_mode_before_the_device_gives_up() {
    let within = Namespace::new(BLACK_HOLE);
    let proxy = within.proxy(&config("localhost:8443", "failmode=safe"));
    let answer = login(&within, 1);
    assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());
    proxy.says("LET IN WITHOUT A SECOND FACTOR");
    // From now on nobody waits for it.
    login(&within, 2);
    proxy.says("NO SERVER CAN BE ASKED FOR THE SECOND FACTOR");
    assert!(login(&within, 3).contains("Received Access-Accept"), "{}", proxy.log());
    drop(proxy);

    let proxy = within.proxy(&config("localhost:8443", "failmode=secure"));
    let answer = login(&within, 4);
    assert!(
        answer.contains("Received Access-Reject") && answer.contains("cannot be reached"),
        "{answer}\n{}",
        proxy.log()
    );
}

#[test]
fn aa22_074a_a_hosts_file_that_leads_the_api_home_opens_nothing() {
    let hosts = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(hosts.path(), "127.0.0.1 localhost api.example.org\n").unwrap();
    let within = Namespace::new(&format!("mount --bind {} /etc/hosts", hosts.path().display()));
    let proxy = within.proxy(&config("api.example.org:8443", "failmode=safe"));
    let answer = login(&within, 5);
    assert!(answer.contains("Received Access-Reject"), "{answer}\n{}", proxy.log());
    assert!(proxy.log().contains("LEADS TO THIS HOST"), "{}", proxy.log());
}

fn attributes() -> &'static str {
    "User-Name=alice\nUser-Password=secret\nCalling-Station-Id=198.51.100.7\nMessage-Authenticator=0x00\n"
}

#[test]
fn the_next_host_is_asked_when_one_is_away_and_a_foreign_certificate_is_as_good_as_none() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("radius");
    let second = format!("api_host_2={}", site.host());
    // A port that nobody listens at.
    let proxy = RadiusProxy::asking("localhost:1", &site, &keys, "radius_server_auto", &second, None);
    for station in ["198.51.100.7", "198.51.100.8"] {
        let watch = phone.watch();
        let asking = proxy.ask(&attributes().replace("198.51.100.7", station), &[]);
        phone.approve(&watch.request(), None);
        let answer = asking.answer();
        assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());
        assert!(!proxy.log().contains("WITHOUT"), "{}", proxy.log());
    }
    drop(proxy);

    // The authority of another installation: whoever answers there is not the server.
    let other = Site::start();
    let proxy = RadiusProxy::asking(site.host(), &other, &keys, "radius_server_auto", "failmode=secure", None);
    let answer = proxy.ask(attributes(), &[]).answer();
    assert!(answer.contains("Received Access-Reject"), "{answer}");
    assert!(phone.waiting().is_empty());
    proxy.says("NO SERVER CAN BE ASKED");
    assert!(proxy.log().contains("its certificate is not trusted"), "{}", proxy.log());
}

#[test]
fn a_server_that_comes_back_is_asked_again_and_a_push_outlives_its_restart() {
    let mut site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("radius");
    let proxy = RadiusProxy::start(&site, &keys, "radius_server_auto", "failmode=secure", None);
    let watch = phone.watch();
    let asking = proxy.ask(attributes(), &[]);
    let request = watch.request();
    site.kill();
    site.serve();
    phone.approve(&request, None);
    let answer = asking.answer();
    assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());

    // One that has not heard of the first restart.
    drop(proxy);
    let proxy = RadiusProxy::start(&site, &keys, "radius_server_auto", "failmode=secure", None);
    site.kill();
    for _ in 0..2 {
        assert!(proxy.ask("User-Name=bob\nUser-Password=secret\n", &[]).answer().contains("Received Access-Reject"));
    }
    proxy.says("NO SERVER CAN BE ASKED");
    site.serve();
    proxy.says("the server is back");
    let watch = phone.watch();
    let asking = proxy.ask("User-Name=alice\nUser-Password=secret\n", &[]);
    phone.approve(&watch.request(), None);
    assert!(asking.answer().contains("Received Access-Accept"), "{}", proxy.log());
}
