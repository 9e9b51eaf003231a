//! Identifiers, each its own type. They have the shape Duo's have (20 characters, two-letter prefix), because clients check it.

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}")]
pub struct InvalidId {
    /// What was expected, for people: "a user id (DU…)".
    pub expected: &'static str,
}

const LENGTH: usize = 20;
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

fn generate(prefix: &str, rng: &mut impl CryptoRng) -> [u8; LENGTH] {
    let mut id = [0_u8; LENGTH];
    rng.fill_bytes(&mut id);
    for byte in &mut id {
        *byte = ALPHABET[usize::from(*byte % 32)];
    }
    id[..2].copy_from_slice(prefix.as_bytes());
    id
}

fn parse(text: &str, prefix: &str) -> Option<[u8; LENGTH]> {
    let id: [u8; LENGTH] = text.as_bytes().try_into().ok()?;
    let shaped = id.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    (shaped && text.starts_with(prefix)).then_some(id)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; LENGTH]);

        impl $name {
            /// A new random identifier (about 90 bits).
            pub fn generate(rng: &mut impl CryptoRng) -> Self {
                Self(generate($prefix, rng))
            }

            /// The 20 characters, all ASCII.
            pub const fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The 20 characters.
            pub fn as_str(&self) -> &str {
                // Only ASCII gets in, through `generate` and `parse`.
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text, $prefix).map(Self).ok_or(InvalidId { expected: $expected })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

ids! {
    /// An account: one organisation. Every other object belongs to exactly one.
    AccountId, "DA", "an account id (DA…)";
    /// A person who logs in.
    UserId, "DU", "a user id (DU…)";
    /// A set of users.
    GroupId, "DG", "a group id (DG…)";
    /// A phone, or any other thing that can hold an authenticator.
    PhoneId, "DP", "a phone id (DP…)";
    /// A hardware token.
    TokenId, "DH", "a token id (DH…)";
    /// A batch member of bypass codes; the code itself is never an identifier.
    BypassCodeId, "DB", "a bypass code id (DB…)";
    /// A person's request for an exception.
    ExceptionId, "DQ", "an exception request id (DQ…)";
    /// An exemption of a test or automation user.
    ExemptionId, "DX", "an exemption id (DX…)";
    /// A WebAuthn credential: a passkey or security key of a user.
    WebauthnKey, "WA", "a WebAuthn credential id (WA…)";
    /// An integration (an application in Duo's panel): the public half of its credentials.
    IntegrationKey, "DI", "an integration key (DI…)";
    /// An event of the review queue.
    ReviewEventId, "SE", "a review event id (SE…)";
    /// A policy.
    PolicyKey, "PO", "a policy key (PO…)";
    /// A login under way in a browser. Part of its pages' addresses, so no secret.
    PromptId, "PR", "a prompt id (PR…)";
    /// A browser that is remembered for one user.
    BrowserId, "BR", "a browser id (BR…)";
    /// A person in a browser who enrolls or looks after their own devices. Part of the pages' addresses, so no secret.
    VisitId, "VS", "a visit id (VS…)";
    /// An administrator. Administrators are never users.
    AdminId, "DE", "an administrator id (DE…)";
    /// A directory that users are synced from.
    DirectoryKey, "DS", "a directory key (DS…)";
    /// An administrative unit.
    AdminUnitId, "AU", "an administrative unit id (AU…)";
}

impl PolicyKey {
    /// The key of an account's global policy: the account's id in another dress, so that there cannot be two.
    pub fn global_of(account: AccountId) -> Self {
        let mut id = account.0;
        id[..2].copy_from_slice(b"PO");
        Self(id)
    }
}

impl IntegrationKey {
    /// The key of an account's built-in portal: the account's id in another dress, so that there cannot be two.
    pub fn portal_of(account: AccountId) -> Self {
        let mut id = account.0;
        id[..2].copy_from_slice(b"DI");
        Self(id)
    }
}

impl PromptId {
    /// One that begins with the time, in steps of 31 ms, so that rows of logins of the same moment lie together in the database. The other 55 bits are random.
    pub fn at(now: jiff::Timestamp, rng: &mut impl CryptoRng) -> Self {
        /// In the order of their bytes.
        const ORDERED: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
        let mut id = generate("PR", rng);
        let mut steps = now.as_millisecond().div_euclid(31).unsigned_abs();
        for byte in id[2..9].iter_mut().rev() {
            *byte = ORDERED[(steps % 32) as usize];
            steps /= 32;
        }
        Self(id)
    }
}

/// A login transaction: 128 bits, written as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId([u8; 16]);

impl TxId {
    /// The transaction with these 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A new random transaction id.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// A new id for the log entry of something that happens at `now`: the lower half of the time in milliseconds, then 96 random bits.
    ///
    /// Entries made one after another so stand side by side in the log's index by id, and the first eight digits, which people are shown as the
    /// reference, differ between entries of different milliseconds for seven weeks. For ids that grant something use [`TxId::generate`].
    pub fn at(now: jiff::Timestamp, rng: &mut impl CryptoRng) -> Self {
        let Self(mut bytes) = Self::generate(rng);
        let [_, _, _, _, time @ ..] = now.as_millisecond().to_be_bytes();
        bytes[..4].copy_from_slice(&time);
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for TxId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const INVALID: InvalidId = InvalidId { expected: "a transaction id" };
        let groups = [8, 13, 18, 23];
        if text.len() != 36 || !text.is_ascii() {
            return Err(INVALID);
        }
        let mut digits = Vec::with_capacity(32);
        for (at, byte) in text.bytes().enumerate() {
            match (groups.contains(&at), byte) {
                (true, b'-') => {}
                (false, b'0'..=b'9' | b'a'..=b'f') => digits.push(byte),
                _ => return Err(INVALID),
            }
        }
        let bytes = data_encoding::HEXLOWER.decode(&digits).map_err(|_| INVALID)?;
        bytes.try_into().map(Self).map_err(|_| INVALID)
    }
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0_u8; 32];
        data_encoding::HEXLOWER.encode_mut(&self.0, &mut digits);
        let mut text = [b'-'; 36];
        for (group, at) in [(0..8, 0), (8..12, 9), (12..16, 14), (16..20, 19), (20..32, 24)] {
            text[at..at + group.len()].copy_from_slice(&digits[group]);
        }
        // Only ASCII was put in.
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use rand_core::RngCore;

    use super::*;

    struct Same;

    impl RngCore for Same {
        fn next_u32(&mut self) -> u32 {
            7
        }
        fn next_u64(&mut self) -> u64 {
            7
        }
        fn fill_bytes(&mut self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    impl CryptoRng for Same {}

    #[test]
    fn an_id_of_another_kind_is_refused() {
        assert!("DUAAAAAAAAAAAAAAAAAA".parse::<UserId>().is_ok());
        for wrong in
            ["DPAAAAAAAAAAAAAAAAAA", "DUAAAAAAAAAAAAAAAAA", "DUAAAAAAAAAAAAAAAAaa", "", "DU\u{00c4}AAAAAAAAAAAAAAAA"]
        {
            assert!(wrong.parse::<UserId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_account_has_one_global_policy() {
        let account: AccountId = "DAABCDEFGHJKLMNPQRST".parse().unwrap();
        assert_eq!(PolicyKey::global_of(account).to_string(), "POABCDEFGHJKLMNPQRST");
    }

    #[test]
    fn ids_of_log_entries_stand_in_the_order_of_time() {
        let at = |ms| TxId::at(jiff::Timestamp::from_millisecond(ms).unwrap(), &mut Same).to_string();
        let now = 1_800_000_000_000;
        assert!(at(now) < at(now + 1) && at(now + 1) < at(now + 60_000));
        assert_ne!(at(now)[..8], at(now + 1)[..8], "the reference tells them apart");
    }

    #[test]
    fn logins_of_the_same_moment_have_neighbouring_ids() {
        let at = |ms| PromptId::at(jiff::Timestamp::from_millisecond(ms).unwrap(), &mut Same).to_string();
        let now = 1_800_000_000_000;
        for later in [31, 62, 1_000, 31_000, 60_000, 86_400_000] {
            assert!(at(now) < at(now + later), "{later}");
        }
        assert_eq!(at(now).parse::<PromptId>().unwrap().to_string(), at(now));
    }

    #[test]
    fn a_transaction_id_round_trips_in_one_spelling_only() {
        let id = TxId::from_bytes(*b"0123456789jklmno");
        let text = id.to_string();
        assert_eq!(text, "30313233-3435-3637-3839-6a6b6c6d6e6f");
        assert_eq!(text.parse(), Ok(id));
        assert!(text.to_uppercase().parse::<TxId>().is_err());
        assert!(text.replace('-', "").parse::<TxId>().is_err());
    }
}
