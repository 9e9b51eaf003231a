//! Duo's Web SDK v2, whose login lies in a frame of the application's page: what its libraries sign and check (PyPI `duo-web` 1.3.1, npm `@duosecurity/duo_web` 1.0.6).
//!
//! `sign_request` makes `TX|…|…:APP|…|…`. The browser brings us the first half; the second is the application's own, and goes back to it untouched behind our
//! `AUTH|…|…`, for `verify_response`. Each of the three is `PREFIX|base64(user|ikey|expiry)|hex(HMAC-SHA1)`, the first and ours under the integration's secret.

use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use jiff::{SignedDuration, Timestamp};

/// What the application asks for.
const REQUEST: &str = "TX";
/// What it is answered.
const RESPONSE: &str = "AUTH";
/// The longest request that is looked at.
pub const MAX_REQUEST_BYTES: usize = 2048;
const MAX_USERNAME_BYTES: usize = 1024;

/// How long an answer is good for: as long as the libraries let their request live.
pub const RESPONSE_LIFE: SignedDuration = SignedDuration::from_mins(5);

/// How long a request may say that it lives. The libraries say five minutes.
pub const MAX_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// A request whose signature nobody has checked yet.
#[derive(Debug)]
pub struct UnverifiedTx {
    signed: String,
    signature: Vec<u8>,
    said: WebRequest,
}

/// What an application asks for: signed by it, once [`UnverifiedTx::verify`] has given it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRequest {
    /// Who logs in, as the application calls them.
    pub username: String,
    /// The integration.
    pub ikey: String,
    /// When it is no longer good; see [`Self::check_time`].
    pub expires_at: Timestamp,
    /// What it can be known by: the same for the same request, and for no other.
    pub id: String,
}

/// Why a request is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TxError {
    /// It has another form: parts, base64, hexadecimal digits, a number.
    #[error("it is no request of Web SDK v2")]
    Malformed,
    /// It asks for something that only Duo's own service did: to enroll.
    #[error("it asks for something else than a login")]
    OtherPurpose,
    /// It is not the integration's, or was altered.
    #[error("its signature is wrong")]
    BadSignature,
    /// It was made too long ago, or the application's clock is slow.
    #[error("it has ended")]
    Expired {
        /// For how long.
        ago: SignedDuration,
    },
    /// It would live for too long: the application's clock is fast.
    #[error("it is from the future")]
    Early {
        /// By how much.
        by: SignedDuration,
    },
}

impl UnverifiedTx {
    /// Reads `TX|…|…`.
    pub fn parse(text: &str) -> Result<Self, TxError> {
        if text.len() > MAX_REQUEST_BYTES {
            return Err(TxError::Malformed);
        }
        let mut parts = text.split('|');
        let (Some(prefix), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TxError::Malformed);
        };
        if prefix != REQUEST {
            let is_known = matches!(prefix, "ENROLL_REQUEST" | "APP" | RESPONSE | "ENROLL");
            return Err(if is_known { TxError::OtherPurpose } else { TxError::Malformed });
        }
        let signed = format!("{prefix}|{payload}");
        let signature = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()).map_err(|_| TxError::Malformed)?;
        let said = read(payload, &signed).ok_or(TxError::Malformed)?;
        Ok(Self { signed, signature, said })
    }

    /// Whose it says it is.
    pub fn claimed_ikey(&self) -> &str {
        &self.said.ikey
    }

    /// Whether `secret` has signed it.
    pub fn is_signed_with(&self, secret: &[u8]) -> bool {
        // An empty key would let anybody sign. Compared in constant time.
        !secret.is_empty() && hmac::verify(&key(secret), self.signed.as_bytes(), &self.signature).is_ok()
    }

    /// Gives out what it says, if `secret` has signed it. Whether it is of this time is for [`WebRequest::check_time`].
    pub fn verify(self, secret: &[u8]) -> Result<WebRequest, TxError> {
        if self.is_signed_with(secret) { Ok(self.said) } else { Err(TxError::BadSignature) }
    }
}

impl WebRequest {
    /// Whether a login may begin with it at `now`.
    pub fn check_time(&self, now: Timestamp) -> Result<(), TxError> {
        let left = self.expires_at.duration_since(now);
        if !left.is_positive() {
            return Err(TxError::Expired { ago: -left });
        }
        if left > MAX_LIFE {
            return Err(TxError::Early { by: left - MAX_LIFE });
        }
        Ok(())
    }

    /// The answer that lets its user in at `now`, for `verify_response`. `secret` must be the one that signed the request: it is the one that the application has.
    pub fn response(&self, secret: &[u8], now: Timestamp) -> String {
        let until = now + RESPONSE_LIFE;
        sign(RESPONSE, &self.username, &self.ikey, until, secret)
    }
}

/// As the libraries of applications sign; `request` in tests and for fuzzing.
fn sign(prefix: &str, username: &str, ikey: &str, until: Timestamp, secret: &[u8]) -> String {
    let payload = BASE64.encode(format!("{username}|{ikey}|{}", until.as_second()).as_bytes());
    let signed = format!("{prefix}|{payload}");
    let signature = HEXLOWER.encode(hmac::sign(&key(secret), signed.as_bytes()).as_ref());
    format!("{signed}|{signature}")
}

/// SHA-1 as the libraries have it: in an HMAC it is not broken.
fn key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret)
}

fn read(payload: &str, id: &str) -> Option<WebRequest> {
    let bytes = BASE64.decode(payload.as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.split('|');
    let (username, ikey, expiry) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = (1..=12).contains(&expiry.len()) && expiry.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || username.trim().is_empty() || username.len() > MAX_USERNAME_BYTES || !is_number {
        return None;
    }
    let expires_at = Timestamp::from_second(expiry.parse().ok()?).ok()?;
    Some(WebRequest { username: username.to_owned(), ikey: ikey.to_owned(), expires_at, id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IKEY: &str = "DIXXXXXXXXXXXXXXXXXX";
    const SKEY: &[u8] = b"deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Made with `duo_web.sign_request` of PyPI's 1.3.1 for `alice`, its clock at 1,700,000,000.
    const OF_PYTHON: &str =
        "TX|YWxpY2V8RElYWFhYWFhYWFhYWFhYWFhYWFh8MTcwMDAwMDMwMA==|c09f66a47b12d1065bd237f2a51e016bb77c1062";

    #[test]
    fn a_request_of_the_python_library_is_read_and_answered() {
        let tx = UnverifiedTx::parse(OF_PYTHON).unwrap();
        assert_eq!(tx.claimed_ikey(), IKEY);
        let request = tx.verify(SKEY).unwrap();
        assert_eq!((request.username.as_str(), request.expires_at), ("alice", at(1_700_000_300)));
        assert_eq!(sign("TX", "alice", IKEY, at(1_700_000_300), SKEY), OF_PYTHON);
        let answer = request.response(SKEY, at(1_700_000_000));
        assert!(answer.starts_with("AUTH|YWxpY2V8RElYWFhYWFhYWFhYWFhYWFhYWFh8MTcwMDAwMDMwMA==|"), "{answer}");
    }

    #[test]
    fn what_was_altered_or_signed_otherwise_is_refused() {
        let good = sign("TX", "alice", IKEY, at(1000), SKEY);
        assert!(UnverifiedTx::parse(&good).unwrap().verify(SKEY).is_ok());
        assert_eq!(UnverifiedTx::parse(&good).unwrap().verify(b"another").unwrap_err(), TxError::BadSignature);
        assert_eq!(UnverifiedTx::parse(&good).unwrap().verify(b"").unwrap_err(), TxError::BadSignature);
        let (_, signature) = good.rsplit_once('|').unwrap();
        for payload in ["mallory|DIXXXXXXXXXXXXXXXXXX|1000", "alice|DIXXXXXXXXXXXXXXXXXX|9999"] {
            let altered = format!("TX|{}|{signature}", BASE64.encode(payload.as_bytes()));
            assert_eq!(UnverifiedTx::parse(&altered).unwrap().verify(SKEY).unwrap_err(), TxError::BadSignature);
        }
        let short = &good[..good.len() - 2];
        assert_eq!(UnverifiedTx::parse(short).unwrap().verify(SKEY).unwrap_err(), TxError::BadSignature);
        // The application's own part, an answer, and a request to enroll are signed alike, but are no request to log in.
        for prefix in ["AUTH", "APP", "ENROLL_REQUEST", "ENROLL"] {
            let other = sign(prefix, "alice", IKEY, at(1000), SKEY);
            assert_eq!(UnverifiedTx::parse(&other).unwrap_err(), TxError::OtherPurpose);
            let renamed = other.replacen(prefix, "TX", 1);
            assert_eq!(UnverifiedTx::parse(&renamed).unwrap().verify(SKEY).unwrap_err(), TxError::BadSignature);
        }
    }

    proptest! {
        /// DUO-PSA-2015-001: a bar in a name moved the boundaries of what was signed.
        #[test]
        fn duo_psa_2015_001_a_bar_in_a_name_makes_no_request_and_no_answer_for_another(name in "\\PC{0,40}", bar in any::<bool>()) {
            let name = if bar { format!("{name}|x") } else { name };
            let parsed = UnverifiedTx::parse(&sign("TX", &name, IKEY, at(1000), SKEY));
            if name.contains('|') || name.trim().is_empty() {
                prop_assert_eq!(parsed.unwrap_err(), TxError::Malformed);
            } else {
                let request = parsed.unwrap().verify(SKEY).unwrap();
                prop_assert_eq!((&request.username, request.ikey.as_str()), (&name, IKEY));
                let response = request.response(SKEY, at(0));
                let payload = response.split('|').nth(1).unwrap();
                let payload = String::from_utf8(BASE64.decode(payload.as_bytes()).unwrap()).unwrap();
                prop_assert_eq!(payload, format!("{name}|{IKEY}|300"));
            }
        }
    }

    #[test]
    fn what_has_another_form_is_no_request() {
        let payload = |text: &str| format!("TX|{}|00", BASE64.encode(text.as_bytes()));
        for wrong in [
            String::new(),
            "TX".into(),
            "TX||".into(),
            "TX|YQ==".into(),
            "TX|YQ==|00|".into(),
            "tx|YWxpY2V8RElYfDE=|00".into(),
            "TX|YWxpY2V8RElYfDE|00".into(),
            "TX|YWxpY2V8RElYfDE=|0".into(),
            "TX|YWxpY2V8RElYfDE=|zz".into(),
            payload("alice|DI"),
            payload("alice|DI|1|2"),
            payload("|DI|1"),
            payload(" |DI|1"),
            payload("alice|DI|"),
            payload("alice|DI|-1"),
            payload("alice|DI|1.5"),
            payload("alice|DI|+1"),
            payload("alice|DI|9999999999999"),
            payload("alice|DI|999999999999"),
            payload(&format!("{}|DI|1", "a".repeat(MAX_USERNAME_BYTES + 1))),
            format!("TX|{}|00", BASE64.encode(b"\xff|DI|1")),
            format!("{}{}", payload("alice|DI|1"), "0".repeat(MAX_REQUEST_BYTES)),
        ] {
            assert_eq!(UnverifiedTx::parse(&wrong).unwrap_err(), TxError::Malformed, "{wrong}");
        }
    }

    #[test]
    fn a_request_ends_and_is_not_from_the_future() {
        let request = UnverifiedTx::parse(&sign("TX", "alice", IKEY, at(10_000), SKEY)).unwrap().verify(SKEY).unwrap();
        let seconds = SignedDuration::from_secs;
        for (now, expected) in [
            (9_999, Ok(())),
            (10_000, Err(TxError::Expired { ago: seconds(0) })),
            (10_090, Err(TxError::Expired { ago: seconds(90) })),
            (6_400, Ok(())),
            (6_399, Err(TxError::Early { by: seconds(1) })),
        ] {
            assert_eq!(request.check_time(at(now)), expected, "{now}");
        }
    }
}
