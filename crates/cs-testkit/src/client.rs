//! Clients that sign as Duo's do.

use std::path::Path;
use std::sync::Arc;

use cs_core::id::IntegrationKey;
use cs_core::secret::SecretKey;
use cs_engine::ManualClock;
use cs_wire::signing::{Outgoing, Scheme, SignedHeaders, encode_params, format_date, sign};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde_json::Value as Json;

/// A client of one integration.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    authority: String,
    clock: ManualClock,
    key: IntegrationKey,
    secret: Arc<SecretKey>,
    scheme: Scheme,
}

/// What the server said.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Api {
    pub(crate) fn new(
        http: reqwest::Client,
        authority: &str,
        clock: ManualClock,
        key: IntegrationKey,
        secret: SecretKey,
    ) -> Self {
        Self { http, authority: authority.to_owned(), clock, key, secret: Arc::new(secret), scheme: Scheme::V5 }
    }

    /// A client of a server elsewhere: `ca` is the authority it trusts.
    pub fn connect(ca: &Path, authority: &str, clock: ManualClock, key: &str, secret: &str) -> Self {
        let secret = SecretKey::from_text(secret.to_owned());
        Self::new(http_client(ca), authority, clock, key.parse().expect("a key"), secret)
    }

    /// The same client, signing another way.
    #[must_use]
    pub fn signing(&self, scheme: Scheme) -> Self {
        Self { scheme, ..self.clone() }
    }

    /// The same client with another secret, which is not the integration's.
    #[must_use]
    pub fn with_wrong_secret(&self) -> Self {
        Self { secret: Arc::new(SecretKey::from_text("w".repeat(40))), ..self.clone() }
    }

    /// The same client with another key.
    #[must_use]
    pub fn with_key(&self, key: IntegrationKey) -> Self {
        Self { key, ..self.clone() }
    }

    /// The integration's key.
    pub fn key(&self) -> IntegrationKey {
        self.key
    }

    /// The integration's secret.
    pub fn secret(&self) -> &str {
        self.secret.expose()
    }

    /// Host and port, as clients write them.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// A signed GET.
    pub async fn get(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        send(self.request(Method::GET, path, params)).await
    }

    /// A signed POST: a form, or JSON where the signature wants it.
    pub async fn post(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        send(self.request(Method::POST, path, params)).await
    }

    /// A signed DELETE.
    pub async fn delete(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        send(self.request(Method::DELETE, path, params)).await
    }

    /// A signed request by the method's name.
    pub async fn call(&self, method: &str, path: &str, params: &[(&str, &str)]) -> Answer {
        send(self.request(method.parse().expect("a method"), path, params)).await
    }

    /// A signed request whose body is this JSON (signature version 5).
    pub async fn json(&self, method: &str, path: &str, body: &Json) -> Answer {
        let method: Method = method.parse().expect("a method");
        let body = body.to_string();
        let signing = self.signing(Scheme::V5);
        let headers = signing.signed(&method, path, &[], body.as_bytes());
        let request = self.http.request(method, self.url(path)).header(AUTHORIZATION, headers.authorization);
        send(request.header(DATE, headers.date).header(CONTENT_TYPE, "application/json").body(body)).await
    }

    /// A GET without a signature.
    pub async fn unsigned(&self, path: &str) -> Answer {
        send(self.http.get(self.url(path))).await
    }

    /// A signed request on a connection of its own, to be changed before it is sent.
    pub fn request(&self, method: Method, path: &str, params: &[(&str, &str)]) -> RequestBuilder {
        let has_body = method != Method::GET && method != Method::DELETE;
        let is_json = has_body && self.scheme.version().covers_raw_body();
        let json = if is_json {
            let members = params.iter().map(|(name, value)| ((*name).to_owned(), Json::from(*value))).collect();
            Json::Object(members).to_string()
        } else {
            String::new()
        };
        let signed_params = if is_json { &[] } else { params };
        let headers = self.signed(&method, path, signed_params, json.as_bytes());
        let encoded = encode_params(params);
        let target = if has_body || params.is_empty() { path.to_owned() } else { format!("{path}?{encoded}") };
        let mut request = self.http.request(method, self.url(&target)).header(AUTHORIZATION, headers.authorization);
        if self.scheme.version().is_dated() {
            request = request.header(DATE, headers.date);
        }
        match (has_body, is_json) {
            (false, _) => request,
            (true, true) => request.header(CONTENT_TYPE, "application/json").body(json),
            (true, false) => request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(encoded),
        }
    }

    /// The headers of a signed GET without parameters, for a client that is not this one.
    pub fn signed_get(&self, path: &str) -> SignedHeaders {
        self.signed(&Method::GET, path, &[], &[])
    }

    fn signed(&self, method: &Method, path: &str, params: &[(&str, &str)], json: &[u8]) -> SignedHeaders {
        let date = format_date(self.clock.now()).expect("a date");
        let outgoing =
            Outgoing { method: method.as_str(), host: &self.authority, path, params, json, x_duo: &[], date: &date };
        sign(&outgoing, self.key.as_str(), self.secret.expose().as_bytes(), self.scheme)
    }

    fn url(&self, target: &str) -> String {
        format!("https://{}{target}", self.authority)
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).expect("an answer in JSON")
    }

    /// What a success holds.
    pub fn response(&self) -> Json {
        let mut json = self.json();
        assert_eq!((self.status, &json["stat"]), (200, &Json::from("OK")), "{json}");
        json["response"].take()
    }

    /// A failure's code; its status must be the code's.
    pub fn code(&self) -> u64 {
        let json = self.json();
        assert_eq!(json["stat"], "FAIL", "{json}");
        let code = json["code"].as_u64().expect("a code");
        assert_eq!(u64::from(self.status), code / 100);
        code
    }

    /// A text in a success.
    pub fn text(&self, name: &str) -> String {
        let response = self.response();
        response[name].as_str().unwrap_or_else(|| panic!("no text {name} in {response}")).to_owned()
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.expect("a body").to_vec() }
}

/// A client that trusts the authority in the file `ca`, keeps no connection and speaks HTTP/1.1: a request dropped is a connection dropped.
pub(crate) fn http_client(ca: &Path) -> reqwest::Client {
    // The first test of the process installs it.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let pem = std::fs::read(ca).expect("the authority's certificate");
    let ca = reqwest::Certificate::from_pem(&pem).expect("a certificate");
    reqwest::Client::builder().tls_certs_only([ca]).http1_only().pool_max_idle_per_host(0).build().expect("a client")
}
