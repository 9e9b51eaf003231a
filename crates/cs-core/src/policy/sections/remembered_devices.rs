//! `remembered_devices`: for how long someone is not asked again.

use jiff::SignedDuration;

use crate::policy::fault::{SectionError, in_range};
use crate::policy::names::Section;
use crate::policy::word::words;

words! {
    /// The unit of a time, `max_time_units`.
    TimeUnit {
        /// Ours, for [`RememberedDevices::address`] alone.
        Minutes = "minutes",
        /// Hours.
        Hours = "hours",
        /// Days.
        Days = "days",
    }

    /// `browser_apps.remember_method`.
    RememberMethod {
        /// By itself, and ended early when something is unusual. The default.
        RiskBased = "risk-based",
        /// After asking "is this your device?".
        UserBased = "user-based",
    }

    /// Ours, `browser_apps.scope`.
    RememberScope {
        /// For every application whose policy remembers. The default.
        AllApplications = "all-applications",
        /// For the application where it was granted.
        PerApplication = "per-application",
    }
}

/// A time as an administrator wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RememberFor {
    /// `max_time_value`.
    pub value: u16,
    /// `max_time_units`.
    pub unit: TimeUnit,
}

impl RememberFor {
    /// 30 days.
    pub const THIRTY_DAYS: Self = Self { value: 30, unit: TimeUnit::Days };

    /// The longest that a login is remembered in which a passkey took the place of the password: seven days, whatever is configured (as Duo documents it). Nobody has
    /// typed a password in this browser, so what is remembered spares the only proof there was.
    pub const WITHOUT_PASSWORD: Self = Self { value: 7, unit: TimeUnit::Days };

    /// The same, and no longer than a login without a password is remembered.
    #[must_use]
    pub fn without_password(self) -> Self {
        if self.duration() <= Self::WITHOUT_PASSWORD.duration() { self } else { Self::WITHOUT_PASSWORD }
    }

    /// How long that is.
    pub fn duration(self) -> SignedDuration {
        let value = i64::from(self.value);
        match self.unit {
            TimeUnit::Minutes => SignedDuration::from_mins(value),
            TimeUnit::Hours => SignedDuration::from_hours(value),
            TimeUnit::Days => SignedDuration::from_hours(24 * value),
        }
    }

    fn validate(self, value: &'static str, units: &'static str, minutes: Minutes) -> Result<(), SectionError> {
        let most = match (self.unit, minutes) {
            (TimeUnit::Minutes, Minutes::Refused) => {
                return Err(crate::policy::fault::Fault::Needs { what: "minutes".to_owned(), other: "address" }
                    .at(Section::RememberedDevices, units));
            }
            (TimeUnit::Minutes, Minutes::Allowed) => 1440,
            (TimeUnit::Hours, Minutes::Allowed | Minutes::Refused) => 8760,
            (TimeUnit::Days, Minutes::Allowed | Minutes::Refused) => 365,
        };
        in_range(self.value.into(), 1, most).map_err(|fault| fault.at(Section::RememberedDevices, value))
    }
}

#[derive(Clone, Copy)]
enum Minutes {
    Allowed,
    Refused,
}

/// `browser_apps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrowserApps {
    /// Default true.
    pub enabled: bool,
    /// Default risk-based.
    pub remember_method: RememberMethod,
    /// `risk_based.max_time_*`; default 30 days.
    pub risk_based: RememberFor,
    /// `user_based.max_time_*`: 1 to 365 days, or 1 to 8760 hours; default 30 days.
    pub user_based: RememberFor,
    /// Default: all applications.
    pub scope: RememberScope,
}

impl BrowserApps {
    /// The longest time a grant is honoured; `None` if none is.
    pub fn lasts(&self) -> Option<SignedDuration> {
        self.enabled.then(|| match self.remember_method {
            RememberMethod::RiskBased => self.risk_based.duration(),
            RememberMethod::UserBased => self.user_based.duration(),
        })
    }
}

/// Remembering that is on or off, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remember {
    /// Whether it is on.
    pub enabled: bool,
    /// How long.
    pub time: RememberFor,
}

impl Remember {
    /// The longest time a grant is honoured; `None` if none is.
    pub fn lasts(&self) -> Option<SignedDuration> {
        self.enabled.then(|| self.time.duration())
    }
}

/// The section.
///
/// A grant holds while the policy in force at the application *now* remembers, and never longer than that policy says, whatever was promised when it
/// was given. Unknown facts: no grant, no remembering; an absent address has no grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RememberedDevices {
    /// Browsers.
    pub browser_apps: BrowserApps,
    /// `windows_logon`: unlocking the local console; default off.
    pub windows_logon: Remember,
    /// Ours, `address_apps`: for SSH, RDP and VPN, whose clients carry no cookie. Remembered are user, source address and application, and all three
    /// must be the same. Off by default: whoever shares the address (NAT, a jump host) shares the grant. 1 to 1440 minutes, or hours, or days.
    pub address: Remember,
}

impl Default for RememberedDevices {
    fn default() -> Self {
        Self {
            browser_apps: BrowserApps {
                enabled: true,
                remember_method: RememberMethod::RiskBased,
                risk_based: RememberFor::THIRTY_DAYS,
                user_based: RememberFor::THIRTY_DAYS,
                scope: RememberScope::AllApplications,
            },
            windows_logon: Remember { enabled: false, time: RememberFor { value: 12, unit: TimeUnit::Hours } },
            address: Remember { enabled: false, time: RememberFor { value: 60, unit: TimeUnit::Minutes } },
        }
    }
}

impl RememberedDevices {
    /// Refuses times out of their range.
    pub fn validate(&self) -> Result<(), SectionError> {
        let browser = &self.browser_apps;
        browser.risk_based.validate(
            "browser_apps.risk_based.max_time_value",
            "browser_apps.risk_based.max_time_units",
            Minutes::Refused,
        )?;
        browser.user_based.validate(
            "browser_apps.user_based.max_time_value",
            "browser_apps.user_based.max_time_units",
            Minutes::Refused,
        )?;
        let (value, units) = ("windows_logon.max_time_value", "windows_logon.max_time_units");
        self.windows_logon.time.validate(value, units, Minutes::Refused)?;
        self.address.time.validate("address_apps.max_time_value", "address_apps.max_time_units", Minutes::Allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_password_seven_days_are_the_most() {
        let hours = |value| RememberFor { value, unit: TimeUnit::Hours };
        for (configured, kept) in [
            (RememberFor::THIRTY_DAYS, RememberFor::WITHOUT_PASSWORD),
            (hours(169), RememberFor::WITHOUT_PASSWORD),
            (hours(168), hours(168)),
            (hours(12), hours(12)),
        ] {
            assert_eq!(configured.without_password(), kept, "{configured:?}");
        }
    }

    #[test]
    fn times_have_ranges() {
        let default = RememberedDevices::default();
        assert_eq!(default.validate(), Ok(()));
        assert_eq!(default.address.lasts(), None, "SSH is not remembered unless someone says so");
        for (value, unit, key) in [
            (0, TimeUnit::Days, Some("browser_apps.user_based.max_time_value")),
            (365, TimeUnit::Days, None),
            (366, TimeUnit::Days, Some("browser_apps.user_based.max_time_value")),
            (8760, TimeUnit::Hours, None),
            (8761, TimeUnit::Hours, Some("browser_apps.user_based.max_time_value")),
            (5, TimeUnit::Minutes, Some("browser_apps.user_based.max_time_units")),
        ] {
            let mut section = default;
            section.browser_apps.user_based = RememberFor { value, unit };
            assert_eq!(section.validate().err().map(|e| e.key), key, "{value} {unit:?}");
        }
        let mut section = default;
        section.address = Remember { enabled: true, time: RememberFor { value: 1440, unit: TimeUnit::Minutes } };
        assert_eq!(section.validate(), Ok(()));
        assert_eq!(section.address.lasts(), Some(SignedDuration::from_hours(24)));
    }
}
