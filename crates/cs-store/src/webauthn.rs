//! WebAuthn credentials and the ceremonies in which they are made and used.

use std::collections::HashMap;

use cs_core::id::{AccountId, UserId, WebauthnKey};
use cs_core::policy::Word as _;
use cs_core::webauthn::{Class, Credential, MAX_CREDENTIALS_PER_USER, Purpose, Transport, Used};
use jiff::Timestamp;

use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, StoreError};
use crate::lists::LongList;
use crate::many::grouped;
use crate::users::{Page, Slice};
use crate::{Store, args};

/// A credential and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRecord {
    /// Whose.
    pub user: UserId,
    /// What.
    pub credential: Credential,
}

/// A credential with what its assertions are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiableCredential {
    /// Whose.
    pub user: UserId,
    /// What.
    pub credential: Credential,
    /// The public key, in the form of whoever verifies.
    pub public_key: String,
}

/// What is kept of a new credential beside [`Credential`].
#[derive(Debug, Clone, Copy)]
pub struct KeyMaterial<'a> {
    /// See [`VerifiableCredential::public_key`].
    pub public_key: &'a str,
    /// The format in which its maker attested it; `none` if nobody did.
    pub attestation: &'a str,
}

/// A ceremony that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// What it is for.
    pub purpose: Purpose,
    /// Whose session began it: only that one can finish it.
    pub binding: [u8; 32],
    /// For whom; `None` where the credential will tell.
    pub user: Option<UserId>,
    /// What the verifier needs at the end.
    pub state: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it can no longer be finished.
    pub expires_at: Timestamp,
}

impl Ceremony {
    /// Keeps it under `digest`; an earlier one of the same session and purpose is void.
    pub fn begin(&self, account: AccountId, digest: &[u8; 32]) -> [Step; 2] {
        let purpose = self.purpose.as_str();
        [
            Step::any(
                "DELETE FROM webauthn_ceremony WHERE account = $1 AND binding = $2 AND purpose = $3",
                args![account.as_str(), &self.binding, purpose],
            ),
            Step::one(
                "INSERT INTO webauthn_ceremony (account, digest, purpose, binding, user_id, state, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                args![
                    account.as_str(),
                    digest,
                    purpose,
                    &self.binding,
                    self.user.as_ref().map(UserId::as_str),
                    self.state.as_str(),
                    self.created_at,
                    self.expires_at
                ],
            ),
        ]
    }

    /// Uses the ceremony up: of all who finish it, for one this holds. Not after its end, and not for another session or purpose.
    pub fn finish(account: AccountId, digest: &[u8; 32], purpose: Purpose, binding: &[u8; 32], now: Timestamp) -> Step {
        Step::one(
            "DELETE FROM webauthn_ceremony WHERE account = $1 AND digest = $2 AND purpose = $3 AND binding = $4 AND expires_at > $5",
            args![account.as_str(), digest, purpose.as_str(), binding, now],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let table = "webauthn_ceremony";
        Ok(Self {
            purpose: Purpose::parse(row.str(1)?).ok_or_else(|| corrupt(table, row))?,
            binding: row.bytes(2)?,
            user: row.opt_str(3)?.map(str::parse).transpose().map_err(|_| corrupt(table, row))?,
            state: row.text(4)?,
            created_at: row.time(5)?,
            expires_at: row.time(6)?,
        })
    }
}

/// Removes ceremonies that nobody can finish any more.
pub fn forget_ceremonies(now: Timestamp) -> Step {
    Step::any("DELETE FROM webauthn_ceremony WHERE expires_at <= $1", args![now])
}

/// Says under which relying party id credentials are made here, for good. Does not hold if it is another one.
pub fn pin_relying_party(id: &str) -> Step {
    Step::one(
        "INSERT INTO meta (name, value) VALUES ('webauthn_rp_id', $1) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE meta.value = excluded.value",
        args![id],
    )
}

/// Adds a credential to `user`. Does not hold if any user of the account has it, or `user` has as many as there may be.
/// To follow a step that holds the user's row, so that the count is right.
pub fn insert_credential(account: AccountId, user: UserId, credential: &Credential, key: KeyMaterial<'_>) -> Step {
    Step::one(
        "INSERT INTO webauthn_credential (account, webauthn_key, user_id, credential_id, public_key, name, label, class, aaguid, attestation, \
         counter, transports, backup_eligible, backed_up, resident, verifies, created_at) \
         SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), $4, CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT), \
         CAST($9 AS TEXT), CAST($10 AS TEXT), CAST($11 AS BIGINT), CAST($12 AS TEXT), CAST($13 AS BIGINT), CAST($14 AS BIGINT), \
         CAST($15 AS BIGINT), CAST($16 AS BIGINT), CAST($17 AS BIGINT) \
         WHERE (SELECT COUNT(*) FROM webauthn_credential WHERE account = $1 AND user_id = $3) < $18",
        args![
            account.as_str(),
            credential.key.as_str(),
            user.as_str(),
            credential.raw_id.as_slice(),
            key.public_key,
            credential.name.as_str(),
            credential.label.as_str(),
            credential.class.as_str(),
            credential.aaguid.to_string(),
            key.attestation,
            i64::from(credential.counter),
            transports(credential),
            credential.backup_eligible,
            credential.backed_up,
            credential.resident,
            credential.verifies,
            credential.created_at,
            MAX_CREDENTIALS_PER_USER as i64
        ],
    )
}

/// Writes what a login with `credential` made of it. Holds only while its counter is where the decision found it and nobody marked it.
pub fn use_credential(account: AccountId, credential: &Credential, used: &Used, now: Timestamp) -> Step {
    Step::one(
        "UPDATE webauthn_credential SET counter = $1, backed_up = $2, verifies = $3, last_used_at = $4 \
         WHERE account = $5 AND webauthn_key = $6 AND counter = $7 AND cloned_at IS NULL",
        args![
            i64::from(used.counter),
            used.backed_up,
            used.verifies,
            now,
            account.as_str(),
            credential.key.as_str(),
            i64::from(credential.counter)
        ],
    )
}

/// Marks a credential whose counter went back, if nobody has.
pub fn mark_cloned(account: AccountId, key: WebauthnKey, now: Timestamp) -> Step {
    Step::any(
        "UPDATE webauthn_credential SET cloned_at = $1 WHERE account = $2 AND webauthn_key = $3 AND cloned_at IS NULL",
        args![now, account.as_str(), key.as_str()],
    )
}

/// Gives a credential of `user` another name. Holds only if it is theirs.
pub fn rename_credential(account: AccountId, user: UserId, key: WebauthnKey, name: &str) -> Step {
    Step::one(
        "UPDATE webauthn_credential SET name = $1 WHERE account = $2 AND webauthn_key = $3 AND user_id = $4",
        args![name, account.as_str(), key.as_str(), user.as_str()],
    )
}

/// Removes a credential of `user`. Holds only if it is theirs.
pub fn remove_credential(account: AccountId, user: UserId, key: WebauthnKey) -> Step {
    Step::one(
        "DELETE FROM webauthn_credential WHERE account = $1 AND webauthn_key = $2 AND user_id = $3",
        args![account.as_str(), key.as_str(), user.as_str()],
    )
}

fn transports(credential: &Credential) -> String {
    credential.transports.iter().map(|transport| transport.as_str()).collect::<Vec<_>>().join(",")
}

/// How a statement lists a credential.
macro_rules! credential_columns {
    () => {
        "w.account, w.webauthn_key, w.user_id, w.credential_id, w.name, w.label, w.class, w.aaguid, w.counter, w.transports, w.backup_eligible, \
         w.backed_up, w.resident, w.verifies, w.created_at, w.last_used_at, w.cloned_at "
    };
}

/// Where the columns of a credential are in a row.
pub(crate) struct Columns {
    /// The id.
    pub(crate) key: usize,
    /// The authenticator's id.
    pub(crate) raw_id: usize,
    /// Name, label, class, model, in this order.
    pub(crate) texts: usize,
    /// How to reach it.
    pub(crate) transports: usize,
    /// The counter.
    pub(crate) counter: usize,
    /// Backup eligible, backed up, resident, verifies, made, used, marked, in this order.
    pub(crate) numbers: usize,
}

const LISTED: Columns = Columns { key: 1, raw_id: 3, texts: 4, transports: 9, counter: 8, numbers: 10 };

pub(crate) fn read_credential(row: &Row, at: &Columns) -> Result<Credential, StoreError> {
    let wrong = || corrupt("webauthn_credential", row);
    let listed = row.str(at.transports)?.split(',').filter(|word| !word.is_empty());
    Ok(Credential {
        key: parsed("webauthn_credential", row, at.key)?,
        raw_id: row.blob(at.raw_id)?.to_vec(),
        name: row.text(at.texts)?,
        label: row.text(at.texts + 1)?,
        class: Class::parse(row.str(at.texts + 2)?).ok_or_else(wrong)?,
        aaguid: row.str(at.texts + 3)?.parse().map_err(|_| wrong())?,
        counter: row.number(at.counter)?,
        transports: listed.map(|word| Transport::parse(word).ok_or_else(wrong)).collect::<Result<_, _>>()?,
        backup_eligible: row.flag(at.numbers)?,
        backed_up: row.flag(at.numbers + 1)?,
        resident: row.flag(at.numbers + 2)?,
        verifies: row.flag(at.numbers + 3)?,
        created_at: row.time(at.numbers + 4)?,
        last_used: row.opt_time(at.numbers + 5)?,
        cloned_at: row.opt_time(at.numbers + 6)?,
    })
}

fn read_record(row: &Row) -> Result<CredentialRecord, StoreError> {
    Ok(CredentialRecord { user: parsed("webauthn_credential", row, 2)?, credential: read_credential(row, &LISTED)? })
}

/// `CROSS JOIN`: see the page of users.
macro_rules! credentials_of_page {
    ($page:literal) => {
        concat!(
            "SELECT ",
            credential_columns!(),
            "FROM (SELECT webauthn_key AS id FROM webauthn_credential WHERE account = $1 ",
            $page,
            ") l CROSS JOIN webauthn_credential w WHERE w.account = $1 AND w.webauthn_key = l.id ORDER BY l.id"
        )
    };
}

const CREDENTIALS: LongList = LongList {
    name: "webauthn_credentials",
    from_offset: credentials_of_page!("ORDER BY account, webauthn_key LIMIT $2 OFFSET $3"),
    after_row: credentials_of_page!("AND (account, webauthn_key) > ($2, $3) ORDER BY account, webauthn_key LIMIT $4"),
    count: "SELECT COUNT(*) FROM webauthn_credential WHERE account = $1",
    key: [0, 1],
};

impl Store {
    /// The credential that the authenticator calls `raw_id`, with its public key.
    pub async fn verifiable_credential(
        &self,
        account: AccountId,
        raw_id: &[u8],
    ) -> Result<Option<VerifiableCredential>, StoreError> {
        let row = self
            .query_opt(
                concat!(
                    "SELECT ",
                    credential_columns!(),
                    ", w.public_key FROM webauthn_credential w WHERE w.account = $1 AND w.credential_id = $2"
                ),
                args![account.as_str(), raw_id],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let CredentialRecord { user, credential } = read_record(&row)?;
        Ok(Some(VerifiableCredential { user, credential, public_key: row.text(17)? }))
    }

    /// The ceremony kept under `digest`. Whether it can still be finished is for [`Ceremony::finish`] to say.
    pub async fn ceremony(&self, account: AccountId, digest: &[u8; 32]) -> Result<Option<Ceremony>, StoreError> {
        let row = self
            .query_opt(
                "SELECT account, purpose, binding, user_id, state, created_at, expires_at FROM webauthn_ceremony \
                 WHERE account = $1 AND digest = $2",
                args![account.as_str(), digest],
            )
            .await?;
        row.as_ref().map(Ceremony::read).transpose()
    }

    /// The relying party id that [`pin_relying_party`] said; `None` before anybody had a credential.
    pub async fn relying_party(&self) -> Result<Option<String>, StoreError> {
        let row = self.query_opt("SELECT value FROM meta WHERE name = 'webauthn_rp_id'", args![]).await?;
        Ok(row.map(|row| row.text(0)).transpose()?)
    }
}

impl Reader {
    /// One credential.
    pub async fn webauthn_credential(
        &self,
        account: AccountId,
        key: WebauthnKey,
    ) -> Result<Option<CredentialRecord>, StoreError> {
        let row = self
            .query_opt(
                concat!(
                    "SELECT ",
                    credential_columns!(),
                    "FROM webauthn_credential w WHERE w.account = $1 AND w.webauthn_key = $2"
                ),
                args![account.as_str(), key.as_str()],
            )
            .await?;
        row.as_ref().map(read_record).transpose()
    }

    /// Every user's credentials, by id.
    pub async fn webauthn_credentials(
        &self,
        account: AccountId,
        slice: Slice,
    ) -> Result<Page<CredentialRecord>, StoreError> {
        let (rows, total) = self.long_list(account, &CREDENTIALS, slice).await?;
        Ok(Page { items: rows.iter().map(read_record).collect::<Result<_, _>>()?, total })
    }

    /// The credentials of each of these users, oldest first.
    pub async fn webauthn_credentials_of(
        &self,
        account: AccountId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<Credential>>, StoreError> {
        const SQL: &str = concat!(
            "SELECT ",
            credential_columns!(),
            "FROM webauthn_credential w WHERE w.account = $1 AND w.user_id IN ({}) ORDER BY w.created_at, w.webauthn_key"
        );
        let rows = self.rows_of_many(account, users.iter().map(UserId::as_str), SQL).await?;
        grouped(&rows, |row| read_record(row).map(|record| (record.user, record.credential)))
    }
}
