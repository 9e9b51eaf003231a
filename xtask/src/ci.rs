//! `cargo xtask ci`: the one command before a commit, cheapest checks first.

use crate::step;
use crate::{check_deps, licences, test};

pub(crate) fn run() -> anyhow::Result<()> {
    step::run(&mut step::cargo(&["fmt", "--all", "--check"]))?;
    check_deps::run()?;
    licences::run()?;
    step::run(&mut step::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // private items too: these pages are for us, and their links go stale as any other
    let mut doc = step::cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    step::run(&mut doc)?;
    test::run(&test::Options::default())
}
