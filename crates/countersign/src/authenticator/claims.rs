//! What devices say of themselves: nobody has checked it, and administrators and users will see it.

use std::collections::BTreeMap;

use cs_wire::device::PushSubscription;
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use url::{Host, Url};

use super::Refusal;

/// Characters of a name or platform that are kept.
const MAX_NAME: usize = 64;
const MAX_VERSION: usize = 32;
/// The longest endpoint: push services use a few hundred characters.
const MAX_ENDPOINT: usize = 2048;
/// Facts of a posture, and the longest name or text of one.
const MAX_POSTURE: usize = 32;
const MAX_FACT: usize = 256;

pub(super) fn device_name(text: &str) -> String {
    clean(text, MAX_NAME)
}

pub(super) fn platform(text: &str) -> String {
    clean(text, MAX_NAME)
}

pub(super) fn app_version(text: &str) -> String {
    clean(text, MAX_VERSION)
}

/// The subscription as JSON text, if a message could be sent there: an https URL of a named host, a P-256 point and a 16-byte secret (RFC 8291).
pub(super) fn subscription(push: &PushSubscription) -> Result<String, Refusal> {
    const REFUSED: &str =
        "The push subscription is not one: it needs an https endpoint of a named host, p256dh and auth.";
    let decodes_to = |text: &str, length: usize| {
        // Browsers leave the padding out; some libraries do not.
        let bytes = BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes()).unwrap_or_default();
        bytes.len() == length
    };
    let url = Url::parse(&push.endpoint).ok().filter(|_| push.endpoint.len() <= MAX_ENDPOINT);
    let is_web = url.is_some_and(|url| {
        // An address instead of a name would let a device point us into our own network.
        let named =
            matches!(url.host(), Some(Host::Domain(name)) if name != "localhost" && !name.ends_with(".localhost"));
        url.scheme() == "https" && named && url.username().is_empty() && url.password().is_none()
    });
    if !is_web || push.p256dh.len() > 100 || push.auth.len() > 32 {
        return Err(Refusal::malformed(REFUSED));
    }
    if !decodes_to(&push.p256dh, 65) || !decodes_to(&push.auth, 16) {
        return Err(Refusal::malformed(REFUSED));
    }
    serde_json::to_string(push).map_err(|_| Refusal::malformed(REFUSED))
}

/// A posture as JSON text: named facts that are a truth value, a number or a short text.
pub(super) fn posture(facts: &BTreeMap<String, Value>) -> Result<String, Refusal> {
    const REFUSED: &str = "A posture is at most 32 named facts, each a truth value, a number or a short text.";
    let is_fact = |(name, value): (&String, &Value)| {
        !name.is_empty()
            && name.len() <= MAX_FACT
            && match value {
                Value::Null | Value::Bool(_) | Value::Number(_) => true,
                Value::String(text) => text.len() <= MAX_FACT,
                Value::Array(_) | Value::Object(_) => false,
            }
    };
    if facts.len() > MAX_POSTURE || !facts.iter().all(is_fact) {
        return Err(Refusal::malformed(REFUSED));
    }
    serde_json::to_string(facts).map_err(|_| Refusal::malformed(REFUSED))
}

/// Text without control characters and without what turns or hides text, in at most `longest` characters.
fn clean(text: &str, longest: usize) -> String {
    let shown: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| is_shown(*c)).collect();
    let cut: String = shown.trim().chars().take(longest).collect();
    cut.trim_end().to_owned()
}

fn is_shown(c: char) -> bool {
    let is_invisible = matches!(c,
        '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !c.is_control() && !is_invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_are_or_not_at_all() {
        assert_eq!(device_name("  alice's laptop\u{7}\n "), "alice's laptop");
        assert_eq!(device_name("a\u{202e}b\u{200b}c\u{feff}"), "abc");
        assert_eq!(device_name("Телефон 📱"), "Телефон 📱");
        assert_eq!(device_name(&"x".repeat(1000)).len(), 64);
        assert_eq!(app_version(&"1".repeat(1000)).len(), 32);
        assert_eq!(platform("\u{0}"), "");
    }

    fn push(endpoint: &str) -> PushSubscription {
        PushSubscription {
            endpoint: endpoint.into(),
            p256dh: BASE64URL_NOPAD.encode(&[4; 65]),
            auth: BASE64URL_NOPAD.encode(&[1; 16]),
        }
    }

    #[test]
    fn a_subscription_is_an_https_url_of_a_named_host() {
        let stored = subscription(&push("https://push.example/abc")).unwrap();
        assert_eq!(serde_json::from_str::<PushSubscription>(&stored).unwrap(), push("https://push.example/abc"));
        let long = format!("https://push.example/{}", "x".repeat(MAX_ENDPOINT));
        for bad in [
            "http://push.example/abc",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://0x7f000001/",
            "https://localhost:8443/",
            "https://x.localhost/",
            "https://user@push.example/",
            "file:///etc/passwd",
            "push.example",
            "",
            &long,
        ] {
            assert!(subscription(&push(bad)).is_err(), "{bad}");
        }
        for (p256dh, auth) in [("", "AQEBAQEBAQEBAQEBAQEBAQ"), ("AQ", "AQEBAQEBAQEBAQEBAQEBAQ"), ("!", "!")] {
            let bad = PushSubscription { p256dh: p256dh.into(), auth: auth.into(), ..push("https://push.example/") };
            assert!(subscription(&bad).is_err(), "{p256dh} {auth}");
        }
    }

    #[test]
    fn a_posture_is_small_and_flat() {
        let fact = |value: Value| BTreeMap::from([("os".to_owned(), value)]);
        assert_eq!(posture(&fact("Linux".into())).unwrap(), r#"{"os":"Linux"}"#);
        assert!(posture(&fact(vec![1].into())).is_err());
        assert!(posture(&fact("x".repeat(MAX_FACT + 1).into())).is_err());
        let many = (0..=MAX_POSTURE).map(|n| (n.to_string(), Value::Null)).collect();
        assert!(posture(&many).is_err());
    }
}
