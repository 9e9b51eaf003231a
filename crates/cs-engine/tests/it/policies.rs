//! Policies: changed at the same time by several, guarded by logins, kept parsed, remembered whole.

use std::sync::Arc;

use cs_core::id::IntegrationKey;
use cs_core::integration::IntegrationType;
use cs_core::network::NetworkList;
use cs_core::policy::exemption::ExemptionKind;
use cs_core::policy::{Level, Section, Sections};
use cs_engine::admin::exemptions::NewExemption;
use cs_engine::admin::integrations::{IntegrationChange, PowerfulKeys};
use cs_engine::policy::json::read_sections;
use cs_engine::policy::{Editor, LockoutRisk, Person, PolicyDocument, PolicyError, Question};
use cs_store::policies::policies_unchanged;
use cs_store::{CommitError, Job};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use crate::site::{ALL, Site};

on_both_engines![
    several_who_change_policies_at_once_all_succeed,
    a_setting_that_logins_go_by_turns_the_page,
    a_decision_made_with_older_policies_does_not_commit,
    logins_share_what_was_made_of_the_policies,
    an_import_makes_policies_exactly_what_it_says_or_changes_nothing,
    every_version_is_kept_with_where_it_applied,
    policies_of_another_account_are_out_of_reach,
    what_is_removed_takes_its_policies_along,
    an_explanation_reckons_with_exemptions_and_writes_nothing,
];

impl Site {
    fn editor(&self) -> Editor {
        Editor { actor: self.actor.clone(), address: None, risk: LockoutRisk::Refused, confirm_within: None }
    }

    async fn application(&self) -> IntegrationKey {
        let kind = IntegrationType::from_known("authapi");
        let change = IntegrationChange { name: Some("Wiki".to_owned()), ..IntegrationChange::default() };
        let made = self.engine.create_integration(self.account, &self.actor, PowerfulKeys::Allowed, kind, &change);
        made.await.unwrap().key
    }

    async fn policy(&self, name: &str, sections: Json) -> String {
        let sections = read_sections(&sections).unwrap();
        let editor = self.editor();
        let made = self.engine.edit_policies(self.account, &editor, |draft| draft.create(name, sections.clone()));
        made.await.unwrap().outcome.to_string()
    }

    async fn book_version(&self) -> i64 {
        self.engine.store().policy_rows(self.account, self.clock.now()).await.unwrap().version
    }
}

fn lock() -> Json {
    json!({"screen_lock": {"require_screen_lock": false}})
}

async fn several_who_change_policies_at_once_all_succeed(site: Site) {
    let key = site.policy("A", json!({})).await;
    let first = site.book_version().await;
    let editor = site.editor();
    let create = |name: &'static str| {
        site.engine.edit_policies(site.account, &editor, move |draft| draft.create(name, Sections::default()))
    };
    let add = |sections: Json| {
        let (sections, key) = (read_sections(&sections).unwrap(), key.clone());
        site.engine.edit_policies(site.account, &editor, move |draft| draft.change(&key, &sections, &[]))
    };
    let (b, c, one, other) =
        tokio::join!(create("B"), create("C"), add(lock()), add(json!({"plugins": {"flash": "allow-all"}})));
    b.unwrap();
    c.unwrap();
    one.unwrap();
    other.unwrap();
    let policies = site.engine.policies(site.account).await.unwrap();
    assert_eq!(policies.policies().len(), 4);
    let present: Vec<Section> = policies.find(&key).unwrap().sections.present().collect();
    assert_eq!(present, [Section::Plugins, Section::ScreenLock], "neither change was lost");
    assert_eq!(site.book_version().await, first + 4);
    // Of two that want the same name, one is told.
    let (one, other) = tokio::join!(create("D"), create("D"));
    assert!(one.is_ok() != other.is_ok());
    let refusal = one.err().or(other.err()).unwrap();
    assert!(matches!(refusal, PolicyError::NameTaken(name) if name == "D"));
}

async fn a_decision_made_with_older_policies_does_not_commit(site: Site) {
    let account = site.engine.directory().account(site.account).await.unwrap().unwrap();
    let book = site.engine.directory().policies(&account, site.clock.now()).await.unwrap();
    let decide = |version| site.engine.store().commit(Job::new().step(policies_unchanged(site.account, version)));
    decide(book.version()).await.unwrap();
    let before = site.engine.store().directory_version().await.unwrap();
    site.policy("A", json!({})).await;
    assert!(matches!(decide(book.version()).await, Err(CommitError::Conflict { step: 0 })));
    let fresh = site.engine.directory().policies(&account, site.clock.now()).await.unwrap();
    decide(fresh.version()).await.unwrap();
    assert_ne!(site.engine.store().directory_version().await.unwrap(), before, "other nodes hear of it");
}

async fn a_setting_that_logins_go_by_turns_the_page(site: Site) {
    let directory = site.engine.directory();
    // As a request holds it that began before the change.
    let account = directory.account(site.account).await.unwrap().unwrap();
    let book = async || directory.policies(&account, site.clock.now()).await.unwrap();
    let set = async |name: &str, value: &str| {
        site.engine.change_settings(site.account, &site.actor, &[(name.to_owned(), value.to_owned())]).await.unwrap()
    };
    let first = book().await;
    set("helpdesk_message", "Room 5").await;
    assert_eq!(book().await.version(), first.version(), "what logins do not go by is no change of them");
    let changes = [("lockout_threshold", "3"), ("new_user_behavior", "deny"), ("number_matching_digits", "4")];
    for (name, value) in changes {
        let before = book().await;
        set(name, value).await;
        let job = Job::new().step(policies_unchanged(site.account, before.version()));
        let committed = site.engine.store().commit(job).await;
        assert!(matches!(committed, Err(CommitError::Conflict { step: 0 })), "{name}");
    }
    let last = book().await;
    assert_eq!(last.login().lockout.threshold(), 3);
    assert_eq!(last.global().sections.authentication_methods.verified_push_digits, 4);
    assert_eq!(site.engine.directory().policies(&account, site.clock.now()).await.unwrap().version(), last.version());
}

async fn logins_share_what_was_made_of_the_policies(site: Site) {
    let key = site.application().await;
    let directory = site.engine.directory();
    let account = directory.account(site.account).await.unwrap().unwrap();
    let stack = async || {
        let integration = directory.integration(site.account, key).await.unwrap().unwrap();
        directory.policies(&account, site.clock.now()).await.unwrap().stack_for(&integration)
    };
    let first = stack().await;
    let reads = site.engine.store().reads();
    assert!(Arc::ptr_eq(&first, &stack().await), "nothing is made anew for a login");
    assert_eq!(site.engine.store().reads(), reads, "and nothing read");
    let policy = site.policy("A", lock()).await;
    let editor = site.editor();
    let applied = site.engine.edit_policies(site.account, &editor, |draft| draft.apply_to_application(&policy, key));
    applied.await.unwrap();
    let second = stack().await;
    assert_eq!(second.effective(&[]).screen_lock.level, Level::Application);
    // A setting of the application counts as soon as it is changed.
    let days = IntegrationChange { remembered_days: Some(Some(7)), ..IntegrationChange::default() };
    site.engine.change_integration(site.account, &site.actor, PowerfulKeys::Allowed, key, &days).await.unwrap();
    assert_eq!(stack().await.effective(&[]).remembered_devices.level, Level::ApplicationSetting);
}

async fn an_import_makes_policies_exactly_what_it_says_or_changes_nothing(site: Site) {
    let key = site
        .policy("A", json!({"screen_lock": {"require_screen_lock": false}, "plugins": {"flash": "allow-all"}}))
        .await;
    let at_first = site.book_version().await;
    let import = |documents: Json| {
        let documents = PolicyDocument::read_all(&documents);
        let (site, editor) = (&site, site.editor());
        async move {
            let documents = documents?;
            let all = |draft: &mut cs_engine::policy::Draft| {
                documents.iter().try_for_each(|document| draft.import(document).map(drop))
            };
            site.engine.edit_policies(site.account, &editor, all).await
        }
    };
    // The second cannot be, so the first is not made either.
    let half = import(json!([{"policy_name": "A", "sections": lock()}, {"policy_name": ""}])).await;
    assert!(matches!(half, Err(PolicyError::Document { .. })));
    assert_eq!(site.book_version().await, at_first);
    let made =
        import(json!({"policies": [{"policy_name": "A", "sections": lock()}, {"policy_name": "B"}]})).await.unwrap();
    let actions: Vec<&str> = made.differences.iter().map(|difference| difference.action).collect();
    assert_eq!(actions, ["policy_update", "policy_create"]);
    let policies = site.engine.policies(site.account).await.unwrap();
    let present: Vec<Section> = policies.find(&key).unwrap().sections.present().collect();
    assert_eq!(present, [Section::ScreenLock], "what it does not name is gone");
    let export: Vec<Json> = policies.policies().iter().map(|policy| policies.export(policy)).collect();
    assert_eq!(import(Json::Array(export)).await.unwrap().differences, []);
    assert_eq!(site.book_version().await, at_first + 1);
}

async fn every_version_is_kept_with_where_it_applied(site: Site) {
    let application = site.application().await;
    let key = site.policy("A", lock()).await;
    let editor = site.editor();
    let edit = |change: &'static str| {
        let key = key.clone();
        site.engine.edit_policies(site.account, &editor, move |draft| match change {
            "apply" => draft.apply_to_application(&key, application),
            "rename" => draft.rename(&key, "B"),
            _ => draft.remove(&key).map(drop),
        })
    };
    for change in ["apply", "rename", "remove"] {
        edit(change).await.unwrap();
    }
    let page = site.engine.store().reader().policy_history(site.account, key.parse().unwrap(), ALL).await.unwrap();
    let told: Vec<(i64, &str, &str)> =
        page.items.iter().map(|entry| (entry.version, entry.action.as_str(), entry.name.as_str())).collect();
    let expected =
        [(4, "policy_delete", "B"), (3, "policy_update", "B"), (2, "policy_update", "A"), (1, "policy_create", "A")];
    assert_eq!(told, expected);
    assert!(page.items[0].uses.contains(application.as_str()), "where it applied when it was removed");
    assert_eq!((page.items[3].uses.as_str(), &page.items[3].actor), ("[]", &"API".to_owned()));
    assert_eq!(page.items[3].sections, page.items[0].sections);
}

async fn policies_of_another_account_are_out_of_reach(site: Site) {
    let key = site.policy("A", lock()).await;
    let editor = site.editor();
    let theirs = |change: fn(&mut cs_engine::policy::Draft, &str) -> Result<(), PolicyError>| {
        let key = key.clone();
        site.engine.edit_policies(site.other, &editor, move |draft| change(draft, &key))
    };
    for change in [
        theirs(|draft, key| draft.remove(key).map(drop)).await,
        theirs(|draft, key| draft.rename(key, "Mine")).await,
        theirs(|draft, key| draft.copy(key, "Mine").map(drop)).await,
    ] {
        assert!(matches!(change, Err(PolicyError::NoSuch { what: "policy", .. })));
    }
    let application = site.application().await;
    let own = site.engine.edit_policies(site.other, &editor, |draft| {
        let key = draft.create("Mine", Sections::default())?;
        draft.apply_to_application(key.as_str(), application)
    });
    assert!(matches!(own.await, Err(PolicyError::NoSuch { what: "application", .. })));
    assert_eq!(site.engine.policies(site.other).await.unwrap().policies().len(), 1);
}

async fn what_is_removed_takes_its_policies_along(site: Site) {
    let (application, group) = (site.application().await, site.group("staff").await);
    let key = site.policy("A", lock()).await;
    let editor = site.editor();
    let apply = site.engine.edit_policies(site.account, &editor, |draft| {
        draft.apply_to_application(&key, application)?;
        draft.apply_to_groups(&key, Some(application), &[group])?;
        draft.apply_to_groups(&key, None, &[group])
    });
    assert_eq!(apply.await.unwrap().policies.uses().len(), 3);
    let version = site.book_version().await;
    site.engine.delete_group(site.account, &site.actor, group).await.unwrap();
    assert_eq!(site.engine.policies(site.account).await.unwrap().uses().len(), 1);
    let deleted = site.engine.delete_integration(site.account, &site.actor, PowerfulKeys::Allowed, application);
    deleted.await.unwrap();
    assert_eq!(site.engine.policies(site.account).await.unwrap().uses(), []);
    assert_eq!(site.book_version().await, version + 2);
}

async fn an_explanation_reckons_with_exemptions_and_writes_nothing(site: Site) {
    let (application, scanner) = (site.application().await, site.user("scanner").await);
    let token = site.token("1").await;
    site.engine.give_token(site.account, &site.actor, scanner, token).await.unwrap();
    let exemption = NewExemption {
        kind: ExemptionKind::AutomaticApproval,
        applications: vec![application],
        networks: NetworkList::parse("192.0.2.0/24").unwrap(),
        until: site.clock.now() + SignedDuration::from_hours(48),
        reason: "nightly scan".to_owned(),
    };
    site.engine.create_exemption(site.account, &site.actor, scanner, exemption).await.unwrap();
    let before = site.version(scanner).await;
    let explain = async |address: &str| {
        let question = Question {
            person: Person::Sent("SCANNER".to_owned()),
            application,
            address: address.parse().ok(),
            country: None,
            anonymous: false,
            browser: None,
            os: None,
        };
        site.engine.explain_login(site.account, &question).await.unwrap()
    };
    let inside = explain("192.0.2.7").await;
    assert_eq!(inside.verdict, "allow", "{inside:?}");
    let decisive: Vec<&str> = inside.steps.iter().filter(|step| step.is_decisive).map(|step| step.rule).collect();
    assert_eq!(decisive, ["exemption"]);
    let outside = explain("198.51.100.1").await;
    assert_eq!((outside.verdict, outside.methods.as_slice()), ("authenticate", &["hardware-token"][..]), "{outside:?}");
    assert_eq!(site.version(scanner).await, before);
}
