//! Parameters however a client sends them.

use std::borrow::Cow;

use crate::encoding::Pair;
use crate::params::{ParamError, Params};

/// The most parts of a multipart body.
const MAX_PARTS: usize = 32;

/// Reads the parameters of a POST.
///
/// Most clients send a form; PHP's hand their HTTP library an array and so send `multipart/form-data` (RFC 7578); Python's put everything into the query and leave the body
/// empty. Where there is a body, the query is not looked at.
pub fn read_form(content_type: &str, query: &str, body: &[u8]) -> Result<Params, ParamError> {
    if body.is_empty() {
        return Params::from_form(query.as_bytes());
    }
    let (media_type, rest) = content_type.split_once(';').unwrap_or((content_type, ""));
    match media_type.trim() {
        kind if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") => Params::from_form(body),
        kind if kind.eq_ignore_ascii_case("multipart/form-data") => {
            let boundary = parameter(rest, "boundary").ok_or(ParamError::Unreadable)?;
            Params::from_pairs(parts(boundary, body).ok_or(ParamError::Unreadable)?)
        }
        _ => Err(ParamError::Unreadable),
    }
}

/// The parameter `name` of a header's value: a token, or a quoted text without escapes.
fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    for piece in text.split(';') {
        let (found, value) = piece.split_once('=')?;
        if found.trim().eq_ignore_ascii_case(name) {
            let value = value.trim();
            let value = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
            let is_usable = !value.is_empty() && value.len() <= 70 && !value.contains(['"', '\\']);
            return is_usable.then_some(value);
        }
    }
    None
}

/// The names and values of a multipart body; `None` if it is not well-formed.
fn parts<'a>(boundary: &str, body: &'a [u8]) -> Option<Vec<Pair<'a>>> {
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(opening.as_bytes())?;
    let mut pairs = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(pairs);
        }
        if pairs.len() == MAX_PARTS {
            return None;
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, delimiter.as_bytes())?;
        let (head, value) = part[..end].split_at(find(&part[..end], b"\r\n\r\n")?);
        pairs.push((Cow::Borrowed(part_name(head)?), Cow::Borrowed(&value[4..])));
        rest = &part[end + delimiter.len()..];
    }
}

/// The name in a part's `Content-Disposition`. Files have no place here.
fn part_name(head: &[u8]) -> Option<&[u8]> {
    let head = std::str::from_utf8(head).ok()?;
    let line = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let (kind, rest) = line.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") || parameter(rest, "filename").is_some() {
        return None;
    }
    parameter(rest, "name").map(str::as_bytes)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(params: &Params) -> String {
        params.canonical_text(&[])
    }

    #[test]
    fn form_multipart_and_query_say_the_same() {
        let form = read_form("application/x-www-form-urlencoded;charset=utf-8", "", b"a=1&b=x%20y").unwrap();
        let query = read_form("", "a=1&b=x+y", b"").unwrap();
        let body = b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
            --XX\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=b\r\n\r\nx y\r\n--XX--\r\n";
        let multipart = read_form("multipart/form-data; boundary=XX", "a=ignored", body).unwrap();
        assert_eq!(text(&form), text(&query));
        assert_eq!(text(&form), text(&multipart));
        assert!(read_form("multipart/form-data; charset=x; boundary=\"XX\"", "", body).is_ok());
    }

    #[test]
    fn a_body_hides_the_query() {
        let params = read_form("application/x-www-form-urlencoded", "a=query", b"b=body").unwrap();
        assert!(!params.has("a") && params.has("b"));
    }

    #[test]
    fn a_body_that_is_not_well_formed_is_none() {
        let multipart = "multipart/form-data; boundary=XX";
        for (content_type, body) in [
            ("application/json", &b"{}"[..]),
            ("", b"a=1"),
            ("multipart/form-data", b"--XX--"),
            ("multipart/form-data; boundary=\"X", b"--X--"),
            (multipart, b"a=1"),
            (multipart, b"--XX"),
            (multipart, b"--XX\r\n\r\n--XX--"),
            (multipart, b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1"),
            (multipart, b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n1\r\n--XX--"),
            (multipart, b"--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--"),
            (multipart, b"--XX\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\n1\r\n--XX--"),
            (multipart, b"--XX\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n1\r\n--XX--"),
            (multipart, b"--XX\r\nX: y\r\n\r\n1\r\n--XX--"),
        ] {
            assert!(read_form(content_type, "", body).is_err(), "{content_type} {}", body.escape_ascii());
        }
        let many = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n".repeat(MAX_PARTS + 1) + "--XX--";
        assert!(read_form(multipart, "", many.as_bytes()).is_err());
    }
}
