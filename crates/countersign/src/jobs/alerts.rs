//! Alerts: what an operator should hear of at once. Each becomes one warning in the log with the field `alert`, is handed to the operator's
//! command (`alerts.command`) and posted to the operator's webhook (`alerts.webhook`), if there are such.

use std::process::Stdio;
use std::time::Duration;

use cs_engine::Clock;
use cs_store::outbox::{Effect, Leased};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::outbox::{Courier, Delivery};
use crate::outbound::webhook::Webhook;

/// Over about three hours; the log has the alert in any case.
const MOST_ATTEMPTS: i64 = 20;
/// How long the command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// Passes each alert on to whoever is to hear of it, so that one that cannot be told does not make the others hear it again.
pub(super) struct Alerts {
    /// The kinds of effects that tell somebody.
    pub(super) tells: Vec<&'static str>,
}

impl Courier for Alerts {
    const KIND: &'static str = "alert";
    const LEASE: SignedDuration = SignedDuration::from_secs(60);
    const BATCH: u32 = 16;
    const MOST_ATTEMPTS: i64 = MOST_ATTEMPTS;

    async fn deliver(&self, alert: &Leased) -> Delivery {
        let payload = payload(alert);
        if alert.attempt == 1 {
            say(alert, &payload);
        }
        let text = payload.to_string();
        let tell = |kind: &&'static str| Effect::new(*kind, alert.account.as_str(), text.as_str(), alert.created_at);
        Delivery::PassedOn(self.tells.iter().map(tell).collect())
    }
}

/// Runs the operator's command.
pub(super) struct ToCommand {
    /// Program and arguments.
    pub(super) command: Vec<String>,
}

impl Courier for ToCommand {
    const KIND: &'static str = "alert_command";
    const LEASE: SignedDuration = SignedDuration::from_secs(60);
    const BATCH: u32 = 16;
    const MOST_ATTEMPTS: i64 = MOST_ATTEMPTS;

    async fn deliver(&self, alert: &Leased) -> Delivery {
        let Some((program, arguments)) = self.command.split_first() else { return Delivery::Done };
        match hand_over(program, arguments, &alert.payload).await {
            Ok(()) => Delivery::Done,
            Err(error) => Delivery::Later(format!("`alerts.command`: {error}")),
        }
    }
}

/// Posts to the operator's webhook.
pub(super) struct ToWebhook {
    pub(super) webhook: Webhook,
    pub(super) clock: Clock,
}

impl Courier for ToWebhook {
    const KIND: &'static str = "alert_webhook";
    const LEASE: SignedDuration = SignedDuration::from_secs(60);
    const BATCH: u32 = 16;
    const MOST_ATTEMPTS: i64 = MOST_ATTEMPTS;

    async fn deliver(&self, alert: &Leased) -> Delivery {
        let payload: Json = serde_json::from_str(&alert.payload).unwrap_or_default();
        let text = |name: &str| payload.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let (id, kind) = (text("id"), format!("alert.{}", text("alert")));
        match self.webhook.send(&id, &kind, payload, self.clock.now()).await {
            Ok(()) => Delivery::Done,
            Err(error) => Delivery::Later(format!("`alerts.webhook`: {error}")),
        }
    }
}

/// What the use case wrote, with the alert's id and account for a receiver that must recognise a repetition.
fn payload(alert: &Leased) -> Json {
    let mut payload: Json = serde_json::from_str(&alert.payload).unwrap_or_default();
    if let Json::Object(fields) = &mut payload {
        fields.insert("id".to_owned(), json!(alert.id));
        fields.insert("account".to_owned(), json!(alert.account));
    }
    payload
}

fn say(alert: &Leased, payload: &Json) {
    let field = |name: &str| payload.get(name).and_then(Json::as_str).unwrap_or_default();
    tracing::warn!(
        alert = field("alert"),
        account = alert.account,
        id = alert.id,
        at = %alert.created_at,
        details = alert.payload,
        "something an administrator should look at"
    );
}

/// Why the command did not take an alert.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("the command cannot be run")]
    Run(#[from] std::io::Error),
    #[error("the command failed ({0})")]
    Failed(std::process::ExitStatus),
    #[error("the command took longer than {} s", COMMAND_TIMEOUT.as_secs())]
    TimedOut,
}

/// Runs the command without a shell, so that nothing in an alert can be taken for one; it says "done" by exit code 0.
async fn hand_over(program: &str, arguments: &[String], payload: &str) -> Result<(), CommandError> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child.stdin.take();
    let run = async {
        if let Some(input) = &mut input {
            // A command that does not read is not wrong for that.
            let _ = input.write_all(format!("{payload}\n").as_bytes()).await;
        }
        drop(input.take());
        child.wait().await
    };
    match tokio::time::timeout(COMMAND_TIMEOUT, run).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(CommandError::Failed(status)),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(CommandError::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, payload: &Json) -> Result<(), CommandError> {
        hand_over("/bin/sh", &["-c".to_owned(), script.to_owned()], &payload.to_string()).await
    }

    #[tokio::test]
    async fn the_command_reads_the_alert_and_answers_by_its_exit_code() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("alert");
        let payload = json!({"alert": "fraud", "username": "$(touch /tmp/x) \u{1f600}"});
        shell(&format!("cat > {}", file.display()), &payload).await.unwrap();
        let read: Json = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(read, payload);
        assert!(matches!(shell("exit 3", &payload).await, Err(CommandError::Failed(_))));
        shell("exec <&-; exit 0", &payload).await.unwrap();
        assert!(matches!(hand_over("/nonexistent", &[], "{}").await, Err(CommandError::Run(_))));
    }
}
