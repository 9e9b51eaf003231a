//! Signed calls, for setting up a site and looking at it. What a real client sends is the business of `clients/`.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use cs_wire::signing::{Outgoing, Scheme, format_date, sign};
use reqwest::blocking::Client;
use serde_json::Value as Json;

/// A pair of keys.
#[derive(Clone)]
pub struct Keys {
    /// `DI…`
    pub ikey: String,
    /// The secret.
    pub skey: String,
}

impl Keys {
    /// From what was printed or answered when an integration was made, and the names of both keys there.
    pub fn of(object: &Json, ikey: &str, skey: &str) -> Self {
        let text = |key: &str| object[key].as_str().unwrap_or_else(|| panic!("no {key} in {object}")).to_owned();
        Self { ikey: text(ikey), skey: text(skey) }
    }
}

/// One integration, calling.
pub struct Api {
    client: Client,
    host: String,
    keys: Keys,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null where it is not JSON.
    pub body: Json,
    /// Seconds until the client shall come back, where the answer says so.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// The `response` of a success.
    pub fn ok(self) -> Json {
        assert_eq!((self.status, self.body["stat"].as_str()), (200, Some("OK")), "{}", self.body);
        self.body["response"].clone()
    }

    /// The `code` of a failure.
    pub fn code(&self) -> u64 {
        self.body["code"].as_u64().unwrap_or_else(|| panic!("no failure: {self:?}"))
    }
}

impl Api {
    pub(crate) fn new(host: &str, ca: &Path, keys: Keys) -> Self {
        static PROVIDER: OnceLock<()> = OnceLock::new();
        // A program that uses this library may have installed it already.
        PROVIDER.get_or_init(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
        let ca = reqwest::Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
        let client =
            Client::builder().tls_certs_only([ca]).timeout(Duration::from_secs(90)).no_proxy().build().unwrap();
        Self { client, host: host.to_owned(), keys }
    }

    /// A GET with the parameters in the query.
    pub fn get(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.call("GET", path, params)
    }

    /// A POST with a form.
    pub fn post(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.call("POST", path, params)
    }

    /// A DELETE with the parameters in the query.
    pub fn delete(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.call("DELETE", path, params)
    }

    /// A call signed with version 2.
    pub fn call(&self, method: &str, path: &str, params: &[(&str, &str)]) -> Answer {
        let date = format_date(now()).unwrap();
        let outgoing = Outgoing { method, host: &self.host, path, params, json: &[], x_duo: &[], date: &date };
        let headers = sign(&outgoing, &self.keys.ikey, self.keys.skey.as_bytes(), Scheme::V2Sha512);
        let encoded = cs_wire::signing::encode_params(params);
        let has_body = method == "POST" || method == "PUT";
        let query = if has_body || encoded.is_empty() { String::new() } else { format!("?{encoded}") };
        let mut request = self
            .client
            .request(method.parse().unwrap(), format!("https://{}{path}{query}", self.host))
            .header("Date", headers.date)
            .header("Authorization", headers.authorization);
        if has_body {
            request = request.header("Content-Type", "application/x-www-form-urlencoded").body(encoded);
        }
        let response = request.send().unwrap();
        let status = response.status().as_u16();
        let retry_after = response.headers().get("Retry-After").map(|value| value.to_str().unwrap().parse().unwrap());
        Answer { status, body: response.json().unwrap_or_default(), retry_after }
    }
}

#[expect(clippy::disallowed_methods, reason = "clients sign the real time")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
