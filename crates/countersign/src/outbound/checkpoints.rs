//! Checkpoints of the audit log, by webhook.

use cs_engine::Clock;
use cs_store::audit::Outlet;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::posting::PostSetupError;
use super::webhook::Webhook;
use crate::config::{WebhookUrl, Webhooks};

/// Posts them as `audit.checkpoints`, each line as a text of its own: the signature inside is over exactly these bytes.
#[derive(Debug)]
pub struct CheckpointWebhook(Webhook);

impl CheckpointWebhook {
    pub fn new(url: &WebhookUrl, settings: &Webhooks) -> Result<Self, PostSetupError> {
        Webhook::new(url, settings).map(Self)
    }
}

impl Outlet for CheckpointWebhook {
    fn export<'a>(&'a self, lines: &'a [String]) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let now = Clock::System.now();
            let sent = self.0.send(&id(lines), "audit.checkpoints", json!({"checkpoints": lines}), now).await;
            sent.map_err(|error| error.to_string())
        }
        .boxed()
    }
}

/// The same when the same lines are sent again. With further ones it is another message, or a receiver that knows the id would drop those.
fn id(lines: &[String]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, lines.join("\n").as_bytes());
    data_encoding::HEXLOWER.encode(&digest.as_ref()[..16])
}
