//! `health_checks`, also called `duo_desktop`: what the desktop agent must report.

use crate::policy::fault::{Fault, SectionError};
use crate::policy::names::{Os, Section};
use crate::policy::word::{Set, Word as _, words};

words! {
    /// `enforce_signed_payload`, `enforce_device_id_pinning`.
    Enforcement {
        /// Not looked at. The default.
        NoEnforcement = "no-enforcement",
        /// Looked at and reported.
        WarnOnly = "warn-only",
        /// Demanded.
        EnforceEnabled = "enforce-enabled",
    }
}

/// Security agents, of which one must be running, by the ids vendors' agents report (`crowdstrike-falcon`, `windows-defender`, …). Empty: none is needed.
pub type SecurityAgents = Vec<String>;

/// What is asked of one operating system beyond the common keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlatformChecks {
    /// `<os>_endpoint_security_list`.
    pub security_agents: SecurityAgents,
    /// `<os>_remediation_note`: shown to people whose device is refused, up to [`HealthChecks::NOTE_LENGTH`] characters.
    pub remediation_note: String,
}

/// The section.
///
/// Unknown facts: where the agent is required, a missing, outdated or incomplete report refuses. A surface that can ask no agent (RADIUS, SSH) passes
/// unless `deny_unchecked` is set. The operating system is what the agent says, else what the browser says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChecks {
    /// `requires_duo_desktop`, of windows, macos and linux.
    pub requires_agent: Set<Os>,
    /// `enforce_encryption`.
    pub encryption: Set<Os>,
    /// `enforce_firewall`.
    pub firewall: Set<Os>,
    /// `enforce_system_password`.
    pub system_password: Set<Os>,
    /// Windows.
    pub windows: PlatformChecks,
    /// macOS.
    pub macos: PlatformChecks,
    /// Linux.
    pub linux: PlatformChecks,
    /// `enforce_signed_payload`.
    pub signed_payload: Enforcement,
    /// `enforce_device_id_pinning`.
    pub device_id_pinning: Enforcement,
    /// Ours, `deny_when_unchecked`: refuse where no agent can be asked; default false.
    pub deny_unchecked: bool,
}

impl Default for HealthChecks {
    fn default() -> Self {
        Self {
            requires_agent: Set::EMPTY,
            encryption: Set::EMPTY,
            firewall: Set::EMPTY,
            system_password: Set::EMPTY,
            windows: PlatformChecks::default(),
            macos: PlatformChecks::default(),
            linux: PlatformChecks::default(),
            signed_payload: Enforcement::NoEnforcement,
            device_id_pinning: Enforcement::NoEnforcement,
            deny_unchecked: false,
        }
    }
}

impl HealthChecks {
    /// Systems the agent runs on.
    pub const DESKTOPS: [Os; 3] = [Os::Windows, Os::Macos, Os::Linux];

    /// The longest note.
    pub const NOTE_LENGTH: usize = 700;

    /// The most agents a list may name.
    pub const MOST_AGENTS: usize = 50;

    /// What is asked of `os` beyond the common keys; `None` where no agent runs.
    pub const fn platform(&self, os: Os) -> Option<&PlatformChecks> {
        match os {
            Os::Windows => Some(&self.windows),
            Os::Macos => Some(&self.macos),
            Os::Linux => Some(&self.linux),
            Os::Android | Os::Blackberry | Os::ChromeOs | Os::Ios | Os::WindowsPhone | Os::Other => None,
        }
    }

    /// Refuses systems that have no agent, checks without the agent, and endless lists and notes.
    pub fn validate(&self) -> Result<(), SectionError> {
        let at = |fault: Fault, key| Err(fault.at(Section::HealthChecks, key));
        let needs = |os: Os, other| Fault::Needs { what: os.as_str().to_owned(), other };
        if let Some(os) = self.requires_agent.minus(Set::of(&Self::DESKTOPS)).iter().next() {
            return at(needs(os, "an agent that does not exist"), "requires_duo_desktop");
        }
        let lists = [
            ("enforce_encryption", self.encryption),
            ("enforce_firewall", self.firewall),
            ("enforce_system_password", self.system_password),
        ];
        for (key, list) in lists {
            if let Some(os) = list.minus(self.requires_agent).iter().next() {
                return at(needs(os, "requires_duo_desktop"), key);
            }
        }
        let platforms = [
            (Os::Windows, &self.windows, "windows_endpoint_security_list", "windows_remediation_note"),
            (Os::Macos, &self.macos, "macos_endpoint_security_list", "macos_remediation_note"),
            (Os::Linux, &self.linux, "linux_endpoint_security_list", "linux_remediation_note"),
        ];
        for (os, checks, list, note) in platforms {
            if !checks.security_agents.is_empty() && !self.requires_agent.contains(os) {
                return at(needs(os, "requires_duo_desktop"), list);
            }
            if checks.security_agents.len() > Self::MOST_AGENTS {
                return at(Fault::TooMany { most: Self::MOST_AGENTS }, list);
            }
            if checks.security_agents.iter().any(|agent| agent.is_empty() || agent.len() > 60) {
                return at(Fault::OutOfRange { least: 1, most: 60 }, list);
            }
            if checks.remediation_note.chars().count() > Self::NOTE_LENGTH {
                return at(Fault::TooMany { most: Self::NOTE_LENGTH }, note);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_needs_the_agent() {
        let windows = Set::of(&[Os::Windows]);
        let alone = HealthChecks { firewall: windows, ..HealthChecks::default() };
        assert_eq!(
            alone.validate().unwrap_err().to_string(),
            "health_checks.enforce_firewall: windows needs requires_duo_desktop"
        );
        assert_eq!(HealthChecks { requires_agent: windows, ..alone }.validate(), Ok(()));
        let phone = HealthChecks { requires_agent: Set::of(&[Os::Ios]), ..HealthChecks::default() };
        assert_eq!(phone.validate().unwrap_err().key, "requires_duo_desktop");
        let mut falcon = HealthChecks::default();
        falcon.linux.security_agents.push("crowdstrike-falcon".to_owned());
        assert_eq!(falcon.validate().unwrap_err().key, "linux_endpoint_security_list");
        let mut wordy = HealthChecks::default();
        wordy.macos.remediation_note = "x".repeat(701);
        assert_eq!(wordy.validate().unwrap_err().why, Fault::TooMany { most: 700 });
    }
}
