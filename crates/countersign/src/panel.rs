//! The page behind an administrator's setup link. Pages for administrators are not part of this version; this one says so and what to do instead.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_core::secret::PlainCode;
use cs_engine::admin::branding::LookCopy;
use cs_pages::Notice;

use crate::app::App;
use crate::http::{Failure, Look, Page, Reader, Whose};

/// The link with which an administrator sets a password. The code is behind the `#`, which no server and no log sees.
#[must_use]
pub fn setup_link(api_authority: &str, code: &PlainCode) -> String {
    format!("https://{api_authority}/panel/setup#{}", code.expose())
}

/// The routes of this surface.
pub fn routes(app: App) -> Router {
    Router::new().route("/panel/setup", get(setup)).with_state(app)
}

async fn setup(State(app): State<App>, Reader(language): Reader, whose: Whose) -> Result<Page, Failure> {
    // The code is behind the `#` and never sent.
    let account = whose.account(&app).await?;
    let look = Look::of(&account, LookCopy::Live, language);
    Ok(Page(Notice::administrator_setup(look.chrome())))
}
