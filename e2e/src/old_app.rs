//! A web application that holds the second factor in a frame of its login page: `duo-web` of PyPI and its script, unmodified.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::api::Keys;
use crate::child::Lines;
use crate::site::Site;
use crate::tools::old_web_python;

/// The application at work. Dropping it ends the process.
pub struct OldApp {
    child: Child,
    port: String,
}

impl OldApp {
    /// Starts one with the credentials `keys`.
    pub fn start(site: &Site, keys: &Keys) -> Self {
        let settings = json!({ "ikey": keys.ikey, "skey": keys.skey, "akey": "a".repeat(40), "host": site.host() });
        let mut child = Command::new(old_web_python())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/web_sdk_2.py"))
            .arg(settings.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Lines::default();
        output.collect(child.stdout.take().unwrap());
        output.collect(child.stderr.take().unwrap());
        let port = output.line_with("listening").split(' ').nth(1).unwrap().trim().to_owned();
        Self { child, port }
    }

    /// Its origin: of another site than the server's `localhost`.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The address of a page.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// The same page under another origin.
    pub fn elsewhere(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }
}

impl Drop for OldApp {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
