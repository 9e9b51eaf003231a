//! One server spoken to over HTTPS: signed requests, bounded answers, refusals, and the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_lc_rs::rand;
use cs_wire::device::{DeviceKey, Digest, FixedBytes, ProtocolVersion, RequestPayload, sign};
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, Response, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::activation::is_loopback;
use crate::error::{Error, Refusal};

/// An answer larger than this is not read: a full list of requests is far smaller.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// How long one ordinary exchange may take.
pub(crate) const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(20);

/// Tells the time; tests give their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A server and how far its clock is from ours.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) origin: String,
    pub(crate) clock: Clock,
    /// Seconds to add to `clock` to get the server's time.
    pub(crate) offset_s: AtomicI64,
}

/// Who signs: the `kid` and its key.
pub(crate) struct Identity<'a> {
    pub(crate) device_id: &'a str,
    pub(crate) key: &'a DeviceKey,
}

/// An HTTP answer as it came, for callers that look at refusals themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, at most one megabyte.
    pub body: Vec<u8>,
}

/// A client for `origin` that trusts only the authorities in `ca_pem`, or the system's where there are none.
pub(crate) fn client(origin: &str, ca_pem: Option<&str>) -> Result<Client, Error> {
    crate::install_crypto_provider();
    let mut builder = Client::builder()
        .user_agent(concat!("countersign-device/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        // A laptop that slept must find out that its connection did not.
        .tcp_keepalive(Duration::from_secs(30))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        // A signed request is for one origin and one path.
        .redirect(redirect::Policy::none());
    if is_loopback(origin) {
        // What is meant for this machine must not go out through a proxy.
        builder = builder.no_proxy();
    }
    if let Some(pem) = ca_pem {
        let authorities = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| Error::CaCertificate)?;
        if authorities.is_empty() {
            return Err(Error::CaCertificate);
        }
        builder = builder.tls_certs_only(authorities);
    }
    builder.build().map_err(Error::Tls)
}

impl Link {
    /// The server's time as far as we know, unix seconds.
    pub(crate) fn now(&self) -> i64 {
        (self.clock)().as_second().saturating_add(self.offset_s.load(Ordering::Relaxed))
    }

    /// Takes the server's word for the time.
    pub(crate) fn learn_time(&self, server_time: i64) {
        let offset = server_time.saturating_sub((self.clock)().as_second());
        self.offset_s.store(offset, Ordering::Relaxed);
    }

    /// Sends one signed request and reads a JSON answer. `body` makes the body signed at the given time; it is
    /// called again when the server corrects our clock.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        identity: &Identity<'_>,
        method: Method,
        path: &str,
        body: impl Fn(i64) -> Result<Vec<u8>, Error>,
    ) -> Result<T, Error> {
        let response = self.open(identity, method, path, Some(EXCHANGE_TIMEOUT), body).await?;
        let body = self.read(response).await?;
        self.parse(&body)
    }

    /// As [`Self::call`], but returns an accepted response with its body unread. Without `timeout` it may stay open.
    pub(crate) async fn open(
        &self,
        identity: &Identity<'_>,
        method: Method,
        path: &str,
        timeout: Option<Duration>,
        body: impl Fn(i64) -> Result<Vec<u8>, Error>,
    ) -> Result<Response, Error> {
        let mut corrected = false;
        loop {
            let iat = self.now();
            let body = body(iat)?;
            let proof = self.proof(identity, method.as_str(), path, &body, iat)?;
            let response = self.send(method.clone(), path, Some(&proof), body, timeout).await?;
            match self.accept(response).await {
                Err(Error::Refused(Refusal { code, server_time: Some(time), .. })) if code == "clock" && !corrected => {
                    self.learn_time(time);
                    corrected = true;
                }
                answer => return answer,
            }
        }
    }

    /// The JWS that authenticates one request.
    pub(crate) fn proof(
        &self,
        identity: &Identity<'_>,
        method: &str,
        path: &str,
        body: &[u8],
        iat: i64,
    ) -> Result<String, Error> {
        let mut jti = [0; 16];
        rand::fill(&mut jti).map_err(|_| Error::Signing)?;
        let payload = RequestPayload {
            v: ProtocolVersion::V1,
            aud: self.origin.clone(),
            htm: method.to_owned(),
            htu: path.to_owned(),
            iat,
            jti: FixedBytes(jti),
            bsha: Digest::of(body),
        };
        sign(&payload, identity.device_id, identity.key).map_err(|_| Error::Signing)
    }

    /// Sends one request, whatever the answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        proof: Option<&str>,
        body: Vec<u8>,
        timeout: Option<Duration>,
    ) -> Result<Response, Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.origin));
        if let Some(proof) = proof {
            request = request.header(AUTHORIZATION, format!("Device {proof}"));
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        request.send().await.map_err(|error| self.network(error))
    }

    /// As [`Self::send`], with the whole answer.
    pub(crate) async fn send_raw(
        &self,
        method: Method,
        path: &str,
        proof: Option<&str>,
        body: Vec<u8>,
    ) -> Result<RawAnswer, Error> {
        let response = self.send(method, path, proof, body, Some(EXCHANGE_TIMEOUT)).await?;
        Ok(RawAnswer { status: response.status().as_u16(), body: self.read(response).await? })
    }

    /// Turns everything but success into an error.
    pub(crate) async fn accept(&self, response: Response) -> Result<Response, Error> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after_s = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.trim().parse().ok());
        let body = self.read(response).await?;
        Err(refusal(status.as_u16(), &body, retry_after_s).into())
    }

    /// The body, if it is of reasonable size.
    pub(crate) async fn read(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.network(error))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(self.not_this_protocol("the answer is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Reads a JSON answer.
    pub(crate) fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(body).map_err(|_| self.not_this_protocol("the answer is not as documented"))
    }

    pub(crate) fn not_this_protocol(&self, what: &'static str) -> Error {
        Error::NotThisProtocol { origin: self.origin.clone(), what }
    }

    pub(crate) fn network(&self, source: reqwest::Error) -> Error {
        Error::Network { origin: self.origin.clone(), source: source.without_url() }
    }
}

/// Reads a refusal leniently: from a proxy in between it may be a page, and a newer server may have more codes.
fn refusal(status: u16, body: &[u8], retry_after_s: Option<u64>) -> Refusal {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| body["error"].get(name).or_else(|| body.get(name));
    let text = |name: &str| member(name).and_then(Value::as_str).map(str::to_owned);
    Refusal {
        status,
        code: text("code").unwrap_or_default(),
        message: text("message").unwrap_or_default(),
        server_time: member("server_time").and_then(Value::as_i64),
        state: text("state"),
        retry_after_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_wherever_their_facts_stand() {
        for body in [
            r#"{"error":{"code":"clock","message":"m","server_time":7}}"#,
            r#"{"error":{"code":"clock","message":"m"},"server_time":7}"#,
        ] {
            let read = refusal(401, body.as_bytes(), None);
            assert_eq!((read.code.as_str(), read.server_time), ("clock", Some(7)), "{body}");
        }
        let page = refusal(502, b"<html>", Some(3));
        assert_eq!(page.text(), "the server refused with HTTP status 502");
        let message = refusal(418, br#"{"error":{"code":"new","message":"do \u001b[2J this"}}"#, None);
        assert_eq!(message.text(), "the server refused: do \u{FFFD}[2J this");
    }
}
