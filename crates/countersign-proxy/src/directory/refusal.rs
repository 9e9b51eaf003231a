//! Why a directory keeps somebody out, told apart for the log.

/// Why somebody is kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The name cannot be anybody's.
    BadName,
    /// An empty password would be an anonymous bind, which directories take for right; one with a zero octet may end there.
    BadPassword,
    /// Nobody found.
    Unknown,
    /// Several found.
    Ambiguous,
    /// There is somebody, and not in `security_group_dn`.
    NotInGroup,
    /// The password is wrong.
    WrongPassword,
    /// It was right, and is too old.
    PasswordExpired,
    /// It is right, and must be changed first.
    MustChange,
    /// The account is switched off.
    Disabled,
    /// Too many wrong passwords.
    Locked,
    /// The account's last day is over.
    AccountExpired,
    /// Not at this hour.
    NotNow,
    /// Not from this computer.
    NotHere,
    /// The directory refuses without a word that is known here.
    NotPermitted,
}

impl Refusal {
    /// For the log.
    pub fn reason(self) -> &'static str {
        match self {
            Self::BadName => "refused by the directory's section: a name with a comma or a control character",
            Self::BadPassword => "refused before the directory was asked: the password is empty or holds a zero octet",
            Self::Unknown => "refused by the directory: nobody of this name is found (search_dn, ldap_filter)",
            Self::Ambiguous => "refused by the directory: several people have this name",
            Self::NotInGroup => "refused by the directory: not a member of security_group_dn",
            Self::WrongPassword => "refused by the directory: wrong password",
            Self::PasswordExpired => "refused by the directory: the password has expired",
            Self::MustChange => "refused by the directory: the password must be changed first",
            Self::Disabled => "refused by the directory: the account is disabled",
            Self::Locked => "refused by the directory: the account is locked after wrong passwords",
            Self::AccountExpired => "refused by the directory: the account has expired",
            Self::NotNow => "refused by the directory: no logins at this hour",
            Self::NotHere => "refused by the directory: no logins from this computer",
            Self::NotPermitted => "refused by the directory: it does not let this account log in",
        }
    }

    /// For the person: only what helps, and what nobody hears who has not typed the right password.
    pub fn text(self) -> Option<&'static str> {
        match self {
            Self::PasswordExpired => Some("Your password has expired. Change it, then log in again."),
            Self::MustChange => Some("You must change your password before you can log in here."),
            Self::BadName
            | Self::BadPassword
            | Self::Unknown
            | Self::Ambiguous
            | Self::NotInGroup
            | Self::WrongPassword
            | Self::Disabled
            | Self::Locked
            | Self::AccountExpired
            | Self::NotNow
            | Self::NotHere
            | Self::NotPermitted => None,
        }
    }

    /// What Active Directory means by `invalidCredentials`: a Windows error stands in hexadecimal digits behind `data` in the diagnostic message.
    pub fn of_diagnostic(message: &str) -> Self {
        let code = message.split(", ").find_map(|part| part.strip_prefix("data ")).map(str::trim);
        match code.map(str::to_ascii_lowercase).as_deref() {
            Some("525") => Self::Unknown,
            Some("530") => Self::NotNow,
            Some("531") => Self::NotHere,
            Some("532") => Self::PasswordExpired,
            Some("533") => Self::Disabled,
            Some("701") => Self::AccountExpired,
            Some("773") => Self::MustChange,
            Some("775") => Self::Locked,
            // ERROR_LOGON_NOT_GRANTED, ERROR_LOGON_TYPE_NOT_GRANTED
            Some("534" | "569") => Self::NotPermitted,
            Some(_) | None => Self::WrongPassword,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_directory_says_why_in_its_diagnostic_message() {
        let told = [
            ("52e", Refusal::WrongPassword),
            ("525", Refusal::Unknown),
            ("530", Refusal::NotNow),
            ("531", Refusal::NotHere),
            ("532", Refusal::PasswordExpired),
            ("533", Refusal::Disabled),
            ("701", Refusal::AccountExpired),
            ("773", Refusal::MustChange),
            ("775", Refusal::Locked),
            ("77f", Refusal::WrongPassword),
        ];
        for (code, refusal) in told {
            let message =
                format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {code}, v1db1");
            assert_eq!(Refusal::of_diagnostic(&message), refusal, "{code}");
        }
        for other in ["", "data", "data ", "comment: data 533", "data 533x, v1"] {
            assert_eq!(Refusal::of_diagnostic(other), Refusal::WrongPassword, "{other}");
        }
    }

    #[test]
    fn only_who_knows_the_password_hears_more_than_no() {
        for silent in [Refusal::Unknown, Refusal::WrongPassword, Refusal::Locked, Refusal::Disabled] {
            assert_eq!(silent.text(), None);
        }
        assert!(Refusal::MustChange.text().is_some());
    }
}
