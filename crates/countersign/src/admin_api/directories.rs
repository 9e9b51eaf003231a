//! `/admin/v1/users/directorysync/{dkey}/syncuser`: one person as the directory says, now.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use cs_core::id::DirectoryKey;
use cs_core::secret::PlainCode;
use cs_engine::directories::DirectoryError;

use super::extract::{SignedAdmin, WriteResource, not_found};
use super::load::Load;
use super::objects::User;
use crate::app::App;
use crate::http::{Envelope, Failure};

/// When to try again while the directory is being read.
const SHORTLY: Duration = Duration::from_secs(10);

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/v1/users/directorysync/{dkey}/syncuser", post(sync_user))
}

/// Nobody else is touched, and nobody is removed.
async fn sync_user(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<User>, Failure> {
    let directory: DirectoryKey = request.id("dkey")?;
    let (engine, account) = (app.engine(), request.account.id);
    engine.store().directory(account, directory).await?.ok_or_else(not_found)?;
    let username = request.params.required("username", 4096)?;
    let link_of = |code: &PlainCode| Some(app.enrollment_url(code));
    let user = engine.sync_person(account, directory, &username, Some(&link_of)).await.map_err(failure)?;
    Ok(Envelope::new(Load::new(&app, account).user(user).await?))
}

fn failure(error: DirectoryError) -> Failure {
    match error {
        DirectoryError::Engine(error) => error.into(),
        DirectoryError::Nobody => Failure::new(40401, "Resource not found", error.to_string()),
        DirectoryError::LeftOut(words) => Failure::new(40002, "Invalid request parameters", words),
        DirectoryError::Running => Failure::too_many_requests(error.to_string(), SHORTLY),
        DirectoryError::NoAgent
        | DirectoryError::NoFirstFactor
        | DirectoryError::Trouble { .. }
        | DirectoryError::Silent
        | DirectoryError::Slow
        | DirectoryError::Gone
        | DirectoryError::Nonsense(_)
        | DirectoryError::Halt(_)
        // Not 503, which is for a database that cannot be used: see docs/limits.md.
        | DirectoryError::Elsewhere(_) => Failure::new(40002, "Invalid request parameters", error.to_string()),
    }
}
