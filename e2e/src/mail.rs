//! A mail server of another maker (aiosmtpd) that keeps what it is given.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

use crate::child::Lines;
use crate::site::Site;
use crate::tools::mail_python;

const PASSWORD: &str = "c0rrect horse";

/// The server, which wants STARTTLS and a password. Dropping it ends the process.
pub struct MailSink {
    child: Child,
    output: Lines,
    port: String,
}

impl MailSink {
    /// Starts one with the certificate of `site`, which is for `localhost`.
    pub fn start(site: &Site) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/mail_sink.py");
        let tls = site.dir().join("tls");
        let mut child = Command::new(mail_python())
            .arg(program)
            .args([tls.join("server.pem"), tls.join("server.key")])
            .args(["mfa", PASSWORD])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Lines::default();
        output.collect(child.stdout.take().unwrap());
        output.collect(child.stderr.take().unwrap());
        let line = output.line_with("listening");
        let port = line.split(' ').nth(1).unwrap().to_owned();
        Self { child, output, port }
    }

    /// Has `site` send its mail here, and starts it anew.
    pub fn serve(&self, site: &mut Site) {
        let file = site.dir().join("mail.password");
        std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        site.configure(&format!(
            "[mail]\nhost = \"localhost\"\nport = {}\nfrom = \"Exämple <mfa@example.org>\"\nuser = \"mfa\"\n\
             password_file = \"mail.password\"\nca = \"{}\"\n",
            self.port,
            site.ca().display()
        ));
        site.kill();
        site.serve();
    }

    /// The next message, as `clients/mail_sink.py` prints it.
    pub fn message(&self) -> Json {
        serde_json::from_str(&self.output.line_with("recipients")).unwrap()
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
