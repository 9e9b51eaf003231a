//! Random worlds from a seed: small pools, so that rules meet the facts they are about.

use std::collections::BTreeMap;

use cs_core::account::NewUserPolicy;
use cs_core::group::{GroupStatus, Membership};
use cs_core::integration::UserAccess;
use cs_core::lockout::{Lock, LockoutState};
use cs_core::network::NetworkList;
use cs_core::policy::exemption::{Exemption, ExemptionKind};
use cs_core::policy::facts::{Client, Endpoint, Grant, PermittedGroups, PhoneFacts, Place, Remembered, Surface};
use cs_core::policy::risk::{Assessment, Detection, Evidence};
use cs_core::policy::sections::*;
use cs_core::policy::{Browser, Complete, Countries, Os, Sections, Set, Version, Word};
use cs_core::user::{User, UserStatus};
use jiff::{SignedDuration, Timestamp};

use super::case::{Case, app, country, group, hours, member, now, phone, phone_id, posture, token, user};

/// SplitMix64 (Steele, Lea and Flood 2014): enough to be unlike by design, and the same on every machine.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, pool: &[T]) -> T {
        pool[self.below(pool.len())]
    }

    fn word<T: Word>(&mut self) -> T {
        self.of(T::ALL)
    }

    fn set<T: Word>(&mut self, one_in: usize) -> Set<T> {
        T::ALL.iter().copied().filter(|_| self.one_in(one_in)).collect()
    }

    fn maybe(&mut self) -> Option<bool> {
        self.of(&[None, Some(true), Some(false)])
    }
}

const ADDRESSES: [&str; 8] =
    ["10.1.1.1", "10.1.2.1", "10.9.9.9", "::ffff:10.9.9.9", "192.0.2.7", "203.0.113.1", "2001:db8::1", "2001:db8:1::1"];
const NETWORKS: [&str; 10] = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.1.0/24",
    "192.0.2.7",
    "192.0.2.0-192.0.2.99",
    "2001:db8::/48",
    "2001:db8::/32",
    "0.0.0.0/0",
    "203.0.113.0/31",
    "::/0",
];
const COUNTRIES: [&str; 4] = ["CH", "FR", "KP", "US"];
const VERSIONS: [&str; 10] = ["0.3", "0.5", "0.9", "1.0", "1.0.5", "1.1", "2.0", "2.0.0.0", "2.1", "3"];

fn networks(c: &mut Chance) -> NetworkList {
    let entries: Vec<_> = NETWORKS.into_iter().filter(|_| c.one_in(7)).collect();
    NetworkList::parse(&entries.join(",")).unwrap()
}

fn countries(c: &mut Chance) -> Countries {
    COUNTRIES.into_iter().filter(|_| c.one_in(5)).map(country).collect()
}

fn version(c: &mut Chance) -> Version {
    Version::parse(c.of(&VERSIONS)).unwrap()
}

fn rule(c: &mut Chance) -> VersionRule {
    match c.below(6) {
        0 | 1 => VersionRule::NoRemediation,
        2 => VersionRule::EndOfLife,
        3 => VersionRule::NotUpToDate,
        4 => VersionRule::LessThanLatest,
        _ => VersionRule::LessThan(version(c)),
    }
}

fn time(c: &mut Chance) -> RememberFor {
    c.of(&[
        RememberFor { value: 10, unit: TimeUnit::Minutes },
        RememberFor { value: 2, unit: TimeUnit::Hours },
        RememberFor { value: 30, unit: TimeUnit::Days },
    ])
}

fn health(c: &mut Chance) -> HealthChecks {
    let agents = |c: &mut Chance| {
        if c.one_in(4) { vec![c.of(&["crowdstrike-falcon", "windows-defender"]).to_owned()] } else { Vec::new() }
    };
    let platform = |c: &mut Chance| PlatformChecks { security_agents: agents(c), remediation_note: String::new() };
    HealthChecks {
        requires_agent: if c.one_in(3) { c.set(2) } else { Set::EMPTY },
        encryption: c.set(3),
        firewall: c.set(3),
        system_password: c.set(3),
        windows: platform(c),
        macos: platform(c),
        linux: platform(c),
        signed_payload: c.word(),
        device_id_pinning: c.word(),
        deny_unchecked: c.one_in(4),
    }
}

/// Any policy at all, the valid ones and others: the evaluator must not rely on validation.
fn any(c: &mut Chance) -> Complete {
    let browser_apps = BrowserApps {
        enabled: !c.one_in(3),
        remember_method: c.word(),
        risk_based: time(c),
        user_based: time(c),
        scope: c.word(),
    };
    Complete {
        new_user: NewUser {
            behavior: c.of(&[NewUserPolicy::Enroll, NewUserPolicy::Allow, NewUserPolicy::Deny]),
            unknown: c.of(&[None, None, Some(NewUserPolicy::Deny), Some(NewUserPolicy::Enroll)]),
        },
        authentication_policy: AuthenticationPolicy {
            user_auth_behavior: if c.one_in(8) { c.word() } else { UserAuthBehavior::Enforce },
        },
        authentication_methods: AuthenticationMethods {
            allowed: if c.one_in(4) { c.set(3) } else { Set::all() },
            blocked: if c.one_in(3) { c.set(3) } else { Set::EMPTY },
            require_verified_push: c.one_in(2),
            verified_push_digits: c.of(&[2, 3, 6, 8]),
            without_display: c.word(),
        },
        user_location: UserLocation {
            default_action: if c.one_in(3) { c.word() } else { LocationAction::Ignore },
            deny: if c.one_in(3) { countries(c) } else { Countries::NONE },
            require_mfa: countries(c),
            allow_no_2fa: countries(c),
            ignore: countries(c),
            access_device_only: c.one_in(2),
        },
        authorized_networks: AuthorizedNetworks {
            no_2fa: networks(c),
            require_enrollment: c.one_in(2),
            mfa_required: networks(c),
            deny_other_access: c.one_in(8),
            blocked: if c.one_in(3) { networks(c) } else { NetworkList::default() },
        },
        anonymous_networks: AnonymousNetworks { anonymous_access_behavior: c.word() },
        remembered_devices: RememberedDevices {
            browser_apps,
            windows_logon: Remember { enabled: c.one_in(3), time: time(c) },
            address: Remember { enabled: c.one_in(2), time: time(c) },
        },
        trusted_endpoints: TrustedEndpoints { checking: c.word(), checking_mobile: c.word() },
        health_checks: health(c),
        operating_systems: OperatingSystems {
            allow_unrestricted: c.set(6),
            block: c.set(12),
            restrictions: Os::ALL
                .iter()
                .filter(|_| c.one_in(2))
                .copied()
                .collect::<Vec<_>>()
                .into_iter()
                .map(|os| {
                    let restriction =
                        OsRestriction { warn: rule(c), block: rule(c), grace_days: c.of(&[0, 0, 5, 21, 101, 301]) };
                    (os, restriction)
                })
                .collect::<BTreeMap<_, _>>(),
            allow_unknown_version: !c.one_in(3),
        },
        browsers: Browsers { blocked: c.set(12), out_of_date: c.word(), grace_days: c.of(&[0, 5, 21, 301]) },
        plugins: Plugins { flash: c.word(), java: c.word() },
        duo_mobile_app: DuoMobileApp {
            block: match c.below(6) {
                0 => AppRule::LessThan(version(c)),
                1 => AppRule::LessThanLatest,
                _ => AppRule::NoRemediation,
            },
        },
        tampered_devices: TamperedDevices { block_tampered_devices: c.one_in(2), block_unknown: c.one_in(5) },
        screen_lock: ScreenLock { require_screen_lock: c.one_in(2), block_unknown: c.one_in(5) },
        full_disk_encryption: FullDiskEncryption { require_encryption: c.one_in(4), block_unknown: c.one_in(2) },
        mobile_device_biometrics: MobileDeviceBiometrics {
            require_biometrics: c.one_in(4),
            block_unknown: c.one_in(2),
        },
        risk_based_factor_selection: RiskBasedFactorSelection {
            limit_to_risk_based_auth_methods: !c.one_in(3),
            risk_based_verified_push_digits: c.of(&[2, 4, 6]),
        },
        risk_signals: RiskSignals { enforce: c.set(2), report: c.set(2) },
        step_down: StepDown {
            rules: (0..c.below(3))
                .map(|_| StepDownRule {
                    networks: networks(c),
                    managed_device: c.one_in(3),
                    low_risk: c.one_in(2),
                    lower_to: c.word(),
                })
                .collect(),
        },
    }
}

/// A custom policy with some of the sections of [`any`].
fn some(c: &mut Chance) -> Sections {
    let mut sections = Sections::from(any(c));
    for section in cs_core::policy::Section::ALL {
        if !c.one_in(6) {
            sections.remove(*section);
        }
    }
    sections
}

/// A policy on groups: its groups, and what it changes.
pub(super) type OnGroups = (Vec<u32>, Sections);

/// A login, and all policies that might bear on it.
pub(super) struct World {
    pub(super) global: Complete,
    pub(super) groups: Vec<OnGroups>,
    pub(super) setting: Option<Sections>,
    pub(super) application: Option<Sections>,
    pub(super) application_groups: Vec<OnGroups>,
    pub(super) case: Case,
    pub(super) user: Option<User>,
}

fn on_groups(c: &mut Chance) -> Vec<OnGroups> {
    (0..c.below(3)).map(|_| ((0..=c.below(2)).map(|_| c.below(5) as u32).collect(), some(c))).collect()
}

impl World {
    pub(super) fn random(seed: u64) -> Self {
        let c = &mut Chance(seed);
        let user = (!c.one_in(10)).then(|| person(c));
        Self {
            global: if c.one_in(3) { Complete::default() } else { any(c) },
            groups: on_groups(c),
            setting: c.one_in(4).then(|| some(c)),
            application: c.one_in(2).then(|| some(c)),
            application_groups: on_groups(c),
            case: facts(c),
            user,
        }
    }
}

fn person(c: &mut Chance) -> User {
    let mut user = user();
    user.status = match c.below(14) {
        0 => UserStatus::Bypass,
        1 => UserStatus::Disabled,
        2 => UserStatus::PendingDeletion,
        _ => UserStatus::Active,
    };
    user.bypass_until = end(c);
    let at = now() - hours(1);
    user.lockout = LockoutState {
        failures: 0,
        rounds: 0,
        lock: match c.below(24) {
            0 => Lock::Until { at, until: now() + SignedDuration::from_secs(c.below(3) as i64 - 1) },
            1 => Lock::Indefinite { at },
            2 => Lock::ByAdministrator { at },
            _ => Lock::Open,
        },
    };
    user.groups = (0..5)
        .filter(|_| c.one_in(3))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|n| {
            let status = match c.below(24) {
                0 => GroupStatus::Bypass,
                1 => GroupStatus::Disabled,
                _ => GroupStatus::Active,
            };
            Membership { bypass_until: end(c), ..member(n, status) }
        })
        .collect();
    user.phones = (1..=c.below(4) as u32).map(phone).collect();
    for phone in &mut user.phones {
        if c.one_in(3) {
            phone.number = "+41440000000".to_owned();
        }
        match c.below(6) {
            0 => phone.authenticator = None,
            1 => phone.authenticator.as_mut().unwrap().confirmed = false,
            _ => {}
        }
    }
    if c.one_in(3) {
        user.tokens.push(token());
    }
    user.live_bypass_codes = i64::from(c.one_in(6));
    user
}

fn end(c: &mut Chance) -> Option<Timestamp> {
    c.of(&[None, Some(now()), Some(now() + hours(1)), Some(now() - hours(1))])
}

fn facts(c: &mut Chance) -> Case {
    let mut case = Case::new();
    case.surface = Surface {
        name: "any",
        shows_number: c.one_in(2),
        can_prompt: !c.one_in(12),
        enrolls_inline: c.one_in(2),
        sees_browser: c.one_in(2),
    };
    case.application = 1 + c.below(2) as u32;
    case.user_access = match c.below(8) {
        0 => UserAccess::Nobody,
        1 | 2 => UserAccess::Groups(vec![group(c.below(5) as u32), group(c.below(5) as u32)]),
        _ => UserAccess::All,
    };
    case.permitted_groups = c.of(&[PermittedGroups::Everyone, PermittedGroups::ActiveOnly]);
    case.address = (!c.one_in(8)).then(|| c.of(&ADDRESSES));
    case.country = (!c.one_in(6)).then(|| c.of(&COUNTRIES));
    case.anonymous = c.one_in(6);
    case.browser = (!c.one_in(6)).then(|| Client { product: browser(c), version: told(c) });
    case.os = (!c.one_in(6)).then(|| Client { product: c.word(), version: told(c) });
    case.endpoint =
        c.of(&[Endpoint::Trusted, Endpoint::Trusted, Endpoint::NotTrusted, Endpoint::NotManaged, Endpoint::Unknown]);
    case.posture = c.one_in(2).then(|| {
        let mut report = posture(c.word());
        report.os_version = told(c);
        let good = |c: &mut Chance| if c.one_in(5) { c.maybe() } else { Some(true) };
        (report.encryption, report.firewall, report.system_password) = (good(c), good(c), good(c));
        (report.signature, report.pinned) = (good(c), good(c));
        if c.one_in(5) {
            report.security_agents.clear();
        }
        report.collected_at = now() - SignedDuration::from_secs(c.of(&[-1, 0, 60, 900, 901]));
        report
    });
    case.phones = (1..=3_u32)
        .rev()
        .filter(|_| !c.one_in(4))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|n| PhoneFacts {
            phone: phone_id(n),
            os: c.one_in(2).then(|| Client { product: c.of(&[Os::Android, Os::Ios, Os::Linux]), version: told(c) }),
            app: told(c),
            screen_lock: c.maybe(),
            encryption: c.maybe(),
            biometrics: c.maybe(),
            tampered: c.of(&[None, Some(false), Some(false), Some(true)]),
            place: Place { country: c.one_in(2).then(|| country(c.of(&COUNTRIES))), coordinates: None },
        })
        .collect();
    case.remembered = Remembered { browser: grant(c), address: grant(c), windows_logon: grant(c) };
    case.risk = Assessment {
        detections: (0..c.below(3).saturating_sub(1))
            .map(|_| {
                let evidence = c.of(&[Evidence::UnusualHour { hour: 3 }, Evidence::FraudReport { until: now() }]);
                Detection { evidence, mode: c.of(&[SignalMode::Report, SignalMode::Enforce]) }
            })
            .collect(),
    };
    case.exemptions = (0..c.below(4).saturating_sub(2))
        .map(|_| Exemption {
            kind: c.of(&[ExemptionKind::PasscodeOnly, ExemptionKind::AutomaticApproval]),
            applications: vec![app(1)],
            networks: networks(c),
            from: now() - hours(c.below(3) as i64 - 1),
            until: now() + hours(c.below(3) as i64),
            reason: "test".to_owned(),
        })
        .collect();
    case.offered = if c.one_in(3) { Set::all() } else { case.offered };
    case.also_has = if c.one_in(4) { c.set(5) } else { Set::EMPTY };
    case
}

fn browser(c: &mut Chance) -> Browser {
    c.of(&[Browser::Chrome, Browser::Firefox, Browser::Safari, Browser::Other])
}

fn told(c: &mut Chance) -> Option<Version> {
    (!c.one_in(6)).then(|| version(c))
}

fn grant(c: &mut Chance) -> Option<Grant> {
    let granted_at: Timestamp = now() - SignedDuration::from_mins(c.of(&[-1, 0, 5, 10, 120, 2000]));
    c.one_in(4).then(|| Grant {
        application: app(1 + c.below(2) as u32),
        granted_at,
        until: granted_at + SignedDuration::from_mins(c.of(&[5, 60, 100_000])),
    })
}
