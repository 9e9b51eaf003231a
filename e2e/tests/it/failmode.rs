//! What a host does when the service is away, or refuses the host itself. `safe` must open for nothing but an absent service.

use e2e::unix::{Failmode, Host, number_in};
use e2e::{Keys, Site, Terminal};
use serde_json::{Value as Json, json};

use crate::outage::countersign;

const QUESTION: &str = "Passcode or option (1-1): ";

fn is_in(terminal: Terminal) -> bool {
    terminal.ends().0
}

#[test]
fn a_server_killed_before_preauth_opens_safe_hosts_only() {
    let mut site = Site::start();
    let keys = site.integration("unix");
    let [safe, secure] = [Failmode::Safe, Failmode::Secure].map(|mode| Host::new(&site, &keys, site.port(), mode));
    site.kill();
    assert!(site.is_gone());
    let (is_in, screen) = safe.pam("alice").ends();
    assert!(is_in && screen.contains("Failsafe"), "{screen}");
    let (is_in, screen) = secure.pam("alice").ends();
    assert!(!is_in, "{screen}");
}

#[test]
fn a_server_killed_after_preauth_opens_no_host_and_the_next_server_does_not_know_the_push() {
    let mut site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("unix");
    let [safe, secure] =
        [Failmode::Safe, Failmode::Secure].map(|mode| Host::new(&site, &keys, site.port(), mode).with("prompts = 1"));
    for host in [&safe, &secure] {
        let watch = phone.watch();
        let mut at_the_menu = host.pam("alice");
        let code = phone.passcode();
        at_the_menu.shows(QUESTION);
        let mut at_the_phone = host.login("alice");
        at_the_phone.shows(QUESTION);
        at_the_phone.types("1");
        watch.request();
        site.kill();
        at_the_menu.types(&code);
        assert!(!is_in(at_the_menu), "{:?} at the menu", "killed");
        let (is_in, screen) = at_the_phone.ends();
        assert!(!is_in && !screen.contains("welcome"), "{screen}");
        site.serve();
        // What waited is forgotten or still refused, but never let in: whoever answers now answers nobody.
        for request in phone.waiting() {
            phone.deny(&e2e::Request { txid: request["txid"].as_str().unwrap().to_owned(), shown: request });
        }
    }
    assert!(site.logins().iter().all(|login| login["result"] != "success"));
}

/// `failmode = safe` opens on 401 and on 5xx. A host whose own key is wrong must not thereby become a host without a second factor.
#[test]
fn a_wrong_or_removed_key_opens_no_host() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("unix");
    let host = |keys: &Keys| Host::new(&site, keys, site.port(), Failmode::Safe).with("prompts = 1");

    let mut terminal = host(&keys).pam("alice");
    terminal.shows(QUESTION);
    terminal.types(&phone.passcode());
    assert!(is_in(terminal), "the key is right");

    let wrong_secret = Keys { skey: "0".repeat(40), ..keys.clone() };
    let unknown = Keys { ikey: "DI00000000000000000X".into(), ..keys.clone() };
    let of_another_type = site.auth_keys();
    for keys in [&wrong_secret, &unknown, &of_another_type] {
        let (is_in, screen) = host(keys).pam("alice").ends();
        assert!(!is_in && !screen.contains("Failsafe"), "{}: {screen}", keys.ikey);
    }

    let mut at_the_menu = host(&keys).pam("alice");
    at_the_menu.shows(QUESTION);
    site.admin().delete(&format!("/admin/v3/integrations/{}", keys.ikey), &[]).ok();
    at_the_menu.types(&phone.passcode());
    assert!(!is_in(at_the_menu), "removed while in use");
    let (is_in, screen) = host(&keys).pam("alice").ends();
    assert!(!is_in && !screen.contains("Failsafe"), "{screen}");
}

#[test]
fn a_new_secret_is_taken_over_without_an_outage() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("unix");
    let changed =
        site.admin().post(&format!("/admin/v3/integrations/{}", keys.ikey), &[("reset_secret_key", "1")]).ok();
    let new = Keys { skey: changed["secret_key"].as_str().unwrap().to_owned(), ..keys.clone() };
    assert_ne!(new.skey, keys.skey);
    for keys in [&keys, &new] {
        let watch = phone.watch();
        let mut terminal = Host::new(&site, keys, site.port(), Failmode::Secure).pam("alice");
        let menu = terminal.shows(QUESTION);
        terminal.types("1");
        phone.approve(&watch.request(), Some(&number_in(&menu)));
        assert!(is_in(terminal));
    }
}

/// In one outage the VPN was closed and another way in was open, and nobody had known: one list shows what each client does.
#[test]
fn the_fail_mode_that_each_host_reports_stands_in_the_overview() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let list =
        || -> Json { serde_json::from_str(&countersign(&site, &["admin", "--json", "outage", "list"], "")).unwrap() };
    for (mode, word, would) in [(Failmode::Safe, "safe", "open"), (Failmode::Secure, "secure", "closed")] {
        let keys = site.integration("unix");
        let untold =
            |list: &Json| list["untold"].as_array().unwrap().iter().any(|one| one["integration_key"] == *keys.ikey);
        assert!(untold(&list()));
        let mut terminal = Host::new(&site, &keys, site.port(), mode).pam("alice");
        terminal.shows(QUESTION);
        terminal.types(&phone.passcode());
        assert!(is_in(terminal));
        // It is written down beside the login, not before it.
        let deadline = std::time::Instant::now() + e2e::PATIENCE;
        let client = loop {
            let list = list();
            let clients = list["clients"].as_array().unwrap();
            if let Some(found) = clients.iter().find(|one| one["integration_key"] == *keys.ikey) {
                assert!(!untold(&list));
                break found.clone();
            }
            assert!(std::time::Instant::now() < deadline, "nothing was noted: {list}");
        };
        assert_eq!((&client["failmode"], &client["would"]), (&json!(word), &json!(would)));
        assert!(client["program"].as_str().unwrap().starts_with("pam_duo/"), "{client}");
        assert!(!client["host"].as_str().unwrap().is_empty(), "{client}");
    }
    let table = countersign(&site, &["admin", "outage", "list"], "");
    assert!(table.contains("the first factor alone lets in") && table.contains("nobody is let in"), "{table}");
}
