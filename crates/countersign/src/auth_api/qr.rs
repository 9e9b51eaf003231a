//! `GET /frame/qr?value=duo://…`: an activation code as an image. Unsigned: it shows only what the caller already has.

use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Response};
use cs_wire::params::Params;
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use super::invalid;
use crate::http::{Failure, MAX_QR_BYTES, qr_svg};

/// The QR code of `value`, an SVG image. Anything but an activation code is refused, so that nobody can pass off other codes as ours.
pub(super) async fn qr(RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let params = Params::from_form(query.unwrap_or_default().as_bytes())?;
    let value = params.required("value", MAX_QR_BYTES)?;
    let image = is_activation_code(&value).then(|| qr_svg(&value)).flatten().ok_or_else(|| invalid("value"))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'")),
    ];
    Ok((headers, image).into_response())
}

/// `duo://CODE-HOST`, both in letters that need no escaping.
fn is_activation_code(value: &str) -> bool {
    let Some((code, host)) = value.strip_prefix("duo://").and_then(|rest| rest.split_once('-')) else { return false };
    let is_plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'/' | b'='))
    };
    is_plain(code) && is_plain(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_activation_codes_are_shown() {
        assert!(is_activation_code("duo://Ab12Cd34-YXBpLmV4YW1wbGUub3Jn"));
        for bad in
            ["", "duo://", "duo://x", "duo://x-", "duo://-x", "https://evil.example", "duo://a-b<script>", "DUO://a-b"]
        {
            assert!(!is_activation_code(bad), "{bad}");
        }
    }
}
