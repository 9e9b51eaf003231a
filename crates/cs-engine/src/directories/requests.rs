//! Asking the node that a proxy is connected to, through the database.

use cs_core::id::{AccountId, DirectoryKey, TxId, UserId};
use cs_store::Job;
use cs_store::directories::{
    DirectoryRequest, answer_request, forget_agents, forget_request, forget_requests, progress_of_request, take_request,
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

use super::{Compared, DirectoryError, Outcome, Trigger, Verdict};
use crate::letters::LinkOf;
use crate::{Engine, EngineError, SystemRng};

/// A proxy that was not heard of for so long is gone, and its node with it.
pub(super) const GONE_AFTER: SignedDuration = SignedDuration::from_secs(90);
/// How long a request may wait for a node to take it.
const TO_BE_TAKEN: SignedDuration = SignedDuration::from_secs(20);
/// How long the node that took it may show no progress.
const TO_GO_ON: SignedDuration = SignedDuration::from_mins(10);
/// Between two looks.
const LOOK: SignedDuration = SignedDuration::from_millis(200);

/// What is wanted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case")]
pub enum Wish {
    /// A run.
    Sync,
    /// What a run would do.
    Compare,
    /// One person.
    Person {
        /// Of this name.
        username: String,
    },
    /// A first factor.
    Check {
        /// Whose.
        username: String,
        /// What was typed.
        password: Password,
    },
}

/// A password on its way to another node. Wiped, and not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub Zeroizing<String>);

impl Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|password| Self(Zeroizing::new(password)))
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", content = "of", rename_all = "snake_case")]
pub enum Reply {
    /// The run.
    Synced(Outcome),
    /// What it would do.
    Compared(Compared),
    /// The person's user.
    Person(String),
    /// The verdict.
    Checked(Verdict),
    /// Nothing.
    Failed(WishError),
}

/// Why nothing came of it, by another node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishError {
    /// A word for programs.
    pub code: String,
    /// For administrators.
    pub words: String,
}

/// A request that this node has taken.
pub struct Taken {
    account: AccountId,
    directory: DirectoryKey,
    id: String,
    wish: Wish,
}

impl Engine {
    /// Asks for something where a proxy is connected: here, or at another node. `progress` hears how far it has come.
    pub async fn ask_directory(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        wish: Wish,
        link_of: Option<LinkOf<'_>>,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Reply, DirectoryError> {
        if !self.agents().list(account, directory).is_empty() {
            return self.fulfil_here(account, directory, &wish, link_of, progress).await;
        }
        let now = self.clock().now();
        let agents = self.store().directory_agents(account).await?;
        if !agents.iter().any(|agent| agent.directory == directory && agent.seen_at + GONE_AFTER > now) {
            return Err(DirectoryError::NoAgent);
        }
        let id = TxId::generate(&mut SystemRng).to_string();
        let text = Zeroizing::new(serde_json::to_vec(&wish).map_err(|_| EngineError::Invalid("request"))?);
        let seal = self.store().vault().seal(account.as_str(), "directory_request", "sealed", &id, &text);
        let sealed = seal.map_err(EngineError::vault)?;
        let request = DirectoryRequest { account, id: id.clone(), directory, sealed, created_at: now };
        self.apply(Job::new().step(request.insert())).await?;
        let reply = self.wait_for(account, &id, progress).await;
        self.apply(Job::new().step(forget_request(account, &id))).await?;
        match reply? {
            Reply::Failed(error) => Err(error.into()),
            reply => Ok(reply),
        }
    }

    async fn wait_for(
        &self,
        account: AccountId,
        id: &str,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Reply, DirectoryError> {
        let mut said = String::new();
        let mut deadline = self.clock().now() + TO_BE_TAKEN;
        let mut was_taken = false;
        loop {
            self.clock().sleep_until(self.clock().now() + LOOK).await;
            let Some(state) = self.store().directory_request(account, id).await? else {
                return Err(DirectoryError::Gone);
            };
            if let Some(answer) = state.answer {
                return serde_json::from_str(&answer)
                    .map_err(|_| DirectoryError::Nonsense("an answer of another version"));
            }
            if state.is_taken && (!was_taken || state.progress != said) {
                was_taken = true;
                said = state.progress;
                deadline = self.clock().now() + TO_GO_ON;
                progress(&said);
            }
            if self.clock().now() > deadline {
                return Err(if was_taken { DirectoryError::Silent } else { DirectoryError::NoAgent });
            }
        }
    }

    /// Takes the requests that this node can fulfil. Meant for twice a second.
    pub async fn take_directory_requests(&self) -> Result<Vec<Taken>, EngineError> {
        let waiting = self.store().waiting_directory_requests(self.clock().now() - TO_BE_TAKEN).await?;
        let mut taken = Vec::new();
        for request in waiting {
            if self.agents().list(request.account, request.directory).is_empty() {
                continue;
            }
            // Another node that has a proxy too may have been quicker.
            if self.apply(Job::new().step(take_request(request.account, &request.id))).await?.is_some() {
                continue;
            }
            let vault = self.store().vault();
            let opened =
                vault.open(request.account.as_str(), "directory_request", "sealed", &request.id, &request.sealed);
            let Ok(wish) = serde_json::from_slice(&opened.map_err(EngineError::vault)?) else { continue };
            taken.push(Taken { account: request.account, directory: request.directory, id: request.id, wish });
        }
        Ok(taken)
    }

    /// Fulfils a request, and answers it.
    pub async fn fulfil(&self, taken: Taken, link_of: Option<LinkOf<'_>>) -> Result<(), EngineError> {
        let Taken { account, directory, id, wish } = taken;
        let said = Mutex::new(String::new());
        let progress = |words: &str| {
            words.clone_into(&mut said.lock().unwrap_or_else(PoisonError::into_inner));
        };
        let work = self.fulfil_here(account, directory, &wish, link_of, &progress);
        tokio::pin!(work);
        let mut told = String::new();
        let reply = loop {
            tokio::select! {
                biased;
                reply = &mut work => break reply,
                () = self.clock().sleep_until(self.clock().now() + SignedDuration::from_secs(1)) => {
                    let words = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    if words != told {
                        self.apply(Job::new().step(progress_of_request(account, &id, &words))).await?;
                        told = words;
                    }
                }
            }
        };
        let reply = reply.unwrap_or_else(|error| Reply::Failed((&error).into()));
        let answer = serde_json::to_string(&reply).map_err(|_| EngineError::Invalid("answer"))?;
        // Whoever asked may wait no longer.
        self.apply(Job::new().step(answer_request(account, &id, &answer))).await?;
        Ok(())
    }

    async fn fulfil_here(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        wish: &Wish,
        link_of: Option<LinkOf<'_>>,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Reply, DirectoryError> {
        match wish {
            Wish::Sync => {
                let run = self.sync_directory(account, directory, Trigger::Asked, link_of, progress);
                Ok(Reply::Synced(run.await?))
            }
            Wish::Compare => Ok(Reply::Compared(self.compare_directory(account, directory, progress).await?)),
            Wish::Person { username } => {
                let user = self.sync_person_here(account, directory, username, link_of).await?;
                Ok(Reply::Person(user.to_string()))
            }
            Wish::Check { username, password } => {
                Ok(Reply::Checked(self.check_here(account, directory, username, &password.0).await?))
            }
        }
    }

    /// Makes one person's user as the directory says, wherever a proxy is connected.
    pub async fn sync_person(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        username: &str,
        link_of: Option<LinkOf<'_>>,
    ) -> Result<UserId, DirectoryError> {
        let wish = Wish::Person { username: username.to_owned() };
        match self.ask_directory(account, directory, wish, link_of, &|_| {}).await? {
            Reply::Person(user) => user.parse().map_err(|_| DirectoryError::Nobody),
            _ => Err(DirectoryError::Nonsense("the reply to something else")),
        }
    }

    /// Whether `password` is that of `username`, as the directory says. Who asks has counted the attempt before.
    pub async fn check_first_factor(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        username: &str,
        password: Zeroizing<String>,
    ) -> Result<Verdict, DirectoryError> {
        if username.is_empty() || username.len() > 1024 || password.is_empty() || password.len() > 1024 {
            // An empty password is an anonymous bind to most directories, and succeeds.
            return Ok(Verdict::Wrong { reason: "wrong_password".to_owned() });
        }
        let wish = Wish::Check { username: username.to_owned(), password: Password(password) };
        match self.ask_directory(account, directory, wish, None, &|_| {}).await? {
            Reply::Checked(verdict) => Ok(verdict),
            _ => Err(DirectoryError::Nonsense("the reply to something else")),
        }
    }

    /// Forgets requests and proxies that somebody left behind. Meant for once a minute.
    pub async fn sweep_directories(&self) -> Result<(), EngineError> {
        let now = self.clock().now();
        let job =
            Job::new().step(forget_agents(now - GONE_AFTER)).step(forget_requests(now - SignedDuration::from_hours(2)));
        self.apply(job).await?;
        Ok(())
    }
}

impl From<&DirectoryError> for WishError {
    fn from(error: &DirectoryError) -> Self {
        let code = match error {
            DirectoryError::NoAgent => "no_agent",
            DirectoryError::NoFirstFactor => "no_first_factor",
            DirectoryError::Trouble { trouble, .. } => trouble.as_str(),
            DirectoryError::Silent => "silent",
            DirectoryError::Slow => "slow",
            DirectoryError::Gone => "gone",
            DirectoryError::Nonsense(_) => "nonsense",
            DirectoryError::Halt(_) => "halted",
            DirectoryError::Running => "running",
            DirectoryError::Nobody => "nobody",
            DirectoryError::LeftOut(_) => "left_out",
            DirectoryError::Elsewhere(error) => &error.code,
            DirectoryError::Engine(_) => "internal",
        };
        Self { code: code.to_owned(), words: error.to_string() }
    }
}

impl From<WishError> for DirectoryError {
    fn from(error: WishError) -> Self {
        match error.code.as_str() {
            "no_agent" => Self::NoAgent,
            "no_first_factor" => Self::NoFirstFactor,
            "nobody" => Self::Nobody,
            "running" => Self::Running,
            "left_out" => Self::LeftOut(error.words),
            _ => Self::Elsewhere(error),
        }
    }
}
