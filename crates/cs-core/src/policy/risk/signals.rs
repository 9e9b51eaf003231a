//! Each signal as a function of the moment and the history. A signal that lacks its facts does not fire: absence is no sign.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::{Assessment, Detection, Evidence};
use crate::id::UserId;
use crate::network::network_of;
use crate::policy::country::Countries;
use crate::policy::evaluate::PushRule;
use crate::policy::facts::Place;
use crate::policy::names::Method;
use crate::policy::sections::{RiskSignals, Signal, SignalMode};
use crate::policy::word::Word as _;

/// How long a fraud report, or a newly bound authenticator, steps up.
pub const STEP_UP_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// How many logins the organisation, or the user, must have had before what is new there means anything.
pub const LEAST_LOGINS: u32 = 50;

/// So many failures in so many minutes are harassment.
const HARASSMENT: [(usize, i64); 2] = [(3, 10), (5, 60)];

/// So many users with failures in so many minutes are a spray.
const SPRAY: (usize, i64) = (10, 15);

/// Faster is impossible, for distances above the second figure (geography databases are some hundred kilometres wrong).
const FASTEST_KMH: f64 = 900.0;
const TRAVEL_KM: f64 = 300.0;

/// Without coordinates: another country within this time.
const COUNTRY_CHANGE_WITHIN: SignedDuration = SignedDuration::from_hours(3);

/// Access device and phone farther apart than this.
const DEVICE_KM: f64 = 500.0;

/// The login that is assessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// Where that is.
    pub place: Place,
    /// Where the phone is that would answer, if that is known.
    pub phone_place: Place,
    /// Now.
    pub now: Timestamp,
}

/// What happened before: of this user, of others from the same network, of the organisation.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// The user's pushes of the last hour that were denied, not answered or withdrawn, in any order.
    pub failed_pushes: &'a [Timestamp],
    /// Failed pushes of the last quarter of an hour that came from the network of this login ([`network_of`]), of any user, in any order.
    pub failures_nearby: &'a [Failure],
    /// The user's last login.
    pub last_success: Option<Success>,
    /// When the user last called a request fraud.
    pub fraud_reported_at: Option<Timestamp>,
    /// When an authenticator was bound to a user who had had another before; a first one is nothing new.
    pub rebound_at: Option<Timestamp>,
    /// The user's logins of the last 90 days by the hour of the day, in universal time.
    pub hours: [u16; 24],
    /// Everyone's logins.
    pub organisation: Organisation<'a>,
    /// What ended an earlier step-up.
    pub cleared: Cleared,
}

/// A failed push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Whose.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
}

/// A login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Success {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub place: Place,
}

/// The organisation's logins of the last 90 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Organisation<'a> {
    /// How many; below [`LEAST_LOGINS`] nothing is novel.
    pub logins: u32,
    /// The networks they came from ([`network_of`]), sorted.
    pub networks: &'a [IpAddr],
    /// Their countries.
    pub countries: Countries,
}

/// What ended an earlier step-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleared {
    /// When the user last succeeded with a factor that [`ends_step_up`]. Failed pushes before that count no more; a fraud report and a new authenticator do,
    /// because whoever stole the one may well have the other.
    pub by_strong_success: Option<Timestamp>,
    /// When an administrator cleared it. Nothing before that counts.
    pub by_administrator: Option<Timestamp>,
}

impl<'a> History<'a> {
    /// Nothing ever happened.
    pub const NONE: Self = Self {
        failed_pushes: &[],
        failures_nearby: &[],
        last_success: None,
        fraud_reported_at: None,
        rebound_at: None,
        hours: [0; 24],
        organisation: Organisation { logins: 0, networks: &[], countries: Countries::NONE },
        cleared: Cleared { by_strong_success: None, by_administrator: None },
    };
}

/// Whether a success with this factor ends a step-up: possession that nobody is talked into, and that no code read out replaces.
pub fn ends_step_up(method: Method, push: PushRule) -> bool {
    match method {
        Method::DuoPush | Method::DuoPushPwl => matches!(push, PushRule::Verified { .. }),
        Method::HardwareToken
        | Method::Bypass
        | Method::BypassPwl
        | Method::SmartCard
        | Method::WebauthnPlatform
        | Method::WebauthnPlatformPwl
        | Method::WebauthnRoaming
        | Method::WebauthnRoamingPwl => true,
        Method::Sms
        | Method::Phonecall
        | Method::DuoPasscode
        | Method::Desktop
        | Method::WebauthnRequireUserVerification => false,
    }
}

/// Looks for every signal that the policy watches.
pub fn assess(section: &RiskSignals, moment: &Moment, history: &History<'_>) -> Assessment {
    let watched = section.enforce.union(section.report);
    let mut detections = Vec::new();
    for signal in watched.iter() {
        if let Some(evidence) = detect(signal, moment, history) {
            let mode =
                if section.mode(signal) == SignalMode::Enforce { SignalMode::Enforce } else { SignalMode::Report };
            detections.push(Detection { evidence, mode });
        }
    }
    Assessment { detections }
}

fn detect(signal: Signal, moment: &Moment, history: &History<'_>) -> Option<Evidence> {
    match signal {
        Signal::FraudReport => fraud_report(moment, history),
        Signal::PushHarassment => push_harassment(moment, history),
        Signal::PushSpray => push_spray(moment, history),
        Signal::ImpossibleTravel => impossible_travel(moment, history),
        Signal::CountryMismatch => country_mismatch(moment),
        Signal::DeviceDistance => device_distance(moment),
        Signal::NovelNetwork => novel_network(moment, history),
        Signal::UnusualCountry => unusual_country(moment, history),
        Signal::NewDevice => new_device(moment, history),
        Signal::UnusualHour => unusual_hour(moment, history),
    }
}

/// Whether something at `at` still counts after what was cleared at `cleared`.
fn counts(at: Timestamp, cleared: Option<Timestamp>) -> bool {
    cleared.is_none_or(|cleared| cleared < at)
}

/// Until when something at `at` steps up, if it does at `now`. What lies in the future (a clock that went back) counts as just now.
fn steps_up(at: Timestamp, cleared: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let until = at.saturating_add(STEP_UP_LASTS).unwrap_or(Timestamp::MAX);
    (counts(at, cleared) && now < until).then_some(until)
}

fn fraud_report(moment: &Moment, history: &History<'_>) -> Option<Evidence> {
    let until = steps_up(history.fraud_reported_at?, history.cleared.by_administrator, moment.now)?;
    Some(Evidence::FraudReport { until })
}

fn new_device(moment: &Moment, history: &History<'_>) -> Option<Evidence> {
    let since = history.rebound_at?;
    steps_up(since, history.cleared.by_administrator, moment.now)?;
    Some(Evidence::NewDevice { since })
}

/// Whether `at` is within so many minutes before `now`; the future counts as now.
fn within(at: Timestamp, minutes: i64, now: Timestamp) -> bool {
    now.duration_since(at) < SignedDuration::from_mins(minutes)
}

fn push_harassment(moment: &Moment, history: &History<'_>) -> Option<Evidence> {
    let cleared = history.cleared.by_strong_success.max(history.cleared.by_administrator);
    HARASSMENT.into_iter().find_map(|(least, minutes)| {
        let counted = |at: &&Timestamp| counts(**at, cleared) && within(**at, minutes, moment.now);
        let failures = history.failed_pushes.iter().filter(counted).count();
        (failures >= least).then(|| Evidence::PushHarassment { failures: saturated(failures), minutes: minutes as u16 })
    })
}

fn push_spray(moment: &Moment, history: &History<'_>) -> Option<Evidence> {
    let network = network_of(moment.address?);
    let (least, minutes) = SPRAY;
    let cleared = history.cleared.by_administrator;
    let counted = |failure: &&Failure| counts(failure.at, cleared) && within(failure.at, minutes, moment.now);
    let mut users: Vec<UserId> = history.failures_nearby.iter().filter(counted).map(|failure| failure.user).collect();
    users.sort_unstable();
    users.dedup();
    (users.len() >= least).then(|| Evidence::PushSpray { users: saturated(users.len()), network })
}

/// With coordinates of both logins the speed between them; without, another country within hours.
fn impossible_travel(moment: &Moment, history: &History<'_>) -> Option<Evidence> {
    let last = history.last_success?;
    // A last login in the future was a clock that went back: no time has passed.
    let elapsed = moment.now.duration_since(last.at).max(SignedDuration::ZERO);
    let minutes = u32::try_from(elapsed.as_mins()).unwrap_or(u32::MAX);
    if let (Some(from), Some(to)) = (last.place.coordinates, moment.place.coordinates) {
        let kilometres = from.kilometres_to(to);
        let possible = FASTEST_KMH * elapsed.as_secs_f64() / 3600.0;
        return (kilometres > TRAVEL_KM && kilometres > possible)
            .then_some(Evidence::ImpossibleTravel { kilometres: kilometres as u32, minutes });
    }
    let (from, to) = (last.place.country?, moment.place.country?);
    (from != to && elapsed < COUNTRY_CHANGE_WITHIN).then_some(Evidence::CountryChange { from, to, minutes })
}

fn country_mismatch(moment: &Moment) -> Option<Evidence> {
    let (access, phone) = (moment.place.country?, moment.phone_place.country?);
    (access != phone).then_some(Evidence::CountryMismatch { access, phone })
}

fn device_distance(moment: &Moment) -> Option<Evidence> {
    let kilometres = moment.place.coordinates?.kilometres_to(moment.phone_place.coordinates?);
    (kilometres > DEVICE_KM).then_some(Evidence::DeviceDistance { kilometres: kilometres as u32 })
}

fn novel_network(moment: &Moment, history: &History<'_>) -> Option<Evidence> {
    let (network, organisation) = (network_of(moment.address?), history.organisation);
    let novel = organisation.logins >= LEAST_LOGINS && organisation.networks.binary_search(&network).is_err();
    novel.then_some(Evidence::NovelNetwork { network })
}

fn unusual_country(moment: &Moment, history: &History<'_>) -> Option<Evidence> {
    let (country, organisation) = (moment.place.country?, history.organisation);
    let unusual = organisation.logins >= LEAST_LOGINS && !organisation.countries.contains(country);
    unusual.then_some(Evidence::UnusualCountry { country })
}

/// No login of the user's in this hour of the day, nor in the one before or after, among enough of them.
fn unusual_hour(moment: &Moment, history: &History<'_>) -> Option<Evidence> {
    let logins: u32 = history.hours.iter().copied().map(u32::from).sum();
    let seconds = moment.now.as_second().rem_euclid(86_400);
    let hour = usize::try_from(seconds / 3600).ok()?;
    let around = [hour + 23, hour, hour + 1].map(|hour| history.hours[hour % 24]);
    (logins >= LEAST_LOGINS && around == [0; 3]).then_some(Evidence::UnusualHour { hour: hour as u8 })
}

fn saturated(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

impl Assessment {
    /// How far the login is trusted, in the words of the log's `adaptive_trust_assessments`.
    pub fn trust_level(&self) -> &'static str {
        if self.enforced().is_some() { "LOW" } else { "NORMAL" }
    }

    /// The names of the signals that fired.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.detections.iter().map(|detection| detection.evidence.signal().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::country::Country;
    use crate::policy::facts::Coordinates;
    use crate::policy::word::Set;

    fn now() -> Timestamp {
        "2026-06-15T12:30:00Z".parse().unwrap()
    }

    fn mins(n: i64) -> SignedDuration {
        SignedDuration::from_mins(n)
    }

    fn place(code: &str, coordinates: Option<(f64, f64)>) -> Place {
        Place {
            country: Country::parse(code),
            coordinates: coordinates.and_then(|(lat, lon)| Coordinates::from_degrees(lat, lon)),
        }
    }

    fn moment() -> Moment {
        let address = Some("192.0.2.77".parse().unwrap());
        Moment { address, place: Place::UNKNOWN, phone_place: Place::UNKNOWN, now: now() }
    }

    fn all() -> RiskSignals {
        RiskSignals { enforce: Set::all(), report: Set::EMPTY }
    }

    fn fired(moment: &Moment, history: &History<'_>) -> Vec<&'static str> {
        assess(&all(), moment, history).names().collect()
    }

    #[test]
    fn without_facts_nothing_fires() {
        assert!(fired(&moment(), &History::NONE).is_empty());
        let nothing = Moment { address: None, ..moment() };
        assert!(fired(&nothing, &History { organisation: known(&[]), ..History::NONE }).is_empty());
    }

    fn known(networks: &[IpAddr]) -> Organisation<'_> {
        Organisation { logins: 50, networks, countries: [Country::parse("CH").unwrap()].into_iter().collect() }
    }

    #[test]
    fn harassment_is_three_in_ten_minutes_or_five_in_sixty() {
        for (ages, fires) in [
            (&[0, 1][..], false),
            (&[0, 1, 9], true),
            (&[0, 1, 10], false),
            (&[0, 15, 30, 45], false),
            (&[0, 15, 30, 45, 59], true),
            (&[0, 15, 30, 45, 60], false),
            (&[-1, -1, -1], true),
        ] {
            let failed: Vec<_> = ages.iter().map(|age| now() - mins(*age)).collect();
            let history = History { failed_pushes: &failed, ..History::NONE };
            assert_eq!(fired(&moment(), &history) == ["push_harassment"], fires, "{ages:?}");
            let cleared = Cleared { by_strong_success: Some(now() + mins(1)), by_administrator: None };
            assert!(fired(&moment(), &History { cleared, ..history }).is_empty());
        }
    }

    #[test]
    fn a_spray_is_ten_users_of_one_network() {
        let failure = |n: u32, age| Failure { user: format!("DU{n:018}").parse().unwrap(), at: now() - mins(age) };
        for (failures, fires) in [
            ((0..10).map(|n| failure(n, 14)).collect::<Vec<_>>(), true),
            ((0..9).map(|n| failure(n, 1)).collect(), false),
            ((0..20).map(|n| failure(n % 9, 1)).collect(), false),
            ((0..10).map(|n| failure(n, 15)).collect(), false),
        ] {
            let history = History { failures_nearby: &failures, ..History::NONE };
            assert_eq!(fired(&moment(), &history) == ["push_spray"], fires);
        }
    }

    #[test]
    fn travel_is_judged_by_speed_or_else_by_change_of_country() {
        let (zurich, geneva, boston) = (Some((47.4, 8.5)), Some((46.2, 6.1)), Some((42.4, -71.1)));
        for (from, to, minutes, signal) in [
            (place("CH", zurich), place("US", boston), 60, Some("impossible_travel")),
            (place("CH", zurich), place("US", boston), 8 * 60, None),
            (place("CH", zurich), place("US", boston), -60, Some("impossible_travel")),
            (place("CH", zurich), place("CH", geneva), 1, None),
            (place("CH", None), place("US", boston), 60, Some("impossible_travel")),
            (place("CH", None), place("US", None), 179, Some("impossible_travel")),
            (place("CH", None), place("US", None), 180, None),
            (place("CH", None), Place::UNKNOWN, 1, None),
            (place("CH", None), place("CH", None), 1, None),
        ] {
            let last_success = Some(Success { at: now() - mins(minutes), place: from });
            let history = History { last_success, ..History::NONE };
            let found = fired(&Moment { place: to, ..moment() }, &history);
            assert_eq!(found.first().copied(), signal, "{from:?} {to:?} {minutes}");
        }
    }

    #[test]
    fn phone_and_login_are_compared_where_both_are_known() {
        let apart =
            Moment { place: place("CH", Some((47.4, 8.5))), phone_place: place("US", Some((42.4, -71.1))), ..moment() };
        assert_eq!(fired(&apart, &History::NONE), ["country_mismatch", "device_distance"]);
        let unknown = Moment { phone_place: Place::UNKNOWN, ..apart };
        assert!(fired(&unknown, &History::NONE).is_empty());
    }

    #[test]
    fn what_the_organisation_has_not_seen_is_novel_once_it_has_seen_enough() {
        let seen = [network_of("192.0.2.1".parse().unwrap())];
        let abroad = Moment { place: place("KP", None), ..moment() };
        let away = Moment { address: Some("198.51.100.1".parse().unwrap()), ..moment() };
        for (organisation, moment, names) in [
            (known(&seen), moment(), &[][..]),
            (known(&seen), abroad, &["unusual_country"]),
            (known(&seen), away, &["novel_network"]),
            (Organisation { logins: 49, ..known(&[]) }, abroad, &[]),
        ] {
            assert_eq!(fired(&moment, &History { organisation, ..History::NONE }), names);
        }
        let v6: IpAddr = "2001:db8:1:2::3".parse().unwrap();
        assert_eq!(network_of(v6), "2001:db8:1::".parse::<IpAddr>().unwrap());
        assert_eq!(network_of("::ffff:10.1.2.3".parse().unwrap()), "10.1.2.0".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn fraud_and_a_new_device_step_up_for_a_day_or_until_an_administrator_clears_it() {
        let hour = SignedDuration::from_hours(1);
        for (age, cleared, fires) in [
            (hour, None, true),
            (hour * 24, None, false),
            (hour, Some(now()), false),
            (hour, Some(now() - hour * 2), true),
            (-hour, None, true),
        ] {
            let at = Some(now() - age);
            // A strong success ends neither.
            let cleared = Cleared { by_strong_success: Some(now()), by_administrator: cleared };
            let history = History { fraud_reported_at: at, rebound_at: at, cleared, ..History::NONE };
            assert_eq!(fired(&moment(), &history) == ["fraud_report", "new_device"], fires, "{age} {cleared:?}");
        }
    }

    #[test]
    fn an_hour_is_unusual_when_the_neighbouring_ones_are_empty_too() {
        for (used, fires) in [(&[8, 9, 10][..], true), (&[8, 11], false), (&[8, 13], false), (&[12], false)] {
            let mut hours = [0; 24];
            for hour in used {
                hours[*hour] = 50;
            }
            assert_eq!(fired(&moment(), &History { hours, ..History::NONE }) == ["unusual_hour"], fires, "{used:?}");
        }
        let mut few = [0; 24];
        few[3] = 49;
        assert!(fired(&moment(), &History { hours: few, ..History::NONE }).is_empty());
    }

    #[test]
    fn modes_are_kept_and_what_is_off_is_not_looked_for() {
        let history = History { fraud_reported_at: Some(now()), rebound_at: Some(now()), ..History::NONE };
        let section = RiskSignals { enforce: Set::EMPTY, report: Set::of(&[Signal::FraudReport]) };
        let assessment = assess(&section, &moment(), &history);
        assert_eq!(assessment.names().collect::<Vec<_>>(), ["fraud_report"]);
        assert_eq!((assessment.enforced(), assessment.trust_level()), (None, "NORMAL"));
        assert_eq!(assess(&all(), &moment(), &history).trust_level(), "LOW");
    }

    #[test]
    fn a_push_without_a_number_ends_no_step_up() {
        assert!(!ends_step_up(Method::DuoPush, PushRule::Plain));
        assert!(ends_step_up(Method::DuoPush, PushRule::Verified { digits: 6 }));
        assert!(
            !ends_step_up(Method::DuoPasscode, PushRule::Plain) && ends_step_up(Method::HardwareToken, PushRule::Plain)
        );
    }
}
