//! WebAuthn: passkeys and security keys are added here; logins with them go through [`Engine::auth`] like every factor.
//!
//! A *ceremony* is begun by the server, done in the browser and finished by the server. Its state is kept in the database for five minutes, under the
//! digest of an id that only the page has, and is used up by the commit that records what came of it: `webauthn-rs` would accept the same answer twice.
//!
//! | to | begin | give the browser | finish |
//! | --- | --- | --- | --- |
//! | add a credential | [`Engine::begin_registration`] | `navigator.credentials.create` | [`Engine::finish_registration`] |
//! | second factor | [`Engine::begin_assertion`] | `navigator.credentials.get` | [`Engine::auth`] with [`FactorInput::Assertion`](crate::login::FactorInput) |
//! | in place of the password | [`Engine::begin_passwordless`] | the same, also with `mediation: "conditional"` | [`Engine::passwordless`] |
//!
//! The page turns [`Begun::options`] into what the browser wants by `PublicKeyCredential.parseCreationOptionsFromJSON` or `…RequestOptionsFromJSON`, and sends
//! back `JSON.stringify(credential.toJSON())`, together with [`Begun::ceremony`]. Nothing that the page says is believed but what the authenticator signed.
//!
//! | file | what |
//! | --- | --- |
//! | `party` | the relying party: what browsers are asked, and whether what they answer verifies; the only place that knows `webauthn-rs` |
//! | `register` | add a credential |
//! | `assert` | begin a login |
//! | `manage` | remove, by administrators; people do it in the portal |

mod assert;
mod manage;
mod party;
mod register;

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use cs_core::id::AccountId;
use cs_core::webauthn::{CEREMONY_TTL, Purpose};
use cs_store::Job;
use cs_store::webauthn::Ceremony;
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use rand_core::RngCore;
use serde_json::Value as Json;

pub use assert::LetIn;
pub use cs_core::webauthn::Wanted;
pub use party::{RelyingParty, RelyingPartyError};
pub use register::{NewCredential, REFUSED, Registered, RegistrationError};

pub(crate) use assert::verifier_state;
pub(crate) use manage::credential_name;
pub(crate) use party::{Rejected, claim};
pub(crate) use register::BrowserAnswer;

use crate::{Engine, EngineError, SystemRng};

/// The longest answer of a browser that is looked at: attestation certificates of several makers are within it.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// Bytes of a ceremony's id.
const ID_LENGTH: usize = 16;

/// The id of a ceremony, as the page has it: 22 characters. Whoever has it still needs the session that began it.
#[derive(Clone, PartialEq, Eq)]
pub struct CeremonyId(String);

impl CeremonyId {
    fn generate() -> Self {
        let mut id = [0; ID_LENGTH];
        SystemRng.fill_bytes(&mut id);
        Self(BASE64URL_NOPAD.encode(&id))
    }

    /// The id that only who knows `secret` can know, for surfaces whose pages need not carry one. To be of at least 16 bytes.
    pub(crate) fn derived(secret: &[u8]) -> Self {
        let hashed = digest(&SHA256, &[b"webauthn-ceremony\0", secret].concat());
        Self(BASE64URL_NOPAD.encode(&hashed.as_ref()[..ID_LENGTH]))
    }

    /// Reads what a page sent; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok().filter(|_| text.len() == 22)?;
        (bytes.len() == ID_LENGTH).then(|| Self(text.to_owned()))
    }

    /// The text, for the page.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CeremonyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CeremonyId(..)")
    }
}

/// The session in which a ceremony happens: it can be finished in no other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Binding([u8; 32]);

impl Binding {
    /// Of a session known by this secret: a prompt session's token, an administrator's, a portal's. The surface's name, which has no NUL in it, keeps them apart.
    pub fn of(surface: &str, session: &[u8]) -> Self {
        let hashed = digest(&SHA256, &[surface.as_bytes(), &[0], session].concat());
        let mut binding = [0; 32];
        binding.copy_from_slice(hashed.as_ref());
        Self(binding)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding(..)")
    }
}

/// A ceremony that was begun.
#[derive(Debug, Clone)]
pub struct Begun {
    /// For the page to send back with the browser's answer.
    pub ceremony: CeremonyId,
    /// What the browser is asked, as `PublicKeyCredentialCreationOptionsJSON` or `…RequestOptionsJSON` (WebAuthn Level 3, sections 5.1.8 and 5.1.9): byte
    /// strings are base64url.
    pub options: Json,
    /// Until when it can be finished.
    pub expires_at: Timestamp,
}

impl Engine {
    /// Keeps a ceremony; of the same session, one of each purpose.
    async fn begin_ceremony(
        &self,
        account: AccountId,
        id: CeremonyId,
        ceremony: Ceremony,
        options: Json,
    ) -> Result<Begun, EngineError> {
        let digest = self.ceremony_digest(account, &id)?;
        let [void, insert] = ceremony.begin(account, &digest);
        // A page loaded twice at once: whoever comes second begins again.
        if !self.holds(Job::new().step(void).step(insert)).await? {
            return Err(EngineError::Contention);
        }
        Ok(Begun { ceremony: id, options, expires_at: ceremony.expires_at })
    }

    /// The ceremony `id`, if it can be finished in this session for this purpose at `now`.
    pub(crate) async fn open_ceremony(
        &self,
        account: AccountId,
        id: &CeremonyId,
        purpose: Purpose,
        binding: &Binding,
        now: Timestamp,
    ) -> Result<Option<(Ceremony, [u8; 32])>, EngineError> {
        let digest = self.ceremony_digest(account, id)?;
        let ceremony = self.store().ceremony(account, &digest).await?;
        let is_open =
            |one: &Ceremony| one.purpose == purpose && one.binding == *binding.as_bytes() && now < one.expires_at;
        Ok(ceremony.filter(is_open).map(|ceremony| (ceremony, digest)))
    }

    fn ceremony_digest(&self, account: AccountId, id: &CeremonyId) -> Result<[u8; 32], EngineError> {
        let vault = self.store().vault();
        vault.digest(account.as_str(), "webauthn-ceremony", id.as_str().as_bytes()).map_err(EngineError::vault)
    }
}

/// A ceremony that begins at `now`.
fn new_ceremony(
    purpose: Purpose,
    binding: &Binding,
    user: Option<cs_core::id::UserId>,
    state: String,
    now: Timestamp,
) -> Ceremony {
    Ceremony { purpose, binding: binding.0, user, state, created_at: now, expires_at: now + CEREMONY_TTL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_form_and_is_not_printed() {
        let id = CeremonyId::generate();
        assert_eq!(CeremonyId::parse(id.as_str()), Some(id.clone()));
        assert!(!format!("{id:?}").contains(id.as_str()));
        for wrong in
            ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAAA", "äääääääääää"]
        {
            assert_eq!(CeremonyId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sessions_of_two_surfaces_are_two() {
        assert_ne!(Binding::of("prompt", b"1"), Binding::of("portal", b"1"));
        assert_ne!(Binding::of("prompt", b"1"), Binding::of("prompt", b"2"));
    }
}
