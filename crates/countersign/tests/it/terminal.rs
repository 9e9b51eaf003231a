//! The real program, run in a terminal on a directory of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

/// A directory as `bootstrap` leaves it.
pub(crate) struct Terminal {
    pub(crate) data: tempfile::TempDir,
    /// The application that `bootstrap` makes.
    pub(crate) app: String,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let made = run(data.path(), &["bootstrap", "--listen", "127.0.0.1:0", "--json"], "");
        assert!(made.status.success(), "{}", text(&made.stderr));
        let made: Json = serde_json::from_slice(&made.stdout).unwrap();
        let app = made["auth_api"]["ikey"].as_str().unwrap().to_owned();
        Self { data, app }
    }

    /// `countersign admin …`
    pub(crate) fn admin(&self, arguments: &[&str]) -> Output {
        run(self.data.path(), &[&["admin"], arguments].concat(), "")
    }

    /// The same as programs read it.
    pub(crate) fn json(&self, arguments: &[&str]) -> Json {
        json(self.data.path(), arguments)
    }
}

/// `countersign --data DATA …`, with nothing in its environment.
pub(crate) fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().arg("--data").arg(data).args(arguments);
    command
}

/// Runs it to its end.
pub(crate) fn run(data: &Path, arguments: &[&str], stdin: &str) -> Output {
    let mut command = command(data, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

/// `countersign admin …` as programs read it.
pub(crate) fn json(data: &Path, arguments: &[&str]) -> Json {
    let output = run(data, &[&["admin", "--json", "--yes"], arguments].concat(), "");
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
