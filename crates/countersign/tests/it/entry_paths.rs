//! Every way in, tried with every standing of a user and every denial of a policy.

use std::collections::BTreeSet;

use cs_core::user::UserStatus;
use cs_engine::admin::Actor;
use cs_engine::{Ask, ENTRY_PATHS, EntryPath, Surface};
use cs_testkit::{Api, Site};
use serde_json::{Value as Json, json};

use crate::routes::all_paths;

/// Routes of the login APIs that let nobody in, and why.
const NO_WAY_IN: &[(&str, &str)] = &[
    ("/auth/v2/ping", "says the time"),
    ("/auth/v2/check", "says that the credentials are good"),
    ("/auth/v2/logo", "a picture"),
    ("/auth/v2/enroll", "makes a user, who then has to log in"),
    ("/auth/v2/enroll_status", "says whether a code was used"),
    ("/auth/v2/auth_status", "tells what was decided"),
    ("/auth/v2/cancel", "withdraws"),
    ("/rest/v1/ping", "says the time"),
    ("/rest/v1/check", "says that the credentials are good"),
    ("/rest/v1/logo", "a picture"),
    ("/rest/v1/status", "tells what was decided"),
];

const FROM: &str = "192.0.2.7";

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_login_apis_is_registered() {
    let site = Site::start().await;
    let [api, _] = all_paths(&site);
    let plain = |path: &String| path.trim_end_matches(".json").trim_end_matches(".bson").to_owned();
    let routes: BTreeSet<String> =
        api.iter().filter(|path| path.starts_with("/auth/v2/") || path.starts_with("/rest/v1/")).map(plain).collect();
    let registered = ENTRY_PATHS.iter().map(|path| path.route).chain(NO_WAY_IN.iter().map(|(path, _)| *path));
    assert_eq!(routes, registered.map(str::to_owned).collect(), "a new route needs a line in one of the lists");
    assert!([Surface::AuthV2, Surface::RestV1].iter().all(|s| ENTRY_PATHS.iter().any(|path| path.surface == *s)));
}

/// What a way in says: `allow`, `auth`, `deny`, `enroll`; `waiting` for a push that is on its way.
async fn try_to_enter(api: &Api, path: &EntryPath, code: &str) -> String {
    let who = match path.surface {
        Surface::AuthV2 | Surface::Prompt => "username",
        Surface::RestV1 => "user",
    };
    let mut params = vec![(who, "alice"), ("ipaddr", FROM)];
    let is_rest = path.surface == Surface::RestV1;
    match path.ask {
        Ask::Preauth => {}
        Ask::Passcode if is_rest => params.extend([("factor", "passcode"), ("code", code)]),
        Ask::Passcode => params.extend([("factor", "passcode"), ("passcode", code)]),
        Ask::Menu if is_rest => params.extend([("factor", "auto"), ("auto", code)]),
        Ask::Menu => params.extend([("factor", "prompt"), ("prompt", code)]),
        Ask::Push if is_rest => params.extend([("factor", "push"), ("phone", "phone1"), ("async", "1")]),
        Ask::Push => params.extend([("factor", "push"), ("device", "auto"), ("async", "1")]),
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

async fn policy(site: &Site, body: Json) {
    site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
}

#[tokio::test(flavor = "multi_thread")]
async fn lockout_and_denial_hold_on_every_way_in() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let (_phone, token) = (alice.phone().await, alice.hotp_token().await);
    let rest = site.integration("rest", |_| {}).await;
    let mut counter = 0;
    let mut code = || {
        counter += 1;
        token.hotp(counter)
    };
    let states = ["active", "locked out", "disabled", "in the trash"];
    let policies = [
        ("", json!({})),
        ("network", json!({"authorized_networks": {"blocked": {"ip_list": [FROM]}}})),
        ("everyone", json!({"authentication_policy": {"user_auth_behavior": "deny"}})),
    ];
    let mut tried = 0;
    for state in states {
        match state {
            "active" => alice.set_status(UserStatus::Active).await,
            "locked out" => {
                site.engine().lock_user(site.account, &Actor::Terminal, alice.id).await.unwrap();
            }
            "disabled" => alice.set_status(UserStatus::Disabled).await,
            _ => alice.set_status(UserStatus::PendingDeletion).await,
        }
        for (denied, sections) in &policies {
            let names: Vec<&String> = sections.as_object().unwrap().keys().collect();
            policy(&site, json!({"sections": sections, "confirm_lockout": true})).await;
            for path in ENTRY_PATHS {
                let api = match path.surface {
                    Surface::AuthV2 | Surface::Prompt => site.auth_api(),
                    Surface::RestV1 => &rest,
                };
                // A push that waited holds the slot of the next one.
                site.advance(70);
                let result = try_to_enter(api, path, &code()).await;
                let expected: &[&str] = match (state, *denied, path.ask) {
                    ("active", "", Ask::Preauth) => &["auth"],
                    ("active", "", Ask::Passcode | Ask::Menu) => &["allow"],
                    ("active", "", Ask::Push | Ask::Auto) => &["waiting"],
                    _ => &["deny"],
                };
                assert!(expected.contains(&result.as_str()), "{path:?}, {state}, {denied}: {result}");
                tried += 1;
            }
            policy(&site, json!({"sections_to_delete": names})).await;
        }
    }
    assert_eq!(tried, states.len() * policies.len() * ENTRY_PATHS.len());
}
