//! Duo's client libraries, from PyPI and npm. The calls and what they must answer are in `clients/`.
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::{Site, npm, python};

/// Seconds after which a client that hangs is ended; they need a tenth of it.
const PATIENCE: &str = "150";

fn run(interpreter: &Path, program: &str, arguments: &[&str]) {
    let site = Site::start();
    let mut command = Command::new("timeout");
    command.arg(PATIENCE).arg(interpreter).arg(clients().join(program)).args(arguments);
    command.env("SITE", site.for_clients().to_string()).env("PYTHONDONTWRITEBYTECODE", "1").env("NPM", npm());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {out}{err}\nthe server's log:\n{}", output.status, site.log());
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn duo_client(version: &str, program: &str) {
    run(&python(version), program, &[]);
}

#[test]
fn every_method_of_duo_client_5_7_0_is_exercised_or_listed() {
    let listed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
    run(&python("5.7.0"), "admin_methods.py", &[listed.to_str().unwrap()]);
}

fn duo_api(signature_version: &str) {
    run(Path::new("node"), "duo_api.js", &[signature_version]);
}

#[test]
fn duo_client_4_5_0_logs_users_in() {
    duo_client("4.5.0", "auth_flows.py");
}

#[test]
fn duo_client_5_0_0_logs_users_in() {
    duo_client("5.0.0", "auth_flows.py");
}

#[test]
fn duo_client_5_7_0_logs_users_in() {
    duo_client("5.7.0", "auth_flows.py");
}

#[test]
fn duo_client_4_5_0_administers() {
    duo_client("4.5.0", "admin_flows.py");
}

#[test]
fn duo_client_5_0_0_administers() {
    duo_client("5.0.0", "admin_flows.py");
}

#[test]
fn duo_client_5_7_0_administers() {
    duo_client("5.7.0", "admin_flows.py");
}

#[test]
fn duo_client_5_7_0_makes_policies_and_an_export_imports_unchanged() {
    duo_client("5.7.0", "policy_flows.py");
}

#[test]
fn duo_api_of_npm_signs_version_2() {
    duo_api("2");
}

#[test]
fn duo_api_of_npm_signs_version_5() {
    duo_api("5");
}
