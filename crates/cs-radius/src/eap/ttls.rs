//! What stands inside of a tunnel of TTLS: attributes as in Diameter (RFC 5281 §10), and a password among them (§11.2.5).

use zeroize::Zeroizing;

/// More than this is no login.
pub const MOST: usize = 64;

const VENDOR: u8 = 0x80;
const MANDATORY: u8 = 0x40;

/// Why octets are not attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAvps {
    /// An attribute's length is below its header, or reaches beyond the end.
    #[error("an attribute with an impossible length")]
    Length,
    /// Too many of them.
    #[error("more than {MOST} attributes")]
    TooMany,
}

/// One attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avp<'a> {
    /// Its number; below 256 those of RADIUS.
    pub code: u32,
    /// Of a vendor.
    pub vendor: Option<u32>,
    /// Who does not know it must refuse.
    pub is_mandatory: bool,
    /// Its value.
    pub value: &'a [u8],
}

/// All attributes. Between them is padding to multiples of four octets; after the last one it may be missing.
///
/// Fails with [`BadAvps`].
pub fn avps(mut octets: &[u8]) -> Result<Vec<Avp<'_>>, BadAvps> {
    let mut all = Vec::new();
    while !octets.is_empty() {
        let (&[a, b, c, d, flags, high, mid, low], _) = octets.split_first_chunk::<8>().ok_or(BadAvps::Length)?;
        let len = usize::try_from(u32::from_be_bytes([0, high, mid, low])).map_err(|_| BadAvps::Length)?;
        let whole = octets.get(..len).ok_or(BadAvps::Length)?;
        let body = whole.get(8..).ok_or(BadAvps::Length)?;
        let (vendor, value) = if flags & VENDOR == 0 {
            (None, body)
        } else {
            let (vendor, value) = body.split_first_chunk::<4>().ok_or(BadAvps::Length)?;
            (Some(u32::from_be_bytes(*vendor)), value)
        };
        if all.len() == MOST {
            return Err(BadAvps::TooMany);
        }
        let is_mandatory = flags & MANDATORY != 0;
        all.push(Avp { code: u32::from_be_bytes([a, b, c, d]), vendor, is_mandatory, value });
        octets = octets.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(all)
}

/// A name and a password.
#[derive(PartialEq, Eq)]
pub struct PasswordLogin {
    /// User-Name
    pub user: Vec<u8>,
    /// User-Password, without what hides its length.
    pub password: Zeroizing<Vec<u8>>,
}

/// Without the password.
impl std::fmt::Debug for PasswordLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PasswordLogin({})", self.user.escape_ascii())
    }
}

impl PasswordLogin {
    /// Out of the attributes of a login; `None` if it is no password login, or one that wants more to be understood.
    pub fn of(octets: &[u8]) -> Option<Self> {
        const USER_NAME: u32 = 1;
        const USER_PASSWORD: u32 = 2;
        let avps = avps(octets).ok()?;
        let one = |code: u32| {
            let mut found = avps.iter().filter(|avp| avp.vendor.is_none() && avp.code == code);
            // Of two it would not be clear which is meant.
            found.next().filter(|_| found.next().is_none())
        };
        let (user, password) = (one(USER_NAME)?, one(USER_PASSWORD)?);
        let is_known = |avp: &Avp<'_>| avp.vendor.is_none() && [USER_NAME, USER_PASSWORD].contains(&avp.code);
        if avps.iter().any(|avp| avp.is_mandatory && !is_known(avp)) {
            return None;
        }
        let len = password.value.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
        let password = Zeroizing::new(password.value.get(..len)?.to_vec());
        Some(Self { user: user.value.to_vec(), password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn avp(code: u32, flags: u8, vendor: Option<u32>, value: &[u8]) -> Vec<u8> {
        let vendor = vendor.map(|vendor| vendor.to_be_bytes().to_vec()).unwrap_or_default();
        let len = u32::try_from(8 + vendor.len() + value.len()).unwrap().to_be_bytes();
        let mut octets = [&code.to_be_bytes()[..], &[flags], &len[1..], &vendor, value].concat();
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    #[test]
    fn a_password_is_found_without_its_padding() {
        let octets = [avp(1, 0x40, None, b"alice"), avp(2, 0x40, None, b"S3cret,pw\0\0\0\0\0\0\0")].concat();
        let login = PasswordLogin::of(&octets).unwrap();
        assert_eq!((login.user.as_slice(), login.password.as_slice()), (&b"alice"[..], &b"S3cret,pw"[..]));
        // The padding of the last one may be missing; what is not mandatory may be there.
        let octets = [avp(2, 0, None, b"pw\0\0"), avp(1, 0x80, Some(9), b"x"), avp(1, 0, None, b"alice")].concat();
        assert_eq!(PasswordLogin::of(&octets[..octets.len() - 3]).unwrap().user, b"alice");
    }

    #[test]
    fn what_is_no_password_login_is_none() {
        let (user, password) = (avp(1, 0x40, None, b"alice"), avp(2, 0x40, None, b"pw"));
        for octets in [
            user.clone(),
            password.clone(),
            [&user[..], &user, &password].concat(),
            // MS-CHAP2-Response, which must be understood.
            [&user[..], &password, &avp(25, 0xc0, Some(311), &[0; 50])].concat(),
            // Lengths that are too short, or too long.
            [&user[..], &[0, 0, 0, 2, 0, 0, 0, 7]].concat(),
            [&user[..], &[0, 0, 0, 2, 0, 0, 1, 0, 1]].concat(),
            [&user[..], &[0, 0, 0, 2, 0x80, 0, 0, 10, 1, 1]].concat(),
            [user, password].concat().repeat(40),
        ] {
            assert_eq!(PasswordLogin::of(&octets), None, "{octets:?}");
        }
    }
}
