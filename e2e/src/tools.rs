//! Where `cargo xtask test` has put what the tests start.

use std::path::PathBuf;
use std::process::Command;

/// One of our programs.
pub fn bin(name: &str) -> PathBuf {
    existing("COUNTERSIGN_E2E_BIN", name)
}

/// One of our programs, to be started. What the environment says about another installation, or about these tests, is not for it.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(bin(name));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(variable);
        }
    }
    command
}

/// The Python that has `duo_client` in `version`.
pub fn python(version: &str) -> PathBuf {
    existing("COUNTERSIGN_E2E_VENVS", &format!("duo_client-{version}/bin/python"))
}

/// The Python that has `duo_universal`.
pub fn universal_python() -> PathBuf {
    existing("COUNTERSIGN_E2E_VENVS", "duo_universal/bin/python")
}

/// The Python that has `duo-web`.
pub(crate) fn old_web_python() -> PathBuf {
    existing("COUNTERSIGN_E2E_VENVS", "duo_web/bin/python")
}

/// The Python that has `aiosmtpd`.
pub fn mail_python() -> PathBuf {
    existing("COUNTERSIGN_E2E_VENVS", "aiosmtpd/bin/python")
}

/// The Python that has `ldap3`.
pub fn ldap3_python() -> PathBuf {
    existing("COUNTERSIGN_E2E_VENVS", "ldap3/bin/python")
}

/// The Python that has `http_ece`.
pub fn push_python() -> PathBuf {
    existing("COUNTERSIGN_E2E_VENVS", "http_ece/bin/python")
}

/// The directory with `node_modules`.
pub fn npm() -> PathBuf {
    existing("COUNTERSIGN_E2E_NPM", "")
}

fn existing(variable: &str, below: &str) -> PathBuf {
    let Some(dir) = std::env::var_os(variable) else {
        panic!("{variable} is not set: run the end-to-end tests with `cargo xtask test -- -p e2e`")
    };
    let path = PathBuf::from(dir).join(below);
    assert!(path.exists(), "{} is missing: `cargo xtask test` builds and installs it", path.display());
    path
}
