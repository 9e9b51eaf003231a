//! A network of the test's own: nothing in it reaches the machine's, and its firewall is the test's.

use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};

use crate::child::{Lines, PATIENCE};
use crate::tools::program;

/// User, network and mount namespaces, as long as this lives.
pub struct Namespace(Child);

impl Namespace {
    /// Makes one with a loopback interface, and runs `setup` in it as its root: `nft …`, `mount --bind …`.
    pub fn new(setup: &str) -> Self {
        let script = format!("set -e\nip link set lo up\n{setup}\necho ready\nread _ || :\n");
        let mut child = Command::new("unshare")
            .args(["--map-root-user", "--net", "--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Lines::default();
        lines.collect(child.stdout.take().unwrap());
        lines.collect(child.stderr.take().unwrap());
        lines.line_with("ready");
        Self(child)
    }

    /// A command that runs inside.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &self.0.id().to_string(),
            "--user",
            "--net",
            "--mount",
            "--preserve-credentials",
            "--",
        ]);
        command.arg(program);
        command
    }

    /// Runs a command inside and gives what it printed.
    pub fn output(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).stdin(Stdio::null()).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    /// Starts `countersign-proxy run` inside with this `authproxy.cfg`, and waits until it serves.
    pub fn proxy(&self, config: &str) -> ProxyWithin {
        let dir = tempfile::Builder::new().prefix("proxy-").tempdir().unwrap();
        let path = dir.path().join("authproxy.cfg");
        std::fs::write(&path, config).unwrap();
        let plain = program("countersign-proxy");
        let mut command = self.command(plain.get_program());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        plain.get_envs().filter(|(_, value)| value.is_none()).for_each(|(name, _)| _ = command.env_remove(name));
        // With its mounts `nsenter` takes on the other root, and leaves the folder that it was started in.
        command.args(["run", "--config"]).arg(&path).env("RUST_LOG", "info");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Lines::default();
        lines.collect(child.stdout.take().unwrap());
        lines.collect(child.stderr.take().unwrap());
        lines.line_with("serving");
        ProxyWithin { child, lines, _dir: dir }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A proxy in a [`Namespace`]. Dropping it ends the process.
pub struct ProxyWithin {
    child: Child,
    lines: Lines,
    _dir: tempfile::TempDir,
}

impl ProxyWithin {
    /// Waits for it to have said something, at any time.
    pub fn says(&self, text: &str) {
        self.lines.wait(text, PATIENCE, |said| said.find(text).map(|_| ((), 0)));
    }

    /// What it has said.
    pub fn log(&self) -> String {
        self.lines.text()
    }
}

impl Drop for ProxyWithin {
    fn drop(&mut self) {
        // `nsenter` becomes the program, so this is the proxy itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
