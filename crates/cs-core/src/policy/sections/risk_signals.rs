//! `risk_signals`, ours: which signals of risk are watched, and which of them count.

use crate::policy::fault::SectionError;
use crate::policy::word::{Set, Word as _, words};

words! {
    /// A sign that a login is not what it seems. What each looks at: [`crate::policy::risk`].
    Signal {
        /// The user called an earlier request fraud.
        FraudReport = "fraud_report",
        /// Many denied or unanswered pushes to one user.
        PushHarassment = "push_harassment",
        /// Failed pushes to many users from one network.
        PushSpray = "push_spray",
        /// Too far from the last login for the time between.
        ImpossibleTravel = "impossible_travel",
        /// Access device and phone in different countries.
        CountryMismatch = "country_mismatch",
        /// Access device and phone far apart.
        DeviceDistance = "device_distance",
        /// A network from which the organisation has not been logged in to.
        NovelNetwork = "novel_network",
        /// A country from which the organisation has not been logged in to.
        UnusualCountry = "unusual_country",
        /// An authenticator that was bound a short while ago.
        NewDevice = "new_device",
        /// An hour at which this user does not log in.
        UnusualHour = "unusual_hour",
    }

    /// What is done about a signal.
    SignalMode {
        /// Not looked for.
        Off = "off",
        /// Looked for and logged.
        Report = "report",
        /// Looked for, logged, and steps up.
        Enforce = "enforce",
    }
}

/// The section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskSignals {
    /// `enforce`: signals that step up.
    pub enforce: Set<Signal>,
    /// `report`: signals that are only logged.
    pub report: Set<Signal>,
}

impl Default for RiskSignals {
    /// Those that point at an attack count; those that a journey, a new provider or a late evening explains are only reported.
    fn default() -> Self {
        let enforce = Set::of(&[
            Signal::FraudReport,
            Signal::PushHarassment,
            Signal::PushSpray,
            Signal::ImpossibleTravel,
            Signal::NewDevice,
        ]);
        Self { enforce, report: Set::all().minus(enforce) }
    }
}

impl RiskSignals {
    /// The mode of `signal`.
    pub fn mode(&self, signal: Signal) -> SignalMode {
        if self.enforce.contains(signal) {
            SignalMode::Enforce
        } else if self.report.contains(signal) {
            SignalMode::Report
        } else {
            SignalMode::Off
        }
    }

    /// Refuses a signal with two modes.
    pub fn validate(&self) -> Result<(), SectionError> {
        use crate::policy::fault::Fault;
        use crate::policy::names::Section;
        match self.enforce.intersection(self.report).iter().next() {
            None => Ok(()),
            Some(signal) => {
                Err(Fault::AlsoIn { what: signal.as_str().to_owned(), other: "enforce" }
                    .at(Section::RiskSignals, "report"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_one_mode() {
        let default = RiskSignals::default();
        assert_eq!(default.validate(), Ok(()));
        assert_eq!(default.mode(Signal::FraudReport), SignalMode::Enforce);
        assert_eq!(default.mode(Signal::UnusualHour), SignalMode::Report);
        let off = RiskSignals { enforce: Set::EMPTY, report: Set::EMPTY };
        assert_eq!(off.mode(Signal::FraudReport), SignalMode::Off);
        let both = RiskSignals { report: Set::all(), ..default };
        assert_eq!(both.validate().unwrap_err().key, "report");
    }
}
