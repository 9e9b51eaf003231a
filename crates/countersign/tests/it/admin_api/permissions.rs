//! Each endpoint asks for its permission, and for nothing less.

use cs_core::integration::{Permission, Permissions};
use cs_testkit::Site;

/// Method and path, and the permissions of which one is enough.
const ENDPOINTS: &[(&str, &str, &[Permission])] = {
    use Permission::{Admins, AdminsRead, Info, Integrations, ReadLog, ReadResource, Settings};
    &[
        ("GET", "/admin/v1/integrations", &[Integrations, ReadResource]),
        ("POST", "/admin/v1/integrations", &[Integrations]),
        ("GET", "/admin/v3/integrations/DIAAAAAAAAAAAAAAAAAA", &[Integrations, ReadResource]),
        ("POST", "/admin/v2/integrations/DIAAAAAAAAAAAAAAAAAA", &[Integrations]),
        ("DELETE", "/admin/v1/integrations/DIAAAAAAAAAAAAAAAAAA", &[Integrations]),
        ("GET", "/admin/v1/integrations/DIAAAAAAAAAAAAAAAAAA/skey", &[Integrations]),
        ("GET", "/admin/v1/admins", &[Admins, AdminsRead]),
        ("POST", "/admin/v1/admins", &[Admins]),
        ("GET", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA", &[Admins, AdminsRead]),
        ("POST", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA", &[Admins]),
        ("DELETE", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA", &[Admins]),
        ("POST", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA/reset", &[Admins]),
        ("POST", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA/clear_inactivity", &[Admins]),
        ("POST", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA/activation_link", &[Admins]),
        ("DELETE", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA/activation_link", &[Admins]),
        ("POST", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA/activation_link/email", &[Admins]),
        ("GET", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA/password_mgmt", &[Admins, AdminsRead]),
        ("POST", "/admin/v1/admins/DEAAAAAAAAAAAAAAAAAA/password_mgmt", &[Admins]),
        ("GET", "/admin/v1/admins/activations", &[Admins, AdminsRead]),
        ("POST", "/admin/v1/admins/activations", &[Admins]),
        ("DELETE", "/admin/v1/admins/activations/DEAAAAAAAAAAAAAAAAAA", &[Admins]),
        ("GET", "/admin/v1/admins/password_mgmt", &[Admins, AdminsRead]),
        ("GET", "/admin/v1/admins/allowed_auth_methods", &[Admins, AdminsRead]),
        ("POST", "/admin/v1/admins/allowed_auth_methods", &[Admins]),
        ("GET", "/admin/v1/settings", &[Settings]),
        ("POST", "/admin/v1/settings", &[Settings]),
        ("GET", "/admin/v1/logo", &[Settings]),
        ("POST", "/admin/v1/logo", &[Settings]),
        ("DELETE", "/admin/v1/logo", &[Settings]),
        ("GET", "/admin/v1/branding", &[Settings]),
        ("POST", "/admin/v1/branding", &[Settings]),
        ("GET", "/admin/v1/branding/draft", &[Settings]),
        ("POST", "/admin/v1/branding/draft", &[Settings]),
        ("POST", "/admin/v1/branding/draft/publish", &[Settings]),
        ("POST", "/admin/v1/branding/draft/users/DUAAAAAAAAAAAAAAAAAA", &[Settings]),
        ("DELETE", "/admin/v1/branding/draft/users/DUAAAAAAAAAAAAAAAAAA", &[Settings]),
        ("GET", "/admin/v1/branding/custom_messaging", &[Settings]),
        ("POST", "/admin/v1/branding/custom_messaging", &[Settings]),
        ("GET", "/admin/v1/info/summary", &[Info]),
        ("GET", "/admin/v1/info/telephony_credits_used", &[Info]),
        ("GET", "/admin/v1/info/authentication_attempts", &[Info]),
        ("GET", "/admin/v1/info/user_authentication_attempts", &[Info]),
        ("GET", "/admin/v2/logs/authentication", &[ReadLog]),
        ("GET", "/admin/v1/logs/authentication", &[ReadLog]),
        ("GET", "/admin/v1/trust_monitor/events", &[ReadLog]),
        ("GET", "/admin/v1/trust_monitor/events/SEAAAAAAAAAAAAAAAAAA", &[ReadLog]),
        ("GET", "/admin/v2/logs/activity", &[ReadLog]),
        ("GET", "/admin/v2/logs/telephony", &[ReadLog]),
        ("GET", "/admin/v1/logs/telephony", &[ReadLog]),
        ("GET", "/admin/v1/logs/administrator", &[ReadLog]),
        ("GET", "/admin/v1/logs/offline_enrollment", &[ReadLog]),
    ]
};

#[tokio::test]
async fn every_permission_opens_its_endpoints_and_no_other() {
    let site = Site::start().await;
    for permission in Permission::ALL {
        let permissions = Permissions::NONE.with(permission);
        let api = site.integration("adminapi", |record| record.permissions = permissions).await;
        for (method, path, any_of) in ENDPOINTS {
            let answer = api.call(method, path, &[]).await;
            let is_refused = answer.status == 403;
            assert_eq!(
                is_refused,
                !any_of.contains(&permission),
                "{} on {method} {path}: {}",
                permission.name(),
                answer.status
            );
        }
    }
}

#[tokio::test]
async fn strangers_and_login_clients_are_turned_away_everywhere() {
    let site = Site::start().await;
    let forged = site.admin_api().with_wrong_secret();
    for (method, path, _) in ENDPOINTS {
        assert_eq!(forged.call(method, path, &[]).await.code(), 40103, "{method} {path}");
        assert_eq!(site.auth_api().call(method, path, &[]).await.code(), 40301, "{method} {path}");
        if *method == "GET" {
            assert_eq!(site.admin_api().unsigned(path).await.code(), 40101, "{path}");
        }
    }
}
