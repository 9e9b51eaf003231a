//! More than the server can do: it says so at once, with 429, and goes on.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use e2e::crash::{Disk, People};
use e2e::{Answer, PATIENCE, Site};

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
