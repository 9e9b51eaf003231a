//! Health, readiness, status and metrics for operators and their tools.

mod health;
mod memory;
mod metrics;
mod process;
mod routes;

pub use health::{Check, Health, ReadinessCheck, health_routes};
pub(crate) use memory::give_back_after_bursts;
pub use metrics::{Metrics, RouteMetrics};
pub use process::resident_bytes;
pub use routes::{Operations, operations_routes};
