//! The relying party: what browsers are asked, and whether what they answer verifies. Nothing outside of this file knows `webauthn-rs`.
//!
//! What the library checks: type, challenge, origin (exactly one of ours), relying party, presence, algorithm, signature, attestation statement, that a key
//! does not become one that is backed up. What it leaves out at a login is whether the page was inside of another site's: that is looked at here. What it is not asked to check, because `cs_core::webauthn` decides it: user verification, the counter, the model.

use std::time::Duration;

use cs_core::id::UserId;
use cs_core::policy::Word as _;
use cs_core::webauthn::{Aaguid, CEREMONY_TTL, Class, Credential, Seen, Transport, UserVerification};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::internals::AuthenticatorData;
use webauthn_rs_core::proto::{
    AttestationFormat, AuthenticationState, COSEAlgorithm, COSEKey, ParsedAttestation, PublicKeyCredential,
    RegisterPublicKeyCredential, RegisteredExtensions, Registration, RegistrationState, UserVerificationPolicy,
};

use super::MAX_RESPONSE_BYTES;

/// The longest credential id (WebAuthn, section 4).
const MAX_RAW_ID: usize = 1023;

/// Who browsers and authenticators believe us to be: the relying party id, which credentials are bound to for good, and the origins of our pages.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    id: String,
    origins: Vec<String>,
    core: WebauthnCore,
}

/// What cannot be a relying party.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RelyingPartyError {
    /// Not a domain name in lower case: browsers take no addresses.
    #[error("{0} cannot be a WebAuthn relying party id: it must be a domain name")]
    Id(String),
    /// Not `https://host[:port]`.
    #[error("{0} is not an origin: it must be https://host or https://host:port, without a path")]
    Origin(String),
    /// Pages of this relying party must be on its domain, or named as related ones.
    #[error("the origin {origin} is not on {id}")]
    Elsewhere {
        /// The origin.
        origin: String,
        /// The relying party id.
        id: String,
    },
}

/// Why the answer of a browser is none: for the log, never for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Rejected(pub(crate) &'static str);

/// What a new credential is asked to be.
pub(super) struct Creation<'a> {
    pub(super) organisation: &'a str,
    pub(super) user: UserId,
    pub(super) username: &'a str,
    pub(super) display_name: &'a str,
    pub(super) existing: &'a [Credential],
    pub(super) class: Option<Class>,
    pub(super) residence: Residence,
    pub(super) verification: UserVerification,
    /// Whether its maker must say what it is.
    pub(super) attested: bool,
}

/// Whether a credential can be found without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Residence {
    Required,
    Preferred,
    Discouraged,
}

impl Residence {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Discouraged => "discouraged",
        }
    }
}

/// A credential that was made, as its authenticator describes it.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) raw_id: Vec<u8>,
    pub(super) public_key: String,
    pub(super) attestation: &'static str,
    pub(super) aaguid: Aaguid,
    pub(super) counter: u32,
    pub(super) backup_eligible: bool,
    pub(super) backed_up: bool,
    pub(super) user_verified: bool,
    /// What the browser says of it, which nobody signed.
    pub(super) said: Said,
}

/// What a browser says of an authenticator.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) class: Option<Class>,
    pub(super) transports: Vec<Transport>,
    pub(super) resident: Option<bool>,
}

/// What tells whose assertion an answer is, before anything of it is verified.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The credential's id.
    pub(crate) raw_id: Vec<u8>,
    /// The user handle, which discoverable credentials give.
    pub(crate) handle: Option<Vec<u8>>,
}

/// The members of a browser's answer that the library leaves out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extra {
    #[serde(default)]
    authenticator_attachment: Option<String>,
    #[serde(default)]
    response: ExtraResponse,
    #[serde(default)]
    client_extension_results: ExtraResults,
}

#[derive(Default, Deserialize)]
struct ExtraResponse {
    #[serde(default)]
    transports: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct ExtraResults {
    #[serde(default, rename = "credProps")]
    cred_props: Option<ExtraProps>,
}

#[derive(Deserialize)]
struct ExtraProps {
    #[serde(default)]
    rk: Option<bool>,
}

/// The one member of an attestation object that is read here.
#[derive(Deserialize)]
struct AttestationObject<'a> {
    #[serde(borrow, rename = "authData")]
    auth_data: &'a [u8],
}

impl RelyingParty {
    /// The relying party `id` with pages at `origins`, and at `related` ones on other domains, which browsers accept where
    /// `https://{id}/.well-known/webauthn` lists them (WebAuthn Level 3, section 5.11).
    pub fn new(id: &str, origins: &[String], related: &[String]) -> Result<Self, RelyingPartyError> {
        if !matches!(url::Host::parse(id), Ok(url::Host::Domain(name)) if name == id) {
            return Err(RelyingPartyError::Id(id.to_owned()));
        }
        let mut allowed = Vec::new();
        for origin in origins {
            let url = read_origin(origin)?;
            let host = url.host_str().unwrap_or_default();
            let is_ours = host == id || host.strip_suffix(id).is_some_and(|rest| rest.ends_with('.'));
            if !is_ours {
                return Err(RelyingPartyError::Elsewhere { origin: origin.clone(), id: id.to_owned() });
            }
            allowed.push(url);
        }
        for origin in related {
            allowed.push(read_origin(origin)?);
        }
        let origins = allowed.iter().map(|url| url.origin().ascii_serialization()).collect();
        // Subdomains and other ports are other origins: None, None.
        let timeout = Duration::from_secs(CEREMONY_TTL.as_secs().unsigned_abs());
        let core = WebauthnCore::new_unsafe_experts_only("Countersign", id, allowed, timeout, None, None);
        Ok(Self { id: id.to_owned(), origins, core })
    }

    /// The relying party id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The origins whose pages may use it: what `/.well-known/webauthn` lists.
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// What the browser is asked to make, and what to keep until it has.
    pub(super) fn creation(&self, wanted: &Creation<'_>) -> Result<(Json, String), Rejected> {
        let handle = wanted.user.as_bytes();
        let builder = self.core.new_challenge_register_builder(handle, wanted.username, wanted.display_name);
        let builder = builder.map_err(|error| said(&error))?.user_verification_policy(NOT_ASKED);
        let (asked, state) = self.core.generate_challenge_register(builder).map_err(|error| said(&error))?;
        let algorithms: Vec<Json> = COSEAlgorithm::secure_algs()
            .into_iter()
            .map(|algorithm| json!({"type": "public-key", "alg": algorithm as i64}))
            .collect();
        let mut selection = json!({
            "residentKey": wanted.residence.as_str(),
            "requireResidentKey": wanted.residence == Residence::Required,
            "userVerification": verification(wanted.verification),
        });
        if let Some(class) = wanted.class {
            selection["authenticatorAttachment"] = attachment(class).into();
        }
        let options = json!({
            "rp": {"id": self.id, "name": wanted.organisation},
            "user": {
                "id": BASE64URL_NOPAD.encode(handle),
                "name": wanted.username,
                "displayName": wanted.display_name,
            },
            "challenge": BASE64URL_NOPAD.encode(&asked.public_key.challenge),
            "pubKeyCredParams": algorithms,
            "timeout": CEREMONY_TTL.as_millis() as u64,
            "excludeCredentials": wanted.existing.iter().map(descriptor).collect::<Vec<_>>(),
            "authenticatorSelection": selection,
            "attestation": if wanted.attested { "direct" } else { "none" },
            "extensions": {"credProps": true},
        });
        Ok((options, kept(&state)?))
    }

    /// What was made, if `response` is the answer to what was kept as `state`.
    pub(super) fn created(&self, state: &str, response: &str) -> Result<Created, Rejected> {
        let state: RegistrationState = serde_json::from_str(state).map_err(|_| Rejected("the state cannot be read"))?;
        let answer: RegisterPublicKeyCredential = read(response)?;
        let extra: Extra = read(response)?;
        if answer.type_ != "public-key" {
            return Err(Rejected("it is no public key credential"));
        }
        let made = self.core.register_credential(&answer, &state, None).map_err(|error| said(&error))?;
        // What was verified is what is kept, so the browser's own copy of the id must be it.
        if made.cred_id != answer.raw_id || made.cred_id.is_empty() || made.cred_id.len() > MAX_RAW_ID {
            return Err(Rejected("the credential id is another one"));
        }
        let public_key = serde_json::to_string(&made.cred).map_err(|_| Rejected("the key cannot be kept"))?;
        Ok(Created {
            aaguid: aaguid(&answer.response.attestation_object)?,
            raw_id: made.cred_id,
            public_key,
            attestation: format_name(&made.attestation_format),
            counter: made.counter,
            backup_eligible: made.backup_eligible,
            backed_up: made.backup_state,
            user_verified: made.user_verified,
            said: extra.said(),
        })
    }

    /// What the browser is asked to sign with, and what to keep until it has. No credentials: one that is found without a name.
    pub(super) fn request(&self, asked: UserVerification, of: &[&Credential]) -> Result<(Json, String), Rejected> {
        let builder = self.core.new_challenge_authenticate_builder(Vec::new(), Some(NOT_ASKED));
        let builder = builder.map_err(|error| said(&error))?;
        let (request, state) = self.core.generate_challenge_authenticate(builder).map_err(|error| said(&error))?;
        let options = json!({
            "rpId": self.id,
            "challenge": BASE64URL_NOPAD.encode(&request.public_key.challenge),
            "timeout": CEREMONY_TTL.as_millis() as u64,
            "allowCredentials": of.iter().copied().map(descriptor).collect::<Vec<_>>(),
            "userVerification": verification(asked),
        });
        Ok((options, kept(&state)?))
    }

    /// What `response` says, if it is the answer to what was kept as `state` by the holder of `public_key`. Its counter is not judged here.
    pub(crate) fn asserted(
        &self,
        state: &str,
        response: &str,
        credential: &Credential,
        public_key: &str,
    ) -> Result<Seen, Rejected> {
        let state: AuthenticationState =
            serde_json::from_str(state).map_err(|_| Rejected("the state cannot be read"))?;
        let answer: PublicKeyCredential = read(response)?;
        if answer.type_ != "public-key" {
            return Err(Rejected("it is no public key credential"));
        }
        let key: COSEKey = serde_json::from_str(public_key).map_err(|_| Rejected("the kept key cannot be read"))?;
        let known = webauthn_rs_core::proto::Credential {
            cred_id: credential.raw_id.clone(),
            cred: key,
            // The rule about counters is ours.
            counter: 0,
            transports: None,
            user_verified: false,
            backup_eligible: credential.backup_eligible,
            backup_state: credential.backed_up,
            registration_policy: NOT_ASKED,
            extensions: RegisteredExtensions::none(),
            attestation: ParsedAttestation::default(),
            attestation_format: AttestationFormat::None,
        };
        let result = self.core.authenticate_single_credential(&answer, &state, &known).map_err(|error| said(&error))?;
        // The library looks at this when a credential is made, and not when one is used.
        if inside_another_page(&answer.response.client_data_json) {
            return Err(said(&WebauthnError::CredentialCrossOrigin));
        }
        Ok(Seen { counter: result.counter(), user_verified: result.user_verified(), backed_up: result.backup_state() })
    }
}

/// Whose answer `response` claims to be.
pub(crate) fn claim(response: &str) -> Result<Claim, Rejected> {
    let answer: PublicKeyCredential = read(response)?;
    if answer.raw_id.is_empty() || answer.raw_id.len() > MAX_RAW_ID {
        return Err(Rejected("the credential id is no such"));
    }
    Ok(Claim { raw_id: answer.raw_id, handle: answer.response.user_handle })
}

/// Whether the page was inside of one of another origin: what people see around it is then not ours. Of client data whose signature was verified.
fn inside_another_page(client_data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Place {
        #[serde(default, rename = "crossOrigin")]
        cross_origin: Option<bool>,
        #[serde(default, rename = "topOrigin")]
        top_origin: Option<Json>,
    }
    match serde_json::from_slice::<Place>(client_data) {
        Ok(place) => place.cross_origin == Some(true) || place.top_origin.is_some(),
        Err(_) => true,
    }
}

/// The library does not ask for user verification: `cs_core::webauthn::judge` does.
const NOT_ASKED: UserVerificationPolicy = UserVerificationPolicy::Discouraged_DO_NOT_USE;

fn read_origin(text: &str) -> Result<Url, RelyingPartyError> {
    let wrong = || RelyingPartyError::Origin(text.to_owned());
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_origin = url.scheme() == "https" && url.host_str().is_some() && url.origin().ascii_serialization() == text;
    if is_origin { Ok(url) } else { Err(wrong()) }
}

fn read<'a, T: Deserialize<'a>>(response: &'a str) -> Result<T, Rejected> {
    if response.len() > MAX_RESPONSE_BYTES {
        return Err(Rejected("the answer is too long"));
    }
    serde_json::from_str(response).map_err(|_| Rejected("the answer is not what a browser sends"))
}

fn kept(state: &impl serde::Serialize) -> Result<String, Rejected> {
    serde_json::to_string(state).map_err(|_| Rejected("the state cannot be kept"))
}

/// The model, from the data that was verified. With attestation `none` a browser may have put zeros there.
fn aaguid(attestation_object: &[u8]) -> Result<Aaguid, Rejected> {
    let unreadable = Rejected("the attestation object cannot be read");
    let object: AttestationObject<'_> = serde_cbor_2::from_slice(attestation_object).map_err(|_| unreadable)?;
    let data = AuthenticatorData::<Registration>::try_from(object.auth_data).map_err(|_| unreadable)?;
    data.acd.map(|attested| Aaguid::from_bytes(attested.aaguid)).ok_or(unreadable)
}

fn descriptor(credential: &Credential) -> Json {
    let mut descriptor = json!({"type": "public-key", "id": BASE64URL_NOPAD.encode(&credential.raw_id)});
    if !credential.transports.is_empty() {
        descriptor["transports"] = credential.transports.iter().map(|transport| transport.as_str()).collect();
    }
    descriptor
}

const fn verification(asked: UserVerification) -> &'static str {
    match asked {
        UserVerification::Required => "required",
        UserVerification::NotNeeded => "discouraged",
    }
}

const fn attachment(class: Class) -> &'static str {
    match class {
        Class::Platform => "platform",
        Class::Roaming => "cross-platform",
    }
}

impl Extra {
    fn said(self) -> Said {
        let class = match self.authenticator_attachment.as_deref() {
            Some("platform") => Some(Class::Platform),
            Some("cross-platform") => Some(Class::Roaming),
            Some(_) | None => None,
        };
        let listed = self.response.transports.unwrap_or_default();
        let mut transports: Vec<Transport> = listed.iter().filter_map(|word| Transport::parse(word)).collect();
        transports.sort_unstable();
        transports.dedup();
        Said { class, transports, resident: self.client_extension_results.cred_props.and_then(|props| props.rk) }
    }
}

const fn format_name(format: &AttestationFormat) -> &'static str {
    match format {
        AttestationFormat::Packed => "packed",
        AttestationFormat::Tpm => "tpm",
        AttestationFormat::AndroidKey => "android-key",
        AttestationFormat::AndroidSafetyNet => "android-safetynet",
        AttestationFormat::FIDOU2F => "fido-u2f",
        AttestationFormat::AppleAnonymous => "apple",
        AttestationFormat::None => "none",
    }
}

/// What the library found, in a few words.
fn said(error: &WebauthnError) -> Rejected {
    Rejected(match error {
        WebauthnError::InvalidClientDataType => "it was made for something else",
        WebauthnError::MismatchedChallenge => "it answers another challenge",
        WebauthnError::InvalidRPOrigin => "its origin is not one of ours",
        WebauthnError::InvalidRPIDHash => "it is for another relying party",
        WebauthnError::CredentialCrossOrigin => "it was made inside another site's page",
        WebauthnError::UserNotPresent => "nobody touched the authenticator",
        WebauthnError::AuthenticationFailure => "its signature does not verify",
        WebauthnError::CredentialNotFound => "it is by another credential",
        WebauthnError::CredentialAlteredAlgFromRequest => "its algorithm was not asked for",
        WebauthnError::CredentialMayNotBeHardwareBound | WebauthnError::CredentialBackupEligibilityInconsistent => {
            "its backup flags contradict what they were"
        }
        WebauthnError::AttestationStatementSigInvalid
        | WebauthnError::AttestationCertificateAAGUIDMismatch
        | WebauthnError::AttestationCertificateNonceMismatch => "its attestation does not verify",
        _ => "it cannot be understood",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(id: &str, origins: &[&str], related: &[&str]) -> Result<RelyingParty, RelyingPartyError> {
        let owned = |list: &[&str]| list.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>();
        RelyingParty::new(id, &owned(origins), &owned(related))
    }

    #[test]
    fn a_relying_party_is_a_domain_and_its_pages_are_on_it() {
        let fine =
            party("example.com", &["https://mfa.example.com", "https://example.com:8443"], &["https://example.org"]);
        assert_eq!(
            fine.unwrap().origins(),
            ["https://mfa.example.com", "https://example.com:8443", "https://example.org"]
        );
        assert!(party("localhost", &["https://localhost:8443"], &[]).is_ok());
        for id in ["", "192.0.2.1", "[::1]", "Example.com", "exa mple.com", "https://example.com"] {
            assert_eq!(party(id, &[], &[]).unwrap_err(), RelyingPartyError::Id(id.to_owned()), "{id}");
        }
        // badexample.com is not on example.com (webauthn-rs, Kanidm 1.10.0).
        for origin in ["https://badexample.com", "https://example.com.evil.example", "https://com"] {
            assert!(
                matches!(party("example.com", &[origin], &[]), Err(RelyingPartyError::Elsewhere { .. })),
                "{origin}"
            );
        }
        for origin in [
            "http://example.com",
            "https://example.com/",
            "https://example.com/x",
            "https://u@example.com",
            "example.com",
            "https://",
        ] {
            assert!(matches!(party("example.com", &[origin], &[]), Err(RelyingPartyError::Origin(_))), "{origin}");
            assert!(matches!(party("example.com", &[], &[origin]), Err(RelyingPartyError::Origin(_))), "{origin}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_refused_without_a_panic() {
        let party = party("example.com", &["https://example.com"], &[]).unwrap();
        let (_, state) = party.request(UserVerification::NotNeeded, &[]).unwrap();
        let nested = "[".repeat(100_000);
        for response in ["", "{}", "null", "[]", "{\"id\":\"\"}", &nested, &"x".repeat(MAX_RESPONSE_BYTES + 1)] {
            assert!(claim(response).is_err());
            assert!(party.created("{}", response).is_err());
            assert!(party.created(&state, response).is_err());
        }
    }

    #[test]
    fn browsers_are_told_words_they_know() {
        let party = party("example.com", &["https://example.com"], &[]).unwrap();
        let (options, _) = party.request(UserVerification::NotNeeded, &[]).unwrap();
        assert_eq!((&options["userVerification"], &options["rpId"]), (&json!("discouraged"), &json!("example.com")));
        assert_eq!(options["challenge"].as_str().map(str::len), Some(43), "32 bytes");
        let (other, _) = party.request(UserVerification::Required, &[]).unwrap();
        assert_eq!(other["userVerification"], "required");
        assert_ne!(other["challenge"], options["challenge"]);
    }
}
