//! `demo --try` and `demo --login`: the main job, done step by step.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use countersign_device::{Authenticator, Environment, Storage, clean};
use cs_client::{Auth, AuthResult, Client, Preauth, PreauthResult};
use cs_core::login::DenyReason;
use cs_store::audit::{LogFilter, LogKind, LogPage, LogRecord, verify};
use cs_wire::device::Request;
use jiff::Timestamp;
use serde_json::Value as Json;

use super::walk::walk;
use super::{Demo, DemoRecord, client};

/// Debian's program for login shells.
const LOGIN_DUO: &str = "/usr/sbin/login_duo";
/// How long a step may take that waits for something.
const PATIENCE: Duration = Duration::from_secs(20);
const SOURCE: &str = "127.0.0.1";

/// Does everything the demo promises, and writes each step with its time to `out`. Stops at the first that fails.
pub async fn try_everything(demo: &Demo, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let mut steps = Steps { out, began: Instant::now(), last: Instant::now(), count: 0 };
    let client = client(&demo.record)?;
    let phone = authenticator(&demo.record)?;
    let user = demo.record.user.as_str();

    client.ping().await?;
    client.check().await?;
    steps.done("the server answers and knows the application")?;

    let (txid, number) = prepare(&client, user).await?;
    steps.done(&format!("preauth: {user} needs a second factor; the screen shows {number}"))?;
    let login = Auth::push(user).from_address(SOURCE).asking_for("Demo login").info("try", "yes").prepared(txid);
    let txid = client.begin(&login).await?.txid;
    let request = waiting(&phone).await?;
    let asked = request.statement.application.clone();
    steps.done(&format!("push: the phone shows a login to {asked} and asks for the number"))?;

    let (approved, answered) = tokio::join!(approve(&phone, &request, &number), client.decided(&txid));
    approved?;
    let answered = answered?;
    ensure!(answered.result == AuthResult::Allow, "the login was not allowed: {}", answered.status_msg);
    steps.done(&format!("approved with the number, signed by the phone's key: {}", answered.status_msg))?;

    let entry = last_login(demo).await?;
    ensure!(entry.reason.as_deref() == Some("user_approved"), "the log does not say why: {:?}", entry.reason);
    ensure!(entry.evidence.is_some(), "the log does not hold the phone's signature");
    steps.done(&format!("log: {}; the phone's signature is kept with it", explained(&entry)))?;

    let code = phone.passcode()?;
    let first = client.auth(&Auth::passcode(user, code.expose())).await?;
    ensure!(first.result == AuthResult::Allow, "the passcode was refused: {}", first.status_msg);
    steps.done("a passcode made on the phone is accepted")?;
    let second = client.auth(&Auth::passcode(user, code.expose())).await?;
    ensure!(second.result == AuthResult::Deny, "the same passcode was accepted twice");
    steps.done(&format!("the same passcode again is refused: {}", explained(&last_login(demo).await?)))?;

    let said = login_duo(&demo.record, &phone).await?;
    steps.done(&said)?;

    for web in &demo.record.web {
        steps.done(&walk(&demo.record, web, &phone).await?)?;
    }

    let report = verify(demo.engine.store(), None).await?;
    ensure!(report.is_intact(), "the log is not intact: {:?}", report.findings);
    steps.done(&format!("audit verify: {} rows in {} chains, all as they were written", report.rows, report.chains))?;
    steps.finish()
}

/// Logs the demo's user in as an application would: shows the number and waits for the phone, or takes a passcode.
pub async fn log_in(record: &DemoRecord, passcode: Option<&str>, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    let client = client(record)?;
    let answer = match passcode {
        Some(code) => client.auth(&Auth::passcode(&record.user, code).from_address(SOURCE)).await?,
        None => {
            let (txid, number) = prepare(&client, &record.user).await?;
            writeln!(out, "Sent a push to {}. The number is {number}; approve with it.", record.user)?;
            out.flush()?;
            client.auth(&Auth::push(&record.user).from_address(SOURCE).prepared(txid)).await?
        }
    };
    writeln!(out, "{}", clean(&answer.status_msg, 400))?;
    Ok(answer.result == AuthResult::Allow)
}

/// Asks what the user needs; gives the prepared push and the number for the screen.
async fn prepare(client: &Client, user: &str) -> anyhow::Result<(String, String)> {
    let answer = client.preauth(&Preauth::new(user).from_address(SOURCE).shows_number()).await?;
    match (answer.result, answer.verified_push) {
        (PreauthResult::Auth, Some(push)) => Ok((push.txid, push.verification_code)),
        (PreauthResult::Auth, None) => bail!("the server prepared no number; is number matching off?"),
        (PreauthResult::Allow | PreauthResult::Deny | PreauthResult::Enroll, _) => {
            bail!("preauth: {}", clean(&answer.status_msg, 400))
        }
    }
}

fn authenticator(record: &DemoRecord) -> anyhow::Result<Authenticator> {
    let storage = Storage::directory(&record.device_home);
    let ids = storage.ids()?;
    let id = ids.first().with_context(|| format!("there is no authenticator in {}", record.device_home.display()))?;
    Ok(Authenticator::open(&storage, id, &Environment::default())?)
}

/// The login that waits for the phone.
pub(super) async fn waiting(phone: &Authenticator) -> anyhow::Result<Request> {
    phone.pending().await?.into_iter().next().context("nothing waits for the phone")
}

pub(super) async fn approve(phone: &Authenticator, request: &Request, number: &str) -> anyhow::Result<()> {
    let number = (request.digits > 0).then_some(number);
    phone.answer(request, cs_wire::device::Answer::Approve, number).await?;
    Ok(())
}

/// Runs Debian's `login_duo` where it is installed, and approves what it asks. Without a terminal it asks for a push without number.
async fn login_duo(record: &DemoRecord, phone: &Authenticator) -> anyhow::Result<String> {
    if !Path::new(LOGIN_DUO).exists() {
        return Ok("login_duo: not installed (apt install login-duo), left out".to_owned());
    }
    if !rustix::process::getuid().is_root() {
        return Ok("login_duo: takes a configuration file from root only, left out".to_owned());
    }
    let mut command = tokio::process::Command::new(LOGIN_DUO);
    command.arg("-c").arg(&record.duo_unix_conf).args(["-d", "-f", &record.user, "-h", SOURCE, "echo", "you are in"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = child.spawn().context("login_duo does not start")?.wait_with_output();
    let approving = async {
        let mut watch = phone.watch();
        loop {
            match watch.next().await {
                Some(Ok(countersign_device::WatchEvent::Request(request))) => {
                    return approve(phone, &request, "").await;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the phone's watch ended"),
            }
        }
    };
    let run = async {
        tokio::pin!(child, approving);
        tokio::select! {
            approved = &mut approving => approved?,
            ended = &mut child => {
                let ended = ended?;
                let said = String::from_utf8_lossy(&ended.stderr);
                ensure!(ended.status.success(), "login_duo ended before it asked: {}", clean(&said, 400));
                // The answer reached login_duo before the phone was told that it had arrived.
                approving.await?;
                return Ok(ended);
            }
        }
        Ok::<_, anyhow::Error>(child.await?)
    };
    let output = tokio::time::timeout(PATIENCE, run).await.context("login_duo did not come to an end")??;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.contains("you are in"), "login_duo: {}", clean(&errors, 400));
    Ok("Debian's login_duo: push approved, its command ran".to_owned())
}

/// The newest entry of the authentication log.
async fn last_login(demo: &Demo) -> anyhow::Result<LogRecord> {
    let account = demo.engine.account_ids().await?.into_iter().next().context("there is no account")?;
    let now = demo.engine.clock().now();
    let page = LogPage::newest(1, Timestamp::MIN, now);
    let entries = demo.engine.store().reader().log_page(account, LogKind::Auth, &LogFilter::default(), &page).await?;
    entries.into_iter().next().context("the authentication log is empty")
}

/// An entry in one line: what came of it, by which rule, on what fact, and what an administrator can do.
fn explained(entry: &LogRecord) -> String {
    let body: Json = serde_json::from_str(&entry.body).unwrap_or_default();
    let field = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let reason = entry.reason.as_deref().unwrap_or_default();
    let mut text = format!(
        "{} by {reason} ({}), reference {}",
        entry.result.as_deref().unwrap_or_default(),
        field("fact"),
        field("reference")
    );
    if let Some(remedy) = DenyReason::parse(reason).map(DenyReason::remedy) {
        text = format!("{text}. {remedy}");
    }
    clean(&text, 500)
}

struct Steps<'a> {
    out: &'a mut (dyn Write + Send),
    began: Instant,
    last: Instant,
    count: usize,
}

impl Steps<'_> {
    fn done(&mut self, what: &str) -> std::io::Result<()> {
        self.count += 1;
        let took = self.last.elapsed();
        self.last = Instant::now();
        writeln!(self.out, "{:>2}. {:>8.1} ms  {what}", self.count, took.as_secs_f64() * 1e3)
    }

    fn finish(self) -> anyhow::Result<()> {
        writeln!(self.out, "All {} steps succeeded in {:.2} s.", self.count, self.began.elapsed().as_secs_f64())?;
        Ok(())
    }
}
