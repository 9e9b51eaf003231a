//! The Admin API as its clients see it.

mod admins;
mod bypass_codes;
mod explain;
mod groups;
mod integrations;
mod logs;
mod permissions;
mod phones;
mod policies;
mod rights;
mod settings;
mod tokens;
mod units;
mod user_enroll;
mod users;
mod verification;

use cs_testkit::{Api, Site};
use serde_json::Value as Json;

/// The names of an object's members, sorted.
fn keys(object: &Json) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn create_user(site: &Site, name: &str) -> String {
    site.admin_api().post("/admin/v1/users", &[("username", name)]).await.text("user_id")
}

async fn create_phone(site: &Site) -> String {
    let params = [("number", "5555550100"), ("type", "mobile"), ("platform", "apple ios"), ("name", "Alice's phone")];
    site.admin_api().post("/admin/v1/phones", &params).await.text("phone_id")
}

async fn create_token(site: &Site, serial: &str) -> String {
    let params = [("type", "h6"), ("serial", serial), ("secret", "3132333435363738393031323334353637383930")];
    site.admin_api().post("/admin/v1/tokens", &params).await.text("token_id")
}

async fn create_group(site: &Site, name: &str) -> String {
    site.admin_api().post("/admin/v1/groups", &[("name", name)]).await.text("group_id")
}

/// The status of the user `id`.
async fn status(api: &Api, id: &str) -> String {
    api.get(&format!("/admin/v1/users/{id}"), &[]).await.text("status")
}
