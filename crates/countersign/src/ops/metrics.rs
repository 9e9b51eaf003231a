//! Counters and histograms, rendered for Prometheus.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds in seconds: from a passcode check to a push that waited its whole life.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0, 30.0, 60.0];

/// The process's metrics. The `metrics` crate has one recorder per process, so all servers in it share this.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder, or finds it installed. `None` if something else in the process installed another one.
    #[must_use]
    pub fn install() -> Option<Self> {
        static INSTALLED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
        INSTALLED
            .get_or_init(|| PrometheusBuilder::new().set_buckets(&BUCKETS).ok()?.install_recorder().ok())
            .clone()
            .map(Self)
    }

    /// The text of `/metrics`.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds recorded samples into their buckets; without it they pile up until the next scrape.
    pub(crate) fn fold(&self) {
        self.0.run_upkeep();
    }
}

/// Requests by route template and outcome. Handles are kept, because looking one up costs more than a request should.
#[derive(Default)]
pub struct RouteMetrics(RwLock<HashMap<Arc<str>, Arc<Route>>>);

struct Route {
    seconds: Histogram,
    answered: [Counter; 5],
}

impl RouteMetrics {
    /// Counts an answer of the route `template`, such as `/admin/v1/users/{id}`.
    pub fn answered(&self, template: &str, status: StatusCode, took: Duration) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(template).cloned();
        let route = known.unwrap_or_else(|| self.add(template));
        route.seconds.record(took.as_secs_f64());
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        route.answered[class].increment(1);
    }

    fn add(&self, template: &str) -> Arc<Route> {
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let route = routes.entry(template.into()).or_insert_with(|| Arc::new(Route::new(template)));
        route.clone()
    }
}

impl Route {
    fn new(template: &str) -> Self {
        let answered = |status: &'static str| counter!("countersign_http_requests_total", "route" => template.to_owned(), "status" => status);
        Self {
            seconds: histogram!("countersign_http_request_seconds", "route" => template.to_owned()),
            answered: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(answered),
        }
    }
}
