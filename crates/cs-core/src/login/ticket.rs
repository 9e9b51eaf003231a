//! Transaction ids that are handed out before the login they name: they carry their own proof, so that asking costs no write.
//!
//! `preauth` shows a number that the person will type on the phone. The push that follows must show nobody else's number, also after a restart and on another
//! node. So the id of the coming transaction is a ticket: issue time, randomness and a MAC over who may use it. The number is derived from it with the same key.
//! A ticket is used up by the transaction that takes its id: ids are unique.

use aws_lc_rs::hmac;
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use crate::id::{AccountId, IntegrationKey, TxId, UserId};

/// How long a person may look at a menu before choosing.
pub const TICKET_TTL: SignedDuration = SignedDuration::from_mins(5);

/// Whom a ticket is for.
#[derive(Debug, Clone, Copy)]
struct Holder {
    account: AccountId,
    integration: IntegrationKey,
    user: UserId,
}

/// Why a ticket is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Not made by us for this user and integration.
    #[error("the transaction id was not issued for this login")]
    Foreign,
    /// Issued too long ago.
    #[error("the transaction id has expired")]
    Expired,
}

/// A transaction id issued in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    txid: TxId,
    shown: bool,
}

impl Ticket {
    /// Issues a ticket whose number is shown to the person.
    pub fn shown(
        key: &hmac::Key,
        account: AccountId,
        integration: IntegrationKey,
        user: UserId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Self {
        Self::issue(key, Holder { account, integration, user }, true, now, rng)
    }

    /// Issues a ticket for a client that shows nothing.
    pub fn plain(
        key: &hmac::Key,
        account: AccountId,
        integration: IntegrationKey,
        user: UserId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Self {
        Self::issue(key, Holder { account, integration, user }, false, now, rng)
    }

    /// Checks that `txid` is a ticket of this user at this integration, and still good at `now`.
    pub fn check(
        key: &hmac::Key,
        txid: TxId,
        account: AccountId,
        integration: IntegrationKey,
        user: UserId,
        now: Timestamp,
    ) -> Result<Self, TicketError> {
        let holder = Holder { account, integration, user };
        let head: [u8; 8] = txid.as_bytes()[..8].try_into().map_err(|_| TicketError::Foreign)?;
        let given = &txid.as_bytes()[8..];
        let matches = |shown| bool::from(tag(key, holder, shown, &head).ct_eq(given));
        let shown = if matches(true) {
            true
        } else if matches(false) {
            false
        } else {
            return Err(TicketError::Foreign);
        };
        let issued_at = i64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        let age = now.as_second() - issued_at;
        // A minute of slack for the clocks of several nodes.
        if (-60..=TICKET_TTL.as_secs()).contains(&age) { Ok(Self { txid, shown }) } else { Err(TicketError::Expired) }
    }

    /// The transaction id.
    pub fn txid(&self) -> TxId {
        self.txid
    }

    /// Whether the number of this ticket is shown to the person.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// The number to show and to type: `digits` decimal digits (at most 8), left-padded with zeros.
    pub fn number(&self, key: &hmac::Key, digits: u8) -> String {
        let tag = hmac::sign(key, &[b"number", self.txid.as_bytes().as_slice()].concat());
        let mut head = [0; 8];
        head.copy_from_slice(&tag.as_ref()[..8]);
        let digits = usize::from(digits.min(8));
        format!("{:0digits$}", u64::from_be_bytes(head) % 10_u64.pow(digits as u32))
    }

    fn issue(key: &hmac::Key, holder: Holder, shown: bool, now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 16];
        // Good until 2106, as 32 bits of seconds are.
        bytes[..4].copy_from_slice(&u32::try_from(now.as_second()).unwrap_or(0).to_be_bytes());
        rng.fill_bytes(&mut bytes[4..8]);
        let mut head = [0; 8];
        head.copy_from_slice(&bytes[..8]);
        bytes[8..].copy_from_slice(&tag(key, holder, shown, &head));
        Self { txid: TxId::from_bytes(bytes), shown }
    }
}

fn tag(key: &hmac::Key, holder: Holder, shown: bool, head: &[u8; 8]) -> [u8; 8] {
    let mut context = hmac::Context::with_key(key);
    // Every part has a fixed length, so the encoding is unambiguous.
    context.update(if shown { b"ticket:shown" } else { b"ticket:plain" });
    context.update(holder.account.as_str().as_bytes());
    context.update(holder.integration.as_str().as_bytes());
    context.update(holder.user.as_str().as_bytes());
    context.update(head);
    let mut tag = [0; 8];
    tag.copy_from_slice(&context.sign().as_ref()[..8]);
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts up, so that tests are repeatable.
    struct Counter(u64);

    impl rand_core::RngCore for Counter {
        fn next_u32(&mut self) -> u32 {
            self.next_u64() as u32
        }
        fn next_u64(&mut self) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.0
        }
        fn fill_bytes(&mut self, out: &mut [u8]) {
            for byte in out {
                *byte = (self.next_u64() >> 56) as u8;
            }
        }
    }

    impl CryptoRng for Counter {}

    fn now() -> Timestamp {
        "2026-11-22T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_ticket_is_good_for_its_user_integration_and_time_only() {
        let rng = &mut Counter(1);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let (account, other_account) = (AccountId::generate(rng), AccountId::generate(rng));
        let (ikey, other_ikey) = (IntegrationKey::generate(rng), IntegrationKey::generate(rng));
        let (alice, bob) = (UserId::generate(rng), UserId::generate(rng));
        let ticket = Ticket::shown(&key, account, ikey, alice, now(), rng);
        let check = |account, ikey, user, at| Ticket::check(&key, ticket.txid(), account, ikey, user, at);

        assert_eq!(check(account, ikey, alice, now() + TICKET_TTL), Ok(ticket));
        assert_eq!(check(account, ikey, bob, now()), Err(TicketError::Foreign));
        assert_eq!(check(account, other_ikey, alice, now()), Err(TicketError::Foreign));
        assert_eq!(check(other_account, ikey, alice, now()), Err(TicketError::Foreign));
        assert_eq!(
            check(account, ikey, alice, now() + TICKET_TTL + SignedDuration::from_secs(1)),
            Err(TicketError::Expired)
        );
        assert_eq!(check(account, ikey, alice, now() - SignedDuration::from_secs(61)), Err(TicketError::Expired));
    }

    #[test]
    fn a_plain_ticket_is_not_a_shown_one() {
        let rng = &mut Counter(2);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let (account, ikey, alice) = (AccountId::generate(rng), IntegrationKey::generate(rng), UserId::generate(rng));
        let ticket = Ticket::plain(&key, account, ikey, alice, now(), rng);
        let checked = Ticket::check(&key, ticket.txid(), account, ikey, alice, now()).unwrap();
        assert!(!checked.is_shown());
    }

    #[test]
    fn numbers_have_their_length_and_differ_between_tickets() {
        let rng = &mut Counter(3);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let (account, ikey, alice) = (AccountId::generate(rng), IntegrationKey::generate(rng), UserId::generate(rng));
        let mut numbers = std::collections::HashSet::new();
        for _ in 0..100 {
            let number = Ticket::shown(&key, account, ikey, alice, now(), rng).number(&key, 6);
            assert!(number.len() == 6 && number.bytes().all(|b| b.is_ascii_digit()), "{number}");
            numbers.insert(number);
        }
        assert!(numbers.len() > 95);
    }
}
