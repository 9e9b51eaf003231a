//! The authenticator protocol: activation codes, JWS, JSON messages.
#![expect(clippy::expect_used, reason = "a target fails by panicking")]

use std::sync::OnceLock;

use cs_wire::device::{
    ActivatePayload, ActivateRequest, ActivateResponse, ActivationLink, AnswerPayload, AnswerRequest, ClosedEvent,
    DeviceKey, DeviceStatus, DeviceUpdate, Payload, RequestPayload, RequestsResponse, Statement, UnverifiedJws,
};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Target;

pub(super) static ACTIVATION_LINK: Target = Target {
    name: "device_activation_link",
    entry: activation_link,
    seeds: &[
        b"duo://AbCdEfGhIjKlMnOpQrSt-YXV0aC5leGFtcGxlLm9yZw",
        b"duo://AbCdEfGhIjKlMnOpQrSt-YXV0aC5leGFtcGxlLm9yZzo4NDQz",
        b"AbCdEfGhIjKlMnOpQrSt-bG9jYWxob3N0OjEyMzQ=",
        b"https://auth.example.org:8443/authenticator/activate#AbCdEfGhIjKlMnOpQrSt",
        b"https://[::1]:8443/authenticator/activate#AbCdEfGhIjKlMnOpQrSt",
    ],
    tokens: &[
        b"duo://",
        b"https://",
        b"-",
        b"#",
        b"=",
        b"==",
        b":65535",
        b":65536",
        b"[::1]",
        b"/authenticator/activate",
        b"Wzo6MV0",
    ],
};

fn activation_link(input: &[u8]) {
    let Some(link) = std::str::from_utf8(input).ok().and_then(|text| ActivationLink::parse(text).ok()) else {
        return;
    };
    // whatever was read must be what both written forms say
    for written in [link.to_code(), link.to_link()] {
        assert_eq!(ActivationLink::parse(&written), Ok(link.clone()), "{written}");
    }
}

/// A JWS as header and payload in clear, one per line, so that mutations reach the JSON inside.
pub(super) static JWS: Target = Target {
    name: "device_jws",
    entry: jws,
    seeds: &[
        br#"{"alg":"ES256","typ":"cs-activate+jwt","kid":"c2hhMjU2LW9mLXRoZS1rZXk"}
{"v":1,"code":"AbCdEfGhIjKlMnOpQrSt","origin":"https://auth.example.org","iat":1790000000,"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        br#"{"alg":"ES256","typ":"cs-request+jwt","kid":"DPAAAAAAAAAAAAAAAAAA"}
{"v":1,"aud":"https://auth.example.org","htm":"GET","htu":"/authenticator/v1/requests","iat":1790000000,"jti":"AAAAAAAAAAAAAAAAAAAAAA","bsha":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        br#"{"alg":"ES256","typ":"cs-answer+jwt","kid":"DPAAAAAAAAAAAAAAAAAA"}
{"v":1,"account":"DAAAAAAAAAAAAAAAAAAA","origin":"https://auth.example.org","device":"DPAAAAAAAAAAAAAAAAAA","txid":"t","request":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","application":"Mail","user":"alice","type":"Login request","address":"203.0.113.7","place":"Berlin, DE","hostname":"wks01","time":1790000000,"info":[["Command","uname -a"]],"number":"42","answer":"approve","iat":1790000001}"#,
    ],
    tokens: &[b"\"alg\"", b"\"none\"", b"\"HS256\"", b"\"crit\":[]", b"\"kid\"", b"\"typ\"", b"\n", b".", b"\"v\":1", b"\"number\":null", b"\"fraud\""],
};

fn jws(input: &[u8]) {
    is_accepted_jws(input);
}

/// Whether `input` became a JWS that one of the payload types accepts.
fn is_accepted_jws(input: &[u8]) -> bool {
    static KEY: OnceLock<Option<DeviceKey>> = OnceLock::new();
    let key = KEY.get_or_init(|| DeviceKey::generate().ok()).as_ref().expect("chance for a key");
    // the text as it is, then the text with its parts encoded
    if let Ok(text) = std::str::from_utf8(input) {
        check::<RequestPayload>(text, key);
    }
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let (header, payload) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let signed = format!("{}.{}", BASE64URL_NOPAD.encode(header), BASE64URL_NOPAD.encode(payload));
    let unsigned = format!("{signed}.{}", BASE64URL_NOPAD.encode(&[0; 64]));
    if UnverifiedJws::<ActivatePayload>::parse(&unsigned).is_err()
        && UnverifiedJws::<RequestPayload>::parse(&unsigned).is_err()
        && UnverifiedJws::<AnswerPayload>::parse(&unsigned).is_err()
    {
        return false; // not worth a signature
    }
    let signature = key.sign(signed.as_bytes()).expect("a key that signs");
    let text = format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature));
    let accepted =
        [check::<ActivatePayload>(&text, key), check::<RequestPayload>(&text, key), check::<AnswerPayload>(&text, key)];
    let kinds = accepted.into_iter().filter(|accepted| *accepted).count();
    assert!(kinds <= 1, "one JWS passes for two kinds");
    kinds == 1
}

fn check<P: Payload>(text: &str, key: &DeviceKey) -> bool {
    let Ok(unverified) = UnverifiedJws::<P>::parse(text) else {
        return false;
    };
    assert!(unverified.claimed_kid().len() <= 64, "a key id without bound");
    let Ok(verified) = unverified.verify(key.public()) else {
        return false;
    };
    rewritten(&verified.payload);
    true
}

pub(super) static MESSAGES: Target = Target {
    name: "device_messages",
    entry: messages,
    seeds: &[
        br#"{"code":"AbCdEfGhIjKlMnOpQrSt","key":{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},"proof":"a.b.c","device":{"class":"cli","name":"laptop","platform":"Linux","app_version":"0.1.0","key_protection":"file","push":{"endpoint":"https://push.example.org/x","p256dh":"AAAA","auth":"AAAA"}}}"#,
        br#"{"device_id":"DPAAAAAAAAAAAAAAAAAA","account":{"id":"DAAAAAAAAAAAAAAAAAAA","name":"Example"},"user":{"name":"alice"},"origin":"https://auth.example.org","server_time":1790000000,"otp":{"kind":"hotp","seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAA","digits":6,"counter":0},"confirm":{"phrase":"otter-plum-42","required":false}}"#,
        br#"{"server_time":1790000000,"requests":[{"txid":"t","created":1,"expires":61,"digits":2,"statement":{"v":1,"account":"DA","origin":"https://auth.example.org","device":"DP","txid":"t","request":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","application":"Mail","user":"alice","type":"Login request","address":"203.0.113.7","place":"","hostname":"","time":1,"info":[["Command","id"]]}}]}"#,
        br#"{"device_id":"DP","name":"laptop","user":{"name":"alice"},"account":{"id":"DA","name":"Example"},"active":true,"auto_approve_until":null,"otp":{"kind":"totp","digits":8,"period":30}}"#,
        br#"{"name":"new","app_version":"0.2.0","push":null,"posture":{"disk_encrypted":true,"version":[12,1]}}"#,
        br#"{"txid":"t","state":"timed_out"}"#,
        br#"{"answer":"a.b.c"}"#,
    ],
    tokens: &[b"null", b"\"kind\":\"totp\"", b"\"digits\":0", b"\"push\":", b"[[", b"]]", b"{\"a\":", b"\"v\":2", b"1e2", b"-1"],
};

fn messages(input: &[u8]) {
    is_some_message(input);
}

/// Whether at least one kind of message reads `input`.
fn is_some_message(input: &[u8]) -> bool {
    [
        read::<ActivateRequest>(input),
        read::<ActivateResponse>(input),
        read::<RequestsResponse>(input),
        read::<Statement>(input),
        read::<DeviceStatus>(input),
        read::<DeviceUpdate>(input),
        read::<ClosedEvent>(input),
        read::<AnswerRequest>(input),
    ]
    .contains(&true)
}

fn read<T: Serialize + DeserializeOwned>(input: &[u8]) -> bool {
    let message = serde_json::from_slice::<T>(input);
    message.as_ref().is_ok_and(|message| {
        rewritten(message);
        true
    })
}

/// What was read can be written, and says the same when it is read again.
fn rewritten<T: Serialize + DeserializeOwned>(message: &T) {
    let written = serde_json::to_value(message).expect("a message that was read can be written");
    let again: T = serde_json::from_value(written.clone()).expect("what we write, we read");
    assert_eq!(serde_json::to_value(again).ok(), Some(written));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_seeds_are_valid_so_that_mutations_reach_what_lies_behind() {
        for seed in ACTIVATION_LINK.seeds {
            let text = std::str::from_utf8(seed).unwrap();
            assert!(ActivationLink::parse(text).is_ok(), "{text}");
        }
        for seed in JWS.seeds {
            assert!(is_accepted_jws(seed), "{}", String::from_utf8_lossy(seed));
        }
        for seed in MESSAGES.seeds {
            assert!(is_some_message(seed), "{}", String::from_utf8_lossy(seed));
        }
    }
}
