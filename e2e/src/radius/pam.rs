//! Debian's `pam_radius_auth`, asked by `pamtester`, with two servers as administrators write them for the case that one is away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::DEVICE_SECRET;
use crate::terminal::Terminal;

/// A Unix host whose PAM asks by RADIUS.
pub struct PamHost {
    dir: TempDir,
}

impl PamHost {
    /// Asks these servers in turn, each for so many seconds.
    pub fn asking(servers: &[(&str, u32)]) -> Self {
        let dir = tempfile::Builder::new().prefix("pam-").tempdir().unwrap();
        let lines: String =
            servers.iter().map(|(host, seconds)| format!("{host}:1812 {DEVICE_SECRET} {seconds}\n")).collect();
        let conf = dir.path().join("pam_radius_auth.conf");
        fs::write(&conf, lines).unwrap();
        fs::set_permissions(&conf, fs::Permissions::from_mode(0o600)).unwrap();
        let services = dir.path().join("pam.d");
        fs::create_dir_all(&services).unwrap();
        let options = "retry=1 max_challenge=3 prompt_attribute client_id=lab";
        let line = format!("auth required pam_radius_auth.so conf={} {options}\n", conf.display());
        for service in ["lab", "other"] {
            fs::write(services.join(service), &line).unwrap();
        }
        Self { dir }
    }

    /// Authenticates somebody who comes from `address`, at a terminal.
    pub fn login(&self, user: &str, address: &str) -> Terminal {
        let (services, users) = (self.dir.path().join("pam.d"), self.dir.path().join("passwd"));
        let line = format!("{user}:x:12345:12345::/:/bin/sh\n");
        fs::write(&users, fs::read_to_string("/etc/passwd").unwrap() + &line).unwrap();
        Terminal::start(&format!(
            "exec unshare --mount sh -c 'mount --bind {} /etc/pam.d && mount --bind {} /etc/passwd && exec pamtester -Irhost={address} lab {user} authenticate'",
            services.display(),
            users.display(),
        ))
    }
}
