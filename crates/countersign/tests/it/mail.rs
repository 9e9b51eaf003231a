//! Mail: what is queued, what arrives, and what becomes of it when the mail server does not do its part.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::config::{MailConfig, MailSecurity};
use countersign::jobs::deliver_mail;
use countersign::outbound::mail::{MailCourier, Sender};
use cs_engine::admin::users::UserChange;
use cs_engine::letters::MAIL;
use cs_store::outbox::EffectState;
use cs_testkit::Site;
use data_encoding::BASE64;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

const INVITE: [(&str, &str); 2] = [("email", "new@example.org"), ("send_email", "1")];

/// What a mail server does with a recipient.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    /// Takes the message.
    Takes,
    /// Says nothing at all.
    Hangs,
    /// Puts so many off before it takes one, as greylisting does (RFC 6647).
    PutsOff(usize),
    /// Has no such mailbox.
    Refuses,
}

struct MailServer {
    address: SocketAddr,
    messages: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, messages) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&messages);
        tokio::spawn(async move {
            let mut connections = 0;
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, behaviour, connections, Arc::clone(&kept)));
                connections += 1;
            }
        });
        Self { address, messages }
    }

    fn config(&self) -> MailConfig {
        config(self.address.port())
    }

    fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }
}

/// How mail is sent to a server of this machine.
pub(crate) fn config(port: u16) -> MailConfig {
    MailConfig {
        host: "127.0.0.1".to_owned(),
        port,
        security: MailSecurity::None,
        login: None,
        from: "Example <mfa@example.org>".parse().unwrap(),
        ca: None,
        timeout: Duration::from_secs(30),
    }
}

async fn converse(stream: TcpStream, behaviour: Behaviour, before: usize, messages: Arc<Mutex<Vec<String>>>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    if matches!(behaviour, Behaviour::Hangs) {
        // Until the client gives up.
        while let Ok(Some(_)) = lines.next_line().await {}
        return;
    }
    writer.write_all(b"220 mail.example.org\r\n").await.unwrap();
    while let Ok(Some(line)) = lines.next_line().await {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer = match (verb.as_str(), behaviour) {
            ("RCPT", Behaviour::PutsOff(first)) if before < first => "450 4.2.0 come back later",
            ("RCPT", Behaviour::Refuses) => "550 5.1.1 no such mailbox",
            ("DATA", _) => {
                writer.write_all(b"354 go on\r\n").await.unwrap();
                let mut message = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    message.push_str(&line);
                    message.push('\n');
                }
                messages.lock().unwrap().push(message);
                "250 taken"
            }
            ("QUIT", _) => "221 bye",
            _ => "250 fine",
        };
        if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn site(mail: MailConfig) -> (Site, MailCourier) {
    let site = Site::with(|config| config.mail = Some(mail.clone())).await;
    let courier = MailCourier::new(site.engine().clone(), Sender::new(mail));
    (site, courier)
}

async fn invite(site: &Site) -> String {
    let invited = site.admin_api().post("/admin/v1/admins/activations", &INVITE).await;
    assert_eq!(invited.response()["email_sent"], 1);
    invited.text("link")
}

async fn deliver(site: &Site, courier: &MailCourier) -> usize {
    deliver_mail(site.engine(), courier).await.unwrap()
}

async fn letter(site: &Site) -> EffectState {
    let mut letters = site.engine().store().reader().effects(site.account, MAIL, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    letters.pop().unwrap()
}

/// Soft line breaks and escapes of quoted-printable undone, as far as links need it.
fn readable(message: &str) -> String {
    message.replace("=\n", "").replace("=3D", "=")
}

/// The parts of a message as they were before they were made fit for mail (RFC 2045, section 6).
fn decoded(message: &str) -> String {
    let (_, parts) = message.split_once("boundary=").unwrap();
    let boundary = format!("--{}", parts.split('"').nth(1).unwrap());
    let mut text = String::new();
    for part in message.split(&boundary) {
        let Some((head, body)) = part.split_once("\n\n") else { continue };
        text += &match () {
            () if head.contains("base64") => {
                String::from_utf8(BASE64.decode(body.replace('\n', "").as_bytes()).unwrap()).unwrap()
            }
            () if head.contains("quoted-printable") => unquoted(&body.replace("=\n", "")),
            () => body.to_owned(),
        };
    }
    text.replace("\r\n", "\n")
}

fn unquoted(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut pieces = text.split('=');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(piece[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn an_invitation_is_mailed_and_its_link_does_not_stay() {
    let server = MailServer::start(Behaviour::Takes).await;
    let (site, courier) = site(server.config()).await;
    let link = invite(&site).await;
    let code = link.split_once('#').unwrap().1.to_owned();
    assert!(!letter(&site).await.payload.contains(&code), "sealed while it waits");

    assert_eq!(deliver(&site, &courier).await, 1);
    let messages = server.messages();
    assert_eq!(messages.len(), 1);
    let message = readable(&messages[0]);
    assert!(
        message.contains("To: new@example.org\n") && message.contains("From: Example <mfa@example.org>\n"),
        "{message}"
    );
    assert_eq!(message.matches(&link).count(), 3, "as text, as a link and to be copied: {message}");
    assert!(message.contains("text/plain") && message.contains("text/html"));

    let letter = letter(&site).await;
    assert!(letter.done_at.is_some());
    assert!(letter.payload.contains("new@example.org") && !letter.payload.contains("sealed"), "{}", letter.payload);
    assert_eq!(deliver(&site, &courier).await, 0);
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn letters_are_in_the_accounts_language_and_the_log_has_them_word_for_word() {
    let server = MailServer::start(Behaviour::Takes).await;
    let (site, courier) = site(server.config()).await;
    for (language, what, link_to) in [
        ("DE", "schützt Ihr Konto user-de mit einem zweiten Faktor", "Zwei-Faktor-Anmeldung einrichten"),
        ("JA", "アカウント user-ja を", "二要素認証を設定"),
    ] {
        site.settings(serde_json::json!({"language": language})).await;
        let name = format!("user-{}", language.to_ascii_lowercase());
        let invite = [("username", name.as_str()), ("email", "new@example.org")];
        let link = site.admin_api().post("/admin/v1/users/enroll", &invite).await.response();
        let code = link.as_str().unwrap().rsplit_once('/').unwrap().1.to_owned();
        assert_eq!(deliver(&site, &courier).await, 1);
        let message = decoded(server.messages().last().unwrap());
        assert!(message.contains(what) && message.contains(&format!(">{link_to}</a>")), "{message}");
        assert!(message.contains(&format!("<html lang=\"{}\">", language.to_ascii_lowercase())), "{message}");
        let log = site.admin_api().get("/admin/v1/logs/administrator", &[]).await.response();
        let entries = log.as_array().unwrap().iter().filter(|entry| entry["action"] == "user_enroll");
        let descriptions = entries.map(|entry| entry["description"].as_str().unwrap().to_owned());
        let described: Vec<serde_json::Value> =
            descriptions.filter(|text| text.contains(&name)).map(|text| serde_json::from_str(&text).unwrap()).collect();
        let told = described[0]["message"]["text"].as_str().unwrap().replace('…', &code).replace("\r\n", "\n");
        assert!(message.contains(&told), "{told}\n{message}");
    }
}

#[tokio::test]
async fn a_new_link_is_mailed_to_an_administrator_and_voids_the_earlier() {
    let server = MailServer::start(Behaviour::Takes).await;
    let (site, courier) = site(server.config()).await;
    let (name, phone) = (("name", "Nora"), ("phone", "+15550100"));
    let made = site.admin_api().post("/admin/v1/admins", &[("email", "new@example.org"), name, phone]).await;
    assert_eq!(deliver(&site, &courier).await, 0, "nobody asked for mail");
    let path = format!("/admin/v1/admins/{}/activation_link", made.text("admin_id"));
    let first = site.admin_api().post(&path, &[]).await;
    let second = site.admin_api().post(&format!("{path}/email"), &[]).await;
    assert_eq!((&first.response()["email_sent"], &second.response()["email_sent"]), (&0.into(), &1.into()));
    assert_eq!(deliver(&site, &courier).await, 1);
    let message = readable(&server.messages()[0]);
    assert!(message.contains(&second.text("link")) && !message.contains(&first.text("code")), "{message}");
}

#[tokio::test]
async fn an_enrolled_user_gets_the_link() {
    let server = MailServer::start(Behaviour::Takes).await;
    let (site, courier) = site(server.config()).await;
    let params = [("username", "<b>bob</b>"), ("email", "bob@example.org")];
    let link = site.admin_api().post("/admin/v1/users/enroll", &params).await;
    let link = link.response().as_str().unwrap().to_owned();
    assert_eq!(deliver(&site, &courier).await, 1);
    let message = readable(&server.messages()[0]);
    assert!(message.contains("To: bob@example.org\n") && message.contains(&link), "{message}");
    assert!(message.contains("&lt;b&gt;bob&lt;/b&gt;"), "{message}");

    // The log has the very message, but for the code.
    let log = site.admin_api().get("/admin/v1/logs/administrator", &[]).await.response();
    let entry = log.as_array().unwrap().iter().find(|entry| entry["action"] == "user_enroll").unwrap();
    let description: serde_json::Value = serde_json::from_str(entry["description"].as_str().unwrap()).unwrap();
    let told = &description["message"];
    assert_eq!(told["to"], "bob@example.org");
    let code = link.rsplit_once('/').unwrap().1;
    let text = told["text"].as_str().unwrap();
    assert!(text.contains(&link.replace(code, "…")) && !entry.to_string().contains(code), "{entry}");
    assert!(text.lines().filter(|line| !line.contains('…')).all(|line| message.contains(line.trim_end())), "{text}");
}

#[tokio::test]
async fn without_mail_whoever_would_have_it_sent_gets_the_link() {
    let site = Site::start().await;
    let invited = site.admin_api().post("/admin/v1/admins/activations", &INVITE).await;
    assert_eq!(invited.response()["email_sent"], 0);
    assert!(invited.text("link").starts_with("https://"));
    let path = format!("/admin/v1/admins/{}/activation_link/email", invited.text("admin_activation_id"));
    let again = site.admin_api().post(&path, &[]).await;
    assert_eq!(again.response()["email_sent"], 0);
    assert!(again.text("link").starts_with("https://"));
    assert!(site.engine().store().reader().effects(site.account, MAIL, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_puts_mail_off_gets_it_later_and_once() {
    let server = MailServer::start(Behaviour::PutsOff(2)).await;
    let (site, courier) = site(server.config()).await;
    invite(&site).await;
    assert_eq!(deliver(&site, &courier).await, 1);
    let waiting = letter(&site).await;
    assert!(waiting.last_error.as_ref().is_some_and(|error| error.contains("450")), "{waiting:?}");
    assert_eq!(deliver(&site, &courier).await, 0, "not before its time");
    site.advance(1);
    assert_eq!(deliver(&site, &courier).await, 1);
    site.advance(2);
    assert_eq!(deliver(&site, &courier).await, 1);
    assert_eq!(server.messages().len(), 1);
    assert!(letter(&site).await.done_at.is_some());
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_the_time_allowed() {
    let server = MailServer::start(Behaviour::Hangs).await;
    let mut config = server.config();
    config.timeout = Duration::from_millis(50);
    let (site, courier) = site(config).await;
    invite(&site).await;
    assert_eq!(deliver(&site, &courier).await, 1);
    let waiting = letter(&site).await;
    assert!(waiting.done_at.is_none() && waiting.dead_at.is_none(), "{waiting:?}");
    assert!(waiting.last_error.unwrap().contains("within"));
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_given_up_at_once() {
    let server = MailServer::start(Behaviour::Refuses).await;
    let (site, courier) = site(server.config()).await;
    invite(&site).await;
    deliver(&site, &courier).await;
    let dead = letter(&site).await;
    assert!(dead.dead_at.is_some() && dead.last_error.unwrap().contains("no such mailbox"));
    site.advance(3600);
    assert_eq!(deliver(&site, &courier).await, 0);
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_for_a_day_and_then_given_up() {
    // A port that nobody listens on.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (site, courier) = site(config(port)).await;
    invite(&site).await;
    let began = site.now();
    for _ in 0..200 {
        deliver(&site, &courier).await;
        if letter(&site).await.dead_at.is_some() {
            break;
        }
        site.advance(15 * 60);
    }
    let (letter, hours) = (letter(&site).await, site.now().duration_since(began).as_hours());
    assert!(letter.dead_at.is_some() && (20..30).contains(&hours), "{hours} h: {letter:?}");
    assert_eq!(letter.attempts, 100);
}

#[tokio::test]
async fn nothing_is_sent_in_clear_where_protection_is_asked_for() {
    let server = MailServer::start(Behaviour::Takes).await;
    let mut config = server.config();
    config.security = MailSecurity::StartTls;
    let (site, courier) = site(config).await;
    invite(&site).await;
    deliver(&site, &courier).await;
    assert!(letter(&site).await.done_at.is_none());
    assert_eq!(server.messages(), [""; 0]);
}

/// A code that was read over somebody's shoulder, or in their mailbox, must not bind a device unnoticed.
#[tokio::test]
async fn users_are_told_of_a_device_bound_by_a_code_and_of_new_bypass_codes() {
    let site = Site::with(|config| config.mail = Some(config_of_nobody())).await;
    let user = site.user("alice").await;
    user.change(UserChange { email: Some("alice@example.org".to_owned()), ..UserChange::default() }).await;
    let told = async || {
        let letters = site.engine().store().reader().effects(site.account, MAIL, 10).await.unwrap();
        let mut subjects: Vec<String> =
            letters.iter().map(|letter| cs_engine::letters::addressed(&letter.payload).unwrap().1).collect();
        subjects.sort();
        subjects
    };
    user.phone().await;
    assert_eq!(told().await, ["A device was added (Example)"]);
    user.bypass_code().await;
    assert_eq!(told().await, ["A device was added (Example)", "New bypass codes (Example)"]);
    // One that waits to be confirmed is told of when it is.
    site.settings(serde_json::json!({"confirm_activation": true})).await;
    let phone = user.phone().await;
    assert_eq!(told().await.len(), 2);
    assert!(site.engine().confirm_device(site.account, phone.id).await.unwrap());
    assert_eq!(told().await.len(), 3);
}

/// A mail server that nothing is sent to: letters stay in the queue.
fn config_of_nobody() -> MailConfig {
    config(9)
}
