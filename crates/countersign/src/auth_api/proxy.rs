//! `POST /auth/v2/proxy/report` and `POST /auth/v2/proxy/bundle`: proxies tell how they stand, and fetch what they may check codes with while nobody can be asked.

use axum::extract::State;
use cs_engine::outage::{ProxyEvent, ProxyReport};
use cs_engine::{Engine, EngineError};
use cs_wire::device::DeviceKey;
use cs_wire::outage::{Bundle, BundleRequest, BundleResponse, BundleUser, ReportRequest, ReportResponse, signed};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

use super::invalid;
use crate::app::App;
use crate::http::{AuthV2, Envelope, Failure, Signed};

/// Keeps what a proxy tells of itself.
pub(super) async fn report(
    State(app): State<App>,
    Signed { caller, request, .. }: Signed<AuthV2, ReportRequest>,
) -> Result<Envelope<ReportResponse>, Failure> {
    let time = |second: i64| Timestamp::from_second(second).map_err(|_| invalid("events"));
    let events = request.events.into_iter().map(|event| {
        Ok(ProxyEvent {
            seq: event.seq,
            at: time(event.time)?,
            kind: event.kind.as_str(),
            user: event.user,
            address: event.address,
            note: event.note,
        })
    });
    let report = ProxyReport {
        events: events.collect::<Result<_, Failure>>()?,
        proxy: request.proxy,
        section: request.section,
        host: request.host,
        version: request.version,
        failmode: request.failmode,
        offline_until: request.offline_until.map(time).transpose()?,
        emergency_until: request.emergency_until.map(time).transpose()?,
    };
    let (taken, has_bundle) = app.engine().proxy_report(&caller, &report).await?;
    let key = key(app.engine(), caller.account.id).await?;
    Ok(Envelope::new(ReportResponse { taken, key: key.public().jwk().clone(), has_bundle }))
}

/// A bundle, made and signed now.
pub(super) async fn bundle(
    State(app): State<App>,
    Signed { caller, .. }: Signed<AuthV2, BundleRequest>,
) -> Result<Envelope<BundleResponse>, Failure> {
    let engine = app.engine();
    let made = engine.outage_bundle(&caller).await?.ok_or(EngineError::NotFound)?;
    let number = |value: i64| u32::try_from(value).unwrap_or_default();
    let bundle = Bundle {
        v: 1,
        account: caller.account.id.to_string(),
        ikey: caller.integration.key.to_string(),
        group: made.group.name,
        normalization: caller.integration.normalization.as_str().to_owned(),
        made_at: engine.clock().now().as_second(),
        until: made.until.as_second(),
        attempts: number(made.group.attempts),
        uses: number(made.group.uses),
        users: made
            .users
            .into_iter()
            .map(|user| BundleUser {
                id: user.id.to_string(),
                names: user.names,
                seeds: user.seeds.iter().map(|seed| BASE64URL_NOPAD.encode(seed.expose())).collect(),
            })
            .collect(),
    };
    let key = key(engine, caller.account.id).await?;
    let bundle = signed(&bundle, &key).map_err(|_| EngineError::NotFound)?;
    Ok(Envelope::new(BundleResponse { bundle }))
}

/// The account's key for bundles and tokens; made the first time.
pub(crate) async fn key(engine: &Engine, account: cs_core::id::AccountId) -> Result<DeviceKey, EngineError> {
    let made = DeviceKey::generate().and_then(|key| key.expose_pkcs8()).map_err(|_| EngineError::NotFound)?;
    let der = engine.outage_key(account, &made).await?;
    DeviceKey::from_pkcs8(&der).map_err(|_| EngineError::NotFound)
}
