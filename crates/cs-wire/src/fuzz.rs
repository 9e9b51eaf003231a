//! Entry points for fuzzers: each takes arbitrary bytes, must neither panic nor take long, and checks
//! what must hold for whatever the parser accepts.

use jiff::Timestamp;

use crate::auth_api;
use crate::bson::Document;
use crate::device::{
    ActivatePayload, ActivateRequest, ActivationLink, AnswerPayload, DeviceUpdate, RequestPayload, UnverifiedJws,
};
use crate::encoding::{Repeated, canonical_params, decode_pairs};
use crate::json;
use crate::oidc::{
    AuthorizeQuery, Endpoint, HealthCheckRequest, RedirectUri, TokenRequest, UnverifiedAssertion, read_form,
};
use crate::params::{MAX_PARAMS, Params};
use crate::pushinfo::PushInfo;
use crate::rest_v1;
use crate::signing::{
    Allowed, LegacyV1, PublicName, ReceivedRequest, credentials, format_date, parse_date, split_target, verify,
};
use crate::web_sdk::UnverifiedTx;

/// A target's name and entry.
pub type Target = (&'static str, fn(&[u8]));

/// Every target there is.
pub const TARGETS: &[Target] = &[
    ("authorization", fuzz_authorization),
    ("date", fuzz_date),
    ("form", fuzz_form),
    ("json", fuzz_json),
    ("bson", fuzz_bson),
    ("target", fuzz_target),
    ("activation_code", fuzz_activation_code),
    ("jws", fuzz_jws),
    ("device_body", fuzz_device_body),
    ("pushinfo", fuzz_pushinfo),
    ("auth_api", fuzz_auth_api),
    ("received", fuzz_received),
    ("oidc", fuzz_oidc),
    ("web_sdk", fuzz_web_sdk),
];

/// The `Authorization` header's value.
pub fn fuzz_authorization(data: &[u8]) {
    let request = ReceivedRequest {
        method: "GET",
        path: "/auth/v2/check",
        query: "",
        host: "localhost",
        headers: std::iter::once(("Authorization", data)),
        body: b"",
    };
    if let Ok(found) = credentials(&request) {
        assert!(!found.ikey.is_empty() && found.ikey.is_ascii());
    }
}

/// A signed date. What is read can be written, and is read the same again.
pub fn fuzz_date(data: &[u8]) {
    if let Some(instant) = parse_date(data)
        && let Some(text) = format_date(instant)
    {
        assert_eq!(parse_date(text.as_bytes()), Some(instant));
    }
}

/// A form or query. The canonical form is its own canonical form.
pub fn fuzz_form(data: &[u8]) {
    let Some(pairs) = decode_pairs(data, MAX_PARAMS) else {
        return;
    };
    for order in [Repeated::Sorted, Repeated::AsReceived] {
        let canonical = canonical_params(&pairs, order);
        let again = decode_pairs(&canonical, MAX_PARAMS).unwrap_or_default();
        assert_eq!(again.len(), pairs.len());
        assert_eq!(canonical_params(&again, order), canonical);
    }
    if let Ok(params) = Params::from_form(data) {
        read_all(&params);
    }
}

/// A JSON body. What the strict reader takes, the ordinary one reads the same.
pub fn fuzz_json(data: &[u8]) {
    if let Ok(value) = json::parse_strict(data) {
        assert_eq!(serde_json::from_slice::<serde_json::Value>(data).ok(), Some(value));
    }
    if let Ok(params) = Params::from_json(data) {
        read_all(&params);
    }
}

/// A BSON document. What is read is written back to the same bytes.
pub fn fuzz_bson(data: &[u8]) {
    if let Ok(document) = Document::decode(data) {
        assert_eq!(document.encode(), data);
    }
}

/// A request target.
pub fn fuzz_target(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let (path, _) = split_target(text);
        assert!(!path.contains('?'));
    }
}

/// A scanned or pasted activation code. What is read can be written in both forms.
pub fn fuzz_activation_code(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(link) = ActivationLink::parse(text) {
        assert_eq!(ActivationLink::parse(&link.to_code()).as_ref(), Ok(&link));
        assert_eq!(ActivationLink::parse(&link.to_link()).as_ref(), Ok(&link));
    }
}

/// A JWS of each kind: no text is well-formed as two kinds.
pub fn fuzz_jws(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let kinds = [
        UnverifiedJws::<ActivatePayload>::parse(text).is_ok(),
        UnverifiedJws::<RequestPayload>::parse(text).is_ok(),
        UnverifiedJws::<AnswerPayload>::parse(text).is_ok(),
    ];
    assert!(kinds.iter().filter(|&&is_kind| is_kind).count() <= 1);
}

/// Bodies and payloads of the device protocol.
pub fn fuzz_device_body(data: &[u8]) {
    if let Ok(answer) = serde_json::from_slice::<AnswerPayload>(data) {
        assert_eq!(answer.statement.first_difference(&answer.statement), None);
        let again = serde_json::to_vec(&answer).ok();
        let again = again.and_then(|text| serde_json::from_slice::<AnswerPayload>(&text).ok());
        assert_eq!(again, Some(answer));
    }
    drop(serde_json::from_slice::<ActivateRequest>(data));
    drop(serde_json::from_slice::<DeviceUpdate>(data));
    drop(serde_json::from_slice::<RequestPayload>(data));
}

/// Push information.
pub fn fuzz_pushinfo(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        drop(PushInfo::parse(text));
    }
}

/// The parameters of Auth API and REST v1 calls, from a form and from JSON.
pub fn fuzz_auth_api(data: &[u8]) {
    for params in [Params::from_form(data), Params::from_json(data)].into_iter().flatten() {
        drop(auth_api::PreauthRequest::from_params(&params));
        drop(auth_api::AuthRequest::from_params(&params));
        drop(auth_api::EnrollRequest::from_params(&params));
        drop(auth_api::EnrollStatusRequest::from_params(&params));
        drop(auth_api::AuthStatusRequest::from_params(&params));
        drop(rest_v1::PreauthRequest::from_params(&params));
        drop(rest_v1::AuthRequest::from_params(&params));
    }
}

/// A whole request, one part a line: method, target, host, content type, date, signature, body. It
/// must never verify: the fuzzer does not have the key.
pub fn fuzz_received(data: &[u8]) {
    let mut lines = data.splitn(7, |&b| b == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, target, host) = (line(), line(), line());
    let (content_type, date, signature, body) = (line(), line(), line(), line());
    let (Ok(method), Ok(target), Ok(host)) =
        (std::str::from_utf8(method), std::str::from_utf8(target), std::str::from_utf8(host))
    else {
        return;
    };
    let (path, query) = split_target(target);
    let authorization = format!("Basic {}", data_encoding::BASE64.encode(signature));
    let headers = [("content-type", content_type), ("date", date), ("authorization", authorization.as_bytes())];
    let request = ReceivedRequest { method, path, query, host, headers: headers.into_iter(), body };
    let Ok(credentials) = credentials(&request) else {
        return;
    };
    let allowed = Allowed { legacy_v1: LegacyV1::Accepted };
    let names = [PublicName::new("Api.example.org:8443")];
    let skey = b"a key that no test data is signed with..";
    let verified = verify(&request, &credentials, skey, &names, allowed, Timestamp::UNIX_EPOCH);
    assert!(verified.is_err());
}

/// What an OIDC client sends: content type, query and body, one a line. No assertion and no request must ever verify: the fuzzer does not have the secret.
pub fn fuzz_oidc(data: &[u8]) {
    let mut lines = data.splitn(3, |&b| b == b'\n');
    let mut line = || std::str::from_utf8(lines.next().unwrap_or_default()).ok();
    let (Some(content_type), Some(query)) = (line(), line()) else {
        return;
    };
    let body = lines.next().unwrap_or_default();
    let (secret, now) = (b"a secret that no test data is signed with", Timestamp::UNIX_EPOCH);
    if let Ok(uri) = RedirectUri::parse(query) {
        let target = uri.with(&[("code", content_type), ("state", "&=#")]);
        assert!(target.starts_with(uri.as_str()) && target.ends_with("state=%26%3D%23"));
        assert!(RedirectUri::parse(&target).is_ok() || target.len() > 2048);
    }
    if let Ok(Ok(request)) = AuthorizeQuery::parse(query).map(AuthorizeQuery::request) {
        assert!(request.verify(secret, |_| true, now).is_err());
    }
    if let Ok(assertion) = UnverifiedAssertion::parse(query) {
        assert!(assertion.verify("DIAAAAAAAAAAAAAAAAAA", secret, Endpoint::Token, |_| true, now).is_err());
    }
    if let Ok(params) = read_form(content_type, query, body) {
        drop(HealthCheckRequest::from_params(&params));
        drop(TokenRequest::from_params(&params));
    }
}

/// A request of Web SDK v2: nothing is given out that the secret has not signed.
pub fn fuzz_web_sdk(data: &[u8]) {
    let secret = b"a secret that no test data is signed with";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(tx) = UnverifiedTx::parse(text) else { return };
    assert!(!tx.claimed_ikey().contains('|'));
    assert!(tx.verify(secret).is_err());
}

/// Puts every accessor to every parameter of a few names.
fn read_all(params: &Params) {
    for name in ["a", "username", ""] {
        drop(params.str(name));
        drop(params.filled(name, 64));
        drop(params.required(name, 64));
        drop(params.bool(name));
        drop(params.int(name));
        drop(params.json_list(name));
        drop(params.csv_list(name));
        drop(params.repeated(name));
        drop(params.map(name));
        drop(params.nested(name));
    }
    assert_eq!(params.canonical_text(&[]).lines().count(), params.names().count());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Something that looks like what the parsers are for, for mutations to start from.
    const SEEDS: &[&[u8]] = &[
        b"",
        b"Basic RElXSjhYNkFFWU9SNU9NQzZUUTE6MDAwMA==",
        b"Tue, 21 Aug 2012 17:29:18 -0000",
        b"Tue, 21 Aug 2012 17:29:18 GMT (x)",
        b"username=alice&a=%20+%C3%BC&factor=push&device=auto&async=1&pushinfo=a%3Db",
        br#"{"username":"alice","factor":"passcode","passcode":123456,"a":[1,{"b":null}],"":1.5e3}"#,
        b"\x42\0\0\0\x02stat\0\x03\0\0\0OK\0\x03response\0\x26\0\0\0\x02result\0\x06\0\0\0allow\0\x02status\0\x03\0\0\0hi\0\0\0",
        b"https://api.example.org:8443/auth/v2/check?a=b",
        b"duo://Abcdefghij0123456789-YXV0aC5leGFtcGxlLm9yZzo4NDQz",
        b"https://[::1]:8443/authenticator/activate#Abcdefghij0123456789",
        b"eyJhbGciOiJFUzI1NiIsInR5cCI6ImNzLXJlcXVlc3Qrand0Iiwia2lkIjoiRFAxIn0.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        br#"{"v":1,"account":"DA1","origin":"o","device":"DP1","txid":"t","request":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU","application":"Mail","user":"alice","type":"Login request","address":"","place":"","hostname":"","time":1,"info":[["a","b"]],"number":"42","answer":"approve","iat":2}"#,
        b"POST\n/auth/v2/auth?x=1\nApi.example.org\napplication/json\nTue, 21 Aug 2012 17:29:18 -0000\nDIKEY:0000000000000000000000000000000000000000\n{}",
        b"x\nresponse_type=code&client_id=DIAAAAAAAAAAAAAAAAAA&request=eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhIjoxfQ.AAAA&state=0123456789abcdef\n",
        b"TX|YWxpY2V8RElYWFhYWFhYWFhYWFhYWFhYWFh8MTcwMDAwMDMwMA==|c09f66a47b12d1065bd237f2a51e016bb77c1062",
        b"multipart/form-data; boundary=XX\nhttps://app.example.org/cb?a=b\n--XX\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\nDI\r\n--XX--\r\n",
    ];

    /// A seed with some bytes replaced, inserted or cut off; or no seed at all.
    fn data() -> impl Strategy<Value = Vec<u8>> {
        let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3u8);
        let changed = (prop::sample::select(SEEDS), prop::collection::vec(change, 0..4));
        let mutated = changed.prop_map(|(seed, changes)| {
            let mut data = seed.to_vec();
            for (index, byte, kind) in changes {
                let at = index.index(data.len() + 1);
                match kind {
                    0 => data.insert(at, byte),
                    1 => data.truncate(at),
                    _ => {
                        if let Some(old) = data.get_mut(at) {
                            *old = byte;
                        }
                    }
                }
            }
            data
        });
        prop_oneof![4 => mutated, 1 => prop::collection::vec(any::<u8>(), 0..64)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_target_panics(data in data()) {
            for (_, target) in TARGETS {
                target(&data);
            }
        }
    }

    #[test]
    fn the_seeds_are_understood() {
        let text = |at: usize| std::str::from_utf8(SEEDS[at]).unwrap();
        assert!(parse_date(SEEDS[2]).is_some() && parse_date(SEEDS[3]).is_some());
        assert!(auth_api::AuthRequest::from_params(&Params::from_form(SEEDS[4]).unwrap()).is_ok());
        assert!(auth_api::AuthRequest::from_params(&Params::from_json(SEEDS[5]).unwrap()).is_ok());
        assert!(Document::decode(SEEDS[6]).is_ok());
        assert!(ActivationLink::parse(text(8)).is_ok() && ActivationLink::parse(text(9)).is_ok());
        assert!(UnverifiedJws::<RequestPayload>::parse(text(10)).is_ok());
        assert!(serde_json::from_slice::<AnswerPayload>(SEEDS[11]).is_ok());
    }
}
