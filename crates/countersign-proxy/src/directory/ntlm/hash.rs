//! The keys of NTLM version 2.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md4::{Digest as _, Md4};
use md5::Md5;
use zeroize::Zeroizing;

use super::utf16;

/// NTOWFv2 (MS-NLMP 3.3.2). The name counts in capitals, the domain as it is.
pub(super) fn response_key(user: &str, domain: &str, password: &str) -> Zeroizing<[u8; 16]> {
    let hash: Zeroizing<[u8; 16]> = Zeroizing::new(Md4::digest(&*utf16(password)).into());
    let name = utf16(&capitals(user));
    Zeroizing::new(hmac_md5(&hash, &[&name, &utf16(domain)]))
}

/// Letter for letter, as Windows does it: a letter that would become two stays.
fn capitals(name: &str) -> String {
    let one = |letter: char| {
        let mut capital = letter.to_uppercase();
        match (capital.next(), capital.next()) {
            (Some(only), None) => only,
            _ => letter,
        }
    };
    name.chars().map(one).collect()
}

pub(super) fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    // A key shorter than a block counts as one with zeros behind it (RFC 2104 §2).
    let mut block = Zeroizing::new([0; 64]);
    for (place, octet) in block.iter_mut().zip(key) {
        *place = *octet;
    }
    let mut mac = Hmac::<Md5>::new(&(*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

pub(super) fn md5(octets: &[u8]) -> [u8; 16] {
    Md5::digest(octets).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ms_nlmp_4_2_4_1_1_ntowfv2() {
        let expected = [0x0c, 0x86, 0x8a, 0x40, 0x3b, 0xfd, 0x7a, 0x93, 0xa3, 0x00, 0x1e, 0xf2, 0x2e, 0xf0, 0x2e, 0x3f];
        assert_eq!(*response_key("User", "Domain", "Password"), expected);
        assert_eq!(*response_key("uSER", "Domain", "Password"), expected);
        assert_ne!(*response_key("User", "domain", "Password"), expected);
    }

    #[test]
    fn a_letter_stays_one_letter() {
        assert_eq!(capitals("jörg.groß-ǆ"), "JÖRG.GROß-Ǆ");
    }
}
