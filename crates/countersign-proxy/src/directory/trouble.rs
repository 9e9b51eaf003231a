//! What can be wrong with a directory itself. Nobody is let in for any of it.

use std::io;
use std::time::Duration;

use cs_ldap::{Malformed, ResultCode};

/// Why a directory said neither yes nor no.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nobody listens there, or the name is not known.
    #[error("it cannot be reached")]
    Connect(#[source] io::Error),
    /// The network, or the other end, gave up within a conversation.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// It hung up.
    #[error("it closed the connection")]
    Closed,
    /// It hung up and said why.
    #[error("it closed the connection: {0}")]
    HungUp(String),
    /// No TLS came about: most often the certificate is of an authority that `ssl_ca_certs_file` has not, or for another name.
    #[error(
        "TLS failed (its certificate must come from an authority in ssl_ca_certs_file and be for the name in host)"
    )]
    Tls(#[source] io::Error),
    /// It takes no StartTLS.
    #[error("it does not take StartTLS ({0}): set transport=ldaps, or give it a certificate")]
    NoStartTls(String),
    /// No word from it within this.
    #[error("it did not answer within {0:?}")]
    Silent(Duration),
    /// What it sends is no LDAP.
    #[error("what it sends is no LDAP")]
    Malformed(#[from] Malformed),
    /// An answer to something that was not asked, or of another kind.
    #[error("it answered something that was not asked")]
    Unasked,
    /// More than was asked for, or than anybody needs.
    #[error("it sends more than was asked for")]
    TooMuch,
    /// It wants another directory to be asked, which could be anybody's.
    #[error("it refers to another directory, which is not followed: name that one in host, or a search_dn of its own")]
    Referral,
    /// Microsoft's and Samba's way to refuse passwords in clear.
    #[error(
        "it takes no password without TLS ({0}): set transport=ldaps (or starttls) and ssl_ca_certs_file in this section"
    )]
    NeedsTls(String),
    /// Within TLS there is no reason for it, and NTLM's signatures are none of ours.
    #[error(
        "it wants signatures by NTLM even within TLS ({0}): set auth_type=plain with bind_dn in this section, or, on Samba, `ldap server require strong auth = allow_sasl_over_tls`"
    )]
    NeedsSigning(String),
    /// The proof was for another TLS connection than the directory has, or it wants one and there is no TLS.
    #[error(
        "it refuses the channel binding: something between ends TLS, or transport=ldaps is needed (LdapEnforceChannelBinding)"
    )]
    ChannelBinding,
    /// The account that looks people up is refused.
    #[error(
        "the service account is refused ({0}): see service_account_username, service_account_password, bind_dn and auth_type"
    )]
    Service(&'static str),
    /// A name of the configuration that is nowhere.
    #[error("{key} names an entry that is not there, or that the service account may not see")]
    NoSuchEntry {
        /// The key in the section.
        key: &'static str,
    },
    /// It stops before the end of a search that must find everything.
    #[error(
        "it does not give everything ({} {said}): let the service account have all entries (OpenLDAP: `limits` with size=unlimited size.prtotal=unlimited; Active Directory: MaxPageSize and time limits of the LDAP policy)",
        word.word()
    )]
    Limited {
        /// Its code.
        word: ResultCode,
        /// Its own words.
        said: String,
    },
    /// What it says at one place does not fit what it says at another, so that nobody knows who is missing.
    #[error("{0}")]
    Contradiction(String),
    /// More people or groups than are taken.
    #[error("more than {0} {1} come of it")]
    TooMany(usize, &'static str),
    /// Whoever asked has gone.
    #[error("nobody waits for the answer any more")]
    Unheard,
    /// Membership cannot be told within bounds.
    #[error("more than {0} groups, or levels of groups, lie around one person")]
    TooManyGroups(usize),
    /// What came in answer to the first message of NTLM.
    #[error("its side of NTLM is missing or wrong")]
    Ntlm,
    /// Too many logins wait for this directory.
    #[error("too many logins wait for it")]
    Busy,
    /// The system has no randomness.
    #[error("there is no randomness")]
    NoChance,
    /// Any other word of it.
    #[error("it refuses the {doing}: {} ({code}) {said}", word.word(), code = word.number())]
    Refused {
        /// Bind or search.
        doing: &'static str,
        /// Its code.
        word: ResultCode,
        /// Its own words.
        said: String,
    },
}

impl Trouble {
    /// Whether a connection that was kept just turned out to be over.
    pub(super) fn is_hang_up(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Closed | Self::HungUp(_))
    }

    /// Whether the host is at fault, so that others are asked before it for a while. Neither a person of too many groups is, nor what a section says: both would be the
    /// same at any host.
    pub(super) fn is_of_host(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::Broken(_)
            | Self::Closed
            | Self::HungUp(_)
            | Self::Tls(_)
            | Self::NoStartTls(_)
            | Self::Silent(_)
            | Self::Malformed(_)
            | Self::Unasked
            | Self::TooMuch
            | Self::Ntlm => true,
            Self::Refused { word, .. } => {
                matches!(word, ResultCode::Busy | ResultCode::Unavailable | ResultCode::TimeLimitExceeded)
            }
            Self::Referral
            | Self::NeedsTls(_)
            | Self::NeedsSigning(_)
            | Self::ChannelBinding
            | Self::Service(_)
            | Self::NoSuchEntry { .. }
            | Self::Limited { .. }
            | Self::Contradiction(_)
            | Self::TooMany(..)
            | Self::Unheard
            | Self::TooManyGroups(_)
            | Self::Busy
            | Self::NoChance => false,
        }
    }

    /// With what lies behind it, for a line of the log.
    pub fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// A directory's own words, as far as they go into a line of the log.
pub(super) fn said(diagnostic: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(diagnostic).chars().take(200).collect();
    text.trim_end_matches('\0').escape_debug().to_string()
}
