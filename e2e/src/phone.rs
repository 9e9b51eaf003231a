//! `countersign-device`, as a person's phone.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value as Json;

use crate::child::{Lines, PATIENCE};
use crate::site::Site;
use crate::tools::program;

/// The exit code of `countersign-device` for just that.
const NOTHING_WAITING: i32 = 3;

/// A phone that one user's account is on.
pub struct Phone {
    home: PathBuf,
}

/// A login that a phone shows.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its transaction id.
    pub txid: String,
    /// Everything shown, as `countersign-device watch --json` prints it.
    pub shown: Json,
}

/// A phone that is being looked at.
pub struct Watch {
    child: Child,
    events: Lines,
}

impl Phone {
    /// Activates a new phone by the link or code of `activation`.
    pub fn activate(site: &Site, activation: &str) -> Self {
        let home = tempfile::Builder::new().prefix("phone-").tempdir_in(site.dir()).unwrap().keep();
        let phone = Self { home };
        let ca = site.ca();
        let output = phone.output(&["activate", activation, "--ca-cert", ca.to_str().unwrap(), "--name", "Test phone"]);
        assert!(output.status.success(), "activation: {}{}", text(&output.stdout), text(&output.stderr));
        phone
    }

    /// The next passcode.
    pub fn passcode(&self) -> String {
        self.json(&["passcode"])["passcode"].as_str().unwrap().to_owned()
    }

    /// The code for outages of a group of proxies.
    pub fn outage_code(&self, group: &str) -> String {
        self.json(&["passcode", "--outage", group])["passcode"].as_str().unwrap().to_owned()
    }

    /// Approves `request` with the number from the screen of the login, if it asks for one.
    pub fn approve(&self, request: &Request, number: Option<&str>) {
        let mut arguments = vec!["approve", &request.txid, "--yes"];
        arguments.extend(number.into_iter().flat_map(|number| ["--number", number]));
        self.json(&arguments);
    }

    /// Tries to approve `request`, and gives the program's refusal: its code.
    pub fn cannot_approve(&self, request: &Request, number: &str) -> String {
        let output = self.output(&["approve", &request.txid, "--yes", "--number", number]);
        assert!(!output.status.success(), "approved: {}", text(&output.stdout));
        let both = format!("{}{}", text(&output.stdout), text(&output.stderr));
        let refusal: Json = serde_json::from_str(both.trim()).unwrap_or_else(|_| panic!("no JSON: {both}"));
        refusal["error"]["code"].as_str().unwrap().to_owned()
    }

    /// Says that it was a mistake.
    pub fn deny(&self, request: &Request) {
        self.json(&["deny", &request.txid, "--mistake"]);
    }

    /// Says that it was somebody else.
    pub fn report(&self, request: &Request) {
        self.json(&["deny", &request.txid, "--fraud"]);
    }

    /// The logins that wait now.
    pub fn waiting(&self) -> Vec<Json> {
        let output = self.output(&["show"]);
        if output.status.code() == Some(NOTHING_WAITING) {
            return Vec::new();
        }
        let shown: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        shown["requests"].as_array().unwrap().clone()
    }

    /// Begins to look at the phone.
    pub fn watch(&self) -> Watch {
        let mut child = self.command(&["watch"]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let events = Lines::default();
        events.collect(child.stdout.take().unwrap());
        let watch = Watch { child, events };
        watch.event("connected");
        watch
    }

    fn json(&self, arguments: &[&str]) -> Json {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program("countersign-device");
        command.arg("--json").args(arguments).env("COUNTERSIGN_DEVICE_HOME", &self.home);
        command
    }
}

impl Watch {
    /// Waits until the phone shows a login.
    pub fn request(&self) -> Request {
        let shown = self.event("request");
        Request { txid: shown["txid"].as_str().unwrap().to_owned(), shown }
    }

    /// Waits for an event of this kind, and gives it.
    pub fn event(&self, kind: &str) -> Json {
        self.events.wait(&format!("event {kind}"), PATIENCE, |text| {
            let mut read = 0;
            for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                read += line.len();
                let event: Json = serde_json::from_str(line).unwrap();
                if event["event"] == kind {
                    return Some((event, read));
                }
            }
            None
        })
    }

    /// How many logins were shown since the beginning.
    pub fn requests_so_far(&self) -> usize {
        self.events.text().lines().filter(|line| line.contains(r#""event":"request""#)).count()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
