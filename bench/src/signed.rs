//! Requests signed as Duo's clients sign them, as bytes ready to send.

use std::fmt::Write as _;

use anyhow::Context as _;
use cs_wire::signing::{Outgoing, Scheme, encode_params, format_date, sign};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An integration's key and secret.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Keys {
    pub(crate) ikey: String,
    pub(crate) skey: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.ikey)
    }
}

impl Keys {
    /// A whole request, version 2 with SHA-512: what duo_unix 2 and the Go, Node and C# clients send.
    ///
    /// GET and DELETE carry the parameters in the query, others as a form.
    pub(crate) fn request(&self, method: &str, host: &str, path: &str, params: &[(&str, &str)], date: &str) -> Vec<u8> {
        let outgoing = Outgoing { method, host, path, params, json: b"", x_duo: &[], date };
        let headers = sign(&outgoing, &self.ikey, self.skey.as_bytes(), Scheme::V2Sha512);
        let encoded = encode_params(params);
        let in_query = matches!(method, "GET" | "DELETE");
        let mut text = format!("{method} {path}");
        if in_query && !encoded.is_empty() {
            text.push('?');
            text.push_str(&encoded);
        }
        // Writing to a String cannot fail.
        let _ =
            write!(text, " HTTP/1.1\r\nHost: {host}\r\nDate: {date}\r\nAuthorization: {}\r\n", headers.authorization);
        if !in_query {
            let _ = write!(
                text,
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                encoded.len()
            );
        }
        text.push_str("\r\n");
        if !in_query {
            text.push_str(&encoded);
        }
        text.into_bytes()
    }
}

/// Now, as a request's date.
pub(crate) fn date() -> anyhow::Result<String> {
    format_date(now()).context("the clock is out of range")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark's requests carry the real time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
