//! `ocserv`, a VPN gateway of the AnyConnect kind, which asks by RADIUS, and `openconnect`, which people use to get in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tempfile::TempDir;

use super::{DEVICE_SECRET, Running};
use crate::network::Network;
use crate::site::Site;
use crate::terminal::Terminal;

/// Where the gateway is, for its clients.
pub const GATEWAY: &str = "10.77.0.1";
/// Where they are.
pub const CLIENT: &str = "10.77.0.2";
/// The gateway's own end of every tunnel.
pub const INSIDE: &str = "10.10.0.1";

/// A gateway. It asks 127.0.0.1, at the usual ports.
pub struct Vpn {
    running: Running,
    dir: TempDir,
}

impl Vpn {
    /// Starts one, with the certificate of `site`.
    pub fn start(site: &Site) -> Self {
        Self::with_patience(site, 60, 1)
    }

    /// The same, which waits so many seconds for an answer and asks again so often.
    pub fn with_patience(site: &Site, seconds: u32, retries: u32) -> Self {
        let dir = tempfile::Builder::new().prefix("vpn-").tempdir().unwrap();
        let path = dir.path().display();
        let tls = site.dir().join("tls");
        let radcli = format!(
            "nas-identifier ocserv\nauthserver 127.0.0.1:1812\nacctserver 127.0.0.1:1813\nservers {path}/servers\n\
            dictionary /etc/radcli/dictionary\ndefault_realm\nradius_timeout {seconds}\nradius_retries {retries}\nbindaddr *\n"
        );
        fs::write(dir.path().join("radcli.conf"), radcli).unwrap();
        fs::write(dir.path().join("servers"), format!("127.0.0.1 {DEVICE_SECRET}\n")).unwrap();
        let config = format!(
            "auth = \"radius[config={path}/radcli.conf,groupconfig=true,nas-identifier=ocserv]\"\n\
            acct = \"radius[config={path}/radcli.conf]\"\nlisten-host = {GATEWAY}\ntcp-port = 4443\nrun-as-user = root\nrun-as-group = root\n\
            socket-file = {path}/socket\nserver-cert = {}\nserver-key = {}\nisolate-workers = false\nmax-clients = 16\nmax-same-clients = 4\n\
            keepalive = 300\ndpd = 60\nauth-timeout = 120\nmax-ban-score = 0\ncookie-timeout = 300\nuse-occtl = false\ndevice = vpns\n\
            ipv4-network = 10.10.0.0\nipv4-netmask = 255.255.255.0\nroute = 10.10.0.0/24\ncisco-client-compat = true\n\
            try-mtu-discovery = false\nlog-level = 3\n",
            tls.join("server.pem").display(),
            tls.join("server.key").display(),
        );
        fs::write(dir.path().join("ocserv.conf"), config).unwrap();
        let script = "#!/bin/sh\n[ \"$reason\" = connect ] || exit 0\nip link set \"$TUNDEV\" up\nip addr add \"$INTERNAL_IP4_ADDRESS/32\" dev \"$TUNDEV\"\n\
            ip route add 10.10.0.0/24 dev \"$TUNDEV\"\necho \"tunnel up: $INTERNAL_IP4_ADDRESS\"\n";
        let hook = dir.path().join("script");
        fs::write(&hook, script).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = Command::new("ocserv");
        command.args(["-f", "-d", "1", "-c"]).arg(dir.path().join("ocserv.conf"));
        let empty = tempfile::Builder::new().prefix("vpn-run-").tempdir().unwrap();
        Self { running: Running::start(command, empty, "sec-mod initialized"), dir }
    }

    /// Waits for the gateway to say something.
    pub fn says(&self, text: &str) {
        self.running.lines.line_with(text);
    }

    /// Dials in from `network`.
    pub fn dial(&self, site: &Site, network: &Network, user: &str) -> Terminal {
        let (ca, dir) = (site.ca(), self.dir.path().display());
        Terminal::start(&network.shell(&format!(
            "openconnect --protocol=anyconnect --user={user} --cafile={} --resolve=localhost:{GATEWAY} --no-dtls --script={dir}/script https://localhost:4443",
            ca.display(),
        )))
    }
}
