//! Policies applied with care: to some first, taken back unless confirmed, tried on the logins of the past.

use cs_core::id::IntegrationKey;
use cs_core::integration::IntegrationType;
use cs_core::policy::{Change, Percent, Reach};
use cs_engine::admin::Actor;
use cs_engine::admin::integrations::{IntegrationChange, PowerfulKeys};
use cs_engine::policy::json::read_sections;
use cs_engine::policy::{Draft, Editor, LockoutRisk, Person, PolicyError, Question, Replay};
use cs_store::Job;
use cs_store::audit::{LogKind, LogRecord};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use crate::site::Site;

on_both_engines![
    a_staged_version_reaches_a_group_then_a_share_then_all,
    what_nobody_confirms_is_taken_back,
    what_was_changed_since_stays,
    what_was_removed_and_made_comes_back_and_goes,
    a_change_is_taken_back_though_the_group_of_its_stage_is_gone,
    what_is_confirmed_stands_and_only_one_waits,
    past_logins_are_judged_by_a_draft,
];

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn deny() -> Json {
    json!({"authentication_policy": {"user_auth_behavior": "deny"}})
}

fn editor(within: Option<SignedDuration>) -> Editor {
    Editor { actor: Actor::Terminal, address: None, risk: LockoutRisk::Refused, confirm_within: within }
}

/// Puts sections into a policy.
fn put(draft: &mut Draft, key: &str, sections: &Json) -> Result<(), PolicyError> {
    draft.change(key, &read_sections(sections).unwrap(), &[])
}

impl Site {
    async fn wiki(&self) -> IntegrationKey {
        let change = IntegrationChange { name: Some("Wiki".to_owned()), ..IntegrationChange::default() };
        let kind = IntegrationType::from_known("authapi");
        let made = self.engine.create_integration(self.account, &self.actor, PowerfulKeys::Allowed, kind, &change);
        made.await.unwrap().key
    }

    async fn made(&self, name: &str, sections: Json, within: Option<SignedDuration>) -> String {
        let sections = read_sections(&sections).unwrap();
        let editor = editor(within);
        let made = self.engine.edit_policies(self.account, &editor, |draft| draft.create(name, sections.clone()));
        made.await.unwrap().outcome.to_string()
    }

    async fn edit(
        &self,
        within: Option<SignedDuration>,
        change: impl Fn(&mut Draft) -> Result<(), PolicyError>,
    ) -> Result<(), PolicyError> {
        self.engine.edit_policies(self.account, &editor(within), change).await.map(drop)
    }

    /// The policy's sections and where it applies, as the file of an export has them.
    async fn exported(&self, key: &str) -> Option<Json> {
        let draft = self.engine.policies(self.account).await.unwrap();
        draft.find(key).ok().map(|policy| draft.export(policy))
    }

    /// What would become of a login, and the policies that its trace names.
    async fn verdict(&self, application: IntegrationKey, user: &str) -> (&'static str, String) {
        let question = Question {
            person: Person::Sent(user.to_owned()),
            application,
            address: None,
            country: None,
            anonymous: false,
            browser: None,
            os: None,
        };
        let explained = self.engine.explain_login(self.account, &question).await.unwrap();
        let names = explained.steps.iter().filter_map(|step| step.policy.as_ref().map(|(_, name)| name.clone()));
        (explained.verdict, names.collect::<Vec<_>>().join(" "))
    }

    async fn descriptions(&self, action: &str) -> Vec<Json> {
        let log = self.log(LogKind::Admin).await;
        let of_action = log.iter().filter(|entry| entry.result.as_deref() == Some(action));
        let description = |entry: &LogRecord| -> Json {
            let personal: Json = serde_json::from_str(entry.personal.as_deref().unwrap()).unwrap();
            serde_json::from_str(personal["description"].as_str().unwrap()).unwrap()
        };
        of_action.map(description).collect()
    }

    async fn taken_back(&self) -> usize {
        self.engine.maintain(self.clock.now()).await.unwrap().taken_back
    }
}

async fn a_staged_version_reaches_a_group_then_a_share_then_all(site: Site) {
    let (wiki, group) = (site.wiki().await, site.group("pilots").await);
    let (ann, bob) = (site.user("ann").await, site.user("bob").await);
    site.engine.add_to_group(site.account, &site.actor, ann, group).await.unwrap();
    let key = site.made("Closed", json!({}), None).await;
    site.edit(None, |draft| draft.apply_to_application(&key, wiki)).await.unwrap();
    let stage = |reach| {
        site.edit(None, move |draft: &mut Draft| {
            draft.stage(&key_of(draft), reach, |draft, key| put(draft, key, &deny()))
        })
    };
    assert!(matches!(stage(None).await, Err(PolicyError::Document { .. })), "whom it reaches must be said");
    stage(Some(Reach::Group(group))).await.unwrap();
    let (ann_gets, names) = site.verdict(wiki, "ann").await;
    assert_eq!(ann_gets, "deny");
    assert!(names.contains("Closed (staged for members of"), "{names}");
    assert_ne!(site.verdict(wiki, "bob").await.0, "deny");
    assert_ne!(site.verdict(wiki, "nobody").await.0, "deny", "a name that nobody has is in no stage");
    // By a share: the same people at every login, and all of them at 100.
    let among = |percent| Reach::Percent(Percent::new(percent).unwrap());
    let policy = key.parse().unwrap();
    for percent in [1, 50, 100] {
        let reach = among(percent);
        site.edit(None, |draft| draft.stage(&key, Some(reach), |_, _| Ok(()))).await.unwrap();
        for (user, name) in [(ann, "ann"), (bob, "bob")] {
            let is_denied = site.verdict(wiki, name).await.0 == "deny";
            assert_eq!(is_denied, reach.includes(policy, user, &[]), "{name} at {percent}%");
        }
    }
    let before = site.exported(&key).await.unwrap();
    assert_eq!(before["sections"], json!({}), "for all others it is what it was");
    site.edit(None, |draft| draft.finish_stage(&key)).await.unwrap();
    assert_eq!(site.exported(&key).await.unwrap()["sections"]["authentication_policy"]["user_auth_behavior"], "deny");
    assert!(matches!(site.edit(None, |draft| draft.abandon_stage(&key)).await, Err(PolicyError::NoSuch { .. })));
    // A stage of the global policy may lock those people out who are to look after it.
    let global = site.edit(None, |draft| draft.stage("global", Some(among(1)), |draft, key| put(draft, key, &deny())));
    assert!(matches!(global.await, Err(PolicyError::Dangerous(_))));
    let gone = Reach::Group("DGZZZZZZZZZZZZZZZZZZ".parse().unwrap());
    let staged = site.edit(None, |draft| draft.stage(&key, Some(gone), |_, _| Ok(()))).await;
    assert!(matches!(staged, Err(PolicyError::NoSuch { what: "group", .. })));
}

/// The only policy but the global one.
fn key_of(draft: &Draft) -> String {
    draft.named("Closed").unwrap().key().to_string()
}

async fn what_nobody_confirms_is_taken_back(site: Site) {
    let wiki = site.wiki().await;
    let (old, new) = (site.made("Old", json!({}), None).await, site.made("New", json!({}), None).await);
    site.edit(None, |draft| draft.apply_to_application(&old, wiki)).await.unwrap();
    let (old_was, new_was) = (site.exported(&old).await, site.exported(&new).await);
    site.edit(Some(MINUTE * 10), |draft| {
        put(draft, &new, &deny())?;
        draft.rename(&new, "Newest")?;
        draft.apply_to_application(&new, wiki)
    })
    .await
    .unwrap();
    assert_eq!(site.verdict(wiki, "ann").await.0, "deny");
    site.clock.advance(MINUTE * 9);
    assert_eq!(site.taken_back().await, 0);
    assert_eq!(site.verdict(wiki, "ann").await.0, "deny");
    site.clock.advance(MINUTE);
    assert_eq!((site.taken_back().await, site.taken_back().await), (1, 0), "once");
    assert_eq!((site.exported(&old).await, site.exported(&new).await), (old_was, new_was));
    assert_ne!(site.verdict(wiki, "ann").await.0, "deny");
    let told = site.descriptions("policy_roll_back").await;
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&told["reason"], &told["changed_by"]), (&json!("not confirmed in time"), &json!("terminal")));
    assert_eq!(told["kept"], json!([]));
    assert!(matches!(site.engine.confirm_policies(site.account, &site.actor).await, Err(PolicyError::NothingWaits)));
}

async fn what_was_changed_since_stays(site: Site) {
    let lock = |required: bool| json!({"screen_lock": {"require_screen_lock": required}});
    let key = site.made("A", lock(true), None).await;
    site.edit(Some(MINUTE), |draft| {
        put(draft, &key, &lock(false))?;
        put(draft, &key, &deny())
    })
    .await
    .unwrap();
    // Somebody else, meanwhile: one of the same sections, another section, and another policy.
    let other = site.made("B", json!({}), None).await;
    site.edit(None, |draft| {
        put(draft, &key, &json!({"screen_lock": {"require_screen_lock": false, "block_unknown": true}}))?;
        put(draft, &key, &json!({"new_user": {"new_user_behavior": "deny"}}))
    })
    .await
    .unwrap();
    site.clock.advance(MINUTE);
    assert_eq!(site.taken_back().await, 1);
    let sections = site.exported(&key).await.unwrap()["sections"].take();
    assert_eq!(sections.get("authentication_policy"), None, "it is as before the change");
    assert_eq!(sections["screen_lock"]["block_unknown"], true);
    assert_eq!(sections["new_user"]["new_user_behavior"], "deny");
    assert!(site.exported(&other).await.is_some());
    let told = site.descriptions("policy_roll_back").await;
    assert_eq!(told[0]["kept"], json!(["A: screen_lock was changed since"]));
}

async fn what_was_removed_and_made_comes_back_and_goes(site: Site) {
    let (wiki, group) = (site.wiki().await, site.group("staff").await);
    let key = site.made("A", json!({"screen_lock": {"require_screen_lock": true}}), None).await;
    site.edit(None, |draft| {
        draft.apply_to_application(&key, wiki)?;
        draft.apply_to_groups(&key, None, &[group])
    })
    .await
    .unwrap();
    let was = site.exported(&key).await;
    site.edit(Some(MINUTE), |draft| {
        draft.remove(&key)?;
        let made = draft.create("A", read_sections(&deny()).unwrap())?;
        draft.apply_to_application(made.as_str(), wiki)
    })
    .await
    .unwrap();
    assert_eq!(site.exported(&key).await, None);
    // An application that is gone cannot get its policy back; the rest can.
    let done = site.engine.take_back_policies(site.account, &site.actor).await.unwrap();
    assert_eq!((done.differences.len(), done.kept), (2, vec![]));
    assert_eq!(site.exported(&key).await, was, "with its key, and where it applied");
    assert_eq!(site.engine.policies(site.account).await.unwrap().policies().len(), 2);
    site.edit(Some(MINUTE), |draft| draft.remove(&key).map(drop)).await.unwrap();
    site.engine.delete_group(site.account, &site.actor, group).await.unwrap();
    site.clock.advance(MINUTE);
    assert_eq!(site.taken_back().await, 1);
    let back = site.exported(&key).await.unwrap();
    assert_eq!((&back["apply_to_apps"], &back["apply_to_groups"]), (&json!([wiki.as_str()]), &json!([])));
}

async fn a_change_is_taken_back_though_the_group_of_its_stage_is_gone(site: Site) {
    let group = site.group("pilots").await;
    let key = site.made("A", json!({}), None).await;
    let stage = |reach, within| {
        let key = key.clone();
        site.edit(within, move |draft: &mut Draft| {
            draft.stage(&key, Some(reach), |draft, key| put(draft, key, &deny()))
        })
    };
    stage(Reach::Group(group), None).await.unwrap();
    site.edit(Some(MINUTE), |draft| draft.finish_stage(&key)).await.unwrap();
    site.engine.delete_group(site.account, &site.actor, group).await.unwrap();
    site.clock.advance(MINUTE);
    assert_eq!(site.taken_back().await, 1, "nobody confirmed it");
    let draft = site.engine.policies(site.account).await.unwrap();
    let policy = draft.find(&key).unwrap();
    assert_eq!(draft.export(policy)["sections"], json!({}));
    assert_eq!(policy.staged, None, "its group is gone");
}

async fn what_is_confirmed_stands_and_only_one_waits(site: Site) {
    let key = site.made("A", json!({}), Some(MINUTE)).await;
    let second = site.edit(Some(MINUTE), |draft| put(draft, &key, &deny())).await;
    assert!(matches!(second, Err(PolicyError::Waiting(_))));
    for within in [SignedDuration::from_secs(59), SignedDuration::from_hours(7 * 24 + 1)] {
        assert!(matches!(site.edit(Some(within), |_| Ok(())).await, Err(PolicyError::Document { .. })));
    }
    // Confirmed and taken back at the same moment: one of the two, never both.
    site.clock.advance(MINUTE);
    let (confirmed, taken) =
        tokio::join!(site.engine.confirm_policies(site.account, &site.actor), site.engine.take_back_unconfirmed());
    assert_eq!(taken.unwrap(), usize::from(confirmed.is_err()));
    assert_eq!(site.exported(&key).await.is_some(), confirmed.is_ok());
    let key = site.made("B", json!({}), Some(MINUTE)).await;
    assert!(matches!(site.engine.confirm_policies(site.other, &site.actor).await, Err(PolicyError::NothingWaits)));
    site.engine.confirm_policies(site.account, &site.actor).await.unwrap();
    site.clock.advance(MINUTE * 100);
    assert_eq!(site.taken_back().await, 0);
    assert!(site.exported(&key).await.is_some());
    assert!(!site.descriptions("policy_confirm").await.is_empty());
    // What changes nothing waits for nothing.
    site.edit(Some(MINUTE), |_| Ok(())).await.unwrap();
    assert_eq!(site.engine.policy_trial(site.account).await.unwrap(), None);
}

async fn past_logins_are_judged_by_a_draft(site: Site) {
    let wiki = site.wiki().await;
    let ann = site.user("ann").await;
    let token = site.token("1").await;
    site.engine.give_token(site.account, &site.actor, ann, token).await.unwrap();
    let log = async |n: u32, user: Option<&str>, country: &str, application: &str| {
        let id = format!("0000000{n}-0000-4000-8000-000000000000");
        let at = site.clock.now() - SignedDuration::from_hours(i64::from(n));
        let mut record = LogRecord::new(site.account.as_str(), LogKind::Auth, id, at);
        record.user_id = user.map(str::to_owned);
        record.integration = Some(application.to_owned());
        record.result = Some("success".to_owned());
        record.factor = Some("hardware_token".to_owned());
        record.body = json!({"reference": format!("REF-{n}")}).to_string();
        record.personal = Some(json!({"username": "ann", "access_ip": "192.0.2.7", "country": country}).to_string());
        site.engine.store().commit(Job::new().log(record)).await.unwrap();
    };
    let user = Some(ann.as_str());
    log(1, user, "CH", wiki.as_str()).await;
    log(2, user, "KP", wiki.as_str()).await;
    log(3, user, "KP", "DIGGGGGGGGGGGGGGGGGG").await;
    log(4, Some("DUGGGGGGGGGGGGGGGGGG"), "KP", wiki.as_str()).await;
    log(5, None, "KP", wiki.as_str()).await;
    let now = site.clock.now();
    let replay = |hours, after, most| Replay {
        from: now - SignedDuration::from_hours(hours),
        to: now,
        user: None,
        application: None,
        after,
        most,
    };
    let no_kp =
        |draft: &mut Draft| put(draft, "global", &json!({"user_location": {"deny_access_countries_list": ["KP"]}}));
    let mut seen = Vec::new();
    let day = replay(24, None, 100);
    let found = site.engine.simulate_policies(site.account, &day, no_kp, |n| seen.push(n)).await.unwrap();
    assert_eq!((found.entries, &found.next, seen), (5, &None, vec![5]));
    assert_eq!(found.left_out.values().sum::<u64>(), 2, "{:?}", found.left_out);
    // A name that nobody has was sent to enroll, and would be refused.
    assert_eq!((found.all.of(Change::Denied), found.all.of(Change::Unchanged)), (2, 1));
    let example = found.examples.iter().find(|example| example.reference == "REF-2").unwrap();
    assert_eq!((example.username.as_str(), example.application.as_str()), ("ann", "Wiki"));
    assert_eq!(example.before, "authenticate: hardware-token");
    assert!(example.after.contains("KP"), "{example:?}");
    assert_eq!(found.users["ann"].of(Change::Denied), 2);
    assert_eq!(found.applications["Wiki"].different(), 2);
    // In parts, the same.
    let mut after = None;
    let mut denied = 0;
    for part in 1..=3 {
        let found = site.engine.simulate_policies(site.account, &replay(24, after, 2), no_kp, |_| {}).await.unwrap();
        denied += found.all.of(Change::Denied);
        assert_eq!(found.next.is_some(), part < 3);
        after = found.next;
    }
    assert_eq!(denied, 2);
    let recent = site.engine.simulate_policies(site.account, &replay(1, None, 100), no_kp, |_| {}).await.unwrap();
    assert_eq!((recent.entries, recent.all.different()), (1, 0));
    assert!(
        site.exported("global").await.unwrap()["sections"]["user_location"]["deny_access_countries_list"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}
