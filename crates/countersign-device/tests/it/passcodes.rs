//! Passcodes, also from several processes at once.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use countersign_device::Storage;
use cs_core::otp::{Digits, OtpAlgorithm, hotp};
use cs_wire::device::DeviceClass;

use super::server::{NOW, SEED};
use super::site::Site;

#[tokio::test]
async fn processes_never_get_the_same_counter() {
    const PROCESSES: u64 = 12;
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join("keys");
    let site = Site::with(Storage::directory(&keys)).await;
    site.activate(DeviceClass::Cli).await;

    // All are started before the first is waited for.
    let processes: Vec<_> = (0..PROCESSES)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_countersign-device"))
                .arg("passcode")
                .env("COUNTERSIGN_DEVICE_HOME", &keys)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut codes = BTreeSet::new();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        codes.insert(String::from_utf8(output.stdout).unwrap().trim_end().to_owned());
    }

    let expected: BTreeSet<_> =
        (0..PROCESSES).map(|counter| hotp(SEED, counter, Digits::Six, OtpAlgorithm::Sha1).to_string()).collect();
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn a_code_is_used_up_before_it_is_given_out() {
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join("keys");
    let site = Site::with(Storage::directory(&keys)).await;
    let device = site.activate(DeviceClass::Cli).await;
    // The file cannot be replaced: the directory stands where the new one would be written.
    std::fs::create_dir(keys.join(format!("{}.new", device.record().device_id))).unwrap();
    device.passcode().unwrap_err();
    std::fs::remove_dir(keys.join(format!("{}.new", device.record().device_id))).unwrap();
    assert_eq!(device.passcode().unwrap().expose(), "755224", "the failed call used no counter and gave no code");
}

#[tokio::test]
async fn time_based_codes_follow_the_server_s_clock() {
    let site = Site::start().await;
    site.server.state().totp = true;
    site.clock.fetch_add(100_000, std::sync::atomic::Ordering::SeqCst);
    let device = site.activate(DeviceClass::Cli).await;
    let passcode = device.passcode().unwrap();
    let step = u64::try_from(NOW / 30).unwrap();
    assert_eq!(passcode.expose(), hotp(SEED, step, Digits::Six, OtpAlgorithm::Sha1).to_string());
    assert_eq!(passcode.valid_until, Some((NOW / 30 + 1) * 30));
}
