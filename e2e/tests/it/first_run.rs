//! Somebody new, from the link in a mail to the first login.

use e2e::Sdk;
use e2e::first_run::first_run;

/// The bar: the whole story is under a minute.
const A_MINUTE: f64 = 60.0;

#[test]
fn somebody_new_opens_the_link_scans_compares_and_logs_in_within_a_minute() {
    let run = first_run(Sdk::Python);
    assert_eq!(run.claims["preferred_username"], "alice");
    assert_eq!(run.claims["auth_context"]["factor"], "verified_duo_push");
    let mut different = run.codes.clone();
    different.sort();
    different.dedup();
    assert_eq!((run.codes.len(), different.len()), (10, 10), "{:?}", run.codes);
    assert!(run.codes.iter().all(|code| code.chars().filter(char::is_ascii_digit).count() == 9), "{:?}", run.codes);
    assert_eq!(run.complaints, Vec::<String>::new());
    let elsewhere = run.requests.iter().filter(|url| {
        !["https://localhost:", "http://localhost:", "data:", "about:"].iter().any(|start| url.starts_with(start))
    });
    assert_eq!(elsewhere.collect::<Vec<_>>(), Vec::<&String>::new());
    let seconds: f64 = run.stages.iter().map(|stage| stage.seconds).sum();
    assert!(seconds < A_MINUTE, "{:?}", run.stages);
    let last = run.stages.last().unwrap();
    assert_eq!((last.clicks, last.keys), (2, 6), "a number of six digits and one button");
}
