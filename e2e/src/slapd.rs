//! Debian's `slapd` as a directory with people of the test's own.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;

use crate::child::Lines;
use crate::ports::free_port;

/// The password of the service account `cn=svc,ou=services,dc=lab`.
pub const SERVICE_PASSWORD: &str = "svc-password";
/// The password of the application's account `cn=app,ou=services,dc=lab`.
pub const APPLICATION_PASSWORD: &str = "app,push";
/// The password of `uid=alice` and `uid=bob` in `ou=people,dc=lab`.
pub const PASSWORD: &str = "S3cret,pw";

/// An authority with one certificate, for `localhost` and 127.0.0.1.
pub struct Authority {
    dir: TempDir,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("authority-").tempdir().unwrap();
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let mut certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        certificate.subject_alt_names.push(SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
        let pem = certificate.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap().pem();
        for (name, text) in [("ca.pem", ca_pem), ("cert.pem", pem), ("key.pem", key.serialize_pem())] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Self { dir }
    }

    /// Whom clients trust.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The certificate.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// Its key.
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// A directory. Dropping it ends the process.
pub struct Slapd {
    child: Child,
    lines: Lines,
    /// Clear text and StartTLS.
    pub port: u16,
    /// LDAPS.
    pub tls_port: u16,
    /// Of its certificate.
    pub authority: Authority,
    _dir: TempDir,
}

impl Slapd {
    /// Starts one with alice, bob and two hundred others.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("slapd-").tempdir().unwrap();
        let authority = Authority::new();
        prepare(dir.path(), &authority);
        let mut last = String::new();
        for _ in 0..20 {
            let (port, tls_port) = (free_port(), free_port());
            let mut child = slapd("slapd", dir.path())
                .args(["-d", "stats", "-h"])
                .arg(format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = Lines::default();
            lines.collect(child.stdout.take().unwrap());
            lines.collect(child.stderr.take().unwrap());
            match lines.try_line_with("slapd starting") {
                Ok(_) => return Self { child, lines, port, tls_port, authority, _dir: dir },
                // Somebody else has the port by now.
                Err(text) => {
                    _ = child.kill();
                    _ = child.wait();
                    last = text;
                }
            }
        }
        panic!("slapd does not start:\n{last}")
    }

    /// What it has said: each operation is a line.
    pub fn log(&self) -> String {
        self.lines.text()
    }

    /// How many binds of a name it was asked for.
    pub fn binds(&self, dn: &str) -> usize {
        self.log().lines().filter(|line| line.contains(&format!("BIND dn=\"{dn}\" method="))).count()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn slapd(name: &str, dir: &Path) -> Command {
    let program = Path::new("/usr/sbin").join(name);
    let mut command = Command::new(if program.exists() { program } else { name.into() });
    command.arg("-f").arg(dir.join("slapd.conf"));
    command
}

fn prepare(dir: &Path, authority: &Authority) {
    let path = dir.display();
    std::fs::create_dir(dir.join("db")).unwrap();
    let config = format!(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\ninclude /etc/ldap/schema/inetorgperson.schema\n\
        modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {path}/slapd.pid\nargsfile {path}/slapd.args\n\
        TLSCACertificateFile {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
        access to attrs=userPassword by self write by anonymous auth by * none\naccess to * by * read\n\
        database mdb\nsuffix dc=lab\nrootdn cn=root,dc=lab\ndirectory {path}/db\nmaxsize 67108864\n",
        authority.ca().display(),
        authority.certificate().display(),
        authority.key().display(),
    );
    std::fs::write(dir.join("slapd.conf"), config).unwrap();
    std::fs::write(dir.join("lab.ldif"), ldif()).unwrap();
    let loaded = slapd("slapadd", dir).arg("-q").arg("-l").arg(dir.join("lab.ldif")).output().unwrap();
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
}

fn ldif() -> String {
    let mut text = "dn: dc=lab\nobjectClass: dcObject\nobjectClass: organization\no: lab\n\n".to_owned();
    for name in ["people", "services"] {
        writeln!(text, "dn: ou={name},dc=lab\nobjectClass: organizationalUnit\nou: {name}\n").unwrap();
    }
    for (name, password) in [("svc", SERVICE_PASSWORD), ("app", APPLICATION_PASSWORD)] {
        let class = "objectClass: organizationalRole\nobjectClass: simpleSecurityObject";
        writeln!(text, "dn: cn={name},ou=services,dc=lab\n{class}\ncn: {name}\nuserPassword: {password}\n").unwrap();
    }
    let others = (0..200).map(|number| format!("user{number:03}"));
    for name in ["alice", "bob"].map(str::to_owned).into_iter().chain(others) {
        let mail = format!("mail: {name}@lab.test\nuserPassword: {PASSWORD}");
        let names = format!("uid: {name}\ncn: {name} Müller\nsn: Müller\ndescription: {}", "x".repeat(100));
        writeln!(text, "dn: uid={name},ou=people,dc=lab\nobjectClass: inetOrgPerson\n{names}\n{mail}\n").unwrap();
    }
    text
}
