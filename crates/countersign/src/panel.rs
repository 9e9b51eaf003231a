//! The page behind an administrator's setup link. Pages for administrators are not part of this version; this one says so and what to do instead.

use axum::Router;
use axum::routing::get;
use cs_core::secret::PlainCode;
use cs_pages::Notice;

use crate::http::{Page, Reader};

/// The link with which an administrator sets a password. The code is behind the `#`, which no server and no log sees.
#[must_use]
pub fn setup_link(api_authority: &str, code: &PlainCode) -> String {
    format!("https://{api_authority}/panel/setup#{}", code.expose())
}

/// The routes of this surface.
pub fn routes() -> Router {
    Router::new().route("/panel/setup", get(setup))
}

async fn setup(reader: Reader) -> Page {
    // The code is behind the `#` and never sent.
    Page(Notice::administrator_setup(reader.chrome()))
}
