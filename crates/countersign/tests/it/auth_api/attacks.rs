//! What an attacker would try against policies: addresses that are not theirs, names in other spellings, leave from better days.

use cs_core::integration::UserAccess;
use cs_core::user::UserStatus;
use cs_engine::admin::Actor;
use cs_testkit::{Api, Site};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{passcode, status};
use crate::scene::{ANONYMOUS, ELSEWHERE, FAR_AWAY, OFFICE, last_entry, lift, policy, site_with_places};

/// Headers by which proxies and networks of delivery say whose request they forward.
const FORWARDING: [(&str, &str); 10] = [
    ("X-Forwarded-For", "192.0.2.7"),
    ("X-Forwarded-For", "192.0.2.7, 127.0.0.1"),
    ("Forwarded", "for=192.0.2.7;proto=https"),
    ("Forwarded", "for=\"[::ffff:192.0.2.7]\""),
    ("X-Real-IP", "192.0.2.7"),
    ("X-Client-IP", "192.0.2.7"),
    ("X-Cluster-Client-IP", "192.0.2.7"),
    ("True-Client-IP", "192.0.2.7"),
    ("CF-Connecting-IP", "192.0.2.7"),
    ("Fastly-Client-IP", "192.0.2.7"),
];

async fn result_from(api: &Api, user: &str, address: &str) -> String {
    api.post("/auth/v2/preauth", &[("username", user), ("ipaddr", address)]).await.text("result")
}

/// CVE-2024-47070 (authentik), CVE-2026-40575 (oauth2-proxy): whoever could write a header chose the address that rules were about. Here the address is what the
/// application signed, also behind a proxy that is trusted for other purposes.
#[tokio::test(flavor = "multi_thread")]
async fn authentik_cve_2024_47070_no_header_gives_a_login_another_address() {
    for trusted in ["", "127.0.0.0/8"] {
        let site = Site::with(|config| {
            config.trusted_proxies = trusted.split_terminator(',').map(|net| net.parse().unwrap()).collect();
        })
        .await;
        site.user("alice").await.hotp_token().await;
        let api = site.auth_api();
        let office = json!({"authorized_networks": {"no_2fa_required": {"ip_list": ["192.0.2.0/24"]}}});
        let only_office =
            json!({"authorized_networks": {"mfa_required": {"ip_list": ["192.0.2.0/24"]}, "deny_other_access": true}});
        let said = async |params: &[(&str, &str)], header: (&str, &str)| {
            let request = api.request(Method::POST, "/auth/v2/preauth", params).header(header.0, header.1);
            let answer: Json = serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
            answer["response"]["result"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
        };
        for header in FORWARDING {
            let (elsewhere, nowhere) = ([("username", "alice"), ("ipaddr", ELSEWHERE)], [("username", "alice")]);
            policy(&site, office.clone()).await;
            assert_eq!(said(&elsewhere, header).await, "auth", "{header:?} spares nobody a factor");
            assert_eq!(said(&nowhere, header).await, "auth", "{header:?}");
            policy(&site, only_office.clone()).await;
            assert_eq!(said(&elsewhere, header).await, "deny", "{header:?} opens no door");
            assert_eq!(said(&nowhere, header).await, "deny", "{header:?}");
        }
    }
}

/// CVE-2025-54576 (oauth2-proxy): what was not signed changed what was decided.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_beside_the_signature_or_given_twice_is_none() {
    let site = Site::start().await;
    site.user("alice").await.hotp_token().await;
    let api = site.auth_api();
    policy(&site, json!({"authorized_networks": {"no_2fa_required": {"ip_list": [OFFICE]}}})).await;
    assert_eq!(result_from(api, "alice", OFFICE).await, "allow");
    let signed = api.request(Method::POST, "/auth/v2/preauth", &[("username", "alice")]).build().unwrap();
    let mut beside = signed.try_clone().unwrap();
    beside.url_mut().set_query(Some("ipaddr=192.0.2.7"));
    let answer = site.http().execute(beside).await.unwrap();
    let answer: Json = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_ne!(answer["response"]["result"], "allow", "{answer}");
    let twice = api.signing(cs_wire::signing::Scheme::V2Sha512);
    for pair in [[ELSEWHERE, OFFICE], [OFFICE, ELSEWHERE]] {
        let params = [("username", "alice"), ("ipaddr", pair[0]), ("ipaddr", pair[1])];
        let answer = twice.post("/auth/v2/preauth", &params).await;
        assert_ne!(answer.status, 200, "{pair:?}: {}", answer.json());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_whole_address_is_one_and_only_a_mapped_one_is_of_ipv4() {
    let site = Site::start().await;
    site.user("alice").await.hotp_token().await;
    let api = site.auth_api();
    let networks = json!({"authorized_networks": {"no_2fa_required": {"ip_list": ["192.0.2.0/24", "::/0"]}}});
    policy(&site, networks).await;
    let spellings = [
        "192.0.2.7",
        "::ffff:192.0.2.7",
        "::FFFF:c000:207",
        "0:0:0:0:0:ffff:192.0.2.7",
        "[::ffff:192.0.2.7]",
        " 192.0.2.7 ",
    ];
    for spelling in spellings {
        assert_eq!(result_from(api, "alice", spelling).await, "allow", "{spelling}");
    }
    for other in [
        // Not an address at all: of nobody's network.
        "192.0.2.7,198.51.100.9",
        "192.0.2.7 198.51.100.9",
        "192.0.2.07",
        "0300.0.2.7",
        "3221225991",
        "0xc0000207",
        "192.0.2",
        "192.0.2.7/24",
        "１９２.0.2.7",
        "office",
        "0.0.0.0",
        "::",
        "",
        // `::/0` holds no address of IPv4, however it is spelled.
        "198.51.100.9",
        "::ffff:198.51.100.9",
    ] {
        assert_eq!(result_from(api, "alice", other).await, "auth", "{other:?}");
    }
    // What only embeds an address of IPv4 is an address of IPv6.
    policy(&site, json!({"authorized_networks": {"no_2fa_required": {"ip_list": ["192.0.2.0/24"]}}})).await;
    for embedding in ["::192.0.2.7", "64:ff9b::192.0.2.7", "2002:c000:207::1"] {
        assert_eq!(result_from(api, "alice", embedding).await, "auth", "{embedding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_overlapping_networks_the_stricter_list_decides() {
    let site = Site::start().await;
    site.user("alice").await.hotp_token().await;
    let api = site.auth_api();
    let networks = json!({"authorized_networks": {
        "no_2fa_required": {"ip_list": ["192.0.2.0/24", "192.0.2.64-192.0.2.70"]},
        "mfa_required": {"ip_list": ["192.0.2.64/26", "192.0.2.66"]},
        "blocked": {"ip_list": ["192.0.2.64/27", "192.0.2.128-192.0.2.255"]},
        "deny_other_access": true,
    }});
    policy(&site, networks).await;
    for (address, result) in [
        ("192.0.2.7", "allow"),
        ("192.0.2.63", "allow"),
        ("192.0.2.64", "deny"),
        ("192.0.2.66", "deny"),
        ("192.0.2.95", "deny"),
        ("192.0.2.96", "auth"),
        ("192.0.2.127", "auth"),
        ("192.0.2.128", "deny"),
        ("::ffff:192.0.2.128", "deny"),
        ("192.0.3.0", "deny"),
        ("not an address", "deny"),
    ] {
        assert_eq!(result_from(api, "alice", address).await, result, "{address}");
    }
    assert_eq!(api.post("/auth/v2/preauth", &[("username", "alice")]).await.text("result"), "deny", "no address");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_country_spares_nobody_a_factor_and_is_refused_where_others_are() {
    let (site, _dir) = site_with_places().await;
    site.user("alice").await.hotp_token().await;
    let api = site.auth_api();
    // In no database; a private one, which no country was given; none.
    let unknown = ["2001:db8::1", "10.1.2.3", "127.0.0.1", "not an address"];
    let known = ["192.0.2.7", "::ffff:192.0.2.7"];
    for (location, of_known, of_unknown) in [
        (json!({"default_action": "ignore-location"}), "auth", "auth"),
        (json!({"default_action": "allow-access-no-2fa"}), "allow", "auth"),
        (json!({"default_action": "deny-access", "ignore_location_countries_list": ["KP"]}), "deny", "deny"),
        (json!({"default_action": "deny-access", "ignore_location_countries_list": ["CH"]}), "auth", "deny"),
        (json!({"default_action": "deny-access", "allow_access_no_2fa_countries_list": ["CH"]}), "allow", "deny"),
        (json!({"deny_access_countries_list": ["CH"]}), "deny", "auth"),
    ] {
        let sections = json!({ "user_location": location });
        policy(&site, sections.clone()).await;
        for address in known {
            assert_eq!(result_from(api, "alice", address).await, of_known, "{address}: {sections}");
        }
        for address in unknown {
            assert_eq!(result_from(api, "alice", address).await, of_unknown, "{address}: {sections}");
        }
        lift(&site, &sections).await;
    }
}

/// Letter case and look-alikes to Unicode are one name everywhere: in the lockout, in the policy of a group, in what is remembered. What only looks alike to people is nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_another_spelling_is_the_same_user_or_nobody() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let token = alice.hotp_token().await;
    let api = site.auth_api();
    let same = [
        "alice",
        "ALICE",
        "Alice",
        " alice ",
        "ａｌｉｃｅ",
        "Ａlice",
        "EXAMPLE\\alice",
        "alice@example.org",
        "EXAMPLE\\ALICE@example.org",
    ];
    let nobody = ["аlice", "alice\u{200b}", "al\u{131}ce", "alicé", "alice/", "alice;", "alice%00", "alice\u{301}"];
    let unknown = json!({"new_user": {"unknown_user_behavior": "deny", "new_user_behavior": "deny"}});
    policy(&site, unknown).await;
    for name in same {
        assert_eq!(result_from(api, name, OFFICE).await, "auth", "{name:?}");
    }
    for name in nobody {
        assert_eq!(result_from(api, name, OFFICE).await, "deny", "{name:?}");
    }
    // Guesses in ten spellings are ten guesses at one user.
    for guess in 0..10 {
        assert_eq!(passcode(api, same[guess % same.len()], "000000").await, "deny");
    }
    for name in same {
        assert_eq!(passcode(api, name, &token.hotp(0)).await, "locked_out", "{name:?}");
    }
    alice.set_status(UserStatus::Active).await;
    let remembering = json!({"remembered_devices": {"address_apps": {"enabled": true, "max_time_value": 30, "max_time_units": "minutes"}}});
    policy(&site, remembering).await;
    let login = [("username", "ALICE"), ("factor", "passcode"), ("passcode", &*token.hotp(1)), ("ipaddr", OFFICE)];
    assert_eq!(api.post("/auth/v2/auth", &login).await.text("result"), "allow");
    assert_eq!(result_from(api, "alice@example.org", OFFICE).await, "allow");
    alice.set_status(UserStatus::Disabled).await;
    for name in same {
        assert_eq!(result_from(api, name, OFFICE).await, "deny", "{name:?}");
    }
}

/// CVE-2025-0604 (Keycloak): what was granted earlier outlived the account. Whatever is remembered, the rules about the person and the place are asked first.
#[tokio::test(flavor = "multi_thread")]
async fn keycloak_cve_2025_0604_what_is_remembered_helps_nobody_who_is_refused() {
    let (site, _dir) = site_with_places().await;
    let api = site.integration("authapi", |record| record.remembered_days = Some(30)).await;
    let alice = site.user("alice").await;
    let token = alice.hotp_token().await;
    let login = async |counter: u64, address: &str| {
        let code = token.hotp(counter);
        let params = [("username", "alice"), ("factor", "passcode"), ("passcode", &*code), ("ipaddr", address)];
        api.post("/auth/v2/auth", &params).await.text("trusted_device_token")
    };
    let by_token = async |token: &str, address: &str| {
        let params = [("username", "alice"), ("trusted_device_token", token), ("ipaddr", address)];
        api.post("/auth/v2/preauth", &params).await.text("result")
    };
    let mut counter = 0;
    let locked = async || site.engine().lock_user(site.account, &Actor::Terminal, alice.id).await.unwrap();
    for refusal in
        ["disabled", "in the trash", "locked out", "not permitted", "network", "country", "anonymous", "everyone"]
    {
        let (sections, address) = match refusal {
            "network" => (json!({"authorized_networks": {"blocked": {"ip_list": [OFFICE]}}}), OFFICE),
            "country" => (json!({"user_location": {"deny_access_countries_list": ["KP"]}}), FAR_AWAY),
            "anonymous" => (json!({"anonymous_networks": {"anonymous_access_behavior": "deny"}}), ANONYMOUS),
            "everyone" => (json!({"authentication_policy": {"user_auth_behavior": "deny"}}), OFFICE),
            _ => (json!({}), OFFICE),
        };
        let remembered = login(counter, address).await;
        counter += 1;
        assert_eq!(by_token(&remembered, address).await, "allow", "{refusal}: before");
        match refusal {
            "disabled" => alice.set_status(UserStatus::Disabled).await,
            "in the trash" => alice.set_status(UserStatus::PendingDeletion).await,
            "locked out" => locked().await,
            "not permitted" => site.change_integration(api.key(), |r| r.user_access = UserAccess::Nobody).await,
            _ => policy(&site, sections.clone()).await,
        }
        assert_eq!(by_token(&remembered, address).await, "deny", "{refusal}");
        alice.set_status(UserStatus::Active).await;
        site.change_integration(api.key(), |r| r.user_access = UserAccess::All).await;
        lift(&site, &sections).await;
        if refusal == "disabled" || refusal == "in the trash" {
            assert_eq!(by_token(&remembered, address).await, "auth", "{refusal}: forgotten with the change of status");
        }
    }
}

/// Somebody is refused while a push waits: the approval does not let them in, and the waiting request of the client is told so at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_policy_put_on_while_a_push_waits_refuses_its_approval() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let (api, admin) = (site.auth_api(), site.admin_api());
    let group = admin.post("/admin/v1/groups", &[("name", "contractors")]).await.text("group_id");
    let deny = json!({
        "policy_name": "Contractors stay out",
        "sections": {"authentication_policy": {"user_auth_behavior": "deny"}},
        "apply_to_groups_in_apps": [{"app_integration_key": api.key().as_str(), "group_id_list": [group]}],
    });
    admin.json("POST", "/admin/v2/policies", &deny).await.response();
    let txid = super::start_push(api, "alice", OFFICE).await;
    let push = phone.next_push().await;
    let (asking, asked) = (api.clone(), txid.clone());
    let waits = tokio::spawn(async move { status(&asking, &asked).await });
    site.waiting(1).await;
    site.advance(1);
    admin.post(&format!("/admin/v1/users/{}/groups", alice.id), &[("group_id", &group)]).await.response();
    assert!(matches!(phone.approve(push).await.unwrap(), cs_engine::login::Answered::Refused(_)));
    assert_eq!(waits.await.unwrap().text("result"), "deny");
    assert_eq!(last_entry(&site).await["reason"], "denied_by_policy");
}
