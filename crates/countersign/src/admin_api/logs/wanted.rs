//! Which entries of the authentication log a caller wants: logins, and enrollments, which are kept among the activities.
//!
//! What has a column is selected by the database. Groups, phone numbers, tokens and signals of risk stand in the text of an entry: for them entries are read one after
//! the other, at most [`MOST_COUNTED`] for one answer, which then says where to go on.

use std::ops::ControlFlow;

use cs_core::id::{AccountId, GroupId, IntegrationKey, UserId};
use cs_core::policy::Word as _;
use cs_core::policy::sections::Signal;
use cs_engine::admin::phones::phone_number;
use cs_engine::devices::ENROLLED;
use cs_engine::review::attack_name;
use cs_store::audit::{LogFilter, LogKind, LogOrder, LogPage, LogRecord, MOST_COUNTED};
use cs_store::{Reader, StoreError};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::super::extract::{ReadLog, SignedAdmin, invalid};
use super::{field, fields};
use crate::http::Failure;

/// The most values of one filter.
const MOST_VALUES: usize = 100;
/// How far a login was trusted, where nothing else is said.
const NORMAL: &str = "NORMAL";
/// All that can be said.
const TRUST_LEVELS: [&str; 2] = ["LOW", NORMAL];
/// Entries read at a time where their text decides.
const CHUNK: u32 = 1000;

/// The place of an entry: its time and id.
type Place = (Timestamp, String);

/// A selection.
#[derive(Debug)]
pub(super) struct Wanted {
    filter: LogFilter,
    logins: bool,
    enrollments: bool,
    groups: Vec<String>,
    numbers: Vec<String>,
    devices: Vec<String>,
    /// How far logins were trusted, in Duo's words.
    levels: Vec<String>,
    /// Signals of risk that fired.
    detections: Vec<Signal>,
}

impl Wanted {
    pub(super) fn everything() -> Self {
        Self {
            filter: LogFilter::default(),
            logins: true,
            enrollments: true,
            groups: Vec::new(),
            numbers: Vec::new(),
            devices: Vec::new(),
            levels: Vec::new(),
            detections: Vec::new(),
        }
    }

    /// The filters of `/admin/v2/logs/authentication`.
    pub(super) fn read(request: &SignedAdmin<ReadLog>) -> Result<Self, Failure> {
        let values = |name: &'static str| {
            let values: Vec<String> =
                request.params.repeated(name)?.into_iter().filter(|value| !value.is_empty()).collect();
            let is_fine = values.len() <= MOST_VALUES && values.iter().all(|value| value.len() <= 64);
            if is_fine { Ok(values) } else { Err(invalid(name)) }
        };
        let levels: Vec<String> = values("assessment")?.iter().map(|level| level.to_ascii_uppercase()).collect();
        if levels.iter().any(|level| !TRUST_LEVELS.contains(&level.as_str())) {
            return Err(invalid("assessment"));
        }
        let detections = values("detections")?.iter().map(|name| signal(name)).collect::<Option<Vec<_>>>();
        let detections = detections.ok_or_else(|| invalid("detections"))?;
        let kinds = values("event_types")?;
        if kinds.iter().any(|kind| kind != "authentication" && kind != "enrollment") {
            return Err(invalid("event_types"));
        }
        let is_wanted = |kind: &str| kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind);
        let filter = LogFilter {
            users: values("users")?,
            integrations: values("applications")?,
            // Clients write what either version of the log shows.
            results: values("results")?
                .into_iter()
                .map(|result| if result == "failure" { "denied".to_owned() } else { result })
                .collect(),
            reasons: values("reasons")?,
            factors: values("factors")?,
        };
        if filter.users.iter().any(|id| id.parse::<UserId>().is_err()) {
            return Err(invalid("users"));
        }
        if filter.integrations.iter().any(|key| key.parse::<IntegrationKey>().is_err()) {
            return Err(invalid("applications"));
        }
        let groups = values("groups")?;
        if groups.iter().any(|id| id.parse::<GroupId>().is_err()) {
            return Err(invalid("groups"));
        }
        let number = |given: &String| phone_number(given).filter(|number| !number.is_empty());
        let numbers = values("phone_numbers")?.iter().map(number).collect::<Option<_>>();
        let numbers = numbers.ok_or_else(|| invalid("phone_numbers"))?;
        let has = |list: &[String], word: &str| list.is_empty() || list.iter().any(|value| value == word);
        Ok(Self {
            logins: is_wanted("authentication"),
            // An enrollment succeeds, by no factor, for no reason and in no application.
            enrollments: is_wanted("enrollment")
                && filter.integrations.is_empty()
                && levels.is_empty()
                && detections.is_empty()
                && filter.reasons.is_empty()
                && has(&filter.results, "success")
                && has(&filter.factors, "not_available"),
            filter,
            groups,
            numbers,
            devices: values("tokens")?,
            levels,
            detections,
        })
    }

    /// The entries of `page`, and where the next one begins, if there may be one.
    pub(super) async fn page(
        &self,
        reader: &Reader,
        account: AccountId,
        page: &LogPage,
    ) -> Result<(Vec<LogRecord>, Option<Place>), StoreError> {
        let mut found = Vec::new();
        let next = self
            .scan(reader, account, page, |entry| {
                found.push(entry);
                if found.len() < page.limit as usize { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .await?;
        Ok((found, next))
    }

    /// How many entries there are between the ends of `page`; where text decides, among the first [`MOST_COUNTED`].
    pub(super) async fn count(&self, reader: &Reader, account: AccountId, page: &LogPage) -> Result<i64, StoreError> {
        let mut total = 0;
        if self.reads_text() {
            let all = LogPage { after: None, ..page.clone() };
            let count = |_| {
                total += 1;
                ControlFlow::Continue(())
            };
            self.scan(reader, account, &all, count).await?;
            return Ok(total);
        }
        for (kind, filter) in self.parts() {
            total += reader.log_count(account, kind, &filter, page.from, page.to).await?;
        }
        Ok(total)
    }

    fn reads_text(&self) -> bool {
        let texts = self.groups.is_empty() && self.numbers.is_empty() && self.devices.is_empty();
        !(texts && self.levels.is_empty() && self.detections.is_empty())
    }

    /// The logs to look in, each with what to look for.
    fn parts(&self) -> Vec<(LogKind, LogFilter)> {
        let mut parts = Vec::new();
        if self.logins {
            parts.push((LogKind::Auth, self.filter.clone()));
        }
        if self.enrollments {
            let users = self.filter.users.clone();
            let filter = LogFilter { users, results: vec![ENROLLED.to_owned()], ..LogFilter::default() };
            parts.push((LogKind::Activity, filter));
        }
        parts
    }

    /// Shows `visit` the entries from where `page` begins, until it has enough. Gives the place of the last one seen, unless that was the end.
    async fn scan(
        &self,
        reader: &Reader,
        account: AccountId,
        page: &LogPage,
        mut visit: impl FnMut(LogRecord) -> ControlFlow<()>,
    ) -> Result<Option<Place>, StoreError> {
        let limit = if self.reads_text() { CHUNK } else { page.limit };
        let mut chunk = LogPage { limit, ..page.clone() };
        let mut seen = 0;
        loop {
            let entries = self.entries(reader, account, &chunk).await?;
            let is_last = entries.len() < limit as usize;
            for entry in entries {
                let place = (entry.at, entry.id.clone());
                seen += 1;
                if self.matches(&entry) && visit(entry).is_break() {
                    return Ok(Some(place));
                }
                chunk.after = Some(place);
            }
            if is_last {
                return Ok(None);
            }
            if seen >= MOST_COUNTED {
                return Ok(chunk.after);
            }
        }
    }

    /// The next entries of all parts in one order.
    async fn entries(&self, reader: &Reader, account: AccountId, page: &LogPage) -> Result<Vec<LogRecord>, StoreError> {
        let mut entries = Vec::new();
        for (kind, filter) in self.parts() {
            entries.extend(reader.log_page(account, kind, &filter, page).await?.into_iter().map(as_event));
        }
        entries.sort_by(|a, b| {
            let order = (a.at, &a.id).cmp(&(b.at, &b.id));
            if page.order == LogOrder::Descending { order.reverse() } else { order }
        });
        entries.truncate(page.limit as usize);
        Ok(entries)
    }

    /// A login in whose entry no signal stands was trusted as usual; what is no login was not assessed.
    fn is_assessed_so(&self, personal: &Map<String, Json>) -> bool {
        let assessment = personal.get("adaptive_trust_assessments").and_then(|all| all.get("more_secure_auth"));
        let level = assessment.and_then(|one| one.get("trust_level")).and_then(Json::as_str).unwrap_or(NORMAL);
        let fired = |wanted: &Signal| {
            let all = assessment.and_then(|one| one.get("detections")).and_then(Json::as_array).into_iter().flatten();
            all.filter_map(|one| one.get("signal")).any(|signal| signal == wanted.as_str())
        };
        (self.levels.is_empty() || self.levels.iter().any(|wanted| wanted == level))
            && (self.detections.is_empty() || self.detections.iter().any(fired))
    }

    fn matches(&self, entry: &LogRecord) -> bool {
        if !self.reads_text() {
            return true;
        }
        let (body, personal) = (fields(Some(&entry.body)), fields(entry.personal.as_deref()));
        is_one_of(&self.numbers, &field(&personal, "phone"))
            && is_one_of(&self.devices, &field(&body, "device"))
            && (self.groups.is_empty() || is_in_one_of(&self.groups, &body))
            && self.is_assessed_so(&personal)
    }
}

/// The signal that Duo, or our policies, call so.
fn signal(name: &str) -> Option<Signal> {
    let name = name.to_ascii_lowercase();
    Signal::ALL.iter().copied().find(|one| one.as_str() == name || attack_name(*one).eq_ignore_ascii_case(&name))
}

fn is_one_of(wanted: &[String], value: &Json) -> bool {
    wanted.is_empty() || value.as_str().is_some_and(|value| wanted.iter().any(|wanted| wanted == value))
}

fn is_in_one_of(groups: &[String], body: &Map<String, Json>) -> bool {
    let of_user = body.get("group_ids").and_then(Json::as_array);
    of_user.is_some_and(|ids| ids.iter().any(|id| groups.iter().any(|wanted| *id == json!(wanted))))
}

/// The activity of binding a device, as the authentication log tells it.
fn as_event(mut entry: LogRecord) -> LogRecord {
    if entry.kind == LogKind::Activity {
        entry.result = Some("success".to_owned());
        entry.factor = Some("not_available".to_owned());
        let mut body = fields(Some(&entry.body));
        body.insert("event_type".to_owned(), json!("enrollment"));
        body.insert("surface".to_owned(), json!("authenticator"));
        entry.body = Json::Object(body).to_string();
    }
    entry
}
