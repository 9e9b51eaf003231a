//! The authenticator that phones install: the files of `web/app`, served from this origin and no other.
//!
//! Modules, styles and texts live under `/app/VERSION/`, where VERSION is the digest of all of them: an answer never changes, so it may be kept for ever,
//! and files of two versions are never mixed. What has a fixed address (the page, the worker, the manifest) is asked for anew each time and names the
//! version.

mod files;

use std::io::Write as _;
use std::sync::{LazyLock, OnceLock};

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use cs_wire::device::WORDS;
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use files::FILES;

/// The list of words is the protocol's, so that there is one.
const WORDS_NAME: &str = "words.txt";

/// What comes when it is asked for, and not before: texts of other languages, the reader that only some phones need, what is used when installing.
const RARE: [&str; 5] = ["vendor/", "lang/", "icons/icon-512", "icons/maskable", "icons/touch"];

/// Nothing from anywhere else, no inline script or style, no text becomes markup or script: Trusted Types has one policy, for the worker's own address.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types countersign",
);
const PERMISSIONS: (HeaderName, HeaderValue) = (
    HeaderName::from_static("permissions-policy"),
    HeaderValue::from_static("camera=(self), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()"),
);
const ALWAYS_ASKED: HeaderValue = HeaderValue::from_static("no-cache");
const NEVER_ASKED_AGAIN: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The routes of the page. Activation links lead to it as well: the code is behind the `#`, where only the page sees it.
pub(super) fn routes() -> Router {
    Router::new()
        .route("/", get(page))
        .route("/authenticator/activate", get(page))
        .route("/sw.js", get(worker))
        .route("/manifest.webmanifest", get(manifest))
        .route("/app/{version}/{*name}", get(file))
}

/// The digest of every file: what the addresses carry.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for (name, bytes) in FILES.iter().copied().chain([(WORDS_NAME, WORDS.as_bytes())]) {
        // Name and length first, so that no two sets of files read the same.
        context.update(format!("{name}\n{}\n", bytes.len()).as_bytes());
        context.update(bytes);
    }
    HEXLOWER.encode(&context.finish().as_ref()[..8])
});

static PAGE: LazyLock<String> = LazyLock::new(|| filled(files::PAGE));
static WORKER: LazyLock<String> = LazyLock::new(|| {
    // What makes the app work without a network.
    let kept = FILES.iter().map(|(name, _)| *name).chain([WORDS_NAME]);
    let kept = kept.filter(|name| !RARE.iter().any(|rare| name.starts_with(rare)));
    let files: Vec<_> = kept.collect();
    filled(files::WORKER).replace("{{files}}", &files.join(" "))
});
static MANIFEST: LazyLock<String> = LazyLock::new(|| filled(files::MANIFEST));

fn filled(text: &str) -> String {
    text.replace("{{version}}", &VERSION)
}

async fn page(headers: HeaderMap) -> Response {
    static FILE: LazyLock<Served> = LazyLock::new(|| Served::new("index.html", PAGE.as_bytes()));
    FILE.answer(ALWAYS_ASKED, &headers)
}

async fn worker(headers: HeaderMap) -> Response {
    static FILE: LazyLock<Served> = LazyLock::new(|| Served::new("sw.js", WORKER.as_bytes()));
    FILE.answer(ALWAYS_ASKED, &headers)
}

async fn manifest(headers: HeaderMap) -> Response {
    static FILE: LazyLock<Served> = LazyLock::new(|| Served::new("manifest.webmanifest", MANIFEST.as_bytes()));
    FILE.answer(ALWAYS_ASKED, &headers)
}

async fn file(Path((version, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    static SERVED: LazyLock<Vec<Served>> = LazyLock::new(|| {
        let all = FILES.iter().copied().chain([(WORDS_NAME, WORDS.as_bytes())]);
        all.map(|(name, bytes)| Served::new(name, bytes)).collect()
    });
    match SERVED.iter().find(|file| file.name == name) {
        Some(file) if version == *VERSION => file.answer(NEVER_ASKED_AGAIN, &headers),
        // A page of another version must not run on files of this one.
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A file, compressed the first time that somebody wants it so. All of it is public, so its compressed length tells nobody anything.
struct Served {
    name: &'static str,
    bytes: &'static [u8],
    compressed: OnceLock<Bytes>,
}

impl Served {
    const fn new(name: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, bytes, compressed: OnceLock::new() }
    }

    fn compressed(&self) -> Bytes {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            // Writing into memory does not fail; if it did, the empty answer would be found at once.
            let written = encoder.write_all(self.bytes).and_then(|()| encoder.finish());
            written.map(Bytes::from).unwrap_or_default()
        };
        self.compressed.get_or_init(compress).clone()
    }

    fn answer(&self, cache: HeaderValue, request: &HeaderMap) -> Response {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(kind_of(self.name))),
            (CACHE_CONTROL, cache),
            (CONTENT_SECURITY_POLICY, POLICY),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
            (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (VARY, HeaderValue::from_static("accept-encoding")),
            PERMISSIONS,
        ];
        if !self.name.ends_with(".png") && takes_gzip(request) {
            return (headers, [(CONTENT_ENCODING, "gzip")], self.compressed()).into_response();
        }
        (headers, self.bytes).into_response()
    }
}

/// Every browser does; what asks for it with a weight of nothing is none.
fn takes_gzip(request: &HeaderMap) -> bool {
    let wanted = request.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut encodings = wanted.flat_map(|line| line.split(',')).map(str::trim);
    encodings.any(|encoding| {
        encoding.split_once(';').map_or(encoding, |(name, _)| name.trim()) == "gzip" && !encoding.ends_with("q=0")
    })
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path as FilePath;

    use cs_core::language::Language;

    use super::*;

    fn app() -> std::path::PathBuf {
        FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../web/app")
    }

    fn found_in(dir: &FilePath, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found_in(&path, names);
            } else {
                names.insert(path.strip_prefix(app()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn the_app_speaks_every_language_that_people_are_spoken_to_in() {
        let mut names = BTreeSet::new();
        found_in(&app().join("lang"), &mut names);
        let expected = Language::ALL.map(|language| format!("lang/{}.json", language.tag()));
        assert_eq!(names, BTreeSet::from(expected));
        let chooses = std::fs::read_to_string(app().join("core/text.js")).unwrap();
        let tags = Language::ALL.map(|language| format!("\"{}\"", language.tag()));
        assert!(chooses.contains(&format!("([{}])", tags.join(", "))), "core/text.js lists others");
    }

    #[test]
    fn every_file_of_the_app_is_in_the_program() {
        let mut names = BTreeSet::new();
        found_in(&app(), &mut names);
        let fixed = ["index.html", "sw.js", "manifest.json"];
        let embedded: BTreeSet<_> = FILES.iter().map(|(name, _)| *name).chain(fixed).map(str::to_owned).collect();
        assert_eq!(embedded, names);
    }

    #[test]
    fn the_page_and_its_companions_name_one_version_and_no_other_origin() {
        for text in [&*PAGE, &*WORKER, &*MANIFEST] {
            assert!(text.contains(&format!("/app/{}/", *VERSION)) && !text.contains("{{"), "{text}");
            assert!(!text.contains("://"), "{text}");
        }
        for (name, bytes) in FILES.iter().filter(|(name, _)| !name.starts_with("vendor/")) {
            let Ok(text) = std::str::from_utf8(bytes) else { continue };
            for (at, _) in text.match_indices("://") {
                // Schemes are named where links are read; what follows none is no address. The name space of SVG is a name.
                let is_scheme = !text[at + 3..].starts_with(|c: char| c.is_ascii_alphanumeric())
                    || text[at..].starts_with("://CODE")
                    || text[at..].starts_with("://www.w3.org/2000/svg");
                assert!(is_scheme, "{name} names another place: {}", &text[at..(at + 40).min(text.len())]);
            }
        }
    }

    /// The reader of QR codes for browsers without one is jsqr 1.4.0 as npm has it, unchanged.
    #[test]
    fn what_was_made_elsewhere_is_what_was_reviewed() {
        let (_, bytes) = FILES.iter().find(|(name, _)| *name == "vendor/jsqr.js").unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        assert_eq!(HEXLOWER.encode(digest.as_ref()), JSQR_SHA256);
        assert!(FILES.iter().any(|(name, _)| *name == "vendor/jsqr.LICENSE"));
    }

    const JSQR_SHA256: &str = "bc40c8a15196236b2314db0856f72ca0b49980cd5413b8c852a7349f5fee0859";

    /// What a phone transfers until the app works without a network: all that the worker keeps, the longest texts, page, worker, manifest and its icon.
    #[test]
    fn the_shell_is_below_150_kilobytes() {
        let size = |name: &'static str, bytes: &'static [u8]| {
            if name.ends_with(".png") { bytes.len() } else { Served::new(name, bytes).compressed().len() }
        };
        let sizes = FILES.iter().map(|(name, bytes)| (*name, size(name, bytes)));
        let shell: usize = sizes
            .clone()
            .filter(|(name, _)| !RARE.iter().any(|rare| name.starts_with(rare)))
            .map(|(_, size)| size)
            .sum();
        let texts = sizes.clone().filter(|(name, _)| name.starts_with("lang/")).map(|(_, size)| size).max().unwrap();
        let icon = sizes.filter(|(name, _)| name.starts_with("icons/")).map(|(_, size)| size).max().unwrap();
        let fixed = [&*PAGE, &*WORKER, &*MANIFEST, WORDS].map(|text| size("", text.as_bytes()));
        let transferred = shell + texts + icon + fixed.iter().sum::<usize>();
        assert!(transferred < 150_000, "{transferred} bytes");
        // Compressed once: what the phone gets can be read.
        let mut text = String::new();
        let page = Served::new("index.html", PAGE.as_bytes()).compressed();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&page[..]), &mut text).unwrap();
        assert_eq!(text, *PAGE);
    }
}
