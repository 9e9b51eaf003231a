//! FreeRADIUS as a policy server: logins, access lists longer than a packet, accounting, and the origin of disconnects. It listens at fixed ports of a [`Network`](crate::Network).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{DEVICE_SECRET, Running, SERVER_SECRET};
use crate::child::Lines;

/// Where it takes logins.
pub const AUTH_PORT: u16 = 21812;
/// Where it takes accounting.
pub const ACCOUNTING_PORT: u16 = 21813;
/// The access list that it has.
pub const LIST: &str = "#ACSACL#-IP-LAB-5f3a9b12";

/// FreeRADIUS, which can be stopped and started again.
pub struct Ise {
    dir: TempDir,
    running: Option<Running>,
    /// What it said in runs that are over.
    before: String,
}

impl Ise {
    /// Starts one; `users` as in its `mods-config/files/authorize`, and each of `rounds` a packet full of lines of [`LIST`].
    pub fn start(users: &str, rounds: &[Vec<String>]) -> Self {
        let dir = tempfile::Builder::new().prefix("ise-").tempdir().unwrap();
        std::fs::write(dir.path().join("users"), users).unwrap();
        std::fs::write(dir.path().join("dictionary"), "$INCLUDE /usr/share/freeradius/dictionary\n").unwrap();
        std::fs::write(dir.path().join("radiusd.conf"), config(dir.path(), rounds)).unwrap();
        let mut ise = Self { dir, running: None, before: String::new() };
        ise.go();
        ise
    }

    /// Starts it again after [`Self::stop`].
    pub fn go(&mut self) {
        let mut command = Command::new("freeradius");
        command.arg("-X").arg("-d").arg(self.dir.path()).args(["-n", "radiusd"]);
        let empty = tempfile::Builder::new().prefix("ise-run-").tempdir().unwrap();
        self.running = Some(Running::start(command, empty, "Ready to process requests"));
    }

    /// Ends it; nobody answers at its ports then.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.before.push_str(&running.lines.text());
        }
    }

    fn lines(&self) -> &Lines {
        &self.running.as_ref().expect("it runs").lines
    }

    /// Waits for a line.
    pub fn says(&self, text: &str) {
        self.lines().line_with(text);
    }

    /// All that it has said.
    pub fn log(&self) -> String {
        let now = self.running.as_ref().map(|running| running.lines.text()).unwrap_or_default();
        format!("{}{now}", self.before)
    }

    /// The values of an attribute in the Accounting-Requests that came, in their order.
    pub fn accounted(&self, attribute: &str) -> Vec<String> {
        let log = self.log();
        let mut values = Vec::new();
        let mut inside = false;
        for line in log.lines() {
            if line.contains(") Received ") {
                inside = line.contains("Received Accounting-Request");
            } else if line.contains("# Executing") {
                inside = false;
            } else if let Some((name, value)) = line.split_once(" = ")
                && inside
                && name.ends_with(&format!(" {attribute}"))
            {
                values.push(value.trim_matches('"').to_owned());
            }
        }
        values
    }

    /// What somebody who asks it directly is answered.
    pub fn asked(&self, attributes: &str) -> String {
        radclient(attributes, AUTH_PORT, "auth", SERVER_SECRET)
    }

    /// Sends a `disconnect` or `coa` to the proxy, at this port, as this server does.
    pub fn ends(&self, kind: &str, port: u16, attributes: &str) -> String {
        radclient(attributes, port, kind, SERVER_SECRET)
    }
}

/// Accounting of a device, to the proxy.
pub fn account(attributes: &str) -> String {
    radclient(attributes, 1813, "acct", DEVICE_SECRET)
}

/// What `radclient` prints.
pub fn radclient(attributes: &str, port: u16, kind: &str, secret: &str) -> String {
    let mut child = Command::new("radclient")
        .args(["-x", "-t", "30", "-r", "1", &format!("127.0.0.1:{port}"), kind, secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(attributes.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn config(dir: &Path, rounds: &[Vec<String>]) -> String {
    let path = dir.display();
    format!(
        "prefix = /usr\nlibdir = /usr/lib/freeradius\nname = test\nlogdir = {path}\nrun_dir = {path}\nradacctdir = {path}\n\
        cleanup_delay = 5\nmax_requests = 16384\nsecurity {{\n reject_delay = 0\n status_server = yes\n}}\n\
        thread pool {{\n start_servers = 2\n max_servers = 4\n}}\n\
        modules {{\n always ok {{\n  rcode = ok\n }}\n always handled {{\n  rcode = handled\n }}\n pap {{\n }}\n files {{\n  usersfile = {path}/users\n }}\n}}\n\
        client proxy {{\n ipaddr = 127.0.0.1\n secret = {SERVER_SECRET}\n}}\n\
        server test {{\n listen {{\n  type = auth\n  ipaddr = 127.0.0.1\n  port = {AUTH_PORT}\n }}\n\
        listen {{\n  type = acct\n  ipaddr = 127.0.0.1\n  port = {ACCOUNTING_PORT}\n }}\n\
        authorize {{\n{}  files\n  pap\n }}\n authenticate {{\n  Auth-Type PAP {{\n   pap\n  }}\n }}\n accounting {{\n  ok\n }}\n}}\n",
        list(rounds)
    )
}

/// The rounds of the list in unlang, as ISE does it: the State of each is its number.
fn list(rounds: &[Vec<String>]) -> String {
    let mut text = String::from("  if (&User-Name =~ /^#ACSACL#-IP-/) {\n");
    for (number, lines) in rounds.iter().enumerate() {
        let condition = if number == 0 { "!&State".to_owned() } else { format!("&State && &State == 0x{number:02x}") };
        write!(text, "   if ({condition}) {{\n    update {{\n").unwrap();
        for line in lines {
            writeln!(text, "     &reply:Cisco-AVPair += '{line}'").unwrap();
        }
        if number + 1 < rounds.len() {
            let next = number + 1;
            write!(
                text,
                "     &reply:State := 0x{next:02x}\n     &control:Response-Packet-Type := Access-Challenge\n    }}\n    handled\n   }}\n"
            )
            .unwrap();
        } else {
            text.push_str("     &control:Auth-Type := Accept\n    }\n   }\n");
        }
    }
    text.push_str("  }\n");
    text
}
