//! Links with which somebody sets up a first factor: good until their user has one, however it came about, or a fresh invitation takes the place of the one before.

use cs_core::id::{AccountId, UserId};
use jiff::{SignedDuration, Timestamp};

use crate::convert::corrupt;
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

/// For how long it can still be told that a link has expired or was used, rather than that there is none.
const KEPT_AFTER_END: SignedDuration = SignedDuration::from_hours(24 * 60);

/// How a link came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkOrigin {
    /// Somebody invited the user: the link was sent to them, or handed over.
    Invitation,
    /// An application checked the password and was told that enrollment comes first.
    Login,
}

impl LinkOrigin {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Login => "login",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Invitation, Self::Login].into_iter().find(|origin| origin.as_str() == text)
    }
}

/// Why a link is good no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    /// An enrollment was finished with it, or its user came by a factor in another way.
    Used,
    /// A fresh one was made.
    Replaced,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentLink {
    /// Keyed hash of the code in it.
    pub digest: [u8; 32],
    /// For whom; `None` for somebody who is not known yet.
    pub user: Option<UserId>,
    /// The name as it was given.
    pub username: String,
    /// How it came about.
    pub origin: LinkOrigin,
    /// Whether it is good no more.
    pub ended: Option<LinkEnd>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl EnrollmentLink {
    /// Makes it. An invitation voids every one before it of the same user; links of logins stand side by side, since each is in the hands of another window.
    pub fn insert(&self, account: AccountId) -> Vec<Step> {
        let replace = Step::any(
            "UPDATE enrollment_link SET ended = 'replaced' WHERE account = $1 AND user_id = $2 AND origin = $3 AND ended = ''",
            args![account.as_str(), self.user.as_ref().map_or("", UserId::as_str), self.origin.as_str()],
        );
        let insert = Step::one(
            "INSERT INTO enrollment_link (account, digest, user_id, username, origin, ended, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, '', $6, $7) ON CONFLICT DO NOTHING",
            args![
                account.as_str(),
                &self.digest,
                self.user.as_ref().map_or("", UserId::as_str),
                self.username.as_str(),
                self.origin.as_str(),
                self.created_at,
                self.expires_at
            ],
        );
        match self.origin {
            LinkOrigin::Invitation => vec![replace, insert],
            LinkOrigin::Login => vec![insert],
        }
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let wrong = || corrupt("enrollment_link", row);
        let user = row.text(1)?;
        let user = if user.is_empty() { None } else { Some(user.parse().map_err(|_| wrong())?) };
        let origin = LinkOrigin::parse(&row.text(3)?).ok_or_else(wrong)?;
        let ended = match row.text(4)?.as_str() {
            "" => None,
            "used" => Some(LinkEnd::Used),
            "replaced" => Some(LinkEnd::Replaced),
            _ => return Err(wrong()),
        };
        Ok(Self {
            digest: row.bytes(0)?,
            user,
            origin,
            ended,
            created_at: row.time(5)?,
            expires_at: row.time(6)?,
            username: row.text(2)?,
        })
    }
}

/// Uses a link up. Holds once, and only while it is good. To be followed by [`end_links`].
pub fn use_link(account: AccountId, digest: &[u8; 32], now: Timestamp) -> Step {
    Step::one(
        "UPDATE enrollment_link SET ended = 'used' WHERE account = $1 AND digest = $2 AND ended = '' AND expires_at > $3",
        args![account.as_str(), digest, now],
    )
}

/// Ends every link of `user` that is good: they have a factor. A link that is left over would let whoever finds it set up another one on the day when that is lost.
pub fn end_links(account: AccountId, user: UserId) -> Step {
    Step::any(
        "UPDATE enrollment_link SET ended = 'used' WHERE account = $1 AND ended = '' AND (user_id = $2 OR (user_id = '' AND username IN \
         (SELECT name_key FROM user_name WHERE account = $1 AND user_id = $2)))",
        args![account.as_str(), user.as_str()],
    )
}

/// Says whose a link is that was made for somebody unknown. Holds while nobody has said so.
pub fn claim_link(account: AccountId, digest: &[u8; 32], user: UserId) -> Step {
    Step::one(
        "UPDATE enrollment_link SET user_id = $1 WHERE account = $2 AND digest = $3 AND user_id = '' AND ended = ''",
        args![user.as_str(), account.as_str(), digest],
    )
}

/// Removes links that ended long ago.
pub fn forget_links(now: Timestamp) -> Step {
    let before = now.checked_sub(KEPT_AFTER_END).unwrap_or(Timestamp::MIN);
    Step::any("DELETE FROM enrollment_link WHERE expires_at < $1", args![before])
}

impl Store {
    /// The link with this digest, good or not.
    pub async fn enrollment_link(
        &self,
        account: AccountId,
        digest: &[u8; 32],
    ) -> Result<Option<EnrollmentLink>, StoreError> {
        let sql = "SELECT digest, user_id, username, origin, ended, created_at, expires_at FROM enrollment_link \
                   WHERE account = $1 AND digest = $2";
        self.query_opt(sql, args![account.as_str(), digest]).await?.as_ref().map(EnrollmentLink::read).transpose()
    }

    /// Whether `user` has an invitation that is good.
    pub async fn is_invited(&self, account: AccountId, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM enrollment_link WHERE account = $1 AND user_id = $2 AND origin = 'invitation' AND ended = '' AND expires_at > $3";
        Ok(!self.query(sql, args![account.as_str(), user.as_str(), now]).await?.is_empty())
    }
}
