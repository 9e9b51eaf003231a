//! Users as they were when they were last read, for the login that follows.
//!
//! A cache is a hint, and this one is never believed alone: `preauth` uses it only after asking the database whether user and attempts are at the same
//! version, and `auth` only for a success, whose commit is guarded by the same versions. Whoever is to be refused is read again first.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cs_core::id::{AccountId, UserId, WebauthnKey};
use cs_core::lockout::LockoutState;
use cs_core::login::Move;
use cs_core::otp::OtpRecord;
use cs_core::policy::risk::RiskRecord;
use cs_core::user::User;
use cs_core::webauthn::Used;
use jiff::Timestamp;

const SHARDS: usize = 16;
/// Users kept in each shard, about a kilobyte each. A full shard starts again empty: what it knew is read again.
const PER_SHARD: usize = 2048;

/// Whom a client means, as the database looks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Lookup {
    /// By a name in the form names are compared in.
    Name(String),
    /// By id.
    Id(UserId),
}

/// A user of an account.
pub(crate) type UserKey = (AccountId, Lookup);

type Shard = HashMap<UserKey, Arc<User>>;

/// The users that are known.
pub(crate) struct KnownUsers {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

impl Default for KnownUsers {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl KnownUsers {
    /// The user, if it is known.
    pub(crate) fn find(&self, key: &UserKey) -> Option<Arc<User>> {
        self.shard(key).get(key).cloned()
    }

    /// The same, forgotten here: for one that is about to change it.
    pub(crate) fn take(&self, key: &UserKey) -> Option<Arc<User>> {
        self.shard(key).remove(key)
    }

    /// Keeps `user`. One with bypass codes is not kept: they end by themselves, and which one was typed only the database can tell.
    pub(crate) fn keep(&self, key: UserKey, user: Arc<User>) {
        if user.live_bypass_codes > 0 {
            return;
        }
        let mut shard = self.shard(&key);
        if shard.len() >= PER_SHARD && !shard.contains_key(&key) {
            shard.clear();
        }
        shard.insert(key, user);
    }

    fn shard(&self, key: &UserKey) -> MutexGuard<'_, Shard> {
        let number = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a success made of the user.
pub(crate) struct After {
    /// The failures are forgotten.
    pub(crate) lockout: LockoutState,
    /// Where, when and with what it was.
    pub(crate) risk: RiskRecord,
    /// The codes that were used.
    pub(crate) moves: Vec<Moved>,
    /// The key that was.
    pub(crate) used: Option<(WebauthnKey, Used)>,
    /// When.
    pub(crate) now: Timestamp,
}

impl After {
    /// The user as it is then.
    pub(crate) fn apply(self, mut user: User) -> User {
        user.attempts += 1;
        user.lockout = self.lockout;
        user.risk = self.risk;
        user.last_login = Some(self.now);
        self.moves.into_iter().for_each(|moved| moved.apply(&mut user));
        if let Some((key, used)) = self.used
            && let Some(credential) = user.credentials.iter_mut().find(|credential| credential.key == key)
        {
            credential.use_it(&used, self.now);
        }
        user
    }
}

/// Where a code was accepted, and what its moving factor is from now on.
#[derive(Debug)]
pub(crate) struct Moved {
    token: Option<cs_core::id::TokenId>,
    phone: Option<cs_core::id::PhoneId>,
    next: OtpRecord,
}

impl Moved {
    /// The same without borrowing from the user that is to change.
    pub(crate) fn of(moves: &[Move<'_>]) -> Vec<Self> {
        let owned = |one: &Move<'_>| match one {
            Move::Token(token, next) => Self { token: Some(token.id), phone: None, next: next.clone() },
            Move::Phone(phone, next) => Self { token: None, phone: Some(phone.id), next: next.clone() },
        };
        moves.iter().map(owned).collect()
    }

    /// Moves it in `user`.
    pub(crate) fn apply(self, user: &mut User) {
        if let Some(token) = user.tokens.iter_mut().find(|token| Some(token.id) == self.token) {
            token.otp = self.next;
        } else if let Some(phone) = user.phones.iter_mut().find(|phone| Some(phone.id) == self.phone)
            && let Some(authenticator) = &mut phone.authenticator
        {
            authenticator.otp = self.next;
        }
    }
}
