//! `countersign admin log`

mod follow;

use clap::{Args, Subcommand, ValueEnum};
use cs_core::login::DenyReason;
use cs_store::audit::{LogFilter, LogKind, LogPage, LogRecord};
use cs_store::users::UserRecord;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::error::AdminError;
use super::out::{Answer, Card, Table, moment};
use super::site::Site;
use super::when;

/// The logs: what happened and why
#[derive(Debug, Args)]
pub(super) struct Log {
    /// Go on showing entries as they are written, until Ctrl-C; with --json one object a line
    #[arg(long, short, global = true)]
    follow: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Logins
    Auth(Which),
    /// What administrators did
    Admin(Which),
    /// What users and devices did
    Activity(Which),
    /// Messages and calls
    Telephony(Which),
    /// Explain one entry, by its reference id or whole id
    Show { reference: String },
}

#[derive(Debug, Args)]
struct Which {
    /// Only of this user
    #[arg(long)]
    user: Option<String>,
    /// Not before: a length of time or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only with this result
    #[arg(long)]
    result: Option<LoginResult>,
    /// At most so many, the newest [default: 50; 10 with --follow]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LoginResult {
    Success,
    Denied,
    Fraud,
}

impl LoginResult {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Fraud => "fraud",
        }
    }
}

impl Log {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let everything = Which { user: None, since: None, result: None, limit: None };
        let (kinds, which) = match &self.command {
            None => (&LogKind::ALL[..], &everything),
            Some(Command::Auth(which)) => (&[LogKind::Auth][..], which),
            Some(Command::Admin(which)) => (&[LogKind::Admin][..], which),
            Some(Command::Activity(which)) => (&[LogKind::Activity][..], which),
            Some(Command::Telephony(which)) => (&[LogKind::Telephony][..], which),
            Some(Command::Show { .. }) if self.follow => {
                return Err(AdminError::Usage { argument: "--follow", problem: "one entry does not grow" });
            }
            Some(Command::Show { reference }) => return show(site, reference).await,
        };
        let wanted = Wanted::new(site, kinds, which).await?;
        if self.follow {
            return follow::follow(site, &wanted, which.limit.unwrap_or(10)).await;
        }
        let entries = wanted.newest(site, which.limit.unwrap_or(50)).await?;
        let text = match kinds {
            [LogKind::Auth] => logins(&entries),
            [LogKind::Admin | LogKind::Activity | LogKind::Telephony] => doings(&entries),
            _ => follow::lines(&entries),
        };
        let entries: Vec<Json> = entries.iter().map(entry_json).collect();
        Ok(Answer::new(json!({"entries": entries}), text))
    }
}

/// Which entries are wanted.
struct Wanted<'a> {
    kinds: &'a [LogKind],
    user: Option<UserRecord>,
    since: Timestamp,
    result: Option<LoginResult>,
}

impl<'a> Wanted<'a> {
    async fn new(site: &Site, kinds: &'a [LogKind], which: &Which) -> Result<Self, AdminError> {
        let user = match &which.user {
            Some(user) => Some(site.user(user).await?),
            None => None,
        };
        let since = which.since.as_deref().map(|text| when::since("--since", text, site.now())).transpose()?;
        Ok(Self { kinds, user, since: since.unwrap_or(Timestamp::MIN), result: which.result })
    }

    /// The newest, oldest first: the newest is where the terminal's prompt is.
    async fn newest(&self, site: &Site, limit: u32) -> Result<Vec<LogRecord>, AdminError> {
        let texts = |text: Option<&str>| text.map(str::to_owned).into_iter().collect();
        let page = LogPage::newest(limit, self.since, site.now());
        let mut entries = Vec::new();
        for kind in self.kinds {
            // Administrators' doings are kept under the name of what they changed.
            let user = self.user.as_ref().filter(|_| *kind != LogKind::Admin);
            let filter = LogFilter {
                users: texts(user.map(|user| user.id.as_str())),
                results: texts(self.result.map(LoginResult::as_str)),
                ..LogFilter::default()
            };
            entries.extend(site.reader().log_page(site.account, *kind, &filter, &page).await?);
        }
        entries.retain(|entry| self.matches(site, entry));
        entries.sort_by_key(|entry| entry.at);
        entries.drain(..entries.len().saturating_sub(limit as usize));
        Ok(entries)
    }

    fn matches(&self, site: &Site, entry: &LogRecord) -> bool {
        let of_user = |user: &UserRecord| match entry.kind {
            LogKind::Admin => personal(entry).get("object").and_then(Json::as_str) == Some(&user.username),
            LogKind::Auth | LogKind::Activity | LogKind::Telephony => {
                entry.user_id.as_deref() == Some(user.id.as_str())
            }
        };
        entry.account == site.account.as_str()
            && self.kinds.contains(&entry.kind)
            && entry.at >= self.since
            && self.result.is_none_or(|result| entry.result.as_deref() == Some(result.as_str()))
            && self.user.as_ref().is_none_or(of_user)
    }
}

fn logins(entries: &[LogRecord]) -> String {
    let mut table = Table::new(&["time", "user", "application", "result", "reason", "factor", "from", "reference"]);
    for entry in entries {
        let (body, personal) = (body(entry), personal(entry));
        table.row([
            moment(entry.at),
            text(&personal, "username"),
            text(&body, "application"),
            entry.result.clone().unwrap_or_default(),
            entry.reason.clone().unwrap_or_default(),
            entry.factor.clone().unwrap_or_default(),
            text(&personal, "access_ip"),
            reference(entry),
        ]);
    }
    table.text("no logins")
}

fn doings(entries: &[LogRecord]) -> String {
    let mut table = Table::new(&["time", "who", "what", "object", "details", "reference"]);
    for entry in entries {
        let personal = personal(entry);
        table.row([
            moment(entry.at),
            text(&personal, "username"),
            entry.result.clone().unwrap_or_default(),
            text(&personal, "object"),
            text(&personal, "description"),
            reference(entry),
        ]);
    }
    table.text("no entries")
}

async fn show(site: &Site, wanted: &str) -> Result<Answer, AdminError> {
    let entries = site.reader().log_by_reference(site.account, wanted).await?;
    if entries.is_empty() {
        return Err(AdminError::NoSuch {
            what: "log entry with reference",
            given: wanted.to_owned(),
            suggestion: None,
        });
    }
    let cards: Vec<String> = entries.iter().map(card).collect();
    let entries: Vec<Json> = entries.iter().map(entry_json).collect();
    Ok(Answer::new(json!({"entries": entries}), cards.join("\n\n")))
}

/// Everything about one entry, with what to do about a refusal.
fn card(entry: &LogRecord) -> String {
    let (body, personal) = (body(entry), personal(entry));
    let mut card = Card::default();
    card.line("time", moment(entry.at))
        .line("log", entry.kind.as_str())
        .line("id", entry.id.as_str())
        .line("result", entry.result.as_deref().unwrap_or_default())
        .line("rule", entry.reason.as_deref().unwrap_or_default())
        .line("fact", either(&body, &personal, "fact"))
        .line("remedy", remedy(entry).unwrap_or_default())
        .line("user", text(&personal, "username"))
        .line("as", text(&personal, "alias"))
        .line("email", text(&personal, "email"))
        .line("groups", listed(&personal, "groups"))
        .line("user id", entry.user_id.as_deref().unwrap_or_default())
        .line("application", text(&body, "application"))
        .line("integration", entry.integration.as_deref().unwrap_or_default())
        .line("factor", entry.factor.as_deref().unwrap_or_default())
        .line("device", text(&personal, "device"))
        .line(
            "answered",
            if body.get("automatic").is_some_and(|yes| yes == true) { "automatic: no person was needed" } else { "" },
        )
        .line("from", text(&personal, "access_ip"))
        .line("place", place(&personal))
        .line("surface", text(&body, "surface"))
        .line("host", text(&personal, "hostname"))
        .line("object", text(&personal, "object"))
        .line("details", text(&personal, "description"))
        .line("signature", if text(&body, "signature") == "dateless" { "without a date" } else { "" })
        .line("evidence", if entry.evidence.is_some() { "signed by the device; see --json" } else { "" });
    for line in personal.get("policy").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
        card.line("policy", line);
    }
    card.text()
}

fn either(body: &Map<String, Json>, personal: &Map<String, Json>, name: &str) -> String {
    let text_of_body = text(body, name);
    if text_of_body.is_empty() { text(personal, name) } else { text_of_body }
}

fn listed(object: &Map<String, Json>, name: &str) -> String {
    let items = object.get(name).and_then(Json::as_array).into_iter().flatten();
    items.filter_map(Json::as_str).collect::<Vec<_>>().join(", ")
}

/// City, state and country, as far as they are known.
fn place(personal: &Map<String, Json>) -> String {
    let parts = ["city", "state", "country"].map(|name| text(personal, name));
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn remedy(entry: &LogRecord) -> Option<&'static str> {
    entry.reason.as_deref().and_then(DenyReason::parse).map(DenyReason::remedy)
}

/// The id that people are shown.
fn reference(entry: &LogRecord) -> String {
    entry.id.chars().take(8).collect::<String>().to_uppercase()
}

fn entry_json(entry: &LogRecord) -> Json {
    json!({
        "id": entry.id,
        "reference": reference(entry),
        "log": entry.kind.as_str(),
        "timestamp": entry.at.as_second(),
        "isotimestamp": entry.at.to_string(),
        "user_id": entry.user_id,
        "integration_key": entry.integration,
        "result": entry.result,
        "reason": entry.reason,
        "factor": entry.factor,
        "remedy": remedy(entry),
        "details": body(entry),
        "personal": personal(entry),
        "evidence": entry.evidence,
    })
}

fn body(entry: &LogRecord) -> Map<String, Json> {
    object(Some(&entry.body))
}

/// Empty where it was erased.
fn personal(entry: &LogRecord) -> Map<String, Json> {
    object(entry.personal.as_ref())
}

fn object(text: Option<&String>) -> Map<String, Json> {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn text(object: &Map<String, Json>, name: &str) -> String {
    object.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}
