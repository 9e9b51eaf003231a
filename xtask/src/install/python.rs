//! Duo's Python client, unmodified, in the versions that speak the different signatures.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::once;
use crate::step;

/// A client version and what it forgot to ask for.
struct Client {
    version: &'static str,
    also: &'static [&'static str],
}

const CLIENTS: &[Client] = &[
    // signature v2, HMAC-SHA1: what Debian ships as python3-duo-client
    Client { version: "4.5.0", also: &["six"] },
    // Auth API v2 with HMAC-SHA512, Admin API with v5
    Client { version: "5.0.0", also: &["six"] },
    // signature v5 everywhere, JSON bodies
    Client { version: "5.7.0", also: &[] },
];

pub(super) fn install(venvs: &Path) -> anyhow::Result<()> {
    let python = interpreter()?;
    for client in CLIENTS {
        let dir = venvs.join(format!("duo_client-{}", client.version));
        let requirement = format!("duo_client=={}", client.version);
        let contents = format!("{requirement} {} {python}", client.also.join(" "));
        once(&dir, &contents, || {
            step::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&dir))?;
            let python = dir.join("bin/python");
            step::run(
                Command::new(&python)
                    .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
                    .args(["--progress-bar", "off", &requirement])
                    .args(client.also),
            )?;
            let import = "import duo_client; duo_client.Auth; duo_client.Admin";
            step::run(Command::new(&python).args(["-c", import]))
        })?;
        println!("install: {requirement} in {}", dir.display());
    }
    install_one(venvs, "aiosmtpd", MAIL_SINK, &python)?;
    install_one(venvs, "http_ece", PUSH_READER, &python)?;
    install_one(venvs, "ldap3", LDAP, &python)?;
    install_one(venvs, "duo_universal", UNIVERSAL, &python)?;
    install_one(venvs, "duo_web", WEB_SDK_2, &python)
}

/// A mail server that keeps what it is given.
const MAIL_SINK: &str = "aiosmtpd==1.4.6";

/// Decrypts Web Push messages, as one who did not write ours.
const PUSH_READER: &str = "http_ece==1.2.1";

/// A client of directories, as many applications have it.
const LDAP: &str = "ldap3==2.9.1";

/// Duo's SDK for web applications.
const UNIVERSAL: &str = "duo_universal==2.3.1";

/// The one before it, whose login lies in a frame.
const WEB_SDK_2: &str = "duo-web==1.3.1";

fn install_one(venvs: &Path, name: &str, requirement: &str, python: &str) -> anyhow::Result<()> {
    let dir = venvs.join(name);
    once(&dir, &format!("{requirement} {python}"), || {
        step::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&dir))?;
        step::run(
            Command::new(dir.join("bin/python"))
                .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
                .args(["--progress-bar", "off", requirement]),
        )
    })?;
    println!("install: {requirement} in {}", dir.display());
    Ok(())
}

/// What `python3` is: an environment made by another one does not outlive it.
fn interpreter() -> anyhow::Result<String> {
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable, sys.version_info[:3])"])
        .output()
        .context("cannot start python3")?;
    ensure!(output.status.success(), "python3 does not work: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
