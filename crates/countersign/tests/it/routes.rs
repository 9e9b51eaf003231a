//! Every route of the server, as the router itself lists them, refuses who may not call it.
//!
//! A new route is found here by itself. It must be behind one of the doors of [`Door`], or be named in [`OPEN`] with what guards it instead.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use countersign::config::Config;
use countersign::net::Shutdown;
use countersign::server::{Bound, ServerParts};
use countersign::site::surfaces;
use cs_core::id::{AccountId, IntegrationKey};
use cs_core::integration::{IntegrationType, Permissions};
use cs_core::otp::TokenForm;
use cs_core::secret::SecretKey;
use cs_engine::SystemRng;
use cs_engine::admin::Actor;
use cs_engine::policy::{Editor, LockoutRisk};
use cs_store::accounts::{Account, login_settings};
use cs_store::integrations::IntegrationRecord;
use cs_store::{Job, Step, args};
use cs_testkit::{Answer, Api, Site};
use http::Method;
use serde_json::{Map, Value as Json};

/// What nobody needs credentials for, and why that is right.
const OPEN: &[(&str, &str, &str)] = &[
    ("GET", "/auth/v2/ping", "clients set their clock by it"),
    ("GET", "/rest/v1/ping", "says only that the server is there"),
    ("GET", "/rest/v1/ping.json", "says only that the server is there"),
    ("GET", "/rest/v1/ping.bson", "says only that the server is there"),
    ("GET", "/frame/qr", "draws what it is given"),
    ("GET", "/oauth/v1/authorize", "the request in it is signed by the application"),
    ("POST", "/oauth/v1/authorize", "the request in it is signed by the application"),
    ("POST", "/oauth/v1/health_check", "the assertion in it is signed by the application"),
    ("POST", "/oauth/v1/token", "the assertion in it is signed by the application, and the code is the credential"),
    ("GET", "/frame/prompt/{prompt_id}", "the login's own cookie is the credential"),
    ("GET", "/frame/prompt/{prompt_id}/here", "the login's own cookie is the credential: without it nothing is told"),
    ("POST", "/frame/prompt/{prompt_id}/begin", "the login's own cookie and the step's proof are the credentials"),
    ("POST", "/frame/prompt/{prompt_id}/choose", "the login's own cookie and the step's proof are the credentials"),
    ("POST", "/frame/prompt/{prompt_id}/key", "the login's own cookie and the step's proof are the credentials"),
    ("POST", "/frame/prompt/{prompt_id}/options", "the login's own cookie and the step's proof are the credentials"),
    ("POST", "/frame/prompt/{prompt_id}/passcode", "the login's own cookie and the step's proof are the credentials"),
    ("POST", "/frame/prompt/{prompt_id}/trust", "the login's own cookie and the step's proof are the credentials"),
    ("POST", "/frame/prompt/{prompt_id}/wait", "the login's own cookie and the step's proof are the credentials"),
    ("GET", "/frame/web/v1/auth", "the request in it is signed by the application"),
    ("POST", "/frame/web/v1/login", "the request in it is signed by the application"),
    ("POST", "/frame/web/v1/result", "the request in it is signed by the application, and the code is the credential"),
    ("GET", "/enroll/{code}", "the code is the credential, and opening it uses nothing up"),
    ("GET", "/enroll/from/{prompt_id}", "the cookie of a login that was refused for it is the credential"),
    ("POST", "/enroll/visit/{visit_id}/finish", "the enrollment's own cookie and the step's proof are the credentials"),
    ("GET", "/enroll/visit/{visit_id}", "the enrollment's own cookie is the credential"),
    ("POST", "/enroll/visit/{visit_id}/choose", "the enrollment's own cookie and the step's proof are the credentials"),
    (
        "POST",
        "/enroll/visit/{visit_id}/options",
        "the enrollment's own cookie and the step's proof are the credentials",
    ),
    (
        "POST",
        "/enroll/visit/{visit_id}/confirm",
        "the enrollment's own cookie and the step's proof are the credentials",
    ),
    ("GET", "/portal/passkey", "begins a login like any other, by a passkey; nothing where no policy allows that"),
    (
        "POST",
        "/enroll/visit/{visit_id}/register",
        "the enrollment's own cookie and the step's proof are the credentials",
    ),
    ("POST", "/enroll/visit/{visit_id}/number", "the enrollment's own cookie and the step's proof are the credentials"),
    ("POST", "/enroll/visit/{visit_id}/check", "the enrollment's own cookie and the step's proof are the credentials"),
    ("POST", "/enroll/visit/{visit_id}/backup", "the enrollment's own cookie and the step's proof are the credentials"),
    ("POST", "/enroll/visit/{visit_id}/kept", "the enrollment's own cookie and the step's proof are the credentials"),
    ("POST", "/enroll/visit/{visit_id}/skip", "the enrollment's own cookie and the step's proof are the credentials"),
    ("POST", "/enroll/visit/{visit_id}/wait", "the enrollment's own cookie and the step's proof are the credentials"),
    ("GET", "/portal", "the session's cookie is the credential"),
    ("GET", "/portal/logins", "the session's cookie is the credential"),
    ("GET", "/portal/browsers", "the session's cookie is the credential"),
    ("GET", "/portal/codes", "the session's cookie is the credential"),
    ("GET", "/portal/add", "the session's cookie is the credential"),
    ("GET", "/portal/again", "the session's cookie is the credential"),
    ("GET", "/portal/devices/{device_id}/test", "the session's cookie is the credential"),
    ("GET", "/portal/from/{prompt_id}", "the cookie of a login under way is the credential"),
    ("GET", "/portal/enter", "the code of a login, in the browser that began it, is the credential"),
    ("POST", "/portal/leave", "the session's cookie and the form's proof are the credentials"),
    ("POST", "/portal/devices/{device_id}/test", "the session's cookie and the form's proof are the credentials"),
    ("POST", "/portal/devices/{device_id}/{act}", "the session's cookie and the form's proof are the credentials"),
    ("POST", "/portal/logins/{login_id}/not-me", "the session's cookie and the form's proof are the credentials"),
    ("POST", "/portal/browsers/forget-all", "the session's cookie and the form's proof are the credentials"),
    ("POST", "/portal/browsers/{browser_id}/forget", "the session's cookie and the form's proof are the credentials"),
    ("POST", "/portal/codes/new", "the session's cookie and the form's proof are the credentials"),
    ("POST", "/portal/devices/{device_id}/test/wait", "the session's cookie is the credential"),
    ("POST", "/portal/codes/kept", "leads back and does nothing"),
    ("GET", "/assets/{file}", "the same styles and scripts for everyone"),
    ("GET", "/.well-known/webauthn", "browsers read it, of whomever they are: names that are public"),
    (
        "GET",
        "/brand/{name}/style.css",
        "the colours of pages that everyone sees, or of a draft whose name nobody guesses",
    ),
    ("GET", "/brand/{name}/logo.png", "the same of the logo"),
    ("GET", "/brand/{name}/background.png", "the same of the picture behind the card"),
    ("GET", "/panel/setup", "a page of text; the code in its link is not sent"),
    ("GET", "/authenticator/activate", "the page of the authenticator; the code in its link is not sent"),
    ("GET", "/sw.js", "a file of that page"),
    ("GET", "/manifest.webmanifest", "a file of that page"),
    ("GET", "/app/{version}/{*name}", "a file of that page"),
    ("POST", "/authenticator/v1/activate", "the activation code is the credential"),
    ("POST", "/authenticator/v1/move", "the recovery code or the passkey's signature in it is the credential"),
    ("POST", "/authenticator/v1/move/passkey", "says nothing but what a passkey, of whomever, is to sign"),
];

const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// A surface, by how it turns strangers away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// Auth API v2: signed by an integration for logins.
    Auth,
    /// REST v1: the same, and every refusal is 403, because stock duo_unix may let people in on a 401.
    Rest,
    /// Admin API: signed by an integration with the permission.
    Admin,
    /// The channel of proxies beside directories: signed by a directory's integration.
    Agent,
}

impl Door {
    fn of(path: &str) -> Self {
        match path {
            _ if path.starts_with("/auth/v2/") => Self::Auth,
            _ if path.starts_with("/rest/v1/") => Self::Rest,
            _ if path.starts_with("/admin/") => Self::Admin,
            _ if path.starts_with("/agent/v1/") => Self::Agent,
            _ => panic!("what guards {path}? Name it in this test"),
        }
    }

    fn refusal(self, code: u64) -> u64 {
        if self == Self::Rest { 40301 } else { code }
    }
}

#[tokio::test]
async fn every_route_refuses_missing_wrong_foreign_and_insufficient_credentials() {
    let site = quiet_site().await;
    let routes = Routes::of(&site).await;
    let forged = site.admin_api().with_wrong_secret();
    let unknown = site.auth_api().with_key(IntegrationKey::generate(&mut SystemRng));
    let abroad = Abroad::new(&site).await;
    let powerless = site.integration("adminapi", |record| record.permissions = Permissions::NONE).await;
    for (path, methods) in &routes.api {
        let filled = fill(path, &BTreeMap::new());
        for method in methods {
            if is_open(method, path) {
                continue;
            }
            let door = Door::of(path);
            let refusal = async |api: &Api| {
                let answer = call(api, method, &filled).await;
                assert!(!answer.body.is_empty(), "{method} {path}");
                code(&answer)
            };
            let unsigned = unsigned(&site, method, &filled).await;
            assert_eq!(code(&unsigned), door.refusal(40101), "{method} {path} without credentials");
            let forger = if door == Door::Admin { forged.clone() } else { site.auth_api().with_wrong_secret() };
            assert_eq!(refusal(&forger).await, door.refusal(40103), "{method} {path} with a wrong signature");
            assert_eq!(refusal(&unknown).await, door.refusal(40102), "{method} {path} with an unknown key");
            let foreign = if door == Door::Admin { &abroad.admin } else { &abroad.auth };
            assert_eq!(refusal(foreign).await, door.refusal(40102), "{method} {path} with another account's key");
            let of_another_type = if door == Door::Admin { site.auth_api() } else { site.admin_api() };
            assert_eq!(refusal(of_another_type).await, 40301, "{method} {path} with another API's key");
            if door == Door::Admin {
                assert_eq!(refusal(&powerless).await, 40301, "{method} {path} without the permission");
            }
        }
    }
}

#[tokio::test]
async fn every_route_of_authenticators_refuses_missing_and_wrong_proofs() {
    let site = quiet_site().await;
    let routes = Routes::of(&site).await;
    let origin = site.engine().authenticator_origin();
    for (path, methods) in &routes.authenticator {
        for method in methods.iter().filter(|method| !is_open(method, path)) {
            let request = || site.http().request(method.clone(), format!("{origin}{}", fill(path, &BTreeMap::new())));
            for request in [
                request(),
                request().header("Authorization", "Device a.b.c"),
                request().header("Authorization", "Bearer x"),
            ] {
                let status = request.send().await.unwrap().status();
                assert!([400, 401].contains(&status.as_u16()), "{method} {path}: {status}");
            }
        }
    }
}

/// Ids of another account are ids of nothing: no route shows, changes or removes what they name.
#[tokio::test]
async fn keycloak_cve_2024_3656_every_route_of_the_admin_api_hides_another_accounts_objects() {
    let site = quiet_site().await;
    let routes = Routes::of(&site).await;
    let abroad = Abroad::new(&site).await;
    let before = abroad.objects(&site).await;
    let mut tried = 0;
    for (path, methods) in routes.api.iter().filter(|(path, _)| path.starts_with("/admin/") && path.contains('{')) {
        let filled = fill(path, &abroad.ids);
        for method in methods {
            let answer = call(site.admin_api(), method, &filled).await;
            // Deleting what is not there is a success.
            let is_nothing =
                answer.status == 404 || answer.status == 400 || (*method == Method::DELETE && said_nothing(&answer));
            assert!(is_nothing, "{method} {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
            let text = String::from_utf8_lossy(&answer.body);
            assert!(!text.contains("abroad"), "{method} {path}: {text}");
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
    assert_eq!(abroad.objects(&site).await, before);
}

/// A site that does not slow down who is refused often.
async fn quiet_site() -> Site {
    Site::with(|config| {
        config.limits.refusals_per_second = 0;
        config.limits.integration_per_second = 0;
    })
    .await
}

/// Every path of the two hosts with its methods.
struct Routes {
    api: BTreeMap<String, Vec<Method>>,
    authenticator: BTreeMap<String, Vec<Method>>,
}

/// The paths of the API host and of the authenticator's.
pub(crate) fn all_paths(site: &Site) -> [BTreeSet<String>; 2] {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::ephemeral(dir.path());
    let addresses = Bound::new(&config).unwrap().addresses;
    let ServerParts { api, authenticator, .. } = surfaces(site.engine(), &config, addresses, &Shutdown::new());
    [api, authenticator].map(|router| paths(&router))
}

impl Routes {
    async fn of(site: &Site) -> Self {
        let origins =
            [format!("https://{}", site.auth_api().authority()), site.engine().authenticator_origin().to_owned()];
        let mut found = Vec::new();
        for (paths, origin) in all_paths(site).into_iter().zip(&origins) {
            let mut routes = BTreeMap::new();
            for path in paths {
                let methods = methods(site, origin, &path).await;
                routes.insert(path, methods);
            }
            found.push(routes);
        }
        let authenticator = found.pop().unwrap();
        let api = found.pop().unwrap();
        assert!(api.len() > 70 && api.contains_key("/admin/v1/users/{user_id}"), "the router's list: {api:?}");
        assert!(authenticator.len() >= 6, "the router's list: {authenticator:?}");
        // Left out of the list because the fallback answers there; on the authenticator's origin it is the page, which has nothing to refuse.
        let at_the_root = site.http().get(format!("{}/", origins[0])).send().await.unwrap().status();
        assert_eq!(at_the_root, 404, "there is a route at / now: let this test try it");
        for (method, path, _) in OPEN {
            let methods = api.get(*path).or_else(|| authenticator.get(*path));
            assert!(methods.is_some_and(|all| all.iter().any(|m| m == method)), "there is no {method} {path}");
        }
        Self { api, authenticator }
    }
}

/// The paths that `router` knows. It lists them only in its debug output, hence the check in [`Routes::of`] that this still works.
fn paths(router: &Router) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let after_ids = text
        .split("RouteId(")
        .skip(1)
        .filter_map(|rest| rest.split_once("): \"").filter(|(id, _)| id.bytes().all(|b| b.is_ascii_digit())));
    let paths: BTreeSet<String> = after_ids.filter_map(|(_, rest)| Some(rest.split_once('"')?.0.to_owned())).collect();
    assert!(paths.iter().all(|path| path.starts_with('/')), "{paths:?}");
    // The fallback, which answers wherever there is no route, is listed as two paths.
    paths.into_iter().filter(|path| path != "/" && !path.contains("axum_fallback")).collect()
}

/// The methods that `path` has: the others are answered as such.
async fn methods(site: &Site, origin: &str, path: &str) -> Vec<Method> {
    let mut found = Vec::new();
    for method in METHODS {
        let url = format!("{origin}{}", fill(path, &BTreeMap::new()));
        if site.http().request(method.clone(), url).send().await.unwrap().status() != 405 {
            found.push(method);
        }
    }
    assert!(!found.is_empty(), "{path} has no method");
    found
}

fn is_open(method: &Method, path: &str) -> bool {
    OPEN.iter().any(|(open, at, _)| method == open && path == *at)
}

/// `path` with `ids` by name, and something of an id's shape for the others.
fn fill(path: &str, ids: &BTreeMap<&str, String>) -> String {
    path.split('/')
        .map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => ids.get(name).map_or("DUAAAAAAAAAAAAAAAAAA", String::as_str),
            None => part,
        })
        .collect::<Vec<_>>()
        .join("/")
}

async fn call(api: &Api, method: &Method, path: &str) -> Answer {
    api.call(method.as_str(), path, &[]).await
}

async fn unsigned(site: &Site, method: &Method, path: &str) -> Answer {
    let url = format!("https://{}{path}", site.auth_api().authority());
    let response = site.http().request(method.clone(), url).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

/// The code of a refusal; REST v1 in BSON has it too, but its HTTP status says the same.
fn code(answer: &Answer) -> u64 {
    match serde_json::from_slice::<Json>(&answer.body) {
        Ok(json) => json["code"].as_u64().unwrap_or_else(|| panic!("no refusal: {} {json}", answer.status)),
        Err(_) => u64::from(answer.status) * 100 + 1,
    }
}

fn said_nothing(answer: &Answer) -> bool {
    answer.status == 200 && serde_json::from_slice::<Json>(&answer.body).unwrap()["response"] == ""
}

/// Another account in the same server.
struct Abroad {
    account: AccountId,
    admin: Api,
    auth: Api,
    /// Its objects, by the names that paths have for them.
    ids: BTreeMap<&'static str, String>,
}

impl Abroad {
    async fn new(site: &Site) -> Self {
        let (engine, now) = (site.engine(), site.now());
        let account = Account {
            id: AccountId::generate(&mut SystemRng),
            name: "abroad".to_owned(),
            api_host: "abroad.test".to_owned(),
            login: login_settings(&Map::new()),
            settings: Map::new(),
            version: 1,
            created_at: now,
        };
        engine.store().ensure_keys(account.id.as_str()).await.unwrap();
        commit(site, account.insert()).await;
        let mut integrations = Vec::new();
        for kind in ["adminapi", "authapi"] {
            integrations.push(integration(site, account.id, kind).await);
        }
        let auth = integrations.pop().unwrap();
        let admin = integrations.pop().unwrap();
        let user = engine.create_user(account.id, &Actor::Terminal, "abroad", &Default::default()).await.unwrap();
        let group = engine.create_group(account.id, &Actor::Terminal, "abroad", &Default::default()).await.unwrap();
        let phone = engine.create_phone(account.id, &Actor::Terminal, &Default::default()).await.unwrap();
        engine.give_phone(account.id, &Actor::Terminal, user.id, phone).await.unwrap();
        engine.add_to_group(account.id, &Actor::Terminal, user.id, group.id).await.unwrap();
        let token = TokenForm {
            kind: "h6",
            serial: "abroad",
            secret: Some("3132333435363738393031323334353637383930"),
            ..Default::default()
        };
        let token = engine.create_token(account.id, &Actor::Terminal, &token).await.unwrap();
        engine.give_token(account.id, &Actor::Terminal, user.id, token).await.unwrap();
        let editor = Editor { actor: Actor::Terminal, address: None, risk: LockoutRisk::Refused, confirm_within: None };
        let policy = engine.edit_policies(account.id, &editor, |draft| draft.create("abroad", Default::default()));
        let policy = policy.await.unwrap();
        let ids = BTreeMap::from([
            ("user_id", user.id.to_string()),
            ("token_id", token.to_string()),
            ("group_id", group.id.to_string()),
            ("phone_id", phone.to_string()),
            ("ikey", auth.key().to_string()),
            ("policy_key", policy.outcome.to_string()),
        ]);
        Self { account: account.id, admin, auth, ids }
    }

    /// How many objects and links there are, and how often they were changed.
    async fn objects(&self, site: &Site) -> Vec<(i64, i64)> {
        let mut objects = Vec::new();
        for sql in [
            "SELECT count(*), sum(version) FROM users WHERE account = $1",
            "SELECT count(*), sum(version) FROM user_group WHERE account = $1",
            "SELECT count(*), sum(version) FROM phone WHERE account = $1",
            "SELECT count(*), sum(version) FROM token WHERE account = $1",
            "SELECT count(*), sum(version) FROM integration WHERE account = $1",
            "SELECT count(*), sum(version) FROM policy WHERE account = $1",
            "SELECT count(*), 0 FROM group_member WHERE account = $1",
            "SELECT count(*), 0 FROM user_phone WHERE account = $1",
            "SELECT count(*), 0 FROM user_token WHERE account = $1",
        ] {
            let row = site.engine().store().query_opt(sql, args![self.account.as_str()]).await.unwrap().unwrap();
            objects.push((row.int(0).unwrap(), row.int(1).unwrap()));
        }
        assert!(objects.iter().all(|(count, _)| *count > 0), "{objects:?}");
        objects
    }
}

async fn commit(site: &Site, step: Step) {
    site.engine().store().commit(Job::new().step(step)).await.unwrap();
    site.engine().directory().invalidate();
}

/// A client of a new integration of `account`, with every permission, that calls the host of the site.
async fn integration(site: &Site, account: AccountId, kind: &str) -> Api {
    let (key, kind) = (IntegrationKey::generate(&mut SystemRng), IntegrationType::parse(kind).unwrap());
    let record = IntegrationRecord {
        permissions: Permissions::all(),
        ..IntegrationRecord::new(account, key, kind, "abroad", site.now())
    };
    let secret = SecretKey::generate(&mut SystemRng);
    commit(site, record.insert(site.engine().store().vault(), &secret).unwrap()).await;
    site.api(record.key.as_str(), secret.expose())
}
