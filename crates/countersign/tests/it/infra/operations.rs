use super::site::Site;

#[tokio::test]
async fn metrics_name_routes_by_template_and_the_process() {
    let site = Site::start();
    let mut client = site.connect().await;
    client.get("/client").await;
    client.get("/some/secret/path").await;
    let metrics = site.operations("/metrics").await;
    for expected in [
        "countersign_http_requests_total{route=\"/client\",status=\"2xx\"}",
        "countersign_http_requests_total{route=\"unmatched\",status=\"4xx\"}",
        "countersign_http_request_seconds_bucket{route=\"/client\",le=\"0.001\"}",
        "countersign_connections 1",
        "process_resident_memory_bytes ",
    ] {
        assert!(metrics.contains(expected), "{expected} is missing:\n{metrics}");
    }
    assert!(!metrics.contains("secret/path"), "paths that clients make up are not labels");
}

#[tokio::test]
async fn status_tells_versions_checks_and_the_certificate() {
    let site = Site::start();
    let answer = site.operations("/status").await;
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let status: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(status["ready"], true);
    assert_eq!(status["checks"][0]["name"], "accepting");
    assert!(status["certificate"]["names"].as_array().unwrap().contains(&"localhost".into()));
}

#[tokio::test]
async fn operations_are_not_served_to_clients() {
    let site = Site::start();
    let mut client = site.connect().await;
    for path in ["/metrics", "/status"] {
        assert_eq!(client.get(path).await.status, 404, "{path}");
    }
    assert_eq!(client.get("/healthz").await.body, "ok\n");
    assert_eq!(client.get("/readyz").await.body, "ready\n");
}
