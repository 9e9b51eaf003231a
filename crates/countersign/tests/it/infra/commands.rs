use std::path::Path;
use std::process::{Command, Output};

fn countersign(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().arg("--data").arg(data).args(arguments).envs(environment.iter().copied());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn check_tells_faults_of_the_configuration_with_their_line() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("countersign.toml"), "[listen]\n\napii = \"x\"\n").unwrap();
    let output = countersign(data.path(), &["check"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("countersign.toml:3: unknown key `listen.apii`; did you mean `listen.api`?"), "{said}");
}

#[test]
fn check_reports_what_will_not_work_as_text_and_json() {
    let data = tempfile::tempdir().unwrap();
    let output = countersign(data.path(), &["check"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("error   master key: there is no master key"), "{}", text(&output.stdout));
    let output = countersign(data.path(), &["check", "--json"], &[]);
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings[1]["subject"], "master key");
    assert_eq!(findings[1]["level"], "error");
}

#[test]
fn cve_2023_20207_no_secret_gets_into_a_support_bundle() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let master = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let secrets = [
        "db-file-pass",
        "db-env-pass",
        "query-pass",
        master,
        "Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep",
        "cGFzc3dvcmQ6c2VjcmV0",
        "987654",
        "MIGHAgEAMBMG",
        "bearer-value-1",
    ];
    // A port of this test's own, where nobody listens.
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let operations = silent.local_addr().unwrap();
    let config = format!(
        "[database]\nurl = \"postgres://cs:db-file-pass@db.example/cs?password=query-pass\"\n[master_key]\nsource = \"file:master.key\"\n\
         [listen]\noperations = \"{operations}\"\n"
    );
    std::fs::write(data.join("countersign.toml"), config).unwrap();
    std::fs::write(data.join("master.key"), master).unwrap();
    let log = home.path().join("log");
    let lines = format!(
        "started with postgres://cs:db-env-pass@db.example/cs\nkey {master}\nskey Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep\n\
         {{\"authorization\":\"Basic cGFzc3dvcmQ6c2VjcmV0\",\"passcode\":\"987654\",\"user\":\"alice\"}}\n\
         -----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----\ntoken=bearer-value-1 done\n\
         it said db-file-pass and query-pass\n"
    );
    std::fs::write(&log, lines).unwrap();
    let environment =
        [("COUNTERSIGN_DATABASE_URL", "postgres://cs:db-env-pass@db.example/cs"), ("COUNTERSIGN_MASTER_KEY", master)];
    let (tar, directory) = (home.path().join("b.tar"), home.path().join("b"));
    for out in [&tar, &directory] {
        let arguments = ["support", "--out", out.to_str().unwrap(), "--log", log.to_str().unwrap()];
        let output = countersign(&data, &arguments, &environment);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let mut all = std::fs::read_to_string(&tar).unwrap();
    for file in std::fs::read_dir(&directory).unwrap() {
        all.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    for secret in secrets {
        assert!(!all.contains(secret), "{secret} is in the bundle");
    }
    for kept in ["db.example", "alice", "started with", "COUNTERSIGN_DATABASE_URL", "no answer"] {
        assert!(all.contains(kept), "{kept} is not in the bundle");
    }
    let listing = Command::new("tar").arg("tf").arg(&tar).output().unwrap();
    assert!(text(&listing.stdout).contains("countersign-support/log-0.txt"), "{listing:?}");
}

#[test]
fn support_helps_with_a_broken_configuration_too() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(
        home.path().join("countersign.toml"),
        "[database]\nurl = \"postgres://u:topsecret@h/d\"\nnope = 1\n",
    )
    .unwrap();
    let out = home.path().join("bundle");
    let output = countersign(home.path(), &["support", "--out", out.to_str().unwrap()], &[]);
    assert!(output.status.success());
    assert!(std::fs::read_to_string(out.join("config-errors.txt")).unwrap().contains("unknown key"));
    assert!(!std::fs::read_to_string(out.join("config.toml")).unwrap().contains("topsecret"));
}
