//! Waking phones: what leaves, to whom, and what becomes of push services that do not behave.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey as VerifyingKey};
use countersign::config::PushSettings;
use countersign::jobs::{Wakers, deliver_wakes};
use cs_engine::devices::DeviceChange;
use cs_engine::wake::{Delivery, WAKE};
use cs_testkit::{Site, TestUser};
use cs_wire::device::PushSubscription;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::{Authenticator, device, push, refused, status};

/// A browser's half of a subscription.
struct Browser {
    key: PrivateKey,
    auth: [u8; 16],
}

impl Browser {
    fn new() -> Self {
        Self { key: PrivateKey::generate(&ECDH_P256).unwrap(), auth: [9; 16] }
    }

    fn point(&self) -> Vec<u8> {
        self.key.compute_public_key().unwrap().as_ref().to_vec()
    }

    fn subscription(&self, endpoint: &str) -> String {
        let (p256dh, auth) = (BASE64URL_NOPAD.encode(&self.point()), BASE64URL_NOPAD.encode(&self.auth));
        let subscription = PushSubscription { endpoint: endpoint.to_owned(), p256dh, auth };
        serde_json::to_string(&subscription).unwrap()
    }

    /// RFC 8291 from the receiver's side.
    fn read(&self, message: &[u8]) -> Json {
        self.try_read(message).expect("a message for this browser")
    }

    /// The same; `None` for what is for another browser.
    fn try_read(&self, message: &[u8]) -> Option<Json> {
        struct Length(usize);
        impl KeyType for Length {
            fn len(&self) -> usize {
                self.0
            }
        }
        let expand = |salt: &[u8], secret: &[u8], info: &[u8], length: usize| {
            let mut out = vec![0; length];
            Salt::new(HKDF_SHA256, salt)
                .extract(secret)
                .expand(&[info], Length(length))
                .unwrap()
                .fill(&mut out)
                .unwrap();
            out
        };
        let (salt, sender, record) = (&message[..16], &message[21..86], &message[86..]);
        assert_eq!(message[16..21], [0, 0, 16, 0, 65], "record size and length of the key");
        let peer = UnparsedPublicKey::new(&ECDH_P256, sender);
        let input = agree(&self.key, peer, (), |secret| {
            Ok(expand(&self.auth, secret, &[b"WebPush: info\0", &self.point()[..], sender].concat(), 32))
        })
        .unwrap();
        let key = expand(salt, &input, b"Content-Encoding: aes128gcm\0", 16);
        let nonce: [u8; 12] = expand(salt, &input, b"Content-Encoding: nonce\0", 12).try_into().unwrap();
        let opening = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut record = record.to_vec();
        let plain = opening.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record).ok()?;
        let end = plain.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(plain[end], 2, "the last record");
        Some(serde_json::from_slice(&plain[..end]).unwrap())
    }
}

/// Heads and bodies of what came.
type Heard = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A push service of this machine, with a certificate of its own authority.
struct Service {
    address: String,
    ca: tempfile::TempDir,
    heard: Heard,
}

/// What it does with a message.
#[derive(Clone)]
enum Manner {
    Answer(&'static str, Vec<String>),
    Hang,
}

impl Service {
    async fn start(manner: Manner) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let ca = tempfile::tempdir().unwrap();
        std::fs::write(ca.path().join("ca.pem"), certificate.pem()).unwrap();
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://localhost:{}/send/abc", listener.local_addr().unwrap().port());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, manner, kept) = (acceptor.clone(), manner.clone(), kept.clone());
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await.unwrap();
                    let (mut read, mut buffer) = (Vec::new(), [0; 8192]);
                    loop {
                        let count = stream.read(&mut buffer).await.unwrap_or(0);
                        read.extend_from_slice(&buffer[..count]);
                        let end = read.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
                        let head = end.map(|end| String::from_utf8(read[..end].to_vec()).unwrap().to_lowercase());
                        let length = head.as_ref().and_then(|head| {
                            head.split_once("content-length: ")?.1.split_once('\r')?.0.parse::<usize>().ok()
                        });
                        if let (Some(end), Some(head), Some(length)) = (end, head, length)
                            && read.len() >= end + length
                        {
                            kept.lock().unwrap().push((head, read[end..].to_vec()));
                            break;
                        }
                        if count == 0 {
                            return;
                        }
                    }
                    match manner {
                        Manner::Hang => std::future::pending().await,
                        Manner::Answer(status, headers) => {
                            let head = headers.join("\r\n");
                            let head = if head.is_empty() { head } else { head + "\r\n" };
                            let answer =
                                format!("HTTP/1.1 {status}\r\n{head}content-length: 0\r\nconnection: close\r\n\r\n");
                            stream.write_all(answer.as_bytes()).await.unwrap();
                            let _ = stream.shutdown().await;
                        }
                    }
                });
            }
        });
        Self { address, ca, heard }
    }

    fn settings(&self, allowed: &[&str]) -> PushSettings {
        PushSettings {
            enabled: true,
            ca: Some(self.ca.path().join("ca.pem")),
            allowed_networks: allowed.iter().map(|network| network.parse().unwrap()).collect(),
        }
    }

    fn heard(&self) -> Vec<(String, Vec<u8>)> {
        self.heard.lock().unwrap().clone()
    }
}

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];

fn answer(status: &'static str) -> Manner {
    Manner::Answer(status, Vec::new())
}

/// A user whose phone can be woken at `endpoint`.
async fn subscribed(site: &Site, browser: &Browser, endpoint: &str) -> (TestUser, Authenticator) {
    let alice = site.user("alice").await;
    let phone = device(site, &alice).await;
    subscribe(site, &phone, &browser.subscription(endpoint)).await;
    (alice, phone)
}

/// As the phone would: through the protocol only hosts with a public name are taken, and this one is here.
async fn subscribe(site: &Site, phone: &Authenticator, subscription: &str) {
    let id = phone.record().device_id.parse().unwrap();
    let bound = site.engine().device(site.account, id).await.unwrap().unwrap();
    let change = DeviceChange { push: Some(Some(subscription)), ..DeviceChange::default() };
    site.engine().update_device(&bound, &change).await.unwrap();
}

/// With all the patience that a loaded machine needs.
fn wakers(site: &Site, settings: &PushSettings) -> Wakers {
    Wakers::new(site.engine(), settings, Duration::from_secs(60)).unwrap()
}

/// How the newest wake-up stands: attempts, what went wrong, whether it is done, whether it was given up.
async fn wake(site: &Site) -> (i64, String, bool, bool) {
    let effects = site.engine().store().reader().effects(site.account, WAKE, 1).await.unwrap();
    let effect = &effects[0];
    let error = effect.last_error.clone().unwrap_or_default();
    (effect.attempts, error, effect.done_at.is_some(), effect.dead_at.is_some())
}

async fn is_subscribed(phone: &Authenticator) -> bool {
    phone.status().await.unwrap().push.unwrap().subscribed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_wakes_the_phone_with_a_message_that_only_its_browser_can_read() {
    let site = Site::start().await;
    let (browser, service) = (Browser::new(), Service::start(answer("201 Created")).await);
    let (alice, phone) = subscribed(&site, &browser, &service.address).await;
    let txid = push(&site, &alice, &phone, "203.0.113.7").await;
    assert_eq!(site.engine().delivery(txid.parse().unwrap()), Delivery::Queued);
    assert_eq!(deliver_wakes(site.engine(), &wakers(&site, &service.settings(LOOPBACK))).await.unwrap(), 1);
    assert_eq!(site.engine().delivery(txid.parse().unwrap()), Delivery::Accepted);

    let [(head, body)] = &service.heard()[..] else { panic!("one message") };
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("{name} in {head}")).to_owned()
    };
    assert!(head.starts_with("post /send/abc http/1.1"), "{head}");
    assert_eq!(
        (header("content-encoding"), header("ttl"), header("urgency")),
        ("aes128gcm".into(), "60".into(), "high".into())
    );
    assert!((1..=32).contains(&header("topic").len()));
    let expires = site.now().as_second() + 60;
    let device_id = &phone.record().device_id;
    assert_eq!(browser.read(body), json!({"v": 1, "device": device_id, "txid": txid, "expires": expires}));
    // Neither in the clear nor by its length does the message tell anything.
    assert_eq!(body.len(), 86 + 256 + 1 + 16);
    assert!(!String::from_utf8_lossy(body).contains(device_id.as_str()));

    // The token is the key's that the browser was told, for this push service, for a day at the most. (Base64 has case: heard as it was sent.)
    let status = phone.status().await.unwrap().push.unwrap();
    assert!(head.contains(&format!("k={}", status.key.to_lowercase())));
    let point = BASE64URL_NOPAD.decode(status.key.as_bytes()).unwrap();
    assert_eq!((point.len(), point[0]), (65, 4));
    let _ = VerifyingKey::new(&ECDSA_P256_SHA256_FIXED, point);

    // Fetched, then shown; what the other screen may tell.
    phone.pending().await.unwrap();
    assert_eq!(site.engine().delivery(txid.parse().unwrap()), Delivery::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_wakes_the_device_before_and_the_users_others_and_says_nothing_in_the_clear() {
    let site = Site::start().await;
    let (before, beside) = (Browser::new(), Browser::new());
    let service = Service::start(answer("201 Created")).await;
    let (alice, old) = subscribed(&site, &before, &service.address).await;
    let tablet = device(&site, &alice).await;
    subscribe(&site, &tablet, &beside.subscription(&service.address)).await;
    // That the tablet was added is told as well, and is not what this is about.
    assert_eq!(deliver_wakes(site.engine(), &wakers(&site, &service.settings(LOOPBACK))).await.unwrap(), 1);
    site.advance(1);
    super::moving::moved(&site, &alice).await;
    assert_eq!(deliver_wakes(site.engine(), &wakers(&site, &service.settings(LOOPBACK))).await.unwrap(), 2);
    let heard = service.heard();
    let messages: Vec<Json> = [(&before, &old), (&beside, &tablet)]
        .into_iter()
        .map(|(browser, phone)| {
            let id = &phone.record().device_id;
            let read = |(_, body): &(String, Vec<u8>)| browser.try_read(body);
            let is_it = |message: &Json| message["device"] == json!(id) && message.get("added").is_none();
            heard.iter().filter_map(read).find(is_it).expect("a message of its own")
        })
        .collect();
    for message in &messages {
        assert_eq!(message["moved"], json!(old.record().device_id));
    }
    assert!(heard.iter().all(|(head, body)| head.contains("ttl: 86400") && body.len() == 86 + 256 + 1 + 16));
}

/// Whoever reads an administrator's link binds a phone with it: that is told where the person sees it, not only by mail.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_a_link_has_added_is_told_to_the_users_other_devices() {
    let site = Site::start().await;
    let (browser, strange) = (Browser::new(), Browser::new());
    let service = Service::start(answer("201 Created")).await;
    let (alice, phone) = subscribed(&site, &browser, &service.address).await;
    let bobs = device(&site, &site.user("bob").await).await;
    subscribe(&site, &bobs, &strange.subscription(&service.address)).await;
    site.advance(1);
    let added = device(&site, &alice).await;
    assert_eq!(deliver_wakes(site.engine(), &wakers(&site, &service.settings(LOOPBACK))).await.unwrap(), 1);
    let (_, body) = &service.heard()[0];
    let message = browser.read(body);
    assert_eq!((&message["moved"], &message["added"]), (&json!(added.record().device_id), &json!(true)), "{message}");
    assert_eq!(message["device"], json!(phone.record().device_id));
    assert_eq!(body.len(), 86 + 256 + 1 + 16);
    // Opened, the app says so too, for a day; there is nothing to contest, and nobody else hears of it.
    let moves = async |device: &Authenticator| super::moving::moves_of(device).await;
    let told = moves(&phone).await;
    let [notice] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&notice["device"], &notice["name"]), (&json!(added.record().device_id), &json!("laptop")));
    assert_eq!((&notice["added"], &notice["contestable"]), (&json!(true), &json!(false)));
    assert_eq!(super::moving::contest(&phone, &added.record().device_id).await, 404);
    added.pending().await.unwrap();
    assert!(moves(&added).await.is_empty() && moves(&bobs).await.is_empty());
    site.advance(24 * 3600);
    assert!(moves(&phone).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_taken_for_the_devices_own_logins_only() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let (phone, other) = (device(&site, &alice).await, device(&site, &alice).await);
    let txid = push(&site, &alice, &phone, "203.0.113.7").await;
    let id = txid.parse().unwrap();
    assert_eq!(refused(other.receipt(&txid, cs_wire::device::ReceiptState::Shown).await), "no_such_request");
    assert_eq!(site.engine().delivery(id), Delivery::Queued);
    phone.receipt(&txid, cs_wire::device::ReceiptState::Shown).await.unwrap();
    assert_eq!(site.engine().delivery(id), Delivery::Shown);
    phone.receipt(&txid, cs_wire::device::ReceiptState::Delivered).await.unwrap();
    assert_eq!(site.engine().delivery(id), Delivery::Shown, "it came no further away");
    site.advance(61);
    assert_eq!(refused(phone.receipt(&txid, cs_wire::device::ReceiptState::Shown).await), "no_such_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_service_that_hangs_holds_neither_the_login_nor_other_phones_up() {
    let site = Site::start().await;
    let (browser, service) = (Browser::new(), Service::start(Manner::Hang).await);
    let (alice, phone) = subscribed(&site, &browser, &service.address).await;
    let hasty = Wakers::new(site.engine(), &service.settings(LOOPBACK), Duration::from_millis(300)).unwrap();
    let txid = push(&site, &alice, &phone, "203.0.113.7").await;
    assert!(service.heard().is_empty(), "the login is answered before anybody is woken");
    deliver_wakes(site.engine(), &hasty).await.unwrap();
    let (attempts, error, done, dead) = wake(&site).await;
    assert_eq!((attempts, done, dead), (1, false, false), "{error}");
    // The phone asks by itself, and the person approves.
    let waiting = phone.pending().await.unwrap();
    phone.approve(&waiting[0].txid, None).await.unwrap();
    assert_eq!(status(&site, &txid).await.0, "allow");
    // Nobody is woken for what is over.
    site.advance(61);
    deliver_wakes(site.engine(), &hasty).await.unwrap();
    // The first message may have come too late to be heard at all.
    assert!(service.heard().len() <= 1);
    assert!(wake(&site).await.2, "done with");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_the_push_service_has_ended_is_forgotten() {
    for ended in ["410 Gone", "404 Not Found"] {
        let site = Site::start().await;
        let (browser, service) = (Browser::new(), Service::start(answer(ended)).await);
        let (alice, phone) = subscribed(&site, &browser, &service.address).await;
        assert!(is_subscribed(&phone).await);
        push(&site, &alice, &phone, "203.0.113.7").await;
        deliver_wakes(site.engine(), &wakers(&site, &service.settings(LOOPBACK))).await.unwrap();
        assert!(!is_subscribed(&phone).await, "{ended}");
        push(&site, &alice, &phone, "203.0.113.8").await;
        assert_eq!(deliver_wakes(site.engine(), &wakers(&site, &service.settings(LOOPBACK))).await.unwrap(), 0);
        assert_eq!(service.heard().len(), 1, "nobody to wake");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_service_that_asks_for_a_pause_gets_it() {
    let site = Site::start().await;
    let manner = Manner::Answer("429 Too Many Requests", vec!["retry-after: 20".to_owned()]);
    let (browser, service) = (Browser::new(), Service::start(manner).await);
    let (alice, phone) = subscribed(&site, &browser, &service.address).await;
    let wakers = wakers(&site, &service.settings(LOOPBACK));
    push(&site, &alice, &phone, "203.0.113.7").await;
    deliver_wakes(site.engine(), &wakers).await.unwrap();
    assert_eq!(service.heard().len(), 1);
    site.advance(19);
    // Neither this message nor any other goes there before the time.
    push(&site, &alice, &phone, "203.0.113.8").await;
    deliver_wakes(site.engine(), &wakers).await.unwrap();
    assert_eq!(service.heard().len(), 1);
    site.advance(2);
    assert_eq!(deliver_wakes(site.engine(), &wakers).await.unwrap(), 2);
    assert!(service.heard().len() >= 2);
    assert!(is_subscribed(&phone).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_pause_to_end_is_no_attempt() {
    let site = Site::start().await;
    let manner = Manner::Answer("429 Too Many Requests", vec!["retry-after: 50".to_owned()]);
    let (browser, service) = (Browser::new(), Service::start(manner).await);
    let (alice, phone) = subscribed(&site, &browser, &service.address).await;
    let wakers = wakers(&site, &service.settings(LOOPBACK));
    push(&site, &alice, &phone, "203.0.113.7").await;
    deliver_wakes(site.engine(), &wakers).await.unwrap();
    site.advance(49);
    // A second login, and a phone whose push service has nothing against it.
    push(&site, &alice, &phone, "203.0.113.8").await;
    deliver_wakes(site.engine(), &wakers).await.unwrap();
    let (attempts, error, done, dead) = wake(&site).await;
    assert_eq!((attempts, done, dead), (0, false, false), "{error}");
    let bob = site.user("bob").await;
    let other = device(&site, &bob).await;
    subscribe(&site, &other, &browser.subscription(&service.address.replace("/abc", "/def"))).await;
    push(&site, &bob, &other, "203.0.113.9").await;
    deliver_wakes(site.engine(), &wakers).await.unwrap();
    assert_eq!(service.heard().len(), 2, "the pause is the one phone's");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_woken_for_a_login_that_was_answered() {
    let site = Site::start().await;
    let (browser, service) = (Browser::new(), Service::start(answer("201 Created")).await);
    let (alice, phone) = subscribed(&site, &browser, &service.address).await;
    let txid = push(&site, &alice, &phone, "203.0.113.7").await;
    phone.approve(&txid, None).await.unwrap();
    deliver_wakes(site.engine(), &wakers(&site, &service.settings(LOOPBACK))).await.unwrap();
    assert_eq!(service.heard().len(), 0);
    assert!(wake(&site).await.2, "done with");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirection_to_a_private_address_is_not_followed() {
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("location: https://127.0.0.1:{}/", inside.local_addr().unwrap().port());
    let site = Site::start().await;
    let (browser, service) =
        (Browser::new(), Service::start(Manner::Answer("307 Temporary Redirect", vec![location])).await);
    let (alice, phone) = subscribed(&site, &browser, &service.address).await;
    push(&site, &alice, &phone, "203.0.113.7").await;
    deliver_wakes(site.engine(), &wakers(&site, &service.settings(LOOPBACK))).await.unwrap();
    let (attempts, error, _, dead) = wake(&site).await;
    assert_eq!((attempts, dead), (1, true), "{error}");
    assert!(error.contains("307"), "{error}");
    assert!(tokio::time::timeout(Duration::from_millis(50), inside.accept()).await.is_err(), "nobody came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_cannot_point_the_server_into_its_own_network() {
    let site = Site::start().await;
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = inside.local_addr().unwrap().port();
    let (browser, service) = (Browser::new(), Service::start(answer("201 Created")).await);
    let wakers = wakers(&site, &service.settings(&[]));
    let (alice, phone) = subscribed(&site, &browser, &service.address).await;
    let endpoints = [
        service.address.clone(),
        format!("https://localhost:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://2130706433:{port}/"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        format!("http://localhost:{port}/"),
    ];
    for (n, endpoint) in endpoints.iter().enumerate() {
        subscribe(&site, &phone, &browser.subscription(endpoint)).await;
        site.advance(700);
        push(&site, &alice, &phone, &format!("203.0.113.{n}")).await;
        deliver_wakes(site.engine(), &wakers).await.unwrap();
        let (attempts, error, _, dead) = wake(&site).await;
        assert_eq!((attempts, dead), (1, true), "{endpoint}: {error}");
    }
    assert!(service.heard().is_empty());
    assert!(tokio::time::timeout(Duration::from_millis(50), inside.accept()).await.is_err(), "nobody came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_not_stored_in_the_clear() {
    let site = Site::start().await;
    let browser = Browser::new();
    let (_, phone) = subscribed(&site, &browser, "https://push.example/secret-path").await;
    let rows = site.engine().store().query("SELECT push FROM authenticator", vec![]).await.unwrap();
    let stored = rows[0].blob(0).unwrap();
    assert!(!String::from_utf8_lossy(stored).contains("secret-path"));
    let id = phone.record().device_id.parse().unwrap();
    let opened = site.engine().subscription(site.account, id).await.unwrap().unwrap();
    assert_eq!(opened.json.as_str(), browser.subscription("https://push.example/secret-path"));
}
