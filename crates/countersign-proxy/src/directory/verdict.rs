//! What the end of a bind means.

use cs_ldap::ResultCode;

use super::connection::BindEnd;
use super::policy::PolicyError;
use super::refusal::Refusal;
use super::trouble::Trouble;

/// `Ok(None)` where a password was right and lets its owner in.
///
/// Fails where the directory said nothing about the password: then another host may be asked.
pub(super) fn verdict(end: &BindEnd) -> Result<Option<Refusal>, Trouble> {
    let by_policy = match end.policy.error {
        Some(PolicyError::Expired) => Some(Refusal::PasswordExpired),
        Some(PolicyError::Locked) => Some(Refusal::Locked),
        Some(PolicyError::MustChange) => Some(Refusal::MustChange),
        Some(PolicyError::Other) | None => None,
    };
    match end.code {
        // Whoever is let in only to change the password is not let in here.
        ResultCode::Success => Ok(by_policy),
        // SEC_E_BAD_BINDINGS: not a word about the password.
        ResultCode::InvalidCredentials if end.said.starts_with("80090346") => Err(Trouble::ChannelBinding),
        ResultCode::InvalidCredentials => Ok(Some(by_policy.unwrap_or_else(|| Refusal::of_diagnostic(&end.said)))),
        // 389 Directory Server, after too many wrong ones.
        ResultCode::ConstraintViolation => Ok(Some(Refusal::Locked)),
        ResultCode::UnwillingToPerform if end.said.starts_with("Account inactivated") => Ok(Some(Refusal::Disabled)),
        // No password on the entry, no right to use it, or no entry any more.
        ResultCode::UnwillingToPerform
        | ResultCode::InappropriateAuthentication
        | ResultCode::InsufficientAccessRights
        | ResultCode::NoSuchObject => Ok(Some(by_policy.unwrap_or(Refusal::NotPermitted))),
        // Samba's usual setting, where Windows is content with TLS.
        ResultCode::StrongerAuthRequired if end.in_tls => Err(Trouble::NeedsSigning(end.said.clone())),
        ResultCode::StrongerAuthRequired | ResultCode::ConfidentialityRequired => {
            Err(Trouble::NeedsTls(end.said.clone()))
        }
        ResultCode::Referral => Err(Trouble::Referral),
        word => Err(Trouble::Refused { doing: "bind", word, said: end.said.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::policy::Policy;

    fn end(code: ResultCode, said: &str, error: Option<PolicyError>) -> BindEnd {
        BindEnd { code, said: said.to_owned(), policy: Policy { error, ..Policy::default() }, in_tls: false }
    }

    #[test]
    fn only_a_plain_success_lets_in() {
        use ResultCode as Code;
        let cases = [
            (end(Code::Success, "", None), None),
            (end(Code::Success, "", Some(PolicyError::MustChange)), Some(Refusal::MustChange)),
            (end(Code::Success, "", Some(PolicyError::Expired)), Some(Refusal::PasswordExpired)),
            (end(Code::InvalidCredentials, "", None), Some(Refusal::WrongPassword)),
            (end(Code::InvalidCredentials, "", Some(PolicyError::Expired)), Some(Refusal::PasswordExpired)),
            (end(Code::InvalidCredentials, "", Some(PolicyError::Locked)), Some(Refusal::Locked)),
            (end(Code::InvalidCredentials, "x, data 533, v", None), Some(Refusal::Disabled)),
            (end(Code::ConstraintViolation, "Exceed password retry limit.", None), Some(Refusal::Locked)),
            (end(Code::UnwillingToPerform, "Account inactivated. Contact", None), Some(Refusal::Disabled)),
            (end(Code::UnwillingToPerform, "", None), Some(Refusal::NotPermitted)),
            (end(Code::NoSuchObject, "", None), Some(Refusal::NotPermitted)),
        ];
        for (end, expected) in cases {
            assert_eq!(verdict(&end).unwrap(), expected, "{end:?}");
        }
        for code in (1..200).map(Code::from_number) {
            assert!(!matches!(verdict(&end(code, "", None)), Ok(None)), "{code:?} lets in");
        }
    }

    #[test]
    fn what_says_nothing_of_the_password_is_no_refusal() {
        use ResultCode as Code;
        for (code, said, text) in [
            (Code::StrongerAuthRequired, "BindSimple: Transport encryption required.", "transport=ldaps"),
            (Code::ConfidentialityRequired, "", "transport=ldaps"),
            (Code::Referral, "", "refers to another directory"),
            (Code::Busy, "later", "the bind: busy (51) later"),
            (Code::InvalidCredentials, "80090346: LdapErr: data 80090346, v1", "channel binding"),
        ] {
            let trouble = verdict(&end(code, said, None)).unwrap_err();
            assert!(trouble.told().contains(text), "{}", trouble.told());
        }
        let signed = BindEnd { in_tls: true, ..end(Code::StrongerAuthRequired, "Sign or Seal are required.", None) };
        assert!(verdict(&signed).unwrap_err().told().contains("allow_sasl_over_tls"));
    }
}
