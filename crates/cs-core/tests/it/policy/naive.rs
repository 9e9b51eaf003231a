//! A second evaluator, written straight from the reference: the first rule that applies returns. It shares no code with the first: it reads the fields of
//! sections and facts, and nothing else of theirs. Slow on purpose.

use std::net::IpAddr;

use cs_core::account::NewUserPolicy;
use cs_core::group::GroupStatus;
use cs_core::integration::UserAccess;
use cs_core::lockout::Lock;
use cs_core::network::NetworkList;
use cs_core::policy::exemption::ExemptionKind;
use cs_core::policy::facts::{Endpoint, Facts, Grant, PermittedGroups, PhoneFacts, Posture};
use cs_core::policy::sections::*;
use cs_core::policy::{Complete, Country, Line, Method, Os, Version};
use cs_core::user::{User, UserStatus};
use jiff::{SignedDuration, Timestamp};

/// What this evaluator needs to know of a product, as plain lines.
pub(super) type Table<'t> = &'t [Line];

/// The tables, by name, beside the facts.
pub(super) struct Tables {
    pub(super) os: Vec<(Os, Vec<Line>)>,
    pub(super) browsers: Vec<(cs_core::policy::Browser, Vec<Line>)>,
    pub(super) app: Vec<Line>,
}

/// Decides, in the words of `case::short`, with the refused phones behind.
pub(super) fn decide(policy: &Complete, facts: &Facts<'_>, tables: &Tables) -> String {
    if let Some(verdict) = before_factors(policy, facts) {
        return verdict;
    }
    let demanded = demanded(policy, facts);
    // 9. Enrollment.
    let enrolled = facts.user.is_some_and(|user| {
        !user.tokens.is_empty()
            || !activated(user).is_empty()
            || user.live_bypass_codes > 0
            || !facts.also_has.is_empty()
            || [Method::Sms, Method::Phonecall].into_iter().any(|method| {
                let section = &policy.authentication_methods;
                let may = section.allowed.contains(method) && !section.blocked.contains(method);
                may && facts.offered.contains(method) && by_telephone(user, method)
            })
    });
    if !enrolled {
        let networks = &policy.authorized_networks;
        if network(networks, facts) == "no-2fa" && !networks.require_enrollment && !demanded {
            return "allow allow_unenrolled_user_on_trusted_network".to_owned();
        }
        let behavior = match (facts.user, policy.new_user.unknown) {
            (None, Some(unknown)) => unknown,
            _ => policy.new_user.behavior,
        };
        return match behavior {
            NewUserPolicy::Enroll if facts.application.surface.enrolls_inline => "enroll here".to_owned(),
            NewUserPolicy::Enroll => "enroll".to_owned(),
            NewUserPolicy::Allow => "allow allow_unenrolled_user".to_owned(),
            NewUserPolicy::Deny => "deny deny_unenrolled_user".to_owned(),
        };
    }
    // 10. The access device.
    if let Some(reason) = device(policy, facts, tables) {
        return format!("deny {reason}");
    }
    // 11. Ways round the second factor.
    if !demanded && network(&policy.authorized_networks, facts) == "no-2fa" {
        return "allow trusted_network".to_owned();
    }
    if !demanded && location(&policy.user_location, facts.access.place.country) == LocationAction::AllowNo2fa {
        return "allow trusted_location".to_owned();
    }
    let lowered = if demanded { None } else { lowered(policy, facts) };
    if lowered == Some(Lowered::NoSecondFactor) {
        return "allow allowed_by_policy".to_owned();
    }
    let unusual = anonymous_demand(policy, facts) || step_up(policy, facts);
    if exempted(facts, ExemptionKind::AutomaticApproval) && !unusual {
        return "allow allowed_by_policy".to_owned();
    }
    // 12. Remembered.
    if !unusual && remembered(policy, facts) {
        return "allow remembered_device".to_owned();
    }
    // 13 and 14. Factors.
    factors(policy, facts, tables, lowered)
}

/// Step 15.
pub(super) fn again(policy: &Complete, facts: &Facts<'_>, tables: &Tables, phone: usize) -> String {
    match before_factors(policy, facts) {
        Some(verdict) if verdict.starts_with("deny") => verdict,
        Some(_) => "fine".to_owned(),
        None => {
            let user = facts.user.unwrap();
            let id = user.phones[phone].id;
            phone_reason(policy, facts, tables, id).map_or("fine".to_owned(), |reason| format!("deny {reason}"))
        }
    }
}

/// Steps 3 to 8.
fn before_factors(policy: &Complete, facts: &Facts<'_>) -> Option<String> {
    let (mut bypassed, mut groups) = (false, Vec::new());
    if let Some(user) = facts.user {
        // 3 and 4. A user disabled by hand is told so before a lock is looked at (`product.md` section 0).
        if user.status == UserStatus::PendingDeletion {
            return Some("deny user_pending_deletion".to_owned());
        }
        if user.status == UserStatus::Disabled {
            return Some("deny user_disabled".to_owned());
        }
        let locked = match user.lockout.lock {
            Lock::Open => false,
            Lock::Until { until, .. } => facts.now < until,
            Lock::Indefinite { .. } | Lock::ByAdministrator { .. } => true,
        };
        if locked {
            return Some("deny locked_out".to_owned());
        }
        if user.groups.iter().any(|group| group.status == GroupStatus::Disabled) {
            return Some("deny user_disabled".to_owned());
        }
        let on = |until: Option<Timestamp>| until.is_none_or(|until| facts.now < until);
        bypassed = (user.status == UserStatus::Bypass && on(user.bypass_until))
            || user.groups.iter().any(|group| group.status == GroupStatus::Bypass && on(group.bypass_until));
        groups = user.groups.iter().map(|group| group.group).collect();
    }
    // 5. Permitted groups.
    let permitted = match facts.application.access {
        UserAccess::All => true,
        UserAccess::Nobody => false,
        UserAccess::Groups(list) => groups.iter().any(|group| list.contains(group)),
    };
    let excused = bypassed && facts.permitted_groups == PermittedGroups::ActiveOnly;
    if !permitted && !excused {
        return Some("deny user_not_in_permitted_group".to_owned());
    }
    // 6. Bypass.
    if bypassed {
        return Some("allow bypass_user".to_owned());
    }
    // 7. The requirement.
    match policy.authentication_policy.user_auth_behavior {
        UserAuthBehavior::Enforce => {}
        UserAuthBehavior::Bypass => return Some("allow allowed_by_policy".to_owned()),
        UserAuthBehavior::Deny => return Some("deny denied_by_policy".to_owned()),
    }
    // 8. Networks and places.
    let standing = network(&policy.authorized_networks, facts);
    if standing == "blocked" || (policy.authorized_networks.deny_other_access && standing == "other") {
        return Some("deny denied_network".to_owned());
    }
    if facts.access.anonymous && policy.anonymous_networks.anonymous_access_behavior == AnonymousAccess::Deny {
        return Some("deny anonymous_ip".to_owned());
    }
    if location(&policy.user_location, facts.access.place.country) == LocationAction::Deny {
        return Some("deny location_restricted".to_owned());
    }
    None
}

fn network(section: &AuthorizedNetworks, facts: &Facts<'_>) -> &'static str {
    let Some(address) = facts.access.address else { return "other" };
    if listed(&section.blocked, address) {
        "blocked"
    } else if listed(&section.mfa_required, address) {
        "mfa"
    } else if listed(&section.no_2fa, address) {
        "no-2fa"
    } else {
        "other"
    }
}

/// Entry by entry, from its text.
fn listed(list: &NetworkList, address: IpAddr) -> bool {
    let number = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(address) => (4, u128::from(address.to_bits())),
        IpAddr::V6(address) => (6, address.to_bits()),
    };
    let (family, address) = number(address);
    list.entries().any(|entry| {
        let parse = |text: &str| number(text.parse().unwrap());
        if let Some((first, last)) = entry.split_once('-') {
            let (first, last) = (parse(first), parse(last));
            return first.0 == family && first.1 <= address && address <= last.1;
        }
        if let Some((base, bits)) = entry.split_once('/') {
            let (of, base) = parse(base);
            let width = if of == 4 { 32 } else { 128 };
            let free: u32 = width - bits.parse::<u32>().unwrap();
            return of == family && (free >= 128 || address >> free == base >> free);
        }
        parse(&entry) == (family, address)
    })
}

fn location(section: &UserLocation, country: Option<Country>) -> LocationAction {
    match country {
        Some(country) if section.deny.contains(country) => LocationAction::Deny,
        Some(country) if section.require_mfa.contains(country) => LocationAction::RequireMfa,
        Some(country) if section.allow_no_2fa.contains(country) => LocationAction::AllowNo2fa,
        Some(country) if section.ignore.contains(country) => LocationAction::Ignore,
        // An unknown place is unlisted, and never spared the factor.
        None if section.default_action == LocationAction::AllowNo2fa => LocationAction::Ignore,
        _ => section.default_action,
    }
}

fn anonymous_demand(policy: &Complete, facts: &Facts<'_>) -> bool {
    facts.access.anonymous && policy.anonymous_networks.anonymous_access_behavior == AnonymousAccess::RequireMfa
}

fn step_up(policy: &Complete, facts: &Facts<'_>) -> bool {
    let counts = facts.risk.detections.iter().any(|detection| detection.mode == SignalMode::Enforce);
    counts && policy.risk_based_factor_selection.limit_to_risk_based_auth_methods
}

fn demanded(policy: &Complete, facts: &Facts<'_>) -> bool {
    anonymous_demand(policy, facts)
        || step_up(policy, facts)
        || network(&policy.authorized_networks, facts) == "mfa"
        || location(&policy.user_location, facts.access.place.country) == LocationAction::RequireMfa
}

fn lowered(policy: &Complete, facts: &Facts<'_>) -> Option<Lowered> {
    for rule in &policy.step_down.rules {
        if !rule.networks.is_empty() && !facts.access.address.is_some_and(|address| listed(&rule.networks, address)) {
            continue;
        }
        if rule.managed_device && facts.access.endpoint != Endpoint::Trusted {
            continue;
        }
        if rule.low_risk && !facts.risk.detections.is_empty() {
            continue;
        }
        return Some(rule.lower_to);
    }
    None
}

fn exempted(facts: &Facts<'_>, kind: ExemptionKind) -> bool {
    for exemption in facts.exemptions {
        let here = exemption.applications.contains(&facts.application.key);
        let now = exemption.from <= facts.now && facts.now < exemption.until;
        let inside = facts.access.address.is_some_and(|address| listed(&exemption.networks, address));
        if exemption.kind == kind && here && now && inside {
            return true;
        }
    }
    false
}

fn length(time: RememberFor) -> SignedDuration {
    let unit = match time.unit {
        TimeUnit::Minutes => 60,
        TimeUnit::Hours => 3600,
        TimeUnit::Days => 86_400,
    };
    SignedDuration::from_secs(unit * i64::from(time.value))
}

fn remembered(policy: &Complete, facts: &Facts<'_>) -> bool {
    let section = &policy.remembered_devices;
    let good = |grant: &Grant, length: SignedDuration| {
        grant.granted_at <= facts.now && facts.now < grant.until && facts.now < grant.granted_at + length
    };
    let here = facts.application.key;
    let apps = &section.browser_apps;
    if let Some(grant) = &facts.remembered.browser
        && apps.enabled
        && (apps.scope == RememberScope::AllApplications || grant.application == here)
    {
        let by_itself = apps.remember_method == RememberMethod::RiskBased;
        let time = if by_itself { apps.risk_based } else { apps.user_based };
        if good(grant, length(time)) && (!by_itself || facts.risk.detections.is_empty()) {
            return true;
        }
    }
    if let Some(grant) = &facts.remembered.address
        && section.address.enabled
        && facts.access.address.is_some()
        && grant.application == here
        && good(grant, length(section.address.time))
    {
        return true;
    }
    facts.remembered.windows_logon.is_some_and(|grant| {
        section.windows_logon.enabled && grant.application == here && good(&grant, length(section.windows_logon.time))
    })
}

/// The first release of `lines` above `version`.
fn newer(lines: &[Line], version: Version) -> Option<Timestamp> {
    lines.iter().flat_map(|line| &line.releases).filter(|release| release.version > version).map(|r| r.released).min()
}

enum Old {
    No,
    Unknown,
    Below,
    Since(Timestamp),
}

fn old(rule: VersionRule, version: Option<Version>, table: Option<Table<'_>>) -> Old {
    if rule == VersionRule::NoRemediation {
        return Old::No;
    }
    let Some(version) = version else { return Old::Unknown };
    if let VersionRule::LessThan(least) = rule {
        return if version < least { Old::Below } else { Old::No };
    }
    let Some(lines) = table.filter(|lines| !lines.is_empty()) else { return Old::Unknown };
    let own = lines.iter().filter(|line| line.from <= version).max_by_key(|line| line.from);
    let end = match own {
        None => Some(Timestamp::UNIX_EPOCH),
        Some(line) => line.end_of_life,
    };
    let since = match rule {
        VersionRule::EndOfLife => end,
        VersionRule::NotUpToDate => {
            let newer = own.and_then(|line| newer(std::slice::from_ref(line), version));
            [newer, end].into_iter().flatten().min()
        }
        _ => newer(lines, version),
    };
    since.map_or(Old::No, Old::Since)
}

/// The reason an operating system is refused for.
fn os_reason(
    section: &OperatingSystems,
    os: Os,
    version: Option<Version>,
    tables: &Tables,
    now: Timestamp,
) -> Option<&'static str> {
    if section.block.contains(os) {
        return Some("platform_restricted");
    }
    if section.allow_unrestricted.contains(os) {
        return None;
    }
    let rule = section.restrictions.get(&os)?;
    let table = tables.os.iter().find(|(known, _)| *known == os).map(|(_, lines)| lines.as_slice());
    let refused = match old(rule.block, version, table) {
        Old::No => false,
        Old::Unknown => !section.allow_unknown_version,
        Old::Below => true,
        Old::Since(since) => now >= since + SignedDuration::from_hours(24 * i64::from(rule.grace_days)),
    };
    refused.then_some("out_of_date")
}

fn device(policy: &Complete, facts: &Facts<'_>, tables: &Tables) -> Option<&'static str> {
    let browses = facts.application.surface.sees_browser;
    let fifteen = SignedDuration::from_mins(15);
    let report = facts
        .access
        .posture
        .filter(|report| report.collected_at <= facts.now && facts.now <= report.collected_at + fifteen);
    let (os, version) = match (report, facts.access.os) {
        (Some(report), _) => (report.os, report.os_version),
        (None, Some(os)) => (os.product, os.version),
        (None, None) => (Os::Other, None),
    };
    if (browses || report.is_some())
        && let Some(reason) = os_reason(&policy.operating_systems, os, version, tables, facts.now)
    {
        return Some(reason);
    }
    if browses {
        let (browser, version) =
            facts.access.browser.map_or((cs_core::policy::Browser::Other, None), |b| (b.product, b.version));
        if policy.browsers.blocked.contains(browser) {
            return Some("software_restricted");
        }
        let table = tables.browsers.iter().find(|(known, _)| *known == browser).map(|(_, lines)| lines.as_slice());
        if policy.browsers.out_of_date == OutOfDate::WarnAndBlock
            && let Old::Since(since) = old(VersionRule::NotUpToDate, version, table)
            && facts.now >= since + SignedDuration::from_hours(24 * i64::from(policy.browsers.grace_days))
        {
            return Some("out_of_date");
        }
    }
    if browses || report.is_some() {
        let mobile = matches!(os, Os::Android | Os::Ios | Os::Blackberry | Os::WindowsPhone);
        let checking =
            if mobile { policy.trusted_endpoints.checking_mobile } else { policy.trusted_endpoints.checking };
        if checking == EndpointChecking::RequireTrusted {
            match facts.access.endpoint {
                Endpoint::Trusted => {}
                Endpoint::NotTrusted => return Some("endpoint_is_not_trusted"),
                Endpoint::NotManaged => return Some("endpoint_is_not_in_management_system"),
                Endpoint::Unknown => return Some("could_not_determine_if_endpoint_was_trusted"),
            }
        }
    }
    health(&policy.health_checks, facts, report)
}

fn health(section: &HealthChecks, facts: &Facts<'_>, report: Option<&Posture>) -> Option<&'static str> {
    if section.requires_agent.is_empty() {
        return None;
    }
    let Some(report) = report else {
        let required = if facts.application.surface.sees_browser {
            facts.access.os.is_none_or(|os| section.requires_agent.contains(os.product))
        } else {
            section.deny_unchecked
        };
        return required.then_some("desktop_agent_required");
    };
    let mut systems = vec![report.os];
    systems.extend(facts.access.os.map(|os| os.product));
    let any = |of: cs_core::policy::Set<Os>| systems.iter().any(|os| of.contains(*os));
    if !any(section.requires_agent) {
        return None;
    }
    if section.signed_payload == Enforcement::EnforceEnabled && report.signature != Some(true)
        || section.device_id_pinning == Enforcement::EnforceEnabled && report.pinned != Some(true)
    {
        return Some("agent_report_unverified");
    }
    if any(section.encryption) && report.encryption != Some(true) {
        return Some("no_disk_encryption");
    }
    if any(section.firewall) && report.firewall != Some(true) {
        return Some("firewall_off");
    }
    if any(section.system_password) && report.system_password != Some(true) {
        return Some("no_system_password");
    }
    for os in systems {
        let wanted: &[String] = match os {
            Os::Windows => &section.windows.security_agents,
            Os::Macos => &section.macos.security_agents,
            Os::Linux => &section.linux.security_agents,
            _ => &[],
        };
        if !wanted.is_empty() && wanted.iter().all(|agent| !report.security_agents.contains(agent)) {
            return Some("no_security_agent");
        }
    }
    None
}

fn activated(user: &User) -> Vec<cs_core::id::PhoneId> {
    let confirmed = user.phones.iter().filter(|phone| phone.authenticator.as_ref().is_some_and(|a| a.confirmed));
    confirmed.map(|phone| phone.id).collect()
}

fn phone_reason(
    policy: &Complete,
    facts: &Facts<'_>,
    tables: &Tables,
    phone: cs_core::id::PhoneId,
) -> Option<&'static str> {
    let found = facts.phones.iter().find(|facts| facts.phone == phone);
    let phone = found.copied().unwrap_or(PhoneFacts {
        phone,
        os: None,
        app: None,
        screen_lock: None,
        encryption: None,
        biometrics: None,
        tampered: None,
        place: Default::default(),
    });
    let bad = |demanded: bool, wrong: Option<bool>, block_unknown: bool| demanded && wrong.unwrap_or(block_unknown);
    let not = |fact: Option<bool>| fact.map(|fact| !fact);
    let tampered = &policy.tampered_devices;
    if bad(tampered.block_tampered_devices, phone.tampered, tampered.block_unknown) {
        return Some("rooted_device");
    }
    if bad(policy.screen_lock.require_screen_lock, not(phone.screen_lock), policy.screen_lock.block_unknown) {
        return Some("no_screen_lock");
    }
    let encryption = &policy.full_disk_encryption;
    if bad(encryption.require_encryption, not(phone.encryption), encryption.block_unknown) {
        return Some("no_disk_encryption");
    }
    let biometrics = &policy.mobile_device_biometrics;
    if bad(biometrics.require_biometrics, not(phone.biometrics), biometrics.block_unknown) {
        return Some("touch_id_disabled");
    }
    let newest = tables.app.iter().flat_map(|line| &line.releases).map(|release| release.version).max();
    let too_old = match policy.duo_mobile_app.block {
        AppRule::NoRemediation => false,
        AppRule::LessThan(least) => phone.app.is_none_or(|build| build < least),
        AppRule::LessThanLatest => phone.app.is_none_or(|build| newest.is_none_or(|newest| build < newest)),
    };
    if too_old {
        return Some("version_restricted");
    }
    if let Some(os) = phone.os
        && matches!(os.product, Os::Android | Os::Ios | Os::Blackberry | Os::WindowsPhone)
        && let Some(reason) = os_reason(&policy.operating_systems, os.product, os.version, tables, facts.now)
    {
        return Some(reason);
    }
    let country = phone.place.country?;
    let refused = location(&policy.user_location, Some(country)) == LocationAction::Deny;
    (refused && !policy.user_location.access_device_only).then_some("location_restricted")
}

fn factors(policy: &Complete, facts: &Facts<'_>, tables: &Tables, lowered: Option<Lowered>) -> String {
    let user = facts.user.unwrap();
    let section = &policy.authentication_methods;
    let surface = facts.application.surface;
    let risky = step_up(policy, facts);
    let phones: Vec<_> =
        activated(user).into_iter().map(|phone| (phone, phone_reason(policy, facts, tables, phone))).collect();
    let mut digits = 0;
    if section.require_verified_push && lowered != Some(Lowered::PlainPush) {
        digits = section.verified_push_digits;
    }
    let number_missing = digits > 0 && !surface.shows_number;
    // Each method by itself: may it be used here, whatever the user has and however risky it is?
    let usual = |method: Method| -> bool {
        let listed = section.allowed.contains(method) && !section.blocked.contains(method);
        let passcode = matches!(method, Method::DuoPasscode | Method::HardwareToken);
        if !(if exempted(facts, ExemptionKind::PasscodeOnly) { passcode } else { listed }) {
            return false;
        }
        if !facts.offered.contains(method) {
            return false;
        }
        match section.without_display {
            PushWithoutDisplay::Deny => !number_missing,
            PushWithoutDisplay::PasscodeOnly => !(number_missing && method == Method::DuoPush),
            PushWithoutDisplay::PlainPush => true,
        }
    };
    let good_phone = phones.iter().any(|(_, reason)| reason.is_none());
    let has = |method: Method| match method {
        Method::DuoPush | Method::DuoPasscode => good_phone || facts.also_has.contains(method),
        Method::Sms | Method::Phonecall => by_telephone(user, method) || facts.also_has.contains(method),
        Method::HardwareToken => !user.tokens.is_empty() || facts.also_has.contains(method),
        Method::Bypass => user.live_bypass_codes > 0,
        _ => facts.also_has.contains(method),
    };
    // Risk leaves what is strong, if the user can use any of it; else codes of the phone, if they can; else everything.
    let strong = |method: Method| match method {
        Method::DuoPush => surface.shows_number,
        Method::HardwareToken | Method::WebauthnPlatform | Method::WebauthnRoaming | Method::SmartCard => true,
        _ => false,
    };
    let all = [
        Method::DuoPush,
        Method::DuoPasscode,
        Method::HardwareToken,
        Method::WebauthnPlatform,
        Method::WebauthnRoaming,
        Method::SmartCard,
    ];
    let any_strong = all.iter().any(|method| usual(*method) && strong(*method) && has(*method));
    let any_code = usual(Method::DuoPasscode) && has(Method::DuoPasscode);
    if risky && any_strong {
        digits = digits.max(policy.risk_based_factor_selection.risk_based_verified_push_digits);
    }
    let usual_methods: Vec<Method> = all
        .into_iter()
        .chain([Method::Sms, Method::Phonecall, Method::Desktop])
        .filter(|method| usual(*method))
        .collect();
    let usable = |method: Method| -> bool {
        if !surface.can_prompt {
            return false;
        }
        if method == Method::Bypass {
            return true;
        }
        let left_by_risk = if !risky {
            true
        } else if any_strong {
            strong(method)
        } else if any_code {
            method == Method::DuoPasscode
        } else {
            true
        };
        usual_methods.contains(&method) && left_by_risk
    };
    let order = [
        (Method::DuoPush, "duo-push"),
        (Method::Sms, "sms"),
        (Method::Phonecall, "phonecall"),
        (Method::DuoPasscode, "duo-passcode"),
        (Method::HardwareToken, "hardware-token"),
        (Method::Desktop, "desktop"),
        (Method::Bypass, "bypass"),
        (Method::WebauthnPlatform, "webauthn-platform"),
        (Method::WebauthnRoaming, "webauthn-roaming"),
        (Method::SmartCard, "smart-card"),
    ];
    let left: Vec<_> =
        order.iter().filter(|(method, _)| usable(*method) && has(*method)).map(|(_, word)| *word).collect();
    let instead_of_a_password = |method: Method| {
        let listed = section.allowed.contains(method) && !section.blocked.contains(method);
        listed && surface.can_prompt && facts.offered.contains(method) && facts.also_has.contains(method)
    };
    let passwordless = !exempted(facts, ExemptionKind::PasscodeOnly)
        && [Method::DuoPushPwl, Method::WebauthnPlatformPwl, Method::WebauthnRoamingPwl]
            .into_iter()
            .any(instead_of_a_password);
    if left.is_empty() && !passwordless {
        // 14. A phone that only its state excludes, an authenticator that is missing, or nothing at all.
        let authenticator = usable(Method::DuoPush) || usable(Method::DuoPasscode);
        let refused = phones.iter().find_map(|(_, reason)| *reason);
        return match refused {
            Some(reason) if authenticator => format!("deny {reason}"),
            None if authenticator => "deny no_activated_duo_mobile_account".to_owned(),
            _ => "deny factor_restricted".to_owned(),
        };
    }
    let mut text = format!("ask {}", left.join(" ")).trim_end().to_owned();
    // Where no number can be shown, a plain push is what a push becomes.
    if left.contains(&"duo-push") && digits > 0 && surface.shows_number {
        text.push_str(&format!(" verified {digits}"));
    }
    for (phone, reason) in phones {
        if let Some(reason) = reason {
            text.push_str(&format!("; {phone} {reason}"));
        }
    }
    text
}

/// Mobile phones take messages; whatever has a number of full length takes calls.
fn by_telephone(user: &User, method: Method) -> bool {
    let long = |number: &str| number.len() >= 8 && number.starts_with('+') && number[1..].parse::<u64>().is_ok();
    user.phones.iter().any(|phone| long(&phone.number) && (method == Method::Phonecall || !phone.landline))
}
