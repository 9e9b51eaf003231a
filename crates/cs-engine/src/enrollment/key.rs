//! Passkeys and security keys: what the browser is asked, and what it made.

use cs_core::enrollment::{Added, At, Origin};
use cs_core::id::WebauthnKey;
use cs_core::user::User;
use cs_core::webauthn::{Proof, Purpose, Wanted};
use cs_store::enrollment_links::use_link;

use super::gate::WhyNot;
use super::pages::Enrolled;
use super::wizard::Enrollment;
use crate::passkeys::{Binding, BrowserAnswer, CeremonyId, NewCredential, RegistrationError};
use crate::{Access, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// Why a passkey or security key was not accepted, as far as its owner can do something about it. The activity log says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSaved {
    /// It is not what was asked for.
    Wrong,
    /// It is there already.
    Known,
    /// The account lets in certain models only.
    Model,
}

impl Enrollment {
    /// The session that the browser answers in.
    fn binding(&self) -> Binding {
        Binding::of("enrollment", &self.visiting.secret.derive("webauthn")[..])
    }

    /// The ceremony of this step: pages need not carry it.
    fn ceremony(&self) -> CeremonyId {
        CeremonyId::derived(&self.visiting.secret.derive(&format!("ceremony:{}", self.visiting.row.version))[..])
    }

    /// What lets somebody add a credential, after [`cs_core::enrollment::may_enroll`] has let them enroll.
    fn proof(&self) -> Proof {
        let user = self.visiting.row.user;
        match self.kept.origin {
            Origin::Invitation => Proof::invitation(user),
            Origin::Login if self.kept.added.is_empty() => Proof::password(user),
            // What the user has, this very enrollment has set up.
            Origin::Login => Proof::invitation(user),
            Origin::Portal { factor_at, method } => Proof::factor(user, method, factor_at),
        }
    }
}

impl Engine {
    /// What the browser is asked to make; `None` where it may not be made any more. A page shown again asks the same as before, as long as that can be answered.
    pub(super) async fn creation_request(
        &self,
        enrollment: &Enrollment,
        user: &User,
        wanted: Wanted,
    ) -> Result<Option<String>, EngineError> {
        let (id, binding) = (enrollment.ceremony(), enrollment.binding());
        let account = enrollment.account().id;
        if let Some(asked) = self.asked_again(account, Purpose::Registration, &id, &binding).await? {
            return Ok(Some(asked.to_string()));
        }
        let caller = self.enrollment_caller(enrollment).await?;
        let new = NewCredential { wanted, access: Access::default() };
        debug_assert_eq!(enrollment.proof().user(), user.id);
        match self.begin_registration_as(&caller, &enrollment.proof(), &new, &binding, id.clone()).await {
            Ok(begun) => Ok(Some(begun.options.to_string())),
            // The page was loaded twice at once.
            Err(RegistrationError::Engine(EngineError::Contention)) => {
                let asked = self.asked_again(account, Purpose::Registration, &id, &binding).await?;
                asked.map(|asked| Some(asked.to_string())).ok_or(EngineError::Contention)
            }
            Err(RegistrationError::Engine(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Adds what the browser made. Link, credential and step are one commit.
    pub(super) async fn register_key(
        &self,
        enrollment: &mut Enrollment,
        response: &str,
        name: &str,
        access: &Access,
    ) -> Result<Enrolled, EngineError> {
        let (ceremony, binding) = (enrollment.ceremony(), enrollment.binding());
        let answer = BrowserAnswer { ceremony: &ceremony, binding: &binding, access, response, name };
        let caller = self.enrollment_caller(enrollment).await?;
        let key = WebauthnKey::generate(&mut SystemRng);
        let (user, origin) = (enrollment.visiting.row.user, enrollment.kept.origin);
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let user = match self.enrolling(enrollment.account(), user, origin, &enrollment.kept.added).await? {
                Ok(user) => user,
                Err(refusal) => {
                    let why = WhyNot::Rule(refusal);
                    return Ok(Enrolled::Refused(self.not_now(&enrollment.enrolling(), why, "", access).await?));
                }
            };
            let mut kept = enrollment.kept.clone();
            kept.added.push(Added::Key(key));
            kept.at = At::after_device(origin, &kept.added);
            let text = kept.to_text();
            let mut with = Vec::new();
            if let (Some(link), true) = (enrollment.kept.link_digest(), enrollment.kept.added.is_empty()) {
                with.push(use_link(enrollment.account().id, &link, now));
            }
            with.push(enrollment.visiting.row.go_on(&text, now));
            return Ok(match self.add_credential(&caller, &user, &answer, key, with).await {
                Ok(Some(_)) => {
                    enrollment.visiting.row.version += 1;
                    enrollment.visiting.row.state = text;
                    enrollment.kept = kept;
                    Enrolled::Moved
                }
                Ok(None) => continue,
                Err(RegistrationError::Over) => match self.link_end(enrollment).await? {
                    Some(end) => {
                        let why = WhyNot::Link(end);
                        Enrolled::Refused(self.not_now(&enrollment.enrolling(), why, "", access).await?)
                    }
                    None => Enrolled::Moved,
                },
                Err(RegistrationError::Exists) => Enrolled::NotSaved(NotSaved::Known),
                Err(RegistrationError::Model) => Enrolled::NotSaved(NotSaved::Model),
                Err(RegistrationError::Engine(error)) => return Err(error),
                Err(
                    RegistrationError::Rejected(_)
                    | RegistrationError::NotAllowed
                    | RegistrationError::RelyingParty
                    | RegistrationError::Refused(_),
                ) => Enrolled::NotSaved(NotSaved::Wrong),
            });
        }
        Err(EngineError::Contention)
    }
}
