//! The engine and the naive evaluator agree, on worlds drawn from a seed.
//!
//! `COUNTERSIGN_POLICY_CASES` sets how many are drawn, `COUNTERSIGN_POLICY_SEED` where the drawing begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use cs_core::policy::{
    Attached, Complete, Decision, GlobalPolicy, Policy, Ranked, Sections, Stack, Verdict, evaluate, recheck,
};

use super::case::{Case, group, lines, short};
use super::chance::{OnGroups, World};
use super::naive::{self, Tables};

fn policy(sections: &Sections) -> Arc<Policy> {
    Arc::new(Policy {
        key: "POAAAAAAAAAAAAAAAAAA".parse().unwrap(),
        name: "any".to_owned(),
        sections: sections.clone(),
    })
}

fn ranked(policies: &[OnGroups]) -> Arc<Ranked> {
    Arc::new(Ranked::new(policies.iter().map(|(groups, sections)| Attached {
        groups: groups.iter().map(|n| group(*n)).collect(),
        policy: policy(sections),
    })))
}

pub(super) fn stack(world: &World) -> Stack {
    let key = "POAAAAAAAAAAAAAAAAAA".parse().unwrap();
    Stack {
        global: Arc::new(GlobalPolicy { key, name: "Global".to_owned(), sections: world.global.clone() }),
        groups: ranked(&world.groups),
        setting: world.setting.clone().map(Arc::new),
        application: world.application.as_ref().map(policy),
        application_groups: ranked(&world.application_groups),
        staged: Arc::default(),
    }
}

/// The merge, from low to high, by overwriting.
fn merged(world: &World) -> Complete {
    let mut merged = world.global.clone();
    let member_of = |groups: &Vec<u32>| {
        let memberships = world.user.as_ref().map_or(&[][..], |user| &user.groups);
        groups.iter().any(|n| memberships.iter().any(|member| member.group == group(*n)))
    };
    let first = |policies: &[OnGroups]| {
        policies.iter().find(|(groups, _)| member_of(groups)).map(|(_, sections)| sections.clone())
    };
    let levels =
        [first(&world.groups), world.setting.clone(), world.application.clone(), first(&world.application_groups)];
    for sections in levels.into_iter().flatten() {
        merged.put(sections);
    }
    merged
}

/// The verdict as the naive evaluator writes it: with the refused phones.
fn with_phones(decision: &Decision<'_>) -> String {
    let mut text = short(decision);
    if let Verdict::Challenge(challenge) = &decision.verdict {
        for choice in &challenge.phones {
            if let Some(fault) = choice.refused {
                text.push_str(&format!("; {} {}", choice.phone, fault.reason().as_str()));
            }
        }
    }
    text
}

pub(super) fn tables(case: &Case) -> Tables {
    let lines = lines();
    Tables {
        os: case.versions.os.iter().map(|(os, _)| (*os, lines.clone())).collect(),
        browsers: case.versions.browsers.iter().map(|(browser, _)| (*browser, lines.clone())).collect(),
        app: lines,
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

#[test]
fn the_engine_agrees_with_the_naive_evaluator() {
    let cases = number("COUNTERSIGN_POLICY_CASES", 20_000);
    let seed = number("COUNTERSIGN_POLICY_SEED", 1);
    let mut verdicts = BTreeMap::<String, u64>::new();
    for n in seed..seed + cases {
        let world = World::random(n);
        let (stack, merged, tables) = (stack(&world), merged(&world), tables(&world.case));
        let groups = world.user.as_ref().map_or(&[][..], |user| &user.groups);
        let effective = stack.effective(groups);
        assert_eq!(effective.to_complete(), merged, "seed {n}: the merge");
        let facts = world.case.facts(world.user.as_ref());
        let decision = evaluate(&effective, &facts);
        let (said, naive) = (with_phones(&decision), naive::decide(&merged, &facts, &tables));
        assert_eq!(said, naive, "seed {n}: {:#?}", decision.trace.lines().collect::<Vec<_>>());
        if let Some(user) = &world.user {
            for (at, phone) in user.phones.iter().enumerate() {
                let said = match recheck(&effective, &facts, Some(phone.id)) {
                    Ok(()) => "fine".to_owned(),
                    Err(denial) => format!("deny {}", denial.reason.as_str()),
                };
                let naive = match naive::again(&merged, &facts, &tables, at) {
                    text if text.starts_with("allow") => "fine".to_owned(),
                    text => text,
                };
                assert_eq!(said, naive, "seed {n}: again");
            }
        }
        let kind = if said.starts_with("ask") { "ask".to_owned() } else { said };
        *verdicts.entry(kind).or_default() += 1;
    }
    // A drawing that never reaches a verdict proves nothing about it.
    println!("{verdicts:#?}");
    if cases >= 20_000 {
        for verdict in REACHED {
            assert!(verdicts.contains_key(*verdict), "{verdict} was never drawn: {verdicts:#?}");
        }
    }
}

/// Every verdict there is.
const REACHED: &[&str] = &[
    "allow allow_unenrolled_user",
    "allow allow_unenrolled_user_on_trusted_network",
    "allow allowed_by_policy",
    "allow bypass_user",
    "allow remembered_device",
    "allow trusted_location",
    "allow trusted_network",
    "ask",
    "deny agent_report_unverified",
    "deny anonymous_ip",
    "deny could_not_determine_if_endpoint_was_trusted",
    "deny denied_by_policy",
    "deny denied_network",
    "deny deny_unenrolled_user",
    "deny desktop_agent_required",
    "deny endpoint_is_not_in_management_system",
    "deny endpoint_is_not_trusted",
    "deny factor_restricted",
    "deny firewall_off",
    "deny location_restricted",
    "deny locked_out",
    "deny no_activated_duo_mobile_account",
    "deny no_disk_encryption",
    "deny no_screen_lock",
    "deny no_security_agent",
    "deny no_system_password",
    "deny out_of_date",
    "deny platform_restricted",
    "deny rooted_device",
    "deny software_restricted",
    "deny touch_id_disabled",
    "deny user_disabled",
    "deny user_not_in_permitted_group",
    "deny user_pending_deletion",
    "deny version_restricted",
    "enroll",
    "enroll here",
];
