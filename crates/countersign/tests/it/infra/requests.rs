use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::site::{Client, Site};

#[tokio::test]
async fn every_answer_carries_the_same_headers() {
    let site = Site::start();
    let answer = site.connect().await.get("/client").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(answer.header("server"), Some("Countersign"));
    assert_eq!(answer.header("x-request-id").unwrap().len(), 16);
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_in_the_envelope() {
    let site = Site::start();
    let mut client = site.connect().await;
    let answer = client.get("/nowhere").await;
    assert_eq!((answer.status, answer.code()), (404, 40401));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    client.send("DELETE /echo HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code()), (405, 40501));
}

#[tokio::test]
async fn a_panic_is_an_answer_without_its_cause() {
    let site = Site::start();
    let mut client = site.connect().await;
    let answer = client.get("/panic").await;
    assert_eq!((answer.status, answer.code()), (500, 50000));
    assert!(!answer.body.contains("secret"), "{}", answer.body);
    let reference = answer.header("x-request-id").unwrap();
    assert!(answer.body.contains(reference), "the reference finds the log line");
    assert_eq!(client.get("/client").await.status, 200, "the connection lives on");
}

#[tokio::test]
async fn an_oversize_body_is_refused_by_its_length_or_on_the_way() {
    let site = Site::with(|config| config.limits.body_bytes = 4096);
    let mut client = site.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4097\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code()), (413, 41301));

    let mut client = site.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.send(format!("1001\r\n{}\r\n", "x".repeat(4097))).await;
    assert_eq!(client.answer().await.code(), 41301);

    let mut client = site.connect().await;
    client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4096\r\n\r\n{}", "x".repeat(4096))).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn chunked_bodies_are_read() {
    let site = Site::start();
    let mut client = site.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.body.as_str(), answer.header("content-length")), ("abcde", Some("5")));
}

#[tokio::test]
async fn malformed_requests_are_400_and_harm_nobody_else() {
    let site = Site::start();
    for bad in [
        "\x16\x03\x01nonsense\r\n\r\n".to_owned(),
        "GET /client HTTP/9.9\r\n\r\n".to_owned(),
        "GET /client HTTP/1.1\r\nNo colon\r\n\r\n".to_owned(),
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_owned(),
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_owned(),
    ] {
        let mut client = site.connect().await;
        client.send(&bad).await;
        let said = client.until_closed().await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{bad:?}: {said}");
    }
    assert_eq!(site.connect().await.get("/client").await.status, 200);
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let site = Site::start();
    for headers in ["A: b\r\n".repeat(200), format!("A: {}\r\n", "b".repeat(100_000))] {
        let mut client = site.connect().await;
        client.send(format!("GET /client HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
        assert_eq!(client.answer().await.status, 431);
    }
}

#[tokio::test]
async fn slow_headers_end_the_connection_and_a_pause_between_requests_does_not() {
    let site = Site::with(|config| {
        config.limits.header_timeout = Duration::from_millis(100);
        config.limits.idle_timeout = Duration::from_secs(60);
    });
    let mut patient = site.connect().await;
    assert_eq!(patient.get("/client").await.status, 200);

    let mut slow = site.connect().await;
    slow.send("GET /client HTTP/1.1\r\nHo").await;
    assert_eq!(slow.until_closed().await, "", "cut off, and this took at least the header time-out");
    assert_eq!(patient.get("/client").await.status, 200, "idle for as long, and still open");
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let site = Site::with(|config| config.limits.idle_timeout = Duration::from_millis(50));
    let said = loop {
        let mut client = site.connect().await;
        // On a busy machine it may have been idle for so long before it asks: then it is asked on the next one.
        let asked = client.stream.write_all(b"GET /client HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let said = client.until_closed().await;
        if asked.is_ok() && !said.is_empty() {
            break said;
        }
    };
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test]
async fn a_slow_body_is_answered_408() {
    let site = Site::with(|config| config.limits.body_timeout = Duration::from_millis(50));
    let mut client = site.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code()), (408, 40801));
}

#[tokio::test]
async fn a_handshake_that_never_comes_ends_the_connection() {
    use tokio::io::AsyncReadExt as _;
    let site = Site::with(|config| config.limits.handshake_timeout = Duration::from_millis(50));
    let mut silent = tokio::net::TcpStream::connect(site.api()).await.unwrap();
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn authentik_cve_2024_47070_forwarded_addresses_count_only_from_trusted_proxies() {
    let request = "GET /client HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n";
    let site = Site::start();
    let mut client = site.connect().await;
    client.send(request).await;
    assert_eq!(client.answer().await.body, "127.0.0.1");

    let site = Site::with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]);
    let mut client = site.connect().await;
    client.send(request).await;
    assert_eq!(client.answer().await.body, "203.0.113.9");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_to_come_back() {
    let site = Site::with(|config| config.limits.connections = 1);
    let mut first = site.connect().await;
    assert_eq!(first.get("/client").await.status, 200);
    let mut second = site.connect().await;
    let answer = second.get("/client").await;
    assert_eq!((answer.status, answer.code()), (429, 42901));
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert_eq!(second.until_closed().await, "");
    assert_eq!(first.get("/client").await.status, 200, "who is in stays in");
}

#[tokio::test]
async fn an_address_that_is_refused_too_often_is_told_to_slow_down() {
    let site = Site::with(|config| config.limits.refusals_per_second = 1);
    let mut client = site.connect().await;
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(client.get("/refused").await.status);
    }
    let refused = statuses.iter().filter(|status| **status == 401).count();
    assert!((10..=20).contains(&refused), "a burst of ten, and what a second brings: {statuses:?}");
    let answer = client.get("/client").await;
    assert_eq!((answer.status, answer.code()), (429, 42901));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn api_and_authenticator_may_share_a_port_and_not_a_host() {
    // A free port for both: taken, then released for the site to bind.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = Site::with(|config| {
        config.listen.api = free;
        config.listen.authenticator = free;
        config.hosts.authenticator.name = "phone.localhost".to_owned();
    });
    let mut client = Client::connect(free, site.client_config(), "phone.localhost").await;
    assert_eq!(client.get("/client").await.status, 200, "the API's host");
    client.send("GET /client HTTP/1.1\r\nHost: phone.localhost:443\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 404, "the authenticator's host has no such route");
}

#[tokio::test]
async fn http2_serves_the_same() {
    let site = Site::start();
    let pem = std::fs::read(site.directory.path().join("tls/ca.pem")).unwrap();
    // Finds it installed when another test was first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
        .no_proxy()
        .build()
        .unwrap();
    let answer = client.get(format!("https://localhost:{}/client", site.api().port())).send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.text().await.unwrap(), "127.0.0.1");
}
