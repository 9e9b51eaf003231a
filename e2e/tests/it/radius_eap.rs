//! CHAP, MS-CHAP and EAP through `countersign-proxy`: `radclient` and `eapol_test` before it, FreeRADIUS behind it.

use e2e::Site;
use e2e::radius::{Certificate, FreeRadius, RadiusProxy, Supplicant};

const USERS: &str = "alice Cleartext-Password := \"S3cret,pw\"\n\tFilter-Id = \"vpn\"\n";

#[test]
fn chap_and_mschap_are_checked_behind_and_approved_here() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let behind = FreeRadius::start(USERS);
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_auto", "", Some(&behind));
    for attribute in ["CHAP-Password", "MS-CHAP-Password"] {
        let login =
            |password: &str| format!("User-Name=alice\n{attribute}=\"{password}\"\nMessage-Authenticator=0x00\n");
        let refused = proxy.ask(&login("wrong"), &[]).answer();
        assert!(refused.contains("Received Access-Reject"), "{refused}");
        assert!(phone.waiting().is_empty());
        let watch = phone.watch();
        let asking = proxy.ask(&login("S3cret,pw"), &[]);
        phone.approve(&watch.request(), None);
        let answer = asking.answer();
        assert!(answer.contains("Received Access-Accept") && answer.contains("Filter-Id = \"vpn\""), "{answer}");
        // radclient cannot open them; that they are there and no noise is what eapol_test shows.
        assert_eq!(answer.contains("MS-CHAP-MPPE-Keys"), attribute == "MS-CHAP-Password", "{answer}");
        assert_eq!(refused.contains("E=691"), attribute == "MS-CHAP-Password", "{refused}");
    }
}

#[test]
fn eap_that_ends_behind_arrives_with_its_keys_after_one_push() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let behind = FreeRadius::with_eap(USERS);
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_auto", "", Some(&behind));
    let methods = [("PEAP", "auth=MSCHAPV2"), ("TTLS", "auth=PAP"), ("TTLS", "auth=MSCHAPV2")];
    // Each from another station: what was decided is told for a moment to the same one.
    for (station, (method, inner)) in (1..).zip(methods) {
        // Outside stands a name that nobody has: who is asked is who logs in inside.
        let login = |password: &str| {
            format!(
                "eap={method}\nidentity=\"alice\"\nanonymous_identity=\"anonymous\"\npassword=\"{password}\"\nphase2=\"{inner}\""
            )
        };
        let (is_in, said) = Supplicant::start(&proxy, station, &login("wrong")).end();
        assert!(!is_in && said.contains("EAP-FAILURE"), "{method} {inner}: {said}");
        assert!(phone.waiting().is_empty(), "{method} {inner}");

        let watch = phone.watch();
        let supplicant = Supplicant::start(&proxy, station, &login("S3cret,pw"));
        phone.approve(&watch.request(), None);
        let (is_in, said) = supplicant.end();
        assert!(is_in, "{method} {inner}: {said}\n{}", proxy.log());
        assert_eq!(watch.requests_so_far(), 1);
    }
    let watch = phone.watch();
    let login = "eap=PEAP\nidentity=\"alice\"\npassword=\"S3cret,pw\"\nphase2=\"auth=MSCHAPV2\"";
    let supplicant = Supplicant::start(&proxy, 10, login);
    phone.deny(&watch.request());
    let (is_in, said) = supplicant.end();
    // Whoever has proven the password inside may leave a failure unheard; the access point hears of it in any case.
    assert!(!is_in && said.contains("(Access-Reject)"), "{said}");
}

#[test]
fn a_message_authenticator_of_another_secret_opens_no_eap() {
    let site = Site::start();
    let behind = FreeRadius::with_eap(USERS);
    let proxy = RadiusProxy::start(&site, &site.integration("radius"), "radius_server_auto", "", Some(&behind));
    let login = "eap=PEAP\nidentity=\"alice\"\npassword=\"S3cret,pw\"\nphase2=\"auth=MSCHAPV2\"";
    let mut supplicant = Supplicant::with_secret(&proxy, 1, login, "another-secret");
    proxy.says("shared secret of this device differs");
    supplicant.give_up();
    assert_eq!(behind.asked(), 0);
}

#[test]
fn passwords_inside_of_peap_and_ttls_end_at_the_proxy() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let behind = FreeRadius::start(USERS);
    let certificate = Certificate::new();
    let keys = site.integration("radius");
    let files = format!("certs={}\npkey={}", certificate.pem().display(), certificate.key().display());
    let proxy =
        RadiusProxy::start(&site, &keys, "radius_server_eap", &format!("{files}\nallow_concat=true"), Some(&behind));
    let trusted = certificate.pem().display().to_string();
    let login = |method: &str, password: &str, more: &str| {
        let inner = if method == "PEAP" { "auth=GTC" } else { "auth=PAP" };
        format!(
            "eap={method}\nidentity=\"alice\"\nanonymous_identity=\"anonymous\"\npassword=\"{password}\"\nphase2=\"{inner}\"\nca_cert=\"{trusted}\"\n{more}"
        )
    };
    // Each login from another station: what was decided is told for a moment to the same one.
    let mut stations = 1_u8..;
    let mut next = || stations.next().unwrap();
    for method in ["PEAP", "TTLS"] {
        let (is_in, said) = Supplicant::start(&proxy, next(), &login(method, "wrong", "")).end();
        assert!(!is_in && said.contains("EAP-FAILURE"), "{method}: {said}");
        assert!(phone.waiting().is_empty(), "{method}");

        // TLS 1.2, TLS 1.3, and pieces so small that the certificate takes dozens of them.
        for more in ["phase1=\"tls_disable_tlsv1_3=1\"", "phase1=\"tls_disable_tlsv1_3=0\"", "fragment_size=150"] {
            let watch = phone.watch();
            let supplicant = Supplicant::start(&proxy, next(), &login(method, "S3cret,pw", more));
            phone.approve(&watch.request(), None);
            let (is_in, said) = supplicant.end();
            assert!(is_in, "{method} {more}: {said}\n{}", proxy.log());
            assert_eq!(watch.requests_so_far(), 1);
        }
        let code = phone.passcode();
        let (is_in, said) = Supplicant::start(&proxy, next(), &login(method, &format!("S3cret,pw,{code}"), "")).end();
        assert!(is_in, "{method}: {said}\n{}", proxy.log());

        let watch = phone.watch();
        let supplicant = Supplicant::start(&proxy, next(), &login(method, "S3cret,pw", ""));
        phone.deny(&watch.request());
        let (is_in, said) = supplicant.end();
        assert!(!is_in && said.contains("EAP-FAILURE"), "{method}: {said}");
    }
    // What cannot be checked here, and what is not trusted there, is told.
    let asks_for_more = login("PEAP", "S3cret,pw", "").replace("auth=GTC", "auth=MSCHAPV2");
    assert!(!Supplicant::start(&proxy, next(), &asks_for_more).end().0);
    proxy.says("set it to GTC");
    let other = Certificate::new();
    let stranger = login("TTLS", "S3cret,pw", "").replace(&trusted, &other.pem().display().to_string());
    assert!(!Supplicant::start(&proxy, next(), &stranger).end().0);
    proxy.says("does it trust the certificate");
    assert!(phone.waiting().is_empty());
}
