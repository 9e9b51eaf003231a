//! `user_location`: countries.

use crate::policy::country::{Countries, Country};
use crate::policy::fault::{Fault, SectionError};
use crate::policy::names::Section;
use crate::policy::word::words;

words! {
    /// What a country means.
    LocationAction {
        /// Nothing. The default.
        Ignore = "ignore-location",
        /// A second factor is asked for, also where a network would spare it.
        RequireMfa = "require-mfa",
        /// No second factor is asked for (documents also say `no-2fa`).
        AllowNo2fa = "allow-access-no-2fa",
        /// Refused.
        Deny = "deny-access",
    }
}

/// The section.
///
/// Unknown facts: a place that is not known is *unlisted*, and so gets `default_action`, save that it never spares the second factor. An account that
/// denies by default therefore denies the unknown; one that denies some countries does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserLocation {
    /// `default_action`, for countries in no list; global default: `ignore-location`.
    pub default_action: LocationAction,
    /// `deny_access_countries_list`.
    pub deny: Countries,
    /// `require_mfa_countries_list`.
    pub require_mfa: Countries,
    /// `allow_access_no_2fa_countries_list`.
    pub allow_no_2fa: Countries,
    /// `ignore_location_countries_list`.
    pub ignore: Countries,
    /// `access_device_only`: whether the phone that answers is left out of it; default false. Only `deny-access` looks at the phone, and only where the phone's country is known.
    pub access_device_only: bool,
}

impl Default for UserLocation {
    fn default() -> Self {
        Self {
            default_action: LocationAction::Ignore,
            deny: Countries::NONE,
            require_mfa: Countries::NONE,
            allow_no_2fa: Countries::NONE,
            ignore: Countries::NONE,
            access_device_only: false,
        }
    }
}

impl UserLocation {
    /// What `country` means; `None` is unknown.
    pub fn action(&self, country: Option<Country>) -> LocationAction {
        let Some(country) = country else {
            return match self.default_action {
                LocationAction::AllowNo2fa => LocationAction::Ignore,
                action @ (LocationAction::Ignore | LocationAction::RequireMfa | LocationAction::Deny) => action,
            };
        };
        if self.deny.contains(country) {
            LocationAction::Deny
        } else if self.require_mfa.contains(country) {
            LocationAction::RequireMfa
        } else if self.allow_no_2fa.contains(country) {
            LocationAction::AllowNo2fa
        } else if self.ignore.contains(country) {
            LocationAction::Ignore
        } else {
            self.default_action
        }
    }

    /// Refuses a country in two lists, and denial by default without an exception.
    pub fn validate(&self) -> Result<(), SectionError> {
        let lists = [
            ("deny_access_countries_list", &self.deny),
            ("require_mfa_countries_list", &self.require_mfa),
            ("allow_access_no_2fa_countries_list", &self.allow_no_2fa),
            ("ignore_location_countries_list", &self.ignore),
        ];
        for (at, (other, list)) in lists.iter().enumerate() {
            for (key, later) in &lists[at + 1..] {
                if let Some(country) = later.common(list) {
                    return Err(Fault::AlsoIn { what: country.to_string(), other }.at(Section::UserLocation, key));
                }
            }
        }
        if self.default_action == LocationAction::Deny && lists[1..].iter().all(|(_, list)| list.is_empty()) {
            return Err(Fault::NobodyLeft.at(Section::UserLocation, "default_action"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    #[test]
    fn each_list_gives_its_action_and_the_unknown_is_never_spared() {
        let mut section = UserLocation {
            default_action: LocationAction::AllowNo2fa,
            deny: Countries::NONE.with(country("KP")),
            require_mfa: Countries::NONE.with(country("FR")),
            ignore: Countries::NONE.with(country("CH")),
            ..UserLocation::default()
        };
        assert_eq!(section.validate(), Ok(()));
        for (place, action) in [
            (Some("KP"), LocationAction::Deny),
            (Some("FR"), LocationAction::RequireMfa),
            (Some("CH"), LocationAction::Ignore),
            (Some("DE"), LocationAction::AllowNo2fa),
            (None, LocationAction::Ignore),
        ] {
            assert_eq!(section.action(place.map(country)), action, "{place:?}");
        }
        section.default_action = LocationAction::Deny;
        assert_eq!(section.action(None), LocationAction::Deny);
    }

    #[test]
    fn contradictions_are_refused() {
        let ch = Countries::NONE.with(country("CH"));
        let twice = UserLocation { deny: ch, ignore: ch, ..UserLocation::default() };
        assert_eq!(
            twice.validate().unwrap_err().to_string(),
            "user_location.ignore_location_countries_list: CH is also in deny_access_countries_list"
        );
        let nobody = UserLocation { default_action: LocationAction::Deny, ..UserLocation::default() };
        assert_eq!(nobody.validate().unwrap_err().why, Fault::NobodyLeft);
    }
}
