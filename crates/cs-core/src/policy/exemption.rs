//! Exemptions for test and automation users: narrow, with a reason and an end.

use std::net::IpAddr;

use jiff::Timestamp;

use super::word::words;
use crate::id::IntegrationKey;
use crate::network::NetworkList;

words! {
    /// What an exempted user may do.
    ExemptionKind {
        /// Passcodes of authenticator and token, and nothing else, also where the policy does not allow them: a scanner or a test computes its own.
        /// While risk steps up, of these the token's remain.
        PasscodeOnly = "passcode-only",
        /// In without a second factor.
        AutomaticApproval = "automatic-approval",
    }
}

/// The longest exemption.
pub const LONGEST: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 365);

/// Leave for one user to authenticate by other means, at some applications, from some networks, until a day.
///
/// It lifts no denial: status, lockout, permitted groups, networks, countries and device rules hold as for anyone, and while risk steps up or an address
/// is anonymous and a second factor demanded, [`ExemptionKind::AutomaticApproval`] rests. Outside of its limits the user is as any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// What is allowed.
    pub kind: ExemptionKind,
    /// Where.
    pub applications: Vec<IntegrationKey>,
    /// From where. An absent address is nowhere.
    pub networks: NetworkList,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why; shown wherever the exemption is.
    pub reason: String,
}

/// Why an exemption is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExemptionError {
    /// No application is named.
    #[error("an exemption needs at least one application")]
    NoApplication,
    /// No network is named.
    #[error("an exemption needs at least one network")]
    NoNetwork,
    /// No reason is given.
    #[error("an exemption needs a reason")]
    NoReason,
    /// It ends before it begins, or lasts longer than [`LONGEST`].
    #[error("an exemption must end after it begins, within 365 days")]
    End,
}

impl Exemption {
    /// Refuses an exemption without limits.
    pub fn validate(&self) -> Result<(), ExemptionError> {
        if self.applications.is_empty() {
            Err(ExemptionError::NoApplication)
        } else if self.networks.is_empty() {
            Err(ExemptionError::NoNetwork)
        } else if self.reason.trim().is_empty() {
            Err(ExemptionError::NoReason)
        } else if self.until <= self.from || self.until.duration_since(self.from) > LONGEST {
            Err(ExemptionError::End)
        } else {
            Ok(())
        }
    }

    /// Whether it covers this login.
    pub fn covers(&self, application: IntegrationKey, address: Option<IpAddr>, now: Timestamp) -> bool {
        self.from <= now
            && now < self.until
            && self.applications.contains(&application)
            && address.is_some_and(|address| self.networks.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn exemption() -> Exemption {
        Exemption {
            kind: ExemptionKind::AutomaticApproval,
            applications: vec![app('A')],
            networks: NetworkList::parse("192.0.2.0/24").unwrap(),
            from: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24),
            reason: "nightly scan".to_owned(),
        }
    }

    fn app(letter: char) -> IntegrationKey {
        format!("DI{}", letter.to_string().repeat(18)).parse().unwrap()
    }

    #[test]
    fn it_covers_its_applications_networks_and_days_only() {
        let inside = Some("192.0.2.9".parse().unwrap());
        let outside = Some("192.0.3.9".parse().unwrap());
        let noon = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(12);
        let exemption = exemption();
        for (application, address, now, covered) in [
            (app('A'), inside, noon, true),
            (app('B'), inside, noon, false),
            (app('A'), outside, noon, false),
            (app('A'), None, noon, false),
            (app('A'), inside, exemption.until, false),
            (app('A'), inside, exemption.from - SignedDuration::from_secs(1), false),
        ] {
            assert_eq!(exemption.covers(application, address, now), covered, "{application} {address:?} {now}");
        }
    }

    #[test]
    fn one_without_limits_is_refused() {
        let good = exemption();
        assert_eq!(good.validate(), Ok(()));
        let wrong = |change: fn(&mut Exemption)| {
            let mut exemption = exemption();
            change(&mut exemption);
            exemption.validate().unwrap_err()
        };
        assert_eq!(wrong(|e| e.applications.clear()), ExemptionError::NoApplication);
        assert_eq!(wrong(|e| e.networks = NetworkList::default()), ExemptionError::NoNetwork);
        assert_eq!(wrong(|e| e.reason = " ".to_owned()), ExemptionError::NoReason);
        assert_eq!(wrong(|e| e.until = e.from), ExemptionError::End);
        assert_eq!(wrong(|e| e.until = e.from + SignedDuration::from_hours(24 * 366)), ExemptionError::End);
    }
}
