//! Logs: shapes, pages and filters.

use cs_engine::admin::users::UserChange;
use cs_testkit::Site;
use serde_json::{Value as Json, json};

const V2: &str = "/admin/v2/logs/authentication";

/// A site where alice failed twice from an address, and somebody unknown once.
async fn site_with_logins() -> Site {
    let site = Site::start().await;
    site.user("alice").await.phone().await;
    for name in ["alice", "alice", "nobody"] {
        let guess = [("username", name), ("factor", "passcode"), ("passcode", "000000"), ("ipaddr", "203.0.113.9")];
        site.auth_api().post("/auth/v2/auth", &guess).await.response();
        site.advance(1);
    }
    site
}

fn span(site: &Site) -> [String; 2] {
    let now = site.now().as_millisecond();
    [(now - 60_000).to_string(), now.to_string()]
}

#[tokio::test]
async fn the_authentication_log_has_the_documented_shape() {
    let site = site_with_logins().await;
    let [from, to] = span(&site);
    let logins = [("mintime", &*from), ("maxtime", &*to), ("sort", "ts:asc"), ("event_types", "authentication")];
    let log = site.admin_api().get(V2, &logins).await.response();
    assert_eq!(log["metadata"], json!({"total_objects": 3}));
    let first = &log["authlogs"][0];
    assert_eq!(first["isotimestamp"], json!("2026-06-01T12:00:00.000000+00:00"));
    assert_eq!(first["timestamp"], json!(site.now().as_second() - 3));
    assert_eq!((&first["result"], &first["reason"]), (&json!("denied"), &json!("invalid_passcode")));
    assert_eq!((&first["user"]["name"], &first["access_device"]["ip"]), (&json!("alice"), &json!("203.0.113.9")));
    assert_eq!(first["application"]["key"], json!(site.auth_api().key().to_string()));
    assert_eq!(first["event_type"], json!("authentication"));
    assert_eq!(log["authlogs"][2]["user"], json!({"key": null, "name": "nobody", "groups": []}));

    let old = site.admin_api().get("/admin/v1/logs/authentication", &[("mintime", "0")]).await.response();
    let (enrolled, old): (Vec<&Json>, Vec<&Json>) =
        old.as_array().unwrap().iter().partition(|entry| entry["event_type"] == "enrollment");
    assert_eq!((enrolled.len(), &enrolled[0]["new_enrollment"]), (1, &json!(true)), "alice's phone");
    assert_eq!(old.len(), 3);
    assert_eq!((&old[0]["username"], &old[0]["result"]), (&json!("alice"), &json!("FAILURE")));
    assert_eq!(old[0]["reason"], json!("Invalid passcode"));
}

#[tokio::test]
async fn pages_meet_without_gap_or_overlap_in_both_directions() {
    let site = site_with_logins().await;
    let [from, to] = span(&site);
    for sort in ["ts:asc", "ts:desc"] {
        let mut seen: Vec<(Json, Json)> = Vec::new();
        let mut offset = String::new();
        loop {
            let mut params = vec![("mintime", &*from), ("maxtime", &*to), ("limit", "1"), ("sort", sort)];
            if !offset.is_empty() {
                params.push(("next_offset", &offset));
            }
            let page = site.admin_api().get(V2, &params).await.response();
            seen.extend(
                page["authlogs"].as_array().unwrap().iter().map(|e| (e["timestamp"].clone(), e["txid"].clone())),
            );
            let Some(next) = page["metadata"]["next_offset"].as_array() else { break };
            offset = format!("{},{}", next[0].as_str().unwrap(), next[1].as_str().unwrap());
        }
        assert_eq!(seen.len(), 4, "{sort}: {seen:?}");
        let times: Vec<i64> = seen.iter().map(|(time, _)| time.as_i64().unwrap()).collect();
        assert!(if sort == "ts:asc" { times.is_sorted() } else { times.iter().rev().is_sorted() }, "{times:?}");
    }
}

#[tokio::test]
async fn filters_select_and_unknown_ones_are_refused() {
    let site = site_with_logins().await;
    let [from, to] = span(&site);
    let count = |name: &'static str, value: String| {
        let (from, to, site) = (from.clone(), to.clone(), &site);
        async move {
            let params = [("mintime", &*from), ("maxtime", &*to), (name, &*value)];
            let log = site.admin_api().get(V2, &params).await.response();
            assert_eq!(log["metadata"]["total_objects"].as_u64(), log["authlogs"].as_array().map(|a| a.len() as u64));
            log["metadata"]["total_objects"].as_u64().unwrap()
        }
    };
    let alice = site
        .admin_api()
        .get(V2, &[("mintime", &*from), ("maxtime", &*to), ("sort", "ts:asc")])
        .await
        .response()["authlogs"][1]["user"]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(count("users", alice).await, 3);
    assert_eq!(count("event_types", "enrollment".to_owned()).await, 1);
    assert_eq!(count("event_types", "authentication".to_owned()).await, 3);
    assert_eq!(count("factors", "not_available".to_owned()).await, 2, "the enrollment, and who is unknown");
    assert_eq!(count("applications", site.auth_api().key().to_string()).await, 3);
    assert_eq!(count("applications", site.admin_api().key().to_string()).await, 0);
    assert_eq!(count("reasons", "invalid_passcode,user_approved".to_owned()).await, 2);
    assert_eq!(count("results", "success".to_owned()).await, 1, "the enrollment");
    assert_eq!(count("results", "failure".to_owned()).await, 3);
    for (name, value) in [
        ("groups", "staff"),
        ("phone_numbers", "abc"),
        ("event_types", "login"),
        ("detections", "new_country"),
        ("users", "alice"),
        ("sort", "ts"),
        ("limit", "x"),
    ] {
        let params = [("mintime", &*from), ("maxtime", &*to), (name, value)];
        let answer = site.admin_api().get(V2, &params).await;
        assert_eq!((answer.code(), &answer.json()["message_detail"]), (40002, &json!(name)));
    }
}

#[tokio::test]
async fn the_span_must_be_given_in_milliseconds() {
    let site = Site::start().await;
    let get = |params: Vec<(&'static str, &'static str)>| async move { params };
    for (params, code) in [
        (get(vec![("mintime", "1700000000000")]).await, 40001),
        (get(vec![("mintime", "1700000000"), ("maxtime", "1700000001")]).await, 40002),
        (get(vec![("mintime", "1700000000001"), ("maxtime", "1700000000000")]).await, 40002),
    ] {
        for path in [V2, "/admin/v2/logs/activity", "/admin/v2/logs/telephony"] {
            assert_eq!(site.admin_api().get(path, &params).await.code(), code, "{path} {params:?}");
        }
    }
}

#[tokio::test]
async fn what_administrators_do_is_logged() {
    let site = Site::start().await;
    let admin = site.admin_api();
    // After the bootstrap, which is in the log too.
    site.advance(1);
    admin.post("/admin/v1/settings", &[("lockout_threshold", "7")]).await.response();
    site.advance(1);
    let log = admin.get("/admin/v1/logs/administrator", &[]).await.response();
    let last = log.as_array().unwrap().last().unwrap();
    assert_eq!((&last["action"], &last["username"]), (&json!("customer_update"), &json!("API")));
    let description: Json = serde_json::from_str(last["description"].as_str().unwrap()).unwrap();
    assert_eq!(description, json!({"lockout_threshold": 7}));

    let [from, to] = span(&site);
    let activity =
        admin.get("/admin/v2/logs/activity", &[("mintime", &from), ("maxtime", &to), ("limit", "1")]).await.response();
    assert_eq!(activity["items"][0]["action"]["name"], json!("customer_update"));
    assert_eq!(activity["metadata"]["total_objects"], json!({"relation": "eq", "value": 2}));
    assert!(activity["metadata"]["next_offset"].as_str().unwrap().contains(','));
    for (path, empty) in [("/admin/v1/logs/telephony", json!([])), ("/admin/v1/logs/offline_enrollment", json!([]))] {
        assert_eq!(admin.get(path, &[]).await.response(), empty);
    }
}

/// The members that SIEM clients read, in both versions, and what is said of facts nobody knows.
#[tokio::test]
async fn a_login_is_told_with_alias_address_device_and_whether_a_person_answered() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let change = UserChange {
        aliases: [(1, "al".to_owned())].into(),
        email: Some("alice@example.org".to_owned()),
        ..UserChange::default()
    };
    alice.change(change).await;
    let until = (site.now().as_second() + 3600).to_string();
    let path = format!("/admin/v1/phones/{}", phone.id);
    let about = [("number", "+15555550100"), ("auto_approve_until", &*until)];
    site.admin_api().post(&path, &about).await.response();
    let push = [("username", "al"), ("factor", "push"), ("device", "auto"), ("async", "1"), ("ipaddr", "203.0.113.9")];
    site.auth_api().post("/auth/v2/auth", &push).await.response();
    let txid = phone.next_push().await;
    phone.approve(txid).await.unwrap();
    let code = [("username", "al"), ("factor", "passcode"), ("passcode", &*phone.passcode())];
    assert_eq!(site.auth_api().post("/auth/v2/auth", &code).await.text("result"), "allow");

    let [from, to] = span(&site);
    let log = site.admin_api().get(V2, &[("mintime", &from), ("maxtime", &to)]).await.response();
    let by = |reason: &str| log["authlogs"].as_array().unwrap().iter().find(|e| e["reason"] == reason).unwrap().clone();
    let (pushed, typed) = (by("user_approved"), by("valid_passcode"));
    assert_eq!((&pushed["alias"], &typed["auth_device"]["ip"]), (&json!("al"), &Json::Null));
    assert_eq!(pushed["auth_device"]["ip"], "192.0.2.200", "where the phone answered from");
    assert_eq!((&pushed["automatic"], &typed["automatic"]), (&json!(true), &json!(false)));
    assert_eq!((&typed["alias"], &typed["email"]), (&json!("al"), &json!("alice@example.org")));
    for member in ["is_encryption_enabled", "is_firewall_enabled", "is_password_set", "security_agents"] {
        assert_eq!(typed["access_device"][member], "unknown", "{member}");
    }
    assert_eq!((&typed["access_device"]["browser"], &typed["ood_software"]), (&Json::Null, &Json::Null));
    assert_eq!(
        (&typed["trusted_endpoint_status"], &typed["adaptive_trust_assessments"]),
        (&json!("unknown"), &json!({}))
    );
    assert_eq!(typed["auth_device"]["key"], json!(phone.id.to_string()));

    let old = site.admin_api().get("/admin/v1/logs/authentication", &[("mintime", "0")]).await.response();
    let old = old.as_array().unwrap().iter().find(|e| e["reason"] == "Valid passcode").unwrap();
    assert_eq!(
        (&old["alias"], &old["email"], &old["eventtype"]),
        (&json!("al"), &json!("alice@example.org"), &json!("authentication"))
    );
}

/// Binding a device is told as an enrollment, and what stands in an entry's text selects it too.
#[tokio::test]
async fn enrollments_groups_numbers_and_tokens_select() {
    let site = Site::start().await;
    let api = site.admin_api();
    let alice = site.user("alice").await;
    let group = api.post("/admin/v1/groups", &[("name", "Staff")]).await.text("group_id");
    api.post(&format!("/admin/v1/users/{}/groups", alice.id), &[("group_id", &group)]).await.response();
    let phone = alice.phone().await;
    let token = site.user("bob").await.hotp_token().await;
    api.post(&format!("/admin/v1/phones/{}", phone.id), &[("number", "+15555550100")]).await.response();
    api.post(&format!("/admin/v1/groups/{group}"), &[("name", "Everybody")]).await.response();
    for (user, code) in [("alice", phone.passcode()), ("bob", token.hotp(0)), ("alice", "000000".to_owned())] {
        site.auth_api().post("/auth/v2/auth", &[("username", user), ("factor", "passcode"), ("passcode", &code)]).await;
        site.advance(1);
    }
    let [from, to] = span(&site);
    let found = async |filters: &[(&str, &str)]| {
        let params = [&[("mintime", &*from), ("maxtime", &*to), ("sort", "ts:asc")], filters].concat();
        let log = api.get(V2, &params).await.response();
        let entries = log["authlogs"].as_array().unwrap().clone();
        assert_eq!(log["metadata"]["total_objects"], json!(entries.len()));
        entries
    };
    let enrolled = found(&[("event_types", "enrollment")]).await;
    assert_eq!(enrolled.len(), 1);
    let enrolled = &enrolled[0];
    assert_eq!((&enrolled["result"], &enrolled["reason"]), (&json!("success"), &Json::Null));
    assert_eq!((&enrolled["user"]["name"], &enrolled["user"]["groups"]), (&json!("alice"), &json!(["Staff"])));
    assert_eq!(enrolled["auth_device"]["key"], json!(phone.id.to_string()));
    assert_eq!(enrolled["auth_device"]["ip"], "192.0.2.200");
    assert!(enrolled["auth_device"]["name"].as_str().unwrap().contains("Test phone"), "{enrolled}");

    assert_eq!(found(&[("groups", &group)]).await.len(), 3, "under its name of then and of now");
    assert_eq!(found(&[("groups", &group), ("results", "denied")]).await.len(), 1);
    assert_eq!(found(&[("groups", "DGAAAAAAAAAAAAAAAAAA")]).await.len(), 0);
    let typed = found(&[("phone_numbers", "+1 555 555 0100")]).await;
    assert_eq!(typed.len(), 1, "{typed:?}");
    assert_eq!(typed[0]["reason"], "valid_passcode");
    let typed = found(&[("reasons", "valid_passcode")]).await;
    let by_token = found(&[("tokens", key_of(&typed, "bob"))]).await;
    assert_eq!((by_token.len(), &by_token[0]["user"]["name"]), (1, &json!("bob")));

    // One by one, which takes reading on where nothing matches.
    let (mut seen, mut next) = (0, None::<String>);
    loop {
        let mut params = vec![("mintime", &*from), ("maxtime", &*to), ("limit", "1"), ("groups", &*group)];
        params.extend(next.as_deref().map(|next| ("next_offset", next)));
        let page = api.get(V2, &params).await.response();
        seen += page["authlogs"].as_array().unwrap().len();
        let Some(offset) = page["metadata"]["next_offset"].as_array() else { break };
        next = Some(format!("{},{}", offset[0].as_str().unwrap(), offset[1].as_str().unwrap()));
    }
    assert_eq!(seen, 3);
}

fn key_of<'a>(entries: &'a [Json], user: &str) -> &'a str {
    let entry = entries.iter().find(|entry| entry["user"]["name"] == user).unwrap();
    entry["auth_device"]["key"].as_str().unwrap()
}
