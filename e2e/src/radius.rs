//! FreeRADIUS as the server behind the proxy, `radclient` as the device in front of it, and the proxy between them.

mod eap;
pub mod ike;
pub mod ise;
pub mod pam;
pub mod vpn;

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::api::Keys;
use crate::child::Lines;
use crate::ports::free_port;
use crate::site::Site;
use crate::tools::program;

pub use eap::{Certificate, Supplicant};

/// Shared between `radclient` and the proxy.
pub const DEVICE_SECRET: &str = "device-shared-secret";
/// Shared between the proxy and FreeRADIUS.
pub const SERVER_SECRET: &str = "server-shared-secret";

/// A proxy for a [`Network`](crate::Network) of a test's own: it takes logins at 127.0.0.1, port 1812, asks the [`Ise`](ise::Ise) there, and has further `sections`.
pub fn network_config(site: &Site, keys: &Keys, kind: &str, options: &str, sections: &str) -> String {
    format!(
        "[main]\nhttp_ca_certs_file={}\nlog_auth_events=true\nlog_dir=log\n[radius_client]\nhost=127.0.0.1\nport={}\nsecret={SERVER_SECRET}\n\
        pass_through_all=true\n[{kind}]\nikey={}\nskey={}\napi_host={}\ninterface=127.0.0.1\nradius_ip_1=127.0.0.1\n\
        radius_secret_1={DEVICE_SECRET}\n{options}\n{sections}",
        site.ca().display(),
        ise::AUTH_PORT,
        keys.ikey,
        keys.skey,
        site.host(),
    )
}

/// A process with what it says. Dropping it ends the process.
pub(crate) struct Running {
    child: Child,
    pub(crate) lines: Lines,
    dir: TempDir,
}

impl Running {
    pub(crate) fn start(mut command: Command, dir: TempDir, ready: &str) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Lines::default();
        lines.collect(child.stdout.take().unwrap());
        lines.collect(child.stderr.take().unwrap());
        lines.line_with(ready);
        Self { child, lines, dir }
    }
}

impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "it is shown with the failure of the test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Why the test failed is seldom seen from one side.
            eprintln!("what a program said that took part:\n{}", self.lines.text());
        }
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Debian's FreeRADIUS with users of the test's own.
pub struct FreeRadius {
    running: Running,
    pub(crate) port: u16,
}

impl FreeRadius {
    /// Starts one; `users` as in its `mods-config/files/authorize`.
    pub fn start(users: &str) -> Self {
        Self::with(users, |_| String::new(), "", "")
    }

    /// Starts one with a further module, written for its directory, the word for it in both sections, and further servers.
    fn with(users: &str, module: impl FnOnce(&std::path::Path) -> String, word: &str, servers: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("freeradius-").tempdir().unwrap();
        let (port, path) = (free_port(), dir.path().display());
        std::fs::write(dir.path().join("users"), users).unwrap();
        let module = module(dir.path());
        let config = format!(
            "prefix = /usr\nlibdir = /usr/lib/freeradius\nname = test\nlogdir = {path}\nrun_dir = {path}\nradacctdir = {path}\n\
            cleanup_delay = 5\nmax_requests = 16384\nsecurity {{\n reject_delay = 0\n status_server = yes\n}}\n\
            thread pool {{\n start_servers = 2\n max_servers = 4\n}}\n\
            modules {{\n pap {{\n }}\n chap {{\n }}\n mschap {{\n }}\n files {{\n  usersfile = {path}/users\n }}\n{module}}}\n\
            client proxy {{\n ipaddr = 127.0.0.1\n secret = {SERVER_SECRET}\n}}\n\
            server test {{\n listen {{\n  type = auth\n  ipaddr = 127.0.0.1\n  port = {port}\n }}\n\
            authorize {{\n  chap\n  mschap\n  {word}\n  files\n  pap\n }}\n authenticate {{\n  Auth-Type PAP {{\n   pap\n  }}\n\
            Auth-Type CHAP {{\n   chap\n  }}\n  Auth-Type MS-CHAP {{\n   mschap\n  }}\n  {word}\n }}\n\
            post-auth {{\n  update {{\n   &reply:User-Name := &session-state:User-Name\n  }}\n }}\n}}\n{servers}"
        );
        std::fs::write(dir.path().join("radiusd.conf"), config).unwrap();
        std::fs::write(dir.path().join("dictionary"), "$INCLUDE /usr/share/freeradius/dictionary\n").unwrap();
        let mut command = Command::new("freeradius");
        command.arg("-X").arg("-d").arg(dir.path()).args(["-n", "radiusd"]);
        Self { running: Running::start(command, dir, "Ready to process requests"), port }
    }

    /// Where it takes logins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many passwords it was asked about.
    pub fn asked(&self) -> usize {
        self.running.lines.text().matches("Received Access-Request").count()
    }
}

/// `countersign-proxy run`.
pub struct RadiusProxy {
    running: Running,
    port: u16,
}

impl RadiusProxy {
    /// Starts one with a `[radius_server_…]` of this kind for an application of `site`, in front of `behind` or of nobody.
    pub fn start(site: &Site, keys: &Keys, kind: &str, options: &str, behind: Option<&FreeRadius>) -> Self {
        Self::asking(site.host(), site, keys, kind, options, behind)
    }

    /// The same, with another API host.
    pub fn asking(
        api_host: &str,
        site: &Site,
        keys: &Keys,
        kind: &str,
        options: &str,
        behind: Option<&FreeRadius>,
    ) -> Self {
        let client = behind.map_or("[duo_only_client]\n".to_owned(), |server| {
            let port = server.port;
            format!("[radius_client]\nhost=127.0.0.1\nport={port}\nsecret={SERVER_SECRET}\npass_through_all=true\n")
        });
        Self::behind(api_host, site, keys, kind, options, &client)
    }

    /// The same, with a client section as it is written.
    pub fn behind(api_host: &str, site: &Site, keys: &Keys, kind: &str, options: &str, client: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("proxy-").tempdir().unwrap();
        let port = free_port();
        let text = format!(
            "[main]\nhttp_ca_certs_file={}\nlog_auth_events=true\nlog_dir=log\n{client}[{kind}]\nikey={}\nskey={}\napi_host={api_host}\n\
            interface=127.0.0.1\nport={port}\nradius_ip_1=127.0.0.1\nradius_secret_1={DEVICE_SECRET}\n{options}\n",
            site.ca().display(),
            keys.ikey,
            keys.skey,
        );
        let path = dir.path().join("authproxy.cfg");
        std::fs::write(&path, text).unwrap();
        let mut command = program("countersign-proxy");
        command.args(["run", "--config"]).arg(&path).env("RUST_LOG", "info").current_dir(dir.path());
        Self { running: Running::start(command, dir, "serving"), port }
    }

    /// Where it takes logins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes its configuration file and has it read again, as `systemctl reload` does. What it says then is to be waited for.
    pub fn reload(&self, from: &str, to: &str) {
        let path = self.running.dir.path().join("authproxy.cfg");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in\n{text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let hangup = Command::new("kill").args(["-HUP", &self.running.child.id().to_string()]).status().unwrap();
        assert!(hangup.success());
    }

    /// Sends so many logins with these attributes, 40 at a time, each of which must be answered: `radclient` sends none again.
    pub fn load(&self, attributes: &str, count: usize) -> Asking {
        let mut child = Command::new("radclient")
            .args(["-q", "-s", "-t", "30", "-r", "1", "-p", "40", "-c", &count.to_string()])
            .args([&format!("127.0.0.1:{}", self.port), "auth", DEVICE_SECRET])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(attributes.as_bytes()).unwrap();
        Asking(child)
    }

    /// Starts one with a whole configuration; it takes logins at `port`.
    pub fn configured(text: &str, port: u16) -> Self {
        Self::configured_in(tempfile::Builder::new().prefix("proxy-").tempdir().unwrap(), text, port)
    }

    /// Ends it, and starts it again with what it has kept and another configuration.
    #[must_use]
    pub fn again(mut self, text: &str) -> Self {
        let (empty, port) = (tempfile::Builder::new().prefix("proxy-").tempdir().unwrap(), self.port);
        let dir = std::mem::replace(&mut self.running.dir, empty);
        drop(self);
        Self::configured_in(dir, text, port)
    }

    /// Ends it as `kill -9` does; gives its configuration.
    pub fn stop(self) -> String {
        std::fs::read_to_string(self.running.dir.path().join("authproxy.cfg")).unwrap()
    }

    fn configured_in(dir: TempDir, text: &str, port: u16) -> Self {
        let path = dir.path().join("authproxy.cfg");
        std::fs::write(&path, text).unwrap();
        let mut command = program("countersign-proxy");
        command.args(["run", "--config"]).arg(&path).env("RUST_LOG", "info").current_dir(dir.path());
        Self { running: Running::start(command, dir, "serving"), port }
    }

    /// The same proxy after `kill -9`, with all that it keeps.
    #[must_use]
    pub fn killed_and_started(mut self) -> Self {
        let dir = std::mem::replace(&mut self.running.dir, tempfile::tempdir().unwrap());
        let port = self.port;
        drop(self);
        let mut command = program("countersign-proxy");
        let path = dir.path().join("authproxy.cfg");
        command.args(["run", "--config"]).arg(path).env("RUST_LOG", "info").current_dir(dir.path());
        Self { running: Running::start(command, dir, "serving"), port }
    }

    /// Runs `countersign-proxy` with these arguments beside the one that serves, with its configuration.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = program("countersign-proxy");
        command.args(arguments).arg("--config").arg(self.running.dir.path().join("authproxy.cfg"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What it has said.
    pub fn log(&self) -> String {
        self.running.lines.text()
    }

    /// Waits for it to say something.
    pub fn says(&self, text: &str) {
        self.running.lines.line_with(text);
    }

    /// Begins a login as a device would, with these attributes, and further arguments for `radclient`.
    pub fn ask(&self, attributes: &str, arguments: &[&str]) -> Asking {
        self.ask_with(attributes, arguments, DEVICE_SECRET)
    }

    /// The same, with another secret.
    pub fn ask_with(&self, attributes: &str, arguments: &[&str], secret: &str) -> Asking {
        ask_at(self.port, attributes, arguments, secret)
    }
}

/// Begins a login at a port of this host.
pub fn ask_at(port: u16, attributes: &str, arguments: &[&str], secret: &str) -> Asking {
    let mut child = Command::new("radclient")
        .args(["-x", "-t", "30", "-r", "1"])
        .args(arguments)
        .args([&format!("127.0.0.1:{port}"), "auth", secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(attributes.as_bytes()).unwrap();
    Asking(child)
}

/// A device that waits for its answer.
pub struct Asking(Child);

impl Asking {
    /// Whether it still waits.
    pub fn is_waiting(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// The answer, as `radclient` prints it: what was sent and what came.
    pub fn answer(self) -> String {
        let output = self.0.wait_with_output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}
