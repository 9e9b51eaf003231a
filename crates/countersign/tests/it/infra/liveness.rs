use std::time::Duration;

use super::site::Site;

/// Far longer than the event takes, far shorter than the limit that must not be what ends it.
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_client_that_leaves_while_a_handler_waits_is_noticed() {
    let mut site = Site::start();
    let mut client = site.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let info = site.waiting.arrived.recv().await.unwrap();
    assert!(info.connection.is_alive());

    drop(client);
    tokio::time::timeout(SOON, info.connection.died()).await.expect("the death is noticed");
    assert!(!info.connection.is_alive());
}

#[tokio::test]
async fn requests_of_one_connection_share_its_life() {
    let mut site = Site::start();
    let mut client = site.connect().await;
    assert_eq!(client.get("/client").await.status, 200);
    client.send("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let first = site.waiting.arrived.recv().await.unwrap();
    site.waiting.release.notify_waiters();
    assert_eq!(client.answer().await.body, "answered");
    assert!(first.connection.is_alive(), "an answered request does not end its connection");
    drop(client);
    tokio::time::timeout(SOON, first.connection.died()).await.unwrap();
}
