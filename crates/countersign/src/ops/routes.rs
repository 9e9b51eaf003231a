//! The routes of the operations listener.

use std::sync::{Arc, Weak};

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde::Serialize;

use super::health::{Check, Health};
use super::metrics::Metrics;
use super::process::{gauge, resident_bytes, write_process_metrics};
use crate::http::{Gate, GateLoad};
use crate::net::Net;
use crate::tls::Certificates;

/// What the operations listener shows.
#[derive(Clone)]
pub struct Operations {
    pub health: Health,
    pub metrics: Option<Metrics>,
    pub certificates: Certificates,
    pub gate: Arc<Gate>,
    /// Weak: showing a number must not keep the network alive.
    pub net: Weak<Net>,
    pub started_at: Timestamp,
}

/// `/status` and `/metrics`.
pub fn operations_routes(operations: Operations) -> Router {
    Router::new().route("/status", get(status)).route("/metrics", get(metrics)).with_state(operations)
}

#[derive(Serialize)]
struct Status {
    version: &'static str,
    started_at: Timestamp,
    ready: bool,
    checks: Vec<Check>,
    connections: usize,
    load: GateLoad,
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
}

#[derive(Serialize)]
struct Certificate {
    not_after: Timestamp,
    names: Vec<String>,
}

async fn status(State(operations): State<Operations>) -> impl IntoResponse {
    let checks = operations.health.run().await;
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        started_at: operations.started_at,
        ready: checks.iter().all(|check| check.ok),
        checks,
        connections: connections(&operations),
        load: operations.gate.load(),
        resident_bytes: resident_bytes(),
        certificate: operations
            .certificates
            .facts()
            .map(|facts| Certificate { not_after: facts.not_after, names: facts.names }),
    })
}

async fn metrics(State(operations): State<Operations>) -> impl IntoResponse {
    let mut text = operations.metrics.as_ref().map(Metrics::render).unwrap_or_default();
    write_process_metrics(&mut text);
    let load = operations.gate.load();
    let own = [
        ("countersign_connections", "Client connections open.", connections(&operations)),
        ("countersign_logins_in_flight", "Login calls worked on.", load.logins),
        ("countersign_waiting", "Calls that wait for a person.", load.waiting),
        ("countersign_lists_in_flight", "Lists and reports worked on.", load.lists),
    ];
    for (name, about, value) in own {
        gauge(&mut text, name, about, Some(value as f64));
    }
    if let Some(facts) = operations.certificates.facts() {
        let about = "When the server certificate expires, in seconds since 1970.";
        gauge(&mut text, "countersign_certificate_expiry_seconds", about, Some(facts.not_after.as_second() as f64));
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn connections(operations: &Operations) -> usize {
    operations.net.upgrade().map_or(0, |net| net.connections())
}
