//! A program at a terminal, typed to by the test.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::child::{Lines, PATIENCE};

/// A program that believes itself at a terminal, by way of `script` (util-linux).
pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Lines,
}

impl Terminal {
    /// Starts a shell command at a terminal of its own.
    pub fn start(command: &str) -> Self {
        let mut child = Command::new("script")
            .args(["--quiet", "--flush", "--return", "--command", command, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`script` of util-linux");
        let screen = Lines::default();
        screen.collect(child.stdout.take().unwrap());
        let keyboard = child.stdin.take().unwrap();
        Self { child, keyboard, screen }
    }

    /// Waits until the screen shows `text`, and gives what is new on it, up to the end of `text`.
    pub fn shows(&self, text: &str) -> String {
        self.shows_within(text, PATIENCE)
    }

    /// As [`Self::shows`], for what takes its time.
    pub fn shows_within(&self, text: &str, patience: Duration) -> String {
        self.screen.wait(&format!("{text:?} on the screen"), patience, |screen| {
            let end = screen.find(text)? + text.len();
            Some((screen[..end].replace('\r', ""), end))
        })
    }

    /// Types `text` and presses return.
    pub fn types(&mut self, text: &str) {
        writeln!(self.keyboard, "{text}").unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits for the program's end; whether it succeeded, and the whole screen.
    pub fn ends(self) -> (bool, String) {
        self.ends_within(PATIENCE)
    }

    /// As [`Self::ends`], for what takes its time.
    pub fn ends_within(mut self, patience: Duration) -> (bool, String) {
        let screen = self.screen.to_end(patience).replace('\r', "");
        let status = self.child.wait().unwrap();
        (status.success(), screen)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
