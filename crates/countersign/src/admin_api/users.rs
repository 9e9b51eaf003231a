//! `/admin/v1/users` and `/admin/v1/users/{user_id}`.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_core::id::UserId;
use cs_core::username::{Username, UsernameNormalization};
use cs_store::users::{Page, UserFilter};
use cs_wire::params::{ParamError, Params};

use super::extract::{ReadResource, SignedAdmin, WriteResource, invalid};
use super::load::Load;
use super::objects::User;
use super::page::{MOST_USERS, page, slice};
use super::user_params::user_change;
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

/// The most ids or names in one call.
const MOST_NAMED: usize = 100;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/users", get(list).post(create))
        .route("/admin/v1/users/{user_id}", get(show).post(modify).delete(delete))
}

/// All users, or those with a name, an address, or one of some ids or names.
async fn list(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<User>>, Failure> {
    let slice = slice(&request.params, MOST_USERS)?;
    let load = Load::new(&app, request.account.id);
    let wanted = Wanted::read(&request.params)?;
    let found = load.reader().users(request.account.id, &wanted.filter(), slice).await?;
    Ok(page(Page { items: load.users(found.items).await?, total: found.total }, slice))
}

async fn create(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<User>, Failure> {
    let change = user_change(&request.params)?;
    let username = change.username.clone().ok_or(ParamError::Missing("username".into()))?;
    let created = app.engine().create_user(request.account.id, &request.actor(), &username, &change).await?;
    Ok(Envelope::new(Load::new(&app, request.account.id).user(created.id).await?))
}

async fn show(State(app): State<App>, request: SignedAdmin<ReadResource>) -> Result<Envelope<User>, Failure> {
    Ok(Envelope::new(Load::new(&app, request.account.id).user(request.id("user_id")?).await?))
}

async fn modify(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<User>, Failure> {
    let id = request.id("user_id")?;
    let change = user_change(&request.params)?;
    app.engine().change_user(request.account.id, &request.actor(), id, &change).await?;
    Ok(Envelope::new(Load::new(&app, request.account.id).user(id).await?))
}

/// At once and for good; a user that is not there is as good as deleted.
async fn delete(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    if let Some(id) = request.id_if_any("user_id") {
        app.engine().delete_user(request.account.id, &request.actor(), id).await?;
    }
    Ok(Envelope::new(""))
}

/// Which users a list is to hold.
enum Wanted {
    All,
    /// Folded; `None` for what cannot be a name, which nobody has.
    Name(Option<String>),
    Email(String),
    Ids(Vec<UserId>),
    Names(Vec<String>),
}

impl Wanted {
    fn read(params: &Params) -> Result<Self, Failure> {
        if let Some(name) = params.filled("username", 4096)? {
            return Ok(Self::Name(folded(&name)));
        }
        if let Some(email) = params.filled("email", 4096)? {
            return Ok(Self::Email(email));
        }
        if let Some(ids) = params.json_list("user_id_list")? {
            if ids.len() > MOST_NAMED {
                return Err(invalid("user_id_list"));
            }
            return Ok(Self::Ids(ids.iter().filter_map(|id| id.parse().ok()).collect()));
        }
        if let Some(names) = params.json_list("username_list")? {
            if names.len() > MOST_NAMED {
                return Err(invalid("username_list"));
            }
            return Ok(Self::Names(names.iter().filter_map(|name| folded(name)).collect()));
        }
        Ok(Self::All)
    }

    fn filter(&self) -> UserFilter<'_> {
        match self {
            Self::All => UserFilter::All,
            Self::Name(Some(key)) => UserFilter::Name(key),
            Self::Name(None) => UserFilter::Ids(&[]),
            Self::Email(email) => UserFilter::Email(email),
            Self::Ids(ids) => UserFilter::Ids(ids),
            Self::Names(names) => UserFilter::Names(names),
        }
    }
}

fn folded(name: &str) -> Option<String> {
    Some(Username::parse(name).ok()?.key(UsernameNormalization::None).as_str().to_owned())
}
