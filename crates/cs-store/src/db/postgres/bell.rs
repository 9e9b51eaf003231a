//! Hints between the nodes of one database, by LISTEN and NOTIFY.
//!
//! Nothing is decided by them: whoever hears one looks at the row. They leave after the commit and outside its transaction, because NOTIFY inside one
//! makes all commits of the database that contain it follow one another. One that is lost is made up for by the looks that are taken anyway.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, mpsc};
use tokio_postgres::{AsyncMessage, Client, Connection};

use super::Address;
use crate::db::StoreError;

const CHANNEL: &str = "countersign";
const LISTEN: &str = "LISTEN countersign";
const NOTIFY: &str = "SELECT pg_notify($1, $2)";
/// Hints that wait to be sent; further ones are dropped.
const WAITING: usize = 1024;
/// Hints that a slow listener may lag behind.
const BACKLOG: usize = 1024;
/// Bytes of one notification; PostgreSQL takes less than 8,000.
const MOST_BYTES: usize = 7_000;
/// Between two tries to connect.
const RETRY: Duration = Duration::from_secs(1);

/// One node's ear and voice.
pub(in crate::db) struct Bell {
    hints: mpsc::Sender<String>,
    heard: broadcast::Sender<Arc<str>>,
}

impl Bell {
    pub(super) fn start(address: Arc<Address>) -> Self {
        let (hints, waiting) = mpsc::channel(WAITING);
        let heard = broadcast::channel(BACKLOG).0;
        tokio::spawn(run(address, waiting, heard.clone()));
        Self { hints, heard }
    }

    /// Tells the other nodes, if it can be done soon. `hint` is one line.
    pub(in crate::db) fn tell(&self, hint: String) {
        // Dropping one costs a second of somebody's time.
        let _ = self.hints.try_send(hint);
    }

    /// What other nodes tell from now on.
    pub(in crate::db) fn listen(&self) -> broadcast::Receiver<Arc<str>> {
        self.heard.subscribe()
    }
}

/// Runs until the store is gone.
async fn run(address: Arc<Address>, mut waiting: mpsc::Receiver<String>, heard: broadcast::Sender<Arc<str>>) {
    let node = crate::db::random_id();
    loop {
        let news = News { node: node.clone(), heard: heard.clone() };
        match ring(&address, &mut waiting, news).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "hints of other nodes are not heard for a while"
                );
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Speaks and listens over one connection, until it breaks or (`Ok`) the store is gone.
async fn ring(address: &Address, waiting: &mut mpsc::Receiver<String>, news: News) -> Result<(), StoreError> {
    let node = news.node.clone();
    let (client, ended) = address.connect_listening(news).await?;
    client.batch_execute(LISTEN).await?;
    let statement = client.prepare(NOTIFY).await?;
    tokio::pin!(ended);
    loop {
        let first = tokio::select! {
            hint = waiting.recv() => hint,
            _ = &mut ended => return Err(StoreError::Closed),
        };
        let Some(mut payload) = first.map(|first| format!("{node}\n{first}")) else { return Ok(()) };
        while payload.len() < MOST_BYTES / 2 {
            let Ok(more) = waiting.try_recv() else { break };
            payload.push('\n');
            payload.push_str(&more);
        }
        if payload.len() < MOST_BYTES {
            client.execute(&statement, &[&CHANNEL, &payload]).await?;
        }
    }
}

/// Where notifications go.
pub(super) struct News {
    /// Its own notifications come back to each node.
    node: String,
    heard: broadcast::Sender<Arc<str>>,
}

impl News {
    /// Drives `connection` and hands on what is heard, until it ends.
    pub(super) async fn watch<S, T>(self, mut connection: Connection<S, T>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
        T: AsyncRead + AsyncWrite + Unpin,
    {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                self.hand_on(notification.payload());
            }
        }
    }

    fn hand_on(&self, payload: &str) {
        let mut lines = payload.lines();
        if lines.next() == Some(&self.node) {
            return;
        }
        for line in lines {
            // Nobody may be listening.
            let _ = self.heard.send(line.into());
        }
    }
}

/// A client whose connection hears notifications, and what ends with it.
pub(super) type Listening = (Client, tokio::task::JoinHandle<()>);
