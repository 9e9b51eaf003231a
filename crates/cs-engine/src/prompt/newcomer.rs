//! From a login that was refused because enrollment comes first, to the enrollment.

use cs_core::prompt::{Failure, State};
use cs_core::secret::PlainCode;

use super::session::{Prompt, Visit};
use super::steps::failure;
use crate::login::{PreauthOutcome, PreauthRequest};
use crate::{Engine, EngineError};

impl Engine {
    /// A link for the person of `prompt`, who is to enroll before they get in. Minutes may have passed since that was decided, so the policies are asked again.
    ///
    /// Fails with what is in the way now, written down in the log; with `None` where nothing is and another login would get further.
    pub async fn enrollment_of_prompt(
        &self,
        prompt: &Prompt,
        visit: &Visit,
    ) -> Result<Result<PlainCode, Option<Failure>>, EngineError> {
        if !matches!(prompt.state, State::MustEnroll(_)) {
            return Ok(Err(None));
        }
        let survey = self.survey(&prompt.caller, &prompt.who(), &visit.access).await?;
        if survey.must_enroll {
            let code = self.enrollment_in_login(&prompt.caller, &prompt.who()).await?;
            return Ok(code.ok_or(None));
        }
        let question = PreauthRequest {
            who: prompt.who(),
            access: visit.access.clone(),
            trusted_device_token: None,
            browser: None,
            // Not the entry of the login that was refused: this is another decision.
            log_as: None,
            shows_number: true,
        };
        Ok(match self.preauth(&prompt.caller, &question).await?.outcome {
            PreauthOutcome::Deny(refused) => Err(Some(failure(refused))),
            PreauthOutcome::Enroll(_) | PreauthOutcome::Allow(_) | PreauthOutcome::Challenge(_) => Err(None),
        })
    }
}
