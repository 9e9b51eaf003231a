//! Policies: made, copied, changed one by one and together, put on applications and groups, calculated, removed.

use cs_core::integration::{Permission, Permissions};
use cs_testkit::{Api, Site};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::{create_group, create_user};

const POLICIES: &str = "/admin/v2/policies";

pub(super) fn at(key: &str) -> String {
    format!("{POLICIES}/{key}")
}

async fn create(api: &Api, body: Json) -> Json {
    api.json("POST", POLICIES, &body).await.response()
}

fn key(policy: &Json) -> &str {
    policy["policy_key"].as_str().unwrap()
}

async fn list(api: &Api) -> Json {
    api.get(POLICIES, &[]).await.response()
}

/// The refusal of a request, as code and detail; it changed nothing.
async fn refused(api: &Api, method: &str, path: &str, body: Json) -> (u64, String) {
    let before = list(api).await;
    let answer = api.json(method, path, &body).await;
    assert_eq!(list(api).await, before, "{body}");
    (answer.code(), answer.json()["message_detail"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_new_account_has_the_global_policy_with_every_section() {
    let site = Site::start().await;
    let api = site.admin_api();
    let all = list(api).await;
    let [global] = all.as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!((&global["is_global_policy"], &global["policy_name"]), (&json!(true), &json!("Global Policy")));
    assert_eq!(global["sections"].as_object().unwrap().len(), 20);
    assert_eq!(global["sections"]["new_user"]["new_user_behavior"], "enroll");
    assert_eq!(&api.get(&at("global"), &[]).await.response(), global);
    assert_eq!(&api.get(&at(key(global)), &[]).await.response(), global);
    for path in ["global", key(global)] {
        assert_eq!(api.delete(&at(path), &[]).await.code(), 40002, "it cannot be removed");
    }
    let changed = json!({"sections": {"new_user": {"new_user_behavior": "deny"}}});
    let changed = api.json("PUT", &at("global"), &changed).await.response();
    assert_eq!(changed["sections"]["new_user"]["new_user_behavior"], "deny");
    let back = api.json("PUT", &at("global"), &json!({"sections_to_delete": ["new_user"]})).await.response();
    assert_eq!(&back, global, "a section taken away has its default again");
}

#[tokio::test]
async fn a_policy_is_made_renamed_changed_and_removed() {
    let site = Site::start().await;
    let api = site.admin_api();
    let made = create(
        api,
        json!({"policy_name": "Push only", "sections": {"authentication_methods": {
            "allowed_auth_list": ["duo-push"], "blocked_auth_list": ["sms", "phonecall"],
        }}}),
    )
    .await;
    assert!(key(&made).starts_with("PO") && key(&made).len() == 20, "{made}");
    assert_eq!((&made["policy_name"], &made["is_global_policy"]), (&json!("Push only"), &json!(false)));
    let sections = made["sections"].as_object().unwrap();
    assert_eq!(sections.len(), 1, "only what it changes");
    assert_eq!(sections["authentication_methods"]["allowed_auth_list"], json!(["duo-push"]));
    let empty = create(api, json!({"policy_name": "Empty"})).await;
    assert_eq!(empty["sections"], json!({}));

    let change = json!({
        "policy_name": "Push and lock",
        "sections": {"screen_lock": {"require_screen_lock": true}},
        "sections_to_delete": ["authentication_methods"],
    });
    let changed = api.json("PUT", &at(key(&made)), &change).await.response();
    assert_eq!(changed["policy_name"], "Push and lock");
    assert_eq!(changed["sections"], json!({"screen_lock": {"require_screen_lock": true, "block_unknown": false}}));
    assert_eq!(api.get(&at(key(&made)), &[]).await.response(), changed);
    for _ in 0..2 {
        assert_eq!(api.delete(&at(key(&made)), &[]).await.response(), "", "gone already is fine");
    }
    assert_eq!(api.get(&at(key(&made)), &[]).await.code(), 40401);
    assert_eq!(api.json("PUT", &at(key(&made)), &change).await.code(), 40401);
}

#[tokio::test]
async fn what_a_policy_shows_can_be_given_back_and_changes_nothing() {
    let site = Site::start().await;
    let api = site.admin_api();
    create(
        api,
        json!({"policy_name": "Office", "sections": {
            "authorized_networks": {"no_2fa_required": {"ip_list": ["192.0.2.0/24"]}},
            "operating_systems": {"os_restrictions": {"windows": {"block_policy": "end-of-life"}}},
        }}),
    )
    .await;
    let version = async || site.engine().store().policy_rows(site.account, site.now()).await.unwrap().version;
    let (before, at_first) = (list(api).await, version().await);
    for policy in before.as_array().unwrap() {
        assert_eq!(&api.json("PUT", &at(key(policy)), policy).await.response(), policy);
    }
    assert_eq!(version().await, at_first, "nothing was written");
    // And it makes the same policy under another name.
    let mut other = before[1].clone();
    other["policy_name"] = json!("Second office");
    let made = create(api, other).await;
    assert_ne!(key(&made), key(&before[1]));
    assert_eq!(made["sections"], before[1]["sections"]);
}

#[tokio::test]
async fn bad_documents_are_refused_with_section_key_and_reason_before_anything_changes() {
    let site = Site::start().await;
    let api = site.admin_api();
    let made = create(api, json!({"policy_name": "Taken"})).await;
    let app = site.auth_api().key().to_string();
    for (body, code, detail) in [
        (json!({}), 40002, "policy_name: is missing"),
        (json!({"policy_name": "  "}), 40002, "policy_name: must be a text of 1 to 100 characters on one line"),
        (json!({"policy_name": "Taken"}), 40003, "another policy is called \"Taken\""),
        (json!({"policy_name": "A", "section": {}}), 40002, "section: is not a member of a policy"),
        (json!({"policy_name": "A", "sections": {"locks": {}}}), 40002, "locks: there is no such section"),
        (
            json!({"policy_name": "A", "sections": {"new_user": {"behavior": "deny"}}}),
            40002,
            "new_user.behavior: there is no such key; there are new_user_behavior, unknown_user_behavior",
        ),
        (
            json!({"policy_name": "A", "sections": {"authentication_methods": {"allowed_auth_list": []}}}),
            40002,
            "authentication_methods.allowed_auth_list: the list is empty, so that nobody could log in",
        ),
        (
            json!({"policy_name": "A", "is_global_policy": true}),
            40002,
            "the global policy exists; change it by its key, or as `global`",
        ),
        (
            json!({"policy_name": "A", "apply_to_apps": ["DIAAAAAAAAAAAAAAAAAA"]}),
            40401,
            "there is no application DIAAAAAAAAAAAAAAAAAA",
        ),
        (
            json!({"policy_name": "A", "apply_to_apps": ["wiki"]}),
            40002,
            "apply_to_apps: must be a list of integration keys",
        ),
        (
            json!({"policy_name": "A", "apply_to_groups_in_apps": [{"app_integration_key": app, "group_id_list": ["DGAAAAAAAAAAAAAAAAAA"]}]}),
            40401,
            "there is no group DGAAAAAAAAAAAAAAAAAA",
        ),
        (
            json!({"policy_name": "A", "apply_to_groups_in_apps": [{"app_integration_key": app, "groups": []}]}),
            40002,
            "apply_to_groups_in_apps: must be a list of {\"app_integration_key\", \"group_id_list\"}",
        ),
    ] {
        assert_eq!(refused(api, "POST", POLICIES, body.clone()).await, (code, detail.to_owned()), "{body}");
    }
    let path = at(key(&made));
    for (body, code, detail) in [
        (json!({"policy_key": "POAAAAAAAAAAAAAAAAAA"}), 40002, "policy_key: is another one than in the path"),
        (json!({"is_global_policy": true}), 40002, "is_global_policy: cannot be changed"),
        (json!({"sections_to_delete": ["locks"]}), 40002, "locks: there is no such section"),
    ] {
        assert_eq!(refused(api, "PUT", &path, body.clone()).await, (code, detail.to_owned()), "{body}");
    }
    let both = refused(api, "PUT", &at("global"), json!({"apply_to_apps": [app]})).await;
    assert_eq!(both, (40002, "the global policy applies everywhere as it is".to_owned()));
}

/// Unknown keys, contradictions, lists that leave nobody: at every door the section, the key and the reason, and nothing is changed or logged.
#[tokio::test]
async fn bad_settings_are_refused_at_every_door() {
    let site = Site::start().await;
    let api = site.admin_api();
    let made = create(api, json!({"policy_name": "Mine", "sections": {}})).await;
    let mine = at(key(&made));
    let changes = async || {
        let span = [("mintime", "0")];
        let log = api.get("/admin/v1/logs/administrator", &span).await.response();
        log.as_array().unwrap().iter().filter(|entry| entry["action"].as_str().unwrap().starts_with("policy")).count()
    };
    let before = changes().await;
    for (sections, detail) in [
        (json!({"screen_lock": {"lock": true}}), "screen_lock.lock: there is no such key"),
        (
            json!({"user_location": {"deny_access_countries_list": ["KP"], "require_mfa_countries_list": ["KP"]}}),
            "user_location.",
        ),
        (
            json!({"authentication_methods": {"allowed_auth_list": ["duo-push"], "blocked_auth_list": ["duo-push"]}}),
            "authentication_methods.",
        ),
        (json!({"authorized_networks": {"deny_other_access": true}}), "authorized_networks.deny_other_access: "),
        (
            json!({"authentication_methods": {"allowed_auth_list": []}}),
            "authentication_methods.allowed_auth_list: the list is empty, so that nobody could log in",
        ),
    ] {
        let change = json!({ "sections": sections });
        let bulk = json!({
            "policies_to_update": {"edit_list": [key(&made)]}, "policy_changes": {"sections": sections},
        });
        let doors = [
            ("POST", POLICIES.to_owned(), json!({"policy_name": "New", "sections": sections})),
            ("PUT", mine.clone(), change.clone()),
            ("PUT", at("global"), json!({"sections": sections, "confirm_lockout": true})),
            ("PUT", at("update"), bulk),
            ("PUT", format!("{mine}/stage"), json!({"sections": sections, "percent": 10})),
            (
                "POST",
                format!("{POLICIES}/simulate"),
                json!({"policies": [{"policy_name": "Mine", "sections": sections}]}),
            ),
        ];
        for (method, path, body) in doors {
            let (code, said) = refused(api, method, &path, body).await;
            assert_eq!(code, 40002, "{method} {path}: {said}");
            assert!(said.starts_with(detail), "{method} {path}: {said}");
        }
        assert_eq!(api.get(&format!("{mine}/stage"), &[]).await.response(), Json::Null, "nothing is staged");
    }
    assert_eq!(changes().await, before, "nothing is in the log");
}

#[tokio::test]
async fn a_change_that_could_lock_everybody_out_is_made_only_when_confirmed() {
    let site = Site::start().await;
    let api = site.admin_api();
    for (sections, detail) in [
        (
            json!({"authentication_policy": {"user_auth_behavior": "deny"}}),
            "authentication_policy.user_auth_behavior: everybody would be denied everywhere",
        ),
        (
            json!({"authorized_networks": {"mfa_required": {"ip_list": ["192.0.2.0/24"]}, "deny_other_access": true}}),
            "authorized_networks: your own address 127.0.0.1 would be refused everywhere",
        ),
    ] {
        let (code, said) = refused(api, "PUT", &at("global"), json!({"sections": sections.clone()})).await;
        assert_eq!((code, said), (40902, format!("{detail}. Send confirm_lockout=true if that is meant.")));
        let several = json!({
            "policies_to_update": {"edit_all_policies": true, "edit_list": []},
            "policy_changes": {"sections": sections.clone()},
        });
        assert_eq!(refused(api, "PUT", &at("update"), several).await.0, 40902);
        let staged = json!({"sections": sections.clone(), "percent": 100});
        assert_eq!(refused(api, "PUT", &at("global/stage"), staged).await.0, 40902);
        // What refuses everybody at one application is a policy's business.
        create(api, json!({"policy_name": detail.chars().take(60).collect::<String>(), "sections": sections})).await;
    }
    let here =
        json!({"authorized_networks": {"mfa_required": {"ip_list": ["127.0.0.0/8"]}, "deny_other_access": true}});
    api.json("PUT", &at("global"), &json!({"sections": here})).await.response();
    let deny = json!({"sections": {"authentication_policy": {"user_auth_behavior": "deny"}}, "confirm_lockout": true});
    let changed = api.json("PUT", &at("global"), &deny).await.response();
    assert_eq!(changed["sections"]["authentication_policy"]["user_auth_behavior"], "deny");
    let other = json!({"sections": {"screen_lock": {"require_screen_lock": false}}});
    api.json("PUT", &at("global"), &other).await.response();
}

#[tokio::test]
async fn copies_have_the_sections_and_apply_nowhere() {
    let site = Site::start().await;
    let api = site.admin_api();
    let app = site.auth_api().key().to_string();
    let model = create(
        api,
        json!({
            "policy_name": "Model", "apply_to_apps": [app],
            "sections": {"screen_lock": {"require_screen_lock": true}},
        }),
    )
    .await;
    let body = json!({"policy_key": key(&model), "new_policy_names_list": ["One", "Two"]});
    let copies = api.json("POST", &at("copy"), &body).await.response();
    let copies = copies["policies"].as_array().unwrap();
    assert_eq!(copies.iter().map(|copy| copy["policy_name"].as_str().unwrap()).collect::<Vec<_>>(), ["One", "Two"]);
    assert!(copies.iter().all(|copy| copy["sections"] == model["sections"]), "{copies:?}");
    let summary = api.get(&at("summary"), &[]).await.response();
    let applied =
        summary["policies"].as_array().unwrap().iter().filter(|policy| policy["policy_applies_to"] != json!([]));
    assert_eq!(applied.map(|policy| &policy["policy_name"]).collect::<Vec<_>>(), ["Model"]);
    assert_eq!(summary["policy_count"], 4);
    // One name that is taken: none is made.
    let body = json!({"policy_key": key(&model), "new_policy_names_list": ["Three", "Two"]});
    assert_eq!(refused(api, "POST", &at("copy"), body).await.0, 40003);
    let global = json!({"policy_key": "global", "new_policy_names_list": ["All"]});
    let all = api.json("POST", &at("copy"), &global).await.response();
    assert_eq!(all["policies"][0]["sections"].as_object().unwrap().len(), 20);
}

#[tokio::test]
async fn several_policies_are_changed_together_or_not_at_all() {
    let site = Site::start().await;
    let api = site.admin_api();
    let browsers = json!({"browsers": {"blocked_browsers_list": ["ie"]}});
    let a = create(api, json!({"policy_name": "A", "sections": browsers})).await;
    let b = create(api, json!({"policy_name": "B", "sections": browsers})).await;
    // As duo_client sends it when nothing is to be put in.
    let take_away = |keys: Json| {
        json!({
            "policies_to_update": {"edit_all_policies": false, "edit_list": keys},
            "policy_changes": {"sections": "", "sections_to_delete": ["browsers"]},
        })
    };
    let missing = refused(api, "PUT", &at("update"), take_away(json!([key(&a), "POAAAAAAAAAAAAAAAAAA"]))).await;
    assert_eq!(missing, (40401, "there is no policy POAAAAAAAAAAAAAAAAAA".to_owned()));
    let changed = api.json("PUT", &at("update"), &take_away(json!([key(&a), key(&b)]))).await.response();
    assert_eq!(changed["policies"].as_array().unwrap().len(), 2);
    assert_eq!(changed["policies"][0]["sections"], json!({}));
    let everywhere = json!({
        "policies_to_update": {"edit_all_policies": true, "edit_list": []},
        "policy_changes": {"sections": {"anonymous_networks": {"anonymous_access_behavior": "deny"}}},
    });
    let changed = api.json("PUT", &at("update"), &everywhere).await.response();
    let said = |policy: &Json| policy["sections"]["anonymous_networks"]["anonymous_access_behavior"] == "deny";
    assert_eq!(changed["policies"].as_array().unwrap().iter().filter(|policy| said(policy)).count(), 3);
    for body in [
        json!({"policies_to_update": {"edit_list": []}, "policy_changes": {"sections_to_delete": ["browsers"]}}),
        json!({"policies_to_update": {"edit_list": [key(&a)]}, "policy_changes": {}}),
        json!({"policies_to_update": {"edit_list": [key(&a)]}, "policy_changes": {"names": []}}),
        json!({"policies_to_update": {"edit_all": true}, "policy_changes": {"sections_to_delete": ["browsers"]}}),
        json!({"policy_changes": {"sections_to_delete": ["browsers"]}}),
    ] {
        assert_eq!(refused(api, "PUT", &at("update"), body.clone()).await.0, 40002, "{body}");
    }
}

/// What decides `new_user` for alice: the apply type and the value.
async fn deciding(api: &Api, app: &str, user: &str) -> (String, Json) {
    let params = [("integration_key", app), ("user_id", user)];
    let found = api.get(&at("calculate"), &params).await.response();
    let elements = found["policy_elements"].as_array().unwrap();
    assert_eq!(elements.last().unwrap()["apply_type"], "global");
    let decided: usize = elements.iter().map(|element| element["sections"].as_array().unwrap().len()).sum();
    assert_eq!(decided, 20, "every section is decided once: {elements:?}");
    let decides = |element: &&Json| element["sections"].as_array().unwrap().contains(&json!("new_user"));
    let kind = elements.iter().find(decides).unwrap()["apply_type"].as_str().unwrap().to_owned();
    (kind, found["sections"]["new_user"]["new_user_behavior"].clone())
}

#[tokio::test]
async fn the_highest_policy_decides_a_section_for_a_user_at_an_application() {
    let site = Site::start().await;
    let api = site.admin_api();
    let (user, group) = (create_user(&site, "alice").await, create_group(&site, "staff").await);
    api.post(&format!("/admin/v1/users/{user}/groups"), &[("group_id", &group)]).await.response();
    let app = site.auth_api().key().to_string();
    let integration = format!("/admin/v1/integrations/{app}");
    let policy = |name: &str, behavior: &str| json!({"policy_name": name, "sections": {"new_user": {"new_user_behavior": behavior}}});
    assert_eq!(deciding(api, &app, &user).await, ("global".to_owned(), json!("enroll")));

    let of_group = create(api, policy("Group", "deny")).await;
    api.json("PUT", &at(key(&of_group)), &json!({"apply_to_groups": [group]})).await.response();
    assert_eq!(deciding(api, &app, &user).await, ("group".to_owned(), json!("deny")));
    let outsider = create_user(&site, "bob").await;
    assert_eq!(deciding(api, &app, &outsider).await.0, "global");

    api.post(&integration, &[("enroll_policy", "allow")]).await.response();
    assert_eq!(deciding(api, &app, &user).await, ("app_setting".to_owned(), json!("no-mfa")));

    let of_app = create(api, policy("Application", "enroll")).await;
    let shown = api.post(&integration, &[("policy_key", key(&of_app))]).await.response();
    assert_eq!(shown["policy_key"], of_app["policy_key"]);
    assert_eq!(deciding(api, &app, &user).await, ("app".to_owned(), json!("enroll")));

    let strict = create(api, policy("Strict", "deny")).await;
    let lax = create(api, policy("Lax", "no-mfa")).await;
    for policy in [&strict, &lax] {
        // The three shapes in which clients say it.
        let body = if policy == &strict {
            json!({"apply_to_groups_in_apps": {"apply_group_policies_list": [{"app_integration_key": app, "group_id_list": [group]}]}})
        } else {
            json!({"apply_to_groups_in_apps": {&app: [group]}})
        };
        api.json("PUT", &at(key(policy)), &body).await.response();
    }
    assert_eq!(deciding(api, &app, &user).await, ("group_app".to_owned(), json!("deny")), "the first in order");
    let order = json!({"app_integration_key": app, "policy_key_list": [key(&lax), key(&strict)]});
    assert_eq!(api.json("PUT", &at("order"), &order).await.response()["policy_key_list"], order["policy_key_list"]);
    assert_eq!(deciding(api, &app, &user).await.1, "no-mfa");
    let incomplete = json!({"app_integration_key": app, "policy_key_list": [key(&lax)]});
    assert_eq!(refused(api, "PUT", &at("order"), incomplete).await.0, 40002);

    let summary = api.get(&at("summary"), &[]).await.response();
    let of = |name: &str| {
        summary["policies"].as_array().unwrap().iter().find(|policy| policy["policy_name"] == name).unwrap()
    };
    assert_eq!(
        of("Strict")["policy_applies_to"],
        json!([{
            "app_integration_key": app, "app_name": "Auth API", "apply_type": "group_app", "group_name": "staff",
            "group_position": 1, "groups": [{"group_id": group, "group_name": "staff"}],
        }])
    );
    assert_eq!(of("Application")["policy_applies_to"][0]["apply_type"], "app");
    assert_eq!(of("Group")["policy_applies_to"][0]["apply_type"], "group");

    // What is removed decides no more.
    api.delete(&format!("/admin/v1/groups/{group}"), &[]).await.response();
    assert_eq!(deciding(api, &app, &user).await.0, "app");
    let shown = api.post(&integration, &[("policy_key", ""), ("enroll_policy", "")]).await.response();
    assert_eq!(shown["policy_key"], Json::Null);
    assert_eq!(deciding(api, &app, &user).await.0, "global");
    api.post(&integration, &[("policy_key", key(&of_app))]).await.response();
    api.delete(&at(key(&of_app)), &[]).await.response();
    assert_eq!(api.get(&integration, &[]).await.response()["policy_key"], Json::Null);
    assert_eq!(api.get(&at("calculate"), &[("integration_key", &app)]).await.code(), 40001);
    let nobody = [("integration_key", app.as_str()), ("user_id", "DUAAAAAAAAAAAAAAAAAA")];
    assert_eq!(api.get(&at("calculate"), &nobody).await.code(), 40401);
}

#[tokio::test]
async fn only_who_may_change_settings_and_resources_changes_policies() {
    let site = Site::start().await;
    let made = create(site.admin_api(), json!({"policy_name": "A"})).await;
    let admin = |permissions| site.integration("adminapi", move |record| record.permissions = permissions);
    let read = Permissions::NONE.with(Permission::ReadResource);
    let write = read.with(Permission::WriteResource);
    for (permissions, may_read, may_write) in [
        (read, true, false),
        (write, true, false),
        (Permissions::all().without(Permission::WriteResource), true, false),
        (write.with(Permission::Settings), true, true),
        (Permissions::NONE.with(Permission::Settings), false, false),
    ] {
        let api = admin(permissions).await;
        for path in [POLICIES.to_owned(), at("global"), at("summary"), at(key(&made))] {
            assert_eq!(api.get(&path, &[]).await.status == 200, may_read, "{path} {permissions:?}");
        }
        let change = json!({"sections": {"screen_lock": {"require_screen_lock": false}}});
        assert_eq!(api.json("PUT", &at(key(&made)), &change).await.status == 200, may_write, "{permissions:?}");
        let copy = json!({"policy_key": key(&made), "new_policy_names_list": ["B"]});
        assert_eq!(api.json("POST", &at("copy"), &copy).await.status == 200, may_write, "{permissions:?}");
        assert_eq!(api.delete(&at("POAAAAAAAAAAAAAAAAAA"), &[]).await.status == 200, may_write, "{permissions:?}");
    }
    // Who manages applications may put a policy on one, and no more.
    let clerk = admin(read.with(Permission::Integrations)).await;
    let app = format!("/admin/v3/integrations/{}", site.auth_api().key());
    let shown = clerk.post(&app, &[("policy_key", key(&made))]).await.response();
    assert_eq!(shown["policy_key"], made["policy_key"]);
    assert_eq!(clerk.json("PUT", &at(key(&made)), &json!({"policy_name": "C"})).await.code(), 40301);
}

#[tokio::test]
async fn the_log_has_every_change_whole() {
    let site = Site::start().await;
    let api = site.admin_api();
    let app = site.auth_api().key().to_string();
    let made = create(api, json!({"policy_name": "A", "apply_to_apps": [app]})).await;
    let change = json!({"sections": {"screen_lock": {"require_screen_lock": false}}});
    site.clock.advance(SignedDuration::from_secs(1));
    api.json("PUT", &at(key(&made)), &change).await.response();
    site.clock.advance(SignedDuration::from_secs(1));
    api.delete(&at(key(&made)), &[]).await.response();
    let log = api.get("/admin/v1/logs/administrator", &[("mintime", "0")]).await.response();
    let entries: Vec<(&str, Json)> = log
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"].as_str().unwrap().starts_with("policy_"))
        .map(|entry| {
            let description = serde_json::from_str(entry["description"].as_str().unwrap()).unwrap();
            (entry["action"].as_str().unwrap(), description)
        })
        .collect();
    let [created, updated, deleted] = entries.as_slice() else { panic!("{log}") };
    assert_eq!((created.0, &created.1["before"]), ("policy_create", &Json::Null));
    assert_eq!(created.1["after"]["policy_applies_to"], json!([{"apply_type": "app", "app_integration_key": app}]));
    assert_eq!((updated.0, &updated.1["before"]), ("policy_update", &created.1["after"]));
    assert_eq!(updated.1["after"]["sections"]["screen_lock"]["require_screen_lock"], false);
    assert_eq!(
        (deleted.0, &deleted.1["before"], &deleted.1["after"]),
        ("policy_delete", &updated.1["after"], &Json::Null)
    );
}

#[tokio::test]
async fn a_change_is_tried_on_the_past_staged_and_confirmed_over_the_api() {
    let site = Site::start().await;
    let api = site.admin_api();
    create_user(&site, "alice").await;
    let refused = site.auth_api().post("/auth/v2/preauth", &[("username", "nobody at all")]).await.response();
    assert_eq!(refused["result"], "enroll");
    let app = site.auth_api().key().to_string();
    let made = create(api, json!({"policy_name": "VPN", "apply_to_apps": [app]})).await;
    let stage = format!("{}/stage", at(key(&made)));
    let deny = json!({"new_user": {"new_user_behavior": "deny"}});
    assert_eq!(api.json("PUT", &stage, &json!({"sections": deny})).await.code(), 40002, "for whom?");
    let staged = api.json("PUT", &stage, &json!({"sections": deny, "percent": 10})).await.response();
    assert_eq!(
        (&staged["percent"], &staged["sections"]["new_user"]["new_user_behavior"]),
        (&json!(10), &json!("deny"))
    );
    let raised = api.json("PUT", &stage, &json!({"percent": 50})).await.response();
    assert_eq!((&raised["sections"], &raised["percent"]), (&staged["sections"], &json!(50)));
    assert_eq!(api.get(&stage, &[]).await.response(), raised);
    let simulate = format!("{POLICIES}/simulate");
    let found = api.json("POST", &simulate, &json!({"policy_key": key(&made)})).await.response();
    assert_eq!(found["summary"]["denied"], found["entries"], "{found}");
    let global =
        json!({"is_global_policy": true, "sections": {"authentication_policy": {"user_auth_behavior": "bypass"}}});
    let found = api.json("POST", &simulate, &json!({"policies": [global], "days": 1})).await.response();
    assert_eq!(found["summary"]["denied"], 0, "{found}");
    for wrong in
        [json!({}), json!({"policy_key": key(&made), "days": 0}), json!({"policy_key": key(&made), "limit": 20_001})]
    {
        assert_eq!(api.json("POST", &simulate, &wrong).await.code(), 40002, "{wrong}");
    }
    let finished = api.json("POST", &format!("{stage}/finish"), &json!({})).await.response();
    assert_eq!(finished["sections"], staged["sections"]);
    assert_eq!(api.get(&stage, &[]).await.response(), Json::Null);
    assert_eq!(api.delete(&stage, &[]).await.code(), 40401);

    let trial = format!("{POLICIES}/trial");
    assert_eq!(api.get(&trial, &[]).await.response(), Json::Null);
    let change = json!({"policy_name": "Other", "confirm_within": 600});
    api.json("PUT", &at(key(&made)), &change).await.response();
    assert_eq!(api.get(&trial, &[]).await.response()["policy_keys"], json!([key(&made)]));
    assert_eq!(
        api.json("PUT", &at(key(&made)), &json!({"policy_name": "B", "confirm_within": 600})).await.code(),
        40902
    );
    site.clock.advance(SignedDuration::from_mins(10));
    site.engine().maintain(site.now()).await.unwrap();
    assert_eq!(api.get(&at(key(&made)), &[]).await.response()["policy_name"], "VPN");
    assert_eq!(api.json("POST", &format!("{trial}/confirm"), &json!({})).await.code(), 40401);
    api.json("PUT", &at(key(&made)), &change).await.response();
    api.json("POST", &format!("{trial}/confirm"), &json!({})).await.response();
    site.clock.advance(SignedDuration::from_mins(10));
    site.engine().maintain(site.now()).await.unwrap();
    assert_eq!(api.get(&at(key(&made)), &[]).await.response()["policy_name"], "Other");
}
