//! Claims as the SDKs spell them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{LEEWAY, MAX_LIFE};

/// What was signed.
#[derive(Debug, Clone)]
pub(super) struct Claims(pub(super) Map<String, Value>);

/// What a claim is that is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TimeError {
    #[error("no claim exp, or not a time")]
    NoExpiry,
    #[error("expired")]
    Expired,
    #[error("it would be good for more than an hour")]
    LivesTooLong,
    #[error("not valid yet")]
    FromTheFuture,
}

impl Claims {
    /// A text; null counts as absent. `Err` for anything else.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, &'static str> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(name),
        }
    }

    /// A boolean, or the text of one as the .NET SDK sends. Absent is false.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, &'static str> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(name),
        }
    }

    /// Seconds since 1970 as an integer, a float (Python) or a text of digits (.NET).
    fn time(&self, name: &str) -> Result<Option<Timestamp>, ()> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(seconds), _) => Timestamp::from_second(seconds).map(Some).map_err(drop),
                // A cast of a float saturates, and what is out of range is no time.
                (None, Some(seconds)) => Timestamp::from_millisecond((seconds * 1000.0) as i64).map(Some).map_err(drop),
                (None, None) => Err(()),
            },
            Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                let seconds = text.parse::<i64>().map_err(drop)?;
                Timestamp::from_second(seconds).map(Some).map_err(drop)
            }
            Some(_) => Err(()),
        }
    }

    /// Checks `exp`, and `iat` and `nbf` where they are. Gives the moment after which it is refused for its age.
    pub(super) fn check_times(&self, now: Timestamp) -> Result<Timestamp, TimeError> {
        let expires_at = self.time("exp").ok().flatten().ok_or(TimeError::NoExpiry)?;
        let refused_from = expires_at.checked_add(LEEWAY).map_err(|_| TimeError::LivesTooLong)?;
        if refused_from <= now {
            return Err(TimeError::Expired);
        }
        if expires_at.duration_since(now) > MAX_LIFE + LEEWAY {
            return Err(TimeError::LivesTooLong);
        }
        for name in ["iat", "nbf"] {
            // Some SDKs round it up, all may have a clock that is fast.
            match self.time(name) {
                Ok(Some(time)) if time.duration_since(now) > LEEWAY => return Err(TimeError::FromTheFuture),
                Ok(_) => {}
                Err(()) => return Err(TimeError::FromTheFuture),
            }
        }
        debug_assert!(refused_from.duration_since(now) <= MAX_LIFE + LEEWAY + LEEWAY + SignedDuration::from_secs(1));
        Ok(refused_from)
    }
}

impl Claims {
    /// How far the times are off that [`Claims::check_times`] refuses: positive for how long ago the claims have expired, negative for how far they are from the future.
    pub(super) fn late_by(&self, now: Timestamp) -> Option<SignedDuration> {
        let time = |name| self.time(name).ok().flatten();
        let expires_at = time("exp")?;
        if expires_at <= now {
            return Some(now.duration_since(expires_at));
        }
        let begins = ["iat", "nbf"].into_iter().filter_map(time).max();
        // Good for longer than any may be: made by a clock that is as far ahead.
        let made = expires_at.checked_sub(MAX_LIFE).ok();
        let ahead = begins.into_iter().chain(made).filter(|time| *time > now).max()?;
        Some(-ahead.duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_700_000_000;

    fn check(claims: Value) -> Result<i64, TimeError> {
        let Value::Object(claims) = claims else { panic!("{claims}") };
        let now = Timestamp::from_second(NOW).unwrap();
        Claims(claims).check_times(now).map(Timestamp::as_second)
    }

    #[test]
    fn expiry_may_be_spelt_as_every_sdk_does_and_has_its_leeway() {
        for exp in [json!(NOW + 300), json!(NOW as f64 + 300.25), json!((NOW + 300).to_string())] {
            assert_eq!(check(json!({"exp": exp})), Ok(NOW + 360), "{exp}");
        }
        for (exp, result) in [
            (json!(NOW - 59), Ok(NOW + 1)),
            (json!(NOW - 60), Err(TimeError::Expired)),
            (json!((NOW - 60).to_string()), Err(TimeError::Expired)),
            (json!(0), Err(TimeError::Expired)),
            (json!(NOW + 3660), Ok(NOW + 3720)),
            (json!(NOW + 3661), Err(TimeError::LivesTooLong)),
            (json!(i64::MAX), Err(TimeError::NoExpiry)),
            (json!(1e300), Err(TimeError::NoExpiry)),
            (json!(-1e300), Err(TimeError::NoExpiry)),
            (json!("1e9"), Err(TimeError::NoExpiry)),
            (json!("-1"), Err(TimeError::NoExpiry)),
            (json!("99999999999999999999"), Err(TimeError::NoExpiry)),
            (json!(""), Err(TimeError::NoExpiry)),
            (json!(null), Err(TimeError::NoExpiry)),
            (json!(true), Err(TimeError::NoExpiry)),
            (json!([NOW + 300]), Err(TimeError::NoExpiry)),
        ] {
            assert_eq!(check(json!({"exp": exp})), result, "{exp}");
        }
        assert_eq!(check(json!({})), Err(TimeError::NoExpiry));
    }

    #[test]
    fn how_far_a_clock_is_off_is_told() {
        let late_by = |claims: Value| {
            let Value::Object(claims) = claims else { panic!("{claims}") };
            Claims(claims).late_by(Timestamp::from_second(NOW).unwrap()).map(|off| off.as_secs())
        };
        assert_eq!(late_by(json!({"exp": NOW - 600})), Some(600));
        assert_eq!(late_by(json!({"exp": NOW + 900, "iat": NOW + 600, "nbf": NOW + 599})), Some(-600));
        assert_eq!(late_by(json!({"exp": NOW + 3600 + 86_400})), Some(-86_400));
        assert_eq!(late_by(json!({"exp": NOW + 300, "iat": NOW})), None);
        assert_eq!(late_by(json!({"exp": "soon"})), None);
    }

    #[test]
    fn a_jwt_from_the_near_future_is_taken_and_from_the_far_one_is_not() {
        for name in ["iat", "nbf"] {
            for (time, is_taken) in [
                (json!(NOW), true),
                (json!(NOW + 1), true),
                (json!(NOW as f64 + 0.5), true),
                (json!(NOW + 60), true),
                (json!(NOW + 61), false),
                (json!(NOW - 100_000), true),
                (json!(null), true),
                (json!("soon"), false),
            ] {
                assert_eq!(check(json!({"exp": NOW + 300, name: time})).is_ok(), is_taken, "{name} {time}");
            }
        }
    }

    #[test]
    fn a_flag_is_a_flag_or_its_text() {
        let Value::Object(claims) =
            json!({"a": true, "b": "true", "c": "True", "d": false, "e": "false", "f": null, "g": 1, "h": "yes"})
        else {
            panic!("an object");
        };
        let claims = Claims(claims);
        assert_eq!(
            ["a", "b", "c", "d", "e", "f", "absent"].map(|name| claims.flag(name)),
            [Ok(true), Ok(true), Ok(true), Ok(false), Ok(false), Ok(false), Ok(false)]
        );
        assert_eq!([claims.flag("g"), claims.flag("h")], [Err("g"), Err("h")]);
    }
}
