//! The demo as somebody has it who has installed the SDKs.

use std::process::Stdio;

use e2e::{npm, program, universal_python};

#[test]
fn the_demo_logs_in_to_both_sample_applications() {
    let data = tempfile::tempdir().unwrap();
    // `python3` is the one of the environment that has the SDK.
    let bin = universal_python().parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let output = program("countersign")
        .args(["demo", "--try", "--port", "0", "--data"])
        .arg(data.path())
        .env("PATH", path)
        .env("NODE_PATH", npm().join("node_modules"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    for part in ["web-python: duo_universal sent a browser", "web-node: @duosecurity/duo_universal sent a browser"] {
        assert!(said.lines().any(|line| line.contains(part) && line.ends_with("alice is in")), "{part}: {said}");
    }
}
