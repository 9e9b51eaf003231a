//! What a policy is evaluated against: everything that is known about one login at one moment.
//!
//! Absent is a fact too. `None`, [`Endpoint::Unknown`] and empty lists mean "not known", and each section says what it makes of that.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::country::Country;
use super::exemption::Exemption;
use super::names::{Browser, Method, Os};
use super::risk::Assessment;
use super::version::{Product, Version};
use super::word::{Set, words};
use crate::id::{IntegrationKey, PhoneId};
use crate::integration::UserAccess;
use crate::user::User;

/// Everything the evaluation looks at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The application that asks, and through what.
    pub application: Application<'a>,
    /// The user, if there is one of that name.
    pub user: Option<&'a User>,
    /// Whom permitted groups bind.
    pub permitted_groups: PermittedGroups,
    /// What comes in.
    pub access: Access<'a>,
    /// What is known about each of the user's phones. One that is missing here is unknown in everything.
    pub phones: &'a [PhoneFacts],
    /// Grants that came with the request or are stored for it.
    pub remembered: Remembered,
    /// What the signals of risk say.
    pub risk: &'a Assessment,
    /// The user's exemptions.
    pub exemptions: &'a [Exemption],
    /// Methods that this server can do at all. No telephony gateway: no SMS and no calls.
    pub offered: Set<Method>,
    /// Methods the user has beyond what [`User`] lists: WebAuthn credentials, the desktop agent.
    pub also_has: Set<Method>,
    /// What is known about versions.
    pub versions: &'a Versions,
    /// Now.
    pub now: Timestamp,
}

/// The application that asks.
#[derive(Debug, Clone, Copy)]
pub struct Application<'a> {
    /// Its key.
    pub key: IntegrationKey,
    /// What administrators call it.
    pub name: &'a str,
    /// Who may use it at all.
    pub access: &'a UserAccess,
    /// The way in.
    pub surface: Surface,
}

/// A way in, and what can be done there. Every entry path has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surface {
    /// Its name in the log and in the matrix of entry paths: `auth-api`, `rest-v1`, `prompt`, …
    pub name: &'static str,
    /// Whether this client can show a number before the answer, so that a push can be verified.
    pub shows_number: bool,
    /// Whether someone can be asked for a factor there at all.
    pub can_prompt: bool,
    /// Whether someone can enroll there and go on.
    pub enrolls_inline: bool,
    /// Whether a browser is seen there. Then sections about access devices are asked, and silence counts against the device.
    pub sees_browser: bool,
}

words! {
    /// Whom the permitted groups of an application bind (`product-policy.md` 4.3, step 5).
    PermittedGroups {
        /// Everyone, people in bypass too. The default.
        Everyone = "everyone",
        /// As Duo does: people in bypass are let in whatever their groups.
        ActiveOnly = "active-only",
    }

    /// Whether the access device is a managed one.
    Endpoint {
        /// It is.
        Trusted = "trusted",
        /// It is known to the management system, which does not vouch for it.
        NotTrusted = "not trusted",
        /// No management system knows it.
        NotManaged = "not managed",
        /// It could not be found out.
        Unknown = "unknown",
    }
}

/// Where a login comes from.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The address, in canonical form, if the client told one that can be believed.
    pub address: Option<IpAddr>,
    /// Where that is.
    pub place: Place,
    /// Whether an operator's list names the address as anonymous.
    pub anonymous: bool,
    /// The browser, as it describes itself. Where a surface sees a browser, `None` is "other".
    pub browser: Option<Client<Browser>>,
    /// The operating system, as the browser describes it. Where a surface sees a browser, `None` is "other".
    pub os: Option<Client<Os>>,
    /// Whether it is a managed device.
    pub endpoint: Endpoint,
    /// The desktop agent's last report.
    pub posture: Option<&'a Posture>,
}

impl Access<'_> {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        address: None,
        place: Place::UNKNOWN,
        anonymous: false,
        browser: None,
        os: None,
        endpoint: Endpoint::Unknown,
        posture: None,
    };
}

/// A product and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client<T> {
    /// Which.
    pub product: T,
    /// Which version of it, if that is known. What browsers freeze (macOS 10.15.7, Windows NT 10.0) is not known.
    pub version: Option<Version>,
}

/// A place, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The country. The engine may give private addresses a country of the organisation's choice.
    pub country: Option<Country>,
    /// Where in it; needs a database of cities.
    pub coordinates: Option<Coordinates>,
}

impl Place {
    /// Nowhere that is known.
    pub const UNKNOWN: Self = Self { country: None, coordinates: None };
}

/// A point on the Earth, to a ten-thousandth of a degree (11 m).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coordinates {
    latitude: i32,
    longitude: i32,
}

impl Coordinates {
    /// From degrees; `None` if that is no place on Earth.
    pub fn from_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        // In range, so the cast cannot cut anything off.
        on_earth.then(|| Self {
            latitude: (latitude * 10_000.0).round() as i32,
            longitude: (longitude * 10_000.0).round() as i32,
        })
    }

    /// Degrees north.
    pub fn latitude(self) -> f64 {
        f64::from(self.latitude) / 10_000.0
    }

    /// Degrees east.
    pub fn longitude(self) -> f64 {
        f64::from(self.longitude) / 10_000.0
    }

    /// Kilometres to `other` along a great circle, on a sphere of 6371 km.
    pub fn kilometres_to(self, other: Self) -> f64 {
        let (lat_a, lat_b) = (self.latitude().to_radians(), other.latitude().to_radians());
        let (lat, lon) = (lat_b - lat_a, (other.longitude() - self.longitude()).to_radians());
        let h = (lat / 2.0).sin().powi(2) + lat_a.cos() * lat_b.cos() * (lon / 2.0).sin().powi(2);
        2.0 * 6371.0 * h.sqrt().min(1.0).asin()
    }
}

/// How old a report of the desktop agent may be and still speak for the device.
pub const POSTURE_TTL: SignedDuration = SignedDuration::from_mins(15);

/// A report of the desktop agent. `None` is what it could not find out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posture {
    /// The operating system it runs on.
    pub os: Os,
    /// Its version.
    pub os_version: Option<Version>,
    /// Whether the system disk is encrypted.
    pub encryption: Option<bool>,
    /// Whether the firewall is on.
    pub firewall: Option<bool>,
    /// Whether a password is set.
    pub system_password: Option<bool>,
    /// Security agents that are running, by their ids.
    pub security_agents: Vec<String>,
    /// Whether the report was signed with the device's own key; `None`: it was not signed.
    pub signature: Option<bool>,
    /// Whether the device is the one that is pinned to this user.
    pub pinned: Option<bool>,
    /// When it was taken.
    pub collected_at: Timestamp,
}

impl Posture {
    /// Whether it still speaks for the device at `now`. A report from the future does not.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.collected_at <= now && now.duration_since(self.collected_at) <= POSTURE_TTL
    }
}

/// What is known about a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneFacts {
    /// Which.
    pub phone: PhoneId,
    /// Its operating system, if it is known.
    pub os: Option<Client<Os>>,
    /// The build of the authenticator.
    pub app: Option<Version>,
    /// Whether it has a screen lock.
    pub screen_lock: Option<bool>,
    /// Whether it is encrypted.
    pub encryption: Option<bool>,
    /// Whether the authenticator asks for a finger or face.
    pub biometrics: Option<bool>,
    /// Whether it is rooted or jailbroken.
    pub tampered: Option<bool>,
    /// Where it last was, or is, if it is the one that answers.
    pub place: Place,
}

impl PhoneFacts {
    /// A phone of which nothing is known.
    pub const fn unknown(phone: PhoneId) -> Self {
        Self {
            phone,
            os: None,
            app: None,
            screen_lock: None,
            encryption: None,
            biometrics: None,
            tampered: None,
            place: Place::UNKNOWN,
        }
    }
}

/// Grants of earlier logins, already checked to be genuine and this user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remembered {
    /// The browser's token.
    pub browser: Option<Grant>,
    /// The stored grant for this user, this source address and this application.
    pub address: Option<Grant>,
    /// The trusted session of a local console.
    pub windows_logon: Option<Grant>,
}

/// Leave not to be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Where it was given.
    pub application: IntegrationKey,
    /// When.
    pub granted_at: Timestamp,
    /// Until when it was promised.
    pub until: Timestamp,
}

impl Grant {
    /// Whether it holds at `now` under a policy that remembers for `lasts`. A grant from the future does not.
    pub fn holds(&self, lasts: SignedDuration, now: Timestamp) -> bool {
        self.granted_at <= now && now < self.until && now.duration_since(self.granted_at) < lasts
    }
}

/// What is known about the versions of products; empty products are unknown ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Versions {
    /// Operating systems, in any order.
    pub os: Vec<(Os, Product)>,
    /// Browsers, in any order.
    pub browsers: Vec<(Browser, Product)>,
    /// The authenticator.
    pub app: Product,
}

impl Versions {
    /// What is known about `os`.
    pub fn of_os(&self, os: Os) -> Option<&Product> {
        self.os.iter().find(|(known, _)| *known == os).map(|(_, product)| product)
    }

    /// What is known about `browser`.
    pub fn of_browser(&self, browser: Browser) -> Option<&Product> {
        self.browsers.iter().find(|(known, _)| *known == browser).map(|(_, product)| product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_atlas() {
        let at = |latitude, longitude| Coordinates::from_degrees(latitude, longitude).unwrap();
        let (zurich, new_york, sydney) = (at(47.3769, 8.5417), at(40.7128, -74.006), at(-33.8688, 151.2093));
        assert!((zurich.kilometres_to(new_york) - 6_326.0).abs() < 30.0, "{}", zurich.kilometres_to(new_york));
        assert!((new_york.kilometres_to(sydney) - 15_990.0).abs() < 60.0, "{}", new_york.kilometres_to(sydney));
        assert!((at(0.0, 179.9).kilometres_to(at(0.0, -179.9)) - 22.2).abs() < 0.2);
        assert!((at(90.0, 0.0).kilometres_to(at(-90.0, 0.0)) - 20_015.0).abs() < 1.0);
        for (latitude, longitude) in [(90.1, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Coordinates::from_degrees(latitude, longitude), None);
        }
    }

    #[test]
    fn a_grant_or_report_from_the_future_is_worth_nothing() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1000);
        let hour = SignedDuration::from_hours(1);
        let application = "DIAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let grant = |granted_at, until| Grant { application, granted_at, until };
        for (grant, holds) in [
            (grant(now - hour, now + hour), true),
            (grant(now - hour, now), false),
            (grant(now - hour * 24, now + hour), false),
            (grant(now + hour, now + hour * 2), false),
        ] {
            assert_eq!(grant.holds(hour * 24, now), holds, "{grant:?}");
        }
        let posture = |collected_at| Posture {
            os: Os::Linux,
            os_version: None,
            encryption: None,
            firewall: None,
            system_password: None,
            security_agents: Vec::new(),
            signature: None,
            pinned: None,
            collected_at,
        };
        assert!(posture(now - POSTURE_TTL).is_fresh(now));
        assert!(!posture(now - POSTURE_TTL - SignedDuration::from_secs(1)).is_fresh(now));
        assert!(!posture(now + SignedDuration::from_secs(1)).is_fresh(now));
    }
}
