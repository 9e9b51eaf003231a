//! Who may do what: permissions, networks, accounts.

use cs_core::exception::ExceptionKind;
use cs_core::id::{AccountId, UserId, WebauthnKey};
use cs_core::integration::{IntegrationType, Permission, Permissions};
use cs_core::network::NetworkList;
use cs_core::otp::TokenForm;
use cs_core::policy::exemption::ExemptionKind;
use cs_core::webauthn::{Aaguid, Class, Credential};
use cs_engine::SystemRng;
use cs_engine::admin::Actor;
use cs_engine::admin::bypass_codes::{NewBypassCodes, WantedCodes};
use cs_engine::admin::exemptions::NewExemption;
use cs_engine::admin::groups::GroupChange;
use cs_engine::admin::integrations::{IntegrationChange, PowerfulKeys};
use cs_engine::exceptions::ExceptionWish;
use cs_store::Job;
use cs_store::webauthn::{KeyMaterial, insert_credential};
use cs_testkit::{Answer, Api, Site};
use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use super::{create_group, create_phone, create_token, create_user};

/// Every route of this part of the API: method, path with places for ids, and a parameter that names another object.
const ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "/admin/v1/users", ""),
    ("POST", "/admin/v1/users", ""),
    ("GET", "/admin/v1/users/{user}", ""),
    ("POST", "/admin/v1/users/{user}", ""),
    ("DELETE", "/admin/v1/users/{user}", ""),
    ("POST", "/admin/v1/users/bulk_create", ""),
    ("POST", "/admin/v1/users/bulk_restore", "user_id_list"),
    ("POST", "/admin/v1/users/bulk_send_to_trash", "user_id_list"),
    ("POST", "/admin/v1/bulk", ""),
    ("GET", "/admin/v1/users/{user}/groups", ""),
    ("POST", "/admin/v1/users/{user}/groups", "group_id"),
    ("DELETE", "/admin/v1/users/{user}/groups/{group}", ""),
    ("GET", "/admin/v1/users/{user}/phones", ""),
    ("POST", "/admin/v1/users/{user}/phones", "phone_id"),
    ("DELETE", "/admin/v1/users/{user}/phones/{phone}", ""),
    ("GET", "/admin/v1/users/{user}/tokens", ""),
    ("POST", "/admin/v1/users/{user}/tokens", "token_id"),
    ("DELETE", "/admin/v1/users/{user}/tokens/{token}", ""),
    ("GET", "/admin/v1/users/{user}/bypass_codes", ""),
    ("POST", "/admin/v1/users/{user}/bypass_codes", ""),
    ("GET", "/admin/v1/users/{user}/u2ftokens", ""),
    ("GET", "/admin/v1/users/{user}/webauthncredentials", ""),
    ("GET", "/admin/v1/users/{user}/desktopauthenticators", ""),
    ("GET", "/admin/v1/users/{user}/desktoptokens", ""),
    ("GET", "/admin/v1/groups", ""),
    ("POST", "/admin/v1/groups", ""),
    ("GET", "/admin/v1/groups/{group}", ""),
    ("POST", "/admin/v1/groups/{group}", ""),
    ("DELETE", "/admin/v1/groups/{group}", ""),
    ("GET", "/admin/v2/groups/{group}", ""),
    ("GET", "/admin/v2/groups/{group}/users", ""),
    ("GET", "/admin/v1/phones", ""),
    ("POST", "/admin/v1/phones", ""),
    ("GET", "/admin/v1/phones/{phone}", ""),
    ("POST", "/admin/v1/phones/{phone}", ""),
    ("DELETE", "/admin/v1/phones/{phone}", ""),
    ("GET", "/admin/v2/phones/{phone}", ""),
    ("POST", "/admin/v1/phones/{phone}/activation_url", ""),
    ("POST", "/admin/v1/phones/{phone}/send_sms_activation", ""),
    ("POST", "/admin/v1/phones/{phone}/send_sms_installation", ""),
    ("POST", "/admin/v1/phones/{phone}/send_sms_passcodes", ""),
    ("GET", "/admin/v1/tokens", ""),
    ("POST", "/admin/v1/tokens", ""),
    ("GET", "/admin/v1/tokens/{token}", ""),
    ("POST", "/admin/v1/tokens/{token}", ""),
    ("DELETE", "/admin/v1/tokens/{token}", ""),
    ("POST", "/admin/v1/tokens/{token}/resync", ""),
    ("GET", "/admin/v1/bypass_codes", ""),
    ("GET", "/admin/v1/bypass_codes/{code}", ""),
    ("DELETE", "/admin/v1/bypass_codes/{code}", ""),
    ("GET", "/admin/v1/exceptions", ""),
    ("GET", "/admin/v1/exceptions/{exception}", ""),
    ("POST", "/admin/v1/exceptions/{exception}/approve", ""),
    ("POST", "/admin/v1/exceptions/{exception}/refuse", ""),
    ("POST", "/admin/v1/users/{user}/clear_step_up", ""),
    ("GET", "/admin/v1/exemptions", ""),
    ("GET", "/admin/v1/exemptions/{exemption}", ""),
    ("DELETE", "/admin/v1/exemptions/{exemption}", ""),
    ("GET", "/admin/v1/users/{user}/exemptions", ""),
    ("POST", "/admin/v1/users/{user}/exemptions", ""),
    ("GET", "/admin/v1/webauthncredentials", ""),
    ("GET", "/admin/v1/webauthncredentials/{passkey}", ""),
    ("DELETE", "/admin/v1/webauthncredentials/{passkey}", ""),
    ("GET", "/admin/v1/u2ftokens", ""),
    ("GET", "/admin/v1/desktop_authenticators", ""),
    ("GET", "/admin/v1/desktoptokens", ""),
];

/// One object of each kind.
struct Objects {
    user: String,
    group: String,
    phone: String,
    token: String,
    code: String,
    exception: String,
    exemption: String,
    passkey: String,
}

impl Objects {
    fn path(&self, pattern: &str) -> String {
        let ids = [
            ("user", &self.user),
            ("group", &self.group),
            ("phone", &self.phone),
            ("token", &self.token),
            ("code", &self.code),
            ("exception", &self.exception),
            ("exemption", &self.exemption),
            ("passkey", &self.passkey),
        ];
        ids.iter().fold(pattern.to_owned(), |path, (kind, id)| path.replace(&format!("{{{kind}}}"), id))
    }

    fn param(&self, name: &str) -> String {
        match name {
            "group_id" => self.group.clone(),
            "phone_id" => self.phone.clone(),
            "token_id" => self.token.clone(),
            "user_id_list" => json!([self.user]).to_string(),
            _ => String::new(),
        }
    }
}

async fn call(api: &Api, method: &str, path: &str, params: &[(&str, &str)]) -> Answer {
    match method {
        "GET" => api.get(path, params).await,
        "POST" => api.post(path, params).await,
        _ => api.delete(path, params).await,
    }
}

#[tokio::test]
async fn every_route_refuses_missing_wrong_and_insufficient_credentials() {
    let site = Site::start().await;
    let admin = |permissions| site.integration("adminapi", move |record| record.permissions = permissions);
    let without = |permission| Permissions::all().without(permission);
    let no_reader = admin(without(Permission::ReadResource)).await;
    let no_writer = admin(without(Permission::WriteResource)).await;
    let objects = Objects {
        user: create_user(&site, "alice").await,
        group: create_group(&site, "staff").await,
        phone: create_phone(&site).await,
        token: create_token(&site, "1").await,
        code: "DBAAAAAAAAAAAAAAAAAA".to_owned(),
        exception: "DQAAAAAAAAAAAAAAAAAA".to_owned(),
        exemption: "DXAAAAAAAAAAAAAAAAAA".to_owned(),
        passkey: "WAAAAAAAAAAAAAAAAAAA".to_owned(),
    };
    for (method, pattern, _) in ROUTES {
        let path = objects.path(pattern);
        let unsigned = Method::from_bytes(method.as_bytes()).unwrap();
        let unsigned = site.admin_api().request(unsigned, &path, &[]).header("Authorization", "Basic !").send().await;
        assert_eq!(unsigned.unwrap().status(), 401, "{method} {path}");
        let wrong = site.admin_api().with_wrong_secret();
        assert_eq!(call(&wrong, method, &path, &[]).await.code(), 40103, "{method} {path}");
        assert_eq!(call(site.auth_api(), method, &path, &[]).await.code(), 40301, "{method} {path}");
        let (lacks, has) = if *method == "GET" { (&no_reader, &no_writer) } else { (&no_writer, &no_reader) };
        assert_eq!(call(lacks, method, &path, &[]).await.code(), 40301, "{method} {path}");
        if *method == "GET" && !path.contains("AAAAAAAAAAAAAAAAAA") {
            call(has, method, &path, &[]).await.response();
        }
    }
    let left = site.admin_api().get(&objects.path("/admin/v1/users/{user}"), &[]).await;
    assert_eq!(left.text("username"), "alice");
}

#[tokio::test]
async fn objects_of_another_account_do_not_exist() {
    let site = Site::start().await;
    let own_user = create_user(&site, "alice").await;
    let foreign = foreign_objects(&site).await;
    let snapshot = |site: &Site| {
        let engine = site.engine().clone();
        let (account, id) = (foreign.account, foreign.objects.user.parse().unwrap());
        async move { engine.store().user_record(account, id).await.unwrap().unwrap() }
    };
    let before = snapshot(&site).await;
    for (method, pattern, param) in ROUTES {
        let takes_id = pattern.contains('{') || !param.is_empty();
        if !takes_id {
            continue;
        }
        let value = foreign.objects.param(param);
        let code = [("code1", "123456"), ("code2", "234567"), ("code3", "345678")];
        let params = if pattern.ends_with("resync") {
            &code[..]
        } else {
            &[(*param, value.as_str())][..usize::from(!param.is_empty())]
        };
        let answer = call(site.admin_api(), method, &foreign.objects.path(pattern), params).await;
        let top_level_delete = *method == "DELETE" && pattern.matches('{').count() == 1;
        if top_level_delete {
            assert_eq!(answer.response(), "", "{method} {pattern}");
        } else {
            assert_eq!(answer.code(), 40401, "{method} {pattern}");
        }
        // An own user with another account's object.
        if !param.is_empty() && pattern.contains("{user}") {
            let path = pattern.replace("{user}", &own_user);
            assert_eq!(call(site.admin_api(), method, &path, params).await.code(), 40401, "{method} {pattern}");
        }
    }
    assert_eq!(snapshot(&site).await, before);
    let reader = site.engine().store().reader();
    assert!(reader.phone(foreign.account, foreign.objects.phone.parse().unwrap()).await.unwrap().is_some());
    assert!(reader.token(foreign.account, foreign.objects.token.parse().unwrap()).await.unwrap().is_some());
    assert!(reader.group(foreign.account, foreign.objects.group.parse().unwrap()).await.unwrap().is_some());
    assert!(
        reader.webauthn_credential(foreign.account, foreign.objects.passkey.parse().unwrap()).await.unwrap().is_some()
    );
    for list in ["users", "groups", "phones", "tokens", "bypass_codes", "webauthncredentials"] {
        let listed = site.admin_api().get(&format!("/admin/v1/{list}"), &[]).await.json();
        assert!(!listed.to_string().contains(&foreign.objects.user), "{list}");
        let expected = u64::from(list == "users");
        assert_eq!(listed["metadata"]["total_objects"], expected, "{list}");
    }
}

#[tokio::test]
async fn an_integration_may_be_bound_to_networks() {
    let site = Site::start().await;
    for (networks, may) in [("127.0.0.0/8", true), ("192.0.2.0/24", false), ("nonsense", false), ("", true)] {
        let api = site.integration("adminapi", |record| {
            record.permissions = Permissions::all();
            record.api_networks = networks.to_owned();
        });
        let answer = api.await.get("/admin/v1/users", &[]).await;
        assert_eq!(answer.status == 200, may, "{networks}");
    }
}

struct Foreign {
    account: AccountId,
    objects: Objects,
}

/// Another organisation on the same server, with one object of each kind, all belonging together.
async fn foreign_objects(site: &Site) -> Foreign {
    let engine = site.engine();
    let (account, actor) = (crate::another_account(site).await, Actor::Terminal);
    let user = engine.create_user(account, &actor, "mallory", &Default::default()).await.unwrap().id;
    let group = engine.create_group(account, &actor, "staff", &GroupChange::default()).await.unwrap().id;
    let phone = engine.create_phone(account, &actor, &Default::default()).await.unwrap();
    let secret = Some("3132333435363738393031323334353637383930");
    let form = TokenForm { kind: "h6", serial: "1", secret, ..TokenForm::default() };
    let token = engine.create_token(account, &actor, &form).await.unwrap();
    engine.add_to_group(account, &actor, user, group).await.unwrap();
    engine.give_phone(account, &actor, user, phone).await.unwrap();
    engine.give_token(account, &actor, user, token).await.unwrap();
    let new = NewBypassCodes {
        codes: WantedCodes::Random(1),
        uses: None,
        valid_secs: None,
        preserve_existing: true,
        reason: None,
    };
    let code = engine.create_bypass_codes(account, &actor, user, new).await.unwrap()[0].id;
    let wish = ExceptionWish {
        kind: ExceptionKind::Code,
        reason: "a new phone".to_owned(),
        length: SignedDuration::from_hours(1),
        source: "authenticator",
        device: None,
    };
    let exception = engine.request_exception(account, user, &wish).await.unwrap().id;
    let change = IntegrationChange { name: Some("scan".to_owned()), ..IntegrationChange::default() };
    let kind = IntegrationType::parse("authapi").unwrap();
    let app = engine.create_integration(account, &actor, PowerfulKeys::Refused, kind, &change).await.unwrap().key;
    let new = NewExemption {
        kind: ExemptionKind::PasscodeOnly,
        applications: vec![app],
        networks: NetworkList::parse("192.0.2.0/24").unwrap(),
        until: site.now() + SignedDuration::from_hours(1),
        reason: "a scan".to_owned(),
    };
    let exemption = engine.create_exemption(account, &actor, user, new).await.unwrap().id;
    let passkey = foreign_passkey(site, account, user).await;
    let objects = Objects {
        user: user.to_string(),
        group: group.to_string(),
        phone: phone.to_string(),
        token: token.to_string(),
        code: code.to_string(),
        exception: exception.to_string(),
        exemption: exemption.to_string(),
        passkey: passkey.to_string(),
    };
    Foreign { account, objects }
}

/// A credential of `user`, put into the database as it is.
async fn foreign_passkey(site: &Site, account: AccountId, user: UserId) -> WebauthnKey {
    let credential = Credential {
        key: WebauthnKey::generate(&mut SystemRng),
        raw_id: vec![1],
        name: String::new(),
        label: "Security Key".to_owned(),
        class: Class::Roaming,
        aaguid: Aaguid::default(),
        counter: 0,
        transports: Vec::new(),
        backup_eligible: false,
        backed_up: false,
        resident: false,
        verifies: false,
        created_at: site.now(),
        last_used: None,
        cloned_at: None,
    };
    let material = KeyMaterial { public_key: "{}", attestation: "none" };
    let job = Job::new().step(insert_credential(account, user, &credential, material));
    site.engine().store().commit(job).await.unwrap();
    credential.key
}
