//! `GET /admin/v2/policies/explain`, ours: what would happen at a login, rule by rule.

use axum::extract::State;
use cs_core::id::IntegrationKey;
use cs_core::network::parse_address;
use cs_core::policy::{Browser, Country, Os};
use cs_engine::policy::{Explanation, Person, Question, Step, client};
use serde_json::{Value as Json, json};

use super::super::extract::{ReadResource, SignedAdmin, invalid};
use crate::app::App;
use crate::http::{Envelope, Failure};

pub(super) async fn explain(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Json>, Failure> {
    let application: IntegrationKey = request.id_param("integration_key")?;
    let person = match request.params.filled("user_id", 64)? {
        Some(id) => Person::Id(id.parse().map_err(|_| invalid("user_id"))?),
        None => Person::Sent(request.params.required("username", 1024)?),
    };
    let question = Question {
        person,
        application,
        address: given(&request, "ipaddr", parse_address)?,
        country: given(&request, "country", Country::parse)?,
        anonymous: request.params.bool("anonymous")?.unwrap_or(false),
        browser: given(&request, "browser", client::<Browser>)?,
        os: given(&request, "os", client::<Os>)?,
    };
    let explained = app.engine().explain_login(request.account.id, &question).await?;
    Ok(Envelope::new(explanation_json(&explained)))
}

fn given<T>(
    request: &SignedAdmin<ReadResource>,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let text = request.params.filled(name, 64)?;
    text.map(|text| parse(&text).ok_or_else(|| invalid(name))).transpose()
}

/// An explanation for programs, at the terminal too.
pub(crate) fn explanation_json(explained: &Explanation) -> Json {
    json!({
        "user_id": explained.user.map(|user| user.to_string()),
        "username": explained.username,
        "application": explained.application,
        "country": explained.country.map(|country| country.to_string()),
        "verdict": explained.verdict,
        "reason": explained.reason,
        "fact": explained.fact,
        "remedy": explained.remedy,
        "methods": explained.methods,
        "verified_push_digits": explained.digits,
        "trace": explained.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(step: &Step) -> Json {
    let policy = step.policy.as_ref();
    json!({
        "step": step.number,
        "rule": step.rule,
        "level": step.level.map(super::calculate::apply_type),
        "policy_key": policy.map(|(key, _)| key.to_string()),
        "policy_name": policy.map(|(_, name)| name),
        "outcome": step.outcome,
        "reason": step.reason,
        "fact": step.fact,
        "decisive": step.is_decisive,
    })
}
