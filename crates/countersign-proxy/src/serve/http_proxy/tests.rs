//! The proxy by HTTP with clients and a server at real sockets.

use super::*;
use crate::serve::api::Api;
use crate::test_support::config::{KEYS, read};
use crate::test_support::{PATIENCE, bound, figures};

fn config(port: u16, api: u16, options: &str) -> Config {
    let text = format!("[http_proxy]\napi_host=localhost:{api}\ninterface=127.0.0.1\nport={port}\n{options}\n");
    read(&text)
}

/// A proxy that serves, its port, and what it counts.
async fn serving(api: u16, options: &str) -> (Forward, u16, Metrics) {
    let (listener, port) = bound().await;
    let metrics = Metrics::default();
    let mut forward = Forward::new(metrics.clone(), vec![((Some("127.0.0.1".to_owned()), port), listener)]);
    let prepared = forward.prepare(&config(port, api, options)).unwrap();
    forward.serve(prepared);
    (forward, port, metrics)
}

async fn ask(port: u16, octets: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(octets).await.unwrap();
    stream
}

async fn until_the_end(mut stream: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await.unwrap().unwrap();
    text
}

fn count(metrics: &Metrics, outcome: &str) -> i64 {
    figures::count(metrics, &format!("countersign_proxy_http_proxy_total{{outcome=\"{outcome}\"}}"))
}

#[tokio::test]
async fn a_tunnel_leads_to_the_server_and_nowhere_else() {
    let (server, api) = bound().await;
    let (_forward, port, metrics) = serving(api, "client_ip=127.0.0.0/8").await;
    // What comes with the request comes through as well.
    let mut client = ask(port, format!("CONNECT LOCALHOST:{api} HTTP/1.1\r\n\r\nhello").as_bytes()).await;
    let (mut at_server, _) = timeout(PATIENCE, server.accept()).await.unwrap().unwrap();
    at_server.write_all(b"welcome").await.unwrap();
    at_server.shutdown().await.unwrap();
    assert_eq!(until_the_end(&mut client).await, "HTTP/1.1 200 Connection established\r\n\r\nwelcome");
    // One side has said everything, the other one not yet.
    client.write_all(b", server").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(until_the_end(at_server).await, "hello, server");
    let other = bound().await;
    for (asked, status, outcome) in [
        (format!("CONNECT localhost:{} HTTP/1.1\r\n\r\n", other.1), "403 Forbidden", "other-host"),
        (format!("CONNECT 127.0.0.1:{api} HTTP/1.1\r\n\r\n"), "403 Forbidden", "other-host"),
        (format!("GET http://localhost:{api}/ HTTP/1.1\r\n\r\n"), "405 Method Not Allowed", "other-method"),
        ("\r\n\r\n".to_owned(), "400 Bad Request", "malformed"),
    ] {
        let before = count(&metrics, outcome);
        let answer = until_the_end(ask(port, asked.as_bytes()).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{asked:?}: {answer}");
        assert_ne!(count(&metrics, outcome), before, "{asked:?}");
    }
    assert_eq!(count(&metrics, "tunnel"), 1);
    // The server has gone.
    drop(server);
    let answer = until_the_end(ask(port, format!("CONNECT localhost:{api} HTTP/1.1\r\n\r\n").as_bytes()).await).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[tokio::test]
async fn who_is_not_named_and_who_is_too_many_is_sent_away() {
    let (server, api) = bound().await;
    let asked = format!("CONNECT localhost:{api} HTTP/1.1\r\n\r\n");
    let (_forward, port, metrics) = serving(api, "client_ip=192.0.2.0/24, 198.51.100.7").await;
    let answer = until_the_end(TcpStream::connect(("127.0.0.1", port)).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert_eq!(count(&metrics, "not-allowed"), 1);

    let (mut forward, port, metrics) = serving(api, "max_connections=1").await;
    let mut first = ask(port, asked.as_bytes()).await;
    let (mut at_server, _) = timeout(PATIENCE, server.accept()).await.unwrap().unwrap();
    let answer = until_the_end(TcpStream::connect(("127.0.0.1", port)).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(count(&metrics, "busy"), 1);
    // Another configuration at the same port is for those who come; whoever has a tunnel keeps it.
    let prepared = forward.prepare(&config(port, api, "client_ip=192.0.2.1")).unwrap();
    forward.serve(prepared);
    let answer = until_the_end(TcpStream::connect(("127.0.0.1", port)).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    at_server.write_all(b"still here").await.unwrap();
    drop(at_server);
    assert!(until_the_end(&mut first).await.ends_with("still here"));
}

#[tokio::test]
async fn a_login_reaches_the_server_through_a_proxy_by_http() {
    let (server, api) = bound().await;
    let (_forward, port, _metrics) = serving(api, "").await;
    // In the place of an application's api_host stands a name that leads nowhere: the proxy knows the way.
    let text = format!(
        "[main]\nhttp_proxy_host=127.0.0.1\nhttp_proxy_port={port}\n[duo_only_client]\n[radius_server_auto]\n{KEYS}\
        api_host=localhost:{api}\nradius_ip_1=192.0.2.1\nradius_secret_1=a-long-shared-secret\n"
    );
    let config = read(&text);
    let _api = Api::new(&config.radius[0].application, None).unwrap();
    // It looks after its host from the beginning.
    let (mut stream, _) = timeout(PATIENCE, server.accept()).await.unwrap().unwrap();
    let mut first = [0; 3];
    timeout(PATIENCE, stream.read_exact(&mut first)).await.unwrap().unwrap();
    assert_eq!(first, [0x16, 3, 1], "a ClientHello");
}

#[test]
fn the_port_is_that_of_https_unless_another_is_named() {
    assert_eq!(target("API.example.org"), ("api.example.org".to_owned(), 443));
    assert_eq!(target("api.example.org:8443"), ("api.example.org".to_owned(), 8443));
    assert_eq!(target("[2001:db8::1]:8443"), ("2001:db8::1".to_owned(), 8443));
    assert_eq!(target("2001:db8::1"), ("2001:db8::1".to_owned(), 443));
}
