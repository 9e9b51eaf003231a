//! Pushes and calls: the only logins that outlive a request.

use std::sync::Arc;

use cs_core::id::{AccountId, IntegrationKey, PhoneId, TxId, UserId};
use cs_core::login::{DenyReason, NUMBER_TRIES, Push};
use jiff::{SignedDuration, Timestamp};

use crate::convert::{corrupt, parsed};
use crate::db::{Job, Row, Step, StoreError};
use crate::{Store, args};

/// So many unanswered or withdrawn pushes within [`COOL_DOWN`] stop further ones until the first of them is that old.
pub const UNANSWERED_LIMIT: i64 = 3;

/// See [`UNANSWERED_LIMIT`].
pub const COOL_DOWN: SignedDuration = SignedDuration::from_mins(10);

/// So many pushes of one user may wait at a time. Applications and sources have a slot each, of which an attacker may use many; a phone that shows a long list
/// hides the one request that is meant.
pub const LIVE_PUSHES: i64 = 5;

/// The surface, and the source, of a push that is no login: an administrator's question.
pub const IDENTITY_CHECK: &str = "identity_check";

/// A push as stored.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its account.
    pub account: AccountId,
    /// Its id.
    pub txid: TxId,
    /// Who logs in.
    pub user: UserId,
    /// Where.
    pub integration: IntegrationKey,
    /// From where: the machine's address as text (`cs_core::network::machine_of`), or empty.
    pub source: String,
    /// Through which surface: `auth_v2`, `rest_v1`, or [`IDENTITY_CHECK`].
    pub surface: String,
    /// Its state as written; ask [`Push::at`] for the state now.
    pub push: Push,
    /// The device that was asked.
    pub phone: PhoneId,
    /// How many digits must be typed; 0 = none.
    pub digits: u8,
    /// Wrong numbers so far.
    pub number_tries: i64,
    /// What the device shows and signs, as JSON text.
    pub statement: String,
    /// Access device and other facts for the log, as JSON text.
    pub access: String,
    /// Digest over all parameters of the request that made it.
    pub request_digest: [u8; 32],
    /// The caller's idempotency key.
    pub idempotency_key: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it can no longer be answered.
    pub expires_at: Timestamp,
    /// Why it was refused, in the log's words, once it is.
    pub reason: Option<String>,
    /// The process that made it.
    pub node: String,
    /// What the person is asked by.
    pub factor: AskedBy,
    /// Whether somebody has picked up, where it is a call.
    pub is_picked_up: bool,
}

/// What a person is asked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedBy {
    /// A push, which the authenticator on the phone answers.
    Push,
    /// A call, which only the gateway that makes it answers.
    Call,
}

impl AskedBy {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Call => "call",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Push, Self::Call].into_iter().find(|factor| factor.as_str() == word)
    }
}

macro_rules! login_columns {
    () => {
        "account, txid, user_id, ikey, source, surface, state, phone_id, digits, number_tries, statement, access, \
         request_digest, idem_key, created_at, expires_at, reason, node, factor, progress"
    };
}

macro_rules! select_login {
    ($rest:literal) => {
        concat!("SELECT ", login_columns!(), " FROM login WHERE ", $rest)
    };
}

impl Login {
    /// Creates the push. Does not hold while another one has its slot (user, integration, source), its id or its idempotency key.
    pub fn open(&self) -> Step {
        Step::one(
            "INSERT INTO login (account, txid, user_id, ikey, source, surface, state, phone_id, digits, number_tries, statement, access, \
             request_digest, idem_key, created_at, expires_at, node, factor) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING",
            args![
                self.account.as_str(),
                self.txid.to_string(),
                self.user.as_str(),
                self.integration.as_str(),
                self.source.as_str(),
                self.surface.as_str(),
                self.push.as_str(),
                self.phone.as_str(),
                self.digits,
                self.number_tries,
                self.statement.as_str(),
                self.access.as_str(),
                &self.request_digest,
                self.idempotency_key.as_deref(),
                self.created_at,
                self.expires_at,
                self.node.as_str(),
                self.factor.as_str()
            ],
        )
    }

    /// Whether this is an administrator's question, which must never let anyone in.
    pub fn is_identity_check(&self) -> bool {
        self.surface == IDENTITY_CHECK
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let expires_at = row.time(15)?;
        Ok(Self {
            account: parsed("login", row, 0)?,
            txid: parsed("login", row, 1)?,
            user: parsed("login", row, 2)?,
            integration: parsed("login", row, 3)?,
            source: row.text(4)?,
            surface: row.text(5)?,
            push: Push::parse(row.str(6)?, expires_at).ok_or_else(|| corrupt("login", row))?,
            phone: parsed("login", row, 7)?,
            digits: row.number(8)?,
            number_tries: row.int(9)?,
            statement: row.text(10)?,
            access: row.text(11)?,
            request_digest: row.bytes(12)?,
            idempotency_key: row.opt_text(13)?,
            created_at: row.time(14)?,
            expires_at,
            reason: row.opt_text(16)?,
            node: row.text(17)?,
            factor: AskedBy::parse(row.str(18)?).ok_or_else(|| corrupt("login", row))?,
            is_picked_up: row.opt_str(19)? == Some("answered"),
        })
    }
}

/// Holds unless pushes of this user, integration and source went unanswered or were withdrawn too often of late. One that was withdrawn because the login
/// was let in by another factor has no reason in its row, and does not count.
pub fn no_cool_down(
    account: AccountId,
    user: UserId,
    integration: IntegrationKey,
    source: &str,
    now: Timestamp,
) -> Step {
    Step::absent(
        "SELECT 1 FROM login WHERE account = $1 AND user_id = $2 AND ikey = $3 AND source = $4 \
         AND (state = 'timed_out' OR state = 'cancelled' AND reason IS NOT NULL) AND closed_at > $5 \
         ORDER BY closed_at DESC LIMIT 1 OFFSET $6",
        args![account.as_str(), user.as_str(), integration.as_str(), source, now - COOL_DOWN, UNANSWERED_LIMIT - 1],
    )
}

/// Holds unless more than [`LIVE_PUSHES`] pushes of this user wait, from wherever they were asked for; in a job that opens one, that one is among them.
pub fn may_have_another(account: AccountId, user: UserId, now: Timestamp) -> Step {
    Step::absent(
        "SELECT 1 FROM login WHERE account = $1 AND user_id = $2 AND state = 'waiting' AND expires_at > $3 AND surface <> $4 LIMIT 1 OFFSET $5",
        args![account.as_str(), user.as_str(), now, IDENTITY_CHECK, LIVE_PUSHES],
    )
}

/// Closes push `txid` as `state`. Holds only while it is waiting and in time; otherwise the job it is part of is a conflict, and the answer void.
pub fn close(account: AccountId, txid: TxId, state: Push, reason: Option<DenyReason>, now: Timestamp) -> Step {
    Step::one(
        "UPDATE login SET state = $1, closed_at = $2, reason = $5 WHERE account = $3 AND txid = $4 AND state = 'waiting' AND expires_at > $2",
        args![state.as_str(), now, account.as_str(), txid.to_string(), reason.map(DenyReason::as_str)],
    )
}

/// Closes push `txid` as unanswered. Holds only while it is waiting and its time is over.
pub fn time_out(account: AccountId, txid: TxId, now: Timestamp) -> Step {
    Step::one(
        "UPDATE login SET state = 'timed_out', closed_at = $1 WHERE account = $2 AND txid = $3 AND state = 'waiting' AND expires_at <= $1",
        args![now, account.as_str(), txid.to_string()],
    )
}

/// Counts a wrong number. Holds only while the push is waiting with `tries` so far and may survive another one.
pub fn count_wrong_number(account: AccountId, txid: TxId, tries: i64, now: Timestamp) -> Step {
    Step::one(
        "UPDATE login SET number_tries = number_tries + 1 WHERE account = $1 AND txid = $2 AND state = 'waiting' AND expires_at > $3 \
         AND number_tries = $4 AND number_tries < $5",
        args![account.as_str(), txid.to_string(), now, tries, NUMBER_TRIES - 1],
    )
}

const IS_TO_FORGET: &str = "SELECT 1 FROM login WHERE closed_at < $1 LIMIT 1";
const FORGET: &str = "DELETE FROM login WHERE (account, txid) IN \
    (SELECT account, txid FROM login WHERE closed_at < $1 ORDER BY closed_at LIMIT 1000)";

impl Store {
    /// Forgets pushes that were closed before `before`, a thousand at a time; the log keeps what became of them. Gives the number of chunks.
    pub async fn forget_logins(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut chunks = 0;
        while self.query_opt(IS_TO_FORGET, args![before]).await?.is_some() {
            let job = Job::new().step(Step::any(FORGET, args![before]));
            self.commit_in_background(job).await.map_err(|error| StoreError::Unavailable(Arc::new(error)))?;
            chunks += 1;
        }
        Ok(chunks)
    }

    /// The push `txid`.
    pub async fn login(&self, account: AccountId, txid: TxId) -> Result<Option<Login>, StoreError> {
        let row = self
            .query_opt(select_login!("account = $1 AND txid = $2"), args![account.as_str(), txid.to_string()])
            .await?;
        row.as_ref().map(Login::read).transpose()
    }

    /// The push that has the slot of this user, integration and source.
    pub async fn login_in_slot(
        &self,
        account: AccountId,
        user: UserId,
        integration: IntegrationKey,
        source: &str,
    ) -> Result<Option<Login>, StoreError> {
        let row = self
            .query_opt(
                select_login!("account = $1 AND user_id = $2 AND ikey = $3 AND source = $4 AND state = 'waiting'"),
                args![account.as_str(), user.as_str(), integration.as_str(), source],
            )
            .await?;
        row.as_ref().map(Login::read).transpose()
    }

    /// Up to 200 pushes that wait for somebody on behalf of `integration`, those whose time is over included.
    pub async fn logins_waiting_at(
        &self,
        account: AccountId,
        integration: IntegrationKey,
    ) -> Result<Vec<Login>, StoreError> {
        let rows = self
            .query(
                select_login!("account = $1 AND ikey = $2 AND state = 'waiting' ORDER BY expires_at, txid LIMIT 200"),
                args![account.as_str(), integration.as_str()],
            )
            .await?;
        rows.iter().map(Login::read).collect()
    }

    /// The push that was made under this idempotency key.
    pub async fn login_by_idempotency_key(
        &self,
        account: AccountId,
        integration: IntegrationKey,
        user: UserId,
        key: &str,
    ) -> Result<Option<Login>, StoreError> {
        let row = self
            .query_opt(
                select_login!("account = $1 AND ikey = $2 AND user_id = $3 AND idem_key = $4"),
                args![account.as_str(), integration.as_str(), user.as_str(), key],
            )
            .await?;
        row.as_ref().map(Login::read).transpose()
    }

    /// The pushes, and no calls, waiting for a device at `now`, oldest first.
    pub async fn logins_waiting_for(
        &self,
        account: AccountId,
        phone: PhoneId,
        now: Timestamp,
    ) -> Result<Vec<Login>, StoreError> {
        let rows = self
            .query(
                select_login!("account = $1 AND phone_id = $2 AND state = 'waiting' AND factor = 'push' AND expires_at > $3 ORDER BY created_at, txid LIMIT 50"),
                args![account.as_str(), phone.as_str(), now],
            )
            .await?;
        rows.iter().map(Login::read).collect()
    }

    /// The same for the device whose key is `public_key`, in one read; `None` if no such device is bound to the phone and confirmed.
    pub async fn logins_waiting_for_key(
        &self,
        account: AccountId,
        phone: PhoneId,
        public_key: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<Login>>, StoreError> {
        let rows = self
            .query(
                concat!(
                    "SELECT ",
                    login_columns!(),
                    " FROM (SELECT account AS of_account, phone_id AS of_phone FROM authenticator \
                     WHERE account = $1 AND phone_id = $2 AND public_key = $3 AND confirmed_at IS NOT NULL) bound \
                     LEFT JOIN login ON account = of_account AND phone_id = of_phone AND state = 'waiting' AND factor = 'push' \
                     AND expires_at > $4 ORDER BY created_at, txid LIMIT 50"
                ),
                args![account.as_str(), phone.as_str(), public_key, now],
            )
            .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        // Bound, and nothing waits: a row of nothing.
        if let [row] = rows.as_slice()
            && row.opt_str(1)?.is_none()
        {
            return Ok(Some(Vec::new()));
        }
        rows.iter().map(Login::read).collect::<Result<_, _>>().map(Some)
    }

    /// Up to 200 pushes whose time is over and that nobody closed, of all accounts.
    pub async fn logins_to_time_out(&self, now: Timestamp) -> Result<Vec<Login>, StoreError> {
        let rows = self
            .query(select_login!("state = 'waiting' AND expires_at <= $1 ORDER BY expires_at LIMIT 200"), args![now])
            .await?;
        rows.iter().map(Login::read).collect()
    }

    /// The ids of pushes of any account closed at or after `since`: what a node asks once a second to wake those who wait for answers given elsewhere.
    pub async fn logins_closed_since(&self, since: Timestamp) -> Result<Vec<(AccountId, TxId, Push)>, StoreError> {
        let rows = self
            .query("SELECT account, txid, state, expires_at FROM login WHERE closed_at >= $1 ORDER BY closed_at LIMIT 20000", args![since])
            .await?;
        let read = |row: &Row| {
            let push = Push::parse(row.str(2)?, row.time(3)?).ok_or_else(|| corrupt("login", row))?;
            Ok((parsed("login", row, 0)?, parsed("login", row, 1)?, push))
        };
        rows.iter().map(read).collect()
    }
}
