//! `[ad_client]` before OpenLDAP and before Samba as a domain controller, with `radclient` as the device.

use std::sync::atomic::{AtomicU8, Ordering};

use e2e::directory::{Authority, PASSWORD, Samba, Slapd};
use e2e::radius::RadiusProxy;
use e2e::{Keys, Site};

fn login(user: &str, password: &str) -> String {
    // radclient reads a value as FreeRADIUS does, where a backslash begins something.
    let user = user.replace('\\', "\\\\");
    // Each from a place of its own: the same login from the same place, again within seconds, is not asked about again.
    static PLACES: AtomicU8 = AtomicU8::new(0);
    let place = PLACES.fetch_add(1, Ordering::Relaxed);
    format!(
        "User-Name=\"{user}\"\nUser-Password=\"{password}\"\nMessage-Authenticator=0x00\nCalling-Station-Id=198.51.100.{place}\n"
    )
}

/// A proxy that asks only the directory about all of these.
fn proxy(site: &Site, keys: &Keys, section: &str, users: &[&str]) -> RadiusProxy {
    let exempt: String =
        users.iter().enumerate().map(|(at, user)| format!("exempt_username_{}={user}\n", at + 1)).collect();
    RadiusProxy::behind(site.host(), site, keys, "radius_server_auto", &exempt, section)
}

fn is_in(proxy: &RadiusProxy, user: &str) {
    let answer = proxy.ask(&login(user, PASSWORD), &[]).answer();
    assert!(answer.contains("Received Access-Accept"), "{user}: {answer}\n{}", proxy.log());
}

/// It is refused, and the log says why. Gives what the device was told.
fn is_out(proxy: &RadiusProxy, user: &str, password: &str, why: &str) -> String {
    let answer = proxy.ask(&login(user, password), &[]).answer();
    assert!(answer.contains("Received Access-Reject"), "{user}: {answer}\n{}", proxy.log());
    proxy.says(why);
    answer
}

/// A whole login, with a push, through a directory.
fn pushes(site: &Site, section: &str, user: &str, name: &str) {
    let (_, phone) = site.enroll(name);
    let proxy = proxy(site, &site.integration("radius"), section, &[]);
    let watch = phone.watch();
    let asking = proxy.ask(&login(user, PASSWORD), &[]);
    phone.approve(&watch.request(), None);
    let answer = asking.answer();
    assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());
    is_out(&proxy, user, "wrong", "wrong password");
    assert!(phone.waiting().is_empty());
}

#[test]
fn slapd_checks_the_password_before_the_push_and_starttls_protects_it() {
    let slapd = Slapd::start();
    pushes(&Site::start(), &slapd.section("starttls", ""), "alice", "alice");
    assert!(slapd.log().contains("STARTTLS"));
}

#[test]
fn slapd_says_who_may_come_in_and_why_others_may_not() {
    let (site, slapd) = (Site::start(), Slapd::start());
    let keys = site.integration("radius");
    let users = ["alice", "alice@lab.test", "bob", "carol", "locked", "expired", "mustchange", "nobody"];
    let group = "security_group_dn=CN=vpn, ou=groups,dc=lab";
    let nested = proxy(&site, &keys, &slapd.section("ldaps", &format!("{group}\nnested_groups=true")), &users);
    is_in(&nested, "alice");
    is_in(&nested, "alice@lab.test");
    is_in(&nested, "bob");
    is_out(&nested, "carol", PASSWORD, "not a member of security_group_dn");
    is_out(&nested, "alice", "wrong", "wrong password");
    is_out(&nested, "locked", PASSWORD, "the account is locked");
    let expired = is_out(&nested, "expired", PASSWORD, "the password has expired");
    assert!(expired.contains("Your password has expired"), "{expired}");
    let must_change = is_out(&nested, "mustchange", PASSWORD, "must be changed first");
    assert!(must_change.contains("You must change your password"), "{must_change}");
    let quiet = is_out(&nested, "nobody", PASSWORD, "nobody of this name");
    assert!(!quiet.contains("Reply-Message"), "{quiet}");
    is_out(&nested, "*", PASSWORD, "nobody of this name");
    is_out(&nested, "uid=alice,ou=people,dc=lab", PASSWORD, "a name with a comma");

    let direct = proxy(&site, &keys, &slapd.section("clear", group), &users);
    is_in(&direct, "alice");
    is_out(&direct, "bob", PASSWORD, "not a member of security_group_dn");
    let filtered = proxy(&site, &keys, &slapd.section("clear", "ldap_filter=(!(mail=alice@*))"), &users);
    is_in(&filtered, "carol");
    is_out(&filtered, "alice", PASSWORD, "nobody of this name");
}

#[test]
fn a_certificate_of_another_authority_gets_no_password() {
    let (site, slapd) = (Site::start(), Slapd::start());
    let keys = site.integration("radius");
    let dir = tempfile::tempdir().unwrap();
    let other = Authority::new(dir.path());
    for transport in ["ldaps", "starttls"] {
        let foreign = format!("ssl_ca_certs_file={}", other.file().display());
        let proxy = proxy(&site, &keys, &slapd.section(transport, &foreign), &["alice"]);
        is_out(&proxy, "alice", PASSWORD, "TLS failed");
        assert!(!slapd.log().contains("BIND"), "{}", slapd.log());
    }
}

#[test]
fn a_name_that_the_certificate_has_not_is_refused_unless_names_are_left_out() {
    let (site, slapd) = (Site::start(), Slapd::start());
    let keys = site.integration("radius");
    // The same host by another address.
    let section = |options: &str| {
        let usual = slapd.section("ldaps", options);
        let host = usual.lines().find(|line| line.starts_with("host=")).unwrap();
        usual.replace(host, &host.replace("host=", "host=::ffff:"))
    };
    is_out(&proxy(&site, &keys, &section(""), &["alice"]), "alice", PASSWORD, "TLS failed");
    is_in(&proxy(&site, &keys, &section("ssl_verify_hostname=false"), &["alice"]), "alice");
}

#[test]
fn a_domain_controller_checks_ntlm_within_tls_before_the_push() {
    let samba = Samba::shared();
    pushes(&Site::start(), &samba.section("ldaps", "ntlm2", ""), "alice", "alice");
}

#[test]
fn a_domain_controller_says_who_may_come_in_and_why_others_may_not() {
    let (site, samba) = (Site::start(), Samba::shared());
    let keys = site.integration("radius");
    let names = ["alice@lab.test", "LAB\\alice", "lab.test\\alice"];
    let people = ["alice", "bob", "primary", "carol", "disabled", "locked", "mustchange", "expired", "over", "night"];
    let users = [names.as_slice(), &people].concat();
    let group = "security_group_dn=cn=vpn, cn=users,DC=lab,DC=test";
    for (transport, auth_type) in [("starttls", "ntlm2"), ("ldaps", "plain")] {
        let section = samba.section(transport, auth_type, &format!("{group}\nnested_groups=true"));
        let nested = proxy(&site, &keys, &section, &users);
        for user in names.iter().chain(&["alice", "bob", "primary"]) {
            is_in(&nested, user);
        }
        is_out(&nested, "OTHER\\alice", PASSWORD, "nobody of this name");
        is_out(&nested, "carol", PASSWORD, "not a member of security_group_dn");
        is_out(&nested, "alice", "wrong", "wrong password");
        is_in(&nested, "alice");
        is_out(&nested, "disabled", PASSWORD, "the account is disabled");
        is_out(&nested, "over", PASSWORD, "the account has expired");
        is_out(&nested, "night", PASSWORD, "no logins at this hour");
        let expired = is_out(&nested, "expired", PASSWORD, "the password has expired");
        assert!(expired.contains("Your password has expired"), "{expired}");
        let must_change = is_out(&nested, "mustchange", PASSWORD, "must be changed first");
        assert!(must_change.contains("You must change your password"), "{must_change}");
        let quiet = is_out(&nested, "mustchange", "wrong", "wrong password");
        assert!(!quiet.contains("Reply-Message"), "{quiet}");
    }
    let direct = proxy(&site, &keys, &samba.section("ldaps", "plain", group), &users);
    is_in(&direct, "alice");
    is_out(&direct, "bob", PASSWORD, "not a member of security_group_dn");
    is_out(&direct, "primary", PASSWORD, "not a member of security_group_dn");
    let primary = "security_group_dn=CN=prim,CN=Users,DC=lab,DC=test";
    is_in(&proxy(&site, &keys, &samba.section("ldaps", "ntlm2", primary), &users), "primary");
    // Three wrong ones lock; each is asked about once.
    for why in ["wrong password", "wrong password", "wrong password", "the account is locked"] {
        is_out(&direct, "locked", "wrong", why);
    }
    is_out(&direct, "locked", PASSWORD, "the account is locked");
}

#[test]
fn a_domain_controller_refuses_passwords_in_clear_and_the_log_says_what_to_set() {
    let (site, samba) = (Site::start(), Samba::shared());
    let keys = site.integration("radius");
    for auth_type in ["plain", "ntlm2"] {
        let proxy = proxy(&site, &keys, &samba.section("clear", auth_type, ""), &["alice"]);
        let answer = is_out(&proxy, "alice", PASSWORD, "set transport=ldaps");
        assert!(answer.contains("Your password cannot be checked now"), "{answer}");
    }
}
