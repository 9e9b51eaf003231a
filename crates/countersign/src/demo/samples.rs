//! The sample web applications of `examples/`, ready to start: the demo puts program and settings into its own directory.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::record::{Keys, write_secret};

/// The file beside the program that it reads.
const SETTINGS: &str = "settings.json";

/// What a sample consists of, and how it is started.
pub(super) struct Sample {
    /// Its folder, here and in `examples/`.
    pub(super) name: &'static str,
    /// The SDK, as its registry calls it.
    pub(super) sdk: &'static str,
    /// What it is written in.
    pub(super) language: &'static str,
    /// Where it listens if that is free.
    port: u16,
    files: &'static [(&'static str, &'static str)],
    /// Installs the SDK, in the folder.
    pub(super) install: &'static str,
    /// Starts the application, in the folder.
    pub(super) run: &'static str,
}

macro_rules! files {
    ($folder:literal: $($name:literal),*) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/", $folder, "/", $name)))),*]
    };
}

pub(super) const SAMPLES: [Sample; 2] = [
    Sample {
        name: "web-python",
        sdk: "duo_universal",
        language: "Python",
        port: 8480,
        files: files!("web-python": "app.py", "requirements.txt"),
        install: "python3 -m venv venv && venv/bin/pip install --quiet -r requirements.txt",
        run: "venv/bin/python app.py",
    },
    Sample {
        name: "web-node",
        sdk: "@duosecurity/duo_universal",
        language: "Node",
        port: 8481,
        files: files!("web-node": "app.js", "package.json"),
        install: "npm install --silent",
        run: "node app.js",
    },
];

/// A sample as it lies in the demo's directory.
#[derive(Serialize, Deserialize)]
pub struct WebSample {
    /// The folder's name in `examples/`.
    pub name: String,
    /// Where program and settings are.
    pub directory: PathBuf,
    /// Where it listens; 0: any port, which it says when it has it.
    pub port: u16,
}

impl WebSample {
    /// What it is, if this program still knows it.
    pub(super) fn sample(&self) -> Option<&'static Sample> {
        SAMPLES.iter().find(|sample| sample.name == self.name)
    }
}

impl Sample {
    /// Writes it to `data`, with settings for the application that `keys` belong to.
    pub(super) fn furnish(
        &self,
        data: &Path,
        keys: &Keys,
        api_host: &str,
        ca_cert: &Path,
    ) -> anyhow::Result<WebSample> {
        let directory = data.join(self.name);
        std::fs::create_dir(&directory)?;
        for (name, text) in self.files {
            std::fs::write(directory.join(name), text)?;
        }
        let port = free(self.port);
        let settings = json!({
            "api_host": api_host,
            "client_id": keys.ikey,
            "client_secret": keys.skey.as_str(),
            "ca": ca_cert,
            "port": port,
        });
        write_secret(&directory.join(SETTINGS), format!("{settings:#}\n").as_bytes())?;
        Ok(WebSample { name: self.name.to_owned(), directory, port })
    }
}

/// `port` while it is free, otherwise any.
fn free(port: u16) -> u16 {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() { port } else { 0 }
}
