//! SMS and phone calls with Duo's own clients: the gateway is a file that the test reads, and the test is the telephone.
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::unix::Host;
use e2e::{PATIENCE, Site, python};
use serde_json::Value as Json;

const CONFIG: &str = "[telephony]\ngateway = \"file:telephony.jsonl\"\noffer = [\"sms\", \"phone\"]\n\
    secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
const NUMBER: &str = "+14155550100";

fn site() -> (Site, PathBuf) {
    let mut site = Site::start();
    site.configure(CONFIG);
    site.kill();
    site.serve();
    let file = site.dir().join("telephony.jsonl");
    (site, file)
}

/// A user who has a phone with a number and nothing else.
fn with_number(site: &Site, name: &str) {
    let user = site.user(name);
    let made = [("number", NUMBER), ("type", "Mobile"), ("platform", "Generic Smartphone")];
    let phone = site.admin().post("/admin/v1/phones", &made).ok()["phone_id"].as_str().unwrap().to_owned();
    site.admin().post(&format!("/admin/v1/users/{}/phones", user.id), &[("phone_id", &phone)]).ok();
}

/// The code of the first message.
fn code(file: &Path) -> String {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some((line, _)) = text.split_once('\n') {
            let order: Json = serde_json::from_str(line).unwrap();
            let text = order["data"]["text"].as_str().unwrap();
            return text.rsplit(": ").next().unwrap().to_owned();
        }
        assert!(std::time::Instant::now() < until, "no message");
        std::thread::yield_now();
    }
}

#[test]
fn duo_client_5_7_0_logs_in_by_sms_and_by_a_call() {
    let (site, file) = site();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/telephony.py");
    let mut command = Command::new("timeout");
    command.arg("240").arg(python("5.7.0")).arg(program).arg(file);
    command.env("SITE", site.for_clients().to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {out}{err}\nthe server's log:\n{}", output.status, site.log());
}

#[test]
fn login_duo_sends_codes_from_its_menu_and_takes_one() {
    let (site, file) = site();
    with_number(&site, "alice");
    let host = Host::secure(&site);
    let mut terminal = host.login("alice");
    let menu = terminal.shows("Passcode or option (1-2): ");
    assert!(menu.contains("1. Phone call to XXX-XXX-0100") && menu.contains("2. SMS passcodes to"), "{menu}");
    terminal.types("2");
    terminal.shows("New SMS passcodes sent.");
    let code = code(&file);
    terminal.shows(&format!("(next code starts with: {})", &code[..1]));
    terminal.shows("Passcode or option (1-2): ");
    terminal.types(&code);
    let (is_in, screen) = terminal.ends();
    assert!(is_in && screen.contains("Success. Logging you in...") && screen.contains("welcome"), "{screen}");
    assert_eq!(site.logins()[0]["factor"], "sms_passcode");
}

#[test]
fn pam_duo_sends_codes_from_its_menu_and_takes_one() {
    let (site, file) = site();
    with_number(&site, "bob");
    let host = Host::secure(&site);
    let mut terminal = host.pam("bob");
    terminal.shows("Passcode or option (1-2): ");
    terminal.types("2");
    terminal.shows("New SMS passcodes sent.");
    terminal.shows("Passcode or option (1-2): ");
    terminal.types(&code(&file));
    let (is_in, screen) = terminal.ends();
    assert!(is_in, "{screen}");
}
