//! What the tests inside of this crate and those in `it` share: a directory, certificates, configurations, figures.

pub mod certificates;
pub mod config;
pub mod directory;
pub mod figures;

use std::time::Duration;

use tokio::net::TcpListener;

/// For what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A listener at a port that nobody else has.
pub async fn bound() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}
