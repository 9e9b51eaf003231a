//! Installs what the end-to-end tests start: Debian packages, Python and Node client libraries.
//!
//! Only what is missing is installed. Debian packages go to the machine, everything else below the
//! target directory, so that removing it undoes it.

mod debian;
mod node;
mod python;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Where the tests find what was installed for them.
#[derive(Debug)]
pub(crate) struct Places {
    /// Holds one virtual environment per client version: `duo_client-5.7.0/bin/python` and so on.
    pub(crate) venvs: PathBuf,
    /// Holds `node_modules`.
    pub(crate) npm: PathBuf,
}

impl Places {
    pub(crate) fn under(target: &Path) -> Self {
        Self { venvs: target.join("e2e/venvs"), npm: target.join("e2e/npm") }
    }
}

/// Installs all that is missing and says where it is.
pub(crate) fn everything(target: &Path) -> anyhow::Result<Places> {
    let places = Places::under(target);
    debian::install()?;
    python::install(&places.venvs)?;
    node::install(&places.npm)?;
    Ok(places)
}

/// Fills `dir` by `fill` unless an earlier run did so completely for the same `contents`.
///
/// A directory left by an interrupted run, or made for other contents, is removed first.
fn once(dir: &Path, contents: &str, fill: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let stamp = dir.join(".complete");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == contents) {
        return Ok(());
    }
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot clear {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    fill()?;
    fs::write(&stamp, contents).with_context(|| format!("cannot write {}", stamp.display()))
}

/// The program called `name` on `PATH` or where Debian puts programs for administrators.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_filled_once_and_again_when_its_contents_should_change() {
        let root = std::env::temp_dir().join(format!("xtask-once-{}", std::process::id()));
        let dir = root.join("venv");
        let mut fills = 0;
        for contents in ["client 1", "client 1", "client 2"] {
            once(&dir, contents, || {
                fills += 1;
                assert!(!dir.join("leftover").exists(), "an older directory must be cleared");
                fs::write(dir.join("leftover"), "")?;
                Ok(())
            })
            .unwrap();
        }
        once(&dir, "client 3", || anyhow::bail!("no network")).unwrap_err();
        once(&dir, "client 3", || {
            fills += 1;
            Ok(())
        })
        .unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(fills, 3, "first time, new contents, and after a failure");
    }

    #[test]
    fn a_program_is_found_by_name() {
        assert!(program("sh").is_some());
        assert_eq!(program("no-such-program-anywhere"), None);
    }
}
