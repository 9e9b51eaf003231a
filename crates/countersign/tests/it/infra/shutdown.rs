use std::time::Duration;

use tokio::net::TcpStream;

use super::site::Site;

#[tokio::test]
async fn a_waiting_login_gets_its_answer_before_the_server_stops() {
    let mut site = Site::start();
    let address = site.api();
    let mut client = site.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    site.waiting.arrived.recv().await.unwrap();

    let shutdown = site.running.shutdown.clone();
    shutdown.drain();
    assert!(site.operations("/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(site.operations("/healthz").await.starts_with("HTTP/1.1 200"));
    let stopped = tokio::spawn(site.running.stopped());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopped.is_finished());

    site.waiting.release.notify_waiters();
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "answered"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(stopped.await.unwrap(), "every connection ended by itself");
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_a_stop() {
    let site = Site::start();
    let mut client = site.connect().await;
    client.get("/client").await;
    site.running.shutdown.drain();
    assert!(site.running.stopped().await);
    assert_eq!(client.until_closed().await, "");
}

#[tokio::test]
async fn the_drain_time_ends_what_does_not_end_itself() {
    let mut site = Site::with(|config| config.drain = Duration::from_millis(50));
    let mut client = site.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    site.waiting.arrived.recv().await.unwrap();
    site.running.shutdown.drain();
    assert!(!site.running.stopped().await);
    assert_eq!(client.until_closed().await, "");
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let mut site = Site::start();
    let mut client = site.connect().await;
    client.send("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    site.waiting.arrived.recv().await.unwrap();
    let shutdown = site.running.shutdown.clone();
    shutdown.drain();
    shutdown.close();
    assert!(!site.running.stopped().await);
}
