//! Logins in a browser, as far as a plan says: what a browser would send, each request made of the answer before it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::signature::EcdsaKeyPair;
use cs_wire::signing::encode_params;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Outcome, meet};
use crate::http::{Connection, Dialer, Target};
use crate::key::SoftKey;
use crate::otp;
use crate::signed::{Keys, now};
use crate::stats::Latency;

/// How far a login goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Until {
    /// The application's request is checked, and the page that begins is there: two requests.
    Begun,
    /// The policy was asked, and the page that wants a passcode is there: four.
    Passcode,
    /// The same with the page that wants a key.
    Key,
    /// The key has answered, and the page that leads back is there: six.
    In,
}

/// Logins of users in turn.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Prompts {
    pub(crate) target: Target,
    /// The application's.
    pub(crate) keys: Keys,
    /// One for each user, from user 0 on.
    pub(crate) security_keys: Vec<SoftKey>,
    pub(crate) until: Until,
    pub(crate) connections: usize,
    pub(crate) first: u64,
    pub(crate) count: u64,
}

struct Shared {
    plan: Prompts,
    pairs: Vec<EcdsaKeyPair>,
    /// Where the application sends its browsers, made beforehand.
    begin: Vec<String>,
    next: Cell<usize>,
    samples: RefCell<Vec<f64>>,
    failed: RefCell<BTreeMap<String, u64>>,
}

pub(super) async fn run(plan: Prompts) -> anyhow::Result<Outcome> {
    let dialer = Dialer::new(plan.target.clone())?;
    let numbers = plan.first..plan.first + plan.count;
    let begin = numbers.map(|number| plan.authorize(number)).collect();
    let mut connections = Vec::new();
    for _ in 0..plan.connections {
        connections.push(dialer.dial().await?);
    }
    let (samples, failed) = (RefCell::default(), RefCell::default());
    let pairs = plan.security_keys.iter().map(SoftKey::pair).collect::<anyhow::Result<_>>()?;
    let shared = Rc::new(Shared { plan, pairs, begin, next: Cell::new(0), samples, failed });
    meet("ready").await?;
    let start = Instant::now();
    let browse = |connection| tokio::task::spawn_local(browse(connection, shared.clone()));
    for browser in connections.into_iter().map(browse).collect::<Vec<_>>() {
        browser.await?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let samples = shared.samples.take();
    Ok(Outcome { accepted: samples.len() as u64, failed: shared.failed.take(), seconds, latency: Latency::of(samples) })
}

/// One login after the other; a connection with which something went wrong is not used again.
async fn browse(mut connection: Connection, shared: Rc<Shared>) {
    loop {
        let index = shared.next.replace(shared.next.get() + 1);
        let Some(begin) = shared.begin.get(index) else { return };
        let since = Instant::now();
        match log_in(&mut connection, &shared, begin, shared.plan.first + index as u64).await {
            Ok(()) => shared.samples.borrow_mut().push(since.elapsed().as_secs_f64() * 1e3),
            Err(error) => {
                *shared.failed.borrow_mut().entry(format!("{error:#}")).or_default() += 1;
                return;
            }
        }
    }
}

impl Prompts {
    /// A signed request for a login of the user whose turn it is, as a path.
    fn authorize(&self, number: u64) -> String {
        let host = &self.target.host;
        let claims = json!({
            "scope": "openid", "redirect_uri": "https://app.example.org/callback", "client_id": self.keys.ikey,
            "iss": self.keys.ikey, "aud": format!("https://{host}"), "exp": now().as_second() + 300,
            "state": format!("{number:036}"), "nonce": format!("{number:036}"), "response_type": "code",
            "duo_uname": otp::name(self.user(number)), "use_duo_code_attribute": true,
        });
        let input = format!(
            "{}.{}",
            BASE64URL_NOPAD.encode(br#"{"alg":"HS512","typ":"JWT"}"#),
            BASE64URL_NOPAD.encode(claims.to_string().as_bytes())
        );
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA512, self.keys.skey.as_bytes());
        let tag = BASE64URL_NOPAD.encode(aws_lc_rs::hmac::sign(&key, input.as_bytes()).as_ref());
        format!("/oauth/v1/authorize?response_type=code&client_id={}&request={input}.{tag}", self.keys.ikey)
    }

    fn user(&self, number: u64) -> u64 {
        number % self.security_keys.len() as u64
    }
}

async fn log_in(connection: &mut Connection, shared: &Shared, begin: &str, number: u64) -> anyhow::Result<()> {
    let plan = &shared.plan;
    let mut browser = Browser { connection, host: &plan.target.host, cookie: String::new() };
    let at = browser.moves(begin, None).await?;
    let page = browser.page(&at).await?;
    if plan.until == Until::Begun {
        ensure!(page.contains("data-begin"), "no login begins");
        return Ok(());
    }
    let facts = if plan.until == Until::Passcode { "{}" } else { r#"{"webauthn":true}"# };
    let form = encode_params(&[("step", step(&page)?), ("facts", facts)]);
    let at = browser.moves(&format!("{at}/begin"), Some(&form)).await?;
    let page = browser.page(&at).await?;
    if plan.until == Until::Passcode {
        ensure!(page.contains("id=\"passcode\""), "no passcode is asked for");
        return Ok(());
    }
    let challenge = between(&page, "challenge&#34;:&#34;", "&#34;").context("no key is asked for")?;
    if plan.until == Until::Key {
        return Ok(());
    }
    let users = plan.security_keys.len() as u64;
    let user = usize::try_from(plan.user(number))?;
    let (key, pair) = plan.security_keys.get(user).zip(shared.pairs.get(user)).context("no such key")?;
    let credential = key.get(pair, challenge, u32::try_from(number / users + 1)?)?;
    let form = encode_params(&[("step", step(&page)?), ("credential", &credential)]);
    let at = browser.moves(&format!("{at}/key"), Some(&form)).await?;
    let page = browser.page(&at).await?;
    ensure!(page.contains("url=https://app.example.org/callback?"), "not in: {}", headline(&page));
    Ok(())
}

struct Browser<'a> {
    connection: &'a mut Connection,
    host: &'a str,
    cookie: String,
}

impl Browser<'_> {
    /// Sends what is answered by a way to another page, and gives that.
    async fn moves(&mut self, path: &str, form: Option<&str>) -> anyhow::Result<String> {
        let request = self.request(path, form);
        let answer = self.connection.ask(&request).await?;
        ensure!(answer.status == 303, "status {} instead of 303", answer.status);
        let (mut location, mut cookie) = (None, None);
        for line in answer.head.split("\r\n") {
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("location") => location = Some(value.to_owned()),
                Some((name, value)) if name.eq_ignore_ascii_case("set-cookie") && value.starts_with("__Host-cs-PR") => {
                    cookie = value.split(';').next().map(str::to_owned);
                }
                _ => {}
            }
        }
        if let Some(cookie) = cookie {
            self.cookie = cookie;
        }
        location.context("no way to another page")
    }

    async fn page(&mut self, path: &str) -> anyhow::Result<String> {
        let request = self.request(path, None);
        let answer = self.connection.ask(&request).await?;
        if answer.status != 200 {
            bail!("status {} instead of a page", answer.status);
        }
        Ok(String::from_utf8(answer.body.to_vec())?)
    }

    fn request(&self, path: &str, form: Option<&str>) -> Vec<u8> {
        let method = if form.is_some() { "POST" } else { "GET" };
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
             Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n",
            self.host
        );
        if !self.cookie.is_empty() {
            text.push_str(&format!("Cookie: {}\r\n", self.cookie));
        }
        match form {
            Some(form) => text.push_str(&format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            )),
            None => text.push_str("\r\n"),
        }
        text.into_bytes()
    }
}

fn step(page: &str) -> anyhow::Result<&str> {
    between(page, "name=\"step\" value=\"", "\"").with_context(|| format!("no form: {}", headline(page)))
}

fn headline(page: &str) -> &str {
    between(page, "<h1", "</h1>").unwrap_or_default()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}
