//! Health, readiness, status and metrics for operators and their tools.

mod health;

pub use health::{Check, Health, ReadinessCheck, health_routes};
