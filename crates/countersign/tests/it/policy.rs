//! `countersign policy`: by the real program on a real directory.

use std::process::Output;

use serde_json::{Value as Json, json};

use crate::terminal::{Terminal, run, text};

/// The same by `countersign policy`.
struct Policies(Terminal);

impl Policies {
    fn new() -> Self {
        Self(Terminal::new())
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        run(self.0.data.path(), &[&["policy"], arguments].concat(), stdin)
    }

    fn json(&self, arguments: &[&str]) -> Json {
        self.json_from(arguments, "")
    }

    fn json_from(&self, arguments: &[&str], stdin: &str) -> Json {
        let output = self.run(&[&["--json", "--yes"], arguments].concat(), stdin);
        let out = text(&output.stdout);
        assert!(output.status.success(), "{arguments:?}: {out}");
        serde_json::from_str(&out).unwrap()
    }

    fn admin(&self, arguments: &[&str]) {
        assert!(self.0.admin(arguments).status.success(), "{arguments:?}");
    }

    /// What people see.
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        text(&output.stdout)
    }
}

fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn a_policy_is_made_changed_shown_and_deleted() {
    let site = Policies::new();
    let made = site.json(&["create", "Strict", "user_location.deny_access_countries_list=KP,IR"]);
    assert_eq!(made["sections"]["user_location"]["deny_access_countries_list"], json!(["IR", "KP"]));
    assert_eq!((&made["version"], &made["apply_to_apps"]), (&json!(1), &json!([])));
    let changed = site.text(&["set", "Strict", "screen_lock.require_screen_lock=false"]);
    assert!(words(&changed).contains(&vec!["Strict", "screen_lock.require_screen_lock", "-", "false"]), "{changed}");
    let gone = site.json(&["unset", "Strict", "user_location"]);
    assert_eq!(gone["sections"].as_object().unwrap().keys().collect::<Vec<_>>(), ["screen_lock"]);
    site.json(&["rename", "Strict", "Lax"]);
    let copies = site.json(&["copy", "Lax", "One", "Two"]);
    assert_eq!(copies["policies"].as_array().unwrap().len(), 2);
    let listed = site.text(&["list"]);
    assert_eq!(listed.lines().count(), 5, "{listed}");
    assert!(listed.contains("everything"), "{listed}");
    let shown = site.text(&["show", "Lax"]);
    assert!(words(&shown).contains(&vec!["screen_lock.require_screen_lock", "false"]), "{shown}");
    assert!(site.text(&["show", "global"]).contains("new_user.new_user_behavior"));
    assert_eq!(site.json(&["delete", "Two"])["deleted"], true);
    assert_eq!(site.run(&["show", "Two"], "").status.code(), Some(3));
}

#[test]
fn history_brings_a_version_back_also_of_a_policy_that_is_gone() {
    let site = Policies::new();
    let made = site.json(&["create", "Strict", "new_user.new_user_behavior=deny"]);
    let key = made["policy_key"].as_str().unwrap();
    site.json(&["set", "Strict", "new_user.new_user_behavior=no-mfa"]);
    let restored = site.json(&["restore-version", "Strict", "1"]);
    assert_eq!((&restored["version"], &restored["sections"]), (&json!(3), &made["sections"]));
    site.json(&["delete", "Strict"]);
    let history = site.json(&["history", key]);
    let versions: Vec<&Json> = history["versions"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(versions, ["policy_delete", "policy_update", "policy_update", "policy_create"]);
    let back = site.json(&["restore-version", key, "2"]);
    assert_eq!(back["sections"]["new_user"]["new_user_behavior"], "no-mfa");
    assert_ne!(back["policy_key"], key);
    assert_eq!(site.run(&["restore-version", key, "9", "--yes"], "").status.code(), Some(3));
    assert_eq!(site.json(&["history", "global"])["versions"], json!([]));
}

#[test]
fn a_change_is_tried_on_the_past_staged_and_taken_back_or_confirmed() {
    let site = Policies::new();
    site.admin(&["user", "enroll", "bob"]);
    let made = site.json(&["create", "VPN", "screen_lock.require_screen_lock=false"]);
    site.json(&["apply", "VPN", "--app", &site.0.app]);
    let deny = "authentication_policy.user_auth_behavior=deny";
    let explained = || site.json(&["explain", "--user", "bob", "--app", &site.0.app]);
    assert_eq!(site.run(&["stage", "VPN", deny], "").status.code(), Some(2), "for whom?");
    assert_eq!(site.run(&["stage", "VPN", deny, "--percent", "101"], "").status.code(), Some(2));
    let staged = site.json(&["stage", "VPN", deny, "--percent", "100"]);
    assert_eq!((&staged["sections"], &staged["staged"]["percent"]), (&made["sections"], &json!(100)));
    assert_eq!(explained()["verdict"], "deny");
    assert!(explained()["trace"].to_string().contains("VPN (staged for 100% of the users)"));
    let shown = site.text(&["show", "VPN"]);
    assert!(shown.contains("100% of the users") && shown.contains("staged setting"), "{shown}");
    // Nobody has logged in yet: the summary is there, and empty.
    let simulated = site.json(&["simulate", "VPN", "--days", "30"]);
    assert_eq!((&simulated["entries"], &simulated["summary"]["denied"]), (&json!(0), &json!(0)));
    assert!(site.text(&["simulate", "VPN"]).contains("Reckoned as unknown"));
    site.json(&["stage", "VPN", "--abandon"]);
    assert_eq!(site.run(&["simulate", "VPN"], "").status.code(), Some(3), "nothing is staged");
    assert_ne!(explained()["verdict"], "deny");

    site.json(&["set", "VPN", deny, "--confirm-within", "10m"]);
    assert_eq!(explained()["verdict"], "deny");
    assert_eq!(site.json(&["trial"])["policy_keys"], json!([made["policy_key"]]));
    assert_eq!(
        site.run(&["rename", "VPN", "X", "--confirm-within", "10m"], "").status.code(),
        Some(2),
        "one at a time"
    );
    assert_eq!(site.json(&["roll-back"])["kept"], json!([]));
    assert_ne!(explained()["verdict"], "deny");
    assert_eq!(site.run(&["confirm"], "").status.code(), Some(2), "nothing waits");
    site.json(&["set", "VPN", deny, "--confirm-within", "10m"]);
    site.json(&["confirm"]);
    assert_eq!(site.json(&["trial"])["policy_keys"], json!([]));
    assert_eq!(explained()["verdict"], "deny");
}

#[test]
fn errors_say_what_to_do_and_have_their_own_exit_codes() {
    let site = Policies::new();
    site.json(&["create", "Strict"]);
    let before = site.json(&["list"]);
    for (arguments, code, part) in [
        (&["show", "Strikt"][..], 3, "did you mean Strict?"),
        (&["create", "Strict"], 4, "another policy is called"),
        (&["create", "New", "screen_lock.lock=true"], 2, "there is no such key"),
        (&["set", "Strict", "screen_lock"], 2, "is not section.key=value"),
        (&["unset", "Strict", "locks"], 2, "there is no such section"),
        (&["delete", "global", "--yes"], 2, "the global policy cannot be removed"),
        (&["delete", "Strict"], 1, "--yes"),
        (&["set", "global", "authentication_policy.user_auth_behavior=deny"], 1, "--confirm-lockout"),
        (&["apply", "Strict"], 2, "--app"),
        (&["apply", "Strict", "--app", "nowhere"], 3, "no integration nowhere"),
        (&["import", "/nowhere/policies.json"], 1, "cannot read"),
        (&["explain", "--user", "a", "--app", "nowhere"], 3, "no integration"),
    ] {
        let output = site.run(arguments, "");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    assert_eq!(site.json(&["list"]), before, "nothing was changed");
    let deny = ["set", "global", "authentication_policy.user_auth_behavior=deny", "--confirm-lockout"];
    assert_eq!(site.json(&deny)["sections"]["authentication_policy"]["user_auth_behavior"], "deny");
}

/// As over the API: the section, the key and the reason, and nothing is changed.
#[test]
fn bad_settings_are_refused_by_every_command() {
    let site = Policies::new();
    site.json(&["create", "Mine"]);
    let before = site.json(&["list"]);
    for (settings, section, said) in [
        (
            &["screen_lock.lock=true"][..],
            json!({"screen_lock": {"lock": true}}),
            "screen_lock.lock: there is no such key",
        ),
        (
            &["user_location.deny_access_countries_list=KP", "user_location.require_mfa_countries_list=KP"],
            json!({"user_location": {"deny_access_countries_list": ["KP"], "require_mfa_countries_list": ["KP"]}}),
            "KP is also in",
        ),
        (
            &["authorized_networks.deny_other_access=true"],
            json!({"authorized_networks": {"deny_other_access": true}}),
            "authorized_networks.deny_other_access: ",
        ),
        (
            &["authentication_methods.allowed_auth_list="],
            json!({"authentication_methods": {"allowed_auth_list": []}}),
            "authentication_methods.allowed_auth_list: the list is empty, so that nobody could log in",
        ),
    ] {
        let document = json!({"policy_name": "Mine", "sections": section}).to_string();
        for (command, more) in [
            (&["create", "New"][..], settings),
            (&["set", "Mine"], settings),
            (&["set", "global", "--confirm-lockout"], settings),
            (&["stage", "Mine", "--percent", "10"], settings),
            (&["import", "-", "--yes"], &[]),
            (&["import", "-", "--dry-run"], &[]),
            (&["simulate", "-"], &[]),
        ] {
            let arguments = [command, more].concat();
            let output = site.run(&arguments, &document);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
            assert!(error.contains(said), "{arguments:?}: {error}");
        }
    }
    let lockout =
        json!({"is_global_policy": true, "sections": {"authentication_policy": {"user_auth_behavior": "deny"}}});
    for (arguments, stdin) in [
        (&["set", "global", "authentication_policy.user_auth_behavior=deny"][..], String::new()),
        (&["stage", "global", "authentication_policy.user_auth_behavior=deny", "--percent", "100"], String::new()),
        (&["import", "-", "--yes"], lockout.to_string()),
    ] {
        let output = site.run(arguments, &stdin);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(
            error.contains("authentication_policy.user_auth_behavior: everybody would be denied"),
            "{arguments:?}: {error}"
        );
    }
    assert_eq!(site.json(&["list"]), before, "nothing was changed");
}

#[test]
fn an_export_with_where_policies_apply_is_imported_unchanged() {
    let site = Policies::new();
    site.admin(&["group", "create", "staff"]);
    site.admin(&["group", "create", "guests"]);
    site.json(&["create", "A", "new_user.new_user_behavior=deny"]);
    site.json(&["create", "B", "authorized_networks.no_2fa_required.ip_list=192.0.2.0/24"]);
    site.json(&["set", "global", "browsers.blocked_browsers_list=ie"]);
    site.json(&["apply", "A", "--app", &site.0.app]);
    site.json(&["apply", "A", "--app", &site.0.app, "--group", "staff"]);
    site.json(&["apply", "B", "--app", &site.0.app, "--group", "guests", "--group", "staff"]);
    site.json(&["apply", "B", "--group", "guests"]);
    let order = site.json(&["order", "--app", &site.0.app, "B", "A"]);
    let b = site.json(&["show", "B"])["policy_key"].clone();
    assert_eq!(order["policy_key_list"][0], b);
    let export = site.text(&["export"]);
    assert_eq!(site.json_from(&["import", "-", "--dry-run"], &export), json!({"changes": []}));
    assert_eq!(site.json_from(&["import", "-"], &export), json!({"changes": []}));

    site.json(&["delete", "B"]);
    site.json(&["unapply", "A", "--app", &site.0.app]);
    site.json(&["set", "global", "browsers.blocked_browsers_list="]);
    let would = site.json_from(&["import", "-", "--dry-run"], &export);
    assert_eq!(would["changes"].as_array().unwrap().len(), 3, "{would}");
    let not_asked = site.run(&["import", "-"], &export);
    assert_eq!(not_asked.status.code(), Some(1), "without a terminal to ask on, --yes is needed");
    site.json_from(&["import", "-"], &export);
    let again: Json = serde_json::from_str(&site.text(&["export"])).unwrap();
    let export: Json = serde_json::from_str(&export).unwrap();
    let without_keys = |document: &Json| -> Vec<Json> {
        let mut policies = document["policies"].as_array().unwrap().clone();
        policies.sort_by_key(|policy| policy["policy_name"].to_string());
        policies.iter_mut().for_each(|policy| policy["policy_key"] = Json::Null);
        policies
    };
    assert_eq!(without_keys(&again), without_keys(&export));
}

#[test]
fn a_login_is_explained_rule_by_rule_with_policy_and_fact() {
    let site = Policies::new();
    site.admin(&["user", "enroll", "bob"]);
    site.admin(&["group", "create", "staff"]);
    site.admin(&["group", "add", "staff", "bob"]);
    let explain = |more: &[&str]| {
        let asked = [&["explain", "--user", "bob", "--app", &site.0.app][..], more].concat();
        site.json(&asked)
    };
    let decisive = |explained: &Json| -> Json {
        explained["trace"].as_array().unwrap().iter().find(|step| step["decisive"] == true).cloned().unwrap_or_default()
    };
    let enroll = explain(&[]);
    assert_eq!(enroll["verdict"], "enroll", "{enroll}");
    let step = decisive(&enroll);
    assert_eq!(
        (&step["rule"], &step["level"], &step["policy_name"]),
        (&json!("new_user"), &json!("global"), &json!("Global Policy"))
    );

    site.json(&["create", "Office", "authorized_networks.blocked.ip_list=203.0.113.0/24"]);
    site.json(&["apply", "Office", "--app", &site.0.app, "--group", "staff"]);
    let denied = explain(&["--ip", "203.0.113.7"]);
    assert_eq!((&denied["verdict"], &denied["reason"]), (&json!("deny"), &json!("denied_network")), "{denied}");
    let step = decisive(&denied);
    assert_eq!(
        (&step["rule"], &step["level"], &step["policy_name"]),
        (&json!("authorized_networks"), &json!("group_app"), &json!("Office"))
    );
    assert!(step["fact"].as_str().unwrap().contains("203.0.113.7"), "{step}");
    assert!(!denied["remedy"].as_str().unwrap().is_empty());
    assert_eq!(explain(&["--ip", "::ffff:203.0.113.7"])["reason"], "denied_network");
    assert_eq!(explain(&["--ip", "198.51.100.1"])["verdict"], "enroll");

    site.json(&["set", "global", "user_location.deny_access_countries_list=KP"]);
    assert_eq!(explain(&["--country", "KP"])["reason"], "location_restricted");
    site.json(&["set", "global", "browsers.blocked_browsers_list=ie"]);
    let ie = explain(&["--browser", "ie:11"]);
    let also =
        ie["trace"].as_array().unwrap().iter().find(|step| step["rule"] == "browsers" && step["outcome"] == "denies");
    assert_eq!(also.unwrap()["reason"], "software_restricted", "what would deny too is said: {ie}");
    let firefox = explain(&["--browser", "firefox"]);
    assert!(!firefox["trace"].to_string().contains("software_restricted"), "{firefox}");
    let nobody = site.json(&["explain", "--user", "nobody", "--app", &site.0.app]);
    assert_eq!((&nobody["user_id"], &nobody["username"]), (&Json::Null, &json!("nobody")));
    let text = site.text(&["explain", "--user", "bob", "--app", &site.0.app, "--ip", "203.0.113.7"]);
    assert!(text.lines().any(|line| line.starts_with('*') && line.contains("application and group: Office")), "{text}");
    let wrong = site.run(&["explain", "--user", "bob", "--app", &site.0.app, "--browser", "mosaic"], "");
    assert_eq!(wrong.status.code(), Some(2));
}
