//! `cargo xtask ci`: the one command before a commit, cheapest checks first.

use crate::step;
use crate::{check_deps, licences, test};

pub(crate) fn run() -> anyhow::Result<()> {
    step::run(&mut step::cargo(&["fmt", "--all", "--check"]))?;
    check_deps::run()?;
    licences::run()?;
    step::run(&mut step::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // private items too: their links are for us, and go stale as any other
    let mut doc = step::cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    step::run(&mut doc)?;
    test::run(&test::Options::default())
}
