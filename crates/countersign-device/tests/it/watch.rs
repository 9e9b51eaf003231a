//! Following logins through everything that happens to a connection.

use countersign_device::cli::Exit;
use countersign_device::{Error, Watch, WatchEvent};
use cs_wire::device::{Answer, ClosedState, DeviceClass, Request};

use super::server::{DEVICE, Events};
use super::site::Site;

/// The next event that is about a login or the stream's opening.
async fn next(watch: &mut Watch) -> WatchEvent {
    loop {
        match watch.next().await.unwrap().unwrap() {
            WatchEvent::Disconnected { .. } => {}
            event => return event,
        }
    }
}

async fn connected(watch: &mut Watch) {
    let event = next(watch).await;
    assert!(matches!(event, WatchEvent::Connected), "{event:?}");
}

async fn request(watch: &mut Watch) -> Request {
    match next(watch).await {
        WatchEvent::Request(request) => *request,
        event => panic!("{event:?}"),
    }
}

#[tokio::test]
async fn logins_come_as_they_begin_and_go_as_they_end() {
    let site = Site::activated().await;
    site.server.push("before", None);
    let mut watch = site.device().watch();
    assert_eq!(request(&mut watch).await.txid, "before");
    connected(&mut watch).await;
    site.server.ping();
    site.server.push("t1", None);
    let asked = request(&mut watch).await;
    assert_eq!(asked.statement, site.server.statement("t1"));
    site.server.cancel("before");
    let event = next(&mut watch).await;
    assert!(
        matches!(&event, WatchEvent::Closed { txid, state: Some(ClosedState::Cancelled) } if txid == "before"),
        "{event:?}"
    );
    site.device().answer(&asked, Answer::Approve, None).await.unwrap();
    let event = next(&mut watch).await;
    assert!(matches!(&event, WatchEvent::Closed { txid, state: Some(ClosedState::Approved) } if txid == "t1"));
}

#[tokio::test]
async fn a_cut_connection_loses_and_repeats_nothing() {
    let site = Site::activated().await;
    let mut watch = site.device().watch();
    connected(&mut watch).await;
    site.server.push("t1", None);
    assert_eq!(request(&mut watch).await.txid, "t1");
    for round in 2..6 {
        site.server.hang_up();
        let txid = format!("t{round}");
        site.server.push(&txid, None);
        // The new one comes by pull or by stream, around the reconnection; the old ones do not come again.
        let mut seen = (false, false);
        while seen != (true, true) {
            match next(&mut watch).await {
                WatchEvent::Connected => seen.0 = true,
                WatchEvent::Request(request) if request.txid == txid => seen.1 = true,
                event => panic!("{event:?}"),
            }
        }
    }
    assert_eq!(site.server.state().connections, 5);
}

#[tokio::test]
async fn without_a_stream_the_list_is_pulled() {
    for events in [Events::Unavailable, Events::HeldBack] {
        let site = Site::activated().await;
        site.server.state().events = events;
        let mut watch = site.device().watch();
        if events == Events::HeldBack {
            connected(&mut watch).await;
        }
        site.server.push("t1", None);
        assert_eq!(request(&mut watch).await.txid, "t1");
        site.server.cancel("t1");
        let event = next(&mut watch).await;
        assert!(matches!(&event, WatchEvent::Closed { txid, state: None } if txid == "t1"), "{event:?}");
    }
}

#[tokio::test]
async fn a_removed_device_stops_watching() {
    let site = Site::activated().await;
    let mut watch = site.device().watch();
    connected(&mut watch).await;
    site.server.state().is_active = false;
    site.server.hang_up();
    loop {
        match watch.next().await.expect("an error is the last event") {
            Ok(WatchEvent::Disconnected { .. }) => {}
            Err(Error::Refused(refusal)) => break assert_eq!(refusal.code, "inactive"),
            other => panic!("{other:?}"),
        }
    }
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn a_device_approves_by_itself_what_needs_no_number() {
    let site = Site::start().await;
    site.activate(DeviceClass::Automation).await;
    site.server.state().auto_approve_until = Some(super::server::NOW + 1);
    site.server.push("number", Some("42"));
    site.server.push("plain", None);
    let out = site.run(&["watch", "--approve", "--json", "--count", "1"]).await.done();
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["request", "skipped", "request", "answered"], "{out}");
    assert!(out.contains(&format!(
        "{{\"event\":\"skipped\",\"device_id\":\"{DEVICE}\",\"txid\":\"number\",\"reason\":\"number\"}}"
    )));
    assert!(out.ends_with(&format!(
        "{{\"event\":\"answered\",\"device_id\":\"{DEVICE}\",\"txid\":\"plain\",\"result\":\"approved\"}}\n"
    )));
    assert_eq!(site.server.state().answers.len(), 1);
}

#[tokio::test]
async fn a_device_of_any_class_approves_by_itself_only_while_an_administrator_allows_it() {
    for class in [DeviceClass::Cli, DeviceClass::Automation] {
        let site = Site::start().await;
        site.activate(class).await;
        site.server.push("t1", None);
        for until in [None, Some(super::server::NOW)] {
            site.server.state().auto_approve_until = until;
            let message = site.run(&["watch", "--approve", "--count", "1"]).await.failed(Exit::Refused);
            assert!(message.contains("phone auto-approve"), "{message}");
        }
        assert!(site.server.state().answers.is_empty());
        site.server.state().auto_approve_until = Some(super::server::NOW + 1);
        site.run(&["watch", "--approve", "--count", "1"]).await.done();
        assert_eq!(site.server.state().closed["t1"], "approved");
    }
}

#[tokio::test]
async fn a_person_answers_from_the_live_view() {
    let site = Site::activated().await;
    site.server.push("t1", Some("42"));
    site.server.push("t2", None);
    site.server.push("t3", None);
    let out = site.run_typing(&["watch", "--count", "3"], &["41", "a", "42", "f", "x", "a"]).await.done();
    let state = site.server.state();
    assert_eq!(
        (state.closed["t1"], state.closed["t2"], state.closed["t3"]),
        ("approved", "fraud", "approved"),
        "{out}"
    );
    assert!(out.contains("That is not the number") || out.contains("not the number on the screen"), "{out}");
}

#[tokio::test]
async fn one_removed_account_does_not_end_the_others_view() {
    let site = Site::start().await;
    site.activate(DeviceClass::Automation).await;
    site.server.state().auto_approve_until = Some(super::server::NOW + 1);
    // The server does not know this one.
    let mut removed = site.storage.load(DEVICE).unwrap();
    removed.device_id = "DPBBBBBBBBBBBBBBBBBB".into();
    site.storage.insert(&removed).unwrap();
    // Ends only when both have been heard of: the other one cannot be answered before it has come.
    let watched = site.run(&["watch", "--approve", "--json", "--count", "1"]);
    let pushed = async {
        while site.server.state().connections == 0 {
            tokio::task::yield_now().await;
        }
        site.server.push("t1", None);
    };
    let (outcome, ()) = tokio::join!(watched, pushed);
    let out = outcome.done();
    assert!(
        out.contains(r#"{"event":"answered","device_id":"DPAAAAAAAAAAAAAAAAA1","txid":"t1","result":"approved"}"#),
        "{out}"
    );
}
