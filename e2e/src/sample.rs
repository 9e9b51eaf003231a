//! The sample web applications of `examples/`, as somebody starts them who has read about them.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::api::Keys;
use crate::child::Lines;
use crate::site::Site;
use crate::tools::{npm, universal_python};

/// Whose SDK it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// `duo_universal` of PyPI.
    Python,
    /// `@duosecurity/duo_universal` of npm.
    Node,
}

/// A sample application at work. Dropping it ends the process.
pub struct Sample {
    child: Child,
    origin: String,
}

impl Sample {
    /// Starts one, for a new integration of `site`.
    pub fn start(site: &Site, sdk: Sdk) -> Self {
        Self::with_keys(site, sdk, &site.integration("websdk"))
    }

    /// Starts one that signs with `keys`.
    pub fn with_keys(site: &Site, sdk: Sdk, keys: &Keys) -> Self {
        let (interpreter, program) = match sdk {
            Sdk::Python => (universal_python(), "web-python/app.py"),
            Sdk::Node => ("node".into(), "web-node/app.js"),
        };
        let folder = tempfile::Builder::new().prefix("sample-").tempdir_in(site.dir()).unwrap().keep();
        let settings = folder.join("settings.json");
        let text = json!({
            "api_host": site.host(), "client_id": keys.ikey, "client_secret": keys.skey, "ca": site.ca(), "port": 0,
        });
        std::fs::write(&settings, text.to_string()).unwrap();
        let mut child = Command::new(interpreter)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(program))
            .arg(&settings)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NODE_PATH", npm().join("node_modules"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Lines::default();
        output.collect(child.stdout.take().unwrap());
        output.collect(child.stderr.take().unwrap());
        let line = output.line_with("Open http://");
        let origin = line.split(' ').nth(1).unwrap().to_owned();
        Self { child, origin }
    }

    /// The address of a page.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
