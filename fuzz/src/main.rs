//! `cargo xtask fuzz`: runs the targets and keeps what failed.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use fuzz::{Failure, FailureKind, Plan, TARGETS, Target, runner};

const HELP: &str = "\
cargo xtask fuzz [OPTIONS]

  --list           names of the targets
  --target NAME    only this one (may be given again)
  --cases N        cases per target (default 1000000)
  --seed S         default 1; the same seed gives the same cases
  --threads N      default: one per core
  --trace          write each input to disk before it is run: finds what aborts the process
  --replay FILE    run one stored input on the --target
";

/// How long a parser may take for one input of at most 64 KiB.
const TIME_LIMIT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let outcome = Options::parse(std::env::args().skip(1)).and_then(|options| fuzz(&options));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Options {
    list: bool,
    help: bool,
    targets: Vec<String>,
    cases: Option<u64>,
    seed: Option<u64>,
    threads: Option<u64>,
    trace: bool,
    replay: Option<PathBuf>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--list" => options.list = true,
                "--help" | "-h" => options.help = true,
                "--trace" => options.trace = true,
                "--target" => options.targets.push(value(&arg, args.next())?),
                "--cases" => options.cases = Some(value(&arg, args.next())?),
                "--seed" => options.seed = Some(value(&arg, args.next())?),
                "--threads" => options.threads = Some(value(&arg, args.next())?),
                "--replay" => options.replay = Some(value(&arg, args.next())?),
                _ => bail!("there is no option `{arg}`\n\n{HELP}"),
            }
        }
        Ok(options)
    }
}

fn value<T: FromStr>(option: &str, given: Option<String>) -> anyhow::Result<T> {
    let given = given.with_context(|| format!("{option} needs a value"))?;
    given.parse().ok().with_context(|| format!("{option} cannot be `{given}`"))
}

/// Does as asked; false when some input failed.
fn fuzz(options: &Options) -> anyhow::Result<bool> {
    if options.help {
        print!("{HELP}");
        return Ok(true);
    }
    if options.list {
        for target in TARGETS {
            println!("{}", target.name);
        }
        return Ok(true);
    }
    for name in &options.targets {
        ensure!(TARGETS.iter().any(|target| target.name == name), "there is no target `{name}`; --list names them");
    }
    let chosen: Vec<&'static Target> = TARGETS
        .iter()
        .copied()
        .filter(|target| options.targets.is_empty() || options.targets.iter().any(|name| name == target.name))
        .collect();
    match &options.replay {
        Some(file) => replay(&chosen, file),
        None => campaign(&chosen, options),
    }
}

fn replay(chosen: &[&Target], file: &Path) -> anyhow::Result<bool> {
    let [target] = chosen else { bail!("--replay needs one --target") };
    let input = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let outcome = runner::try_input(target, &input);
    match &outcome {
        Ok(()) => println!("{}: {} bytes, no panic", target.name, input.len()),
        Err(message) => println!("{}: {message}", target.name),
    }
    Ok(outcome.is_ok())
}

fn campaign(chosen: &[&'static Target], options: &Options) -> anyhow::Result<bool> {
    let store = PathBuf::from(std::env::var_os("COUNTERSIGN_FUZZ_DIR").unwrap_or_else(|| "target/fuzz".into()));
    fs::create_dir_all(&store).with_context(|| format!("cannot create {}", store.display()))?;
    let plan = Plan {
        cases: options.cases.unwrap_or(1_000_000),
        seed: options.seed.unwrap_or(1),
        threads: options.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, |n| n.get() as u64)),
        time_limit: TIME_LIMIT,
        trace: options.trace.then(|| store.clone()),
    };
    println!("seed {}, {} threads", plan.seed, plan.threads);
    let mut all_passed = true;
    for target in chosen {
        let report = runner::run(target, &plan);
        let rate = report.cases as f64 / report.elapsed.as_secs_f64();
        let verdict = if report.failure.is_none() { "ok" } else { "FAILED" };
        println!("{:<28} {:>12} cases {:>12.0} cases/s  {verdict}", target.name, report.cases, rate);
        if let Some(failure) = report.failure {
            all_passed = false;
            explain(target, &failure, &store)?;
        }
    }
    Ok(all_passed)
}

fn explain(target: &Target, failure: &Failure, store: &Path) -> anyhow::Result<()> {
    let file = store.join(format!("{}-case-{}", target.name, failure.case));
    fs::write(&file, &failure.input).with_context(|| format!("cannot write {}", file.display()))?;
    match &failure.kind {
        FailureKind::Panic(message) => println!("  {message}"),
        FailureKind::Hang => println!("  ran longer than {} s", TIME_LIMIT.as_secs()),
    }
    let shown = &failure.input[..failure.input.len().min(200)];
    println!("  input ({} bytes): \"{}\"", failure.input.len(), shown.escape_ascii());
    println!("  stored; run it alone: cargo xtask fuzz --target {} --replay {}", target.name, file.display());
    Ok(())
}
