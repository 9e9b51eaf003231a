//! Recovery codes: a backup that can be printed.

use cs_core::bypass_code::BYPASS_CODE_DIGITS;
use cs_core::enrollment::{Added, At};
use cs_core::id::BypassCodeId;
use cs_core::secret::PlainCode;
use cs_core::user::User;
use cs_store::Job;
use cs_store::authenticators::touch_user;
use cs_store::bypass_codes::{BypassCodeRecord, mark_recovery, remove_recovery_codes};
use serde_json::json;

use super::pages::Enrolled;
use super::wizard::Enrollment;
use crate::letters::About;
use crate::{Access, AccountEntry, Engine, EngineError, SystemRng};

/// How many recovery codes a person is given.
pub const RECOVERY_CODES: usize = 10;

/// The activity log's word for recovery codes that a user made.
pub const CODES_MADE: &str = "recovery_codes_created";

impl Engine {
    pub(super) async fn give_codes(
        &self,
        enrollment: &mut Enrollment,
        user: &User,
        access: &Access,
    ) -> Result<Enrolled, EngineError> {
        let (codes, job) = self.recovery_codes(enrollment.account(), user, access)?;
        let is_first = !enrollment.kept.added.contains(&Added::Codes);
        let version = enrollment.visiting.row.version;
        self.move_on(enrollment, At::Backup, is_first.then_some(Added::Codes), job).await?;
        // Whoever came second has seen nothing.
        Ok(if enrollment.visiting.row.version > version { Enrolled::Codes(codes) } else { Enrolled::Moved })
    }

    /// New recovery codes of `user`, and the job that makes them and voids those before.
    pub(crate) fn recovery_codes(
        &self,
        account: &AccountEntry,
        user: &User,
        access: &Access,
    ) -> Result<(Vec<PlainCode>, Job), EngineError> {
        let (id, now) = (account.id, self.clock().now());
        let mut job = Job::new().step(touch_user(id, user.id)).step(remove_recovery_codes(id, user.id));
        let mut codes: Vec<PlainCode> = Vec::with_capacity(RECOVERY_CODES);
        while codes.len() < RECOVERY_CODES {
            let code = PlainCode::decimal(BYPASS_CODE_DIGITS, &mut SystemRng);
            if codes.iter().any(|other| other.expose() == code.expose()) {
                continue;
            }
            let record = BypassCodeRecord {
                id: BypassCodeId::generate(&mut SystemRng),
                user: user.id,
                created_at: now,
                created_by: String::new(),
                reason: Some("recovery code".to_owned()),
                expires_at: None,
                uses_left: Some(1),
            };
            job = job.step(record.insert(id, &self.bypass_digest(id, code.expose())?));
            job = job.step(mark_recovery(id, user.id, record.id));
            codes.push(code);
        }
        let record = self.self_record(id, user, CODES_MADE, &json!({"count": codes.len()}), access, now);
        job = job.log(record);
        job.effects.extend(self.notice(account, user, About::RecoveryCodes, "", now)?);
        Ok((codes, job))
    }
}
