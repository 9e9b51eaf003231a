//! From an enrollment in the middle of a login back to that login.

use cs_core::enrollment::{At, Post};
use cs_core::id::PromptId;
use serde::{Deserialize, Serialize};

use super::wizard::Enrollment;
use crate::prompt::{Asked, PromptSecret};
use crate::{Caller, Engine, EngineError, Liveness, Surface};

/// Where an enrollment leads back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// What the application is called.
    pub application: String,
    /// What it asked for.
    pub asked: Asked,
}

impl Back {
    /// Where `enrollment` leads back to; `None` where it leads nowhere, or has led there.
    pub fn of(enrollment: &Enrollment) -> Option<Self> {
        serde_json::from_value(enrollment.kept.back.clone()?).ok()
    }
}

impl Engine {
    /// Goes on with the login that `enrollment` is in the middle of: once, another one begins with what the application asked for. `None` where it leads nowhere, and
    /// where the application is no longer there.
    pub async fn finish_enrollment(
        &self,
        enrollment: &mut Enrollment,
        step: &str,
        connection: Liveness,
    ) -> Result<Option<(PromptId, PromptSecret)>, EngineError> {
        let (Some(back), Some(key)) = (Back::of(enrollment), enrollment.kept.application) else { return Ok(None) };
        if !enrollment.takes(step, Post::Finish) {
            return Ok(None);
        }
        let account = enrollment.account().clone();
        let found = self.directory().integration(account.id, key).await?;
        let Some(integration) = found.filter(|one| one.enabled) else { return Ok(None) };
        let caller = Caller { account, integration, surface: Surface::Prompt, connection, legacy_signature: false };
        if !self.leave_enrollment(enrollment).await? {
            return Ok(None);
        }
        self.open_prompt(&caller, &back.asked).await.map(Some)
    }

    /// Leaves the last page; false if somebody has.
    async fn leave_enrollment(&self, enrollment: &mut Enrollment) -> Result<bool, EngineError> {
        let mut kept = enrollment.kept.clone();
        (kept.at, kept.back) = (At::Done, None);
        let text = kept.to_text();
        let step = enrollment.visiting.row.go_on(&text, self.clock().now());
        if !self.holds(cs_store::Job::new().step(step)).await? {
            return Ok(false);
        }
        enrollment.visiting.row.version += 1;
        enrollment.visiting.row.state = text;
        enrollment.kept = kept;
        Ok(true)
    }
}
