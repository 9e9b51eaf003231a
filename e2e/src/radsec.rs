//! Debian's radsecproxy, which speaks RADIUS by UDP on one side and by TLS on the other, and certificates for both ends.

use std::path::PathBuf;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::ports::free_port;
use crate::radius::ise::{ACCOUNTING_PORT, AUTH_PORT};
use crate::radius::{Asking, DEVICE_SECRET, FreeRadius, Running, SERVER_SECRET, ask_at};

/// An authority, and a certificate of it for this host that both ends show.
pub struct Certificates(TempDir);

impl Certificates {
    /// New ones.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("radsec-").tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A certificate that bears its issuer's name is taken for its own issuer by OpenSSL.
        params.distinguished_name.push(DnType::CommonName, "lab authority");
        let key = KeyPair::generate().unwrap();
        std::fs::write(dir.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let own = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&own, &issuer).unwrap();
        std::fs::write(dir.path().join("own.pem"), certificate.pem()).unwrap();
        std::fs::write(dir.path().join("own.key"), own.serialize_pem()).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// As `authproxy.cfg` names them.
    pub fn options(&self) -> String {
        let [ca, own, key] = ["ca.pem", "own.pem", "own.key"].map(|name| self.path(name).display().to_string());
        format!("tls_ca_file={ca}\ntls_cert_file={own}\ntls_key_file={key}\n")
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

/// A running radsecproxy.
pub struct RadSecProxy {
    running: Running,
    port: u16,
}

/// A port that nobody uses, for the end that listens by TLS.
pub fn tls_port() -> u16 {
    free_port()
}

impl RadSecProxy {
    /// Devices ask it by UDP, and it asks by TLS at a port.
    pub fn to_tls(certificates: &Certificates, port: u16) -> Self {
        let own = free_port();
        let config = format!(
            "ListenUDP 127.0.0.1:{own}\n{}client nas {{\n host 127.0.0.1\n type udp\n secret {DEVICE_SECRET}\n}}\n\
            server cs {{\n host 127.0.0.1\n port {port}\n type tls\n secret radsec\n StatusServer on\n}}\nrealm * {{\n server cs\n}}\n",
            tls(certificates)
        );
        Self::start(&config, own, &format!("listening for udp on 127.0.0.1:{own}"))
    }

    /// It is asked by TLS at a port, and asks FreeRADIUS by UDP.
    pub fn from_tls(certificates: &Certificates, port: u16, behind: &FreeRadius) -> Self {
        let config = format!(
            "ListenTLS 127.0.0.1:{port}\n{}client cs {{\n host 127.0.0.1\n type tls\n secret radsec\n}}\n\
            server behind {{\n host 127.0.0.1\n port {}\n type udp\n secret {SERVER_SECRET}\n}}\nrealm * {{\n server behind\n}}\n",
            tls(certificates),
            behind.port
        );
        Self::start(&config, port, &format!("listening for tls on 127.0.0.1:{port}"))
    }

    /// As [`to_tls`](Self::to_tls), in a [`Network`](crate::Network): logins and accounting at port 11812.
    pub fn to_tls_with_accounting(certificates: &Certificates, port: u16) -> Self {
        let config = format!(
            "ListenUDP 127.0.0.1:11812\n{}client nas {{\n host 127.0.0.1\n type udp\n secret {DEVICE_SECRET}\n}}\n\
            server cs {{\n host 127.0.0.1\n port {port}\n type tls\n secret radsec\n StatusServer on\n}}\n\
            realm * {{\n server cs\n accountingServer cs\n}}\n",
            tls(certificates)
        );
        Self::start(&config, 11812, "listening for udp on 127.0.0.1:11812")
    }

    /// As [`from_tls`](Self::from_tls), in front of an [`Ise`](crate::radius::ise::Ise), with accounting.
    pub fn from_tls_with_accounting(certificates: &Certificates, port: u16) -> Self {
        let behind = |name: &str, port: u16| {
            format!("server {name} {{\n host 127.0.0.1\n port {port}\n type udp\n secret {SERVER_SECRET}\n}}\n")
        };
        let config = format!(
            "ListenTLS 127.0.0.1:{port}\n{}client cs {{\n host 127.0.0.1\n type tls\n secret radsec\n}}\n{}{}\
            realm * {{\n server behind\n accountingServer records\n}}\n",
            tls(certificates),
            behind("behind", AUTH_PORT),
            behind("records", ACCOUNTING_PORT),
        );
        Self::start(&config, port, &format!("listening for tls on 127.0.0.1:{port}"))
    }

    fn start(config: &str, port: u16, ready: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("radsecproxy-").tempdir().unwrap();
        let path = dir.path().join("radsecproxy.conf");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new("/usr/sbin/radsecproxy");
        command.args(["-f", "-d", "2", "-c"]).arg(&path).arg("-i").arg(dir.path().join("pid"));
        Self { running: Running::start(command, dir, ready), port }
    }

    /// Begins a login as a device would, by UDP.
    pub fn ask(&self, attributes: &str) -> Asking {
        ask_at(self.port, attributes, &[], DEVICE_SECRET)
    }

    /// What it has said.
    pub fn log(&self) -> String {
        self.running.lines.text()
    }
}

fn tls(certificates: &Certificates) -> String {
    let [ca, own, key] = ["ca.pem", "own.pem", "own.key"].map(|name| certificates.path(name).display().to_string());
    format!("tls default {{\n CACertificateFile {ca}\n CertificateFile {own}\n CertificateKeyFile {key}\n}}\n")
}
