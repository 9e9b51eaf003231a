//! The first day of somebody new, in real browsers: a link in a mail, a phone, recovery codes, a login to an application.
//!
//! Everything is done by what a person has: what the pages show, clicks, keys, and a camera. The machine's time is measured, the person's acts are counted.

use std::path::Path;
use std::time::Instant;

use data_encoding::BASE64;
use serde_json::{Value as Json, json};

use crate::browser::{Browser, Page};
use crate::{MailSink, Sample, Sdk, Site};

/// What happens from one moment that somebody would name to the next.
#[derive(Debug, Clone)]
pub struct Stage {
    /// What.
    pub name: String,
    /// How long the machines took, with a person who needs no time.
    pub seconds: f64,
    /// Clicks and taps, opening a link and pointing the camera included.
    pub clicks: u32,
    /// Keys that were pressed.
    pub keys: u32,
}

/// What came of it.
pub struct FirstRun {
    /// In the order of time.
    pub stages: Vec<Stage>,
    /// What the application was told of the login.
    pub claims: Json,
    /// The recovery codes.
    pub codes: Vec<String>,
    /// Every address that either browser has asked for.
    pub requests: Vec<String>,
    /// What the consoles of the browsers hold of warnings and errors.
    pub complaints: Vec<String>,
}

/// Somebody's hands: what they do is counted.
struct Person {
    stages: Vec<Stage>,
    since: Instant,
    clicks: u32,
    keys: u32,
}

impl Person {
    fn begin() -> Self {
        Self { stages: Vec::new(), since: Instant::now(), clicks: 0, keys: 0 }
    }

    fn click(&mut self, page: &Page, selector: &str) {
        page.click(selector);
        self.clicks += 1;
    }

    fn follow(&mut self, page: &Page, selector: &str) {
        page.follow(selector);
        self.clicks += 1;
    }

    fn opens(&mut self, page: &Page, link: &str) {
        page.open(link);
        self.clicks += 1;
    }

    fn types(&mut self, page: &Page, selector: &str, text: &str) {
        page.fill(selector, text);
        self.clicks += 1;
        self.keys += u32::try_from(text.len()).unwrap_or(u32::MAX);
    }

    /// What went before was `name`.
    fn was(&mut self, name: &str) {
        let now = Instant::now();
        let seconds = (now - self.since).as_secs_f64();
        self.stages.push(Stage { name: name.to_owned(), seconds, clicks: self.clicks, keys: self.keys });
        (self.since, self.clicks, self.keys) = (now, 0, 0);
    }
}

/// Invites alice to a new site and does what she does on her first day, until she is in. Panics at whatever goes otherwise.
pub fn first_run(sdk: Sdk) -> FirstRun {
    let mut site = Site::start();
    let sink = MailSink::start(&site);
    sink.serve(&mut site);
    let sample = Sample::start(&site, sdk);
    let browser = Browser::start(&[&site.ca()]);
    let desk = browser.page();
    let phone = browser.stranger();
    phone.as_phone();
    let camera = browser.stranger();

    let mut alice = Person::begin();
    let invitation = [("username", "alice"), ("email", "alice@example.org")];
    site.admin().post("/admin/v1/users/enroll", &invitation).ok();
    let link = link_in(&sink.message());
    alice.was("the invitation arrives by mail");

    alice.opens(&desk, &link);
    alice.follow(&desk, "form[action$='/choose']:has(input[value=phone]) button");
    desk.wait_for("img.qr");
    alice.was("the link is opened and a phone chosen");

    let code = scanned(&camera, &desk.picture());
    alice.opens(&phone, &code);
    alice.click(&phone, "#bind");
    phone.wait_for(".phrase");
    desk.wait_for("form[action$='/confirm']");
    let words = [phone.text_of(".phrase"), desk.text_of("output.number")];
    assert_eq!(words[0], words[1], "both show the same words");
    alice.was("the QR code is scanned and the phone activated");

    alice.follow(&desk, "form[action$='/confirm']:has(input[value=yes]) button");
    alice.follow(&desk, "form[action$='/backup']:has(input[value=codes]) button");
    let codes = desk.eval("[...document.querySelectorAll('.codes code')].map((e) => e.innerText)");
    let codes: Vec<String> = codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    alice.click(&desk, "input[name=kept]");
    alice.follow(&desk, "form[action$='/kept'] button");
    desk.wait_for(".sign.good");
    alice.click(&phone, "#done");
    alice.was("the words are compared, recovery codes kept");

    alice.opens(&desk, &sample.at("/"));
    alice.types(&desk, "input[name=username]", "alice");
    alice.types(&desk, "input[name=password]", "her password");
    alice.click(&desk, "form button");
    desk.wait_for("output.number");
    let number: String = desk.text_of("output.number").chars().filter(char::is_ascii_digit).collect();
    phone.wait_for("#approve");
    alice.was("she logs in to the application, and the phone asks");

    alice.types(&phone, "#number", &number);
    alice.click(&phone, "#approve");
    desk.wait_for("#claims");
    alice.was("the number is typed and the login approved");

    let claims = serde_json::from_str(&desk.text_of("#claims")).unwrap();
    let pages = [&desk, &phone];
    let requests = pages.iter().flat_map(|page| page.requests()).collect();
    let complaints = pages.iter().flat_map(|page| page.complaints()).collect();
    FirstRun { stages: alice.stages, claims, codes, requests, complaints }
}

/// The link to click in a message.
fn link_in(message: &Json) -> String {
    let text = message["parts"]["text/plain"].as_str().unwrap();
    let link = text.split_whitespace().find(|word| word.starts_with("https://") && word.contains("/enroll/"));
    link.unwrap_or_else(|| panic!("no link: {text}")).trim_end_matches(['.', '>', ')']).to_owned()
}

/// What a phone's camera reads in a picture of the other screen. The reader is the one that the authenticator has for browsers without their own.
fn scanned(camera: &Page, picture: &[u8]) -> String {
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/app/vendor/jsqr.js");
    camera.eval(&format!("{}; 0", std::fs::read_to_string(reader).unwrap()));
    let picture = format!("data:image/png;base64,{}", BASE64.encode(picture));
    let seen = camera.eval(&format!(
        "(async () => {{ const image = new Image(); image.src = {}; await image.decode(); \
         const canvas = new OffscreenCanvas(image.width, image.height); const context = canvas.getContext('2d'); \
         context.drawImage(image, 0, 0); const {{ data }} = context.getImageData(0, 0, image.width, image.height); \
         return jsQR(data, image.width, image.height)?.data; }})()",
        json!(picture)
    ));
    seen.as_str().expect("a QR code on the screen").to_owned()
}
