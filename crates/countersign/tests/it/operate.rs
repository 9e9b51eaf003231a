//! The program as an operator runs it: bootstrap, serve, back up, restore, verify, rotate the master key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cs_engine::{Clock, ManualClock};
use cs_store::testing::Ports;
use cs_testkit::Api;
use serde_json::{Value as Json, json};

fn countersign(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().arg("--data").arg(data).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// Runs a command that must succeed; its standard output.
fn done(data: &Path, arguments: &[&str]) -> String {
    let output = countersign(data, arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out.into_owned()
}

fn bootstrap(data: &Path) -> Json {
    // Until this process ends: servers come and go on them.
    let ports = Box::leak(Box::new(Ports::reserve(Ports::OF_A_SERVER)));
    serde_json::from_str(&done(data, &["bootstrap", "--listen", &ports.address().to_string(), "--json"])).unwrap()
}

/// A running server, ended with this value.
struct Server(Child);

impl Server {
    /// Starts one and waits until it is ready.
    fn start(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let log = std::fs::File::create(data.join("test.log")).unwrap();
        command.env_clear().arg("--data").arg(data).arg("serve").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let server = Self(command.spawn().unwrap());
        let config = countersign::config::load_from(data, None, []).unwrap().config;
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_ready(config.listen.operations) {
            let log = || std::fs::read_to_string(data.join("test.log")).unwrap();
            assert!(Instant::now() < deadline, "not ready: {}", log());
            std::thread::yield_now();
        }
        server
    }

    /// Asks it to stop and waits until it has.
    fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already after `stop`.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_ready(operations: std::net::SocketAddr) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(operations) else { return false };
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200 ")
}

/// A client with the credentials that bootstrap printed under `name`.
fn api(printed: &Json, name: &str) -> Api {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    Api::connect(
        Path::new(&text(&printed["ca_cert"])),
        &text(&printed["api_host"]),
        // A real server goes by the machine's clock.
        ManualClock::at(Clock::System.now()),
        &text(&printed[name]["ikey"]),
        &text(&printed[name]["skey"]),
    )
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn keys(object: &Json) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn bootstrap_keeps_its_contract_and_the_server_answers_its_credentials() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("site");
    let first = bootstrap(&data);
    assert_eq!(keys(&first), ["account_id", "admin_api", "api_host", "auth_api", "ca_cert", "owner"]);
    assert_eq!(keys(&first["admin_api"]), ["ikey", "skey"]);
    assert_eq!(keys(&first["auth_api"]), ["ikey", "skey"]);
    assert_eq!(keys(&first["owner"]), ["email", "setup_url"]);
    assert!(first["account_id"].as_str().unwrap().starts_with("DA"));
    let setup = first["owner"]["setup_url"].as_str().unwrap();
    assert!(setup.starts_with(&format!("https://{}/panel/setup#", first["api_host"].as_str().unwrap())), "{setup}");
    assert_eq!(mode(&data), 0o700);
    for private in ["master.key", "countersign.toml", "tls/ca.key", "tls/server.key"] {
        assert_eq!(mode(&data.join(private)), 0o600, "{private}");
    }

    let second = bootstrap(&data);
    assert_eq!(keys(&second["admin_api"]), ["ikey"]);
    assert_eq!(second["owner"]["setup_url"], Json::Null);
    for same in ["account_id", "api_host", "ca_cert"] {
        assert_eq!(first[same], second[same]);
    }
    assert_eq!(first["auth_api"]["ikey"], second["auth_api"]["ikey"]);

    let server = Server::start(&data);
    let old = api(&first, "auth_api");
    old.get("/auth/v2/check", &[]).await.response();
    let page = old.unsigned("/panel/setup").await;
    assert!(String::from_utf8(page.body).unwrap().contains("countersign admin administrator set-password"));

    let rotated: Json = serde_json::from_str(&done(&data, &["bootstrap", "--rotate", "--json"])).unwrap();
    assert_eq!(rotated["auth_api"]["ikey"], first["auth_api"]["ikey"]);
    assert_ne!(rotated["auth_api"]["skey"], first["auth_api"]["skey"]);
    assert_ne!(rotated["owner"]["setup_url"], first["owner"]["setup_url"]);
    server.stop();
    let _server = Server::start(&data);
    api(&rotated, "auth_api").get("/auth/v2/check", &[]).await.response();
    old.get("/auth/v2/check", &[]).await.response();
}

#[tokio::test]
async fn a_server_without_anything_makes_what_it_needs() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("site");
    std::fs::create_dir(&data).unwrap();
    let ports = "[listen]\napi = \"127.0.0.1:0\"\nauthenticator = \"127.0.0.1:0\"\noperations = \"OPS\"\n";
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(data.join("countersign.toml"), ports.replace("OPS", &free.to_string())).unwrap();
    Server::start(&data).stop();
    let log = std::fs::read_to_string(data.join("test.log")).unwrap();
    assert!(log.contains("made the first account"), "{log}");
    assert!(!log.contains("skey"), "no secret goes into a log");
    let told: Json = serde_json::from_str(&done(&data, &["bootstrap", "--json"])).unwrap();
    assert!(log.contains(told["account_id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_restore_brings_back_what_was_and_voids_what_could_be_used_twice() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("site");
    let printed = bootstrap(&data);
    let backup = parent.path().join("backup.jsonl");
    let server = Server::start(&data);
    let (admin, auth) = (api(&printed, "admin_api"), api(&printed, "auth_api"));
    let user = admin.post("/admin/v1/users", &[("username", "alice")]).await.text("user_id");
    let codes = format!("/admin/v1/users/{user}/bypass_codes");
    let code = admin.post(&codes, &[("count", "1")]).await.response()[0].as_str().unwrap().to_owned();
    let to = backup.to_str().unwrap();
    done(&data, &["backup", "--to", to]);
    assert_eq!(mode(&backup), 0o600);
    assert!(!countersign(&data, &["backup", "--to", to]).status.success(), "a backup never replaces a file");
    done(&data, &["backup", "--check", to]);

    let log_in = [("username", "alice"), ("factor", "passcode"), ("passcode", code.as_str())];
    assert_eq!(auth.post("/auth/v2/auth", &log_in).await.response()["result"], json!("allow"));
    admin.post("/admin/v1/users", &[("username", "bob")]).await.response();
    let refused = countersign(&data, &["restore", "--from", to, "--yes"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("stop the server first"), "{said}");
    server.stop();

    assert_eq!(countersign(&data, &["restore", "--from", to]).status.code(), Some(2), "nobody agreed");
    let restored: Json = serde_json::from_str(&done(&data, &["restore", "--from", to, "--yes", "--json"])).unwrap();
    assert_eq!(restored["generation"], json!(2));
    let _server = Server::start(&data);
    let names: Vec<Json> = admin
        .get("/admin/v1/users", &[])
        .await
        .response()
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["username"].clone())
        .collect();
    assert_eq!(names, ["alice"]);
    let again = auth.post("/auth/v2/auth", &log_in).await.response();
    assert_eq!(again["result"], json!("deny"), "the code was used before the restore: {again}");
    let verified: Json = serde_json::from_str(&done(&data, &["audit", "verify", "--json"])).unwrap();
    assert_eq!(verified["intact"], json!(true), "{verified}");
}

#[tokio::test]
async fn an_older_database_in_its_place_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("site");
    let printed = bootstrap(&data);
    let copy = parent.path().join("copy.db");
    std::fs::copy(data.join("countersign.db"), &copy).unwrap();
    let server = Server::start(&data);
    api(&printed, "admin_api").post("/admin/v1/users", &[("username", "alice")]).await.response();
    server.stop();
    for file in ["countersign.db-wal", "countersign.db-shm"] {
        let _ = std::fs::remove_file(data.join(file));
    }
    std::fs::copy(&copy, data.join("countersign.db")).unwrap();
    let output = countersign(&data, &["serve"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("countersign restore"), "{said}");
}

#[tokio::test]
async fn the_master_key_is_replaced_and_the_old_one_kept_for_old_backups() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("site");
    let printed = bootstrap(&data);
    let before = std::fs::read(data.join("master.key")).unwrap();
    assert_eq!(countersign(&data, &["rotate-master-key"]).status.code(), Some(2), "nobody agreed");
    assert_eq!(std::fs::read(data.join("master.key")).unwrap(), before);
    done(&data, &["rotate-master-key", "--yes"]);
    let after = std::fs::read(data.join("master.key")).unwrap();
    assert_ne!(after, before);
    assert_eq!(std::fs::read(data.join("master.key.old")).unwrap().trim_ascii(), before.trim_ascii());
    assert_eq!((mode(&data.join("master.key")), mode(&data.join("master.key.old"))), (0o600, 0o600));
    let server = Server::start(&data);
    api(&printed, "auth_api").get("/auth/v2/check", &[]).await.response();
    server.stop();
    std::fs::write(data.join("master.key"), before).unwrap();
    assert!(!countersign(&data, &["serve"]).status.success(), "the old key opens nothing any more");
}

#[test]
fn a_tampered_log_fails_the_check_with_its_place() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("site");
    bootstrap(&data);
    assert_eq!(countersign(&data, &["audit", "verify"]).status.code(), Some(0));
    let database = rusqlite::Connection::open(data.join("countersign.db")).unwrap();
    assert_eq!(database.execute("UPDATE log SET result = 'user_delete'", []).unwrap(), 1);
    drop(database);
    let output = countersign(&data, &["audit", "verify", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["intact"], json!(false));
    assert!(report["findings"][0].as_str().unwrap().contains(", 1) was changed"), "{report}");
}

#[tokio::test]
async fn an_alert_is_logged_and_handed_to_the_operators_command() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("site");
    let printed = bootstrap(&data);
    let config = data.join("countersign.toml");
    let alerts = parent.path().join("alerts");
    // Fails the first time, as a mail server that is away would make it.
    let script = format!("[ -e {0}.tried ] || {{ touch {0}.tried; exit 1; }}; cat >> {0}", alerts.display());
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[alerts]\ncommand = [\"/bin/sh\", \"-c\", \"{script}\"]\n")).unwrap();
    let _server = Server::start(&data);
    let (admin, auth) = (api(&printed, "admin_api"), api(&printed, "auth_api"));
    let user = admin.post("/admin/v1/users", &[("username", "alice")]).await.text("user_id");
    admin.post(&format!("/admin/v1/users/{user}/bypass_codes"), &[("count", "1")]).await.response();
    admin.post("/admin/v1/settings", &[("lockout_threshold", "1")]).await.response();
    auth.post("/auth/v2/auth", &[("username", "alice"), ("factor", "passcode"), ("passcode", "000000")])
        .await
        .response();
    let deadline = Instant::now() + Duration::from_secs(60);
    let told = loop {
        if let Ok(told) = std::fs::read_to_string(&alerts)
            && told.ends_with('\n')
        {
            break told;
        }
        assert!(Instant::now() < deadline, "{}", std::fs::read_to_string(data.join("test.log")).unwrap());
        tokio::task::yield_now().await;
    };
    let alert: Json = serde_json::from_str(&told).unwrap();
    assert_eq!((&alert["alert"], &alert["username"]), (&json!("locked_out"), &json!("alice")));
    assert_eq!(alert["account"], printed["account_id"]);
    let log = std::fs::read_to_string(data.join("test.log")).unwrap();
    assert_eq!(log.matches("something an administrator should look at").count(), 1, "{log}");
}

/// Takes webhooks on a thread: answers with the status that `status` gives for the how-manieth message of a kind.
fn sink(status: fn(&str, usize) -> u16) -> (std::net::SocketAddr, std::sync::mpsc::Receiver<(String, Json)>) {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (taken, messages) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut counts = std::collections::HashMap::<String, usize>::new();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(stream.read_line(&mut head).unwrap() > 0);
            }
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let mut body = vec![0; field("content-length: ").parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let body: Json = serde_json::from_slice(&body).unwrap();
            let count = counts.entry(body["type"].as_str().unwrap().to_owned()).or_default();
            let status = status(body["type"].as_str().unwrap(), *count);
            *count += 1;
            let location = format!("Location: http://{address}/elsewhere\r\n");
            let answer = format!("HTTP/1.1 {status} X\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            if taken.send((head, body)).is_err() {
                return;
            }
        }
    });
    (address, messages)
}

#[tokio::test]
async fn alerts_and_checkpoints_leave_the_machine_by_webhook_and_syslog() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("site");
    let printed = bootstrap(&data);
    let (address, messages) = sink(|kind, count| match (kind, count) {
        ("alert.locked_out", 0) => 500,
        ("alert.locked_out", 1) => 302,
        ("audit.checkpoints", 0) => 503,
        _ => 200,
    });
    let syslog = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = data.join("countersign.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    // `bootstrap` writes a table `audit` with the file.
    let audit = format!(
        "[audit]\ncheckpoint_webhook = \"http://{address}/T0K3N\"\ncheckpoint_syslog = \"udp:{}\"\n",
        syslog.local_addr().unwrap()
    );
    let more = format!(
        "[alerts]\nwebhook = \"http://{address}/T0K3N\"\n\
         [webhooks]\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\nallowed_networks = [\"127.0.0.1\"]\n"
    );
    assert!(text.contains("[audit]\n"), "{text}");
    std::fs::write(&config, format!("{}\n{more}", text.replace("[audit]\n", &audit))).unwrap();
    let server = Server::start(&data);
    let (admin, auth) = (api(&printed, "admin_api"), api(&printed, "auth_api"));
    let user = admin.post("/admin/v1/users", &[("username", "alice")]).await.text("user_id");
    admin.post(&format!("/admin/v1/users/{user}/bypass_codes"), &[("count", "1")]).await.response();
    admin.post("/admin/v1/settings", &[("lockout_threshold", "1")]).await.response();
    auth.post("/auth/v2/auth", &[("username", "alice"), ("factor", "passcode"), ("passcode", "000000")])
        .await
        .response();
    let (mut alerts, mut checkpoints) = (Vec::new(), Vec::new());
    while alerts.len() < 3 || checkpoints.len() < 2 {
        let (head, body) = messages.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(head.starts_with("POST /T0K3N HTTP/1.1\r\n"), "no redirection was followed: {head}");
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        assert!(field("webhook-signature: ").starts_with("v1,"), "{head}");
        match body["type"].as_str().unwrap() {
            "alert.locked_out" => alerts.push((field("webhook-id: "), body["data"].clone())),
            "audit.checkpoints" => checkpoints.push((field("webhook-id: "), body["data"]["checkpoints"].clone())),
            other => panic!("{other}"),
        }
    }
    assert!(alerts.iter().all(|alert| *alert == alerts[0]), "the same alert under the same id: {alerts:?}");
    assert_eq!(alerts[0].1["username"], "alice");
    assert_eq!(alerts[0].0, alerts[0].1["id"].as_str().unwrap());
    assert_eq!(checkpoints[0].1[0], checkpoints[1].1[0], "what was refused comes again");
    let list: Json = serde_json::from_str(&done(&data, &["admin", "--json", "alert", "list"])).unwrap();
    let alerts = list["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 1, "{list}");
    let sent = &alerts[0];
    assert_eq!(
        (&sent["alert"], &sent["username"], &sent["to"]),
        (&json!("locked_out"), &json!("alice"), &json!("webhook"))
    );
    assert_eq!(sent["attempts"], 3);
    server.stop();

    // What was exported proves the log, also as a syslog server writes it down.
    let mut buffer = vec![0; 65_536];
    syslog.set_nonblocking(true).unwrap();
    let mut exported = String::new();
    while let Ok(length) = syslog.recv(&mut buffer) {
        exported += &format!("Nov 22 03:04:05 host {}\n", String::from_utf8_lossy(&buffer[..length]));
    }
    assert!(exported.contains(" countersign ") && exported.contains(" checkpoint - {"), "{exported}");
    for line in checkpoints.iter().flat_map(|(_, lines)| lines.as_array().unwrap()) {
        exported += &format!("{}\n", line.as_str().unwrap());
    }
    let file = parent.path().join("exported");
    std::fs::write(&file, exported).unwrap();
    done(&data, &["audit", "verify", "--checkpoints", file.to_str().unwrap()]);
    let bundle = parent.path().join("bundle");
    done(&data, &["support", "--out", bundle.to_str().unwrap()]);
    for file in std::fs::read_dir(bundle).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("T0K3N") && !text.contains("MfKQ9r8GKY"), "{}", path.display());
    }
}
