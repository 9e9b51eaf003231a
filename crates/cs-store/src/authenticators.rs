//! Authenticators: keys bound to phones, and the codes that bind them.

use cs_core::device::AuthenticatorClass;
use cs_core::id::{AccountId, PhoneId, UserId};
use cs_core::otp::{OtpParams, OtpRecord};
use jiff::Timestamp;

use crate::convert::{corrupt, otp_columns, parsed};
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

/// An authenticator with what its requests are checked by.
#[derive(Debug, Clone)]
pub struct BoundDevice {
    /// The account.
    pub account: AccountId,
    /// The phone it is bound to; the device's id.
    pub phone: PhoneId,
    /// The user it was bound for.
    pub user: UserId,
    /// That user's name.
    pub username: String,
    /// The phone's label.
    pub name: String,
    /// The public key, a JWK as JSON text.
    pub public_key: String,
    /// What runs it.
    pub class: AuthenticatorClass,
    /// Whether it may do anything: confirmed where that was demanded.
    pub confirmed: bool,
    /// Until when it may answer by itself.
    pub auto_approve_until: Option<Timestamp>,
    /// How it makes passcodes.
    pub params: OtpParams,
    /// Where they are.
    pub otp: OtpRecord,
    /// Its Web Push subscription, sealed.
    pub push: Option<Vec<u8>>,
    /// When it was bound.
    pub activated_at: Timestamp,
}

/// An authenticator as it is bound.
#[derive(Debug, Clone)]
pub struct NewAuthenticator<'a> {
    /// The account.
    pub account: AccountId,
    /// The phone.
    pub phone: PhoneId,
    /// The user.
    pub user: UserId,
    /// JWK as JSON text.
    pub public_key: &'a str,
    /// What runs it.
    pub class: AuthenticatorClass,
    /// Where the key is kept, the protocol's word.
    pub key_protection: &'a str,
    /// Its version.
    pub app_version: &'a str,
    /// Web Push subscription, sealed.
    pub push: Option<&'a [u8]>,
    /// The sealed seed.
    pub sealed_seed: Vec<u8>,
    /// How it makes passcodes.
    pub params: OtpParams,
    /// Where they begin.
    pub otp: OtpRecord,
    /// Whether it may act at once.
    pub confirmed: bool,
    /// What both screens show.
    pub confirm_phrase: &'a str,
    /// Now.
    pub now: Timestamp,
}

impl NewAuthenticator<'_> {
    /// Binds it, in place of what was bound to the phone before.
    pub fn bind(&self) -> [Step; 2] {
        let key = args![self.account.as_str(), self.phone.as_str()];
        [
            Step::any("DELETE FROM authenticator WHERE account = $1 AND phone_id = $2", key),
            Step::one(
                "INSERT INTO authenticator (account, phone_id, user_id, public_key, class, key_protection, app_version, push, seed, otp_kind, \
                 otp_algorithm, otp_period, otp_counter, otp_last_step, otp_drift, otp_memo, otp_held, activated_at, confirmed_at, confirm_phrase, \
                 version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, 1)",
                args![
                    self.account.as_str(),
                    self.phone.as_str(),
                    self.user.as_str(),
                    self.public_key,
                    self.class.as_str(),
                    self.key_protection,
                    self.app_version,
                    self.push,
                    self.sealed_seed.as_slice(),
                    self.otp.kind.as_str(),
                    self.params.algorithm.as_str(),
                    self.params.step.as_secs(),
                    self.otp.counter,
                    self.otp.last_step,
                    self.otp.drift,
                    self.otp.memo.as_deref(),
                    self.otp.held,
                    self.now,
                    self.confirmed.then_some(self.now),
                    self.confirm_phrase
                ],
            ),
        ]
    }
}

/// Unbinds what is bound to `phone`. Holds only if something is.
pub fn unbind(account: AccountId, phone: PhoneId) -> Step {
    Step::one("DELETE FROM authenticator WHERE account = $1 AND phone_id = $2", args![account.as_str(), phone.as_str()])
}

/// Confirms a device that waits for it. Holds once.
pub fn confirm(account: AccountId, phone: PhoneId, now: Timestamp) -> Step {
    Step::one(
        "UPDATE authenticator SET confirmed_at = $1, version = version + 1 WHERE account = $2 AND phone_id = $3 AND confirmed_at IS NULL",
        args![now, account.as_str(), phone.as_str()],
    )
}

/// Lets a device answer by itself until `until`; `None` ends that.
pub fn set_auto_approve(account: AccountId, phone: PhoneId, until: Option<Timestamp>) -> Step {
    Step::one(
        "UPDATE authenticator SET auto_approve_until = $1, version = version + 1 WHERE account = $2 AND phone_id = $3",
        args![until, account.as_str(), phone.as_str()],
    )
}

/// What a device may say of itself later on.
#[derive(Debug, Clone, Default)]
pub struct DeviceUpdate<'a> {
    /// A new label for the phone.
    pub name: Option<&'a str>,
    /// A new version.
    pub app_version: Option<&'a str>,
    /// A new subscription, sealed, or none.
    pub push: Option<Option<&'a [u8]>>,
    /// Its posture, JSON text.
    pub posture: Option<&'a str>,
}

impl DeviceUpdate<'_> {
    /// Writes what is given.
    pub fn steps(&self, account: AccountId, phone: PhoneId, now: Timestamp) -> Vec<Step> {
        let (set_push, push) = match self.push {
            Some(push) => (1_i64, push),
            None => (0, None),
        };
        vec![
            Step::one(
                "UPDATE authenticator SET app_version = COALESCE($1, app_version), push = CASE WHEN $2 = 1 THEN $3 ELSE push END, \
                 posture = COALESCE($4, posture) WHERE account = $5 AND phone_id = $6",
                args![self.app_version, set_push, push, self.posture, account.as_str(), phone.as_str()],
            ),
            Step::one(
                "UPDATE phone SET name = COALESCE($1, name), last_seen = $2 WHERE account = $3 AND phone_id = $4",
                args![self.name, now, account.as_str(), phone.as_str()],
            ),
        ]
    }
}

/// Takes away a subscription that the push service no longer knows. Holds only if it is still `sealed`: the browser may have brought a new one.
pub fn forget_subscription(account: AccountId, phone: PhoneId, sealed: &[u8]) -> Step {
    Step::one(
        "UPDATE authenticator SET push = NULL WHERE account = $1 AND phone_id = $2 AND push = $3",
        args![account.as_str(), phone.as_str(), sealed],
    )
}

/// How an activation came about; decides whether it needs confirming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationSource {
    /// The Auth API's `enroll`.
    AuthApi,
    /// An administrator or the Admin API.
    Administrator,
    /// A page in the person's browser.
    Page,
    /// A recovery code or a passkey, with which the person brings the account to another device.
    Move,
}

impl ActivationSource {
    const ALL: [Self; 4] = [Self::AuthApi, Self::Administrator, Self::Page, Self::Move];

    /// Its word, in columns and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthApi => "auth_api",
            Self::Administrator => "administrator",
            Self::Page => "page",
            Self::Move => "move",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// An activation that can still be used.
#[derive(Debug, Clone, Copy)]
pub struct Activation {
    /// The phone it binds.
    pub phone: PhoneId,
    /// Whose it is.
    pub user: UserId,
    /// Whether the device must be confirmed on a second screen.
    pub confirm: bool,
    /// How it came about.
    pub source: ActivationSource,
}

/// A device that was bound and waits to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// What both screens show.
    pub phrase: String,
    /// What the device calls itself.
    pub name: String,
}

/// How an activation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationState {
    /// Nobody has used it yet.
    Waiting,
    /// A device was bound.
    Used,
    /// Expired or superseded.
    Invalid,
}

/// Makes an activation and voids every older one of the phone. `digest` is the keyed hash of the code.
#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub fn activate_later(
    account: AccountId,
    phone: PhoneId,
    user: UserId,
    digest: &[u8; 32],
    source: ActivationSource,
    confirm: bool,
    now: Timestamp,
    expires_at: Timestamp,
) -> [Step; 2] {
    [
        Step::any(
            "UPDATE activation SET voided_at = $1 WHERE account = $2 AND phone_id = $3 AND used_at IS NULL AND voided_at IS NULL",
            args![now, account.as_str(), phone.as_str()],
        ),
        Step::one(
            "INSERT INTO activation (account, digest, phone_id, user_id, source, confirm, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            args![account.as_str(), digest, phone.as_str(), user.as_str(), source.as_str(), confirm, now, expires_at],
        ),
    ]
}

/// Uses an activation up. Holds once, and only while it is neither expired nor superseded.
pub fn use_activation(account: AccountId, digest: &[u8; 32], now: Timestamp) -> Step {
    Step::one(
        "UPDATE activation SET used_at = $1 WHERE account = $2 AND digest = $3 AND used_at IS NULL AND voided_at IS NULL AND expires_at > $1",
        args![now, account.as_str(), digest],
    )
}

/// Gives a phone that nobody described the platform and model that its authenticator names.
pub fn describe_phone(account: AccountId, phone: PhoneId, platform: &str, name: &str, now: Timestamp) -> Step {
    Step::one(
        "UPDATE phone SET platform = CASE WHEN platform = 'Unknown' THEN $1 ELSE platform END, name = CASE WHEN name = '' THEN $2 ELSE name END, \
         last_seen = $3, version = version + 1 WHERE account = $4 AND phone_id = $5",
        args![platform, name, now, account.as_str(), phone.as_str()],
    )
}

/// Gives a phone that has become another one the platform and name that its authenticator tells.
pub fn rename_phone(account: AccountId, phone: PhoneId, platform: &str, name: &str, now: Timestamp) -> Step {
    Step::one(
        "UPDATE phone SET platform = $1, model = '', name = $2, last_seen = $3, version = version + 1 WHERE account = $4 AND phone_id = $5",
        args![platform, name, now, account.as_str(), phone.as_str()],
    )
}

/// Marks a user as changed: whatever was decided on what it was before does not hold.
pub fn touch_user(account: AccountId, user: UserId) -> Step {
    Step::one(
        "UPDATE users SET version = version + 1 WHERE account = $1 AND user_id = $2",
        args![account.as_str(), user.as_str()],
    )
}

/// Marks every user of a phone as changed.
pub fn touch_users_of_phone(account: AccountId, phone: PhoneId) -> Step {
    Step::any(
        "UPDATE users SET version = version + 1 WHERE account = $1 AND user_id IN \
         (SELECT user_id FROM user_phone WHERE account = $1 AND phone_id = $2)",
        args![account.as_str(), phone.as_str()],
    )
}

impl Store {
    /// The authenticator bound to `phone`.
    pub async fn bound_device(&self, account: AccountId, phone: PhoneId) -> Result<Option<BoundDevice>, StoreError> {
        let row = self
            .query_opt(
                "SELECT a.account, a.phone_id, a.user_id, u.username, p.name, a.public_key, a.class, a.confirmed_at, a.auto_approve_until, \
                 a.otp_kind, a.otp_algorithm, a.otp_memo, a.otp_period, a.otp_counter, a.otp_last_step, a.otp_drift, a.otp_held, a.push, a.activated_at \
                 FROM authenticator a JOIN phone p ON p.account = a.account AND p.phone_id = a.phone_id \
                 JOIN users u ON u.account = a.account AND u.user_id = a.user_id WHERE a.account = $1 AND a.phone_id = $2",
                args![account.as_str(), phone.as_str()],
            )
            .await?;
        row.as_ref().map(read_device).transpose()
    }

    /// The device on `phone`, if it waits to be confirmed.
    pub async fn unconfirmed(&self, account: AccountId, phone: PhoneId) -> Result<Option<Unconfirmed>, StoreError> {
        let sql = "SELECT a.confirm_phrase, p.name FROM authenticator a JOIN phone p ON p.account = a.account AND p.phone_id = a.phone_id \
                   WHERE a.account = $1 AND a.phone_id = $2 AND a.confirmed_at IS NULL";
        let row = self.query_opt(sql, args![account.as_str(), phone.as_str()]).await?;
        row.map(|row| Ok(Unconfirmed { phrase: row.text(0)?, name: row.text(1)? })).transpose()
    }

    /// Phones of `user` that pages in browsers made and nobody confirmed: what an enrollment that was not finished has left.
    ///
    /// A phone of which anybody else has made an activation, or that has another user too, is none.
    pub async fn left_over_phones(&self, account: AccountId, user: UserId) -> Result<Vec<PhoneId>, StoreError> {
        let sql = "SELECT o.account, o.phone_id FROM user_phone o WHERE o.account = $1 AND o.user_id = $2 \
                   AND EXISTS (SELECT 1 FROM activation t WHERE t.account = $1 AND t.phone_id = o.phone_id AND t.source = 'page') \
                   AND NOT EXISTS (SELECT 1 FROM activation t WHERE t.account = $1 AND t.phone_id = o.phone_id AND t.source <> 'page') \
                   AND NOT EXISTS (SELECT 1 FROM user_phone s WHERE s.account = $1 AND s.phone_id = o.phone_id AND s.user_id <> $2) \
                   AND NOT EXISTS (SELECT 1 FROM authenticator a WHERE a.account = $1 AND a.phone_id = o.phone_id AND a.confirmed_at IS NOT NULL) \
                   AND (EXISTS (SELECT 1 FROM authenticator a WHERE a.account = $1 AND a.phone_id = o.phone_id) \
                   OR NOT EXISTS (SELECT 1 FROM activation t WHERE t.account = $1 AND t.phone_id = o.phone_id AND t.used_at IS NOT NULL))";
        let rows = self.query(sql, args![account.as_str(), user.as_str()]).await?;
        rows.iter().map(|row| parsed("user_phone", row, 1)).collect()
    }

    /// The account of the authenticator `phone`: for requests to a host that all accounts share. Ids are random, so two accounts can have the same one
    /// only by somebody's doing; then it is nobody's.
    pub async fn account_of_authenticator(&self, phone: PhoneId) -> Result<Option<AccountId>, StoreError> {
        let rows =
            self.query("SELECT account FROM authenticator WHERE phone_id = $1 LIMIT 2", args![phone.as_str()]).await?;
        match rows.as_slice() {
            [row] => parsed("authenticator", row, 0).map(Some),
            _ => Ok(None),
        }
    }

    /// The activation with this digest, if it can be used at `now`.
    pub async fn usable_activation(
        &self,
        account: AccountId,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Activation>, StoreError> {
        let row = self
            .query_opt(
                "SELECT phone_id, user_id, confirm, source FROM activation WHERE account = $1 AND digest = $2 AND used_at IS NULL AND voided_at IS NULL \
                 AND expires_at > $3",
                args![account.as_str(), digest, now],
            )
            .await?;
        let read = |row: &Row| {
            Ok(Activation {
                phone: parsed("activation", row, 0)?,
                user: parsed("activation", row, 1)?,
                confirm: row.flag(2)?,
                source: ActivationSource::parse(row.str(3)?).ok_or_else(|| corrupt("activation", row))?,
            })
        };
        row.as_ref().map(read).transpose()
    }

    /// How the activation with this digest stands for `user`.
    pub async fn activation_state(
        &self,
        account: AccountId,
        user: UserId,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<ActivationState, StoreError> {
        let row = self
            .query_opt(
                "SELECT used_at, voided_at, expires_at FROM activation WHERE account = $1 AND digest = $2 AND user_id = $3",
                args![account.as_str(), digest, user.as_str()],
            )
            .await?;
        let Some(row) = row else { return Ok(ActivationState::Invalid) };
        Ok(match (row.opt_time(0)?, row.opt_time(1)?, row.time(2)?) {
            (Some(_), _, _) => ActivationState::Used,
            (None, None, expires_at) if expires_at > now => ActivationState::Waiting,
            (None, _, _) => ActivationState::Invalid,
        })
    }
}

fn read_device(row: &Row) -> Result<BoundDevice, StoreError> {
    let (params, otp) = otp_columns("authenticator", row, row.str(9)?, 10, 12)?;
    Ok(BoundDevice {
        account: parsed("authenticator", row, 0)?,
        phone: parsed("authenticator", row, 1)?,
        user: parsed("authenticator", row, 2)?,
        username: row.text(3)?,
        name: row.text(4)?,
        public_key: row.text(5)?,
        class: AuthenticatorClass::parse(row.str(6)?).ok_or_else(|| corrupt("authenticator", row))?,
        confirmed: row.opt_time(7)?.is_some(),
        auto_approve_until: row.opt_time(8)?,
        params,
        otp,
        push: row.opt_blob(17)?.map(<[u8]>::to_vec),
        activated_at: row.time(18)?,
    })
}
