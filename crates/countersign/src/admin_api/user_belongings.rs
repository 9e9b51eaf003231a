//! `/admin/v1/users/{user_id}/groups`, `…/phones`, `…/tokens`: one shape for what a user is in and has.

use axum::Router;
use axum::extract::State;
use axum::routing::{delete, get};
use cs_core::id::{AccountId, GroupId, PhoneId, TokenId, UserId};
use cs_engine::admin::Actor;
use cs_engine::{Engine, EngineError};
use cs_store::StoreError;
use serde::Serialize;

use super::extract::{ReadResource, SignedAdmin, WriteResource};
use super::load::Load;
use super::objects::{BarePhone, BareToken, Group};
use super::page::{MOST, page, slice};
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

pub(super) fn routes() -> Router<App> {
    routes_of::<Groups>().merge(routes_of::<Phones>()).merge(routes_of::<Tokens>())
}

/// Objects that belong to a user and exist without one.
trait Belongings: 'static {
    /// The last part of the path.
    const NAME: &'static str;
    /// The parameter that names one, in the path and in a request's parameters.
    const ID: &'static str;
    type Id: std::str::FromStr + Send;
    type Object: Serialize + Send;

    /// The user's.
    fn of(
        load: &Load,
        account: AccountId,
        user: UserId,
    ) -> impl Future<Output = Result<Vec<Self::Object>, StoreError>> + Send;

    /// Makes one the user's.
    fn give(engine: &Engine, change: Change<'_>, id: Self::Id) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Takes one from the user; false if it was not theirs.
    fn take(
        engine: &Engine,
        change: Change<'_>,
        id: Self::Id,
    ) -> impl Future<Output = Result<bool, EngineError>> + Send;
}

/// Who changes whose.
struct Change<'a> {
    account: AccountId,
    actor: &'a Actor,
    user: UserId,
}

macro_rules! belongings {
    ($($kind:ident: $name:literal, $id:literal, $id_type:ty, $object:ty, $of:ident, $give:ident, $take:ident, $object_of:expr;)*) => {$(
        struct $kind;

        impl Belongings for $kind {
            const NAME: &'static str = $name;
            const ID: &'static str = $id;
            type Id = $id_type;
            type Object = $object;

            async fn of(load: &Load, account: AccountId, user: UserId) -> Result<Vec<$object>, StoreError> {
                let found = load.reader().$of(account, &[user]).await?.remove(&user).unwrap_or_default();
                let object_of = $object_of;
                Ok(found.into_iter().map(|record| object_of(record, load)).collect())
            }

            async fn give(engine: &Engine, change: Change<'_>, id: $id_type) -> Result<(), EngineError> {
                engine.$give(change.account, change.actor, change.user, id).await
            }

            async fn take(engine: &Engine, change: Change<'_>, id: $id_type) -> Result<bool, EngineError> {
                engine.$take(change.account, change.actor, change.user, id).await
            }
        }
    )*};
}

belongings! {
    Groups: "groups", "group_id", GroupId, Group, groups_of, add_to_group, remove_from_group, |group, load: &Load| Group::new(group, load.now());
    Phones: "phones", "phone_id", PhoneId, BarePhone, phones_of, give_phone, take_phone, |phone, load: &Load| BarePhone::new(phone, load.telephony());
    Tokens: "tokens", "token_id", TokenId, BareToken, tokens_of, give_token, take_token, |token, _: &Load| BareToken::from(token);
}

fn routes_of<B: Belongings>() -> Router<App> {
    let path = format!("/admin/v1/users/{{user_id}}/{}", B::NAME);
    let one = format!("{path}/{{{}}}", B::ID);
    Router::new().route(&path, get(list::<B>).post(give::<B>)).route(&one, delete(take::<B>))
}

async fn list<B: Belongings>(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<B::Object>>, Failure> {
    let (slice, user) = (slice(&request.params, MOST)?, request.id("user_id")?);
    let load = Load::new(&app, request.account.id);
    load.require_user(user).await?;
    Ok(page(slice.cut(B::of(&load, request.account.id, user).await?), slice))
}

async fn give<B: Belongings>(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    let (user, id) = (request.id("user_id")?, request.id_param(B::ID)?);
    let change = Change { account: request.account.id, actor: &request.actor(), user };
    B::give(app.engine(), change, id).await?;
    Ok(Envelope::new(""))
}

/// What the user does not have is as good as taken.
async fn take<B: Belongings>(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    let user: UserId = request.id("user_id")?;
    Load::new(&app, request.account.id).require_user(user).await?;
    if let Some(id) = request.id_if_any(B::ID) {
        let change = Change { account: request.account.id, actor: &request.actor(), user };
        B::take(app.engine(), change, id).await?;
    }
    Ok(Envelope::new(""))
}
