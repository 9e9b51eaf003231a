//! QR codes.

use fast_qr::convert::svg::SvgBuilder;
use fast_qr::convert::{Builder as _, Shape};
use fast_qr::{ECL, QRBuilder};

/// The longest text that becomes a QR code, in bytes: with more, phones no longer read it from a screen.
pub const MAX_QR_BYTES: usize = 512;

/// `text` as an SVG image, or `None` when it is empty or too long.
#[must_use]
pub fn qr_svg(text: &str) -> Option<String> {
    if !(1..=MAX_QR_BYTES).contains(&text.len()) {
        return None;
    }
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    Some(SvgBuilder::default().shape(Shape::Square).to_str(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_an_image_unless_it_is_too_long() {
        assert!(qr_svg("duo://ABC-aG9zdA").unwrap().starts_with("<svg"));
        assert!(qr_svg(&"x".repeat(MAX_QR_BYTES)).is_some());
        assert_eq!(qr_svg(&"x".repeat(MAX_QR_BYTES + 1)), None);
        assert_eq!(qr_svg(""), None);
    }
}
