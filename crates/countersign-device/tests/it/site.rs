//! One person's machine with a server to talk to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clap::Parser;
use countersign_device::cli::{self, Cli, Exit, Input, Terminal};
use countersign_device::{Activation, Authenticator, Environment, Introduction, Storage, WatchTimings};
use cs_wire::device::DeviceClass;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::server::{CODE, NOW, Server};

pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) storage: Storage,
    pub(crate) environment: Environment,
    /// This machine's clock.
    pub(crate) clock: Arc<AtomicI64>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::with(Storage::memory()).await
    }

    pub(crate) async fn with(storage: Storage) -> Self {
        let clock = Arc::new(AtomicI64::new(NOW));
        let told = clock.clone();
        // Nothing waits for time to pass: pauses are as good as none, patience as good as endless.
        let watch = WatchTimings {
            idle: Duration::from_secs(600),
            pull: Duration::from_millis(1),
            retry_min: Duration::from_millis(1),
            retry_max: Duration::from_millis(2),
        };
        let environment = Environment {
            client: None,
            clock: Arc::new(move || Timestamp::from_second(told.load(Ordering::SeqCst)).unwrap()),
            watch,
        };
        Self { server: Server::start().await, storage, environment, clock }
    }

    pub(crate) async fn activated() -> Self {
        let site = Self::start().await;
        site.activate(DeviceClass::Cli).await;
        site
    }

    pub(crate) async fn activate(&self, class: DeviceClass) -> Authenticator {
        let activation = Activation::parse(CODE, Some(&self.server.origin)).unwrap();
        let introduction = Introduction { name: "laptop".into(), class, ca_pem: None };
        Authenticator::activate(&activation, introduction, &self.storage, &self.environment)
            .await
            .unwrap()
            .authenticator
    }

    pub(crate) fn device(&self) -> Authenticator {
        let id = self.storage.ids().unwrap().pop().unwrap();
        Authenticator::open(&self.storage, &id, &self.environment).unwrap()
    }

    /// Runs a command where nobody can be asked.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_on(arguments, &[], false).await
    }

    /// Runs a command with a person who types `lines`.
    pub(crate) async fn run_typing(&self, arguments: &[&str], lines: &[&str]) -> Outcome {
        self.run_on(arguments, lines, true).await
    }

    async fn run_on(&self, arguments: &[&str], lines: &[&str], is_interactive: bool) -> Outcome {
        let cli = Cli::try_parse_from([&["countersign-device"], arguments].concat()).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut terminal = Terminal {
            out: &mut out,
            err: &mut err,
            input: Input::Lines(lines.iter().map(|line| (*line).to_owned()).collect()),
            is_interactive,
            has_colour: false,
            time_zone: TimeZone::UTC,
            grace: Duration::ZERO,
        };
        let exit = cli::run(&cli, &self.storage, &self.environment, &mut terminal).await;
        Outcome { exit, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
    }
}

impl Outcome {
    /// What was printed, of a command that did what it was asked.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.exit, Exit::Done, "{self:?}");
        assert_eq!(self.err, "");
        self.out
    }

    /// The message of a command that ended with `exit`.
    #[track_caller]
    pub(crate) fn failed(self, exit: Exit) -> String {
        assert_eq!(self.exit, exit, "{self:?}");
        self.err
    }
}
