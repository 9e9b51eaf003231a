//! What a login reads: the user with devices, groups and lockout, in one statement.

use cs_core::bypass_code::BypassCode;
use cs_core::device::{Authenticator, AuthenticatorClass, Phone, SmsCode, SmsWaiting, Token};
use cs_core::group::{GroupStatus, Membership};
use cs_core::id::{AccountId, PhoneId, UserId};
use cs_core::lockout::{Lock, LockoutState};
use cs_core::policy::exemption::Exemption;
use cs_core::policy::facts::{Client, PhoneFacts};
use cs_core::policy::risk::RiskRecord;
use cs_core::policy::{Os, Version, Word as _};
use cs_core::user::{DefaultFactor, User, UserStatus};
use serde_json::{Map, Value as Json};

use crate::convert::{corrupt, otp_columns, parsed};
use crate::db::{Reader, Row, StoreError, Value};
use crate::exemptions::read_exemption;
use crate::webauthn::{Columns, read_credential};
use crate::{Store, args};

/// Every kind of row has the same columns: kind, id, six texts, eleven numbers, bytes, three more texts.
macro_rules! user_facts {
    ($from:literal) => {
        concat!(
            "WITH u AS (", $from, ") ",
            "SELECT 'user', x.user_id, x.username, x.realname, x.status, x.default_factor, x.lock_kind, x.email, ",
            "x.attempts, x.failures, x.lock_rounds, x.locked_at, x.locked_until, x.trust_epoch, x.version, x.last_login, ",
            "(SELECT COUNT(*) FROM bypass_code c WHERE c.account = $1 AND c.user_id = x.user_id AND (c.uses_left IS NULL OR c.uses_left > 0) ",
            "AND (c.expires_at IS NULL OR c.expires_at > $4)), x.bypass_until, CAST(NULL AS BIGINT), (SELECT seed FROM authenticator WHERE 1 = 0), ",
            "x.risk, CAST(NULL AS TEXT), CAST(NULL AS TEXT) ",
            "FROM users x, u WHERE x.account = $1 AND x.user_id = u.user_id ",
            "UNION ALL SELECT 'group', g.group_id, g.name, g.status, NULL, NULL, NULL, NULL, ",
            "g.bypass_until, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL ",
            "FROM group_member m, user_group g, u WHERE m.account = $1 AND m.user_id = u.user_id AND g.account = $1 AND g.group_id = m.group_id ",
            "UNION ALL SELECT 'phone', p.phone_id, p.name, p.number, p.platform, a.class, a.otp_algorithm, a.otp_memo, ",
            "o.position, a.activated_at, a.confirmed_at, a.auto_approve_until, a.otp_period, a.otp_counter, a.otp_last_step, a.otp_drift, a.otp_held, ",
            "a.version, COALESCE(CASE a.otp_kind WHEN 'mh' THEN 1 WHEN 'mt' THEN 2 END + CASE WHEN a.push IS NULL THEN 0 ELSE 10 END, 0) ",
            "+ CASE p.type WHEN 'Landline' THEN 100 ELSE 0 END, a.seed, p.owner, a.app_version, a.posture ",
            "FROM u, user_phone o JOIN phone p ON p.account = o.account AND p.phone_id = o.phone_id ",
            "LEFT JOIN authenticator a ON a.account = o.account AND a.phone_id = o.phone_id WHERE o.account = $1 AND o.user_id = u.user_id ",
            "UNION ALL SELECT 'token', t.token_id, t.serial, t.type, t.otp_algorithm, t.otp_memo, NULL, NULL, ",
            "o.position, NULL, NULL, NULL, t.otp_period, t.otp_counter, t.otp_last_step, t.otp_drift, t.otp_held, t.version, NULL, t.secret, t.owner, NULL, NULL ",
            "FROM u, user_token o JOIN token t ON t.account = o.account AND t.token_id = o.token_id WHERE o.account = $1 AND o.user_id = u.user_id ",
            "UNION ALL SELECT 'webauthn', w.webauthn_key, w.name, w.label, w.class, w.aaguid, w.transports, NULL, ",
            "w.backup_eligible, w.backed_up, w.resident, w.verifies, w.created_at, w.last_used_at, w.cloned_at, w.counter, NULL, NULL, NULL, w.credential_id, ",
            "NULL, NULL, NULL FROM webauthn_credential w, u WHERE w.account = $1 AND w.user_id = u.user_id ",
            "UNION ALL SELECT 'bypass', c.code_id, NULL, NULL, NULL, NULL, NULL, NULL, ",
            "c.expires_at, c.uses_left, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL ",
            "FROM bypass_code c, u WHERE c.account = $1 AND c.user_id = u.user_id AND c.digest = $3 ",
            "UNION ALL SELECT 'sms', s.phone_id, s.number, s.digit, NULL, NULL, NULL, NULL, ",
            "s.place, s.expires_at, CASE WHEN s.digest = $3 THEN 1 ELSE 0 END, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL ",
            "FROM sms_code s, u WHERE s.account = $1 AND s.user_id = u.user_id AND (s.expires_at IS NULL OR s.expires_at > $4) ",
            "UNION ALL SELECT 'exemption', m.exemption_id, m.kind, m.integrations, m.networks, m.reason, NULL, NULL, ",
            "m.created_at, m.expires_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL ",
            "FROM exemption m, u WHERE m.account = $1 AND m.user_id = u.user_id AND m.expires_at > $4"
        )
    };
}

/// Where the columns of a WebAuthn credential are.
const CREDENTIAL: Columns = Columns { key: 1, raw_id: 19, texts: 2, transports: 6, counter: 15, numbers: 8 };

const BY_NAME: &str = user_facts!("SELECT n.user_id FROM user_name n WHERE n.account = $1 AND n.name_key = $2");
const BY_ID: &str = user_facts!("SELECT i.user_id FROM users i WHERE i.account = $1 AND i.user_id = $2");

/// The id, version and attempts of one user, where reading takes no round trip.
pub(crate) const VERSION: &str = "SELECT user_id, version, attempts FROM users WHERE account = $1 AND user_id = $2";
/// The same of sixteen at once.
pub(crate) const VERSIONS: &str = "SELECT user_id, version, attempts FROM users WHERE account = $1 \
    AND user_id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

/// Whom a client means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserRef<'a> {
    /// By username or alias, in the form names are compared in.
    Name(&'a str),
    /// By id.
    Id(UserId),
}

/// A user and, where a passcode was typed that is one, the bypass code or code by SMS it is.
#[derive(Debug)]
pub struct UserFacts {
    /// The user.
    pub user: User,
    /// The bypass code with the digest asked for. Whether it may still be used is not checked here.
    pub bypass_code: Option<BypassCode>,
    /// The passcode by SMS with the same digest. Whether it may still be used is not checked here.
    pub sms_code: Option<SmsCode>,
    /// The exemptions whose end has not come.
    pub exemptions: Vec<Exemption>,
}

/// What tells whether facts that were read earlier are still so: every change of a user, or of what belongs to it, raises one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserVersion {
    /// [`User::version`].
    pub version: i64,
    /// [`User::attempts`].
    pub attempts: i64,
}

impl UserVersion {
    /// Of a user as it was read.
    pub fn of(user: &User) -> Self {
        Self { version: user.version, attempts: user.attempts }
    }
}

impl Store {
    /// The version of a user as it is now; `None` if there is none.
    pub async fn user_version(&self, account: AccountId, user: UserId) -> Result<Option<UserVersion>, StoreError> {
        let row = self.user_version_row(account.as_str(), user.as_str()).await?;
        row.map(|row| Ok(UserVersion { version: row.int(1)?, attempts: row.int(2)? })).transpose()
    }

    /// The user `who` in `account`, with all that a login decision needs; `None` if there is none.
    ///
    /// `bypass_digest` is the keyed hash of what was typed, if it could be a bypass code. `now` only counts the bypass codes still alive.
    pub async fn user_facts(
        &self,
        account: AccountId,
        who: UserRef<'_>,
        bypass_digest: Option<&[u8; 32]>,
        now: jiff::Timestamp,
    ) -> Result<Option<UserFacts>, StoreError> {
        let (sql, key) = match who {
            UserRef::Name(name) => (BY_NAME, Value::from(name)),
            UserRef::Id(id) => (BY_ID, Value::from(id.as_str())),
        };
        let rows = self.query(sql, args![account.as_str(), key, bypass_digest.map(<[u8; 32]>::as_slice), now]).await?;
        assemble(&rows)
    }
}

impl Reader {
    /// The user `id` in `account` as it is at `now`, for reports; `None` if there is none.
    pub async fn user_as_is(
        &self,
        account: AccountId,
        id: UserId,
        now: jiff::Timestamp,
    ) -> Result<Option<UserFacts>, StoreError> {
        let no_code: Option<&[u8]> = None;
        assemble(&self.query(BY_ID, args![account.as_str(), id.as_str(), no_code, now]).await?)
    }
}

fn assemble(rows: &[Row]) -> Result<Option<UserFacts>, StoreError> {
    let mut user = None;
    let (mut groups, mut phones, mut tokens, mut bypass_code) = (Vec::new(), Vec::new(), Vec::new(), None);
    let (mut exemptions, mut credentials) = (Vec::new(), Vec::new());
    let (mut messages, mut sms_code) = (Vec::new(), None);
    for row in rows {
        match row.str(0)? {
            "user" => user = Some(read_user(row)?),
            "group" => groups.push(read_membership(row)?),
            "phone" => phones.push((row.int(8)?, read_phone(row)?)),
            "token" => tokens.push((row.int(8)?, read_token(row)?)),
            "webauthn" => credentials.push(read_credential(row, &CREDENTIAL)?),
            "sms" => {
                let code =
                    SmsCode { phone: parsed("sms_code", row, 1)?, number: row.text(2)?, expires_at: row.opt_time(9)? };
                let digit = row.str(3)?.chars().next().ok_or_else(|| corrupt("sms_code", row))?;
                messages.push((row.int(8)?, digit, code.clone()));
                sms_code = sms_code.or((row.int(10)? == 1).then_some(code));
            }
            "exemption" => exemptions.push(read_exemption(row, 2, 8)?),
            "bypass" => {
                bypass_code = Some(BypassCode {
                    id: parsed("bypass_code", row, 1)?,
                    expires_at: row.opt_time(8)?,
                    uses_left: row.opt_int(9)?,
                })
            }
            _ => return Err(corrupt("users", row)),
        }
    }
    let Some(mut user) = user else { return Ok(None) };
    phones.sort_by_key(|(place, phone): &(i64, Phone)| (*place, phone.id));
    tokens.sort_by_key(|(place, token): &(i64, Token)| (*place, token.id));
    credentials.sort_by_key(|credential| (credential.created_at, credential.key));
    user.credentials = credentials;
    user.groups = groups;
    user.phones = phones.into_iter().map(|(_, phone)| phone).collect();
    messages.sort_by_key(|(place, ..)| *place);
    for phone in &mut user.phones {
        phone.sms = waiting_at(phone, &messages);
    }
    user.tokens = tokens.into_iter().map(|(_, token)| token).collect();
    Ok(Some(UserFacts { user, bypass_code, sms_code, exemptions }))
}

/// What was sent to `phone` by SMS, at the number it has now.
fn waiting_at(phone: &Phone, messages: &[(i64, char, SmsCode)]) -> Option<SmsWaiting> {
    let mut own = messages.iter().filter(|(_, _, code)| code.phone == phone.id && code.number == phone.number);
    let (_, next, first) = own.next()?;
    let count = u32::try_from(own.count()).unwrap_or(u32::MAX).saturating_add(1);
    Some(SmsWaiting { next: *next, count, expires_at: first.expires_at })
}

fn read_user(row: &Row) -> Result<User, StoreError> {
    let default_factor = match row.opt_str(5)? {
        None => None,
        Some(word) => Some(DefaultFactor::parse(word).ok_or_else(|| corrupt("users", row))?),
    };
    Ok(User {
        id: parsed("users", row, 1)?,
        username: row.text(2)?,
        realname: row.opt_text(3)?,
        email: row.text(7)?,
        bypass_until: row.opt_time(17)?,
        status: UserStatus::parse(row.str(4)?).ok_or_else(|| corrupt("users", row))?,
        default_factor,
        attempts: row.int(8)?,
        lockout: LockoutState {
            failures: row.number(9)?,
            rounds: row.number(10)?,
            lock: read_lock_columns(row, 6, 11, 12)?,
        },
        trust_epoch: row.int(13)?,
        version: row.int(14)?,
        last_login: row.opt_time(15)?,
        live_bypass_codes: row.int(16)?,
        risk: match row.opt_str(20)? {
            None => RiskRecord::default(),
            Some(text) => RiskRecord::parse(text).map_err(|_| corrupt("users", row))?,
        },
        phones: Vec::new(),
        tokens: Vec::new(),
        credentials: Vec::new(),
        groups: Vec::new(),
    })
}

/// A lock from its columns: kind, since when, until when.
pub(crate) fn read_lock_columns(row: &Row, kind: usize, at: usize, until: usize) -> Result<Lock, StoreError> {
    Ok(match (row.opt_str(kind)?, row.opt_time(at)?, row.opt_time(until)?) {
        (None, None, None) => Lock::Open,
        (Some("failures"), Some(at), Some(until)) => Lock::Until { at, until },
        (Some("failures"), Some(at), None) => Lock::Indefinite { at },
        (Some("administrator"), Some(at), None) => Lock::ByAdministrator { at },
        _ => return Err(corrupt("users", row)),
    })
}

fn read_membership(row: &Row) -> Result<Membership, StoreError> {
    let status = GroupStatus::parse(row.str(3)?).ok_or_else(|| corrupt("user_group", row))?;
    Ok(Membership { group: parsed("user_group", row, 1)?, name: row.text(2)?, status, bypass_until: row.opt_time(8)? })
}

fn read_phone(row: &Row) -> Result<Phone, StoreError> {
    // Three things share a column: every kind of row has the same ones.
    let packed = row.int(18)?;
    let (landline, bound) = (packed >= 100, packed % 100);
    let authenticator = match row.opt_str(5)? {
        None => None,
        Some(class) => {
            let (kind, can_be_woken) = match bound {
                1 => ("mh", false),
                2 => ("mt", false),
                11 => ("mh", true),
                12 => ("mt", true),
                _ => return Err(corrupt("authenticator", row)),
            };
            let (params, otp) = otp_columns("authenticator", row, kind, 6, 12)?;
            let class = AuthenticatorClass::parse(class).ok_or_else(|| corrupt("authenticator", row))?;
            let app = match class {
                // The page comes from this server each time that it is opened.
                AuthenticatorClass::Pwa => Some(Version::CURRENT),
                AuthenticatorClass::Cli | AuthenticatorClass::Automation | AuthenticatorClass::Native => {
                    row.opt_str(21)?.and_then(Version::parse)
                }
            };
            Some(Authenticator {
                class,
                activated_at: row.time(9)?,
                confirmed: row.opt_time(10)?.is_some(),
                can_be_woken,
                auto_approve_until: row.opt_time(11)?,
                params,
                otp,
                sealed_seed: row.blob(19)?.to_vec(),
                facts: phone_facts(parsed("phone", row, 1)?, row.str(4)?, app, row.opt_str(22)?),
            })
        }
    };
    Ok(Phone {
        id: parsed("phone", row, 1)?,
        name: row.text(2)?,
        number: row.text(3)?,
        owner: row.opt_text(20)?.unwrap_or_default(),
        landline,
        sms: None,
        platform: row.text(4)?,
        authenticator,
    })
}

/// What an authenticator told about the phone it is on; `None` if it told nothing that a policy asks about. What is not understood is not known.
fn phone_facts(phone: PhoneId, platform: &str, app: Option<Version>, posture: Option<&str>) -> Option<PhoneFacts> {
    let told: Map<String, Json> = posture.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let flag = |name: &str| told.get(name).and_then(Json::as_bool);
    let text = |name: &str| told.get(name).and_then(Json::as_str);
    // What administrators see of a phone that says nothing itself.
    let of_platform = || match platform {
        "Google Android" => Some(Os::Android),
        "Apple iOS" => Some(Os::Ios),
        _ => None,
    };
    let product = text("os").and_then(Os::parse).or_else(of_platform);
    let facts = PhoneFacts {
        os: product.map(|product| Client { product, version: text("os_version").and_then(Version::parse) }),
        app,
        screen_lock: flag("screen_lock"),
        encryption: flag("encryption"),
        biometrics: flag("biometrics"),
        tampered: flag("tampered"),
        ..PhoneFacts::unknown(phone)
    };
    (facts != PhoneFacts::unknown(phone)).then_some(facts)
}

fn read_token(row: &Row) -> Result<Token, StoreError> {
    let kind = row.str(3)?;
    let (params, otp) = otp_columns("token", row, kind, 4, 12)?;
    Ok(Token {
        id: parsed("token", row, 1)?,
        serial: row.text(2)?,
        owner: row.opt_text(20)?.unwrap_or_default(),
        params,
        otp,
        sealed_secret: row.blob(19)?.to_vec(),
    })
}
