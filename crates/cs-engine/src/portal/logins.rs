//! Recent logins, and "this was not me".

use cs_core::id::TxId;
use cs_store::Job;
use cs_store::attempts::change_risk;
use cs_store::audit::{LogFilter, LogKind, LogPage, LogRecord};
use cs_store::remembered_browsers::forget_browsers;
use cs_store::users::distrust_as_well;
use cs_store::visits::end_other_visits;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::devices::Done;
use super::session::PortalSession;
use super::words::REPORTED;
use crate::letters::About;
use crate::{Access, Engine, EngineError, Liveness};

/// How far back logins are shown.
const SHOWN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many logins are shown.
const MOST_SHOWN: u32 = 30;

/// A login of the person's, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLogin {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The application.
    pub application: String,
    /// Whether it was let in.
    pub allowed: bool,
    /// With which device, if with one.
    pub device: Option<String>,
    /// From where: place, address and browser, as far as they are known.
    pub from: String,
    /// Whether it was reported.
    pub reported: bool,
}

impl Engine {
    /// The newest logins of the person of `session`.
    pub async fn own_logins(&self, session: &PortalSession) -> Result<Vec<OwnLogin>, EngineError> {
        let (logins, reported) = (self.newest(session, LogKind::Auth, &[]).await?, self.reported(session).await?);
        Ok(logins.into_iter().map(|record| own_login(record, &reported)).collect())
    }

    /// Reports the login `id` as somebody else's: administrators hear of it as of fraud, it is a sign of risk from then on, nothing that was remembered of the
    /// person (browsers, addresses, tokens of applications) is worth anything any more, and whoever else is in the portal or enrolls in their name is out.
    pub async fn report_login(&self, session: &PortalSession, id: &str, access: &Access) -> Result<Done, EngineError> {
        let now = self.clock().now();
        if !session.is_fresh(now) {
            return Ok(Done::Stale);
        }
        let logins = self.newest(session, LogKind::Auth, &[]).await?;
        let Some(login) = logins.into_iter().find(|login| login.id == id) else { return Ok(Done::No) };
        let Ok(txid) = login.id.parse::<TxId>() else { return Ok(Done::No) };
        let account = session.account();
        let (Some(user), Some(caller)) =
            (self.own_user(account, session.user_id()).await?, self.portal_caller(account, Liveness::forever()).await?)
        else {
            return Ok(Done::No);
        };
        if self.reported(session).await?.contains(&login.id) {
            return Ok(Done::Yes(String::new()));
        }
        let body = json!({"login": login.id, "integration": login.integration});
        let mut job = Job::new()
            .step(change_risk(account.id, &user, &user.risk.fraud_reported(now)))
            .step(distrust_as_well(account.id, user.id))
            .step(forget_browsers(account.id, user.id))
            // Whoever logged in may have come here too.
            .step(end_other_visits(account.id, user.id, session.visiting.row.id))
            .log(self.self_record(account.id, &user, REPORTED, &body, access, now))
            .effect(self.alert(&caller, &user, "fraud", txid, now));
        job.effects.extend(self.notice(account, &user, About::LoginReported, "", now)?);
        Ok(if self.holds(job).await? { Done::Yes(String::new()) } else { Done::No })
    }

    /// The logins that were reported, by id.
    async fn reported(&self, session: &PortalSession) -> Result<Vec<String>, EngineError> {
        let records = self.newest(session, LogKind::Activity, &[REPORTED]).await?;
        Ok(records.iter().filter_map(|record| text(&json_of(&record.body), "login")).collect())
    }

    async fn newest(
        &self,
        session: &PortalSession,
        kind: LogKind,
        results: &[&str],
    ) -> Result<Vec<LogRecord>, EngineError> {
        let now = self.clock().now();
        let filter = LogFilter {
            users: vec![session.user_id().to_string()],
            results: results.iter().map(|&result| result.to_owned()).collect(),
            ..LogFilter::default()
        };
        let page = LogPage::newest(MOST_SHOWN, now - SHOWN, now);
        Ok(self.store().reader().log_page(session.account().id, kind, &filter, &page).await?)
    }
}

fn own_login(record: LogRecord, reported: &[String]) -> OwnLogin {
    let (body, personal) = (json_of(&record.body), json_of(record.personal.as_deref().unwrap_or_default()));
    let known = |name: &str| text(&personal, name).or_else(|| text(&body, name)).filter(|value| !value.is_empty());
    let place = ["city", "country", "access_ip"];
    OwnLogin {
        reported: reported.contains(&record.id),
        at: record.at,
        application: known("application").or_else(|| record.integration.clone()).unwrap_or_default(),
        allowed: record.result.as_deref() == Some("success"),
        device: known("device"),
        from: place.into_iter().filter_map(known).collect::<Vec<_>>().join(", "),
        id: record.id,
    }
}

fn json_of(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_default()
}

fn text(json: &Json, name: &str) -> Option<String> {
    json.get(name).and_then(Json::as_str).map(str::to_owned)
}
