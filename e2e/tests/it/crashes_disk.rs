//! A full disk: logins are refused, and nothing acknowledged is lost.

use e2e::Site;
use e2e::crash::{Disk, People, Person};

/// Logins until the server must have met the end of the disk.
const MOST_LOGINS: usize = 3_000;

fn log_in(site: &Site, person: &mut Person) -> (String, e2e::Answer) {
    let code = person.fresh().text().to_owned();
    let params = [("username", &*person.user.name), ("factor", "passcode"), ("passcode", &code)];
    let answer = site.auth().post("/auth/v2/auth", &params);
    (code, answer)
}

#[test]
fn a_full_disk_refuses_logins_and_loses_none_that_was_acknowledged() {
    let disk = Disk::mount();
    let mut site = Site::start_in(disk.path(), &[]);
    let mut people = People::make(&site, 4);
    disk.limit_room(Some(64 * 1024));
    let mut let_in = Vec::new();
    let refused = (0..MOST_LOGINS).find_map(|number| {
        let person = &mut people.0[number % 4];
        let (code, answer) = log_in(&site, person);
        if answer.status == 200 {
            assert_eq!(answer.ok()["result"], "allow");
            let_in.push((person.user.name.clone(), code));
            return None;
        }
        Some((answer, number % 4, code))
    });
    let (answer, person, unused) = refused.expect("the disk is full");
    assert_eq!((answer.status, answer.code()), (503, 50301), "{answer:?}");
    assert!(!answer.body.to_string().contains("SQL"), "{answer:?}");
    // A stop at the worst moment, and a start when there is room again.
    site.kill();
    disk.limit_room(None);
    site.serve();
    assert_eq!(site.outcomes().iter().filter(|(result, ..)| result == "success").count(), let_in.len());
    let try_code = |name: &str, code: &str| {
        let params = [("username", name), ("factor", "passcode"), ("passcode", code)];
        site.auth().post("/auth/v2/auth", &params).ok()["result"].clone()
    };
    assert_eq!(try_code(&people.0[person].user.name, &unused), "allow", "what was refused did not use up the code");
    for (name, code) in let_in.iter().rev().take(8) {
        assert_eq!(try_code(name, code), "deny", "accepted twice");
    }
}

#[test]
fn a_server_goes_on_by_itself_when_a_full_disk_has_room_again() {
    let disk = Disk::mount();
    let site = Site::start_in(disk.path(), &[]);
    let mut people = People::make(&site, 1);
    disk.limit_room(Some(0));
    let person = &mut people.0[0];
    (0..MOST_LOGINS).find(|_| log_in(&site, person).1.status == 503).expect("the disk is full");
    assert_eq!(site.auth().get("/readyz", &[]).status, 200, "reads still work");
    disk.limit_room(None);
    assert_eq!(log_in(&site, person).1.ok()["result"], "allow");
}
