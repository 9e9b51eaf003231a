//! Paging of the v1 style: `limit` and `offset` in, `metadata` out.

use cs_store::users::{Page, Slice};
use cs_wire::envelope::{Paging, Success};
use cs_wire::params::Params;
use serde::Serialize;

use super::extract::invalid;
use crate::http::{Envelope, Failure};

/// Objects on a page unless the caller wants another number.
const DEFAULT_LIMIT: u64 = 100;
/// The most users on a page.
pub(super) const MOST_USERS: u64 = 300;
/// The most other objects on a page.
pub(super) const MOST: u64 = 500;

/// The part of a list that is asked for. A limit beyond `most` is cut, because clients send any; one below 1 is refused.
pub(super) fn slice(params: &Params, most: u64) -> Result<Slice, Failure> {
    let number = |name: &'static str, default: u64| {
        let value = params.int(name)?;
        value.map_or(Ok(default), |value| u64::try_from(value).map_err(|_| invalid(name)))
    };
    let limit = number("limit", DEFAULT_LIMIT)?;
    if limit == 0 {
        return Err(invalid("limit"));
    }
    // An offset is bound as a signed number.
    Ok(Slice { offset: number("offset", 0)?.min(i64::MAX.cast_unsigned()), limit: limit.min(most) })
}

/// The answer with this page of a list.
pub(super) fn page<T: Serialize>(page: Page<T>, slice: Slice) -> Envelope<Vec<T>> {
    let paging = Paging::new(slice.offset, slice.limit, page.total);
    Envelope(Success::page(page.items, paging))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Option<(u64, u64)> {
        let params = Params::from_form(query.as_bytes()).unwrap();
        slice(&params, MOST_USERS).ok().map(|slice| (slice.offset, slice.limit))
    }

    #[test]
    fn limits_are_cut_and_offsets_taken_as_they_are() {
        assert_eq!(of(""), Some((0, 100)));
        assert_eq!(of("limit=&offset="), Some((0, 100)));
        assert_eq!(of("limit=1000&offset=7"), Some((7, 300)));
        assert_eq!(of("limit=1"), Some((0, 1)));
        for bad in ["limit=0", "limit=-1", "offset=-1", "limit=x", "offset=1.5"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
