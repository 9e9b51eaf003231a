use proptest::prelude::*;
use rand_core::{CryptoRng, RngCore};

use super::*;

/// Chance that is the same every time.
struct Counter(u64);

impl RngCore for Counter {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 ^ (self.0 >> 33)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.next_u64() as u8;
        }
    }
}

impl CryptoRng for Counter {}

const ALL: Fields =
    Fields { aliases: true, realname: true, email: true, notes: true, phones: Numbers::Imported { country: None } };

fn told(key: &str, username: &str) -> Told {
    Told { key: key.to_owned(), username: username.to_owned(), groups: BTreeSet::from([0]), ..Told::default() }
}

fn group(name: Option<&str>) -> ToldGroup {
    ToldGroup { dn: "cn=staff".to_owned(), name: name.map(str::to_owned) }
}

fn snapshot(people: Vec<Told>) -> Snapshot {
    Snapshot { people, groups: vec![group(Some("staff"))] }
}

fn known(number: u64, username: &str, owner: Owner) -> Known {
    Known {
        id: UserId::generate(&mut Counter(number)),
        version: 1,
        profile: Profile { username: username.to_owned(), ..Profile::default() },
        lately: false,
        groups: if matches!(owner, Owner::This(_)) { BTreeSet::from([0]) } else { BTreeSet::new() },
        owner,
        other_groups: 0,
        numbers: BTreeSet::new(),
        synced_numbers: BTreeSet::new(),
    }
}

fn of(key: &str) -> Owner {
    Owner::This(Link { key: key.to_owned(), disabled: false, trashed: None })
}

fn planned(people: Vec<Told>, users: &[Known]) -> Plan {
    plan(&snapshot(people), users.to_vec(), &ALL, Scope::Everybody, &mut Counter(99))
}

/// What the store makes of a plan, in its order; a name that somebody has refuses the whole act.
fn carried_out(plan: &Plan, users: &[Known]) -> Vec<Known> {
    let mut users = users.to_vec();
    for act in &plan.acts {
        if act.kind == Kind::Create {
            users.push(Known { id: act.user, ..known(0, "", Owner::Nobody) });
        }
        let wanted = &act.wanted;
        let names = |user: &Known| -> Vec<String> { user.profile.names().map(|(name, _)| name).collect() };
        let at = users.iter().position(|user| user.id == act.user).expect("a user");
        let user = &mut users[at];
        user.profile.clone_from(&wanted.profile);
        user.owner = Owner::This(wanted.link.clone());
        user.groups.extend(&wanted.join);
        user.groups.retain(|group| !wanted.leave.contains(group));
        for number in &wanted.old_numbers {
            user.numbers.remove(number);
            user.synced_numbers.remove(number);
        }
        user.numbers.extend(wanted.new_numbers.iter().cloned());
        user.synced_numbers.extend(wanted.new_numbers.iter().cloned());
        let mine = names(&users[at]);
        let others = users.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|(_, user)| names(user));
        let taken: Vec<String> = others.filter(|name| mine.contains(name)).collect();
        assert_eq!(taken, Vec::<String>::new(), "{act:?}");
        let unique: BTreeSet<&String> = mine.iter().collect();
        assert_eq!(unique.len(), mine.len(), "{act:?}");
    }
    users
}

fn kinds(plan: &Plan) -> Vec<(Kind, &str)> {
    plan.acts.iter().map(|act| (act.kind, act.username.as_str())).collect()
}

#[test]
fn each_person_comes_to_what_the_table_says() {
    use Kind::{Create, Disable, Restore, TakeOver, Trash, Update};
    let linked = |link: Link| Owner::This(Link { key: "k".to_owned(), ..link });
    let link = Link::default;
    let user = |owner: Owner, status| {
        let mut user = known(1, "alice", owner);
        user.profile.status = status;
        user
    };
    let person = || told("k", "alice");
    let disabled = || Told { disabled: true, ..person() };
    let (active, off, bypass, trash) =
        (UserStatus::Active, UserStatus::Disabled, UserStatus::Bypass, UserStatus::PendingDeletion);
    let trashed = |before| Link { trashed: Some(before), ..link() };
    let cases = [
        ("nobody of that name", person(), None, Some((Create, active)), None),
        ("nobody, and disabled", disabled(), None, Some((Create, off)), None),
        (
            "a user of administrators",
            Told { username: "ALICE".to_owned(), ..person() },
            Some(user(Owner::Nobody, active)),
            Some((TakeOver, active)),
            None,
        ),
        ("one in bypass", person(), Some(user(Owner::Nobody, bypass)), Some((TakeOver, bypass)), None),
        ("one whom an administrator disabled", person(), Some(user(Owner::Nobody, off)), Some((TakeOver, off)), None),
        ("one in the trash", person(), Some(user(Owner::Nobody, trash)), None, Some(What::InTrash)),
        ("one of another directory", person(), Some(user(Owner::Other, active)), None, Some(What::OtherDirectory)),
        (
            "another person before",
            person(),
            Some(user(of("other"), active)),
            Some((Trash, trash)),
            Some(What::OtherPerson),
        ),
        ("as it should be", person(), Some(user(linked(link()), active)), None, None),
        ("disabled there", disabled(), Some(user(linked(link()), active)), Some((Disable, off)), None),
        ("disabled there, in bypass here", disabled(), Some(user(linked(link()), bypass)), Some((Disable, off)), None),
        (
            "enabled there again",
            person(),
            Some(user(linked(Link { disabled: true, ..link() }), off)),
            Some((Update, active)),
            None,
        ),
        ("disabled here", person(), Some(user(linked(link()), off)), None, None),
        (
            "back in time",
            person(),
            Some(user(linked(trashed(BeforeTrash::Enabled)), trash)),
            Some((Restore, active)),
            None,
        ),
        (
            "back, and disabled there",
            disabled(),
            Some(user(linked(trashed(BeforeTrash::Enabled)), trash)),
            Some((Restore, off)),
            None,
        ),
        (
            "back, and disabled here before",
            person(),
            Some(user(linked(trashed(BeforeTrash::Disabled)), trash)),
            Some((Restore, off)),
            None,
        ),
        ("put into the trash here", person(), Some(user(linked(link()), trash)), None, Some(What::InTrash)),
        ("renamed", told("k", "alicia"), Some(user(linked(link()), active)), Some((Update, active)), None),
        ("renamed in bypass", told("k", "alicia"), Some(user(linked(link()), bypass)), Some((Update, active)), None),
        (
            "in bypass, with other capitals",
            told("k", "Alice"),
            Some(user(linked(link()), bypass)),
            Some((Update, bypass)),
            None,
        ),
        (
            "in bypass, with a further name",
            Told { aliases: vec!["root".to_owned()], ..person() },
            Some(user(linked(link()), bypass)),
            Some((Update, active)),
            None,
        ),
        ("no name", told("k", " "), Some(user(linked(link()), active)), None, Some(What::UnusableName)),
    ];
    for (case, person, user, act, remark) in cases {
        let users: Vec<Known> = user.into_iter().collect();
        let plan = planned(vec![person], &users);
        let decided = plan.acts.first().map(|act| (act.kind, act.wanted.profile.status));
        assert_eq!((decided, plan.remarks.first().map(|remark| remark.what.clone())), (act, remark), "{case}");
    }
}

#[test]
fn who_is_gone_goes_to_the_trash_once() {
    let users = [known(1, "alice", of("a")), known(2, "bob", of("b")), known(3, "carol", Owner::Nobody)];
    let plan = planned(vec![told("a", "alice")], &users);
    assert_eq!(kinds(&plan), [(Kind::Trash, "bob")]);
    assert_eq!((plan.removals, plan.of, plan.unchanged), (1, 2, 1));
    let after = carried_out(&plan, &users);
    assert_eq!(planned(vec![told("a", "alice")], &after).acts, []);
    // Back within the time of the trash.
    let back = planned(vec![told("a", "alice"), told("b", "bob")], &after);
    assert_eq!(kinds(&back), [(Kind::Restore, "bob")]);
    assert_eq!(carried_out(&back, &after)[1].profile.status, UserStatus::Active);
}

#[test]
fn a_group_that_is_missing_takes_nobody_away() {
    let users = [known(1, "alice", of("a")), known(2, "bob", of("b"))];
    let snapshot =
        Snapshot { people: vec![Told { groups: BTreeSet::new(), ..told("a", "alice") }], groups: vec![group(None)] };
    let plan = plan(&snapshot, users.to_vec(), &ALL, Scope::Everybody, &mut Counter(1));
    assert_eq!((plan.acts.len(), plan.held), (0, 1));
}

#[test]
fn one_person_alone_takes_nobody_away() {
    let users = [known(1, "alice", of("a")), known(2, "bob", of("b"))];
    let plan = plan(&snapshot(vec![told("c", "carol")]), users.to_vec(), &ALL, Scope::One, &mut Counter(1));
    assert_eq!(kinds(&plan), [(Kind::Create, "carol")]);
}

#[test]
fn names_are_given_on_in_the_right_order_and_never_twice() {
    // c gives up "y" for "z", b takes "y" and gives up "x", which a takes.
    let users = [known(1, "x", of("b")), known(2, "y", of("c"))];
    let people = vec![told("a", "x"), told("b", "y"), told("c", "z")];
    let plan = planned(people.clone(), &users);
    assert_eq!(kinds(&plan), [(Kind::Update, "y"), (Kind::Update, "x"), (Kind::Create, "x")]);
    let after = carried_out(&plan, &users);
    assert_eq!(planned(people, &after).acts, []);
    // Two who want one name get none of it, save who has it already.
    let twice =
        planned(vec![told("a", "x"), told("b", "X"), told("c", "new"), told("d", "new")], &[known(1, "x", of("b"))]);
    assert_eq!(kinds(&twice), [(Kind::Update, "x")]);
    assert_eq!(twice.remarks.iter().filter(|remark| remark.what == What::SameName).count(), 3);
    // A name that an administrator gave as an alias is nobody's to take over.
    let mut carol = known(1, "carol", Owner::Nobody);
    carol.profile.aliases.insert(1, "cc".to_owned());
    assert_eq!(planned(vec![told("a", "cc")], &[carol]).remarks[0].what, What::AliasOf("carol".to_owned()));
}

#[test]
fn the_brake_holds_what_is_too_much() {
    let users: Vec<Known> = (0..100).map(|n| known(n, &format!("u{n}"), of(&format!("k{n}")))).collect();
    let without = |gone: usize| {
        let people = (gone..100).map(|n| told(&format!("k{n}"), &format!("u{n}"))).collect();
        planned(people, &users)
    };
    for (gone, percent, confirmed, is) in [
        (5, 1, None, Ok(())),
        (6, 5, None, Err(Halt::Brake { removals: 6, lately: 0, of: 100 })),
        (10, 10, None, Ok(())),
        (11, 10, None, Err(Halt::Brake { removals: 11, lately: 0, of: 100 })),
        (11, 10, Some(10), Err(Halt::Brake { removals: 11, lately: 0, of: 100 })),
        (11, 10, Some(12), Err(Halt::Brake { removals: 11, lately: 0, of: 100 })),
        (11, 10, Some(11), Ok(())),
        (100, 100, Some(100), Err(Halt::Empty { of: 100 })),
    ] {
        assert_eq!(without(gone).check(percent, confirmed), is, "{gone}");
    }
    // To be disabled is to be taken away.
    let disabled = (0..100).map(|n| Told { disabled: n < 11, ..told(&format!("k{n}"), &format!("u{n}")) }).collect();
    assert_eq!(planned(disabled, &users).check(10, None), Err(Halt::Brake { removals: 11, lately: 0, of: 100 }));
    // Nobody told and nobody there: fine.
    assert_eq!(planned(Vec::new(), &[known(1, "x", Owner::Nobody)]).check(10, None), Ok(()));
}

#[test]
fn the_brake_counts_what_earlier_runs_took() {
    let users = |trashed: u64, renamed: u64| -> Vec<Known> {
        let user = |n: u64| {
            let mut user = known(n, &format!("u{n}"), of(&format!("k{n}")));
            user.lately = n < trashed + renamed;
            if n < trashed {
                user.profile.status = UserStatus::PendingDeletion;
                user.owner =
                    Owner::This(Link { key: format!("k{n}"), disabled: false, trashed: Some(BeforeTrash::Enabled) });
            }
            user
        };
        (0..100).map(user).collect()
    };
    let plan_of = |from: u64, to: u64, users: &[Known]| {
        planned((from..to).map(|n| told(&format!("k{n}"), &format!("u{n}"))).collect(), users)
    };
    // Ten went, which was all that may go; then one more; then nobody.
    let after_ten = users(10, 0);
    assert_eq!(plan_of(11, 100, &after_ten).check(10, None), Err(Halt::Brake { removals: 1, lately: 10, of: 90 }));
    assert_eq!(plan_of(11, 100, &after_ten).check(10, Some(1)), Ok(()));
    assert_eq!(plan_of(11, 100, &after_ten).check(11, None), Ok(()));
    assert_eq!(plan_of(10, 100, &after_ten).check(10, None), Ok(()));
    // Who comes back is not gone any more.
    assert_eq!(plan_of(0, 99, &after_ten).check(10, None), Ok(()));
    assert_eq!(plan_of(8, 99, &after_ten).lately, Lately { removals: 8, trashed: 8 });
    // Nor does anybody count twice.
    let renamed = users(0, 10);
    assert_eq!(plan_of(5, 100, &renamed).lately, Lately { removals: 5, trashed: 0 });
    assert_eq!(plan_of(5, 100, &renamed).check(10, None), Ok(()));
    let words = Halt::Brake { removals: 1, lately: 10, of: 90 }.to_string();
    assert!(
        words
            .starts_with("1 of 90 users would go to the trash, be disabled or lose their name, after 10 within a day;"),
        "{words}"
    );
}

#[test]
fn the_brake_holds_a_mass_rename() {
    let users: Vec<Known> = (0..100).map(|n| known(n, &format!("u{n}"), of(&format!("k{n}")))).collect();
    let renamed = |count: usize| {
        let name = |n: usize| if n < count { format!("u{n}@example.org") } else { format!("U{n}") };
        planned((0..100).map(|n| told(&format!("k{n}"), &name(n))).collect(), &users)
    };
    assert_eq!(renamed(10).check(10, None), Ok(()));
    assert_eq!(renamed(11).check(10, None), Err(Halt::Brake { removals: 11, lately: 0, of: 100 }));
    // Who keeps the old name as another one still gets in by it.
    let kept = |n: usize| Told { aliases: vec![format!("u{n}")], ..told(&format!("k{n}"), &format!("v{n}")) };
    assert_eq!(planned((0..100).map(kept).collect(), &users).check(10, None), Ok(()));
}

#[test]
fn remarks_cannot_steer_a_terminal() {
    let bad = Told { aliases: vec!["\u{1b}[2J\u{7}".to_owned()], ..told("b", "bob") };
    let plan = planned(vec![told("a", "\u{1b}]0;x\u{7}alice"), bad], &[]);
    assert_eq!(plan.remarks.len(), 2);
    for remark in plan.remarks {
        let text = format!("{}{}", remark.username, remark.what.words());
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

#[test]
fn fields_that_are_not_synced_stay_with_administrators() {
    let fields = Fields { aliases: false, realname: false, email: false, notes: false, phones: Numbers::Ignored };
    let mut user = known(1, "alice", of("a"));
    user.profile.email = "old@example.org".to_owned();
    user.profile.aliases.insert(3, "al".to_owned());
    let person =
        Told { email: Some("new@example.org".to_owned()), aliases: vec!["x".to_owned()], ..told("a", "alice") };
    assert_eq!(
        plan(&snapshot(vec![person.clone()]), vec![user.clone()], &fields, Scope::Everybody, &mut Counter(1)).acts,
        []
    );
    let synced = planned(vec![person], &[user]);
    assert_eq!(synced.acts[0].changes.iter().map(|change| change.field).collect::<Vec<_>>(), ["aliases", "email"]);
    assert_eq!(synced.acts[0].wanted.profile.aliases, BTreeMap::from([(1, "x".to_owned())]));
}

fn some_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "A", "b", "c", "d", "ﬁ", "fi", "e\u{301}", "é", "", "x\u{200b}y", "a@b", "AD\\a"])
        .prop_map(str::to_owned)
}

prop_compose! {
    fn some_person()(
        key in 0..8_u8, username in some_name(), aliases in prop::collection::vec(some_name(), 0..3),
        email in prop::option::of(prop::sample::select(vec!["a@example.org", "no address", ""])),
        phones in prop::collection::vec(prop::sample::select(vec!["+4930123", "030", "+1 202 555 0100"]), 0..3),
        disabled in any::<bool>(), groups in prop::collection::btree_set(0..2_usize, 0..3),
    ) -> Told {
        Told {
            key: key.to_string(), username, aliases, full_name: None, email: email.map(str::to_owned),
            phones: phones.into_iter().map(str::to_owned).collect(), notes: None, disabled, groups,
        }
    }
}

prop_compose! {
    fn some_snapshot()(people in prop::collection::vec(some_person(), 0..8), is_there in any::<bool>()) -> Snapshot {
        Snapshot { people, groups: vec![group(Some("staff")), group(is_there.then_some("others"))] }
    }
}

proptest! {
    /// Whatever the directory says, one run after another: what was carried out leaves nothing to do.
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(first in some_snapshot(), second in some_snapshot(), third in some_snapshot()) {
        let mut alias = known(1, "d", Owner::Nobody);
        alias.profile.aliases.insert(2, "c".to_owned());
        let mut users = vec![alias, known(2, "b", Owner::Other), known(3, "é", Owner::Nobody)];
        let mut rng = Counter(7);
        for snapshot in [first, second, third] {
            let decided = plan(&snapshot, users.clone(), &ALL, Scope::Everybody, &mut rng);
            users = carried_out(&decided, &users);
            let again = plan(&snapshot, users.clone(), &ALL, Scope::Everybody, &mut rng);
            prop_assert_eq!(&again.acts, &Vec::new());
            let rest = |plan: &Plan| plan.remarks.iter().filter(|remark| remark.what.is_all()).count();
            prop_assert_eq!(rest(&again), rest(&decided));
            // The user of another directory is never touched.
            prop_assert_eq!(&users[1], &known(2, "b", Owner::Other));
        }
    }
}
