//! Debian's `login-duo`, at a terminal and without one.

use e2e::Site;
use e2e::unix::{CLIENT_ADDRESS, Host, number_in};

const QUESTION: &str = "Passcode or option (1-1): ";

#[test]
fn a_login_is_approved_on_the_phone() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let host = Host::secure(&site);
    let watch = phone.watch();
    let mut terminal = host.login("alice");
    let menu = terminal.shows(QUESTION);
    terminal.types("1");
    let request = watch.request();
    assert_eq!(request.shown["address"], CLIENT_ADDRESS);
    phone.approve(&request, Some(&number_in(&menu)));
    let (is_in, screen) = terminal.ends();
    assert!(is_in && screen.contains("Success. Logging you in...") && screen.contains("welcome"), "{screen}");
    let logins = site.logins();
    assert_eq!(logins[0]["access_device"]["ip"], CLIENT_ADDRESS);
}

#[test]
fn a_denied_login_runs_nothing() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let host = Host::secure(&site).with("prompts = 1");
    let watch = phone.watch();
    let mut terminal = host.login("alice");
    terminal.shows(QUESTION);
    terminal.types("1");
    phone.deny(&watch.request());
    let (is_in, screen) = terminal.ends();
    assert!(!is_in && screen.contains("Login request denied.") && !screen.contains("welcome"), "{screen}");
}

#[test]
fn a_passcode_opens_and_three_wrong_ones_do_not() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let host = Host::secure(&site);
    let mut terminal = host.login("alice");
    terminal.shows(QUESTION);
    terminal.types(&phone.passcode());
    let (is_in, screen) = terminal.ends();
    assert!(is_in && screen.contains("welcome"), "{screen}");

    let mut terminal = host.login("alice");
    for _ in 0..3 {
        terminal.shows(QUESTION);
        terminal.types("123");
    }
    let (is_in, screen) = terminal.ends();
    assert!(!is_in && !screen.contains("welcome"), "{screen}");
}

#[test]
fn a_command_without_a_terminal_takes_the_default_factor() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let host = Host::secure(&site);
    let watch = phone.watch();
    let output = std::thread::scope(|scope| {
        let login = scope.spawn(|| host.login_headless("alice"));
        let request = watch.request();
        assert_eq!(request.shown["digits"], 0, "nobody could read a number");
        assert!(request.shown["info"].to_string().contains("echo welcome"), "{}", request.shown);
        phone.approve(&request, None);
        login.join().unwrap()
    });
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("welcome"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_command_without_a_terminal_is_refused_to_a_user_without_a_phone() {
    let site = Site::start();
    let bob = site.user("bob");
    site.bypass_codes(&bob, 1, 1);
    let output = Host::secure(&site).login_headless("bob");
    assert!(!output.status.success() && output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}
