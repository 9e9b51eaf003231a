//! Searches page by page (RFC 2696): what finds more than a directory sends at a time.

use cs_ldap::ber::{BOOLEAN, INTEGER, OCTET_STRING, Reader, SEQUENCE, Writer};
use cs_ldap::{Malformed, tag};

/// The control, asked for and answered.
const PAGES: &str = "1.2.840.113556.1.4.319";
/// Entries of one page that are asked for.
pub(super) const ENTRIES: usize = 500;

/// The controls of a search for the page after `cookie`; the first page is after nothing. Not critical: a directory that knows no pages may send everything.
pub(super) fn asked(cookie: &[u8]) -> Vec<u8> {
    let mut value = Writer::with_room(cookie.len());
    value.nested(SEQUENCE, |page| {
        page.number(INTEGER, i32::try_from(ENTRIES).unwrap_or(i32::MAX)).octets(OCTET_STRING, cookie);
    });
    let value = value.into_octets();
    let mut writer = Writer::with_room(value.len() + PAGES.len());
    writer.nested(tag::CONTROLS, |list| {
        list.nested(SEQUENCE, |control| {
            control.octets(OCTET_STRING, PAGES.as_bytes()).octets(OCTET_STRING, &value);
        });
    });
    writer.into_octets().to_vec()
}

/// The cookie of the next page, if the controls of a page's end tell of one; `controls` is the whole element, or nothing.
///
/// Fails if they are not in order.
pub(super) fn told(controls: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
    let Some(list) = Reader::new(controls).optional(tag::CONTROLS)? else { return Ok(None) };
    let mut list = Reader::new(list);
    while !list.is_empty() {
        let mut control = Reader::new(list.expect(SEQUENCE)?);
        let kind = control.expect(OCTET_STRING)?;
        control.optional(BOOLEAN)?;
        let value = control.optional(OCTET_STRING)?.unwrap_or_default();
        if kind == PAGES.as_bytes() {
            let mut page = Reader::new(Reader::new(value).expect(SEQUENCE)?);
            // An estimate of all entries, which nobody needs.
            page.number(INTEGER)?;
            let cookie = page.expect(OCTET_STRING)?;
            return Ok((!cookie.is_empty()).then(|| cookie.to_vec()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_2696_a_page_is_asked_for_and_tells_of_the_next() {
        let first = asked(b"");
        assert!(first.windows(4).any(|window| window == [2, 2, 1, 244]), "500 entries: {first:x?}");
        // What is asked has the shape of what is answered.
        assert_eq!(told(&first), Ok(None));
        assert_eq!(told(&asked(b"next")), Ok(Some(b"next".to_vec())));
        assert_eq!(told(b""), Ok(None));
        let mut cut = asked(b"next");
        cut.pop();
        assert!(told(&cut).is_err());
    }
}
