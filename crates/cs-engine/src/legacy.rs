//! Date-less signatures: how long ago an integration last used one.

use cs_core::id::{AccountId, IntegrationKey};
use cs_store::Job;
use cs_store::integrations::note_legacy_use;
use jiff::Timestamp;

use crate::{Engine, EngineError};

impl Engine {
    /// Remembers that `key` signed without a date at `at`. Callers see to it that this is at most once a minute.
    pub async fn note_legacy_use(
        &self,
        account: AccountId,
        key: IntegrationKey,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        self.holds(Job::new().step(note_legacy_use(account, key, at))).await.map(drop)
    }
}
