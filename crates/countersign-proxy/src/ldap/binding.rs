//! A bind as it comes: who it says it is, by what, and what is refused before anybody is asked.

use cs_ldap::{Authentication, BindRequest, Credentials, Dn, ResultCode, ntlm, oid};

use crate::cfg::application::Append;
use crate::radius::split::{Typed, split};

/// Longer names are nobody's.
const LONGEST_NAME: usize = 2048;
/// Nor are longer passwords.
const LONGEST_PASSWORD: usize = 4096;

/// What kind of bind it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nobody in particular (RFC 4513 §5.1.1): no login, whatever comes of it.
    Anonymous,
    /// A name and a password.
    Password,
    /// The first step of NTLM, which names nobody.
    NtlmBegins,
    /// Its second step.
    Ntlm,
}

/// A bind that the directory may be asked about.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) kind: Kind,
    /// As it came, or out of NTLM's message.
    pub(super) name: String,
    /// The name, where it is a distinguished one.
    pub(super) dn: Option<Dn>,
    /// What stands in the message for a name.
    pub(super) sent_name: String,
    pub(super) proof: Authentication,
}

/// Whose a bind was.
#[derive(Debug)]
pub(super) struct Account {
    dn: Option<Dn>,
    name: String,
}

/// A bind that is answered at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) ResultCode, pub(super) &'static str);

impl Binding {
    /// Out of a request. What is not understood is refused: it could make somebody known to the directory of whom nobody was asked.
    pub(super) fn read(request: BindRequest<'_>) -> Result<Self, Refused> {
        if request.version != 3 {
            return Err(Refused(ResultCode::ProtocolError, "Only version 3 of LDAP is spoken here."));
        }
        if request.name.len() > LONGEST_NAME || request.name.contains(char::is_control) {
            return Err(Refused(ResultCode::InvalidDnSyntax, "This cannot be a name."));
        }
        let sent_name = request.name.to_owned();
        match &request.authentication {
            Authentication::Simple(password) => {
                let kind = simple(request.name, password)?;
                let dn = Dn::parse(request.name).ok();
                Ok(Self { kind, name: sent_name.clone(), dn, sent_name, proof: request.authentication })
            }
            Authentication::Sasl { mechanism, credentials } if mechanism == oid::GSS_SPNEGO => {
                let (kind, name) = spnego(credentials.as_ref())?;
                Ok(Self { kind, name, dn: None, sent_name, proof: request.authentication })
            }
            Authentication::Sasl { .. } => Err(Refused(
                ResultCode::UnwillingToPerform,
                "Of the SASL mechanisms only GSS-SPNEGO with NTLM is taken here, since the others do not show who logs in. A simple bind works.",
            )),
            Authentication::Other(_) => {
                Err(Refused(ResultCode::AuthMethodNotSupported, "A simple bind, or GSS-SPNEGO with NTLM, works here."))
            }
        }
    }

    /// The password without a factor typed behind it, and that factor, where there is one. NTLM shows no password, so nothing can stand behind it.
    ///
    /// Fails if no password is left: it would be an anonymous bind, which directories take for right.
    pub(super) fn cut(&self, append: &Append) -> Result<Option<(Authentication, Typed)>, Refused> {
        let Authentication::Simple(password) = &self.proof else { return Ok(None) };
        let Some((left, typed)) = password.expose_text().and_then(|text| split(text, append)) else { return Ok(None) };
        if left.is_empty() {
            return Err(Refused(ResultCode::InvalidCredentials, "No password was sent."));
        }
        Ok(Some((Authentication::Simple(Credentials::new(left.as_bytes())), typed)))
    }

    /// Whether another bind was of the same account.
    pub(super) fn is_of(&self, account: &Account) -> bool {
        match (&self.dn, &account.dn) {
            (Some(one), Some(other)) => one == other,
            (None, None) => self.name.to_lowercase() == account.name,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Whose it is.
    pub(super) fn account(&self) -> Account {
        Account { dn: self.dn.clone(), name: self.name.to_lowercase() }
    }

    /// What proves who it is, whole.
    pub(super) fn octets(&self) -> &[u8] {
        match &self.proof {
            Authentication::Simple(password) => password.expose(),
            Authentication::Sasl { credentials, .. } => {
                credentials.as_ref().map(Credentials::expose).unwrap_or_default()
            }
            Authentication::Other(_) => &[],
        }
    }
}

fn simple(name: &str, password: &Credentials) -> Result<Kind, Refused> {
    match (name.trim().is_empty(), password.is_empty()) {
        (true, true) => Ok(Kind::Anonymous),
        (false, true) => Err(Refused(
            ResultCode::UnwillingToPerform,
            "A name without a password is no login (RFC 4513, section 5.1.2).",
        )),
        (true, false) => Err(Refused(ResultCode::InvalidCredentials, "No name was sent.")),
        (false, false) if password.expose().len() > LONGEST_PASSWORD => {
            Err(Refused(ResultCode::InvalidCredentials, "The password is too long."))
        }
        // What is written in C ends a password at a zero, and takes one that is empty then for an anonymous bind.
        (false, false) if password.expose().contains(&0) => {
            Err(Refused(ResultCode::InvalidCredentials, "This cannot be a password."))
        }
        (false, false) => Ok(Kind::Password),
    }
}

fn spnego(credentials: Option<&Credentials>) -> Result<(Kind, String), Refused> {
    let unreadable = Refused(
        ResultCode::UnwillingToPerform,
        "Who logs in by Kerberos cannot be seen here, so nobody could be asked for the second factor. NTLM or a simple bind works.",
    );
    let credentials = credentials.map(Credentials::expose).unwrap_or_default();
    match ntlm::read(credentials) {
        Ok(ntlm::Token::Negotiate) => Ok((Kind::NtlmBegins, String::new())),
        Ok(ntlm::Token::Authenticate(who)) => {
            if who.is_sealed {
                return Err(Refused(
                    ResultCode::AuthMethodNotSupported,
                    "NTLM must not sign or encrypt what follows, which could not be passed on: switch that off in the application and use TLS.",
                ));
            }
            let is_odd = |text: &str| text.contains(|c: char| c == '\\' || c.is_control());
            if who.user.is_empty() || is_odd(&who.user) || is_odd(&who.domain) {
                return Err(Refused(ResultCode::InvalidCredentials, "This cannot be a name."));
            }
            let is_whole = who.domain.is_empty() || who.user.contains('@');
            let name = if is_whole { who.user } else { format!("{}\\{}", who.domain, who.user) };
            Ok((Kind::Ntlm, name))
        }
        Ok(ntlm::Token::Unreadable) => Err(unreadable),
        Err(_) if credentials.is_empty() => Err(unreadable),
        Err(_) => Err(Refused(ResultCode::InvalidCredentials, "What GSS-SPNEGO sent cannot be read.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(name: &str, authentication: Authentication) -> Result<(Kind, String), ResultCode> {
        let request = BindRequest { version: 3, name, authentication };
        Binding::read(request).map(|binding| (binding.kind, binding.name)).map_err(|Refused(code, _)| code)
    }

    fn password(octets: &[u8]) -> Authentication {
        Authentication::Simple(Credentials::new(octets))
    }

    fn sasl(mechanism: &str, credentials: &[u8]) -> Authentication {
        let credentials = (!credentials.is_empty()).then(|| Credentials::new(credentials));
        Authentication::Sasl { mechanism: mechanism.to_owned(), credentials }
    }

    #[test]
    fn rfc_4513_only_a_name_with_a_password_is_a_login() {
        assert_eq!(bind("uid=alice,dc=lab", password(b"x")), Ok((Kind::Password, "uid=alice,dc=lab".to_owned())));
        assert_eq!(bind("", password(b"")), Ok((Kind::Anonymous, String::new())));
        assert_eq!(bind("uid=alice,dc=lab", password(b"")), Err(ResultCode::UnwillingToPerform));
        assert_eq!(bind(" ", password(b"x")), Err(ResultCode::InvalidCredentials));
        assert_eq!(bind("uid=alice\0,dc=lab", password(b"x")), Err(ResultCode::InvalidDnSyntax));
        assert_eq!(bind("alice", password(&[b'x'; 5000])), Err(ResultCode::InvalidCredentials));
    }

    #[test]
    fn whoever_cannot_be_seen_is_refused() {
        for (authentication, code) in [
            (sasl("EXTERNAL", b""), ResultCode::UnwillingToPerform),
            (sasl("PLAIN", b"\0alice\0x"), ResultCode::UnwillingToPerform),
            (sasl("gss-spnego", b"NTLMSSP\0\x01\0\0\0"), ResultCode::UnwillingToPerform),
            (sasl("GSS-SPNEGO", b""), ResultCode::UnwillingToPerform),
            (sasl("GSS-SPNEGO", b"\xa1\x09\x30\x07\xa2\x05\x04\x03abc"), ResultCode::UnwillingToPerform),
            (sasl("GSS-SPNEGO", b"rubbish"), ResultCode::InvalidCredentials),
            (Authentication::Other(0x89), ResultCode::AuthMethodNotSupported),
        ] {
            assert_eq!(bind("", authentication), Err(code));
        }
        assert_eq!(bind("", sasl("GSS-SPNEGO", b"NTLMSSP\0\x01\0\0\0")), Ok((Kind::NtlmBegins, String::new())));
    }

    #[test]
    fn older_versions_are_not_spoken() {
        let request = BindRequest { version: 2, name: "cn=x", authentication: password(b"x") };
        assert_eq!(Binding::read(request).map_err(|Refused(code, _)| code).err(), Some(ResultCode::ProtocolError));
    }
}
