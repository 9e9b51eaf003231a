//! A person with a browser at a sample web application, without the person: for `demo --try`.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use countersign_device::Authenticator;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, redirect};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use super::DemoRecord;
use super::samples::{Sample, WebSample};
use super::steps::{approve, waiting};

/// How long an application may take to start, and a request to be answered.
const PATIENCE: Duration = Duration::from_secs(20);
/// A login in a browser is two or three pages long.
const MAX_REDIRECTS: usize = 5;

/// Starts `web` and logs in there with a push, if its SDK is installed. Says what was done.
pub(super) async fn walk(record: &DemoRecord, web: &WebSample, phone: &Authenticator) -> anyhow::Result<String> {
    let Some(sample) = web.sample() else { return Ok(format!("{}: no longer part of the demo, left out", web.name)) };
    let Some(interpreter) = interpreter(sample, web).await else {
        return Ok(format!("{}: {} is not installed ({}), left out", sample.name, sample.sdk, sample.install));
    };
    let (_running, address) = start(&interpreter, sample, web).await?;
    let mut browser = Browser::new(record)?;
    browser.open(&address).await?;
    let user = record.user.as_str();
    let look = browser.post("/login", &[("username", user), ("password", "")]).await?;
    let begin = look.action("/begin").with_context(|| format!("no login begins: {}", look.said()))?;
    let step = look.step()?;
    let push = browser.post(&begin, &[("step", step.as_str()), ("facts", "")]).await?;
    let number = push.number().with_context(|| format!("no number is shown: {}", push.said()))?;
    approve(phone, &waiting(phone).await?, &number).await?;
    let done = browser.open(browser.at.clone().as_str()).await?;
    let back = done.refresh().with_context(|| format!("the login does not lead back: {}", done.said()))?;
    let page = browser.open(&back).await?;
    ensure!(page.html.contains(&format!("You are in, {user}")), "{}: {}", sample.name, page.said());
    Ok(format!(
        "{}: {} sent a browser to the prompt, the phone approved {number}, {user} is in",
        sample.name, sample.sdk
    ))
}

/// What has the SDK: the environment that the printed line makes, otherwise what the machine has.
async fn interpreter(sample: &Sample, web: &WebSample) -> Option<String> {
    let own = web.directory.join("venv/bin/python").display().to_string();
    let (candidates, check) = match sample.language {
        "Python" => (vec![own, "python3".to_owned()], ["-c", "import duo_universal"]),
        _ => (vec!["node".to_owned()], ["-e", "require('@duosecurity/duo_universal')"]),
    };
    for candidate in candidates {
        let mut command = Command::new(&candidate);
        command.args(check).current_dir(&web.directory).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let ended = tokio::time::timeout(PATIENCE, command.status()).await;
        if ended.is_ok_and(|status| status.is_ok_and(|status| status.success())) {
            return Some(candidate);
        }
    }
    None
}

/// The application as a process, which ends with the first value, and its address.
async fn start(interpreter: &str, sample: &Sample, web: &WebSample) -> anyhow::Result<(Child, String)> {
    let program = sample.run.rsplit(' ').next().unwrap_or(sample.run);
    let mut command = Command::new(interpreter);
    command.arg(program).current_dir(&web.directory).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().with_context(|| format!("{} does not start", sample.name))?;
    let output = child.stdout.take().context("no output")?;
    let mut lines = BufReader::new(output).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.context("it does not come up")??;
    let address = line.as_deref().and_then(|line| line.split(' ').find(|word| word.starts_with("http://")));
    let address = address.with_context(|| format!("{} ended at once", sample.name))?;
    Ok((child, address.to_owned()))
}

/// Cookies of each origin, and where it is.
struct Browser {
    http: Client,
    at: Url,
    cookies: Vec<(String, String, String)>,
}

/// What it shows.
struct Page {
    html: String,
}

impl Browser {
    fn new(record: &DemoRecord) -> anyhow::Result<Self> {
        let pem = std::fs::read(&record.ca_cert)?;
        let http = Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem)?])
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
            .build()?;
        Ok(Self { http, at: Url::parse("http://localhost")?, cookies: Vec::new() })
    }

    async fn open(&mut self, address: &str) -> anyhow::Result<Page> {
        self.go(Method::GET, address, &[]).await
    }

    async fn post(&mut self, address: &str, form: &[(&str, &str)]) -> anyhow::Result<Page> {
        self.go(Method::POST, address, form).await
    }

    /// One request, and wherever its answer leads.
    async fn go(&mut self, method: Method, address: &str, form: &[(&str, &str)]) -> anyhow::Result<Page> {
        let (mut method, mut form) = (method, form);
        self.at = self.at.join(address)?;
        for _ in 0..=MAX_REDIRECTS {
            let origin = self.at.origin().ascii_serialization();
            let of_origin = self.cookies.iter().filter(|(of, _, _)| *of == origin);
            let cookies: Vec<String> = of_origin.map(|(_, name, value)| format!("{name}={value}")).collect();
            let mut request = self.http.request(method.clone(), self.at.clone()).header(COOKIE, cookies.join("; "));
            if method == Method::POST {
                request = request.form(form);
            }
            let response = request.send().await?;
            for cookie in response.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
                if let Some((name, value)) = pair.split_once('=') {
                    self.cookies.retain(|(of, known, _)| (of.as_str(), known.as_str()) != (origin.as_str(), name));
                    self.cookies.push((origin.clone(), name.to_owned(), value.to_owned()));
                }
            }
            let next = response.headers().get(LOCATION).map(|value| value.to_str().map(str::to_owned)).transpose()?;
            let Some(next) = next.filter(|_| response.status().is_redirection()) else {
                return Ok(Page { html: response.text().await? });
            };
            (method, form) = (Method::GET, &[]);
            self.at = self.at.join(&next)?;
        }
        bail!("{address} leads on and on")
    }
}

impl Page {
    fn between(&self, before: &str, after: &str) -> Option<String> {
        let (found, _) = self.html.split_once(before)?.1.split_once(after)?;
        Some(found.replace("&#38;", "&").replace("&amp;", "&"))
    }

    /// Where the form goes whose address ends so.
    fn action(&self, end: &str) -> Option<String> {
        let actions = self.html.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
        actions.filter(|action| action.ends_with(end)).map(str::to_owned).next()
    }

    fn step(&self) -> anyhow::Result<String> {
        self.between("name=\"step\" value=\"", "\"").context("a form without a proof of its step")
    }

    /// The digits shown for the phone.
    fn number(&self) -> Option<String> {
        let shown = self.between("<output class=\"number\"", "</output>")?;
        Some(shown.split_once('>')?.1.chars().filter(char::is_ascii_digit).collect())
    }

    /// Where the page leads by itself.
    fn refresh(&self) -> Option<String> {
        self.between("http-equiv=\"refresh\" content=\"0; url=", "\"")
    }

    /// Its headline, for an error.
    fn said(&self) -> String {
        let headline = self.between("<h1", "</h1>").unwrap_or_default();
        let text = headline.split_once('>').map_or("a page without a headline", |(_, text)| text);
        countersign_device::clean(text, 200)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_a_browser_without_scripts_would() {
        let html = "<h1 tabindex=\"-1\">Log in</h1><output class=\"number\" aria-labelledby=\"n\">12\u{2009}34</output>\
                    <form action=\"/frame/prompt/PRX/options\"></form><form action=\"/frame/prompt/PRX/begin\">\
                    <input name=\"step\" value=\"1.abc\"></form><meta http-equiv=\"refresh\" content=\"0; url=http://a/b?c=d&#38;e=f\">";
        let page = Page { html: html.to_owned() };
        assert_eq!(page.action("/begin").as_deref(), Some("/frame/prompt/PRX/begin"));
        assert_eq!(page.step().unwrap(), "1.abc");
        assert_eq!(page.number().as_deref(), Some("1234"));
        assert_eq!(page.refresh().as_deref(), Some("http://a/b?c=d&e=f"));
        assert_eq!(page.said(), "Log in");
    }
}
