//! Signals of risk: deterministic, with the inputs that made them.
//!
//! [`assess`] looks at one moment and at a small history, and says which signals fired. What follows is said by policies: `risk_signals` whether a signal counts,
//! `risk_based_factor_selection` whether only stronger factors remain, `step_down` what a moment without any signal may spare.

mod record;
mod review;
mod signals;

pub use record::{NoRiskRecord, RiskRecord};
pub use review::{ReviewKind, ReviewState};
pub use signals::{
    Cleared, Failure, History, LEAST_LOGINS, Moment, Organisation, STEP_UP_LASTS, Success, assess, ends_step_up,
};

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;

use super::country::Country;
use super::sections::{RiskSignals, Signal, SignalMode};
use super::word::Word as _;

/// What the signals say about one login.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assessment {
    /// What fired, in the order of [`Signal`], each with the mode it was watched in.
    pub detections: Vec<Detection>,
}

/// A signal that fired, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detection {
    /// Which one, and the inputs.
    pub evidence: Evidence,
    /// Whether it counts, or is only reported.
    pub mode: SignalMode,
}

/// The inputs of a signal that fired, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// A request was called fraud.
    FraudReport {
        /// Until when that counts.
        until: Timestamp,
    },
    /// So many denied or unanswered pushes in so many minutes.
    PushHarassment {
        /// How many.
        failures: u16,
        /// In how many minutes.
        minutes: u16,
    },
    /// Failed pushes to so many users from one network.
    PushSpray {
        /// How many users.
        users: u16,
        /// The first address of the network.
        network: IpAddr,
    },
    /// Too fast.
    ImpossibleTravel {
        /// How far from the last login.
        kilometres: u32,
        /// How long after it.
        minutes: u32,
    },
    /// Without coordinates: another country within hours.
    CountryChange {
        /// The country of the last login.
        from: Country,
        /// The country of this one.
        to: Country,
        /// How long after it.
        minutes: u32,
    },
    /// Access device and phone in different countries.
    CountryMismatch {
        /// Of the access device.
        access: Country,
        /// Of the phone.
        phone: Country,
    },
    /// Access device and phone far apart.
    DeviceDistance {
        /// How far.
        kilometres: u32,
    },
    /// A network the organisation has not been seen in.
    NovelNetwork {
        /// The first address of the network.
        network: IpAddr,
    },
    /// A country the organisation has not been seen in.
    UnusualCountry {
        /// The country.
        country: Country,
    },
    /// A new authenticator.
    NewDevice {
        /// When it was bound.
        since: Timestamp,
    },
    /// An hour at which this user does not log in.
    UnusualHour {
        /// The hour of the day, in universal time.
        hour: u8,
    },
    /// It fired in the past, as the log of a login tells, which is looked at again.
    Recorded(Signal),
}

impl Evidence {
    /// Which signal it is.
    pub const fn signal(&self) -> Signal {
        match self {
            Self::FraudReport { .. } => Signal::FraudReport,
            Self::PushHarassment { .. } => Signal::PushHarassment,
            Self::PushSpray { .. } => Signal::PushSpray,
            Self::ImpossibleTravel { .. } | Self::CountryChange { .. } => Signal::ImpossibleTravel,
            Self::CountryMismatch { .. } => Signal::CountryMismatch,
            Self::DeviceDistance { .. } => Signal::DeviceDistance,
            Self::NovelNetwork { .. } => Signal::NovelNetwork,
            Self::UnusualCountry { .. } => Signal::UnusualCountry,
            Self::NewDevice { .. } => Signal::NewDevice,
            Self::UnusualHour { .. } => Signal::UnusualHour,
            Self::Recorded(signal) => *signal,
        }
    }
}

impl Assessment {
    /// What `section` makes of the signals `fired`, of which no more is known than that they did.
    pub fn recorded(section: &RiskSignals, fired: impl IntoIterator<Item = Signal>) -> Self {
        let watched = |signal: Signal| match section.mode(signal) {
            SignalMode::Off => None,
            mode @ (SignalMode::Report | SignalMode::Enforce) => {
                Some(Detection { evidence: Evidence::Recorded(signal), mode })
            }
        };
        Self { detections: fired.into_iter().filter_map(watched).collect() }
    }

    /// The first signal that counts.
    pub fn enforced(&self) -> Option<&Detection> {
        self.detections.iter().find(|detection| detection.mode == SignalMode::Enforce)
    }

    /// Whether nothing that is watched fired.
    pub fn is_low(&self) -> bool {
        self.detections.is_empty()
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FraudReport { until } => write!(f, "a request was called fraud; that counts until {until}"),
            Self::PushHarassment { failures, minutes } => {
                write!(f, "{failures} pushes denied or unanswered in {minutes} minutes")
            }
            Self::PushSpray { users, network } => write!(f, "failed pushes to {users} users from around {network}"),
            Self::ImpossibleTravel { kilometres, minutes } => {
                write!(f, "{kilometres} km from the last login, {minutes} minutes later")
            }
            Self::CountryChange { from, to, minutes } => {
                write!(f, "the last login was in {from}, this one {minutes} minutes later in {to}")
            }
            Self::CountryMismatch { access, phone } => write!(f, "login in {access}, phone in {phone}"),
            Self::DeviceDistance { kilometres } => write!(f, "{kilometres} km between login and phone"),
            Self::NovelNetwork { network } => write!(f, "nobody of the organisation was seen around {network} lately"),
            Self::UnusualCountry { country } => write!(f, "nobody of the organisation was seen in {country} lately"),
            Self::NewDevice { since } => write!(f, "the authenticator was bound at {since}"),
            Self::Recorded(signal) => write!(f, "{} fired then, as the log says", signal.as_str()),
            Self::UnusualHour { hour } => write!(f, "this user does not log in around {hour}:00 UTC"),
        }
    }
}
