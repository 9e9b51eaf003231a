//! Begin a login by passkey or security key.

use cs_core::id::{AccountId, UserId};
use cs_core::policy;
use cs_core::user::User;
use cs_core::webauthn::{Ask, Class, Credential, Purpose, UserVerification, user_verification};
use cs_store::facts::UserRef;
use serde_json::{Value as Json, json};

use super::{Begun, Binding, CeremonyId, new_ceremony};
use crate::login::{AuthAnswer, AuthRequest, Challenge, FactorInput, Who};
use crate::passkeys::party::claim;
use crate::{Caller, Engine, EngineError};

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
        self.begin_passwordless_as(caller, binding, CeremonyId::generate()).await
    }

    /// The same under an `id`.
    pub(crate) async fn begin_passwordless_as(
        &self,
        caller: &Caller,
        binding: &Binding,
        id: CeremonyId,
    ) -> Result<Begun, EngineError> {
        let (options, state) = self.relying_party().request(UserVerification::Required, &[]).map_err(internal)?;
        let purpose = Purpose::Assertion(Ask::Passwordless);
        let ceremony = new_ceremony(purpose, binding, None, kept(&options, &state), self.clock().now());
        self.begin_ceremony(caller.account.id, id, ceremony, options).await
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

    /// Lets in, or not, whoever finished what [`Engine::begin_passwordless`] began. `request` brings their assertion, made for [`Ask::Passwordless`]; whom it says is not
    /// looked at, for the credential tells.
    ///
    /// The answer names the person if it lets one in.
    pub async fn passwordless(
        &self,
        caller: &Caller,
        mut request: AuthRequest,
    ) -> Result<(AuthAnswer, Option<LetIn>), EngineError> {
        let FactorInput::Assertion(assertion) = &request.factor else { return Err(EngineError::Invalid("factor")) };
        if assertion.ask != Ask::Passwordless {
            return Err(EngineError::Invalid("ask"));
        }
        let account = caller.account.id;
        let found = match claim(&assertion.response) {
            Ok(claim) => self.store().verifiable_credential(account, &claim.raw_id).await?,
            Err(_) => None,
        };
        let Some(found) = found else {
            return Ok((self.refuse_unknown(caller, &request.access, assertion).await?, None));
        };
        request.who = Who::Id(found.user);
        let answer = self.auth(caller, &request).await?;
        if !matches!(&answer, AuthAnswer::Decided(decided) if decided.is_allow()) {
            return Ok((answer, None));
        }
        let facts = self.store().user_facts(account, UserRef::Id(found.user), None, self.clock().now()).await?;
        // Gone since: then nobody is let in.
        let user = facts.ok_or(EngineError::NotFound)?.user;
        Ok((answer, Some(LetIn { id: user.id, name: user.username, class: found.credential.class })))
    }
}

/// Somebody who was let in by a passkey in place of the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetIn {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// What the passkey was in.
    pub class: Class,
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
