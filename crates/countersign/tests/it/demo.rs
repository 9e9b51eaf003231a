//! The demo does its main job by itself, and can be taken up again.

use countersign::demo::{Demo, DemoRecord, instructions, log_in, try_everything};
use cs_store::testing::Ports;
use jiff::Timestamp;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

#[expect(clippy::disallowed_methods, reason = "the demo lives by the real clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_sees_a_login_through() {
    let data = tempfile::tempdir().unwrap();
    let ports = Ports::reserve(Ports::OF_A_SERVER);
    let demo = Demo::start(data.path(), Some(ports.first()), now()).await.unwrap();
    let mut said = Vec::new();
    let outcome = try_everything(&demo, &mut said).await;
    let said = String::from_utf8(said).unwrap();
    outcome.unwrap_or_else(|error| panic!("{error:#}\n{said}"));
    for part in ["user_approved", "invalid_passcode", "web-python", "web-node", "audit verify", "steps succeeded"] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_is_taken_up_again_and_keeps_its_secrets_to_its_owner() {
    let data = tempfile::tempdir().unwrap();
    let ports = Ports::reserve(Ports::OF_A_SERVER);
    let first = Demo::start(data.path(), Some(ports.first()), now()).await.unwrap();
    let port = first.config.listen.api.port();
    first.stop().await;
    for secret in [
        "demo.json",
        "pam_duo.conf",
        "master.key",
        "countersign.toml",
        "web-python/settings.json",
        "web-node/settings.json",
    ] {
        assert_eq!(mode(&data.path().join(secret)), 0o600, "{secret}");
    }

    let again = Demo::start(data.path(), None, now()).await.unwrap();
    assert_eq!(again.config.listen.api.port(), port);
    let record = DemoRecord::read(data.path()).unwrap().unwrap();
    let text = instructions(&record, Path::new("/opt/countersign"), data.path());
    for part in [
        "login_duo",
        "pamtester",
        "duo_client.Auth",
        "watch",
        "passcode",
        "app.py)",
        "app.js)",
        "admin user invite bob",
        "audit verify",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let mut said = Vec::new();
    assert!(!log_in(&record, Some("000000"), &mut said).await.unwrap());
    assert!(!said.is_empty());
    again.stop().await;

    let moved = Demo::start(data.path(), Some(port.wrapping_add(1)), now()).await;
    assert!(moved.is_err_and(|error| error.to_string().contains("cannot be moved")));
}

#[tokio::test]
async fn an_installation_is_not_taken_for_a_demo() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("countersign.toml"), "").unwrap();
    let refused = Demo::start(data.path(), Some(0), now()).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("no demo")));
    assert_eq!(std::fs::read_to_string(data.path().join("countersign.toml")).unwrap(), "");
}
