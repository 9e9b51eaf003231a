//! Begins a login in a browser, finds it again, and goes on to its next state.

use std::sync::Arc;

use aws_lc_rs::constant_time;
use cs_core::id::{AccountId, PromptId, TxId, UserId};
use cs_core::prompt::{Event, Keys, PROMPT_TTL, State, Way};
use cs_store::Job;
use cs_store::accounts::Account;
use cs_store::prompts::PromptRow;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::browser::{BrowserToken, NewToken};
use super::kept::{Person, read_state, state_text};
use crate::cookie::CookieSecret;
use crate::login::{Remembering, Who};
use crate::passkeys::{Binding, CeremonyId};
use crate::{Access, Caller, Engine, EngineError, Liveness, Surface, SystemRng};

/// What the application asked for when it sent the browser here, checked and signed by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Where the browser goes at the end.
    pub redirect_uri: String,
    /// Comes back with it.
    pub state: String,
    /// Comes back in the `id_token`.
    pub nonce: Option<String>,
    /// Who logs in, as the application calls them; empty where a passkey is to say it.
    pub username: String,
    /// What the application calls the code.
    pub code_name: String,
    /// What the application's request is known by where the login began in a frame of its page (Web SDK v2): then the browser goes nowhere at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
}

impl Asked {
    /// What an application asks for whose page holds the login in a frame: to log `username` in, by the request that is known by `id`.
    pub fn in_frame(username: String, id: String) -> Self {
        Self {
            redirect_uri: String::new(),
            state: String::new(),
            nonce: None,
            username,
            code_name: String::new(),
            frame: Some(id),
        }
    }

    /// What whoever redeems the code must say: where the browser was sent with it, or which request of a frame it is for.
    pub fn bound_to(&self) -> String {
        match &self.frame {
            // No redirect URI begins so.
            Some(id) => format!("frame {id}"),
            None => self.redirect_uri.clone(),
        }
    }
}

/// What the browser's cookie holds of a login.
pub type PromptSecret = CookieSecret<PromptId>;

/// What a request from the browser brings.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// Where it comes from, and what the browser is.
    pub access: Access,
    /// Tokens of earlier logins here, at most one for each user.
    pub tokens: Vec<BrowserToken>,
    /// The ways used last here.
    pub last: Vec<(UserId, Way)>,
}

/// What the browser is to be told beside the next page.
#[derive(Debug, Default)]
pub struct Changed {
    /// A token to keep.
    pub token: Option<NewToken>,
    /// Whose token is no longer good.
    pub forgotten: Option<UserId>,
    /// The way that was used.
    pub last: Option<(UserId, Way)>,
}

/// A login under way, in the browser that it belongs to.
pub struct Prompt {
    pub(super) row: PromptRow,
    pub(super) state: State,
    pub(super) keys: Keys,
    pub(super) person: Option<Person>,
    pub(super) asked: Asked,
    pub(super) caller: Caller,
    pub(super) secret: PromptSecret,
}

/// Where a login goes on to.
pub(super) struct Next {
    state: State,
    /// As the database keeps it.
    text: String,
}

impl Prompt {
    /// Its id, part of its pages' addresses.
    pub fn id(&self) -> PromptId {
        self.row.id
    }

    /// What the application asked for.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The application, on this connection.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.row.expires_at <= now
    }

    /// The proof that goes along with every form of this step.
    pub fn step_token(&self) -> String {
        format!("{}.{}", self.row.version, self.secret.proof("step", self.row.version))
    }

    /// Whether `token` came from a page of this step, in this browser.
    pub fn is_this_step(&self, token: &str) -> bool {
        constant_time::verify_slices_are_equal(self.step_token().as_bytes(), token.as_bytes()).is_ok()
    }

    /// By id where a passkey has said who it is: the application's rules for names are for the names it gives.
    pub(super) fn who(&self) -> Who {
        match &self.person {
            Some(person) => Who::Id(person.id),
            None => Who::Name(self.asked.username.clone()),
        }
    }

    /// Whether nobody has said yet who logs in.
    pub(super) fn is_nameless(&self) -> bool {
        self.asked.username.is_empty()
    }

    /// The name of whoever said with a passkey who they are.
    pub(crate) fn said_by_passkey(&self) -> Option<&str> {
        self.person.as_ref().map(|person| person.name.as_str())
    }

    /// How a browser is remembered after this login: less long where a passkey took the place of the password.
    pub(super) fn remembering(&self, remembering: Option<&Remembering>) -> Option<Remembering> {
        let remembering = remembering.cloned()?;
        Some(match self.person {
            Some(_) => Remembering { time: remembering.time.without_password(), ..remembering },
            None => remembering,
        })
    }

    /// A passkey has said who it is.
    pub(super) fn identify(&mut self, id: UserId, name: &str) {
        name.clone_into(&mut self.asked.username);
        self.person = Some(Person { id, name: name.to_owned() });
    }

    /// The id under which the log keeps what is decided in this step: the same if the step is tried again.
    pub(super) fn log_id(&self) -> TxId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.secret.derive(&format!("log:{}", self.row.version))[..16]);
        TxId::from_bytes(id)
    }

    /// The session that security keys answer in.
    pub(super) fn binding(&self) -> Binding {
        Binding::of("prompt", self.secret.bytes())
    }

    /// The ceremony of this step: pages need not carry it.
    pub(super) fn ceremony(&self) -> CeremonyId {
        CeremonyId::derived(self.secret.proof("ceremony", self.row.version).as_bytes())
    }

    /// The step is left, and that is written down.
    pub(super) fn stands_at(&mut self, next: Next) {
        self.row.version += 1;
        self.row.state = next.text;
        self.state = next.state;
    }

    /// Names this step to whatever must not happen twice in it.
    pub(super) fn step_name(&self) -> String {
        format!("prompt:{}:{}", self.row.id, self.row.version)
    }
}

impl Engine {
    /// Begins a login in a browser that `caller` has sent here. A new secret every time: whatever cookie the browser had before is worth nothing here.
    pub async fn open_prompt(&self, caller: &Caller, asked: &Asked) -> Result<(PromptId, PromptSecret), EngineError> {
        let now = self.clock().now();
        let (id, secret) = (PromptId::at(now, &mut SystemRng), PromptSecret::generate());
        let row = PromptRow {
            account: caller.account.id,
            id,
            secret_digest: self.prompt_digest(caller.account.id, &secret)?,
            integration: caller.integration.key,
            request: serde_json::to_string(asked).map_err(|_| EngineError::Invalid("request"))?,
            state: state_text(&State::Checking, Keys::Unusable, None),
            version: 1,
            created_at: now,
            expires_at: now + PROMPT_TTL,
        };
        if self.holds(Job::new().step(row.insert())).await? { Ok((id, secret)) } else { Err(EngineError::Contention) }
    }

    /// The login `id`, if `secret` is its browser's. Without the secret there is none, whoever asks.
    pub async fn prompt(
        &self,
        account: &Arc<Account>,
        id: PromptId,
        secret: PromptSecret,
        connection: Liveness,
    ) -> Result<Option<Prompt>, EngineError> {
        let Some(row) = self.store().prompt(account.id, id).await? else { return Ok(None) };
        let digest = self.prompt_digest(account.id, &secret)?;
        if constant_time::verify_slices_are_equal(&digest, &row.secret_digest).is_err() {
            return Ok(None);
        }
        // A client that was disabled or deleted meanwhile has no logins.
        let integration = self.directory().integration(account.id, row.integration).await?;
        let Some(integration) = integration.filter(|one| one.enabled) else { return Ok(None) };
        let asked = serde_json::from_str::<Asked>(&row.request).ok();
        let (Some(mut asked), Some((state, keys, person))) = (asked, read_state(&row.state)) else {
            return Err(EngineError::Internal(cs_store::StoreError::Corrupt { table: "prompt", id: id.to_string() }));
        };
        if let Some(person) = &person {
            person.name.clone_into(&mut asked.username);
        }
        let caller = Caller {
            account: Arc::clone(account),
            integration,
            surface: Surface::Prompt,
            connection,
            legacy_signature: false,
        };
        Ok(Some(Prompt { row, state, keys, person, asked, caller, secret }))
    }

    /// Goes on by `event`, together with `earned`. False if the login has gone on otherwise meanwhile: whoever asked sees what it has become.
    pub(super) async fn go_on(
        &self,
        prompt: &mut Prompt,
        event: Event,
        earned: Job,
        visit: &Visit,
    ) -> Result<bool, EngineError> {
        let Some((next, job)) = self.next(prompt, event, visit)? else { return Ok(false) };
        if !self.holds(job.and(earned)).await? {
            return Ok(false);
        }
        prompt.stands_at(next);
        Ok(true)
    }

    /// Where `event` leads, and the steps that write it down; `None` where it has no place.
    pub(super) fn next(
        &self,
        prompt: &Prompt,
        event: Event,
        visit: &Visit,
    ) -> Result<Option<(Next, Job)>, EngineError> {
        let Ok(state) = prompt.state.clone().after(event) else { return Ok(None) };
        let now = self.clock().now();
        let text = state_text(&state, prompt.keys, prompt.person.as_ref());
        let mut job = Job::new();
        if let State::Done(admitted) = &state {
            job =
                job.step(self.new_code(prompt, admitted, visit.access.address, now)?.insert(prompt.caller.account.id));
        }
        let job = job.step(prompt.row.go_on(&text, now));
        Ok(Some((Next { state, text }, job)))
    }

    /// Whether the login still stands where `prompt` was read.
    pub(super) async fn is_untouched(&self, prompt: &Prompt) -> Result<bool, EngineError> {
        let row = self.store().prompt(prompt.caller.account.id, prompt.row.id).await?;
        Ok(row.is_some_and(|row| row.version == prompt.row.version))
    }

    fn prompt_digest(&self, account: AccountId, secret: &PromptSecret) -> Result<[u8; 32], EngineError> {
        self.store().vault().digest(account.as_str(), "prompt", secret.bytes()).map_err(EngineError::vault)
    }
}
