//! The proxy between applications that speak LDAP and a directory.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::api::Keys;
use crate::child::Lines;
use crate::ports::free_port;
use crate::site::Site;
use crate::slapd::{Authority, SERVICE_PASSWORD, Slapd};
use crate::tools::program;

/// `countersign-proxy run` with an `[ldap_server_auto]`.
pub struct LdapProxy {
    child: Child,
    lines: Lines,
    /// Clear text and StartTLS.
    pub port: u16,
    /// LDAPS.
    pub tls_port: u16,
    /// Of its certificate.
    pub authority: Authority,
    dir: TempDir,
}

impl LdapProxy {
    /// Starts one for an application of `site`, in front of `behind`, asked in clear.
    pub fn start(site: &Site, keys: &Keys, options: &str, behind: &Slapd) -> Self {
        let directory = format!("host=127.0.0.1\nport={}", behind.port);
        Self::asking(site.host(), site, keys, options, &directory)
    }

    /// The same, with another API host, and what `[ad_client]` says about where the directory is.
    pub fn asking(api_host: &str, site: &Site, keys: &Keys, options: &str, directory: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("proxy-").tempdir().unwrap();
        let authority = Authority::new();
        let path = dir.path().join("authproxy.cfg");
        let mut last = String::new();
        for _ in 0..20 {
            let (port, tls_port) = (free_port(), free_port());
            let text = format!(
                "[main]\nhttp_ca_certs_file={}\nlog_auth_events=true\nlog_dir=log\n\
                [ad_client]\n{directory}\nservice_account_username=svc\nservice_account_password={SERVICE_PASSWORD}\nauth_type=plain\n\
                bind_dn=cn=svc,ou=services,dc=lab\nsearch_dn=ou=people,dc=lab\nusername_attribute=uid\nat_attribute=mail\n\
                [ldap_server_auto]\nikey={}\nskey={}\napi_host={api_host}\ninterface=127.0.0.1\nport={port}\nssl_port={tls_port}\n\
                ssl_cert_path={}\nssl_key_path={}\n{options}\n",
                site.ca().display(),
                keys.ikey,
                keys.skey,
                authority.certificate().display(),
                authority.key().display(),
            );
            std::fs::write(&path, text).unwrap();
            let mut command = program("countersign-proxy");
            command.args(["run", "--config"]).arg(&path).env("RUST_LOG", "info").current_dir(dir.path());
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let lines = Lines::default();
            lines.collect(child.stdout.take().unwrap());
            lines.collect(child.stderr.take().unwrap());
            match lines.try_line_with("serving") {
                Ok(_) => return Self { child, lines, port, tls_port, authority, dir },
                // Somebody else has the port by now.
                Err(text) => {
                    _ = child.kill();
                    _ = child.wait();
                    last = text;
                }
            }
        }
        panic!("the proxy does not start:\n{last}")
    }

    /// Waits for it to say something.
    pub fn says(&self, text: &str) -> String {
        self.lines.line_with(text)
    }

    /// What it has said.
    pub fn log(&self) -> String {
        self.lines.text()
    }

    /// `authevents.log`
    pub fn events(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log/authevents.log")).unwrap()
    }

    /// Its address in clear.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// Its address within TLS.
    pub fn tls_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }
}

impl Drop for LdapProxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// One of OpenLDAP's programs.
pub struct LdapTool(Child);

impl LdapTool {
    /// Starts it at `url`, trusting `ca`.
    pub fn start(name: &str, url: &str, ca: &Path, arguments: &[&str]) -> Self {
        let child = Command::new(name)
            .args(["-x", "-H", url])
            .args(arguments)
            .env("LDAPTLS_CACERT", ca)
            .env("LDAPTLS_REQCERT", "demand")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// What it has printed, when it is done, and its exit code.
    pub fn end(self) -> (i32, String) {
        let Output { status, stdout, stderr } = self.0.wait_with_output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        (status.code().unwrap(), text)
    }
}
