//! Debian's `pam_duo` (asked by `pamtester`) and `login_duo`.
//!
//! They insist on files in `/etc`. A mount namespace of its own lets each run see other ones, so that the machine stays as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::api::Keys;
use crate::site::Site;
use crate::terminal::Terminal;

/// The user's address that `login_duo` is told.
pub const CLIENT_ADDRESS: &str = "192.0.2.7";

/// What a host does when the service is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failmode {
    /// Lets users in.
    Safe,
    /// Refuses them.
    Secure,
}

/// A Unix host that asks the site.
pub struct Host {
    dir: PathBuf,
    options: Vec<String>,
}

impl Host {
    /// Configures a host with `keys`, for the server at `port` of `localhost`.
    pub fn new(site: &Site, keys: &Keys, port: u16, failmode: Failmode) -> Self {
        let dir = tempfile::Builder::new().prefix("host-").tempdir_in(site.dir()).unwrap().keep();
        let failmode = match failmode {
            Failmode::Safe => "safe",
            Failmode::Secure => "secure",
        };
        let options = vec![
            format!("ikey = {}", keys.ikey),
            format!("skey = {}", keys.skey),
            format!("host = localhost:{port}"),
            format!("cafile = {}", site.ca().display()),
            format!("failmode = {failmode}"),
            "pushinfo = yes".to_owned(),
        ];
        let host = Self { dir, options };
        host.write();
        host
    }

    /// A host as most tests want it: with a unix integration of its own and `failmode = secure`.
    pub fn secure(site: &Site) -> Self {
        Self::new(site, &site.integration("unix"), site.port(), Failmode::Secure)
    }

    /// The same with one more line in its configuration.
    #[must_use]
    pub fn with(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self.write();
        self
    }

    fn write(&self) {
        let conf = self.conf();
        fs::write(&conf, format!("[duo]\n{}\n", self.options.join("\n"))).unwrap();
        fs::set_permissions(&conf, fs::Permissions::from_mode(0o600)).unwrap();
        let services = self.dir.join("pam.d");
        fs::create_dir_all(&services).unwrap();
        for service in ["duotest", "sshd", "other"] {
            let line = format!("auth required pam_duo.so conf={} debug\n", conf.display());
            fs::write(services.join(service), line).unwrap();
        }
    }

    fn conf(&self) -> PathBuf {
        self.dir.join("duo.conf")
    }

    /// Authenticates `user` through PAM, at a terminal.
    pub fn pam(&self, user: &str) -> Terminal {
        Terminal::start(&self.pam_command("duotest", user))
    }

    /// As [`Self::pam`], for somebody who comes from `address`.
    pub fn pam_from(&self, user: &str, address: &str) -> Terminal {
        Terminal::start(&self.pam_command(&format!("-Irhost={address} duotest"), user))
    }

    /// As [`Self::pam`], by the service `sshd`, for which `pam_duo` waits in one call.
    pub fn pam_sshd(&self, user: &str) -> Terminal {
        Terminal::start(&self.pam_command("sshd", user))
    }

    /// Logs `user` in by `login_duo`, at a terminal. A login shows `welcome`.
    pub fn login(&self, user: &str) -> Terminal {
        Terminal::start(&self.login_command(user))
    }

    /// Logs `user` in by `login_duo` without a terminal, as `ssh host command` does.
    pub fn login_headless(&self, user: &str) -> Output {
        let command = self.login_command(user);
        Command::new("sh").args(["-c", &command]).stdin(Stdio::null()).output().unwrap()
    }

    fn login_command(&self, user: &str) -> String {
        let conf = self.conf();
        format!("exec /usr/sbin/login_duo -c {} -f {user} -d -h {CLIENT_ADDRESS} echo welcome", conf.display())
    }

    fn pam_command(&self, service: &str, user: &str) -> String {
        let (services, users) = (self.dir.join("pam.d"), self.dir.join("passwd"));
        // pam_duo looks the user up.
        let line = format!("{user}:x:12345:12345::/:/bin/sh\n");
        fs::write(&users, fs::read_to_string("/etc/passwd").unwrap() + &line).unwrap();
        format!(
            "exec unshare --mount sh -c 'mount --bind {} /etc/pam.d && mount --bind {} /etc/passwd && exec pamtester {service} {user} authenticate'",
            services.display(),
            users.display(),
        )
    }
}

/// The number that a menu shows for its first push.
pub fn number_in(menu: &str) -> String {
    let (_, rest) = menu.split_once("(type ").unwrap_or_else(|| panic!("no number in {menu}"));
    rest.split_once(" there)").unwrap().0.to_owned()
}
