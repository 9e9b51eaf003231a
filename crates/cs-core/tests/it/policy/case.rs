//! One login under one policy, owned, so that a test can change any part of it.

use cs_core::device::{Authenticator, AuthenticatorClass, Phone, Token};
use cs_core::group::{GroupStatus, Membership};
use cs_core::id::{GroupId, IntegrationKey, PhoneId};
use cs_core::integration::UserAccess;
use cs_core::lockout::{Lock, LockoutState};
use cs_core::login::Denial;
use cs_core::otp::{OtpKind, OtpParams, OtpRecord};
use cs_core::policy::exemption::Exemption;
use cs_core::policy::facts::{
    Access, Application, Client, Endpoint, Facts, Grant, PermittedGroups, PhoneFacts, Place, Posture, Remembered,
    Surface, Versions,
};
use cs_core::policy::risk::{Assessment, Detection, Evidence};
use cs_core::policy::sections::SignalMode;
use cs_core::policy::{
    Browser, Complete, Country, Decision, Effective, GlobalPolicy, Line, Method, Os, Product, Release, Set, Verdict,
    Version, days, evaluate, recheck,
};
use cs_core::user::{User, UserStatus};
use jiff::{SignedDuration, Timestamp};

pub(crate) fn group(n: u32) -> GroupId {
    format!("DG{n:018}").parse().unwrap()
}

pub(crate) fn phone_id(n: u32) -> PhoneId {
    format!("DP{n:018}").parse().unwrap()
}

pub(crate) fn app(n: u32) -> IntegrationKey {
    format!("DI{n:018}").parse().unwrap()
}

pub(crate) fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

pub(crate) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

pub(crate) fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}

/// Noon of a day in 2026.
pub(crate) fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

pub(crate) fn member(n: u32, status: GroupStatus) -> Membership {
    Membership { group: group(n), name: format!("group {n}"), status, bypass_until: None }
}

pub(crate) fn phone(n: u32) -> Phone {
    let otp = OtpRecord { kind: OtpKind::MobileHotp, counter: 0, last_step: -1, drift: 0, memo: None, held: false };
    Phone {
        id: phone_id(n),
        name: String::new(),
        number: String::new(),
        landline: false,
        sms: None,
        owner: String::new(),
        platform: "Google Android".to_owned(),
        authenticator: Some(Authenticator {
            class: AuthenticatorClass::Pwa,
            activated_at: Timestamp::UNIX_EPOCH,
            can_be_woken: false,
            confirmed: true,
            params: OtpParams::new(OtpKind::MobileHotp),
            otp,
            sealed_seed: Vec::new(),
            auto_approve_until: None,
            facts: None,
        }),
    }
}

pub(crate) fn token() -> Token {
    Token {
        id: "DHAAAAAAAAAAAAAAAAAA".parse().unwrap(),
        serial: "1".to_owned(),
        owner: String::new(),
        params: OtpParams::new(OtpKind::MobileHotp),
        otp: OtpRecord { kind: OtpKind::MobileHotp, counter: 0, last_step: -1, drift: 0, memo: None, held: false },
        sealed_secret: Vec::new(),
    }
}

pub(crate) fn user() -> User {
    User {
        id: "DUAAAAAAAAAAAAAAAAAA".parse().unwrap(),
        username: "alice".to_owned(),
        realname: None,
        email: String::new(),
        status: UserStatus::Active,
        bypass_until: None,
        lockout: LockoutState { failures: 0, lock: Lock::Open, rounds: 0 },
        attempts: 0,
        version: 0,
        trust_epoch: 0,
        default_factor: None,
        phones: vec![phone(1)],
        tokens: Vec::new(),
        credentials: Vec::new(),
        groups: Vec::new(),
        last_login: None,
        live_bypass_codes: 0,
        risk: cs_core::policy::risk::RiskRecord::default(),
    }
}

/// A terminal whose menu shows a number.
pub(crate) const TERMINAL: Surface =
    Surface { name: "terminal", shows_number: true, can_prompt: true, enrolls_inline: false, sees_browser: false };

/// A VPN: shows nothing.
pub(crate) const VPN: Surface =
    Surface { name: "vpn", shows_number: false, can_prompt: true, enrolls_inline: false, sees_browser: false };

/// A web page.
pub(crate) const PAGE: Surface =
    Surface { name: "page", shows_number: true, can_prompt: true, enrolls_inline: true, sees_browser: true };

pub(crate) fn grant(n: u32, given: Timestamp, lasts: SignedDuration) -> Grant {
    Grant { application: app(n), granted_at: given, until: given + lasts }
}

/// A report in which everything is as it should be.
pub(crate) fn posture(os: Os) -> Posture {
    Posture {
        os,
        os_version: None,
        encryption: Some(true),
        firewall: Some(true),
        system_password: Some(true),
        security_agents: vec!["crowdstrike-falcon".to_owned()],
        signature: Some(true),
        pinned: Some(true),
        collected_at: now() - SignedDuration::from_mins(1),
    }
}

/// Versions 1 (from day -400, ends on day 10) and 2 (from day -100; 2.1 on day -20), counted from [`now`], and an odd line 0.5 that got a release after its end.
pub(crate) fn lines() -> Vec<Line> {
    let day = |n: i64| now() + hours(24 * n);
    let release = |text, n| Release { version: version(text), released: day(n) };
    vec![
        Line {
            from: version("0.5"),
            releases: vec![release("0.5", -60), release("0.6", -15)],
            end_of_life: Some(day(-30)),
        },
        Line {
            from: version("1"),
            releases: vec![release("1.0", -400), release("1.1", -300)],
            end_of_life: Some(day(10)),
        },
        Line { from: version("2"), releases: vec![release("2.0", -100), release("2.1", -20)], end_of_life: None },
    ]
}

pub(crate) fn product() -> Product {
    Product::new(lines()).unwrap()
}

pub(crate) fn versions() -> Versions {
    Versions {
        os: [Os::Windows, Os::Macos, Os::Android, Os::Ios].map(|os| (os, product())).to_vec(),
        browsers: [Browser::Chrome, Browser::Firefox].map(|browser| (browser, product())).to_vec(),
        app: product(),
    }
}

pub(crate) fn detected(evidence: Evidence, mode: SignalMode) -> Assessment {
    Assessment { detections: vec![Detection { evidence, mode }] }
}

pub(crate) fn fraud() -> Assessment {
    detected(Evidence::FraudReport { until: now() + hours(24) }, SignalMode::Enforce)
}

pub(crate) fn hour_of_night() -> Assessment {
    detected(Evidence::UnusualHour { hour: 3 }, SignalMode::Report)
}

/// What comes in, owned.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) policy: Complete,
    pub(crate) surface: Surface,
    pub(crate) application: u32,
    pub(crate) user_access: UserAccess,
    pub(crate) permitted_groups: PermittedGroups,
    pub(crate) address: Option<&'static str>,
    pub(crate) country: Option<&'static str>,
    pub(crate) anonymous: bool,
    pub(crate) browser: Option<Client<Browser>>,
    pub(crate) os: Option<Client<Os>>,
    pub(crate) endpoint: Endpoint,
    pub(crate) posture: Option<Posture>,
    pub(crate) phones: Vec<PhoneFacts>,
    pub(crate) remembered: Remembered,
    pub(crate) risk: Assessment,
    pub(crate) exemptions: Vec<Exemption>,
    pub(crate) offered: Set<Method>,
    pub(crate) also_has: Set<Method>,
    pub(crate) versions: Versions,
    pub(crate) now: Timestamp,
}

impl Case {
    /// An enrolled user at a terminal on an unremarkable day, under the default policy.
    pub(crate) fn new() -> Self {
        Self {
            policy: Complete::default(),
            surface: TERMINAL,
            application: 1,
            user_access: UserAccess::All,
            permitted_groups: PermittedGroups::Everyone,
            address: Some("192.0.2.7"),
            country: Some("CH"),
            anonymous: false,
            browser: None,
            os: None,
            endpoint: Endpoint::Unknown,
            posture: None,
            phones: vec![PhoneFacts::unknown(phone_id(1))],
            remembered: Remembered::default(),
            risk: Assessment::default(),
            exemptions: Vec::new(),
            offered: Set::of(&[
                Method::DuoPush,
                Method::DuoPasscode,
                Method::HardwareToken,
                Method::WebauthnPlatform,
                Method::WebauthnRoaming,
            ]),
            also_has: Set::EMPTY,
            versions: versions(),
            now: now(),
        }
    }

    pub(crate) fn facts<'a>(&'a self, user: Option<&'a User>) -> Facts<'a> {
        Facts {
            application: Application {
                key: app(self.application),
                name: "VPN",
                access: &self.user_access,
                surface: self.surface,
            },
            user,
            permitted_groups: self.permitted_groups,
            access: Access {
                address: self.address.map(|address| address.parse().unwrap()),
                place: Place { country: self.country.map(country), coordinates: None },
                anonymous: self.anonymous,
                browser: self.browser,
                os: self.os,
                endpoint: self.endpoint,
                posture: self.posture.as_ref(),
            },
            phones: &self.phones,
            remembered: self.remembered,
            risk: &self.risk,
            exemptions: &self.exemptions,
            offered: self.offered,
            also_has: self.also_has,
            versions: &self.versions,
            now: self.now,
        }
    }

    pub(crate) fn global(&self) -> GlobalPolicy {
        GlobalPolicy {
            key: "POAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            name: "Global".to_owned(),
            sections: self.policy.clone(),
        }
    }

    /// The verdict in one word or two: what a table compares.
    pub(crate) fn says(&self, user: Option<&User>) -> String {
        let global = self.global();
        short(&evaluate(&Effective::global(&global), &self.facts(user)))
    }

    pub(crate) fn rechecks(&self, user: Option<&User>, answered_by: Option<PhoneId>) -> Result<(), Denial> {
        recheck(&Effective::global(&self.global()), &self.facts(user), answered_by)
    }
}

/// The verdict in one word or two: `allow trusted_network`, `deny denied_network`, `enroll`, `ask duo-push duo-passcode verified 6`.
pub(crate) fn short(decision: &Decision<'_>) -> String {
    use cs_core::policy::{PushRule, Word as _};
    match &decision.verdict {
        Verdict::Allow { why, .. } => format!("allow {}", why.as_str()),
        Verdict::Deny(denial) => format!("deny {}", denial.reason.as_str()),
        Verdict::Enroll { inline: true } => "enroll here".to_owned(),
        Verdict::Enroll { inline: false } => "enroll".to_owned(),
        Verdict::Challenge(challenge) => {
            let mut text = "ask".to_owned();
            for method in challenge.methods.iter() {
                text.push(' ');
                text.push_str(method.as_str());
            }
            match challenge.push {
                _ if !challenge.methods.contains(Method::DuoPush) => text,
                PushRule::Plain => text,
                PushRule::Verified { digits } => format!("{text} verified {digits}"),
            }
        }
    }
}

pub(crate) fn grace(n: u16) -> SignedDuration {
    days(n)
}
