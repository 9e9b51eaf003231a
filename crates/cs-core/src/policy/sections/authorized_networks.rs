//! `authorized_networks`: which networks spare the second factor, demand it, or are refused.

use std::net::IpAddr;

use crate::network::NetworkList;
use crate::policy::fault::{Fault, SectionError};
use crate::policy::names::Section;
use crate::policy::word::words;

words! {
    /// What an address is to this section.
    NetworkStanding {
        /// In `blocked.ip_list`.
        Blocked = "blocked",
        /// In `mfa_required.ip_list`.
        MfaRequired = "mfa_required",
        /// In `no_2fa_required.ip_list`.
        No2faRequired = "no_2fa_required",
        /// In none of them.
        Other = "other",
    }
}

/// The section.
///
/// Lists may overlap; the first that holds the address decides, in the order blocked, 2FA required, no 2FA required. An address written as
/// IPv4-mapped IPv6 is the IPv4 address. Unknown facts: an absent address is in no list, so that it is never spared a factor, and is refused where
/// other access is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedNetworks {
    /// `no_2fa_required.ip_list`.
    pub no_2fa: NetworkList,
    /// `no_2fa_required.require_enrollment`: whether the unenrolled must enroll there all the same; default true.
    pub require_enrollment: bool,
    /// `mfa_required.ip_list`.
    pub mfa_required: NetworkList,
    /// `deny_other_access`: refuse every address that is in neither of the two lists above; default false.
    pub deny_other_access: bool,
    /// `blocked.ip_list`.
    pub blocked: NetworkList,
}

impl Default for AuthorizedNetworks {
    fn default() -> Self {
        Self {
            no_2fa: NetworkList::default(),
            require_enrollment: true,
            mfa_required: NetworkList::default(),
            deny_other_access: false,
            blocked: NetworkList::default(),
        }
    }
}

impl AuthorizedNetworks {
    /// What `address` is; `None` is unknown.
    pub fn standing(&self, address: Option<IpAddr>) -> NetworkStanding {
        let Some(address) = address else { return NetworkStanding::Other };
        if self.blocked.contains(address) {
            NetworkStanding::Blocked
        } else if self.mfa_required.contains(address) {
            NetworkStanding::MfaRequired
        } else if self.no_2fa.contains(address) {
            NetworkStanding::No2faRequired
        } else {
            NetworkStanding::Other
        }
    }

    /// Refuses denying all others where no network is listed.
    pub fn validate(&self) -> Result<(), SectionError> {
        if self.deny_other_access && self.no_2fa.is_empty() && self.mfa_required.is_empty() {
            return Err(Fault::NobodyLeft.at(Section::AuthorizedNetworks, "deny_other_access"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_lists_are_read_in_order_and_spelling_does_not_matter() {
        let section = AuthorizedNetworks {
            no_2fa: NetworkList::parse("10.0.0.0/8").unwrap(),
            mfa_required: NetworkList::parse("10.1.0.0/16,192.0.2.0/24").unwrap(),
            blocked: NetworkList::parse("10.1.1.0/24").unwrap(),
            ..AuthorizedNetworks::default()
        };
        for (address, standing) in [
            (Some("10.1.1.1"), NetworkStanding::Blocked),
            (Some("::ffff:10.1.1.1"), NetworkStanding::Blocked),
            (Some("10.1.2.1"), NetworkStanding::MfaRequired),
            (Some("10.2.0.1"), NetworkStanding::No2faRequired),
            (Some("::ffff:10.2.0.1"), NetworkStanding::No2faRequired),
            (Some("::10.2.0.1"), NetworkStanding::Other),
            (Some("203.0.113.1"), NetworkStanding::Other),
            (None, NetworkStanding::Other),
        ] {
            assert_eq!(section.standing(address.map(|a| a.parse().unwrap())), standing, "{address:?}");
        }
    }

    #[test]
    fn denying_others_needs_a_network() {
        let nobody = AuthorizedNetworks { deny_other_access: true, ..AuthorizedNetworks::default() };
        assert_eq!(nobody.validate().unwrap_err().key, "deny_other_access");
        let office = NetworkList::parse("192.0.2.0/24").unwrap();
        assert_eq!(AuthorizedNetworks { mfa_required: office, ..nobody }.validate(), Ok(()));
    }
}
