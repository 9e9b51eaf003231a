//! Begin a login by passkey or security key.

use cs_core::id::AccountId;
use cs_core::policy;
use cs_core::user::User;
use cs_core::webauthn::{Ask, Class, Credential, Purpose, UserVerification, user_verification};
use serde_json::{Value as Json, json};

use super::{Begun, Binding, CeremonyId, new_ceremony};
use crate::login::{Assertion, AuthAnswer, AuthRequest, Challenge, FactorInput, Who};
use crate::passkeys::party::claim;
use crate::{Access, Caller, Engine, EngineError};

impl Engine {
    /// Begins an assertion as second factor of the user whom `challenge` (of [`Engine::preauth`]) is about, with any credential that the policies leave;
    /// `None` if there is none.
    pub async fn begin_assertion(
        &self,
        caller: &Caller,
        challenge: &Challenge,
        binding: &Binding,
    ) -> Result<Option<Begun>, EngineError> {
        let user = &challenge.user;
        self.begin_second_factor(caller, user, &challenge.allowed, None, binding, CeremonyId::generate()).await
    }

    /// The same under an `id`, with credentials of one class alone where one is meant.
    pub(crate) async fn begin_second_factor(
        &self,
        caller: &Caller,
        user: &User,
        allowed: &policy::Challenge,
        class: Option<Class>,
        binding: &Binding,
        id: CeremonyId,
    ) -> Result<Option<Begun>, EngineError> {
        let now = self.clock().now();
        let models = &caller.account.login.webauthn_models;
        let able = |one: &&Credential| {
            one.is_usable()
                && models.allows(one.aaguid)
                && allowed.methods.contains(one.method(Ask::SecondFactor))
                && class.is_none_or(|class| class == one.class)
        };
        let credentials: Vec<&Credential> = user.credentials.iter().filter(able).collect();
        if credentials.is_empty() {
            return Ok(None);
        }
        let asked = user_verification(Ask::SecondFactor, allowed);
        let (options, state) = self.relying_party().request(asked, &credentials).map_err(internal)?;
        let purpose = Purpose::Assertion(Ask::SecondFactor);
        let ceremony = new_ceremony(purpose, binding, Some(user.id), kept(&options, &state), now);
        self.begin_ceremony(caller.account.id, id, ceremony, options).await.map(Some)
    }

    /// Begins an assertion by whoever comes, without a name: for the passkey button, and for autofill (`mediation: "conditional"`). Says nothing about who has
    /// passkeys.
    pub async fn begin_passwordless(&self, caller: &Caller, binding: &Binding) -> Result<Begun, EngineError> {
        let (options, state) = self.relying_party().request(UserVerification::Required, &[]).map_err(internal)?;
        let purpose = Purpose::Assertion(Ask::Passwordless);
        let ceremony = new_ceremony(purpose, binding, None, kept(&options, &state), self.clock().now());
        self.begin_ceremony(caller.account.id, CeremonyId::generate(), ceremony, options).await
    }

    /// What the ceremony `id` asked, if it can still be finished: for a page that is shown again.
    pub(crate) async fn asked_again(
        &self,
        account: AccountId,
        purpose: Purpose,
        id: &CeremonyId,
        binding: &Binding,
    ) -> Result<Option<Json>, EngineError> {
        let open = self.open_ceremony(account, id, purpose, binding, self.clock().now()).await?;
        let kept = open.and_then(|(ceremony, _)| serde_json::from_str::<Json>(&ceremony.state).ok());
        Ok(kept.and_then(|mut kept| kept.get_mut("options").map(Json::take)))
    }

    /// Lets in, or not, whoever finished what [`Engine::begin_passwordless`] began. `assertion` must ask for [`Ask::Passwordless`].
    ///
    /// The answer names the user if it lets one in: [`AuthAnswer::Decided`] beside the user's id.
    pub async fn passwordless(
        &self,
        caller: &Caller,
        access: &Access,
        assertion: Assertion,
    ) -> Result<(AuthAnswer, Option<cs_core::id::UserId>), EngineError> {
        if assertion.ask != Ask::Passwordless {
            return Err(EngineError::Invalid("ask"));
        }
        let account = caller.account.id;
        let found = match claim(&assertion.response) {
            Ok(claim) => self.store().verifiable_credential(account, &claim.raw_id).await?,
            Err(_) => None,
        };
        let Some(found) = found else {
            return Ok((self.refuse_unknown(caller, access, &assertion).await?, None));
        };
        let request = AuthRequest {
            who: Who::Id(found.user),
            factor: FactorInput::Assertion(Box::new(assertion)),
            access: access.clone(),
            push_type: None,
            display_username: None,
            info: Vec::new(),
            ticket: None,
            idempotency_key: None,
            digest: [0; 32],
            log_as: None,
        };
        let answer = self.auth(caller, &request).await?;
        let user = matches!(&answer, AuthAnswer::Decided(decided) if decided.is_allow()).then_some(found.user);
        Ok((answer, user))
    }
}

/// What a ceremony needs at its end, and what it asked.
fn kept(options: &Json, state: &str) -> String {
    json!({"options": options, "state": state}).to_string()
}

/// What the verifier needs of it.
pub(crate) fn verifier_state(kept: &str) -> Option<String> {
    let kept: Json = serde_json::from_str(kept).ok()?;
    kept.get("state")?.as_str().map(str::to_owned)
}

/// The library could not make a challenge: a defect.
pub(super) fn internal(rejected: super::Rejected) -> EngineError {
    tracing::error!(why = rejected.0, "no WebAuthn ceremony can be begun");
    EngineError::Invalid("webauthn")
}
