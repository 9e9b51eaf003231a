//! `cargo xtask ci`: the one command before a commit, cheapest checks first.

use crate::step;
use crate::{check_deps, licences, test};

pub(crate) fn run() -> anyhow::Result<()> {
    step::run(&mut step::cargo(&["fmt", "--all", "--check"]))?;
    check_deps::run()?;
    licences::run()?;
    step::run(&mut step::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut doc = step::cargo(&["doc", "--workspace", "--no-deps"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    step::run(&mut doc)?;
    test::run(&test::Options::default())
}
