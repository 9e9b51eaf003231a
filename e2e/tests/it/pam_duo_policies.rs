//! What policies do to logins by Debian's `libpam-duo`: where people come from, whom an application is for, what is remembered.

use cs_testkit::Mmdb;
use e2e::unix::{Failmode, Host};
use e2e::{Phone, Site, Terminal};

const QUESTION: &str = "Passcode or option (1-1): ";
/// Addresses of two networks (RFC 5737), which the database of places below puts into two countries.
const OFFICE: &str = "192.0.2.7";
const HOME: &str = "198.51.100.9";
/// One that it does not know.
const SOMEWHERE: &str = "203.0.113.5";

fn set(site: &Site, settings: &[&str]) {
    site.policy(&[&["set", "global", "--confirm-lockout"], settings].concat());
}

/// Asserts that the user is asked, and answers with a code.
fn asked(mut terminal: Terminal, phone: &Phone) {
    terminal.shows(QUESTION);
    terminal.types(&phone.passcode());
    let (is_in, screen) = terminal.ends();
    assert!(is_in && screen.contains("Success. Logging you in..."), "{screen}");
}

/// Asserts that the user is let in without a question.
fn not_asked(terminal: Terminal) {
    let (is_in, screen) = terminal.ends();
    assert!(is_in && !screen.contains("Passcode"), "{screen}");
}

/// Asserts that the user is refused without a question, and told `why`.
fn refused(terminal: Terminal, why: &str) {
    let (is_in, screen) = terminal.ends();
    assert!(!is_in && screen.contains(why) && !screen.contains("Passcode"), "{screen}");
}

/// The reasons in the log, oldest first.
fn reasons(site: &Site) -> Vec<String> {
    site.outcomes().into_iter().map(|(_, reason, _)| reason).collect()
}

/// That it is over after its minutes is shown where time can be moved: `auth_api::policies` in the server's own tests.
#[test]
fn an_address_is_remembered_and_a_changed_one_is_asked_again() {
    let site = Site::start();
    let (alice, phone) = site.enroll("alice");
    let (_, other_phone) = site.enroll("bob");
    set(
        &site,
        &[
            "remembered_devices.address_apps.enabled=true",
            "remembered_devices.address_apps.max_time_value=30",
            "remembered_devices.address_apps.max_time_units=minutes",
        ],
    );
    let (host, another_host) = (Host::secure(&site), Host::secure(&site));
    asked(host.pam_from("alice", OFFICE), &phone);
    not_asked(host.pam_from("alice", OFFICE));
    not_asked(host.pam_from("alice", &format!("::ffff:{OFFICE}")));
    asked(host.pam_from("alice", HOME), &phone);
    asked(another_host.pam_from("alice", OFFICE), &phone);
    asked(host.pam_from("bob", OFFICE), &other_phone);
    assert_eq!(
        reasons(&site),
        [
            "valid_passcode",
            "remembered_device",
            "remembered_device",
            "valid_passcode",
            "valid_passcode",
            "valid_passcode"
        ]
    );
    // Who is disabled is refused although the address is remembered; and is asked again afterwards.
    site.change_user(&alice, &[("status", "disabled")]);
    refused(host.pam_from("alice", OFFICE), "Your account is disabled");
    site.change_user(&alice, &[("status", "active")]);
    asked(host.pam_from("alice", OFFICE), &phone);
    not_asked(host.pam_from("alice", OFFICE));
    set(&site, &["remembered_devices.address_apps.enabled=false"]);
    asked(host.pam_from("alice", OFFICE), &phone);
}

#[test]
fn from_the_office_no_second_factor_is_asked() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    site.user("new-here");
    set(&site, &["authorized_networks.no_2fa_required.ip_list=192.0.2.0/24"]);
    let host = Host::secure(&site);
    not_asked(host.pam_from("alice", OFFICE));
    asked(host.pam_from("alice", HOME), &phone);
    // Without an address there is no office.
    asked(host.pam("alice"), &phone);
    refused(host.pam_from("new-here", OFFICE), "You are not enrolled.");
    set(&site, &["authorized_networks.blocked.ip_list=192.0.2.0/28"]);
    refused(host.pam_from("alice", OFFICE), "Logins from your network are not allowed here.");
    assert_eq!(
        reasons(&site),
        ["trusted_network", "valid_passcode", "valid_passcode", "deny_unenrolled_user", "denied_network"]
    );
}

#[test]
fn a_denied_country_is_refused() {
    let mut site = Site::start();
    let (_, phone) = site.enroll("alice");
    let places = Mmdb::new().country("192.0.2.0/24", "CH").country("198.51.100.0/24", "KP");
    let file = places.write(site.dir());
    site.configure(&format!("[country]\ndatabase = \"{}\"\n", file.display()));
    site.kill();
    site.serve();
    set(&site, &["user_location.deny_access_countries_list=KP"]);
    let host = Host::secure(&site);
    asked(host.pam_from("alice", OFFICE), &phone);
    refused(host.pam_from("alice", HOME), "Logins from your location are not allowed here.");
    asked(host.pam_from("alice", SOMEWHERE), &phone);
    set(&site, &["user_location.default_action=deny-access", "user_location.ignore_location_countries_list=CH"]);
    asked(host.pam_from("alice", OFFICE), &phone);
    refused(host.pam_from("alice", SOMEWHERE), "Logins from your location are not allowed here.");
    refused(host.pam("alice"), "Logins from your location are not allowed here.");
    let places: Vec<_> =
        site.logins().iter().map(|entry| entry["access_device"]["location"]["country"].clone()).collect();
    assert_eq!((&places[0], &places[1]), (&"CH".into(), &"KP".into()), "{places:?}");
    assert_eq!(
        reasons(&site),
        [
            "valid_passcode",
            "location_restricted",
            "valid_passcode",
            "valid_passcode",
            "location_restricted",
            "location_restricted"
        ]
    );
}

#[test]
fn an_application_is_for_its_permitted_groups() {
    let site = Site::start();
    let (alice, phone) = site.enroll("alice");
    let (bob, _phone) = site.enroll("bob");
    let admin = site.admin();
    let group = admin.post("/admin/v1/groups", &[("name", "operators")]).ok();
    let group = group["group_id"].as_str().unwrap();
    let keys = site.integration("unix");
    let access = [("user_access", "PERMITTED_GROUPS"), ("groups_allowed", group)];
    admin.post(&format!("/admin/v3/integrations/{}", keys.ikey), &access).ok();
    admin.post(&format!("/admin/v1/users/{}/groups", alice.id), &[("group_id", group)]).ok();
    let host = Host::new(&site, &keys, site.port(), Failmode::Secure);
    asked(host.pam_from("alice", OFFICE), &phone);
    refused(host.pam_from("bob", OFFICE), "You are not permitted to use this application.");
    // Bypass is no way around it.
    site.change_user(&bob, &[("status", "bypass")]);
    refused(host.pam_from("bob", OFFICE), "You are not permitted to use this application.");
    admin.delete(&format!("/admin/v1/users/{}/groups/{group}", alice.id), &[]).ok();
    refused(host.pam_from("alice", OFFICE), "You are not permitted to use this application.");
    assert_eq!(
        reasons(&site),
        ["valid_passcode", "user_not_in_permitted_group", "user_not_in_permitted_group", "user_not_in_permitted_group"]
    );
}
