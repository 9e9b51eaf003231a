//! The figures of Countersign, each beside what it must be compared with in the same run.
//!
//! `cargo run --release -p bench -- all` measures everything. Load comes from a process of its own (this binary again),
//! so that processor time of servers is theirs alone.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

mod bare;
mod commit;
mod first_run;
mod flush;
mod http;
mod key;
mod load;
mod login;
mod machine;
mod options;
mod otp;
mod peer;
mod people;
mod policy;
mod postgres;
mod process;
mod prompt;
mod proxy;
mod push;
mod round;
mod signed;
mod site;
mod size;
mod start;
mod stats;
mod table;
mod tls;
mod verify;
mod waiting;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use options::Options;
use table::Report;

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Countersign's figures, with a peer in the same run")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every figure
    All,
    /// Accepted logins per CPU-second, against privacyIDEA and a bare HTTPS answer
    Login,
    /// From a device's answer to the waiting client's, against a commit
    Push,
    /// Logins in a browser: the prompt's pages and a login with a key, against a bare HTTPS answer
    Prompt,
    /// Logins that wait: memory and processor time
    Waiting,
    /// The authentication proxy, with FreeRADIUS and radsecproxy in the same run
    Proxy(proxy::Parts),
    /// Spawn to the first accepted login; idle memory with users
    Start,
    /// Somebody's first day in real browsers: seconds, clicks, keys; needs what `cargo xtask install` installs
    FirstRun,
    /// The same without the table (used by `first-run`)
    #[command(hide = true)]
    FirstRunAlone,
    /// Bytes of the release binary
    Size,
    /// Instructions and time of one policy evaluation; needs no server
    Policy,
    /// Evaluate policies so many times (used by `policy`)
    #[command(hide = true)]
    PolicyRepeat(policy::Repeat),
    /// Make load as a plan on standard input says (used by the others)
    #[command(hide = true)]
    Load,
    /// Answer a constant over HTTPS (used by the others)
    #[command(hide = true)]
    Bare(bare::Bare),
    /// Answer RADIUS (used by `proxy`)
    #[command(hide = true)]
    Answer(proxy::backend::Answer),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A second call only finds it installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Load => return load::main().map(|()| ExitCode::SUCCESS),
        Command::Bare(bare) => return bare.run().map(|()| ExitCode::SUCCESS),
        Command::Answer(answer) => return answer.run().map(|()| ExitCode::SUCCESS),
        Command::PolicyRepeat(repeat) => return repeat.run().map(|()| ExitCode::SUCCESS),
        Command::FirstRunAlone => {
            first_run::alone();
            return Ok(ExitCode::SUCCESS);
        }
        Command::Policy => {
            let mut report = Report::new();
            report.text(&machine::describe());
            policy::measure_alone(&mut report)?;
            report.bars();
            return Ok(if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        Command::All
        | Command::Login
        | Command::Push
        | Command::Prompt
        | Command::FirstRun
        | Command::Waiting
        | Command::Proxy(_)
        | Command::Start
        | Command::Size => {}
    }
    let bench = cli.options.prepare()?;
    let mut report = Report::new();
    report.text(&machine::describe());
    let all = matches!(cli.command, Command::All);
    // Each figure stands alone: one that fails must not hide the others.
    let mut measure = |wanted: bool, name: &str, run: fn(&options::Bench, &mut Report) -> anyhow::Result<()>| {
        if wanted && let Err(error) = run(&bench, &mut report) {
            report.failure(name, &error);
        }
    };
    measure(all || matches!(cli.command, Command::Size), "size", size::measure);
    measure(all, "policy", policy::measure);
    measure(all || matches!(cli.command, Command::Start), "start", start::measure);
    measure(all || matches!(cli.command, Command::Login), "login", login::measure);
    measure(all || matches!(cli.command, Command::Push), "push", push::measure);
    measure(all || matches!(cli.command, Command::Prompt), "prompt", prompt::measure);
    measure(all || matches!(cli.command, Command::FirstRun), "first-run", first_run::measure);
    measure(all || matches!(cli.command, Command::Waiting), "waiting", waiting::measure);
    let parts = match cli.command {
        Command::Proxy(parts) => parts.wanted(),
        _ if all => proxy::Part::ALL.to_vec(),
        _ => Vec::new(),
    };
    if !parts.is_empty()
        && let Err(error) = proxy::measure(&bench, &mut report, &parts)
    {
        report.failure("proxy", &error);
    }
    report.bars();
    Ok(if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
