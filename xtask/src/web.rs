//! The modules of `web/`: their types, and the tests that need no browser.

use std::path::Path;
use std::process::Command;

use crate::step;

/// Page and worker see different globals, so each has its own project.
const PROJECTS: [&str; 2] = ["tsconfig.json", "tsconfig.worker.json"];

/// Checks the types with the compiler below `npm`, and runs the tests.
pub(crate) fn check(npm: &Path) -> anyhow::Result<()> {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    let compiler = npm.join("node_modules/typescript/bin/tsc");
    for project in PROJECTS {
        step::run(Command::new("node").arg(&compiler).args(["--project", project]).current_dir(&web))?;
    }
    step::run(Command::new("node").args(["--test", "--test-reporter=spec"]).current_dir(&web))
}
