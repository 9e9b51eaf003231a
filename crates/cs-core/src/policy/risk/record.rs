//! What is kept of each user for the signals: small, in one text, read and written with the user.

use jiff::{SignedDuration, Timestamp};

use super::signals::{Cleared, Failure, History, Organisation, STEP_UP_LASTS, Success, ends_step_up};
use crate::policy::country::Country;
use crate::policy::evaluate::PushRule;
use crate::policy::facts::{Coordinates, Place};
use crate::policy::names::Method;
use crate::user::User;

/// How long a failed push is remembered: the longer of the times that harassment is counted over.
const FAILURES_KEPT: SignedDuration = SignedDuration::from_hours(1);
/// The most failed pushes kept; the newest stay. More tell nothing that these do not.
const MOST_FAILURES: usize = 16;
/// After this long what is known of usual hours counts half.
const HOURS_FADE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What happened to one user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RiskRecord {
    /// The last login with a factor whose place is known; without such, the last one.
    pub last_success: Option<Success>,
    /// When the user first got in with a device. Devices bound later are new ones.
    pub first_success_at: Option<Timestamp>,
    /// Pushes of the last hour that were denied, not answered or withdrawn, oldest first, at most 16.
    pub failed_pushes: Vec<Timestamp>,
    /// When the user last called a request fraud.
    pub fraud_reported_at: Option<Timestamp>,
    /// What ended earlier step-ups.
    pub cleared: Cleared,
    /// Logins by the hour of the day in universal time; halved every 90 days.
    pub hours: [u16; 24],
    /// When they were last halved, or first counted.
    pub hours_since: Option<Timestamp>,
}

/// A text that is no [`RiskRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a risk record")]
pub struct NoRiskRecord;

impl RiskRecord {
    /// After a login at `place` with `method`, asked for as `push` says.
    #[must_use]
    pub fn succeeded(&self, place: Place, method: Method, push: PushRule, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.forget_old(now);
        let is_known = |place: &Place| place.country.is_some() || place.coordinates.is_some();
        if is_known(&place) || !next.last_success.is_some_and(|last| is_known(&last.place)) {
            next.last_success = Some(Success { at: now, place });
        }
        // A code of the help desk's is no device.
        if !matches!(method, Method::Bypass | Method::BypassPwl) {
            next.first_success_at.get_or_insert(now);
        }
        if ends_step_up(method, push) {
            next.cleared.by_strong_success = Some(now);
            next.failed_pushes.clear();
        }
        let hour = (now.as_second().rem_euclid(86_400) / 3600) as usize;
        next.hours[hour] = next.hours[hour].saturating_add(1);
        next
    }

    /// After a push was denied, nobody answered it, or it was withdrawn before anybody did.
    #[must_use]
    pub fn push_failed(&self, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.forget_old(now);
        if next.failed_pushes.len() >= MOST_FAILURES {
            next.failed_pushes.remove(0);
        }
        next.failed_pushes.push(now);
        next
    }

    /// After a push was called fraud.
    #[must_use]
    pub fn fraud_reported(&self, now: Timestamp) -> Self {
        Self { fraud_reported_at: Some(now), ..self.push_failed(now) }
    }

    /// After an administrator said that all is well. Where the last login was no longer counts either.
    #[must_use]
    pub fn cleared_by_administrator(&self, now: Timestamp) -> Self {
        let cleared = Cleared { by_administrator: Some(now), ..self.cleared };
        let kept = Self { failed_pushes: Vec::new(), fraud_reported_at: None, last_success: None, ..self.clone() };
        Self { cleared, ..kept }
    }

    /// The history of `user`, with what others did.
    pub fn history<'a>(&'a self, user: &User, failures: &'a [Failure], organisation: Organisation<'a>) -> History<'a> {
        let bound = user.phones.iter().filter_map(|phone| Some(phone.authenticator.as_ref()?.activated_at)).max();
        History {
            failed_pushes: &self.failed_pushes,
            failures_nearby: failures,
            last_success: self.last_success,
            fraud_reported_at: self.fraud_reported_at,
            rebound_at: bound.filter(|bound| self.first_success_at.is_some_and(|first| first < *bound)),
            hours: self.hours,
            organisation,
            cleared: self.cleared,
        }
    }

    fn forget_old(&mut self, now: Timestamp) {
        self.failed_pushes.retain(|at| now.duration_since(*at) < FAILURES_KEPT);
        self.fraud_reported_at = self.fraud_reported_at.filter(|at| now.duration_since(*at) < STEP_UP_LASTS);
        let since = *self.hours_since.get_or_insert(now);
        if now.duration_since(since) >= HOURS_FADE {
            self.hours.iter_mut().for_each(|logins| *logins /= 2);
            self.hours_since = Some(now);
        }
    }

    /// As it is kept: `1;` and a list of `name=value`, times in milliseconds.
    pub fn to_text(&self) -> String {
        let mut text = String::from("1");
        let mut add = |name: &str, value: String| {
            text.push(';');
            text.push_str(name);
            text.push('=');
            text.push_str(&value);
        };
        let times = [
            ("b", self.first_success_at),
            ("r", self.fraud_reported_at),
            ("c", self.cleared.by_strong_success),
            ("a", self.cleared.by_administrator),
            ("t", self.hours_since),
        ];
        for (name, at) in times {
            if let Some(at) = at {
                add(name, at.as_millisecond().to_string());
            }
        }
        if let Some(Success { at, place }) = self.last_success {
            let country = place.country.map(|country| country.to_string()).unwrap_or_default();
            let (latitude, longitude) = place
                .coordinates
                .map(|here| (here.latitude().to_string(), here.longitude().to_string()))
                .unwrap_or_default();
            add("s", format!("{},{country},{latitude},{longitude}", at.as_millisecond()));
        }
        if !self.failed_pushes.is_empty() {
            add("f", joined(self.failed_pushes.iter().map(|at| at.as_millisecond())));
        }
        if self.hours != [0; 24] {
            add("h", joined(self.hours.iter().copied().map(i64::from)));
        }
        text
    }

    /// Reads what [`Self::to_text`] wrote. Names that are not known are passed over: a newer version wrote them.
    pub fn parse(text: &str) -> Result<Self, NoRiskRecord> {
        let mut record = Self::default();
        let mut parts = text.split(';');
        if parts.next() != Some("1") {
            return Err(NoRiskRecord);
        }
        for part in parts {
            let (name, value) = part.split_once('=').ok_or(NoRiskRecord)?;
            match name {
                "b" => record.first_success_at = Some(time(value)?),
                "r" => record.fraud_reported_at = Some(time(value)?),
                "c" => record.cleared.by_strong_success = Some(time(value)?),
                "a" => record.cleared.by_administrator = Some(time(value)?),
                "t" => record.hours_since = Some(time(value)?),
                "s" => record.last_success = Some(success(value)?),
                "f" => {
                    record.failed_pushes = value.split(',').take(MOST_FAILURES).map(time).collect::<Result<_, _>>()?;
                }
                "h" => {
                    let hours: Result<Vec<u16>, _> = value.split(',').take(25).map(str::parse).collect();
                    let hours = hours.map_err(|_| NoRiskRecord)?;
                    record.hours = hours.try_into().map_err(|_| NoRiskRecord)?;
                }
                _ => {}
            }
        }
        Ok(record)
    }
}

fn joined(numbers: impl Iterator<Item = i64>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}

fn time(text: &str) -> Result<Timestamp, NoRiskRecord> {
    text.parse().ok().and_then(|millisecond| Timestamp::from_millisecond(millisecond).ok()).ok_or(NoRiskRecord)
}

fn success(text: &str) -> Result<Success, NoRiskRecord> {
    let parts: Vec<&str> = text.split(',').collect();
    let [at, country, latitude, longitude] = parts[..] else { return Err(NoRiskRecord) };
    let country = match country {
        "" => None,
        code => Some(Country::parse(code).ok_or(NoRiskRecord)?),
    };
    let degrees = |text: &str| text.parse::<f64>().map_err(|_| NoRiskRecord);
    let coordinates = match (latitude, longitude) {
        ("", "") => None,
        (latitude, longitude) => {
            Some(Coordinates::from_degrees(degrees(latitude)?, degrees(longitude)?).ok_or(NoRiskRecord)?)
        }
    };
    Ok(Success { at: time(at)?, place: Place { country, coordinates } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-06-15T12:30:00Z".parse().unwrap()
    }

    fn zurich() -> Place {
        Place { country: Country::parse("CH"), coordinates: Coordinates::from_degrees(47.3769, 8.5417) }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut record = RiskRecord::default();
        assert_eq!(RiskRecord::parse(&record.to_text()), Ok(record.clone()));
        record = record
            .succeeded(zurich(), Method::HardwareToken, PushRule::Plain, now())
            .push_failed(now())
            .fraud_reported(now() + SignedDuration::from_secs(1));
        assert_eq!(RiskRecord::parse(&record.to_text()), Ok(record.clone()));
        record = record.cleared_by_administrator(now());
        assert_eq!(RiskRecord::parse(&record.to_text()), Ok(record));
        assert_eq!(RiskRecord::parse("1;z=of a later version"), Ok(RiskRecord::default()));
        for bad in ["", "2", "1;", "1;b", "1;b=x", "1;s=1,CH,1", "1;s=1,EN,,", "1;s=1,,91,0", "1;h=1,2", "1;f="] {
            assert_eq!(RiskRecord::parse(bad), Err(NoRiskRecord), "{bad}");
        }
    }

    #[test]
    fn it_stays_small_whatever_happens() {
        let mut record = RiskRecord { hours: [u16::MAX; 24], ..RiskRecord::default() };
        for n in 0..100 {
            record = record.fraud_reported(now() + SignedDuration::from_secs(n));
        }
        record = record.succeeded(zurich(), Method::DuoPasscode, PushRule::Plain, now());
        assert_eq!((record.failed_pushes.len(), record.hours[12]), (16, u16::MAX));
        assert!(record.to_text().len() < 600, "{}", record.to_text());
    }

    #[test]
    fn failures_are_forgotten_after_an_hour_or_a_strong_factor_and_hours_fade() {
        let record = RiskRecord::default().push_failed(now());
        let hour = SignedDuration::from_hours(1);
        assert_eq!(record.push_failed(now() + hour).failed_pushes.len(), 1);
        let plain = record.succeeded(zurich(), Method::DuoPush, PushRule::Plain, now());
        assert_eq!((plain.failed_pushes.len(), plain.cleared.by_strong_success), (1, None));
        let strong = record.succeeded(zurich(), Method::DuoPush, PushRule::Verified { digits: 6 }, now());
        assert_eq!((strong.failed_pushes.len(), strong.cleared.by_strong_success), (0, Some(now())));
        let mut many = RiskRecord { hours: [8; 24], hours_since: Some(now()), ..RiskRecord::default() };
        many = many.succeeded(zurich(), Method::DuoPush, PushRule::Plain, now() + hour * 24 * 90);
        assert_eq!((many.hours[11], many.hours[12]), (4, 5));
    }

    #[test]
    fn an_unknown_place_does_not_hide_a_known_one() {
        let known = RiskRecord::default().succeeded(zurich(), Method::DuoPush, PushRule::Plain, now());
        let later = now() + SignedDuration::from_hours(1);
        let after = known.succeeded(Place::UNKNOWN, Method::DuoPush, PushRule::Plain, later);
        assert_eq!(after.last_success, Some(Success { at: now(), place: zurich() }));
    }

    #[test]
    fn a_bypass_code_is_no_first_device() {
        let record = RiskRecord::default().succeeded(zurich(), Method::Bypass, PushRule::Plain, now());
        assert_eq!(record.first_success_at, None);
        let record = record.succeeded(zurich(), Method::DuoPasscode, PushRule::Plain, now());
        assert_eq!(record.first_success_at, Some(now()));
    }
}
