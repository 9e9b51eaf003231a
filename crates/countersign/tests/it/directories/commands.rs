//! `countersign directory`: by the real program on a real directory.

use serde_json::{Value as Json, json};

use crate::terminal::{Terminal, run, text};

const GROUP: &str = "CN=Staff,DC=example,DC=org";

struct Directories(Terminal);

impl Directories {
    fn run(&self, arguments: &[&str]) -> (Option<i32>, Json) {
        let output = run(self.0.data.path(), &[&["directory", "--json", "--yes"], arguments].concat(), "");
        (output.status.code(), serde_json::from_str(&text(&output.stdout)).unwrap())
    }

    fn json(&self, arguments: &[&str]) -> Json {
        let (code, json) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {json}");
        json
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = run(self.0.data.path(), &[&["directory"], arguments].concat(), "");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        text(&output.stdout)
    }
}

#[test]
fn a_directory_is_added_set_paused_and_removed() {
    let site = Directories(Terminal::new());
    let made = site.json(&["add", "Office", "--group", GROUP, "--kind", "openldap"]);
    assert_eq!((&made["paused"], made["secret_key"].as_str().unwrap().len()), (&json!(true), 40));
    assert_eq!(site.run(&["add", "Office", "--group", GROUP]).0, Some(4));
    assert_eq!(site.run(&["add", "Other"]).0, Some(2));
    let shown = site.text(&["show", "office"]);
    for part in ["paused", "no proxy is connected", "username=uid", GROUP] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(!shown.contains(made["secret_key"].as_str().unwrap()));
    let set = ["set", "Office", "--every", "60", "--brake", "25", "--phone", "mobile", "--import-phones", "on"];
    let set = site.json(&[&set[..], &["--country", "+49", "--notes", "description", "--name", "Head office"]].concat());
    let settings = &set["settings"];
    assert_eq!((&settings["minutes"], &settings["country"]), (&json!(60), &json!("49")));
    assert_eq!(
        (&settings["attributes"]["username"], &settings["attributes"]["notes"]),
        (&json!("uid"), &json!("description"))
    );
    // What cannot be is told by its option, with what it should be.
    for (option, value, part) in [
        ("--every", "1", "from 5 minutes"),
        ("--brake", "101", "from 1 to 100"),
        ("--group", "Staff", "distinguished names"),
        ("--username", "uid)(x=*", "names of attributes"),
        ("--country", "four", "digits"),
    ] {
        let (code, json) = site.run(&["set", "Head office", option, value]);
        assert_eq!(code, Some(2), "{option}");
        let words = json["error"]["message"].as_str().unwrap_or_default();
        assert!(words.contains(option) && words.contains(part), "{json}");
    }
    assert_eq!(site.json(&["resume", "Head office"])["paused"], false);
    assert_eq!(site.json(&["pause", "Head office"])["paused"], true);
    assert_eq!(site.json(&["confirm", "Head office", "120"])["confirmed"], 120);
    assert_eq!(site.json(&["list"])["directories"].as_array().unwrap().len(), 1);
    // Nobody can be asked.
    for asking in [&["diff", "Head office"][..], &["sync", "Head office"], &["sync", "Head office", "--user", "alice"]]
    {
        let (code, json) = site.run(asking);
        assert_eq!((code, &json["error"]["code"]), (Some(1), &json!("no_proxy")), "{asking:?}");
    }
    // The integration of its proxies goes with it, and not before.
    let key = made["integration_key"].as_str().unwrap();
    assert!(!site.0.admin(&["--yes", "integration", "delete", key]).status.success());
    assert_eq!(site.json(&["remove", "Head office"])["deleted"], true);
    assert_eq!(site.run(&["show", "Head office"]).0, Some(3));
    assert_eq!(site.0.admin(&["integration", "show", key]).status.code(), Some(3));
    let log = text(&site.0.admin(&["log", "--json", "admin"]).stdout);
    for action in ["directory_create", "directory_update", "directory_delete"] {
        assert!(log.contains(action), "{action}: {log}");
    }
}
