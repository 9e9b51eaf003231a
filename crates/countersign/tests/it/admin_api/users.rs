use cs_engine::admin::Actor;
use cs_testkit::Site;
use cs_wire::signing::Scheme;
use serde_json::{Value as Json, json};

use super::{create_group, create_phone, create_token, create_user, keys, status};

#[tokio::test]
async fn a_user_has_duos_shape() {
    let site = Site::start().await;
    let api = site.admin_api();
    let params = [
        ("username", "alice"),
        ("alias1", "al"),
        ("aliases", "alias5=alice.b"),
        ("realname", "Alice B"),
        ("email", "alice@example.org"),
        ("custom_attributes.badge", "17"),
        ("status", "bypass"),
    ];
    // `aliases` is a form inside a form, so this is how version 2 clients send it.
    let user = api.signing(Scheme::V2Sha512).post("/admin/v1/users", &params).await.response();
    let expected = [
        "alias1",
        "alias2",
        "alias3",
        "alias4",
        "aliases",
        "bypass_reason",
        "bypass_until",
        "created",
        "custom_attributes",
        "default_factor",
        "desktop_authenticators",
        "desktoptokens",
        "email",
        "enable_auto_prompt",
        "firstname",
        "groups",
        "is_enrolled",
        "last_directory_sync",
        "last_login",
        "lastname",
        "lockout_reason",
        "notes",
        "phones",
        "realname",
        "status",
        "tokens",
        "u2ftokens",
        "user_id",
        "username",
        "webauthncredentials",
    ];
    assert_eq!(keys(&user), expected);
    assert_eq!(user["aliases"], json!({"alias1": "al", "alias5": "alice.b"}));
    assert_eq!((&user["alias1"], &user["alias2"]), (&json!("al"), &Json::Null));
    assert_eq!(user["custom_attributes"], json!({"badge": "17"}));
    assert_eq!((&user["notes"], &user["last_login"], &user["lastname"]), (&json!(""), &Json::Null, &Json::Null));
    assert_eq!(user["created"], site.now().as_second());
    assert_eq!((&user["status"], &user["is_enrolled"]), (&json!("bypass"), &json!(false)));
    assert_eq!(user["bypass_reason"], "set through the Admin API");
    assert_eq!(user["bypass_until"], site.now().as_second() + 86_400);

    let id = user["user_id"].as_str().unwrap();
    assert_eq!(api.get(&format!("/admin/v1/users/{id}"), &[]).await.response(), user);
    for name in ["ALICE", "al", "alice.b"] {
        assert_eq!(api.get("/admin/v1/users", &[("username", name)]).await.response(), json!([user]), "{name}");
    }
    assert_eq!(api.get("/admin/v1/users", &[("email", "alice@example.org")]).await.response(), json!([user]));
    assert_eq!(api.get("/admin/v1/users", &[("username", "bob")]).await.response(), json!([]));
}

#[tokio::test]
async fn every_signature_version_creates_a_user() {
    let site = Site::start().await;
    for (n, scheme) in [Scheme::V2Sha1, Scheme::V2Sha512, Scheme::V4, Scheme::V5].into_iter().enumerate() {
        let name = format!("user{n}");
        let created = site.admin_api().signing(scheme).post("/admin/v1/users", &[("username", &name)]).await;
        assert_eq!(created.text("username"), name);
    }
}

#[tokio::test]
async fn failures_name_the_parameter() {
    let site = Site::start().await;
    let api = site.admin_api();
    let id = create_user(&site, "alice").await;
    let missing = api.post("/admin/v1/users", &[]).await;
    assert_eq!((missing.code(), &missing.json()["message_detail"]), (40001, &json!("username")));
    assert_eq!(api.post("/admin/v1/users", &[("username", "Alice")]).await.code(), 40003);
    let user = format!("/admin/v1/users/{id}");
    for (name, value) in [("status", "locked out"), ("status", "asleep"), ("email", "nobody"), ("alias1", "\u{200b}")] {
        let answer = api.post(&user, &[(name, value)]).await;
        assert_eq!(answer.code(), 40002, "{name}={value}");
    }
    for path in ["/admin/v1/users/DUAAAAAAAAAAAAAAAAAA", "/admin/v1/users/x", "/admin/v1/users/%ff"] {
        assert_eq!(api.get(path, &[]).await.code(), 40401, "{path}");
    }
    assert_eq!(api.request(http::Method::PUT, &user, &[]).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn an_empty_alias_removes_it_and_active_unlocks() {
    let site = Site::start().await;
    let api = site.admin_api();
    let alice = site.user("alice").await;
    let path = format!("/admin/v1/users/{}", alice.id);
    api.post(&path, &[("alias2", "al"), ("realname", "A")]).await.response();
    let user = api.post(&path, &[("alias2", ""), ("realname", "")]).await.response();
    assert_eq!((&user["aliases"], &user["realname"]), (&json!({}), &Json::Null));

    site.engine().lock_user(site.account, &Actor::Terminal, alice.id).await.unwrap();
    let locked = api.get(&path, &[]).await.response();
    assert_eq!(locked["status"], "locked out");
    assert!(locked["lockout_reason"].is_string());
    let user = api.post(&path, &[("status", "active")]).await.response();
    assert_eq!((&user["status"], &user["lockout_reason"]), (&json!("active"), &Json::Null));
}

#[tokio::test]
async fn lists_are_paged_and_limits_cut() {
    let site = Site::start().await;
    let api = site.admin_api();
    let names = ["a", "b", "c", "d", "e"];
    let mut ids = Vec::new();
    for name in names {
        ids.push(create_user(&site, name).await);
    }
    let mut seen = Vec::new();
    let mut offset = Some(0);
    while let Some(at) = offset {
        let at = at.to_string();
        let page = api.get("/admin/v1/users", &[("limit", "2"), ("offset", &at)]).await.json();
        assert_eq!(page["metadata"]["total_objects"], 5);
        seen.extend(page["response"].as_array().unwrap().iter().map(|user| user["username"].clone()));
        offset = page["metadata"].get("next_offset").map(|next| next.as_u64().unwrap());
    }
    assert_eq!(seen, names);
    let all = api.get("/admin/v1/users", &[("limit", "100000")]).await.json();
    assert_eq!(all["metadata"], json!({"total_objects": 5}));
    let list = format!(r#"["{}","{}","DUAAAAAAAAAAAAAAAAAA","x"]"#, ids[1], ids[3]);
    let some = api.get("/admin/v1/users", &[("user_id_list", &list)]).await.response();
    assert_eq!(some.as_array().unwrap().iter().map(|user| &user["username"]).collect::<Vec<_>>(), ["b", "d"]);
    let some = api.get("/admin/v1/users", &[("username_list", r#"["E","nobody"]"#)]).await.response();
    assert_eq!(some[0]["username"], "e");
    assert_eq!(api.get("/admin/v1/users", &[("limit", "0")]).await.code(), 40002);
}

#[tokio::test]
async fn deleting_is_idempotent_and_takes_the_bindings() {
    let site = Site::start().await;
    let api = site.admin_api();
    let id = create_user(&site, "alice").await;
    let phone = create_phone(&site).await;
    let path = format!("/admin/v1/users/{id}");
    assert_eq!(api.post(&format!("{path}/phones"), &[("phone_id", &phone)]).await.response(), "");
    for _ in 0..2 {
        assert_eq!(api.delete(&path, &[]).await.response(), "");
    }
    assert_eq!(api.get(&path, &[]).await.code(), 40401);
    assert_eq!(api.get(&format!("/admin/v1/phones/{phone}"), &[]).await.response()["users"], json!([]));
}

#[tokio::test]
async fn what_a_user_has_is_nested_and_listed() {
    let site = Site::start().await;
    let api = site.admin_api();
    let id = create_user(&site, "alice").await;
    let (phone, token, group) =
        (create_phone(&site).await, create_token(&site, "1").await, create_group(&site, "staff").await);
    for (kind, name, object) in
        [("phones", "phone_id", &phone), ("tokens", "token_id", &token), ("groups", "group_id", &group)]
    {
        let path = format!("/admin/v1/users/{id}/{kind}");
        for _ in 0..2 {
            assert_eq!(api.post(&path, &[(name, object)]).await.response(), "");
        }
        let listed = api.get(&path, &[]).await.json();
        assert_eq!((&listed["response"][0][name], &listed["metadata"]["total_objects"]), (&json!(object), &json!(1)));
        let user = api.get(&format!("/admin/v1/users/{id}"), &[]).await.response();
        assert_eq!(user[kind], listed["response"], "{kind}");
    }
    assert_eq!(api.get(&format!("/admin/v1/users/{id}"), &[]).await.response()["is_enrolled"], true);
    for (kind, object) in [("phones", &phone), ("tokens", &token), ("groups", &group)] {
        for _ in 0..2 {
            assert_eq!(api.delete(&format!("/admin/v1/users/{id}/{kind}/{object}"), &[]).await.response(), "");
        }
        assert_eq!(api.get(&format!("/admin/v1/users/{id}/{kind}"), &[]).await.response(), json!([]));
    }
    for kind in ["u2ftokens", "webauthncredentials", "desktopauthenticators"] {
        assert_eq!(api.get(&format!("/admin/v1/users/{id}/{kind}"), &[]).await.response(), json!([]));
    }
}

#[tokio::test]
async fn users_are_created_trashed_and_restored_in_bulk() {
    let site = Site::start().await;
    let api = site.admin_api();
    let users = r#"[{"username":"alice","email":"a@example.org"},{"username":"bob","status":"disabled"}]"#;
    let created = api.post("/admin/v1/users/bulk_create", &[("users", users)]).await.response();
    assert_eq!((&created[0]["email"], &created[1]["status"]), (&json!("a@example.org"), &json!("disabled")));
    let twice = r#"[{"username":"carol"},{"username":"alice"}]"#;
    assert_eq!(api.post("/admin/v1/users/bulk_create", &[("users", twice)]).await.code(), 40003);
    assert_eq!(api.get("/admin/v1/users", &[("username", "carol")]).await.response(), json!([]));

    let id = created[0]["user_id"].as_str().unwrap();
    let list = format!(r#"["{id}"]"#);
    let trash = api.post("/admin/v1/users/bulk_send_to_trash", &[("user_id_list", &list)]).await;
    assert_eq!(trash.response(), json!({}));
    assert_eq!(status(api, id).await, "pending deletion");
    api.post("/admin/v1/users/bulk_restore", &[("user_id_list", &list)]).await.response();
    assert_eq!(status(api, id).await, "active");
    let missing = [("user_id_list", r#"["DUAAAAAAAAAAAAAAAAAA"]"#)];
    assert_eq!(api.post("/admin/v1/users/bulk_send_to_trash", &missing).await.code(), 40401);
}

#[tokio::test]
async fn operations_in_bulk_stand_for_themselves() {
    let site = Site::start().await;
    let api = site.admin_api();
    let (id, group) = (create_user(&site, "alice").await, create_group(&site, "staff").await);
    let operations = json!([
        {"method": "POST", "path": "/admin/v1/users", "body": {"username": "bob"}},
        {"method": "POST", "path": "/admin/v1/users", "body": {"username": "alice"}},
        {"method": "POST", "path": format!("/admin/v1/users/{id}"), "body": {"realname": "Alice"}},
        {"method": "POST", "path": format!("/admin/v1/users/{id}/groups"), "body": {"group_id": group}},
        {"method": "DELETE", "path": format!("/admin/v1/users/{id}/groups/{group}"), "body": {}},
        {"method": "GET", "path": "/admin/v1/admins", "body": {}},
        {"method": "DELETE", "path": format!("/admin/v1/users/{id}")},
    ]);
    let outcomes = api.post("/admin/v1/bulk", &[("operations", &operations.to_string())]).await.response();
    let outcomes = outcomes.as_array().unwrap();
    let stats: Vec<&Json> = outcomes.iter().map(|outcome| &outcome["stat"]).collect();
    assert_eq!(stats, ["OK", "FAIL", "OK", "OK", "OK", "FAIL", "OK"]);
    assert_eq!((&outcomes[1]["code"], &outcomes[5]["code"]), (&json!(40003), &json!(40002)));
    assert_eq!(outcomes[2]["response"]["realname"], "Alice");
    let left = api.get("/admin/v1/users", &[]).await.response();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["username"]), (1, &json!("bob")));
    for bad in ["[]", "{}", "x", r#"[{"method":"POST"}]"#] {
        assert_eq!(api.post("/admin/v1/bulk", &[("operations", bad)]).await.code(), 40002, "{bad}");
    }
}

#[tokio::test]
async fn a_bypass_that_a_client_set_ends_by_itself() {
    let site = Site::start().await;
    let api = site.admin_api();
    let alice = site.user("alice").await;
    let path = format!("/admin/v1/users/{}", alice.id);
    let asked = async || site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.text("result");
    api.post(&path, &[("status", "bypass")]).await.response();
    assert_eq!(asked().await, "allow");
    site.advance(86_399);
    assert_eq!(asked().await, "allow");
    site.advance(1);
    assert_eq!(asked().await, "enroll");
    assert_eq!(api.get(&path, &[]).await.response()["status"], "active");

    let until = (site.now().as_second() + 600).to_string();
    let given = [("status", "bypass"), ("bypass_reason", "new phone"), ("bypass_until", until.as_str())];
    let user = api.post(&path, &given).await.response();
    assert_eq!((&user["bypass_reason"], &user["bypass_until"].to_string()), (&json!("new phone"), &until));
    for (value, code) in [("0", 40301), ("1", 40002), ("soon", 40002)] {
        let given = [("status", "bypass"), ("bypass_until", value)];
        assert_eq!(api.post(&path, &given).await.code(), code, "{value}");
    }
    assert_eq!(api.post(&path, &[("status", "active")]).await.response()["bypass_until"], Json::Null);
}
