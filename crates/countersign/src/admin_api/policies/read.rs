//! `GET /admin/v2/policies`, `GET /admin/v2/policies/{policy_key}`, where the key may be `global`.

use axum::extract::{Path, State};
use cs_wire::envelope::Success;
use serde_json::Value as Json;

use super::super::extract::{ReadResource, SignedAdmin};
use crate::app::App;
use crate::http::{Envelope, Failure};

const MOST: u32 = 500;

pub(super) async fn list(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<Json>>, Failure> {
    let page = request.page(MOST)?;
    let policies = app.engine().policies(request.account.id).await?;
    let all = policies.policies();
    let shown = all.iter().skip(page.offset as usize).take(page.limit as usize);
    let documents = shown.map(|policy| policies.document(policy)).collect();
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    Ok(Envelope(Success::page(documents, page.of(total))))
}

pub(super) async fn one(
    State(app): State<App>,
    Path(key): Path<String>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Json>, Failure> {
    let policies = app.engine().policies(request.account.id).await?;
    Ok(Envelope::new(policies.document(policies.find(&key)?)))
}
