//! A connection to a directory, and the three things it is asked for: StartTLS, binds and searches.

use std::io;
use std::time::Duration;

use cs_ldap::{Authentication, Credentials, LdapResult, Message, Operation, ResultCode, Search, oid, request, tag};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::entry::Entry;
use super::ntlm::{self, Challenge, ChannelBinding, Claim};
use super::pages;
use super::policy::{self, Policy};
use super::tls;
use super::trouble::{Trouble, said};
use super::wire::Wire;
use crate::cfg::client::LdapTransport;

/// A host that cannot be reached says so within this, or within the section's `timeout` where that is shorter.
const CONNECT: Duration = Duration::from_secs(3);
/// All entries of one search.
const LONGEST_SEARCH: usize = 8 << 20;
/// Pointers to other directories within one search: Active Directory sends three.
const MOST_REFERENCES: usize = 100;

/// A connection, whatever is around it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, perhaps within TLS.
pub(super) struct Connection {
    wire: Wire<Box<dyn Stream>>,
    /// The end of the TLS around it.
    channel: Option<ChannelBinding>,
    in_tls: bool,
    /// Where more is taken than a login needs.
    bounds: Option<Bounds>,
}

/// How much one search may find.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) entries: usize,
    pub(super) octets: usize,
}

/// A part of what a search found.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    /// Where it should begin there is no entry.
    pub(super) is_nowhere: bool,
    /// By what the next page is asked for, if there is one.
    pub(super) next: Option<Vec<u8>>,
}

/// How a search ended.
struct End {
    code: ResultCode,
    said: String,
    controls: Vec<u8>,
}

/// How a bind ended.
#[derive(Debug)]
pub(super) struct BindEnd {
    pub(super) code: ResultCode,
    /// The directory's own words.
    pub(super) said: String,
    pub(super) policy: Policy,
    /// The connection is within TLS.
    pub(super) in_tls: bool,
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    /// There is more than was asked for.
    pub(super) has_more: bool,
    /// Where it should begin there is no entry.
    pub(super) is_nowhere: bool,
}

/// Where a directory is, and how it is spoken to.
#[derive(Clone, Copy)]
pub(super) struct Peer<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) transport: LdapTransport,
    pub(super) tls: &'a TlsConnector,
    /// The section's time for everything.
    pub(super) within: Duration,
}

/// Whose password NTLM proves.
#[derive(Clone, Copy)]
pub(super) struct Account<'a> {
    pub(super) user: &'a str,
    pub(super) domain: &'a str,
    pub(super) workstation: &'a str,
    pub(super) password: &'a str,
}

impl Connection {
    /// Connects, and speaks TLS where the section wants it.
    pub(super) async fn open(peer: Peer<'_>) -> Result<Self, Trouble> {
        let connect = CONNECT.min(peer.within);
        let stream = tokio::time::timeout(connect, TcpStream::connect((peer.host, peer.port)))
            .await
            .map_err(|_| Trouble::Silent(connect))?
            .map_err(Trouble::Connect)?;
        // Questions are small, and each is waited for.
        _ = stream.set_nodelay(true);
        let stream = match peer.transport {
            LdapTransport::Clear => {
                return Ok(Self { wire: Wire::new(Box::new(stream)), channel: None, in_tls: false, bounds: None });
            }
            LdapTransport::StartTls => start_tls(stream).await?,
            LdapTransport::Ldaps => stream,
        };
        let name = ServerName::try_from(peer.host.to_owned())
            .map_err(|error| Trouble::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let stream = peer.tls.connect(name, stream).await.map_err(Trouble::Tls)?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let channel = certificate.and_then(|certificate| tls::server_end_point(certificate));
        Ok(Self { wire: Wire::new(Box::new(stream)), channel, in_tls: true, bounds: None })
    }

    /// The connection itself, for somebody else to speak on.
    pub(super) fn into_stream(self) -> Result<Box<dyn Stream>, Trouble> {
        self.wire.into_stream()
    }

    /// Proves a password by sending it. It must not be empty: that would be right for everybody.
    pub(super) async fn simple_bind(&mut self, dn: &str, password: &str) -> Result<BindEnd, Trouble> {
        let proof = Authentication::Simple(Credentials::new(password.as_bytes()));
        self.bind(dn, &proof).await.map(|(end, _)| end)
    }

    /// Proves a password without sending it: NTLM, bare within GSS-SPNEGO, as MS-SPNG 3.3.5.1 lets it. `now` is in units of 100 ns since 1601.
    pub(super) async fn ntlm_bind(&mut self, host: &str, account: Account<'_>, now: u64) -> Result<BindEnd, Trouble> {
        let spnego = |token: &[u8]| Authentication::Sasl {
            mechanism: oid::GSS_SPNEGO.to_owned(),
            credentials: Some(Credentials::new(token)),
        };
        let first = ntlm::negotiate();
        let (end, token) = self.bind("", &spnego(&first)).await?;
        if end.code != ResultCode::SaslBindInProgress {
            // Not even a right password is taken before it was proven.
            return if end.code == ResultCode::Success { Err(Trouble::Ntlm) } else { Ok(end) };
        }
        let challenge = token.and_then(|token| Challenge::parse(token.expose()).ok()).ok_or(Trouble::Ntlm)?;
        let mut chance = [0; 8];
        aws_lc_rs::rand::fill(&mut chance).map_err(|_| Trouble::NoChance)?;
        let target = format!("ldap/{host}");
        let claim = Claim {
            user: account.user,
            domain: account.domain,
            workstation: account.workstation,
            password: account.password,
            target: &target,
            channel: self.channel.as_ref(),
        };
        let last = ntlm::authenticate(&claim, &first, &challenge, chance, now);
        let (end, _) = self.bind("", &spnego(&last)).await?;
        if end.code == ResultCode::SaslBindInProgress { Err(Trouble::Ntlm) } else { Ok(end) }
    }

    async fn bind(&mut self, dn: &str, proof: &Authentication) -> Result<(BindEnd, Option<Credentials>), Trouble> {
        let id = self.wire.ask(|id| request::bind(id, dn, proof, Some(&policy::asked()))).await?;
        let octets = self.wire.answer(id).await?;
        let message = Message::parse(&octets)?;
        let Operation::BindResponse(answer) = message.operation else { return Err(Trouble::Unasked) };
        let LdapResult { code, diagnostic, .. } = answer.result;
        let policy = policy::told(message.controls.unwrap_or_default())?;
        Ok((BindEnd { code, said: said(diagnostic), policy, in_tls: self.in_tls }, answer.server_credentials))
    }

    /// Takes answers that hold more than a login's: `bounds` are of one search, and one message may be as long.
    pub(super) fn takes(&mut self, bounds: Bounds) {
        self.wire.takes(bounds.octets);
        self.bounds = Some(bounds);
    }

    /// Searches.
    pub(super) async fn search(&mut self, search: &Search) -> Result<Found, Trouble> {
        let entries = usize::try_from(search.size_limit).unwrap_or_default();
        let octets = self.bounds.map_or(LONGEST_SEARCH, |bounds| bounds.octets);
        let (found, end) = self.collect(search, None, Bounds { entries, octets }).await?;
        match end.code {
            ResultCode::Success => Ok(found),
            ResultCode::NoSuchObject => Ok(Found { is_nowhere: true, ..found }),
            ResultCode::SizeLimitExceeded => Ok(Found { has_more: true, ..found }),
            ResultCode::Referral => Err(Trouble::Referral),
            word => Err(Trouble::Refused { doing: "search", word, said: end.said }),
        }
    }

    /// One page of a search that must find everything; `after` is what ended the page before. A directory that knows no pages sends all at once.
    ///
    /// Fails where it stops before the end, whatever its reason.
    pub(super) async fn page(&mut self, search: &Search, after: &[u8]) -> Result<Page, Trouble> {
        let controls = pages::asked(after);
        let bounds = self.bounds.unwrap_or(Bounds { entries: pages::ENTRIES, octets: LONGEST_SEARCH });
        let (found, end) = self.collect(search, Some(&controls), bounds).await?;
        match end.code {
            ResultCode::Success => {
                let next = pages::told(&end.controls)?;
                Ok(Page { entries: found.entries, is_nowhere: false, next })
            }
            ResultCode::NoSuchObject => Ok(Page { entries: Vec::new(), is_nowhere: true, next: None }),
            ResultCode::Referral => Err(Trouble::Referral),
            word @ (ResultCode::SizeLimitExceeded | ResultCode::AdminLimitExceeded | ResultCode::TimeLimitExceeded) => {
                Err(Trouble::Limited { word, said: end.said })
            }
            word => Err(Trouble::Refused { doing: "search", word, said: end.said }),
        }
    }

    async fn collect(
        &mut self,
        search: &Search,
        controls: Option<&[u8]>,
        bounds: Bounds,
    ) -> Result<(Found, End), Trouble> {
        let id = self.wire.ask(|id| Zeroizing::new(search.encode(id, controls))).await?;
        let (mut found, mut references, mut octets_in_all) = (Found::default(), 0, 0);
        loop {
            let octets = self.wire.answer(id).await?;
            octets_in_all += octets.len();
            let message = Message::parse(&octets)?;
            match message.operation {
                Operation::SearchResultEntry(entry) => found.entries.push(Entry::of(&entry)),
                Operation::Other(tag::SEARCH_RESULT_REFERENCE) => references += 1,
                Operation::SearchResultDone(end) => {
                    let controls = message.controls.unwrap_or_default().to_vec();
                    return Ok((found, End { code: end.code, said: said(end.diagnostic), controls }));
                }
                _ => return Err(Trouble::Unasked),
            }
            if found.entries.len() > bounds.entries || references > MOST_REFERENCES || octets_in_all > bounds.octets {
                return Err(Trouble::TooMuch);
            }
        }
    }

    /// Whether it can be asked again after it was left alone.
    pub(super) async fn is_quiet(&mut self) -> bool {
        self.wire.is_quiet().await
    }

    pub(super) async fn leave(self) {
        self.wire.leave().await;
    }
}

/// RFC 4511 §4.14
async fn start_tls(stream: TcpStream) -> Result<TcpStream, Trouble> {
    let mut wire = Wire::new(stream);
    let id = wire.ask(|id| Zeroizing::new(request::start_tls(id))).await?;
    let octets = wire.answer(id).await?;
    match Message::parse(&octets)?.operation {
        Operation::ExtendedResponse(answer) if answer.result.code == ResultCode::Success => wire.into_stream(),
        Operation::ExtendedResponse(answer) => {
            Err(Trouble::NoStartTls(format!("{} {}", answer.result.code.word(), said(answer.result.diagnostic))))
        }
        _ => Err(Trouble::Unasked),
    }
}
