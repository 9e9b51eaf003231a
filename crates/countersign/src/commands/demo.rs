//! `countersign demo`

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Parser as _};
use countersign_device::cli::{Cli as DeviceCli, Terminal};
use countersign_device::{Environment, Storage};
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli;
use crate::config::{Log, LogFormat};
use crate::demo::{self, Demo, DemoRecord};

/// Run a whole site with a demo user, and print what to paste to see a login approved
///
/// Makes a directory with database, certificate authority, owner, a user with an activated authenticator and one application of each kind,
/// serves it on loopback, and follows the user's logins in this terminal. Without --data the directory is removed at the end.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    countersign demo                        serve, and answer alice's logins here\n  \
    countersign demo --try                  do the whole job by itself and end\n  \
    countersign demo --data ./demo          keep the site; later the same line takes it up again\n  \
    countersign demo --data ./demo --login  log alice in at a running demo, from another terminal")]
pub struct Demonstrate {
    /// Do the main job step by step, print each, and end; the exit code is 0 only if all succeeded
    #[arg(long = "try")]
    try_it: bool,
    /// Port of the API [default: 8443 if it is free]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Log the demo's user in at a running demo, by push
    #[arg(long, conflicts_with_all = ["try_it", "port"])]
    login: bool,
    /// With --login: by this passcode instead of a push
    #[arg(long, requires = "login", value_name = "CODE")]
    passcode: Option<String>,
}

impl Demonstrate {
    /// `data` is the directory if one was named.
    pub fn run(&self, data: Option<&Path>) -> anyhow::Result<u8> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
        if self.login {
            let data = data.context("--login needs --data DIR, as the running demo prints it")?;
            return runtime.block_on(self.log_in(data));
        }
        crate::logging::init(&Log { format: LogFormat::Auto, filter: "warn".to_owned() })?;
        // Removed when it goes out of scope, whatever happened.
        let temporary;
        let data: PathBuf = match data {
            Some(data) => data.to_owned(),
            None => {
                temporary = tempfile::Builder::new().prefix("countersign-demo-").tempdir()?;
                temporary.path().to_owned()
            }
        };
        runtime.block_on(self.serve(&data))
    }

    async fn log_in(&self, data: &Path) -> anyhow::Result<u8> {
        let record = DemoRecord::read(data)?.with_context(|| format!("there is no demo in {}", data.display()))?;
        let is_in = demo::log_in(&record, self.passcode.as_deref(), &mut std::io::stdout()).await?;
        Ok(if is_in { cli::OK } else { cli::FAILED })
    }

    async fn serve(&self, data: &Path) -> anyhow::Result<u8> {
        let demo = Demo::start(data, self.port, now()).await?;
        let outcome = if self.try_it {
            demo::try_everything(&demo, &mut std::io::stdout()).await
        } else {
            let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("countersign"));
            let data = std::path::absolute(data)?;
            cli::print(&demo::instructions(&demo.record, &program, &data))?;
            follow(&demo.record).await
        };
        demo.stop().await;
        outcome?;
        Ok(cli::OK)
    }
}

/// Serves until interrupted. On a terminal, alice's logins are shown and answered here meanwhile.
async fn follow(record: &DemoRecord) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        return Ok(());
    }
    cli::print("This terminal is alice's authenticator: her logins appear below. Ctrl-C ends the demo.\n")?;
    let watch = DeviceCli::parse_from(["countersign-device", "watch"]);
    let storage = Storage::directory(&record.device_home);
    let environment = Environment::default();
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut terminal = Terminal::of_process(&mut out, &mut err);
    tokio::select! {
        _ = countersign_device::cli::run(&watch, &storage, &environment, &mut terminal) => {}
        _ = terminate.recv() => {}
    }
    std::io::stdout().flush()?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the certificate begins now")]
fn now() -> Timestamp {
    Timestamp::now()
}
