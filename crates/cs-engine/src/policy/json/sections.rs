//! Every section, field by field, with the keys of the Admin API and ours.

use cs_core::account::NewUserPolicy;
use cs_core::policy::sections::*;
use serde_json::{Map, Value as Json};

use super::fault::Why;
use super::fields::{Fields, Spelling};

/// A section that can be read and written.
pub(super) trait SectionFields: Default {
    /// Tells the fields.
    fn fields(&mut self, f: &mut impl Fields);

    /// What follows for the fields that `given` does not have.
    fn settle(&mut self, _given: &Map<String, Json>) {}
}

macro_rules! fields {
    ($($section:ident |$this:ident, $f:ident| { $($body:tt)* })+) => {$(
        impl SectionFields for $section {
            fn fields(&mut self, $f: &mut impl Fields) {
                let $this = self;
                $($body)*
            }
        }
    )+};
}

fields! {
    NewUser |s, f| {
        f.spelled("new_user_behavior", &NEW_USERS, &mut s.behavior);
        let words = NEW_USERS.map(|(word, behavior)| (word, Some(behavior)));
        f.spelled("unknown_user_behavior", &words, &mut s.unknown);
    }
    AuthenticationPolicy |s, f| { f.word("user_auth_behavior", &mut s.user_auth_behavior); }
    UserLocation |s, f| {
        f.spelled("default_action", &LOCATION_ACTIONS, &mut s.default_action);
        f.countries("deny_access_countries_list", &mut s.deny);
        f.countries("require_mfa_countries_list", &mut s.require_mfa);
        f.countries("allow_access_no_2fa_countries_list", &mut s.allow_no_2fa);
        f.countries("ignore_location_countries_list", &mut s.ignore);
        f.flag("access_device_only", &mut s.access_device_only);
    }
    AuthorizedNetworks |s, f| {
        let Self { no_2fa, require_enrollment, mfa_required, deny_other_access, blocked } = s;
        f.object("no_2fa_required", |f| {
            f.networks("ip_list", no_2fa);
            f.flag("require_enrollment", require_enrollment);
        });
        f.object("mfa_required", |f| f.networks("ip_list", mfa_required));
        f.flag("deny_other_access", deny_other_access);
        f.object("blocked", |f| f.networks("ip_list", blocked));
    }
    AnonymousNetworks |s, f| { f.word("anonymous_access_behavior", &mut s.anonymous_access_behavior); }
    RememberedDevices |s, f| {
        let browser = &mut s.browser_apps;
        f.object("browser_apps", |f| {
            f.flag("enabled", &mut browser.enabled);
            f.word("remember_method", &mut browser.remember_method);
            f.object("risk_based", |f| time(f, &mut browser.risk_based));
            f.object("user_based", |f| time(f, &mut browser.user_based));
            f.word("scope", &mut browser.scope);
        });
        f.object("windows_logon", |f| remember(f, &mut s.windows_logon));
        f.object("address_apps", |f| remember(f, &mut s.address));
    }
    TrustedEndpoints |s, f| {
        f.word("trusted_endpoint_checking", &mut s.checking);
        f.word("trusted_endpoint_checking_mobile", &mut s.checking_mobile);
    }
    HealthChecks |s, f| {
        f.words("requires_duo_desktop", &mut s.requires_agent);
        f.words("enforce_encryption", &mut s.encryption);
        f.words("enforce_firewall", &mut s.firewall);
        f.words("enforce_system_password", &mut s.system_password);
        f.texts("windows_endpoint_security_list", &mut s.windows.security_agents);
        f.text("windows_remediation_note", &mut s.windows.remediation_note);
        f.texts("macos_endpoint_security_list", &mut s.macos.security_agents);
        f.text("macos_remediation_note", &mut s.macos.remediation_note);
        f.texts("linux_endpoint_security_list", &mut s.linux.security_agents);
        f.text("linux_remediation_note", &mut s.linux.remediation_note);
        f.word("enforce_signed_payload", &mut s.signed_payload);
        f.word("enforce_device_id_pinning", &mut s.device_id_pinning);
        f.flag("deny_when_unchecked", &mut s.deny_unchecked);
    }
    OperatingSystems |s, f| {
        f.words("allow_unrestricted_os_list", &mut s.allow_unrestricted);
        f.words("block_os_list", &mut s.block);
        f.by_word("os_restrictions", &mut s.restrictions, |f, os: &mut OsRestriction| {
            version_rule(f, "warn_policy", "warn_version", &mut os.warn);
            version_rule(f, "block_policy", "block_version", &mut os.block);
            f.number("block_grace_days", &mut os.grace_days);
        });
        f.flag("allow_unknown_version", &mut s.allow_unknown_version);
    }
    Browsers |s, f| {
        f.words("blocked_browsers_list", &mut s.blocked);
        f.word("out_of_date_behavior", &mut s.out_of_date);
        f.number("out_of_date_grace_days", &mut s.grace_days);
    }
    Plugins |s, f| {
        f.word("flash", &mut s.flash);
        f.word("java", &mut s.java);
    }
    DuoMobileApp |s, f| {
        let (mut rule, mut version) = match s.block {
            AppRule::NoRemediation => (RuleName::None, None),
            AppRule::LessThanLatest => (RuleName::LessThanLatest, None),
            AppRule::LessThan(version) => (RuleName::LessThanVersion, Some(version)),
        };
        f.spelled("block_policy", &APP_RULES, &mut rule);
        f.version("block_version", &mut version);
        s.block = match (named(f, rule, version, "block_policy", "block_version"), version) {
            (RuleName::LessThanVersion, Some(version)) => AppRule::LessThan(version),
            (RuleName::LessThanLatest, _) => AppRule::LessThanLatest,
            (RuleName::None | RuleName::EndOfLife | RuleName::NotUpToDate | RuleName::LessThanVersion, _) => AppRule::NoRemediation,
        };
    }
    TamperedDevices |s, f| {
        f.flag("block_tampered_devices", &mut s.block_tampered_devices);
        f.flag("block_unknown", &mut s.block_unknown);
    }
    ScreenLock |s, f| {
        f.flag("require_screen_lock", &mut s.require_screen_lock);
        f.flag("block_unknown", &mut s.block_unknown);
    }
    FullDiskEncryption |s, f| {
        f.flag("require_encryption", &mut s.require_encryption);
        f.flag("block_unknown", &mut s.block_unknown);
    }
    MobileDeviceBiometrics |s, f| {
        f.flag("require_biometrics", &mut s.require_biometrics);
        f.flag("block_unknown", &mut s.block_unknown);
    }
    RiskBasedFactorSelection |s, f| {
        f.flag("limit_to_risk_based_auth_methods", &mut s.limit_to_risk_based_auth_methods);
        f.small("risk_based_verified_push_digits", &mut s.risk_based_verified_push_digits);
    }
    RiskSignals |s, f| {
        f.words("enforce", &mut s.enforce);
        f.words("report", &mut s.report);
    }
    StepDown |s, f| {
        f.list("rules", &mut s.rules, new_rule, |f, rule: &mut StepDownRule| {
            f.networks("ip_list", &mut rule.networks);
            f.flag("managed_device", &mut rule.managed_device);
            f.flag("low_risk", &mut rule.low_risk);
            f.word("lower_to", &mut rule.lower_to);
        });
    }
}

impl SectionFields for AuthenticationMethods {
    fn fields(&mut self, f: &mut impl Fields) {
        f.words("allowed_auth_list", &mut self.allowed);
        f.words("blocked_auth_list", &mut self.blocked);
        f.flag("require_verified_push", &mut self.require_verified_push);
        f.small("verified_push_digits", &mut self.verified_push_digits);
        f.word("verified_push_without_display", &mut self.without_display);
    }

    /// Whoever only names what is blocked means that the rest stays allowed.
    fn settle(&mut self, given: &Map<String, Json>) {
        if !given.contains_key("allowed_auth_list") {
            self.allowed = self.allowed.minus(self.blocked);
        }
    }
}

/// `no-mfa`, and its older name.
const NEW_USERS: [Spelling<NewUserPolicy>; 4] = [
    ("enroll", NewUserPolicy::Enroll),
    ("no-mfa", NewUserPolicy::Allow),
    ("allow", NewUserPolicy::Allow),
    ("deny", NewUserPolicy::Deny),
];

const LOCATION_ACTIONS: [Spelling<LocationAction>; 5] = [
    ("ignore-location", LocationAction::Ignore),
    ("require-mfa", LocationAction::RequireMfa),
    ("allow-access-no-2fa", LocationAction::AllowNo2fa),
    ("no-2fa", LocationAction::AllowNo2fa),
    ("deny-access", LocationAction::Deny),
];

/// The word of a rule about versions, without the version.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RuleName {
    None,
    EndOfLife,
    NotUpToDate,
    LessThanLatest,
    LessThanVersion,
}

const RULES: [Spelling<RuleName>; 6] = [
    ("no-remediation", RuleName::None),
    ("end-of-life", RuleName::EndOfLife),
    ("not-up-to-date", RuleName::NotUpToDate),
    ("less-than-latest", RuleName::LessThanLatest),
    ("less-than-latest-version", RuleName::LessThanLatest),
    ("less-than-version", RuleName::LessThanVersion),
];

const APP_RULES: [Spelling<RuleName>; 5] = [
    ("no-remediation", RuleName::None),
    ("less-than-version", RuleName::LessThanVersion),
    ("less-than-latest", RuleName::LessThanLatest),
    ("less-than-latest-version", RuleName::LessThanLatest),
    ("latest", RuleName::LessThanLatest),
];

fn version_rule(f: &mut impl Fields, policy: &'static str, version: &'static str, rule: &mut VersionRule) {
    let (mut name, mut than) = match *rule {
        VersionRule::NoRemediation => (RuleName::None, None),
        VersionRule::EndOfLife => (RuleName::EndOfLife, None),
        VersionRule::NotUpToDate => (RuleName::NotUpToDate, None),
        VersionRule::LessThanLatest => (RuleName::LessThanLatest, None),
        VersionRule::LessThan(version) => (RuleName::LessThanVersion, Some(version)),
    };
    f.spelled(policy, &RULES, &mut name);
    f.version(version, &mut than);
    *rule = match (named(f, name, than, policy, version), than) {
        (RuleName::None, _) | (RuleName::LessThanVersion, None) => VersionRule::NoRemediation,
        (RuleName::EndOfLife, _) => VersionRule::EndOfLife,
        (RuleName::NotUpToDate, _) => VersionRule::NotUpToDate,
        (RuleName::LessThanLatest, _) => VersionRule::LessThanLatest,
        (RuleName::LessThanVersion, Some(version)) => VersionRule::LessThan(version),
    };
}

/// `rule`, after refusing it without the version it needs, and a version that says nothing.
fn named(
    f: &mut impl Fields,
    rule: RuleName,
    than: Option<cs_core::policy::Version>,
    policy: &'static str,
    version: &'static str,
) -> RuleName {
    match (rule, than) {
        (RuleName::LessThanVersion, None) => f.refuse(version, Why::NeedsVersion(policy)),
        (RuleName::LessThanVersion, Some(_)) | (_, None) => {}
        (_, Some(_)) => f.refuse(version, Why::IdleVersion(policy)),
    }
    rule
}

fn time(f: &mut impl Fields, time: &mut RememberFor) {
    f.number("max_time_value", &mut time.value);
    f.word("max_time_units", &mut time.unit);
}

fn remember(f: &mut impl Fields, remember: &mut Remember) {
    f.flag("enabled", &mut remember.enabled);
    time(f, &mut remember.time);
}

fn new_rule() -> StepDownRule {
    StepDownRule {
        networks: cs_core::network::NetworkList::default(),
        managed_device: false,
        low_risk: false,
        lower_to: Lowered::PlainPush,
    }
}
