//! OpenLDAP's `slapd`.

use std::fs;
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use super::{Authority, PASSWORD, SERVICE_PASSWORD, own_address};
use crate::child::Lines;

/// Ports of this process' own address.
static NEXT: AtomicU16 = AtomicU16::new(10_000);

/// A directory of `dc=lab`: alice may do everything, others have something against them. Dropping it ends it.
pub struct Slapd {
    child: Child,
    lines: Lines,
    address: Ipv4Addr,
    clear: u16,
    tls: u16,
    authority: Authority,
    _dir: TempDir,
}

impl Slapd {
    pub fn start() -> Self {
        Self::with(&entries_of_lab())
    }

    /// One with entries as `slapadd` reads them, below `dc=lab` with its service account `cn=svc,dc=lab`. `cn=limited,dc=lab` may read as much at a time as anybody.
    pub fn with(entries: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("slapd-").tempdir().unwrap();
        let (path, address) = (dir.path().display(), own_address());
        let authority = Authority::new(dir.path());
        let (certificate, key) = authority.issue(address);
        fs::create_dir(dir.path().join("data")).unwrap();
        let config = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\ninclude /etc/ldap/schema/nis.schema\n\
            include /etc/ldap/schema/inetorgperson.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload ppolicy\n\
            pidfile {path}/pid\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\nTLSCACertificateFile {}\nTLSVerifyClient never\n\
            database mdb\nsuffix dc=lab\nrootdn cn=admin,dc=lab\nrootpw {SERVICE_PASSWORD}\ndirectory {path}/data\nmaxsize 268435456\n\
            limits dn.exact=cn=svc,dc=lab size=unlimited size.prtotal=unlimited\n\
            access to attrs=userPassword by anonymous auth by * none\naccess to * by dn.exact=cn=svc,dc=lab read by dn.exact=cn=limited,dc=lab read by self read by * none\n\
            overlay ppolicy\nppolicy_default cn=policy,dc=lab\nppolicy_use_lockout\n",
            certificate.display(),
            key.display(),
            authority.file().display(),
        );
        let config_file = dir.path().join("slapd.conf");
        fs::write(&config_file, config).unwrap();
        let file = dir.path().join("entries.ldif");
        fs::write(&file, entries).unwrap();
        let added = Command::new("slapadd").arg("-qf").arg(&config_file).arg("-l").arg(&file).output().unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let clear = NEXT.fetch_add(2, Ordering::Relaxed);
        let tls = clear + 1;
        let mut child = Command::new("slapd")
            .args(["-d", "stats", "-h", &format!("ldap://{address}:{clear} ldaps://{address}:{tls}"), "-f"])
            .arg(&config_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Lines::default();
        lines.collect(child.stderr.take().unwrap());
        lines.line_with("slapd starting");
        Self { child, lines, address, clear, tls, authority, _dir: dir }
    }

    /// An `[ad_client]` for it.
    pub fn section(&self, transport: &str, options: &str) -> String {
        let port = if transport == "ldaps" { self.tls } else { self.clear };
        let authority = match transport {
            "clear" => String::new(),
            _ if options.contains("ssl_ca_certs_file") => String::new(),
            _ => format!("ssl_ca_certs_file={}\n", self.authority.file().display()),
        };
        format!(
            "[ad_client]\nhost={}\nport={port}\ntransport={transport}\n{authority}auth_type=plain\nbind_dn=cn=svc,dc=lab\nservice_account_username=svc\n\
            service_account_password={SERVICE_PASSWORD}\nsearch_dn=dc=lab\nusername_attribute=uid\nat_attribute=mail\n{options}\n",
            self.address
        )
    }

    /// Changes entries, as LDIF says (RFC 2849).
    pub fn change(&self, ldif: &str) {
        let file = self.authority.file().with_file_name("changes.ldif");
        fs::write(&file, ldif).unwrap();
        let mut command = Command::new("ldapmodify");
        command.args(["-x", "-D", "cn=admin,dc=lab", "-w", SERVICE_PASSWORD, "-H"]);
        let output =
            command.arg(format!("ldap://{}:{}", self.address, self.clear)).arg("-f").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What it has told of its connections.
    pub fn log(&self) -> String {
        self.lines.text()
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// What every directory begins with.
pub fn foundation() -> String {
    let account = |name: &str| {
        format!(
            "dn: cn={name},dc=lab\nobjectClass: person\ncn: {name}\nsn: {name}\nuserPassword: {SERVICE_PASSWORD}\n\n"
        )
    };
    format!(
        "dn: dc=lab\nobjectClass: dcObject\nobjectClass: organization\no: lab\ndc: lab\n\n\
        dn: ou=people,dc=lab\nobjectClass: organizationalUnit\nou: people\n\ndn: ou=groups,dc=lab\nobjectClass: organizationalUnit\nou: groups\n\n{}{}",
        account("svc"),
        account("limited"),
    )
}

fn entries_of_lab() -> String {
    let person = |uid: &str, more: &str| {
        format!(
            "dn: uid={uid},ou=people,dc=lab\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\nmail: {uid}@lab.test\nuserPassword: {PASSWORD}\n{more}\n"
        )
    };
    let group = |name: &str, members: &[&str]| {
        let members: String = members.iter().map(|member| format!("member: {member},dc=lab\n")).collect();
        format!("dn: cn={name},ou=groups,dc=lab\nobjectClass: groupOfNames\ncn: {name}\n{members}\n")
    };
    let everybody = ["locked", "expired", "mustchange"].map(|uid| format!("uid={uid},ou=people"));
    let vpn: Vec<&str> =
        everybody.iter().map(String::as_str).chain(["uid=alice,ou=people", "cn=staff,ou=groups"]).collect();
    [
        foundation(),
        // Nobody is locked by wrong passwords here but who tries five.
        "dn: cn=policy,dc=lab\nobjectClass: person\nobjectClass: pwdPolicy\ncn: policy\nsn: policy\npwdAttribute: userPassword\npwdLockout: TRUE\n\
        pwdMaxFailure: 5\npwdMustChange: TRUE\n\n\
        dn: cn=short,dc=lab\nobjectClass: person\nobjectClass: pwdPolicy\ncn: short\nsn: short\npwdAttribute: userPassword\npwdMaxAge: 60\n\n"
            .to_owned(),
        person("alice", ""),
        // In a group that is in the group, which is in it again.
        person("bob", ""),
        person("carol", ""),
        // Locked for ever (draft-behera-ldap-password-policy §5.3.3).
        person("locked", "pwdAccountLockedTime: 000001010000Z\n"),
        person("expired", "pwdPolicySubentry: cn=short,dc=lab\npwdChangedTime: 20200101000000Z\n"),
        person("mustchange", "pwdReset: TRUE\n"),
        group("vpn", &vpn),
        group("staff", &["uid=bob,ou=people", "cn=vpn,ou=groups"]),
    ]
    .concat()
}
