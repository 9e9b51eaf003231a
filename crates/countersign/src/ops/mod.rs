//! Health, readiness, status and metrics for operators and their tools.

mod health;
mod metrics;
mod process;
mod routes;

pub use health::{Check, Health, ReadinessCheck, health_routes};
pub use metrics::{Metrics, RouteMetrics};
pub use process::resident_bytes;
pub use routes::{Operations, operations_routes};
