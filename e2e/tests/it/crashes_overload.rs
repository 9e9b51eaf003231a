//! More than the server can do: it says so at once, with 429, and goes on.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests; figures help to read a failure")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cs_store::vault::MasterKey;
use cs_store::{Database, Job, Step, Store, StoreConfig, args};
use e2e::crash::{Disk, People};
use e2e::{Answer, Api, PATIENCE, Site};

/// Logins of different users at the same time, by the codes given. Each has its connection before it starts.
fn at_once(site: &Site, people: &mut People, answered: &AtomicUsize) -> Vec<(Answer, Duration)> {
    let start = Barrier::new(people.0.len());
    thread::scope(|scope| {
        let logins: Vec<_> = people
            .0
            .iter_mut()
            .map(|person| {
                let (start, code, name, api) = (&start, person.fresh(), person.user.name.clone(), site.auth());
                scope.spawn(move || {
                    assert_eq!(api.get("/auth/v2/ping", &[]).status, 200);
                    start.wait();
                    let began = Instant::now();
                    let params = [("username", &*name), ("factor", "passcode"), ("passcode", code.text())];
                    let answer = api.post("/auth/v2/auth", &params);
                    answered.fetch_add(1, Ordering::Relaxed);
                    (answer, began.elapsed())
                })
            })
            .collect();
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    })
}

/// 2024-07-25: a vendor's disks did nothing for 90 seconds.
#[test]
fn outage_2024_07_25_a_disk_that_stalls_loses_and_doubles_no_decision() {
    let disk = Disk::mount();
    let mut site = Site::start_in(disk.path(), &[]);
    site.kill();
    site.configure("[limits]\nlogins_in_flight = 8");
    site.serve();
    let mut people = People::make(&site, 32);
    let answered = AtomicUsize::new(0);
    disk.stall();
    let answers = thread::scope(|scope| {
        let logins = scope.spawn(|| at_once(&site, &mut people, &answered));
        disk.wait_for_stalled_sync();
        // Eight logins wait for the disk. All others are answered although nothing moves.
        let deadline = Instant::now() + PATIENCE;
        while answered.load(Ordering::Relaxed) < 24 && Instant::now() < deadline {
            thread::yield_now();
        }
        disk.resume();
        logins.join().unwrap()
    });
    let (let_in, shed): (Vec<_>, Vec<_>) = answers.iter().partition(|(answer, _)| answer.status == 200);
    assert_eq!((let_in.len(), shed.len()), (8, 24), "{answers:?}");
    for (answer, _) in &let_in {
        assert_eq!(answer.body["response"]["result"], "allow");
    }
    for (answer, _) in &shed {
        assert_eq!((answer.status, answer.code()), (429, 42901), "{answer:?}");
        assert_eq!(answer.retry_after, Some(1));
    }
    let slowest = |logins: &[&(Answer, Duration)]| logins.iter().map(|(_, time)| *time).max().unwrap();
    eprintln!("slowest 429: {:?}; slowest login: {:?}", slowest(&shed), slowest(&let_in));
    assert_eq!(site.logins().len(), 8, "what was shed was not decided");
    // It recovers.
    for (answer, _) in at_once(&site, &mut People(people.0.drain(..8).collect()), &answered) {
        assert_eq!(answer.ok()["result"], "allow");
    }
}

/// Rows of each kind that the lists have to go through.
const ROWS: i64 = 20_000;
/// Callers that ask for the worst lists, all the time.
const REPORTERS: usize = 12;

/// Fills the database of `site`, which must not run: tokens, users and log entries, copied from the first of each.
async fn fill(site: &Site) {
    let master = MasterKey::from_file(&site.dir().join("master.key")).unwrap();
    let database = Database::Sqlite(site.dir().join("countersign.db"));
    let store = Store::open(StoreConfig::new(database, master.into())).await.unwrap();
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) ";
    let copies = [
        "INSERT INTO token (account, token_id, type, serial, secret, otp_algorithm, otp_period, otp_counter, otp_last_step, otp_drift, otp_memo, \
         otp_held, version, created_at) SELECT account, printf('DH%018d', i), type, 'copy' || i, secret, otp_algorithm, otp_period, otp_counter, otp_last_step, \
         otp_drift, otp_memo, otp_held, version, created_at FROM n, token WHERE serial = '000000'",
        "INSERT INTO users (account, user_id, username, realname, firstname, lastname, email, notes, status, default_factor, auto_prompt, custom, \
         attempts, failures, lock_rounds, lock_kind, locked_at, locked_until, trust_epoch, version, created_at, last_login, deleted_at) \
         SELECT account, printf('DU%018d', i), 'copy' || i, realname, firstname, lastname, email, notes, status, default_factor, \
         auto_prompt, custom, attempts, failures, lock_rounds, lock_kind, locked_at, locked_until, trust_epoch, version, created_at, last_login, \
         deleted_at FROM n, users WHERE username = 'person0'",
        "INSERT INTO user_name SELECT account, 'copy' || i, printf('DU%018d', i), 0, 'copy' || i FROM n, user_name WHERE name = 'person0'",
        "INSERT INTO user_token SELECT account, printf('DU%018d', i), printf('DH%018d', i), 1 FROM n, token WHERE serial = '000000'",
        "INSERT INTO log SELECT 'copies', i, account, kind, at - i, printf('%032d', i), printf('DU%018d', i), integration, result, reason, factor, \
         body, personal, personal_digest, evidence, evidence_digest, mac FROM n, (SELECT * FROM log WHERE kind = 'auth' LIMIT 1)",
    ];
    for copy in copies {
        store.commit(Job::new().step(Step::any(format!("{numbers}{copy}"), args![ROWS]))).await.unwrap();
    }
    store.shutdown().await;
}

/// The worst a list can be asked for, and how often it was answered, refused for want of room, and given up.
fn report(api: &Api, number: usize) -> u16 {
    let all = [("mintime", "1000000000000"), ("maxtime", "9999999999999"), ("limit", "1000"), ("sort", "ts:desc")];
    let answer = match number % 4 {
        0 => api.get("/admin/v1/tokens", &[("limit", "500"), ("offset", "19500")]),
        1 => api.get("/admin/v1/users", &[("limit", "300"), ("offset", "19700")]),
        2 => {
            api.get("/admin/v2/logs/authentication", &[&all[..], &[("factors", "sms"), ("results", "fraud")]].concat())
        }
        _ => api.get("/admin/v1/info/authentication_attempts", &[]),
    };
    answer.status
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_2018_10_16_admin_list_does_not_starve_logins() {
    let mut site = tokio::task::block_in_place(Site::start);
    let mut people = tokio::task::block_in_place(|| People::make(&site, 40));
    tokio::task::block_in_place(|| {
        for (answer, _) in at_once(&site, &mut people, &AtomicUsize::new(0)) {
            assert_eq!(answer.ok()["result"], "allow");
        }
        site.kill();
    });
    fill(&site).await;
    tokio::task::block_in_place(|| {
        site.serve();
        lists_and_logins(&site, &mut people);
    });
}

fn lists_and_logins(site: &Site, people: &mut People) {
    let (is_over, reports) = (AtomicBool::new(false), Mutex::new(BTreeMap::<u16, usize>::new()));
    let p99 = |people: &mut People| {
        let mut times = Vec::new();
        for _ in 0..5 {
            for (answer, time) in at_once(site, people, &AtomicUsize::new(0)) {
                // Not one is refused, shed or late for the lists' sake.
                assert_eq!(answer.ok()["result"], "allow");
                times.push(time);
            }
        }
        times.sort_unstable();
        times[times.len() * 99 / 100]
    };
    let alone = p99(people);
    let among_lists = thread::scope(|scope| {
        for number in 0..REPORTERS {
            let (api, is_over, reports) = (site.admin(), &is_over, &reports);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let status = report(&api, number);
                    *reports.lock().unwrap().entry(status).or_default() += 1;
                }
            });
        }
        while reports.lock().unwrap().values().sum::<usize>() < REPORTERS {
            thread::yield_now();
        }
        let among_lists = p99(people);
        is_over.store(true, Ordering::Relaxed);
        among_lists
    });
    let reports = reports.into_inner().unwrap();
    eprintln!("p99 of a login: {alone:?} alone, {among_lists:?} among lists; lists by status: {reports:?}");
    // Lists are answered, shed, or ended by their time-out; they never break.
    assert!(reports.keys().all(|status| [200, 429, 503].contains(status)), "{reports:?}");
    assert!(reports.contains_key(&200), "{reports:?}");
}
