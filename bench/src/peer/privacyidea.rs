//! privacyIDEA from PyPI, tuned as its own documentation allows, under gunicorn with one worker a core.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use data_encoding::HEXLOWER;

use crate::http::Target;
use crate::otp;
use crate::process::Watched;
use crate::site::{free_port, wait_for};

pub(crate) const VERSION: &str = "3.14";
/// Each with one token.
pub(crate) const USERS: u64 = 200;
const PACKAGES: [&str; 3] = ["privacyIDEA==3.14", "gunicorn==27.0.1", "psycopg2-binary==2.9.13"];
const SEED: &str = include_str!("seed.py");

/// An environment with the programs in it.
#[derive(Debug)]
pub(crate) struct Installed(PathBuf);

impl Installed {
    /// Makes the environment in `dir` with pip, once.
    pub(crate) fn in_dir(dir: &Path) -> anyhow::Result<Self> {
        let environment = dir.join("privacyidea");
        let done = environment.join(format!("installed-{VERSION}"));
        if !done.exists() {
            eprintln!("installing privacyIDEA {VERSION} and gunicorn with pip into {} ...", environment.display());
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
            let pip = environment.join("bin/pip");
            run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES))?;
            File::create(&done)?;
        }
        Ok(Self(environment))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.0.join("bin").join(program));
        command.stdin(Stdio::null());
        command
    }
}

/// A running peer; ended with this value.
#[derive(Debug)]
pub(crate) struct PrivacyIdea {
    child: Child,
    pub(crate) target: Target,
}

impl PrivacyIdea {
    /// Sets one up in the empty directory `dir` on `database` (an SQLAlchemy address) and starts it.
    pub(crate) fn start(installed: &Installed, dir: &Path, database: &str) -> anyhow::Result<Self> {
        let config = dir.join("pi.cfg");
        std::fs::write(&config, settings(dir, database))?;
        for step in [["setup", "create_enckey"], ["setup", "create_audit_keys"], ["setup", "create_tables"]] {
            let log = File::create(dir.join(format!("{}.log", step[1])))?;
            let mut command = installed.command("pi-manage");
            command.args(step).env("PRIVACYIDEA_CONFIGFILE", &config);
            run(command.stdout(log.try_clone()?).stderr(log))?;
        }
        seed(installed, dir, &config)?;

        let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let log = File::create(dir.join("gunicorn.log"))?;
        let application = format!(
            "privacyidea.app:create_app(config_name='production', config_file='{}', silent=True)",
            config.display()
        );
        let child = installed
            .command("gunicorn")
            .args(["--workers", "2", "--log-level", "error", "--bind", &address.to_string(), &application])
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start gunicorn")?;
        let target = Target { address, host: address.to_string(), ca: None };
        let mut peer = Self { child, target };
        wait_for(&mut peer.child, address)?;
        Ok(peer)
    }

    pub(crate) fn watched(&self) -> Watched {
        Watched::tree(self.child.id())
    }
}

impl Drop for PrivacyIdea {
    fn drop(&mut self) {
        // Its workers end with it when it is asked politely; nothing is done about one that is gone already.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn settings(dir: &Path, database: &str) -> String {
    let mut text = String::from(
        "SECRET_KEY = 'guards nothing, for it lives as long as a measurement'\nPI_PEPPER = 'likewise'\n\
         SUPERUSER_REALM = ['super']\nPI_LOGLEVEL = 40\nPI_AUDIT_NO_PRIVATE_KEY_CHECK = True\n\
         PI_RESPONSE_NO_PRIVATE_KEY_CHECK = True\nPI_ENGINE_REGISTRY_CLASS = 'shared'\n",
    );
    // Writing to a String cannot fail.
    let _ = writeln!(text, "SQLALCHEMY_DATABASE_URI = '{database}'");
    for (name, file) in [
        ("PI_ENCFILE", "enckey"),
        ("PI_AUDIT_KEY_PRIVATE", "private.pem"),
        ("PI_AUDIT_KEY_PUBLIC", "public.pem"),
        ("PI_LOGFILE", "privacyidea.log"),
    ] {
        let _ = writeln!(text, "{name} = '{}'", dir.join(file).display());
    }
    text
}

fn seed(installed: &Installed, dir: &Path, config: &Path) -> anyhow::Result<()> {
    let script = dir.join("seed.py");
    std::fs::write(&script, SEED)?;
    let log = File::create(dir.join("seed.log"))?;
    let mut child = installed
        .command("python")
        .arg(&script)
        .arg(config)
        .arg(dir.join("passwd"))
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    for user in 0..USERS {
        writeln!(stdin, "{} {}", otp::name(user), HEXLOWER.encode(&otp::secret(user)))?;
    }
    drop(stdin);
    ensure!(child.wait()?.success(), "users were not made; see {}", dir.join("seed.log").display());
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    ensure!(status.success(), "{} failed: {status}", command.get_program().display());
    Ok(())
}
