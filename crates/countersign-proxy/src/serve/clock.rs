//! The time of day, for what is compared with the times of others.

use jiff::Timestamp;

/// Now.
#[expect(clippy::disallowed_methods, reason = "codes and bundles are good for a time")]
pub(super) fn timestamp() -> Timestamp {
    Timestamp::now()
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "records and requests of others bear the time of day")]
pub(super) fn unix() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or(0)
}
