//! Changes of the global policy that could lock everybody out.
//!
//! Nobody should find out at the next login: such a change is made only when it is confirmed. Asked is what becomes true by the change; what was true
//! before was confirmed before. Custom policies may refuse everybody at one application, which is what they are for.

use std::fmt;
use std::net::IpAddr;

use cs_core::policy::sections::{
    AppRule, AuthenticationMethods, EndpointChecking, LocationAction, NetworkStanding, UserAuthBehavior, UserLocation,
};
use cs_core::policy::{Complete, Country, Method, Set};

/// How a change of the global policy could lock everybody out, whoever makes it included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Danger {
    /// `authentication_policy` denies.
    EveryoneDenied,
    /// The address that the change comes from would be refused.
    OwnAddress(IpAddr),
    /// Some addresses alone are let in, and it is not known whether the one who makes the change has one of them.
    OnlySomeNetworks,
    /// The country that the change comes from would be refused.
    OwnCountry(String),
    /// Countries that are not listed are refused, and without a location database every country is unknown.
    NoLocationDatabase,
    /// Countries that are not listed are refused, and it is not known where the one who makes the change is.
    OnlySomeCountries,
    /// No method that this server serves is left.
    NoServedMethod,
    /// Authenticators below a version are refused, and which versions there are is for each authenticator to say.
    OldAuthenticators,
    /// Only trusted devices are let in, and nothing says which are.
    NoSourceOfTrust,
    /// Surfaces that can ask no desktop agent are refused, and there are no others.
    NoAgentAsked,
}

/// From where a change is made, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whence {
    /// The address; none for somebody at the machine.
    pub address: Option<IpAddr>,
    /// The country of the address.
    pub country: Option<Country>,
    /// Whether there is a location database.
    pub knows_places: Knowledge,
}

/// Whether there is a database to look something up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Knowledge {
    /// There is.
    Present,
    /// There is none.
    #[default]
    Absent,
}

/// What `after` could do that `before` could not, where this server serves the methods `served`.
pub(super) fn new_dangers(before: &Complete, after: &Complete, whence: Whence, served: Set<Method>) -> Vec<Danger> {
    let known = dangers(before, whence, served);
    dangers(after, whence, served).into_iter().filter(|danger| !known.contains(danger)).collect()
}

fn dangers(global: &Complete, whence: Whence, served: Set<Method>) -> Vec<Danger> {
    let mut found = Vec::new();
    if global.authentication_policy.user_auth_behavior == UserAuthBehavior::Deny {
        found.push(Danger::EveryoneDenied);
    }
    let networks = &global.authorized_networks;
    match (networks.standing(whence.address), whence.address) {
        (NetworkStanding::Blocked, Some(address)) => found.push(Danger::OwnAddress(address)),
        (NetworkStanding::Other, Some(address)) if networks.deny_other_access => {
            found.push(Danger::OwnAddress(address));
        }
        (NetworkStanding::Other, None) if networks.deny_other_access => found.push(Danger::OnlySomeNetworks),
        (_, _) => {}
    }
    found.extend(location(&global.user_location, whence));
    if !serves_any(&global.authentication_methods, served) {
        found.push(Danger::NoServedMethod);
    }
    if global.duo_mobile_app.block != AppRule::NoRemediation {
        found.push(Danger::OldAuthenticators);
    }
    let trust = &global.trusted_endpoints;
    if [trust.checking, trust.checking_mobile].contains(&EndpointChecking::RequireTrusted) {
        found.push(Danger::NoSourceOfTrust);
    }
    if global.health_checks.deny_unchecked {
        found.push(Danger::NoAgentAsked);
    }
    found
}

fn location(location: &UserLocation, whence: Whence) -> Option<Danger> {
    match (location.action(whence.country), whence.country, whence.knows_places) {
        (LocationAction::Deny, Some(country), _) => Some(Danger::OwnCountry(country.to_string())),
        (LocationAction::Deny, None, Knowledge::Absent) => Some(Danger::NoLocationDatabase),
        (LocationAction::Deny, None, Knowledge::Present) => Some(Danger::OnlySomeCountries),
        (LocationAction::Ignore | LocationAction::RequireMfa | LocationAction::AllowNo2fa, _, _) => None,
    }
}

fn serves_any(methods: &AuthenticationMethods, served: Set<Method>) -> bool {
    served.iter().any(|method| methods.allows(method))
}

impl Danger {
    /// All of them, for people.
    pub(super) fn sentence(dangers: &[Self]) -> String {
        dangers.iter().map(Self::to_string).collect::<Vec<_>>().join("; ")
    }
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EveryoneDenied => {
                f.write_str("authentication_policy.user_auth_behavior: everybody would be denied everywhere")
            }
            Self::OwnAddress(address) => {
                write!(f, "authorized_networks: your own address {address} would be refused everywhere")
            }
            Self::OnlySomeNetworks => f.write_str(
                "authorized_networks.deny_other_access: every address outside of the lists would be refused everywhere",
            ),
            Self::OwnCountry(country) => {
                write!(f, "user_location: {country}, where you are, would be refused everywhere")
            }
            Self::NoLocationDatabase => f.write_str(
                "user_location.default_action: without a location database every country is unknown, and everybody would be denied everywhere",
            ),
            Self::OnlySomeCountries => f.write_str(
                "user_location.default_action: every country outside of the lists, and every unknown one, would be refused everywhere",
            ),
            Self::NoServedMethod => f.write_str(
                "authentication_methods.allowed_auth_list: no method is left that anybody can use here (duo-push, duo-passcode, hardware-token, webauthn-platform, webauthn-roaming)",
            ),
            Self::OldAuthenticators => f.write_str(
                "duo_mobile_app: authenticators of other makes have versions of their own, not Duo Mobile's, and all that are below this one, or tell none, would be refused everywhere; only the web app counts as up to date",
            ),
            Self::NoSourceOfTrust => f.write_str(
                "trusted_endpoints: no device management is set up, so that no device could be trusted and every browser would be refused",
            ),
            Self::NoAgentAsked => f.write_str(
                "health_checks.deny_when_unchecked: no application here can ask a desktop agent, so that everybody would be denied everywhere",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::json::read_sections;
    use crate::served;
    use crate::telephony::Telephony;
    use serde_json::json;

    fn without_gateway() -> Set<Method> {
        served::in_a_browser(&Telephony::default())
    }

    fn after(sections: serde_json::Value) -> Complete {
        let mut complete = Complete::default();
        complete.put(read_sections(&sections).unwrap());
        complete
    }

    fn whence(address: &str, country: Option<&str>) -> Whence {
        Whence {
            address: address.parse().ok(),
            country: country.and_then(Country::parse),
            knows_places: if country.is_some() { Knowledge::Present } else { Knowledge::Absent },
        }
    }

    #[test]
    fn each_way_to_lock_everybody_out_is_seen() {
        let office = whence("192.0.2.7", Some("CH"));
        let terminal = Whence::default();
        let only_office =
            json!({"authorized_networks": {"mfa_required": {"ip_list": ["192.0.2.0/24"]}, "deny_other_access": true}});
        let only_ch = json!({"user_location": {"default_action": "deny-access", "require_mfa_countries_list": ["CH"]}});
        for (sections, from, expected) in [
            (json!({"authentication_policy": {"user_auth_behavior": "deny"}}), office, Some(Danger::EveryoneDenied)),
            (json!({"authentication_policy": {"user_auth_behavior": "bypass"}}), office, None),
            (only_office.clone(), office, None),
            (only_office.clone(), whence("::ffff:192.0.2.7", None), None),
            (only_office.clone(), whence("198.51.100.1", None), Some(Danger::OwnAddress([198, 51, 100, 1].into()))),
            (only_office, terminal, Some(Danger::OnlySomeNetworks)),
            (
                json!({"authorized_networks": {"blocked": {"ip_list": ["0.0.0.0/0"]}}}),
                office,
                Some(Danger::OwnAddress([192, 0, 2, 7].into())),
            ),
            (only_ch.clone(), office, None),
            (only_ch.clone(), whence("192.0.2.7", Some("FR")), Some(Danger::OwnCountry("FR".to_owned()))),
            (only_ch.clone(), terminal, Some(Danger::NoLocationDatabase)),
            (only_ch, Whence { knows_places: Knowledge::Present, ..terminal }, Some(Danger::OnlySomeCountries)),
            (
                json!({"authentication_methods": {"allowed_auth_list": ["phonecall", "bypass"]}}),
                office,
                Some(Danger::NoServedMethod),
            ),
            (json!({"authentication_methods": {"allowed_auth_list": ["webauthn-platform", "bypass"]}}), office, None),
            (
                json!({"duo_mobile_app": {"block_policy": "less-than-version", "block_version": "4.85.0"}}),
                office,
                Some(Danger::OldAuthenticators),
            ),
            (json!({"authentication_methods": {"allowed_auth_list": ["duo-passcode"]}}), office, None),
            (
                json!({"trusted_endpoints": {"trusted_endpoint_checking": "require-trusted"}}),
                office,
                Some(Danger::NoSourceOfTrust),
            ),
            (json!({"health_checks": {"deny_when_unchecked": true}}), office, Some(Danger::NoAgentAsked)),
        ] {
            let found = new_dangers(&Complete::default(), &after(sections.clone()), from, without_gateway());
            assert_eq!(found, Vec::from_iter(expected), "{sections}");
        }
        // With a gateway that makes calls, calls are a way in.
        let calls = after(json!({"authentication_methods": {"allowed_auth_list": ["phonecall", "bypass"]}}));
        let gateway = Telephony { calls: true, ..Telephony::default() };
        assert_eq!(new_dangers(&Complete::default(), &calls, office, served::in_a_browser(&gateway)), []);
    }

    #[test]
    fn what_was_confirmed_is_not_asked_again() {
        let deny = after(json!({"authentication_policy": {"user_auth_behavior": "deny"}}));
        let also = after(json!({
            "authentication_policy": {"user_auth_behavior": "deny"},
            "health_checks": {"deny_when_unchecked": true},
        }));
        let new =
            |before: &Complete, after: &Complete| new_dangers(before, after, Whence::default(), without_gateway());
        assert_eq!(new(&deny, &deny), []);
        assert_eq!(new(&deny, &also), [Danger::NoAgentAsked]);
        assert_eq!(new(&also, &Complete::default()), []);
    }
}
