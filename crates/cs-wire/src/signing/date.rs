//! The date that is signed.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};

/// How far a signed date may be from the server's clock, either way (the figure of duo_unix's tests).
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(300);

/// A date of the longest form has 37 characters, with a comment some more.
const MAX_DATE_BYTES: usize = 64;

static PARSER: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
static PRINTER: rfc2822::DateTimePrinter = rfc2822::DateTimePrinter::new();

/// Reads an RFC 2822 date: with `-0000`, `+0000`, `GMT`, `UT`, or a numeric offset. `None` when it is none.
///
/// A weekday that does not fit is let pass: some clients format it by their own locale's rules, and
/// it adds nothing.
pub fn parse_date(text: &[u8]) -> Option<Timestamp> {
    if text.len() > MAX_DATE_BYTES || !text.is_ascii() {
        return None;
    }
    PARSER.parse_timestamp(text).ok()
}

/// Writes the date as Duo's own clients do: `Tue, 21 Aug 2012 17:29:18 -0000`.
///
/// `None` before year 0, which RFC 2822 cannot write.
pub fn format_date(now: Timestamp) -> Option<String> {
    let text = PRINTER.timestamp_to_string(&now).ok()?;
    // The day has two digits in every client's output; the printer writes one where one will do.
    let (weekday, rest) = text.split_once(", ")?;
    let padding = if rest.as_bytes().get(1) == Some(&b' ') { "0" } else { "" };
    Some(format!("{weekday}, {padding}{rest}"))
}

/// Whether `signed` is near enough to `now`.
pub(super) fn is_in_window(signed: Timestamp, now: Timestamp) -> bool {
    now.duration_since(signed).abs() <= CLOCK_SKEW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clients_date_is_the_same_instant() {
        for text in [
            "Tue, 21 Aug 2012 17:29:18 -0000",
            "Tue, 21 Aug 2012 17:29:18 +0000",
            "Tue, 21 Aug 2012 17:29:18 GMT",
            "Tue, 21 Aug 2012 17:29:18 UT",
            "Tue, 21 Aug 2012 19:29:18 +0200",
            "Tue, 21 Aug 2012 09:59:18 -0730",
            "21 Aug 2012 17:29:18 -0000",
        ] {
            let parsed = parse_date(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(parsed.as_second(), 1_345_570_158, "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        let long = format!("Tue, 21 Aug 2012 17:29:18 -0000{}", " ".repeat(60));
        for bad in [
            "",
            "-0000",
            "now",
            "2012-08-21T17:29:18Z",
            "1345570158",
            "Tue, 21 Aug 2012",
            "Tue, 32 Aug 2012 17:29:18 GMT",
            "Tue, 21 Aug 2012 25:29:18 GMT",
            "Tue, 21 Aug 2012 17:29:18",
            "Tue, 21 Aug 2012 17:29:18 GMT x",
            &long,
        ] {
            assert_eq!(parse_date(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn dates_are_written_as_the_clients_write_them() {
        let write = |second| format_date(Timestamp::from_second(second).unwrap()).unwrap();
        assert_eq!(write(1_345_570_158), "Tue, 21 Aug 2012 17:29:18 -0000");
        assert_eq!(write(0), "Thu, 01 Jan 1970 00:00:00 -0000");
    }

    #[test]
    fn the_window_is_300_seconds_either_way() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (signed, expected) in [(0, false), (1, true), (301, true), (601, true), (602, false)] {
            assert_eq!(is_in_window(at(signed), at(301)), expected, "{signed}");
        }
        assert!(!is_in_window(Timestamp::MIN, Timestamp::MAX));
    }
}
