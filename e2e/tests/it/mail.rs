//! Mail through a mail server of another maker, with STARTTLS and a password.
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use e2e::{MailSink, PATIENCE, Site, Terminal, bin, program};
use std::os::unix::fs::PermissionsExt as _;

fn admin(site: &Site, arguments: &[&str]) -> (bool, String) {
    let mut command = program("countersign");
    let output = command.arg("admin").arg("--data").arg(site.dir()).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn an_invitation_arrives_with_its_link() {
    let mut site = Site::start();
    let sink = MailSink::start(&site);
    sink.serve(&mut site);
    let invited =
        site.admin().post("/admin/v1/admins/activations", &[("email", "new@example.org"), ("send_email", "1")]).ok();
    assert_eq!(invited["email_sent"], 1);
    let message = sink.message();
    assert_eq!((&message["tls"], &message["authenticated"]), (&true.into(), &true.into()));
    assert_eq!(message["recipients"], serde_json::json!(["new@example.org"]));
    assert_eq!(message["defects"], serde_json::json!([]));
    let link = invited["link"].as_str().unwrap();
    for kind in ["text/plain", "text/html"] {
        assert!(message["parts"][kind].as_str().unwrap().contains(link), "{kind}: {message}");
    }
    assert_eq!(message["headers"]["From"], "Exämple <mfa@example.org>");
    assert_eq!(message["headers"]["Auto-Submitted"], "auto-generated");
    let listed = PATIENCE_TRIES
        .into_iter()
        .map(|_| admin(&site, &["mail", "list", "--json"]))
        .find(|(_, text)| text.contains("delivered"));
    assert!(listed.is_some(), "{}", site.log());
    assert!(!site.log().contains(link.split_once('#').unwrap().1));
}

/// How often the list of messages is asked for: the server ticks a message off after the mail server has shown it.
const PATIENCE_TRIES: [(); 50] = [(); 50];

#[test]
fn a_test_message_says_what_the_mail_server_answered() {
    let mut site = Site::start();
    let sink = MailSink::start(&site);
    assert!(admin(&site, &["mail", "test", "--to", "me@example.org"]).1.contains("no mail server is configured"));
    sink.serve(&mut site);
    let (sent, text) = admin(&site, &["mail", "test", "--to", "me@example.org"]);
    assert!(sent && text.contains("took the message"), "{text}");
    assert_eq!(sink.message()["recipients"], serde_json::json!(["me@example.org"]));
    let checked = program("countersign").args(["check", "--data"]).arg(site.dir()).output().unwrap();
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.lines().any(|line| line.starts_with("ok") && line.contains("mail: localhost:")), "{checked}");

    std::fs::write(site.dir().join("mail.password"), "wrong\n").unwrap();
    let (sent, text) = admin(&site, &["mail", "test", "--to", "me@example.org"]);
    assert!(!sent && text.contains("535"), "{text}");
    std::fs::set_permissions(site.dir().join("mail.password"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (sent, text) = admin(&site, &["mail", "test", "--to", "me@example.org"]);
    assert!(!sent && text.contains("can be read by others"), "{text}");
}

#[test]
fn a_password_typed_at_a_terminal_is_not_shown() {
    let site = Site::start();
    let made = ["administrator", "create", "a@example.org", "--name", "A", "--role", "Owner"];
    assert!(admin(&site, &made).0);
    let command = bin("countersign");
    let command = format!(
        "env -i {} admin --data {} administrator set-password a@example.org",
        command.display(),
        site.dir().display()
    );
    let mut terminal = Terminal::start(&command);
    terminal.shows("New password of a@example.org: ");
    terminal.types("correct horse battery staple");
    let (succeeded, screen) = terminal.ends_within(PATIENCE);
    assert!(succeeded && !screen.contains("horse") && screen.contains("Active"), "{screen}");
}
