//! What goes on in an open channel: orders are carried out side by side, and either end is seen to be gone.

use std::collections::HashMap;
use std::time::Duration;

use cs_client::agent::{FirstFactor, Order, PING_SECONDS, Password, Query, Report, Trouble};
use cs_client::{Heard, Listener, Said, Speaker};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};

use super::channel::{Link, Over, told_to_stop};
use super::{FAREWELL, first_factor, parts};

const PING: Duration = Duration::from_secs(PING_SECONDS);
/// A server that was silent for so many pings is gone.
const SILENT: u32 = 3;
/// A message that the server does not take within this is its last.
const STUCK: Duration = Duration::from_secs(60);
/// Reports that wait for the server to read; beyond, the directory waits.
const QUEUE: usize = 4;
/// Orders to read people at a time, and to check passwords.
const MOST_SYNCS: usize = 4;
const MOST_CHECKS: usize = 128;
/// Nobody at all is told so often where a directory takes its time: the server sees that somebody is at work.
const SIGN: Duration = Duration::from_secs(15);
/// All of one order.
const LONGEST: Duration = Duration::from_secs(3600);

/// Something to be sent.
enum Out {
    Said(Said),
    Ping,
    /// The last one.
    Close,
}

/// An order that is under way.
struct Open {
    id: u64,
    is_sync: bool,
    task: tokio::task::AbortHandle,
}

struct Orders<'a> {
    link: &'a Link,
    say: mpsc::Sender<Out>,
    tasks: JoinSet<(&'static str, &'static str)>,
    open: HashMap<Id, Open>,
}

/// Carries out orders until the channel ends or the proxy stops.
pub(super) async fn converse(
    link: &Link,
    mut listener: Listener,
    speaker: Speaker,
    mut stopped: watch::Receiver<bool>,
) -> Over {
    let (say, said) = mpsc::channel(QUEUE);
    let mut speaking = tokio::spawn(speak(speaker, said));
    let mut orders = Orders { link, say, tasks: JoinSet::new(), open: HashMap::new() };
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
    let mut unanswered = 0;
    let over = loop {
        tokio::select! {
            heard = listener.next() => match heard {
                Ok(heard) => {
                    unanswered = 0;
                    orders.heard(heard);
                }
                Err(ended) => break Over::Broken(ended.to_string()),
            },
            Some(ended) = orders.tasks.join_next_with_id() => orders.ended(ended),
            ended = &mut speaking => {
                let why = ended.ok().flatten().unwrap_or_else(|| "nothing can be sent".to_owned());
                break Over::Broken(why);
            }
            _ = ticks.tick() => {
                if unanswered >= SILENT {
                    break Over::Broken(format!("nothing came from the server for {} s", PING_SECONDS * u64::from(SILENT)));
                }
                // Where the queue is full the server reads slowly, and is there.
                if orders.say.try_send(Out::Ping).is_ok() {
                    unanswered += 1;
                }
            }
            () = told_to_stop(&mut stopped) => {
                orders.stop().await;
                // Whoever does not take the last words goes without them.
                _ = tokio::time::timeout(FAREWELL, &mut speaking).await;
                break Over::Stopped;
            }
        }
    };
    speaking.abort();
    over
}

/// Sends what there is to say; ends with why nothing can be sent any more.
async fn speak(mut speaker: Speaker, mut said: mpsc::Receiver<Out>) -> Option<String> {
    while let Some(out) = said.recv().await {
        let sent = match out {
            Out::Said(said) => tokio::time::timeout(STUCK, speaker.say(said)).await,
            Out::Ping => tokio::time::timeout(STUCK, speaker.ping()).await,
            Out::Close => {
                speaker.close().await;
                return None;
            }
        };
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(ended)) => return Some(ended.to_string()),
            Err(_) => return Some(format!("the server took nothing for {} s", STUCK.as_secs())),
        }
    }
    None
}

impl Orders<'_> {
    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Sign => {}
            Heard::Order(Order::Sync { id, query }) => self.sync(id, query),
            Heard::Order(Order::FirstFactor { id, username, password }) => self.first_factor(id, username, password),
            Heard::Order(Order::Cancel { id }) => {
                self.open.values().filter(|open| open.id == id).for_each(|open| open.task.abort());
            }
            Heard::Unknown { id } => {
                let words = format!("version {} of the proxy does not know this order", env!("CARGO_PKG_VERSION"));
                self.answer("unknown", "refused", Report::Failed { id, trouble: Trouble::Proxy, words });
            }
        }
    }

    fn sync(&mut self, id: u64, query: Query) {
        let words = if self.open.values().any(|open| open.id == id) {
            Some("an order of this number is under way".to_owned())
        } else {
            let count = self.open.values().filter(|open| open.is_sync).count();
            (count >= MOST_SYNCS).then(|| format!("{MOST_SYNCS} orders to read people are under way"))
        };
        if let Some(words) = words {
            self.answer("sync", "refused", Report::Failed { id, trouble: Trouble::Proxy, words });
            return;
        }
        let (directory, say, section) = (self.link.directory.clone(), self.say.clone(), self.link.section.clone());
        let told = self.told();
        let task = self.tasks.spawn(async move {
            let (tell, mut parts) = mpsc::channel(1);
            let reading = async {
                // `tell` is dropped at the end, which ends the other side.
                let tell = tell;
                directory.people(&query, &tell).await
            };
            let forwarding = async {
                loop {
                    let people = match tokio::time::timeout(SIGN, parts.recv()).await {
                        Ok(Some(people)) => people,
                        Ok(None) => return true,
                        Err(_) => Vec::new(),
                    };
                    let count = u64::try_from(people.len()).unwrap_or_default();
                    let Some(messages) = parts::messages(id, people) else { return false };
                    for said in messages {
                        if say.send(Out::Said(said)).await.is_err() {
                            return false;
                        }
                    }
                    told.add(count);
                }
            };
            let both = async { tokio::join!(reading, forwarding) };
            let (outcome, report) = match tokio::time::timeout(LONGEST, both).await {
                Ok((Ok(told), true)) => {
                    tracing::info!(%section, people = told.count, without_name = told.nameless, members_elsewhere = told.elsewhere, "people were read for the server");
                    ("done", Report::Done { id, groups: told.groups, count: told.count })
                }
                Ok((Err(untold), _)) => {
                    ("failed", Report::Failed { id, trouble: untold.trouble, words: untold.words })
                }
                Ok((Ok(_), false)) => {
                    ("failed", Report::Failed { id, trouble: Trouble::Proxy, words: "they could not be told".to_owned() })
                }
                Err(_) => {
                    let words = format!("the directory was not read within {} minutes", LONGEST.as_secs() / 60);
                    ("failed", Report::Failed { id, trouble: Trouble::Directory, words })
                }
            };
            finish(&say, report).await;
            ("sync", outcome)
        });
        self.open.insert(task.id(), Open { id, is_sync: true, task });
    }

    fn first_factor(&mut self, id: u64, username: String, password: Password) {
        let words = if !self.link.first_factor {
            Some(format!("[{}] does not check passwords: an [sso] section does", self.link.section))
        } else {
            let count = self.open.values().filter(|open| !open.is_sync).count();
            (count >= MOST_CHECKS).then(|| "too many passwords are being checked".to_owned())
        };
        if let Some(words) = words {
            // It did not come to a try: another proxy may be asked.
            self.answer("first_factor", "refused", Report::Failed { id, trouble: Trouble::Proxy, words });
            return;
        }
        let (directory, say, section) = (self.link.directory.clone(), self.say.clone(), self.link.section.clone());
        let task = self.tasks.spawn(async move {
            let answer = directory.check(&username, password.expose()).await;
            if let crate::directory::Answer::Wrong(refusal) = &answer {
                let shown: String = username.chars().take(100).collect();
                tracing::info!(%section, user = ?shown, "{}", refusal.reason());
            }
            let verdict = first_factor::verdict(answer);
            let outcome = match &verdict {
                FirstFactor::Right { .. } => "right",
                FirstFactor::Wrong { .. } => "wrong",
                FirstFactor::Unknown { .. } => "unknown",
            };
            finish(&say, Report::FirstFactor { id, verdict }).await;
            ("first_factor", outcome)
        });
        self.open.insert(task.id(), Open { id, is_sync: false, task });
    }

    fn ended(&mut self, ended: Result<(Id, (&'static str, &'static str)), JoinError>) {
        match ended {
            Ok((task, (order, outcome))) => {
                self.open.remove(&task);
                self.count(order, outcome);
            }
            Err(error) => {
                let open = self.open.remove(&error.id());
                let order = if open.as_ref().is_some_and(|open| open.is_sync) { "sync" } else { "first_factor" };
                self.count(order, if error.is_cancelled() { "cancelled" } else { "failed" });
                if let Some(open) = open.filter(|_| error.is_panic()) {
                    let (id, words) = (open.id, "the proxy has a defect: see its log".to_owned());
                    self.say_soon(if open.is_sync {
                        Report::Failed { id, trouble: Trouble::Proxy, words }
                    } else {
                        Report::FirstFactor { id, verdict: FirstFactor::Unknown { words } }
                    });
                }
            }
        }
    }

    fn answer(&self, order: &'static str, outcome: &'static str, report: Report) {
        self.count(order, outcome);
        self.say_soon(report);
    }

    fn say_soon(&self, report: Report) {
        let say = self.say.clone();
        tokio::spawn(async move { finish(&say, report).await });
    }

    fn count(&self, order: &'static str, outcome: &'static str) {
        let help = "Orders of the server by their end: failed and unknown mean that the directory did not tell";
        let labels = [("section", self.link.section.as_str()), ("order", order), ("outcome", outcome)];
        self.link.metrics.counter("countersign_proxy_agent_orders_total", help, &labels).one();
    }

    fn told(&self) -> crate::metrics::Counter {
        let help = "People who were read for the server";
        self.link.metrics.counter("countersign_proxy_agent_people_total", help, &[("section", &self.link.section)])
    }

    /// Nobody reads any more: whoever waits is told.
    async fn stop(&mut self) {
        let ids: Vec<u64> = self.open.values().filter(|open| open.is_sync).map(|open| open.id).collect();
        self.tasks.abort_all();
        let say = async {
            for id in ids {
                let words = "the proxy stops, or its configuration has changed".to_owned();
                finish(&self.say, Report::Failed { id, trouble: Trouble::Proxy, words }).await;
            }
            // Nobody listens if it broke meanwhile.
            _ = self.say.send(Out::Close).await;
        };
        _ = tokio::time::timeout(FAREWELL, say).await;
    }
}

/// Says how an order ended. Nobody listens where the channel has ended too.
async fn finish(say: &mpsc::Sender<Out>, mut report: Report) {
    // A directory's own words may be long, and are not worth a channel.
    match &mut report {
        Report::Failed { words, .. } | Report::FirstFactor { verdict: FirstFactor::Unknown { words }, .. } => {
            if words.len() > 2000 {
                *words = words.chars().take(500).collect();
            }
        }
        Report::FirstFactor { .. } | Report::Hello { .. } | Report::People { .. } | Report::Done { .. } => {}
    }
    if let Some(said) = Said::of(&report) {
        _ = say.send(Out::Said(said)).await;
    }
}
