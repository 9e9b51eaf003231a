//! The seven roles.

use std::str::FromStr;

use thiserror::Error;

use super::{Action, ActionRow};

/// An administrator's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Owner,
    /// Everything but billing and administrators.
    Administrator,
    /// Applications.
    ApplicationManager,
    /// Users, groups and their devices.
    UserManager,
    /// Devices and bypass codes.
    HelpDesk,
    /// Billing, and nothing else.
    Billing,
    /// Looks, and changes nothing.
    ReadOnly,
}

/// Why a name is not taken as a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RoleError {
    /// A role of Duo's that does not exist here.
    #[error("the role {0} is not supported")]
    Unsupported(&'static str),
    /// No role at all; names are case-sensitive.
    #[error("there is no such role")]
    Unknown,
}

impl Role {
    /// Every role, in the table's order.
    pub const ALL: [Self; 7] = [
        Self::Owner,
        Self::Administrator,
        Self::ApplicationManager,
        Self::UserManager,
        Self::HelpDesk,
        Self::Billing,
        Self::ReadOnly,
    ];

    /// The Admin API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Administrator => "Administrator",
            Self::ApplicationManager => "Application Manager",
            Self::UserManager => "User Manager",
            Self::HelpDesk => "Help Desk",
            Self::Billing => "Billing",
            Self::ReadOnly => "Read-only",
        }
    }

    /// Whether the role permits the action. On which objects is the business of administrative units.
    pub fn may(self, action: Action) -> bool {
        use Role::{Administrator, ApplicationManager, Billing, HelpDesk, Owner, ReadOnly, UserManager};
        match action.row() {
            ActionRow::ViewLogs => match self {
                Owner | Administrator | ApplicationManager | UserManager | HelpDesk | ReadOnly => true,
                Billing => false,
            },
            ActionRow::ModifyDevices | ActionRow::UnlockUsers => match self {
                Owner | Administrator | UserManager | HelpDesk => true,
                ApplicationManager | Billing | ReadOnly => false,
            },
            ActionRow::ModifyUsers => match self {
                Owner | Administrator | UserManager => true,
                ApplicationManager | HelpDesk | Billing | ReadOnly => false,
            },
            ActionRow::ModifyApplications | ActionRow::AssignPolicies => match self {
                Owner | Administrator | ApplicationManager => true,
                UserManager | HelpDesk | Billing | ReadOnly => false,
            },
            ActionRow::ModifySettings | ActionRow::LockUsers => match self {
                Owner | Administrator => true,
                ApplicationManager | UserManager | HelpDesk | Billing | ReadOnly => false,
            },
            ActionRow::Billing => match self {
                Owner | Billing => true,
                Administrator | ApplicationManager | UserManager | HelpDesk | ReadOnly => false,
            },
            ActionRow::Administrators => match self {
                Owner => true,
                Administrator | ApplicationManager | UserManager | HelpDesk | Billing | ReadOnly => false,
            },
            ActionRow::ViewUsers => match self {
                Owner | Administrator | UserManager | HelpDesk | ReadOnly => true,
                ApplicationManager | Billing => false,
            },
            ActionRow::ViewApplications => match self {
                Owner | Administrator | ApplicationManager | ReadOnly => true,
                UserManager | HelpDesk | Billing => false,
            },
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(name: &str) -> Result<Self, RoleError> {
        if let Some(role) = Self::ALL.into_iter().find(|role| role.as_str() == name) {
            return Ok(role);
        }
        // Falling back to a similar role would give rights that nobody meant to give.
        ["Security Analyst", "Phishing Manager", "Account Switcher"]
            .into_iter()
            .find(|unsupported| *unsupported == name)
            .map_or(Err(RoleError::Unknown), |unsupported| Err(RoleError::Unsupported(unsupported)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn mark(role: Role, action: Action) -> char {
        if role.may(action) { '✓' } else { '✗' }
    }

    /// The table of the Help Desk Guide, row by row, in the order of [`Role::ALL`]; every action of a row obeys it.
    #[test]
    fn the_seven_rows_of_the_help_desk_guide() {
        for (row, expected) in [
            (ActionRow::ViewLogs, "✓✓✓✓✓✗✓"),
            (ActionRow::ModifyDevices, "✓✓✗✓✓✗✗"),
            (ActionRow::ModifyUsers, "✓✓✗✓✗✗✗"),
            (ActionRow::ModifyApplications, "✓✓✓✗✗✗✗"),
            (ActionRow::ModifySettings, "✓✓✗✗✗✗✗"),
            (ActionRow::Billing, "✓✗✗✗✗✓✗"),
            (ActionRow::Administrators, "✓✗✗✗✗✗✗"),
        ] {
            let actions: Vec<Action> = Action::ALL.iter().copied().filter(|action| action.row() == row).collect();
            assert!(!actions.is_empty());
            for action in actions {
                let marks: String = Role::ALL.into_iter().map(|role| mark(role, action)).collect();
                assert_eq!(marks, expected, "{row:?} {action:?}");
            }
        }
    }

    /// After a wanted change: `UPDATE_GOLDEN=1 cargo test -p cs-core golden`.
    #[test]
    fn roles_by_actions_are_as_in_the_golden_file() {
        let mut table = format!("{:<30}{:<22}", "action", "row");
        table.extend(Role::ALL.map(|role| format!(" {:<19}", role.as_str())));
        table.truncate(table.trim_end().len());
        table.push('\n');
        for action in Action::ALL {
            let mut line = format!("{:<30}{:<22}", format!("{action:?}"), format!("{:?}", action.row()));
            for role in Role::ALL {
                write!(line, " {:<19}", mark(role, *action)).unwrap();
            }
            table.push_str(line.trim_end());
            table.push('\n');
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/roles.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &table).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), table);
    }

    #[test]
    fn names_are_the_admin_apis() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("owner".parse::<Role>(), Err(RoleError::Unknown));
        assert_eq!("Security Analyst".parse::<Role>(), Err(RoleError::Unsupported("Security Analyst")));
        assert_eq!("Phishing Manager".parse::<Role>(), Err(RoleError::Unsupported("Phishing Manager")));
    }
}
