//! NTLM as clients send it in a bind by GSS-SPNEGO: who it is, and what it asks of the connection (\[MS-NLMP\] §2.2.1, RFC 4178 §4.2). Nothing is verified here: the directory does that.

use crate::ber::{Malformed, OCTET_STRING, Reader, SEQUENCE};

/// NEGOTIATE_UNICODE: names are UTF-16.
const UNICODE: u32 = 0x0000_0001;
/// NEGOTIATE_SIGN: every later message is signed.
const SIGN: u32 = 0x0000_0010;
/// NEGOTIATE_SEAL: every later message is encrypted.
const SEAL: u32 = 0x0000_0020;

/// What a client's token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// NTLM's first message.
    Negotiate,
    /// NTLM's third: who it is.
    Authenticate(Authenticate),
    /// Kerberos or another mechanism, whose names cannot be read.
    Unreadable,
}

/// NTLM's third message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// The domain, may be empty.
    pub domain: String,
    /// The user's name, empty for nobody in particular.
    pub user: String,
    /// Later messages will be signed or encrypted, so that nobody between can read them.
    pub is_sealed: bool,
}

/// Reads what a client sends as credentials of GSS-SPNEGO: NTLM within SPNEGO, or bare, as some send it.
///
/// Fails if it is neither.
pub fn read(credentials: &[u8]) -> Result<Token, Malformed> {
    match credentials.first() {
        Some(b'N') => ntlm(credentials),
        Some(0x60) => initial(credentials),
        Some(0xA1) => following(credentials),
        Some(&other) => Err(Malformed::Tag { found: other, wanted: 0x60 }),
        None => Err(Malformed::Truncated),
    }
}

/// `[APPLICATION 0] { SPNEGO's number, [0] NegTokenInit { [0] mechanisms, [2] token } }`
fn initial(credentials: &[u8]) -> Result<Token, Malformed> {
    let mut inside = Reader::new(Reader::new(credentials).expect(0x60)?);
    inside.expect(0x06)?;
    let mut list = Reader::new(Reader::new(inside.expect(0xA0)?).expect(SEQUENCE)?);
    token(&mut list)
}

/// `[1] NegTokenResp { [0] state, [1] mechanism, [2] token }`
fn following(credentials: &[u8]) -> Result<Token, Malformed> {
    let mut list = Reader::new(Reader::new(Reader::new(credentials).expect(0xA1)?).expect(SEQUENCE)?);
    token(&mut list)
}

fn token(list: &mut Reader<'_>) -> Result<Token, Malformed> {
    while let Some(element) = list.following()? {
        if element.tag == 0xA2 {
            let token = Reader::new(element.value).expect(OCTET_STRING)?;
            return if token.starts_with(SIGNATURE) { ntlm(token) } else { Ok(Token::Unreadable) };
        }
    }
    // Mechanisms are offered without a first token of any.
    Ok(Token::Unreadable)
}

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

fn ntlm(message: &[u8]) -> Result<Token, Malformed> {
    if !message.starts_with(SIGNATURE) {
        return Err(Malformed::Truncated);
    }
    match number(message, 8)? {
        1 => Ok(Token::Negotiate),
        3 => {
            let flags = number(message, 60)?;
            let text = |at: usize| field(message, at).and_then(|value| text(value, flags));
            let (domain, user) = (text(28)?, text(36)?);
            Ok(Token::Authenticate(Authenticate { domain, user, is_sealed: flags & (SIGN | SEAL) != 0 }))
        }
        _ => Ok(Token::Unreadable),
    }
}

/// Four octets, the least significant first.
fn number(message: &[u8], at: usize) -> Result<u32, Malformed> {
    let octets = message.get(at..).and_then(<[u8]>::first_chunk::<4>).ok_or(Malformed::Truncated)?;
    Ok(u32::from_le_bytes(*octets))
}

/// A length in two octets, the room for it, and where the value begins.
fn field(message: &[u8], at: usize) -> Result<&[u8], Malformed> {
    let len = usize::try_from(number(message, at)? & 0xFFFF).map_err(|_| Malformed::Truncated)?;
    if len == 0 {
        return Ok(&[]);
    }
    let from = usize::try_from(number(message, at + 4)?).map_err(|_| Malformed::Truncated)?;
    let end = from.checked_add(len).ok_or(Malformed::Truncated)?;
    message.get(from..end).ok_or(Malformed::Truncated)
}

fn text(value: &[u8], flags: u32) -> Result<String, Malformed> {
    if flags & UNICODE == 0 {
        // In a code page that is not told: only what is the same in all of them.
        return if value.is_ascii() { crate::ber::text(value).map(str::to_owned) } else { Err(Malformed::Text) };
    }
    let (pairs, odd) = value.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(Malformed::Text);
    }
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units).collect::<Result<_, _>>().map_err(|_| Malformed::Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ber::Writer;

    /// As \[MS-NLMP\] §4.2.4.3 lays it out: domain `Domain`, user `User`, workstation `COMPUTER`.
    fn authenticate(flags: u32) -> Vec<u8> {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
        let values = [vec![1; 24], vec![2; 24], utf16("Domain"), utf16("User"), utf16("COMPUTER"), Vec::new()];
        let mut at = 64_u32;
        for value in &values {
            let len = u16::try_from(value.len()).unwrap().to_le_bytes();
            message.extend([len, len].concat());
            message.extend(at.to_le_bytes());
            at += u32::try_from(value.len()).unwrap();
        }
        message.extend(flags.to_le_bytes());
        message.extend(values.concat());
        message
    }

    fn wrapped(token: &[u8]) -> Vec<u8> {
        let mut writer = Writer::with_room(token.len());
        writer.nested(0xA1, |outer| {
            outer.nested(SEQUENCE, |list| {
                list.nested(0xA0, |state| {
                    state.number(0x0A, 1);
                });
                list.nested(0xA2, |inside| {
                    inside.octets(OCTET_STRING, token);
                });
            });
        });
        writer.into_octets().to_vec()
    }

    #[test]
    fn the_name_is_read_bare_and_wrapped() {
        let plain = Authenticate { domain: "Domain".to_owned(), user: "User".to_owned(), is_sealed: false };
        assert_eq!(read(&authenticate(UNICODE)), Ok(Token::Authenticate(plain.clone())));
        assert_eq!(read(&wrapped(&authenticate(UNICODE))), Ok(Token::Authenticate(plain.clone())));
        for flag in [SIGN, SEAL] {
            let sealed = Authenticate { is_sealed: true, ..plain.clone() };
            assert_eq!(read(&authenticate(UNICODE | flag)), Ok(Token::Authenticate(sealed)));
        }
    }

    #[test]
    fn the_first_message_is_known_within_spnego() {
        let mut writer = Writer::with_room(100);
        writer.nested(0x60, |outer| {
            outer.octets(0x06, b"\x2b\x06\x01\x05\x05\x02");
            outer.nested(0xA0, |inside| {
                inside.nested(SEQUENCE, |list| {
                    list.nested(0xA0, |mechanisms| {
                        mechanisms.nested(SEQUENCE, |one| {
                            one.octets(0x06, b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a");
                        });
                    });
                    list.nested(0xA2, |token| {
                        token.octets(OCTET_STRING, b"NTLMSSP\0\x01\0\0\0");
                    });
                });
            });
        });
        assert_eq!(read(&writer.into_octets()), Ok(Token::Negotiate));
    }

    #[test]
    fn kerberos_has_no_name_to_read() {
        assert_eq!(read(&wrapped(b"\x60\x82\x05\x00")), Ok(Token::Unreadable));
    }

    #[test]
    fn lies_about_places_are_found_out() {
        let whole = authenticate(UNICODE);
        for len in 0..whole.len() - 1 {
            // The last field may be cut where it is not read.
            if let Ok(Token::Authenticate(found)) = read(&whole[..len]) {
                assert_eq!((&*found.domain, &*found.user), ("Domain", "User"));
            }
        }
        let mut lying = whole.clone();
        lying[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&lying), Err(Malformed::Truncated));
        let mut odd = whole;
        odd[36] = 7;
        assert_eq!(read(&odd), Err(Malformed::Text));
    }
}
