//! Documents: read, written, refused.

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

/// Every value in `json`, by the way to it.
fn leaves(at: &[String], json: &Json, found: &mut Vec<Vec<String>>) {
    let below = |name: String| [at, &[name]].concat();
    match json {
        Json::Object(members) => members.iter().for_each(|(name, value)| leaves(&below(name.clone()), value, found)),
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(place, value)| leaves(&below(place.to_string()), value, found));
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
    found.push(at.to_vec());
}

/// Whatever stands in the place of any value: it is refused with a name that leads there, or it is a policy that is written and read back as it was.
#[test]
fn any_value_replaced_is_refused_by_name_or_read_back() {
    let document = unusual();
    let mut ways = Vec::new();
    leaves(&[], &document, &mut ways);
    assert!(ways.len() > 100, "{}", ways.len());
    let strange = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("\u{202e}"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([[]]),
        json!([null]),
        json!({}),
        json!({"": 1}),
        json!(["duo-push", "duo-push"]),
        json!("0.0.0.0/0"),
        json!(["::/0", "0.0.0.0/0"]),
    ];
    let (mut refused, mut read) = (0, 0);
    for way in &ways {
        for value in &strange {
            let mut changed = document.clone();
            let pointer: String = way.iter().map(|name| format!("/{name}")).collect();
            *changed.pointer_mut(&pointer).unwrap() = value.clone();
            match read_sections(&changed) {
                Err(bad) => {
                    let section = way.first().map_or("", String::as_str);
                    assert!(bad.at.starts_with(section), "{pointer} {value}: {bad}");
                    assert!(bad.to_string().len() < 1000 && !bad.to_string().contains('\u{0}'), "{pointer}: {bad}");
                    refused += 1;
                }
                Ok(sections) => {
                    let written = Json::Object(write_sections(&sections));
                    assert_eq!(read_sections(&written).unwrap(), sections, "{pointer} {value}");
                    read += 1;
                }
            }
        }
    }
    assert!(refused > 1000 && read > 100, "{refused} refused, {read} read");
}
