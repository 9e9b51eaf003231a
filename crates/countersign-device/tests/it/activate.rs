//! Binding a device.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use countersign_device::cli::Exit;
use countersign_device::{Storage, StoreError};
use data_encoding::BASE64_NOPAD;

use super::server::{CODE, DEVICE, NOW};
use super::site::Site;

#[tokio::test]
async fn a_code_binds_this_machine_once() {
    let site = Site::start().await;
    let arguments = ["activate", CODE, "--origin", &site.server.origin, "--name", "laptop", "--json"];

    let out = site.run(&arguments).await.done();

    let key = site.device().key().public().clone();
    assert_eq!(site.server.state().key.as_ref(), Some(&key));
    let phrase = cs_wire::device::confirm_phrase(&CODE.parse().unwrap(), &key.thumbprint());
    let origin = &site.server.origin;
    assert_eq!(
        out,
        format!(
            r#"{{"device_id":"{DEVICE}","name":"laptop","class":"cli","user":"alice","account":{{"id":"DAAAAAAAAAAAAAAAAAA1","name":"Example"}},"origin":"{origin}","activated_at":{NOW},"confirm":{{"phrase":"{phrase}","required":false}}}}
"#
        )
    );
    let again = site.run(&arguments[..6]).await.failed(Exit::Refused);
    assert_eq!(
        again,
        "countersign-device: the activation code was used, has expired or was replaced; ask for a new one\n"
    );
}

#[tokio::test]
async fn the_page_is_named_where_it_has_to_confirm() {
    let site = Site::start().await;
    site.server.state().must_confirm = true;
    let out = site.run(&["activate", CODE, "--origin", &site.server.origin]).await.done();
    let phrase = cs_wire::device::confirm_phrase(&CODE.parse().unwrap(), &site.device().key().public().thumbprint());
    assert!(out.contains(&format!("phrase  {phrase}\n")), "{out}");
    assert!(out.contains("Not active yet: confirm"), "{out}");
}

#[tokio::test]
async fn the_key_file_is_private_and_holds_what_is_needed() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::with(Storage::directory(home.path().join("keys"))).await;
    site.activate(cs_wire::device::DeviceClass::Cli).await;
    let path = home.path().join("keys").join(format!("{DEVICE}.json"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    site.server.push("t1", None);
    assert_eq!(site.device().pending().await.unwrap().len(), 1, "the key is read back");

    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"format\": 1", "\"format\": 2", 1)).unwrap();
    assert!(matches!(site.storage.load(DEVICE), Err(StoreError::Newer { version: 2, .. })));
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    assert!(matches!(site.storage.load(DEVICE), Err(StoreError::Corrupt { .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let message = site.run(&["list"]).await.failed(Exit::Store);
    assert!(message.contains("is open to other users (mode 644); run: chmod 600 "), "{message}");
}

#[tokio::test]
async fn a_code_is_not_spent_where_its_key_could_not_be_kept() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let site = Site::with(Storage::directory(file.join("keys"))).await;
    site.run(&["activate", CODE, "--origin", &site.server.origin]).await.failed(Exit::Store);
    assert!(site.server.state().code_is_unused);
}

#[tokio::test]
async fn a_wrong_clock_does_not_stop_an_activation() {
    let site = Site::start().await;
    site.clock.fetch_sub(7200, std::sync::atomic::Ordering::SeqCst);
    site.activate(cs_wire::device::DeviceClass::Cli).await;
    assert_eq!(site.device().server_now(), NOW);
}

#[tokio::test]
async fn a_bare_code_wants_an_origin_and_a_qr_code_spends_nothing() {
    let site = Site::start().await;
    let message = site.run(&["activate", CODE]).await.failed(Exit::Usage);
    assert!(message.contains("--origin"), "{message}");
    let uri = format!("duo://{CODE}-{}", BASE64_NOPAD.encode(b"auth.example.org"));
    let out = site.run(&["activate", &uri, "--qr", "--json"]).await.done();
    assert_eq!(out, format!("{{\"link\":\"https://auth.example.org/authenticator/activate#{CODE}\"}}\n"));
    let drawn = site.run(&["activate", &uri, "--qr"]).await.done();
    assert!(drawn.lines().count() > 15 && drawn.contains('█'), "{drawn}");
    assert!(site.server.state().code_is_unused);
}

#[tokio::test]
async fn a_code_may_come_from_standard_input() {
    let site = Site::start().await;
    site.run_typing(&["activate", "-", "--origin", &site.server.origin], &[CODE]).await.done();
    assert_eq!(site.storage.ids().unwrap(), [DEVICE]);
}
