//! Guesses at the same time: as many are evaluated as the limit says, whatever they come through.
//!
//! After AuthQuake (2024) and authentik's H2/M1 (2025): parallel sessions must not share one count.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Condvar, Mutex};
use std::thread;

use e2e::crash::People;
use e2e::{PATIENCE, Site};

const GUESSES: usize = 64;
/// Of these, so many are the right code, sent when as many wrong ones as lock were answered.
const RIGHT: usize = 4;
const THRESHOLD: usize = 10;

/// Sends all guesses over connections of their own, and gives back how many were let in.
fn guess(site: &Site, user: &str, right: &str, is_rest_v1: impl Fn(usize) -> bool + Sync) -> usize {
    let (auth, unix) = (site.auth_keys(), site.integration("unix"));
    let (start, let_in) = (Barrier::new(GUESSES), AtomicUsize::new(0));
    let (answered, one_more) = (Mutex::new(0), Condvar::new());
    thread::scope(|scope| {
        for number in 0..GUESSES {
            let (start, let_in, answered, one_more, is_rest_v1) = (&start, &let_in, &answered, &one_more, &is_rest_v1);
            let api = site.as_integration(if is_rest_v1(number) { &unix } else { &auth });
            scope.spawn(move || {
                // The connection is there before the guess.
                let ping = if is_rest_v1(number) { "/rest/v1/ping" } else { "/auth/v2/ping" };
                assert_eq!(api.get(ping, &[]).status, 200);
                start.wait();
                let is_right = number < RIGHT;
                if is_right {
                    let answered = answered.lock().unwrap();
                    let waited = one_more.wait_timeout_while(answered, PATIENCE, |answered| *answered < THRESHOLD);
                    assert!(!waited.unwrap().1.timed_out(), "too few answers");
                }
                let code = if is_right { right.to_owned() } else { format!("9999999{number:02}") };
                let answer = if is_rest_v1(number) {
                    api.post("/rest/v1/auth", &[("user", user), ("factor", "passcode"), ("code", &code)])
                } else {
                    api.post("/auth/v2/auth", &[("username", user), ("factor", "passcode"), ("passcode", &code)])
                };
                if answer.ok()["result"] == "allow" {
                    let_in.fetch_add(1, Ordering::Relaxed);
                }
                *answered.lock().unwrap() += 1;
                one_more.notify_all();
            });
        }
    });
    let_in.into_inner()
}

fn check(is_rest_v1: impl Fn(usize) -> bool + Sync) {
    let site = Site::start();
    let mut people = People::make(&site, 1);
    let right = people.0[0].fresh();
    assert_eq!(guess(&site, &people.0[0].user.name, right.text(), is_rest_v1), 0, "the right code came too late");
    let outcomes = site.outcomes();
    let count = |wanted: &str| outcomes.iter().filter(|(_, reason, _)| reason == wanted).count();
    assert_eq!(
        (count("invalid_passcode"), count("locked_out")),
        (THRESHOLD, GUESSES - THRESHOLD),
        "{outcomes:#?}\n{}",
        site.log()
    );
}

#[test]
fn authquake_of_64_guesses_at_once_ten_are_evaluated() {
    check(|_| false);
}

#[test]
fn authentik_h2_m1_parallel_guesses_through_two_apis_share_one_count() {
    check(|number| number % 2 == 0);
}
