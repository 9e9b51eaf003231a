//! Chromium, driven as a person drives it: pages, clicks, keys, and what only the DevTools protocol reaches (security keys, push messages, phones).
//!
//! It runs without a window, with a home of its own in which it trusts only the authorities given, and reaches nothing but this machine: every name other than
//! `localhost` fails to resolve, save those that end in `.test`, which are this machine. Everything here waits for what should happen and panics when it does not.

mod authenticator;
mod cdp;
mod page;
mod push;
mod windows;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

pub use authenticator::{Authenticator, Kind};
pub use cdp::Event;
pub use page::Page;

use cdp::Connection;

/// A browser with its own profile. Dropping it ends the process and removes the profile.
pub struct Browser {
    connection: Connection,
    child: Child,
    _home: TempDir,
}

impl Browser {
    /// Starts a browser that trusts the authorities in these PEM files, beside the public ones.
    pub fn start(authorities: &[&Path]) -> Self {
        let home = tempfile::Builder::new().prefix("browser-").tempdir().unwrap();
        trust(home.path(), authorities);
        let mut child = command(home.path()).spawn().unwrap();
        let connection = Connection::new(child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let browser = Self { connection, child, _home: home };
        browser.call("Browser.getVersion", &json!({}));
        browser
    }

    /// Opens a tab. Tabs share cookies, keys and service workers.
    pub fn page(&self) -> Page {
        self.page_in(&json!({ "url": "about:blank" }))
    }

    /// Opens a tab that shares nothing with any other: another person's browser.
    pub fn stranger(&self) -> Page {
        let context = self.call("Target.createBrowserContext", &json!({}));
        self.page_in(&json!({ "url": "about:blank", "browserContextId": context["browserContextId"] }))
    }

    fn page_in(&self, target: &Json) -> Page {
        let target = self.call("Target.createTarget", target)["targetId"].clone();
        let attached = self.call("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        Page::new(self.connection.clone(), attached["sessionId"].as_str().unwrap().to_owned())
    }

    /// Lets pages of `origin` do what the browser would ask its user for: `notifications`, `videoCapture`.
    pub fn grant(&self, origin: &str, permissions: &[&str]) {
        self.call("Browser.grantPermissions", &json!({ "origin": origin, "permissions": permissions }));
    }

    /// Calls a method of the browser itself; those of a page are called by [`Page::call`].
    pub fn call(&self, method: &str, params: &Json) -> Json {
        self.connection.try_call("", method, params).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked, it also ends its own children.
        let _ = self.connection.try_call("", "Browser.close", &json!({}));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the certificate store that Chromium reads in `home`.
fn trust(home: &Path, authorities: &[&Path]) {
    let store = home.join(".pki/nssdb");
    fs::create_dir_all(&store).unwrap();
    let store = format!("sql:{}", store.display());
    certutil(&["-N", "--empty-password", "-d", &store]);
    for (number, authority) in authorities.iter().enumerate() {
        let (name, file) = (format!("authority {number}"), authority.to_str().unwrap());
        certutil(&["-A", "-t", "C,,", "-n", &name, "-i", file, "-d", &store]);
    }
}

fn certutil(arguments: &[&str]) {
    let output = Command::new("certutil").args(arguments).output().expect("certutil: `cargo xtask test` installs it");
    assert!(output.status.success(), "certutil {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The protocol runs over descriptors 3 and 4: a shell puts our pipes there.
fn command(home: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>\"$HOME/browser.log\"", "sh", "chromium"])
        .args(["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check"])
        // Tests run as root in containers, where Chromium's own sandbox does not start; they open only our pages.
        .args(["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad"])
        .args(["--disable-features=Translate,MediaRouter,OptimizationHints", "--password-store=basic", "--use-mock-keychain"])
        .args(["--lang=en-US", "--accept-lang=en-US", "--hide-scrollbars", "--force-color-profile=srgb"])
        .args(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"])
        .arg("--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1")
        .arg(format!("--user-data-dir={}", home.join("profile").display()))
        .arg("about:blank")
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_CACHE_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}
