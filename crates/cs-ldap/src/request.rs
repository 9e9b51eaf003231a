//! Requests, written.

use zeroize::Zeroizing;

use crate::ber::{BOOLEAN, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, Writer};
use crate::filter::Filter;
use crate::message::{Authentication, MessageId, REQUEST_NAME, REQUEST_VALUE, SASL, SIMPLE, tag};
use crate::oid;

/// Around an operation, with controls that another message had.
pub(crate) fn message(
    id: MessageId,
    room: usize,
    controls: Option<&[u8]>,
    operation: impl FnOnce(&mut Writer),
) -> Zeroizing<Vec<u8>> {
    let mut writer = Writer::with_room(room + controls.map_or(0, <[u8]>::len));
    writer.nested(SEQUENCE, |inside| {
        inside.number(INTEGER, id.number());
        operation(inside);
        inside.raw(controls.unwrap_or_default());
    });
    writer.into_octets()
}

/// A bind (RFC 4511 §4.2) of protocol version 3. `controls` is the element of another message, tag and all.
///
/// [`Authentication::Other`] is written as an empty element of its tag, which no directory takes.
pub fn bind(id: MessageId, name: &str, authentication: &Authentication, controls: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let proof = match authentication {
        Authentication::Simple(password) => password.expose().len(),
        Authentication::Sasl { mechanism, credentials } => {
            mechanism.len() + credentials.as_ref().map_or(0, |credentials| credentials.expose().len())
        }
        Authentication::Other(_) => 0,
    };
    message(id, name.len() + proof + 64, controls, |inside| {
        inside.nested(tag::BIND_REQUEST, |bind| {
            bind.number(INTEGER, 3).octets(OCTET_STRING, name.as_bytes());
            match authentication {
                Authentication::Simple(password) => bind.octets(SIMPLE, password.expose()),
                Authentication::Sasl { mechanism, credentials } => bind.nested(SASL, |sasl| {
                    sasl.octets(OCTET_STRING, mechanism.as_bytes());
                    if let Some(credentials) = credentials {
                        sasl.octets(OCTET_STRING, credentials.expose());
                    }
                }),
                Authentication::Other(tag) => bind.octets(*tag, &[]),
            };
        });
    })
}

/// The end of a connection (RFC 4511 §4.3).
pub fn unbind(id: MessageId) -> Vec<u8> {
    message(id, 8, None, |inside| {
        inside.octets(tag::UNBIND_REQUEST, &[]);
    })
    .to_vec()
}

/// An extended operation (RFC 4511 §4.12); [`oid`] has some.
pub fn extended(id: MessageId, name: &str, value: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    message(id, name.len() + value.map_or(0, <[u8]>::len) + 16, None, |inside| {
        inside.nested(tag::EXTENDED_REQUEST, |extended| {
            extended.octets(REQUEST_NAME, name.as_bytes());
            if let Some(value) = value {
                extended.octets(REQUEST_VALUE, value);
            }
        });
    })
}

/// TLS from here on (RFC 4511 §4.14).
pub fn start_tls(id: MessageId) -> Vec<u8> {
    extended(id, oid::START_TLS, None).to_vec()
}

/// How far below its base a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The entry itself.
    Base,
    /// Those right below it.
    OneLevel,
    /// It, and all below.
    Subtree,
}

/// A search (RFC 4511 §4.5.1). Aliases are never followed: what is found is what lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Where it begins.
    pub base: String,
    /// See [`Scope`].
    pub scope: Scope,
    /// At most so many entries; zero is as many as the server gives.
    pub size_limit: i32,
    /// At most so many seconds; zero is as long as the server allows.
    pub time_limit_seconds: i32,
    /// Which entries.
    pub filter: Filter,
    /// Which attributes of them; none is all, `1.1` is no attribute.
    pub attributes: Vec<String>,
}

impl Search {
    /// The message. `controls` is a whole element [`tag::CONTROLS`], as one for pages.
    pub fn encode(&self, id: MessageId, controls: Option<&[u8]>) -> Vec<u8> {
        let scope = match self.scope {
            Scope::Base => 0,
            Scope::OneLevel => 1,
            Scope::Subtree => 2,
        };
        message(id, self.base.len() + 128, controls, |inside| {
            inside.nested(tag::SEARCH_REQUEST, |search| {
                search.octets(OCTET_STRING, self.base.as_bytes()).number(ENUMERATED, scope).number(ENUMERATED, 0);
                search.number(INTEGER, self.size_limit).number(INTEGER, self.time_limit_seconds);
                search.truth(BOOLEAN, false);
                self.filter.encode(search);
                search.nested(SEQUENCE, |list| {
                    for attribute in &self.attributes {
                        list.octets(OCTET_STRING, attribute.as_bytes());
                    }
                });
            });
        })
        .to_vec()
    }
}
