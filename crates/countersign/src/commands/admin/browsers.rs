//! `countersign admin user browsers`: what is remembered of a user's browsers.

use serde_json::{Value as Json, json};

use super::error::AdminError;
use super::out::{Answer, Table, moment};
use super::site::Site;

/// The browsers in which `given` is not asked again.
pub(super) async fn list(site: &Site, given: &str) -> Result<Answer, AdminError> {
    let user = site.user(given).await?;
    let browsers = site.engine.remembered_browsers(site.account, user.id).await?;
    let mut table = Table::new(&["browser", "last used", "from", "until", "id"]);
    for browser in &browsers {
        table.row([
            browser.name.clone(),
            moment(browser.rotated_at),
            browser.address.clone(),
            moment(browser.until),
            browser.id.to_string(),
        ]);
    }
    let text = table.text("no browser is remembered");
    let browsers: Vec<Json> = browsers
        .iter()
        .map(|browser| {
            json!({
                "browser_id": browser.id.as_str(),
                "name": browser.name,
                "last_used": browser.rotated_at.as_second(),
                "address": browser.address,
                "granted": browser.granted_at.as_second(),
                "until": browser.until.as_second(),
                "integration_key": browser.integration.as_str(),
            })
        })
        .collect();
    Ok(Answer::new(json!({"browsers": browsers}), text))
}
