//! EAP: FreeRADIUS as the server that ends it, and `eapol_test`, which is `wpa_supplicant` with the access point's end of RADIUS.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{DEVICE_SECRET, FreeRadius, RadiusProxy};

/// A certificate and its key, as files. It is its own authority.
pub struct Certificate {
    dir: TempDir,
}

impl Certificate {
    /// Makes one.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("certificate-").tempdir().unwrap();
        make_certificate(dir.path());
        Self { dir }
    }

    /// The certificate.
    pub fn pem(&self) -> PathBuf {
        self.dir.path().join("server.pem")
    }

    /// Its key.
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("server.key")
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

/// RSA with 4096 bits, so that it does not fit into one EAP packet.
fn make_certificate(dir: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:4096", "-nodes", "-days", "2", "-subj", "/CN=radius.test"])
        .args(["-addext", "subjectAltName=DNS:radius.test", "-keyout"])
        .arg(dir.join("server.key"))
        .arg("-out")
        .arg(dir.join("server.pem"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

impl FreeRadius {
    /// One that ends EAP: TLS outside, passwords and MS-CHAPv2 inside. Its Access-Accept names who has logged in inside.
    pub fn with_eap(users: &str) -> Self {
        let inner = "server inner {\n authorize {\n  mschap\n  eap {\n   ok = return\n  }\n  files\n  pap\n }\n\
            authenticate {\n  Auth-Type PAP {\n   pap\n  }\n  Auth-Type MS-CHAP {\n   mschap\n  }\n  eap\n }\n\
            post-auth {\n  update {\n   &outer.session-state:User-Name := &User-Name\n  }\n }\n}\n";
        Self::with(users, eap_module, "eap", inner)
    }
}

fn eap_module(dir: &Path) -> String {
    make_certificate(dir);
    let path = dir.display();
    let tunnel = "{\n   tls = common\n   default_eap_type = mschapv2\n   copy_request_to_tunnel = no\n   use_tunneled_reply = no\n   virtual_server = inner\n  }\n";
    format!(
        " eap {{\n  default_eap_type = peap\n  tls-config common {{\n   private_key_file = {path}/server.key\n   certificate_file = {path}/server.pem\n\
        tls_min_version = \"1.2\"\n   tls_max_version = \"1.2\"\n   fragment_size = 1024\n  }}\n\
        ttls {tunnel}  peap {tunnel}  mschapv2 {{\n  }}\n  gtc {{\n   auth_type = PAP\n  }}\n }}\n"
    )
}

/// `eapol_test` at work: somebody who logs in through an access point.
pub struct Supplicant {
    child: Child,
    _dir: TempDir,
}

impl Supplicant {
    /// Begins a login through `proxy`, from the station of this number; `network` are lines of a `network` block of `wpa_supplicant.conf`.
    pub fn start(proxy: &RadiusProxy, station: u8, network: &str) -> Self {
        Self::with_secret(proxy, station, network, DEVICE_SECRET)
    }

    /// The same, with another secret.
    pub fn with_secret(proxy: &RadiusProxy, station: u8, network: &str, secret: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("supplicant-").tempdir().unwrap();
        let path = dir.path().join("network.conf");
        std::fs::write(&path, format!("network={{\nkey_mgmt=WPA-EAP\n{network}\n}}\n")).unwrap();
        let (port, station) = (proxy.port.to_string(), format!("02:00:00:00:00:{station:02x}"));
        let child = Command::new("eapol_test")
            .arg("-c")
            .arg(&path)
            .args(["-a", "127.0.0.1", "-p", &port, "-s", secret, "-t", "60", "-M", &station])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, _dir: dir }
    }

    /// Ends it, whatever it waits for.
    pub fn give_up(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }

    /// Waits for the end: whether it is in, with keys that both ends have alike, and what was said.
    pub fn end(self) -> (bool, String) {
        let output = self.child.wait_with_output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let is_in = text.lines().any(|line| line == "SUCCESS") && text.contains("MPPE keys OK: 1  mismatch: 0");
        assert_eq!(is_in, output.status.success(), "{text}");
        (is_in, text)
    }
}
