//! The files of `web/app`, inside the program. A test compares this list with the directory.

/// One file by its path below `web/app`.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/app/", $name)))),*]
    };
}

/// Served under `/app/VERSION/`.
pub(super) const FILES: &[(&str, &[u8])] = files![
    "core/bytes.js",
    "core/clock.js",
    "core/jws.js",
    "core/keys.js",
    "core/link.js",
    "core/otp.js",
    "core/outage.js",
    "core/passkey.js",
    "core/phrase.js",
    "core/protocol.js",
    "core/refusal.js",
    "core/settle.js",
    "core/sse.js",
    "core/store.js",
    "core/text.js",
    "icons/badge-96.png",
    "icons/icon-192.png",
    "icons/icon-512.png",
    "icons/mark.svg",
    "icons/maskable-192.png",
    "icons/maskable-512.png",
    "icons/touch-180.png",
    "lang/de.json",
    "lang/en.json",
    "lang/es.json",
    "lang/fr.json",
    "lang/ja.json",
    "live/app.js",
    "live/here.js",
    "live/platform.js",
    "live/push.js",
    "live/scan.js",
    "live/stream.js",
    "live/theme.js",
    "live/trial.js",
    "main.js",
    "old.js",
    "style.css",
    "ui/dom.js",
    "ui/icons.js",
    "ui/parts.js",
    "vendor/jsqr.LICENSE",
    "vendor/jsqr.js",
    "views/account.js",
    "views/activate.js",
    "views/history.js",
    "views/home.js",
    "views/move.js",
    "views/navigation.js",
    "views/outage.js",
    "views/passcode.js",
    "views/request.js",
    "views/settings.js",
    "worker.js",
];

/// The page; `{{version}}` stands for the version.
pub(super) const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/app/index.html"));
/// The service worker's entrance; `{{version}}` stands for the version.
pub(super) const WORKER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/app/sw.js"));
/// What the phone needs to know to install it; `{{version}}` stands for the version.
pub(super) const MANIFEST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/app/manifest.json"));
