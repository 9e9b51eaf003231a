//! Styles and scripts, served under names that change with their content, so that browsers may keep them for ever.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE32_NOPAD;

macro_rules! files {
    ($($name:literal: $content_type:literal,)+) => {
        const FILES: &[(&str, &str, &[u8])] =
            &[$(($name, $content_type, include_bytes!(concat!("../assets/", $name)))),+];
    };
}

files! {
    "style.css": "text/css; charset=utf-8",
    "pages.js": "text/javascript; charset=utf-8",
    "framed.js": "text/javascript; charset=utf-8",
}

/// One file.
#[derive(Debug)]
pub struct Asset {
    /// Where it is served: `/assets/style.ABCDEFGHIJKLM.css`.
    pub path: String,
    /// Its media type.
    pub content_type: &'static str,
    /// What it holds.
    pub content: &'static [u8],
    name: &'static str,
}

/// Every file that pages load.
#[derive(Debug)]
pub struct Assets(Vec<Asset>);

impl Assets {
    /// The files built into the program.
    pub fn built_in() -> &'static Self {
        static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets(FILES.iter().map(Asset::new).collect()));
        &ASSETS
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Asset> {
        self.0.iter()
    }

    /// The file served at `path`.
    pub fn at(&self, path: &str) -> Option<&Asset> {
        self.0.iter().find(|asset| asset.path == path)
    }

    /// Where the file `name` is served. An unknown name gives a path that nothing is served at; a test renders every page and follows its links.
    pub fn path(&self, name: &str) -> &str {
        self.0.iter().find(|asset| asset.name == name).map_or("/assets/unknown", |asset| &asset.path)
    }
}

impl Asset {
    fn new(&(name, content_type, content): &(&'static str, &'static str, &'static [u8])) -> Self {
        let hash = BASE32_NOPAD.encode(&digest(&SHA256, content).as_ref()[..8]);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        Self { path: format!("/assets/{stem}.{hash}.{extension}"), content_type, content, name }
    }
}
