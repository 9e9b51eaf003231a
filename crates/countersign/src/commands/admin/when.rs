//! Times as people type them.

use jiff::{SignedDuration, Timestamp};

use super::error::AdminError;

/// A length of time: `90s`, `15m`, `24h`, `7d`, and `1h30m`.
pub(super) fn length(argument: &'static str, text: &str) -> Result<SignedDuration, AdminError> {
    let problem = "expected a length of time such as 30m, 24h or 7d";
    let invalid = AdminError::Usage { argument, problem };
    let days = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
    let length = match days {
        Some(days) => days.checked_mul(24).map(SignedDuration::from_hours),
        None => text.parse::<SignedDuration>().ok(),
    };
    length
        .filter(|length| *length > SignedDuration::ZERO && *length < SignedDuration::from_hours(24 * 36_600))
        .ok_or(invalid)
}

/// A moment to come: a length of time from `now`, or an RFC 3339 time.
pub(super) fn until(argument: &'static str, text: &str, now: Timestamp) -> Result<Timestamp, AdminError> {
    moment(argument, text, |length| now.checked_add(length).ok())
}

/// A moment that was: a length of time before `now`, or an RFC 3339 time.
pub(super) fn since(argument: &'static str, text: &str, now: Timestamp) -> Result<Timestamp, AdminError> {
    moment(argument, text, |length| now.checked_sub(length).ok())
}

fn moment(
    argument: &'static str,
    text: &str,
    from_now: impl Fn(SignedDuration) -> Option<Timestamp>,
) -> Result<Timestamp, AdminError> {
    let invalid = || AdminError::Usage {
        argument,
        problem: "expected a length of time such as 24h, or a time such as 2026-01-31T12:00:00Z",
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    length(argument, text).ok().and_then(from_now).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_type_them() {
        let now: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
        for (text, at) in [
            ("24h", "2026-01-31T00:00:00Z"),
            ("7d", "2026-01-25T00:00:00Z"),
            ("1h30m", "2026-01-31T22:30:00Z"),
            ("2026-01-30T12:00:00+01:00", "2026-01-30T11:00:00Z"),
        ] {
            assert_eq!(since("--since", text, now).unwrap().to_string(), at, "{text}");
        }
        assert_eq!(until("--until", "8h", now).unwrap().to_string(), "2026-02-01T08:00:00Z");
        for bad in ["", "x", "-1h", "0d", "99999999999d", "yesterday", "5"] {
            assert!(since("--since", bad, now).is_err(), "{bad}");
        }
    }
}
