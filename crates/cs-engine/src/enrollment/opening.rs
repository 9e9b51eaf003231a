//! An enrollment begins, by a link or from the portal, and is found again by its browser.

use cs_core::bypass::BypassRules;
use cs_core::enrollment::{At, Origin, VISIT_TTL};
use cs_core::id::{AccountId, IntegrationKey, UserId, VisitId};
use cs_core::policy::Method;
use cs_store::enrollment_links::{LinkOrigin, claim_link};
use cs_store::facts::UserRef;
use cs_store::visits::VisitKind;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde_json::Value as Json;

use super::gate::{Enrolling, NotNow, WhyNot};
use super::kept::Kept;
use super::link::{Link, LinkState};
use super::wizard::Enrollment;
use crate::admin::Actor;
use crate::admin::bypass::Giver;
use crate::admin::users::{UserChange, new_user};
use crate::visit::VisitSecret;
use crate::{Access, AccountEntry, Engine, EngineError, MAX_ROUNDS};

impl Engine {
    /// Begins an enrollment with a link. Somebody whom the link is for and who was unknown is created.
    ///
    /// The link is not used up by this: it is when the first factor is set up. In the middle of a login `back` names the application, whose policies say what may be set
    /// up, and whatever is needed to get back there.
    pub async fn open_enrollment(
        &self,
        account: &AccountEntry,
        link: &Link,
        back: Option<(IntegrationKey, Json)>,
        access: &Access,
    ) -> Result<Result<(VisitId, VisitSecret), NotNow>, EngineError> {
        let origin = match link.row.origin {
            LinkOrigin::Invitation => Origin::Invitation,
            LinkOrigin::Login => Origin::Login,
        };
        if link.state != LinkState::Good {
            let Some(user) = link.row.user else {
                return Ok(Err(NotNow { why: WhyNot::Link(link.state), reference: String::new() }));
            };
            let (username, application, added) = (&*link.row.username, None, &[][..]);
            let who = Enrolling { account, user, username, origin, application, added };
            return Ok(Err(self.not_now(&who, WhyNot::Link(link.state), "", access).await?));
        }
        let user = match link.row.user {
            Some(user) => user,
            None => self.user_for_link(account.id, link).await?,
        };
        let username = &link.row.username;
        self.begin_enrollment(account, (user, username), origin, Some(link.row.digest), back, access).await
    }

    /// Begins to add a device in the portal, which was entered with the factor `method` at `factor_at`.
    pub(crate) async fn add_device(
        &self,
        account: &AccountEntry,
        user: (UserId, &str),
        factor_at: Timestamp,
        method: Method,
        access: &Access,
    ) -> Result<Result<(VisitId, VisitSecret), NotNow>, EngineError> {
        self.begin_enrollment(account, user, Origin::Portal { factor_at, method }, None, None, access).await
    }

    async fn begin_enrollment(
        &self,
        account: &AccountEntry,
        (user, username): (UserId, &str),
        origin: Origin,
        link: Option<[u8; 32]>,
        back: Option<(IntegrationKey, Json)>,
        access: &Access,
    ) -> Result<Result<(VisitId, VisitSecret), NotNow>, EngineError> {
        let (application, back) = back.unzip();
        let who = Enrolling { account, user, username, origin, application, added: &[] };
        let user = match self.let_enroll(&who, access).await? {
            Ok(user) => user,
            Err(not) => return Ok(Err(not)),
        };
        let kept = Kept {
            origin,
            link: link.map(|digest| HEXLOWER.encode(&digest)),
            application,
            back,
            username: user.username.clone(),
            at: At::Choose,
            added: Vec::new(),
            number: None,
        };
        Ok(Ok(self.begin_visit(account.id, VisitKind::Enrollment, user.id, kept.to_text(), VISIT_TTL).await?))
    }

    /// The enrollment `id`, if `secret` is its browser's.
    pub async fn enrollment(
        &self,
        account: &AccountEntry,
        id: VisitId,
        secret: VisitSecret,
    ) -> Result<Option<Enrollment>, EngineError> {
        let Some(visiting) = self.visiting(account, VisitKind::Enrollment, id, secret).await? else { return Ok(None) };
        let kept = Kept::read(&visiting.row.state).ok_or_else(|| {
            EngineError::Internal(cs_store::StoreError::Corrupt { table: "visit", id: id.to_string() })
        })?;
        Ok(Some(Enrollment { visiting, kept }))
    }

    /// How the link ended that `enrollment` hangs on: one with which nothing was set up yet.
    pub(super) async fn link_end(&self, enrollment: &Enrollment) -> Result<Option<LinkState>, EngineError> {
        let Some(digest) = enrollment.kept.link_digest().filter(|_| enrollment.kept.added.is_empty()) else {
            return Ok(None);
        };
        let link = self.link_of(enrollment.account().id, &digest).await?;
        let state = link.map_or(LinkState::Expired, |link| link.state);
        Ok((state != LinkState::Good).then_some(state))
    }

    /// Whose a link is that was made for somebody unknown: who has the name by now, or a new user.
    async fn user_for_link(&self, account: AccountId, link: &Link) -> Result<UserId, EngineError> {
        let now = self.clock().now();
        for _ in 0..MAX_ROUNDS {
            let known = self.store().user_facts(account, UserRef::Name(&link.row.username), None, now).await?;
            if let Some(known) = known {
                return Ok(known.user.id);
            }
            let giver = Giver { actor: &Actor::System, rules: BypassRules::default() };
            let (user, job) = new_user(account, giver, &link.row.username, &UserChange::default(), now)?;
            if self.apply(job.step(claim_link(account, &link.row.digest, user.id))).await?.is_none() {
                return Ok(user.id);
            }
        }
        Err(EngineError::Contention)
    }
}
