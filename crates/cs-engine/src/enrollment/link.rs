//! Enrollment links: made, mailed and looked at. What is kept of one is a keyed hash of its code.

use cs_core::bypass::BypassRules;
use cs_core::id::{AccountId, UserId};
use cs_core::secret::PlainCode;
use cs_core::user::{Standing, User};
use cs_core::username::{Username, UsernameNormalization};
use cs_store::Job;
use cs_store::attempts::user_unchanged;
use cs_store::enrollment_links::{EnrollmentLink, LinkEnd, LinkOrigin};
use cs_store::facts::UserRef;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::admin::bypass::Giver;
use crate::admin::users::{UserChange, new_user};
use crate::admin::{Actor, admin_record, is_email};
use crate::letters::{Letter, LinkOf};
use crate::login::Who;
use crate::{Caller, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// How long an invitation is good unless whoever makes it says otherwise; also the longest.
pub const LINK_TTL: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How long a link is good that an application shows in the middle of a login.
pub const LOGIN_LINK_TTL: SignedDuration = SignedDuration::from_hours(1);

/// Whom to invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite<'a> {
    /// By username or alias. Created if there is nobody of that name.
    pub username: &'a str,
    /// Where the letter goes. Whoever exists keeps the address that is known; `None` is that one.
    pub email: Option<&'a str>,
    /// How long the link is good, in seconds; at most [`LINK_TTL`].
    pub valid_secs: i64,
}

/// An invitation that was made. Every one before it is void.
#[derive(Debug)]
pub struct Invitation {
    /// For whom.
    pub user: UserId,
    /// The code of the link; this is the one time it leaves.
    pub code: PlainCode,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// The letter that carries it; `None` if none was asked for or no mail can be sent.
    pub mail: Option<String>,
}

/// A link that somebody has opened.
#[derive(Debug, Clone)]
pub struct Link {
    pub(crate) row: EnrollmentLink,
    /// Whether it is good.
    pub state: LinkState,
}

/// Whether a link is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It is.
    Good,
    /// An enrollment was finished with it, or its user has come by a factor in another way.
    Used,
    /// Its time is over.
    Expired,
    /// There is a fresh one.
    Replaced,
}

impl Engine {
    /// Invites a user to set up a factor: makes a link and voids the one before it. With `mail`, the address that it makes of the code is sent to the user, if
    /// mail can be sent: [`Invitation::mail`] says so. The log keeps the message as it is sent, but for the code.
    ///
    /// Fails with [`EngineError::Exists`] if the user has a factor already, and with [`EngineError::Invalid`] naming `username` for one who is disabled, locked out or
    /// in the trash.
    pub async fn invite(
        &self,
        account: AccountId,
        actor: &Actor,
        invite: &Invite<'_>,
        mail: Option<LinkOf<'_>>,
    ) -> Result<Invitation, EngineError> {
        self.invite_if(account, actor, invite, mail, &[]).await
    }

    /// The same, and only if `condition` holds, with which it is committed; [`EngineError::Contention`] if it does not.
    pub(crate) async fn invite_if(
        &self,
        account: AccountId,
        actor: &Actor,
        invite: &Invite<'_>,
        mail: Option<LinkOf<'_>>,
        condition: &[cs_store::Step],
    ) -> Result<Invitation, EngineError> {
        if !(1..=LINK_TTL.as_secs()).contains(&invite.valid_secs) {
            return Err(EngineError::Invalid("valid_secs"));
        }
        if invite.email.is_some_and(|email| !is_email(email)) {
            return Err(EngineError::Invalid("email"));
        }
        let name = Username::parse(invite.username).map_err(|_| EngineError::Invalid("username"))?;
        let key = name.key(UsernameNormalization::None);
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let facts = self.store().user_facts(account, UserRef::Name(key.as_str()), None, now).await?;
            let (user, username, known, mut job) = match facts.map(|facts| facts.user) {
                Some(user) => {
                    if has_factor(&user) {
                        return Err(EngineError::Exists("a device of this user"));
                    }
                    if !is_active(&user, now) {
                        return Err(EngineError::Invalid("username"));
                    }
                    let unchanged = Job::new().step(user_unchanged(account, &user));
                    (user.id, user.username.clone(), user.email, unchanged)
                }
                None => {
                    let email = invite.email.map(str::to_owned);
                    let change = UserChange { email: email.clone(), ..UserChange::default() };
                    let giver = Giver { actor, rules: BypassRules::default() };
                    let (user, job) = new_user(account, giver, invite.username, &change, now)?;
                    (user.id, user.username, email.unwrap_or_default(), job)
                }
            };
            let code = PlainCode::activation(&mut SystemRng);
            let expires_at = now + SignedDuration::from_secs(invite.valid_secs);
            let link = EnrollmentLink {
                digest: self.enrollment_digest(account, &code)?,
                user: Some(user),
                username: username.clone(),
                origin: LinkOrigin::Invitation,
                ended: None,
                created_at: now,
                expires_at,
            };
            job.guards.extend(link.insert(account));
            job.guards.extend(condition.iter().cloned());
            let mut description = json!({"user_id": user.as_str(), "valid_secs": invite.valid_secs});
            let to = invite.email.unwrap_or(&known);
            let mut mailed = None;
            if let Some(url) = mail.filter(|_| is_email(to)).and_then(|link_of| link_of(&code)) {
                let organisation = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
                let letter = Letter::invitation(&organisation, to, &username, url, expires_at);
                if let Some(effect) = self.letter(account, &letter, now)? {
                    description["message"] = letter.preview(&code);
                    mailed = Some(effect.id.clone());
                    job = job.effect(effect);
                }
            }
            job = job.log(admin_record(account, actor, "user_enroll", &username, &description, now));
            if self.apply(job).await?.is_none() {
                return Ok(Invitation { user, code, expires_at, mail: mailed });
            }
        }
        Err(EngineError::Contention)
    }

    /// A link for somebody of whom `caller` knows the password, and who must enroll before the login can go on. The policies have said so.
    ///
    /// Only a name can be shown such a link; `None` for an id, which an application would not ask about if it knew nobody of it.
    pub async fn enrollment_in_login(&self, caller: &Caller, who: &Who) -> Result<Option<PlainCode>, EngineError> {
        let Who::Name(given) = who else { return Ok(None) };
        let Ok(name) = Username::parse(given) else { return Ok(None) };
        let key = name.key(caller.integration.normalization);
        let (account, now) = (caller.account.id, self.clock().now());
        let facts = self.store().user_facts(account, UserRef::Name(key.as_str()), None, now).await?;
        let user = facts.map(|facts| facts.user);
        if user.as_ref().is_some_and(|user| has_factor(user) || !is_active(user, now)) {
            return Ok(None);
        }
        let code = PlainCode::activation(&mut SystemRng);
        let link = EnrollmentLink {
            digest: self.enrollment_digest(account, &code)?,
            user: user.as_ref().map(|user| user.id),
            // For somebody unknown the name becomes theirs: as logins compare it.
            username: user.map_or_else(|| key.as_str().to_owned(), |user| user.username),
            origin: LinkOrigin::Login,
            ended: None,
            created_at: now,
            expires_at: now + LOGIN_LINK_TTL,
        };
        let mut job = Job::new();
        job.guards.extend(link.insert(account));
        Ok(self.holds(job).await?.then_some(code))
    }

    /// The link with this code; `None` for every code that was never given out.
    pub async fn enrollment_link(&self, account: AccountId, code: &PlainCode) -> Result<Option<Link>, EngineError> {
        let digest = self.enrollment_digest(account, code)?;
        self.link_of(account, &digest).await
    }

    /// The link with this digest.
    pub(super) async fn link_of(&self, account: AccountId, digest: &[u8; 32]) -> Result<Option<Link>, EngineError> {
        let Some(row) = self.store().enrollment_link(account, digest).await? else { return Ok(None) };
        let state = match row.ended {
            Some(LinkEnd::Used) => LinkState::Used,
            Some(LinkEnd::Replaced) => LinkState::Replaced,
            None if row.expires_at <= self.clock().now() => LinkState::Expired,
            None => LinkState::Good,
        };
        Ok(Some(Link { row, state }))
    }

    fn enrollment_digest(&self, account: AccountId, code: &PlainCode) -> Result<[u8; 32], EngineError> {
        let code = code.expose().as_bytes();
        self.store().vault().digest(account.as_str(), "enrollment-link", code).map_err(EngineError::vault)
    }
}

/// Whether a link is too little for `user`: they have something that they should log in with.
pub(crate) fn has_factor(user: &User) -> bool {
    user.is_enrolled()
}

/// Whether `user` may get in at all.
pub(crate) fn is_active(user: &User, now: Timestamp) -> bool {
    match user.standing(now) {
        Standing::Active | Standing::Bypass { .. } => true,
        Standing::Disabled { .. } | Standing::LockedOut { .. } | Standing::PendingDeletion => false,
    }
}
