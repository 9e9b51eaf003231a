//! Every reason for a refusal, reached through a login API by its own cause: the person is told the reason's text, and the log has its word.

use std::collections::BTreeSet;

use cs_core::integration::UserAccess;
use cs_core::login::{Decision, DenyReason};
use cs_core::policy::facts::{Client, Endpoint, Posture};
use cs_core::policy::{Browser, Os};
use cs_core::user::UserStatus;
use cs_engine::login::{PreauthOutcome, PreauthRequest, Who};
use cs_engine::{Access, AccessDevice, Caller, ENTRY_PATHS, Liveness, Surface};
use cs_store::{Job, Step, args};
use cs_testkit::{Answer, Api, Browser as Tab, Site, TestUser, VirtualPhone};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::scene::{ANONYMOUS, FAR_AWAY, OFFICE, lift, policy, site_with_places};

/// A fact that the login APIs of today cannot bring, because their clients have no words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unseen {
    /// The person's browser: the prompt sees it.
    Browser,
    /// The desktop agent's report on the device, and whether it is a managed one: device health brings both.
    Agent,
}

/// Reasons that no way in can bring about yet, and the fact they wait for. As short as it can be: [`brings`] says when an entry is over.
const NOT_YET_REACHABLE: &[(DenyReason, Unseen)] = &[
    (DenyReason::AgentReportUnverified, Unseen::Agent),
    (DenyReason::EndpointIsNotInManagementSystem, Unseen::Agent),
    (DenyReason::EndpointIsNotTrusted, Unseen::Agent),
    (DenyReason::FirewallOff, Unseen::Agent),
    (DenyReason::NoSecurityAgent, Unseen::Agent),
    (DenyReason::NoSystemPassword, Unseen::Agent),
];

/// What a surface brings of it. Where one brings a fact, the reasons that waited for it get a case in [`Scene::refused_for`].
const fn brings(surface: Surface) -> &'static [Unseen] {
    match surface {
        Surface::AuthV2 | Surface::RestV1 => &[],
        Surface::Prompt => &[Unseen::Browser],
    }
}

/// A refusal as the application hears it.
struct Refused {
    message: String,
    /// Whether it is this server that wrote the entry of the log.
    is_logged: bool,
}

struct Scene {
    site: Site,
    unix: Api,
    _dir: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (site, dir) = site_with_places().await;
        let unix = site.unix().await;
        Self { site, unix, _dir: dir }
    }

    fn api(&self) -> &Api {
        self.site.auth_api()
    }

    async fn user(&self, reason: DenyReason) -> TestUser {
        self.site.user(reason.as_str()).await
    }

    async fn phone(&self, reason: DenyReason) -> VirtualPhone {
        self.user(reason).await.phone().await
    }

    /// Brings `reason` about. `None` where no surface can.
    async fn refused_for(&self, reason: DenyReason) -> Option<Refused> {
        let (site, name) = (&self.site, reason.as_str());
        let answer = match reason {
            DenyReason::AgentReportUnverified
            | DenyReason::EndpointIsNotInManagementSystem
            | DenyReason::EndpointIsNotTrusted
            | DenyReason::FirewallOff
            | DenyReason::NoSecurityAgent
            | DenyReason::NoSystemPassword => return None,

            DenyReason::CouldNotDetermineIfEndpointWasTrusted => {
                let trusted = json!({"trusted_endpoints": {"trusted_endpoint_checking": "require-trusted"}});
                return Some(self.in_browser(reason, trusted).await);
            }
            DenyReason::SoftwareRestricted => {
                let blocked = json!({"browsers": {"blocked_browsers_list": ["firefox"]}});
                return Some(self.in_browser(reason, blocked).await);
            }

            DenyReason::TelephonyLimit => {
                // Nothing is sent here: a site of its own, with a gateway.
                return Some(Refused { message: crate::telephony::refused_by_limit().await, is_logged: false });
            }
            DenyReason::AnomalousPush => {
                self.phone(reason).await;
                for _ in 0..3 {
                    let txid = self.start_push(name).await;
                    site.advance(61);
                    self.status(&txid).await;
                }
                self.status(&self.start_push(name).await).await
            }
            DenyReason::AnonymousIp => {
                self.phone(reason).await;
                let deny = json!({"anonymous_networks": {"anonymous_access_behavior": "deny"}});
                self.under(deny, name, ANONYMOUS).await
            }
            DenyReason::ClonedCredential | DenyReason::InvalidCredential | DenyReason::UserNotVerified => {
                // No page asks a key here: a site of its own, below the pages.
                let refused = crate::passkeys::refused(reason).await;
                let reference = refused.reference.unwrap_or_default();
                return Some(Refused {
                    message: format!("{} (reference {reference})", refused.message),
                    is_logged: false,
                });
            }
            DenyReason::DeniedByPolicy => {
                self.phone(reason).await;
                self.under(json!({"authentication_policy": {"user_auth_behavior": "deny"}}), name, OFFICE).await
            }
            DenyReason::DeniedNetwork => {
                self.phone(reason).await;
                self.under(json!({"authorized_networks": {"blocked": {"ip_list": [OFFICE]}}}), name, OFFICE).await
            }
            DenyReason::DenyUnenrolledUser => {
                self.user(reason).await;
                self.under(json!({"new_user": {"new_user_behavior": "deny"}}), name, OFFICE).await
            }
            DenyReason::DesktopAgentRequired => {
                self.phone(reason).await;
                let agent =
                    json!({"health_checks": {"requires_duo_desktop": ["windows"], "deny_when_unchecked": true}});
                self.under(agent, name, OFFICE).await
            }
            DenyReason::Error => return Some(self.closed_by_a_newer_server(reason).await),
            DenyReason::FactorRestricted => {
                self.user(reason).await.hotp_token().await;
                self.auth(&[("username", name), ("factor", "push"), ("device", "auto")]).await
            }
            DenyReason::InvalidDevice => {
                self.phone(reason).await;
                let stranger = site.user("somebody else").await.phone().await;
                self.auth(&[("username", name), ("factor", "push"), ("device", stranger.id.as_str())]).await
            }
            DenyReason::InvalidPasscode => {
                self.phone(reason).await;
                self.passcode(name).await
            }
            DenyReason::LocationRestricted => {
                self.phone(reason).await;
                self.under(json!({"user_location": {"deny_access_countries_list": ["KP"]}}), name, FAR_AWAY).await
            }
            DenyReason::LockedOut => {
                self.phone(reason).await;
                for _ in 0..10 {
                    self.passcode(name).await;
                }
                self.preauth(name, OFFICE).await
            }
            DenyReason::LoginExpired => {
                self.phone(reason).await;
                let params = [("username", name), ("client_supports_verified_push", "1")];
                let txid = self.api().post("/auth/v2/preauth", &params).await.text("txid");
                site.advance(301);
                self.auth(&[("username", name), ("factor", "push"), ("device", "auto"), ("txid", &txid)]).await
            }
            DenyReason::NoActivatedDuoMobileAccount => {
                self.user(reason).await.hotp_token().await;
                let methods = json!({"authentication_methods": {
                    "allowed_auth_list": ["duo-push"], "blocked_auth_list": ["hardware-token", "duo-passcode"],
                }});
                self.under(methods, name, OFFICE).await
            }
            DenyReason::NoDiskEncryption => {
                let demand = json!({"full_disk_encryption": {"require_encryption": true}});
                self.on_a_phone_that_tells(reason, json!({"encryption": false}), demand).await
            }
            DenyReason::NoResponse => {
                self.phone(reason).await;
                let txid = self.start_push(name).await;
                site.advance(61);
                self.status(&txid).await
            }
            DenyReason::NoScreenLock => {
                self.on_a_phone_that_tells(reason, json!({"screen_lock": false}), json!({})).await
            }
            DenyReason::NumberNotShown => {
                self.phone(reason).await;
                let params = [("user", name), ("factor", "auto"), ("auto", "push"), ("async", "1")];
                let txid = self.unix.post("/rest/v1/auth", &params).await.text("txid");
                self.unix.get("/rest/v1/status", &[("txid", &txid)]).await
            }
            DenyReason::OutOfDate => {
                let old = json!({"operating_systems": {"os_restrictions": {
                    "android": {"block_policy": "less-than-version", "block_version": "12"},
                }}});
                self.on_a_phone_that_tells(reason, json!({"os": "android", "os_version": "9"}), old).await
            }
            DenyReason::PlatformRestricted => {
                let blocked = json!({"operating_systems": {"block_os_list": ["android"]}});
                self.on_a_phone_that_tells(reason, json!({"os": "android", "os_version": "15"}), blocked).await
            }
            DenyReason::PushInProgress => {
                self.phone(reason).await;
                self.start_push(name).await;
                self.status(&self.start_push(name).await).await
            }
            DenyReason::RootedDevice => self.on_a_phone_that_tells(reason, json!({"tampered": true}), json!({})).await,
            DenyReason::TouchIdDisabled => {
                let demand = json!({"mobile_device_biometrics": {"require_biometrics": true}});
                self.on_a_phone_that_tells(reason, json!({"biometrics": false}), demand).await
            }
            DenyReason::UserCancelled => {
                self.phone(reason).await;
                let txid = self.start_push(name).await;
                self.api().post("/auth/v2/cancel", &[("txid", &txid)]).await.response();
                self.status(&txid).await
            }
            DenyReason::UserDisabled => {
                self.user(reason).await.set_status(UserStatus::Disabled).await;
                self.preauth(name, OFFICE).await
            }
            DenyReason::UserMarkedFraud => self.answered(reason, Decision::Fraud).await,
            DenyReason::UserMistake => self.answered(reason, Decision::Deny).await,
            DenyReason::UserNotInPermittedGroup => {
                self.phone(reason).await;
                let closed = site.integration("authapi", |record| record.user_access = UserAccess::Nobody).await;
                closed.post("/auth/v2/preauth", &[("username", name)]).await
            }
            DenyReason::UserPendingDeletion => {
                self.user(reason).await.set_status(UserStatus::PendingDeletion).await;
                self.preauth(name, OFFICE).await
            }
            DenyReason::VersionRestricted => {
                let build = json!({"duo_mobile_app": {"block_policy": "less-than-version", "block_version": "7.0"}});
                self.on_a_phone_that_tells(reason, json!({}), build).await
            }
        };
        Some(Refused { message: message_of(&answer), is_logged: true })
    }

    async fn preauth(&self, name: &str, address: &str) -> Answer {
        self.api().post("/auth/v2/preauth", &[("username", name), ("ipaddr", address)]).await
    }

    /// What is said under a global policy with `sections`.
    async fn under(&self, sections: Json, name: &str, address: &str) -> Answer {
        policy(&self.site, sections.clone()).await;
        let answer = self.preauth(name, address).await;
        lift(&self.site, &sections).await;
        answer
    }

    /// What the prompt says to a browser under these sections. Pages have words of their own: they are compared here.
    async fn in_browser(&self, reason: DenyReason, sections: Json) -> Refused {
        self.phone(reason).await;
        let app = self.site.web_app().await;
        policy(&self.site, sections.clone()).await;
        let page = Tab::new(&self.site).log_in(&app, reason.as_str()).await;
        lift(&self.site, &sections).await;
        let why = cs_pages::Text(cs_pages::Language::En).say(&format!("why-{}-title", reason.as_str()));
        assert!(page.is_refusal() && page.html.contains(&why), "{why}: {}", page.html);
        let (_, rest) = page.html.split_once("<code>").expect("a reference");
        let reference = rest.split('<').next().unwrap();
        Refused { message: format!("{} (reference {reference})", reason.user_text()), is_logged: true }
    }

    async fn on_a_phone_that_tells(&self, reason: DenyReason, posture: Json, sections: Json) -> Answer {
        self.phone(reason).await.tell(&posture).await;
        self.under(sections, reason.as_str(), OFFICE).await
    }

    async fn auth(&self, params: &[(&str, &str)]) -> Answer {
        self.api().post("/auth/v2/auth", params).await
    }

    async fn passcode(&self, name: &str) -> Answer {
        self.auth(&[("username", name), ("factor", "passcode"), ("passcode", "000000")]).await
    }

    async fn start_push(&self, name: &str) -> String {
        let params = [("username", name), ("factor", "push"), ("device", "auto"), ("async", "1"), ("ipaddr", OFFICE)];
        self.auth(&params).await.text("txid")
    }

    async fn status(&self, txid: &str) -> Answer {
        self.api().get("/auth/v2/auth_status", &[("txid", txid)]).await
    }

    async fn answered(&self, reason: DenyReason, decision: Decision) -> Answer {
        let mut phone = self.phone(reason).await;
        let txid = self.start_push(reason.as_str()).await;
        let push = phone.next_push().await;
        phone.answer(push, decision, None).await.unwrap();
        self.status(&txid).await
    }

    /// While servers are being updated, a newer one may close a push for a reason that this one has no word for.
    async fn closed_by_a_newer_server(&self, reason: DenyReason) -> Refused {
        self.phone(reason).await;
        let txid = self.start_push(reason.as_str()).await;
        let step = Step::one(
            "UPDATE login SET state = 'refused', reason = 'a_reason_of_next_year', closed_at = $1 WHERE txid = $2",
            args![self.site.now(), txid.as_str()],
        );
        self.site.engine().store().commit(Job::new().step(step)).await.unwrap();
        Refused { message: message_of(&self.status(&txid).await), is_logged: false }
    }

    /// What the rules say of a login with these facts, as a surface that sees them would ask.
    async fn by_facts(&self, reason: DenyReason, sections: Json, device: AccessDevice) -> Option<DenyReason> {
        let engine = self.site.engine();
        policy(&self.site, sections.clone()).await;
        let caller = Caller {
            account: engine.directory().account(self.site.account).await.unwrap().unwrap(),
            integration: engine.directory().integration(self.site.account, self.api().key()).await.unwrap().unwrap(),
            surface: Surface::AuthV2,
            connection: Liveness::forever(),
            legacy_signature: false,
        };
        let request = PreauthRequest {
            who: Who::Name(reason.as_str().to_owned()),
            access: Access { address: OFFICE.parse().ok(), hostname: None, device: Some(Box::new(device)) },
            trusted_device_token: None,
            shows_number: true,
            browser: None,
            log_as: None,
        };
        let outcome = engine.preauth(&caller, &request).await.unwrap().outcome;
        lift(&self.site, &sections).await;
        match outcome {
            PreauthOutcome::Deny(refused) => Some(refused.denial.reason),
            PreauthOutcome::Allow(_) | PreauthOutcome::Enroll(_) | PreauthOutcome::Challenge(_) => None,
        }
    }
}

/// What the person is told, in any of the login APIs' shapes.
fn message_of(answer: &Answer) -> String {
    let response = answer.response();
    assert_eq!(response["result"], "deny", "{response}");
    let message = response["status_msg"].as_str().or(response["status"].as_str());
    message.unwrap_or_else(|| panic!("no message in {response}")).to_owned()
}

/// The log: reference, reason, result. What happens in the same millisecond has the same reference.
async fn log(site: &Site) -> BTreeSet<[String; 3]> {
    let params = [("mintime", "1000000000000"), ("maxtime", "9999999999999"), ("limit", "1000")];
    let log = site.admin_api().get("/admin/v2/logs/authentication", &params).await.response();
    let text = |entry: &Json, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let entries = log["authlogs"].as_array().unwrap();
    entries.iter().map(|entry| ["reference", "reason", "result"].map(|name| text(entry, name))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_is_reached_by_its_cause_told_and_logged() {
    let scene = Scene::new().await;
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reasons.md")).unwrap();
    let mut waiting = Vec::new();
    for reason in DenyReason::ALL.iter().copied() {
        let heading = format!("\n## {}\n", reason.anchor().split_once('#').unwrap().1);
        assert!(page.contains(&heading), "{reason:?} is not in the book");
        let Some(refused) = scene.refused_for(reason).await else {
            waiting.push(reason);
            continue;
        };
        let told = refused
            .message
            .strip_prefix(reason.user_text())
            .unwrap_or_else(|| panic!("{reason:?}: {}", refused.message));
        let reference = told.trim().trim_start_matches("(reference ").trim_end_matches(')');
        assert_eq!(reference.len(), 8, "{reason:?}: {told}");
        if refused.is_logged {
            scene.site.advance(1);
            let result = if reason == DenyReason::UserMarkedFraud { "fraud" } else { "denied" };
            let entry = [reference, reason.as_str(), result].map(str::to_owned);
            assert!(log(&scene.site).await.contains(&entry), "not in the log: {entry:?}");
        }
    }
    let listed: Vec<DenyReason> = NOT_YET_REACHABLE.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(waiting, listed, "NOT_YET_REACHABLE lists exactly the reasons without a case, in their order");
}

/// An entry of the list ends when a surface brings its fact, and each entry is about that fact: with it, the rules give this reason.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_yet_waits_for_a_fact_that_no_surface_brings() {
    let scene = Scene::new().await;
    for (reason, fact) in NOT_YET_REACHABLE {
        for path in ENTRY_PATHS {
            let is_brought = brings(path.surface).contains(fact);
            assert!(!is_brought, "{} brings {fact:?}: {reason:?} needs a case", path.surface.as_str());
        }
        scene.phone(*reason).await;
        let (sections, device) = cause(*reason, scene.site.now());
        let said = scene.by_facts(*reason, sections, device).await;
        assert_eq!(said, Some(*reason), "stale: the fact is not what brings it about");
    }
}

/// The policy and the device that bring about a reason of [`NOT_YET_REACHABLE`].
fn cause(reason: DenyReason, now: jiff::Timestamp) -> (Json, AccessDevice) {
    let windows = Client { product: Os::Windows, version: None };
    let seen = AccessDevice {
        browser: Some(Client { product: Browser::Chrome, version: None }),
        os: Some(windows),
        endpoint: Endpoint::Unknown,
        posture: None,
    };
    let healthy = Posture {
        os: Os::Windows,
        os_version: None,
        encryption: Some(true),
        firewall: Some(true),
        system_password: Some(true),
        security_agents: Vec::new(),
        signature: Some(true),
        pinned: Some(true),
        collected_at: now,
    };
    let trusted = json!({"trusted_endpoints": {"trusted_endpoint_checking": "require-trusted"}});
    let health = |key: &str, value: Json| json!({"health_checks": {"requires_duo_desktop": ["windows"], key: value}});
    let reporting = |posture| AccessDevice { posture: Some(posture), ..seen.clone() };
    match reason {
        DenyReason::EndpointIsNotInManagementSystem => {
            (trusted, AccessDevice { endpoint: Endpoint::NotManaged, ..seen })
        }
        DenyReason::EndpointIsNotTrusted => (trusted, AccessDevice { endpoint: Endpoint::NotTrusted, ..seen }),
        DenyReason::AgentReportUnverified => {
            let unsigned = Posture { signature: None, ..healthy };
            (health("enforce_signed_payload", json!("enforce-enabled")), reporting(unsigned))
        }
        DenyReason::FirewallOff => {
            let open = Posture { firewall: Some(false), ..healthy };
            (health("enforce_firewall", json!(["windows"])), reporting(open))
        }
        DenyReason::NoSystemPassword => {
            let open = Posture { system_password: None, ..healthy };
            (health("enforce_system_password", json!(["windows"])), reporting(open))
        }
        DenyReason::NoSecurityAgent => {
            (health("windows_endpoint_security_list", json!(["windows-defender"])), reporting(healthy))
        }
        other => panic!("{other:?} has a case"),
    }
}
