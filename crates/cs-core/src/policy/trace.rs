//! Why a decision fell as it did: for every rule the level it came from, what it said, and the fact that decided. Facts are small values; they become text only
//! when they are shown or logged.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;

use super::country::Country;
use super::facts::Endpoint;
use super::names::{Browser, Method, Os, Section};
use super::risk::Evidence;
use super::sections::{LocationAction, NetworkStanding, UserAuthBehavior};
use super::stack::{Effective, Level, Name};
use super::version::Version;
use super::word::{Set, Word as _};
use crate::account::NewUserPolicy;
use crate::id::PhoneId;
use crate::login::{AllowReason, DenyReason};

/// Which rule spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Status and lockout of the user and of its groups.
    Status,
    /// Who may use the application at all.
    PermittedGroups,
    /// Bypass status.
    BypassStatus,
    /// A section of a policy.
    Section(Section),
    /// An exemption of the user.
    Exemption,
    /// What is left to authenticate with.
    Factors,
}

impl Rule {
    /// The word shown and logged.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::PermittedGroups => "permitted_groups",
            Self::BypassStatus => "bypass_status",
            Self::Section(section) => section.as_str(),
            Self::Exemption => "exemption",
            Self::Factors => "factors",
        }
    }
}

/// What a rule said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing against it.
    Passes,
    /// In, without a second factor.
    Allows(AllowReason),
    /// Out.
    Denies(DenyReason),
    /// Enroll first.
    Enrolls,
    /// A second factor is asked for, also where another rule would spare it.
    Demands,
    /// Some factors are taken away.
    Limits,
    /// Less is asked than usual.
    Lowers,
    /// People are told, and may go on.
    Warns,
    /// Only logged.
    Reports,
}

impl Outcome {
    /// Whether it ends the evaluation.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Allows(_) | Self::Denies(_) | Self::Enrolls => true,
            Self::Passes | Self::Demands | Self::Limits | Self::Lowers | Self::Warns | Self::Reports => false,
        }
    }

    /// The word shown and logged; a reason goes beside it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Allows(_) => "allows",
            Self::Denies(_) => "denies",
            Self::Enrolls => "enrolls",
            Self::Demands => "demands",
            Self::Limits => "limits",
            Self::Lowers => "lowers",
            Self::Warns => "warns",
            Self::Reports => "reports",
        }
    }

    /// The reason of an outcome that has one, in the log's words.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Allows(reason) => Some(reason.as_str()),
            Self::Denies(reason) => Some(reason.as_str()),
            Self::Passes
            | Self::Enrolls
            | Self::Demands
            | Self::Limits
            | Self::Lowers
            | Self::Warns
            | Self::Reports => None,
        }
    }
}

/// One rule, and what it said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding<'a> {
    /// The step of the evaluation, 3 to 14, as in `product-policy.md` 4.3.
    pub step: u8,
    /// The rule.
    pub rule: Rule,
    /// Where a section comes from.
    pub level: Option<Level>,
    /// What it said.
    pub outcome: Outcome,
    /// On what fact.
    pub fact: Fact<'a>,
}

/// Everything that was found, in the order of the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace<'a> {
    findings: Vec<Finding<'a>>,
    decisive: Option<usize>,
    policies: Effective<'a>,
}

impl<'a> Trace<'a> {
    pub(super) fn new(policies: Effective<'a>) -> Self {
        // Each section speaks at least once, some twice.
        Self { findings: Vec::with_capacity(2 * Section::ALL.len()), decisive: None, policies }
    }

    pub(super) fn note(&mut self, step: u8, rule: Rule, outcome: Outcome, fact: Fact<'a>) {
        let level = match rule {
            Rule::Section(section) => Some(self.policies.level_of(section)),
            Rule::Status | Rule::PermittedGroups | Rule::BypassStatus | Rule::Exemption | Rule::Factors => None,
        };
        if self.decisive.is_none() && outcome.is_terminal() {
            self.decisive = Some(self.findings.len());
        }
        self.findings.push(Finding { step, rule, level, outcome, fact });
    }

    /// All findings, in the order of the rules.
    pub fn findings(&self) -> &[Finding<'a>] {
        &self.findings
    }

    /// The first rule that ended the evaluation; `None` if a factor is to be asked for.
    pub fn decisive(&self) -> Option<&Finding<'a>> {
        self.decisive.and_then(|at| self.findings.get(at))
    }

    /// What would have ended it too, had the decisive rule not: an administrator who lifts one denial sees the next.
    pub fn also(&self) -> impl Iterator<Item = &Finding<'a>> {
        let after = self.decisive.map_or(self.findings.len(), |at| at + 1);
        self.findings.iter().skip(after).filter(|finding| finding.outcome.is_terminal())
    }

    /// What people are to be warned about.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding<'a>> {
        self.findings.iter().filter(|finding| finding.outcome == Outcome::Warns)
    }

    /// The policy at `level` that applied; `None` for the application's old setting, which is no policy.
    pub fn policy(&self, level: Level) -> Option<Name<'a>> {
        self.policies.policy(level)
    }

    /// One line for each finding: `8 authorized_networks (application: VPN): denies denied_network: 192.0.2.7 is blocked`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.findings.iter().map(|finding| {
            let from = finding.level.map_or_else(String::new, |level| {
                let name = self.policy(level).map_or_else(String::new, |policy| format!(": {}", policy.name));
                format!(" ({}{name})", level.as_str())
            });
            let reason = finding.outcome.reason().map_or_else(String::new, |reason| format!(" {reason}"));
            let (step, rule, outcome) = (finding.step, finding.rule.as_str(), finding.outcome.as_str());
            format!("{step} {rule}{from}: {outcome}{reason}: {}", finding.fact)
        })
    }
}

/// A fact that a rule decided on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fact<'a> {
    /// Nobody has that name.
    NoSuchUser,
    /// The user is active.
    Active,
    /// The user is in the trash.
    InTrash,
    /// Too many failures; `None`: until an administrator unlocks.
    LockedUntil(Option<Timestamp>),
    /// The user's status; `None`; or that of a group.
    Disabled {
        /// The group.
        group: Option<&'a str>,
    },
    /// The same.
    InBypass {
        /// The group.
        group: Option<&'a str>,
        /// When it ends.
        until: Option<Timestamp>,
    },
    /// The user's bypass is over.
    BypassEnded(Timestamp),
    /// Everyone may use the application.
    OpenToAll,
    /// A permitted group.
    InGroup(&'a str),
    /// In none of the application's.
    InNoPermittedGroup {
        /// What the application is called.
        application: &'a str,
    },
    /// What the policy does with everyone.
    Behavior(UserAuthBehavior),
    /// The user has a usable factor.
    Enrolled,
    /// The user has none, or there is no user.
    Unenrolled {
        /// Whether there is a user.
        known: bool,
        /// What happens to such people.
        behavior: NewUserPolicy,
    },
    /// The access address.
    Address {
        /// `None`: absent.
        address: Option<IpAddr>,
        /// What it is to the policy.
        standing: NetworkStanding,
    },
    /// An operator's list names the address.
    Anonymous,
    /// None does.
    NotAnonymous,
    /// Where the access device is.
    Country {
        /// `None`: unknown.
        country: Option<Country>,
        /// What that means.
        action: LocationAction,
    },
    /// No browser and no agent is seen there.
    NothingSeen,
    /// The access device's operating system.
    Os {
        /// Which.
        os: Os,
        /// `None`: unknown.
        version: Option<Version>,
        /// What is wrong with it.
        age: Age,
    },
    /// The browser.
    Browser {
        /// Which.
        browser: Browser,
        /// `None`: unknown.
        version: Option<Version>,
        /// What is wrong with it.
        age: Age,
    },
    /// The section has no effect.
    NoEffect,
    /// Whether the device is managed.
    Endpoint(Endpoint),
    /// What the desktop agent reported.
    Health(HealthFact),
    /// A grant of an earlier login.
    Granted(GrantKind),
    /// There is none that holds.
    NoGrant,
    /// There is one, and it rests: the situation is unusual.
    GrantRests(GrantKind),
    /// A rule that lowers the demand holds, counted from 1.
    LoweringRule(u8),
    /// None does.
    NoLoweringRule,
    /// The reason an administrator gave for an exemption.
    Exempted(&'a str),
    /// The exemption rests: the situation is unusual.
    ExemptionRests(&'a str),
    /// Methods that remain.
    Methods(Set<Method>),
    /// No phone of the user's is refused by the section.
    PhonesFine,
    /// A phone is refused.
    Phone {
        /// Which.
        phone: PhoneId,
        /// Why.
        fault: PhoneFault,
    },
    /// Only an authenticator would do.
    NoAuthenticator,
    /// Nobody can be asked there.
    CannotPrompt,
    /// The client cannot show the number that a push needs.
    CannotShowNumber,
    /// A signal of risk.
    Signal(Evidence),
    /// No signal that is watched.
    NoSignal,
    /// Risk asks for more than the user could use there.
    NothingStronger,
}

/// How old a piece of software is, and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Fine.
    Fine,
    /// The product itself is blocked.
    Blocked,
    /// Not known.
    Unknown,
    /// Below the version asked for.
    Below(Version),
    /// Outdated or unmaintained.
    Outdated {
        /// Since when.
        since: Timestamp,
        /// When the days of grace are, or were, over; `None` if it is only warned about.
        blocked_from: Option<Timestamp>,
    },
}

/// What the desktop agent reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthFact {
    /// Nothing is demanded of this device.
    NotDemanded,
    /// All that is demanded is there.
    Fine,
    /// No report, or one too old.
    NoReport,
    /// No agent can be asked on this way in.
    Unchecked,
    /// Not signed by the device's key.
    NotSigned,
    /// Not a device of this user.
    NotPinned,
    /// Not encrypted, or not known to be.
    NotEncrypted,
    /// No firewall, or not known.
    NoFirewall,
    /// No password, or not known.
    NoPassword,
    /// None of the demanded security agents.
    NoSecurityAgent,
}

/// What is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantKind {
    /// The browser.
    Browser,
    /// User, source address and application.
    Address,
    /// The session at a local console.
    WindowsLogon,
}

/// Why a phone may not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneFault {
    /// Rooted.
    Tampered,
    /// Not known whether it is rooted.
    TamperingUnknown,
    /// No screen lock.
    NoScreenLock,
    /// Not known whether it has one.
    ScreenLockUnknown,
    /// Not encrypted.
    NotEncrypted,
    /// Not known whether it is.
    EncryptionUnknown,
    /// Asks for no finger or face.
    NoBiometrics,
    /// Not known whether it does.
    BiometricsUnknown,
    /// The authenticator is too old; `None`: of unknown build.
    App(Option<Version>),
    /// The operating system is blocked or too old.
    Os {
        /// Which.
        os: Os,
        /// `None`: unknown.
        version: Option<Version>,
        /// What is wrong with it.
        age: Age,
    },
    /// In a country that is refused; `None`: nobody knows where.
    Country(Option<Country>),
}

impl PhoneFault {
    /// The section that refuses it.
    pub const fn section(self) -> Section {
        match self {
            Self::Tampered | Self::TamperingUnknown => Section::TamperedDevices,
            Self::NoScreenLock | Self::ScreenLockUnknown => Section::ScreenLock,
            Self::NotEncrypted | Self::EncryptionUnknown => Section::FullDiskEncryption,
            Self::NoBiometrics | Self::BiometricsUnknown => Section::MobileDeviceBiometrics,
            Self::App(_) => Section::DuoMobileApp,
            Self::Os { .. } => Section::OperatingSystems,
            Self::Country(_) => Section::UserLocation,
        }
    }

    /// The reason in the log.
    pub const fn reason(self) -> DenyReason {
        match self {
            Self::Tampered | Self::TamperingUnknown => DenyReason::RootedDevice,
            Self::NoScreenLock | Self::ScreenLockUnknown => DenyReason::NoScreenLock,
            Self::NotEncrypted | Self::EncryptionUnknown => DenyReason::NoDiskEncryption,
            Self::NoBiometrics | Self::BiometricsUnknown => DenyReason::TouchIdDisabled,
            Self::App(_) => DenyReason::VersionRestricted,
            Self::Os { age: Age::Blocked, .. } => DenyReason::PlatformRestricted,
            Self::Os { age: Age::Fine | Age::Unknown | Age::Below(_) | Age::Outdated { .. }, .. } => {
                DenyReason::OutOfDate
            }
            Self::Country(_) => DenyReason::LocationRestricted,
        }
    }
}

impl fmt::Display for Fact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoSuchUser => f.write_str("no user of that name"),
            Self::Active => f.write_str("the user is active"),
            Self::InTrash => f.write_str("the user is in the trash"),
            Self::LockedUntil(Some(until)) => write!(f, "locked until {until}"),
            Self::LockedUntil(None) => f.write_str("locked until an administrator unlocks"),
            Self::Disabled { group: Some(group) } => write!(f, "group {group} is disabled"),
            Self::Disabled { group: None } => f.write_str("the user is disabled"),
            Self::InBypass { group: Some(group), .. } => write!(f, "group {group} is in bypass"),
            Self::InBypass { group: None, until: None } => f.write_str("the user is in bypass"),
            Self::InBypass { group: None, until: Some(until) } => write!(f, "the user is in bypass until {until}"),
            Self::BypassEnded(at) => write!(f, "the user's bypass ended at {at}"),
            Self::OpenToAll => f.write_str("open to every user"),
            Self::InGroup(group) => write!(f, "in the permitted group {group}"),
            Self::InNoPermittedGroup { application } => write!(f, "not in a permitted group of {application}"),
            Self::Behavior(behavior) => write!(f, "a second factor: {}", behavior.as_str()),
            Self::Enrolled => f.write_str("the user has a usable factor"),
            Self::Unenrolled { known, behavior } => {
                let who = if known { "the user has no usable device" } else { "no user of that name" };
                write!(f, "{who}; the new-user policy is {}", behavior.as_str())
            }
            Self::Address { address: None, standing: NetworkStanding::Other } => f.write_str("no address is known"),
            Self::Address { address, standing } => {
                match address {
                    Some(address) => write!(f, "{address} is ")?,
                    None => f.write_str("the unknown address is ")?,
                }
                f.write_str(match standing {
                    NetworkStanding::Blocked => "in a blocked network",
                    NetworkStanding::MfaRequired => "in a network that demands a second factor",
                    NetworkStanding::No2faRequired => "in a network that spares the second factor",
                    NetworkStanding::Other => "in no listed network",
                })
            }
            Self::Anonymous => f.write_str("the address is on a list of anonymous networks"),
            Self::NotAnonymous => f.write_str("the address is on no list of anonymous networks"),
            Self::Country { country: Some(country), action } => write!(f, "{country}: {}", action.as_str()),
            Self::Country { country: None, action } => write!(f, "unknown country: {}", action.as_str()),
            Self::NothingSeen => f.write_str("no browser or agent is seen here"),
            Self::Os { os, version, age } => software(f, os.as_str(), version, age),
            Self::Browser { browser, version, age } => software(f, browser.as_str(), version, age),
            Self::NoEffect => f.write_str("has no effect any more"),
            Self::Endpoint(endpoint) => write!(f, "the device's trust: {}", endpoint.as_str()),
            Self::Health(fact) => f.write_str(fact.text()),
            Self::Granted(GrantKind::Browser) => f.write_str("a remembered device"),
            Self::Granted(GrantKind::Address) => f.write_str("a remembered address"),
            Self::Granted(GrantKind::WindowsLogon) => f.write_str("a remembered console session"),
            Self::NoGrant => f.write_str("nothing is remembered"),
            Self::GrantRests(GrantKind::Browser) => f.write_str("a remembered device, not honoured now"),
            Self::GrantRests(GrantKind::Address) => f.write_str("a remembered address, not honoured now"),
            Self::GrantRests(GrantKind::WindowsLogon) => f.write_str("a remembered console session, not honoured now"),
            Self::LoweringRule(rule) => write!(f, "rule {rule} holds"),
            Self::NoLoweringRule => f.write_str("no rule holds"),
            Self::Exempted(reason) => write!(f, "exempted: {reason}"),
            Self::ExemptionRests(reason) => write!(f, "exempted, but not now: {reason}"),
            Self::Methods(methods) if methods.is_empty() => f.write_str("no factor is left"),
            Self::Methods(methods) => {
                for (at, method) in methods.iter().enumerate() {
                    write!(f, "{}{}", if at > 0 { ", " } else { "left: " }, method.as_str())?;
                }
                Ok(())
            }
            Self::PhonesFine => f.write_str("no phone is refused"),
            Self::Phone { phone, fault } => {
                write!(f, "phone {phone} ")?;
                fault.fmt(f)
            }
            Self::NoAuthenticator => f.write_str("no phone of the user's has an activated authenticator"),
            Self::CannotPrompt => f.write_str("nobody can be asked for a factor here"),
            Self::CannotShowNumber => f.write_str("the client cannot show the number that a push needs"),
            Self::Signal(evidence) => evidence.fmt(f),
            Self::NoSignal => f.write_str("no sign of risk"),
            Self::NothingStronger => f.write_str("nothing stronger can be used there"),
        }
    }
}

impl HealthFact {
    const fn text(self) -> &'static str {
        match self {
            Self::NotDemanded => "nothing is demanded of this device",
            Self::Fine => "the desktop agent reports all that is demanded",
            Self::NoReport => "the desktop agent did not report lately",
            Self::Unchecked => "no desktop agent can be asked here",
            Self::NotSigned => "the report was not signed by the device",
            Self::NotPinned => "the report is not from a device of this user",
            Self::NotEncrypted => "the disk is not known to be encrypted",
            Self::NoFirewall => "the firewall is not known to be on",
            Self::NoPassword => "no password is known to be set",
            Self::NoSecurityAgent => "none of the demanded security agents runs",
        }
    }
}

impl fmt::Display for PhoneFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Tampered => f.write_str("is rooted"),
            Self::TamperingUnknown => f.write_str("does not tell whether it is rooted"),
            Self::NoScreenLock => f.write_str("has no screen lock"),
            Self::ScreenLockUnknown => f.write_str("does not tell whether it has a screen lock"),
            Self::NotEncrypted => f.write_str("is not encrypted"),
            Self::EncryptionUnknown => f.write_str("does not tell whether it is encrypted"),
            Self::NoBiometrics => f.write_str("asks for no finger or face"),
            Self::BiometricsUnknown => f.write_str("does not tell whether it asks for a finger or face"),
            Self::App(Some(version)) => write!(f, "has build {version} of the authenticator"),
            Self::App(None) => f.write_str("does not tell the build of its authenticator"),
            Self::Os { os, version, age } => {
                f.write_str("runs ")?;
                software(f, os.as_str(), version, age)
            }
            Self::Country(Some(country)) => write!(f, "is in {country}"),
            Self::Country(None) => f.write_str("is in an unknown country"),
        }
    }
}

fn software(f: &mut fmt::Formatter<'_>, name: &str, version: Option<Version>, age: Age) -> fmt::Result {
    match version {
        Some(version) => write!(f, "{name} {version}")?,
        None => f.write_str(name)?,
    }
    match age {
        Age::Fine => Ok(()),
        Age::Blocked => f.write_str(" is blocked"),
        Age::Unknown => f.write_str(", of unknown age"),
        Age::Below(version) => write!(f, " is below {version}"),
        Age::Outdated { since, blocked_from: None } => write!(f, " is outdated since {since}"),
        Age::Outdated { since, blocked_from: Some(from) } => {
            write!(f, " is outdated since {since}, blocked from {from}")
        }
    }
}
