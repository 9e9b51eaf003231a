//! Answers, written.

use crate::ber::{ENUMERATED, OCTET_STRING, Writer};
use crate::message::{MessageId, RESPONSE_NAME, tag};
use crate::oid;
use crate::request::message;
use crate::result::ResultCode;

/// How a bind ended (RFC 4511 §4.2.2); `diagnostic` is shown to people.
pub fn bind_response(id: MessageId, code: ResultCode, diagnostic: &str) -> Vec<u8> {
    respond(id, tag::BIND_RESPONSE, code, diagnostic, None)
}

/// How an extended operation ended (RFC 4511 §4.12).
pub fn extended_response(id: MessageId, code: ResultCode, diagnostic: &str, name: Option<&str>) -> Vec<u8> {
    respond(id, tag::EXTENDED_RESPONSE, code, diagnostic, name)
}

/// The last word before hanging up (RFC 4511 §4.4.1).
pub fn notice_of_disconnection(code: ResultCode, diagnostic: &str) -> Vec<u8> {
    extended_response(MessageId::UNSOLICITED, code, diagnostic, Some(oid::NOTICE_OF_DISCONNECTION))
}

fn respond(id: MessageId, tag: u8, code: ResultCode, diagnostic: &str, name: Option<&str>) -> Vec<u8> {
    message(id, diagnostic.len() + 64, None, |inside| {
        inside.nested(tag, |response: &mut Writer| {
            response.number(ENUMERATED, code.number()).octets(OCTET_STRING, b"");
            response.octets(OCTET_STRING, diagnostic.as_bytes());
            if let Some(name) = name {
                response.octets(RESPONSE_NAME, name.as_bytes());
            }
        });
    })
    .to_vec()
}
