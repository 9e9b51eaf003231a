//! A request as the server received it.

/// The parts of a received request that signatures may cover. `H` gives the headers in the order
/// received, names in any case.
#[derive(Debug, Clone)]
pub struct ReceivedRequest<'a, H> {
    /// The method.
    pub method: &'a str,
    /// The path as in the request line, still percent-encoded, without the query.
    pub path: &'a str,
    /// The query without its `?`, as sent; empty when there is none.
    pub query: &'a str,
    /// The `Host` header or HTTP/2 authority, as received.
    pub host: &'a str,
    /// All headers.
    pub headers: H,
    /// The body's bytes.
    pub body: &'a [u8],
}

impl<'a, H> ReceivedRequest<'a, H>
where
    H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
{
    /// The value of the header `name`, trimmed, if it occurs exactly once.
    pub(super) fn only_header(&self, name: &str) -> Option<&'a [u8]> {
        let mut values = self
            .headers
            .clone()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim_ascii());
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// What the `Content-Type` says the body is.
    pub(super) fn body_kind(&self) -> BodyKind {
        let Some(value) = self.only_header("content-type") else {
            return BodyKind::Other;
        };
        let media_type = value.split(|&b| b == b';').next().unwrap_or_default();
        let media_type = media_type.trim_ascii();
        if media_type.eq_ignore_ascii_case(b"application/json") {
            BodyKind::Json
        } else if media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            BodyKind::Form
        } else {
            BodyKind::Other
        }
    }

    /// Whether parameters are in the body (POST, PUT, PATCH) rather than in the query.
    pub(super) fn has_params_in_body(&self) -> bool {
        ["POST", "PUT", "PATCH"].iter().any(|method| self.method.eq_ignore_ascii_case(method))
    }
}

/// The kind of a body, by its media type alone: parameters such as `charset` are not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    Form,
    Json,
    Other,
}

/// Splits a request target, in origin form or absolute form (`ruby`), into path and query.
/// A bare trailing `?` is an empty query.
pub fn split_target(target: &str) -> (&str, &str) {
    let after_scheme = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://"));
    let target = match after_scheme {
        // An authority without a path means the root.
        Some(rest) => match rest.find(['/', '?']) {
            Some(at) if rest.as_bytes()[at] == b'/' => &rest[at..],
            Some(at) => return ("/", &rest[at + 1..]),
            None => return ("/", ""),
        },
        None => target,
    };
    target.split_once('?').unwrap_or((target, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_every_form() {
        for (target, expected) in [
            ("/auth/v2/ping", ("/auth/v2/ping", "")),
            ("/auth/v2/ping?", ("/auth/v2/ping", "")),
            ("/a?b=c?d", ("/a", "b=c?d")),
            ("https://api.example.org/admin/v1/users?limit=1", ("/admin/v1/users", "limit=1")),
            ("https://api.example.org:8443/auth/v2/check?", ("/auth/v2/check", "")),
            ("https://api.example.org", ("/", "")),
            ("http://api.example.org?x=1", ("/", "x=1")),
        ] {
            assert_eq!(split_target(target), expected, "{target}");
        }
    }

    #[test]
    fn a_content_type_is_its_media_type() {
        let kind = |values: &[&'static str]| {
            let headers: Vec<_> = values.iter().map(|v| ("Content-Type", v.as_bytes())).collect();
            ReceivedRequest { method: "POST", path: "/", query: "", host: "", headers: headers.into_iter(), body: b"" }
                .body_kind()
        };
        assert_eq!(kind(&["application/json;charset=utf-8"]), BodyKind::Json);
        assert_eq!(kind(&["Application/X-WWW-Form-Urlencoded ; x"]), BodyKind::Form);
        assert_eq!(kind(&["text/json"]), BodyKind::Other);
        assert_eq!(kind(&["application/json", "application/x-www-form-urlencoded"]), BodyKind::Other);
        assert_eq!(kind(&[]), BodyKind::Other);
    }
}
