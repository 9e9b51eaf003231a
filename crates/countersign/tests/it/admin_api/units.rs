//! Administrative units.

use cs_engine::admin::Actor;
use cs_engine::admin::groups::GroupChange;
use cs_engine::admin::units::UnitChange;
use cs_testkit::Site;
use serde_json::json;

use super::create_group;

const PATH: &str = "/admin/v1/administrative_units";

#[tokio::test]
async fn a_unit_is_made_filled_emptied_and_removed() {
    let site = Site::start().await;
    let api = site.admin_api();
    let group = create_group(&site, "staff").await;
    let new = [("email", "eve@example.org"), ("name", "Eve"), ("phone", "1"), ("role", "Help Desk")];
    let admin = api.post("/admin/v1/admins", &new).await.text("admin_id");
    let ikey = site.auth_api().key().to_string();
    let (description, by_groups) = (("description", "the north"), ("restrict_by_groups", "true"));
    let made = api.post(PATH, &[("name", "North"), description, by_groups, ("groups", &group)]).await.response();
    let id = made["admin_unit_id"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({
            "admin_unit_id": id, "name": "North", "description": "the north", "restrict_by_groups": true,
            "restrict_by_integrations": false, "admins": [], "groups": [group], "integrations": [],
        })
    );
    let path = format!("{PATH}/{id}");
    let filled = api.post(&format!("{path}/admin/{admin}"), &[]).await.response();
    assert_eq!(filled["admins"], json!([admin]));
    api.post(&format!("{path}/admin/{admin}"), &[]).await.response();
    let filled = api.post(&format!("{path}/integration/{ikey}"), &[]).await.response();
    assert_eq!((&filled["admins"], &filled["integrations"]), (&json!([admin]), &json!([ikey])));
    let shown = api.get(&format!("/admin/v1/admins/{admin}"), &[]).await.response();
    assert_eq!((&shown["admin_units"], &shown["restricted_by_admin_units"]), (&json!([id]), &json!(false)));
    let restricted = [("restricted_by_admin_units", "true")];
    let shown = api.post(&format!("/admin/v1/admins/{admin}"), &restricted).await.response();
    assert_eq!(shown["restricted_by_admin_units"], true);

    let south = api.post(PATH, &[("name", "South"), ("description", "")]).await.text("admin_unit_id");
    for (params, expected) in [
        (vec![], vec![&id, &south]),
        (vec![("admin_id", &*admin)], vec![&id]),
        (vec![("group_id", &*group)], vec![&id]),
        (vec![("integration_key", &*ikey)], vec![&id]),
        (vec![("limit", "1"), ("offset", "1")], vec![&south]),
    ] {
        let found = api.get(PATH, &params).await.response();
        let ids: Vec<&str> =
            found.as_array().unwrap().iter().map(|unit| unit["admin_unit_id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{params:?}");
    }
    assert_eq!(api.get(PATH, &[("admin_id", &admin), ("group_id", &group)]).await.code(), 40002, "one only");

    let changed = api.post(&path, &[("name", "Far North"), ("restrict_by_groups", "false")]).await.response();
    assert_eq!((&changed["name"], &changed["restrict_by_groups"]), (&json!("Far North"), &json!(false)));
    assert_eq!(api.post(&path, &[("name", "South")]).await.code(), 40003);
    assert_eq!(api.post(PATH, &[("name", "South"), ("description", "")]).await.code(), 40003);

    // What is removed leaves its units.
    api.delete(&format!("/admin/v1/groups/{group}"), &[]).await.response();
    let emptied = api.delete(&format!("{path}/integration/{ikey}"), &[]).await.response();
    assert_eq!((&emptied["groups"], &emptied["integrations"]), (&json!([]), &json!([])));
    api.delete(&format!("/admin/v1/admins/{admin}"), &[]).await.response();
    assert_eq!(api.get(&path, &[]).await.response()["admins"], json!([]));
    assert_eq!(api.delete(&path, &[]).await.response(), "");
    assert_eq!(api.get(&path, &[]).await.code(), 40401);
    assert_eq!(api.delete(&path, &[]).await.response(), "", "gone already");
    let log = api.get("/admin/v1/logs/administrator", &[]).await.response();
    let count = |action: &str| log.as_array().unwrap().iter().filter(|entry| entry["action"] == action).count();
    assert_eq!((count("admin_unit_create"), count("admin_unit_delete")), (2, 1));
}

#[tokio::test]
async fn another_accounts_objects_come_into_no_unit() {
    let site = Site::start().await;
    let api = site.admin_api();
    let other = crate::another_account(&site).await;
    let (engine, actor) = (site.engine(), &Actor::Terminal);
    let foreign = engine.create_group(other, actor, "staff", &GroupChange::default()).await.unwrap().id.to_string();
    let unit = api.post(PATH, &[("name", "North"), ("description", "")]).await.text("admin_unit_id");
    assert_eq!(api.post(&format!("{PATH}/{unit}/group/{foreign}"), &[]).await.code(), 40401);
    assert_eq!(api.post(&format!("{PATH}/{unit}/admin/{foreign}"), &[]).await.code(), 40401);
    assert_eq!(api.post(PATH, &[("name", "South"), ("description", ""), ("groups", &foreign)]).await.code(), 40401);
    assert_eq!(api.post(PATH, &[("name", "South"), ("groups", "nonsense")]).await.code(), 40002);
    assert_eq!(api.get(PATH, &[]).await.json()["metadata"]["total_objects"], 1);
    let change = UnitChange { name: Some("Theirs".to_owned()), ..UnitChange::default() };
    let theirs = engine.create_unit(other, actor, &change, &[]).await.unwrap().id;
    assert_eq!(api.get(&format!("{PATH}/{theirs}"), &[]).await.code(), 40401);
    assert_eq!(api.post(&format!("{PATH}/{theirs}"), &[("name", "Ours")]).await.code(), 40401);
    api.delete(&format!("{PATH}/{theirs}"), &[]).await.response();
    assert_eq!(engine.unit(other, theirs).await.unwrap().name, "Theirs");
}
