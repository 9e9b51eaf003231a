//! Passcodes by SMS and phone calls, where a gateway is configured: a file that tests read, or an address that they listen at.

mod calls;
mod foresight;
mod gateways;
mod number;
mod prompt;
mod sms;

use std::path::PathBuf;

use aws_lc_rs::hmac;
use countersign::config::{Config, Gateway, TelephonyConfig, WebhookSecret};
use countersign::jobs::deliver_telephony;
use cs_engine::telephony::Telephony;
use cs_store::audit::{LogFilter, LogKind, LogPage, LogRecord};
use cs_testkit::{Answer, Site, TestUser};
use data_encoding::BASE64;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

pub(crate) const NUMBER: &str = "+14155550100";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A site whose gateway is a file, and `alice`, who has a phone with a number and nothing else.
pub(crate) struct Scene {
    pub(crate) site: Site,
    pub(crate) alice: TestUser,
    /// The phone's id.
    pub(crate) phone: String,
    telephony: TelephonyConfig,
    file: PathBuf,
    _dir: TempDir,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut TelephonyConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("telephony.jsonl");
        let mut telephony = TelephonyConfig {
            gateway: Gateway::File(file.clone()),
            secret: Some(WebhookSecret::parse_text(SECRET).unwrap()),
            offers: Telephony { sms: true, calls: true, most_per_day: 1_000, prefixes: Vec::new() },
        };
        change(&mut telephony);
        let configured = telephony.clone();
        let site = Site::with(|config: &mut Config| config.telephony = Some(configured)).await;
        let alice = site.user("alice").await;
        let phone = give_phone(&site, &alice, NUMBER, "Mobile").await;
        Self { site, alice, phone, telephony, file, _dir: dir }
    }

    /// What the gateway has been told since it was looked at last.
    async fn told(&self) -> Vec<Json> {
        deliver_telephony(self.site.engine(), &self.telephony).await.unwrap();
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let _ = std::fs::remove_file(&self.file);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The codes of the one message that was sent since.
    pub(crate) async fn codes(&self) -> Vec<String> {
        let told = self.told().await;
        let [message] = told.as_slice() else { panic!("not one message: {told:?}") };
        assert_eq!((&message["type"], &message["data"]["to"]), (&json!("telephony.sms"), &json!(NUMBER)));
        let text = message["data"]["text"].as_str().unwrap();
        text.rsplit(": ").next().unwrap().split(' ').map(str::to_owned).collect()
    }

    /// A second later than whatever was before, so that the log has an order.
    async fn auth(&self, params: &[(&str, &str)]) -> Answer {
        self.site.advance(1);
        let params: Vec<_> = [("username", "alice")].into_iter().chain(params.iter().copied()).collect();
        self.site.auth_api().post("/auth/v2/auth", &params).await
    }

    async fn ask_for_codes(&self) -> String {
        self.auth(&[("factor", "sms"), ("device", "auto")]).await.text("status")
    }

    /// The answer to a typed code: its status.
    pub(crate) async fn types(&self, code: &str) -> String {
        self.auth(&[("factor", "passcode"), ("passcode", code)]).await.text("status")
    }

    async fn preauth(&self) -> Json {
        self.site.auth_api().post("/auth/v2/preauth", &[("username", "alice"), ("text_prompt", "1")]).await.response()
    }

    pub(crate) async fn policy(&self, sections: Json) {
        let body = json!({"sections": sections, "confirm_lockout": true});
        self.site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
    }

    /// The newest entry of the log.
    async fn logged(&self, kind: LogKind) -> LogRecord {
        newest(&self.site, kind).await
    }

    /// Reports `event` of a call, signed.
    async fn report(&self, body: &Json) -> Answer {
        Callback::new(&self.site, body).send(&self.site).await
    }
}

async fn newest(site: &Site, kind: LogKind) -> LogRecord {
    let page = LogPage::newest(1, jiff::Timestamp::UNIX_EPOCH, site.now());
    let reader = site.engine().store().reader();
    reader.log_page(site.account, kind, &LogFilter::default(), &page).await.unwrap().remove(0)
}

/// Gives `user` a phone with a number and no authenticator; its id.
pub(crate) async fn give_phone(site: &Site, user: &TestUser, number: &str, kind: &str) -> String {
    let made = [("number", number), ("type", kind), ("platform", "Generic Smartphone")];
    let phone = site.admin_api().post("/admin/v1/phones", &made).await.text("phone_id");
    let path = format!("/admin/v1/users/{}/phones", user.id);
    site.admin_api().post(&path, &[("phone_id", &phone)]).await.response();
    phone
}

/// A refusal because of a limit, for the table of all reasons.
pub(crate) async fn refused_by_limit() -> String {
    let scene = Scene::new().await;
    scene.ask_for_codes().await;
    scene.auth(&[("factor", "sms"), ("device", "auto")]).await.text("status_msg")
}

/// A report, before it is sent.
struct Callback {
    host: String,
    id: String,
    time: i64,
    secret: Vec<u8>,
    signed: String,
    body: String,
}

impl Callback {
    fn new(site: &Site, body: &Json) -> Self {
        let secret = BASE64.decode(SECRET.trim_start_matches("whsec_").as_bytes()).unwrap();
        let (host, body) = (site.auth_api().authority().to_owned(), body.to_string());
        Self { host, id: "msg1".into(), time: site.now().as_second(), secret, signed: body.clone(), body }
    }

    async fn send(&self, site: &Site) -> Answer {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        let text = format!("{}.{}.{}", self.id, self.time, self.signed);
        let signature = format!("v1,{}", BASE64.encode(hmac::sign(&key, text.as_bytes()).as_ref()));
        let url = format!("https://{}/telephony/v1/callback", site.auth_api().authority());
        let request = site.http().post(url).header("host", &self.host).header("webhook-id", &self.id);
        let request = request.header("webhook-timestamp", self.time).header("webhook-signature", signature);
        let response = request.body(self.body.clone()).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }
}
