//! A received request, built by hand.

use cs_wire::signing::{
    Allowed, AuthError, LegacyV1, PublicName, ReceivedRequest, Verified, VerifyError, credentials, verify,
};
use jiff::Timestamp;

pub(crate) const IKEY: &str = "DIWJ8X6AEYOR5OMC6TQ1";
pub(crate) const SKEY: &[u8] = b"Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep";
pub(crate) const HOST: &str = "api-xxxxxxxx.duosecurity.com";
pub(crate) const DATE: &str = "Tue, 21 Aug 2012 17:29:18 -0000";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";

/// The instant of [`DATE`].
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_345_570_158).unwrap()
}

#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) query: String,
    pub(crate) host: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) names: Vec<PublicName>,
    pub(crate) legacy_v1: LegacyV1,
    pub(crate) now: Timestamp,
}

impl Sent {
    pub(crate) fn new(method: &'static str, path: &'static str) -> Self {
        Self {
            method,
            path,
            query: String::new(),
            host: HOST.into(),
            headers: Vec::new(),
            body: Vec::new(),
            names: Vec::new(),
            legacy_v1: LegacyV1::Refused,
            now: now(),
        }
    }

    pub(crate) fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut sent = self.header("Content-Type", content_type);
        sent.body = body.into();
        sent
    }

    pub(crate) fn known_as(mut self, name: &str) -> Self {
        self.names.push(PublicName::new(name));
        self
    }

    pub(crate) fn with_v1(mut self) -> Self {
        self.legacy_v1 = LegacyV1::Accepted;
        self
    }

    pub(crate) fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Adds `Authorization` for a signature in hexadecimal.
    pub(crate) fn signature(self, hex: &str) -> Self {
        let text = format!("{IKEY}:{hex}");
        let encoded = data_encoding::BASE64.encode(text.as_bytes());
        self.header("Authorization", format!("Basic {encoded}"))
    }

    pub(crate) fn verify(&self) -> Result<Verified, VerifyError> {
        let request = ReceivedRequest {
            method: self.method,
            path: self.path,
            query: &self.query,
            host: &self.host,
            headers: self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())),
            body: &self.body,
        };
        let credentials = credentials(&request)?;
        if credentials.ikey != IKEY {
            return Err(AuthError::UnknownKey.into());
        }
        let allowed = Allowed { legacy_v1: self.legacy_v1 };
        verify(&request, &credentials, SKEY, &self.names, allowed, self.now)
    }

    pub(crate) fn refusal(&self) -> AuthError {
        match self.verify() {
            Err(VerifyError::Auth(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}
