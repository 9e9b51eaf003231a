//! What the program prints and how it ends.

use clap::Parser as _;
use countersign_device::cli::{self, Cli, Exit};
use cs_wire::device::DeviceClass;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::server::{CODE, DEVICE, NOW, address};
use super::site::Site;

const ACCOUNT: &str = r#""account":{"id":"DAAAAAAAAAAAAAAAAAA1","name":"Example"}"#;

#[tokio::test]
async fn shapes_of_the_json() {
    let site = Site::activated().await;
    let origin = site.server.origin.clone();
    assert_eq!(
        site.run(&["list", "--json"]).await.done(),
        format!(
            "{{\"accounts\":[{{\"device_id\":\"{DEVICE}\",\"name\":\"laptop\",\"class\":\"cli\",\"user\":\"alice\",{ACCOUNT},\
             \"origin\":\"{origin}\",\"activated_at\":{NOW}}}]}}\n"
        )
    );
    site.server.push("t1", Some("42"));
    assert_eq!(
        site.run(&["show", "--json"]).await.done(),
        format!(
            "{{\"requests\":[{{\"device_id\":\"{DEVICE}\",\"txid\":\"t1\",\"created\":{},\"expires\":{},\"seconds_left\":55,\
             \"digits\":2,\"application\":\"Mail\",\"user\":\"alice\",\"type\":\"Login request\",\"address\":\"203.0.113.7\",\
             \"place\":\"Berlin, DE\",\"hostname\":\"wks01\",\"time\":{},\"info\":[[\"Command\",\"uname -a\"]]}}]}}\n",
            NOW - 5,
            NOW + 55,
            NOW - 5
        )
    );
    assert_eq!(
        site.run(&["approve", "t1", "--number", "42", "--json"]).await.done(),
        format!("{{\"device_id\":\"{DEVICE}\",\"txid\":\"t1\",\"result\":\"approved\"}}\n")
    );
    assert_eq!(
        site.run(&["passcode", "--json"]).await.done(),
        format!("{{\"device_id\":\"{DEVICE}\",\"passcode\":\"755224\",\"valid_until\":null}}\n")
    );
    let status = |name: &str| {
        format!(
            "{{\"device_id\":\"{DEVICE}\",\"name\":\"{name}\",\"class\":\"cli\",\"user\":\"alice\",{ACCOUNT},\"origin\":\"{origin}\",\
             \"active\":true,\"auto_approve_until\":null,\"otp\":{{\"kind\":\"hotp\",\"digits\":6,\"counter\":0}}}}\n"
        )
    };
    assert_eq!(site.run(&["status", "--json"]).await.done(), status("laptop"));
    assert_eq!(site.run(&["rename", "desk", "--json"]).await.done(), status("desk"));
    assert_eq!(site.device().record().name, "desk");
    assert_eq!(
        site.run(&["remove", "--yes", "--json"]).await.done(),
        format!("{{\"device_id\":\"{DEVICE}\",\"removed\":true}}\n")
    );
    assert!(!site.server.state().is_active);
    assert_eq!(site.run(&["list", "--json"]).await.done(), "{\"accounts\":[]}\n");
}

#[tokio::test]
async fn errors_have_a_code_and_an_exit_code() {
    let site = Site::activated().await;
    let text = site.run(&["show"]).await;
    assert_eq!(
        text.err,
        "countersign-device: no login is waiting for this device; log in first, and answer within a minute\n"
    );
    let empty = site.run(&["show", "--json"]).await;
    assert_eq!(empty.exit, Exit::NothingWaiting);
    assert!(empty.out.starts_with(r#"{"error":{"code":"nothing_waiting","message":"#), "{}", empty.out);
    site.server.push("t1", Some("42"));
    let wrong = site.run(&["approve", "--number", "41", "--json"]).await;
    assert_eq!(wrong.exit, Exit::Refused);
    assert!(wrong.out.starts_with(r#"{"error":{"code":"number","message":"#), "{}", wrong.out);
    let missing = site.run(&["approve", "--json"]).await;
    assert_eq!(missing.exit, Exit::Usage);
    assert!(missing.out.starts_with(r#"{"error":{"code":"number_needed","#), "{}", missing.out);
    site.run(&["--account", "nobody", "passcode"]).await.failed(Exit::Usage);
    site.run(&["remove"]).await.failed(Exit::Usage);
    site.run_typing(&["remove"], &["y"]).await.failed(Exit::Usage);
    assert_eq!(site.storage.ids().unwrap(), [DEVICE]);
}

#[tokio::test]
async fn no_account_says_how_to_get_one() {
    let site = Site::start().await;
    for command in [&["list"][..], &["show"], &["approve"], &["passcode"], &["watch"], &["status"]] {
        let message = site.run(command).await.failed(Exit::Usage);
        assert!(message.contains("countersign-device activate"), "{message}");
    }
}

#[tokio::test]
async fn an_absent_server_and_another_server_are_told_apart() {
    let site = Site::activated().await;
    let (storage, environment) = (site.storage.clone(), site.environment.clone());
    // A port that was just free: nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let other = Site { storage, environment, ..Site::start().await };
    let page = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>").await.unwrap();
    });
    let message = other.run(&["activate", CODE, "--origin", &origin]).await.failed(Exit::Untrusted);
    assert!(message.contains("does not answer as an authenticator server"), "{message}");
    page.await.unwrap();
    assert!(TcpListener::bind(address(&origin)).await.is_ok(), "the port is free again");
    let message = other.run(&["activate", CODE, "--origin", &origin]).await.failed(Exit::Network);
    assert!(message.starts_with(&format!("countersign-device: cannot reach {origin}: ")), "{message}");
}

#[tokio::test]
async fn a_device_the_server_forgot_can_be_removed() {
    let site = Site::activated().await;
    site.server.state().is_active = false;
    let message = site.run(&["show"]).await.failed(Exit::Refused);
    assert!(message.contains("activate it again"), "{message}");
    site.run_typing(&["deactivate"], &["yes"]).await.done();
    assert!(site.storage.ids().unwrap().is_empty());
}

#[tokio::test]
async fn several_accounts_are_told_apart() {
    let site = Site::activated().await;
    let file = tempfile::tempdir().unwrap();
    let both = countersign_device::Storage::directory(file.path().join("keys"));
    both.insert(&site.storage.load(DEVICE).unwrap()).unwrap();
    let mut second = site.storage.load(DEVICE).unwrap();
    second.device_id = "DPBBBBBBBBBBBBBBBBBB".into();
    second.user = "bob".into();
    both.insert(&second).unwrap();
    let site = Site { storage: both, ..site };
    let message = site.run(&["passcode"]).await.failed(Exit::Usage);
    assert!(message.contains("alice@Example") && message.contains("bob@Example"), "{message}");
    for chosen in ["bob", "bob@Example", "DPBBBBBBBBBBBBBBBBBB"] {
        let out = site.run(&["passcode", "--json", "--account", chosen]).await.done();
        assert!(out.contains("DPBBBBBBBBBBBBBBBBBB"), "{out}");
    }
    // What waits for one account is found beside another whose server says no.
    site.server.push("t1", None);
    assert!(site.run(&["show"]).await.done().contains("txid    t1"));
}

#[tokio::test]
async fn the_class_is_what_was_asked_for() {
    let site = Site::start().await;
    site.run(&["activate", CODE, "--origin", &site.server.origin, "--class", "automation"]).await.done();
    assert_eq!(site.device().record().class, DeviceClass::Automation);
}

#[test]
fn wrong_arguments_are_json_where_it_was_asked_for() {
    let error = Cli::try_parse_from(["countersign-device", "deny", "--fraud", "--mistake", "--json"]).unwrap_err();
    assert_eq!(
        cli::usage_json(&error, "usage"),
        r#"{"error":{"code":"usage","message":"the argument '--fraud' cannot be used with '--mistake'"}}"#
    );
    let error = Cli::try_parse_from(["countersign-device", "--json"]).unwrap_err();
    let told = cli::usage_json(&error, "usage");
    assert!(told.contains("requires a subcommand but one was not provided [subcommands: activate, list,"), "{told}");
}
