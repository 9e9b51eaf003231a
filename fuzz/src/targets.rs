//! What is fuzzed: every parser that bytes from outside reach.

mod device;
mod ldap;
mod ntlm;
mod otp;
mod proxy;
mod radius;
mod wire;

/// A parser with what is needed to write nearly valid input for it.
pub struct Target {
    pub name: &'static str,
    /// Parses the input and checks what must hold of the result; panics when it does not.
    pub entry: fn(&[u8]),
    /// Whole valid inputs, one for each shape.
    pub seeds: &'static [&'static [u8]],
    /// What the format gives a meaning to.
    pub tokens: &'static [&'static [u8]],
}

/// All of them.
pub static TARGETS: &[&Target] = &[
    &device::ACTIVATION_LINK,
    &device::JWS,
    &device::MESSAGES,
    &otp::TYPED_PASSCODE,
    &otp::CSV_IMPORT,
    &otp::OTPAUTH_IMPORT,
    &wire::AUTHORIZATION,
    &wire::DATE,
    &wire::FORM,
    &wire::JSON,
    &wire::BSON,
    &wire::REQUEST_TARGET,
    &wire::PUSHINFO,
    &wire::AUTH_API,
    &wire::RECEIVED,
    &wire::OIDC,
    &wire::WEB_SDK,
    &proxy::CONFIGURATION,
    &proxy::CONNECT,
    &radius::PACKET,
    &radius::EAP,
    &radius::EAP_FRAMING,
    &ldap::STREAM,
    &ldap::FILTER,
    &ldap::DN,
    &ldap::SPNEGO,
    &ntlm::CHALLENGE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::runner::{self, Plan};

    #[test]
    fn no_parser_panics_or_hangs_on_twenty_thousand_cases() {
        let plan = Plan { cases: 20_000, seed: 1, threads: 2, time_limit: Duration::from_secs(20), trace: None };
        for target in TARGETS {
            let failure = runner::run(target, &plan).failure;
            assert!(failure.is_none(), "{}: {failure:?}", target.name);
        }
    }

    #[test]
    fn every_target_takes_its_own_seeds() {
        for target in TARGETS {
            assert!(!target.seeds.is_empty(), "{} has no seeds", target.name);
            for seed in target.seeds {
                let outcome = runner::try_input(target, seed);
                assert_eq!(outcome, Ok(()), "{} on {:?}", target.name, String::from_utf8_lossy(seed));
            }
        }
        let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
        assert_eq!(names.len(), TARGETS.len(), "names are unique");
    }
}
