//! One exchange without the network: a signed request made, and an answer read.

use std::fmt;
use std::time::Duration;

use cs_wire::signing::{Outgoing, Scheme, SignedHeaders, encode_params, format_date, sign};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::login::Params;

/// The key pair of an integration.
pub(crate) struct Keys {
    pub(crate) ikey: String,
    pub(crate) skey: Zeroizing<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.ikey)
    }
}

/// The two methods of the Auth API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

impl Method {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A request ready to be sent: parameters encoded, headers signed.
pub(crate) struct Prepared {
    pub(crate) params: Zeroizing<String>,
    pub(crate) headers: SignedHeaders,
}

/// Signs a call to `path` of `host` at `now`.
pub(crate) fn prepare(
    keys: &Keys,
    host: &str,
    method: Method,
    path: &str,
    params: &Params,
    now: Timestamp,
) -> Result<Prepared, Error> {
    let date = format_date(now).ok_or(Error::Clock)?;
    let pairs: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let outgoing = Outgoing { method: method.as_str(), host, path, params: &pairs, json: b"", x_duo: &[], date: &date };
    let headers = sign(&outgoing, &keys.ikey, keys.skey.as_bytes(), Scheme::V2Sha512);
    Ok(Prepared { params: Zeroizing::new(encode_params(&pairs)), headers })
}

#[derive(Deserialize)]
struct Envelope {
    stat: String,
    #[serde(default)]
    response: Option<Value>,
    #[serde(default)]
    code: u32,
    #[serde(default)]
    message: String,
    #[serde(default)]
    message_detail: String,
}

/// Reads an answer: the `response` of a success, or why there is none.
pub(crate) fn read<T: DeserializeOwned>(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Result<T, Error> {
    let refused = |code, message, detail| Error::Refused { status, code, message, detail, retry_after };
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        // A proxy in between may answer with a page of its own.
        return Err(if status == 200 {
            Error::NotThisProtocol("it is not JSON with `stat`")
        } else {
            refused(0, format!("HTTP status {status}"), String::new())
        });
    };
    match (&*envelope.stat, envelope.response, status) {
        ("OK", Some(response), 200) => {
            serde_json::from_value(response).map_err(|_| Error::NotThisProtocol("`response` has another shape"))
        }
        ("OK", _, _) => Err(Error::NotThisProtocol("a success without a response")),
        _ => Err(refused(envelope.code, envelope.message, envelope.message_detail)),
    }
}

#[cfg(test)]
mod tests {
    use cs_wire::auth_api::TimeResponse;

    use super::*;

    #[test]
    fn a_success_is_only_a_success_as_a_whole() {
        let ok: TimeResponse = read(200, None, br#"{"stat":"OK","response":{"time":7}}"#).unwrap();
        assert_eq!(ok.time, 7);
        for (status, body) in [
            (200, &b"<html>"[..]),
            (200, br#"{"stat":"OK"}"#),
            (200, br#"{"stat":"OK","response":{"tim":7}}"#),
            (500, br#"{"stat":"OK","response":{"time":7}}"#),
        ] {
            assert!(matches!(read::<TimeResponse>(status, None, body), Err(Error::NotThisProtocol(_))));
        }
    }

    #[test]
    fn a_refusal_says_what_the_server_said() {
        let body = br#"{"stat":"FAIL","code":40103,"message":"Invalid signature","message_detail":""}"#;
        let error = read::<TimeResponse>(401, None, body).unwrap_err();
        assert_eq!(error.to_string(), "the server refused the request: 40103 Invalid signature");
        let busy = read::<TimeResponse>(429, Some(Duration::from_secs(3)), b"busy").unwrap_err();
        assert!(
            matches!(busy, Error::Refused { status: 429, code: 0, retry_after: Some(wait), .. } if wait.as_secs() == 3)
        );
    }

    #[test]
    fn a_request_signs_what_it_sends() {
        let keys = Keys { ikey: "DIWJ8X6AEYOR5OMC6TQ1".to_owned(), skey: Zeroizing::new("secret".to_owned()) };
        let params: Params = vec![("username", crate::login::text("jo & co"))];
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let request = prepare(&keys, "localhost:8443", Method::Post, "/auth/v2/preauth", &params, now).unwrap();
        assert_eq!(request.params.as_str(), "username=jo%20%26%20co");
        assert_eq!(request.headers.date, "Tue, 14 Nov 2023 22:13:20 -0000".to_owned());
        assert!(request.headers.authorization.starts_with("Basic "));
        assert_eq!(format!("{keys:?}"), "Keys(DIWJ8X6AEYOR5OMC6TQ1)");
    }
}
