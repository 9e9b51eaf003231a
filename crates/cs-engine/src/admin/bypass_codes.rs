//! Bypass codes: make, list, delete.

use std::collections::HashSet;

use cs_core::bypass_code::BYPASS_CODE_DIGITS;
use cs_core::id::{AccountId, BypassCodeId, UserId};
use cs_core::secret::PlainCode;
use cs_store::Job;
use cs_store::authenticators::touch_user;
use cs_store::bypass_codes::{BypassCodeRecord, remove_bypass_code, remove_bypass_codes, remove_dead_bypass_codes};
use jiff::SignedDuration;
use serde_json::json;

use super::bypass::MOST_REASON;
use super::text::bounded;
use super::{Actor, admin_record};
use crate::letters::{About, Letter};
use crate::{Engine, EngineError, SystemRng};

/// The most codes made in one call.
pub const MAX_BYPASS_CODES_PER_CALL: usize = 10;
/// The longest a code may live: ten years. More is said as "never".
const MAX_VALID_SECS: i64 = 10 * 366 * 86_400;

/// Which codes to make.
#[derive(Debug)]
pub enum WantedCodes {
    /// So many random ones, 1 to [`MAX_BYPASS_CODES_PER_CALL`].
    Random(usize),
    /// These: 6 to 20 digits or letters each, all different.
    Given(Vec<PlainCode>),
}

/// How to make bypass codes.
#[derive(Debug)]
pub struct NewBypassCodes {
    /// Which.
    pub codes: WantedCodes,
    /// How often each may be used; `None` = without limit.
    pub uses: Option<u32>,
    /// How long each may be used; `None` = for ever.
    pub valid_secs: Option<i64>,
    /// Whether the user's other codes stay.
    pub preserve_existing: bool,
    /// Why, for lists and the log.
    pub reason: Option<String>,
}

/// A code that was made.
#[derive(Debug)]
pub struct MadeBypassCode {
    /// Its id.
    pub id: BypassCodeId,
    /// The code, for the one time it is shown.
    pub code: PlainCode,
}

impl Engine {
    /// Makes bypass codes for a user. They are shown this once; only keyed hashes are kept.
    pub async fn create_bypass_codes(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        new: NewBypassCodes,
    ) -> Result<Vec<MadeBypassCode>, EngineError> {
        let NewBypassCodes { codes, uses, valid_secs, preserve_existing, reason } = new;
        let reason = reason.map(|reason| bounded("reason", reason.trim(), MOST_REASON)).transpose()?;
        let reason = reason.filter(|reason| !reason.is_empty());
        let given = matches!(codes, WantedCodes::Given(_));
        let codes = plain_codes(codes)?;
        if uses == Some(0) {
            return Err(EngineError::Invalid("reuse_count"));
        }
        if valid_secs.is_some_and(|secs| !(1..=MAX_VALID_SECS).contains(&secs)) {
            return Err(EngineError::Invalid("valid_secs"));
        }
        let (name, _) = self.store().user_record(account, user).await?.ok_or(EngineError::NotFound)?;
        let now = self.clock().now();
        let clear = if preserve_existing {
            remove_dead_bypass_codes(account, user, now)
        } else {
            remove_bypass_codes(account, user)
        };
        let created_by = match actor {
            Actor::Administrator(_, name) => name.clone(),
            Actor::Integration(_) | Actor::Terminal | Actor::System | Actor::DirectorySync(_) => String::new(),
        };
        let mut job = Job::new().step(touch_user(account, user)).step(clear);
        let mut made = Vec::with_capacity(codes.len());
        for code in codes {
            let record = BypassCodeRecord {
                id: BypassCodeId::generate(&mut SystemRng),
                user,
                created_at: now,
                created_by: created_by.clone(),
                reason: reason.clone(),
                expires_at: valid_secs.map(|secs| now + SignedDuration::from_secs(secs)),
                uses_left: uses.map(i64::from),
            };
            job = job.step(record.insert(account, &self.bypass_digest(account, code.expose())?));
            made.push(MadeBypassCode { id: record.id, code });
        }
        let ids: Vec<&str> = made.iter().map(|code| code.id.as_str()).collect();
        let description = json!({
            "user_id": user.as_str(),
            "bypass_code_ids": ids,
            "count": ids.len(),
            "auto_generated": !given,
            "remaining_uses": uses,
            "valid_secs": valid_secs.unwrap_or(0),
            "reason": reason,
        });
        job = job.log(admin_record(account, actor, "bypass_create", &name.username, &description, now));
        if !name.email.is_empty() {
            // Each is a way in that somebody else has seen.
            let organisation = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
            let letter = Letter::notice(&organisation, &name.email, &name.username, About::BypassCodes, "", None, now);
            job.effects.extend(self.letter(account, &letter, now)?);
        }
        match self.apply(job).await? {
            None => Ok(made),
            Some(0) => Err(EngineError::NotFound),
            // A code that the user has already, or too many of them.
            Some(_) if given => Err(EngineError::Invalid("codes")),
            Some(_) => Err(EngineError::Invalid("count")),
        }
    }

    /// Removes a bypass code; false if there is none.
    pub async fn delete_bypass_code(
        &self,
        account: AccountId,
        actor: &Actor,
        id: BypassCodeId,
    ) -> Result<bool, EngineError> {
        let now = self.clock().now();
        let Some(code) = self.store().reader().bypass_code(account, id, now).await? else { return Ok(false) };
        let Some((user, _)) = self.store().user_record(account, code.user).await? else { return Ok(false) };
        let description = json!({"user_id": code.user.as_str(), "bypass_code_id": id.as_str()});
        let job = Job::new()
            .step(touch_user(account, code.user))
            .step(remove_bypass_code(account, code.user, id))
            .log(admin_record(account, actor, "bypass_delete", &user.username, &description, now));
        Ok(self.apply(job).await?.is_none())
    }
}

fn plain_codes(wanted: WantedCodes) -> Result<Vec<PlainCode>, EngineError> {
    match wanted {
        WantedCodes::Random(count) if (1..=MAX_BYPASS_CODES_PER_CALL).contains(&count) => {
            let mut seen = HashSet::new();
            let mut codes = Vec::with_capacity(count);
            // Nine digits repeat themselves about once in twenty million calls.
            while codes.len() < count {
                let code = PlainCode::decimal(BYPASS_CODE_DIGITS, &mut SystemRng);
                if seen.insert(code.expose().to_owned()) {
                    codes.push(code);
                }
            }
            Ok(codes)
        }
        WantedCodes::Random(_) => Err(EngineError::Invalid("count")),
        WantedCodes::Given(codes) => {
            let shaped = |code: &PlainCode| {
                let text = code.expose();
                (6..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
            };
            let different: HashSet<&str> = codes.iter().map(PlainCode::expose).collect();
            let fits = !codes.is_empty()
                && codes.len() <= MAX_BYPASS_CODES_PER_CALL
                && different.len() == codes.len()
                && codes.iter().all(shaped);
            if fits { Ok(codes) } else { Err(EngineError::Invalid("codes")) }
        }
    }
}
