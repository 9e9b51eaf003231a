//! strongSwan's `charon` as a gateway that asks by RADIUS (XAuth) and takes disconnects (`dae`), and another one as its client.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{DEVICE_SECRET, Running};

/// Where the gateway takes disconnects.
pub const DAE_PORT: u16 = 13799;

/// Both ends. The gateway is at 127.0.0.1 and asks there, at the usual ports.
pub struct Ike {
    gateway: Running,
    _client: Running,
    dir: TempDir,
}

impl Ike {
    /// Starts both; `user` will dial in with `password`.
    pub fn start(user: &str, password: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("ike-").tempdir().unwrap();
        let gateway = format!(
            "eap-radius {{\n accounting = yes\n retransmit_timeout = 30\n retransmit_tries = 2\n servers {{\n  cs {{\n   address = 127.0.0.1\n   auth_port = 1812\n   acct_port = 1813\n\
            secret = {DEVICE_SECRET}\n   nas_identifier = strongswan\n  }}\n }}\n dae {{\n  enable = yes\n  listen = 127.0.0.1\n  port = {DAE_PORT}\n  secret = {DEVICE_SECRET}\n }}\n}}\n"
        );
        let psk = "secrets {\n ike-1 {\n  secret = \"shared-by-both-ends\"\n }\n";
        let at_gateway = format!(
            "connections {{\n rw {{\n  version = 1\n  local_addrs = 127.0.0.1\n  local {{\n   auth = psk\n   id = gateway\n  }}\n  remote {{\n   auth = psk\n   id = client\n  }}\n\
            remote-2 {{\n   auth = xauth-radius\n  }}\n }}\n}}\n{psk}}}\n"
        );
        let at_client = format!(
            "connections {{\n rw {{\n  version = 1\n  remote_addrs = 127.0.0.1\n  remote_port = 500\n  local {{\n   auth = psk\n   id = client\n  }}\n\
            local-2 {{\n   auth = xauth\n   xauth_id = {user}\n  }}\n  remote {{\n   auth = psk\n   id = gateway\n  }}\n }}\n}}\n{psk} xauth-1 {{\n  id = {user}\n  secret = \"{password}\"\n }}\n}}\n"
        );
        fs::write(dir.path().join("gateway.swan"), at_gateway).unwrap();
        fs::write(dir.path().join("client.swan"), at_client).unwrap();
        let gateway = charon(&dir, "gateway", 500, "eap-radius", &gateway);
        let client = charon(&dir, "client", 1500, "xauth-generic", "");
        let ike = Self { gateway, _client: client, dir };
        ike.swanctl("gateway", &["--load-all", "--file", &ike.file("gateway.swan")]);
        ike.swanctl("client", &["--load-all", "--file", &ike.file("client.swan")]);
        ike
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn swanctl(&self, end: &str, arguments: &[&str]) -> String {
        let output = self.command(end, arguments).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    }

    fn command(&self, end: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("swanctl");
        command.args(arguments).args(["--uri", &format!("unix://{}", self.file(&format!("{end}.vici")))]);
        command.stdin(Stdio::null());
        command
    }

    /// Dials in, which ends when the login is decided.
    pub fn dial(&self) -> std::process::Child {
        let mut command = self.command("client", &["--initiate", "--ike", "rw", "--timeout", "60"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The sessions at the gateway, as it lists them.
    pub fn sessions(&self) -> String {
        self.swanctl("gateway", &["--list-sas"])
    }

    /// Waits for the gateway to say something.
    pub fn says(&self, text: &str) {
        self.gateway.lines.line_with(text);
    }
}

fn charon(dir: &TempDir, name: &str, port: u16, plugin: &str, options: &str) -> Running {
    let nat_port = if port == 500 { 4500 } else { port + 1 };
    let path = dir.path().join(name);
    let config = format!(
        "charon {{\n port = {port}\n port_nat_t = {nat_port}\n half_open_timeout = 90\n\
        load = random nonce aes sha1 sha2 hmac kdf gmp md5 kernel-netlink socket-default vici eap-identity {plugin}\n\
        filelog {{\n  stderr {{\n   default = 1\n   flush_line = yes\n  }}\n }}\n plugins {{\n  vici {{\n   socket = unix://{}.vici\n  }}\n{options} }}\n}}\n",
        path.display()
    );
    let conf = path.with_extension("conf");
    fs::write(&conf, config).unwrap();
    let mut command = Command::new("unshare");
    // Each has a file with its number in /run.
    command
        .args(["--mount", "sh", "-c", "mount -t tmpfs none /run && exec /usr/lib/ipsec/charon"])
        .env("STRONGSWAN_CONF", &conf);
    let empty = tempfile::Builder::new().prefix("ike-run-").tempdir().unwrap();
    Running::start(command, empty, "spawning")
}
