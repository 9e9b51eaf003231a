//! The modules of `web/`, and the scripts of pages: their types, and the tests that need no browser.

use std::path::Path;
use std::process::Command;

use crate::step;

/// Page and worker see different globals, so each has its own project; the third is of what the pages of logins do by themselves.
const PROJECTS: [&str; 3] = ["tsconfig.json", "tsconfig.worker.json", "tsconfig.pages.json"];

/// Checks the types with the compiler below `npm`, and runs the tests.
pub(crate) fn check(npm: &Path) -> anyhow::Result<()> {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    let compiler = npm.join("node_modules/typescript/bin/tsc");
    for project in PROJECTS {
        step::run(Command::new("node").arg(&compiler).args(["--project", project]).current_dir(&web))?;
    }
    step::run(Command::new("node").args(["--test", "--test-reporter=spec"]).current_dir(&web))
}
