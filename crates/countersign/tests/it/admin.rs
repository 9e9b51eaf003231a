//! Administration from a terminal: by the real program on a real directory, also beside a running server.

use std::process::Stdio;

use countersign::demo::{Demo, client};
use cs_client::{Auth, AuthResult, Preauth, PreauthResult};
use cs_store::testing::Ports;
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::terminal::{Terminal, command, json, run, text};

/// The shape of an answer: ids, times and secrets by their kind.
fn shape(value: &Json) -> Json {
    match value {
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape_of(name, value))).collect(),
        Json::Array(items) => items.iter().map(shape).collect(),
        Json::String(text) if is_id(text) => format!("<{}>", &text[..2]).into(),
        Json::Number(number) if number.as_i64().is_some_and(|n| n > 1_500_000_000) => "<time>".into(),
        other => other.clone(),
    }
}

fn shape_of(name: &str, value: &Json) -> Json {
    let is_secret =
        ["secret_key", "activation_code", "activation_url", "code", "setup_code", "setup_link"].contains(&name);
    let varies = ["id", "reference", "isotimestamp", "description", "api_host"].contains(&name);
    if (is_secret || varies) && value.is_string() { format!("<{name}>").into() } else { shape(value) }
}

fn is_id(text: &str) -> bool {
    text.len() == 20 && text.starts_with('D') && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(&shape(value)).unwrap()
}

#[test]
fn the_json_shapes_are_as_documented() {
    let site = Terminal::new();
    insta::assert_snapshot!("enroll", pretty(&site.json(&["user", "enroll", "bob", "--email", "bob@example.com"])));
    site.json(&["user", "alias", "bob", "1", "robert"]);
    site.json(&["group", "create", "Staff", "--description", "everybody"]);
    insta::assert_snapshot!("group", pretty(&site.json(&["group", "add", "staff", "ROBERT"])));
    let tokens = site.data.path().join("tokens.csv");
    std::fs::write(&tokens, "1001,3132333435363738393031323334353637383930\n").unwrap();
    site.json(&["token", "import", tokens.to_str().unwrap(), "--type", "h6"]);
    insta::assert_snapshot!("token", pretty(&site.json(&["token", "assign", "1001", "bob"])));
    insta::assert_snapshot!("bypass", pretty(&site.json(&["bypass", "create", "bob", "--valid", "1h"])));
    insta::assert_snapshot!("user", pretty(&site.json(&["user", "show", "bob"])));
    site.json(&["user", "status", "bob", "bypass", "--reason", "new phone", "--until", "8h"]);
    insta::assert_snapshot!("in_bypass", pretty(&site.json(&["user", "list", "--bypass"])));
    site.json(&["user", "status", "bob", "active"]);
    insta::assert_snapshot!("users", pretty(&site.json(&["user", "list"])));
    insta::assert_snapshot!("phones", pretty(&site.json(&["phone", "list", "--user", "bob"])));
    insta::assert_snapshot!("integration", pretty(&site.json(&["integration", "create", "ssh", "--type", "unix"])));
    insta::assert_snapshot!("explain", pretty(&site.json(&["user", "explain", "bob", "--app", "ssh"])));
    let administrator = ["administrator", "create", "a@example.com", "--name", "A", "--role", "help-desk"];
    insta::assert_snapshot!("administrator", pretty(&site.json(&administrator)));
    insta::assert_snapshot!("settings", pretty(&site.json(&["settings", "set", "lockout_threshold", "6"])));
    let log = site.json(&["log", "admin", "--user", "bob"]);
    insta::assert_snapshot!("log", pretty(&log["entries"][0]));
}

#[test]
fn check_warns_of_bypasses_without_an_end_and_changes_nothing() {
    let site = Terminal::new();
    let found = || {
        let output = run(site.data.path(), &["check", "--json"], "");
        let findings: Json = serde_json::from_slice(&output.stdout).unwrap();
        let found = findings.as_array().unwrap().iter().find(|finding| finding["subject"] == "bypass").cloned();
        let found = found.unwrap();
        (found["level"].as_str().unwrap().to_owned(), found["message"].as_str().unwrap().to_owned())
    };
    site.json(&["settings", "set", "bypass_without_end", "true"]);
    site.json(&["user", "create", "charlie"]);
    site.json(&["user", "status", "charlie", "bypass", "--reason", "lab", "--until", "1d"]);
    assert_eq!(found(), ("ok".to_owned(), "every bypass has an end".to_owned()));
    site.json(&["user", "status", "charlie", "bypass", "--reason", "lab", "--no-end"]);
    assert_eq!(
        found(),
        ("warning".to_owned(), "1 users and 0 groups bypass the second factor without an end".to_owned())
    );
}

#[test]
fn errors_say_what_to_do_and_have_their_own_exit_codes() {
    let site = Terminal::new();
    site.json(&["user", "create", "charlie"]);
    for (arguments, code, part) in [
        (&["user", "status", "charlie", "bypass"][..], 2, "a bypass needs a reason"),
        (&["user", "status", "charlie", "bypass", "--reason", "x", "--no-end"], 1, "bypass_without_end"),
        (
            &["user", "status", "charlie", "bypass", "--reason", "x", "--until", "400d"],
            2,
            "`bypass_until` is not valid",
        ),
        (&["user", "show", "charly"][..], 3, "did you mean charlie?"),
        (&["group", "show", "Staff"], 3, "there is no group Staff"),
        (&["user", "create", "Charlie"], 4, "taken"),
        (&["user", "modify", "charlie", "--email", "no address"], 2, "`email` is not valid: expected one address"),
        (&["user", "delete", "charlie", "--purge"], 1, "--yes"),
        (&["user", "unlok", "charlie"], 2, "unlock"),
        (&["settings", "set", "lockout_treshold", "6"], 3, "did you mean lockout_threshold?"),
        (&["settings", "set", "lockout_threshold", "0"], 2, "lockout_threshold is not valid: expected 1 to 9999"),
        (&["administrator", "role", "owner@localhost", "Boss"], 3, "there are: Owner, Administrator,"),
        (&["log", "show", "not-hex!"], 3, "no log entry"),
        (&["log", "auth", "--since", "yesterday"], 2, "--since"),
        (&["phone", "auto-approve", "charlie", "--until", "8h"], 3, "no phone charlie"),
        (&["bypass", "create", "charlie", "--count", "99"], 2, "`count` is not valid"),
    ] {
        let output = site.admin(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    let output = site.admin(&["--json", "user", "show", "charly"]);
    let said: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["error"]["code"], "not_found");
    let output = site.admin(&["--json", "user", "unlok", "charly"]);
    let said: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &said["error"]["code"]), (Some(2), &"invalid".into()));
}

#[test]
fn what_a_stranger_chose_does_not_reach_the_terminal_raw() {
    let site = Terminal::new();
    site.json(&["user", "create", "dora", "--realname", "Do\u{202e}ra"]);
    for arguments in [&["user", "list"][..], &["user", "show", "dora"], &["user", "list", "--json"]] {
        let output = site.admin(arguments);
        assert!(output.status.success());
        assert!(!text(&output.stdout).contains('\u{202e}'), "{arguments:?}");
    }
}

#[test]
fn a_directory_of_another_user_is_left_alone() {
    let site = Terminal::new();
    // Only root can give a directory away.
    if std::os::unix::fs::chown(site.data.path(), Some(12345), None).is_err() {
        return;
    }
    let output = site.admin(&["user", "create", "eve"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("sudo -u '#12345'"), "{}", text(&output.stderr));
}

#[test]
fn a_password_comes_by_standard_input_and_is_checked() {
    let site = Terminal::new();
    let arguments = ["admin", "administrator", "set-password", "owner@localhost"];
    let short = run(site.data.path(), &arguments, "short\n");
    assert_eq!(short.status.code(), Some(2), "{}", text(&short.stderr));
    let set = run(site.data.path(), &arguments, "correct horse battery staple\n");
    assert!(set.status.success(), "{}", text(&set.stderr));
    let owner = site.json(&["administrator", "show", "owner@localhost"]);
    assert_eq!((&owner["has_password"], &owner["status"]), (&true.into(), &"Active".into()));
}

#[expect(clippy::disallowed_methods, reason = "the demo lives by the real clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// The server's caches must not outlive a change made beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_sees_a_change_at_the_next_login() {
    let data = tempfile::tempdir().unwrap();
    let ports = Ports::reserve(Ports::OF_A_SERVER);
    let demo = Demo::start(data.path(), Some(ports.first()), now()).await.unwrap();
    let client = client(&demo.record).unwrap();
    let asked = async || client.preauth(&Preauth::new("alice")).await.unwrap().result;
    let beside = |arguments: &[&str]| json(data.path(), arguments);

    assert_eq!(asked().await, PreauthResult::Auth);
    beside(&["user", "status", "alice", "disabled"]);
    assert_eq!(asked().await, PreauthResult::Deny);
    beside(&["user", "status", "alice", "bypass", "--reason", "a new phone"]);
    assert_eq!(asked().await, PreauthResult::Allow);
    beside(&["user", "status", "alice", "active"]);

    let made = beside(&["bypass", "create", "alice"]);
    let code = made["codes"][0]["code"].as_str().unwrap();
    assert_eq!(client.auth(&Auth::passcode("alice", code)).await.unwrap().result, AuthResult::Allow);
    assert_eq!(client.auth(&Auth::passcode("alice", code)).await.unwrap().result, AuthResult::Deny);
    let log = beside(&["log", "auth", "--user", "alice", "--limit", "2"]);
    let reasons: Vec<&str> = log["entries"].as_array().unwrap().iter().map(|e| e["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["bypass_user", "invalid_passcode"]);

    let made = beside(&["bypass", "create", "alice"]);
    let code = made["codes"][0]["code"].as_str().unwrap();
    beside(&["integration", "disable", &demo.record.auth_api.ikey]);
    let refused = client.auth(&Auth::passcode("alice", code)).await;
    assert!(matches!(refused, Err(cs_client::Error::Refused { .. })), "{refused:?}");
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_review_queue_is_looked_through_from_a_terminal() {
    let data = tempfile::tempdir().unwrap();
    let ports = Ports::reserve(Ports::OF_A_SERVER);
    let demo = Demo::start(data.path(), Some(ports.first()), now()).await.unwrap();
    let beside = |arguments: &[&str]| json(data.path(), arguments);
    assert_eq!(beside(&["review", "list"])["events"], serde_json::json!([]));
    beside(&["user", "status", "alice", "bypass", "--reason", "a new phone"]);
    // The server puts it into the queue a moment later.
    let mut lists = (0..100).map(|_| beside(&["review", "list"])["events"].clone());
    let events = lists.find(|events| events[0].is_object()).unwrap();
    let event = &events[0];
    assert_eq!(
        (&event["type"], &event["signal"], &event["made_by"]),
        (&"bypass_status".into(), &Json::Null, &"terminal".into())
    );
    assert!(event["summary"].as_str().unwrap().contains("a new phone"), "{event}");
    let id = event["sekey"].as_str().unwrap();
    let shown = run(data.path(), &["admin", "review", "show", id], "");
    assert!(text(&shown.stdout).contains("alice was put into bypass"), "{}", text(&shown.stdout));
    assert_eq!(beside(&["review", "process", id])["state"], "processed");
    assert_eq!(beside(&["review", "list"])["events"], serde_json::json!([]));
    assert_eq!(beside(&["review", "list", "--all"])["events"][0]["state_updated_by"], "terminal");
    assert_eq!(run(data.path(), &["admin", "review", "dismiss", "SE000000000000000000"], "").status.code(), Some(3));
    demo.stop().await;
}

#[test]
fn a_log_is_followed_until_ctrl_c() {
    use std::io::{BufRead as _, BufReader};
    let site = Terminal::new();
    site.json(&["user", "create", "before"]);
    let mut following = command(site.data.path(), &["admin", "--json", "log", "--follow"]);
    let mut child = following.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut objects = || -> String {
        let entry: Json = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        entry["personal"]["object"].as_str().unwrap().to_owned()
    };
    // The first account and what belongs to it come before.
    while objects() != "before" {}
    for name in ["one", "two", "three"] {
        site.json(&["user", "create", name]);
        assert_eq!(objects(), name);
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let told = site.admin(&["log", "admin", "--limit", "1"]);
    assert!(text(&told.stdout).contains("three"), "{}", text(&told.stdout));
    let told = text(&site.admin(&["log"]).stdout);
    assert!(told.lines().last().unwrap().contains("admin") && told.contains("user_create  three"), "{told}");
    assert_eq!(site.admin(&["log", "show", "abcd", "--follow"]).status.code(), Some(2));
}
