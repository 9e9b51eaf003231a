//! Samba as an Active Directory domain controller: its LDAP alone, which is all that the proxy speaks to.

use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use super::{Authority, PASSWORD, SERVICE_PASSWORD, own_address};
use crate::child::PATIENCE;

const ADMINISTRATOR: &str = "Passw0rd!x";

/// A domain `LAB`, `lab.test`: alice may do everything, others have something against them. One for the whole process, with whose end it ends.
pub struct Samba {
    address: Ipv4Addr,
    authority: Authority,
    /// Its standard input is open as long as this is there.
    _child: Child,
}

impl Samba {
    /// The one of this process; making a domain takes some ten seconds.
    pub fn shared() -> &'static Self {
        static SAMBA: OnceLock<Samba> = OnceLock::new();
        SAMBA.get_or_init(Self::start)
    }

    fn start() -> Self {
        let address = own_address();
        let dir = tempfile::Builder::new().prefix("samba-").tempdir().unwrap().keep();
        let authority = Authority::new(&dir);
        let (certificate, key) = authority.issue(address);
        provision(&dir, address);
        // Beside what was made: its own places, certificates, and no second signature within TLS.
        let config = dir.join("etc/smb.conf");
        let made = fs::read_to_string(&config).unwrap();
        let path = dir.display();
        let ours = format!(
            "[global]\n\tpid directory = {path}\n\tncalrpc dir = {path}/ncalrpc\n\tlogging = stderr\n\tmax log size = 0\n\
            \ttls certfile = {}\n\ttls keyfile = {}\n\ttls cafile = {}\n\tldap server require strong auth = allow_sasl_over_tls\n",
            certificate.display(),
            key.display(),
            authority.file().display(),
        );
        fs::write(&config, made.replacen("[global]\n", &ours, 1)).unwrap();
        let seed = dir.join("seed.py");
        fs::write(&seed, SEED).unwrap();
        done(Command::new("/usr/bin/python3").arg(&seed).arg(&dir).args([PASSWORD, SERVICE_PASSWORD]));
        // `-i` ends with its standard input, which ends with this process; then its directory goes.
        let script = "samba -i -s \"$1/etc/smb.conf\" >\"$1/out\" 2>&1; rm -rf \"$1\"";
        let child = Command::new("sh")
            .args(["-c", script, "samba"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let samba = Self { address, authority, _child: child };
        samba.wait(&dir);
        samba
    }

    /// Until it answers.
    fn wait(&self, dir: &Path) {
        let deadline = Instant::now() + PATIENCE;
        let answers = || {
            let mut ask = Command::new("ldapsearch");
            ask.args(["-x", "-s", "base", "-b", "", "-o", "nettimeout=5", "-H", &format!("ldap://{}", self.address)]);
            ask.output().unwrap().status.success()
        };
        while !answers() {
            let told = || fs::read_to_string(dir.join("out")).unwrap_or_default();
            assert!(Instant::now() < deadline, "samba does not answer:\n{}", told());
        }
    }

    /// Changes entries, as LDIF says (RFC 2849). Tests share the domain: each has entries of its own.
    pub fn change(&self, ldif: &str) {
        let mut child = Command::new("ldapmodify")
            .args([
                "-x",
                "-D",
                "Administrator@lab.test",
                "-w",
                ADMINISTRATOR,
                "-H",
                &format!("ldaps://{}", self.address),
            ])
            .env("LDAPTLS_CACERT", self.authority.file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// An `[ad_client]` for it.
    pub fn section(&self, transport: &str, auth_type: &str, options: &str) -> String {
        format!(
            "[ad_client]\nhost={}\ntransport={transport}\nssl_ca_certs_file={}\nauth_type={auth_type}\nbind_dn=CN=svc,CN=Users,DC=lab,DC=test\n\
            service_account_username=svc\nservice_account_password={SERVICE_PASSWORD}\nsearch_dn=DC=lab,DC=test\n{options}\n",
            self.address,
            self.authority.file().display(),
        )
    }
}

fn provision(dir: &Path, address: Ipv4Addr) {
    let interfaces = format!("--option=interfaces={address}/8");
    done(
        Command::new("samba-tool")
            .args(["domain", "provision", "--realm=LAB.TEST", "--domain=LAB", "--server-role=dc", "--dns-backend=NONE"])
            .args([&format!("--adminpass={ADMINISTRATOR}"), "--host-name=dc1", "--option=bind interfaces only=yes"])
            .args([&interfaces, &format!("--host-ip={address}"), "--option=server services=ldap"])
            .arg(format!("--targetdir={}", dir.display())),
    );
}

fn done(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let told = || [output.stdout.as_slice(), &output.stderr].concat();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&told()));
}

/// People and groups, with Samba's own library. The last control lets a time of the last change be written.
const SEED: &str = r#"
import sys
from ldb import Dn, FLAG_MOD_REPLACE, Message, MessageElement
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

directory, password, service = sys.argv[1:]
lp = LoadParm()
lp.load(directory + "/etc/smb.conf")
db = SamDB(url=directory + "/private/sam.ldb", session_info=system_session(), lp=lp)
base = db.domain_dn()

def entry(name):
    return db.search(base, expression="(sAMAccountName=%s)" % name, attrs=["primaryGroupToken"])[0]

def set(dn, attribute, value, controls=[]):
    message = Message(Dn(db, str(dn)))
    message["value"] = MessageElement(value, FLAG_MOD_REPLACE, attribute)
    db.modify(message, controls)

db.set_minPwdLength("4")
set(base, "pwdProperties", "0")
set(base, "lockoutThreshold", "3")
for name in ["alice", "bob", "carol", "disabled", "locked", "mustchange", "expired", "over", "night", "primary"]:
    db.newuser(name, password, mailaddress=name + "@mail.lab.test", force_password_change_at_next_login_req=name == "mustchange")
db.newuser("svc", service)
db.disable_account("(sAMAccountName=disabled)")
set(entry("over").dn, "accountExpires", "116444736000000000")
set(entry("night").dn, "logonHours", b"\0" * 21)
set(entry("expired").dn, "pwdLastSet", "131000000000000000", ["local_oid:1.3.6.1.4.1.7165.4.3.20:0"])
for name in ["vpn", "staff", "inner", "prim"]:
    db.newgroup(name)
members = ["alice", "disabled", "locked", "mustchange", "expired", "over", "night"]
for group, those in [("vpn", members + ["staff"]), ("staff", ["inner", "prim"]), ("inner", ["bob", "staff"]), ("prim", ["primary"])]:
    db.add_remove_group_members(group, those)
set(entry("primary").dn, "primaryGroupID", str(entry("prim")["primaryGroupToken"][0], "ascii"))
"#;
