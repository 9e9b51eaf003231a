//! A server as an operator runs it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use cs_store::testing::Ports;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::api::{Api, Keys};
use crate::child::Lines;
use crate::phone::Phone;
use crate::tools::{bin, program};

/// An installation with its server process. Dropping it ends the process and removes the directory.
pub struct Site {
    dir: TempDir,
    installation: Json,
    server: Option<Server>,
    /// For as long as the installation is there, whether its server runs or not.
    _ports: Ports,
}

struct Server {
    child: Child,
    log: Lines,
}

/// A user of the site.
#[derive(Debug, Clone)]
pub struct User {
    /// `DU…`
    pub id: String,
    /// The name.
    pub name: String,
}

impl Site {
    /// Makes an installation on free ports and starts its server.
    pub fn start() -> Self {
        Self::start_in(&std::env::temp_dir(), &[])
    }

    /// The same with its directory in `parent`, and further arguments for `countersign bootstrap`.
    pub fn start_in(parent: &Path, arguments: &[&str]) -> Self {
        let ports = Ports::reserve(Ports::OF_A_SERVER);
        let dir = tempfile::Builder::new().prefix("countersign-e2e-").tempdir_in(parent).unwrap();
        let installation = bootstrap(dir.path(), &[&["--listen", &ports.address().to_string()], arguments].concat());
        let mut site = Self { dir, installation, server: None, _ports: ports };
        site.serve();
        site
    }

    /// Starts the server again after [`Self::kill`].
    pub fn serve(&mut self) {
        let mut child = program("countersign")
            .args(["serve", "--data"])
            .arg(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Lines::default();
        log.collect(child.stdout.take().unwrap());
        log.collect(child.stderr.take().unwrap());
        // Dropped on the way out, it ends the process.
        let server = Server { child, log: log.clone() };
        log.line_with("serving");
        self.server = Some(server);
        assert_eq!(self.api("", "").get("/readyz", &[]).status, 200);
    }

    /// Adds lines to the configuration file, for the next start.
    pub fn configure(&self, lines: &str) {
        let path = self.dir.path().join("countersign.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{text}\n{lines}\n")).unwrap();
    }

    /// Runs `countersign policy` beside the server.
    pub fn policy(&self, arguments: &[&str]) {
        let mut command = program("countersign");
        command.arg("--data").arg(self.dir()).arg("policy").args(arguments).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs `countersign directory` beside the server, with this for its standard input: whether it did what it was told, and what it says.
    pub fn directory(&self, arguments: &[&str], input: &str) -> (bool, Json) {
        let mut command = program("countersign");
        command.arg("--data").arg(self.dir()).arg("directory").args(arguments).args(["--json", "--yes"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // One that reads nothing may have ended.
        _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.success(), said)
    }

    /// Ends the server as `kill -9` does: nothing is said to anybody.
    pub fn kill(&mut self) {
        drop(self.server.take().expect("the server runs"));
    }

    /// The directory of the installation. Files of a test may lie there too.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// How many requests to `route` the server has answered, by its own count.
    pub fn answered(&self, route: &str) -> usize {
        let config = std::fs::read_to_string(self.dir().join("countersign.toml")).unwrap();
        let line =
            config.lines().find(|line| line.trim_start().starts_with("operations")).expect("the operations listener");
        let address = line.split('"').nth(1).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut metrics = String::new();
        stream.read_to_string(&mut metrics).unwrap();
        let counts = metrics.lines().filter(|line| {
            line.starts_with("countersign_http_requests_total{") && line.contains(&format!("route=\"{route}\""))
        });
        counts.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.server.as_ref().map(|server| server.log.text()).unwrap_or_default()
    }

    /// `localhost:PORT`, as clients are configured.
    pub fn host(&self) -> &str {
        self.installation["api_host"].as_str().unwrap()
    }

    /// The port of the API.
    pub fn port(&self) -> u16 {
        self.host().rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// The authority to trust, as a file.
    pub fn ca(&self) -> PathBuf {
        self.installation["ca_cert"].as_str().unwrap().into()
    }

    /// The credentials of the Admin API, from bootstrap.
    pub fn admin_keys(&self) -> Keys {
        Keys::of(&self.installation["admin_api"], "ikey", "skey")
    }

    /// The credentials of the Auth API, from bootstrap.
    pub fn auth_keys(&self) -> Keys {
        Keys::of(&self.installation["auth_api"], "ikey", "skey")
    }

    /// Calls as the Admin API integration.
    pub fn admin(&self) -> Api {
        self.as_integration(&self.admin_keys())
    }

    /// Calls as the Auth API integration.
    pub fn auth(&self) -> Api {
        self.as_integration(&self.auth_keys())
    }

    /// Calls as any integration.
    pub fn as_integration(&self, keys: &Keys) -> Api {
        self.api(&keys.ikey, &keys.skey)
    }

    fn api(&self, ikey: &str, skey: &str) -> Api {
        Api::new(self.host(), &self.ca(), Keys { ikey: ikey.into(), skey: skey.into() })
    }

    /// A new integration of type `kind`.
    pub fn integration(&self, kind: &str) -> Keys {
        let made = self.admin().post("/admin/v3/integrations", &[("name", &format!("Test of {kind}")), ("type", kind)]);
        Keys::of(&made.ok(), "integration_key", "secret_key")
    }

    /// A new user.
    pub fn user(&self, name: &str) -> User {
        let made = self.admin().post("/admin/v1/users", &[("username", name)]).ok();
        User { id: made["user_id"].as_str().unwrap().to_owned(), name: name.to_owned() }
    }

    /// Changes a user.
    pub fn change_user(&self, user: &User, changes: &[(&str, &str)]) -> Json {
        self.admin().post(&format!("/admin/v1/users/{}", user.id), changes).ok()
    }

    /// The user as the Admin API describes it.
    pub fn look_up(&self, user: &User) -> Json {
        self.admin().get(&format!("/admin/v1/users/{}", user.id), &[]).ok()
    }

    /// A new user with an activated phone, enrolled as an application does it.
    pub fn enroll(&self, name: &str) -> (User, Phone) {
        let enrolled = self.auth().post("/auth/v2/enroll", &[("username", name)]).ok();
        let user = User { id: enrolled["user_id"].as_str().unwrap().to_owned(), name: name.to_owned() };
        (user, Phone::activate(self, enrolled["activation_code"].as_str().unwrap()))
    }

    /// Bypass codes for `user`: so many, each good for `uses`.
    pub fn bypass_codes(&self, user: &User, count: u32, uses: u32) -> Vec<String> {
        let path = format!("/admin/v1/users/{}/bypass_codes", user.id);
        let (count, uses) = (count.to_string(), uses.to_string());
        let codes = self.admin().post(&path, &[("count", &count), ("reuse_count", &uses)]).ok();
        codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
    }

    /// A hardware token (HOTP, six digits) for `user`.
    pub fn token(&self, user: &User, serial: &str, secret_hex: &str) {
        let admin = self.admin();
        let token = admin.post("/admin/v1/tokens", &[("type", "h6"), ("serial", serial), ("secret", secret_hex)]).ok();
        let id = token["token_id"].as_str().unwrap();
        admin.post(&format!("/admin/v1/users/{}/tokens", user.id), &[("token_id", id)]).ok();
    }

    /// The authentication log, oldest first.
    pub fn logins(&self) -> Vec<Json> {
        let answer = self
            .admin()
            .get(
                "/admin/v2/logs/authentication",
                &[
                    ("mintime", "1000000000000"),
                    ("maxtime", "9999999999999"),
                    ("limit", "1000"),
                    ("sort", "ts:asc"),
                    ("event_types", "authentication"),
                ],
            )
            .ok();
        answer["authlogs"].as_array().unwrap().clone()
    }

    /// `(result, reason, factor)` of every entry of the authentication log, oldest first.
    pub fn outcomes(&self) -> Vec<(String, String, String)> {
        let word = |entry: &Json, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        self.logins().iter().map(|e| (word(e, "result"), word(e, "reason"), word(e, "factor"))).collect()
    }

    /// What a client program needs to know, as JSON.
    pub fn for_clients(&self) -> Json {
        json!({
            "host": "localhost",
            "port": self.port(),
            "ca": self.ca(),
            "auth": self.installation["auth_api"],
            "admin": self.installation["admin_api"],
            "device": bin("countersign-device"),
            "home": self.dir.path().join("phones"),
            "program": bin("countersign"),
            "data": self.dir(),
        })
    }

    /// Waits until nothing listens at the API's address.
    pub fn is_gone(&self) -> bool {
        TcpStream::connect(self.address()).is_err()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bootstrap(dir: &Path, arguments: &[&str]) -> Json {
    let output = program("countersign")
        .args(["bootstrap", "--json", "--data"])
        .arg(dir)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "bootstrap: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
