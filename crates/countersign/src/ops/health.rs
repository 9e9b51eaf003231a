//! `/healthz`: the process answers. `/readyz`: it should get traffic. `/status`: the same with reasons.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::future::BoxFuture;
use http::StatusCode;
use serde::Serialize;

use crate::net::Shutdown;

/// A check that takes longer than this has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Something the server needs to decide logins: a database that answers, a worker that runs.
pub trait ReadinessCheck: Send + Sync {
    /// One word for the status page, such as `database`.
    fn name(&self) -> &'static str;
    /// `Err` says in one sentence what is wrong; it is shown on the operations listener only.
    fn check(&self) -> BoxFuture<'_, Result<(), String>>;
}

/// A named outcome.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What readiness depends on.
#[derive(Clone)]
pub struct Health {
    shutdown: Shutdown,
    checks: Arc<[Arc<dyn ReadinessCheck>]>,
}

impl Health {
    #[must_use]
    pub fn new(shutdown: Shutdown, checks: Vec<Arc<dyn ReadinessCheck>>) -> Self {
        Self { shutdown, checks: checks.into() }
    }

    /// Runs all checks at once; each gets two seconds.
    pub async fn run(&self) -> Vec<Check> {
        let shutdown = Check {
            name: "accepting",
            ok: !self.shutdown.is_draining(),
            detail: self.shutdown.is_draining().then(|| "the server is stopping".to_owned()),
        };
        let checks = self.checks.iter().map(|check| async move {
            let outcome = match tokio::time::timeout(CHECK_TIMEOUT, check.check()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
            };
            Check { name: check.name(), ok: outcome.is_ok(), detail: outcome.err() }
        });
        let mut all = vec![shutdown];
        all.extend(futures_util::future::join_all(checks).await);
        all
    }
}

/// `/healthz` and `/readyz`, for every listener: they say yes or no and nothing else.
pub fn health_routes(health: Health) -> Router {
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(readyz)).with_state(health)
}

async fn readyz(State(health): State<Health>) -> Response {
    if health.run().await.iter().all(|check| check.ok) {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}
