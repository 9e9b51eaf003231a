//! What a proxy under test has counted.

use countersign_proxy::metrics::Metrics;
use tokio::time::timeout;

use super::PATIENCE;

/// The figure of a series, as `name{label="value"}`; 0 where it is not shown.
pub fn count(metrics: &Metrics, series: &str) -> i64 {
    let text = metrics.render();
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok()).unwrap_or_default()
}

/// Waits until that many are counted.
pub async fn counted(metrics: &Metrics, series: &str, wanted: i64) {
    let counted = async {
        while count(metrics, series) != wanted {
            tokio::task::yield_now().await;
        }
    };
    let counted = timeout(PATIENCE, counted).await;
    assert!(counted.is_ok(), "{series} is not {wanted} in\n{}", metrics.render());
}
