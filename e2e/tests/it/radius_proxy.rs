//! `countersign-proxy` between `radclient` and FreeRADIUS 3.2.1, which know nothing of it.

use e2e::Site;
use e2e::radius::{FreeRadius, RadiusProxy};

const USERS: &str = "alice Cleartext-Password := \"S3cret,pw\"\n\tFilter-Id = \"vpn\", Class = 0x0102, Framed-IP-Address = 10.9.8.7, Tunnel-Password:1 = \"hidden\"\n";

fn login(password: &str) -> String {
    format!(
        "User-Name=alice\nUser-Password=\"{password}\"\nMessage-Authenticator=0x00\nCalling-Station-Id=198.51.100.7\nProxy-State=0x0102\n"
    )
}

#[test]
fn a_push_is_approved_and_every_attribute_of_the_server_behind_arrives() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let behind = FreeRadius::start(USERS);
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_auto", "", Some(&behind));
    let watch = phone.watch();
    let asking = proxy.ask(&login("S3cret,pw"), &[]);
    let request = watch.request();
    assert_eq!(request.shown["address"], "198.51.100.7");
    phone.approve(&request, None);
    let answer = asking.answer();
    for part in [
        "Received Access-Accept",
        "Filter-Id = \"vpn\"",
        "Class = 0x0102",
        "Framed-IP-Address = 10.9.8.7",
        "Proxy-State = 0x0102",
        "Tunnel-Password:1 = \"hidden\"",
    ] {
        assert!(answer.contains(part), "{part} is missing:\n{answer}");
    }
    assert_eq!(behind.asked(), 1);
}

#[test]
fn retransmissions_are_one_push_and_one_look_at_the_password() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let behind = FreeRadius::start(USERS);
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_auto", "", Some(&behind));
    let watch = phone.watch();
    // The same packet every second, and the same login from another port with another number.
    let impatient = proxy.ask(&login("S3cret,pw"), &["-t", "1", "-r", "30"]);
    let request = watch.request();
    let other = proxy.ask(&login("S3cret,pw"), &[]);
    phone.approve(&request, None);
    assert!(impatient.answer().contains("Received Access-Accept"));
    assert!(other.answer().contains("Received Access-Accept"));
    assert_eq!((behind.asked(), watch.requests_so_far()), (1, 1));
}

#[test]
fn a_denied_push_and_a_wrong_password_are_refused() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let behind = FreeRadius::start(USERS);
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_auto", "", Some(&behind));
    assert!(proxy.ask(&login("wrong"), &[]).answer().contains("Received Access-Reject"));
    assert!(phone.waiting().is_empty());
    let watch = phone.watch();
    let asking = proxy.ask(&login("S3cret,pw"), &[]);
    phone.deny(&watch.request());
    let answer = asking.answer();
    assert!(answer.contains("Received Access-Reject") && answer.contains("denied"), "{answer}");
}

#[test]
fn a_passcode_is_typed_behind_the_password_or_after_a_challenge() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let behind = FreeRadius::start(USERS);
    let keys = site.integration("radius");
    let proxy = RadiusProxy::start(&site, &keys, "radius_server_auto", "", Some(&behind));
    let code = phone.passcode();
    assert!(proxy.ask(&login(&format!("S3cret,pw,{code}")), &[]).answer().contains("Received Access-Accept"));
    assert!(proxy.ask(&login(&format!("S3cret,pw,{code}")), &[]).answer().contains("Access-"));

    let proxy = RadiusProxy::start(&site, &keys, "radius_server_challenge", "", Some(&behind));
    let challenge = proxy.ask(&login("S3cret,pw"), &[]).answer();
    assert!(challenge.contains("Received Access-Challenge"), "{challenge}");
    let state = challenge.lines().find_map(|line| line.trim().strip_prefix("State = ")).unwrap();
    let typed = format!("{}State={state}\n", login(&phone.passcode()));
    let answer = proxy.ask(&typed, &[]).answer();
    assert!(answer.contains("Received Access-Accept"), "{answer}");
}

#[test]
fn a_server_that_is_away_opens_or_closes_as_the_section_says() {
    let site = Site::start();
    let behind = FreeRadius::start(USERS);
    let keys = site.integration("radius");
    for (failmode, expected) in [("safe", "Received Access-Accept"), ("secure", "Received Access-Reject")] {
        let options = format!("failmode={failmode}");
        // A port that nobody listens at.
        let proxy = RadiusProxy::asking("localhost:1", &site, &keys, "radius_server_auto", &options, Some(&behind));
        let answer = proxy.ask(&login("S3cret,pw"), &[]).answer();
        assert!(answer.contains(expected), "{failmode}: {answer}\n{}", proxy.log());
    }
    // Wrong keys are no outage.
    let mut wrong = site.integration("radius");
    wrong.skey = "0".repeat(40);
    let proxy = RadiusProxy::start(&site, &wrong, "radius_server_auto", "failmode=safe", Some(&behind));
    assert!(proxy.ask(&login("S3cret,pw"), &[]).answer().contains("Received Access-Reject"));
}

#[test]
fn another_secret_is_named_in_the_log_and_never_answered() {
    let site = Site::start();
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_duo_only", "", None);
    let answer = proxy.ask_with(&login("123456"), &["-t", "1"], "another-secret").answer();
    assert!(answer.contains("No reply"), "{answer}");
    proxy.says("shared secret of this device differs");
}

#[test]
fn the_configuration_is_read_again_under_load_and_no_login_is_lost() {
    const LOGINS: usize = 1_000;
    let site = Site::start();
    let (_, phone) = site.enroll("bob");
    let behind = FreeRadius::start("alice Cleartext-Password := \"pw\"\nbob Cleartext-Password := \"pw\"\n");
    let options = "exempt_username_1=alice\napi_timeout=50";
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_auto", options, Some(&behind));
    // Somebody waits for a phone meanwhile.
    let watch = phone.watch();
    let waiting = proxy.ask("User-Name=bob\nUser-Password=pw\nMessage-Authenticator=0x00\n", &[]);
    let request = watch.request();
    let mut load = proxy.load("User-Name=alice\nUser-Password=pw\nMessage-Authenticator=0x00\n", LOGINS);
    let (served, refused) = ("the configuration was read again, and serves", "the new configuration is not used");
    let mut timeout = 50;
    let mut reload = || {
        let (before, after) = (format!("api_timeout={timeout}"), format!("api_timeout={}", timeout + 1));
        proxy.reload(&before, "api_timeout=soon");
        proxy.says(refused);
        proxy.reload("api_timeout=soon", &after);
        timeout += 1;
        proxy.says(served);
    };
    reload();
    // The login that began before ends by the configuration that it began with.
    phone.approve(&request, None);
    assert!(waiting.answer().contains("Received Access-Accept"));
    while load.is_waiting() {
        reload();
    }
    let summary = load.answer();
    let counted = |word: &str| {
        let line = summary.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("{summary}"));
        line.rsplit(':').next().unwrap().trim().parse::<usize>().unwrap()
    };
    assert_eq!((counted("Accepted"), counted("Rejected"), counted("Lost")), (LOGINS, 0, 0), "{summary}");
    assert_eq!(watch.requests_so_far(), 1);
}
