//! Users from a file: by the real program, which may be cut short.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value as Json, json};

use crate::terminal::{Terminal, command, text};

#[test]
fn users_of_a_file_are_made_after_a_dry_run_and_nobody_while_a_line_is_wrong() {
    let terminal = Terminal::new();
    let file = terminal.data.path().join("users.csv");
    let import = |text: &str, options: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let arguments = [&["--json", "--yes", "user", "import", file.to_str().unwrap()], options].concat();
        terminal.admin(&arguments)
    };
    let wrong = "username,email,groups,platform\nalice,alice@example.org,,\nbob,nowhere,,\nALICE,,,\ncarol,,Nobody,\ndave,,,toaster\n";
    let refused = import(wrong, &[]);
    assert!(!refused.status.success());
    let said = text(&refused.stdout) + &text(&refused.stderr);
    for line in [
        "line 3: the email",
        "line 4: the same username as line 2",
        "line 5: there is no group",
        "line 6: the platform",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let told = text(&terminal.admin(&["user", "import", file.to_str().unwrap()]).stderr);
    assert!(told.contains("nothing was done\nline 3: the email"), "a line each: {told}");
    assert_eq!(terminal.json(&["user", "list"])["users"], serde_json::json!([]));

    terminal.json(&["group", "create", "Sales"]);
    let good = "username,email,name,groups,phone\nalice,alice@example.org,\"Doe, Alice\",Sales,+15550100\nbob,,,,\n";
    let planned: Json = serde_json::from_slice(&import(good, &["--dry-run"]).stdout).unwrap();
    assert_eq!((&planned["new"], &planned["made"]), (&2.into(), &0.into()));
    assert_eq!(terminal.json(&["user", "list"])["users"], serde_json::json!([]));
    let made: Json = serde_json::from_slice(&import(good, &[]).stdout).unwrap();
    assert_eq!(made["made"], 2, "{made}");
    let alice = terminal.json(&["user", "show", "alice"]);
    assert_eq!((&alice["realname"], &alice["groups"][0]["name"]), (&"Doe, Alice".into(), &"Sales".into()));
    assert_eq!(alice["phones"][0]["number"], "+15550100");
    // Run again, it makes those who are missing.
    let again: Json = serde_json::from_slice(&import(&format!("{good}carol,,,,\n"), &[]).stdout).unwrap();
    assert_eq!((&again["made"], again["known"].as_array().unwrap().len()), (&1.into(), 2));
}

/// The addresses that there are letters for, in order.
fn mailed(terminal: &Terminal) -> Vec<String> {
    let told = terminal.json(&["mail", "list", "--limit", "1000"]);
    let all = told["messages"].as_array().unwrap().iter();
    let mut addresses: Vec<String> = all.map(|letter| letter["to"].as_str().unwrap().to_owned()).collect();
    addresses.sort();
    addresses
}

/// A terminal with a mail server, which nobody speaks to: letters wait for the server to run.
fn with_mail() -> Terminal {
    let terminal = Terminal::new();
    let file = terminal.data.path().join("countersign.toml");
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    let mail = "[mail]\nhost = \"127.0.0.1\"\nsecurity = \"none\"\nfrom = \"mfa@example.org\"\n";
    std::fs::write(&file, format!("{before}\n{mail}")).unwrap();
    terminal
}

fn numbered(numbers: impl IntoIterator<Item = usize>) -> String {
    let lines = numbers.into_iter().map(|n| format!("user{n},user{n}@example.org\n"));
    std::iter::once("username,email\n".to_owned()).chain(lines).collect()
}

/// Each user is made in one commit and invited in another; a run may end between any two of them. What it leaves then is put here by runs that end there.
#[test]
fn a_second_run_makes_and_invites_whom_an_interrupted_one_did_not_come_to() {
    let terminal = with_mail();
    let file = terminal.data.path().join("users.csv");
    let import = |text: &str, options: &[&str]| -> Json {
        std::fs::write(&file, text).unwrap();
        terminal.json(&[&["user", "import", file.to_str().unwrap()], options].concat())
    };
    // Made and invited; made, and the program gone; not come to.
    assert_eq!(import(&numbered([1]), &["--mail"])["invited"], 1);
    assert_eq!(import(&numbered([1, 2]), &[])["invited"], 0);
    let all = numbered([1, 2, 3]);
    let planned = import(&all, &["--mail", "--dry-run"]);
    assert_eq!((&planned["new"], &planned["invited"]), (&json!(1), &json!(0)), "{planned}");
    assert_eq!(mailed(&terminal), ["user1@example.org"], "a dry run mails nobody");
    let second = import(&all, &["--mail"]);
    assert_eq!((&second["made"], &second["invited"]), (&json!(1), &json!(2)), "{second}");
    assert_eq!(mailed(&terminal), ["user1@example.org", "user2@example.org", "user3@example.org"]);
    // Whoever was invited, has a factor, is out or has no address hears nothing more, however often it is run.
    terminal.json(&["user", "create", "dormant", "--email", "dormant@example.org", "--status", "disabled"]);
    terminal.json(&["user", "create", "silent"]);
    terminal.json(&["user", "create", "armed", "--email", "armed@example.org"]);
    let seed = "3132333435363738393031323334353637383930";
    let tokens = terminal.data.path().join("tokens.csv");
    std::fs::write(&tokens, format!("1001,{seed}\n")).unwrap();
    terminal.json(&["token", "import", tokens.to_str().unwrap(), "--type", "h6"]);
    terminal.json(&["token", "assign", "1001", "armed"]);
    let before = mailed(&terminal);
    let more = format!("{all}dormant,dormant@example.org\nsilent,\narmed,armed@example.org\n");
    for _ in 0..2 {
        let third = import(&more, &["--mail"]);
        assert_eq!((&third["made"], &third["invited"]), (&json!(0), &json!(0)), "{third}");
    }
    assert_eq!(mailed(&terminal), before);
}

/// Wherever the signal finds it, and even if it finds it at its end.
#[test]
fn an_import_that_is_killed_is_ended_by_a_second_run_with_nobody_twice() {
    const USERS: usize = 620;
    let terminal = with_mail();
    let file = terminal.data.path().join("users.csv");
    std::fs::write(&file, numbered(0..USERS)).unwrap();
    let arguments = ["admin", "user", "import", file.to_str().unwrap(), "--mail"];
    let mut child = command(terminal.data.path(), &arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().starts_with("500 of ")), "it says how far it has come");
    child.kill().unwrap();
    child.wait().unwrap();
    let made = usize::try_from(terminal.json(&["user", "list"])["total"].as_u64().unwrap()).unwrap();
    assert!((500..=USERS).contains(&made), "{made}");
    let second = terminal.json(&["user", "import", file.to_str().unwrap(), "--mail"]);
    assert_eq!(second["made"], USERS - made, "{made} were there");
    assert_eq!(second["known"].as_array().unwrap().len(), made);
    assert_eq!(terminal.json(&["user", "list"])["total"], USERS);
    let mut expected: Vec<String> = (0..USERS).map(|n| format!("user{n}@example.org")).collect();
    expected.sort();
    assert_eq!(mailed(&terminal), expected);
}
