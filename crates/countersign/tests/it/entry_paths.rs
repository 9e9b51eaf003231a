//! Every way in, tried with every standing of a user and every denial of a policy, and with every change that can come before the answer.

use std::collections::BTreeSet;

use cs_core::group::GroupStatus;
use cs_core::integration::UserAccess;
use cs_core::user::UserStatus;
use cs_engine::admin::Actor;
use cs_engine::admin::groups::GroupChange;
use cs_engine::login::Answered;
use cs_engine::{Ask, ENTRY_PATHS, EntryPath, Surface};
use cs_testkit::{Api, Site, TestUser};
use serde_json::{Value as Json, json};

use crate::routes::all_paths;
use crate::scene::{FAR_AWAY, OFFICE, lift, policy, site_with_places};

/// Beginnings of the routes through which users log in.
const LOGIN_APIS: [&str; 6] = ["/auth/v2/", "/rest/v1/", "/oauth/v1/", "/frame/prompt/", "/frame/web/", "/portal"];

/// Routes of the login APIs that let nobody in, and why.
const NO_WAY_IN: &[(&str, &str)] = &[
    ("/auth/v2/ping", "says the time"),
    ("/auth/v2/check", "says that the credentials are good"),
    ("/auth/v2/logo", "a picture"),
    ("/auth/v2/enroll", "makes a user, who then has to log in"),
    ("/auth/v2/enroll_status", "says whether a code was used"),
    ("/auth/v2/auth_status", "tells what was decided"),
    ("/auth/v2/cancel", "withdraws"),
    ("/auth/v2/disabled", "tells who is disabled"),
    ("/auth/v2/proxy/report", "keeps what a proxy tells"),
    ("/auth/v2/proxy/bundle", "hands out what proxies check codes with, for people whom the rules ask for a factor"),
    ("/rest/v1/ping", "says the time"),
    ("/rest/v1/check", "says that the credentials are good"),
    ("/rest/v1/logo", "a picture"),
    ("/rest/v1/status", "tells what was decided"),
    ("/oauth/v1/health_check", "says that the credentials are good"),
    ("/oauth/v1/authorize", "begins a login, of which nothing is decided yet"),
    ("/frame/prompt/{prompt_id}", "shows where a login stands; an approved push was decided when it was approved"),
    ("/portal/from/{prompt_id}", "begins a login, of which nothing is decided yet"),
    ("/portal/passkey", "begins a login, of which nothing is decided yet"),
    ("/portal/again", "begins another one for somebody who is in"),
    ("/portal", "of somebody who is in"),
    (
        "/portal/add",
        "of somebody who is in; what is added there is no way in before it is confirmed by a factor of the last five minutes",
    ),
    ("/portal/logins", "of somebody who is in"),
    ("/portal/logins/{login_id}/not-me", "of somebody who is in"),
    ("/portal/browsers", "of somebody who is in"),
    ("/portal/browsers/forget-all", "of somebody who is in"),
    ("/portal/browsers/{browser_id}/forget", "of somebody who is in"),
    ("/portal/codes", "of somebody who is in"),
    ("/portal/codes/new", "of somebody who is in, by a factor of the last five minutes"),
    ("/portal/codes/kept", "leads back"),
    ("/portal/devices/{device_id}/{act}", "of somebody who is in, by a factor of the last five minutes"),
    ("/portal/devices/{device_id}/test", "of somebody who is in; its push lets nobody in"),
    ("/portal/devices/{device_id}/test/wait", "tells whether that push was answered"),
    ("/portal/leave", "ends the session"),
    ("/frame/prompt/{prompt_id}/here", "tells a login's own browser the number that it shows"),
    ("/frame/prompt/{prompt_id}/options", "shows the ways"),
    ("/frame/web/v1/auth", "shows a button"),
    ("/frame/web/v1/login", "begins a login, of which nothing is decided yet"),
    ("/frame/prompt/{prompt_id}/wait", "tells whether a push was answered"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_login_apis_is_registered() {
    let site = Site::start().await;
    let [api, _] = all_paths(&site);
    let plain = |path: &String| path.trim_end_matches(".json").trim_end_matches(".bson").to_owned();
    let routes: BTreeSet<String> =
        api.iter().filter(|path| LOGIN_APIS.iter().any(|beginning| path.starts_with(beginning))).map(plain).collect();
    let registered = ENTRY_PATHS.iter().map(|path| path.route).chain(NO_WAY_IN.iter().map(|(path, _)| *path));
    assert_eq!(routes, registered.map(str::to_owned).collect(), "a new route needs a line in one of the lists");
    let surfaces = [Surface::AuthV2, Surface::RestV1, Surface::Prompt];
    assert!(surfaces.iter().all(|s| ENTRY_PATHS.iter().any(|path| path.surface == *s)));
}

/// What a way in says to `user` from `address`: `allow`, `auth`, `deny`, `enroll`; `waiting` for a push that is on its way.
async fn try_to_enter(api: &Api, path: &EntryPath, user: &str, address: &str, code: &str) -> String {
    let who = match path.surface {
        Surface::AuthV2 => "username",
        Surface::RestV1 => "user",
        Surface::Prompt => panic!("its steps have a test of their own"),
    };
    let mut params = vec![(who, user), ("ipaddr", address)];
    let is_rest = path.surface == Surface::RestV1;
    match path.ask {
        Ask::Preauth => {}
        Ask::Passcode if is_rest => params.extend([("factor", "passcode"), ("code", code)]),
        Ask::Passcode => params.extend([("factor", "passcode"), ("passcode", code)]),
        Ask::Menu if is_rest => params.extend([("factor", "auto"), ("auto", code)]),
        Ask::Menu => params.extend([("factor", "prompt"), ("prompt", code)]),
        Ask::Push if is_rest => params.extend([("factor", "push"), ("phone", "phone1"), ("async", "1")]),
        Ask::Push => params.extend([("factor", "push"), ("device", "auto"), ("async", "1")]),
        Ask::Key | Ask::Redeem => panic!("{path:?}: only in browsers"),
        Ask::Auto => params.extend([("factor", "auto"), ("device", "auto"), ("async", "1")]),
    }
    let answer = api.post(path.route, &params).await.response();
    match (&answer["result"], &answer["txid"]) {
        (Json::String(result), _) => result.clone(),
        (_, Json::String(txid)) if is_rest => first_status(api, "/rest/v1/status", txid).await,
        (_, Json::String(txid)) => {
            // A decision that is made already is told at once; a push that waits is withdrawn.
            let cancelled = api.post("/auth/v2/cancel", &[("txid", txid)]).await;
            if cancelled.status == 200 {
                return "waiting".to_owned();
            }
            first_status(api, "/auth/v2/auth_status", txid).await
        }
        other => panic!("{path:?}: {other:?}"),
    }
}

async fn first_status(api: &Api, route: &str, txid: &str) -> String {
    let status = api.get(route, &[("txid", txid)]).await.response();
    // REST v1 says nothing of the result while a push waits.
    status["result"].as_str().unwrap_or("waiting").to_owned()
}

/// How a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Active,
    Bypass,
    Unknown,
    LockedOut,
    LockedOutInBypass,
    Disabled,
    DisabledByGroup,
    InTrash,
}

const STANDINGS: [Standing; 8] = [
    Standing::Active,
    Standing::Bypass,
    Standing::Unknown,
    Standing::LockedOut,
    Standing::LockedOutInBypass,
    Standing::Disabled,
    Standing::DisabledByGroup,
    Standing::InTrash,
];

/// What refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Nothing,
    Network,
    Location,
    Everyone,
    Groups,
}

const REFUSALS: [Refusal; 5] =
    [Refusal::Nothing, Refusal::Network, Refusal::Location, Refusal::Everyone, Refusal::Groups];

impl Standing {
    async fn take(self, site: &Site, user: &TestUser, group: &str) {
        let member = format!("/admin/v1/users/{}/groups", user.id);
        if self == Self::DisabledByGroup {
            site.admin_api().post(&member, &[("group_id", group)]).await.response();
        } else {
            site.admin_api().delete(&format!("{member}/{group}"), &[]).await.response();
        }
        match self {
            Self::Active | Self::Unknown | Self::LockedOut | Self::DisabledByGroup => {
                user.set_status(UserStatus::Active).await;
            }
            Self::Bypass | Self::LockedOutInBypass => user.set_status(UserStatus::Bypass).await,
            Self::Disabled => user.set_status(UserStatus::Disabled).await,
            Self::InTrash => user.set_status(UserStatus::PendingDeletion).await,
        }
        if matches!(self, Self::LockedOut | Self::LockedOutInBypass) {
            site.engine().lock_user(site.account, &Actor::Terminal, user.id).await.unwrap();
        }
    }
}

impl Refusal {
    fn sections(self) -> Json {
        match self {
            Self::Nothing | Self::Groups => json!({}),
            Self::Network => json!({"authorized_networks": {"blocked": {"ip_list": [OFFICE]}}}),
            Self::Location => json!({"user_location": {"deny_access_countries_list": ["KP"]}}),
            Self::Everyone => json!({"authentication_policy": {"user_auth_behavior": "deny"}}),
        }
    }

    /// From where the login comes that it refuses.
    fn address(self) -> &'static str {
        if self == Self::Location { FAR_AWAY } else { OFFICE }
    }

    async fn begin(self, site: &Site, apis: [&Api; 2]) {
        policy(site, self.sections()).await;
        let access = if self == Self::Groups { UserAccess::Nobody } else { UserAccess::All };
        for api in apis {
            site.change_integration(api.key(), |record| record.user_access = access.clone()).await;
        }
    }

    async fn end(self, site: &Site) {
        lift(site, &self.sections()).await;
    }
}

/// What must be said. The order is that of the rules: status, permitted groups, bypass, then all others.
fn expected(standing: Standing, refusal: Refusal, ask: Ask) -> &'static str {
    match (standing, refusal, ask) {
        (
            Standing::LockedOut
            | Standing::LockedOutInBypass
            | Standing::Disabled
            | Standing::DisabledByGroup
            | Standing::InTrash,
            _,
            _,
        ) => "deny",
        (_, Refusal::Groups, _) => "deny",
        (Standing::Bypass, _, _) => "allow",
        (_, Refusal::Network | Refusal::Location | Refusal::Everyone, _) => "deny",
        (Standing::Unknown, Refusal::Nothing, Ask::Preauth) => "enroll",
        (Standing::Unknown, Refusal::Nothing, _) => "deny",
        (Standing::Active, Refusal::Nothing, Ask::Preauth) => "auth",
        (Standing::Active, Refusal::Nothing, Ask::Passcode | Ask::Menu | Ask::Key | Ask::Redeem) => "allow",
        (Standing::Active, Refusal::Nothing, Ask::Push | Ask::Auto) => "waiting",
    }
}

fn api_paths() -> impl Iterator<Item = &'static EntryPath> {
    ENTRY_PATHS.iter().filter(|path| path.surface != Surface::Prompt)
}

#[tokio::test(flavor = "multi_thread")]
async fn lockout_and_denial_hold_on_every_way_in() {
    let (site, _dir) = site_with_places().await;
    let alice = site.user("alice").await;
    let (_phone, token) = (alice.phone().await, alice.hotp_token().await);
    let rest = site.integration("rest", |_| {}).await;
    let apis = [site.auth_api(), &rest];
    let group = disabled_group(&site).await;
    let mut counter = 0;
    let mut code = || {
        counter += 1;
        token.hotp(counter)
    };
    let mut tried = 0;
    for standing in STANDINGS {
        standing.take(&site, &alice, &group).await;
        let user = if standing == Standing::Unknown { "nobody" } else { "alice" };
        for refusal in REFUSALS {
            refusal.begin(&site, apis).await;
            for path in api_paths() {
                let api = match path.surface {
                    Surface::RestV1 => &rest,
                    Surface::AuthV2 | Surface::Prompt => site.auth_api(),
                };
                // A push that waited holds the slot of the next one.
                site.advance(70);
                let result = try_to_enter(api, path, user, refusal.address(), &code()).await;
                assert_eq!(result, expected(standing, refusal, path.ask), "{path:?}, {standing:?}, {refusal:?}");
                tried += 1;
            }
            refusal.end(&site).await;
        }
    }
    assert_eq!(tried, STANDINGS.len() * REFUSALS.len() * api_paths().count());
}

async fn disabled_group(site: &Site) -> String {
    let change = GroupChange { status: Some(GroupStatus::Disabled), ..GroupChange::default() };
    let group = site.engine().create_group(site.account, &Actor::Terminal, "Leavers", &change).await.unwrap();
    group.id.to_string()
}

/// Opens a push from `address`; its id and where to ask for it.
async fn open_push(api: &Api, surface: Surface, address: &str) -> (String, &'static str) {
    let (route, who, device) = match surface {
        Surface::AuthV2 | Surface::Prompt => ("/auth/v2/auth", "username", ("device", "auto")),
        Surface::RestV1 => ("/rest/v1/auth", "user", ("phone", "phone1")),
    };
    let params = [(who, "alice"), ("ipaddr", address), ("factor", "push"), device, ("async", "1")];
    let status = match surface {
        Surface::AuthV2 | Surface::Prompt => "/auth/v2/auth_status",
        Surface::RestV1 => "/rest/v1/status",
    };
    (api.post(route, &params).await.text("txid"), status)
}

/// An approval that comes after the user's standing or the rules have changed lets in only whom they would let in now.
#[tokio::test(flavor = "multi_thread")]
async fn lockout_and_denial_hold_for_an_approval_that_comes_after_them() {
    let (site, _dir) = site_with_places().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let rest = site.integration("rest", |_| {}).await;
    let apis = [site.auth_api(), &rest];
    let group = disabled_group(&site).await;
    for surface in [Surface::AuthV2, Surface::RestV1] {
        let api = match surface {
            Surface::AuthV2 | Surface::Prompt => site.auth_api(),
            Surface::RestV1 => &rest,
        };
        for standing in STANDINGS.into_iter().filter(|standing| *standing != Standing::Unknown) {
            for refusal in REFUSALS {
                Standing::Active.take(&site, &alice, &group).await;
                Refusal::Nothing.begin(&site, apis).await;
                let (txid, status) = open_push(api, surface, refusal.address()).await;
                let push = phone.next_push().await;
                standing.take(&site, &alice, &group).await;
                refusal.begin(&site, apis).await;
                let answered = phone.approve(push).await.unwrap();
                let lets_in = expected(standing, refusal, Ask::Passcode) == "allow";
                assert_eq!(answered == Answered::Approved, lets_in, "{surface:?}, {standing:?}, {refusal:?}");
                let result = first_status(api, status, &txid).await;
                let word = if lets_in { "allow" } else { "deny" };
                assert_eq!(result, word, "{surface:?}, {standing:?}, {refusal:?}: {answered:?}");
                phone.approve(push).await.unwrap_err();
                assert_eq!(first_status(api, status, &txid).await, word, "a second approval changes nothing");
                refusal.end(&site).await;
            }
        }
    }
}

/// Whoever is gone, or whose phone is gone, does not get in by an answer of that phone.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_for_somebody_who_is_gone_lets_nobody_in() {
    let site = Site::start().await;
    let rest = site.integration("rest", |_| {}).await;
    for surface in [Surface::AuthV2, Surface::RestV1] {
        let api = match surface {
            Surface::AuthV2 | Surface::Prompt => site.auth_api(),
            Surface::RestV1 => &rest,
        };
        for gone in ["user", "phone", "integration"] {
            let alice = site.user("alice").await;
            let mut phone = alice.phone().await;
            let (txid, status) = open_push(api, surface, OFFICE).await;
            let push = phone.next_push().await;
            let (engine, actor) = (site.engine(), &Actor::Terminal);
            match gone {
                "user" => drop(engine.delete_user(site.account, actor, alice.id).await.unwrap()),
                "phone" => drop(engine.delete_phone(site.account, actor, phone.id).await.unwrap()),
                _ => site.change_integration(api.key(), |record| record.enabled = false).await,
            }
            let answered = phone.approve(push).await;
            assert!(!matches!(answered, Ok(Answered::Approved)), "{surface:?}, {gone}: {answered:?}");
            site.change_integration(api.key(), |record| record.enabled = true).await;
            site.advance(61);
            let answer = api.get(status, &[("txid", &txid)]).await;
            let said = answer.json()["response"]["result"].as_str().unwrap_or("nothing").to_owned();
            assert!(said == "deny" || said == "nothing", "{surface:?}, {gone}: {said}");
            engine.delete_user(site.account, actor, alice.id).await.unwrap();
        }
    }
}
