//! Policies in the JSON of Duo's Admin API (Policies v2).
//!
//! | file | what |
//! | --- | --- |
//! | `sections` | every section with its keys, once, for reading and writing |
//! | `fields` | how a section tells its keys |
//! | `read`, `write` | who is told |
//! | `fault` | why a document is refused |
//!
//! Reading refuses what is unknown, of another kind or contradictory before anything is changed, and says where. Writing gives every key, so that a
//! document that was written is read back unchanged; it is also what the database holds.

mod fault;
mod fields;
mod read;
mod sections;
mod write;

use cs_core::policy::sections::*;
use cs_core::policy::{Complete, Section, Sections, Word as _};
use serde_json::{Map, Value as Json};

pub use fault::{BadSetting, Why};
use read::Reader;
use sections::SectionFields;
use write::Writer;

/// Where a document names its sections.
const SECTIONS: &str = "sections";

macro_rules! each_section {
    ($($field:ident: $section:ident,)+) => {
        /// Reads the member `name` of `sections`, unless it is null, into `into`.
        fn read_one(section: Section, name: &str, json: &Json, into: &mut Sections) -> Result<(), BadSetting> {
            match section {
                $(Section::$section => {
                    if into.$field.is_some() {
                        return Err(BadSetting { at: name.to_owned(), why: Why::Twice });
                    }
                    into.$field = Some(read_section::<$section>(name, json)?);
                })+
            }
            Ok(())
        }

        fn write_one(section: Section, from: &Sections) -> Option<Json> {
            match section {
                $(Section::$section => from.$field.as_ref().map(write_section::<$section>),)+
            }
        }
    };
}

each_section! {
    new_user: NewUser,
    authentication_policy: AuthenticationPolicy,
    authentication_methods: AuthenticationMethods,
    user_location: UserLocation,
    authorized_networks: AuthorizedNetworks,
    anonymous_networks: AnonymousNetworks,
    remembered_devices: RememberedDevices,
    trusted_endpoints: TrustedEndpoints,
    health_checks: HealthChecks,
    operating_systems: OperatingSystems,
    browsers: Browsers,
    plugins: Plugins,
    duo_mobile_app: DuoMobileApp,
    tampered_devices: TamperedDevices,
    screen_lock: ScreenLock,
    full_disk_encryption: FullDiskEncryption,
    mobile_device_biometrics: MobileDeviceBiometrics,
    risk_based_factor_selection: RiskBasedFactorSelection,
    risk_signals: RiskSignals,
    step_down: StepDown,
}

/// Reads sections by name: an object; nothing else. Each is checked by its own rules.
pub fn read_sections(json: &Json) -> Result<Sections, BadSetting> {
    let Json::Object(members) = json else {
        return Err(BadSetting { at: SECTIONS.to_owned(), why: Why::NotA("an object of sections by name") });
    };
    let mut sections = Sections::default();
    for (name, json) in members {
        read_one(section_named(name)?, name, json, &mut sections)?;
    }
    sections.validate()?;
    Ok(sections)
}

/// The section of that name, older names included.
pub fn section_named(name: &str) -> Result<Section, BadSetting> {
    let at = || name.chars().take(64).collect();
    Section::from_name(name).ok_or_else(|| BadSetting { at: at(), why: Why::UnknownSection })
}

/// Every section there is, in full.
pub fn write_sections(sections: &Sections) -> Map<String, Json> {
    let written = Section::ALL.iter().filter_map(|section| Some((section.as_str(), write_one(*section, sections)?)));
    written.map(|(name, json)| (name.to_owned(), json)).collect()
}

/// All sections, in full.
pub fn write_complete(complete: &Complete) -> Map<String, Json> {
    write_sections(&Sections::from(complete.clone()))
}

fn read_section<T: SectionFields>(name: &str, json: &Json) -> Result<T, BadSetting> {
    let mut section = T::default();
    Reader::read(name.to_owned(), json, |reader| section.fields(reader))?;
    match json {
        Json::Object(members) if members.is_empty() => Err(BadSetting { at: name.to_owned(), why: Why::EmptySection }),
        Json::Object(members) => {
            section.settle(members);
            Ok(section)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            Err(BadSetting { at: name.to_owned(), why: Why::NotA("an object") })
        }
    }
}

fn write_section<T: SectionFields + Clone>(section: &T) -> Json {
    // The description of the fields wants a value that it may change; writing changes none.
    let mut copy = section.clone();
    Writer::object_of(|writer| copy.fields(writer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cs_core::account::NewUserPolicy;
    use serde_json::json;

    fn refusal(sections: Json) -> String {
        read_sections(&sections).unwrap_err().to_string()
    }

    /// One value per key that is not the default, in every section.
    fn unusual() -> Json {
        json!({
            "new_user": {"new_user_behavior": "deny", "unknown_user_behavior": "no-mfa"},
            "authentication_policy": {"user_auth_behavior": "bypass"},
            "authentication_methods": {
                "allowed_auth_list": ["duo-push", "webauthn-platform-pwl"], "blocked_auth_list": ["sms", "phonecall"],
                "require_verified_push": false, "verified_push_digits": 4, "verified_push_without_display": "deny",
            },
            "user_location": {
                "default_action": "deny-access", "deny_access_countries_list": ["KP"], "require_mfa_countries_list": ["FR", "US"],
                "allow_access_no_2fa_countries_list": ["CH"], "ignore_location_countries_list": ["ZZ"], "access_device_only": true,
            },
            "authorized_networks": {
                "no_2fa_required": {"ip_list": ["10.0.0.0/8", "192.0.2.1-192.0.2.3"], "require_enrollment": false},
                "mfa_required": {"ip_list": ["2001:db8::/32"]}, "deny_other_access": true, "blocked": {"ip_list": ["203.0.113.7"]},
            },
            "anonymous_networks": {"anonymous_access_behavior": "require-mfa"},
            "remembered_devices": {
                "browser_apps": {
                    "enabled": false, "remember_method": "user-based", "scope": "per-application",
                    "risk_based": {"max_time_value": 3, "max_time_units": "hours"}, "user_based": {"max_time_value": 7, "max_time_units": "days"},
                },
                "windows_logon": {"enabled": true, "max_time_value": 8, "max_time_units": "hours"},
                "address_apps": {"enabled": true, "max_time_value": 20, "max_time_units": "minutes"},
            },
            "trusted_endpoints": {"trusted_endpoint_checking": "require-trusted", "trusted_endpoint_checking_mobile": "not-configured"},
            "health_checks": {
                "requires_duo_desktop": ["macos", "windows"], "enforce_encryption": ["windows"], "enforce_firewall": ["macos"],
                "enforce_system_password": ["macos", "windows"], "windows_endpoint_security_list": ["windows-defender"],
                "windows_remediation_note": "Ask\nus", "macos_endpoint_security_list": ["cisco-amp"], "macos_remediation_note": "m",
                "linux_endpoint_security_list": [], "linux_remediation_note": "l", "enforce_signed_payload": "enforce-enabled",
                "enforce_device_id_pinning": "warn-only", "deny_when_unchecked": true,
            },
            "operating_systems": {
                "allow_unrestricted_os_list": ["linux"], "block_os_list": ["blackberry"], "allow_unknown_version": true,
                "os_restrictions": {
                    "ios": {"warn_policy": "not-up-to-date", "block_policy": "less-than-version", "block_version": "16.4", "block_grace_days": 0},
                    "windows": {"warn_policy": "less-than-latest", "block_policy": "end-of-life", "block_grace_days": 30},
                },
            },
            "browsers": {"blocked_browsers_list": ["ie"], "out_of_date_behavior": "warn-and-block", "out_of_date_grace_days": 14},
            "plugins": {"flash": "allow-all", "java": "block-out-of-date"},
            "duo_mobile_app": {"block_policy": "less-than-version", "block_version": "3.8.0"},
            "tampered_devices": {"block_tampered_devices": false, "block_unknown": true},
            "screen_lock": {"require_screen_lock": false, "block_unknown": true},
            "full_disk_encryption": {"require_encryption": true, "block_unknown": false},
            "mobile_device_biometrics": {"require_biometrics": true, "block_unknown": false},
            "risk_based_factor_selection": {"limit_to_risk_based_auth_methods": false, "risk_based_verified_push_digits": 5},
            "risk_signals": {"enforce": ["fraud_report"], "report": ["unusual_hour"]},
            "step_down": {"rules": [{"ip_list": ["10.1.0.0/16"], "managed_device": true, "low_risk": true, "lower_to": "no-second-factor"}]},
        })
    }

    #[test]
    fn every_key_of_every_section_is_read_and_written_as_it_was() {
        let document = unusual();
        let sections = read_sections(&document).unwrap();
        assert_eq!(sections.present().count(), Section::ALL.len());
        assert_eq!(Json::Object(write_sections(&sections)), document);
        // Each value differs from the default, so that a key that is not read shows.
        let defaults = Json::Object(write_complete(&Complete::default()));
        for (name, section) in document.as_object().unwrap() {
            for (key, value) in section.as_object().unwrap() {
                let always_empty = key == "linux_endpoint_security_list";
                assert!(always_empty || defaults[name].get(key) != Some(value), "{name}.{key}");
            }
        }
    }

    #[test]
    fn the_defaults_are_read_back() {
        let written = Json::Object(write_complete(&Complete::default()));
        let mut global = Complete::default();
        global.new_user.behavior = NewUserPolicy::Deny;
        global.put(read_sections(&written).unwrap());
        assert_eq!(global, Complete::default());
    }

    #[test]
    fn older_and_other_spellings_are_read() {
        for (given, written) in [
            (json!({"new_user": {"new_user_behavior": "allow"}}), ("new_user", "new_user_behavior", json!("no-mfa"))),
            (
                json!({"user_location": {"default_action": "no-2fa"}}),
                ("user_location", "default_action", json!("allow-access-no-2fa")),
            ),
            (
                json!({"duo_desktop": {"requires_duo_desktop": ["linux"]}}),
                ("health_checks", "requires_duo_desktop", json!(["linux"])),
            ),
            (
                json!({"authorized_networks": {"blocked": {"ip_list": "10.0.0.1, 10.0.0.2"}}}),
                ("authorized_networks", "blocked", json!({"ip_list": ["10.0.0.1", "10.0.0.2"]})),
            ),
            (
                json!({"duo_mobile_app": {"block_policy": "latest", "block_version": null}}),
                ("duo_mobile_app", "block_policy", json!("less-than-latest")),
            ),
            (
                json!({"operating_systems": {"os_restrictions": {"macos": {"block_policy": "less-than-latest-version", "block_version": ""}}}}),
                (
                    "operating_systems",
                    "os_restrictions",
                    json!({"macos": {"warn_policy": "no-remediation", "block_policy": "less-than-latest", "block_grace_days": 0}}),
                ),
            ),
            // What was only blocked leaves the rest allowed.
            (
                json!({"authentication_methods": {"blocked_auth_list": ["sms", "phonecall", "desktop", "bypass"]}}),
                (
                    "authentication_methods",
                    "allowed_auth_list",
                    json!(["duo-push", "duo-passcode", "hardware-token", "webauthn-platform", "webauthn-roaming"]),
                ),
            ),
        ] {
            let sections = write_sections(&read_sections(&given).unwrap());
            let (name, key, value) = written;
            assert_eq!(sections[name][key], value, "{given}");
        }
    }

    #[test]
    fn bad_documents_are_refused_with_section_key_and_reason() {
        for (document, expected) in [
            (json!([]), "sections: must be an object of sections by name"),
            (json!({"newuser": {}}), "newuser: there is no such section"),
            (json!({"new_user": {}}), "new_user: the section is empty; `sections_to_delete` removes one"),
            (json!({"new_user": "deny"}), "new_user: must be an object"),
            (
                json!({"new_user": {"new_user_behaviour": "deny"}}),
                "new_user.new_user_behaviour: there is no such key; there are new_user_behavior, unknown_user_behavior",
            ),
            (
                json!({"new_user": {"new_user_behavior": "maybe"}}),
                "new_user.new_user_behavior: \"maybe\" is not one of enroll, no-mfa, allow, deny",
            ),
            (
                json!({"screen_lock": {"require_screen_lock": "true"}}),
                "screen_lock.require_screen_lock: must be true or false",
            ),
            (
                json!({"duo_desktop": {"enforce_firewall": []}, "health_checks": {"enforce_firewall": []}}),
                "health_checks: it is given twice, under two names",
            ),
            (
                json!({"authorized_networks": {"blocked": {"ip_list": ["10.0.0.0/8", "10.0.0/33"]}}}),
                "authorized_networks.blocked.ip_list: \"10.0.0/33\" is no address, range or CIDR block",
            ),
            (
                json!({"authorized_networks": {"blocked": {"ips": []}}}),
                "authorized_networks.blocked.ips: there is no such key; there are ip_list",
            ),
            (
                json!({"authorized_networks": {"deny_other_access": true}}),
                "authorized_networks.deny_other_access: the list is empty, so that nobody could log in",
            ),
            (
                json!({"user_location": {"deny_access_countries_list": ["UK"]}}),
                "user_location.deny_access_countries_list: \"UK\" is no code of a country (ISO 3166-1, two letters)",
            ),
            (
                json!({"user_location": {"deny_access_countries_list": ["FR"], "ignore_location_countries_list": ["FR"]}}),
                "user_location.ignore_location_countries_list: FR is also in deny_access_countries_list",
            ),
            (
                json!({"authentication_methods": {"allowed_auth_list": []}}),
                "authentication_methods.allowed_auth_list: the list is empty, so that nobody could log in",
            ),
            (
                json!({"authentication_methods": {"allowed_auth_list": ["push"]}}),
                "authentication_methods.allowed_auth_list: \"push\" is not one of duo-push, duo-push-pwl, sms, phonecall, duo-passcode, hardware-token, \
                 desktop, bypass, bypass-pwl, webauthn-platform, webauthn-roaming, webauthn-platform-pwl, webauthn-roaming-pwl, \
                 webauthn-require-user-verification, smart-card",
            ),
            (
                json!({"authentication_methods": {"verified_push_digits": 300}}),
                "authentication_methods.verified_push_digits: must be from 2 to 8",
            ),
            (
                json!({"duo_mobile_app": {"block_policy": "less-than-version"}}),
                "duo_mobile_app.block_version: is needed where block_policy says less-than-version",
            ),
            (
                json!({"duo_mobile_app": {"block_version": "3.8"}}),
                "duo_mobile_app.block_version: says nothing unless block_policy is less-than-version",
            ),
            (
                json!({"operating_systems": {"os_restrictions": {"windows": {"block_policy": "less-than-version", "block_version": "11 24H2"}}}}),
                "operating_systems.os_restrictions.windows.block_version: \"11 24H2\" is no version (one to four numbers with dots)",
            ),
            (
                json!({"remembered_devices": {"browser_apps": {"user_based": {"max_time_value": 0}}}}),
                "remembered_devices.browser_apps.user_based.max_time_value: must be from 1 to 365",
            ),
            (json!({"step_down": {"rules": [{}]}}), "step_down.rules: the list is empty"),
            (json!({"step_down": {"rules": [{"ip_list": [7]}]}}), "step_down.rules.0.ip_list: must be a text"),
        ] {
            assert_eq!(refusal(document.clone()), expected, "{document}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let many: Vec<String> = (0..1001_u32).map(|n| std::net::Ipv4Addr::from(n).to_string()).collect();
        let refused = refusal(json!({"authorized_networks": {"blocked": {"ip_list": many}}}));
        assert_eq!(refused, "authorized_networks.blocked.ip_list: must be a list of at most 1000");
        let text = refusal(json!({"authorized_networks": {"blocked": {"ip_list": many.join(",")}}}));
        assert!(text.starts_with("authorized_networks.blocked.ip_list: must be a text of at most"), "{text}");
        let name = "x".repeat(5000);
        assert!(refusal(json!({ name: {} })).len() < 200);
    }
}
