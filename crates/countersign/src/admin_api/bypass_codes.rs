//! `/admin/v1/bypass_codes` and `/admin/v1/users/{user_id}/bypass_codes`.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_core::id::UserId;
use cs_core::secret::PlainCode;
use cs_engine::admin::bypass_codes::{MAX_BYPASS_CODES_PER_CALL, NewBypassCodes, WantedCodes};
use cs_store::users::Page;
use cs_wire::params::Params;

use super::extract::{ReadResource, SignedAdmin, WriteResource, invalid, not_found};
use super::load::Load;
use super::objects::BypassCodeObject;
use super::page::{MOST, page, slice};
use super::user_params::MAX_TEXT_BYTES;
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/bypass_codes", get(list))
        .route("/admin/v1/bypass_codes/{bypass_code_id}", get(show).delete(delete))
        .route("/admin/v1/users/{user_id}/bypass_codes", get(list_of_user).post(create))
}

async fn list(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<BypassCodeObject>>, Failure> {
    let slice = slice(&request.params, MOST)?;
    let load = Load::new(&app, request.account.id);
    let found = load.reader().bypass_codes(request.account.id, None, load.now(), slice).await?;
    Ok(page(Page { items: load.bypass_codes(found.items).await?, total: found.total }, slice))
}

async fn list_of_user(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<BypassCodeObject>>, Failure> {
    let (slice, user): (_, UserId) = (slice(&request.params, MOST)?, request.id("user_id")?);
    let load = Load::new(&app, request.account.id);
    load.require_user(user).await?;
    let found = load.reader().bypass_codes(request.account.id, Some(user), load.now(), slice).await?;
    let items = found.items.into_iter().map(|code| BypassCodeObject::new(code, None)).collect();
    Ok(page(Page { items, total: found.total }, slice))
}

async fn show(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<BypassCodeObject>, Failure> {
    let load = Load::new(&app, request.account.id);
    let id = request.id("bypass_code_id")?;
    let code = load.reader().bypass_code(request.account.id, id, load.now()).await?.ok_or_else(not_found)?;
    load.bypass_codes(vec![code]).await?.pop().map(Envelope::new).ok_or_else(not_found)
}

async fn delete(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    if let Some(id) = request.id_if_any("bypass_code_id") {
        app.engine().delete_bypass_code(request.account.id, &request.actor(), id).await?;
    }
    Ok(Envelope::new(""))
}

/// Answers the codes themselves, this once.
async fn create(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Vec<String>>, Failure> {
    let wanted = new_codes(&request.params)?;
    let made =
        app.engine().create_bypass_codes(request.account.id, &request.actor(), request.id("user_id")?, wanted).await?;
    Ok(Envelope::new(made.iter().map(|code| code.code.expose().to_owned()).collect()))
}

fn new_codes(params: &Params) -> Result<NewBypassCodes, Failure> {
    let count = params.int("count")?;
    let codes = params.csv_list("codes")?.filter(|codes| !codes.is_empty());
    let codes = match (count, codes) {
        (Some(_), Some(_)) => return Err(invalid("codes")),
        (None, Some(codes)) => WantedCodes::Given(codes.iter().map(|code| PlainCode::from_text(code)).collect()),
        (Some(count), None) => WantedCodes::Random(usize::try_from(count).map_err(|_| invalid("count"))?),
        (None, None) => WantedCodes::Random(MAX_BYPASS_CODES_PER_CALL),
    };
    let uses = u32::try_from(params.int("reuse_count")?.unwrap_or(1)).map_err(|_| invalid("reuse_count"))?;
    Ok(NewBypassCodes {
        codes,
        uses: Some(uses).filter(|uses| *uses > 0),
        valid_secs: params.int("valid_secs")?.filter(|secs| *secs != 0),
        preserve_existing: params.bool("preserve_existing")?.unwrap_or(false),
        reason: params.filled("reason", MAX_TEXT_BYTES)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(form: &str) -> Option<NewBypassCodes> {
        new_codes(&Params::from_form(form.as_bytes()).unwrap()).ok()
    }

    #[test]
    fn defaults_are_duos() {
        let codes = of("").unwrap();
        assert!(matches!(codes.codes, WantedCodes::Random(10)));
        assert_eq!((codes.uses, codes.valid_secs, codes.preserve_existing), (Some(1), None, false));
        let codes = of("reuse_count=0&valid_secs=60&preserve_existing=true&codes=123456,234567").unwrap();
        assert!(matches!(codes.codes, WantedCodes::Given(codes) if codes.len() == 2));
        assert_eq!((codes.uses, codes.valid_secs, codes.preserve_existing), (None, Some(60), true));
    }

    #[test]
    fn codes_are_counted_or_given_not_both() {
        for bad in ["count=2&codes=123456", "count=-1", "reuse_count=-1", "reuse_count=4294967296"] {
            assert!(of(bad).is_none(), "{bad}");
        }
    }
}
