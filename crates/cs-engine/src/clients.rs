//! Programs that ask for logins: which they are, and what they do while this server cannot be asked, as they say themselves.

use cs_store::Job;
use cs_store::clients::LoginClient;
use jiff::SignedDuration;

use crate::{Engine, EngineError};

/// A program that was silent for so long is forgotten.
pub const CLIENTS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);
/// So many hosts of an application are kept. Hosts are called what their clients say.
const MOST_HOSTS: i64 = 500;

impl Engine {
    /// Keeps what a program said of itself. Nothing waits for this, and callers see to it that it is no part of every login. False where there are too many hosts.
    pub async fn note_login_client(&self, said: &LoginClient) -> Result<bool, EngineError> {
        if self.store().login_clients_beside(said.account, said.integration, &said.host).await? >= MOST_HOSTS {
            return Ok(false);
        }
        self.holds(Job::new().step(said.told())).await
    }
}
