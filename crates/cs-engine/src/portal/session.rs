//! How somebody gets into the portal, and what the cookie is worth.

use std::sync::Arc;

use cs_core::enrollment::FACTOR_TTL;
use cs_core::id::{IntegrationKey, PromptId, TxId, UserId, VisitId};
use cs_core::integration::{Integration, IntegrationType};
use cs_core::login::AllowReason;
use cs_core::policy::{Method, Word as _};
use cs_core::secret::SecretKey;
use cs_core::user::User;
use cs_core::username::{Username, UsernameNormalization};
use cs_store::Job;
use cs_store::facts::UserRef;
use cs_store::integrations::IntegrationRecord;
use cs_store::visits::VisitKind;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::words::ENTERED;
use crate::admin::{Actor, admin_record};
use crate::enrollment::NotNow;
use crate::login::{Who, reference};
use crate::prompt::{Asked, AssertionUse, Prompt, PromptSecret};
use crate::visit::{VisitSecret, Visiting, is_same};
use crate::{Access, AccountEntry, Caller, Engine, EngineError, Liveness, Surface, SystemRng};

/// How long somebody can look around.
pub const PORTAL_TTL: SignedDuration = SignedDuration::from_mins(30);

/// The log's word for the factor of a login by a code of the help desk.
const BYPASS_CODE: &str = "bypass_code";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    username: String,
    factor_at: Timestamp,
    /// The policies' word for the factor.
    method: String,
    /// The test request that was sent last, and to which phone.
    #[serde(default)]
    pub(super) test: Option<(String, String)>,
}

/// Somebody in the portal, in the browser that the session belongs to.
pub struct PortalSession {
    pub(super) visiting: Visiting,
    pub(super) kept: Kept,
}

/// What came of a login for the portal.
#[derive(Debug)]
pub enum Entered {
    /// In.
    In(VisitId, VisitSecret),
    /// The login was good, but no factor was done for it.
    WithoutFactor {
        /// Under which the log has that login.
        reference: String,
    },
    /// There is no such login.
    Unknown,
}

impl PortalSession {
    /// Who is in.
    pub fn username(&self) -> &str {
        &self.kept.username
    }

    /// The account.
    pub fn account(&self) -> &AccountEntry {
        &self.visiting.account
    }

    /// The proof that goes along with every form.
    pub fn form_token(&self) -> String {
        self.visiting.form_token()
    }

    /// Whether `token` is of this session's forms.
    pub fn is_ours(&self, token: &str) -> bool {
        is_same(&self.form_token(), token)
    }

    /// The proof of a form that is good once.
    pub fn step_token(&self) -> String {
        self.visiting.step_token()
    }

    /// Whether `token` is of a form that nothing was sent from yet.
    pub fn is_this_step(&self, token: &str) -> bool {
        is_same(&self.step_token(), token)
    }

    /// Whether the factor is recent enough for changes.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.kept.factor_at <= now && now.duration_since(self.kept.factor_at) <= FACTOR_TTL
    }

    pub(super) fn user_id(&self) -> UserId {
        self.visiting.row.user
    }
}

impl Engine {
    /// The portal as an application, which is made when it is first asked for; `None` where an administrator has disabled it.
    pub async fn portal_caller(
        &self,
        account: &AccountEntry,
        connection: Liveness,
    ) -> Result<Option<Caller>, EngineError> {
        let integration = self.portal_integration(account).await?;
        let account = Arc::clone(account);
        let caller = Caller { account, integration, surface: Surface::Prompt, connection, legacy_signature: false };
        Ok(Some(caller).filter(|caller| caller.integration.enabled))
    }

    /// The portal's own integration, enabled or not.
    pub(crate) async fn portal_integration(&self, account: &AccountEntry) -> Result<Arc<Integration>, EngineError> {
        let key = IntegrationKey::portal_of(account.id);
        if let Some(found) = self.directory().integration(account.id, key).await? {
            return Ok(found);
        }
        self.make_portal(account, key).await?;
        self.directory().integration(account.id, key).await?.ok_or(EngineError::NotFound)
    }

    /// Whose login `prompt` is: the name that we know them by, which need not be what the application calls them. `None` for somebody unknown.
    pub async fn username_of_prompt(&self, prompt: &Prompt) -> Result<Option<String>, EngineError> {
        if let Some(name) = prompt.said_by_passkey() {
            return Ok(Some(name.to_owned()));
        }
        let Ok(name) = Username::parse(&prompt.asked().username) else { return Ok(None) };
        let (caller, now) = (prompt.caller(), self.clock().now());
        let key = name.key(caller.integration.normalization);
        let facts = self.store().user_facts(caller.account.id, UserRef::Name(key.as_str()), None, now).await?;
        Ok(facts.map(|facts| facts.user.username))
    }

    /// Begins a login for the portal. Whoever calls vouches that the browser is one in which somebody else has checked the password of `username`; with no name at all, a
    /// passkey says who it is. `None` where the portal is disabled.
    pub async fn open_portal(
        &self,
        account: &AccountEntry,
        username: &str,
        redirect_uri: &str,
        state: &str,
    ) -> Result<Option<(PromptId, PromptSecret)>, EngineError> {
        let Some(caller) = self.portal_caller(account, Liveness::forever()).await? else { return Ok(None) };
        let asked = Asked {
            redirect_uri: redirect_uri.to_owned(),
            state: state.to_owned(),
            nonce: None,
            username: username.to_owned(),
            code_name: "duo_code".to_owned(),
            frame: None,
        };
        self.open_prompt(&caller, &asked).await.map(Some)
    }

    /// Lets somebody in by the code of a login for the portal, once. Only a factor that was done in that login counts.
    pub async fn enter_portal(
        &self,
        account: &AccountEntry,
        code: &str,
        redirect_uri: &str,
        access: &Access,
    ) -> Result<Entered, EngineError> {
        let Some(caller) = self.portal_caller(account, Liveness::forever()).await? else {
            return Ok(Entered::Unknown);
        };
        let now = self.clock().now();
        let (jti, remember_until) = (TxId::generate(&mut SystemRng).to_string(), now + FACTOR_TTL);
        let used = AssertionUse { jti: &jti, remember_until };
        let Ok(redeemed) = self.redeem_code(&caller, used, code, redirect_uri).await? else {
            return Ok(Entered::Unknown);
        };
        let by_help_desk = redeemed.admitted.why == AllowReason::BypassUser && redeemed.factor == BYPASS_CODE;
        let factor = redeemed.admitted.factor().filter(|_| redeemed.admitted.is_by_own_factor() || by_help_desk);
        let Some(method) = factor else {
            return Ok(Entered::WithoutFactor { reference: reference(redeemed.admitted.txid) });
        };
        let Some(user) = redeemed.user.and_then(|id| id.parse::<UserId>().ok()) else { return Ok(Entered::Unknown) };
        let Some(user) = self.own_user(account, user).await? else { return Ok(Entered::Unknown) };
        let (username, method) = (user.username.clone(), method.as_str().to_owned());
        let kept = Kept { username, factor_at: redeemed.admitted.at, method, test: None };
        let text = json!(kept).to_string();
        let (id, secret) = self.begin_visit(account.id, VisitKind::Portal, user.id, text, PORTAL_TTL).await?;
        let record = self.self_record(account.id, &user, ENTERED, &json!({}), access, now);
        self.found(Job::new().log(record)).await?;
        Ok(Entered::In(id, secret))
    }

    /// The session `id`, if `secret` is its browser's and its user may still be there, coming from `access`: the policies are asked at every page, as at the login.
    pub async fn portal_session(
        &self,
        account: &AccountEntry,
        id: VisitId,
        secret: VisitSecret,
        access: &Access,
    ) -> Result<Option<PortalSession>, EngineError> {
        let Some(visiting) = self.visiting(account, VisitKind::Portal, id, secret).await? else { return Ok(None) };
        let Ok(kept) = serde_json::from_str(&visiting.row.state) else { return Ok(None) };
        // Disabled meanwhile, the portal is closed to those inside as well.
        let Some(caller) = self.portal_caller(account, Liveness::forever()).await? else { return Ok(None) };
        if self.own_user(account, visiting.row.user).await?.is_none() {
            return Ok(None);
        }
        let survey = self.survey(&caller, &Who::Id(visiting.row.user), access).await?;
        Ok(survey.holds.is_ok().then_some(PortalSession { visiting, kept }))
    }

    /// Leaves the portal.
    pub async fn leave_portal(&self, session: &PortalSession) -> Result<(), EngineError> {
        self.found(Job::new().step(session.visiting.row.end())).await
    }

    /// Begins to add a device, which goes on as an enrollment.
    pub async fn add_own_device(
        &self,
        session: &PortalSession,
        access: &Access,
    ) -> Result<Result<(VisitId, VisitSecret), NotNow>, EngineError> {
        let (account, user, kept) = (session.account(), (session.user_id(), session.username()), &session.kept);
        let method = Method::parse(&kept.method).ok_or(EngineError::NotFound)?;
        self.add_device(account, user, kept.factor_at, method, access).await
    }

    /// The user, as long as they may be anywhere.
    pub(super) async fn own_user(&self, account: &AccountEntry, id: UserId) -> Result<Option<User>, EngineError> {
        let now = self.clock().now();
        let facts = self.store().user_facts(account.id, UserRef::Id(id), None, now).await?;
        Ok(facts.map(|facts| facts.user).filter(|user| crate::enrollment::is_active(user, now)))
    }

    async fn make_portal(&self, account: &AccountEntry, key: IntegrationKey) -> Result<(), EngineError> {
        let now = self.clock().now();
        let kind = IntegrationType::from_known(IntegrationType::PORTAL);
        let record = IntegrationRecord {
            notes: "built in".to_owned(),
            // Names come as we know them, whatever the application calls people.
            normalization: UsernameNormalization::None,
            self_service_allowed: true,
            ..IntegrationRecord::new(account.id, key, kind, "Self-service portal", now)
        };
        let secret = SecretKey::generate(&mut SystemRng);
        let step = record.insert(self.store().vault(), &secret).map_err(EngineError::vault)?;
        let description = json!({"ikey": key.as_str(), "type": IntegrationType::PORTAL});
        let log = admin_record(account.id, &Actor::System, "integration_create", &record.name, &description, now);
        // Somebody else may have made it at the same moment.
        self.change(Job::new().step(step).log(log)).await.map(drop)
    }
}
