//! `pushinfo`: what an application wants shown beside a push.

use crate::encoding::decode_pairs;

/// The longest `pushinfo` taken, in bytes (Duo's documentation: less than 20,000).
pub const MAX_PUSHINFO_BYTES: usize = 20_000;
/// The most lines that are shown; more would only hide what matters.
const MAX_LINES: usize = 100;

/// The lines to show, in the order sent: name, value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushInfo(pub Vec<(String, String)>);

/// The text is too long, or is not an encoded list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an url-encoded list of less than 20,000 bytes")]
pub struct InvalidPushInfo;

impl PushInfo {
    /// Reads the parameter's value: an url-encoded list, `Command=uname%20-a&Host=x`.
    ///
    /// duo_unix encodes the whole list once more, so that one decoding (already done by the form)
    /// leaves `Server+IP=192.0.2.2&Command=`, which is still such a list. A client that encodes it
    /// twice leaves `%3D` where `=` should be: without any `=` it is decoded once more.
    pub fn parse(text: &str) -> Result<Self, InvalidPushInfo> {
        if text.len() >= MAX_PUSHINFO_BYTES {
            return Err(InvalidPushInfo);
        }
        if !text.contains('=') && (text.contains("%3D") || text.contains("%3d")) {
            let once = pairs(text)?.into_iter().next().map(|(name, _)| name);
            return Ok(Self(pairs(&once.unwrap_or_default())?));
        }
        Ok(Self(pairs(text)?))
    }
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, InvalidPushInfo> {
    let pairs = decode_pairs(text.as_bytes(), MAX_LINES).ok_or(InvalidPushInfo)?;
    // A command line need not be UTF-8, and is no reason to refuse a login: it is only shown.
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(pairs.iter().map(|(name, value)| (shown(name), shown(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    fn lines(text: &str) -> Vec<(String, String)> {
        PushInfo::parse(text).unwrap().0
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn the_documented_form() {
        assert_eq!(
            lines("from=login%20portal&domain=example.com"),
            [pair("from", "login portal"), pair("domain", "example.com")]
        );
        assert_eq!(lines(""), []);
    }

    #[test]
    fn the_form_of_duo_unix_as_it_is_on_the_wire() {
        let body = b"pushinfo=Server%2BIP%3D192.0.2.2%26Command%3Duname%2B-a&user=alice";
        let params = Params::from_form(body).unwrap();
        let text = params.required("pushinfo", MAX_PUSHINFO_BYTES).unwrap();
        assert_eq!(lines(&text), [pair("Server IP", "192.0.2.2"), pair("Command", "uname -a")]);
    }

    #[test]
    fn a_list_encoded_twice() {
        assert_eq!(
            lines("Server%2BIP%3D192.0.2.2%26Command%3D"),
            [pair("Server IP", "192.0.2.2"), pair("Command", "")]
        );
    }

    #[test]
    fn bounds() {
        assert!(PushInfo::parse(&format!("a={}", "x".repeat(19_997))).is_ok());
        assert_eq!(PushInfo::parse(&format!("a={}", "x".repeat(19_998))), Err(InvalidPushInfo));
        assert_eq!(PushInfo::parse(&"a=1&".repeat(101)), Err(InvalidPushInfo));
        assert_eq!(lines("a=%ff"), [pair("a", "\u{fffd}")]);
        assert_eq!(PushInfo::parse("a=%"), Err(InvalidPushInfo));
    }
}
