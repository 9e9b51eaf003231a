//! Messages, read in place.

use crate::ber::{self, Malformed, OCTET_STRING, Reader, SEQUENCE};
use crate::credentials::Credentials;
use crate::result::ResultCode;

/// Tags of operations (RFC 4511, appendix B).
pub mod tag {
    /// BindRequest
    pub const BIND_REQUEST: u8 = 0x60;
    /// BindResponse
    pub const BIND_RESPONSE: u8 = 0x61;
    /// UnbindRequest
    pub const UNBIND_REQUEST: u8 = 0x42;
    /// SearchRequest
    pub const SEARCH_REQUEST: u8 = 0x63;
    /// SearchResultEntry
    pub const SEARCH_RESULT_ENTRY: u8 = 0x64;
    /// SearchResultDone
    pub const SEARCH_RESULT_DONE: u8 = 0x65;
    /// SearchResultReference
    pub const SEARCH_RESULT_REFERENCE: u8 = 0x73;
    /// ModifyRequest
    pub const MODIFY_REQUEST: u8 = 0x66;
    /// ModifyResponse
    pub const MODIFY_RESPONSE: u8 = 0x67;
    /// AbandonRequest
    pub const ABANDON_REQUEST: u8 = 0x50;
    /// ExtendedRequest
    pub const EXTENDED_REQUEST: u8 = 0x77;
    /// ExtendedResponse
    pub const EXTENDED_RESPONSE: u8 = 0x78;
    /// IntermediateResponse
    pub const INTERMEDIATE_RESPONSE: u8 = 0x79;
    /// Controls of a message.
    pub const CONTROLS: u8 = 0xA0;
}

/// Which request an answer belongs to; zero is the server's own word, asked by nobody (RFC 4511 §4.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(i32);

impl MessageId {
    /// Of what a server says unasked.
    pub const UNSOLICITED: Self = Self(0);

    /// Of a number from zero to 2³¹-1.
    pub fn new(number: i32) -> Option<Self> {
        (number >= 0).then_some(Self(number))
    }

    /// The number.
    pub fn number(self) -> i32 {
        self.0
    }

    fn read(value: i32) -> Result<Self, Malformed> {
        Self::new(value).ok_or(Malformed::MessageId)
    }
}

/// A message (RFC 4511 §4.1.1).
#[derive(Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its number.
    pub id: MessageId,
    /// What it is.
    pub operation: Operation<'a>,
    /// Its controls, as the element that they came in.
    pub controls: Option<&'a [u8]>,
}

/// What a message is; whatever is not read here stays as it came.
#[derive(Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Who one is.
    BindRequest(BindRequest<'a>),
    /// Whether that was taken.
    BindResponse(BindResponse<'a>),
    /// The end of the connection.
    UnbindRequest,
    /// An operation that is not waited for any more.
    AbandonRequest(MessageId),
    /// An entry that was found.
    SearchResultEntry(Entry<'a>),
    /// The end of a search.
    SearchResultDone(LdapResult<'a>),
    /// An extended operation.
    ExtendedRequest(ExtendedRequest<'a>),
    /// How it ended, or what a server says unasked.
    ExtendedResponse(ExtendedResponse<'a>),
    /// Anything else, by its tag.
    Other(u8),
}

/// Who one is, and the proof (RFC 4511 §4.2).
#[derive(Debug, PartialEq, Eq)]
pub struct BindRequest<'a> {
    /// Of the protocol; 3.
    pub version: i32,
    /// A DN, or whatever else a directory takes for a name.
    pub name: &'a str,
    /// The proof.
    pub authentication: Authentication,
}

/// How somebody proves who they are.
#[derive(Debug, PartialEq, Eq)]
pub enum Authentication {
    /// By a password.
    Simple(Credentials),
    /// By a SASL mechanism (RFC 4513 §5.2).
    Sasl {
        /// Its name.
        mechanism: String,
        /// What it sends, if anything.
        credentials: Option<Credentials>,
    },
    /// By something that RFC 4511 has not, as Microsoft's tags 0x89 to 0x8B ("Sicily").
    Other(u8),
}

/// How an operation ended, with words (RFC 4511 §4.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LdapResult<'a> {
    /// How.
    pub code: ResultCode,
    /// The nearest entry there is.
    pub matched_dn: &'a [u8],
    /// For people; any octets, since servers are not always careful.
    pub diagnostic: &'a [u8],
}

/// How a bind ended (RFC 4511 §4.2.2).
#[derive(Debug, PartialEq, Eq)]
pub struct BindResponse<'a> {
    /// How.
    pub result: LdapResult<'a>,
    /// What a mechanism's other side says.
    pub server_credentials: Option<Credentials>,
}

/// An extended operation (RFC 4511 §4.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedRequest<'a> {
    /// Which: see [`oid`](crate::oid).
    pub name: &'a str,
    /// What goes with it.
    pub value: Option<&'a [u8]>,
}

/// How an extended operation ended (RFC 4511 §4.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedResponse<'a> {
    /// How.
    pub result: LdapResult<'a>,
    /// Which it is.
    pub name: Option<&'a str>,
    /// What goes with it.
    pub value: Option<&'a [u8]>,
}

/// An entry that was found (RFC 4511 §4.5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name.
    pub dn: &'a str,
    /// What is known of it, in the server's order.
    pub attributes: Vec<Attribute<'a>>,
}

/// An attribute with its values.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name, with options behind semicolons.
    pub name: &'a str,
    /// Any octets.
    pub values: Vec<&'a [u8]>,
}

/// Values may be secrets: they are counted, not shown.
impl std::fmt::Debug for Attribute<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} values)", self.name, self.values.len())
    }
}

impl<'a> Message<'a> {
    /// Reads a whole message, of the length that [`frame_len`](crate::frame_len) tells.
    ///
    /// Fails if its envelope is none, or an operation that is read here is not in order. What stands behind what the standard has is passed over (RFC 4511 §4).
    pub fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        let (id, operation, mut rest) = envelope(message)?;
        let read = Reader::new(operation.value);
        let operation = match operation.tag {
            tag::BIND_REQUEST => Operation::BindRequest(bind_request(read)?),
            tag::BIND_RESPONSE => Operation::BindResponse(bind_response(read)?),
            tag::UNBIND_REQUEST => Operation::UnbindRequest,
            tag::ABANDON_REQUEST => Operation::AbandonRequest(MessageId::read(ber::number(operation.value)?)?),
            tag::SEARCH_RESULT_ENTRY => Operation::SearchResultEntry(entry(read)?),
            tag::SEARCH_RESULT_DONE => Operation::SearchResultDone(result(&mut { read })?),
            tag::EXTENDED_REQUEST => Operation::ExtendedRequest(extended_request(read)?),
            tag::EXTENDED_RESPONSE => Operation::ExtendedResponse(extended_response(read)?),
            other => Operation::Other(other),
        };
        let controls = match rest.following()? {
            Some(element) if element.tag == tag::CONTROLS => Some(element.whole),
            Some(_) | None => None,
        };
        Ok(Self { id, operation, controls })
    }

    /// Number and tag of the operation alone: what is needed to pass a message on.
    ///
    /// Fails if its envelope is none.
    pub fn head(message: &[u8]) -> Result<(MessageId, u8), Malformed> {
        envelope(message).map(|(id, operation, _)| (id, operation.tag))
    }
}

fn envelope(message: &[u8]) -> Result<(MessageId, ber::Element<'_>, Reader<'_>), Malformed> {
    let mut inside = Reader::new(Reader::new(message).expect(SEQUENCE)?);
    let id = MessageId::read(inside.number(ber::INTEGER)?)?;
    let operation = inside.any()?;
    Ok((id, operation, inside))
}

/// [0], a simple bind's password.
pub(crate) const SIMPLE: u8 = 0x80;
/// [3], a mechanism with what it sends.
pub(crate) const SASL: u8 = 0xA3;
/// [7], what a server's side of a mechanism says.
const SERVER_CREDENTIALS: u8 = 0x87;
/// [10] and [11] of an ExtendedResponse, [0] and [1] of a request.
pub(crate) const RESPONSE_NAME: u8 = 0x8A;
pub(crate) const RESPONSE_VALUE: u8 = 0x8B;
pub(crate) const REQUEST_NAME: u8 = 0x80;
pub(crate) const REQUEST_VALUE: u8 = 0x81;
/// [3], where else to ask.
const REFERRAL: u8 = 0xA3;

fn bind_request(mut read: Reader<'_>) -> Result<BindRequest<'_>, Malformed> {
    let version = read.number(ber::INTEGER)?;
    let name = read.text(OCTET_STRING)?;
    let proof = read.any()?;
    let authentication = match proof.tag {
        SIMPLE => Authentication::Simple(Credentials::new(proof.value)),
        SASL => {
            let mut inside = Reader::new(proof.value);
            let mechanism = inside.text(OCTET_STRING)?.to_owned();
            Authentication::Sasl { mechanism, credentials: inside.optional(OCTET_STRING)?.map(Credentials::new) }
        }
        other => Authentication::Other(other),
    };
    Ok(BindRequest { version, name, authentication })
}

fn bind_response(mut read: Reader<'_>) -> Result<BindResponse<'_>, Malformed> {
    let result = result(&mut read)?;
    Ok(BindResponse { result, server_credentials: read.optional(SERVER_CREDENTIALS)?.map(Credentials::new) })
}

fn result<'a>(read: &mut Reader<'a>) -> Result<LdapResult<'a>, Malformed> {
    let code = ResultCode::from_number(read.number(ber::ENUMERATED)?);
    let (matched_dn, diagnostic) = (read.expect(OCTET_STRING)?, read.expect(OCTET_STRING)?);
    read.optional(REFERRAL)?;
    Ok(LdapResult { code, matched_dn, diagnostic })
}

fn extended_request(mut read: Reader<'_>) -> Result<ExtendedRequest<'_>, Malformed> {
    Ok(ExtendedRequest { name: read.text(REQUEST_NAME)?, value: read.optional(REQUEST_VALUE)? })
}

fn extended_response(mut read: Reader<'_>) -> Result<ExtendedResponse<'_>, Malformed> {
    let result = result(&mut read)?;
    let name = read.optional(RESPONSE_NAME)?.map(ber::text).transpose()?;
    Ok(ExtendedResponse { result, name, value: read.optional(RESPONSE_VALUE)? })
}

fn entry(mut read: Reader<'_>) -> Result<Entry<'_>, Malformed> {
    let dn = read.text(OCTET_STRING)?;
    let mut list = Reader::new(read.expect(SEQUENCE)?);
    let mut attributes = Vec::new();
    while !list.is_empty() {
        let mut one = Reader::new(list.expect(SEQUENCE)?);
        let name = one.text(OCTET_STRING)?;
        let mut set = Reader::new(one.expect(ber::SET)?);
        let mut values = Vec::new();
        while !set.is_empty() {
            values.push(set.expect(OCTET_STRING)?);
        }
        attributes.push(Attribute { name, values });
    }
    Ok(Entry { dn, attributes })
}

impl<'a> Entry<'a> {
    /// The values of an attribute, whose name is compared without regard to case.
    pub fn values(&self, name: &str) -> &[&'a [u8]] {
        let found = self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name));
        found.map(|attribute| &*attribute.values).unwrap_or_default()
    }

    /// The one value of an attribute, as text; `None` where there are none or several, or it is no text.
    pub fn only_text(&self, name: &str) -> Option<&'a str> {
        match self.values(name) {
            [value] => ber::text(value).ok(),
            _ => None,
        }
    }
}
